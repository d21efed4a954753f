//! All parties of a federation in memory: whole plans without sockets.
//!
//! Runs the same code at every party as over TLS, records every message (who, to whom, under which name, how many
//! bytes), and may edit messages or break links. All randomness follows from a seed, so a failing run can be repeated.
//! Two runs of a plan on data of equal public size must give equal transcripts: that is what obliviousness means here.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Wake, Waker};

use datafusion::arrow::record_batch::RecordBatch;
use futures::future::{BoxFuture, FutureExt, join_all};
use mpc::{Channel, Context, Network, Seat};
use planner::check::Permit;
use planner::plan::{PartyId, SecurePlan};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::oneshot;

use crate::reveal::{self, Released, ReleasedShares};
use crate::run::{OwnTable, Run};
use crate::{Error, Result, operator};

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// The index of the sender.
    pub from: usize,
    /// The index of the receiver.
    pub to: usize,
    /// Its name: a channel between parties, or `core/` and the step of a protocol between seats.
    pub channel: String,
    /// Its length.
    pub bytes: usize,
}

/// What a hook does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives, edited or not.
    Deliver,
    /// The sender fails in this moment.
    Fail,
}

type Hook = dyn Fn(&Message, &mut Vec<u8>) -> Fate + Send + Sync;

/// The parties of a federation, their seats and data.
pub struct World {
    seed: u64,
    names: Vec<String>,
    seats: [PartyId; 3],
    tables: Vec<BTreeMap<String, OwnTable>>,
    hook: Option<Arc<Hook>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World(seed {}, {} parties)", self.seed, self.names.len())
    }
}

/// What a run gave.
#[derive(Debug)]
pub struct Outcome<T> {
    /// The result of every party.
    pub results: Vec<Result<T>>,
    /// All messages between different parties, sorted. The order in time depends on the scheduler.
    pub transcript: Vec<Message>,
    /// When messages between seats were sent: the channel, and how often all parties had waited before.
    moments: Vec<(String, u64)>,
}

impl<T> Outcome<T> {
    /// Bytes sent by a party.
    pub fn bytes_sent(&self, party: usize) -> usize {
        self.transcript.iter().filter(|message| message.from == party).map(|message| message.bytes).sum()
    }

    /// The rounds of the steps below `prefix`: how often seats sent messages of theirs and then waited.
    pub fn rounds(&self, prefix: &str) -> u64 {
        let own = self.moments.iter().filter(|(channel, _)| channel.starts_with(prefix));
        own.map(|(_, moment)| moment).collect::<BTreeSet<_>>().len() as u64
    }
}

impl World {
    /// Parties by name; `seats` are the indices of those on seats 0, 1, 2.
    pub fn new(seed: u64, names: &[&str], seats: [usize; 3]) -> Self {
        World {
            seed,
            names: names.iter().map(|&name| name.to_owned()).collect(),
            seats: seats.map(PartyId),
            tables: vec![BTreeMap::new(); names.len()],
            hook: None,
        }
    }

    /// Gives a party a table.
    #[must_use]
    pub fn with_table(mut self, party: usize, name: &str, rows: RecordBatch) -> Self {
        let table = OwnTable { schema: rows.schema(), batches: vec![rows] };
        if let Some(tables) = self.tables.get_mut(party) {
            tables.insert(name.to_owned(), table);
        }
        self
    }

    /// Passes every message through `hook`.
    #[must_use]
    pub fn with_hook(
        mut self,
        hook: impl Fn(&Message, &mut Vec<u8>) -> Fate + Send + Sync + 'static,
    ) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    /// Runs a plan at all parties; `permits` are one for each party. Needs a tokio runtime.
    pub async fn run(&self, plan: &SecurePlan, permits: Vec<Permit>) -> Outcome<Vec<ReleasedShares>> {
        let permits = Mutex::new(permits.into_iter().map(Some).collect::<Vec<_>>());
        let permit =
            |party: usize| permits.lock().unwrap_or_else(PoisonError::into_inner).get_mut(party)?.take();
        self.everywhere(|party| {
            let permit = permit(party.party().0);
            async move {
                let permit = permit.ok_or_else(|| Error::internal("world", "a party has no permit"))?;
                operator::run_plan(&party, plan, permit).await
            }
            .boxed()
        })
        .await
    }

    /// The analyst's side of [`World::run`]: the released tables.
    ///
    /// # Errors
    /// The first error of a party; as [`reveal::combine`].
    pub fn released(
        plan: &SecurePlan,
        seats: [usize; 3],
        outcome: Outcome<Vec<ReleasedShares>>,
    ) -> Result<Vec<Released>> {
        let results = outcome.results.into_iter().collect::<Result<Vec<_>>>()?;
        let mut of_party: Vec<Vec<Vec<u8>>> = results
            .into_iter()
            .map(|shares| shares.into_iter().map(ReleasedShares::into_bytes).collect())
            .collect();
        let of_seat = seats.map(|party| of_party.get_mut(party).map(std::mem::take).unwrap_or_default());
        (0..plan.releases.len())
            .map(|release| {
                let message = |seat: usize| of_seat[seat].get(release).map_or(&[] as &[u8], Vec::as_slice);
                reveal::combine(plan, release, [message(0), message(1), message(2)])
            })
            .collect()
    }

