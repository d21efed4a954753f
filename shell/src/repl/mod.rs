//! The interactive shell: statements until `;` over several lines, and backslash commands.

mod command;
mod complete;
mod edit;
mod helper;
mod policies;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{Config, Editor};
use tokio::signal::unix::{SignalKind, signal};

use crate::error::{Failure, Result};
use crate::format::Layout;
use crate::runner::{Destination, OnFailure, Runner, seconds};
use command::{Command, Input, Switch};
use complete::Words;
use helper::SqlHelper;

type Reader = Editor<SqlHelper, DefaultHistory>;

/// Statements that a file includes may include others, so deep.
const INCLUDES: usize = 16;
/// More statements are not kept.
const HISTORY: usize = 2_000;

/// The state of the shell beside the session's.
struct Shell<'r> {
    runner: &'r mut Runner,
    /// Whether to print how long statements take.
    timing: bool,
    /// The last text of statements.
    last: String,
}

/// Whether the user goes on.
#[derive(PartialEq, Eq)]
enum Next {
    Go,
    Leave,
}

/// Reads and runs until the user leaves.
///
/// # Errors
/// If the terminal cannot be read. A failing statement is printed, and the shell goes on.
pub async fn run(runner: &mut Runner) -> Result<()> {
    runner.set_interactive();
    let mut reader = Some(reader(runner.printer())?);
    let history = history_file();
    if let (Some(reader), Some(path)) = (&mut reader, &history) {
        // History is a comfort: one that cannot be read or kept is no reason to stop.
        let _ = reader.load_history(path);
    }
    runner.printer().status("Type \\? for help, \\q to leave.");
    let mut shell = Shell { runner, timing: true, last: String::new() };
    let mut known = None;
    while let Some(mut editor) = reader.take() {
        let connection = shell.runner.asker().connection();
        let tables = Some(connection.session().virtual_tables.clone());
        // Planning all descriptions takes a moment: only when something has changed.
        if let (Some(helper), true) = (editor.helper_mut(), known != tables) {
            helper.set_words(Words::of(connection));
            known = tables;
        }
        // The editor blocks: it gets a thread, so that parties in this process go on.
        let read = tokio::task::spawn_blocking(move || {
            let text = editor.readline("conjoin> ");
            (editor, text)
        });
        let (mut editor, text) = read.await.map_err(|_| Failure::internal("the terminal's thread ended"))?;
        let text = match text {
            Ok(text) => text,
            Err(ReadlineError::Interrupted) => {
                reader = Some(editor);
                continue;
            }
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(broken(&error)),
        };
        if !text.trim().is_empty() {
            let _ = editor.add_history_entry(text.trim());
            if let Some(path) = &history {
                let _ = path.parent().map(std::fs::create_dir_all);
                let _ = editor.append_history(path);
            }
        }
        if let Some(input) = command::complete(&text)
            && shell.run(input, 0).await? == Next::Leave
        {
            break;
        }
        reader = Some(editor);
    }
    Ok(())
}

fn broken(error: &ReadlineError) -> Failure {
    Failure::internal(format!("cannot read from the terminal: {error}"))
}

/// The one statement of a text.
fn one_statement(text: &str) -> Result<String> {
    let statements = planner::statements(text).map_err(Failure::from)?;
    match statements.as_slice() {
        [one] => Ok(one.sql.clone()),
        [] => Err(Failure::invalid("there is no statement yet").with_hint("\\explain SELECT ...")),
        _ => Err(Failure::invalid("more than one statement").with_hint("give one: \\explain SELECT ...")),
    }
}

fn reader(printer: crate::printer::Printer) -> Result<Reader> {
    let config = Config::builder()
        .max_history_size(HISTORY)
        .and_then(|builder| builder.history_ignore_dups(true))
        .map_err(|error| broken(&error))?
        .completion_type(rustyline::CompletionType::List)
        .build();
    let mut reader = Reader::with_config(config).map_err(|error| broken(&error))?;
    reader.set_helper(Some(SqlHelper::new(printer.has_colors())));
    Ok(reader)
}

/// `CONJOIN_HISTORY`, or a file among the user's state.
fn history_file() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CONJOIN_HISTORY") {
        return (!path.is_empty()).then(|| PathBuf::from(path));
    }
    let state = std::env::var_os("XDG_STATE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state"));
    Some(state.or_else(home)?.join("conjoin/history"))
}

