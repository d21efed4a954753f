//! What a query sent, per step and neighbour.

use std::collections::BTreeMap;

use crate::Seat;

/// Bytes and messages of one step to one neighbour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Payload bytes.
    pub bytes: u64,
    /// Messages; chunks of one column are counted separately.
    pub messages: u64,
}

/// What this seat sent, by step path and neighbour.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    traffic: BTreeMap<(String, Seat), Traffic>,
}

impl Meter {
    pub(super) fn record(&mut self, step: &str, to: Seat, bytes: usize) {
        let key = (step.to_owned(), to);
        let entry = self.traffic.entry(key).or_default();
        entry.bytes += bytes as u64;
        entry.messages += 1;
    }

    /// Everything sent, in the order of step paths.
    pub fn by_step(&self) -> impl Iterator<Item = (&str, Seat, Traffic)> {
        self.traffic.iter().map(|((step, to), &traffic)| (step.as_str(), *to, traffic))
    }

    /// The total sent to both neighbours.
    pub fn total(&self) -> Traffic {
        self.traffic.values().fold(Traffic::default(), |sum, t| Traffic {
            bytes: sum.bytes + t.bytes,
            messages: sum.messages + t.messages,
        })
    }
}
