//! One pass over a parsed query that settles every name, before `DataFusion` sees it.
//!
//! Names of relations and columns get their declared spelling (they match without regard to case, quoted or not);
//! virtual tables are replaced by their queries; table functions get their rows as a subquery and their arguments
//! are validated; parameters are replaced by their values; what cannot be answered is refused by name. Unknown names
//! are errors here, with their place in the text and the nearest known name.

mod expression;
mod from;
mod scope;
mod table_function;

use std::mem;

use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Ident, LimitClause, OrderBy, OrderByKind, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier, Spanned,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::catalog::Federation;
use crate::error::{Class, Error, Position, Result};
use crate::function::call::TableFunctionCall;
use crate::session::Session;
use scope::{Columns, Relation, Scope};

/// Queries inside queries, virtual tables included: planning recurses over them.
const MAX_NESTING: usize = 40;

/// What the pass knows and collects.
pub(super) struct Resolver<'a> {
    federation: &'a Federation,
    session: &'a Session,
    /// Values of `$1`, `$2`, ...; `None`: parameters stay open.
    parameters: Option<&'a [Expr]>,
    /// Common table expressions in scope, innermost last.
    ctes: Vec<Relation>,
    /// Virtual tables being expanded, outermost first.
    expanding: Vec<String>,
    /// How many virtual tables were expanded.
    expansions: usize,
    /// How many tables were read, common table expressions written out wherever they are named.
    reads: usize,
    /// How many queries are around the one being resolved.
    nesting: usize,
    /// Inside a virtual table: where the statement names it.
    reference: Option<Span>,
    /// Calls of table functions; their relation holds the index.
    pub(super) calls: Vec<TableFunctionCall>,
    /// Virtual tables of the session that were used, by index.
    pub(super) used: std::collections::BTreeSet<usize>,
}

impl<'a> Resolver<'a> {
    /// A pass over one query.
    pub(super) fn new(
        federation: &'a Federation,
        session: &'a Session,
        parameters: Option<&'a [Expr]>,
    ) -> Self {
        Resolver {
            federation,
            session,
            parameters,
            ctes: Vec::new(),
            expanding: Vec::new(),
            expansions: 0,
            reads: 0,
            nesting: 0,
            reference: None,
            calls: Vec::new(),
            used: std::collections::BTreeSet::new(),
        }
    }

    /// Says that the query is that of a virtual table, which it must not read.
    pub(super) fn inside(&mut self, name: &str) {
        self.expanding.push(name.to_owned());
    }

    /// Resolves a whole statement.
    pub(super) fn statement(&mut self, query: &mut Query) -> Result<()> {
        self.query(query, None).map(|_| ())
    }

