//! One array of objects on one line for each result: keys in SELECT order, every column in every object.

use arrow::error::ArrowError;

use super::cell::{self, Cell, Kind};
use super::{ResultSet, jsonl};

pub(super) fn render(result: &ResultSet) -> Result<String, ArrowError> {
    Ok(format!("[{}]\n", jsonl::objects(result)?.join(",")))
}

/// The value as JSON: NULL, NaN and infinities are null; numbers keep every digit.
pub(super) fn value(cell: Option<&Cell>) -> String {
    match cell {
        None | Some(Cell { kind: Kind::NotFinite, .. }) => "null".to_owned(),
        Some(Cell { kind: Kind::Number | Kind::Truth, text }) => text.clone(),
        Some(Cell { kind: Kind::Text, text }) => string(text),
    }
}

/// A JSON string.
pub(super) fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The columns of a batch as JSON values, column by column.
pub(super) fn columns(batch: &arrow::record_batch::RecordBatch) -> Result<Vec<Vec<String>>, ArrowError> {
    let column = |values| Ok(cell::column(values)?.iter().map(|cell| value(cell.as_ref())).collect());
    batch.columns().iter().map(column).collect()
}
