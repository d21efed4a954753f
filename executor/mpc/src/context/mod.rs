//! All that a protocol may do: name steps, draw correlated randomness, exchange columns, book openings.

mod meter;
mod openings;
mod random;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use aes::cipher::KeyInit;
use aes::{Aes128, Block};
use sha2::{Digest, Sha256};

pub use meter::{Meter, Taken, Traffic};
pub use openings::Opening;
pub use random::{Prg, Random};

use crate::pool;
use crate::seeds::Seeds;
use crate::{Channel, Error, Network, Planes, Result, Ring, Seat};

/// Bytes of one message; a longer column travels in chunks, which count as one round. A chunk stays in the cache from
/// the gates that make it to the cipher, and is one frame on the wire.
pub(crate) const CHUNK_BYTES: usize = 1 << 18;

/// A named scope of a protocol at one seat.
///
/// The path of steps names the channel and the randomness at once, so both are used at most once per path:
/// every message and every draw needs a step of its own, made with [`Context::step`] or [`Context::nth`].
/// Debug builds refuse reuse with [`Error::Internal`].
#[derive(Clone)]
pub struct Context {
    session: Arc<Session>,
    step: Arc<Step>,
}

/// What all steps of one seat's query have in common.
struct Session {
    network: Arc<dyn Network>,
    seat: Seat,
    keys: [Aes128; 2],
    meter: Mutex<Meter>,
    openings: Mutex<openings::Openings>,
    /// Step identifiers used so far, per use. Debug builds only.
    used: Mutex<BTreeSet<([u8; 16], u8)>>,
}

struct Step {
    name: Name,
    parent: Option<Arc<Step>>,
    id: [u8; 16],
}

impl fmt::Display for Step {
    /// The path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = &self.parent {
            write!(f, "{parent}/")?;
        }
        match self.name {
            Name::Text(text) => f.write_str(text),
            Name::Index(index) => index.fmt(f),
        }
    }
}

#[derive(Clone, Copy)]
enum Name {
    Text(&'static str),
    Index(usize),
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context({} at {})", self.seat(), self.path())
    }
}

impl Context {
    /// The root scope of one query at one seat. `seeds` must be fresh for every query.
    pub fn new(network: Arc<dyn Network>, seeds: &Seeds) -> Self {
        let seat = network.seat();
        let keys = [&seeds.previous, &seeds.next].map(|seed| Aes128::new(&Block::from(**seed)));
        let session = Session {
            network,
            seat,
            keys,
            meter: Mutex::default(),
            openings: Mutex::default(),
            used: Mutex::default(),
        };
        let root = Step { name: Name::Text(""), parent: None, id: [0; 16] };
        Context { session: Arc::new(session), step: Arc::new(root) }
    }

    /// The seat at which this runs.
    pub fn seat(&self) -> Seat {
        self.session.seat
    }

    /// The scope named `name` below this one.
    #[must_use]
    pub fn step(&self, name: &'static str) -> Context {
        self.below(Name::Text(name))
    }

    /// The scope of iteration `index` below this one.
    #[must_use]
    pub fn nth(&self, index: usize) -> Context {
        self.below(Name::Index(index))
    }

    fn below(&self, name: Name) -> Context {
        let mut hash = Sha256::new();
        hash.update(self.step.id);
        match name {
            Name::Text(text) => {
                hash.update([0]);
                hash.update(text.as_bytes());
            }
            Name::Index(index) => {
                hash.update([1]);
                hash.update((index as u64).to_le_bytes());
            }
        }
        let mut id = [0; 16];
        id.copy_from_slice(&hash.finalize()[..16]);
        let step = Step { name, parent: Some(Arc::clone(&self.step)), id };
        Context { session: Arc::clone(&self.session), step: Arc::new(step) }
    }

    /// The path of this scope, for errors and reports.
    pub fn path(&self) -> String {
        self.step.to_string()
    }

    /// The correlated randomness of this scope. Once per path.
    ///
    /// # Errors
    /// [`Error::Internal`] in debug builds when the path was used before.
    pub fn random(&self) -> Result<Random> {
        self.mark_used(3)?;
        Ok(Random::new(&self.session.keys, &self.step.id))
    }

    fn mark_used(&self, use_: u8) -> Result<()> {
        if cfg!(debug_assertions) && !lock(&self.session.used).insert((self.step.id, use_)) {
            return Err(self.internal("a step path is used twice"));
        }
        Ok(())
    }

