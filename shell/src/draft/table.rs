//! One table of a drafted policy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::Array;

use super::column::{ColumnDraft, toml_string};
use super::round;
use super::values::Found;
use crate::error::{Failure, Result};

/// One table of a drafted policy.
#[derive(Debug)]
pub struct TableDraft {
    pub(super) name: String,
    /// The file of its data.
    pub(super) file: PathBuf,
    pub(super) person: Option<String>,
    pub(super) rows_per_person: usize,
    max_rows: usize,
    columns: Vec<ColumnDraft>,
}

impl TableDraft {
    /// A table of the columns that were found; `person` is the name of one of them.
    pub(super) fn new(name: String, file: &Path, columns: &[Found], person: Option<&str>) -> Result<Self> {
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        let of_person = match person {
            None => None,
            Some(wanted) => {
                let found = columns.iter().find(|column| same(&column.name, wanted));
                let found = found.filter(|column| column.typed.is_some());
                let none = || {
                    Failure::invalid(format!("{}: there is no column `{wanted}` with values", file.display()))
                };
                Some(found.ok_or_else(none)?)
            }
        };
        let rows =
            columns.iter().filter_map(|column| column.typed.as_ref()).map(|(_, values)| values.len()).max();
        let draft = |column: &Found| {
            ColumnDraft::new(column, of_person.is_some_and(|person| person.name == column.name))
        };
        let drafts: Vec<ColumnDraft> = columns.iter().map(draft).collect();
        if drafts.iter().all(|column| column.declared.is_none()) {
            let file = file.display();
            return Err(match rows {
                Some(rows) if rows > 0 => {
                    let why = drafts.iter().map(|column| format!("{}: {}", column.name, column.assumed));
                    let why = why.collect::<Vec<_>>().join("; ");
                    Failure::invalid(format!("{file}: no column can be used")).with_hint(why)
                }
                _ => Failure::invalid(format!("{file}: it has no values to draft a policy from")),
            });
        }
        Ok(TableDraft {
            name,
            file: file.to_owned(),
            rows_per_person: of_person.map_or(Ok(1), most_rows)?,
            person: of_person.map(|person| person.name.clone()),
            max_rows: round::rows(rows.unwrap_or(0)),
            columns: drafts,
        })
    }

    /// The columns that the policy declares.
    pub(super) fn usable(&self) -> impl Iterator<Item = &str> {
        let declared = self.columns.iter().filter(|column| column.declared.is_some());
        declared.map(|column| column.name.as_str())
    }

    /// Its part of `policy.toml`.
    pub(super) fn policy(&self) -> String {
        let mut text = format!("\n[table.{}]\n", self.name);
        match &self.person {
            Some(person) => {
                text.extend([format!(
                    "person = {}            # whose record a row is\n",
                    toml_string(person)
                )]);
            }
            None => text.push_str("# person = \"...\"            # every row is a person of its own\n"),
        }
        text.extend([format!(
            "max_rows = {}            # a public bound, not the number of rows\n",
            self.max_rows
        )]);
        if self.rows_per_person > 1 {
            text.extend([format!("max_rows_per_person = {}\n", self.rows_per_person)]);
        }
        text.extend([format!("\n[table.{}.column]\n", self.name)]);
        for column in &self.columns {
            let key = key(&column.name);
            match &column.declared {
                Some(declared) => text.extend([format!("{key} = {declared}\n")]),
                None => text.extend([format!("# {key}: {}\n", column.assumed)]),
            }
        }
        text
    }

    /// What was assumed, for people.
    pub(super) fn assumptions(&self, owner: &str) -> String {
        let who = match &self.person {
            None => "every row is a person of its own".to_owned(),
            Some(person) if self.rows_per_person == 1 => format!("one row for each `{person}`"),
            Some(person) => format!("up to {} rows for each `{person}`", self.rows_per_person),
        };
        let mut text = format!("{owner}.{}: at most {} rows; {who}\n", self.name, self.max_rows);
        let width = self.columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0);
        for column in &self.columns {
            text.extend([format!("  {:width$}  {}\n", column.name, column.assumed)]);
        }
        text
    }
}

/// The key of a column: bare where TOML allows it.
fn key(name: &str) -> String {
    let bare = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_owned() } else { toml_string(name) }
}

/// The most rows of one person, identifiers normalised as joins do, widened.
fn most_rows(person: &Found) -> Result<usize> {
    let Some((_, values)) = &person.typed else { return Ok(1) };
    let forms = planner::function::hashed::normalise(std::slice::from_ref(values), values.len())?;
    let mut rows = BTreeMap::<Vec<u8>, usize>::new();
    for form in forms.into_iter().flatten() {
        *rows.entry(form).or_default() += 1;
    }
    Ok(round::rows_per_person(rows.into_values().max().unwrap_or(1)))
}
