//! A table of an owner that a branch has already: joined at this owner, whatever stands between the two in the query.
#![expect(clippy::wildcard_enum_match_arm, reason = "only plain columns are looked for")]

use datafusion::common::JoinType;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};

use super::across::On;
use super::failure;
use super::guard::names_match;
use super::infer::infer;
use super::leaf::{Leaf, Persons, beside};
use super::rows::{Branch, Presence, leaves_of, localised, place, renamed, replace, symbol};
use crate::Result;

/// An inner join with a table of an owner of the first side, on columns of that owner alone, as one leaf of both tables;
/// `None` for any other join.
pub(super) fn join_at_owner(first: &Branch, second: &Branch, on: &On) -> Result<Option<Branch>> {
    let [other] = second.leaves.as_slice() else { return Ok(None) };
    let pairs = on.equalities(first, second)?;
    let mut found = None;
    for (a, b) in &pairs {
        let (a, b) = (leaves_of(a), leaves_of(b));
        let (Some(&leaf), 1, 1) = (a.first(), a.len(), b.len()) else { return Ok(None) };
        if found.is_some_and(|before| before != leaf) {
            return Ok(None);
        }
        found = Some(leaf);
    }
    let Some(index) = found else { return Ok(None) };
    let Some(leaf) = first.leaves.get(index) else { return Ok(None) };
    let plain = pairs.iter().all(|(a, b)| !names_match(a) && !names_match(b));
    let always = first.presence.get(index) == Some(&Presence::Always);
    if leaf.owner != other.owner || !plain || !always || leaf.whole.is_none() || other.whole.is_none() {
        return Ok(None);
    }
    let shift = leaf.scope.facts.len();
    let moved = |expr: &Expr| {
        replace(expr, &|column| {
            let (_, column) = place(column)?;
            other.names.get(column).map(|name| symbol(index, column + shift, name))
        })
    };
    let mut branch = first.clone();
    let second_columns = second.columns.iter().map(moved).collect::<Result<Vec<_>>>()?;
    for filter in &second.filters {
        branch.filters.push(moved(filter)?);
    }
    branch.filters.extend(on.others(&first.columns, &second_columns)?);
    branch.columns.extend(second_columns);
    let joined = joined(leaf, other, &pairs, (first, second))?;
    if let Some(place) = branch.leaves.get_mut(index) {
        *place = joined;
    }
    Ok(Some(branch))
}

/// The rows of two whole tables of one owner, joined.
fn joined(
    left: &Leaf,
    right: &Leaf,
    pairs: &[(Expr, Expr)],
    (first, second): (&Branch, &Branch),
) -> Result<Leaf> {
    let (l_plan, r_plan) = (renamed(left, "l")?, renamed(right, "r")?);
    let plain = |expr: &Expr| match expr {
        Expr::Column(column) => place(column).map(|(_, column)| column),
        _ => None,
    };
    let mut on = Vec::new();
    let (mut l_keys, mut r_keys) = (Vec::new(), Vec::new());
    for (a, b) in pairs {
        infer(a, &first.scope()?)?;
        infer(b, &second.scope()?)?;
        on.push((plain(a), plain(b)));
        l_keys.push(localised(a, &l_plan)?);
        r_keys.push(localised(b, &r_plan)?);
    }
    let plan = LogicalPlanBuilder::from(l_plan)
        .join_with_expr_keys(r_plan, JoinType::Inner, (l_keys, r_keys), None)
        .and_then(LogicalPlanBuilder::build)
        .map_err(|error| failure::engine(&error))?;
    let mut leaf = beside(left, right, &on)?;
    leaf.scope.schema = plan.schema().as_ref().clone();
    leaf.plan = plan;
    leaf.whole = whole(&leaf, left, right);
    Ok(leaf)
}

/// How many rows of two joined tables one identifier may have, if both are whole tables: nothing but whole tables says
/// then which rows there are.
pub(super) fn whole(joined: &Leaf, left: &Leaf, right: &Leaf) -> Option<u64> {
    left.whole.and(right.whole)?;
    Some(match joined.persons {
        Persons::Column { max_rows, .. } => max_rows,
        Persons::Rows | Persons::Lost(_) => joined.bound,
    })
}
