//! What is known of the rows of one owner's local plan: domains, bounds, keys, and whose records they are.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is refused"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, JoinType};
use datafusion::logical_expr::{Aggregate, Expr, Join, LogicalPlan, TableScan, TableScanBuilder};

use super::condition::{Demand, addend, demands, has_condition};
use super::facts::Facts;
use super::infer::{Scope, infer};
use super::secret::finer;
pub(crate) use super::whose::{Persons, first_known};
use super::{failure, inner, lookup, outer_at_home, picked_rows, window};
use crate::Result;
use crate::bind::{DeclaredTable, owners_of};
use crate::catalog::{Federation, Table, Use};
use crate::function::hashed::HASHED;
use crate::plan::PartyId;

/// More rows than this are not shared.
pub(crate) const MAX_ROWS: u64 = 1 << 32;

/// Rows of one owner, and what is public about them.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    /// Who holds them.
    pub(crate) owner: PartyId,
    /// The local plan that gives them.
    pub(crate) plan: LogicalPlan,
    /// Its output columns.
    pub(crate) scope: Scope,
    /// How people know the columns.
    pub(crate) names: Vec<String>,
    /// At most this many rows.
    pub(crate) bound: u64,
    /// Names of the declared tables underneath.
    pub(crate) tables: Vec<String>,
    /// If they are the rows of one declared table, all of them: no more than so many have the same identifier.
    pub(crate) whole: Option<u64>,
    /// For each column, the declared column that it is, unchanged.
    pub(crate) origins: Vec<Option<Origin>>,
    /// No more than so many rows are equal in these columns.
    pub(crate) keys: Vec<(BTreeSet<usize>, u64)>,
    /// Of these, and of what follows for persons, what is not declared as it is, but of values whose normal forms were compared
    /// in a join (see [`Taken`](crate::plan::Taken)).
    pub(crate) taken: Vec<(BTreeSet<usize>, u64)>,
    /// Whose records the rows are.
    pub(crate) persons: Persons,
    /// For each column, whether it holds a condition of which several outcomes are not 0, or that is one of several addends:
    /// nobody but the owner could count the people behind each.
    pub(crate) branched: Vec<bool>,
    /// Whether rows are aggregates over rows of several persons.
    pub(crate) pooled: bool,
}

/// A declared column of the owner of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    /// Index of the table.
    pub(crate) table: usize,
    /// Index of the column.
    pub(crate) column: usize,
}

impl Leaf {
    /// The most rows that are equal in these columns.
    pub(crate) fn rows_per_key(&self, columns: &BTreeSet<usize>) -> u64 {
        self.known_rows_per_key(columns).unwrap_or(self.bound).min(self.bound)
    }

    /// The most rows that are equal in these columns, where anything is declared or known of them.
    pub(crate) fn known_rows_per_key(&self, columns: &BTreeSet<usize>) -> Option<u64> {
        self.keys.iter().filter(|(key, _)| key.is_subset(columns)).map(|(_, rows)| *rows).min()
    }

    /// A column that is different in all rows, and never NULL.
    pub(crate) fn unique_column(&self) -> Option<usize> {
        let single = |(key, rows): &(BTreeSet<usize>, u64)| match (key.len(), rows) {
            (1, 1) => key.first().copied(),
            _ => None,
        };
        let known = |column: &usize| self.scope.facts.get(*column).is_some_and(|facts| !facts.nullable);
        self.keys.iter().filter_map(single).find(known)
    }

    /// The same rows under another schema of as many columns.
    fn under(mut self, plan: &LogicalPlan) -> Leaf {
        self.scope.schema = plan.schema().as_ref().clone();
        self.plan = plan.clone();
        self
    }
}

/// The owners of all tables underneath.
pub(crate) fn owners(plan: &LogicalPlan) -> Result<BTreeSet<PartyId>> {
    owners_of(plan).map_err(|error| failure::engine(&error))
}

/// The declared table that a scan reads.
pub(crate) fn declared<'a>(
    scan: &TableScan,
    federation: &'a Federation,
) -> Result<(PartyId, usize, &'a Table)> {
    let table = scan
        .source
        .downcast_ref::<DeclaredTable>()
        .ok_or_else(|| failure::internal(format!("{} is no declared table", scan.table_name)))?;
    let declared = federation.parties.get(table.party.0).and_then(|party| party.tables.get(table.table));
    let declared = declared.ok_or_else(|| failure::internal(format!("{} is unknown", scan.table_name)))?;
    Ok((table.party, table.table, declared))
}

