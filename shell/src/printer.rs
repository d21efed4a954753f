//! The only writer to standard output and standard error.
//!
//! Standard output carries results and nothing else. Standard error carries errors, notices, owners' messages and, on
//! a terminal, progress.

use std::io::{ErrorKind, IsTerminal, Write};

use planner::Class;
use serde_json::json;

use crate::error::{Failure, Result};
use crate::format::Format;
use crate::progress::Live;
use crate::visible::visible;

/// How the program speaks. Cheap to copy: every write goes straight to the stream.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about two streams")]
pub struct Printer {
    format: Format,
    quiet: bool,
    color_out: bool,
    color_err: bool,
    progress: bool,
}

/// A text style; nothing where colours are off.
#[derive(Clone, Copy, Debug)]
enum Style {
    Bold,
    Dim,
    Red,
    Yellow,
    Cyan,
}

impl Printer {
    /// A printer for these streams: `format` decides how errors look, `quiet` leaves out notices and progress. Colours
    /// are for terminals, and off if `NO_COLOR` is set.
    pub fn new(format: Option<Format>, quiet: bool) -> Self {
        let out = std::io::stdout().is_terminal();
        let err = std::io::stderr().is_terminal();
        let colors = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let format = format.unwrap_or(if out { Format::Table } else { Format::Csv });
        Self { format, quiet, color_out: out && colors, color_err: err && colors, progress: err && !quiet }
    }

    /// The same printer with another format of results.
    #[must_use]
    pub fn with_format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// The format of results.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether standard output shows colours.
    pub fn has_colors(&self) -> bool {
        self.color_out
    }

