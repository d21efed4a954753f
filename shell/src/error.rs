//! An error as the user meets it: class, message, hint, position.

use planner::{Class, Position};

/// What ends a command or a statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Whose fault it is; decides the exit code.
    pub class: Class,
    /// What is wrong.
    pub message: String,
    /// What to do instead.
    pub hint: Option<String>,
    /// Where in the text that was typed.
    pub position: Option<Position>,
    /// The line of that text, to point into. For people only.
    pub line: Option<String>,
}

/// The result of a command.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// A failure without hint or position.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hint: None, position: None, line: None }
    }

    /// The caller's fault.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Class::Invalid, message)
    }

    /// Our fault.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Class::Internal, message)
    }

    /// Adds what to do instead.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what to do instead, if there is something.
    #[must_use]
    pub fn with_optional_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// Moves the position from a statement to the text that the statement starts in at `start`, and takes the line
    /// that it points to from `text`.
    #[must_use]
    pub fn within(mut self, text: &str, start: Position) -> Self {
        if let Some(position) = &mut self.position {
            if position.line == 1 {
                position.column += start.column.saturating_sub(1);
            }
            position.line += start.line.saturating_sub(1);
            let index = usize::try_from(position.line.saturating_sub(1)).unwrap_or(usize::MAX);
            self.line = text.lines().nth(index).map(str::to_owned);
        }
        self
    }
}

impl From<planner::Error> for Failure {
    fn from(error: planner::Error) -> Self {
        let planner::Error { class, message, hint, position } = error;
        Self { class, message, hint, position, line: None }
    }
}

impl From<executor::Error> for Failure {
    fn from(error: executor::Error) -> Self {
        Self {
            class: error.class(),
            message: error.to_string(),
            hint: error.hint().map(str::to_owned),
            position: error.position(),
            line: None,
        }
    }
}

impl From<connectors::source::Error> for Failure {
    fn from(error: connectors::source::Error) -> Self {
        Self::new(Class::Source, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_move_to_the_whole_text() {
        let at =
            |line, column| Failure { position: Some(Position { line, column }), ..Failure::invalid("x") };
        let text = "SELECT 1;\n  SELECT a,\n b FROM t";
        let start = Position { line: 2, column: 3 };
        let first = at(1, 8).within(text, start);
        assert_eq!(first.position, Some(Position { line: 2, column: 10 }));
        assert_eq!(first.line.as_deref(), Some("  SELECT a,"));
        assert_eq!(at(2, 2).within(text, start).position, Some(Position { line: 3, column: 2 }));
        assert_eq!(Failure::invalid("x").within(text, start).position, None);
    }
}
