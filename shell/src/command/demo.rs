//! `conjoin demo`: a synthetic federation, a guided tour, and then the shell.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::{check_output, flight, runner, session};
use crate::asker::Asker;
use crate::batch::Variables;
use crate::cli::{Demo, Statements};
use crate::config::Directory;
use crate::demo;
use crate::error::{Failure, Result};
use crate::format::Format;
use crate::printer::Printer;
use crate::runner::{Ended, OnFailure};

pub(super) async fn run(command: Demo, printer: Printer) -> Result<(), Ended> {
    check_output(&command.output)?;
    let place = Place::prepare(command.dir.as_deref())?;
    write(&place, &command, printer)?;
    let directory = Directory::load(place.path())?;
    let text = typed(&command.statements)?;
    let asker = Asker::local(&directory, &command.analyst, printer).await?;
    if let Some(listen) = &command.flight {
        return Ok(flight::beside(asker, listen, &command.analyst, printer).await?);
    }
    if text.is_some() {
        let mut runner = runner(asker, &command.output, printer)?;
        *runner.variables_mut() = Variables::new(&command.statements.variables)?;
        return session(runner, text, OnFailure::Stop, &command.output).await;
    }
    // The tour is for people, unless a format is asked for.
    let for_people = command.output.format.is_none();
    let tour = if for_people { printer.with_format(Format::Table) } else { printer };
    let mut runner = runner(asker, &command.output, tour)?;
    if command.check {
        let outcome = demo::check(&mut runner, &directory).await;
        runner.finish().await;
        return Ok(outcome?);
    }
    demo::tour(&mut runner).await?;
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        runner.set_printer(printer);
        return session(runner, None, OnFailure::Stop, &command.output).await;
    }
    runner.finish().await;
    Ok(())
}

/// `-e` and `-f`; standard input is not read.
fn typed(statements: &Statements) -> Result<Option<String>> {
    if statements.execute.is_none() && statements.file.is_none() { Ok(None) } else { super::text(statements) }
}

fn write(place: &Place, command: &Demo, printer: Printer) -> Result<()> {
    let rows = usize::try_from(command.rows).unwrap_or(usize::MAX);
    let _progress = printer.progress("drawing patients");
    demo::write(place.path(), rows, command.seed).map_err(|error| Failure::invalid(format!("{error:#}")))?;
    if let Place::Kept(path) = place {
        printer.status(&format!("the federation is in {}", path.display()));
    }
    Ok(())
}

/// Where the federation is written.
enum Place {
    Kept(PathBuf),
    /// Removed at the end.
    Temporary(tempfile::TempDir),
}

impl Place {
    /// The directory that was asked for, if nothing else is in it; else a temporary one.
    fn prepare(dir: Option<&Path>) -> Result<Self> {
        let Some(dir) = dir else {
            return tempfile::Builder::new()
                .prefix("conjoin-demo-")
                .tempdir()
                .map(Place::Temporary)
                .map_err(|error| Failure::invalid(format!("cannot create a temporary directory: {error}")));
        };
        let used = std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
        if used && !demo::is_demo(dir) {
            return Err(Failure::invalid(format!("{} is not empty and not a demo's", dir.display()))
                .with_hint("choose a new directory"));
        }
        Ok(Place::Kept(dir.into()))
    }

    fn path(&self) -> &Path {
        match self {
            Place::Kept(path) => path,
            Place::Temporary(dir) => dir.path(),
        }
    }
}
