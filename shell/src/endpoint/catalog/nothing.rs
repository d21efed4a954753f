//! Questions about what a federation does not have: catalogs without rows, left out of queries that only join them.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the syntax tree has dozens of kinds; the rest falls under one rule"
)]

use core::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, Join, JoinOperator, Query, Select, SelectItem, SetExpr, SetOperator,
    TableAlias, TableFactor, TableWithJoins, VisitMut as _, VisitorMut,
};

use super::rewrite::{constant, falsehood};

/// Catalogs of what a federation does not have: the beginnings of their names.
const EMPTY: [&str; 22] = [
    "pg_am",
    "pg_attrdef",
    "pg_collation",
    "pg_constraint",
    "pg_depend",
    "pg_enum",
    "pg_event_trigger",
    "pg_extension",
    "pg_foreign",
    "pg_index",
    "pg_inherits",
    "pg_opclass",
    "pg_policy",
    "pg_proc",
    "pg_publication",
    "pg_range",
    "pg_rewrite",
    "pg_rules",
    "pg_sequence",
    "pg_stat",
    "pg_tablespace",
    "pg_trigger",
];

/// Columns of them that are asked for without the table's name.
const COLUMNS: [&str; 3] = ["rngsubtype", "rngtypid", "rngmultitypid"];

/// Leaves out what has no rows. Whether the query has none then; its columns are texts.
pub(super) fn prune(query: &mut Query) -> bool {
    Pruner::default().query(query)
}

#[derive(Default)]
struct Pruner {
    /// Common table expressions without rows.
    named: Vec<String>,
}

impl Pruner {
    fn query(&mut self, query: &mut Query) -> bool {
        for cte in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            if self.query(&mut cte.query) {
                self.named.push(cte.alias.name.value.to_lowercase());
            }
        }
        let mut gone = Vec::new();
        let nothing = self.body(&mut query.body, &mut gone);
        if nothing {
            (query.order_by, query.limit_clause) = (None, None);
        }
        let _done: ControlFlow<()> = query.order_by.visit(&mut Gone(&gone));
        nothing
    }

    fn body(&mut self, body: &mut SetExpr, gone: &mut Vec<String>) -> bool {
        match body {
            SetExpr::Select(select) => self.select(select, gone),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { op, left, right, .. } => {
                let (left, right) = (self.body(left, gone), self.body(right, gone));
                match op {
                    SetOperator::Union => left && right,
                    SetOperator::Intersect => left || right,
                    SetOperator::Except | SetOperator::Minus => left,
                }
            }
            _ => false,
        }
    }

    fn select(&mut self, select: &mut Select, gone: &mut Vec<String>) -> bool {
        let mut nothing = false;
        for from in &mut select.from {
            nothing |= self.from(from, gone);
        }
        if nothing {
            blank(select);
        } else if !gone.is_empty() {
            let _done: ControlFlow<()> = select.visit(&mut Gone(gone));
        }
        nothing
    }

    /// Leaves outer joins with nothing out, and says so in `gone`. Whether there are no rows at all.
    fn from(&mut self, from: &mut TableWithJoins, gone: &mut Vec<String>) -> bool {
        let mut nothing = self.factor(&mut from.relation, gone);
        let mut kept: Vec<Join> = Vec::new();
        for mut join in std::mem::take(&mut from.joins) {
            let empty = self.factor(&mut join.relation, gone);
            if empty && matches!(join.join_operator, JoinOperator::Left(_) | JoinOperator::LeftOuter(_)) {
                gone.extend(name(&join.relation));
                continue;
            }
            nothing |= empty;
            kept.push(join);
        }
        from.joins = kept;
        nothing
    }

    fn factor(&mut self, factor: &mut TableFactor, gone: &mut Vec<String>) -> bool {
        match factor {
            // Functions that take arrays apart: nobody has any.
            TableFactor::Table { args: Some(_), .. }
            | TableFactor::Function { .. }
            | TableFactor::UNNEST { .. } => true,
            TableFactor::Table { name, .. } => {
                let last = name.0.last().and_then(|part| part.as_ident());
                let table = last.map(|ident| ident.value.to_lowercase()).unwrap_or_default();
                EMPTY.iter().any(|begin| table.starts_with(begin)) || self.named.contains(&table)
            }
            TableFactor::Derived { subquery, .. } => self.query(subquery),
            TableFactor::NestedJoin { table_with_joins, .. } => self.from(table_with_joins, gone),
            _ => false,
        }
    }
}

/// The name by which a query's expressions mean a relation.
fn name(factor: &TableFactor) -> Option<String> {
    let of = |alias: &Option<TableAlias>| alias.as_ref().map(|alias| alias.name.value.to_lowercase());
    match factor {
        TableFactor::Table { name, alias, .. } => {
            let last = name.0.last().and_then(|part| part.as_ident());
            of(alias).or_else(|| last.map(|ident| ident.value.to_lowercase()))
        }
        TableFactor::Derived { alias, .. } => of(alias),
        _ => None,
    }
}

/// The columns of relations that are gone are NULL.
struct Gone<'g>(&'g [String]);

impl VisitorMut for Gone<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let gone = match expr {
            Expr::CompoundIdentifier(parts) => {
                parts.first().is_some_and(|relation| self.0.contains(&relation.value.to_lowercase()))
            }
            Expr::Identifier(column) => COLUMNS.contains(&column.value.to_lowercase().as_str()),
            _ => false,
        };
        if gone {
            *expr = constant("NULL");
        }
        ControlFlow::Continue(())
    }
}

/// The same columns, without a row.
fn blank(select: &mut Select) {
    let column = |item: &SelectItem| match item {
        SelectItem::ExprWithAlias { alias, .. } => alias.clone(),
        SelectItem::UnnamedExpr(Expr::Identifier(ident)) => ident.clone(),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
            parts.last().cloned().unwrap_or_else(|| Ident::new("nothing"))
        }
        _ => Ident::new("nothing"),
    };
    let mut names: Vec<Ident> = Vec::new();
    for mut ident in select.projection.iter().map(column) {
        if names.iter().any(|known| known.value.eq_ignore_ascii_case(&ident.value)) {
            ident = Ident::new(format!("{}_{}", ident.value, names.len() + 1));
        }
        names.push(ident);
    }
    let empty = |alias| SelectItem::ExprWithAlias { expr: constant("CAST(NULL AS VARCHAR)"), alias };
    select.projection = names.into_iter().map(empty).collect();
    select.from.clear();
    select.named_window.clear();
    select.selection = Some(falsehood());
    select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
    (select.having, select.qualify, select.distinct) = (None, None, None);
}
