//! Joins of several rows with several, by the number of rows that a policy allows per person.
//!
//! The side with fewer rows per identifier is taken apart: the first row of every identifier, the second, and so on. Each
//! part has one row per identifier, and the joins with all parts on top of each other are the join with the whole. Rows
//! beyond the declared number stay in the last part, where its owner notices that an identifier repeats. The same parts, each
//! asked for by itself, say of IN and EXISTS whether there is a row at all.

use std::collections::BTreeSet;

use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr_fn::ExprFunctionExt;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, col, lit};

use super::failure;
use super::leaf::{Leaf, Persons};
use super::rows::{Branch, KeyJoin, KeySide, Link, key_columns, localised, renamed};
use super::tree::{other_side, rooted, rows_per_key, side_of};
use crate::Result;
use crate::function::hashed::hashed;

/// The most parts into which a side is taken apart.
const MAX_SLOTS: u64 = 32;

/// Branches whose rows together are those of a branch, each with a leaf that can stay in place, if a leaf can be taken
/// apart.
pub(super) fn slots(branch: Branch) -> Result<Vec<Branch>> {
    let has_root = |branch: &Branch| (0..branch.leaves.len()).any(|root| rooted(branch, root).is_some());
    if has_root(&branch) {
        return Ok(vec![branch]);
    }
    let sides = branch.joins.iter().flat_map(|join| [(join, &join.left), (join, &join.right)]);
    let rows = |side: &KeySide| branch.leaves.get(side.leaf).map_or(0, |leaf| rows_per_key(leaf, side));
    let mut few: Vec<(&KeyJoin, &KeySide)> = sides
        .filter(|(join, side)| join.link == Link::Required && (2..=MAX_SLOTS).contains(&rows(side)))
        .collect();
    few.sort_by_key(|(_, side)| rows(side));
    for (join, side) in few {
        let parts = split(&branch, side, join.normalised)?;
        if parts.iter().all(has_root) {
            return Ok(parts);
        }
    }
    Ok(vec![branch])
}

/// Branches whose rows together are those of a branch, in each of which at most one row has the same identifier; `None` if
/// they would be too many, or cannot be told.
pub(super) fn one_each(branch: &Branch, side: &KeySide, normalised: bool) -> Result<Option<Vec<Branch>>> {
    let mut sides = vec![(side.clone(), normalised)];
    let mut next = 0;
    while let Some(leaf) = sides.get(next).map(|(side, _)| side.leaf) {
        next += 1;
        for join in &branch.joins {
            let Some(there) = other_side(join, leaf) else { continue };
            if sides.iter().any(|(known, _)| known.leaf == there.leaf) {
                continue;
            }
            if join.link != Link::Required {
                return Ok(None);
            }
            sides.push((side_of(join, there.leaf).clone(), join.normalised));
        }
    }
    let mut parts = vec![branch.clone()];
    for (side, normalised) in sides {
        let rows = branch.leaves.get(side.leaf).map_or(u64::MAX, |leaf| rows_per_key(leaf, &side));
        if rows == 1 {
            continue;
        }
        if rows.saturating_mul(parts.len() as u64) > MAX_SLOTS {
            return Ok(None);
        }
        let all = parts.iter().map(|part| split(part, &side, normalised)).collect::<Result<Vec<_>>>()?;
        parts = all.into_iter().flatten().collect();
    }
    let is_rooted = |part: &Branch| rooted(part, side.leaf).is_some();
    Ok(parts.iter().all(is_rooted).then_some(parts))
}

/// A branch once for each number that a row may have among those of its identifier in a leaf.
fn split(branch: &Branch, side: &KeySide, normalised: bool) -> Result<Vec<Branch>> {
    let leaf = branch.leaves.get(side.leaf).ok_or_else(|| failure::internal("a join of no leaf"))?;
    let count = rows_per_key(leaf, side);
    let mut parts = Vec::new();
    for number in 1..=count {
        let mut part = branch.clone();
        if let Some(place) = part.leaves.get_mut(side.leaf) {
            *place = slot(leaf, normalised, side, number, number == count)?;
        }
        parts.push(part);
    }
    Ok(parts)
}

/// The rows of a leaf that are the `number`th of their identifier; the last part takes those beyond too.
fn slot(leaf: &Leaf, normalised: bool, side: &KeySide, number: u64, last: bool) -> Result<Leaf> {
    let engine = |error| failure::engine(&error);
    let input = renamed(leaf, "r")?;
    let parts = side.parts.iter().map(|part| localised(part, &input)).collect::<Result<Vec<_>>>()?;
    // Rows without an identifier have no partner, and there may be more of them than of any identifier.
    let known = parts.iter().cloned().map(|part| Expr::IsNotNull(Box::new(part))).reduce(Expr::and);
    let identifier = if normalised { vec![hashed().call(parts)] } else { parts };
    let columns: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
    // Rows that no column tells apart may change places.
    let order = columns.iter().map(|column| column.clone().sort(true, false)).collect();
    let numbered = row_number().partition_by(identifier).order_by(order).build().map_err(engine)?;
    let wanted = if last { col("slot").gt_eq(lit(number)) } else { col("slot").eq(lit(number)) };
    let plan = LogicalPlanBuilder::from(input)
        .filter(known.unwrap_or_else(|| lit(true)))
        .and_then(|plan| plan.window(vec![numbered.alias("slot")]))
        .and_then(|plan| plan.filter(wanted))
        .and_then(|plan| plan.project(columns))
        .and_then(LogicalPlanBuilder::build)
        .map_err(engine)?;
    let mut part = leaf.clone();
    part.scope.schema = plan.schema().as_ref().clone();
    part.plan = plan;
    // Not more identifiers than this have so many rows.
    part.bound = (leaf.bound / number).max(1);
    part.whole = leaf.whole.map(|_| 1);
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
