//! Scalar subqueries over the rows of the owner whose rows they are compared with: one more column of these rows.
#![expect(clippy::wildcard_enum_match_arm, reason = "only a few nodes give exactly one row")]

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Subquery};

use super::failure;
use super::leaf::{Leaf, describe, owners};
use super::rows::{Branch, renamed, symbol};
use super::within;
use crate::Result;
use crate::catalog::Federation;

/// The expression with a column in place of every scalar subquery; the leaf of the subquery's owner gains the column.
///
/// # Errors
/// Invalid ("not built") for a subquery over another owner's rows, or one that may give no row or several; refused where the
/// persons behind its aggregate cannot be counted.
pub(super) fn attached(branch: &mut Branch, expr: Expr, federation: &Federation) -> Result<Expr> {
    if !has_subquery(&expr)? {
        return Ok(expr);
    }
    let mut failed = None;
    let replaced = expr.transform_up(|part| {
        let Expr::ScalarSubquery(subquery) = &part else { return Ok(Transformed::no(part)) };
        match attach(branch, subquery, federation) {
            Ok(column) => Ok(Transformed::yes(column)),
            Err(error) => {
                failed = Some(error);
                Ok(Transformed::no(part))
            }
        }
    });
    match failed {
        Some(error) => Err(error),
        None => replaced.map(|replaced| replaced.data).map_err(|error| failure::engine(&error)),
    }
}

/// Whether an expression holds a scalar subquery.
pub(super) fn has_subquery(expr: &Expr) -> Result<bool> {
    let mut found = false;
    expr.apply(|part| {
        found |= matches!(part, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_));
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })
    .map_err(|error| failure::engine(&error))?;
    Ok(found)
}

fn attach(branch: &mut Branch, subquery: &Subquery, federation: &Federation) -> Result<Expr> {
    let owners = owners(&subquery.subquery)?;
    let index = branch.leaves.iter().position(|leaf| owners.len() == 1 && owners.contains(&leaf.owner));
    let leaf = index.and_then(|index| branch.leaves.get(index));
    let (Some(index), Some(leaf)) = (index, leaf) else {
        return Err(failure::not_built("a scalar subquery over the rows of several or of other owners"));
    };
    if !subquery.outer_ref_columns.is_empty() || !gives_one_row(&subquery.subquery) {
        return Err(failure::not_built("a scalar subquery other than an aggregate without GROUP BY"));
    }
    let owner = federation.parties.get(leaf.owner.0).ok_or_else(|| failure::internal("an owner"))?;
    let inner = describe(&within::gated(&subquery.subquery, owner, federation)?, federation)?;
    let joined = beside_one(leaf, &inner)?;
    let place = joined.names.len() - 1;
    let column = symbol(index, place, "subquery");
    if let Some(leaf) = branch.leaves.get_mut(index) {
        *leaf = joined;
    }
    Ok(column)
}

/// Whether a plan gives exactly one row, whatever its tables hold.
pub(super) fn gives_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(projection) => gives_one_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => gives_one_row(&alias.input),
        _ => false,
    }
}

/// The rows of a leaf, all of them, each with the one value beside it.
fn beside_one(leaf: &Leaf, one: &Leaf) -> Result<Leaf> {
    let facts =
        one.scope.facts.first().cloned().ok_or_else(|| failure::internal("a subquery without a column"))?;
    let (rows, value) = (renamed(leaf, "l")?, renamed(one, "s")?);
    let plan = LogicalPlanBuilder::from(rows).cross_join(value).and_then(LogicalPlanBuilder::build);
    let plan = plan.map_err(|error| failure::engine(&error))?;
    let mut joined = leaf.clone();
    joined.scope.schema = plan.schema().as_ref().clone();
    joined.plan = plan;
    joined.scope.facts.push(facts.with_null(true));
    joined.names.push("subquery".into());
    joined.origins.push(None);
    joined.branched.push(one.branched.first().copied().unwrap_or(false));
    let new = one.tables.iter().filter(|table| !leaf.tables.contains(table)).cloned();
    joined.tables.extend(new);
    Ok(joined)
}