/// All rows and columns of the table of a scan.
pub(crate) fn whole_table(scan: &TableScan, federation: &Federation) -> Result<Leaf> {
    let full = TableScanBuilder::new(scan.table_name.clone(), Arc::clone(&scan.source))
        .build()
        .map_err(|error| failure::engine(&error))?;
    describe(&LogicalPlan::TableScan(full), federation)
}

/// What is public about the rows of a plan over one owner's tables, which proves too that it cannot fail.
///
/// # Errors
/// Refused where an expression may fail or overflow; invalid for what is not built.
pub(crate) fn describe(plan: &LogicalPlan, federation: &Federation) -> Result<Leaf> {
    match plan {
        LogicalPlan::TableScan(scan) => describe_scan(plan, scan, federation),
        LogicalPlan::SubqueryAlias(alias) => Ok(describe(&alias.input, federation)?.under(plan)),
        LogicalPlan::Sort(sort) => {
            let leaf = describe(&sort.input, federation)?;
            for key in &sort.expr {
                infer(&key.expr, &leaf.scope)?;
            }
            let leaf = leaf.under(plan);
            Ok(sort.fetch.map_or(leaf.clone(), |most| picked_rows::first(leaf, most as u64)))
        }
        LogicalPlan::Limit(limit) => {
            let leaf = describe(&limit.input, federation)?;
            picked_rows::limit(leaf.under(plan), limit)
        }
        LogicalPlan::Filter(filter) => {
            let leaf = describe(&filter.input, federation)?;
            picked_rows::filter(leaf.under(plan), &filter.predicate)
        }
        LogicalPlan::Window(window) => {
            let leaf = describe(&window.input, federation)?;
            Ok(window::window(window, &leaf, federation)?.under(plan))
        }
        LogicalPlan::Projection(projection) => {
            let input = describe(&projection.input, federation)?;
            let mut leaf = project(&input, &projection.expr)?;
            if lookup::is_gated(plan, federation)? {
                leaf.persons = Persons::Gated;
                leaf.scope.facts = leaf.scope.facts.into_iter().map(finer).collect();
            }
            Ok(leaf.under(plan))
        }
        LogicalPlan::Distinct(datafusion::logical_expr::Distinct::All(input)) => {
            let leaf = describe(input, federation)?;
            Ok(Leaf { whole: None, ..leaf.under(plan) })
        }
        LogicalPlan::Aggregate(aggregate) => {
            let input = describe(&aggregate.input, federation)?;
            let pooled = input.pooled || pools(aggregate, &input, federation);
            Ok(Leaf { pooled, ..inner::aggregate(plan, aggregate, &input)? })
        }
        LogicalPlan::Join(join) => {
            let left = describe(&join.left, federation)?;
            let right = describe(&join.right, federation)?;
            refuse_pooled(join, &left, &right, federation)?;
            describe_join(plan, join, left, right)
        }
        LogicalPlan::Union(union) => {
            let mut leaves = union.inputs.iter().map(|input| describe(input, federation));
            let first = leaves.next().ok_or_else(|| failure::internal("a union of nothing"))??;
            leaves.try_fold(first.under(plan), |all, next| stack(all, next?))
        }
        other => Err(failure::not_built(format!("{} inside a query over rows", name(other)))),
    }
}

/// How a message names a node.
pub(crate) fn name(plan: &LogicalPlan) -> String {
    match plan {
        LogicalPlan::Limit(_) => "LIMIT".into(),
        LogicalPlan::Window(_) => "a window function".into(),
        LogicalPlan::Values(_) => "VALUES".into(),
        LogicalPlan::Join(join) => format!("{} JOIN", join.join_type.to_string().to_uppercase()),
        LogicalPlan::Aggregate(_) => "GROUP BY over several owners' rows".into(),
        LogicalPlan::Distinct(_) => "DISTINCT".into(),
        other => other.display().to_string().split([':', ' ']).next().unwrap_or("a step").to_owned(),
    }
}

