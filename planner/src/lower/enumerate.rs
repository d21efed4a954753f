//! Closed domains of expressions over closed domains, by evaluating the expression on every combination of values.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::Schema;
use datafusion::common::{Column, DFSchema};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::create_physical_expr;
use datafusion::scalar::ScalarValue;

use super::facts::{Facts, MAX_VALUES, derived_double, is_float, sort};
use super::infer::{Scope, show};
use super::scale::type_scale;
use crate::{Class, Error, Result};

/// What is known of an expression whose columns are all closed; `None` if they are not, or have too many combinations.
/// An expression that fails on some combination is refused.
pub(crate) fn enumerate(expr: &Expr, scope: &Scope) -> Option<Result<Facts>> {
    let columns: BTreeSet<&Column> = expr.column_refs().into_iter().collect();
    if columns.is_empty() || matches!(expr, Expr::Column(_) | Expr::Alias(_)) {
        return None;
    }
    let mut domains = Vec::new();
    let mut combinations = 1_usize;
    for column in columns {
        let index = scope.schema.index_of_column(column).ok()?;
        let facts = scope.facts.get(index)?;
        let mut values = facts.closed.clone()?;
        if facts.nullable {
            values.push(ScalarValue::try_from(&facts.data_type).ok()?);
        }
        combinations = combinations.checked_mul(values.len())?;
        if combinations > MAX_VALUES || values.is_empty() {
            return None;
        }
        domains.push((index, values));
    }
    let batch = all_combinations(scope, &domains, combinations)?;
    let context = PhysicalPlanningContext::default();
    let physical = create_physical_expr(expr, &scope.schema, &ExecutionProps::new(), &context).ok()?;
    let Ok(result) = physical.evaluate(&batch).and_then(|value| value.into_array(combinations)) else {
        return Some(Err(Error {
            class: Class::Refused,
            message: format!(
                "{} fails on some declared values, and an error would tell about rows",
                show(expr)
            ),
            hint: Some("guard it with CASE, or use TRY_CAST, which gives NULL".into()),
            position: None,
        }));
    };
    collect(&result).map(Ok)
}

/// The value of an expression without columns; `None` if it has some, or none is to be had.
pub(crate) fn constant(expr: &Expr) -> Option<ScalarValue> {
    if let Expr::Literal(value, _) = expr {
        return Some(value.clone());
    }
    if !expr.column_refs().is_empty() {
        return None;
    }
    let schema = DFSchema::empty();
    let context = PhysicalPlanningContext::default();
    let physical = create_physical_expr(expr, &schema, &ExecutionProps::new(), &context).ok()?;
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options).ok()?;
    let array = physical.evaluate(&row).and_then(|value| value.into_array(1)).ok()?;
    ScalarValue::try_from_array(&array, 0).ok()
}

/// One row for every combination; columns that are not used are NULL.
fn all_combinations(
    scope: &Scope,
    domains: &[(usize, Vec<ScalarValue>)],
    rows: usize,
) -> Option<RecordBatch> {
    let schema = Arc::new(Schema::new(
        scope
            .schema
            .fields()
            .iter()
            .map(|field| field.as_ref().clone().with_nullable(true))
            .collect::<Vec<_>>(),
    ));
    let mut arrays = Vec::with_capacity(schema.fields().len());
    for (index, field) in schema.fields().iter().enumerate() {
        let mut repeat = 1;
        let mut array: Option<ArrayRef> = None;
        for (used, values) in domains {
            if *used == index {
                let column = (0..rows).filter_map(|row| values.get(row / repeat % values.len()).cloned());
                array = ScalarValue::iter_to_array(column).ok();
            }
            repeat *= values.len();
        }
        arrays.push(match array {
            Some(array) => array,
            None => ScalarValue::try_from(field.data_type()).ok()?.to_array_of_size(rows).ok()?,
        });
    }
    RecordBatch::try_new(schema, arrays).ok()
}

/// The values of an array as a closed domain.
fn collect(array: &ArrayRef) -> Option<Facts> {
    let mut values = Vec::new();
    let mut nullable = false;
    for row in 0..array.len() {
        let value = ScalarValue::try_from_array(array, row).ok()?;
        if value.is_null() {
            nullable = true;
        } else {
            values.push(value);
        }
    }
    sort(&mut values);
    let data_type = array.data_type().clone();
    if !is_float(&data_type) {
        let scale = type_scale(&data_type);
        return Some(Facts::closed(data_type, nullable, values, scale));
    }
    let doubles: Vec<f64> = values.iter().filter_map(|value| value.to_string().parse().ok()).collect();
    let lo = doubles.iter().copied().fold(f64::INFINITY, f64::min);
    let hi = doubles.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let facts = derived_double(nullable, data_type, lo.min(hi), hi.max(lo));
    facts.range?;
    Some(Facts::closed(facts.data_type, nullable, values, facts.scale))
}
