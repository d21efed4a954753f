//! `conjoin check DIR`: federation, policies, virtual tables, configurations and data against each other.

use std::path::{Path, PathBuf};

use arrow::compute::concat_batches;
use planner::catalog::{Federation, Party, Table};

use crate::cli::Check;
use crate::config::{AnalystFile, Directory, PartyFile};
use crate::data::{self, Sources};
use crate::error::{Failure, Result};
use crate::printer::Printer;
use crate::runner::Ended;

/// Collects what was found: good news to standard output, problems to standard error.
struct Report {
    printer: Printer,
    first: Option<Failure>,
    problems: usize,
}

pub(super) fn run(command: &Check, printer: Printer) -> Result<(), Ended> {
    let mut report = Report { printer, first: None, problems: 0 };
    match Directory::load(&command.dir) {
        Ok(directory) => check(&directory, &mut report)?,
        Err(failure) => {
            for failure in Directory::faults(&command.dir, failure) {
                report.problem(failure);
            }
        }
    }
    match report.first {
        None => Ok(printer.out("no problems\n")?),
        Some(failure) => Err(Ended { failure, printed: true }),
    }
}

impl Report {
    fn good(&self, what: &str) -> Result<()> {
        self.printer.out(&format!("ok       {what}\n"))
    }

    fn skipped(&self, what: &str) -> Result<()> {
        self.printer.out(&format!("skipped  {what}\n"))
    }

    fn problem(&mut self, failure: Failure) {
        self.problems += 1;
        self.printer.failure(&failure);
        self.first.get_or_insert(failure);
    }
}

fn check(directory: &Directory, report: &mut Report) -> Result<()> {
    let federation = &directory.federation;
    let tables = federation.tables().count();
    report.good(&format!(
        "federation.toml and policies: {} parties, {tables} tables",
        federation.parties.len()
    ))?;
    views(directory, report)?;
    for party in &federation.parties {
        let folder = directory.party_folder(&party.name);
        let config = party_config(&folder.join("party.toml"), party, report)?;
        let named = config.map(|config| config.sources).unwrap_or_default();
        let data = directory.data_folder(&party.name);
        if party.tables.is_empty() && holds_something(&data) && !folder.join("policy.toml").exists() {
            let message = format!(
                "{}: policy.toml is missing, and {} has data: they cannot be used",
                folder.display(),
                party.name
            );
            report.problem(Failure::invalid(message));
        }
        let here = data.is_dir() || !named.is_empty();
        let sources = Sources { named, folder: data };
        for table in &party.tables {
            if here {
                table_data(party, table, &sources, report)?;
            } else {
                report.skipped(&format!("{}.{}: its data are not here", party.name, table.name))?;
            }
        }
    }
    for path in analyst_files(directory) {
        analyst_config(&path, federation, report)?;
    }
    Ok(())
}

