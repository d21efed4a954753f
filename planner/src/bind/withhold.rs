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
use datafusion::logical_expr::{
    Aggregate, EmptyRelation, Expr, GroupingSet, LogicalPlan, LogicalPlanBuilder, lit,
};

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
        // With keys there are no groups; grouping sets have their total still.
        if keys > 0 && !(withholds && has_total(&aggregate.group_expr)) {
            return Ok(Transformed::no(node));
        }
        let Some(values) = values(aggregate, keys, withholds)? else { return Ok(Transformed::no(node)) };
        let schema = Arc::new(DFSchema::empty());
        let one_row = LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: true, schema });
        LogicalPlanBuilder::from(one_row).project(values)?.build().map(Transformed::yes)
    })?;
    if !given.transformed {
        return Ok(given.data);
    }
    // All that stands above takes the types of its inputs anew: these may be NULL.
    let anew = given.data.transform_up_with_subqueries(|node| node.recompute_schema().map(Transformed::yes));
    Ok(anew?.data)
}

/// Whether grouping sets have one total, which has a row though there are none.
fn has_total(keys: &[Expr]) -> bool {
    match keys {
        [Expr::GroupingSet(GroupingSet::Rollup(_) | GroupingSet::Cube(_))] => true,
        [Expr::GroupingSet(GroupingSet::GroupingSets(sets))] => {
            sets.iter().filter(|set| set.is_empty()).count() == 1
        }
        _ => false,
    }
}

/// The one row of an aggregate over no rows: no key, and what each number is; `None` where that is not known.
fn values(aggregate: &Aggregate, keys: usize, withholds: bool) -> Result<Option<Vec<Expr>>> {
    let mut values = Vec::new();
    for (index, (qualifier, field)) in aggregate.schema.iter().enumerate() {
        let null = ScalarValue::try_from(field.data_type())?;
        let number = index.checked_sub(keys).and_then(|number| aggregate.aggr_expr.get(number));
        let value = match number.map(|number| number.clone().unalias()) {
            // A bit for each key that is not grouped by.
            None if field.name() == Aggregate::INTERNAL_GROUPING_ID => {
                ScalarValue::UInt64(Some((1 << (keys - 1)) - 1)).cast_to(field.data_type())?
            }
            None => null,
            Some(_) if withholds => null,
            // The engine fails to add no decimals beside a COUNT(DISTINCT).
            Some(Expr::AggregateFunction(of)) => of.func.default_value(field.data_type())?,
            Some(_) => return Ok(None),
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
