//! What a typed text asks for.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum as _;

use crate::format::Format;

/// `\?`.
pub(super) const HELP: &str = "\
Statements end with `;` and may span lines.
  SELECT region, AVG(days) FROM cohort GROUP BY region;   only aggregates leave
  SHOW TABLES;  DESCRIBE hospital.lifestyle;  SHOW FUNCTIONS;  DESCRIBE FUNCTION lasso;
  EXPLAIN SELECT ...;            what would happen, and what it costs
  EXPLAIN DISCLOSURE SELECT ...; who would learn what
Look around
  \\d [NAME]            tables, or the columns of one      \\dt   tables
  \\df [NAME]           functions, or what one takes and gives
  \\dp [NAME]           policies: what may be done with tables, or with the columns of one
  \\explain [SQL]       the plan of a statement, or of the last      \\disclosure [SQL]  who learns what
Results
  \\x [on|off]          a line for each column instead of each row
  \\format FORMAT       table, csv, json or jsonl
  \\o [FILE]            results to a file (.parquet, .arrow, .csv, .json), or back to the terminal
  \\plot [FILE]         draw the last result here, or into a file (.svg, .png)
  \\timing [on|off]     how long statements take
Statements
  \\e [FILE]            edit the last statements, or a file, and run them
  \\i FILE              run a file
  \\watch [SECONDS]     repeat the last statements until Ctrl-C
  \\set [NAME VALUE]    a variable: $NAME in a statement stands for the value, ${NAME} for its text
  \\?                   this text
  \\q                   leave (or Ctrl-D); Ctrl-C drops what you typed, or cancels what runs
";

/// All commands, for completion.
pub(super) const NAMES: [&str; 19] = [
    "?",
    "d",
    "df",
    "disclosure",
    "dp",
    "dt",
    "e",
    "explain",
    "format",
    "h",
    "help",
    "i",
    "o",
    "plot",
    "q",
    "set",
    "timing",
    "watch",
    "x",
];

/// What a text asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// An empty line.
    Nothing,
    /// A text of statements.
    Statements(String),
    /// A backslash command.
    Command(Command),
    /// `\q`.
    Quit,
    /// A backslash command that does not exist, or misses what it needs.
    Unknown(String),
}

/// A backslash command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Help,
    /// What SQL says as well.
    Sql(String),
    Policies(Option<String>),
    Timing(Switch),
    Expanded(Switch),
    Output(Option<PathBuf>),
    Include(PathBuf),
    Edit(Option<PathBuf>),
    Watch(Duration),
    Explain {
        disclosure: bool,
        sql: Option<String>,
    },
    Plot(Option<PathBuf>),
    Set(Option<(String, String)>),
    Format(Format),
}

/// `on`, `off`, or the other of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Switch {
    On,
    Off,
    Other,
}

/// What was typed, once it is complete.
pub(super) fn complete(typed: &str) -> Option<Input> {
    let text = typed.trim();
    if text.is_empty() {
        return Some(Input::Nothing);
    }
    if let Some(command) = text.strip_prefix('\\') {
        return Some(backslash(command));
    }
    match text.to_lowercase().trim_end_matches(';').trim_end() {
        "quit" | "exit" => return Some(Input::Quit),
        "help" => return Some(Input::Command(Command::Help)),
        _ => {}
    }
    // A semicolon inside a string or a comment ends nothing: the planner's splitter decides.
    let ended = text.ends_with(';')
        && planner::statements(&format!("{text}\nx"))
            .is_ok_and(|statements| statements.last().is_some_and(|last| last.sql == "x"));
    ended.then(|| Input::Statements(typed.to_owned()))
}

/// The inputs of a file: statements and backslash commands on lines of their own. What is not complete at the end is taken
/// as it is.
pub(super) fn script(text: &str) -> Vec<Input> {
    let (mut inputs, mut typed) = (Vec::new(), String::new());
    for line in text.lines() {
        typed.push_str(line);
        typed.push('\n');
        if let Some(input) = complete(&typed) {
            inputs.push(input);
            typed.clear();
        }
    }
    if !typed.trim().is_empty() {
        inputs.push(Input::Statements(typed));
    }
    inputs
}

