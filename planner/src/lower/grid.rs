//! Public grids: the values that a number or date may have, one after the other.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::functions::math::expr_fn::{ceil, round};
use datafusion::logical_expr::{Expr, cast, lit};

use super::facts::{is_float, is_text, scalar};
use super::failure;
use super::rowset::RowSet;
use super::scale::{decode, worth};
use crate::Result;
use crate::function::{TableFunction, Variable};

/// The most values of a time or value grid.
pub(super) const MAX_GRID: i128 = 10_000;

/// The cells of a grid: in each one an expression has one value.
pub(super) struct Grid {
    /// The expression in every branch.
    pub(super) exprs: Vec<Expr>,
    /// Its values, in order.
    pub(super) values: Vec<ScalarValue>,
    /// What the values stand for, where they are places of a grid.
    pub(super) numbers: Option<Vec<f64>>,
}

/// Every value of the declared domain, up to [`MAX_GRID`].
///
/// # Errors
/// Refused without bounds; invalid where there are too many values, and for types that have no grid.
pub(super) fn every_value(
    rows: &RowSet<'_>,
    function: &TableFunction,
    variable: &Variable,
    parameter: &str,
) -> Result<Grid> {
    let exprs = rows.expressions(&variable.expr, function.input.schema())?;
    let facts = rows.facts(&exprs)?;
    if let (Some(values), false) = (&facts.closed, is_float(&facts.data_type)) {
        return Ok(Grid { exprs, values: values.clone(), numbers: None });
    }
    let range = facts
        .range
        .filter(|_| !is_text(&facts.data_type))
        .ok_or_else(|| failure::bounds(format!("`{parameter}`, {}", variable.name)))?;
    if range.hi - range.lo >= MAX_GRID {
        let message = format!(
            "{}: `{}` may have {} values, and {MAX_GRID} are the most",
            function.spec.name,
            variable.name,
            range.hi - range.lo + 1
        );
        let mut error = failure::invalid(message);
        error.hint = Some(match parameter {
            "time" => "give the width of its steps: grid => 7".to_owned(),
            _ => "declare narrower `bounds` or a coarser `step`, or round it in the query".to_owned(),
        });
        return Err(error);
    }
    let integers = range.lo..=range.hi;
    if is_float(&facts.data_type) {
        // Of the number of its step.
        let step = worth(facts.scale);
        let index = |expr: &Expr| cast(round(vec![expr.clone() / lit(step)]), DataType::Int64);
        let exprs = exprs.iter().map(index).collect();
        let numbers = integers.clone().map(|integer| decode(integer, facts.scale)).collect();
        let values = integers.map(|integer| scalar(integer, &DataType::Int64)).collect::<Option<_>>();
        let values = values.ok_or_else(|| failure::internal("a step that is no integer"))?;
        return Ok(Grid { exprs, values, numbers: Some(numbers) });
    }
    let values = integers.map(|integer| scalar(integer, &facts.data_type)).collect::<Option<_>>();
    let values =
        values.ok_or_else(|| failure::not_built(format!("`{parameter}` of type {}", facts.data_type)))?;
    Ok(Grid { exprs, values, numbers: None })
}

/// Steps of a width over the declared domain: a time counts at the end of its step.
///
/// # Errors
/// Refused without bounds; invalid where there are too many steps.
pub(super) fn steps_of(
    rows: &RowSet<'_>,
    function: &TableFunction,
    variable: &Variable,
    width: f64,
) -> Result<Grid> {
    let exprs = rows.expressions(&variable.expr, function.input.schema())?;
    let facts = rows.facts(&exprs)?;
    let number = facts.data_type.is_integer() || is_float(&facts.data_type);
    let (lo, hi) = facts
        .interval()
        .filter(|_| number)
        .ok_or_else(|| failure::bounds(format!("`time`, {}", variable.name)))?;
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and is checked against the limit")]
    let (first, last) = ((lo / width).ceil() as i64, (hi / width).ceil() as i64);
    if i128::from(last) - i128::from(first) >= MAX_GRID {
        return Err(failure::invalid(format!("`grid`: steps of {width} are more than {MAX_GRID}")));
    }
    let index = |expr: &Expr| cast(ceil(cast(expr.clone(), DataType::Float64) / lit(width)), DataType::Int64);
    let exprs = exprs.iter().map(index).collect();
    let values = (first..=last).map(|place| ScalarValue::Int64(Some(place))).collect();
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let numbers = (first..=last).map(|place| place as f64 * width).collect();
    Ok(Grid { exprs, values, numbers: Some(numbers) })
}
