//! The commands, one file each.

mod check;
mod completions;
mod demo;
mod explain;
mod flight;
mod init;
mod local;
mod run;
mod serve;
mod shell;

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use crate::asker::Asker;
use crate::cli::{Cli, Command, Output, Statements, Target};
use crate::config::{AnalystFile, Directory};
use crate::error::{Failure, Result};
use crate::printer::Printer;
use crate::runner::{Destination, Ended, OnFailure, Runner};
use crate::signals::ShellOwnsInterrupt;

/// Runs the command that was typed.
///
/// # Errors
/// What ended it; its class is the exit code.
pub async fn run(cli: Cli, printer: Printer) -> Result<(), Ended> {
    match cli.command {
        Command::Demo(command) => Box::pin(demo::run(command, printer)).await,
        Command::Local(command) => Box::pin(local::run(command, printer)).await,
        Command::Serve(command) => Ok(Box::pin(serve::run(command, printer)).await?),
        Command::Shell(command) => Box::pin(shell::run(command, printer)).await,
        Command::Run(command) => Box::pin(run::run(command, printer)).await,
        Command::Explain(command) => Box::pin(explain::run(command, printer)).await,
        Command::Flight(command) => Ok(Box::pin(flight::run(command, printer)).await?),
        Command::ServePg(command) => Ok(Box::pin(flight::run_postgres(command, printer)).await?),
        Command::Init(command) => Ok(init::run(&command, printer)?),
        Command::Check(command) => check::run(&command, printer),
        Command::Completions(command) => Ok(completions::run(&command, printer)?),
    }
}

/// The SQL to run: `-e`, `-f`, or standard input if it is not a terminal. `None`: the interactive shell.
fn text(statements: &Statements) -> Result<Option<String>> {
    if let Some(sql) = &statements.execute {
        return Ok(Some(sql.clone()));
    }
    match &statements.file {
        Some(path) if path != Path::new("-") => {
            decoded(std::fs::read(path), &path.display().to_string()).map(Some)
        }
        None if std::io::stdin().is_terminal() => Ok(None),
        _ => {
            let mut bytes = Vec::new();
            let read = std::io::stdin().read_to_end(&mut bytes);
            decoded(read.map(|_| bytes), "standard input").map(Some)
        }
    }
}

/// The text of a file, without the byte order mark that some programs write before it.
fn decoded(bytes: std::io::Result<Vec<u8>>, name: &str) -> Result<String> {
    let bytes = bytes.map_err(|error| Failure::invalid(format!("cannot read {name}: {error}")))?;
    let mut text = String::from_utf8(bytes)
        .map_err(|_| Failure::invalid(format!("{name} is not UTF-8 text")).with_hint("save it as UTF-8"))?;
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(text)
}

/// Connects to the servers of a configuration, or starts the parties of a directory.
async fn connect(target: &Target, analyst: &str, printer: Printer) -> Result<Asker> {
    if let Some(dir) = &target.local {
        return Asker::local(&Directory::load(dir)?, analyst, printer).await;
    }
    let path = target.config.as_ref().ok_or_else(|| Failure::invalid("--config or --local is missing"))?;
    let file = AnalystFile::read(path)?;
    Asker::remote(&Directory::load(&file.federation)?, &file)
}

/// The federation's directory and the analyst's name, for planning alone.
fn analyst_of(target: &Target, analyst: String) -> Result<(PathBuf, String)> {
    match (&target.config, &target.local) {
        (Some(config), _) => AnalystFile::read(config).map(|file| (file.federation, file.name)),
        (None, Some(dir)) => Ok((dir.clone(), analyst)),
        (None, None) => Err(Failure::invalid("--config or --local is missing")),
    }
}

/// A runner with the options of the command line.
fn runner(mut asker: Asker, output: &Output, printer: Printer) -> Result<Runner> {
    if let Some(timeout) = output.timeout {
        asker.set_timeout(timeout);
    }
    let mut runner = Runner::new(asker, printer);
    if let Some(path) = &output.output {
        runner.set_destination(Destination::file(path)?);
    }
    Ok(runner)
}

/// Runs the statements, or the interactive shell if there are none; draws the last result if asked; ends the session.
async fn session(
    mut runner: Runner,
    text: Option<String>,
    on_failure: OnFailure,
    output: &Output,
) -> Result<(), Ended> {
    let mut outcome = if let Some(text) = text {
        runner.run_text(&text, on_failure).await
    } else {
        let _interrupt = ShellOwnsInterrupt::take();
        crate::repl::run(&mut runner).await.map_err(Ended::from)
    };
    if let (Ok(()), Some(path)) = (&outcome, &output.plot) {
        outcome = runner.plot(path).map_err(Ended::from);
    }
    runner.finish().await;
    outcome
}

/// Files whose extensions say nothing are found before anything starts.
fn check_output(output: &Output) -> Result<()> {
    if let Some(path) = &output.output {
        crate::format::FileKind::of(path)?;
    }
    output.plot.as_deref().map_or(Ok(()), |path| crate::picture::Kind::of(path).map(drop))
}
