//! Lineage of relations: one function for each kind of logical node.
#![expect(clippy::wildcard_enum_match_arm, reason = "the engine's enums have dozens of variants")]

use std::collections::BTreeSet;

use datafusion::common::JoinType;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{Expr, Filter, Join, Limit, LogicalPlan, Projection, TableScan, Union};

use crate::catalog::Use;
use crate::error::{Class, Error, Result};
use crate::plan::PartyId;

use super::Checker;
use super::aggregate::unaliased;
use super::expression::Scope;
use super::join::Equality;
use super::lineage::{Base, Kind, Lineage, Relation, Role};

impl Checker<'_> {
    /// What is known about the output of a plan, whose expressions may refer to an enclosing query.
    pub(super) fn relation(&mut self, plan: &LogicalPlan, outer: Option<&Scope<'_>>) -> Result<Relation> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan, outer),
            LogicalPlan::Projection(projection) => self.projection(projection, outer),
            LogicalPlan::Filter(filter) => self.filter(filter, outer),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate, outer),
            LogicalPlan::Distinct(distinct) => self.distinct(distinct, outer),
            LogicalPlan::Window(window) => self.window(window, outer),
            LogicalPlan::Join(join) => self.join(join, outer),
            LogicalPlan::Union(union) => self.union(union, outer),
            LogicalPlan::Limit(limit) => self.limit(limit, outer),
            LogicalPlan::Sort(sort) => {
                let mut relation = self.relation(&sort.input, outer)?;
                let scope = Scope::new(sort.input.schema(), &relation, outer);
                let mut order = Vec::new();
                for key in &sort.expr {
                    let lineage = self.lineage(&key.expr, &scope)?;
                    if relation.kind != Kind::Rows {
                        self.require_free(&lineage, &key.expr)?;
                    }
                    order.push((lineage.condition(), key.expr.clone()));
                }
                relation.order = order;
                if sort.fetch.is_some() { self.limited(relation) } else { Ok(relation) }
            }
            LogicalPlan::SubqueryAlias(alias) => self.relation(&alias.input, outer),
            LogicalPlan::Subquery(subquery) => self.relation(&subquery.subquery, outer),
            LogicalPlan::Repartition(repartition) => self.relation(&repartition.input, outer),
            LogicalPlan::EmptyRelation(empty) => {
                let columns = empty.schema.fields().iter().map(|_| Lineage::constant()).collect();
                Ok(Relation::new(Kind::Clear, columns))
            }
            LogicalPlan::Values(values) => {
                let columns = values.schema.fields().iter().map(|_| Lineage::constant()).collect();
                Ok(Relation::new(Kind::Clear, columns))
            }
            LogicalPlan::Extension(extension) => self.extension(extension, outer),
            LogicalPlan::Explain(explain) => self.relation(&explain.plan, outer),
            LogicalPlan::Analyze(analyze) => self.relation(&analyze.input, outer),
            LogicalPlan::Copy(copy) => self.relation(&copy.input, outer),
            LogicalPlan::Unnest(_)
            | LogicalPlan::RecursiveQuery(_)
            | LogicalPlan::Statement(_)
            | LogicalPlan::Dml(_)
            | LogicalPlan::Ddl(_)
            | LogicalPlan::DescribeTable(_) => self.opaque(plan, outer),
        }
    }

    /// A node that is not looked into: nothing of an owner's rows may go in.
    pub(super) fn opaque(&mut self, plan: &LogicalPlan, outer: Option<&Scope<'_>>) -> Result<Relation> {
        let mut kind = Kind::Clear;
        for input in plan.inputs() {
            kind = kind.max(self.relation(input, outer)?.kind);
        }
        if kind == Kind::Rows {
            return Err(Error {
                class: Class::Refused,
                message: "only aggregates leave the federation: UNNEST, recursive queries and their like over rows give \
                          rows; try a query with aggregates"
                    .to_owned(),
                hint: Some("Aggregate the rows first.".to_owned()),
                position: None,
            });
        }
        let columns = plan.schema().fields().iter().map(|_| Lineage::released(BTreeSet::new())).collect();
        Ok(Relation::new(kind, columns))
    }

    fn scan(&mut self, scan: &TableScan, outer: Option<&Scope<'_>>) -> Result<Relation> {
        let (party, table) = self.resolve(scan.table_name.schema(), scan.table_name.table())?;
        self.require_recipient(party)?;
        let number = self.scans;
        self.scans += 1;
        let declared = &self.federation.parties[party.0].tables[table].columns;
        let columns = scan.projected_schema.fields().iter().map(|field| {
            let column = declared.iter().position(|c| c.name.eq_ignore_ascii_case(field.name()));
            column.map(|column| Base { party, table, column, scan: number })
        });
        let Some(bases) = columns.collect::<Option<Vec<_>>>() else {
            return Err(Error {
                class: Class::Internal,
                message: format!(
                    "the plan reads a column of {} that its policy does not declare",
                    scan.table_name
                ),
                hint: None,
                position: None,
            });
        };
        let columns = bases.into_iter().map(|base| Lineage::base(base, self.is_closed(base))).collect();
        let mut relation = Relation::new(Kind::Rows, columns);
        relation.linked = vec![BTreeSet::from([(party, number)])];
        for filter in &scan.filters {
            let scope = Scope::new(&scan.projected_schema, &relation, outer);
            let lineage = self.lineage(filter, &scope)?.condition();
            self.require(&lineage, Use::Filter, filter)?;
        }
        Ok(relation)
    }

    fn projection(&mut self, projection: &Projection, outer: Option<&Scope<'_>>) -> Result<Relation> {
        let input = self.relation(&projection.input, outer)?;
        let scope = Scope::new(projection.input.schema(), &input, outer);
        let mut columns = Vec::new();
        for expr in &projection.expr {
            let lineage = self.lineage(expr, &scope)?;
            if input.kind != Kind::Rows {
                self.require_free(&lineage, expr)?;
            }
            let column = matches!(unaliased(expr), Expr::Column(_) | Expr::Cast(_) | Expr::TryCast(_));
            let key = lineage.key && matches!(unaliased(expr), Expr::Column(_));
            let identity = matches!(unaliased(expr), Expr::ScalarFunction(_));
            columns.push(Lineage { plain: lineage.plain && (column || identity), key, ..lineage });
        }
        if self.sought == 0 {
            self.require_having_output(&input.having, &projection.expr, &projection.input, &input.columns)?;
        }
        self.order_by_output(projection, &input)?;
        Ok(Relation { having: Vec::new(), ..input.with_columns(columns) })
    }

    /// `SELECT key ... ORDER BY SUM(x)`: the planner sorts on a column and then drops it.
    fn order_by_output(&self, projection: &Projection, input: &Relation) -> Result<()> {
        let LogicalPlan::Sort(sort) = projection.input.as_ref() else { return Ok(()) };
        let LogicalPlan::Projection(below) = sort.input.as_ref() else { return Ok(()) };
        if input.kind != Kind::Released || !is_group_by(&below.input) {
            return Ok(());
        }
        let refs: BTreeSet<_> = sort.expr.iter().flat_map(|key| key.expr.column_refs()).collect();
        let used: Vec<_> =
            refs.into_iter().filter_map(|column| below.schema.maybe_index_of_column(column)).collect();
        let used: Vec<_> = used.into_iter().filter(|index| !input.columns[*index].key).collect();
        self.require_output(&used, &projection.expr, &projection.input, "ORDER BY")
    }

    fn filter(&mut self, filter: &Filter, outer: Option<&Scope<'_>>) -> Result<Relation> {
        let input = self.relation(&filter.input, outer)?;
        let columns = input.columns.clone();
        let scope = Scope { schema: filter.input.schema(), columns: &columns, kind: input.kind, outer };
        if let (LogicalPlan::Aggregate(_), Kind::Released) = (filter.input.as_ref(), input.kind) {
            return self.having(&filter.predicate, input, &scope);
        }
        self.restrict(input, Vec::new(), Some(&filter.predicate), &scope)
    }

    fn join(&mut self, join: &Join, outer: Option<&Scope<'_>>) -> Result<Relation> {
        let left = self.relation(&join.left, outer)?;
        // A LATERAL derived table refers to the tables on its left.
        let before = Scope::new(join.left.schema(), &left, outer);
        let mut right = self.relation(&join.right, Some(&before))?;
        if is_lateral(&join.right) {
            per_row(&mut right);
        }
        let mut equalities = Vec::new();
        for (on_left, on_right) in &join.on {
            let from = self.lineage(on_left, &Scope::new(join.left.schema(), &left, outer))?;
            let to = self.lineage(on_right, &Scope::new(join.right.schema(), &right, outer))?;
            equalities.push(Equality { left: from, right: to, at: on_left });
        }
        let owners = [self.owners_of(&join.left), self.owners_of(&join.right)];
        let width = left.columns.len();
        let whole = beside(left, right, owners);
        let columns = whole.columns.clone();
        let schema = join.left.schema().join(join.right.schema());
        let schema = schema.unwrap_or_else(|_| join.schema.as_ref().clone());
        let scope = Scope { schema: &schema, columns: &columns, kind: whole.kind, outer };
        let mut whole = self.restrict(whole, equalities, join.filter.as_ref(), &scope)?;
        match join.join_type {
            JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {}
            JoinType::LeftSemi | JoinType::LeftAnti => whole.columns.truncate(width),
            JoinType::RightSemi | JoinType::RightAnti => {
                whole.columns.drain(..width);
            }
            JoinType::LeftMark => {
                whole.columns.truncate(width);
                whole.columns.push(mark(whole.kind));
            }
            JoinType::RightMark => {
                whole.columns.drain(..width);
                whole.columns.push(mark(whole.kind));
            }
        }
        Ok(whole)
    }

    fn union(&mut self, union: &Union, outer: Option<&Scope<'_>>) -> Result<Relation> {
        let mut parts = Vec::new();
        for input in &union.inputs {
            let relation = self.relation(input, outer)?;
            self.require_linked(&relation)?;
            parts.push((relation, self.owners_of(input)));
        }
        let kind = parts.iter().map(|(part, _)| part.kind).max().unwrap_or(Kind::Clear);
        let width = union.schema.fields().len();
        let mut columns = Vec::new();
        for index in 0..width {
            let stacked: Vec<_> = parts
                .iter()
                .filter_map(|(part, owners)| {
                    Some(into_kind(part.columns.get(index)?.clone(), part.kind, kind, owners))
                })
                .collect();
            let plain = stacked.iter().all(|column| column.plain);
            columns.push(Lineage { plain, ..Lineage::merge(stacked) });
        }
        let mut whole = Relation::new(kind, columns);
        let scans: BTreeSet<_> =
            parts.iter().flat_map(|(part, _)| part.linked.iter().flatten().copied()).collect();
        whole.linked = if scans.is_empty() { Vec::new() } else { vec![scans] };
        whole.correlated = parts.iter().any(|(part, _)| part.correlated);
        whole.correlated_by_join = parts.iter().all(|(part, _)| part.correlated_by_join);
        if let Some((part, _)) = parts.into_iter().find(|(part, _)| part.kind == Kind::Rows) {
            whole.reason = part.reason;
        }
        Ok(whole)
    }

    fn limit(&mut self, limit: &Limit, outer: Option<&Scope<'_>>) -> Result<Relation> {
        let relation = self.relation(&limit.input, outer)?;
        self.limited(relation)
    }

    /// Over rows, the sort keys decide which rows count.
    fn limited(&mut self, relation: Relation) -> Result<Relation> {
        if relation.kind == Kind::Rows {
            for (lineage, key) in &relation.order {
                self.require(lineage, Use::Filter, key)?;
            }
        }
        Ok(relation)
    }

    /// All owners whose tables a plan scans.
    pub(super) fn owners_of(&self, plan: &LogicalPlan) -> BTreeSet<PartyId> {
        let mut owners = BTreeSet::new();
        let federation = self.federation;
        let walked = plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                let schema = scan.table_name.schema().unwrap_or_default();
                owners.extend(
                    federation
                        .parties
                        .iter()
                        .position(|party| party.name.eq_ignore_ascii_case(schema))
                        .map(PartyId),
                );
            }
            Ok(TreeNodeRecursion::Continue)
        });
        if walked.is_err() {
            owners.extend((0..federation.parties.len()).map(PartyId));
        }
        owners
    }
}

