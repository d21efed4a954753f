//! A party's connections of one query, and what the secure core and the operators see of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{BoxFuture, select_all};
use futures::{FutureExt as _, StreamExt as _, stream};
use mpc::{Channel, Meter, Network, Seat};
use planner::plan::PartyId;
use rand::SeedableRng as _;
use rand::rngs::{StdRng, SysRng};

use super::reporter::Reporter;
use crate::figures::Figures;
use crate::network::{Direction, Link, LinkError, Traffic, channel};
use crate::report::Report;
use crate::run::{OwnTable, Run};
use crate::{Error, Result};

/// One link to every other party.
#[derive(Debug)]
pub(super) struct Links {
    /// All names, in the federation's order.
    pub(super) names: Vec<String>,
    /// `None` at this party's own place.
    others: Vec<Option<Link>>,
    /// How often this party's seat has sent and then waited.
    rounds: AtomicU64,
    /// Bytes of all messages so far.
    sent_bytes: AtomicU64,
    /// What the nodes of the plan took in the secure core, once it has run.
    nodes: Mutex<Vec<Figures>>,
}

impl Links {
    pub(super) fn new(names: Vec<String>, links: Vec<Option<Link>>) -> Self {
        Links {
            names,
            others: links,
            rounds: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            nodes: Mutex::default(),
        }
    }

    /// What this party's seat has taken so far.
    pub(super) fn so_far(&self) -> Figures {
        Figures { rounds: self.rounds(), sent_bytes: self.sent_bytes.load(Ordering::Relaxed) }
    }

    /// How often this party's seat has sent and then waited, so far.
    pub(super) fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::Relaxed)
    }

    /// Notes what each step of the secure core took, by the node of the plan that it belongs to.
    pub(super) fn note_nodes(&self, meter: &Meter) {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        for (path, taken) in meter.by_step() {
            let mut names = path.split('/').skip_while(|name| *name != "node");
            let Some(node) = names.nth(1).and_then(|node| node.parse::<usize>().ok()) else { continue };
            if nodes.len() <= node {
                nodes.resize(node + 1, Figures::default());
            }
            nodes[node].rounds += taken.rounds;
            nodes[node].sent_bytes += taken.bytes();
        }
    }

    /// What each node took, as far as the plan was run here.
    pub(super) fn nodes(&self) -> Vec<Figures> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn send(&self, to: PartyId, channel: u64, payload: Vec<u8>) -> Result<()> {
        self.sent_bytes.fetch_add(payload.len() as u64, Ordering::Relaxed);
        self.link(to)?.send(channel, payload).map_err(|error| self.error(to, &error))
    }

    pub(super) async fn recv(&self, from: PartyId, channel: u64) -> Result<Vec<u8>> {
        self.link(from)?.recv(channel).await.map_err(|error| self.error(from, &error))
    }

    /// Sends the same message to every other party and gives theirs, in the federation's order, with `own` at this
    /// party's place.
    pub(super) async fn exchange(&self, name: &str, own: &[u8]) -> Result<Vec<Vec<u8>>> {
        let channel = channel(name);
        for (party, _) in self.others() {
            self.send(party, channel, own.to_vec())?;
        }
        let mut all = Vec::with_capacity(self.others.len());
        for (index, link) in self.others.iter().enumerate() {
            let message =
                if link.is_some() { self.recv(PartyId(index), channel).await? } else { own.to_vec() };
            all.push(message);
        }
        Ok(all)
    }

    /// All other parties.
    pub(super) fn others(&self) -> impl Iterator<Item = (PartyId, &Link)> {
        let present = |(index, link): (usize, &'_ Option<Link>)| link.is_some().then_some(PartyId(index));
        let parties: Vec<PartyId> = self.others.iter().enumerate().filter_map(present).collect();
        parties.into_iter().zip(self.others.iter().flatten())
    }

    /// Waits until any link ends, and says what that means.
    pub(super) async fn any_ended(&self) -> Error {
        let ends = self.others().map(|(party, link)| async move { (party, link.ended().await) }.boxed());
        let ends: Vec<_> = ends.collect();
        if ends.is_empty() {
            return std::future::pending().await;
        }
        let ((party, error), _, _) = select_all(ends).await;
        self.error(party, &error)
    }

    /// What explains an error of class peer best: another party's report, then a link that has ended, then the error.
    pub(super) fn cause(&self, error: Error) -> Error {
        if !matches!(error, Error::Protocol(mpc::Error::Peer { .. }) | Error::Peer { .. }) {
            return error;
        }
        let ended = self.others().filter_map(|(party, link)| Some((party, link.end_reason()?)));
        let (reports, closed): (Vec<_>, Vec<_>) =
            ended.partition(|(_, reason)| matches!(reason, LinkError::Report(_)));
        let first = reports.into_iter().chain(closed).next();
        first.map_or(error, |(party, reason)| self.error(party, &reason))
    }

    /// Tells the other parties, and waits until they have taken it.
    pub(super) async fn fail(&self, error: &Error) {
        let report = Report::for_party(error).to_bytes();
        for (_, link) in self.others() {
            link.fail(report.clone());
        }
        stream::iter(self.others()).for_each_concurrent(None, |(_, link)| link.flush()).await;
        stream::iter(self.others()).for_each_concurrent(None, |(_, link)| link.ended().map(drop)).await;
    }

    /// What crossed all links, by party.
    pub(super) fn traffic(&self) -> Vec<(PartyId, Traffic)> {
        self.others().map(|(party, link)| (party, link.traffic())).collect()
    }

    /// What the end of the link to `party` means here.
    pub(super) fn error(&self, party: PartyId, error: &LinkError) -> Error {
        let name = self.names.get(party.0).map_or("?", String::as_str);
        match error {
            LinkError::Report(report) => Report::to_error(report, name).0,
            LinkError::KeyRefused => Error::Key { party: name.to_owned(), ours: true },
            LinkError::Closed(_) | LinkError::Misbehaved(_) => Error::peer(name, error.to_string()),
        }
    }

    fn link(&self, party: PartyId) -> Result<&Link> {
        let link = self.others.get(party.0).and_then(Option::as_ref);
        link.ok_or_else(|| Error::internal("network", "there is no link to that party"))
    }
}