fn backslash(command: &str) -> Input {
    let (name, argument) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let argument = argument.trim().trim_end_matches(';').trim_end();
    let given = (!argument.is_empty()).then(|| argument.to_owned());
    let path = given.as_ref().map(PathBuf::from);
    let sql = |text: String| Some(Command::Sql(text));
    let command = match name {
        "q" | "quit" => return Input::Quit,
        "?" | "h" | "help" => Some(Command::Help),
        "dt" => sql("SHOW TABLES".to_owned()),
        "d" => sql(given.map_or_else(|| "SHOW TABLES".to_owned(), |table| format!("DESCRIBE {table}"))),
        "df" => {
            sql(given.map_or_else(|| "SHOW FUNCTIONS".to_owned(), |name| format!("DESCRIBE FUNCTION {name}")))
        }
        "dp" => Some(Command::Policies(given)),
        "timing" => switch(argument).map(Command::Timing),
        "x" => switch(argument).map(Command::Expanded),
        "o" => Some(Command::Output(path)),
        "i" => path.map(Command::Include),
        "e" => Some(Command::Edit(path)),
        "watch" => every(argument).map(Command::Watch),
        "explain" => Some(Command::Explain { disclosure: false, sql: given }),
        "disclosure" => Some(Command::Explain { disclosure: true, sql: given }),
        "plot" => Some(Command::Plot(path)),
        "format" => Format::from_str(argument, true).ok().map(Command::Format),
        "set" => variable(argument),
        _ => None,
    };
    command.map_or_else(|| Input::Unknown(format!("{name} {argument}").trim_end().to_owned()), Input::Command)
}

fn switch(argument: &str) -> Option<Switch> {
    match argument.to_lowercase().as_str() {
        "" => Some(Switch::Other),
        "on" => Some(Switch::On),
        "off" => Some(Switch::Off),
        _ => None,
    }
}

/// Seconds between two runs; two where none are given.
fn every(argument: &str) -> Option<Duration> {
    if argument.is_empty() {
        return Some(Duration::from_secs(2));
    }
    let seconds: f64 = argument.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn variable(argument: &str) -> Option<Command> {
    if argument.is_empty() {
        return Some(Command::Set(None));
    }
    let (name, value) = argument.split_once(|c: char| c == '=' || c.is_whitespace())?;
    Some(Command::Set(Some((name.trim().to_owned(), value.trim().to_owned()))))
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
        assert_eq!(complete(""), Some(Input::Nothing));
    }

    #[test]
    fn backslash_commands_are_complete_at_once() {
        let sql = |text: &str| Some(Input::Command(Command::Sql(text.to_owned())));
        for text in ["\\q\n", "quit\n", "exit;\n"] {
            assert_eq!(complete(text), Some(Input::Quit));
        }
        assert_eq!(complete("help\n"), Some(Input::Command(Command::Help)));
        assert_eq!(complete("\\d\n"), sql("SHOW TABLES"));
        assert_eq!(complete("\\d cohort;\n"), sql("DESCRIBE cohort"));
        assert_eq!(complete("\\df lasso"), sql("DESCRIBE FUNCTION lasso"));
        assert_eq!(complete("\\x on"), Some(Input::Command(Command::Expanded(Switch::On))));
        assert_eq!(complete("\\x maybe"), Some(Input::Unknown("x maybe".into())));
        assert_eq!(complete("\\o"), Some(Input::Command(Command::Output(None))));
        let set = Command::Set(Some(("year".into(), "2024".into())));
        assert_eq!(complete("\\set year 2024"), Some(Input::Command(set)));
        assert_eq!(complete("\\watch 0.5"), Some(Input::Command(Command::Watch(Duration::from_millis(500)))));
        assert_eq!(complete("\\i"), Some(Input::Unknown("i".into())));
        assert_eq!(complete("\\format JSON"), Some(Input::Command(Command::Format(Format::Json))));
    }

    #[test]
    fn every_command_of_the_help_is_known() {
        for line in HELP.lines().flat_map(|line| line.split("  ")).map(str::trim) {
            let Some(command) = line.strip_prefix('\\') else { continue };
            let name = command.split_whitespace().next().unwrap();
            assert!(NAMES.contains(&name), "{name}");
            let argument = if ["i", "format"].contains(&name) { " csv" } else { "" };
            assert!(!matches!(backslash(&format!("{name}{argument}")), Input::Unknown(_)), "{name}");
        }
    }

    #[test]
    fn files_mix_statements_and_commands() {
        let inputs = script("\\timing off\nSELECT 1\n  AS a;\n\\plot\nSELECT 2");
        assert_eq!(inputs.len(), 4, "{inputs:?}");
        assert_eq!(inputs[3], Input::Statements("SELECT 2\n".into()));
    }
}
