//! `policy.toml`: an owner's tables and what may be done with them.

use super::column;
use super::document::{Entry, File, Section};
use super::names::{self, Named};
use crate::catalog::{Analyst, ReleaseRules, Table, TableKey};
use crate::error::Result;
use crate::nearest::{hint, same_name};
use crate::plan::PartyId;

/// `min_people` where nothing is declared.
const DEFAULT_MIN_PEOPLE: u64 = 10;
/// No table has more rows than this.
const MAX_ROWS: u64 = 1 << 32;
/// Numbers of persons and multiples of counts stay below this.
const MAX_COUNT: u64 = 1 << 32;

impl Default for ReleaseRules {
    fn default() -> Self {
        ReleaseRules { min_people: DEFAULT_MIN_PEOPLE, round_counts: 0, recipients: vec!["*".to_owned()] }
    }
}

/// Reads a policy.
pub(super) fn parse(
    file: File<'_>,
    owner: PartyId,
    analysts: &[Analyst],
) -> Result<(ReleaseRules, Vec<Table>)> {
    let root = file.parse()?;
    let top = Section::top(file, &root);
    top.only(&["version", "release", "table"])?;
    super::version(&top)?;
    let release = match top.get("release") {
        Some(entry) => parse_release(&entry.section()?, analysts)?,
        None => ReleaseRules::default(),
    };
    let mut tables: Vec<Table> = Vec::new();
    if let Some(entry) = top.get("table") {
        for table in entry.section()?.entries() {
            names::unique(table, table.key, tables.iter().map(|t| t.name.as_str()))?;
            tables.push(parse_table(table, owner)?);
        }
    }
    Ok((release, tables))
}

fn parse_release(section: &Section<'_>, analysts: &[Analyst]) -> Result<ReleaseRules> {
    section.only(&["min_people", "round_counts", "recipients"])?;
    let mut rules = ReleaseRules::default();
    if let Some(entry) = section.get("min_people") {
        rules.min_people = entry.integer(1, MAX_COUNT)?;
    }
    if let Some(entry) = section.get("round_counts") {
        rules.round_counts = entry.integer(0, MAX_COUNT)?;
    }
    if let Some(entry) = section.get("recipients") {
        rules.recipients = parse_recipients(entry, analysts)?;
    }
    Ok(rules)
}

fn parse_recipients(entry: &Entry<'_>, analysts: &[Analyst]) -> Result<Vec<String>> {
    let mut recipients: Vec<String> = Vec::new();
    for item in entry.list()? {
        let name = item.text()?;
        names::unique(&item, name, recipients.iter().map(String::as_str))?;
        let known = analysts.is_empty() || name == "*" || analysts.iter().any(|a| same_name(&a.name, name));
        if !known {
            let names = analysts.iter().map(|a| a.name.as_str());
            return Err(item
                .error(&format!("the federation has no analyst `{name}`"))
                .with_hint(hint(name, names, "analysts")));
        }
        recipients.push(name.to_owned());
    }
    Ok(recipients)
}

fn parse_table(entry: &Entry<'_>, owner: PartyId) -> Result<Table> {
    names::check(entry, entry.key, Named::Table)?;
    let section = entry.section()?;
    section.only(&["person", "max_rows", "max_rows_per_person", "unique", "pseudonyms", "column"])?;
    let max_rows = section.require("max_rows")?.integer(1, MAX_ROWS)?;
    let mut columns: Vec<crate::catalog::Column> = Vec::new();
    let mut keys = Vec::new();
    for item in section.require("column")?.section()?.entries() {
        names::check(item, item.key, Named::Column)?;
        names::unique(item, item.key, columns.iter().map(|c| c.name.as_str()))?;
        let limit = column::rows_per_value(item, max_rows)?;
        keys.extend(limit.map(|max_rows| TableKey { columns: vec![columns.len()], max_rows }));
        columns.push(column::parse(item)?);
    }
    if columns.is_empty() {
        return Err(section.error("a table needs at least one column"));
    }
    let mut table = Table {
        owner,
        name: entry.key.to_owned(),
        person: None,
        max_rows,
        max_rows_per_person: 1,
        pseudonyms: true,
        columns,
        keys,
    };
    if let Some(unique) = section.get("unique") {
        for key in unique.list()? {
            let columns = parse_key(&key, &table)?;
            table.keys.push(TableKey { columns, max_rows: 1 });
        }
    }
    if let Some(pseudonyms) = section.get("pseudonyms") {
        table.pseudonyms = pseudonyms.boolean()?;
    }
    if let Some(person) = section.get("person") {
        table.person = Some(parse_person(person, &table)?);
    }
    if let Some(limit) = section.get("max_rows_per_person") {
        table.max_rows_per_person = limit.integer(1, max_rows)?;
        if table.person.is_none() && table.max_rows_per_person > 1 {
            return Err(limit
                .error("without `person` every row is a person")
                .with_hint("declare `person = \"column\"`".to_owned()));
        }
    }
    Ok(table)
}

fn parse_person(entry: &Entry<'_>, table: &Table) -> Result<String> {
    let column = column_of(entry, table)?;
    Ok(table.columns.get(column).map(|column| column.name.clone()).unwrap_or_default())
}

/// Columns that together are unique.
fn parse_key(entry: &Entry<'_>, table: &Table) -> Result<Vec<usize>> {
    let mut columns = Vec::new();
    for item in entry.list()? {
        let column = column_of(&item, table)?;
        if columns.contains(&column) {
            return Err(item.error("the same column twice"));
        }
        columns.push(column);
    }
    if columns.is_empty() { Err(entry.error("a key needs at least one column")) } else { Ok(columns) }
}

fn column_of(entry: &Entry<'_>, table: &Table) -> Result<usize> {
    let name = entry.text()?;
    match table.column(name) {
        Some((index, _)) => Ok(index),
        None => Err(entry.error(&format!("the table has no column `{name}`")).with_hint(hint(
            name,
            table.columns.iter().map(|c| c.name.as_str()),
            "columns",
        ))),
    }
}
