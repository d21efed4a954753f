//! Results as files, by extension.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::FileWriter;
use parquet::arrow::ArrowWriter;
use planner::Class;

use super::{Format, ResultSet};
use crate::error::{Failure, Result};

/// What a file can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Apache Parquet: one result.
    Parquet,
    /// Apache Arrow IPC file: one result.
    Arrow,
    /// A text format: any number of results.
    Text(Format),
}

impl FileKind {
    /// What the extension says.
    ///
    /// # Errors
    /// Class invalid for another extension, or none.
    pub fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            Some("parquet") => Ok(FileKind::Parquet),
            Some("arrow") => Ok(FileKind::Arrow),
            Some("csv") => Ok(FileKind::Text(Format::Csv)),
            Some("json") => Ok(FileKind::Text(Format::Json)),
            Some("jsonl") => Ok(FileKind::Text(Format::Jsonl)),
            _ => Err(Failure::invalid(format!("{}: the extension says no format", path.display()))
                .with_hint("use .parquet, .arrow, .csv or .json")),
        }
    }

    /// The extension of such files.
    pub fn extension(self) -> &'static str {
        match self {
            FileKind::Parquet => "parquet",
            FileKind::Arrow => "arrow",
            FileKind::Text(format) => format.extension(),
        }
    }

    /// Whether it holds more than one result.
    pub fn holds_many(self) -> bool {
        matches!(self, FileKind::Text(_))
    }
}

/// Writes results to a new file, in place of one that is there.
///
/// # Errors
/// Class invalid if the file cannot be written, or for several results in a file that holds one.
pub fn write(path: &Path, kind: FileKind, results: &[ResultSet]) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(Class::Invalid, format!("cannot write {}: {error}", path.display()))
    };
    let mut file = File::create(path).map_err(|error| failed(&error))?;
    match (kind, results) {
        (FileKind::Text(format), results) => {
            for (index, result) in results.iter().enumerate() {
                let text = format.render(result, index == 0)?;
                file.write_all(text.as_bytes()).map_err(|error| failed(&error))?;
            }
            Ok(())
        }
        (FileKind::Parquet, [result]) => parquet(file, result).map_err(|error| failed(&error)),
        (FileKind::Arrow, [result]) => ipc(file, result).map_err(|error| failed(&error)),
        (FileKind::Parquet | FileKind::Arrow, _) => Err(Failure::invalid(format!(
            "{} holds exactly one result, and there are {}",
            path.display(),
            results.len()
        ))),
    }
}

fn parquet(file: File, result: &ResultSet) -> Result<(), parquet::errors::ParquetError> {
    let result = result.named_apart()?;
    let mut writer = ArrowWriter::try_new(file, SchemaRef::clone(&result.schema), None)?;
    for batch in &result.batches {
        writer.write(batch)?;
    }
    writer.close().map(|_| ())
}

fn ipc(file: File, result: &ResultSet) -> Result<(), arrow::error::ArrowError> {
    let result = result.named_apart()?;
    let mut writer = FileWriter::try_new(file, &result.schema)?;
    for batch in &result.batches {
        writer.write(batch)?;
    }
    writer.finish()
}
