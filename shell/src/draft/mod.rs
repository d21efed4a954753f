//! Drafts a federation from files of data: what `conjoin init federation` writes and says.
//!
//! Everything here is a guess for people to read and correct. What a policy says is public: bounds are rounded outwards,
//! and values are listed only where each of them stands in many rows.

mod column;
mod person;
mod round;
mod table;
mod values;
mod write;

use std::path::{Path, PathBuf};

use crate::error::{Failure, Result};
pub use table::TableDraft;

/// Distinct persons behind every released number, and rows behind every listed value.
pub const MIN_PEOPLE: usize = 10;

/// A federation that is not written yet.
#[derive(Debug)]
pub struct Draft {
    /// Owners, in the order given; the first three have seats.
    owners: Vec<Owner>,
    /// The virtual table over the first tables of all owners, if they can be joined.
    cohort: Option<String>,
}

#[derive(Debug)]
struct Owner {
    name: String,
    tables: Vec<TableDraft>,
}

/// An owner and a file of its data, as typed: `hospital=lifestyle.csv`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedFile {
    owner: String,
    path: PathBuf,
}

impl std::str::FromStr for OwnedFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((owner, path)) if !owner.is_empty() && !path.is_empty() => {
                Ok(OwnedFile { owner: owner.to_owned(), path: path.into() })
            }
            _ => Err("write NAME=FILE, such as hospital=lifestyle.csv".to_owned()),
        }
    }
}

/// Who decides which column says who a person is: gets the table's name, its columns and the guess.
pub type AskPerson<'a> = &'a mut dyn FnMut(&str, &[String], Option<&str>) -> Result<Option<String>>;

impl Draft {
    /// Reads the files and guesses the rest.
    ///
    /// # Errors
    /// Class source if a file cannot be read, class invalid for names that a federation cannot have.
    pub fn new(files: &[OwnedFile], person: AskPerson<'_>) -> Result<Self> {
        let mut owners: Vec<Owner> = Vec::new();
        let mut read = Vec::new();
        for file in files {
            check_party(&file.owner)?;
            read.push((file, values::read(&file.path)?));
        }
        let all: Vec<&str> = read.iter().flat_map(|(_, columns)| columns).map(|c| c.name.as_str()).collect();
        for (file, columns) in &read {
            let name = table_name(&file.path)?;
            let qualified = format!("{}.{name}", file.owner);
            let guess = person::guess(columns, &all);
            let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
            let person = person(&qualified, &names, guess)?;
            let table = TableDraft::new(name, &file.path, columns, person.as_deref())?;
            let old = owners.iter().position(|owner| owner.name == file.owner);
            let place = old.unwrap_or_else(|| {
                owners.push(Owner { name: file.owner.clone(), tables: Vec::new() });
                owners.len() - 1
            });
            if owners[place].tables.iter().any(|old| old.name == table.name) {
                return Err(Failure::invalid(format!("{qualified}: two files have this name")));
            }
            owners[place].tables.push(table);
        }
        let cohort = cohort(&owners);
        Ok(Draft { owners, cohort })
    }

    /// What was assumed, table by table, for people.
    pub fn assumptions(&self) -> String {
        let mut text = String::new();
        for owner in &self.owners {
            for table in &owner.tables {
                text.push_str(&table.assumptions(&owner.name));
            }
        }
        if self.cohort.is_some() {
            text.push_str("virtual table cohort: the people that all owners have, with columns of all\n");
        }
        text
    }

    /// Leaves the virtual table out: it cannot be planned.
    pub fn drop_cohort(&mut self) {
        self.cohort = None;
    }

    /// Writes the directory; `dir` must be new or empty. Data files are copied.
    ///
    /// # Errors
    /// Class invalid if something cannot be written.
    pub fn write(&self, dir: &Path) -> Result<()> {
        write::directory(self, dir)
    }

    /// Writes `federation.toml` again, after a change.
    ///
    /// # Errors
    /// As [`Draft::write`].
    pub fn rewrite(&self, dir: &Path) -> Result<()> {
        write::federation_file(self, dir)
    }
}

/// Parties' names: as the policy parser has them.
fn check_party(name: &str) -> Result<()> {
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let good = name.chars().next().is_some_and(char::is_alphabetic) && name.chars().all(plain);
    if good {
        return Ok(());
    }
    Err(Failure::invalid(format!("`{name}` is no name of a party")).with_hint("letters, digits, `_` and `-`"))
}

/// A table's name from its file's.
fn table_name(path: &Path) -> Result<String> {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let mut name: String = stem.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    if name.chars().next().is_some_and(|first| first.is_ascii_digit()) {
        name.insert(0, 't');
    }
    if name.is_empty() {
        return Err(Failure::invalid(format!("{}: the file's name gives no table name", path.display())));
    }
    Ok(name)
}

