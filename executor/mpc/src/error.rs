//! What can go wrong inside a protocol.

use crate::Seat;

/// An error of the secure core. It never holds a value of a column or a share.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two columns of a protocol differ in length or width. A bug of the caller.
    #[error("shapes differ at step `{step}`: expected {expected}, got {actual}")]
    Shape {
        /// The step that found it.
        step: String,
        /// What the protocol expects.
        expected: usize,
        /// What it was given.
        actual: usize,
    },
    /// A neighbour cannot be reached any more.
    #[error("seat {seat} is unreachable: {reason}")]
    Peer {
        /// The neighbour.
        seat: Seat,
        /// Why, from the network layer.
        reason: String,
    },
    /// A security check failed. Do not retry.
    #[error("a security check failed at step `{step}`: {check}")]
    Abort {
        /// The step.
        step: String,
        /// The check.
        check: &'static str,
    },
    /// Keys that have to be unique among shared rows are not. Nobody learns which, nor whose.
    #[error("the keys of one side of a join at step `{step}` are not unique")]
    NotUnique {
        /// The join.
        step: String,
    },
    /// A broken invariant: our bug.
    #[error("internal error at step `{step}`: {reason}")]
    Internal {
        /// The step.
        step: String,
        /// What does not hold.
        reason: String,
    },
}

/// The result of a protocol.
pub type Result<T, E = Error> = std::result::Result<T, E>;
