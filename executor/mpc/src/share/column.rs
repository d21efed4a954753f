//! Columns of any sharing, for protocols that move whole tables.

use super::additive::{differences, prefix_sums};
use super::{Shared, SharedBits};
use crate::context::Prg;
use crate::{Planes, Ring};

/// A shared column of any kind.
#[derive(Clone, Debug)]
pub enum Column {
    /// Counts and positions.
    U32(Shared<u32>),
    /// Integers and fixed-point numbers.
    U64(Shared<u64>),
    /// Sums and exact statistics.
    U128(Shared<u128>),
    /// Bit-planes: comparison keys, one-hot codes, validity.
    Bits(SharedBits),
}

macro_rules! column_from {
    ($variant:ident, $type:ty, $name:ident, $what:literal) => {
        impl From<$type> for Column {
            fn from(column: $type) -> Self {
                Column::$variant(column)
            }
        }

        impl From<&$type> for Column {
            fn from(column: &$type) -> Self {
                Column::$variant(column.clone())
            }
        }

        impl Column {
            #[doc = concat!("The column as ", $what, ", if it is one.")]
            pub fn $name(self) -> Option<$type> {
                if let Column::$variant(column) = self { Some(column) } else { None }
            }
        }
    };
}

column_from!(U32, Shared<u32>, into_u32, "a column over Z_2^32");
column_from!(U64, Shared<u64>, into_u64, "a column over Z_2^64");
column_from!(U128, Shared<u128>, into_u128, "a column over Z_2^128");
column_from!(Bits, SharedBits, into_bits, "bit-planes");

impl Column {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Column::U32(x) => x.len(),
            Column::U64(x) => x.len(),
            Column::U128(x) => x.len(),
            Column::Bits(x) => x.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The two components that this seat holds.
    pub fn into_parts(self) -> (Part, Part) {
        match self {
            Column::U32(x) => (Part::U32(x.first), Part::U32(x.second)),
            Column::U64(x) => (Part::U64(x.first), Part::U64(x.second)),
            Column::U128(x) => (Part::U128(x.first), Part::U128(x.second)),
            Column::Bits(x) => (Part::Bits(x.first), Part::Bits(x.second)),
        }
    }

    /// From the two components that this seat holds; `None` if they differ in kind or shape.
    pub fn from_parts(first: Part, second: Part) -> Option<Column> {
        if first.len() != second.len() {
            return None;
        }
        match (first, second) {
            (Part::U32(a), Part::U32(b)) => Some(Column::U32(Shared::from_parts(a, b))),
            (Part::U64(a), Part::U64(b)) => Some(Column::U64(Shared::from_parts(a, b))),
            (Part::U128(a), Part::U128(b)) => Some(Column::U128(Shared::from_parts(a, b))),
            (Part::Bits(a), Part::Bits(b)) if a.width() == b.width() => {
                Some(Column::Bits(SharedBits::from_parts(a, b)))
            }
            (Part::U32(_) | Part::U64(_) | Part::U128(_) | Part::Bits(_), _) => None,
        }
    }

    /// Row `i` of the result is row `sources[i]`, or zero if there is no such row.
    #[must_use]
    pub fn gather(&self, sources: &[u32]) -> Column {
        match self {
            Column::U32(x) => Column::U32(x.gather(sources)),
            Column::U64(x) => Column::U64(x.gather(sources)),
            Column::U128(x) => Column::U128(x.gather(sources)),
            Column::Bits(x) => Column::Bits(x.gather(sources)),
        }
    }

    /// The given rows.
    #[must_use]
    pub fn rows(&self, rows: std::ops::Range<usize>) -> Column {
        match self {
            Column::U32(x) => Column::U32(x.slice(rows)),
            Column::U64(x) => Column::U64(x.slice(rows)),
            Column::U128(x) => Column::U128(x.slice(rows)),
            Column::Bits(x) => Column::Bits(x.rows(rows)),
        }
    }
}

