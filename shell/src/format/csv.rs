//! Comma-separated values: a header, a blank line between results. NULL is an empty field, an empty text is `""`.

use arrow::error::ArrowError;

use super::ResultSet;
use super::cell::{self, Cell};

pub(super) fn render(result: &ResultSet, first: bool) -> Result<String, ArrowError> {
    let mut text = if first { String::new() } else { "\n".to_owned() };
    let header: Vec<String> = result.schema.fields().iter().map(|field| quoted(field.name())).collect();
    text.push_str(&line(&header));
    for batch in &result.batches {
        let columns = batch.columns().iter().map(cell::column).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let fields: Vec<String> = columns.iter().map(|column| field(column[row].as_ref())).collect();
            text.push_str(&line(&fields));
        }
    }
    Ok(text)
}

fn line(fields: &[String]) -> String {
    fields.join(",") + "\n"
}

fn field(cell: Option<&Cell>) -> String {
    cell.map(|cell| quoted(&cell.text)).unwrap_or_default()
}

fn quoted(text: &str) -> String {
    if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
