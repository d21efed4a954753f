//! Results as text and as files, one file of this folder for each format.

mod cell;
mod csv;
mod expanded;
mod file;
mod json;
mod jsonl;
mod table;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use crate::error::{Failure, Result};
pub use file::{FileKind, write as write_file};

/// A text format of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Aligned columns, for people.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One array of objects on one line for each result.
    Json,
    /// One object on one line for each row.
    Jsonl,
}

/// How a result looks for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// A line for each row.
    #[default]
    Aligned,
    /// A line for each column, row after row.
    Expanded,
}

impl Layout {
    /// The text of a result.
    ///
    /// # Errors
    /// As [`Format::render`].
    pub fn render(self, result: &ResultSet) -> Result<String> {
        match self {
            Layout::Aligned => Format::Table.render(result, true),
            Layout::Expanded => printed(expanded::render(result)),
        }
    }
}

/// The rows of one statement.
#[derive(Clone, Debug)]
pub struct ResultSet {
    /// Columns, in SELECT order.
    pub schema: SchemaRef,
    /// Rows.
    pub batches: Vec<RecordBatch>,
}

impl ResultSet {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

impl From<RecordBatch> for ResultSet {
    fn from(batch: RecordBatch) -> Self {
        Self { schema: batch.schema(), batches: vec![batch] }
    }
}

impl Format {
    /// Whether programs read it, errors and notices included.
    pub fn is_json(self) -> bool {
        matches!(self, Format::Json | Format::Jsonl)
    }

    /// The text of a result; `first` if no other was written before it to the same place.
    ///
    /// # Errors
    /// Class internal for values that Arrow cannot print.
    pub fn render(self, result: &ResultSet, first: bool) -> Result<String> {
        let text = match self {
            Format::Table => table::render(result),
            Format::Csv => csv::render(result, first),
            Format::Json => json::render(result),
            Format::Jsonl => jsonl::render(result),
        };
        printed(text)
    }

    /// The extension of files of this format; tables are written as they are read by people.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Table => "txt",
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Jsonl => "jsonl",
        }
    }
}

fn printed(text: Result<String, arrow::error::ArrowError>) -> Result<String> {
    text.map_err(|error| Failure::internal(format!("the result cannot be printed: {error}")))
}

#[cfg(test)]
mod tests;