    /// Resolves a query; the columns it returns.
    fn query(&mut self, query: &mut Query, outer: Option<&Scope<'_>>) -> Result<Columns> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            let message = format!("queries are nested more than {MAX_NESTING} deep");
            return Err(Error::new(Class::Resource, message).at(self.reference.and_then(place)));
        }
        let columns = self.query_inside(query, outer)?;
        self.nesting -= 1;
        Ok(columns)
    }

    fn query_inside(&mut self, query: &mut Query, outer: Option<&Scope<'_>>) -> Result<Columns> {
        refuse_clauses(query)?;
        let visible = self.ctes.len();
        if let Some(with) = &mut query.with {
            if with.recursive {
                return Err(unsupported("WITH RECURSIVE", place(with.with_token.0.span)));
            }
            for cte in &mut with.cte_tables {
                let before = self.reads;
                let columns = self.query(&mut cte.query, outer)?;
                let columns = renamed(columns, &cte.alias.columns);
                // They count where it is named.
                let reads = mem::replace(&mut self.reads, before) - before;
                let name = Some(cte.alias.name.value.clone());
                self.ctes.push(Relation { name, columns, reads, ..Relation::default() });
            }
        }
        let columns = match query.body.as_mut() {
            SetExpr::Select(select) => self.select(select, query.order_by.as_mut(), outer)?,
            body => {
                let columns = self.body(body, outer)?;
                let scope =
                    Scope { relations: &[], outputs: &columns.names, outputs_first: true, outer: None };
                if let Some(order_by) = query.order_by.as_mut().filter(|_| !columns.others) {
                    self.order_by(order_by, &scope)?;
                }
                columns
            }
        };
        if let Some(limit) = &mut query.limit_clause {
            self.limit(limit)?;
        }
        self.ctes.truncate(visible);
        Ok(columns)
    }

    fn body(&mut self, body: &mut SetExpr, outer: Option<&Scope<'_>>) -> Result<Columns> {
        match body {
            SetExpr::Select(select) => self.select(select, None, outer),
            SetExpr::Query(query) => self.query(query, outer),
            SetExpr::SetOperation { op, left, right, set_quantifier } => {
                let before = self.reads;
                let columns = self.body(left, outer)?;
                self.body(right, outer)?;
                let all = matches!(set_quantifier, SetQuantifier::All | SetQuantifier::AllByName);
                if *op != SetOperator::Union && all && self.reads > before {
                    return Err(repeated_rows(*op, place(right.span())));
                }
                Ok(columns)
            }
            SetExpr::Values(values) => {
                let scope = Scope::rows(&[], outer);
                for row in &mut values.rows {
                    for expr in row.iter_mut() {
                        self.expression(expr, &scope)?;
                    }
                }
                Ok(Columns { names: Vec::new(), others: true })
            }
            SetExpr::Table(table) => {
                let ident = |name: &Option<String>| name.as_ref().map(Ident::new);
                let parts = [ident(&table.schema_name), ident(&table.table_name)];
                let name = parts.into_iter().flatten().collect::<Vec<_>>().into();
                let mut query = super::dialect::select_all(name);
                let columns = self.query(&mut query, outer)?;
                *body = SetExpr::Query(Box::new(query));
                Ok(columns)
            }
            SetExpr::Insert(_) => Err(refused("INSERT")),
            SetExpr::Update(_) => Err(refused("UPDATE")),
            SetExpr::Delete(_) => Err(refused("DELETE")),
            SetExpr::Merge(_) => Err(refused("MERGE")),
        }
    }

    fn select(
        &mut self,
        select: &mut Select,
        order_by: Option<&mut OrderBy>,
        outer: Option<&Scope<'_>>,
    ) -> Result<Columns> {
        refuse_select_clauses(select)?;
        let mut relations: Vec<Relation> = Vec::new();
        for from in &mut select.from {
            self.table_with_joins(from, &mut relations, outer)?;
        }
        let rows = Scope::rows(&relations, outer);
        let mut outputs = Columns::default();
        let mut aliases: Vec<String> = Vec::new();
        for item in &mut select.projection {
            self.select_item(item, &rows, &mut outputs, &mut aliases)?;
        }
        if let Some(Distinct::On(exprs)) = &mut select.distinct {
            self.expressions(exprs, &rows)?;
        }
        if let Some(selection) = &mut select.selection {
            self.expression(selection, &rows)?;
        }
        let groups = Scope { outputs: &aliases, ..rows };
        if let GroupByExpr::Expressions(exprs, _) = &mut select.group_by {
            self.expressions(exprs, &groups)?;
        }
        for condition in [&mut select.having, &mut select.qualify].into_iter().flatten() {
            self.expression(condition, &groups)?;
        }
        for window in &mut select.named_window {
            self.visit(&mut window.1, &rows)?;
        }
        if let Some(order_by) = order_by {
            let scope = Scope { outputs: &outputs.names, outputs_first: true, ..rows };
            self.order_by(order_by, &scope)?;
        }
        Ok(outputs)
    }

    fn select_item(
        &mut self,
        item: &mut SelectItem,
        rows: &Scope<'_>,
        outputs: &mut Columns,
        aliases: &mut Vec<String>,
    ) -> Result<()> {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                self.output(expr, rows)?;
                match expr {
                    Expr::Identifier(ident) => outputs.names.push(ident.value.clone()),
                    Expr::CompoundIdentifier(idents) => {
                        outputs.names.extend(idents.last().map(|ident| ident.value.clone()));
                    }
                    _ => outputs.others = true,
                }
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                self.output(expr, rows)?;
                outputs.names.push(alias.value.clone());
                aliases.push(alias.value.clone());
            }
            SelectItem::ExprWithAliases { .. } => {
                return Err(unsupported("an expression with several aliases", None));
            }
            SelectItem::Wildcard(options) => {
                let mut columns = Columns::default();
                rows.relations.iter().for_each(|relation| columns.extend(&relation.columns));
                Self::wildcard(options, &columns, outputs)?;
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                let mut qualifier = super::dialect::identifiers(name).unwrap_or_default();
                let columns = rows.resolve_wildcard(&mut qualifier)?.clone();
                *name = qualifier.into();
                Self::wildcard(options, &columns, outputs)?;
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(_), _) => {
                return Err(unsupported("`expression.*`", None));
            }
        }
        Ok(())
    }

    fn order_by(&mut self, order_by: &mut OrderBy, scope: &Scope<'_>) -> Result<()> {
        if order_by.interpolate.is_some() {
            return Err(unsupported("INTERPOLATE", None));
        }
        match &mut order_by.kind {
            OrderByKind::All(_) => Ok(()),
            OrderByKind::Expressions(exprs) => {
                exprs.iter_mut().try_for_each(|item| self.expression(&mut item.expr, scope))
            }
        }
    }

    fn limit(&mut self, limit: &mut LimitClause) -> Result<()> {
        let nothing = Scope::rows(&[], None);
        match limit {
            LimitClause::LimitOffset { limit, offset, limit_by } => {
                if !limit_by.is_empty() {
                    return Err(unsupported("LIMIT BY", None));
                }
                let exprs = [limit.as_mut(), offset.as_mut().map(|offset| &mut offset.value)];
                exprs.into_iter().flatten().try_for_each(|expr| self.expression(expr, &nothing))
            }
            LimitClause::OffsetCommaLimit { .. } => {
                Err(unsupported("LIMIT with a comma", None).with_hint("write `LIMIT n OFFSET m`".to_owned()))
            }
        }
    }

    fn expressions(&mut self, exprs: &mut [Expr], scope: &Scope<'_>) -> Result<()> {
        exprs.iter_mut().try_for_each(|expr| self.expression(expr, scope))
    }
}

