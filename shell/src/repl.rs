//! The interactive shell: statements until `;`, over several lines; `\q`, `\?`, `\d`.

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use crate::error::{Failure, Result};
use crate::runner::{OnFailure, Runner, seconds};

const HELP: &str = "\
Statements end with `;` and may span lines.
  SELECT region, AVG(days) FROM cohort GROUP BY region;   only aggregates leave
  SHOW TABLES;  DESCRIBE hospital.lifestyle;  SHOW FUNCTIONS;
  EXPLAIN SELECT ...;            what would happen, and what it costs
  EXPLAIN DISCLOSURE SELECT ...; who would learn what
  \\d         tables            \\d NAME   columns of a table
  \\?         this text         \\q        leave (or Ctrl-D); Ctrl-C drops what you typed
";

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Input {
    /// A text of statements.
    Statements(String),
    /// `\?`.
    Help,
    /// `\q`.
    Quit,
    /// A backslash command that does not exist.
    Unknown(String),
}

/// Reads and runs until the user leaves.
///
/// # Errors
/// If the terminal cannot be read. A failing statement is printed, and the shell goes on.
pub async fn run(runner: &mut Runner) -> Result<()> {
    let broken = |error: ReadlineError| Failure::internal(format!("cannot read from the terminal: {error}"));
    let mut editor = Some(DefaultEditor::new().map_err(broken)?);
    runner.printer().status("Type \\? for help, \\q to leave.");
    let mut typed = String::new();
    while let Some(mut reader) = editor.take() {
        let prompt = if typed.is_empty() { "conjoin> " } else { "      -> " };
        // The editor blocks: it gets a thread, so that parties in this process go on.
        let read = tokio::task::spawn_blocking(move || {
            let line = reader.readline(prompt);
            (reader, line)
        });
        let (mut reader, line) = read.await.map_err(|_| Failure::internal("the terminal's thread ended"))?;
        match line {
            Ok(line) => {
                typed.push_str(&line);
                typed.push('\n');
            }
            Err(ReadlineError::Interrupted) => typed.clear(),
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(broken(error)),
        }
        if let Some(input) = complete(&typed) {
            // History is a comfort: an entry that cannot be kept is no reason to stop.
            let _ = reader.add_history_entry(typed.trim());
            typed.clear();
            if execute(runner, input).await? {
                return Ok(());
            }
        }
        editor = Some(reader);
    }
    Ok(())
}

/// What was typed, once it is complete.
fn complete(typed: &str) -> Option<Input> {
    let text = typed.trim();
    if let Some(command) = text.strip_prefix('\\') {
        let (name, argument) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        let argument = argument.trim().trim_end_matches(';');
        return Some(match (name, argument) {
            ("q" | "quit", _) => Input::Quit,
            ("?" | "h" | "help", _) => Input::Help,
            ("d" | "dt", "") => Input::Statements("SHOW TABLES".to_owned()),
            ("d", table) => Input::Statements(format!("DESCRIBE {table}")),
            _ => Input::Unknown(name.to_owned()),
        });
    }
    match text.to_lowercase().trim_end_matches(';').trim_end() {
        "quit" | "exit" => return Some(Input::Quit),
        "help" => return Some(Input::Help),
        _ => {}
    }
    // A semicolon inside a string or a comment ends nothing: the planner's splitter decides.
    let ended = text.ends_with(';')
        && planner::statements(&format!("{text}\nx"))
            .is_ok_and(|statements| statements.last().is_some_and(|last| last.sql == "x"));
    ended.then(|| Input::Statements(typed.to_owned()))
}

/// Runs what was typed; true if the user leaves.
async fn execute(runner: &mut Runner, input: Input) -> Result<bool> {
    let printer = runner.printer();
    match input {
        Input::Quit => return Ok(true),
        Input::Help => printer.out(HELP)?,
        Input::Unknown(name) => {
            printer.failure(
                &Failure::invalid(format!("unknown command \\{name}")).with_hint("\\? lists commands"),
            );
        }
        Input::Statements(text) => {
            let start = std::time::Instant::now();
            // Ctrl-C while a query runs drops it, which cancels it at every party.
            let outcome = tokio::select! {
                outcome = runner.run_text(&text, OnFailure::Stop) => outcome,
                _ = tokio::signal::ctrl_c() => Err(cancelled().into()),
            };
            match outcome {
                Ok(()) => printer.status(&seconds(start)),
                Err(ended) => printer.failure(&ended.failure),
            }
        }
    }
    Ok(false)
}

fn cancelled() -> Failure {
    Failure::new(planner::Class::Peer, "the query was cancelled; the parties have been told to stop")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_at_their_semicolon() {
        assert_eq!(complete("SELECT 1"), None);
        assert_eq!(complete("SELECT ';"), None);
        assert_eq!(complete("SELECT 1 -- ;"), None);
        assert_eq!(complete("SELECT 1;\n"), Some(Input::Statements("SELECT 1;\n".into())));
        assert_eq!(complete(""), None);
    }

    #[test]
    fn backslash_commands_are_complete_at_once() {
        assert_eq!(complete("\\q\n"), Some(Input::Quit));
        assert_eq!(complete("quit\n"), Some(Input::Quit));
        assert_eq!(complete("help\n"), Some(Input::Help));
        assert_eq!(complete("exit;\n"), Some(Input::Quit));
        assert_eq!(complete("\\d\n"), Some(Input::Statements("SHOW TABLES".into())));
        assert_eq!(complete("\\d cohort;\n"), Some(Input::Statements("DESCRIBE cohort".into())));
        assert_eq!(complete("\\x\n"), Some(Input::Unknown("x".into())));
    }
}
