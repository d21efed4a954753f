//! What can go wrong while a plan runs, and who may read about it.

use std::path::PathBuf;
use std::time::Duration;

use datafusion::error::DataFusionError;
use planner::{Class, Position};

/// An error of the executor.
///
/// `Display` is for whoever owns the place where it happened. What others may read is less: the analyst reads
/// [`Error::for_analyst`], other parties only the class and [`Error::step`]. None of them ever holds a value of a row
/// or a share, except that [`Error::Engine`] and [`Error::Source`] may quote values of their owner to that owner.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The statement cannot be planned, or policy does not allow it.
    #[error(transparent)]
    Plan(#[from] planner::Error),
    /// A protocol of the secure core ended.
    #[error(transparent)]
    Protocol(#[from] mpc::Error),
    /// The query engine failed in the local or the clear stage. The text may quote data: never sent to anyone.
    #[error("the query engine failed at {step}: {message}")]
    Engine {
        /// Which step.
        step: String,
        /// What the engine says.
        message: String,
    },
    /// The data of a table do not keep what its policy says, or cannot be read. Others learn only the table.
    #[error("{message}")]
    Source {
        /// `party.table`.
        table: String,
        /// For the owner: table, column, rule and number of rows.
        message: String,
    },
    /// Another party cannot be reached, or not any more.
    #[error("party {party} is unreachable: {reason}")]
    Peer {
        /// Its name.
        party: String,
        /// What the network says.
        reason: String,
    },
    /// A connection failed because of a key: someone else answers, or one of the two lists an old key.
    #[error("{}", if *ours { format!("party {party} refuses this key: it is not one that its federation.toml lists") }
        else { format!("party {party} shows another key than federation.toml lists") })]
    Key {
        /// The other party.
        party: String,
        /// Whether it is our key that the other refuses.
        ours: bool,
    },
    /// Another party planned something else.
    #[error("party {party} does not agree on the query: its {what} differs from that of the others")]
    Differs {
        /// Its name.
        party: String,
        /// What differs.
        what: &'static str,
    },
    /// The parties planned the same, and the analyst something else.
    #[error("the parties agree with each other, but this analyst's {what} differs from theirs")]
    AnalystDiffers {
        /// What differs.
        what: &'static str,
    },
    /// The query was cancelled by the analyst, or by a server that ends.
    #[error("the query was cancelled")]
    Cancelled,
    /// A party refuses a request that it has seen before, or that is not signed by who sent it.
    #[error("the request is refused: {reason}")]
    Request {
        /// Why.
        reason: String,
    },
    /// A security check failed. Do not retry.
    #[error("a security check failed at step `{step}`: {check}")]
    Abort {
        /// Where.
        step: String,
        /// What was checked.
        check: String,
    },
    /// The query took longer than it may.
    #[error("the query took longer than {} s", limit.as_secs_f64())]
    Deadline {
        /// The limit.
        limit: Duration,
    },
    /// Some other limit of this party.
    #[error("{what} is at its limit of {limit}")]
    Limit {
        /// What: `the number of concurrent queries`, `memory of the local stage in bytes`.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// What another party reported.
    #[error("{message}")]
    Remote {
        /// Its name.
        party: String,
        /// The class it gave.
        class: Class,
        /// What it says about it.
        message: String,
        /// What to do instead.
        hint: Option<String>,
        /// Where in the SQL text.
        position: Option<Position>,
    },
    /// A key file cannot be used.
    #[error("key file {}: {reason}", path.display())]
    KeyFile {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The configuration lacks something or contradicts itself.
    #[error("{0}")]
    Configuration(String),
    /// A broken invariant: our bug.
    #[error("internal error at {step}: {reason}")]
    Internal {
        /// Where.
        step: String,
        /// What does not hold.
        reason: String,
    },
}

/// The result of an operation of the executor.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A broken invariant.
    pub fn internal(step: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::Internal { step: step.into(), reason: reason.into() }
    }

    /// A party that cannot be reached.
    pub fn peer(party: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::Peer { party: party.into(), reason: reason.into() }
    }

    /// Data that do not keep to their policy. `message` is for the owner.
    pub fn source(table: impl Into<String>, message: impl Into<String>) -> Self {
        Error::Source { table: table.into(), message: message.into() }
    }

    /// An error of the query engine at `step`.
    pub fn engine(step: impl Into<String>, error: &DataFusionError) -> Self {
        Error::Engine { step: step.into(), message: error.strip_backtrace() }
    }

    /// Whose fault it is and what to do next.
    pub fn class(&self) -> Class {
        match self {
            Error::Plan(error) => error.class,
            Error::Protocol(error) => protocol_class(error),
            Error::Source { .. } => Class::Source,
            Error::Peer { .. } | Error::Differs { .. } | Error::AnalystDiffers { .. } | Error::Cancelled => {
                Class::Peer
            }
            Error::Request { .. } => Class::Refused,
            Error::Abort { .. } | Error::Key { .. } => Class::Abort,
            Error::Deadline { .. } | Error::Limit { .. } => Class::Resource,
            Error::Remote { class, .. } => *class,
            Error::KeyFile { .. } | Error::Configuration(_) => Class::Invalid,
            Error::Engine { .. } | Error::Internal { .. } => Class::Internal,
        }
    }

    /// What to do instead, if there is something.
    pub fn hint(&self) -> Option<&str> {
        if let Error::Plan(error) = self {
            error.hint.as_deref()
        } else if let Error::Remote { hint, .. } = self {
            hint.as_deref()
        } else if matches!(self, Error::Peer { .. }) {
            Some("is its server running? a retry is safe")
        } else if let Error::Differs { what, .. } | Error::AnalystDiffers { what } = self {
            Some(match *what {
                "program version" => "update one of the programs",
                "plan" => "compare the programs of both: with equal files they should plan the same",
                _ => "compare federation.toml and the policy files of both",
            })
        } else if matches!(self, Error::Key { .. }) {
            Some("compare the keys in federation.toml of both; `conjoin init` prints the key to list")
        } else {
            None
        }
    }

    /// Where in the SQL text, if it is known.
    pub fn position(&self) -> Option<Position> {
        if let Error::Plan(error) = self {
            error.position
        } else if let Error::Remote { position, .. } = self {
            *position
        } else {
            None
        }
    }

    /// What the analyst may read when it happened at `party`: names and public quantities.
    pub fn for_analyst(&self, party: &str) -> String {
        match self {
            Error::Source { table, .. } => {
                format!("the data of {table} cannot be used; its owner can see why")
            }
            Error::Engine { step, .. } => format!("the query engine of party {party} failed at {step}"),
            Error::KeyFile { .. } | Error::Configuration(_) => {
                format!("party {party} is not configured correctly; its owner can see the details")
            }
            Error::Internal { .. } | Error::Limit { .. } | Error::Key { .. } => {
                format!("party {party}: {self}")
            }
            Error::Plan(_)
            | Error::Protocol(_)
            | Error::Peer { .. }
            | Error::Differs { .. }
            | Error::AnalystDiffers { .. }
            | Error::Cancelled
            | Error::Request { .. }
            | Error::Abort { .. }
            | Error::Deadline { .. }
            | Error::Remote { .. } => self.to_string(),
        }
    }

    /// What other parties may read: the step, a public name.
    pub fn step(&self) -> String {
        match self {
            Error::Plan(_) => "plan".to_owned(),
            Error::Protocol(error) => protocol_step(error),
            Error::Source { table, .. } => format!("data of {table}"),
            Error::Engine { step, .. } | Error::Abort { step, .. } | Error::Internal { step, .. } => {
                step.clone()
            }
            Error::Peer { party, .. } => format!("link to {party}"),
            Error::Key { party, .. } => format!("key of the link to {party}"),
            Error::Differs { .. } | Error::AnalystDiffers { .. } => "agreement".to_owned(),
            Error::Request { .. } => "request".to_owned(),
            Error::Cancelled => "the query was cancelled".to_owned(),
            Error::Deadline { .. } => "deadline".to_owned(),
            Error::Limit { what, .. } => what.clone(),
            Error::Remote { party, .. } => format!("report of {party}"),
            Error::KeyFile { .. } | Error::Configuration(_) => "configuration".to_owned(),
        }
    }
}

