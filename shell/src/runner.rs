//! Statements one after the other: ask, print, remember what the session changed.

use std::path::{Path, PathBuf};
use std::time::Instant;

use executor::analyst::Outcome;
use planner::SessionChange;

use crate::asker::Asker;
use crate::error::{Failure, Result};
use crate::format::{FileKind, Format, ResultSet, write_file};
use crate::printer::Printer;

/// Runs statements of one session.
pub struct Runner {
    asker: Asker,
    printer: Printer,
    output: Option<OutputFile>,
    /// Results printed so far.
    printed: usize,
}

/// `--output FILE`: the results that go there.
struct OutputFile {
    path: PathBuf,
    kind: FileKind,
    results: Vec<ResultSet>,
}

/// What to do after a statement that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// End.
    Stop,
    /// Print the error and go on.
    KeepGoing,
}

impl Runner {
    /// A runner that prints results, or writes them to `output`.
    ///
    /// # Errors
    /// Class invalid if the extension of `output` says no format.
    pub fn new(asker: Asker, printer: Printer, output: Option<&Path>) -> Result<Self> {
        let output = match output {
            Some(path) => {
                Some(OutputFile { path: path.into(), kind: FileKind::of(path)?, results: Vec::new() })
            }
            None => None,
        };
        Ok(Self { asker, printer, output, printed: 0 })
    }

    /// The printer.
    pub fn printer(&self) -> Printer {
        self.printer
    }

    /// Changes how results are printed.
    pub fn set_printer(&mut self, printer: Printer) {
        self.printer = printer;
    }

    /// Runs all statements of a text. Results are printed as they come.
    ///
    /// # Errors
    /// The first failure; with [`OnFailure::KeepGoing`] it is printed before the next statement runs, as all others,
    /// and given at the end.
    pub async fn run_text(&mut self, text: &str, on_failure: OnFailure) -> Result<(), Ended> {
        let statements =
            planner::statements(text).map_err(|error| Ended::unprinted(located(error.into(), text, None)))?;
        self.check_output(statements.iter().filter(|statement| gives_rows(&statement.sql)).count())?;
        let mut first: Option<Ended> = None;
        for statement in statements {
            let outcome = self.run(&statement.sql).await;
            let Err(failure) = outcome else { continue };
            let failure = located(failure, text, Some(statement.position));
            if on_failure == OnFailure::Stop {
                return Err(Ended::unprinted(failure));
            }
            self.printer.failure(&failure);
            first.get_or_insert(Ended { failure, printed: true });
        }
        first.map_or(Ok(()), Err)
    }

    /// Several results for a file that holds one are found before anything runs.
    fn check_output(&self, results: usize) -> Result<()> {
        match &self.output {
            Some(output) if !output.kind.holds_many() && output.results.len() + results > 1 => {
                Err(one_only(&output.path))
            }
            _ => Ok(()),
        }
    }

    /// Runs one statement and prints its result.
    ///
    /// # Errors
    /// See [`Asker::ask`]; class invalid if a file cannot be written.
    pub async fn run(&mut self, sql: &str) -> Result<()> {
        let outcome = self.ask(sql).await?;
        self.deliver(outcome)
    }

    /// Runs one statement and gives its outcome.
    ///
    /// # Errors
    /// See [`Asker::ask`].
    pub async fn ask(&mut self, sql: &str) -> Result<Outcome> {
        let _progress = self.printer.progress("computing together");
        self.asker.ask(sql).await
    }

    /// Prints an outcome, or keeps it for the output file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn deliver(&mut self, outcome: Outcome) -> Result<()> {
        for notice in &outcome.notices {
            self.printer.notice(notice);
        }
        if let Some(change) = &outcome.change
            && self.printer.format() == Format::Table
        {
            self.printer.out(&format!("{}\n", tag(change)))?;
        }
        let Some(rows) = outcome.rows else { return Ok(()) };
        let result = ResultSet { schema: rows.schema, batches: rows.batches };
        if let Some(path) = outcome.copy_to {
            let path = PathBuf::from(path);
            let rows = result.rows();
            write_file(&path, FileKind::of(&path)?, &[result])?;
            let unit = if rows == 1 { "row" } else { "rows" };
            self.printer.status(&format!("{rows} {unit} to {}", path.display()));
            return Ok(());
        }
        if let Some(output) = &mut self.output {
            if !output.kind.holds_many() && !output.results.is_empty() {
                return Err(one_only(&output.path));
            }
            output.results.push(result);
            return write_file(&output.path, output.kind, &output.results);
        }
        let text = self.printer.format().render(&result, self.printed == 0)?;
        self.printed += 1;
        self.printer.out(&text)
    }

    /// Ends the parties of this process, if there are any.
    pub async fn finish(self) {
        self.asker.finish().await;
    }
}

fn one_only(path: &Path) -> Failure {
    Failure::invalid(format!("{} holds one result only", path.display()))
        .with_hint("run one query, or write .csv or .json")
}

/// Whether a statement surely gives rows, by its first word.
fn gives_rows(sql: &str) -> bool {
    const WORDS: [&str; 8] = ["select", "with", "values", "show", "describe", "explain", "execute", "table"];
    let text = sql.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
    let word: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    WORDS.contains(&word.to_lowercase().as_str())
}

/// A failure that ended a text, and whether it has been printed.
#[derive(Debug)]
pub struct Ended {
    /// What went wrong.
    pub failure: Failure,
    /// Whether the user has seen it.
    pub printed: bool,
}

impl Ended {
    fn unprinted(failure: Failure) -> Self {
        Self { failure, printed: false }
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::unprinted(failure)
    }
}

fn located(failure: Failure, text: &str, start: Option<planner::Position>) -> Failure {
    failure.within(text, start.unwrap_or(planner::Position { line: 1, column: 1 }))
}

/// What psql would print for a statement without a result.
fn tag(change: &SessionChange) -> &'static str {
    match change {
        SessionChange::CreateVirtualTable(_) => "CREATE VIRTUAL TABLE",
        SessionChange::DropVirtualTable(_) => "DROP VIRTUAL TABLE",
        SessionChange::Set(..) => "SET",
        SessionChange::Prepare(_) => "PREPARE",
        SessionChange::Deallocate(_) => "DEALLOCATE",
    }
}

/// The time that something took, for people.
pub fn seconds(since: Instant) -> String {
    format!("{:.2} s", since.elapsed().as_secs_f64())
}
