//! What a local plan says of its rows: how many one person may have, and which declared columns theirs are made of.
#![expect(clippy::wildcard_enum_match_arm, reason = "the engine's enums have dozens of variants")]

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, ScalarValue};
use datafusion::logical_expr::utils::{enumerate_grouping_sets, split_conjunction};
use datafusion::logical_expr::{Aggregate, Distinct, Expr, GroupingSet, Join, LogicalPlan, Operator};

use super::home::gated_groups;
use crate::catalog::{self, Party};

/// How many rows of a local plan one person may have; the persons of a semi join are those of the side that is kept.
pub(super) fn per_person(plan: &LogicalPlan, party: &Party) -> u64 {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let table = party.tables.iter().find(|t| t.name.eq_ignore_ascii_case(scan.table_name.table()));
            table.map_or(u64::MAX, |table| if table.person.is_some() { table.max_rows_per_person } else { 1 })
        }
        LogicalPlan::Aggregate(aggregate) => groups_per_person(aggregate, party),
        LogicalPlan::Distinct(_) => 1,
        LogicalPlan::Filter(filter) => {
            per_person(&filter.input, party).min(numbered(&filter.predicate, &filter.input, party))
        }
        LogicalPlan::Join(join) => match join.join_type {
            JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => per_person(&join.left, party),
            JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => per_person(&join.right, party),
            _ if gives_one_row(&join.right) => per_person(&join.left, party),
            JoinType::Left | JoinType::Inner if looks_up(join, party) => per_person(&join.left, party),
            // Where more than the person must be equal, rows of both sides may be without a partner.
            JoinType::Full if join.on.len() > 1 || join.filter.is_some() => {
                let (left, right) = (per_person(&join.left, party), per_person(&join.right, party));
                left.saturating_mul(right).saturating_add(left).saturating_add(right)
            }
            _ => per_person(&join.left, party).saturating_mul(per_person(&join.right, party)),
        },
        LogicalPlan::Union(union) => {
            union.inputs.iter().map(|input| per_person(input, party)).fold(0, u64::saturating_add)
        }
        other => other.inputs().first().map_or(u64::MAX, |input| per_person(input, party)),
    }
}

/// Whether the right side of a join is an aggregate that is gated at home, of which a row has one group at most.
fn looks_up(join: &Join, party: &Party) -> bool {
    let on: BTreeSet<usize> = join.on.iter().filter_map(|(_, right)| column_of(&join.right, right)).collect();
    gated_groups(&join.right, party) && keys_among(&join.right, &on)
}

fn column_of(plan: &LogicalPlan, expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Column(column) => plan.schema().maybe_index_of_column(column),
        _ => None,
    }
}

/// Whether these columns of a plan are all keys of the aggregate under it.
fn keys_among(plan: &LogicalPlan, columns: &BTreeSet<usize>) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => {
            (0..aggregate.group_expr.len()).all(|key| columns.contains(&key))
        }
        LogicalPlan::Projection(projection) => {
            let below = columns.iter().filter_map(|column| projection.expr.get(*column));
            let below = below.filter_map(|expr| column_of(&projection.input, &expr.clone().unalias()));
            keys_among(&projection.input, &below.collect())
        }
        LogicalPlan::SubqueryAlias(alias) => keys_among(&alias.input, columns),
        LogicalPlan::Filter(filter) => keys_among(&filter.input, columns),
        _ => false,
    }
}

/// Groups of one person: of other keys beside the person there are as many as the person has rows, in each grouping set.
fn groups_per_person(aggregate: &Aggregate, party: &Party) -> u64 {
    let rows = || per_person(&aggregate.input, party);
    let of_set = |set: &[Expr]| if set.len() < 2 { 1 } else { rows() };
    if !aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_))) {
        return of_set(&aggregate.group_expr);
    }
    let sets = enumerate_grouping_sets(aggregate.group_expr.clone()).unwrap_or_default();
    match sets.as_slice() {
        [Expr::GroupingSet(GroupingSet::GroupingSets(sets))] => {
            sets.iter().map(|set| of_set(set)).fold(0, u64::saturating_add)
        }
        // Sets of a ROLLUP or CUBE alone are of several persons.
        _ => u64::MAX,
    }
}

