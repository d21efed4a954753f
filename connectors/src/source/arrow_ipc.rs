//! Apache Arrow IPC, as a file (with footer) or a stream.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use arrow::record_batch::RecordBatch;

use super::{Batches, Error, Format, Result, Source, open_file};

/// Arrow IPC: the content says whether it is a file or a stream.
pub(super) const FORMAT: Format =
    Format { name: "Arrow", extensions: &["arrow", "arrows", "feather", "ipc"], open };

/// How an Arrow file starts; a stream does not.
const FILE_MAGIC: &[u8] = b"ARROW1";

struct ArrowIpc {
    path: PathBuf,
    schema: SchemaRef,
}

/// Both readers, for they share no trait.
enum Reader {
    File(FileReader<BufReader<File>>),
    Stream(StreamReader<BufReader<File>>),
}

impl Reader {
    fn open(path: &Path) -> Result<Self> {
        let mut file = open_file(path)?;
        let mut start = Vec::new();
        file.by_ref()
            .take(FILE_MAGIC.len() as u64)
            .read_to_end(&mut start)
            .and_then(|_| file.seek(SeekFrom::Start(0)))
            .map_err(|error| Error::io(path, error))?;
        let file = BufReader::new(file);
        let reader = if start == FILE_MAGIC {
            FileReader::try_new(file, None).map(Reader::File)
        } else {
            StreamReader::try_new(file, None).map(Reader::Stream)
        };
        reader.map_err(|error| corrupt(path, error))
    }

    fn schema(&self) -> SchemaRef {
        match self {
            Reader::File(reader) => reader.schema(),
            Reader::Stream(reader) => reader.schema(),
        }
    }
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Reader::File(reader) => reader.next(),
            Reader::Stream(reader) => reader.next(),
        }
    }
}

fn open(path: &Path) -> Result<Box<dyn Source>> {
    let schema = Reader::open(path)?.schema();
    Ok(Box::new(ArrowIpc { path: path.into(), schema }))
}

fn corrupt(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::corrupt(path, FORMAT.name, error)
}

impl Source for ArrowIpc {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn scan(&self, columns: &[usize]) -> Result<Batches> {
        let reader = Reader::open(&self.path)?;
        let (path, columns) = (self.path.clone(), columns.to_vec());
        Ok(Box::new(reader.map(move |batch| {
            batch.and_then(|batch| batch.project(&columns)).map_err(|error| corrupt(&path, error))
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance;
    use arrow::ipc::writer::{FileWriter, StreamWriter};

    #[test]
    fn files_and_streams_conform() {
        let folder = tempfile::tempdir().unwrap();
        let rows = conformance::typed_rows();
        let path = folder.path().join("file.arrow");
        let mut writer = FileWriter::try_new(File::create(&path).unwrap(), &rows.schema()).unwrap();
        writer.write(&rows).unwrap();
        writer.finish().unwrap();
        conformance::check(&path, &rows).unwrap();

        let path = folder.path().join("stream.arrow");
        let mut writer = StreamWriter::try_new(File::create(&path).unwrap(), &rows.schema()).unwrap();
        writer.write(&rows).unwrap();
        writer.finish().unwrap();
        conformance::check(&path, &rows).unwrap();
    }
}