/// Two relations side by side.
fn beside(left: Relation, right: Relation, [left_owners, right_owners]: [BTreeSet<PartyId>; 2]) -> Relation {
    let kind = left.kind.max(right.kind);
    let reason = if left.kind == Kind::Rows { left.reason.clone() } else { right.reason.clone() };
    let mut columns: Vec<_> =
        left.columns.into_iter().map(|column| into_kind(column, left.kind, kind, &left_owners)).collect();
    columns
        .extend(right.columns.into_iter().map(|column| into_kind(column, right.kind, kind, &right_owners)));
    Relation {
        reason,
        linked: left.linked.into_iter().chain(right.linked).collect(),
        correlated: left.correlated || right.correlated,
        correlated_by_join: left.correlated_by_join || right.correlated_by_join,
        ..Relation::new(kind, columns)
    }
}

/// A column of a released relation that is used beside rows: its people are not counted there.
fn into_kind(column: Lineage, from: Kind, to: Kind, owners: &BTreeSet<PartyId>) -> Lineage {
    if from == Kind::Released && to == Kind::Rows && !column.key {
        return Lineage { across: owners.clone(), key: false, ..column };
    }
    Lineage { key: column.key && to != Kind::Rows, ..column }
}

fn is_lateral(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Subquery(_) => true,
        LogicalPlan::SubqueryAlias(alias) => is_lateral(&alias.input),
        _ => false,
    }
}

/// What a LATERAL derived table computes for one row on its left is as row-level as that row.
fn per_row(relation: &mut Relation) {
    if relation.kind == Kind::Released && relation.correlated_by_join {
        relation.kind = Kind::Rows;
        for column in &mut relation.columns {
            column.uses.extend(column.behind.iter().map(|base| (*base, Role::Value)));
            column.row = true;
            column.key = false;
        }
    }
    for column in &mut relation.columns {
        column.outer = false;
    }
    relation.correlated = false;
    relation.correlated_by_join = false;
}

fn mark(kind: Kind) -> Lineage {
    Lineage { row: kind == Kind::Rows, closed: true, ..Lineage::default() }
}

fn is_group_by(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(_) => true,
        LogicalPlan::Filter(filter) => is_group_by(&filter.input),
        LogicalPlan::Window(window) => is_group_by(&window.input),
        _ => false,
    }
}
