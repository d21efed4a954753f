//! A folder of files of one format with the same columns: one table, in the order of the file names.

use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;

use super::{Batches, Error, Result, Source, format_of};

struct Folder {
    files: Vec<Box<dyn Source>>,
}

/// Opens every file of a known format; hidden files and others are passed over.
pub(super) fn open(path: &Path) -> Result<Box<dyn Source>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| Error::io(path, error))? {
        let file = entry.map_err(|error| Error::io(path, error))?.path();
        let hidden =
            file.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(['.', '_']));
        if !hidden && format_of(&file).is_some() {
            paths.push(file);
        }
    }
    paths.sort();
    let Some(first_path) = paths.first() else {
        return Err(Error::EmptyFolder { path: path.into() });
    };
    let format = format_of(first_path).map(|format| format.name);
    let mut files: Vec<Box<dyn Source>> = Vec::with_capacity(paths.len());
    for path in &paths {
        if format_of(path).map(|format| format.name) != format {
            return Err(mixed(path, "it has another format"));
        }
        let file = super::open(path)?;
        if let Some(first) = files.first() {
            same_columns(path, &first.schema(), &file.schema())?;
        }
        files.push(file);
    }
    Ok(Box::new(Folder { files }))
}

fn mixed(path: &Path, difference: impl Into<String>) -> Error {
    Error::Mixed { path: PathBuf::from(path), difference: difference.into() }
}

fn same_columns(path: &Path, first: &SchemaRef, other: &SchemaRef) -> Result<()> {
    if first.fields().len() != other.fields().len() {
        return Err(mixed(path, "it has another number of columns"));
    }
    for (expected, field) in first.fields().iter().zip(other.fields()) {
        if expected.name() != field.name() {
            let (expected, name) = (expected.name(), field.name());
            return Err(mixed(path, format!("it has column `{name}` where the first has `{expected}`")));
        }
        if expected.data_type() != field.data_type() {
            return Err(mixed(path, format!("column `{}` has another type", field.name())));
        }
    }
    Ok(())
}

impl Source for Folder {
    fn schema(&self) -> SchemaRef {
        self.files[0].schema()
    }

    fn typed(&self) -> bool {
        self.files[0].typed()
    }

    fn scan(&self, columns: &[usize]) -> Result<Batches> {
        let scans: Vec<Batches> =
            self.files.iter().map(|file| file.scan(columns)).collect::<Result<Vec<_>>>()?;
        Ok(Box::new(scans.into_iter().flatten()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance;

    #[test]
    fn conforms_and_refuses_mixtures() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert!(matches!(super::super::open(path), Err(Error::EmptyFolder { .. })));
        std::fs::write(path.join("1.csv"), "id,name,amount\n1,Ada,\"1,50\"\n2,,\n").unwrap();
        std::fs::write(path.join("2.csv"), "id,name,amount\n3,\"a \"\"b\"\"\",0\n").unwrap();
        std::fs::write(path.join("_SUCCESS"), "").unwrap();
        conformance::check(path, &conformance::text_rows()).unwrap();
        std::fs::write(path.join("3.csv"), "id,amount,name\n").unwrap();
        assert!(matches!(super::super::open(path), Err(Error::Mixed { .. })));
    }
}
