//! `conjoin completions SHELL`.

use clap::CommandFactory;

use crate::cli::{Cli, Completions};
use crate::error::{Failure, Result};
use crate::printer::Printer;

pub(super) fn run(command: &Completions, printer: Printer) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(command.shell, &mut Cli::command(), "conjoin", &mut script);
    let script = String::from_utf8(script).map_err(|_| Failure::internal("the completions are not UTF-8"))?;
    printer.out(&script)
}
