//! Numbers modulo 2^32, 2^64 and 2^128.
//!
//! Arithmetic wraps by definition: the planner chooses the ring so that no value of a query ever leaves its range,
//! and shares are uniformly random elements of the whole ring.

use std::fmt::Debug;

use crate::pool::{Pool, Pools};

/// A ring Z_{2^k} in which columns are shared: `u32`, `u64` or `u128`.
///
/// Values are *signed* where a protocol says so: the representative in `[-2^(k-1), 2^(k-1))`.
pub trait Ring: Copy + Debug + Default + Eq + Ord + Send + Sync + Unpin + sealed::Sealed + 'static {
    /// The width `k`.
    const BITS: u32;
    /// The width in bytes.
    const BYTES: usize;
    /// The neutral element of addition.
    const ZERO: Self;
    /// The neutral element of multiplication.
    const ONE: Self;

    /// `self + other` modulo 2^k.
    #[must_use]
    fn plus(self, other: Self) -> Self;
    /// `self - other` modulo 2^k.
    #[must_use]
    fn minus(self, other: Self) -> Self;
    /// `self * other` modulo 2^k.
    #[must_use]
    fn times(self, other: Self) -> Self;
    /// `-self` modulo 2^k.
    #[must_use]
    fn negated(self) -> Self {
        Self::ZERO.minus(self)
    }
    /// `self * 2^bits` modulo 2^k; zero if `bits >= k`.
    #[must_use]
    fn shift_left(self, bits: u32) -> Self;
    /// The floor of `self / 2^bits` of the unsigned representative; zero if `bits >= k`.
    #[must_use]
    fn shift_right(self, bits: u32) -> Self;
    /// The unsigned quotient by `divisor`, zero if `divisor` is zero.
    #[must_use]
    fn quotient(self, divisor: Self) -> Self;
    /// Reduces modulo 2^k.
    fn from_u128(value: u128) -> Self;
    /// The unsigned representative.
    fn to_u128(self) -> u128;
    /// Reduces a signed number modulo 2^k.
    fn from_i128(value: i128) -> Self {
        Self::from_u128(value.cast_unsigned())
    }
    /// The signed representative.
    fn to_i128(self) -> i128 {
        let unused = 128 - Self::BITS;
        (self.to_u128().cast_signed() << unused) >> unused
    }
    /// The low 64 bits.
    fn low_word(self) -> u64;
    /// Bit `index` of the unsigned representative.
    fn bit(self, index: u32) -> bool {
        self.shift_right(index).low_word() & 1 == 1
    }
    /// Keeps the low `bits` bits.
    #[must_use]
    fn low_bits(self, bits: u32) -> Self {
        if bits >= Self::BITS { self } else { self.minus(self.shift_right(bits).shift_left(bits)) }
    }
    /// `2^exponent`, zero if `exponent >= k`.
    fn power_of_two(exponent: u32) -> Self {
        Self::ONE.shift_left(exponent)
    }

    /// Appends the little-endian bytes of all `values` to `out`.
    fn write(values: &[Self], out: &mut Vec<u8>);
    /// Reads as many elements as `out` has from the start of `bytes`, which must be long enough.
    fn read(bytes: &[u8], out: &mut [Self]);
    /// Appends all whole elements of `bytes` to `out`.
    fn append(bytes: &[u8], out: &mut Vec<Self>);
    /// Combines each value with the next element of `bytes`, which must be long enough.
    fn combine(values: &mut [Self], bytes: &[u8], f: impl Fn(Self, Self) -> Self);
}

mod sealed {
    use crate::pool::{Pool, Pools};

    pub trait Sealed: Sized {
        /// The pool of buffers of this ring.
        fn pool(pools: &mut Pools) -> &mut Pool<Self>;
    }
}

