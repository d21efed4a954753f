//! `conjoin run`: statements from a file, the command line or standard input.

use super::{check_output, connect, runner, session, text};
use crate::cli::Run;
use crate::error::{Failure, Result};
use crate::printer::Printer;
use crate::runner::{Ended, OnFailure};

pub(super) async fn run(command: Run, printer: Printer) -> Result<(), Ended> {
    check_output(&command.output)?;
    let text = text(&command.statements)?
        .ok_or_else(|| Failure::invalid("there is nothing to run").with_hint("give -e SQL or -f FILE"))?;
    let asker = connect(&command.target, &command.analyst, printer).await?;
    let on_failure = if command.keep_going { OnFailure::KeepGoing } else { OnFailure::Stop };
    let runner = runner(asker, &command.output, printer)?;
    session(runner, Some(text), on_failure).await
}