/// One component of a column: a vector over a group that seats add, permute and send.
///
/// Also the form in which an owner deals a column. `Debug` prints kind and shape only.
#[derive(Clone)]
pub enum Part {
    /// Over Z_2^32.
    U32(Vec<u32>),
    /// Over Z_2^64.
    U64(Vec<u64>),
    /// Over Z_2^128.
    U128(Vec<u128>),
    /// Bits under exclusive or.
    Bits(Planes),
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Part({:?}, {} rows)", self.shape(), self.len())
    }
}

/// What two parts of the same column have in common, beside the number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    U32,
    U64,
    U128,
    Bits(usize),
}

impl Shape {
    pub(crate) fn wire_bytes(self, len: usize) -> usize {
        match self {
            Shape::U32 => len * u32::BYTES,
            Shape::U64 => len * u64::BYTES,
            Shape::U128 => len * u128::BYTES,
            Shape::Bits(width) => Planes::wire_bytes(len, width),
        }
    }

    pub(crate) fn zeros(self, len: usize) -> Part {
        match self {
            Shape::U32 => Part::U32(vec![0; len]),
            Shape::U64 => Part::U64(vec![0; len]),
            Shape::U128 => Part::U128(vec![0; len]),
            Shape::Bits(width) => Part::Bits(Planes::zeros(len, width)),
        }
    }

    /// The next `len` rows of a stream of uniformly random elements.
    pub(crate) fn random(self, len: usize, prg: &mut Prg) -> Part {
        match self {
            Shape::U32 => Part::U32(prg.elements(len)),
            Shape::U64 => Part::U64(prg.elements(len)),
            Shape::U128 => Part::U128(prg.elements(len)),
            Shape::Bits(width) => Part::Bits(prg.planes(len, width)),
        }
    }

    pub(crate) fn read(self, bytes: &[u8], len: usize) -> Part {
        fn ring<R: Ring>(bytes: &[u8], len: usize) -> Vec<R> {
            let mut out = vec![R::ZERO; len];
            R::read(bytes, &mut out);
            out
        }
        match self {
            Shape::U32 => Part::U32(ring(bytes, len)),
            Shape::U64 => Part::U64(ring(bytes, len)),
            Shape::U128 => Part::U128(ring(bytes, len)),
            Shape::Bits(width) => Part::Bits(Planes::read(bytes, len, width)),
        }
    }
}

/// Evaluates `$body` for the variant of `$a`, with `$b` known to have the same one; `$a` is returned otherwise.
macro_rules! zip_parts {
    ($a:expr, $b:expr, |$x:ident, $y:ident| $ring:expr, |$p:ident, $q:ident| $bits:expr) => {
        match ($a, $b) {
            (Part::U32($x), Part::U32($y)) => $ring,
            (Part::U64($x), Part::U64($y)) => $ring,
            (Part::U128($x), Part::U128($y)) => $ring,
            (Part::Bits($p), Part::Bits($q)) => $bits,
            (Part::U32(_) | Part::U64(_) | Part::U128(_) | Part::Bits(_), _) => {
                debug_assert!(false, "parts of different kinds");
            }
        }
    };
}

/// Evaluates `$body` for the variant of `$a` and wraps the result in the same variant.
macro_rules! map_part {
    ($a:expr, |$x:ident| $ring:expr, |$p:ident| $bits:expr) => {
        match $a {
            Part::U32($x) => Part::U32($ring),
            Part::U64($x) => Part::U64($ring),
            Part::U128($x) => Part::U128($ring),
            Part::Bits($p) => Part::Bits($bits),
        }
    };
}

impl Part {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Part::U32(x) => x.len(),
            Part::U64(x) => x.len(),
            Part::U128(x) => x.len(),
            Part::Bits(x) => x.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn shape(&self) -> Shape {
        match self {
            Part::U32(_) => Shape::U32,
            Part::U64(_) => Shape::U64,
            Part::U128(_) => Shape::U128,
            Part::Bits(x) => Shape::Bits(x.width()),
        }
    }

