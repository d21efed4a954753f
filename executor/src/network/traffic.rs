//! What crossed a link: lengths in order for the test of obliviousness, hashes for the audit record.

use sha2::{Digest, Sha256};

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From here.
    Sent,
    /// To here.
    Received,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Its channel.
    pub channel: u64,
    /// Its length.
    pub bytes: usize,
    /// BLAKE3 of what it said, which hashes long messages faster than they are encrypted; zeros while it is on its way.
    digest: [u8; 32],
}

/// All messages of a link, without frame headers and signs of life.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// In the order in which they were sent.
    pub sent: Vec<Passed>,
    /// In the order in which they were complete.
    pub received: Vec<Passed>,
}

impl Traffic {
    /// The total length of one direction.
    pub fn bytes(&self, direction: Direction) -> u64 {
        self.of(direction).iter().map(|passed| passed.bytes as u64).sum()
    }

    /// A hash over one direction: the same at both ends, whatever order the messages arrived in.
    pub fn hash(&self, direction: Direction) -> [u8; 32] {
        let mut passed: Vec<&Passed> = self.of(direction).iter().collect();
        passed.sort_unstable_by_key(|passed| passed.channel);
        let mut hash = Sha256::new();
        for message in passed {
            hash.update(message.channel.to_le_bytes());
            hash.update((message.bytes as u64).to_le_bytes());
            hash.update(message.digest);
        }
        hash.finalize().into()
    }

    fn of(&self, direction: Direction) -> &[Passed] {
        match direction {
            Direction::Sent => &self.sent,
            Direction::Received => &self.received,
        }
    }

    pub(super) fn digest(message: &[u8]) -> [u8; 32] {
        blake3::hash(message).into()
    }

    /// Notes a message and gives its place.
    pub(super) fn begin(&mut self, direction: Direction, channel: u64, bytes: usize) -> usize {
        let list = match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        };
        list.push(Passed { channel, bytes, digest: [0; 32] });
        list.len() - 1
    }

    /// Adds the digest of a sent or received message.
    pub(super) fn complete(&mut self, direction: Direction, place: usize, digest: [u8; 32]) {
        let list = match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        };
        if let Some(passed) = list.get_mut(place) {
            passed.digest = digest;
        }
    }
}
