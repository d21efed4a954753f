//! Correlated randomness without communication.
//!
//! Every pair of neighbours shares a seed. The key of a step is the encryption of the step's identifier under the
//! seed, and its stream is AES-128 in counter mode under that key, so streams of different steps are independent
//! (a two-level tree of pseudorandom functions). Within a step, a *domain* number separates independent draws.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Block};

use crate::planes::as_u32;
use crate::{Planes, Ring, Shared, SharedBits, pool};

/// Blocks generated at once: enough to fill the pipeline, small enough for the first-level cache.
const BATCH: usize = 256;

/// So many numbers are shuffled in the first-level cache.
const IN_CACHE: usize = 1 << 13;

/// The streams of one step: one shared with the previous neighbour (index `i`), one with the next (index `i+1`).
#[derive(Debug)]
pub struct Random {
    first: Aes128,
    second: Aes128,
}

impl Random {
    pub(super) fn new(seeds: &[Aes128; 2], step: &[u8; 16]) -> Self {
        let derive = |seed: &Aes128| {
            let mut key = Block::from(*step);
            seed.encrypt_block(&mut key);
            Aes128::new(&key)
        };
        Random { first: derive(&seeds[0]), second: derive(&seeds[1]) }
    }

    /// The stream shared with the previous neighbour, which there is [`Random::second`].
    pub fn first(&self, domain: u32) -> Prg {
        Prg::new(&self.first, domain)
    }

    /// The stream shared with the next neighbour, which there is [`Random::first`].
    pub fn second(&self, domain: u32) -> Prg {
        Prg::new(&self.second, domain)
    }

    /// Adds this seat's part of an exclusive-or sharing of zeros to `z`.
    pub fn mask_bits(&self, domain: u32, z: &mut [u64]) {
        self.first(domain).apply(z, |a, b| a ^ b);
        self.second(domain).apply(z, |a, b| a ^ b);
    }

    /// A column of uniformly random elements, known to nobody.
    pub fn shared<R: Ring>(&self, domain: u32, len: usize) -> Shared<R> {
        Shared::from_parts(self.first(domain).elements(len), self.second(domain).elements(len))
    }

    /// A column of uniformly random bits, known to nobody.
    pub fn shared_bits(&self, domain: u32, len: usize, width: usize) -> SharedBits {
        let (first, second) = (self.first(domain).planes(len, width), self.second(domain).planes(len, width));
        SharedBits::from_parts(first, second)
    }
}

/// A stream of pseudorandom elements. Every call starts at a fresh block.
#[derive(Debug)]
pub struct Prg {
    cipher: Aes128,
    counter: u128,
}

impl Prg {
    fn new(cipher: &Aes128, domain: u32) -> Self {
        Prg { cipher: cipher.clone(), counter: u128::from(domain) << 96 }
    }

    /// A stream of its own under `key`: what an owner deals shares with.
    pub fn from_key(key: &[u8; 16]) -> Self {
        Prg::new(&Aes128::new(&Block::from(*key)), 0)
    }

    /// Combines each element with the next one of the stream.
    pub fn apply<R: Ring>(&mut self, values: &mut [R], f: impl Fn(R, R) -> R) {
        let per_batch = BATCH * 16 / R::BYTES;
        let mut blocks = [Block::default(); BATCH];
        for chunk in values.chunks_mut(per_batch) {
            let bytes = self.fill(&mut blocks, chunk.len() * R::BYTES);
            R::combine(chunk, bytes, &f);
        }
    }

    /// The next `len` elements.
    pub fn elements<R: Ring>(&mut self, len: usize) -> Vec<R> {
        let per_batch = BATCH * 16 / R::BYTES;
        let mut blocks = [Block::default(); BATCH];
        let mut out = pool::take_empty(len);
        while out.len() < len {
            let count = per_batch.min(len - out.len());
            R::append(self.fill(&mut blocks, count * R::BYTES), &mut out);
        }
        out
    }

