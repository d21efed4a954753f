//! Statements one after the other: ask, print, remember what the session changed.

use std::path::{Path, PathBuf};
use std::time::Instant;

use executor::analyst::{Outcome, Stats};
use planner::{Position, SessionChange};

use crate::asker::Asker;
use crate::batch::{Entry, RunReport, Variables, severity};
use crate::error::{Failure, Result};
use crate::format::{FileKind, Format, Layout, ResultSet, write_file};
use crate::picture;
use crate::printer::Printer;

/// Where a text begins.
const BEGIN: Position = Position { line: 1, column: 1 };

/// Runs statements of one session.
pub struct Runner {
    asker: Asker,
    printer: Printer,
    layout: Layout,
    destination: Destination,
    variables: Variables,
    report: Option<RunReport>,
    /// Whether a person looks at the results one by one.
    interactive: bool,
    /// Results printed so far.
    printed: usize,
    /// The last statement with a result, and that.
    last: Option<(String, ResultSet)>,
}

/// Where results go.
#[derive(Debug, Default)]
pub enum Destination {
    /// Standard output.
    #[default]
    Out,
    /// All of them to one file.
    File {
        /// The file.
        path: PathBuf,
        /// Its format.
        kind: FileKind,
        /// What is in it.
        results: Vec<ResultSet>,
    },
    /// Each to a file of its own: `01.csv`, `02.csv`, ...
    Folder {
        /// The folder.
        path: PathBuf,
        /// Their format; `None`: that of the printer.
        kind: Option<FileKind>,
        /// How many there are.
        written: usize,
    },
}

impl Destination {
    /// A file, its format by its extension.
    ///
    /// # Errors
    /// Class invalid if the extension says no format.
    pub fn file(path: &Path) -> Result<Self> {
        Ok(Destination::File { path: path.into(), kind: FileKind::of(path)?, results: Vec::new() })
    }

    /// A folder, made if it is not there, for files of this format, named by its extension.
    ///
    /// # Errors
    /// Class invalid if it cannot be made, or the extension says no format.
    pub fn folder(path: &Path, format: Option<&str>) -> Result<Self> {
        let kind = format.map(|format| FileKind::of(&Path::new("results").with_extension(format)));
        let kind = kind.transpose()?;
        std::fs::create_dir_all(path)
            .map_err(|error| Failure::invalid(format!("cannot create {}: {error}", path.display())))?;
        Ok(Destination::Folder { path: path.into(), kind, written: 0 })
    }
}

/// What to do after a statement that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// End.
    Stop,
    /// Print the error and go on.
    KeepGoing,
}

/// What became of an outcome.
#[derive(Debug, Default)]
struct Delivered {
    rows: Option<usize>,
    notices: Vec<String>,
    stats: Option<Stats>,
    file: Option<PathBuf>,
}

impl Runner {
    /// A runner that prints results.
    pub fn new(asker: Asker, printer: Printer) -> Self {
        Self {
            asker,
            printer,
            layout: Layout::default(),
            destination: Destination::Out,
            variables: Variables::default(),
            report: None,
            interactive: false,
            printed: 0,
            last: None,
        }
    }

    /// The printer.
    pub fn printer(&self) -> Printer {
        self.printer
    }

    /// Changes how results are printed.
    pub fn set_printer(&mut self, printer: Printer) {
        self.printer = printer;
    }

    /// Changes where results go.
    pub fn set_destination(&mut self, destination: Destination) {
        self.destination = destination;
    }

    /// Changes how tables are laid out.
    pub fn set_layout(&mut self, layout: Layout) {
        self.layout = layout;
    }

    /// How tables are laid out.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The variables of texts.
    pub fn variables_mut(&mut self) -> &mut Variables {
        &mut self.variables
    }

    /// Keeps a report of every statement.
    pub fn set_report(&mut self, path: Option<&Path>) {
        self.report = path.map(RunReport::new);
    }

    /// Says that a person looks at the results one by one.
    pub fn set_interactive(&mut self) {
        self.interactive = true;
    }

    /// Who answers.
    pub fn asker(&self) -> &Asker {
        &self.asker
    }

    /// Runs all statements of a text. Results are printed as they come.
    ///
    /// # Errors
    /// The first failure; with [`OnFailure::KeepGoing`] each is printed before the next statement runs, and the worst is
    /// given at the end.
    pub async fn run_text(&mut self, text: &str, on_failure: OnFailure) -> Result<(), Ended> {
        let outcome = self.run_all(text, on_failure).await;
        let code = outcome.as_ref().err().map_or(0, |ended| ended.failure.class.exit_code());
        match self.report.as_ref().map(|report| report.write(code)) {
            Some(Err(failure)) if outcome.is_ok() => Err(failure.into()),
            _ => outcome,
        }
    }