fn describe_scan(plan: &LogicalPlan, scan: &TableScan, federation: &Federation) -> Result<Leaf> {
    let (owner, table_index, table) = declared(scan, federation)?;
    if !scan.filters.is_empty() || scan.fetch.is_some() {
        return Err(failure::internal("a filter or limit was pushed into a scan"));
    }
    let columns: Vec<usize> = scan.projection.clone().unwrap_or_else(|| (0..table.columns.len()).collect());
    let declared = columns.iter().filter_map(|&column| table.columns.get(column));
    let names = declared.clone().map(|column| column.name.clone()).collect();
    let facts: Vec<Facts> = declared.clone().map(Facts::of_column).collect();
    let person = table.person.as_ref();
    let place = person
        .and_then(|person| declared.clone().position(|column| column.name.eq_ignore_ascii_case(person)));
    let persons = match (person, place) {
        (None, _) => Persons::Rows,
        (Some(_), Some(column)) => Persons::Column { column, max_rows: table.max_rows_per_person },
        (Some(_), None) => Persons::Lost("a derived table leaves out the person of its rows"),
    };
    Ok(Leaf {
        owner,
        scope: Scope { schema: plan.schema().as_ref().clone(), facts },
        names,
        plan: plan.clone(),
        bound: table.max_rows,
        tables: vec![table.name.clone()],
        whole: Some(table.max_rows_per_person),
        origins: columns.iter().map(|&column| Some(Origin { table: table_index, column })).collect(),
        keys: declared_keys(table, &columns, place),
        taken: Vec::new(),
        persons,
        branched: vec![false; columns.len()],
        pooled: false,
    })
}

/// What a policy says of equal rows of a scan of these columns, of which the person is one.
fn declared_keys(table: &Table, columns: &[usize], person: Option<usize>) -> Vec<(BTreeSet<usize>, u64)> {
    let of_person = person.map(|column| (BTreeSet::from([column]), table.max_rows_per_person));
    let place = |column: &usize| columns.iter().position(|shown| shown == column);
    let declared = table.keys.iter().filter_map(|key| {
        let key_columns: Option<BTreeSet<usize>> = key.columns.iter().map(place).collect();
        Some((key_columns?, key.max_rows))
    });
    of_person.into_iter().chain(declared).collect()
}

/// Columns computed from the columns of a leaf; the schema is set by the caller.
pub(super) fn project(input: &Leaf, exprs: &[Expr]) -> Result<Leaf> {
    let mut facts = Vec::new();
    let mut branched = Vec::new();
    let mut from = Vec::new();
    for expr in exprs {
        facts.push(infer(expr, &input.scope)?.with_condition(has_condition(expr, &input.scope)?));
        branched.push(is_branched(expr, input)?);
        from.push(plain_column(expr, &input.scope));
    }
    let place = |column: usize| from.iter().position(|source| *source == Some(column));
    let kept = |(key, rows): &(BTreeSet<usize>, u64)| {
        let key: Option<BTreeSet<usize>> = key.iter().map(|&column| place(column)).collect();
        key.map(|key| (key, *rows))
    };
    let lost = "a derived table leaves out the person of its rows";
    let persons = input.persons.among(exprs, &input.scope, lost);
    let mut keys: Vec<_> = input.keys.iter().filter_map(kept).collect();
    if let (Persons::Either { .. }, Persons::Column { column, max_rows }) = (&input.persons, &persons) {
        keys.push((BTreeSet::from([*column]), *max_rows));
    }
    Ok(Leaf {
        scope: Scope { schema: input.scope.schema.clone(), facts },
        names: exprs.iter().map(|expr| expr.schema_name().to_string()).collect(),
        origins: from
            .iter()
            .map(|column| column.and_then(|column| input.origins.get(column).copied()?))
            .collect(),
        keys,
        taken: input.taken.iter().filter_map(kept).collect(),
        persons,
        branched,
        whole: None,
        ..input.clone()
    })
}

/// Whether an expression, or a column in it, holds a condition of which several outcomes are not 0, or that is one of
/// several addends.
pub(crate) fn is_branched(expr: &Expr, input: &Leaf) -> Result<bool> {
    let inherited = expr.column_refs().iter().any(|column| {
        let index = input.scope.schema.index_of_column(column).ok();
        index.and_then(|index| input.branched.get(index)).copied().unwrap_or(false)
    });
    let apart = |demand: &Demand| demand.taken.is_some() || demand.nonzero != *addend(expr, &input.scope);
    Ok(inherited || demands(expr, &input.scope)?.iter().any(apart))
}

/// The index of the column that an expression is.
pub(crate) fn plain_column(expr: &Expr, scope: &Scope) -> Option<usize> {
    match expr {
        Expr::Alias(alias) => plain_column(&alias.expr, scope),
        Expr::Column(column) => scope.schema.index_of_column(column).ok(),
        _ => None,
    }
}

