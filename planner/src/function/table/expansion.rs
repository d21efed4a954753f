//! Table functions that are SQL: the node becomes a plan of aggregates and a clear stage over them.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result as EngineResult, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Projection, col, lit,
};

use super::{Boundary, Lowering, TableFunction};
use crate::error::{Error, Result};

/// Replaces every function that is an [`Lowering::Expansion`] by what it stands for.
///
/// # Errors
/// What the functions find wrong with their arguments.
pub(crate) fn expand(plan: LogicalPlan) -> EngineResult<LogicalPlan> {
    let expanded = plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::Extension(extension) = &node else { return Ok(Transformed::no(node)) };
        let Some(function) = extension.node.as_any().downcast_ref::<TableFunction>() else {
            return Ok(Transformed::no(node));
        };
        match function.spec.lowering {
            Lowering::Expansion(expansion) => {
                let plan = expansion(function).map_err(|error| DataFusionError::External(Box::new(error)))?;
                named(plan, function).map(Transformed::yes)
            }
            Lowering::Model(..) | Lowering::Statistic(_) => Ok(Transformed::no(node)),
        }
    });
    expanded.map(|expanded| expanded.data)
}

/// The plan's columns under the names and types of the function's.
fn named(plan: LogicalPlan, function: &TableFunction) -> EngineResult<LogicalPlan> {
    let columns = plan.schema().columns();
    if columns.len() != function.schema.fields().len() {
        return Err(DataFusionError::Internal(format!("{} has other columns", function.spec.name)));
    }
    let mut exprs = Vec::new();
    for (column, field) in columns.into_iter().zip(function.schema.fields()) {
        exprs.push(Expr::Column(column).cast_to(field.data_type(), plan.schema())?.alias(field.name()));
    }
    Projection::try_new(exprs, Arc::new(plan)).map(LogicalPlan::Projection)
}

/// Aggregates over the rows of a plan, released as they stand: `keys`, then `numbers`, under their names.
///
/// # Errors
/// Internal if the engine cannot plan them.
pub(super) fn released(
    rows: LogicalPlan,
    keys: &[(&str, Expr)],
    numbers: Vec<(String, Expr)>,
) -> Result<LogicalPlan> {
    let groups: Vec<Expr> = keys.iter().map(|(_, key)| key.clone()).collect();
    let aggregates: Vec<Expr> = numbers.iter().map(|(_, number)| number.clone()).collect();
    let aggregate = Aggregate::try_new(Arc::new(rows), groups, aggregates).map_err(|error| engine(&error))?;
    let names =
        keys.iter().map(|(name, _)| (*name).to_owned()).chain(numbers.into_iter().map(|(name, _)| name));
    let columns = aggregate.schema.columns().into_iter().zip(names);
    let exprs = columns.map(|(column, name)| Expr::Column(column).alias(name)).collect();
    let projection = Projection::try_new(exprs, Arc::new(LogicalPlan::Aggregate(aggregate)));
    Ok(Boundary::over(LogicalPlan::Projection(projection.map_err(|error| engine(&error))?)))
}

/// A row for each entry: its labels, then its values over the columns of the one row of `released`.
///
/// # Errors
/// Internal if the engine cannot plan it.
pub(crate) fn rows_of(
    released: LogicalPlan,
    entries: &[(Vec<ScalarValue>, Vec<Expr>)],
) -> Result<LogicalPlan> {
    let Some((labels, values)) = entries.first().map(|(labels, values)| (labels.len(), values.len())) else {
        return Err(Error::internal("a result without rows"));
    };
    let table = entries.iter().zip(0_i64..).map(|((labels, _), index)| {
        std::iter::once(lit(index)).chain(labels.iter().map(|label| lit(label.clone()))).collect()
    });
    let table = LogicalPlanBuilder::values(table.collect()).and_then(|built| {
        let names =
            std::iter::once("index".to_owned()).chain((0..labels).map(|label| format!("label{label}")));
        let columns: Vec<_> = built.schema().columns().into_iter().zip(names).collect();
        built.project(columns.into_iter().map(|(column, name)| Expr::Column(column).alias(name)))
    });
    let mut exprs: Vec<Expr> = (0..labels).map(|label| col(format!("label{label}"))).collect();
    for value in 0..values {
        let cases = entries.iter().zip(0_i64..).filter_map(|((_, values), index)| {
            let value = values.get(value)?;
            Some((Box::new(col("index").eq(lit(index))), Box::new(value.clone())))
        });
        let case = Case { expr: None, when_then_expr: cases.collect(), else_expr: None };
        exprs.push(Expr::Case(case).alias(format!("value{value}")));
    }
    let plan = table
        .and_then(|table| table.cross_join(released))
        .and_then(|joined| joined.sort([col("index").sort(true, false)]))
        .and_then(|joined| joined.project(exprs))
        .and_then(LogicalPlanBuilder::build);
    plan.map_err(|error| engine(&error))
}

/// A failure of the engine on a plan of our own.
pub(super) fn engine(error: &DataFusionError) -> Error {
    Error::internal(format!("the plan of a table function: {}", error.strip_backtrace()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_become_rows_of_a_clear_stage() {
        let empty = LogicalPlanBuilder::empty(true).build().unwrap();
        let one = Boundary::over(
            LogicalPlanBuilder::from(empty).project([lit(2.5).alias("x")]).unwrap().build().unwrap(),
        );
        let entry = |label: &str, value: Expr| (vec![ScalarValue::from(label)], vec![value]);
        let plan = rows_of(one, &[entry("a", col("x")), entry("b", col("x") * lit(2.0))]).unwrap();
        assert_eq!(plan.schema().field_names(), ["label0", "value0"]);
    }
}