impl Shell<'_> {
    /// Runs what was typed. Failures of statements and commands are printed.
    async fn run(&mut self, input: Input, depth: usize) -> Result<Next> {
        let outcome = match input {
            Input::Nothing => Ok(()),
            Input::Quit => return Ok(Next::Leave),
            Input::Statements(text) => {
                self.statements(&text).await;
                Ok(())
            }
            Input::Command(command) => Box::pin(self.command(command, depth)).await,
            Input::Unknown(name) => {
                let hint = planner::nearest_hint(&name, command::NAMES.iter().copied(), "commands");
                let hint = hint.map(|hint| hint.replace('`', "")).filter(|_| name.len() > 2);
                Err(Failure::invalid(format!("unknown command \\{name}"))
                    .with_hint(hint.unwrap_or_else(|| "\\? lists commands".to_owned())))
            }
        };
        if let Err(failure) = outcome {
            self.runner.printer().failure(&failure);
        }
        Ok(Next::Go)
    }

    /// Runs statements; Ctrl-C cancels them at every party.
    async fn statements(&mut self, text: &str) -> bool {
        text.clone_into(&mut self.last);
        let printer = self.runner.printer();
        let start = Instant::now();
        let outcome = tokio::select! {
            // What has ended is not cancelled any more: a pager has seen the same Ctrl-C.
            biased;
            outcome = self.runner.run_text(text, OnFailure::Stop) => outcome,
            _ = tokio::signal::ctrl_c() => Err(cancelled().into()),
        };
        match outcome {
            Ok(()) if self.timing => printer.status(&seconds(start)),
            Ok(()) => {}
            Err(ended) => {
                printer.failure(&ended.failure);
                return false;
            }
        }
        true
    }

    async fn command(&mut self, command: Command, depth: usize) -> Result<()> {
        let printer = self.runner.printer();
        match command {
            Command::Help => printer.out(command::HELP)?,
            Command::Sql(sql) => {
                self.statements_aside(&sql).await;
            }
            Command::Policies(table) => self.policies(table.as_deref()).await?,
            Command::Timing(switch) => {
                self.timing = switch.after(self.timing);
                printer.status(if self.timing { "timing is on" } else { "timing is off" });
            }
            Command::Expanded(switch) => {
                let on = switch.after(self.runner.layout() == Layout::Expanded);
                self.runner.set_layout(if on { Layout::Expanded } else { Layout::Aligned });
                printer.status(if on { "a line for each column" } else { "a line for each row" });
            }
            Command::Output(None) => self.runner.set_destination(Destination::Out),
            Command::Output(Some(path)) => self.runner.set_destination(Destination::file(&path)?),
            Command::Include(path) => self.include(&path, depth).await?,
            Command::Edit(path) => self.edit(path).await?,
            Command::Watch(every) => self.watch(every).await?,
            Command::Explain { disclosure, sql } => {
                let sql = sql.unwrap_or_else(|| self.last.clone());
                let statement = one_statement(&sql)?;
                let word = if disclosure { "EXPLAIN DISCLOSURE" } else { "EXPLAIN" };
                self.statements_aside(&format!("{word} {statement}")).await;
            }
            Command::Plot(None) => {
                let width =
                    console::Term::stdout().size_checked().map_or(80, |(_, columns)| usize::from(columns));
                printer.out(&self.runner.picture()?.text(width))?;
            }
            Command::Plot(Some(path)) => self.runner.plot(&path)?,
            Command::Set(None) => {
                for (name, value) in self.runner.variables_mut().list() {
                    printer.out(&format!("{name} = {value}\n"))?;
                }
            }
            Command::Set(Some((name, value))) => self.runner.variables_mut().set(&name, &value)?,
            Command::Format(format) => self.runner.set_printer(printer.with_format(format)),
        }
        Ok(())
    }

    /// Runs statements that are not what `\e`, `\watch` and `\explain` mean by the last.
    async fn statements_aside(&mut self, text: &str) {
        let last = std::mem::take(&mut self.last);
        self.statements(text).await;
        self.last = last;
    }

    /// What may be done with each column.
    async fn policies(&mut self, table: Option<&str>) -> Result<()> {
        let rows = match table {
            None => policies::of_tables(self.runner.asker().connection().federation())?,
            Some(table) => {
                let outcome = self.runner.ask(&format!("DESCRIBE {table}")).await?;
                let rows = outcome.rows.ok_or_else(|| Failure::internal("DESCRIBE gave no rows"))?;
                policies::of_columns(&rows.batches)?
            }
        };
        let text = self.runner.layout().render(&rows)?;
        self.runner.printer().page(&text)
    }

    async fn include(&mut self, path: &std::path::Path, depth: usize) -> Result<()> {
        if depth >= INCLUDES {
            return Err(Failure::invalid("files include each other too deeply"));
        }
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::invalid(format!("cannot read {}: {error}", path.display())))?;
        for input in command::script(&text) {
            if self.run(input, depth + 1).await? == Next::Leave {
                break;
            }
        }
        Ok(())
    }

    /// Edits the last statements, or a file, in the user's editor, and runs what is saved.
    async fn edit(&mut self, path: Option<PathBuf>) -> Result<()> {
        let last = self.last.clone();
        let edited = tokio::task::spawn_blocking(move || edit::edited(path, &last)).await;
        let text = edited.map_err(|_| Failure::internal("the editor's thread ended"))??;
        if text.trim().is_empty() {
            return Ok(());
        }
        self.runner.printer().out(&format!("{}\n", text.trim_end()))?;
        self.statements(&text).await;
        Ok(())
    }

    /// Runs the last statements again and again, until Ctrl-C or a failure.
    async fn watch(&mut self, every: Duration) -> Result<()> {
        if self.last.trim().is_empty() {
            return Err(Failure::invalid("there is no statement to repeat"));
        }
        let text = self.last.clone();
        // One listener for all, so that a Ctrl-C between two statements, or as one ends, is not missed.
        let mut interrupt = signal(SignalKind::interrupt())
            .map_err(|error| Failure::internal(format!("Ctrl-C cannot be caught: {error}")))?;
        while self.statements(&text).await {
            tokio::select! {
                biased;
                _ = interrupt.recv() => break,
                () = tokio::time::sleep(every) => {}
            }
        }
        Ok(())
    }
}

impl Switch {
    fn after(self, before: bool) -> bool {
        match self {
            Switch::On => true,
            Switch::Off => false,
            Switch::Other => !before,
        }
    }
}

fn cancelled() -> Failure {
    Failure::new(planner::Class::Peer, "the query was cancelled; the parties have been told to stop")
}
