//! Scalar subqueries beside rows: over the rows of the same owner one more column of these, else a secret value.
#![expect(clippy::wildcard_enum_match_arm, reason = "only a few nodes give exactly one row")]

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Subquery};

use super::chain::Chain;
use super::cut::Cut;
use super::failure;
use super::leaf::{Leaf, describe, owners};
use super::rows::{Branch, renamed, symbol};
use super::secret::value_of;
use super::top::Top;
use super::within;
use crate::Result;
use crate::catalog::Federation;

/// The expression with a column in place of every scalar subquery: the leaf of the subquery's owner gains it, or the branch a
/// secret value.
///
/// # Errors
/// Invalid ("not built") for a correlated subquery, or one that may give several rows; refused where the persons behind its
/// aggregate cannot be counted.
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
    let plain = subquery.outer_ref_columns.is_empty() && gives_one_row(&subquery.subquery);
    let (Some(index), Some(leaf), true) = (index, leaf, plain) else {
        return value_of(subquery, &mut branch.secrets, federation);
    };
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

/// What stands above groups with NULL in place of every scalar subquery that is an output column as it is, and those
/// columns: each is a query of its own, released by itself.
pub(super) fn shown<'c>(
    chain: &Chain<'c>,
    top: Option<&Top>,
    cut: &mut Cut<'_>,
) -> Result<(Chain<'c>, Vec<(usize, Expr)>)> {
    let inside: Vec<usize> = top.iter().flat_map(|top| &top.order).map(|key| key.column).collect();
    let mut columns = chain.columns.clone();
    let mut shown = Vec::new();
    for (place, column) in columns.iter_mut().enumerate() {
        let Expr::ScalarSubquery(subquery) = column else { continue };
        let plain = subquery.outer_ref_columns.is_empty() && gives_one_row(&subquery.subquery);
        if !plain || inside.contains(&place) {
            continue;
        }
        let null = ScalarValue::try_from(chain.schema.field(place).data_type());
        let null = null.map_err(|error| failure::engine(&error))?;
        let clear = Arc::new(cut.cut(&subquery.subquery)?);
        shown.push((place, Expr::ScalarSubquery(Subquery { subquery: clear, ..subquery.clone() })));
        *column = Expr::Literal(null, None);
    }
    Ok((Chain { schema: chain.schema, columns, filters: chain.filters.clone() }, shown))
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
