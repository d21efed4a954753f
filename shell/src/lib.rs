//! The program `conjoin`: the outermost layer, which wires the others together.
//!
//! [`cli`] is what can be typed, [`config`] and [`data`] are the files it names, [`command`] has one file for each
//! command, [`runner`] runs statements one after the other over an [`asker`], [`endpoint`] serves clients of other programs, and [`printer`] is the only writer to the
//! terminal.

pub mod asker;
pub mod batch;
pub mod cli;
pub mod command;
pub mod config;
pub mod data;
pub mod demo;
pub mod draft;
pub mod endpoint;
pub mod error;
pub mod format;
pub mod picture;
pub mod printer;
pub mod progress;
pub mod repl;
pub mod runner;
pub mod signals;
pub mod visible;

use std::ffi::OsString;

use clap::Parser;

use cli::Cli;
use error::Failure;
use format::Format;
use printer::Printer;
use runner::Ended;

/// Runs the program with these arguments (the first is its name) and gives its exit code.
pub fn main_with(arguments: &[OsString]) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(arguments, &error),
    };
    let output = cli.command.output();
    let printer = Printer::new(output.format, output.quiet);
    let outcome = start(cli, printer);
    match outcome {
        Ok(code) => code,
        Err(Ended { failure, printed }) => {
            if !printed {
                printer.failure(&failure);
            }
            failure.class.exit_code()
        }
    }
}

fn start(cli: Cli, printer: Printer) -> Result<u8, Ended> {
    // The provider of the whole process, before anything opens a connection. Somebody else's choice is an error.
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| Failure::internal("the TLS provider was chosen twice"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build()
        .map_err(|error| Failure::internal(format!("cannot start the runtime: {error}")))?;
    // A server ends in its own way.
    let serves = cli.command.serves();
    let code = runtime.block_on(async {
        // A task of its own: a command that waits for a file or a long computation keeps no signal from being seen.
        let mut command = tokio::spawn(command::run(cli, printer));
        tokio::select! {
            outcome = &mut command => match outcome {
                Ok(outcome) => outcome.map(|()| 0),
                Err(_) => Err(Failure::internal("the command was aborted").into()),
            },
            code = signals::ended(), if !serves => {
                // Time to remove temporary files, if the command can be reached at all.
                command.abort();
                let _ = tokio::time::timeout(GRACE, command).await;
                Ok(code)
            }
        }
    });
    // A thread that waits for the terminal does not keep the program alive.
    runtime.shutdown_background();
    code
}

/// A command that is told to end has this long to put things away.
const GRACE: std::time::Duration = std::time::Duration::from_secs(1);

/// Debug builds of the SQL engine need more than the default.
const STACK_BYTES: usize = 16 << 20;

/// Help and version go to standard output; mistakes are errors like all others.
fn usage(arguments: &[OsString], error: &clap::Error) -> u8 {
    let wants_json = arguments
        .iter()
        .zip(arguments.iter().skip(1))
        .any(|(a, b)| a == "--format" && (b == "json" || b == "jsonl"))
        || arguments.iter().any(|a| a == "--format=json" || a == "--format=jsonl");
    if error.use_stderr() && wants_json {
        let text = error.to_string();
        let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("For more information"));
        let message = lines.collect::<Vec<_>>().join(" ").trim_start_matches("error: ").to_owned();
        let failure = Failure::invalid(message).with_hint("conjoin --help");
        Printer::new(Some(Format::Json), false).failure(&failure);
        return failure.class.exit_code();
    }
    let printer = Printer::new(None, false);
    printer.usage(error);
    u8::try_from(error.exit_code()).unwrap_or(2)
}
