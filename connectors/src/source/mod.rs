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

use std::path::Path;

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
    let format = format_of(path).ok_or_else(|| Error::UnknownFormat { path: path.into() })?;
    (format.open)(path)
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
