//! A folder of files of one format with the same columns: one table, in the order of the paths.
//! Subfolders belong to it.

use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;

use super::{Batches, Error, Result, Source, format_of};

struct Folder {
    files: Vec<Box<dyn Source>>,
}

/// Folders within folders, no deeper.
const MAX_DEPTH: usize = 16;

/// The files of a folder and its subfolders, in the order of their paths; hidden ones and those of no format are
/// passed over.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(path, MAX_DEPTH, &mut found)?;
    found.sort();
    if found.is_empty() { Err(Error::EmptyFolder { path: path.into() }) } else { Ok(found) }
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    if depth == 0 {
        return Err(Error::Deep { path: folder.into() });
    }
    for entry in std::fs::read_dir(folder).map_err(|error| Error::io(folder, error))? {
        let path = entry.map_err(|error| Error::io(folder, error))?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().first().is_some_and(|first| b"._".contains(first)));
        if hidden {
        } else if path.is_dir() {
            collect(&path, depth - 1, found)?;
        } else if format_of(&path).is_some() {
            found.push(path);
        } else if path.file_stem().is_some_and(|stem| format_of(Path::new(stem)).is_some()) {
            // `part.csv.gz`: data that would be missed.
            return Err(Error::UnknownFormat { path });
        }
    }
    Ok(())
}

/// Opens every file of the folder.
pub(super) fn open(path: &Path) -> Result<Box<dyn Source>> {
    let paths = files(path)?;
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
    for (index, (expected, field)) in first.fields().iter().zip(other.fields()).enumerate() {
        // Without a header line the names are values, and not for messages.
        let column = index + 1;
        if expected.name() != field.name() {
            return Err(mixed(path, format!("column {column} has another name")));
        }
        if expected.data_type() != field.data_type() {
            return Err(mixed(path, format!("column {column} has another type")));
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
        std::fs::create_dir_all(path.join("2/more")).unwrap();
        std::fs::write(path.join("2/more/1.csv"), "id,name,amount\n3,\"a \"\"b\"\"\",0\n").unwrap();
        std::fs::write(path.join("_SUCCESS"), "").unwrap();
        conformance::check(path, &conformance::text_rows()).unwrap();
        assert_eq!(files(path).unwrap(), [path.join("1.csv"), path.join("2/more/1.csv")]);
        std::fs::write(path.join("3.csv"), "id,amount,name\n").unwrap();
        assert!(matches!(super::super::open(path), Err(Error::Mixed { .. })));
        std::fs::write(path.join("3.csv.gz"), "").unwrap();
        assert!(matches!(super::super::open(path), Err(Error::UnknownFormat { .. })));
        std::fs::remove_file(path.join("3.csv.gz")).unwrap();
        std::os::unix::fs::symlink(path, path.join("2/again")).unwrap();
        assert!(matches!(super::super::open(path), Err(Error::Deep { .. })));
    }
}
