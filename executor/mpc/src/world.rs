//! Three seats in memory, in one thread: deterministic runs, transcripts, exact costs, and two hooks.
//!
//! Time in this world is counted in rounds. A message sent in round `t` can be received in round `t + 1`; the clock
//! advances only when no seat can go on. So the number of rounds is the longest chain of dependent messages.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as TaskContext, Poll, Wake, Waker};

use futures::future::{self, BoxFuture, FutureExt};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use zeroize::Zeroizing;

use crate::seeds::Seeds;
use crate::{
    Channel, Column, Context, Error, Network, Planes, Result, Ring, Seat, Shared, SharedBits, combine,
    combine_bits, input,
};

/// One message of a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The round in which it was sent, from 1.
    pub round: usize,
    /// The path of the step that sent it.
    pub step: String,
    /// The sender.
    pub from: Seat,
    /// The receiver.
    pub to: Seat,
    /// The payload's length.
    pub bytes: usize,
}

/// What a message is turned into on its way.
#[derive(Debug)]
pub enum Fate {
    /// Delivered, as the hook left it.
    Deliver,
    /// The link breaks: sender and receiver see [`Error::Peer`].
    Break,
}

/// Edits or drops messages: a corrupted seat, or a broken link.
type Hook = Box<dyn Fn(&Message, &mut Vec<u8>) -> Fate + Send + Sync>;

/// The exact cost of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The longest chain of dependent messages.
    pub rounds: usize,
    /// Payload bytes sent by the seat that sends most.
    pub bytes: usize,
}

/// What a run of all three seats gave.
#[derive(Debug)]
pub struct Run<T> {
    /// The result of each seat.
    pub results: [Result<T>; 3],
    /// All messages, sorted by round, step, sender and receiver.
    pub transcript: Vec<Message>,
}

impl<T> Run<T> {
    /// The results of all seats.
    ///
    /// # Errors
    /// The first error of any seat.
    pub fn outputs(self) -> Result<[T; 3]> {
        let [a, b, c] = self.results;
        Ok([a?, b?, c?])
    }

    /// Rounds, and bytes of the seat that sends most.
    pub fn cost(&self) -> Cost {
        let rounds = self.transcript.iter().map(|m| m.round).max().unwrap_or(0);
        Cost { rounds, bytes: Seat::ALL.map(|seat| self.bytes_sent(seat)).into_iter().max().unwrap_or(0) }
    }

    /// Bytes sent by one seat.
    pub fn bytes_sent(&self, seat: Seat) -> usize {
        self.transcript.iter().filter(|m| m.from == seat).map(|m| m.bytes).sum()
    }
}

/// A world of three seats.
pub struct World {
    seed: u64,
    rng: Mutex<ChaCha12Rng>,
    hook: Option<Arc<Hook>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World(seed {})", self.seed)
    }
}

impl World {
    /// A world whose randomness follows from `seed`.
    pub fn new(seed: u64) -> Self {
        World { seed, rng: Mutex::new(ChaCha12Rng::seed_from_u64(seed)), hook: None }
    }

    /// The seed, to print when something fails.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Passes every message through `hook`, which may edit it or break the link.
    #[must_use]
    pub fn with_hook(
        mut self,
        hook: impl Fn(&Message, &mut Vec<u8>) -> Fate + Send + Sync + 'static,
    ) -> Self {
        self.hook = Some(Arc::new(Box::new(hook)));
        self
    }

    fn key(&self) -> Zeroizing<[u8; 16]> {
        let mut key = Zeroizing::new([0; 16]);
        lock(&self.rng).fill_bytes(&mut key[..]);
        key
    }

    /// Shares a column as an owner would: one part for each seat.
    pub fn share<R: Ring>(&self, values: &[R]) -> [Shared<R>; 3] {
        let (seed0, seed1) = (self.key(), self.key());
        let third = input::deal(values, &seed0, &seed1);
        let x = [input::expand(&seed0, values.len()), input::expand(&seed1, values.len()), third];
        [0, 1, 2].map(|i| Shared::from_parts(x[i].clone(), x[(i + 1) % 3].clone()))
    }

    /// Shares planes as an owner would.
    pub fn share_bits(&self, planes: &Planes) -> [SharedBits; 3] {
        let (seed0, seed1) = (self.key(), self.key());
        let third = input::deal_bits(planes, &seed0, &seed1);
        let expand = |seed: &[u8; 16]| input::expand_bits(seed, planes.len(), planes.width());
        let x = [expand(&seed0), expand(&seed1), third];
        [0, 1, 2].map(|i| SharedBits::from_parts(x[i].clone(), x[(i + 1) % 3].clone()))
    }

