//! Tells the analyst how far the secure stage has come.
//!
//! Marks are sent by seat 0 where a node begins, and at some iterations of a node that has many. When and how many follows
//! from the plan alone, and every mark has the same length.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use crate::figures::{Figures, Mark};
use crate::network::{Link, channel};

/// A node with many iterations is told at most this often.
const MARKS: usize = 20;

/// The name of the mark with this number.
pub(crate) fn mark_name(number: u64) -> String {
    format!("mark {number}")
}

/// The marks of one query.
#[derive(Debug)]
pub(super) struct Reporter {
    /// Weak: a plan that still runs keeps no connection open.
    analyst: Weak<Link>,
    node: AtomicU64,
    sent: AtomicU64,
}

impl Reporter {
    pub(super) fn new(analyst: &Arc<Link>) -> Self {
        Reporter { analyst: Arc::downgrade(analyst), node: AtomicU64::new(0), sent: AtomicU64::new(0) }
    }

    /// A node begins.
    pub(super) fn reached(&self, node: usize, figures: Figures) {
        self.node.store(node as u64, Ordering::Relaxed);
        self.send(None, figures);
    }

    /// An iteration of the node begins.
    pub(super) fn iteration(&self, number: usize, of: usize, figures: Figures) {
        if number.is_multiple_of(of.div_ceil(MARKS).max(1)) {
            self.send(Some((number as u64, of as u64)), figures);
        }
    }

    fn send(&self, iteration: Option<(u64, u64)>, figures: Figures) {
        if let Some(analyst) = self.analyst.upgrade() {
            let mark = Mark { node: self.node.load(Ordering::Relaxed), iteration, figures };
            let name = mark_name(self.sent.fetch_add(1, Ordering::Relaxed));
            // An analyst that has gone shows elsewhere.
            let _gone = analyst.send(channel(&name), mark.to_bytes());
        }
    }
}
