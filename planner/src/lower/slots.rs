//! Joins of several rows with several, by the number of rows that a policy allows per person.
//!
//! The side with fewer rows per identifier is taken apart: the first row of every identifier, the second, and so on. Each
//! part has one row per identifier, and the joins with all parts on top of each other are the join with the whole. Rows
//! beyond the declared number stay in the last part, where its owner notices that an identifier repeats.

use std::collections::BTreeSet;

use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr_fn::ExprFunctionExt;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, col, lit};

use super::across::Pair;
use super::failure;
use super::leaf::{Leaf, Persons};
use super::rows::{KeyJoin, KeySide, key_columns, localised, renamed};
use super::tree::rooted;
use crate::Result;
use crate::function::hashed::hashed;

/// The most parts into which a side is taken apart.
const MAX_SLOTS: u64 = 32;

/// Pairs whose rows together are those of a pair, each with a leaf that can stay in place, if a side can be taken apart.
pub(super) fn slots(pair: Pair) -> Result<Vec<Pair>> {
    if (0..pair.branch.leaves.len()).any(|root| rooted(&pair.branch, root).is_some()) {
        return Ok(vec![pair]);
    }
    let Some(key) = pair.branch.joins.get(pair.key).cloned() else { return Ok(vec![pair]) };
    let rows = |side: &&KeySide| pair.branch.leaves.get(side.leaf).and_then(|leaf| leaf.whole);
    let few = |side: &&KeySide| rows(side).is_some_and(|rows| (2..=MAX_SLOTS).contains(&rows));
    let Some(side) = [&key.left, &key.right].into_iter().filter(few).min_by_key(rows) else {
        return Ok(vec![pair]);
    };
    let Some(leaf) = pair.branch.leaves.get(side.leaf) else { return Ok(vec![pair]) };
    let count = leaf.whole.unwrap_or(1);
    let mut parts = Vec::new();
    for number in 1..=count {
        let mut part = pair.clone();
        if let Some(place) = part.branch.leaves.get_mut(side.leaf) {
            *place = slot(leaf, &key, side, number, number == count)?;
        }
        parts.push(part);
    }
    let fits = |part: &Pair| (0..part.branch.leaves.len()).any(|root| rooted(&part.branch, root).is_some());
    Ok(if parts.iter().all(fits) { parts } else { vec![pair] })
}

/// The rows of a leaf that are the `number`th of their identifier; the last part takes those beyond too.
fn slot(leaf: &Leaf, join: &KeyJoin, side: &KeySide, number: u64, last: bool) -> Result<Leaf> {
    let engine = |error| failure::engine(&error);
    let input = renamed(leaf, "r")?;
    let parts = side.parts.iter().map(|part| localised(part, &input)).collect::<Result<Vec<_>>>()?;
    let identifier = if join.normalised { vec![hashed().call(parts)] } else { parts };
    let columns: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
    // Rows that no column tells apart may change places.
    let order = columns.iter().map(|column| column.clone().sort(true, false)).collect();
    let numbered = row_number().partition_by(identifier).order_by(order).build().map_err(engine)?;
    let wanted = if last { col("slot").gt_eq(lit(number)) } else { col("slot").eq(lit(number)) };
    let plan = LogicalPlanBuilder::from(input)
        .window(vec![numbered.alias("slot")])
        .and_then(|plan| plan.filter(wanted))
        .and_then(|plan| plan.project(columns))
        .and_then(LogicalPlanBuilder::build)
        .map_err(engine)?;
    let mut part = leaf.clone();
    part.scope.schema = plan.schema().as_ref().clone();
    part.plan = plan;
    // Not more identifiers than this have so many rows.
    part.bound = (leaf.bound / number).max(1);
    part.whole = Some(1);
    if let Some(key) = key_columns(side, leaf) {
        if let Persons::Column { column, max_rows } = &mut part.persons
            && key == BTreeSet::from([*column])
        {
            *max_rows = 1;
        }
        part.keys.push((key, 1));
    }
    Ok(part)
}
