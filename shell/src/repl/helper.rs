//! How the line editor completes, colours and ends what is typed.

use std::borrow::Cow;

use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper, Result};

use super::command;
use super::complete::{Words, is_keyword};

/// The editor's knowledge of SQL.
pub(super) struct SqlHelper {
    words: Words,
    colors: bool,
}

impl SqlHelper {
    pub(super) fn new(colors: bool) -> Self {
        SqlHelper { words: Words::default(), colors }
    }

    pub(super) fn set_words(&mut self, words: Words) {
        self.words = words;
    }
}

impl Helper for SqlHelper {}

impl Hinter for SqlHelper {
    type Hint = String;
}

impl Completer for SqlHelper {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> Result<(usize, Vec<String>)> {
        Ok(self.words.complete(line, pos))
    }
}

impl Validator for SqlHelper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> Result<ValidationResult> {
        let complete = command::complete(context.input()).is_some();
        Ok(if complete { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Highlighter for SqlHelper {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if self.colors { Cow::Owned(colored(line)) } else { Cow::Borrowed(line) }
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        if self.colors { Cow::Owned(format!("\u{1b}[1m{prompt}\u{1b}[0m")) } else { Cow::Borrowed(prompt) }
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.colors
    }
}

/// Keywords bold blue, strings green, numbers cyan, comments dim. Only signs of no width are added.
fn colored(line: &str) -> String {
    let mut text = String::with_capacity(line.len() * 2);
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let until = |end: &str, from: usize| {
            rest.get(from..).and_then(|tail| tail.find(end)).map_or(rest.len(), |at| at + from + end.len())
        };
        let while_ = |inside: &dyn Fn(char) -> bool| rest.find(|c: char| !inside(c)).unwrap_or(rest.len());
        let (length, style) = if first == '\'' {
            (until("'", 1), "32")
        } else if first == '"' {
            (until("\"", 1), "")
        } else if rest.starts_with("--") {
            (rest.find('\n').unwrap_or(rest.len()), "2")
        } else if rest.starts_with("/*") {
            (until("*/", 2), "2")
        } else if first.is_ascii_digit() {
            (while_(&|c| c.is_ascii_alphanumeric() || c == '.'), "36")
        } else if first.is_alphabetic() || first == '_' {
            let length = while_(&|c| c.is_alphanumeric() || c == '_');
            (length, if is_keyword(&rest[..length]) { "1;34" } else { "" })
        } else {
            (first.len_utf8(), "")
        };
        let (piece, tail) = rest.split_at(length);
        if style.is_empty() {
            text.push_str(piece);
        } else {
            // Lines are coloured one by one: an editor may draw them apart.
            let lines: Vec<String> =
                piece.split('\n').map(|line| format!("\u{1b}[{style}m{line}\u{1b}[0m")).collect();
            text.push_str(&lines.join("\n"));
        }
        rest = tail;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_add_nothing_visible() {
        let line = "SELECT 'it''s', \"a\", 1.5e3 FROM t -- all\nWHERE ä = 'open";
        let shown = colored(line);
        let mut plain = String::new();
        let mut inside = false;
        for c in shown.chars() {
            match c {
                '\u{1b}' => inside = true,
                'm' if inside => inside = false,
                _ if inside => {}
                _ => plain.push(c),
            }
        }
        assert_eq!(plain, line);
        assert!(shown.starts_with("\u{1b}[1;34mSELECT\u{1b}[0m \u{1b}[32m'it'\u{1b}[0m"), "{shown:?}");
    }
}