    async fn run_all(&mut self, text: &str, on_failure: OnFailure) -> Result<(), Ended> {
        let expanded = self.variables.expand(text)?;
        let statements = planner::statements(&expanded.sql)
            .map_err(|error| expanded.restore(Failure::from(error).within(&expanded.sql, BEGIN)))?;
        self.check_output(statements.iter().filter(|statement| gives_rows(&statement.sql)).count())?;
        let mut worst: Option<Ended> = None;
        let mut statements = statements.into_iter();
        for statement in statements.by_ref() {
            let start = Instant::now();
            let outcome = match self.ask(&statement.sql).await {
                Ok(outcome) => self.hand_over(&statement.sql, outcome),
                Err(failure) => Err(failure),
            };
            let located =
                |failure: Failure| expanded.restore(failure.within(&expanded.sql, statement.position));
            let outcome = outcome.map_err(located);
            if let Some(report) = &mut self.report {
                let nothing = Delivered::default();
                let delivered = outcome.as_ref().unwrap_or(&nothing);
                report.add(&Entry {
                    sql: &statement.sql,
                    position: statement.position,
                    elapsed: start.elapsed(),
                    stats: delivered.stats.as_ref(),
                    rows: delivered.rows,
                    notices: &delivered.notices,
                    output: delivered.file.as_deref(),
                    failure: outcome.as_ref().err(),
                });
            }
            let Err(failure) = outcome else { continue };
            if on_failure == OnFailure::Stop {
                worst = Some(Ended::unprinted(failure));
                break;
            }
            self.printer.failure(&failure);
            if worst.as_ref().is_none_or(|old| severity(old.failure.class) < severity(failure.class)) {
                worst = Some(Ended { failure, printed: true });
            }
        }
        if let Some(report) = &mut self.report {
            statements.for_each(|statement| report.skip(&statement.sql, statement.position));
        }
        worst.map_or(Ok(()), Err)
    }

    /// Several results for a file that holds one are found before anything runs.
    fn check_output(&self, more: usize) -> Result<()> {
        match &self.destination {
            Destination::File { path, kind, results } if !kind.holds_many() && results.len() + more > 1 => {
                Err(one_only(path))
            }
            Destination::Out | Destination::File { .. } | Destination::Folder { .. } => Ok(()),
        }
    }

    /// Runs one statement and prints its result.
    ///
    /// # Errors
    /// See [`Asker::ask`]; class invalid if a file cannot be written.
    pub async fn run(&mut self, sql: &str) -> Result<()> {
        let outcome = self.ask(sql).await?;
        self.deliver(sql, outcome)
    }

    /// Runs one statement and gives its outcome.
    ///
    /// # Errors
    /// See [`Asker::ask`].
    pub async fn ask(&mut self, sql: &str) -> Result<Outcome> {
        let progress = self.printer.progress("computing together");
        self.asker.set_progress(progress.hook());
        let outcome = self.asker.ask(sql).await;
        self.asker.set_progress(None);
        outcome
    }

    /// Prints the outcome of a statement, or keeps it for the output file; then the notices.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn deliver(&mut self, sql: &str, outcome: Outcome) -> Result<()> {
        self.hand_over(sql, outcome).map(drop)
    }

    fn hand_over(&mut self, sql: &str, outcome: Outcome) -> Result<Delivered> {
        let Outcome { rows, notices, stats, change, copy_to } = outcome;
        if let Some(change) = &change
            && self.printer.format() == Format::Table
        {
            self.printer.out(&format!("{}\n", tag(change)))?;
        }
        let mut delivered = Delivered { stats, ..Delivered::default() };
        if let Some(rows) = rows {
            let result = ResultSet { schema: rows.schema, batches: rows.batches };
            delivered.rows = Some(result.rows());
            delivered.file = match copy_to {
                Some(path) => Some(self.copy(PathBuf::from(path), &result)?),
                None => self.show(&result)?,
            };
            self.last = Some((sql.to_owned(), result));
        }
        for notice in &notices {
            self.printer.notice(notice);
        }
        delivered.notices = notices;
        Ok(delivered)
    }

    /// `COPY (query) TO`.
    fn copy(&self, path: PathBuf, result: &ResultSet) -> Result<PathBuf> {
        write_file(&path, FileKind::of(&path)?, std::slice::from_ref(result))?;
        let unit = if result.rows() == 1 { "row" } else { "rows" };
        self.printer.status(&format!("{} {unit} to {}", result.rows(), path.display()));
        Ok(path)
    }

    /// Prints a result, or writes it where results go; gives the file.
    fn show(&mut self, result: &ResultSet) -> Result<Option<PathBuf>> {
        let format = self.printer.format();
        match &mut self.destination {
            Destination::Out => {
                let text = match format {
                    Format::Table => self.layout.render(result)?,
                    Format::Csv | Format::Json | Format::Jsonl => format.render(result, self.printed == 0)?,
                };
                self.printed += 1;
                if self.interactive {
                    self.printer.page(&text)?;
                } else {
                    self.printer.out(&text)?;
                }
                Ok(None)
            }
            Destination::File { path, kind, results } => {
                if !kind.holds_many() && !results.is_empty() {
                    return Err(one_only(path));
                }
                results.push(result.clone());
                write_file(path, *kind, results)?;
                Ok(Some(path.clone()))
            }
            Destination::Folder { path, kind, written } => {
                let printed = if format == Format::Table { Format::Csv } else { format };
                let kind = kind.unwrap_or(FileKind::Text(printed));
                *written += 1;
                let file = path.join(format!("{written:02}.{}", kind.extension()));
                write_file(&file, kind, std::slice::from_ref(result))?;
                Ok(Some(file))
            }
        }
    }

    /// The picture of the last result.
    ///
    /// # Errors
    /// Class invalid if there is none, or nothing that fits it.
    pub fn picture(&self) -> Result<picture::Picture> {
        let (sql, result) = self.last.as_ref().ok_or_else(nothing_to_draw)?;
        picture::Picture::of(result, &self.asker.titles(sql))
    }

    /// Draws the last result into a file.
    ///
    /// # Errors
    /// Class invalid if there is none, or nothing that fits it.
    pub fn plot(&self, path: &Path) -> Result<()> {
        self.picture()?.write(path)?;
        self.printer.status(&format!("drew {}", path.display()));
        Ok(())
    }

    /// Ends the parties of this process, if there are any.
    pub async fn finish(self) {
        self.asker.finish().await;
    }
}

/// There is no result.
fn nothing_to_draw() -> Failure {
    Failure::invalid("there is no result to draw").with_hint("run a query first")
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
