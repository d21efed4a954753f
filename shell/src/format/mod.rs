//! Results as text and as files, one file of this folder for each format.

mod cell;
mod csv;
mod expanded;
mod file;
mod json;
mod jsonl;
mod table;

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

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

    /// Names by which readers ask: those of the columns; of several columns with one name all but the first get a number,
    /// `n_1`, that no other column has, so that no value is lost.
    fn names(&self) -> Vec<String> {
        let names: Vec<&String> = self.schema.fields().iter().map(|field| field.name()).collect();
        let mut keys: Vec<String> = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let mut key = (*name).clone();
            let mut number = 0;
            let later = |key: &String| names.iter().skip(index + 1).any(|other| *other == key);
            while keys.contains(&key) || (number > 0 && later(&key)) {
                number += 1;
                key = format!("{name}_{number}");
            }
            keys.push(key);
        }
        keys
    }

    /// The same rows under [`names`](Self::names): files of columns are read by name, and of two columns of one name some
    /// readers find neither.
    fn named_apart(&self) -> Result<ResultSet, arrow::error::ArrowError> {
        let fields = self.schema.fields().iter().zip(self.names());
        let fields: Vec<Field> = fields.map(|(field, name)| field.as_ref().clone().with_name(name)).collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, self.schema.metadata().clone()));
        let named = |batch: &RecordBatch| {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(SchemaRef::clone(&schema), batch.columns().to_vec(), &options)
        };
        let batches = self.batches.iter().map(named).collect::<Result<_, _>>()?;
        Ok(ResultSet { schema, batches })
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