/// Whether the groups of an aggregate are of several persons. Identifiers alone are no aggregate: they may be joined as rows may.
fn pools(aggregate: &Aggregate, input: &Leaf, federation: &Federation) -> bool {
    let columns: Vec<_> = aggregate.group_expr.iter().map(|key| plain_column(key, &input.scope)).collect();
    let lost = "GROUP BY in a derived table puts rows of several persons together";
    let of_person = matches!(
        input.persons.among(&aggregate.group_expr, &input.scope, lost),
        Persons::Column { .. } | Persons::Either { .. }
    );
    let tables =
        federation.parties.get(input.owner.0).map(|owner| owner.tables.as_slice()).unwrap_or_default();
    let is_identifier = |column: &Option<usize>| {
        let origin = column.and_then(|column| input.origins.get(column).copied().flatten());
        let declared = origin.and_then(|origin| tables.get(origin.table)?.columns.get(origin.column));
        declared
            .is_some_and(|column| column.allow.contains(&Use::Join) || column.allow.contains(&Use::Public))
    };
    let identifiers = !columns.is_empty() && columns.iter().all(is_identifier);
    !(of_person || (aggregate.aggr_expr.is_empty() && identifiers))
}

/// Rows that pass by IN, EXISTS and their like because of an aggregate over other persons tell its value.
fn refuse_pooled(join: &Join, left: &Leaf, right: &Leaf, federation: &Federation) -> Result<()> {
    let asked = match join.join_type {
        JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => right,
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => left,
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => return Ok(()),
    };
    let owner = federation.parties.get(asked.owner.0);
    if asked.pooled && owner.is_none_or(|owner| owner.release.min_people > 1) {
        return Err(failure::uncounted("IN and EXISTS ask for groups of several people"));
    }
    Ok(())
}

fn describe_join(plan: &LogicalPlan, join: &Join, left: Leaf, right: Leaf) -> Result<Leaf> {
    let mut on = On::default();
    for (l, r) in &join.on {
        infer(l, &left.scope)?;
        infer(r, &right.scope)?;
        on.pair((l, &left.scope), (r, &right.scope), &|expr, scope| plain_column(expr, scope))?;
    }
    let both = beside(&left, &right, &on)?;
    if let Some(filter) = &join.filter {
        infer(filter, &both.scope)?;
    }
    let leaf = match join.join_type {
        JoinType::Inner => both,
        JoinType::Left => {
            let rows = right.rows_per_key(&on.columns.iter().filter_map(|(_, column)| *column).collect());
            let bound =
                left.bound.saturating_mul(rows.max(1)).min(left.bound.saturating_mul(right.bound.max(1)));
            let nullable = both.scope.facts.iter().enumerate().map(|(index, facts)| {
                let inner = index >= left.scope.facts.len();
                facts.clone().with_null(facts.nullable || inner)
            });
            let scope = Scope { facts: nullable.collect(), schema: both.scope.schema.clone() };
            Leaf { scope, bound, ..both }
        }
        JoinType::LeftSemi | JoinType::LeftAnti => Leaf { tables: both.tables, whole: None, ..left },
        JoinType::RightSemi | JoinType::RightAnti => Leaf { tables: both.tables, whole: None, ..right },
        JoinType::LeftMark => {
            let mut leaf = Leaf { tables: both.tables, whole: None, ..left };
            leaf.names.push("mark".into());
            leaf.scope.facts.push(Facts::truth(true).with_condition(true));
            leaf.origins.push(None);
            leaf.branched.push(false);
            leaf
        }
        JoinType::Right | JoinType::Full => outer_at_home::outer(join, (&left, &right), &on.columns, both)?,
        JoinType::RightMark => {
            return Err(failure::not_built("a mark of the right side inside a query over rows"));
        }
    };
    Ok(leaf.under(plan))
}

/// The pairs of columns of a join at an owner.
#[derive(Debug, Default)]
pub(crate) struct On {
    /// The columns that are equal, or whose normal forms are (`None`: an expression).
    columns: Vec<(Option<usize>, Option<usize>)>,
    /// Whether different values of some of these may have one normal form.
    loosely: bool,
}

impl On {
    /// Adds a pair of expressions; `column`: the column that one is.
    pub(crate) fn pair(
        &mut self,
        (left, left_scope): (&Expr, &Scope),
        (right, right_scope): (&Expr, &Scope),
        column: &dyn Fn(&Expr, &Scope) -> Option<usize>,
    ) -> Result<()> {
        if let (Some(l), Some(r)) = (hashed_one(left), hashed_one(right)) {
            let of_one_text = |expr: &Expr, scope: &Scope| {
                Ok::<_, crate::Error>(
                    matches!(scope.data_type(expr)?, data_type if data_type.is_integer() || data_type == DataType::Date32),
                )
            };
            self.loosely |= !(of_one_text(l, left_scope)? && of_one_text(r, right_scope)?);
            self.columns.push((column(l, left_scope), column(r, right_scope)));
        } else {
            self.columns.push((column(left, left_scope), column(right, right_scope)));
        }
        Ok(())
    }
}

