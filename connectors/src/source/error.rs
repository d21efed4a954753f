//! What can be wrong with a file. Messages name the file and never hold a value of a row.

use std::path::{Path, PathBuf};

/// A file that cannot be used as a table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing at this path.
    #[error("{} does not exist", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The operating system does not let it be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A pipe, a socket or a device: reading it could wait forever.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Folders within folders without end, as a link to a folder above makes them.
    #[error("{} is too many folders deep", path.display())]
    Deep {
        /// The folder.
        path: PathBuf,
    },
    /// The content is not what its format demands.
    #[error("{} is not a valid {format} file: {cause}", path.display())]
    Corrupt {
        /// The path.
        path: PathBuf,
        /// The format's name.
        format: &'static str,
        /// What the reader found.
        cause: String,
    },
    /// No format has this extension.
    #[error("{} has no known format (known: .parquet, .csv, .arrow, a folder of these)", path.display())]
    UnknownFormat {
        /// The path.
        path: PathBuf,
    },
    /// A folder without a file of a known format.
    #[error("{} is a folder without .parquet, .csv or .arrow files", path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// Files of one folder that do not belong together.
    #[error("{} does not fit the other files of its folder: {difference}", path.display())]
    Mixed {
        /// The first file that differs.
        path: PathBuf,
        /// In what it differs.
        difference: String,
    },
    /// A table without a file.
    #[error("no data for table {table} in {}: expected {table}.parquet, {table}.csv, {table}.arrow or a folder {table}", folder.display())]
    NotFound {
        /// The folder that was searched.
        folder: PathBuf,
        /// The table.
        table: String,
    },
    /// A table with several files.
    #[error("table {table} has more than one source: {} and {}", first.display(), second.display())]
    Ambiguous {
        /// The table.
        table: String,
        /// One of them.
        first: PathBuf,
        /// Another.
        second: PathBuf,
    },
}

/// The result of reading a file.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The error for what the operating system says of `path`.
    pub(super) fn io(path: &Path, cause: std::io::Error) -> Self {
        if cause.kind() == std::io::ErrorKind::NotFound {
            return Error::Missing { path: path.into() };
        }
        Error::Unreadable { path: path.into(), cause }
    }

    /// The error for content that a reader does not understand.
    pub(super) fn corrupt(path: &Path, format: &'static str, cause: impl std::fmt::Display) -> Self {
        Error::Corrupt { path: path.into(), format, cause: plain(&cause.to_string()) }
    }
}

/// A reader's words without the names of its layers.
fn plain(cause: &str) -> String {
    let lower = cause.to_lowercase();
    if lower.contains("utf-8") || lower.contains("utf8") {
        return "it is not UTF-8 text; save it as UTF-8".to_owned();
    }
    let mut words = cause;
    while let Some((layer, rest)) = words.split_once(": ")
        && (layer.ends_with("error") || layer == "EOF" || layer == "External")
    {
        words = rest;
    }
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_plain_words() {
        let cases = [
            ("Parquet argument error: Parquet error: Corrupt footer", "Corrupt footer"),
            ("Csv error: Encountered UTF-8 error while reading", "it is not UTF-8 text; save it as UTF-8"),
            ("column 2: odd", "column 2: odd"),
        ];
        for (cause, expected) in cases {
            assert_eq!(plain(cause), expected);
        }
    }
}
