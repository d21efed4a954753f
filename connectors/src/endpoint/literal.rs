//! Values of parameters as SQL constants: what is signed and sent to the parties is SQL text.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "Arrow has dozens of types; the rest has no constant in SQL"
)]

use arrow::array::{Array, ArrayRef, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimeUnit};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::error::{Class, Error, Result};

/// The constants of every row that a client has bound: the statement is run once for each.
///
/// # Errors
/// Invalid: a value that SQL has no constant for. Resource: more than [`MOST_ROWS`] rows.
pub(super) fn constants(batches: &[RecordBatch]) -> Result<Vec<Vec<String>>> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if rows > MOST_ROWS {
        let message = format!("{rows} rows of parameters: at most {MOST_ROWS} are run at once");
        return Err(Error::new(Class::Resource, message).with_hint("bind fewer, and execute more often"));
    }
    let of_batch = |batch: &RecordBatch| {
        let columns = batch.columns().to_vec();
        let row = move |row| columns.iter().map(|column| constant(&column.slice(row, 1))).collect();
        (0..batch.num_rows()).map(row).collect::<Vec<Result<Vec<String>>>>()
    };
    batches.iter().flat_map(of_batch).collect()
}

/// One statement is run for no more rows of parameters than this.
const MOST_ROWS: usize = 100;

/// The constant of the first value of a column.
fn constant(column: &ArrayRef) -> Result<String> {
    if column.is_empty() || column.is_null(0) || column.data_type() == &DataType::Null {
        return Ok("NULL".to_owned());
    }
    match column.data_type() {
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64 => shown(column),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let value = converted(column, &DataType::Float64)?.as_primitive::<Float64Type>().value(0);
            if value.is_finite() { Ok(format!("{value:e}")) } else { Err(no_constant(&value.to_string())) }
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let text = converted(column, &DataType::Utf8)?;
            Ok(quoted(text.as_string::<i32>().value(0)))
        }
        DataType::Dictionary(_, values) => constant(&converted(column, values)?),
        DataType::Decimal128(precision, scale) => {
            Ok(format!("CAST('{}' AS DECIMAL({precision},{scale}))", shown(column)?))
        }
        DataType::Date32 | DataType::Date64 => {
            Ok(format!("DATE '{}'", shown(&converted(column, &DataType::Date32)?)?))
        }
        DataType::Timestamp(..) => {
            let utc = converted(column, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
            Ok(format!("TIMESTAMP '{}'", shown(&utc)?))
        }
        other => Err(no_constant(&format!("a value of type {other}"))),
    }
}

/// A text as an SQL constant.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn converted(column: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    cast(column, to).map_err(|_| no_constant(&format!("a value of type {}", column.data_type())))
}

fn shown(column: &ArrayRef) -> Result<String> {
    let failed = |_| no_constant(&format!("a value of type {}", column.data_type()));
    let formatter = ArrayFormatter::try_new(column, &FormatOptions::default()).map_err(failed)?;
    formatter.value(0).try_to_string().map_err(failed)
}

fn no_constant(what: &str) -> Error {
    Error::invalid(format!("{what} cannot be a parameter"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BooleanArray, Date32Array, Decimal128Array, DurationSecondArray, Float32Array, Float64Array,
        Int64Array, StringArray, TimestampSecondArray,
    };

    use super::*;

    fn one(column: impl Array + 'static) -> Result<String> {
        constant(&(Arc::new(column) as ArrayRef))
    }

    #[test]
    fn values_are_written_as_sql() {
        assert_eq!(one(Int64Array::from(vec![-7])).unwrap(), "-7");
        assert_eq!(one(BooleanArray::from(vec![true])).unwrap(), "true");
        assert_eq!(one(Float64Array::from(vec![-0.1])).unwrap(), "-1e-1");
        assert_eq!(one(Float32Array::from(vec![0.5])).unwrap(), "5e-1");
        assert_eq!(one(StringArray::from(vec!["O'Hara; --"])).unwrap(), "'O''Hara; --'");
        assert_eq!(one(StringArray::from(vec![None::<&str>])).unwrap(), "NULL");
        assert_eq!(one(Date32Array::from(vec![19_000])).unwrap(), "DATE '2022-01-08'");
        let decimal = Decimal128Array::from(vec![-150]).with_precision_and_scale(10, 2).unwrap();
        assert_eq!(one(decimal).unwrap(), "CAST('-1.50' AS DECIMAL(10,2))");
        let zoned = TimestampSecondArray::from(vec![0]).with_timezone("+02:00");
        assert_eq!(one(zoned).unwrap(), "TIMESTAMP '1970-01-01T00:00:00'");
    }

    #[test]
    fn what_has_no_constant_is_refused() {
        assert!(one(Float64Array::from(vec![f64::NAN])).unwrap_err().message.contains("NaN"));
        assert!(one(DurationSecondArray::from(vec![1])).is_err());
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
        let more = batch.slice(1, 1);
        assert_eq!(constants(&[batch, more]).unwrap(), [["1"], ["2"], ["2"]]);
        assert!(constants(&[]).unwrap().is_empty());
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1; MOST_ROWS + 1]));
        let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
        assert_eq!(constants(&[batch]).unwrap_err().class, Class::Resource);
    }
}