macro_rules! ring {
    ($t:ty, $pool:ident) => {
        impl sealed::Sealed for $t {
            fn pool(pools: &mut Pools) -> &mut Pool<Self> {
                &mut pools.$pool
            }
        }

        impl Ring for $t {
            const BITS: u32 = <$t>::BITS;
            const BYTES: usize = size_of::<$t>();
            const ZERO: Self = 0;
            const ONE: Self = 1;

            #[inline]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline]
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline]
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline]
            fn shift_left(self, bits: u32) -> Self {
                self.checked_shl(bits).unwrap_or(0)
            }
            #[inline]
            fn shift_right(self, bits: u32) -> Self {
                self.checked_shr(bits).unwrap_or(0)
            }
            #[inline]
            fn quotient(self, divisor: Self) -> Self {
                self.checked_div(divisor).unwrap_or(0)
            }
            #[inline]
            #[expect(
                clippy::allow_attributes,
                reason = "the casts below truncate, or convert nothing, depending on the ring"
            )]
            #[allow(
                clippy::cast_possible_truncation,
                clippy::unnecessary_cast,
                clippy::cast_lossless,
                trivial_numeric_casts,
                reason = "reduction modulo 2^k is a truncation"
            )]
            fn from_u128(value: u128) -> Self {
                value as $t
            }
            #[inline]
            #[expect(
                clippy::allow_attributes,
                reason = "the casts below widen, or convert nothing, depending on the ring"
            )]
            #[allow(
                clippy::unnecessary_cast,
                clippy::cast_lossless,
                reason = "u128 itself is one of the rings"
            )]
            fn to_u128(self) -> u128 {
                self as u128
            }
            #[inline]
            #[expect(
                clippy::allow_attributes,
                reason = "the casts below truncate, widen, or convert nothing, depending on the ring"
            )]
            #[allow(
                clippy::cast_possible_truncation,
                clippy::unnecessary_cast,
                clippy::cast_lossless,
                reason = "the low word is a truncation"
            )]
            fn low_word(self) -> u64 {
                self as u64
            }
            fn write(values: &[Self], out: &mut Vec<u8>) {
                // By way of a block in the first-level cache, since the room in `out` must not be cleared first.
                const BLOCK: usize = 4096 / size_of::<$t>();
                let mut block = [[0; size_of::<$t>()]; BLOCK];
                out.reserve(values.len() * Self::BYTES);
                for values in values.chunks(BLOCK) {
                    let block = &mut block[..values.len()];
                    for (bytes, value) in block.iter_mut().zip(values) {
                        *bytes = value.to_le_bytes();
                    }
                    out.extend_from_slice(block.as_flattened());
                }
            }
            fn read(bytes: &[u8], out: &mut [Self]) {
                let (chunks, _) = bytes.as_chunks::<{ size_of::<$t>() }>();
                for (value, chunk) in out.iter_mut().zip(chunks) {
                    *value = <$t>::from_le_bytes(*chunk);
                }
            }
            fn append(bytes: &[u8], out: &mut Vec<Self>) {
                let (chunks, _) = bytes.as_chunks::<{ size_of::<$t>() }>();
                out.extend(chunks.iter().map(|chunk| <$t>::from_le_bytes(*chunk)));
            }
            #[inline]
            fn combine(values: &mut [Self], bytes: &[u8], f: impl Fn(Self, Self) -> Self) {
                let (chunks, _) = bytes.as_chunks::<{ size_of::<$t>() }>();
                for (value, chunk) in values.iter_mut().zip(chunks) {
                    *value = f(*value, <$t>::from_le_bytes(*chunk));
                }
            }
        }
    };
}

ring!(u32, narrow);
ring!(u64, word);
ring!(u128, wide);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_representatives() {
        assert_eq!(u64::from_i128(-1), u64::MAX);
        assert_eq!(u64::MAX.to_i128(), -1);
        assert_eq!(u128::from_i128(-5).to_i128(), -5);
        assert_eq!(u32::power_of_two(31).to_i128(), -(1 << 31));
        assert_eq!(u64::power_of_two(64), 0);
        assert_eq!(0xffu64.low_bits(4), 15);
    }

    #[test]
    fn bytes_round_trip() {
        let mut bytes = Vec::new();
        u128::write(&[1, u128::MAX - 7], &mut bytes);
        let mut back = [0; 2];
        u128::read(&bytes, &mut back);
        assert_eq!(back, [1, u128::MAX - 7]);
        let mut twice = back.to_vec();
        u128::append(&bytes, &mut twice);
        assert_eq!(twice, back.repeat(2));
    }
}
