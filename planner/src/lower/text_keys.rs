//! GROUP BY a number, a date or a truth value written as text: groups of the value, which is written out at the analyst.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest stands above no groups, or is no such key"
)]

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{Aggregate, Expr, ExprSchemable, LogicalPlan, Projection, cast};

use super::facts::is_text;
use super::failure;
use crate::Result;

/// The plan with such keys of its topmost groups in place of their texts.
pub(super) fn text_keys(plan: &LogicalPlan) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Aggregate(aggregate) => Ok(of_values(aggregate)?.unwrap_or_else(|| plan.clone())),
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::SubqueryAlias(_) => {
            let inputs = plan.inputs().into_iter().map(text_keys).collect::<Result<Vec<_>>>()?;
            plan.with_new_exprs(plan.expressions(), inputs).map_err(|error| failure::engine(&error))
        }
        other => Ok(other.clone()),
    }
}

/// Groups of the values that keys write as text; `None` if no key does.
fn of_values(aggregate: &Aggregate) -> Result<Option<LogicalPlan>> {
    let engine = |error| failure::engine(&error);
    let values: Vec<Option<Expr>> = aggregate.group_expr.iter().map(|key| value_of(key, aggregate)).collect();
    if values.iter().all(Option::is_none) {
        return Ok(None);
    }
    let keys = aggregate.group_expr.iter().zip(&values);
    let keys = keys.map(|(key, value)| value.clone().unwrap_or_else(|| key.clone())).collect();
    let groups = Aggregate::try_new(Arc::clone(&aggregate.input), keys, aggregate.aggr_expr.clone());
    let groups = LogicalPlan::Aggregate(groups.map_err(engine)?);
    let written = values.iter().map(Option::is_some).chain(std::iter::repeat(false));
    let columns = groups.schema().columns().into_iter().map(Expr::Column).zip(written);
    let named = columns.zip(aggregate.schema.iter()).map(|((column, written), (qualifier, field))| {
        let column = if written { cast(column, field.data_type().clone()) } else { column };
        column.alias_qualified(qualifier.cloned(), field.name())
    });
    let plan = Projection::try_new(named.collect(), Arc::new(groups)).map_err(engine)?;
    Ok(Some(LogicalPlan::Projection(plan)))
}

/// The value that a key writes as text, no two values alike.
fn value_of(key: &Expr, aggregate: &Aggregate) -> Option<Expr> {
    let Expr::Cast(text) = key.clone().unalias() else { return None };
    let from = text.expr.get_type(aggregate.input.schema()).ok()?;
    let distinct = from.is_integer() || matches!(from, DataType::Date32 | DataType::Boolean);
    (is_text(text.field.data_type()) && distinct).then_some(*text.expr)
}
