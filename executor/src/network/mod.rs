//! What carries messages between parties and to the analyst.
//!
//! A *connection belongs to one query*. The analyst dials every party and the parties dial each other, pairwise, for
//! every query; when the query ends, all its connections close, which ends it everywhere. [`frame`] is the codec,
//! without a socket; [`tls`] knows identities; [`link`] moves whole messages by channel name over one connection.

pub mod frame;
mod inbox;
pub mod link;
mod outbox;
pub mod tls;
mod traffic;

use sha2::{Digest, Sha256};

pub use link::{Link, LinkSettings, Throttle};
pub use traffic::{Direction, Passed, Traffic};

/// Why a link has ended.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The connection is closed; why, in the words of the system.
    #[error("{0}")]
    Closed(String),
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