/// What an identifier of one part is the normal form of.
fn hashed_one(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Alias(alias) => hashed_one(&alias.expr),
        Expr::ScalarFunction(function) => match (function.name() == HASHED, function.args.as_slice()) {
            (true, [one]) => Some(one),
            _ => None,
        },
        _ => None,
    }
}

/// The rows of an inner join of two leaves of one owner.
pub(crate) fn beside(left: &Leaf, right: &Leaf, on: &On) -> Result<Leaf> {
    let shift = left.scope.facts.len();
    let left_key: BTreeSet<usize> = on.columns.iter().filter_map(|(column, _)| *column).collect();
    let right_key: BTreeSet<usize> = on.columns.iter().filter_map(|(_, column)| *column).collect();
    let (per_left, per_right) = (left.rows_per_key(&left_key), right.rows_per_key(&right_key));
    let bound = left.bound.saturating_mul(per_right).min(right.bound.saturating_mul(per_left));
    if bound > MAX_ROWS {
        return Err(failure::not_built(format!("a join of up to {bound} rows at one owner")));
    }
    let mut tables = left.tables.clone();
    tables.extend(right.tables.iter().filter(|table| !left.tables.contains(table)).cloned());
    let schema = left.scope.schema.join(&right.scope.schema).map_err(|error| failure::engine(&error));
    let of_left = |(key, rows): &(BTreeSet<usize>, u64)| (key.clone(), rows.saturating_mul(per_right));
    let of_right = |(key, rows): &(BTreeSet<usize>, u64)| {
        (key.iter().map(|column| column + shift).collect(), rows.saturating_mul(per_left))
    };
    let keys: Vec<(BTreeSet<usize>, u64)> =
        left.keys.iter().map(of_left).chain(right.keys.iter().map(of_right)).collect();
    let taken = if on.loosely {
        keys.clone()
    } else {
        left.taken.iter().map(of_left).chain(right.taken.iter().map(of_right)).collect()
    };
    let persons = match (&left.persons, &right.persons) {
        (Persons::Column { column, max_rows }, Persons::Column { column: other, max_rows: others }) => {
            if on.columns.contains(&(Some(*column), Some(*other))) {
                Persons::Column { column: *column, max_rows: max_rows.saturating_mul(*others) }
            } else {
                Persons::Lost("an owner's tables are joined on something else than the person")
            }
        }
        (Persons::Column { column, max_rows }, Persons::Gated) => {
            Persons::Column { column: *column, max_rows: max_rows.saturating_mul(per_right) }
        }
        (Persons::Rows, Persons::Gated) if per_right == 1 => Persons::Rows,
        _ => Persons::Lost("an owner's tables are joined without a person on both sides"),
    };
    Ok(Leaf {
        owner: left.owner,
        plan: left.plan.clone(),
        scope: Scope {
            schema: schema.unwrap_or_else(|_| DFSchema::empty()),
            facts: left.scope.facts.iter().chain(&right.scope.facts).cloned().collect(),
        },
        names: left.names.iter().chain(&right.names).cloned().collect(),
        bound,
        tables,
        whole: None,
        origins: left.origins.iter().chain(&right.origins).copied().collect(),
        keys,
        taken,
        persons,
        branched: left.branched.iter().chain(&right.branched).copied().collect(),
        pooled: left.pooled || right.pooled,
    })
}

/// Rows of one owner on top of each other.
fn stack(mut all: Leaf, next: Leaf) -> Result<Leaf> {
    let facts = all
        .scope
        .facts
        .iter()
        .zip(&next.scope.facts)
        .map(|(a, b)| Ok(a.hull(b)?.with_condition(a.conditional || b.conditional)));
    all.scope.facts = facts.collect::<Result<_>>()?;
    all.persons = match (&all.persons, &next.persons) {
        (Persons::Column { column, max_rows }, Persons::Column { column: other, max_rows: others })
            if column == other =>
        {
            Persons::Column { column: *column, max_rows: max_rows.saturating_add(*others) }
        }
        _ => Persons::Lost("an owner's tables are stacked without a person on both sides"),
    };
    all.bound = all.bound.saturating_add(next.bound);
    all.keys.clear();
    let unchecked = all.taken.is_empty() && next.taken.is_empty();
    all.taken = if unchecked { Vec::new() } else { all.persons.taken() };
    all.origins.iter_mut().for_each(|origin| *origin = None);
    all.branched.iter_mut().zip(&next.branched).for_each(|(a, b)| *a |= b);
    all.pooled |= next.pooled;
    all.tables.extend(next.tables);
    all.tables.dedup();
    all.whole = None;
    Ok(all)
}
