//! Replicated XOR sharing of a column of bits, plane by plane.

use std::fmt;
use std::ops::Range;

use crate::{Planes, Ring, Seat};

/// One seat's part of a column of `len` rows of `width` bits.
///
/// `x = x_0 ^ x_1 ^ x_2`; seat `Pi` holds `first = x_i` and `second = x_{i+1}` of every bit.
#[derive(Clone, Default)]
pub struct SharedBits {
    pub(crate) first: Planes,
    pub(crate) second: Planes,
}

impl fmt::Debug for SharedBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedBits({} rows of {} bits)", self.len(), self.width())
    }
}

impl SharedBits {
    /// From the two components that this seat holds, which must have the same shape.
    pub fn from_parts(first: Planes, second: Planes) -> Self {
        debug_assert!(first.len() == second.len() && first.width() == second.width());
        SharedBits { first, second }
    }

    /// The two components that this seat holds.
    pub fn parts(&self) -> (&Planes, &Planes) {
        (&self.first, &self.second)
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.first.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The number of planes.
    pub fn width(&self) -> usize {
        self.first.width()
    }

    /// A sharing of zeros.
    pub fn zeros(len: usize, width: usize) -> Self {
        SharedBits { first: Planes::zeros(len, width), second: Planes::zeros(len, width) }
    }

    /// A sharing of public bits: component 0 is the value.
    pub fn from_public(seat: Seat, planes: &Planes) -> Self {
        SharedBits::zeros(planes.len(), planes.width()).xor_public(seat, planes)
    }

    /// The same public row, the low `width` bits of `value`, for `len` rows.
    pub fn from_constant<R: Ring>(seat: Seat, len: usize, width: usize, value: R) -> Self {
        let mut planes = Planes::zeros(len, width);
        for p in 0..width {
            if value.bit(crate::planes::as_u32(p)) {
                planes.plane_mut(p).fill(u64::MAX);
            }
        }
        SharedBits::from_public(seat, &planes)
    }

    fn each(&self, f: impl Fn(&Planes) -> Planes) -> Self {
        SharedBits { first: f(&self.first), second: f(&self.second) }
    }

    fn join(parts: &[&Self], f: impl Fn(&[&Planes]) -> Planes) -> Self {
        let first: Vec<&Planes> = parts.iter().map(|p| &p.first).collect();
        let second: Vec<&Planes> = parts.iter().map(|p| &p.second).collect();
        SharedBits { first: f(&first), second: f(&second) }
    }

    /// The exclusive or with `other`, of the same shape.
    #[must_use]
    pub fn xor(&self, other: &Self) -> Self {
        debug_assert!(self.len() == other.len() && self.width() == other.width());
        SharedBits { first: self.first.xor(&other.first), second: self.second.xor(&other.second) }
    }

    /// The exclusive or in place with `other`, of the same shape.
    pub fn xor_assign(&mut self, other: &Self) {
        self.first.xor_assign(&other.first);
        self.second.xor_assign(&other.second);
    }

    /// The exclusive or with public planes of the same shape.
    #[must_use]
    pub fn xor_public(mut self, seat: Seat, planes: &Planes) -> Self {
        match seat {
            Seat::P0 => self.first.xor_assign(planes),
            Seat::P1 => {}
            Seat::P2 => self.second.xor_assign(planes),
        }
        self
    }

    /// The complement.
    #[must_use]
    pub fn not(&self, seat: Seat) -> Self {
        match seat {
            Seat::P0 => SharedBits { first: self.first.not(), second: self.second.clone() },
            Seat::P1 => self.clone(),
            Seat::P2 => SharedBits { first: self.first.clone(), second: self.second.not() },
        }
    }

    /// Public masking: keeps the bits where `planes`, of the same shape, are 1.
    #[must_use]
    pub fn and_public(&self, planes: &Planes) -> Self {
        self.each(|x| {
            let mut out = x.clone();
            out.words_mut().iter_mut().zip(planes.words()).for_each(|(a, b)| *a &= b);
            out
        })
    }

    /// The given planes as a column of their own.
    #[must_use]
    pub fn planes(&self, planes: Range<usize>) -> Self {
        self.each(|x| x.select_planes(planes.clone()))
    }

    /// One plane as a column of its own.
    #[must_use]
    pub fn plane(&self, plane: usize) -> Self {
        self.planes(plane..plane + 1)
    }

    /// The given rows.
    #[must_use]
    pub fn rows(&self, rows: Range<usize>) -> Self {
        self.each(|x| x.rows(rows.clone()))
    }

    /// The rows of all parts, which have the same width, one after another.
    #[must_use]
    pub fn concat_rows(parts: &[&Self]) -> Self {
        SharedBits::join(parts, Planes::concat_rows)
    }

    /// The planes of all parts, which have the same length, one after another.
    #[must_use]
    pub fn concat_planes(parts: &[&Self]) -> Self {
        SharedBits::join(parts, Planes::concat_planes)
    }

    /// Row `i` of the result is row `sources[i]`, or zero if there is no such row.
    #[must_use]
    pub fn gather(&self, sources: &[u32]) -> Self {
        self.each(|x| x.gather_rows(sources))
    }

    /// The rows in reverse order.
    #[must_use]
    pub fn reverse(&self) -> Self {
        self.each(Planes::reversed)
    }

    /// All planes of this one-plane column repeated `width` times.
    #[must_use]
    pub fn repeat_plane(&self, width: usize) -> Self {
        self.each(|x| Planes::concat_planes(&vec![x; width]))
    }

    /// The exclusive or of all planes: one plane.
    #[must_use]
    pub fn parity(&self) -> Self {
        (0..self.width()).fold(SharedBits::zeros(self.len(), 1), |sum, p| sum.xor(&self.plane(p)))
    }

    /// Every plane takes the place of the one below it; the top plane becomes zero.
    #[must_use]
    pub fn shift_planes_down(&self) -> Self {
        let above = self.planes(self.width().min(1)..self.width());
        SharedBits::concat_planes(&[&above, &SharedBits::zeros(self.len(), self.width().min(1))])
    }

    /// Rows moved `by` places towards higher positions; zeros move in.
    #[must_use]
    pub fn shift_rows_up(&self, by: usize) -> Self {
        let by = by.min(self.len());
        let head = SharedBits::zeros(by, self.width());
        SharedBits::concat_rows(&[&head, &self.rows(0..self.len() - by)])
    }

    /// Rows moved `by` places towards lower positions; zeros move in.
    #[must_use]
    pub fn shift_rows_down(&self, by: usize) -> Self {
        let by = by.min(self.len());
        let tail = SharedBits::zeros(by, self.width());
        SharedBits::concat_rows(&[&self.rows(by..self.len()), &tail])
    }
}
