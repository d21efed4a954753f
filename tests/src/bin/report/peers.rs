//! The links of one party, and what crosses them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use executor::network::{Link, LinkError};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use mpc::{Channel, Error, Network, Result, Seat};

/// One party's links to the two others.
///
/// While it *counts*, every message carries the number of its round as four bytes more: one more than the latest round
/// of what its sender has received. Those runs are not measured.
#[derive(Debug)]
pub(crate) struct Peers {
    seat: Seat,
    /// `None` at this party's own place.
    links: [Option<Link>; 3],
    counts: AtomicBool,
    sent: AtomicU64,
    /// The latest round of what was received.
    received: AtomicU64,
}

impl Peers {
    pub(crate) fn new(seat: Seat, links: [Option<Link>; 3]) -> Self {
        Peers {
            seat,
            links,
            counts: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
        }
    }

    /// Meets the two others, so that all start together, and forgets what was counted before.
    pub(crate) async fn start(&self, run: usize, counts: bool) -> Result<()> {
        let name = |step: &str| Channel(executor::network::channel(&format!("{step} {run}")));
        for step in ["ready", "go"] {
            for other in [self.seat.next(), self.seat.previous()] {
                self.link(other)?
                    .send(name(step).0, Vec::new())
                    .map_err(|error| unreachable(other, &error))?;
            }
            for other in [self.seat.next(), self.seat.previous()] {
                self.link(other)?.recv(name(step).0).await.map_err(|error| unreachable(other, &error))?;
            }
            self.counts.store(counts, Ordering::SeqCst);
            self.sent.store(0, Ordering::SeqCst);
            self.received.store(0, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Waits until everything has left.
    pub(crate) async fn flush(&self) {
        for link in self.links.iter().flatten() {
            link.flush().await;
        }
    }

    /// Payload bytes sent since the start.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    /// The latest round of what was received since the start.
    pub(crate) fn rounds(&self) -> u64 {
        self.received.load(Ordering::SeqCst)
    }

    fn link(&self, seat: Seat) -> Result<&Link> {
        let link = self.links[seat.index()].as_ref();
        link.ok_or_else(|| Error::Peer { seat, reason: "there is no link to that seat".to_owned() })
    }

    fn note(&self, message: &mut Vec<u8>) {
        if self.counts.load(Ordering::SeqCst)
            && let Some(round) = message.split_off(message.len().saturating_sub(4)).first_chunk::<4>()
        {
            self.received.fetch_max(u32::from_le_bytes(*round).into(), Ordering::SeqCst);
        }
    }
}

fn unreachable(seat: Seat, error: &LinkError) -> Error {
    Error::Peer { seat, reason: error.to_string() }
}

impl Network for Peers {
    fn seat(&self) -> Seat {
        self.seat
    }

    fn send(&self, to: Seat, channel: Channel, mut payload: Vec<u8>) -> BoxFuture<'_, Result<()>> {
        self.sent.fetch_add(payload.len() as u64, Ordering::SeqCst);
        if self.counts.load(Ordering::SeqCst) {
            let round = u32::try_from(self.rounds() + 1).unwrap_or(u32::MAX);
            payload.extend(round.to_le_bytes());
        }
        async move {
            let link = self.link(to)?;
            link.send(channel.0, payload).map_err(|error| unreachable(to, &error))?;
            link.room().await;
            Ok(())
        }
        .boxed()
    }

    fn recv(&self, from: Seat, channel: Channel) -> BoxFuture<'_, Result<Vec<u8>>> {
        async move {
            let mut message =
                self.link(from)?.recv(channel.0).await.map_err(|error| unreachable(from, &error))?;
            self.note(&mut message);
            Ok(message)
        }
        .boxed()
    }

    fn buffer(&self, to: Seat, bytes: usize) -> Vec<u8> {
        self.link(to).map_or_else(|_| Vec::with_capacity(bytes), |link| link.buffer(bytes))
    }

    fn recycle(&self, from: Seat, message: Vec<u8>) {
        if let Ok(link) = self.link(from) {
            link.recycle(message);
        }
    }
}
