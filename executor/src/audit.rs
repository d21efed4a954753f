//! The record that every party keeps of every query: one JSON object a line.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::network::{Direction, Traffic};
use crate::{Error, Result};

/// One line of the audit file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AuditRecord {
    /// When it was written, microseconds since 1970 UTC.
    pub time_us: i64,
    /// Hexadecimal; empty if the parties had not agreed on one.
    pub query_id: String,
    /// Who asked.
    pub analyst: String,
    /// The statement.
    pub sql: String,
    /// Hexadecimal; empty if there was no plan.
    pub plan_hash: String,
    /// `released`, written before the first result share leaves; else the error's class.
    pub outcome: String,
    /// Where it failed; empty if it did not.
    pub step: String,
    /// Message exchanges of this party's seat.
    pub rounds: u64,
    /// Bytes sent to all parties.
    pub sent_bytes: u64,
    /// One for each other party.
    pub links: Vec<AuditLink>,
}

/// What crossed the link to one party, as hashes that the other end records too.
#[derive(Clone, Debug, Serialize)]
pub struct AuditLink {
    /// The other party.
    pub party: String,
    /// Hash of everything sent.
    pub sent: String,
    /// Hash of everything received.
    pub received: String,
}

impl AuditLink {
    pub(crate) fn new(party: &str, traffic: &Traffic) -> Self {
        AuditLink {
            party: party.to_owned(),
            sent: hex::encode(traffic.hash(Direction::Sent)),
            received: hex::encode(traffic.hash(Direction::Received)),
        }
    }
}

/// Appends a record and waits until it is on the disk.
///
/// # Errors
/// [`Error::Configuration`] if the file cannot be written.
pub(crate) fn append(path: &Path, record: &AuditRecord) -> Result<()> {
    let mut line = serde_json::to_vec(record).map_err(|error| Error::internal("audit", error.to_string()))?;
    line.push(b'\n');
    let file = OpenOptions::new().create(true).append(true).open(path);
    let written = file.and_then(|mut file| {
        file.write_all(&line)?;
        file.sync_data()
    });
    written.map_err(|error| Error::Configuration(format!("audit file {}: {error}", path.display())))
}

/// Microseconds since 1970 UTC.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