    /// Whether only results and errors are wanted.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Results. A reader that has gone away, such as `head`, has what it wanted: that is no error.
    ///
    /// # Errors
    /// Class resource if standard output cannot be written.
    pub fn out(&self, text: &str) -> Result<()> {
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Failure::new(Class::Resource, format!("cannot write to standard output: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// A line for people on standard output: a heading of the tour, what `check` found.
    ///
    /// # Errors
    /// See [`Printer::out`].
    pub fn heading(&self, text: &str) -> Result<()> {
        self.out(&format!("{}\n", paint(self.color_out, Style::Bold, text)))
    }

    /// A line of secondary interest on standard output.
    ///
    /// # Errors
    /// See [`Printer::out`].
    pub fn aside(&self, text: &str) -> Result<()> {
        self.out(&format!("{}\n", paint(self.color_out, Style::Dim, text)))
    }

    /// What the user should know about a result.
    pub fn notice(&self, message: &str) {
        if self.quiet {
            return;
        }
        if self.format.is_json() {
            err(&format!("{}\n", json!({ "notice": { "message": message } })));
        } else {
            let label = paint(self.color_err, Style::Yellow, "notice:");
            err(&format!("{label} {}\n", visible(message)));
        }
    }

    /// A line about what the program does: where it listens, which folder it wrote.
    pub fn status(&self, message: &str) {
        if self.format.is_json() {
            self.notice(message);
        } else if !self.quiet {
            err(&format!("{message}\n"));
        }
    }

    /// A question on a terminal; the answer follows on its line.
    pub fn prompt(&self, text: &str) {
        err(text);
    }

    /// A message of a party of this process to its owner. Printed even if quiet: nobody else can read it.
    pub fn owner(&self, party: &str, message: &str) {
        let label = paint(self.color_err, Style::Cyan, &format!("[{party}]"));
        err(&format!("{label} {}\n", visible(message)));
    }

    /// An error: one JSON line, or a text with a pointer into the SQL.
    pub fn failure(&self, failure: &Failure) {
        if self.format.is_json() {
            err(&json_failure(failure));
        } else {
            err(&self.text_failure(failure));
        }
    }

    /// Help and version on standard output, mistakes on the command line on standard error.
    pub fn usage(&self, error: &clap::Error) {
        let text = error.render();
        let colors = if error.use_stderr() { self.color_err } else { self.color_out };
        let text = if colors { text.ansi().to_string() } else { text.to_string() };
        let text = format!("{}\n", text.trim_end());
        if error.use_stderr() {
            err(&text);
        } else {
            // Nobody is left to tell if this cannot be written.
            let _ = self.out(&text);
        }
    }

    /// An error that is part of what is shown, on standard output.
    ///
    /// # Errors
    /// See [`Printer::out`].
    pub fn shown_failure(&self, failure: &Failure) -> Result<()> {
        self.out(&Self { color_err: self.color_out, ..*self }.text_failure(failure))
    }

    fn text_failure(self, failure: &Failure) -> String {
        let Failure { class, message, hint, position, line } = failure;
        let label = match class {
            Class::Invalid => "error:".to_owned(),
            Class::Refused
            | Class::Source
            | Class::Peer
            | Class::Abort
            | Class::Resource
            | Class::Internal => format!("error ({}):", class.name()),
        };
        let place = match (position, line) {
            (Some(position), Some(line)) => pointer(position.line, position.column, line),
            (Some(position), None) => format!("  at line {}, column {}\n", position.line, position.column),
            (None, _) => String::new(),
        };
        let hint = hint
            .as_ref()
            .map(|hint| format!("{} {}\n", paint(self.color_err, Style::Cyan, "hint:"), visible(hint)));
        let label = paint(self.color_err, Style::Red, &label);
        format!("{label} {}\n{}{}", visible(message), visible(&place), hint.unwrap_or_default())
    }

    /// Lines about work under way, on a terminal; gone when the value is dropped.
    pub fn progress(&self, what: &str) -> Live {
        if self.progress { Live::start(what) } else { Live::none() }
    }

    /// Results for people: through a pager if they are larger than the terminal, else as they are.
    ///
    /// # Errors
    /// See [`Printer::out`].
    pub fn page(&self, text: &str) -> Result<()> {
        match pager(text) {
            Some(pager) if self.format == Format::Table && show_in(&pager, text).is_ok() => Ok(()),
            _ => self.out(text),
        }
    }
}

/// The pager, for a text that is larger than the terminal: `PAGER`, or `less`; an empty `PAGER` is none.
fn pager(text: &str) -> Option<String> {
    let (rows, columns) =
        console::Term::stdout().size_checked().filter(|_| std::io::stdout().is_terminal())?;
    let wide = text.lines().any(|line| unicode_width::UnicodeWidthStr::width(line) > usize::from(columns));
    let long = text.lines().count() + 1 > usize::from(rows);
    let pager = std::env::var("PAGER").unwrap_or_else(|_| "less -SFRX".to_owned());
    (wide || long).then_some(pager).filter(|pager| !pager.trim().is_empty())
}

/// Hands a text to a program and waits for its end. One that ends before it has read everything has shown enough.
fn show_in(pager: &str, text: &str) -> std::io::Result<()> {
    let mut words = pager.split_whitespace();
    let mut command = std::process::Command::new(words.next().unwrap_or_default());
    let mut child = command.args(words).stdin(std::process::Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(text.as_bytes());
    }
    child.wait().map(drop)
}

/// Standard error may be closed; there is nobody left to tell.
fn err(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn paint(colors: bool, style: Style, text: &str) -> String {
    let code = match style {
        Style::Bold => "1",
        Style::Dim => "2",
        Style::Red => "1;31",
        Style::Yellow => "33",
        Style::Cyan => "36",
    };
    if colors { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn json_failure(failure: &Failure) -> String {
    let position = failure.position.map(|at| json!({ "line": at.line, "column": at.column }));
    let error = json!({
        "class": failure.class.name(),
        "message": failure.message,
        "hint": failure.hint,
        "position": position,
    });
    format!("{}\n", json!({ "error": error }))
}

/// The line with a caret below the place. Long lines are cut around it, and the column is told then.
fn pointer(line_number: u64, column: u64, line: &str) -> String {
    const BEFORE: usize = 60;
    const SHOWN: usize = 100;
    let column = usize::try_from(column.saturating_sub(1)).unwrap_or(0);
    let start = column.saturating_sub(BEFORE);
    let shown: String =
        line.chars().skip(start).take(SHOWN).map(|c| if c == '\t' { ' ' } else { c }).collect();
    let number = line_number.to_string();
    let margin = " ".repeat(number.len());
    let before: String = shown.chars().take(column - start).collect();
    let indent = " ".repeat(unicode_width::UnicodeWidthStr::width(before.as_str()));
    let told = if start > 0 { format!(" column {}", column + 1) } else { String::new() };
    format!(" {margin} |\n {number} | {shown}\n {margin} | {indent}^{told}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use planner::Position;

    fn failure() -> Failure {
        Failure {
            class: Class::Refused,
            message: "only aggregates leave".into(),
            hint: Some("try AVG(age)".into()),
            position: Some(Position { line: 2, column: 8 }),
            line: Some("SELECT age".into()),
        }
    }

    #[test]
    fn people_get_a_caret_below_the_place() {
        let printer = Printer { color_err: false, ..Printer::new(Some(Format::Csv), false) };
        assert_eq!(
            printer.text_failure(&failure()),
            "error (refused): only aggregates leave\n   |\n 2 | SELECT age\n   |        ^\nhint: try AVG(age)\n"
        );
    }

    #[test]
    fn programs_get_one_line() {
        assert_eq!(
            json_failure(&failure()),
            "{\"error\":{\"class\":\"refused\",\"message\":\"only aggregates leave\",\"hint\":\"try AVG(age)\",\
             \"position\":{\"line\":2,\"column\":8}}}\n"
        );
        let bare = Failure::invalid("no such file");
        assert!(json_failure(&bare).contains("\"hint\":null,\"position\":null"));
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let line = format!("{}x{}", " ".repeat(500), "y".repeat(500));
        let text = pointer(1, 501, &line);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1].find('x'), lines[2].find('^'));
        assert!(lines[2].ends_with("^ column 501"));
        assert!(lines[1].len() < 120);
    }
}
