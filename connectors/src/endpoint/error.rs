//! An error as clients read it: class, message, hint, place.

/// Whose fault it is and what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The caller: fix the query.
    Invalid,
    /// The protocol has it, this server does not.
    Unsupported,
    /// No login, or a wrong one.
    Unauthenticated,
    /// Policy or release: change the query or the policy.
    Refused,
    /// Data at an owner.
    Source,
    /// Network or a party: a retry is safe.
    Peer,
    /// A security check failed: do not retry.
    Abort,
    /// Limits of memory, time or queries.
    Resource,
    /// The client has cancelled it.
    Cancelled,
    /// Our bug.
    Internal,
}

impl Class {
    /// The word in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Invalid => "invalid",
            Class::Unsupported => "unsupported",
            Class::Unauthenticated => "login",
            Class::Refused => "refused",
            Class::Source => "source",
            Class::Peer => "peer",
            Class::Abort => "abort",
            Class::Resource => "resource",
            Class::Cancelled => "cancelled",
            Class::Internal => "internal",
        }
    }
}

/// What ends a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct Error {
    /// Its class.
    pub class: Class,
    /// What is wrong.
    pub message: String,
    /// What to do instead.
    pub hint: Option<String>,
    /// Line and column in the SQL text, from 1.
    pub position: Option<(u64, u64)>,
}

/// The result of a request.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error without hint or place.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hint: None, position: None }
    }

    /// The caller's fault.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Class::Invalid, message)
    }

    /// What this server does not do.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(Class::Unsupported, message)
    }

    /// Our bug.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Class::Internal, message)
    }

    /// Adds what to do instead.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// All of it as one text: many clients show nothing else.
    pub fn text(&self) -> String {
        let Self { class, message, hint, position } = self;
        let place = position.map(|(line, column)| format!(" (line {line}, column {column})"));
        let hint = hint.as_ref().map(|hint| format!("\nhint: {hint}"));
        format!("{}: {message}{}{}", class.name(), place.unwrap_or_default(), hint.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_class_place_and_hint() {
        let error = Error { position: Some((1, 8)), ..Error::new(Class::Refused, "only aggregates leave") };
        assert_eq!(
            error.with_hint("try AVG(age)").text(),
            "refused: only aggregates leave (line 1, column 8)\nhint: try AVG(age)"
        );
    }
}
