//! CSV files: UTF-8, comma, a header line, an empty field is NULL. Every column is text: no type is guessed.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::csv::ReaderBuilder;
use arrow::csv::reader::Format as CsvFormat;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::{Batches, Error, Format, Result, Source, open_file};

/// Comma-separated values.
pub(super) const FORMAT: Format = Format { name: "CSV", extensions: &["csv"], open };

/// What some programs put before the text of a UTF-8 file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

struct Csv {
    path: PathBuf,
    schema: SchemaRef,
}

fn open(path: &Path) -> Result<Box<dyn Source>> {
    let (header, _) = CsvFormat::default()
        .with_header(true)
        .infer_schema(text(path)?, Some(0))
        .map_err(|error| corrupt(path, error))?;
    let names: Vec<&str> = header.fields().iter().map(|field| field.name().as_str()).collect();
    if names.is_empty() {
        return Err(corrupt(path, "there is no header line"));
    }
    if let [only] = names.as_slice()
        && let Some(sign) = [';', '\t', '|'].into_iter().find(|sign| only.contains(*sign))
    {
        let sign = if sign == '\t' { "a tab".to_owned() } else { format!("`{sign}`") };
        return Err(corrupt(path, format!("its fields seem to be separated by {sign}, not by commas")));
    }
    let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    Ok(Box::new(Csv { path: path.into(), schema: Arc::new(Schema::new(fields)) }))
}

fn corrupt(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::corrupt(path, FORMAT.name, error)
}

/// The text of the file, after its byte order mark if it has one.
fn text(path: &Path) -> Result<impl Read + Send + 'static> {
    let mut file = BufReader::new(open_file(path)?);
    let mut start = Vec::new();
    file.by_ref()
        .take(BYTE_ORDER_MARK.len() as u64)
        .read_to_end(&mut start)
        .map_err(|error| Error::io(path, error))?;
    if start == BYTE_ORDER_MARK {
        start.clear();
    }
    Ok(std::io::Cursor::new(start).chain(file))
}

impl Source for Csv {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn typed(&self) -> bool {
        false
    }

    fn scan(&self, columns: &[usize]) -> Result<Batches> {
        let reader = ReaderBuilder::new(SchemaRef::clone(&self.schema))
            .with_header(true)
            .with_batch_size(8192)
            .with_projection(columns.to_vec())
            .build(text(&self.path)?)
            .map_err(|error| corrupt(&self.path, error))?;
        let path = self.path.clone();
        Ok(Box::new(reader.map(move |batch| batch.map_err(|error| corrupt(&path, error)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance;

    fn written(text: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn conforms_with_and_without_byte_order_mark() {
        let rows = conformance::text_rows();
        let text = "id,name,amount\n1,Ada,\"1,50\"\n2,,\n3,\"a \"\"b\"\"\",0\n";
        for start in ["", "\u{feff}"] {
            let (_folder, path) = written(format!("{start}{text}").as_bytes());
            conformance::check(&path, &rows).unwrap();
        }
    }

    #[test]
    fn broken_files_are_named_without_their_content() {
        let cases: [(&[u8], &str); 7] = [
            (b"", "no header line"),
            (b"a,b\n1,2\nsecret\n", "incorrect number of fields for line 3, expected 2 got 1"),
            (b"a,b\n1,2,secret\n", "incorrect number of fields"),
            (b"a\n\xff\xfe\n", "UTF-8"),
            (b"id;age\nsecret;1\n", "separated by `;`, not by commas"),
            (b"id\tage\nsecret\t1\n", "separated by a tab"),
            (b"a,a\n1,2\n", "columns 1 and 2 have the same name"),
        ];
        for (content, expected) in cases {
            let (_folder, path) = written(content);
            let error = match super::super::open(&path) {
                Err(error) => error,
                Ok(source) => source
                    .scan(&[0])
                    .and_then(Iterator::collect::<Result<Vec<_>>>)
                    .expect_err("the file is broken"),
            };
            let message = error.to_string();
            assert!(message.contains(expected), "{message}");
            assert!(message.contains("t.csv") && !message.contains("secret"), "{message}");
        }
    }
}
