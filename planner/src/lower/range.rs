//! Arithmetic on ranges of integers.

use crate::plan::{Range, RingSize};

/// Bits that the magnitude of a number may have in `Z_2^64` (one bit of slack beside the sign).
pub(crate) const BITS_64: u32 = 62;

/// Bits that the magnitude of a number may have in `Z_2^128`.
pub(crate) const BITS_128: u32 = 126;

impl Range {
    /// The smallest range that holds both.
    pub(crate) fn hull(self, other: Range) -> Range {
        Range { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// With 0, the encoding of NULL and of invalid rows.
    pub(crate) fn with_zero(self) -> Range {
        Range { lo: self.lo.min(0), hi: self.hi.max(0) }
    }

    /// The largest magnitude.
    pub(crate) fn magnitude(self) -> u128 {
        self.lo.unsigned_abs().max(self.hi.unsigned_abs())
    }

    /// The bits of the largest magnitude.
    pub(crate) fn bits(self) -> u32 {
        u128::BITS - self.magnitude().leading_zeros()
    }

    /// The smallest ring with slack, if there is one.
    pub(crate) fn ring(self) -> Option<RingSize> {
        match self.bits() {
            0..=BITS_64 => Some(RingSize::Z64),
            bits if bits <= BITS_128 => Some(RingSize::Z128),
            _ => None,
        }
    }

    /// Sums of one of each.
    pub(crate) fn add(self, other: Range) -> Option<Range> {
        Some(Range { lo: self.lo.checked_add(other.lo)?, hi: self.hi.checked_add(other.hi)? })
    }

    /// All negated.
    pub(crate) fn negate(self) -> Option<Range> {
        Some(Range { lo: self.hi.checked_neg()?, hi: self.lo.checked_neg()? })
    }

    /// Products of one of each.
    pub(crate) fn multiply(self, other: Range) -> Option<Range> {
        let all = [
            self.lo.checked_mul(other.lo)?,
            self.lo.checked_mul(other.hi)?,
            self.hi.checked_mul(other.lo)?,
            self.hi.checked_mul(other.hi)?,
        ];
        Some(Range { lo: all.iter().copied().min()?, hi: all.iter().copied().max()? })
    }

    /// Sums of up to `rows` of them.
    pub(crate) fn sum(self, rows: u64) -> Option<Range> {
        self.with_zero().multiply(Range { lo: i128::from(rows), hi: i128::from(rows) })
    }

    /// Whether all of `other` lies in it.
    pub(crate) fn holds(self, other: Range) -> bool {
        self.lo <= other.lo && other.hi <= self.hi
    }
}