    /// Runs `program` at every party until all have ended; when one fails, the links of all break.
    pub(crate) async fn everywhere<'w, T>(
        &'w self,
        program: impl Fn(MemoryRun) -> BoxFuture<'w, Result<T>>,
    ) -> Outcome<T> {
        let running = (0..self.names.len()).collect();
        let state = State { running, ..State::default() };
        let hub = Arc::new(Hub { state: Mutex::new(state), hook: self.hook.clone() });
        let draws = Arc::new(AtomicU64::new(0));
        let parties = (0..self.names.len()).map(|party| {
            let (hub, program, draws) = (Arc::clone(&hub), &program, Arc::clone(&draws));
            async move {
                let result = match self.join(party, &hub, draws).await {
                    Ok(run) => program(run).await,
                    Err(error) => Err(error),
                };
                if result.is_err() {
                    hub.close();
                }
                hub.lock().running.remove(&party);
                result
            }
        });
        let mut all = join_all(parties.collect::<Vec<_>>());
        let wakes = Arc::new(Wakes::default());
        // Time goes on when every party waits for a message and nothing else is left to do.
        let results = poll_fn(|outer| {
            *wakes.outer.lock().unwrap_or_else(PoisonError::into_inner) = Some(outer.waker().clone());
            let waker = Waker::from(Arc::clone(&wakes));
            loop {
                wakes.woken.store(false, Ordering::Relaxed);
                let polled = all.poll_unpin(&mut TaskContext::from_waker(&waker));
                if polled.is_ready() || !(wakes.woken.load(Ordering::Relaxed) || hub.deliver()) {
                    return polled;
                }
            }
        });
        let results = results.await;
        let (mut transcript, moments) = {
            let mut state = hub.lock();
            (std::mem::take(&mut state.transcript), std::mem::take(&mut state.moments))
        };
        transcript.sort();
        Outcome { results, transcript, moments }
    }

    /// One party's side of a query; at a seat with seeds agreed.
    async fn join(&self, party: usize, hub: &Arc<Hub>, draws: Arc<AtomicU64>) -> Result<MemoryRun> {
        let seat = Seat::ALL.into_iter().find(|seat| self.seats[seat.index()].0 == party);
        let mut run = MemoryRun {
            party: PartyId(party),
            seats: self.seats,
            names: self.names.clone(),
            tables: self.tables.get(party).cloned().unwrap_or_default(),
            context: None,
            hub: Arc::clone(hub),
            seed: self.seed,
            draws,
            query_id: [7; 32],
        };
        if let Some(seat) = seat {
            let network = Arc::new(SeatLinks { seat, seats: self.seats, hub: Arc::clone(hub) });
            let seeds = mpc::seeds::agree(network.as_ref(), &run.query_id, &mut run.rng()?).await?;
            run.context = Some(Context::new(network, &seeds));
        }
        Ok(run)
    }
}

/// Whether a party has something to do.
#[derive(Default)]
struct Wakes {
    woken: AtomicBool,
    outer: Mutex<Option<Waker>>,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Relaxed);
        if let Some(outer) = &*self.outer.lock().unwrap_or_else(PoisonError::into_inner) {
            outer.wake_by_ref();
        }
    }
}

/// A party in memory.
pub(crate) struct MemoryRun {
    party: PartyId,
    seats: [PartyId; 3],
    names: Vec<String>,
    tables: BTreeMap<String, OwnTable>,
    context: Option<Context>,
    hub: Arc<Hub>,
    seed: u64,
    draws: Arc<AtomicU64>,
    query_id: [u8; 32],
}

impl Run for MemoryRun {
    fn party(&self) -> PartyId {
        self.party
    }

    fn seats(&self) -> [PartyId; 3] {
        self.seats
    }

    fn names(&self) -> &[String] {
        &self.names
    }

    fn context(&self) -> Option<&Context> {
        self.context.as_ref()
    }

    fn query_id(&self) -> &[u8; 32] {
        &self.query_id
    }

    fn tables(&self) -> &BTreeMap<String, OwnTable> {
        &self.tables
    }

    fn rng(&self) -> Result<StdRng> {
        let draw = self.draws.fetch_add(1, Ordering::Relaxed);
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        seed[8..16].copy_from_slice(&draw.to_le_bytes());
        Ok(StdRng::from_seed(seed))
    }

    fn local_memory_bytes(&self) -> usize {
        1 << 28
    }

