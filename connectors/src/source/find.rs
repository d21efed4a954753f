//! The file of a table in a folder of data.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{Error, Result, format_of};

/// Finds `<table>.parquet`, `.csv`, `.arrow` or a folder `<table>` in `folder`, without regard to the case of the name.
/// A folder may have an extension too, as Spark writes it.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Ambiguous`] if there are two, [`Error::Unreadable`].
pub fn find(folder: &Path, table: &str) -> Result<PathBuf> {
    let not_found = || Error::NotFound { folder: folder.into(), table: table.into() };
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(not_found()),
        other => other.map_err(|error| Error::io(folder, error))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Error::io(folder, error))?.path();
        if belongs_to(&path, table) {
            found.push(path);
        }
    }
    found.sort();
    let mut found = found.into_iter();
    let first = found.next().ok_or_else(not_found)?;
    match found.next() {
        None => Ok(first),
        Some(second) => Err(Error::Ambiguous { table: table.into(), first, second }),
    }
}

fn belongs_to(path: &Path, table: &str) -> bool {
    let is = |name: Option<&OsStr>| {
        name.and_then(OsStr::to_str).is_some_and(|name| name.eq_ignore_ascii_case(table))
    };
    (format_of(path).is_some() && is(path.file_stem())) || (path.is_dir() && is(path.file_name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_is_found_and_two_are_ambiguous() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(find(folder.path(), "claims"), Err(Error::NotFound { .. })));
        assert!(matches!(find(&folder.path().join("none"), "claims"), Err(Error::NotFound { .. })));
        std::fs::write(folder.path().join("claims.txt"), "").unwrap();
        std::fs::write(folder.path().join("Claims.csv"), "a\n").unwrap();
        assert_eq!(find(folder.path(), "claims").unwrap(), folder.path().join("Claims.csv"));
        std::fs::create_dir(folder.path().join("claims")).unwrap();
        assert!(matches!(find(folder.path(), "claims"), Err(Error::Ambiguous { .. })));
        std::fs::create_dir(folder.path().join("visits.parquet")).unwrap();
        assert_eq!(find(folder.path(), "visits").unwrap(), folder.path().join("visits.parquet"));
    }
}
