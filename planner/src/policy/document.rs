//! A TOML file with places: every error names the file, the line and the key.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Error, Result};
use crate::nearest::hint;

/// The text of a file and how errors name it.
#[derive(Clone, Copy)]
pub(super) struct File<'t> {
    /// `parties/insurer/policy.toml`.
    pub(super) label: &'t str,
    /// Its text.
    pub(super) text: &'t str,
}

impl<'t> File<'t> {
    /// Parses the text.
    pub(super) fn parse(self) -> Result<Spanned<DeTable<'t>>> {
        DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.error(at, &format!("invalid TOML: {}", error.message().replace('\n', "; ")))
        })
    }

    /// An error at a byte of the text.
    fn error(self, at: usize, message: &str) -> Error {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
        Error::invalid(format!("{}, line {line}, column {column}: {message}", self.label))
    }
}

/// A table of the file.
#[derive(Clone)]
pub(super) struct Section<'d> {
    file: File<'d>,
    /// How errors name it: `[table.claims]`; empty for the top level.
    path: String,
    at: usize,
    entries: Vec<Entry<'d>>,
}

/// A key of a table and its value.
#[derive(Clone)]
pub(super) struct Entry<'d> {
    file: File<'d>,
    section: String,
    /// The key.
    pub(super) key: &'d str,
    at: usize,
    value: &'d DeValue<'d>,
}

impl<'d> Section<'d> {
    /// The top level of a file.
    pub(super) fn top(file: File<'d>, root: &'d Spanned<DeTable<'d>>) -> Self {
        Section::new(file, String::new(), 0, root.get_ref())
    }

    fn new(file: File<'d>, path: String, at: usize, table: &'d DeTable<'d>) -> Self {
        let mut entries: Vec<Entry<'d>> = table
            .iter()
            .map(|(key, value)| Entry {
                file,
                section: path.clone(),
                key: key.get_ref(),
                at: key.span().start,
                value: value.get_ref(),
            })
            .collect();
        entries.sort_by_key(|entry| entry.at);
        Section { file, path, at, entries }
    }

    /// Its entries, in the order of the file.
    pub(super) fn entries(&self) -> &[Entry<'d>] {
        &self.entries
    }

    /// Demands that it has no other keys than these.
    pub(super) fn only(&self, known: &[&str]) -> Result<()> {
        match self.entries.iter().find(|entry| !known.contains(&entry.key)) {
            None => Ok(()),
            Some(entry) => Err(entry
                .file
                .error(entry.at, &format!("{}unknown key `{}`", in_section(&self.path), entry.key))
                .with_hint(hint(entry.key, known.iter().copied(), "known keys"))),
        }
    }

    /// The entry of this key.
    pub(super) fn get(&self, key: &str) -> Option<&Entry<'d>> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The entry of this key, which must be there.
    pub(super) fn require(&self, key: &str) -> Result<&Entry<'d>> {
        self.get(key).ok_or_else(|| self.error(&format!("`{key}` is missing")))
    }

    /// An error about the whole table.
    pub(super) fn error(&self, message: &str) -> Error {
        self.file.error(self.at, &format!("{}{message}", in_section(&self.path)))
    }
}

impl<'d> Entry<'d> {
    /// An error about this entry.
    pub(super) fn error(&self, message: &str) -> Error {
        self.file.error(self.at, &format!("{}`{}`: {message}", in_section(&self.section), self.key))
    }

    /// The raw value.
    pub(super) fn value(&self) -> &'d DeValue<'d> {
        self.value
    }

    fn wrong(&self, wanted: &str) -> Error {
        self.error(&format!("expected {wanted}, found {}", self.value.type_str()))
    }

    /// A string.
    pub(super) fn string(&self) -> Result<&'d str> {
        self.value.as_str().ok_or_else(|| self.wrong("a string"))
    }

    /// A string that is not blank.
    pub(super) fn text(&self) -> Result<&'d str> {
        let text = self.string()?;
        if text.trim().is_empty() { Err(self.error("must not be empty")) } else { Ok(text) }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self) -> Result<bool> {
        self.value.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    /// An integer between two bounds, both included.
    pub(super) fn integer(&self, lo: u64, hi: u64) -> Result<u64> {
        let integer = self.value.as_integer().ok_or_else(|| self.wrong("an integer"))?;
        i128::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .and_then(|value| u64::try_from(value).ok())
            .filter(|value| (lo..=hi).contains(value))
            .ok_or_else(|| self.error(&format!("must be between {lo} and {hi}")))
    }

    /// The elements of an array, each as an entry of the same key.
    pub(super) fn list(&self) -> Result<Vec<Entry<'d>>> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("an array"))?;
        let entry = |item: &'d Spanned<DeValue<'d>>| Entry {
            at: item.span().start,
            value: item.get_ref(),
            ..self.clone()
        };
        Ok(items.iter().map(entry).collect())
    }

    /// A table.
    pub(super) fn section(&self) -> Result<Section<'d>> {
        let table = self.value.as_table().ok_or_else(|| self.wrong("a table"))?;
        let parent = self.section.trim_start_matches('[').trim_end_matches(']');
        let path =
            if parent.is_empty() { format!("[{}]", self.key) } else { format!("[{parent}.{}]", self.key) };
        Ok(Section::new(self.file, path, self.at, table))
    }
}

fn in_section(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}