    /// The channel of chunk `chunk` of the message of this scope.
    fn channel(&self, chunk: usize) -> Channel {
        let mut low = [0; 8];
        low.copy_from_slice(&self.step.id[..8]);
        // Chunk 0 is the step itself; the odd multiplier spreads the others over the whole space.
        Channel(u64::from_le_bytes(low).wrapping_add((chunk as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// Sends bytes to `to`; once per path and neighbour.
    ///
    /// # Errors
    /// [`Error::Peer`]; [`Error::Internal`] in debug builds when the path was used before.
    pub async fn send_bytes(&self, to: Seat, bytes: Vec<u8>) -> Result<()> {
        self.mark_used(to as u8)?;
        if bytes.len() <= CHUNK_BYTES {
            return self.transmit(to, 0, bytes).await;
        }
        for (index, chunk) in bytes.chunks(CHUNK_BYTES).enumerate() {
            self.transmit(to, index, chunk.to_vec()).await?;
        }
        Ok(())
    }

    async fn transmit(&self, to: Seat, chunk: usize, bytes: Vec<u8>) -> Result<()> {
        let channel = self.channel(chunk);
        lock(&self.session.meter).send(&self.step, to, bytes.len());
        self.session.network.trace(channel, &*self.step);
        self.session.network.send(to, channel, bytes).await
    }

    /// Receives the `len` bytes that `from` sends in this scope.
    ///
    /// # Errors
    /// [`Error::Peer`]; [`Error::Abort`] when the length is another one.
    pub async fn recv_bytes(&self, from: Seat, len: usize) -> Result<Vec<u8>> {
        let mut bytes = self.receive(from, 0, len.min(CHUNK_BYTES)).await?;
        bytes.reserve_exact(len - bytes.len());
        for index in 1..len.div_ceil(CHUNK_BYTES) {
            let part = (len - index * CHUNK_BYTES).min(CHUNK_BYTES);
            bytes.extend(self.receive(from, index, part).await?);
        }
        Ok(bytes)
    }

    async fn receive(&self, from: Seat, chunk: usize, len: usize) -> Result<Vec<u8>> {
        lock(&self.session.meter).wait(&self.step);
        let bytes = self.session.network.recv(from, self.channel(chunk)).await?;
        if bytes.len() == len { Ok(bytes) } else { Err(self.abort("a message has the wrong length")) }
    }

    /// Sends a column of ring elements.
    ///
    /// # Errors
    /// As [`Context::send_bytes`].
    pub async fn send<R: Ring>(&self, to: Seat, values: &[R]) -> Result<()> {
        self.mark_used(to as u8)?;
        for (index, rows) in chunks::<R>(values.len()) {
            self.transmit(to, index, self.encoded(to, &values[rows])).await?;
        }
        Ok(())
    }

    fn encoded<R: Ring>(&self, to: Seat, values: &[R]) -> Vec<u8> {
        let mut bytes = self.session.network.buffer(to, values.len() * R::BYTES);
        R::write(values, &mut bytes);
        bytes
    }

    /// Receives a column of `len` ring elements.
    ///
    /// # Errors
    /// As [`Context::recv_bytes`].
    pub async fn recv<R: Ring>(&self, from: Seat, len: usize) -> Result<Vec<R>> {
        let mut values = pool::take_empty(len);
        for (index, rows) in chunks::<R>(len) {
            let bytes = self.receive(from, index, rows.len() * R::BYTES).await?;
            R::append(&bytes, &mut values);
            self.session.network.recycle(from, bytes);
        }
        Ok(values)
    }

    /// Sends a column of `len` elements to `to` that `make` appends chunk by chunk, while as many come in from `from`:
    /// one round. Gives what was sent and what was received.
    ///
    /// # Errors
    /// As [`Context::send`] and [`Context::recv`].
    pub(crate) async fn exchange_made<R: Ring>(
        &self,
        to: Seat,
        from: Seat,
        len: usize,
        mut make: impl FnMut(Range<usize>, &mut Vec<R>),
    ) -> Result<(Vec<R>, Vec<R>)> {
        self.mark_used(to as u8)?;
        let send = async {
            let mut made = pool::take_empty(len);
            for (index, rows) in chunks::<R>(len) {
                make(rows.clone(), &mut made);
                self.same_shape(rows.end, made.len())?;
                self.transmit(to, index, self.encoded(to, &made[rows])).await?;
                // Lets the other side of this future take in what has come meanwhile.
                yield_once().await;
            }
            Ok(made)
        };
        futures::try_join!(send, self.recv(from, len))
    }

    /// Sends planes.
    ///
    /// # Errors
    /// As [`Context::send_bytes`].
    pub async fn send_planes(&self, to: Seat, planes: &Planes) -> Result<()> {
        if planes.len().is_multiple_of(64) {
            return self.send(to, planes.words()).await;
        }
        let mut bytes = Vec::with_capacity(Planes::wire_bytes(planes.len(), planes.width()) + 8);
        planes.write(&mut bytes);
        self.send_bytes(to, bytes).await
    }

    /// Receives planes of a known shape.
    ///
    /// # Errors
    /// As [`Context::recv_bytes`].
    pub async fn recv_planes(&self, from: Seat, len: usize, width: usize) -> Result<Planes> {
        if len.is_multiple_of(64) {
            return Ok(Planes::from_words(len, width, self.recv(from, len / 64 * width).await?));
        }
        let bytes = self.recv_bytes(from, Planes::wire_bytes(len, width)).await?;
        Ok(Planes::read(&bytes, len, width))
    }

    /// Sends a column to `to` while receiving `len` elements from `from`: one round.
    ///
    /// # Errors
    /// As [`Context::send`] and [`Context::recv`].
    pub async fn exchange<R: Ring>(&self, to: Seat, values: &[R], from: Seat, len: usize) -> Result<Vec<R>> {
        Ok(futures::try_join!(self.send(to, values), self.recv(from, len))?.1)
    }

    /// Declares that up to `count` values will be opened under `label`.
    pub fn declare(&self, label: &str, count: usize) {
        lock(&self.session.openings).declare(label, count as u64);
    }

    /// Books an opening; called by the opening protocols before anything leaves.
    ///
    /// # Errors
    /// [`Error::Abort`] if the label was not declared, or for fewer values.
    pub(crate) fn book_opening(&self, label: &str, count: usize) -> Result<()> {
        if lock(&self.session.openings).spend(label, count as u64) {
            Ok(())
        } else {
            Err(self.abort("an opening was not declared"))
        }
    }

    /// Books an opening of values that are uniformly random whatever the inputs are.
    pub(crate) fn book_masked_opening(&self, count: usize) {
        lock(&self.session.openings).book_masked(count as u64);
    }

    /// All declared openings, to check that declared equals opened.
    pub fn openings(&self) -> Vec<Opening> {
        lock(&self.session.openings).list()
    }

    /// How many values were opened that are uniformly random whatever the inputs are (shuffled destinations).
    pub fn masked_openings(&self) -> u64 {
        lock(&self.session.openings).masked()
    }

    /// Tells whoever watches the query run that iteration `number` of `of`, counted from 0, begins. Both are public.
    pub fn iteration(&self, number: usize, of: usize) {
        self.session.network.iteration(number, of);
    }

    /// What this seat has sent so far, and how often it waited, per step.
    pub fn meter(&self) -> Meter {
        lock(&self.session.meter).clone()
    }

    /// An abort at this step.
    pub fn abort(&self, check: &'static str) -> Error {
        Error::Abort { step: self.path(), check }
    }

    /// Keys of a join at this step that are not unique.
    pub(crate) fn not_unique(&self) -> Error {
        Error::NotUnique { step: self.path() }
    }

    /// A broken invariant at this step.
    pub fn internal(&self, reason: &str) -> Error {
        Error::Internal { step: self.path(), reason: reason.to_owned() }
    }

    /// Checks that two public sizes agree.
    ///
    /// # Errors
    /// [`Error::Shape`] if they do not.
    pub fn same_shape(&self, expected: usize, actual: usize) -> Result<()> {
        if expected == actual { Ok(()) } else { Err(Error::Shape { step: self.path(), expected, actual }) }
    }
}

/// The chunks of a column: their numbers and rows. A column without rows is still one message, so that both ends agree
/// on the number of messages.
fn chunks<R: Ring>(len: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
    let rows = CHUNK_BYTES / R::BYTES;
    (0..len.div_ceil(rows).max(1)).map(move |index| (index, index * rows..len.min((index + 1) * rows)))
}

/// Gives way to what else the same task waits for.
async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|task| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        task.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
