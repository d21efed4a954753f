//! Buffers of columns, used again: to touch a page for the first time costs more than to encrypt it.
//!
//! Each thread keeps what it has given back, but never more bytes than it has had to allocate here: buffers from elsewhere
//! do not pile up, and what is kept follows from the data. A query has a thread of its own: its buffers are freed with it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::Ring;

/// How many bytes a thread keeps at most.
const KEPT_BYTES: usize = 1 << 29;

/// Smaller buffers are as cheap to allocate.
const LONG_BYTES: usize = 1 << 14;

thread_local! {
    static POOLS: RefCell<Pools> = RefCell::default();
}

/// The buffers that a thread keeps, by ring.
#[derive(Debug, Default)]
pub struct Pools {
    pub(crate) narrow: Pool<u32>,
    pub(crate) word: Pool<u64>,
    pub(crate) wide: Pool<u128>,
    /// Bytes of all buffers.
    bytes: usize,
    /// Bytes of all long buffers that were asked for in vain, which were allocated then.
    missed: usize,
    /// Shows that the pool is still there.
    #[cfg(test)]
    alive: std::sync::Arc<()>,
}

/// Buffers of one ring, by capacity.
#[derive(Debug)]
pub struct Pool<R> {
    buffers: BTreeMap<usize, Vec<Vec<R>>>,
}

impl<R> Default for Pool<R> {
    fn default() -> Self {
        Pool { buffers: BTreeMap::new() }
    }
}

impl Pools {
    fn has_room(&self, bytes: usize) -> bool {
        self.bytes + bytes <= KEPT_BYTES.min(self.missed)
    }
}

/// A buffer of `len` elements, whatever they are.
pub(crate) fn take<R: Ring>(len: usize) -> Vec<R> {
    let Some(mut buffer) = kept(len) else { return vec![R::ZERO; len] };
    buffer.resize(len, R::ZERO);
    buffer
}

/// A buffer of `len` zeros.
pub(crate) fn take_zeros<R: Ring>(len: usize) -> Vec<R> {
    let Some(mut buffer) = kept(len) else { return vec![R::ZERO; len] };
    buffer.clear();
    buffer.resize(len, R::ZERO);
    buffer
}

/// An empty buffer with room for `len` elements.
pub(crate) fn take_empty<R: Ring>(len: usize) -> Vec<R> {
    let Some(mut buffer) = kept(len) else { return Vec::with_capacity(len) };
    buffer.clear();
    buffer
}

/// All elements of an iterator, of which there are `len`.
pub(crate) fn collect<R: Ring>(len: usize, elements: impl Iterator<Item = R>) -> Vec<R> {
    let mut buffer = take_empty(len);
    buffer.extend(elements);
    buffer
}

/// Keeps a buffer that nobody needs any more.
pub(crate) fn give<R: Ring>(buffer: Vec<R>) {
    let bytes = buffer.capacity() * R::BYTES;
    if bytes < LONG_BYTES {
        return;
    }
    // A thread that ends has no pool any more.
    let _freed = POOLS.try_with(|pools| {
        let mut pools = pools.borrow_mut();
        if pools.has_room(bytes) {
            pools.bytes += bytes;
            R::pool(&mut pools).buffers.entry(buffer.capacity()).or_default().push(buffer);
        }
    });
}

/// A buffer that holds `len` elements, and at most twice as many.
fn kept<R: Ring>(len: usize) -> Option<Vec<R>> {
    if len * R::BYTES < LONG_BYTES {
        return None;
    }
    let found = POOLS.try_with(|pools| {
        let mut pools = pools.borrow_mut();
        let pool = R::pool(&mut pools);
        let Some((&capacity, same)) = pool.buffers.range_mut(len..=2 * len).next() else {
            pools.missed = pools.missed.saturating_add(len * R::BYTES);
            return None;
        };
        let buffer = same.pop();
        if same.is_empty() {
            pool.buffers.remove(&capacity);
        }
        pools.bytes -= capacity * R::BYTES;
        buffer
    });
    found.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Planes;
    use crate::protocol::sort::{Direction, Key, sort};
    use crate::world::World;

    #[test]
    fn buffers_that_fit_come_back() {
        let given = take::<u64>(10_000);
        assert!(kept::<u64>(4000).is_none());
        give(given);
        assert_eq!(take::<u64>(4000).capacity(), 4000);
        assert_eq!(take_empty::<u64>(20_000).capacity(), 20_000);
        let again = take_zeros::<u64>(6000);
        assert_eq!((again.len(), again.capacity()), (6000, 10_000));
        assert!(again.iter().all(|&x| x == 0));
        give(vec![7u32; 10]);
        assert!(kept::<u32>(10).is_none());
    }

    fn bytes() -> usize {
        POOLS.with(|pools| pools.borrow().bytes)
    }

    #[test]
    fn no_more_is_kept_than_was_asked_for() {
        give(vec![1u64; 5000]);
        assert_eq!(bytes(), 0);
        let (long, short) = (take::<u64>(5000), take::<u32>(10_000));
        for _ in 0..10 {
            give(vec![0u32; 10_000]);
            give(vec![0u64; 5000]);
        }
        assert_eq!(bytes(), 80_000);
        give(long);
        give(short);
        assert_eq!(bytes(), 80_000);
        POOLS.with(|pools| pools.borrow_mut().missed = usize::MAX);
        give(Vec::<u128>::with_capacity(KEPT_BYTES / 16));
        assert_eq!(bytes(), 80_000);
    }

    /// What a sort keeps, at all three seats together, and whether it is still there when its thread has ended.
    fn kept_by_a_sort(rows: usize) -> usize {
        let query = std::thread::spawn(move || {
            let keys = Planes::from_values(&(0..rows as u64).rev().collect::<Vec<_>>(), 20);
            let world = World::new(1);
            let shares = world.share_bits(&keys);
            let run = world.run(|ctx| {
                let keys = shares[ctx.seat().index()].clone();
                async move {
                    let key = Key::unsigned(&ctx, &keys, Direction::Ascending);
                    sort(&ctx, vec![keys.into()], &[key]).await
                }
            });
            run.outputs().unwrap();
            POOLS.with(|pools| {
                let pools = pools.borrow();
                let kept = pools.narrow.bytes() + pools.word.bytes() + pools.wide.bytes();
                assert_eq!(kept, pools.bytes);
                (kept, std::sync::Arc::downgrade(&pools.alive))
            })
        });
        let (kept, alive) = query.join().unwrap();
        assert!(alive.upgrade().is_none(), "the buffers of a query outlive it");
        kept
    }

    #[test]
    fn a_query_keeps_in_proportion_to_its_rows_and_frees_it_with_its_thread() {
        assert_eq!(kept_by_a_sort(100), 0);
        let [few, many] = [20_000, 80_000].map(|rows| (kept_by_a_sort(rows), rows));
        for (kept, rows) in [few, many] {
            assert!(kept > 0 && kept <= 8192 * rows, "{kept} bytes of {rows} rows");
        }
        assert!(many.0 <= 8 * few.0, "{many:?} {few:?}");
    }

    impl<R: Ring> Pool<R> {
        fn bytes(&self) -> usize {
            let of = |(capacity, same): (&usize, &Vec<Vec<R>>)| capacity * same.len() * R::BYTES;
            self.buffers.iter().map(of).sum()
        }
    }
}
