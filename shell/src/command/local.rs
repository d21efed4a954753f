//! `conjoin local DIR`: all parties of a federation directory in this process, over real sockets.

use super::{check_output, flight, runner, session, text};
use crate::asker::Asker;
use crate::batch::Variables;
use crate::cli::Local;
use crate::config::Directory;
use crate::error::Result;
use crate::printer::Printer;
use crate::runner::{Ended, OnFailure};

pub(super) async fn run(command: Local, printer: Printer) -> Result<(), Ended> {
    check_output(&command.output)?;
    let directory = Directory::load(&command.dir)?;
    if let Some(listen) = &command.flight {
        let asker = Asker::local(&directory, &command.analyst, printer).await?;
        return Ok(flight::beside(asker, listen, &command.analyst, printer).await?);
    }
    let text = text(&command.statements)?;
    let asker = Asker::local(&directory, &command.analyst, printer).await?;
    let mut runner = runner(asker, &command.output, printer)?;
    *runner.variables_mut() = Variables::new(&command.statements.variables)?;
    session(runner, text, OnFailure::Stop, &command.output).await
}
