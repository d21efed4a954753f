//! What a query declared to open, and what it opened.

use std::collections::BTreeMap;

/// One declared opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The label that the plan gave it.
    pub label: String,
    /// How many values the plan declared.
    pub declared: u64,
    /// How many values were opened.
    pub opened: u64,
}

/// The ledger of openings of one seat.
#[derive(Debug, Default)]
pub(super) struct Openings {
    entries: BTreeMap<String, Opening>,
    masked: u64,
}

impl Openings {
    pub(super) fn declare(&mut self, label: &str, count: u64) {
        let opening = Opening { label: label.to_owned(), declared: 0, opened: 0 };
        self.entries.entry(label.to_owned()).or_insert(opening).declared += count;
    }

    /// Books `count` values; `false` if that is more than was declared.
    pub(super) fn spend(&mut self, label: &str, count: u64) -> bool {
        self.entries.get_mut(label).is_some_and(|opening| {
            opening.opened += count;
            opening.opened <= opening.declared
        })
    }

    pub(super) fn book_masked(&mut self, count: u64) {
        self.masked += count;
    }

    pub(super) fn masked(&self) -> u64 {
        self.masked
    }

    pub(super) fn list(&self) -> Vec<Opening> {
        self.entries.values().cloned().collect()
    }
}
