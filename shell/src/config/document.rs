//! A TOML file as tables of known keys.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::error::{Failure, Result};

/// A TOML file; its relative paths start at its folder.
pub(super) struct Document {
    path: PathBuf,
    top: Table,
}

/// A table of a document, named as in `[source.claims]`; the empty name is the top.
pub(super) struct Section<'a> {
    document: &'a Document,
    name: String,
    table: &'a Table,
}

/// Reads a text file that the user named.
///
/// # Errors
/// Class invalid: missing, unreadable or not UTF-8.
pub(super) fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::invalid(format!("cannot read {}: {error}", path.display())))
}

impl Document {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = read(path)?;
        let top = text.parse::<Table>().map_err(|error| {
            let error = error.to_string();
            Failure::invalid(format!("{}: {}", path.display(), error.trim_end()))
        })?;
        Ok(Self { path: path.into(), top })
    }

    /// The top of the document, which may hold only `known` keys.
    pub(super) fn top(&self, known: &[&str]) -> Result<Section<'_>> {
        Section { document: self, name: String::new(), table: &self.top }.checked(known)
    }
}

impl<'a> Section<'a> {
    fn checked(self, known: &[&str]) -> Result<Self> {
        match self.table.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(self),
            Some(key) => Err(self
                .error(&format!("unknown key `{key}`"))
                .with_optional_hint(planner::nearest_hint(key, known.iter().copied(), "known keys"))),
        }
    }

    /// An error that names the file and the table.
    pub(super) fn error(&self, what: &str) -> Failure {
        let path = self.document.path.display();
        if self.name.is_empty() {
            Failure::invalid(format!("{path}: {what}"))
        } else {
            Failure::invalid(format!("{path}: [{}]: {what}", self.name))
        }
    }

    /// A text that must be there.
    pub(super) fn text(&self, key: &str) -> Result<&'a str> {
        self.optional_text(key)?.ok_or_else(|| self.error(&format!("`{key}` is missing")))
    }

    /// A text that may be left out.
    pub(super) fn optional_text(&self, key: &str) -> Result<Option<&'a str>> {
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.error(&format!("`{key}` must be a text in quotes"))),
        }
    }

    /// A whole number of at least 1 that may be left out.
    pub(super) fn optional_count(&self, key: &str) -> Result<Option<usize>> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let count =
            value.as_integer().and_then(|value| usize::try_from(value).ok()).filter(|count| *count > 0);
        count.map(Some).ok_or_else(|| self.error(&format!("`{key}` must be a whole number of at least 1")))
    }

    /// A path; a relative one starts at the folder of the file.
    pub(super) fn path(&self, key: &str) -> Result<PathBuf> {
        self.text(key).map(|text| self.resolved(text))
    }

    /// A path that may be left out.
    pub(super) fn optional_path(&self, key: &str) -> Result<Option<PathBuf>> {
        Ok(self.optional_text(key)?.map(|text| self.resolved(text)))
    }

    fn resolved(&self, text: &str) -> PathBuf {
        self.document.path.parent().unwrap_or(Path::new("")).join(text)
    }

    /// The tables below `key`, by name, each with only `known` keys.
    pub(super) fn tables(&self, key: &str, known: &[&str]) -> Result<Vec<(&'a str, Section<'a>)>> {
        let Some(value) = self.table.get(key) else { return Ok(Vec::new()) };
        let tables = value.as_table().ok_or_else(|| self.error(&format!("`{key}` must be a table")))?;
        let mut sections = Vec::with_capacity(tables.len());
        for (name, value) in tables {
            let table =
                value.as_table().ok_or_else(|| self.error(&format!("`{key}.{name}` must be a table")))?;
            let section = Section { document: self.document, name: format!("{key}.{name}"), table };
            sections.push((name.as_str(), section.checked(known)?));
        }
        Ok(sections)
    }

    /// The table `key`, if it is there.
    pub(super) fn table(&self, key: &str, known: &[&str]) -> Result<Option<Section<'a>>> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let table = value.as_table().ok_or_else(|| self.error(&format!("`{key}` must be a table")))?;
        Section { document: self.document, name: key.to_owned(), table }.checked(known).map(Some)
    }

    /// The tables of the array `[[key]]`, each with only `known` keys.
    pub(super) fn array(&self, key: &str, known: &[&str]) -> Result<Vec<Section<'a>>> {
        let Some(value) = self.table.get(key) else { return Ok(Vec::new()) };
        let wrong = || self.error(&format!("`{key}` must be a list of tables, `[[{key}]]`"));
        let mut sections = Vec::new();
        for value in value.as_array().ok_or_else(wrong)? {
            let table = value.as_table().ok_or_else(wrong)?;
            let section = Section { document: self.document, name: format!("[{}.{key}]", self.name), table };
            sections.push(section.checked(known)?);
        }
        Ok(sections)
    }
}
