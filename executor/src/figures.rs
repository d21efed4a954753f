//! What a query took, in public quantities.

use serde::{Deserialize, Serialize};

/// What one seat's part of a query took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// How often it sent and then waited for an answer.
    pub rounds: u64,
    /// Bytes sent to all parties.
    pub sent_bytes: u64,
}

/// What a party tells the analyst when all are ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// The nonces of all parties, hexadecimal: with the request they make the query id.
    pub(crate) nonces: Vec<String>,
    /// What all parties agree on, part by part, hexadecimal: the analyst's own plan must give the same.
    pub(crate) agreement: String,
    /// What it took.
    pub(crate) figures: Figures,
}
