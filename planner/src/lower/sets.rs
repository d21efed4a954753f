//! GROUPING SETS, ROLLUP and CUBE: one GROUP BY for each set, on top of each other.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is no part of a chain"
)]

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::utils::enumerate_grouping_sets;
use datafusion::logical_expr::{Aggregate, Expr, GroupingSet, LogicalPlan, Projection, lit};

use super::chain::chain;
use super::failure;
use crate::Result;

/// The most sets.
const MAX_SETS: usize = 64;

/// The plan once for each grouping set of the aggregate at its bottom; `None` if it has none.
pub(super) fn grouping_sets(plan: &LogicalPlan) -> Result<Option<Vec<LogicalPlan>>> {
    let Some((aggregate, _)) = chain(plan)? else { return Ok(None) };
    let Some(sets) = sets_of(aggregate)? else { return Ok(None) };
    sets.iter().map(|set| with_set(plan, set)).collect::<Result<_>>().map(Some)
}

/// The grouping sets of an aggregate, if it has some.
///
/// # Errors
/// Invalid ("not built") for too many of them.
pub(super) fn sets_of(aggregate: &Aggregate) -> Result<Option<Vec<Vec<Expr>>>> {
    if !aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_))) {
        return Ok(None);
    }
    let engine = |error| failure::engine(&error);
    let sets = match enumerate_grouping_sets(aggregate.group_expr.clone()).map_err(engine)?.as_slice() {
        [Expr::GroupingSet(GroupingSet::GroupingSets(sets))] => sets.clone(),
        [Expr::GroupingSet(GroupingSet::Rollup(keys))] => {
            (0..=keys.len()).rev().map(|count| keys.iter().take(count).cloned().collect()).collect()
        }
        [Expr::GroupingSet(GroupingSet::Cube(keys))] if keys.len() <= 6 => subsets(keys),
        _ => return Err(failure::not_built("these GROUPING SETS")),
    };
    if sets.len() > MAX_SETS {
        return Err(failure::not_built(format!("more than {MAX_SETS} grouping sets")));
    }
    // A key beside a ROLLUP of itself is in a set twice.
    Ok(Some(sets.into_iter().map(distinct).collect()))
}

/// A bit for each key that is not in a set, the last key's lowest.
pub(super) fn missing_keys(keys: &[Expr], set: &[Expr]) -> u64 {
    keys.iter().fold(0, |missing, key| missing << 1 | u64::from(!set.contains(key)))
}

fn subsets(keys: &[Expr]) -> Vec<Vec<Expr>> {
    let chosen = |set: usize| {
        let bit = |place: usize| set >> (keys.len() - 1 - place) & 1 == 1;
        keys.iter().enumerate().filter(|(place, _)| bit(*place)).map(|(_, key)| key.clone()).collect()
    };
    (0..1 << keys.len()).rev().map(chosen).collect()
}

/// The chain over the groups of one set.
fn with_set(plan: &LogicalPlan, set: &[Expr]) -> Result<LogicalPlan> {
    let engine = |error| failure::engine(&error);
    match plan {
        LogicalPlan::Aggregate(aggregate) => of_set(aggregate, set),
        other => {
            let inputs = other.inputs().into_iter().map(|input| with_set(input, set));
            let inputs = inputs.collect::<Result<Vec<_>>>()?;
            other.with_new_exprs(other.expressions(), inputs).map_err(engine)
        }
    }
}

/// The groups of one set, with the columns of all: keys that are not in it are NULL, and the last of them says which set
/// it is, a bit for each key that is missing.
fn of_set(aggregate: &Aggregate, set: &[Expr]) -> Result<LogicalPlan> {
    let engine = |error| failure::engine(&error);
    let input = Arc::clone(&aggregate.input);
    let groups = Aggregate::try_new(input, set.to_vec(), aggregate.aggr_expr.clone()).map_err(engine)?;
    let own = groups.schema.columns();
    let keys = flat_keys(aggregate);
    let mut columns = Vec::new();
    let missing = missing_keys(&keys, set);
    for key in &keys {
        let place = set.iter().position(|own| own == key);
        columns.push(place.and_then(|place| own.get(place)).cloned().map(Expr::Column));
    }
    let aggregates = own.iter().skip(set.len()).cloned().map(Expr::Column).map(Some);
    let fields = aggregate.schema.iter();
    let id = lit(ScalarValue::UInt64(Some(missing)));
    let columns = columns.into_iter().chain([Some(id)]).chain(aggregates);
    let mut exprs = Vec::new();
    for (column, (qualifier, field)) in columns.zip(fields) {
        let null = ScalarValue::try_from(field.data_type()).map_err(engine)?;
        let column = match column {
            Some(Expr::Literal(ScalarValue::UInt64(Some(id)), _)) => {
                let id = ScalarValue::UInt64(Some(id)).cast_to(field.data_type()).map_err(engine)?;
                lit(id)
            }
            Some(column) => column,
            None => lit(null),
        };
        exprs.push(column.alias_qualified(qualifier.cloned(), field.name()));
    }
    let plan = Projection::try_new(exprs, Arc::new(LogicalPlan::Aggregate(groups))).map_err(engine)?;
    Ok(LogicalPlan::Projection(plan))
}

/// Keys, each once.
fn distinct(keys: Vec<Expr>) -> Vec<Expr> {
    let mut once = Vec::new();
    for key in keys {
        if !once.contains(&key) {
            once.push(key);
        }
    }
    once
}

/// The keys of a GROUP BY; where it has sets, those of all, each once, as its columns are.
pub(super) fn flat_keys(aggregate: &Aggregate) -> Vec<Expr> {
    let keys = aggregate.group_expr.iter().flat_map(|key| match key {
        Expr::GroupingSet(set) => set.distinct_expr().into_iter().cloned().collect(),
        other => vec![other.clone()],
    });
    let keys: Vec<Expr> = keys.collect();
    let has_sets = aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_)));
    if has_sets { distinct(keys) } else { keys }
}
