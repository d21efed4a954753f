//! What the release gate says of aggregates over rows that no data can make: a WHERE that the declared columns never meet.
//!
//! The optimizer computes `COUNT(*) ... WHERE 1 = 0` without reading a row. A number with nobody behind it is withheld
//! whether that follows from the text or from the data.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{EmptyRelation, LogicalPlan, LogicalPlanBuilder, lit};

use super::{DeclaredTable, reads_tables};
use crate::catalog::Federation;
use crate::error::Error;
use crate::function::TableFunction;

/// The plan with NULL for every aggregate without keys over no rows, if an owner of a table of `raw`, the same query as it
/// was written, withholds numbers of few people.
pub(super) fn of_no_rows(
    federation: &Federation,
    raw: &LogicalPlan,
    optimised: LogicalPlan,
) -> Result<LogicalPlan> {
    refuse_functions(&optimised)?;
    if !withholds(federation, raw)? {
        return Ok(optimised);
    }
    let withheld = optimised.transform_up_with_subqueries(|node| {
        let LogicalPlan::Aggregate(aggregate) = &node else { return Ok(Transformed::no(node)) };
        if !aggregate.group_expr.is_empty() || reads_tables(&node) || !over_nothing(&aggregate.input)? {
            return Ok(Transformed::no(node));
        }
        let mut nulls = Vec::new();
        for (qualifier, field) in aggregate.schema.iter() {
            let null = ScalarValue::try_from(field.data_type())?;
            nulls.push(lit(null).alias_qualified(qualifier.cloned(), field.name()));
        }
        let schema = Arc::new(DFSchema::empty());
        let one_row = LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: true, schema });
        LogicalPlanBuilder::from(one_row).project(nulls)?.build().map(Transformed::yes)
    })?;
    // What stands above takes the types of its inputs anew: these may be NULL.
    withheld.data.recompute_schema()
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
