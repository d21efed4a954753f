//! Whether an answer of the parties is the answer in the clear.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::record_batch::RecordBatch;
use arrow::util::display::array_value_to_string;

use super::clear::ClearModel;
use crate::error::{Failure, Result};
use crate::format::ResultSet;

/// Doubles may differ by this, relative to the larger.
const DOUBLES: f64 = 1e-6;
/// Coefficients may differ by this, in standard deviations of target per feature.
const COEFFICIENTS: f64 = 1e-3;
/// The column of the tour's queries that counts persons: what the release gate looks at.
const PERSONS: &str = "patients";
/// `min_people` of the demo's policies.
const MIN_PEOPLE: i64 = 10;

/// `Ok` with what was compared, or `Err` with the first difference.
pub(super) type Verdict = Result<String, String>;

fn kernel(error: arrow::error::ArrowError) -> Failure {
    Failure::internal(format!("cannot compare: {error}"))
}

fn one_batch(result: &ResultSet) -> Result<RecordBatch> {
    concat_batches(&result.schema, &result.batches).map_err(kernel)
}

/// Compares the answer to `sql` with the answer in the clear. Groups of fewer than `min_people` persons must be
/// absent, single rows of fewer must be NULL.
pub(super) fn answers(sql: &str, secure: &ResultSet, clear: &ResultSet) -> Result<Verdict> {
    let (secure, clear) = (one_batch(secure)?, one_batch(clear)?);
    let names = |batch: &RecordBatch| -> Vec<(String, DataType)> {
        batch
            .schema()
            .fields()
            .iter()
            .map(|field| (field.name().clone(), field.data_type().clone()))
            .collect()
    };
    if names(&secure) != names(&clear) {
        return Ok(Err(format!("the columns are {:?}, in the clear {:?}", names(&secure), names(&clear))));
    }
    let grouped = sql.contains("GROUP BY");
    let released: Vec<bool> = (0..clear.num_rows()).map(|row| persons(&clear, row) >= MIN_PEOPLE).collect();
    let expected: Vec<usize> = (0..clear.num_rows()).filter(|row| released[*row] || !grouped).collect();
    if expected.len() != secure.num_rows() {
        return Ok(Err(format!("there are {} rows, in the clear {}", secure.num_rows(), expected.len())));
    }
    for (row, in_clear) in expected.iter().copied().enumerate() {
        for column in 0..clear.num_columns() {
            let (a, b) = (secure.column(column), clear.column(column));
            let equal = if released[in_clear] { equal(a, row, b, in_clear)? } else { a.is_null(row) };
            if !equal {
                let schema = clear.schema();
                return Ok(Err(format!(
                    "`{}` of row {} is {}, in the clear {}",
                    schema.field(column).name(),
                    row + 1,
                    shown(a, row)?,
                    shown(b, in_clear)?
                )));
            }
        }
    }
    Ok(Ok(format!("{} rows x {} columns equal", expected.len(), clear.num_columns())))
}

/// The persons behind a row in the clear; enough, if the query does not say.
fn persons(clear: &RecordBatch, row: usize) -> i64 {
    clear
        .column_by_name(PERSONS)
        .and_then(|column| column.as_primitive_opt::<Int64Type>())
        .map_or(MIN_PEOPLE, |column| column.value(row))
}

fn shown(values: &ArrayRef, row: usize) -> Result<String> {
    if values.is_null(row) {
        Ok("NULL".to_owned())
    } else {
        array_value_to_string(values, row).map_err(kernel)
    }
}

/// Exactly, except for doubles.
fn equal(a: &ArrayRef, row: usize, b: &ArrayRef, in_clear: usize) -> Result<bool> {
    if a.is_null(row) || b.is_null(in_clear) {
        return Ok(a.is_null(row) && b.is_null(in_clear));
    }
    match (a.as_primitive_opt::<Float64Type>(), b.as_primitive_opt::<Float64Type>()) {
        (Some(a), Some(b)) => {
            let (a, b) = (a.value(row), b.value(in_clear));
            Ok((a - b).abs() <= DOUBLES * a.abs().max(b.abs()))
        }
        _ => Ok(shown(a, row)? == shown(b, in_clear)?),
    }
}

/// Compares the output of LASSO (`term, coefficient`) or LASSO_SUMMARY with the fit in the clear.
pub(super) fn models(secure: &ResultSet, clear: &ClearModel) -> Result<Verdict> {
    let secure = one_batch(secure)?;
    let summary = secure.column_by_name("n").is_some();
    let values = if summary { summary_values(&secure)? } else { doubles(&secure, "coefficient")? };
    let parameters = clear.fit.coefficients.len() + 1;
    let withheld = clear.rows < 10 * parameters || clear.rarest < 10;
    if withheld && values.iter().all(Option::is_none) {
        return Ok(Ok(format!("withheld, as it must be with {} rows", clear.rows)));
    }
    let Some(values) = values.into_iter().collect::<Option<Vec<f64>>>() else {
        return Ok(Err(format!("an output is NULL, with {} rows", clear.rows)));
    };
    Ok(if summary { compare_summary(&values, clear) } else { compare_coefficients(&values, clear) })
}

fn doubles(batch: &RecordBatch, name: &str) -> Result<Vec<Option<f64>>> {
    let column = batch
        .column_by_name(name)
        .ok_or_else(|| Failure::internal(format!("there is no column `{name}`")))?;
    let column = cast(column, &DataType::Float64).map_err(kernel)?;
    Ok(column.as_primitive::<Float64Type>().iter().collect())
}

/// n, n_dropped, r2, nonzero.
fn summary_values(batch: &RecordBatch) -> Result<Vec<Option<f64>>> {
    let mut values = Vec::new();
    for name in ["n", "n_dropped", "r2", "nonzero"] {
        values.extend(doubles(batch, name)?);
    }
    Ok(values)
}

#[expect(clippy::cast_precision_loss, reason = "rows are counted in millions at most")]
fn compare_summary(values: &[f64], clear: &ClearModel) -> Verdict {
    let nonzero = clear.fit.coefficients.iter().filter(|w| w.abs() > 0.0).count();
    // `n_dropped` is gated: it may be withheld by rows of its own.
    let expected = [clear.rows as f64, clear.dropped as f64, clear.fit.r2, nonzero as f64];
    let names = ["n", "n_dropped", "r2", "nonzero"];
    for ((name, value), expected) in names.iter().zip(values).zip(expected) {
        if (value - expected).abs() > COEFFICIENTS {
            return Err(format!("`{name}` is {value}, in the clear {expected}"));
        }
    }
    Ok("equal".to_owned())
}

fn compare_coefficients(values: &[f64], clear: &ClearModel) -> Verdict {
    let fit = &clear.fit;
    if values.len() != fit.coefficients.len() + 1 {
        return Err(format!("there are {} terms, in the clear {}", values.len(), fit.coefficients.len() + 1));
    }
    let mut largest = 0.0_f64;
    let mut room = 1.0;
    for ((value, expected), moments) in values[1..].iter().zip(&fit.coefficients).zip(&fit.features) {
        largest = largest.max((value - expected).abs() * moments.deviation / fit.target.deviation);
        room += moments.mean.abs() / moments.deviation.max(f64::MIN_POSITIVE);
    }
    let intercept = (values[0] - fit.intercept).abs() / fit.target.deviation / room;
    let largest = largest.max(intercept);
    if largest <= COEFFICIENTS {
        Ok(format!("largest difference of a coefficient {largest:.1e} standard deviations"))
    } else {
        Err(format!("a coefficient differs by {largest:.1e} standard deviations"))
    }
}