    /// Runs `program` at all three seats until each has finished.
    ///
    /// A seat that waits for a message that nobody will send ends with [`Error::Peer`].
    pub fn run<T, F>(&self, program: impl Fn(Context) -> F) -> Run<T>
    where
        F: Future<Output = Result<T>>,
    {
        let pairs = [self.key(), self.key(), self.key()];
        self.run_on_networks(|network| {
            let seat = network.seat();
            let seeds =
                Seeds { previous: pairs[seat.index()].clone(), next: pairs[seat.next().index()].clone() };
            program(Context::new(network, &seeds))
        })
    }

    /// As [`World::run`], before there are seeds and contexts.
    pub fn run_on_networks<T, F>(&self, program: impl Fn(Arc<dyn Network>) -> F) -> Run<T>
    where
        F: Future<Output = Result<T>>,
    {
        let wires = Arc::new(Wires { state: Mutex::default(), hook: self.hook.clone() });
        let seats = Seat::ALL.map(|seat| {
            let end = End { seat, wires: Arc::clone(&wires) };
            let wires = &wires;
            program(Arc::new(end)).map(move |result| {
                wires.finish(seat);
                result
            })
        });
        let [a, b, c] = seats;
        let mut all = pin!(future::join3(a, b, c));
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let (a, b, c) = loop {
            if woken.0.swap(false, Ordering::SeqCst) {
                if let Poll::Ready(results) = all.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
                    break results;
                }
            } else {
                wires.advance();
            }
        };
        let mut transcript = std::mem::take(&mut wires.lock().transcript);
        transcript.sort_by(|x, y| {
            (x.round, &x.step, x.from, x.to, x.bytes).cmp(&(y.round, &y.step, y.from, y.to, y.bytes))
        });
        Run { results: [a, b, c], transcript }
    }
}

/// Puts the three seats' parts of a ring column together.
///
/// # Errors
/// As [`combine`].
pub fn reconstruct<R: Ring>(parts: &[Shared<R>; 3]) -> Result<Vec<R>> {
    combine(parts)
}

/// Puts the three seats' parts of a column of bits together, as unsigned numbers.
///
/// # Errors
/// As [`combine_bits`].
pub fn reconstruct_bits<R: Ring>(parts: &[SharedBits; 3]) -> Result<Vec<R>> {
    Ok(combine_bits(parts)?.to_values())
}

/// Puts the three seats' parts of any column together, as unsigned numbers.
///
/// # Errors
/// [`Error::Internal`] if the kinds differ; as [`combine`].
pub fn reconstruct_column(parts: [Column; 3]) -> Result<Vec<u128>> {
    fn widen<R: Ring>(values: &[R]) -> Vec<u128> {
        values.iter().map(|v| v.to_u128()).collect()
    }
    match parts {
        [Column::U32(a), Column::U32(b), Column::U32(c)] => Ok(widen(&combine(&[a, b, c])?)),
        [Column::U64(a), Column::U64(b), Column::U64(c)] => Ok(widen(&combine(&[a, b, c])?)),
        [Column::U128(a), Column::U128(b), Column::U128(c)] => combine(&[a, b, c]),
        [Column::Bits(a), Column::Bits(b), Column::Bits(c)] => Ok(combine_bits(&[a, b, c])?.to_values()),
        [Column::U32(_) | Column::U64(_) | Column::U128(_) | Column::Bits(_), _, _] => Err(Error::Internal {
            step: "reconstruct".to_owned(),
            reason: "columns of different kinds".to_owned(),
        }),
    }
}

/// A message's place: sender, receiver, channel.
type Address = (Seat, Seat, Channel);

#[derive(Default)]
struct State {
    round: usize,
    steps: BTreeMap<Channel, String>,
    /// Sent in this round, not to be seen before the next one.
    sent: Vec<(Address, Vec<u8>)>,
    arrived: BTreeMap<Address, Vec<u8>>,
    transcript: Vec<Message>,
    waiting: Vec<Waker>,
    broken: BTreeSet<(Seat, Seat)>,
    finished: BTreeSet<Seat>,
    stalled: bool,
}

struct Wires {
    state: Mutex<State>,
    hook: Option<Arc<Hook>>,
}

impl Wires {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn finish(&self, seat: Seat) {
        let mut state = self.lock();
        state.finished.insert(seat);
        state.waiting.drain(..).for_each(Waker::wake);
    }

    /// The next round: what was sent arrives. With nothing sent, whoever still waits waits for nothing.
    fn advance(&self) {
        let mut state = self.lock();
        state.stalled = state.sent.is_empty();
        state.round += 1;
        let sent = std::mem::take(&mut state.sent);
        state.arrived.extend(sent);
        state.waiting.drain(..).for_each(Waker::wake);
    }

