//! Tables in files: one file of this folder for each format, [`SOURCES`] lists them.
//!
//! A new source is one file that implements [`Source`], one line in [`SOURCES`] and one test with
//! [`conformance::check`](crate::conformance::check).

mod arrow_ipc;
mod csv;
mod error;
mod find;
mod folder;
mod parquet;

use std::path::{Path, PathBuf};

use ::arrow::datatypes::SchemaRef;
use ::arrow::record_batch::RecordBatch;

pub use error::{Error, Result};
pub use find::find;

/// Batches of a scan, in the order of the file; the first error ends it.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// A table outside the program.
pub trait Source: Send + Sync {
    /// All columns, as they are stored.
    fn schema(&self) -> SchemaRef;

    /// Whether the types of [`schema`](Self::schema) are stored with the data. If not, every column is text, and an
    /// empty field is NULL: the types come from whoever declares them.
    fn typed(&self) -> bool {
        true
    }

    /// All rows, with these columns of the schema in this order.
    ///
    /// # Errors
    /// [`Error`] here or at any batch: missing, unreadable or corrupt file. The message names the file.
    fn scan(&self, columns: &[usize]) -> Result<Batches>;
}

/// A file format that can be opened as a [`Source`].
pub struct Format {
    /// Its name in messages.
    pub name: &'static str,
    /// File name extensions, in lower case, without the dot.
    pub extensions: &'static [&'static str],
    /// Opens a file, reading no more than its schema.
    open: fn(&Path) -> Result<Box<dyn Source>>,
}

/// Every file format, in the order in which they are looked for.
pub static SOURCES: &[Format] = &[parquet::FORMAT, csv::FORMAT, arrow_ipc::FORMAT];

/// Opens a file by its extension, or a folder of files of one format.
///
/// # Errors
/// [`Error::Missing`], [`Error::UnknownFormat`], and what the format reports of the file.
pub fn open(path: &Path) -> Result<Box<dyn Source>> {
    let metadata = std::fs::metadata(path).map_err(|error| Error::io(path, error))?;
    if metadata.is_dir() {
        return folder::open(path);
    }
    if !metadata.is_file() {
        return Err(Error::NotAFile { path: path.into() });
    }
    let format = format_of(path).ok_or_else(|| Error::UnknownFormat { path: path.into() })?;
    let source = (format.open)(path)?;
    names_differ(&source.schema()).map_err(|cause| Error::corrupt(path, format.name, cause))?;
    Ok(source)
}

/// The files that [`open`] reads, in its order: the file itself, or those of a folder and its subfolders.
///
/// # Errors
/// What the operating system says, [`Error::EmptyFolder`], [`Error::Deep`].
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    let metadata = std::fs::metadata(path).map_err(|error| Error::io(path, error))?;
    if metadata.is_dir() { folder::files(path) } else { Ok(vec![path.into()]) }
}

/// Two columns of one name would be one column for whoever asks by name. The names stay out of the message: without a
/// header line they are values.
fn names_differ(schema: &SchemaRef) -> std::result::Result<(), String> {
    let mut seen = std::collections::BTreeMap::new();
    for (index, field) in schema.fields().iter().enumerate() {
        if let Some(first) = seen.insert(field.name(), index) {
            return Err(format!("columns {} and {} have the same name", first + 1, index + 1));
        }
    }
    Ok(())
}

/// The format that a file name's extension says.
fn format_of(path: &Path) -> Option<&'static Format> {
    let extension = path.extension()?.to_str()?.to_lowercase();
    SOURCES.iter().find(|format| format.extensions.contains(&extension.as_str()))
}

/// Buffered reading of a file that must exist.
fn open_file(path: &Path) -> Result<std::fs::File> {
    std::fs::File::open(path).map_err(|error| Error::io(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::arrow::array::{ArrayRef, Int64Array};
    use ::arrow::datatypes::{DataType, Field, Schema};
    use std::sync::Arc;

    #[test]
    fn two_columns_of_one_name_are_refused_in_every_format() {
        let folder = tempfile::tempdir().unwrap();
        let schema = Arc::new(Schema::new(vec![
            Field::new("a", DataType::Int64, true),
            Field::new("a", DataType::Int64, true),
        ]));
        let ones: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let rows = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::clone(&ones), ones]).unwrap();
        let path = folder.path().join("t.arrow");
        let mut writer =
            ::arrow::ipc::writer::FileWriter::try_new(std::fs::File::create(&path).unwrap(), &schema)
                .unwrap();
        writer.write(&rows).unwrap();
        writer.finish().unwrap();
        let parquet = folder.path().join("t.parquet");
        let file = std::fs::File::create(&parquet).unwrap();
        let mut writer = ::parquet::arrow::ArrowWriter::try_new(file, schema, None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        for path in [path, parquet] {
            let error = open(&path).err().unwrap().to_string();
            assert!(error.contains("columns 1 and 2 have the same name"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(open(&path).err().unwrap().to_string().ends_with("t.csv is not a regular file"));
        assert!(open(folder.path()).err().unwrap().to_string().ends_with("t.csv is not a regular file"));
    }
}
