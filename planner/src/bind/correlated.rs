//! Scalar subqueries that depend on a column of another owner's rows: one subquery for each value of its closed domain.
//!
//! `x > (SELECT AVG(y) FROM b WHERE b.region = a.region)` is, where `region` is `north` or `south`,
//! `x > CASE a.region WHEN 'north' THEN (SELECT AVG(y) FROM b WHERE b.region = 'north') WHEN 'south' THEN ... END`: no row of
//! `b` meets one of `a`, every value has a gate of its own, and the rows pick theirs in secret. What one owner's tables
//! answer alone is left to the optimizer, which joins.
#![expect(clippy::wildcard_enum_match_arm, reason = "only columns and subqueries are looked for")]

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Projection, Subquery, col, lit};

use super::{lineage, owners_of};
use crate::catalog::{Domain, Federation, SqlType};

/// The most values, or combinations of values, for which a subquery is written out.
const MOST: usize = 32;

/// The plan with such subqueries written out.
pub(super) fn written_out(federation: &Federation, plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        let inputs = node.inputs();
        let [input] = inputs.as_slice() else { return Ok(Transformed::no(node)) };
        let input = LogicalPlan::clone(input);
        let around = owners_of(&input)?;
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let done = expr.transform_up(|part| {
                let Expr::ScalarSubquery(subquery) = &part else { return Ok(Transformed::no(part)) };
                let both = owners_of(&subquery.subquery)?.union(&around).count();
                let columns = of_outer(subquery);
                if both < 2 || columns.is_empty() {
                    return Ok(Transformed::no(part));
                }
                let found = columns.iter().map(|column| values(&input, column, federation));
                let Some(domains) = found.collect::<Option<Vec<_>>>() else {
                    return Ok(Transformed::no(part));
                };
                if domains.iter().map(Vec::len).product::<usize>() > MOST {
                    return Ok(Transformed::no(part));
                }
                let domains: Vec<_> = columns.into_iter().zip(domains).collect();
                cases(subquery.clone(), &domains).map(Transformed::yes)
            })?;
            Ok(done.update_data(|expr| name.restore(expr)))
        })
    })
    .map(|done| done.data)
}

/// The plan with the arguments of aggregates that hold correlated scalar subqueries computed below the aggregate, where the
/// optimizer makes joins of them.
pub(super) fn below_aggregates(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::Aggregate(aggregate) = &node else { return Ok(Transformed::no(node)) };
        let mut arguments: Vec<Expr> = Vec::new();
        let names = NamePreserver::new(&node);
        let mut measures = Vec::new();
        for measure in &aggregate.aggr_expr {
            let name = names.save(measure);
            let done = measure.clone().transform_down(|part| {
                let Expr::AggregateFunction(mut function) = part else { return Ok(Transformed::no(part)) };
                let filter = function.params.filter.iter_mut().map(Box::as_mut);
                for argument in function.params.args.iter_mut().chain(filter) {
                    if is_correlated(argument)? {
                        let place = arguments.iter().position(|other| other == argument);
                        let place = place.unwrap_or(arguments.len());
                        if place == arguments.len() {
                            arguments.push(argument.clone());
                        }
                        *argument = col(argument_name(place));
                    }
                }
                Ok(Transformed::new(Expr::AggregateFunction(function), true, TreeNodeRecursion::Jump))
            })?;
            measures.push(name.restore(done.data));
        }
        if arguments.is_empty() {
            return Ok(Transformed::no(node));
        }
        let named = arguments.into_iter().enumerate().map(|(place, expr)| expr.alias(argument_name(place)));
        let columns = aggregate.input.schema().columns().into_iter().map(Expr::Column).chain(named).collect();
        let input = Projection::try_new(columns, Arc::clone(&aggregate.input))?;
        let input = Arc::new(LogicalPlan::Projection(input));
        let below = Aggregate::try_new(input, aggregate.group_expr.clone(), measures)?;
        Ok(Transformed::yes(LogicalPlan::Aggregate(below)))
    })
    .map(|done| done.data)
}

fn argument_name(place: usize) -> String {
    format!("__argument_{place}")
}

/// Whether an expression holds a scalar subquery that names columns around it.
fn is_correlated(expr: &Expr) -> Result<bool> {
    expr.exists(|part| Ok(matches!(part, Expr::ScalarSubquery(subquery) if !of_outer(subquery).is_empty())))
}

/// The columns around it that a subquery names.
fn of_outer(subquery: &Subquery) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for expr in &subquery.outer_ref_columns {
        if let Expr::OuterReferenceColumn(_, column) = expr
            && !columns.contains(column)
        {
            columns.push(column.clone());
        }
    }
    columns
}

/// The values of a column, NULL among them where it may occur, if it is a declared one with a closed domain.
fn values(input: &LogicalPlan, column: &Column, federation: &Federation) -> Option<Vec<ScalarValue>> {
    let index = input.schema().maybe_index_of_column(column)?;
    let declared = lineage::declared(input, index, federation)?;
    let mut values = match &declared.domain {
        Domain::Values(values) => values.clone(),
        _ if declared.sql_type == SqlType::Boolean => {
            vec![ScalarValue::Boolean(Some(false)), ScalarValue::Boolean(Some(true))]
        }
        _ => return None,
    };
    if input.schema().field(index).is_nullable() {
        values.push(ScalarValue::try_from(input.schema().field(index).data_type()).ok()?);
    }
    Some(values)
}

/// The subquery for each value of the first column, and so on.
fn cases(subquery: Subquery, domains: &[(Column, Vec<ScalarValue>)]) -> Result<Expr> {
    let Some(((column, values), rest)) = domains.split_first() else {
        return Ok(Expr::ScalarSubquery(subquery));
    };
    let mut when_then_expr = Vec::new();
    let mut else_expr = None;
    for value in values {
        let one = Box::new(cases(at(&subquery, column, value)?, rest)?);
        if value.is_null() {
            else_expr = Some(one);
        } else {
            when_then_expr.push((Box::new(lit(value.clone())), one));
        }
    }
    let expr = Some(Box::new(Expr::Column(column.clone())));
    Ok(Expr::Case(Case { expr, when_then_expr, else_expr }))
}

/// The subquery where the column has this value.
fn at(subquery: &Subquery, column: &Column, value: &ScalarValue) -> Result<Subquery> {
    let is_it = |expr: &Expr| matches!(expr, Expr::OuterReferenceColumn(_, other) if other == column);
    let plan = subquery.subquery.as_ref().clone().transform_up_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let done = expr.transform_up(|part| {
                Ok(if is_it(&part) { Transformed::yes(lit(value.clone())) } else { Transformed::no(part) })
            })?;
            Ok(done.update_data(|expr| name.restore(expr)))
        })
    })?;
    let others = subquery.outer_ref_columns.iter().filter(|expr| !is_it(expr)).cloned().collect();
    Ok(Subquery { subquery: Arc::new(plan.data), outer_ref_columns: others, ..subquery.clone() })
}
