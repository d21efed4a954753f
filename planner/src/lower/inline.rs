//! Scalar subqueries that become columns: among one owner's rows joined, so that the local plan is a plan of rows alone; in
//! arguments of aggregates as a column of the rows that are grouped.
#![expect(clippy::wildcard_enum_match_arm, reason = "only two kinds of nodes hold such subqueries")]

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, LogicalPlanBuilder};

use super::failure;
use super::subquery::{gives_one_row, has_subquery};
use crate::Result;

/// The plan with every uncorrelated scalar subquery that gives one row joined below the filter or projection that uses
/// it. Other subqueries stay, and are refused where they are read.
///
/// # Errors
/// Internal for our bugs.
pub(super) fn joined_subqueries(plan: &LogicalPlan) -> Result<LogicalPlan> {
    let mut number = 0;
    let done = plan.clone().transform_up(|node| joined(node, &mut number));
    done.map(|done| done.data).map_err(|error| failure::engine(&error))
}

fn joined(node: LogicalPlan, number: &mut usize) -> Result<Transformed<LogicalPlan>, DataFusionError> {
    match node {
        LogicalPlan::Filter(filter) if holds_one(&filter.predicate) => {
            let columns = filter.input.schema().columns().into_iter().map(Expr::Column).collect::<Vec<_>>();
            let (input, predicate) = below(filter.input.as_ref().clone(), filter.predicate, number)?;
            LogicalPlanBuilder::from(input).filter(predicate)?.project(columns)?.build().map(Transformed::yes)
        }
        LogicalPlan::Projection(projection) if projection.expr.iter().any(holds_one) => {
            let mut input = projection.input.as_ref().clone();
            let mut exprs = Vec::new();
            for (expr, (qualifier, field)) in projection.expr.into_iter().zip(projection.schema.iter()) {
                let (with, expr) = below(input, expr, number)?;
                input = with;
                exprs.push(expr.alias_qualified(qualifier.cloned(), field.name()));
            }
            LogicalPlanBuilder::from(input).project(exprs)?.build().map(Transformed::yes)
        }
        other => Ok(Transformed::no(other)),
    }
}

/// The plan with every scalar subquery in an argument of an aggregate as one more column of the rows that are grouped.
///
/// # Errors
/// Internal for our bugs.
pub(super) fn subqueries_of_rows(plan: &LogicalPlan) -> Result<LogicalPlan> {
    let mut number = 0;
    let done = plan.clone().transform_up_with_subqueries(|node| {
        let LogicalPlan::Aggregate(aggregate) = &node else { return Ok(Transformed::no(node)) };
        if !aggregate.group_expr.iter().chain(&aggregate.aggr_expr).any(holds_one) {
            return Ok(Transformed::no(node));
        }
        of_arguments(aggregate, &mut number)
    });
    done.map(|done| done.data).map_err(|error| failure::engine(&error))
}

fn of_arguments(
    aggregate: &Aggregate,
    number: &mut usize,
) -> Result<Transformed<LogicalPlan>, DataFusionError> {
    let mut columns: Vec<Expr> = aggregate.input.schema().columns().into_iter().map(Expr::Column).collect();
    let mut replaced = |expr: &Expr| {
        let done = expr.clone().transform_up(|part| {
            let Expr::ScalarSubquery(_) = &part else { return Ok(Transformed::no(part)) };
            let name = format!("value {number}");
            *number += 1;
            columns.push(part.alias(&name));
            Ok(Transformed::yes(Expr::Column(Column::new_unqualified(name))))
        });
        done.map(|done| done.data)
    };
    let keys = aggregate.group_expr.iter().map(&mut replaced).collect::<Result<Vec<_>, _>>()?;
    let measures = aggregate.aggr_expr.iter().map(&mut replaced).collect::<Result<Vec<_>, _>>()?;
    let input = LogicalPlanBuilder::from(aggregate.input.as_ref().clone()).project(columns)?.build()?;
    let schema = Arc::clone(&aggregate.schema);
    let plan = Aggregate::try_new_with_schema(Arc::new(input), keys, measures, schema)?;
    Ok(Transformed::yes(LogicalPlan::Aggregate(plan)))
}

/// Whether a subquery is to be joined.
fn holds_one(expr: &Expr) -> bool {
    has_subquery(expr).unwrap_or(false)
}

/// The input with the values of an expression's subqueries beside its columns, and the expression over these.
fn below(
    mut input: LogicalPlan,
    expr: Expr,
    number: &mut usize,
) -> Result<(LogicalPlan, Expr), DataFusionError> {
    let replaced = expr.transform_up(|part| {
        let Expr::ScalarSubquery(subquery) = &part else { return Ok(Transformed::no(part)) };
        if !subquery.outer_ref_columns.is_empty() || !gives_one_row(&subquery.subquery) {
            return Ok(Transformed::no(part));
        }
        let inner = joined(subquery.subquery.as_ref().clone(), number)?.data;
        let name = format!("subquery {number}");
        *number += 1;
        let column = inner.schema().columns().into_iter().next();
        let column = column.ok_or_else(|| DataFusionError::Internal("a subquery without a column".into()))?;
        let value = LogicalPlanBuilder::from(inner).project([Expr::Column(column).alias(&name)])?.build()?;
        input = LogicalPlanBuilder::from(input.clone()).cross_join(value)?.build()?;
        Ok(Transformed::yes(Expr::Column(Column::new_unqualified(name))))
    })?;
    Ok((input, replaced.data))
}
