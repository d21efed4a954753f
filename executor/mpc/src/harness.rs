//! What the tests of all protocols share: run at three seats, put together, compare transcripts.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::world::{Cost, Fate, Message, World};
use crate::{
    Column, Context, Error, Planes, Result, Ring, Shared, SharedBits, combine, combine_bits,
    world::reconstruct_column,
};

/// Lengths at which columns like to break.
pub(crate) const LENGTHS: [usize; 8] = [0, 1, 2, 63, 64, 65, 200, 1000];

/// Something that three seats hold parts of.
pub(crate) trait Reveal: Sized {
    fn reveal(parts: [Self; 3]) -> Result<Vec<i128>>;
}

impl<R: Ring> Reveal for Shared<R> {
    fn reveal(parts: [Self; 3]) -> Result<Vec<i128>> {
        Ok(combine(&parts)?.into_iter().map(R::to_i128).collect())
    }
}

impl Reveal for SharedBits {
    fn reveal(parts: [Self; 3]) -> Result<Vec<i128>> {
        Ok(combine_bits(&parts)?.to_values::<u128>().into_iter().map(Ring::to_i128).collect())
    }
}

impl Reveal for Column {
    fn reveal(parts: [Self; 3]) -> Result<Vec<i128>> {
        Ok(reconstruct_column(parts)?.into_iter().map(Ring::to_i128).collect())
    }
}

impl<T: Reveal> Reveal for Vec<T> {
    fn reveal(parts: [Self; 3]) -> Result<Vec<i128>> {
        let [a, b, c] = parts;
        let mut out = Vec::new();
        for ((a, b), c) in a.into_iter().zip(b).zip(c) {
            out.extend(T::reveal([a, b, c])?);
        }
        Ok(out)
    }
}

impl<T: Reveal, U: Reveal> Reveal for (T, U) {
    fn reveal(parts: [Self; 3]) -> Result<Vec<i128>> {
        let [p0, p1, p2] = parts;
        let mut out = T::reveal([p0.0, p1.0, p2.0])?;
        out.extend(U::reveal([p0.1, p1.1, p2.1])?);
        Ok(out)
    }
}

/// What one seat is given: all inputs of a test.
#[derive(Clone, Default)]
pub(crate) struct Inputs<R: Ring> {
    pub(crate) x: Vec<Shared<R>>,
    pub(crate) bits: Vec<SharedBits>,
}

/// Inputs in the clear.
#[derive(Clone, Default)]
pub(crate) struct Clear {
    columns: Vec<Vec<i128>>,
    planes: Vec<Planes>,
}

impl Clear {
    pub(crate) fn new() -> Self {
        Clear::default()
    }

    pub(crate) fn column(mut self, values: &[i128]) -> Self {
        self.columns.push(values.to_vec());
        self
    }

    pub(crate) fn planes(mut self, values: &[u64], width: usize) -> Self {
        self.planes.push(Planes::from_values(values, width));
        self
    }

    pub(crate) fn bools(mut self, values: &[bool]) -> Self {
        self.planes.push(Planes::from_bools(values));
        self
    }

    fn share<R: Ring>(&self, world: &World) -> [Inputs<R>; 3] {
        let mut seats: [Inputs<R>; 3] = [Inputs::default(), Inputs::default(), Inputs::default()];
        for column in &self.columns {
            let values: Vec<R> = column.iter().map(|&v| R::from_i128(v)).collect();
            for (seat, x) in seats.iter_mut().zip(world.share(&values)) {
                seat.x.push(x);
            }
        }
        for planes in &self.planes {
            for (seat, x) in seats.iter_mut().zip(world.share_bits(planes)) {
                seat.bits.push(x);
            }
        }
        seats
    }

    /// Runs `protocol` and puts its result together.
    pub(crate) fn run<R: Ring, T: Reveal>(
        &self,
        protocol: impl AsyncFn(Context, Inputs<R>) -> Result<T>,
    ) -> Outcome {
        match TARGET.get() {
            None => self.run_in(&World::new(1), protocol),
            Some(target) => self.run_changed(target, protocol),
        }
    }

    fn run_in<R: Ring, T: Reveal>(
        &self,
        world: &World,
        protocol: impl AsyncFn(Context, Inputs<R>) -> Result<T>,
    ) -> Outcome {
        self.outcome(world, protocol).unwrap_or_else(|e| panic!("{world:?}: {e}"))
    }

