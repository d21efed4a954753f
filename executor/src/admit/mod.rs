//! Data against policy: what an owner's source gives becomes the table that the policy declares, or an error.
//!
//! An [`Admission`] takes the batches of one source. It selects the declared columns by name (without regard to
//! case), casts them without loss to the declared types, rounds floating point numbers to their steps (half to even),
//! and checks every rule of the policy over the whole table. Nothing is clamped, dropped or repaired. All violations
//! are counted before the first is reported, so that an owner sees every one at once.

mod cast;
mod domain;
mod repeats;
mod step;
mod text;
mod violation;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use planner::catalog::{Column, Table};

use domain::DomainCheck;
use repeats::Repeats;
pub use text::parse as read_text;
pub use violation::{Violation, Violations};

/// Where the types of a source's columns come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Types {
    /// The source stores them (Parquet, Arrow): values may change type only without loss.
    Stored,
    /// The source has only text (CSV): values are read as what the policy declares.
    Text,
}

/// The admission of one table's data. Feed it every batch of the source, then [`finish`](Self::finish).
#[derive(Debug)]
pub struct Admission<'a> {
    table: &'a Table,
    types: Types,
    /// For each declared column, its column of the source.
    source_columns: Vec<usize>,
    schema: SchemaRef,
    domains: Vec<DomainCheck>,
    repeats: Vec<Repeats>,
    rows: u64,
    batches: Vec<RecordBatch>,
    violations: Violations,
}

impl<'a> Admission<'a> {
    /// Starts the admission of data with schema `source` to `table`; `name` is `party.table` in messages.
    ///
    /// # Errors
    /// Declared columns that the source lacks, has twice, or stores in a type that cannot become the declared one.
    pub fn new(name: &str, table: &'a Table, source: &Schema, types: Types) -> Result<Self, Violations> {
        let mut violations = Violations::new(name);
        let mut source_columns = Vec::with_capacity(table.columns.len());
        if types == Types::Text
            && let Some(rule) = no_header(table, source)
        {
            violations.add_table(rule);
            return Err(violations);
        }
        for column in &table.columns {
            match find(source, &column.name, types) {
                Err(rule) => violations.add_column(&column.name, rule),
                Ok(index) => {
                    let stored = source.field(index).data_type();
                    if types == Types::Stored && !cast::possible(stored, column.sql_type) {
                        let rule =
                            format!("has type {} and must be {}", cast::type_name(stored), column.sql_type);
                        violations.add_column(&column.name, rule);
                    }
                    source_columns.push(index);
                }
            }
        }
        violations.into_result()?;
        Ok(Self {
            table,
            types,
            source_columns,
            schema: table.schema(),
            domains: table.columns.iter().map(DomainCheck::new).collect(),
            repeats: Repeats::of(table),
            rows: 0,
            batches: Vec::new(),
            violations: Violations::new(name),
        })
    }

    /// The columns of the source that [`add`](Self::add) wants, in this order: the declared ones.
    pub fn source_columns(&self) -> &[usize] {
        &self.source_columns
    }

    /// Takes rows of the source, with the columns of [`source_columns`](Self::source_columns).
    ///
    /// # Errors
    /// A failure of the Arrow kernels, which is no fault of the data. Violations wait for [`finish`](Self::finish).
    pub fn add(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.rows += batch.num_rows() as u64;
        let mut columns = Vec::with_capacity(self.table.columns.len());
        for (column, (values, domain)) in
            self.table.columns.iter().zip(batch.columns().iter().zip(&self.domains))
        {
            columns.push(admit_column(column, domain, values, self.types, &mut self.violations)?);
        }
        for repeats in &mut self.repeats {
            repeats.add(&columns)?;
        }
        // Beyond the bound there is no table, only the count for the message.
        if self.rows <= self.table.max_rows && self.violations.is_empty() {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let schema = SchemaRef::clone(&self.schema);
            self.batches.push(RecordBatch::try_new_with_options(schema, columns, &options)?);
        }
        Ok(())
    }

    /// The checked table: [`Table::schema`] and at most `max_rows` rows.
    ///
    /// # Errors
    /// Every rule that some row breaks.
    pub fn finish(mut self) -> Result<Vec<RecordBatch>, Violations> {
        let max_rows = self.table.max_rows;
        if self.rows > max_rows {
            let rule = format!("more than max_rows = {max_rows}");
            self.violations.add_rows(None, &rule, self.rows - max_rows);
        }
        for repeats in &self.repeats {
            repeats.check(self.table, &mut self.violations);
        }
        self.violations.into_result()?;
        Ok(self.batches)
    }
}

/// One column of one batch: cast, rounded, checked.
fn admit_column(
    column: &Column,
    domain: &DomainCheck,
    values: &ArrayRef,
    types: Types,
    violations: &mut Violations,
) -> Result<ArrayRef, ArrowError> {
    let name = Some(column.name.as_str());
    if !column.nullable {
        let nulls = values.logical_null_count() as u64;
        violations.add_rows(name, "with NULL, though `nullable = false`", nulls);
    }
    let (cast, failed) = match types {
        Types::Stored => cast::lossless(values, column.sql_type)?,
        Types::Text => text::parse(values, column.sql_type)?,
    };
    let rule = match types {
        Types::Stored => format!("with a value that has no exact {}", column.sql_type),
        Types::Text => format!("with a text that is no {}", column.sql_type),
    };
    violations.add_rows(name, &rule, failed);
    domain.check(cast, name, violations)
}

/// What is wrong with a text whose first line names no declared column; nothing of that line is told.
fn no_header(table: &Table, source: &Schema) -> Option<String> {
    let named = |column: &Column| {
        source.fields().iter().any(|field| field.name().to_lowercase() == column.name.to_lowercase())
    };
    if table.columns.iter().any(named) {
        return None;
    }
    let holds = |separator: char| source.fields().iter().any(|field| field.name().contains(separator));
    let guess = if holds(';') {
        "is the file separated by `;`? It must be by `,`"
    } else if holds('\t') {
        "is the file separated by tabs? It must be by `,`"
    } else {
        "is there no header line?"
    };
    Some(format!("the first line names none of the declared columns; {guess}"))
}

/// The source's column of this name: exactly, else the only one that differs in case alone.
fn find(source: &Schema, name: &str, types: Types) -> Result<usize, String> {
    let names = || source.fields().iter().map(|field| field.name());
    if let Some(index) = names().position(|field| field == name) {
        return Ok(index);
    }
    let lower = name.to_lowercase();
    let mut same = names().enumerate().filter(|(_, field)| field.to_lowercase() == lower);
    match (same.next(), same.next()) {
        (Some((index, _)), None) => Ok(index),
        (Some((_, first)), Some((_, second))) => Err(format!("could be `{first}` or `{second}` of the data")),
        // What stands in the first line of a text may be values.
        (None, _) if types == Types::Text => Err("is missing in the header line".to_owned()),
        (None, _) => {
            let names: Vec<String> = names().take(12).map(|field| format!("`{field}`")).collect();
            let more = if source.fields().len() > names.len() { ", ..." } else { "" };
            Err(format!("is missing (the data have {}{more})", names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests;