/// The links of a seat to its two neighbours.
#[derive(Debug)]
pub(super) struct SeatNetwork {
    pub(super) seat: Seat,
    pub(super) seats: [PartyId; 3],
    pub(super) links: Arc<Links>,
    /// Whether something was sent since the last wait.
    sent: AtomicBool,
    reporter: Option<Arc<Reporter>>,
}

impl SeatNetwork {
    pub(super) fn new(seat: Seat, run: &QueryRun) -> Self {
        let (links, reporter) = (Arc::clone(&run.links), run.reporter.clone());
        SeatNetwork { seat, seats: run.seats, links, sent: AtomicBool::new(false), reporter }
    }

    fn party(&self, seat: Seat) -> PartyId {
        let [p0, p1, p2] = self.seats;
        match seat {
            Seat::P0 => p0,
            Seat::P1 => p1,
            Seat::P2 => p2,
        }
    }
}

fn unreachable(seat: Seat, error: &Error) -> mpc::Error {
    mpc::Error::Peer { seat, reason: error.to_string() }
}

impl Network for SeatNetwork {
    fn seat(&self) -> Seat {
        self.seat
    }

    fn send(&self, to: Seat, channel: Channel, payload: Vec<u8>) -> BoxFuture<'_, Result<(), mpc::Error>> {
        self.sent.store(true, Ordering::Relaxed);
        async move {
            let to_party = self.party(to);
            let sent = self.links.send(to_party, channel.0, payload);
            sent.map_err(|error| unreachable(to, &error))?;
            if let Ok(link) = self.links.link(to_party) {
                link.room().await;
            }
            Ok(())
        }
        .boxed()
    }

    fn recv(&self, from: Seat, channel: Channel) -> BoxFuture<'_, Result<Vec<u8>, mpc::Error>> {
        async move {
            if self.sent.swap(false, Ordering::Relaxed) {
                self.links.rounds.fetch_add(1, Ordering::Relaxed);
            }
            self.links.recv(self.party(from), channel.0).await.map_err(|error| unreachable(from, &error))
        }
        .boxed()
    }

    fn buffer(&self, to: Seat, bytes: usize) -> Vec<u8> {
        self.links.link(self.party(to)).map_or_else(|_| Vec::with_capacity(bytes), |link| link.buffer(bytes))
    }

    fn recycle(&self, from: Seat, message: Vec<u8>) {
        if let Ok(link) = self.links.link(self.party(from)) {
            link.recycle(message);
        }
    }

    fn iteration(&self, number: usize, of: usize) {
        if let Some(reporter) = &self.reporter {
            reporter.iteration(number, of, self.links.so_far());
        }
    }
}

/// One query at this party, as the operators see it.
pub(super) struct QueryRun {
    pub(super) party: PartyId,
    pub(super) seats: [PartyId; 3],
    pub(super) query_id: [u8; 32],
    pub(super) links: Arc<Links>,
    pub(super) context: Option<mpc::Context>,
    pub(super) tables: BTreeMap<String, OwnTable>,
    pub(super) local_memory_bytes: usize,
    /// At the seat that tells the analyst how far the query has come.
    pub(super) reporter: Option<Arc<Reporter>>,
}

/// A generator seeded by the operating system.
pub(super) fn fresh_rng() -> Result<StdRng> {
    StdRng::try_from_rng(&mut SysRng).map_err(|error| Error::internal("randomness", error.to_string()))
}

impl Run for QueryRun {
    fn party(&self) -> PartyId {
        self.party
    }

    fn seats(&self) -> [PartyId; 3] {
        self.seats
    }

    fn names(&self) -> &[String] {
        &self.links.names
    }

    fn context(&self) -> Option<&mpc::Context> {
        self.context.as_ref()
    }

    fn query_id(&self) -> &[u8; 32] {
        &self.query_id
    }

    fn tables(&self) -> &BTreeMap<String, OwnTable> {
        &self.tables
    }

    fn rng(&self) -> Result<StdRng> {
        fresh_rng()
    }

    fn local_memory_bytes(&self) -> usize {
        self.local_memory_bytes
    }

    fn reached(&self, node: usize) {
        if let Some(reporter) = &self.reporter {
            reporter.reached(node, self.links.so_far());
        }
    }

    fn send<'a>(&'a self, to: PartyId, name: &'a str, payload: Vec<u8>) -> BoxFuture<'a, Result<()>> {
        std::future::ready(self.links.send(to, channel(name), payload)).boxed()
    }

    fn recv<'a>(&'a self, from: PartyId, name: &'a str) -> BoxFuture<'a, Result<Vec<u8>>> {
        self.links.recv(from, channel(name)).boxed()
    }
}

/// The total length of what went to all parties.
pub(super) fn sent_bytes(traffic: &[(PartyId, Traffic)]) -> u64 {
    traffic.iter().map(|(_, traffic)| traffic.bytes(Direction::Sent)).sum()
}
