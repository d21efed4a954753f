//! Rows as text, the same for every engine: doubles to nine digits, so that rounding of the last bits is not a difference.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::array_value_to_string;

/// All rows of all batches.
///
/// # Panics
/// If a value cannot be written.
pub fn texts(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let rows = batches.iter().flat_map(|batch| {
        (0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| text(column, row)).collect())
    });
    rows.collect()
}

fn text(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return "NULL".to_owned();
    }
    if matches!(column.data_type(), DataType::Float32 | DataType::Float64) {
        let doubles = cast(column, &DataType::Float64).expect("a number");
        let value = doubles.as_primitive::<Float64Type>().value(row);
        // Rounds to nine digits, then writes the shortest form of that.
        return format!("{value:.8e}").parse::<f64>().expect("a number").to_string();
    }
    array_value_to_string(column, row).expect("a value")
}
