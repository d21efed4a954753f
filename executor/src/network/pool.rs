//! Buffers of long messages, used again: to touch a page for the first time costs more than to encrypt it.

use std::sync::{Mutex, PoisonError};

use super::frame::PAYLOAD_BYTES;

/// How many buffers a link keeps at most, of one frame each.
const KEPT: usize = 256;

/// Messages from this length on are worth it.
const LONG_BYTES: usize = PAYLOAD_BYTES / 4;

/// The buffers that a link has to spare. They are freed with it.
#[derive(Debug, Default)]
pub(super) struct Pool {
    kept: Mutex<Vec<Vec<u8>>>,
}

impl Pool {
    /// A buffer with room for `bytes`. What it holds is of no meaning.
    pub(super) fn take(&self, bytes: usize) -> Vec<u8> {
        if !(LONG_BYTES..=PAYLOAD_BYTES).contains(&bytes) {
            return Vec::with_capacity(bytes);
        }
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| Vec::with_capacity(PAYLOAD_BYTES))
    }

    /// Keeps a message that nobody needs any more, if its buffer is one of those that were taken.
    pub(super) fn give(&self, message: Vec<u8>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if message.capacity() == PAYLOAD_BYTES && kept.len() < KEPT {
            kept.push(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_buffers_come_back() {
        let pool = Pool::default();
        let mut message = pool.take(LONG_BYTES);
        message.resize(LONG_BYTES, 7);
        pool.give(message);
        assert_eq!(pool.take(PAYLOAD_BYTES).len(), LONG_BYTES);
        assert_eq!(pool.take(PAYLOAD_BYTES).len(), 0);
        pool.give(Vec::with_capacity(10));
        assert!(pool.kept.lock().unwrap().is_empty());
    }
}