/// A virtual table that joins the first tables of all owners on their persons. Names that clash get the owner's before
/// them. None if there is nobody to join with, or somebody may have several rows where one is needed.
fn cohort(owners: &[Owner]) -> Option<String> {
    let firsts: Vec<(&Owner, &TableDraft, &str)> = owners
        .iter()
        .filter_map(|owner| {
            let table = owner.tables.first()?;
            Some((owner, table, table.person.as_deref()?))
        })
        .collect();
    let [(hub, hub_table, hub_person), others @ ..] = firsts.as_slice() else { return None };
    if others.is_empty() || firsts.len() < owners.len() {
        return None;
    }
    if others.iter().any(|(_, table, _)| table.rows_per_person > 1) {
        return None;
    }
    let mut taken: Vec<String> = Vec::new();
    let mut columns = Vec::new();
    for (number, (owner, table, person)) in firsts.iter().enumerate() {
        for name in table.usable().filter(|name| name != person) {
            let clash = taken.iter().any(|other| other.to_lowercase() == name.to_lowercase());
            let column = format!("t{number}.{}", quoted(name));
            let alias = format!("{}_{name}", owner.name);
            columns.push(if clash { format!("{column} AS {}", quoted(&alias)) } else { column });
            taken.push(if clash { alias } else { name.to_owned() });
        }
    }
    let mut sql = format!("SELECT {}\nFROM {}.{} t0", columns.join(", "), quoted(&hub.name), hub_table.name);
    for (number, (owner, table, person)) in others.iter().enumerate() {
        let number = number + 1;
        let on = format!("HASHED(t0.{}) = HASHED(t{number}.{})", quoted(hub_person), quoted(person));
        sql.extend([format!("\nJOIN {}.{} t{number} ON {on}", quoted(&owner.name), table.name)]);
    }
    Some(sql)
}

/// A name in SQL, quoted where it has to be.
fn quoted(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { name.to_owned() } else { format!("\"{name}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_and_files_are_told_apart() {
        let file: OwnedFile = "hospital=/data/a=b.csv".parse().unwrap();
        assert_eq!((file.owner.as_str(), file.path), ("hospital", "/data/a=b.csv".into()));
        assert!("hospital".parse::<OwnedFile>().is_err());
        assert_eq!(table_name(Path::new("/x/2024 claims.csv")).unwrap(), "t2024_claims");
        assert!(check_party("a b").is_err() && check_party("x-1").is_ok());
    }

    #[test]
    fn a_federation_is_drafted_from_two_files() {
        let folder = tempfile::tempdir().unwrap();
        let rows = |header: &str, row: &dyn Fn(usize) -> String| {
            std::iter::once(header.to_owned()).chain((0..40).map(row)).collect::<Vec<_>>().join("\n")
        };
        let a = folder.path().join("lifestyle.csv");
        let sex = |i: usize| ["f", "m"][i % 2];
        std::fs::write(&a, rows("patient_id,age,sex", &|i| format!("P{i},{},{}", 21 + i, sex(i)))).unwrap();
        let b = folder.path().join("claims.csv");
        std::fs::write(&b, rows("id,age,cost", &|i| format!("p{i},{},{}.50", 21 + i, i))).unwrap();
        let files = [format!("hospital={}", a.display()), format!("insurer={}", b.display())];
        let files = files.map(|text| text.parse().unwrap());
        let mut asked = Vec::new();
        let draft = Draft::new(&files, &mut |table, _, guess| {
            asked.push(table.to_owned());
            Ok(guess.map(str::to_owned))
        });
        let draft = draft.unwrap();
        assert_eq!(asked, ["hospital.lifestyle", "insurer.claims"]);
        let cohort = draft.cohort.as_deref().unwrap();
        assert!(cohort.contains("t1.age AS insurer_age"), "{cohort}");
        let dir = folder.path().join("study");
        draft.write(&dir).unwrap();
        let directory = crate::config::Directory::load(&dir).unwrap();
        directory.validate_views().unwrap();
        let (_, lifestyle) = directory.federation.tables().next().unwrap();
        assert_eq!((lifestyle.person.as_deref(), lifestyle.max_rows), (Some("patient_id"), 100));
        let text = std::fs::read_to_string(dir.join("parties/hospital/policy.toml")).unwrap();
        assert!(text.contains(r#"age = { type = "INTEGER", nullable = false, bounds = [20, 60]"#), "{text}");
        assert!(text.contains(r#"sex = { type = "TEXT", nullable = false, values = ["f", "m"]"#), "{text}");
        let text = std::fs::read_to_string(dir.join("parties/insurer/policy.toml")).unwrap();
        assert!(
            text.contains(r#"cost = { type = "DECIMAL(12,2)", nullable = false, bounds = [0, 40]"#),
            "{text}"
        );
    }
}