/// Whether a folder has files.
fn holds_something(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// Every virtual table; one that is broken is left out for those after it.
fn views(directory: &Directory, report: &mut Report) -> Result<()> {
    let federation = &directory.federation;
    let mut good = Federation { views: Vec::new(), ..Federation::clone(federation) };
    for view in &federation.views {
        good.views.push(view.clone());
        match planner::bind::validate_views(&good) {
            Ok(()) => report.good(&format!("virtual table {}", view.name))?,
            Err(error) => {
                good.views.pop();
                report.problem(directory.without_policy(error));
            }
        }
    }
    Ok(())
}

/// Reads all tables of a directory as its parties would.
///
/// # Errors
/// The first that its policy does not admit.
pub(super) fn data(directory: &Directory) -> Result<()> {
    for party in &directory.federation.parties {
        let sources = Sources { folder: directory.data_folder(&party.name), ..Sources::default() };
        for table in &party.tables {
            data::load(party, table, &sources)?;
        }
    }
    Ok(())
}

fn table_data(party: &Party, table: &Table, sources: &Sources, report: &mut Report) -> Result<()> {
    let name = format!("{}.{}", party.name, table.name);
    match data::load(party, table, sources) {
        Err(error) => report.problem(error.into()),
        Ok(own) => {
            let rows: usize = own.batches.iter().map(arrow::record_batch::RecordBatch::num_rows).sum();
            let unit = if rows == 1 { "row" } else { "rows" };
            report.good(&format!("{name}: {rows} {unit}, at most {}", table.max_rows))?;
            let alike = alike_identifiers(table, &own.schema, &own.batches)?;
            if alike > 0 {
                let person = table.person.as_deref().unwrap_or_default();
                let unit = if alike == 1 { "row" } else { "rows" };
                report.printer.notice(&format!(
                    "warning: {name}: {alike} {unit} more than max_rows_per_person = {} allows, once `{person}` is \
                     normalised (trimmed, upper case): every join ON HASHED({person}) will fail",
                    table.max_rows_per_person
                ));
            }
        }
    }
    Ok(())
}

/// Rows beyond the allowed number per person, after identifiers are normalised as HASHED does.
fn alike_identifiers(
    table: &Table,
    schema: &arrow::datatypes::SchemaRef,
    batches: &[arrow::record_batch::RecordBatch],
) -> Result<u64> {
    let Some((index, _)) = table.person.as_ref().and_then(|person| table.column(person)) else {
        return Ok(0);
    };
    let failed =
        |error: &dyn std::fmt::Display| Failure::internal(format!("cannot normalise identifiers: {error}"));
    let all = concat_batches(schema, batches).map_err(|error| failed(&error))?;
    let persons =
        planner::function::hashed::normalise(std::slice::from_ref(all.column(index)), all.num_rows())?;
    let mut rows = std::collections::BTreeMap::<Vec<u8>, u64>::new();
    for person in persons.into_iter().flatten() {
        *rows.entry(person).or_default() += 1;
    }
    Ok(rows.values().map(|rows| rows.saturating_sub(table.max_rows_per_person)).sum())
}

/// `party.toml` beside a policy, if there is one.
fn party_config(path: &Path, party: &Party, report: &mut Report) -> Result<Option<PartyFile>> {
    if !path.exists() {
        return Ok(None);
    }
    let checked = PartyFile::read(path).and_then(|file| {
        let is = file.name.to_lowercase() == party.name.to_lowercase();
        if !is {
            let message =
                format!("{}: `name` is `{}` in the folder of {}", path.display(), file.name, party.name);
            return Err(Failure::invalid(message));
        }
        super::serve::check_sources(&file, party)?;
        check_key(path, &file.key, party.key.as_ref())?;
        Ok(file)
    });
    match checked {
        Ok(file) => {
            report.good(&path.display().to_string())?;
            Ok(Some(file))
        }
        Err(failure) => {
            report.problem(failure);
            Ok(None)
        }
    }
}

/// A key file must hold the key that the federation lists.
fn check_key(config: &Path, file: &Path, listed: Option<&planner::catalog::PublicKey>) -> Result<()> {
    let key = executor::identity::Identity::load(file)?.public_key();
    match listed {
        Some(listed) if *listed != key => Err(Failure::invalid(format!(
            "{}: {} holds {key}, federation.toml lists {listed}",
            config.display(),
            file.display()
        ))),
        _ => Ok(()),
    }
}

/// `analyst.toml` of the directory and `analysts/*/analyst.toml`.
fn analyst_files(directory: &Directory) -> Vec<PathBuf> {
    let root = directory.root();
    let mut files = vec![root.join("analyst.toml")];
    if let Ok(entries) = std::fs::read_dir(root.join("analysts")) {
        files.extend(entries.filter_map(Result::ok).map(|entry| entry.path().join("analyst.toml")));
    }
    files.retain(|file| file.exists());
    files.sort();
    files
}

fn analyst_config(path: &Path, federation: &Federation, report: &mut Report) -> Result<()> {
    let checked = AnalystFile::read(path).and_then(|file| {
        let listed = federation.analyst(&file.name);
        if listed.is_none() && !federation.analysts.is_empty() {
            let names = federation.analysts.iter().map(|analyst| analyst.name.as_str());
            let message = format!("{}: federation.toml has no analyst `{}`", path.display(), file.name);
            return Err(Failure::invalid(message)
                .with_optional_hint(planner::nearest_hint(&file.name, names, "analysts")));
        }
        check_key(path, &file.key, listed.and_then(|analyst| analyst.key.as_ref()))
    });
    match checked {
        Ok(()) => report.good(&path.display().to_string()),
        Err(failure) => {
            report.problem(failure);
            Ok(())
        }
    }
}
