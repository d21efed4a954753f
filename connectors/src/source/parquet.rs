//! Apache Parquet files.

use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use super::{Batches, Error, Format, Result, Source, open_file};

/// Parquet, uncompressed or with Snappy or Zstandard.
pub(super) const FORMAT: Format = Format { name: "Parquet", extensions: &["parquet", "pq"], open };

struct Parquet {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
}

fn open(path: &Path) -> Result<Box<dyn Source>> {
    let file = open_file(path)?;
    let metadata =
        ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|error| corrupt(path, error))?;
    Ok(Box::new(Parquet { path: path.into(), metadata }))
}

fn corrupt(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::corrupt(path, FORMAT.name, error)
}

impl Source for Parquet {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(self.metadata.schema())
    }

    fn scan(&self, columns: &[usize]) -> Result<Batches> {
        let file = open_file(&self.path)?;
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), columns.iter().copied());
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_projection(mask)
            .build()
            .map_err(|error| corrupt(&self.path, error))?;
        // The reader gives columns in the order of the file.
        let mut in_file: Vec<usize> = columns.to_vec();
        in_file.sort_unstable();
        in_file.dedup();
        let order: Vec<usize> =
            columns.iter().filter_map(|column| in_file.binary_search(column).ok()).collect();
        let path = self.path.clone();
        Ok(Box::new(reader.map(move |batch| {
            batch.and_then(|batch| batch.project(&order)).map_err(|error| corrupt(&path, error))
        })))
    }
}

#[cfg(test)]
mod tests {
    use crate::conformance;

    #[test]
    fn conforms() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        let rows = conformance::typed_rows();
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = parquet::arrow::ArrowWriter::try_new(file, rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        conformance::check(&path, &rows).unwrap();
    }
}
