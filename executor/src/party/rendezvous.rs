//! Connections that parties open to each other for a query, until the query takes them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use planner::plan::PartyId;
use tokio::sync::oneshot;

use crate::network::Link;

/// A request's hash, and the party that dialled for it.
type Key = ([u8; 32], PartyId);

/// The meeting place of one server.
#[derive(Debug, Default)]
pub(super) struct Rendezvous {
    slots: Mutex<BTreeMap<Key, Slot>>,
}

#[derive(Debug)]
enum Slot {
    /// The query waits for the connection.
    Wanted(oneshot::Sender<Link>),
    /// The connection waits for the query.
    Here(Link, Instant),
}

impl Rendezvous {
    /// Leaves a connection for the query of `request`. A second one of the same party is dropped.
    pub(super) fn offer(&self, request: [u8; 32], party: PartyId, link: Link) {
        match self.slots().entry((request, party)) {
            Entry::Vacant(entry) => {
                entry.insert(Slot::Here(link, Instant::now()));
            }
            Entry::Occupied(entry) => {
                if matches!(entry.get(), Slot::Wanted(_))
                    && let Slot::Wanted(query) = entry.remove()
                {
                    // A query that has just ended has no use for it.
                    let _ended = query.send(link);
                }
            }
        }
    }

    /// Waits for the connection of `party`; `None` if it does not come in time.
    pub(super) async fn take(&self, request: [u8; 32], party: PartyId, patience: Duration) -> Option<Link> {
        let coming = {
            let mut slots = self.slots();
            if let Some(Slot::Here(link, _)) = slots.remove(&(request, party)) {
                return Some(link);
            }
            let (sender, receiver) = oneshot::channel();
            slots.insert((request, party), Slot::Wanted(sender));
            receiver
        };
        tokio::time::timeout(patience, coming).await.ok()?.ok()
    }

    /// Drops what belongs to a query that has ended.
    pub(super) fn forget(&self, request: [u8; 32]) {
        self.slots().retain(|key, _| key.0 != request);
    }

    /// Drops connections whose query has not come within `patience`.
    pub(super) fn sweep(&self, patience: Duration) {
        self.slots().retain(|_, slot| match slot {
            Slot::Wanted(query) => !query.is_closed(),
            Slot::Here(link, since) => since.elapsed() < patience && link.end_reason().is_none(),
        });
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<Key, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
