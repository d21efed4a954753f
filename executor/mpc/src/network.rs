//! What carries messages between seats.

use futures::future::BoxFuture;

use crate::{Error, Seat};

/// Names one message between two seats: the hash of the step path that sends it.
///
/// Both ends derive it from the same path, so a message can never be taken for another one, and messages of
/// concurrent steps may arrive in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel(pub u64);

/// The links from this seat to its two neighbours.
///
/// Implemented over TLS by the executor and in memory by [`crate::world`]. A payload is one whole column or one chunk
/// of it; its length depends on public values only. Implementations must send and receive independently (a send never
/// waits for a receive of the same program), so that two seats may both send first. Nobody spins: a receive registers its
/// task and gives way until the message is there, and a send until there is room, so that a seat without work leaves the
/// processor to the others on its machine. Only the threads of rayon, between two pieces of local work, look around for a few
/// microseconds before they sleep. While a chunk travels the sender makes the next one, and takes in what has come.
pub trait Network: Send + Sync {
    /// The seat at this end.
    fn seat(&self) -> Seat;

    /// Queues `payload` for `to`. Resolves when the link has taken it, which may be before it has left.
    ///
    /// # Errors
    /// [`Error::Peer`] when the link is closed or the query was cancelled.
    fn send(&self, to: Seat, channel: Channel, payload: Vec<u8>) -> BoxFuture<'_, Result<(), Error>>;

    /// Waits for the message named `channel` from `from`.
    ///
    /// # Errors
    /// [`Error::Peer`] when the link is closed, the deadline passed, or the query was cancelled.
    fn recv(&self, from: Seat, channel: Channel) -> BoxFuture<'_, Result<Vec<u8>, Error>>;

    /// A buffer for a message of `bytes` to `to`, empty: one that has carried another message, if the link keeps any.
    fn buffer(&self, _to: Seat, bytes: usize) -> Vec<u8> {
        Vec::with_capacity(bytes)
    }

    /// Takes back a message from `from` that has been read, to use its buffer again. Frees it by default.
    fn recycle(&self, _from: Seat, _message: Vec<u8>) {}

    /// Is told the step path of a channel before its message is sent. For transcripts; does nothing by default.
    fn trace(&self, _channel: Channel, _step: &dyn std::fmt::Display) {}

    /// Is told that iteration `number` of `of`, counted from 0, begins: public quantities, for whoever watches the query
    /// run. Does nothing by default.
    fn iteration(&self, _number: usize, _of: usize) {}
}