    fn outcome<R: Ring, T: Reveal>(
        &self,
        world: &World,
        protocol: impl AsyncFn(Context, Inputs<R>) -> Result<T>,
    ) -> Result<Outcome> {
        let inputs = self.share(world);
        let run = world.run(async |ctx| {
            let result = protocol(ctx.clone(), inputs[ctx.seat().index()].clone()).await?;
            let spent = ctx.openings().iter().all(|opening| opening.opened == opening.declared);
            let masked = usize::try_from(ctx.masked_openings()).unwrap();
            Ok((result, masked, spent))
        });
        let (cost, transcript) = (run.cost(), run.transcript.clone());
        let outputs = run.outputs()?;
        let masked = outputs[0].1;
        let openings_are_spent = outputs.iter().all(|output| output.2);
        let values = T::reveal(outputs.map(|output| output.0))?;
        Ok(Outcome { values, cost, transcript, masked, openings_are_spent })
    }

    /// As [`Clear::run`] with message `target` changed; without values if a check noticed.
    fn run_changed<R: Ring, T: Reveal>(
        &self,
        target: usize,
        protocol: impl AsyncFn(Context, Inputs<R>) -> Result<T>,
    ) -> Outcome {
        let count = AtomicUsize::new(0);
        let world = World::new(1).with_hook(move |_, payload| {
            if count.fetch_add(1, SeqCst) == target {
                for byte in payload.iter_mut() {
                    *byte ^= 0xff;
                }
            }
            Fate::Deliver
        });
        match self.outcome(&world, protocol) {
            Ok(outcome) => outcome,
            Err(Error::Abort { .. } | Error::Peer { .. }) => Outcome::default(),
            Err(error) => panic!("message {target} changed: {error}"),
        }
    }

    /// Runs `protocol` and keeps the result of every seat.
    pub(crate) fn run_all<R: Ring, T>(
        &self,
        protocol: impl AsyncFn(Context, Inputs<R>) -> Result<T>,
    ) -> crate::world::Run<T> {
        let world = World::new(1);
        let inputs = self.share(&world);
        world.run(|ctx| {
            let inputs = inputs[ctx.seat().index()].clone();
            protocol(ctx, inputs)
        })
    }

    /// Every message of the protocol changed once: some seat aborts or the revealed copies differ, or the result is
    /// one that a changed share explains; never a hang, and never a panic.
    pub(crate) fn tamper<R: Ring, T: Reveal>(&self, protocol: impl AsyncFn(Context, Inputs<R>) -> Result<T>) {
        for target in 0..self.run(&protocol).transcript.len() {
            self.run_changed(target, &protocol);
        }
    }
}

thread_local! {
    /// The message that [`Clear::run`] changes.
    static TARGET: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Runs `test` with message `target` of every run changed; what a check noticed has no values.
pub(crate) fn with_changed_message<T>(target: usize, test: impl FnOnce() -> T) -> T {
    TARGET.set(Some(target));
    let result = test();
    TARGET.set(None);
    result
}

/// What a run gave.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) values: Vec<i128>,
    pub(crate) cost: Cost,
    pub(crate) transcript: Vec<Message>,
    /// How many values were opened that are uniformly random whatever the inputs are.
    pub(crate) masked: usize,
    /// Whether all declared openings were opened, and no more, at every seat.
    pub(crate) openings_are_spent: bool,
}

/// Runs a protocol on two inputs of equal public size: the transcripts must be equal.
pub(crate) fn assert_oblivious<R: Ring, T: Reveal>(
    one: &Clear,
    other: &Clear,
    protocol: impl AsyncFn(Context, Inputs<R>) -> Result<T>,
) {
    let first = one.run(&protocol).transcript;
    let second = other.run_in(&World::new(2), &protocol).transcript;
    assert_eq!(first, second, "message lengths depend on the input");
}

/// A reproducible sequence of numbers below 2^bits, with a sign if `signed`.
pub(crate) fn numbers(seed: u64, len: usize, bits: u32, signed: bool) -> Vec<i128> {
    let words: Vec<u128> = crate::Prg::from_key(&[u8::try_from(seed % 251).unwrap(); 16]).elements(len);
    let place = |w: u128| {
        let w = w & ((1 << bits) - 1);
        if signed { w.cast_signed() - (1 << (bits - 1)) } else { w.cast_signed() }
    };
    words.into_iter().map(place).collect()
}

pub(crate) fn bools(seed: u64, len: usize) -> Vec<bool> {
    numbers(seed, len, 1, false).into_iter().map(|v| v == 1).collect()
}

/// Bytes that the busiest seat sends for a message to be sent by each holder for its third of `len` rows.
pub(crate) fn words(values: &[i128]) -> Vec<u64> {
    values.iter().map(|&v| u64::from_i128(v)).collect()
}
