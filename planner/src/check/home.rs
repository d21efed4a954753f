//! Whether aggregates that an owner computes at home, for conditions on rows, are gated there.
#![expect(clippy::wildcard_enum_match_arm, reason = "all but one shape of plan is refused")]

use std::collections::BTreeSet;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Operator, Projection};

use crate::catalog::Party;

use super::local_rows::{Shape, bases, shape};

/// Whether all that a plan gives of an aggregate without keys is NULL unless it counts enough of its owner's people: every
/// column directly above the aggregate is `CASE WHEN persons >= min_people [AND ...] THEN ... END`, or a constant.
pub(super) fn gated(plan: &LogicalPlan, owner: &Party) -> bool {
    let Some((projection, aggregate, _)) = lowest(plan) else { return false };
    let is_met = |expr: &Expr| is_guarded(expr, aggregate, owner);
    aggregate.group_expr.is_empty() && projection.expr.iter().all(is_met)
}

/// The same of an aggregate with keys, whose groups are there only if they have enough people: its columns are keys as they
/// are, or guarded.
pub(crate) fn gated_groups(plan: &LogicalPlan, owner: &Party) -> bool {
    let Some((projection, aggregate, Some(condition))) = lowest(plan) else { return false };
    let keys = aggregate.group_expr.len();
    let is_key = |expr: &Expr| match expr.clone().unalias() {
        Expr::Column(column) => {
            aggregate.schema.maybe_index_of_column(&column).is_some_and(|index| index < keys)
        }
        _ => false,
    };
    let plain = !aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_)));
    let met = split_conjunction(condition).into_iter().any(|part| is_enough(part, aggregate, owner));
    keys > 0
        && plain
        && met
        && projection.expr.iter().all(|expr| is_key(expr) || is_guarded(expr, aggregate, owner))
}

/// The lowest projection, the aggregate under it, and the condition in between.
fn lowest(plan: &LogicalPlan) -> Option<(&Projection, &Aggregate, Option<&Expr>)> {
    match plan {
        LogicalPlan::Projection(projection) => match projection.input.as_ref() {
            LogicalPlan::Aggregate(aggregate) => Some((projection, aggregate, None)),
            LogicalPlan::Filter(filter) => match filter.input.as_ref() {
                LogicalPlan::Aggregate(aggregate) => Some((projection, aggregate, Some(&filter.predicate))),
                below => lowest(below),
            },
            below => lowest(below),
        },
        LogicalPlan::SubqueryAlias(alias) => lowest(&alias.input),
        LogicalPlan::Filter(filter) => lowest(&filter.input),
        _ => None,
    }
}

fn is_guarded(expr: &Expr, aggregate: &Aggregate, owner: &Party) -> bool {
    let enough = |condition: &Expr| is_enough(condition, aggregate, owner);
    match expr.clone().unalias() {
        Expr::Literal(..) => true,
        Expr::Case(Case { expr: None, when_then_expr, else_expr: None }) => {
            when_then_expr.iter().all(|(when, _)| split_conjunction(when).into_iter().any(enough))
        }
        _ => false,
    }
}

/// Whether a condition over an aggregate asks for enough people.
fn is_enough(condition: &Expr, aggregate: &Aggregate, owner: &Party) -> bool {
    let least = i128::from(owner.release.min_people);
    let Expr::BinaryExpr(binary) = condition else { return false };
    let (Expr::Column(column), Expr::Literal(ScalarValue::Int64(Some(limit)), _), Operator::GtEq) =
        (binary.left.as_ref(), binary.right.as_ref(), binary.op)
    else {
        return false;
    };
    let index = aggregate.schema.maybe_index_of_column(column);
    let index = index.and_then(|index| index.checked_sub(aggregate.group_expr.len()));
    let measure = index.and_then(|index| aggregate.aggr_expr.get(index));
    i128::from(*limit) >= least && measure.is_some_and(|measure| counts_people(measure, aggregate, owner))
}

/// Whether an aggregate is a number of people: COUNT(DISTINCT person), or rows where each is a person.
fn counts_people(measure: &Expr, aggregate: &Aggregate, owner: &Party) -> bool {
    let Expr::AggregateFunction(function) = measure.clone().unalias() else { return false };
    let [argument] = function.params.args.as_slice() else { return false };
    if !function.func.name().eq_ignore_ascii_case("count") {
        return false;
    }
    let table = |name: &str| owner.tables.iter().find(|table| table.name.eq_ignore_ascii_case(name));
    match argument {
        Expr::Column(column) if function.params.distinct => {
            let index = aggregate.input.schema().maybe_index_of_column(column);
            let bases = index.map(|index| bases(&aggregate.input, index)).unwrap_or_default();
            let is_person = |(of, name): &(String, String)| {
                let person = table(of).and_then(|table| table.person.as_ref());
                person.is_some_and(|person| person.eq_ignore_ascii_case(name))
            };
            !bases.is_empty() && bases.iter().all(is_person)
        }
        Expr::Literal(value, _) if !function.params.distinct && !value.is_null() => {
            let tables: BTreeSet<String> = (0..aggregate.input.schema().fields().len())
                .flat_map(|index| bases(&aggregate.input, index))
                .map(|(of, _)| of)
                .collect();
            let without = |of: &String| table(of).is_some_and(|table| table.person.is_none());
            shape(&aggregate.input) == Shape::Single && tables.iter().all(without)
        }
        _ => false,
    }
}
