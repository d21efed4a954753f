//! What carries messages between parties and to the analyst.
//!
//! A *connection belongs to one query*. The analyst dials every party and the parties dial each other, pairwise, for
//! every query; when the query ends, all its connections close, which ends it everywhere. [`frame`] is the codec,
//! without a socket; [`tls`] knows identities; [`link`] moves whole messages by channel name over one connection.

pub mod frame;
mod inbox;
pub mod link;
mod outbox;
mod pool;
mod throttle;
pub mod tls;
mod traffic;

use std::io;

use sha2::{Digest, Sha256};

use crate::Error;

pub use link::{Link, LinkSettings};
pub use throttle::Throttle;
pub use traffic::{Direction, Passed, Traffic};

/// Why a link has ended.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The connection is closed; why, in the words of the system.
    #[error("{0}")]
    Closed(String),
    /// The other side does not know this side's key.
    #[error("it refuses this key")]
    KeyRefused,
    /// The other side reports that the query has failed.
    #[error("it reports a failure")]
    Report(Vec<u8>),
    /// The other side does not keep to the rules.
    #[error("it sent {0}")]
    Misbehaved(frame::FrameError),
}

impl LinkError {
    pub(crate) fn closed(reason: &str) -> Self {
        LinkError::Closed(reason.to_owned())
    }
}

/// What a failed attempt to connect to `party` at `address` means.
pub(crate) fn cannot_connect(party: &str, address: &str, error: &io::Error) -> Error {
    match tls::key_fault(error) {
        Some(tls::KeyFault::Theirs) => return Error::Key { party: party.to_owned(), ours: false },
        Some(tls::KeyFault::Ours) => return Error::Key { party: party.to_owned(), ours: true },
        None => {}
    }
    let reason = if error.kind() == io::ErrorKind::ConnectionRefused {
        format!("nothing answers at {address}")
    } else {
        format!("{} ({address})", describe(error))
    };
    Error::peer(party, reason)
}

/// An error of a socket in plain words.
pub(crate) fn describe(error: &io::Error) -> String {
    const CLOSED: [io::ErrorKind; 5] = [
        io::ErrorKind::UnexpectedEof,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::NotConnected,
        io::ErrorKind::BrokenPipe,
    ];
    if CLOSED.contains(&error.kind()) {
        return "the connection was closed".to_owned();
    }
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// The channel of a name.
pub fn channel(name: &str) -> u64 {
    let mut hash = Sha256::new();
    hash.update(b"conjoin channel 1\n");
    hash.update(name.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let mut low = [0; 8];
    low.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(low)
}

#[cfg(test)]
mod tests;
