//! What planning depends on besides the federation: signed by the analyst, the same at every party.

use serde::{Deserialize, Serialize};

/// The state of an analyst's session that a statement may depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who asks.
    pub analyst: String,
    /// Virtual tables of the session, in the order of their creation.
    pub virtual_tables: Vec<VirtualTable>,
    /// Prepared statements, in the order of their creation.
    pub prepared: Vec<PreparedStatement>,
    /// `SET name = value`, in the order of first setting.
    pub settings: Vec<(String, String)>,
    /// The time of submission, microseconds since 1970 UTC: `now()` and `current_date`.
    pub submitted_us: i64,
}

/// A named query of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualTable {
    /// Its name, as typed.
    pub name: String,
    /// Its query.
    pub sql: String,
}

/// `PREPARE name AS statement`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedStatement {
    /// Its name, as typed.
    pub name: String,
    /// Its statement, with `$1`, `$2`, ...
    pub sql: String,
}
