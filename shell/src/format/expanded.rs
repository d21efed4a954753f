//! One column a line, row after row, for people.

use arrow::error::ArrowError;
use unicode_width::UnicodeWidthStr;

use super::ResultSet;
use super::cell;
use crate::visible::visible;

pub(super) fn render(result: &ResultSet) -> Result<String, ArrowError> {
    let names: Vec<String> =
        result.schema.fields().iter().map(|field| visible(&field.name().replace('\n', " "))).collect();
    let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
    let mut text = String::new();
    let mut number = 0;
    for batch in &result.batches {
        let columns = batch.columns().iter().map(cell::column).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            number += 1;
            text.extend([format!("-[ row {number} ]-\n")]);
            for (name, column) in names.iter().zip(&columns) {
                let value = column[row].as_ref().map_or("NULL", |cell| cell.text.as_str());
                let space = " ".repeat(width - name.width());
                // Further lines of a value stand below its first.
                let value = visible(value).replace('\n', &format!("\n{} | ", " ".repeat(width)));
                text.push_str(format!("{name}{space} | {value}").trim_end());
                text.push('\n');
            }
        }
    }
    text.extend([format!("({number} {})\n", if number == 1 { "row" } else { "rows" })]);
    Ok(text)
}
