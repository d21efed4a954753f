//! Aligned columns, for people.

use arrow::error::ArrowError;
use unicode_width::UnicodeWidthStr;

use super::ResultSet;
use super::cell;
use crate::visible::visible;

/// Longer texts beside other columns are wrapped.
const WIDTH: usize = 90;

/// One column: header first, then a list of lines for each row.
struct Column {
    right: bool,
    width: usize,
    header: String,
    cells: Vec<Vec<String>>,
}

pub(super) fn render(result: &ResultSet) -> Result<String, ArrowError> {
    let columns = columns(result)?;
    let mut text = String::new();
    let headers: Vec<String> =
        columns.iter().map(|column| pad(&column.header, column.width, false)).collect();
    text.push_str(&line(&headers, " | "));
    // A single column of long lines is a text: its rule need not be as long.
    let rule =
        |column: &Column| "-".repeat(if columns.len() > 1 { column.width } else { column.width.min(WIDTH) });
    let rules: Vec<String> = columns.iter().map(rule).collect();
    text.extend(["-", &rules.join("-+-"), "-\n"]);
    for row in 0..result.rows() {
        let height = columns.iter().map(|column| column.cells[row].len()).max().unwrap_or(1);
        for index in 0..height {
            let fields: Vec<String> = columns
                .iter()
                .map(|column| {
                    let part = column.cells[row].get(index).map_or("", String::as_str);
                    pad(part, column.width, column.right)
                })
                .collect();
            text.push_str(&line(&fields, " | "));
        }
    }
    let rows = result.rows();
    text.extend(["(", &rows.to_string(), if rows == 1 { " row)\n" } else { " rows)\n" }]);
    Ok(text)
}

fn columns(result: &ResultSet) -> Result<Vec<Column>, ArrowError> {
    let mut columns = Vec::with_capacity(result.schema.fields().len());
    // A single column of long lines is a text with a layout of its own, such as a plan.
    let wrapped = result.schema.fields().len() > 1;
    for (index, field) in result.schema.fields().iter().enumerate() {
        let mut cells = Vec::with_capacity(result.rows());
        for batch in &result.batches {
            for cell in cell::column(batch.column(index))? {
                let text = cell.map_or_else(|| "NULL".to_owned(), |cell| cell.text);
                cells.push(lines(&text, wrapped));
            }
        }
        let header = visible(&field.name().replace('\n', " "));
        let width =
            cells.iter().flatten().map(|line| line.width()).chain([header.width()]).max().unwrap_or(0);
        columns.push(Column { right: cell::is_number(field.data_type()), width, header, cells });
    }
    Ok(columns)
}

/// The lines of a text, long ones wrapped between words if asked; an empty text is one empty line.
fn lines(text: &str, wrapped: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for line in visible(text).lines().map(|line| line.replace('\t', "    ")) {
        if wrapped { wrap(&line, &mut lines) } else { lines.push(line) }
    }
    if lines.is_empty() { vec![String::new()] } else { lines }
}

fn wrap(line: &str, lines: &mut Vec<String>) {
    let mut current = String::new();
    for word in line.split_inclusive(' ') {
        if !current.is_empty() && current.width() + word.trim_end().width() > WIDTH {
            lines.push(std::mem::take(&mut current).trim_end().to_owned());
        }
        current.push_str(word);
    }
    lines.push(current);
}

fn pad(text: &str, width: usize, right: bool) -> String {
    let space = " ".repeat(width.saturating_sub(text.width()));
    if right { space + text } else { text.to_owned() + &space }
}

fn line(fields: &[String], between: &str) -> String {
    format!(" {}", fields.join(between)).trim_end().to_owned() + "\n"
}
