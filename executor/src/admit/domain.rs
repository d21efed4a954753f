//! Values against their domains.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Scalar};
use datafusion::arrow::compute::kernels::cmp::{gt, lt};
use datafusion::arrow::compute::or;
use datafusion::arrow::datatypes::{Float32Type, Float64Type};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::scalar::ScalarValue;
use planner::catalog::{Column, Domain, SqlType, Use};
use planner::plan::Scale;

use super::step;
use super::violation::Violations;

/// How many values of a closed domain a message lists.
const LISTED: usize = 8;

/// The checks of one column.
#[derive(Debug)]
pub(super) struct DomainCheck {
    sql_type: SqlType,
    step: Option<f64>,
    domain: Domain,
    /// The closed domain as floating point numbers, for columns of these.
    floats: Vec<f64>,
    /// Of text of an open domain that may be grouped: the most bytes.
    max_bytes: Option<u32>,
}

impl DomainCheck {
    pub(super) fn new(column: &Column) -> Self {
        let step = if let Scale::Step(step) = column.scale { Some(step) } else { None };
        let floats = match &column.domain {
            Domain::Values(values) => values.iter().filter_map(float).collect(),
            Domain::Type | Domain::Bounds(..) => Vec::new(),
        };
        let grouped = column.allow.contains(&Use::Group) || column.allow.contains(&Use::Public);
        let open_text = column.sql_type == SqlType::Text && matches!(column.domain, Domain::Type);
        let max_bytes = (grouped && open_text).then_some(column.max_bytes);
        Self { sql_type: column.sql_type, step, domain: column.domain.clone(), floats, max_bytes }
    }

    /// The values, floating point numbers rounded to their steps; those outside the domain are counted.
    pub(super) fn check(
        &self,
        values: ArrayRef,
        column: Option<&str>,
        violations: &mut Violations,
    ) -> Result<ArrayRef, ArrowError> {
        let floating = matches!(self.sql_type, SqlType::Real | SqlType::Double);
        // Arrow orders -0.0 before 0.0, and so outside of bounds that begin at 0.
        let values = if floating { map(&values, |value| value + 0.0) } else { values };
        if floating {
            let infinite =
                floats(&values).filter(|value| value.is_some_and(|value| !value.is_finite())).count();
            violations.add_rows(column, "with a value that is not a finite number", infinite as u64);
        }
        if let Domain::Bounds(lo, hi) = &self.domain {
            let outside = or(&lt(&values, &scalar(lo)?)?, &gt(&values, &scalar(hi)?)?)?;
            let rule = format!("outside bounds [{}, {}]", written(lo)?, written(hi)?);
            violations.add_rows(column, &rule, count(&outside));
        }
        if let Some(max_bytes) = self.max_bytes {
            let texts = values.as_string_opt::<i32>().into_iter().flatten().flatten();
            let (mut long, mut zero) = (0, 0);
            for text in texts {
                long += u64::from(text.len() > max_bytes as usize);
                zero += u64::from(text.contains('\0'));
            }
            violations.add_rows(column, &format!("with a text of more than max_bytes = {max_bytes}"), long);
            violations.add_rows(column, "with a text that holds a zero byte", zero);
        }
        let values = if floating { map(&values, |value| self.round(value)) } else { values };
        if let Domain::Values(allowed) = &self.domain {
            let outside = values.len() - values.null_count() - members(&values, allowed)?;
            let mut listed = allowed.iter().take(LISTED).map(written).collect::<Result<Vec<_>, _>>()?;
            if allowed.len() > LISTED {
                listed.push("...".into());
            }
            let rule = format!("outside values [{}]", listed.join(", "));
            violations.add_rows(column, &rule, outside as u64);
        }
        Ok(values)
    }

    /// The nearest multiple of the step; of a closed domain, the declared value that is as many steps.
    fn round(&self, value: f64) -> f64 {
        let Some(step) = self.step else { return value };
        let rounded = step::nearest(value, step);
        #[expect(clippy::float_cmp, reason = "equal multiples of the step are equal numbers")]
        let declared = self.floats.iter().find(|declared| step::nearest(**declared, step) == rounded);
        declared.copied().unwrap_or(rounded)
    }
}

/// Floating point numbers, each replaced.
fn map(values: &ArrayRef, change: impl Fn(f64) -> f64) -> ArrayRef {
    if let Some(doubles) = values.as_primitive_opt::<Float64Type>() {
        return Arc::new(doubles.unary::<_, Float64Type>(change));
    }
    if let Some(reals) = values.as_primitive_opt::<Float32Type>() {
        #[expect(clippy::cast_possible_truncation, reason = "the result is a value of the column's type")]
        return Arc::new(reals.unary::<_, Float32Type>(|value| change(f64::from(value)) as f32));
    }
    ArrayRef::clone(values)
}

/// The values of a floating point column.
fn floats(values: &ArrayRef) -> Box<dyn Iterator<Item = Option<f64>> + '_> {
    if let Some(doubles) = values.as_primitive_opt::<Float64Type>() {
        return Box::new(doubles.iter());
    }
    match values.as_primitive_opt::<Float32Type>() {
        Some(reals) => Box::new(reals.iter().map(|value| value.map(f64::from))),
        None => Box::new(std::iter::empty()),
    }
}

fn float(value: &ScalarValue) -> Option<f64> {
    if let ScalarValue::Float64(value) = value {
        *value
    } else if let ScalarValue::Float32(value) = value {
        value.map(f64::from)
    } else {
        None
    }
}

fn scalar(value: &ScalarValue) -> Result<Scalar<ArrayRef>, ArrowError> {
    Ok(Scalar::new(value.to_array()?))
}

/// A declared value as the policy writes it.
fn written(value: &ScalarValue) -> Result<String, ArrowError> {
    array_value_to_string(&value.to_array()?, 0)
}

fn count(condition: &BooleanArray) -> u64 {
    condition.true_count() as u64
}

/// How many values are among `allowed`.
fn members(values: &ArrayRef, allowed: &[ScalarValue]) -> Result<usize, ArrowError> {
    let allowed = ScalarValue::iter_to_array(allowed.iter().cloned())?;
    let converter = RowConverter::new(vec![SortField::new(values.data_type().clone())])?;
    let allowed: BTreeSet<OwnedRow> =
        converter.convert_columns(&[allowed])?.iter().map(|row| row.owned()).collect();
    let rows = converter.convert_columns(&[ArrayRef::clone(values)])?;
    let member = |index: &usize| values.is_valid(*index) && allowed.contains(&rows.row(*index).owned());
    Ok((0..values.len()).filter(member).count())
}