    fn send<'a>(&'a self, to: PartyId, channel: &'a str, payload: Vec<u8>) -> BoxFuture<'a, Result<()>> {
        let message =
            Message { from: self.party.0, to: to.0, channel: channel.to_owned(), bytes: payload.len() };
        let sent = self.hub.send(message, payload);
        async move { sent.map_err(|Closed| Error::peer(self.name(to), "the link is closed")) }.boxed()
    }

    fn recv<'a>(&'a self, from: PartyId, channel: &'a str) -> BoxFuture<'a, Result<Vec<u8>>> {
        let received = self.hub.recv((from.0, self.party.0, channel.to_owned()));
        async move { received.await.map_err(|Closed| Error::peer(self.name(from), "the link is closed")) }
            .boxed()
    }
}

impl MemoryRun {
    fn name(&self, party: PartyId) -> &str {
        self.names.get(party.0).map_or("?", String::as_str)
    }
}

/// The links of a seat to its neighbours.
struct SeatLinks {
    seat: Seat,
    seats: [PartyId; 3],
    hub: Arc<Hub>,
}

impl SeatLinks {
    fn closed(seat: Seat) -> mpc::Error {
        mpc::Error::Peer { seat, reason: "the link is closed".to_owned() }
    }

    fn key(&self, from: Seat, to: Seat, channel: Channel) -> Key {
        (self.seats[from.index()].0, self.seats[to.index()].0, format!("core#{:016x}", channel.0))
    }
}

impl Network for SeatLinks {
    fn seat(&self) -> Seat {
        self.seat
    }

    fn send(&self, to: Seat, channel: Channel, payload: Vec<u8>) -> BoxFuture<'_, mpc::Result<()>> {
        let (from, to_party, channel) = self.key(self.seat, to, channel);
        let sent = self.hub.send(Message { from, to: to_party, channel, bytes: payload.len() }, payload);
        async move { sent.map_err(|Closed| SeatLinks::closed(to)) }.boxed()
    }

    fn recv(&self, from: Seat, channel: Channel) -> BoxFuture<'_, mpc::Result<Vec<u8>>> {
        let received = self.hub.recv(self.key(from, self.seat, channel));
        async move { received.await.map_err(|Closed| SeatLinks::closed(from)) }.boxed()
    }

    fn trace(&self, channel: Channel, step: &dyn std::fmt::Display) {
        let (_, _, channel) = self.key(self.seat, self.seat, channel);
        self.hub.lock().steps.insert(channel, format!("core/{}", step.to_string().trim_start_matches('/')));
    }
}

type Key = (usize, usize, String);

struct Closed;

/// All links.
struct Hub {
    state: Mutex<State>,
    hook: Option<Arc<Hook>>,
}

#[derive(Default)]
struct State {
    arrived: BTreeMap<Key, Vec<u8>>,
    waiting: BTreeMap<Key, oneshot::Sender<Vec<u8>>>,
    steps: BTreeMap<String, String>,
    transcript: Vec<Message>,
    /// What was sent since all parties last waited.
    on_the_way: Vec<(Key, Vec<u8>)>,
    /// How often all parties have waited, and when messages between seats were sent.
    now: u64,
    moments: Vec<(String, u64)>,
    running: BTreeSet<usize>,
    closed: bool,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
    }

    fn send(&self, mut message: Message, mut payload: Vec<u8>) -> Result<(), Closed> {
        let mut state = self.lock();
        if state.closed {
            return Err(Closed);
        }
        let key = (message.from, message.to, message.channel.clone());
        if let Some(step) = state.steps.get(&message.channel) {
            message.channel.clone_from(step);
        }
        if let Some(hook) = &self.hook
            && hook(&message, &mut payload) == Fate::Fail
        {
            return Err(Closed);
        }
        if message.channel.starts_with("core") {
            let now = state.now;
            state.moments.push((message.channel.clone(), now));
        }
        state.transcript.push(message);
        state.on_the_way.push((key, payload));
        Ok(())
    }

    /// Lets messages arrive if every party that has not ended waits for one; whether any did.
    fn deliver(&self) -> bool {
        let mut state = self.lock();
        let idle = |party: &usize| state.waiting.keys().any(|(_, to, _)| to == party);
        if state.on_the_way.is_empty() || !state.running.iter().all(idle) {
            return false;
        }
        state.now += 1;
        for (key, payload) in std::mem::take(&mut state.on_the_way) {
            match state.waiting.remove(&key) {
                // A receiver that was dropped meanwhile needs the message no more.
                Some(waiting) => drop(waiting.send(payload)),
                None => drop(state.arrived.insert(key, payload)),
            }
        }
        true
    }

    fn recv(&self, key: Key) -> impl Future<Output = Result<Vec<u8>, Closed>> + Send + use<> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        if let Some(payload) = state.arrived.remove(&key) {
            drop(sender.send(payload));
        } else if !state.closed {
            state.waiting.insert(key, sender);
        }
        async move { receiver.await.map_err(|_| Closed) }
    }
}
