//! Frames: how messages are cut and named on a connection. No socket here.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | kind: 0 part, 1 last, 2 failure, 3 alive, 4 due |
//! | 1 | 3 | reserved, 0 |
//! | 4 | 4 | length of the payload, little endian, at most [`PAYLOAD_BYTES`] |
//! | 8 | 8 | channel, little endian |
//! | 16 | length | payload |
//!
//! A message is any number of `part` frames and one `last` frame with the same channel, in order; frames of
//! different channels interleave freely. A channel carries one message in each direction. A `failure` frame ends the
//! query; its payload is a report. An `alive` frame is empty and says that the other side still runs. A `due` frame is
//! sent on links that imitate a slower network, and refused on others: its payload, nanoseconds since 1970 as 8 bytes
//! little endian, says when the next message of its channel arrives there.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Length of a frame's header.
pub const HEADER_BYTES: usize = 16;

/// The longest payload of a frame: longer messages are cut. Small enough that a short message never waits long
/// behind a chunk of a long one.
pub const PAYLOAD_BYTES: usize = 1 << 18;

/// The longest failure report.
pub const REPORT_BYTES: usize = 1 << 16;

/// The length of a point in time.
pub const DUE_BYTES: usize = 8;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A piece of a message; more follow.
    Part,
    /// The last or only piece of a message.
    Last,
    /// The query has failed at the other side.
    Failure,
    /// Nothing to say.
    Alive,
    /// When the next message of the channel arrives in a slower network.
    Due,
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is.
    pub kind: Kind,
    /// How many bytes follow.
    pub length: usize,
    /// Which message they belong to; 0 for failures and signs of life.
    pub channel: u64,
}

/// What a peer that keeps to the rules would not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The kind or the reserved bytes are not of this version.
    #[error("a frame of an unknown kind")]
    Kind,
    /// The payload is longer than its kind may be.
    #[error("a frame that is too long")]
    Length,
    /// The channel has already carried a message.
    #[error("a channel that is used twice")]
    Reuse,
    /// More bytes wait to be read than allowed.
    #[error("more unread data than allowed")]
    Flood,
}

impl Header {
    /// The wire form. The length must be at most [`PAYLOAD_BYTES`].
    pub fn encode(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let kind = match self.kind {
            Kind::Part => 0,
            Kind::Last => 1,
            Kind::Failure => 2,
            Kind::Alive => 3,
            Kind::Due => 4,
        };
        let length = u32::try_from(self.length).unwrap_or(u32::MAX);
        bytes[0] = kind;
        bytes[4..8].copy_from_slice(&length.to_le_bytes());
        bytes[8..].copy_from_slice(&self.channel.to_le_bytes());
        bytes
    }

    /// Reads what [`Header::encode`] wrote.
    ///
    /// # Errors
    /// [`FrameError::Kind`] and [`FrameError::Length`].
    pub fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, FrameError> {
        let [kind, r0, r1, r2, l0, l1, l2, l3, channel @ ..] = *bytes;
        let (kind, limit) = match (kind, r0 | r1 | r2) {
            (0, 0) => (Kind::Part, PAYLOAD_BYTES),
            (1, 0) => (Kind::Last, PAYLOAD_BYTES),
            (2, 0) => (Kind::Failure, REPORT_BYTES),
            (3, 0) => (Kind::Alive, 0),
            (4, 0) => (Kind::Due, DUE_BYTES),
            _ => return Err(FrameError::Kind),
        };
        let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).map_err(|_| FrameError::Length)?;
        let least = match kind {
            Kind::Part => 1,
            Kind::Due => DUE_BYTES,
            Kind::Last | Kind::Failure | Kind::Alive => 0,
        };
        if !(least..=limit).contains(&length) {
            return Err(FrameError::Length);
        }
        Ok(Header { kind, length, channel: u64::from_le_bytes(channel) })
    }
}

/// Puts the frames of one connection together to messages.
///
/// For every header: [`Assembler::begin`] gives the place that its payload is read into, [`Assembler::end`] the
/// message if it is complete.
#[derive(Debug)]
pub struct Assembler {
    unfinished: BTreeMap<u64, Vec<u8>>,
    unfinished_bytes: usize,
    limit_bytes: usize,
}

impl Assembler {
    /// Holds at most `limit_bytes` of messages that are not complete.
    pub fn new(limit_bytes: usize) -> Self {
        Assembler { unfinished: BTreeMap::new(), unfinished_bytes: 0, limit_bytes }
    }