/// The columns of a relation whose first columns are renamed: `t(a, b)`.
fn renamed(
    mut columns: Columns,
    aliases: &[datafusion::sql::sqlparser::ast::TableAliasColumnDef],
) -> Columns {
    if aliases.is_empty() {
        return columns;
    }
    let named = aliases.iter().map(|alias| alias.name.value.clone());
    columns.names = named.chain(columns.names.into_iter().skip(aliases.len())).collect();
    columns
}

fn refuse_clauses(query: &Query) -> Result<()> {
    let odd = [
        (query.fetch.is_some(), "FETCH"),
        (!query.locks.is_empty(), "FOR UPDATE"),
        (query.for_clause.is_some(), "FOR"),
        (query.settings.is_some(), "SETTINGS"),
        (query.format_clause.is_some(), "FORMAT"),
        (!query.pipe_operators.is_empty(), "the pipe operator"),
    ];
    match odd.into_iter().find(|(there, _)| *there) {
        None => Ok(()),
        Some((_, "FETCH")) => Err(unsupported("FETCH", None).with_hint("write `LIMIT n`".to_owned())),
        Some((_, what)) => Err(unsupported(what, None)),
    }
}

fn refuse_select_clauses(select: &Select) -> Result<()> {
    let odd = [
        (select.top.is_some(), "TOP"),
        (select.into.is_some(), "SELECT INTO"),
        (select.exclude.is_some(), "EXCLUDE after the list"),
        (select.select_modifiers.is_some(), "a SELECT modifier"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.sort_by.is_empty(), "SORT BY"),
        (select.value_table_mode.is_some(), "SELECT AS VALUE"),
    ];
    match odd.into_iter().find(|(there, _)| *there) {
        None => Ok(()),
        Some((_, what)) => Err(unsupported(what, place(select.select_token.0.span))),
    }
}

/// SQL that we do not speak.
fn unsupported(what: &str, at: Option<Position>) -> Error {
    Error::invalid(format!("{what} is not supported")).at(at)
}

/// INTERSECT ALL and EXCEPT ALL over tables, which count how often each row is there.
fn repeated_rows(op: SetOperator, at: Option<Position>) -> Error {
    Error::refused(format!(
        "{op} ALL counts how often whole rows of tables are there, whatever persons they are about"
    ))
    .with_hint(format!("{op} without ALL; WHERE x IN (SELECT ...), EXISTS and NOT EXISTS keep the persons"))
    .at(at)
}

/// SQL that no federation answers.
fn refused(what: &str) -> Error {
    Error::refused(format!("{what} is refused: a federation is only read"))
}

/// The place where a piece of text begins; `None` if it stands nowhere.
pub(super) fn place(span: Span) -> Option<Position> {
    let start = span.start;
    (start.line > 0).then_some(Position { line: start.line, column: start.column })
}
