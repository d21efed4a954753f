//! Whether an answer of the parties is the answer in the clear.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::error::ArrowError;
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

/// What the tour asks of a summary.
const SUMMARY: [&str; 4] = ["n", "n_dropped", "r2", "nonzero"];

/// `Ok` with what was compared, or `Err` with the first difference.
pub(super) type Verdict = Result<String, String>;

fn kernel(error: &ArrowError) -> Failure {
    Failure::internal(format!("cannot compare: {error}"))
}

fn one_batch(result: &ResultSet) -> Result<RecordBatch> {
    concat_batches(&result.schema, &result.batches).map_err(|error| kernel(&error))
}

/// Compares an answer with the answer in the clear. `counts` has the same rows and columns, with the number of
/// persons behind every number: groups of fewer than `min_people` must be absent, other such numbers NULL.
pub(super) fn answers(secure: &ResultSet, clear: &ResultSet, counts: &ResultSet) -> Result<Verdict> {
    let (secure, clear, counts) = (one_batch(secure)?, one_batch(clear)?, one_batch(counts)?);
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
    let grouped = clear.columns().iter().any(|column| column.data_type().is_string());
    let people = counts.column_by_name(PERSONS);
    let absent = |row: usize| grouped && people.is_some_and(|people| is_few(people, row));
    let expected: Vec<usize> = (0..clear.num_rows()).filter(|row| !absent(*row)).collect();
    if expected.len() != secure.num_rows() {
        return Ok(Err(format!("there are {} rows, in the clear {}", secure.num_rows(), expected.len())));
    }
    let mut withheld = 0;
    for (row, in_clear) in expected.iter().copied().enumerate() {
        for column in 0..clear.num_columns() {
            let (a, b) = (secure.column(column), clear.column(column));
            let few = is_few(counts.column(column), in_clear);
            withheld += usize::from(few);
            if !(if few { a.is_null(row) } else { equal(a, row, b, in_clear)? }) {
                let (a, b) = (shown(a, row)?, shown(b, in_clear)?);
                let name = names(&clear)[column].0.clone();
                return Ok(Err(format!("`{name}` of row {} is {a}, in the clear {b}", row + 1)));
            }
        }
    }
    let mut verdict =
        format!("{} of {} equal", count(expected.len(), "row"), count(clear.num_columns(), "column"));
    if expected.len() < clear.num_rows() {
        verdict.extend([", ", &count(clear.num_rows() - expected.len(), "group"), " withheld"]);
    }
    if withheld > 0 {
        verdict.extend([", ", &count(withheld, "number"), " withheld"]);
    }
    Ok(Ok(verdict))
}

/// The same query with the number of persons behind each number in its place. In the tour's joins each row is another
/// person, and its only quotient has large groups, for which the sum of two counts will do.
pub(super) fn counting(sql: &str) -> String {
    let counted = ["AVG(", "SUM(", "STDDEV("].iter().fold(sql.to_owned(), |sql, f| sql.replace(f, "COUNT("));
    counted.replace(") / COUNT(", ") + COUNT(")
}

/// Whether a column of counts says that too few persons are behind a number; never for keys.
fn is_few(counts: &ArrayRef, row: usize) -> bool {
    counts.as_primitive_opt::<Int64Type>().is_some_and(|counts| counts.value(row) < MIN_PEOPLE)
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn shown(values: &ArrayRef, row: usize) -> Result<String> {
    if values.is_null(row) {
        Ok("NULL".to_owned())
    } else {
        array_value_to_string(values, row).map_err(|error| kernel(&error))
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

/// Compares the output of LASSO (`term, coefficient`) or `LASSO_SUMMARY` with the fit in the clear.
pub(super) fn models(secure: &ResultSet, clear: &ClearModel) -> Result<Verdict> {
    let secure = one_batch(secure)?;
    let summary = secure.column_by_name("n").is_some();
    let values = if summary { summary_values(&secure)? } else { doubles(&secure, "coefficient")? };
    let parameters = clear.fit.coefficients.len() + 1;
    let withheld = clear.rows < 10 * parameters || clear.rarest < 10;
    if withheld && values.iter().all(Option::is_none) {
        return Ok(Ok(format!("withheld, as it must be with {} rows", clear.rows)));
    }
    if summary {
        return Ok(compare_summary(&values, clear));
    }
    let Some(values) = values.into_iter().collect::<Option<Vec<f64>>>() else {
        return Ok(Err(format!("a coefficient is NULL, with {} rows", clear.rows)));
    };
    Ok(compare_coefficients(&values, clear))
}

fn doubles(batch: &RecordBatch, name: &str) -> Result<Vec<Option<f64>>> {
    let column = batch
        .column_by_name(name)
        .ok_or_else(|| Failure::internal(format!("there is no column `{name}`")))?;
    let column = cast(column, &DataType::Float64).map_err(|error| kernel(&error))?;
    Ok(column.as_primitive::<Float64Type>().iter().collect())
}

fn summary_values(batch: &RecordBatch) -> Result<Vec<Option<f64>>> {
    let mut values = Vec::new();
    for name in SUMMARY {
        values.extend(doubles(batch, name)?);
    }
    Ok(values)
}

#[expect(clippy::cast_precision_loss, reason = "rows are counted in millions at most")]
fn compare_summary(values: &[Option<f64>], clear: &ClearModel) -> Verdict {
    let nonzero = clear.fit.coefficients.iter().filter(|w| w.abs() > 0.0).count();
    // The number of rows left out has a gate of its own: it counts persons too.
    let dropped = (clear.dropped as u64 >= MIN_PEOPLE.unsigned_abs()).then_some(clear.dropped as f64);
    let expected = [Some(clear.rows as f64), dropped, Some(clear.fit.r2), Some(nonzero as f64)];
    for ((name, value), expected) in SUMMARY.iter().zip(values).zip(expected) {
        let equal = match (value, expected) {
            (Some(value), Some(expected)) => (value - expected).abs() <= COEFFICIENTS,
            (value, expected) => value.is_none() && expected.is_none(),
        };
        if !equal {
            return Err(format!("`{name}` is {value:?}, in the clear {expected:?}"));
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
