//! `-v name=value` and `$name`.
//!
//! `$name` stands for the value as a literal of SQL: a number, TRUE, FALSE, NULL, or else a text in quotes, whatever is in
//! it. `${name}` stands for the text of the value itself, such as a column's name. Neither is looked for in strings,
//! quoted names and comments; `$1` is a parameter of a prepared statement.

use planner::Position;

use crate::error::{Failure, Result};

/// Names and values.
#[derive(Clone, Debug, Default)]
pub struct Variables(Vec<(String, String)>);

/// A text with its variables replaced, which still knows the places of the original.
#[derive(Clone, Debug)]
pub struct Expanded {
    /// The text to run.
    pub sql: String,
    original: String,
    edits: Vec<Edit>,
}

/// A replacement, in characters; values have no line ends.
#[derive(Clone, Copy, Debug)]
struct Edit {
    line: u64,
    /// Where the value begins in the new text.
    column: u64,
    was: u64,
    is: u64,
}

/// Reads a text character by character.
struct Scanner<'a> {
    rest: &'a str,
    sql: String,
    at: Position,
    /// The place in the original.
    was: Position,
    edits: Vec<Edit>,
}

impl Variables {
    /// Of names and values; the last of one name counts.
    ///
    /// # Errors
    /// Class invalid for what is no name, or a value with line ends.
    pub fn new(pairs: &[(String, String)]) -> Result<Self> {
        let mut variables = Variables::default();
        for (name, value) in pairs {
            variables.set(name, value)?;
        }
        Ok(variables)
    }

    /// Sets one.
    ///
    /// # Errors
    /// As [`Variables::new`].
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        if name_length(name) != name.len() || name.is_empty() {
            return Err(Failure::invalid(format!("`{name}` is no name of a variable"))
                .with_hint("letters, digits and `_`, beginning with a letter"));
        }
        if value.contains(['\n', '\r']) {
            return Err(Failure::invalid(format!("the value of `{name}` has more than one line")));
        }
        self.0.retain(|(old, _)| old != name);
        self.0.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// All names and values, in the order of setting.
    pub fn list(&self) -> &[(String, String)] {
        &self.0
    }

    /// A text with the values in place of the names.
    ///
    /// # Errors
    /// Class invalid, with the place, for a name without a value.
    pub fn expand(&self, text: &str) -> Result<Expanded> {
        let begin = Position { line: 1, column: 1 };
        let mut scanner =
            Scanner { rest: text, sql: String::new(), at: begin, was: begin, edits: Vec::new() };
        while let Some(next) = scanner.rest.chars().next() {
            match next {
                '\'' | '"' => scanner.quoted(next),
                '-' if scanner.rest.starts_with("--") => scanner.until("\n"),
                '/' if scanner.rest.starts_with("/*") => scanner.until("*/"),
                '$' => scanner.variable(self, text)?,
                // `a$b` is a name.
                _ if next.is_alphanumeric() || next == '_' => scanner.word(),
                _ => scanner.copy(next.len_utf8()),
            }
        }
        Ok(Expanded { sql: scanner.sql, original: text.to_owned(), edits: scanner.edits })
    }

    fn value(&self, name: &str) -> Result<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).ok_or_else(|| {
            let names = self.0.iter().map(|(name, _)| name.as_str());
            let hint = planner::nearest_hint(name, names, "variables");
            Failure::invalid(format!("the variable `{name}` has no value"))
                .with_hint(hint.unwrap_or_else(|| format!("give it one: -v {name}=...")))
        })
    }
}

impl Scanner<'_> {
    /// Takes `bytes` over.
    fn copy(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        self.rest = rest;
        self.sql.push_str(taken);
        self.at = after(self.at, taken);
        self.was = after(self.was, taken);
    }

    /// Up to and with `end`.
    fn until(&mut self, end: &str) {
        let length = self.rest.get(2..).and_then(|rest| rest.find(end)).map(|at| at + 2 + end.len());
        self.copy(length.unwrap_or(self.rest.len()));
    }

    /// A string or a quoted name. A doubled quote ends one and begins another, which comes to the same.
    fn quoted(&mut self, quote: char) {
        let length = self.rest.get(1..).and_then(|rest| rest.find(quote)).map(|at| at + 2);
        self.copy(length.unwrap_or(self.rest.len()));
    }

    fn word(&mut self) {
        let inner = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        self.copy(self.rest.find(|c| !inner(c)).unwrap_or(self.rest.len()));
    }

    fn variable(&mut self, variables: &Variables, text: &str) -> Result<()> {
        let after_sign = self.rest.get(1..).unwrap_or_default();
        let braced = after_sign.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let (name, length) = if let Some((name, _)) = braced {
            (name, name.len() + 3)
        } else {
            let length = name_length(after_sign);
            (after_sign.get(..length).unwrap_or_default(), length + 1)
        };
        if name.is_empty() {
            // `$1`, or a sign that means something else.
            self.copy(1 + after_sign.chars().take_while(char::is_ascii_digit).count());
            return Ok(());
        }
        let value = variables.value(name).map_err(|failure| {
            let line = usize::try_from(self.was.line.saturating_sub(1)).unwrap_or(usize::MAX);
            let line = text.lines().nth(line).map(str::to_owned);
            Failure { position: Some(self.was), line, ..failure }
        })?;
        let value = if braced.is_some() { value.to_owned() } else { literal(value) };
        let (was, is) = (
            self.rest.get(..length).unwrap_or_default().chars().count() as u64,
            value.chars().count() as u64,
        );
        self.edits.push(Edit { line: self.at.line, column: self.at.column, was, is });
        self.sql.push_str(&value);
        self.at = after(self.at, &value);
        self.was.column += was;
        self.rest = self.rest.get(length..).unwrap_or_default();
        Ok(())
    }
}

