//! Aggregates per value that rows look up: scalar subqueries correlated by columns of an open domain.
//!
//! `x > (SELECT AVG(y) FROM b WHERE b.town = a.town)` is, as the engine writes it, a join of `b` grouped by town. Where
//! all rows underneath are one owner's, this owner groups them in the clear; a group of too few people, or a number that would
//! be withheld, is not there for anybody ([`within`](super::within)), so that no more persons need be counted for it outside.
//! Whether there is no group, or one of too few people, must look the same: the engine's 0 for a COUNT of nothing is NULL then.
#![expect(clippy::wildcard_enum_match_arm, reason = "only joins of aggregates are looked for")]

use std::collections::BTreeSet;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, Join, JoinType, LogicalPlan, lit};

use super::leaf::{Persons, describe, owners};
use super::rows::Branch;
use super::{failure, within};
use crate::catalog::Federation;
use crate::check::gated_groups;
use crate::{Class, Error, Result};

/// How the engine calls the column that says that there is a group.
const IS_THERE: &str = "__always_true";

/// How the engine's names of joined scalar subqueries begin.
const SUBQUERY: &str = "__scalar_sq";

/// One owner's plan with the aggregates that its rows look up gated, and the columns that say where there is one.
///
/// # Errors
/// Refused where the persons behind an aggregate cannot be counted.
pub(super) fn gated_lookups(
    plan: LogicalPlan,
    federation: &Federation,
) -> Result<(LogicalPlan, BTreeSet<Column>)> {
    let mut failed = None;
    let mut there = BTreeSet::new();
    let done = plan.transform_up(|node| {
        let LogicalPlan::Join(join) = &node else { return Ok(Transformed::no(node)) };
        match gated(join, federation) {
            Ok(None) => Ok(Transformed::no(node)),
            Ok(Some(right)) => {
                if is_gated(&right, federation).is_ok_and(|gated| gated) {
                    there.extend(says_there(&right));
                }
                let inputs = vec![join.left.as_ref().clone(), right];
                node.with_new_exprs(node.expressions(), inputs).map(Transformed::yes)
            }
            Err(error) => {
                failed.get_or_insert(error);
                Ok(Transformed::no(node))
            }
        }
    });
    let plan = done.map_err(|error| failure::engine(&error))?.data;
    match failed {
        Some(error) => Err(error),
        None => Ok((unasked(plan, &there)?, there)),
    }
}

/// The right side of a join, a correlated scalar subquery over several persons of one owner, as that owner withholds it;
/// `None` for any other.
///
/// # Errors
/// Refused where the persons behind the aggregate cannot be counted.
pub(super) fn gated(join: &Join, federation: &Federation) -> Result<Option<LogicalPlan>> {
    let of = owners(&join.right)?;
    let (true, Some(owner), 1) = (is_lookup(join), of.first(), of.len()) else { return Ok(None) };
    let party = federation.parties.get(owner.0).ok_or_else(|| failure::internal("an owner"))?;
    if !is_aggregate(&join.right) || (party.release.min_people < 2 && party.release.round_counts < 2) {
        return Ok(None);
    }
    if !matches!(describe(&join.right, federation)?.persons, Persons::Lost(_)) {
        return Ok(None);
    }
    within::gated(&join.right, party, federation).map(Some)
}

/// Whether a plan's rows are aggregates of one owner that are gated at home.
pub(super) fn is_gated(plan: &LogicalPlan, federation: &Federation) -> Result<bool> {
    let of = owners(plan)?;
    let owner = of.first().filter(|_| of.len() == 1).and_then(|owner| federation.parties.get(owner.0));
    Ok(owner.is_some_and(|owner| owner.release.min_people > 1 && gated_groups(plan, owner)))
}

/// Whether the right side of a join is a scalar subquery. Where no row without a group can pass, the engine makes an inner
/// join of the left one.
fn is_lookup(join: &Join) -> bool {
    let named = |plan: &LogicalPlan| matches!(plan, LogicalPlan::SubqueryAlias(alias) if alias.alias.table().starts_with(SUBQUERY));
    matches!(join.join_type, JoinType::Left | JoinType::Inner) && named(&join.right)
}

/// Why the groups of a scalar subquery cannot be made.
pub(super) fn unmade(join: &Join, error: Error) -> Error {
    let several = owners(&join.right).is_ok_and(|of| of.len() > 1);
    if error.class == Class::Invalid && is_lookup(join) && several { failure::open_lookup() } else { error }
}

/// Sets the columns that say whether there is a group to true in the rows of a join with a gated side.
pub(super) fn is_there(
    gated: Option<&LogicalPlan>,
    join: &Join,
    branch: &mut Branch,
    federation: &Federation,
) -> Result<()> {
    let Some(gated) = gated else { return Ok(()) };
    if !is_gated(gated, federation)? {
        return Ok(());
    }
    for column in says_there(gated) {
        let index = join.schema.maybe_index_of_column(&column);
        if let Some(there) = index.and_then(|index| branch.columns.get_mut(index)) {
            *there = lit(true);
        }
    }
    Ok(())
}

/// Whether a plan is an aggregate with keys, and what is computed from it.
fn is_aggregate(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => {
            let plain = |key: &Expr| !matches!(key, Expr::GroupingSet(_));
            !aggregate.group_expr.is_empty()
                && !aggregate.aggr_expr.is_empty()
                && aggregate.group_expr.iter().all(plain)
        }
        LogicalPlan::Projection(projection) => is_aggregate(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => is_aggregate(&alias.input),
        LogicalPlan::Filter(filter) => is_aggregate(&filter.input),
        _ => false,
    }
}

/// The columns that say that there is a group.
fn says_there(plan: &LogicalPlan) -> Vec<Column> {
    plan.schema().columns().into_iter().filter(|column| column.name == IS_THERE).collect()
}

/// The plan with no question left whether there is a group.
fn unasked(plan: LogicalPlan, there: &BTreeSet<Column>) -> Result<LogicalPlan> {
    if there.is_empty() {
        return Ok(plan);
    }
    let done = plan.transform_up(|node| {
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let done = expr.transform_up(|part| {
                Ok(match &part {
                    Expr::IsNull(inner) if is_one(inner, there) => Transformed::yes(lit(false)),
                    Expr::IsNotNull(inner) if is_one(inner, there) => Transformed::yes(lit(true)),
                    _ => Transformed::no(part),
                })
            })?;
            Ok(done.update_data(|expr| name.restore(expr)))
        })
    });
    done.map(|done| done.data).map_err(|error| failure::engine(&error))
}

fn is_one(expr: &Expr, there: &BTreeSet<Column>) -> bool {
    matches!(expr, Expr::Column(column) if there.contains(column))
}
