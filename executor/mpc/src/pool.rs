//! Buffers of columns, used again: to touch a page for the first time costs more than to encrypt it.
//!
//! A thread that computes a query keeps what is given back on it, until the query ends ([`keep_buffers`]). Other threads
//! keep nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Ring;

/// How many bytes a thread keeps at most for each ring.
const KEPT_BYTES: usize = 1 << 28;

/// What all threads keep.
static HELD_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Smaller buffers are as cheap to allocate.
const LONG_BYTES: usize = 1 << 14;

thread_local! {
    static POOLS: RefCell<Option<Pools>> = const { RefCell::new(None) };
}

/// While it lives, the thread that made it keeps buffers of columns to use them again. They are freed with it.
#[derive(Debug)]
pub struct Buffers {
    /// It belongs to its thread.
    thread: PhantomData<*const ()>,
}

/// Lets this thread keep buffers, as long as the result lives.
#[must_use]
pub fn keep_buffers() -> Buffers {
    POOLS.set(Some(Pools::default()));
    Buffers { thread: PhantomData }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        POOLS.set(None);
    }
}

/// How many bytes the buffers have that all threads of this process keep.
pub fn held_bytes() -> usize {
    HELD_BYTES.load(Ordering::Relaxed)
}

/// The buffers that a thread keeps, by ring.
#[derive(Debug, Default)]
pub struct Pools {
    pub(crate) narrow: Pool<u32>,
    pub(crate) word: Pool<u64>,
    pub(crate) wide: Pool<u128>,
}

/// Buffers of one ring, by capacity.
#[derive(Debug)]
pub struct Pool<R> {
    buffers: BTreeMap<usize, Vec<Vec<R>>>,
    bytes: usize,
}

impl<R> Default for Pool<R> {
    fn default() -> Self {
        Pool { buffers: BTreeMap::new(), bytes: 0 }
    }
}

impl<R> Drop for Pool<R> {
    fn drop(&mut self) {
        HELD_BYTES.fetch_sub(self.bytes, Ordering::Relaxed);
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
        let Some(pools) = pools.as_mut() else { return };
        let pool = R::pool(pools);
        if pool.bytes + bytes <= KEPT_BYTES {
            pool.bytes += bytes;
            HELD_BYTES.fetch_add(bytes, Ordering::Relaxed);
            pool.buffers.entry(buffer.capacity()).or_default().push(buffer);
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
        let pool = R::pool(pools.as_mut()?);
        let (&capacity, same) = pool.buffers.range_mut(len..=2 * len).next()?;
        let buffer = same.pop();
        if same.is_empty() {
            pool.buffers.remove(&capacity);
        }
        pool.bytes -= capacity * R::BYTES;
        HELD_BYTES.fetch_sub(capacity * R::BYTES, Ordering::Relaxed);
        buffer
    });
    found.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_that_fit_come_back() {
        give(vec![7u64; 10_000]);
        assert!(kept::<u64>(10_000).is_none());
        let buffers = keep_buffers();
        give(vec![7u64; 10_000]);
        assert_eq!(take::<u64>(4000).capacity(), 4000);
        assert_eq!(take_empty::<u64>(20_000).capacity(), 20_000);
        let again = take_zeros::<u64>(6000);
        assert_eq!((again.len(), again.capacity()), (6000, 10_000));
        assert!(again.iter().all(|&x| x == 0));
        give(vec![1u128; KEPT_BYTES / 16 + 1]);
        assert!(kept::<u128>(KEPT_BYTES / 16).is_none());
        give(vec![7u32; 10]);
        assert!(kept::<u32>(10).is_none());
        give(vec![7u64; 10_000]);
        assert!(held_bytes() >= 80_000);
        drop(buffers);
        assert!(kept::<u64>(10_000).is_none());
    }
}
