//! What the release gate says of aggregates over rows that no data can make: a WHERE that the declared columns never meet.
//!
//! The optimizer computes `COUNT(*) ... WHERE 1 = 0` without reading a row. A number with nobody behind it is withheld
//! whether that follows from the text or from the data.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest may have rows"
)]

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Aggregate, EmptyRelation, Expr, LogicalPlan, LogicalPlanBuilder, lit};

use super::{DeclaredTable, reads_tables};
use crate::catalog::Federation;
use crate::error::Error;
use crate::function::TableFunction;

/// The plan with its value for every aggregate without keys over no rows: NULL if an owner of a table of `raw`, the same query
/// as it was written, withholds numbers of few people.
pub(super) fn of_no_rows(
    federation: &Federation,
    raw: &LogicalPlan,
    optimised: LogicalPlan,
) -> Result<LogicalPlan> {
    refuse_functions(&optimised)?;
    let withholds = withholds(federation, raw)?;
    let given = optimised.transform_up_with_subqueries(|node| {
        let LogicalPlan::Aggregate(aggregate) = &node else { return Ok(Transformed::no(node)) };
        let none = || if withholds { over_nothing(&aggregate.input) } else { Ok(is_empty(&aggregate.input)) };
        if reads_tables(&node) || !none()? {
            return Ok(Transformed::no(node));
        }
        let keys = aggregate.schema.fields().len() - aggregate.aggr_expr.len();
        // With keys there are no groups; grouping sets have their totals still.
        let totals = matches!(aggregate.group_expr.as_slice(), [Expr::GroupingSet(_)]);
        if keys > 0 && !(totals && withholds) {
            return Ok(Transformed::no(node));
        }
        let Some(values) = values(aggregate, keys, withholds)? else { return Ok(Transformed::no(node)) };
        let schema = Arc::new(DFSchema::empty());
        let one_row = LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: true, schema });
        let below = if keys > 0 { node } else { one_row };
        LogicalPlanBuilder::from(below).project(values)?.build().map(Transformed::yes)
    })?;
    if !given.transformed {
        return Ok(given.data);
    }
    // What stands above takes the types of its inputs anew: these may be NULL.
    given.data.recompute_schema()
}

/// The columns of an aggregate over no rows: its keys, and what each number is; `None` where that is not known.
fn values(aggregate: &Aggregate, keys: usize, withholds: bool) -> Result<Option<Vec<Expr>>> {
    let columns = || aggregate.schema.iter();
    let mut values: Vec<Expr> = columns().take(keys).map(|column| Expr::Column(column.into())).collect();
    for ((qualifier, field), expr) in columns().skip(keys).zip(&aggregate.aggr_expr) {
        let value = match expr.clone().unalias() {
            _ if withholds => ScalarValue::try_from(field.data_type())?,
            // The engine fails to add no decimals beside a COUNT(DISTINCT).
            Expr::AggregateFunction(of) => of.func.default_value(field.data_type())?,
            _ => return Ok(None),
        };
        values.push(lit(value).alias_qualified(qualifier.cloned(), field.name()));
    }
    Ok(Some(values))
}

/// Whether a plan has no rows, whatever else is in it.
fn is_empty(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::EmptyRelation(empty) => !empty.produce_one_row,
        LogicalPlan::Aggregate(aggregate) => !aggregate.group_expr.is_empty() && is_empty(&aggregate.input),
        LogicalPlan::Projection(projection) => is_empty(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => is_empty(&alias.input),
        LogicalPlan::Filter(filter) => is_empty(&filter.input),
        _ => false,
    }
}

/// A table function over rows that no data can make has no answer.
fn refuse_functions(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Extension(extension) = node
            && let Some(function) = extension.node.as_any().downcast_ref::<TableFunction>()
            && !reads_tables(&function.input)
            && over_nothing(&function.input)?
        {
            let message = format!("{}: no row can meet the conditions of its input", function.spec.name);
            return Err(DataFusionError::External(Box::new(Error::invalid(message))));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// Whether an owner of a table that a plan reads withholds numbers of few people.
fn withholds(federation: &Federation, plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(table) = scan.source.downcast_ref::<DeclaredTable>()
        {
            let owner = federation.parties.get(table.party.0);
            found |= owner.is_some_and(|owner| owner.release.min_people > 1);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// Whether a plan has no rows because the optimizer found none possible.
fn over_nothing(plan: &LogicalPlan) -> Result<bool> {
    plan.exists(|node| Ok(matches!(node, LogicalPlan::EmptyRelation(empty) if !empty.produce_one_row)))
}