    /// The next `bytes` bytes, which `blocks` must have room for.
    fn fill<'b>(&mut self, blocks: &'b mut [Block; BATCH], bytes: usize) -> &'b [u8] {
        let used = &mut blocks[..bytes.div_ceil(16)];
        for block in &mut *used {
            *block = Block::from(self.counter.to_le_bytes());
            self.counter = self.counter.wrapping_add(1);
        }
        self.cipher.encrypt_blocks(used);
        &Block::slice_as_flattened(used)[..bytes]
    }

    /// The next planes.
    pub fn planes(&mut self, len: usize, width: usize) -> Planes {
        Planes::from_words(len, width, self.elements(len.div_ceil(64) * width))
    }

    /// A uniformly random permutation of `len` positions.
    ///
    /// Of many positions, each first draws one of 256 buckets, so that every bucket is shuffled in the cache
    /// (Rao, Sankhya 1961: the order is uniform, whatever the buckets' sizes are).
    pub fn permutation(&mut self, len: usize) -> Vec<u32> {
        if len <= IN_CACHE {
            let mut order: Vec<u32> = (0..as_u32(len)).collect();
            self.shuffle(&mut order);
            return order;
        }
        let draws: Vec<u64> = self.elements(len.div_ceil(8));
        let buckets = || draws.iter().flat_map(|word| word.to_le_bytes()).take(len);
        let mut ends = [0usize; 256];
        buckets().for_each(|bucket| ends[usize::from(bucket)] += 1);
        let mut start = 0;
        for end in &mut ends {
            start += std::mem::replace(end, start);
        }
        let mut order = pool::take::<u32>(len);
        for (position, bucket) in (0..).zip(buckets()) {
            let end = &mut ends[usize::from(bucket)];
            order[*end] = position;
            *end += 1;
        }
        pool::give(draws);
        let mut start = 0;
        for end in ends {
            self.shuffle(&mut order[start..end]);
            start = end;
        }
        order
    }

    /// Shuffles numbers: Fisher and Yates, without modulo bias (Lemire 2019).
    fn shuffle(&mut self, order: &mut [u32]) {
        let mut draws: Vec<u64> = Vec::new();
        let mut left = order.len();
        while left > 1 {
            let Some(random) = draws.pop() else {
                draws = self.elements(left.min(1024));
                continue;
            };
            let product = u128::from(random) * left as u128;
            let low = u64::from_u128(product);
            // Reject the few values that would favour some positions.
            if low < left as u64 && low < (left as u64).wrapping_neg() % left as u64 {
                continue;
            }
            left -= 1;
            order.swap(left, usize::try_from(product >> 64).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Prg {
        Prg::from_key(&[7; 16])
    }

    #[test]
    fn zero_key_block_is_the_published_vector() {
        // FIPS 197 key schedule, AES-128 of the zero block under the zero key.
        let first: Vec<u128> = Prg::from_key(&[0; 16]).elements(1);
        assert_eq!(first[0].to_le_bytes()[..4], [0x66, 0xe9, 0x4b, 0xd4]);
    }

    #[test]
    fn permutations_are_permutations() {
        for n in [0, 1, 2, 3, 1000, IN_CACHE, IN_CACHE + 1, 100_000] {
            let mut p = stream().permutation(n);
            p.sort_unstable();
            assert!(p.iter().enumerate().all(|(i, &x)| i == x as usize) && p.len() == n);
        }
        let mut counts = [0; 6];
        let mut prg = stream();
        for _ in 0..6000 {
            let p = prg.permutation(3);
            counts[(p[0] * 2 + u32::from(p[1] > p[2])) as usize] += 1;
        }
        assert!(counts.iter().all(|&c| (850..1150).contains(&c)), "{counts:?}");
        // A long one: about half of all steps go up, and half of the first positions stay in the first half.
        let long = prg.permutation(1 << 16);
        let rises = long.windows(2).filter(|two| two[0] < two[1]).count();
        assert!((32_000..33_500).contains(&rises), "{rises}");
        let early = long[..1 << 15].iter().filter(|&&position| position < 1 << 15).count();
        assert!((16_000..16_800).contains(&early), "{early}");
    }

    #[test]
    fn a_long_draw_equals_its_prefix() {
        let long: Vec<u64> = stream().elements(3000);
        let short: Vec<u64> = stream().elements(5);
        assert_eq!(long[..5], short);
    }
}
