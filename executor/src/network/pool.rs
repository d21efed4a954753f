//! Buffers of messages, used again: to touch a page for the first time costs more than to encrypt it.

use std::sync::{Mutex, PoisonError};

use super::frame::PAYLOAD_BYTES;

/// The capacities of the buffers that a link keeps; a message takes the smallest that it fits in. The last one holds a
/// frame.
const CAPACITIES: [usize; 3] = [PAYLOAD_BYTES / 16, PAYLOAD_BYTES / 4, PAYLOAD_BYTES];

/// How many buffers of each capacity a link keeps at most.
const KEPT: usize = 256;

/// Messages from this length on are worth it.
const LONG_BYTES: usize = PAYLOAD_BYTES / 64;

/// The buffers that a link has to spare. They are freed with it.
#[derive(Debug, Default)]
pub(super) struct Pool {
    kept: [Mutex<Vec<Vec<u8>>>; CAPACITIES.len()],
}

impl Pool {
    /// A buffer with room for `bytes`. What it holds is of no meaning.
    pub(super) fn take(&self, bytes: usize) -> Vec<u8> {
        let mut kept = self.kept.iter().zip(CAPACITIES);
        match kept.find(|(_, capacity)| bytes <= *capacity) {
            Some((kept, capacity)) if bytes >= LONG_BYTES => {
                let buffer = kept.lock().unwrap_or_else(PoisonError::into_inner).pop();
                buffer.unwrap_or_else(|| Vec::with_capacity(capacity))
            }
            _ => Vec::with_capacity(bytes),
        }
    }

    /// Keeps a message that nobody needs any more, if its buffer is one of those that were taken.
    pub(super) fn give(&self, message: Vec<u8>) {
        let mut kept = self.kept.iter().zip(CAPACITIES);
        if let Some((kept, _)) = kept.find(|(_, capacity)| message.capacity() == *capacity) {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < KEPT {
                kept.push(message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_buffers_come_back() {
        let pool = Pool::default();
        for bytes in [LONG_BYTES, PAYLOAD_BYTES / 16 + 1, PAYLOAD_BYTES] {
            let mut message = pool.take(bytes);
            message.resize(bytes, 7);
            pool.give(message);
            assert_eq!(pool.take(bytes).len(), bytes);
            assert_eq!(pool.take(bytes).len(), 0);
        }
        pool.give(Vec::with_capacity(10));
        assert!(pool.kept.iter().all(|kept| kept.lock().unwrap().is_empty()));
    }
}