    /// Makes room for the payload of a `part` or `last` frame. A message that is one frame takes the buffer that `spare`
    /// gives for its length, whatever it holds.
    ///
    /// # Errors
    /// [`FrameError::Flood`].
    pub fn begin(
        &mut self,
        header: Header,
        spare: impl FnOnce(usize) -> Vec<u8>,
    ) -> Result<&mut [u8], FrameError> {
        if self.unfinished_bytes.saturating_add(header.length) > self.limit_bytes {
            return Err(FrameError::Flood);
        }
        self.unfinished_bytes += header.length;
        let (message, before) = match self.unfinished.entry(header.channel) {
            Entry::Occupied(entry) => {
                let message = entry.into_mut();
                let before = message.len();
                (message, before)
            }
            Entry::Vacant(entry) if header.kind == Kind::Last => (entry.insert(spare(header.length)), 0),
            Entry::Vacant(entry) => (entry.insert(Vec::new()), 0),
        };
        message.resize(before + header.length, 0);
        message.get_mut(before..).ok_or(FrameError::Length)
    }

    /// The message, if the frame that was read completes it.
    pub fn end(&mut self, header: Header) -> Option<Vec<u8>> {
        if header.kind != Kind::Last {
            return None;
        }
        let message = self.unfinished.remove(&header.channel).unwrap_or_default();
        self.unfinished_bytes = self.unfinished_bytes.saturating_sub(message.len());
        Some(message)
    }
}

/// Cuts a message into frames: header and payload of each, the last one of kind `last`.
pub fn cut(channel: u64, message: &[u8]) -> impl Iterator<Item = (Header, &[u8])> {
    let pieces = message.len().div_ceil(PAYLOAD_BYTES).max(1);
    (0..pieces).map(move |piece| {
        let rest = message.get(piece * PAYLOAD_BYTES..).unwrap_or_default();
        let payload = rest.get(..PAYLOAD_BYTES).unwrap_or(rest);
        let kind = if piece + 1 == pieces { Kind::Last } else { Kind::Part };
        (Header { kind, length: payload.len(), channel }, payload)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds bytes as a connection would; the messages before the first error, and the error.
    fn feed(mut bytes: &[u8], limit: usize) -> (Vec<(u64, Vec<u8>)>, Option<FrameError>) {
        let mut assembler = Assembler::new(limit);
        let mut messages = Vec::new();
        while let Some((head, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() {
            let header = match Header::decode(head) {
                Ok(header) => header,
                Err(error) => return (messages, Some(error)),
            };
            let Some((payload, rest)) = rest.split_at_checked(header.length) else { break };
            bytes = rest;
            if matches!(header.kind, Kind::Failure | Kind::Alive | Kind::Due) {
                continue;
            }
            match assembler.begin(header, Vec::with_capacity) {
                Ok(place) => place.copy_from_slice(payload),
                Err(error) => return (messages, Some(error)),
            }
            messages.extend(assembler.end(header).map(|message| (header.channel, message)));
        }
        (messages, None)
    }

    fn wire(channel: u64, message: &[u8]) -> Vec<u8> {
        cut(channel, message).flat_map(|(header, payload)| [&header.encode()[..], payload].concat()).collect()
    }

    #[test]
    fn lengths_around_the_cut() {
        for length in [0, 1, PAYLOAD_BYTES - 1, PAYLOAD_BYTES, PAYLOAD_BYTES + 1, 3 * PAYLOAD_BYTES] {
            let message: Vec<u8> = (0..length).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let bytes = wire(9, &message);
            assert_eq!(bytes.len(), length + length.div_ceil(PAYLOAD_BYTES).max(1) * HEADER_BYTES);
            assert_eq!(feed(&bytes, usize::MAX), (vec![(9, message)], None));
        }
    }

    #[test]
    fn unfinished_messages_are_limited() {
        let part = Header { kind: Kind::Part, length: 600, channel: 1 };
        let mut assembler = Assembler::new(1000);
        assert!(assembler.begin(part, Vec::with_capacity).is_ok());
        assert_eq!(assembler.begin(part, Vec::with_capacity).unwrap_err(), FrameError::Flood);
    }

    #[test]
    fn lengths_beyond_the_limit_are_refused_before_anything_is_allocated() {
        let mut bytes = Header { kind: Kind::Last, length: 1, channel: 1 }.encode();
        bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Header::decode(&bytes), Err(FrameError::Length));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn headers_come_back(kind in 0..5u8, length in 0..=PAYLOAD_BYTES, channel: u64) {
            let (kind, length) = match kind {
                0 => (Kind::Part, length.max(1)),
                1 => (Kind::Last, length),
                2 => (Kind::Failure, length % REPORT_BYTES),
                4 => (Kind::Due, DUE_BYTES),
                _ => (Kind::Alive, 0),
            };
            let header = Header { kind, length, channel };
            prop_assert_eq!(Header::decode(&header.encode()), Ok(header));
        }

        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            feed(&bytes, 1 << 20);
        }

        #[test]
        fn damaged_frames_never_panic(
            messages in proptest::collection::vec((0..4u64, proptest::collection::vec(any::<u8>(), 0..40)), 0..6),
            at: prop::sample::Index,
            change: u8,
        ) {
            let mut bytes: Vec<u8> = messages.iter().flat_map(|(channel, message)| wire(*channel, message)).collect();
            prop_assert_eq!(feed(&bytes, 1 << 20), (messages, None));
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] ^= change;
                feed(&bytes, 1 << 20);
            }
        }
    }
}