/// How many rows of a person meet a condition on the numbers that `ROW_NUMBER()` gives them, counted from 1.
fn numbered(predicate: &Expr, input: &LogicalPlan, party: &Party) -> u64 {
    let most = |condition: &Expr| {
        let Expr::BinaryExpr(binary) = condition else { return None };
        let (Expr::Column(column), Expr::Literal(value, _)) = (binary.left.as_ref(), binary.right.as_ref())
        else {
            return None;
        };
        let ScalarValue::UInt64(Some(number)) = value.cast_to(&DataType::UInt64).ok()? else { return None };
        let index = input.schema().maybe_index_of_column(column)?;
        let rows = match binary.op {
            Operator::Eq => 1,
            Operator::LtEq => number,
            Operator::Lt => number.checked_sub(1)?,
            _ => return None,
        };
        numbers_of_person(input, index, party).then_some(rows.max(1))
    };
    split_conjunction(predicate).into_iter().filter_map(most).min().unwrap_or(u64::MAX)
}

/// Whether a column is the number of a row among its person's.
fn numbers_of_person(plan: &LogicalPlan, column: usize, party: &Party) -> bool {
    match plan {
        LogicalPlan::Window(window) => match column.checked_sub(window.input.schema().fields().len()) {
            None => numbers_of_person(&window.input, column, party),
            Some(own) => {
                let Some(Expr::WindowFunction(call)) =
                    window.window_expr.get(own).map(|e| e.clone().unalias())
                else {
                    return false;
                };
                let of_person = |key: &Expr| {
                    let Expr::Column(key) = key else { return false };
                    let index = window.input.schema().maybe_index_of_column(key);
                    index.is_some_and(|index| all_persons(&bases(&window.input, index), party))
                };
                let partition = call.params.partition_by.as_slice();
                call.fun.name() == "row_number" && partition.len() == 1 && partition.iter().all(of_person)
            }
        },
        LogicalPlan::Projection(projection) => match projection.expr.get(column).map(|e| e.clone().unalias())
        {
            Some(Expr::Column(below)) => {
                let index = projection.input.schema().maybe_index_of_column(&below);
                index.is_some_and(|index| numbers_of_person(&projection.input, index, party))
            }
            _ => false,
        },
        LogicalPlan::SubqueryAlias(alias) => numbers_of_person(&alias.input, column, party),
        LogicalPlan::Filter(filter) => numbers_of_person(&filter.input, column, party),
        LogicalPlan::Sort(sort) => numbers_of_person(&sort.input, column, party),
        _ => false,
    }
}

/// Whether these declared columns are those of persons.
pub(super) fn all_persons(bases: &BTreeSet<(String, String)>, party: &Party) -> bool {
    let is_person = |(table, name): &(String, String)| {
        let table = party.tables.iter().find(|t| t.name.eq_ignore_ascii_case(table));
        let person = table.and_then(|table| table.person.as_ref());
        person.is_some_and(|person| person.eq_ignore_ascii_case(name))
    };
    !bases.is_empty() && bases.iter().all(is_person)
}

/// Whether a plan is an aggregate without GROUP BY: a scalar subquery.
fn gives_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(projection) => gives_one_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => gives_one_row(&alias.input),
        _ => false,
    }
}

/// How the rows of a local plan come from its tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Rows of one table.
    Single,
    /// Rows of a GROUP BY or DISTINCT.
    Grouped,
    /// Rows of several tables side by side.
    Joined,
    /// Rows of several tables on top of each other.
    Stacked,
}