fn protocol_class(error: &mpc::Error) -> Class {
    match error {
        mpc::Error::Peer { .. } => Class::Peer,
        mpc::Error::Abort { .. } => Class::Abort,
        mpc::Error::NotUnique { .. } => Class::Source,
        mpc::Error::Shape { .. } | mpc::Error::Internal { .. } | _ => Class::Internal,
    }
}

fn protocol_step(error: &mpc::Error) -> String {
    match error {
        mpc::Error::Shape { step, .. }
        | mpc::Error::Abort { step, .. }
        | mpc::Error::NotUnique { step }
        | mpc::Error::Internal { step, .. } => step.clone(),
        mpc::Error::Peer { seat, .. } => format!("link to seat {seat}"),
        _ => "protocol".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_reads_what_its_data_say() {
        let source =
            Error::Source { table: "hospital.visits".into(), message: "column age: 3 rows above 120".into() };
        assert_eq!(source.class(), Class::Source);
        assert!(!source.for_analyst("hospital").contains("120"));
        assert_eq!(source.step(), "data of hospital.visits");
        let engine = Error::Engine { step: "local stage".into(), message: "cannot cast 'Alice'".into() };
        assert!(!engine.for_analyst("hospital").contains("Alice"));
        assert!(!engine.step().contains("Alice"));
        let repeated = Error::Protocol(mpc::Error::NotUnique { step: "join".into() });
        assert_eq!((repeated.class(), repeated.step().as_str()), (Class::Source, "join"));
    }
}
