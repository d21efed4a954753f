//! What can be wrong with a query, a policy or a federation.

/// Whose fault an error is and what to do next. The program maps it to exit codes and gRPC status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The caller: fix the query or the file.
    Invalid,
    /// Policy or release: change the query or the policy.
    Refused,
    /// Data outside: fix the source.
    Source,
    /// Network or another party: a retry is safe.
    Peer,
    /// A security check failed: do not retry.
    Abort,
    /// Limits of memory, time or rounds.
    Resource,
    /// Our bug.
    Internal,
}

impl Class {
    /// The name in JSON errors.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Invalid => "invalid",
            Class::Refused => "refused",
            Class::Source => "source",
            Class::Peer => "peer",
            Class::Abort => "abort",
            Class::Resource => "resource",
            Class::Internal => "internal",
        }
    }

    /// The exit code of the program.
    pub const fn exit_code(self) -> u8 {
        match self {
            Class::Invalid => 2,
            Class::Refused => 3,
            Class::Source => 4,
            Class::Peer => 5,
            Class::Abort => 6,
            Class::Resource => 7,
            Class::Internal => 70,
        }
    }
}

/// A place in an SQL text, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Line.
    pub line: u64,
    /// Column.
    pub column: u64,
}

/// An error of the planner.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// Its class: [`Class::Invalid`], [`Class::Refused`], [`Class::Resource`] or [`Class::Internal`].
    pub class: Class,
    /// What is wrong, where, and who says so.
    pub message: String,
    /// What to do instead, if there is something.
    pub hint: Option<String>,
    /// Where in the SQL text.
    pub position: Option<Position>,
}

/// The result of planning.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A fault of the caller.
    pub fn invalid(message: impl Into<String>) -> Self {
        Error::new(Class::Invalid, message)
    }

    /// Something that policy or release do not allow.
    pub fn refused(message: impl Into<String>) -> Self {
        Error::new(Class::Refused, message)
    }

    /// Our bug.
    pub fn internal(message: impl Into<String>) -> Self {
        Error::new(Class::Internal, message)
    }

    /// An error without hint and position.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Error { class, message: message.into(), hint: None, position: None }
    }

    /// With what to do instead, if there is something.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// With its place in the SQL text, if it is known.
    #[must_use]
    pub fn at(mut self, position: impl Into<Option<Position>>) -> Self {
        self.position = position.into();
        self
    }
}