/// The shape of a local plan: that of its uppermost node that is not row by row.
pub(super) fn shape(plan: &LogicalPlan) -> Shape {
    match plan {
        LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_) => Shape::Grouped,
        LogicalPlan::Join(join) => match join.join_type {
            JoinType::LeftSemi | JoinType::LeftAnti => shape(&join.left),
            _ => Shape::Joined,
        },
        LogicalPlan::Union(_) => Shape::Stacked,
        other => other.inputs().first().map_or(Shape::Single, |input| shape(input)),
    }
}

pub(super) fn same_bases(plan: &LogicalPlan, a: &[usize], b: &[usize]) -> bool {
    let all =
        |columns: &[usize]| columns.iter().flat_map(|column| bases(plan, *column)).collect::<BTreeSet<_>>();
    let (a, b) = (all(a), all(b));
    !a.is_empty() && a == b
}

/// A column of a party's policy.
pub(super) fn declared<'f>(party: &'f Party, table: &str, name: &str) -> Option<&'f catalog::Column> {
    let table = party.tables.iter().find(|t| t.name.eq_ignore_ascii_case(table))?;
    table.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
}

/// The declared columns (table, name) that an output column of a local plan is made of.
pub(super) fn bases(plan: &LogicalPlan, column: usize) -> BTreeSet<(String, String)> {
    let through = |input: &LogicalPlan, exprs: &[&Expr]| {
        let mut found = BTreeSet::new();
        for reference in exprs.iter().flat_map(|expr| references(expr)) {
            if let Some(index) = input.schema().maybe_index_of_column(&reference) {
                found.extend(bases(input, index));
            }
        }
        found
    };
    match plan {
        LogicalPlan::TableScan(scan) => {
            let field = scan.projected_schema.fields().get(column);
            field
                .map(|field| (scan.table_name.table().to_owned(), field.name().clone()))
                .into_iter()
                .collect()
        }
        LogicalPlan::Projection(projection) => {
            projection.expr.get(column).map(|expr| through(&projection.input, &[expr])).unwrap_or_default()
        }
        LogicalPlan::Aggregate(aggregate) => {
            // Grouping sets have their keys, each once, and then a column that says which set it is.
            let sets = aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_)));
            let keys = aggregate.group_expr.iter().flat_map(|key| match key {
                Expr::GroupingSet(set) => set.distinct_expr(),
                plain => vec![plain],
            });
            let all = keys.map(Some).chain(sets.then_some(None)).chain(aggregate.aggr_expr.iter().map(Some));
            let expr = all.into_iter().nth(column).flatten();
            expr.map(|expr| through(&aggregate.input, &[expr])).unwrap_or_default()
        }
        LogicalPlan::Window(window) => {
            let below = window.input.schema().fields().len();
            match column.checked_sub(below) {
                None => bases(&window.input, column),
                Some(own) => window
                    .window_expr
                    .get(own)
                    .map(|expr| through(&window.input, &[expr]))
                    .unwrap_or_default(),
            }
        }
        LogicalPlan::Join(join) => {
            let left = join.left.schema().fields().len();
            if column < left { bases(&join.left, column) } else { bases(&join.right, column - left) }
        }
        LogicalPlan::Union(union) => union.inputs.iter().flat_map(|input| bases(input, column)).collect(),
        LogicalPlan::Distinct(Distinct::All(input)) => bases(input, column),
        LogicalPlan::Distinct(Distinct::On(on)) => {
            on.select_expr.get(column).map(|expr| through(&on.input, &[expr])).unwrap_or_default()
        }
        LogicalPlan::Filter(filter) => bases(&filter.input, column),
        LogicalPlan::Sort(sort) => bases(&sort.input, column),
        LogicalPlan::Limit(limit) => bases(&limit.input, column),
        LogicalPlan::SubqueryAlias(alias) => bases(&alias.input, column),
        LogicalPlan::Repartition(repartition) => bases(&repartition.input, column),
        _ => BTreeSet::new(),
    }
}

fn references(expr: &Expr) -> Vec<Column> {
    let mut found = Vec::new();
    let walked = expr.apply(|expr| {
        if let Expr::Column(column) = expr {
            found.push(column.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    if walked.is_ok() { found } else { Vec::new() }
}
