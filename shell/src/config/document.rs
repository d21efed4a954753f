//! A TOML file as tables of known keys.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use crate::error::{Failure, Result};

/// A TOML file; its relative paths start at its folder.
pub(super) struct Document {
    path: PathBuf,
    text: String,
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
    let failed =
        |why: &dyn std::fmt::Display| Failure::invalid(format!("cannot read {}: {why}", path.display()));
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(failed(&"it is not a regular file"));
    }
    std::fs::read_to_string(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::InvalidData {
            failed(&"it is not UTF-8 text; save it as UTF-8")
        } else {
            failed(&error)
        }
    })
}

impl Document {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = read(path)?;
        let top = text.parse::<Table>().map_err(|error| {
            let at = place(&text, error.span().map_or(0, |span| span.start));
            let message = error.message().replace('\n', "; ");
            Failure::invalid(format!("{}{at}: invalid TOML: {message}", path.display()))
        })?;
        Ok(Self { path: path.into(), text, top })
    }

    /// Whether the top has this key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.top.contains_key(key)
    }

    /// Where a key of a table stands, as messages say it; nothing if it cannot be found.
    fn place_of(&self, section: &str, key: &str) -> String {
        let Ok(top) = DeTable::parse(&self.text) else { return String::new() };
        let steps: Vec<&str> =
            section.trim_matches(['[', ']']).split('.').filter(|s| !s.is_empty()).collect();
        find(top.get_ref(), &steps, key).map_or_else(String::new, |at| place(&self.text, at))
    }

    /// The top of the document, which may hold only `known` keys.
    pub(super) fn top(&self, known: &[&str]) -> Result<Section<'_>> {
        Section { document: self, name: String::new(), table: &self.top }.checked(known)
    }
}

/// The byte at which `key` stands in the table that `steps` lead to.
fn find(table: &DeTable<'_>, steps: &[&str], key: &str) -> Option<usize> {
    let Some((first, rest)) = steps.split_first() else {
        return table.keys().find(|name| name.get_ref() == key).map(|name| name.span().start);
    };
    match table.get(*first)?.get_ref() {
        DeValue::Table(table) => find(table, rest, key),
        DeValue::Array(tables) => {
            tables.iter().find_map(|table| find(table.get_ref().as_table()?, rest, key))
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => None,
    }
}

/// A byte of a text as messages say it.
fn place(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
    format!(", line {line}, column {column}")
}

impl<'a> Section<'a> {
    fn checked(self, known: &[&str]) -> Result<Self> {
        match self.table.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(self),
            Some(key) => Err(self
                .error_at(&self.document.place_of(&self.name, key), &format!("unknown key `{key}`"))
                .with_optional_hint(planner::nearest_hint(key, known.iter().copied(), "known keys"))),
        }
    }

    /// An error that names the file and the table.
    pub(super) fn error(&self, what: &str) -> Failure {
        self.error_at("", what)
    }

    fn error_at(&self, place: &str, what: &str) -> Failure {
        let path = self.document.path.display();
        if self.name.is_empty() {
            Failure::invalid(format!("{path}{place}: {what}"))
        } else {
            Failure::invalid(format!("{path}{place}: [{}]: {what}", self.name))
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

    /// A number of bytes such as `4 GB` that may be left out.
    pub(super) fn optional_bytes(&self, key: &str) -> Result<Option<u64>> {
        let Some(text) = self.optional_text(key)? else { return Ok(None) };
        let bytes = planner::parse_bytes(text);
        bytes
            .map(Some)
            .ok_or_else(|| self.error(&format!("`{key}` must be a number of bytes, such as \"4 GB\"")))
    }

    /// A duration such as `10m` that may be left out.
    pub(super) fn optional_duration(&self, key: &str) -> Result<Option<Duration>> {
        let Some(text) = self.optional_text(key)? else { return Ok(None) };
        let milliseconds = planner::parse_duration_ms(text).map(Duration::from_millis);
        milliseconds
            .map(Some)
            .ok_or_else(|| self.error(&format!("`{key}` must be a duration, such as \"10m\"")))
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
