//! `conjoin run`: statements from a file, the command line or standard input.

use super::{analyst_of, check_output, connect, runner, session, text};
use crate::asker::Asker;
use crate::batch::{Variables, dry_run};
use crate::cli::Run;
use crate::config::Directory;
use crate::error::{Failure, Result};
use crate::printer::Printer;
use crate::runner::{Destination, Ended, OnFailure};

pub(super) async fn run(command: Run, printer: Printer) -> Result<(), Ended> {
    check_output(&command.output)?;
    let variables = Variables::new(&command.statements.variables)?;
    let text = text(&command.statements)?
        .ok_or_else(|| Failure::invalid("there is nothing to run").with_hint("give -e SQL or -f FILE"))?;
    let on_failure = if command.keep_going { OnFailure::KeepGoing } else { OnFailure::Stop };
    if command.dry_run {
        let (path, analyst) = analyst_of(&command.target, command.analyst)?;
        let mut asker = Asker::planning(&Directory::load(&path)?, &analyst)?;
        return dry_run(&mut asker, &text, &variables, on_failure, printer);
    }
    let asker = connect(&command.target, &command.analyst, printer).await?;
    let mut runner = runner(asker, &command.output, printer)?;
    *runner.variables_mut() = variables;
    runner.set_report(command.report.as_deref());
    if let Some(dir) = &command.output_dir {
        runner.set_destination(Destination::folder(dir, command.file_format.as_deref())?);
    }
    session(runner, Some(text), on_failure, &command.output).await
}