    /// Adds a part of the same shape, in the group of its kind.
    pub(crate) fn add(&mut self, other: &Part) {
        fn ring<R: Ring>(x: &mut [R], y: &[R]) {
            x.iter_mut().zip(y).for_each(|(a, &b)| *a = a.plus(b));
        }
        zip_parts!(self, other, |x, y| ring(x, y), |p, q| p.xor_assign(q));
    }

    /// Subtracts a part of the same shape, in the group of its kind.
    pub(crate) fn sub(&mut self, other: &Part) {
        fn ring<R: Ring>(x: &mut [R], y: &[R]) {
            x.iter_mut().zip(y).for_each(|(a, &b)| *a = a.minus(b));
        }
        zip_parts!(self, other, |x, y| ring(x, y), |p, q| p.xor_assign(q));
    }

    /// Adds the next elements of a stream, in the group of its kind.
    pub(crate) fn add_random(&mut self, prg: &mut Prg) {
        match self {
            Part::U32(x) => prg.apply(x, u32::plus),
            Part::U64(x) => prg.apply(x, u64::plus),
            Part::U128(x) => prg.apply(x, u128::plus),
            Part::Bits(x) => prg.apply(x.words_mut(), |a, b| a ^ b),
        }
    }

    /// Subtracts the next elements of a stream, in the group of its kind.
    pub(crate) fn sub_random(&mut self, prg: &mut Prg) {
        match self {
            Part::U32(x) => prg.apply(x, u32::minus),
            Part::U64(x) => prg.apply(x, u64::minus),
            Part::U128(x) => prg.apply(x, u128::minus),
            Part::Bits(x) => prg.apply(x.words_mut(), |a, b| a ^ b),
        }
    }

    /// Row `i` of the result is row `sources[i]`, or zero if there is no such row.
    pub(crate) fn gather(&self, sources: &[u32]) -> Part {
        fn ring<R: Ring>(x: &[R], sources: &[u32]) -> Vec<R> {
            sources.iter().map(|&s| x.get(s as usize).copied().unwrap_or(R::ZERO)).collect()
        }
        map_part!(self, |x| ring(x, sources), |p| p.gather_rows(sources))
    }

    /// Adjacent differences of the rows, in the group of its kind.
    pub(crate) fn differences(&self) -> Part {
        map_part!(self, |x| differences(x), |p| {
            let before = Planes::concat_rows(&[&Planes::zeros(1, p.width()), p]).rows(0..p.len());
            p.xor(&before)
        })
    }

    /// Inclusive prefix sums over the rows, in the group of its kind.
    pub(crate) fn prefix_sums(&self) -> Part {
        map_part!(self, |x| prefix_sums(x), |p| prefix_xor(p))
    }

    /// The first `len` rows, zeros appended if there are fewer.
    pub(crate) fn resized(self, len: usize) -> Part {
        fn ring<R: Ring>(mut x: Vec<R>, len: usize) -> Vec<R> {
            x.resize(len, R::ZERO);
            x
        }
        map_part!(self, |x| ring(x, len), |p| {
            let kept = p.rows(0..len.min(p.len()));
            Planes::concat_rows(&[&kept, &Planes::zeros(len - kept.len(), p.width())])
        })
    }

    /// Appends the wire form.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Part::U32(x) => u32::write(x, out),
            Part::U64(x) => u64::write(x, out),
            Part::U128(x) => u128::write(x, out),
            Part::Bits(x) => x.write(out),
        }
    }
}

/// Inclusive prefix exclusive-or over the rows of every plane.
fn prefix_xor(planes: &Planes) -> Planes {
    let mut out = planes.clone();
    for p in 0..out.width() {
        let mut carry = 0;
        for word in out.plane_mut(p) {
            for shift in [1, 2, 4, 8, 16, 32] {
                *word ^= *word << shift;
            }
            *word ^= carry;
            carry = 0u64.wrapping_sub(*word >> 63);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_prefix_inverts_differences() {
        let values: Vec<u64> = (0..200).map(|i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let part = Part::Bits(Planes::from_values(&values, 64));
        let Part::Bits(back) = part.differences().prefix_sums() else { return };
        assert_eq!(back.to_values::<u64>(), values);
    }
}