    fn send(&self, from: Seat, to: Seat, channel: Channel, mut payload: Vec<u8>) -> Result<()> {
        let mut state = self.lock();
        if state.broken.contains(&(from, to)) {
            return Err(unreachable(to));
        }
        let step = state.steps.get(&channel).cloned().unwrap_or_default();
        let message = Message { round: state.round + 1, step, from, to, bytes: payload.len() };
        let fate = self.hook.as_ref().map_or(Fate::Deliver, |hook| hook(&message, &mut payload));
        if matches!(fate, Fate::Break) {
            state.broken.extend([(from, to), (to, from)]);
            return Err(unreachable(to));
        }
        state.transcript.push(message);
        state.sent.push(((from, to, channel), payload));
        Ok(())
    }

    fn poll_recv(&self, address: Address, task: &TaskContext<'_>) -> Poll<Result<Vec<u8>>> {
        let mut state = self.lock();
        if let Some(payload) = state.arrived.remove(&address) {
            return Poll::Ready(Ok(payload));
        }
        let (from, to, _) = address;
        let on_its_way = state.sent.iter().any(|(a, _)| *a == address);
        let gone = state.broken.contains(&(from, to)) || state.finished.contains(&from) || state.stalled;
        if gone && !on_its_way {
            return Poll::Ready(Err(unreachable(from)));
        }
        state.waiting.push(task.waker().clone());
        Poll::Pending
    }
}

fn unreachable(seat: Seat) -> Error {
    Error::Peer { seat, reason: "no message will come".to_owned() }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct End {
    seat: Seat,
    wires: Arc<Wires>,
}

impl Network for End {
    fn seat(&self) -> Seat {
        self.seat
    }

    fn send(&self, to: Seat, channel: Channel, payload: Vec<u8>) -> BoxFuture<'_, Result<(), Error>> {
        future::ready(self.wires.send(self.seat, to, channel, payload)).boxed()
    }

    fn recv(&self, from: Seat, channel: Channel) -> BoxFuture<'_, Result<Vec<u8>, Error>> {
        future::poll_fn(move |task| self.wires.poll_recv((from, self.seat, channel), task)).boxed()
    }

    fn trace(&self, channel: Channel, step: &dyn std::fmt::Display) {
        self.wires.lock().steps.insert(channel, step.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_the_longest_chain() {
        let world = World::new(1);
        let run = world.run(async |ctx| {
            let x = Shared::<u64>::from_public(ctx.seat(), &[2]);
            let chain = async {
                let y = crate::product::mul(&ctx.step("a"), &x, &x).await?;
                crate::product::mul(&ctx.step("b"), &y, &x).await
            };
            let single = ctx.step("c");
            futures::try_join!(chain, crate::product::mul(&single, &x, &x))
        });
        assert_eq!(run.cost(), Cost { rounds: 2, bytes: 24 });
    }

    #[test]
    fn a_broken_link_ends_every_seat() {
        let world = World::new(1)
            .with_hook(|message, _| if message.from == Seat::P2 { Fate::Break } else { Fate::Deliver });
        let run = world.run(async |ctx| {
            let x = Shared::<u64>::from_public(ctx.seat(), &[2]);
            let y = crate::product::mul(&ctx.step("a"), &x, &x).await?;
            crate::product::mul(&ctx.step("b"), &y, &x).await
        });
        assert!(run.results.iter().all(|r| matches!(r, Err(Error::Peer { .. }))));
    }

    #[test]
    fn a_step_serves_once() {
        let world = World::new(1);
        let run = world.run(async |ctx| {
            let x = Shared::<u64>::from_public(ctx.seat(), &[2]);
            crate::product::mul(&ctx.step("a"), &x, &x).await?;
            crate::product::mul(&ctx.step("a"), &x, &x).await
        });
        assert!(run.results.iter().all(|r| matches!(r, Err(Error::Internal { .. }))));
    }

    /// Futures of protocols can be spawned on any runtime.
    #[test]
    fn protocols_are_send() {
        fn is_send<T: Send>(_: T) {}
        let world = World::new(1);
        let _ = world.run(async |ctx| {
            let x = Shared::<u64>::from_public(ctx.seat(), &[2]);
            let columns = vec![Column::U64(x.clone())];
            is_send(crate::divide::divide(&ctx, &x, &x, crate::quotient::Widths::WORD));
            is_send(crate::shuffle::shuffle(&ctx, columns.clone()));
            is_send(crate::gather::gather_known(&ctx, columns, Seat::P0, None, 1));
            is_send(crate::open::open(&ctx, "x", &x));
            Ok(())
        });
    }
}
