//! `conjoin shell`: the interactive shell; statements from standard input if it is not a terminal.

use super::{check_output, connect, runner, session, text};
use crate::cli::{ShellCommand, Statements};
use crate::error::Result;
use crate::printer::Printer;
use crate::runner::{Ended, OnFailure};

pub(super) async fn run(command: ShellCommand, printer: Printer) -> Result<(), Ended> {
    check_output(&command.output)?;
    let text = text(&Statements::default())?;
    let asker = connect(&command.target, &command.analyst, printer).await?;
    let runner = runner(asker, &command.output, printer)?;
    session(runner, text, OnFailure::Stop, &command.output).await
}