impl Expanded {
    /// A failure with its place in the original, whose place is one of the new text.
    #[must_use]
    pub fn restore(&self, mut failure: Failure) -> Failure {
        if let Some(position) = &mut failure.position {
            *position = self.original(*position);
            let line = usize::try_from(position.line.saturating_sub(1)).unwrap_or(usize::MAX);
            failure.line = self.original.lines().nth(line).map(str::to_owned);
        }
        failure
    }

    /// The place in the original; inside a value: where its name stands.
    fn original(&self, position: Position) -> Position {
        let (mut added, mut removed) = (0, 0);
        for edit in self.edits.iter().filter(|edit| edit.line == position.line) {
            if position.column < edit.column {
                break;
            }
            if position.column < edit.column + edit.is {
                return Position { column: (edit.column + removed).saturating_sub(added), ..position };
            }
            added += edit.is;
            removed += edit.was;
        }
        Position { column: (position.column + removed).saturating_sub(added), ..position }
    }
}

fn after(mut at: Position, text: &str) -> Position {
    for c in text.chars() {
        at = if c == '\n' {
            Position { line: at.line + 1, column: 1 }
        } else {
            Position { column: at.column + 1, ..at }
        };
    }
    at
}

/// How many bytes at the beginning are a name.
fn name_length(text: &str) -> usize {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return 0;
    }
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// The value as SQL has it.
fn literal(value: &str) -> String {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c))
        && digits.parse::<f64>().is_ok_and(f64::is_finite)
        && (digits.len() == 1 || !digits.starts_with('0') || digits.starts_with("0."));
    let word = ["true", "false", "null"].contains(&value.to_lowercase().as_str());
    if number || word { value.to_owned() } else { format!("'{}'", value.replace('\'', "''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Variables::new(&pairs).unwrap()
    }

    #[test]
    fn values_become_literals_or_text() {
        let all = variables(&[("age", "50"), ("region", "o'hara"), ("column", "bmi"), ("code", "042")]);
        let text = "SELECT AVG(${column}) FROM t WHERE age > $age AND r = $region AND c = $code AND p = $1";
        assert_eq!(
            all.expand(text).unwrap().sql,
            "SELECT AVG(bmi) FROM t WHERE age > 50 AND r = 'o''hara' AND c = '042' AND p = $1"
        );
    }

    #[test]
    fn strings_names_and_comments_stay() {
        let all = variables(&[("a", "1")]);
        for text in ["'$a'", "'it''s $a'", "\"$a\"", "-- $a\n", "/* $a */", "x$a"] {
            assert_eq!(all.expand(text).unwrap().sql, text);
        }
        assert_eq!(all.expand("'x' || $a").unwrap().sql, "'x' || 1");
    }

    #[test]
    fn places_are_those_of_the_original() {
        let all = variables(&[("name", "a long value"), ("n", "7")]);
        let text = "SELECT 1;\nSELECT $name, $n, oops";
        let expanded = all.expand(text).unwrap();
        let at = |word: &str| {
            let line = expanded.sql.lines().nth(1).unwrap();
            Position { line: 2, column: line.find(word).unwrap() as u64 + 1 }
        };
        assert_eq!(expanded.original(at("oops")), Position { line: 2, column: 19 });
        assert_eq!(expanded.original(at("value")), Position { line: 2, column: 8 });
        assert_eq!(expanded.original(at("SELECT")), Position { line: 2, column: 1 });
        let failure = Failure { position: Some(at("oops")), ..Failure::invalid("x") };
        assert_eq!(expanded.restore(failure).line.as_deref(), Some("SELECT $name, $n, oops"));
    }

    #[test]
    fn unknown_names_are_told_with_their_place() {
        let failure = variables(&[("region", "n")]).expand("SELECT 1,\n $regoin").unwrap_err();
        assert_eq!(failure.position, Some(Position { line: 2, column: 2 }));
        assert_eq!(failure.hint.as_deref(), Some("did you mean `region`?"));
        let failure = variables(&[]).expand("SELECT $x").unwrap_err();
        assert_eq!(failure.hint.as_deref(), Some("give it one: -v x=..."));
        assert!(Variables::default().set("a b", "1").is_err());
    }
}
