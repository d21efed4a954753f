//! Replicated additive sharing of a column over a ring.

use std::fmt;
use std::ops::Range;

use crate::{Ring, Seat, pool};

/// One seat's part of a column of `n` ring elements.
///
/// `x = x_0 + x_1 + x_2`; seat `Pi` holds `first = x_i` and `second = x_{i+1}` of every element. Any one seat's part
/// is uniformly random. There is no equality and no element access: nothing branches on a share.
#[derive(Clone, Default)]
pub struct Shared<R: Ring> {
    pub(crate) first: Vec<R>,
    pub(crate) second: Vec<R>,
}

impl<R: Ring> fmt::Debug for Shared<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared<Z_2^{}>({} elements)", R::BITS, self.len())
    }
}

impl<R: Ring> Shared<R> {
    /// From the two components that this seat holds; the longer one is cut.
    pub fn from_parts(mut first: Vec<R>, mut second: Vec<R>) -> Self {
        let len = first.len().min(second.len());
        first.truncate(len);
        second.truncate(len);
        Shared { first, second }
    }

    /// The two components that this seat holds.
    pub fn parts(&self) -> (&[R], &[R]) {
        (&self.first, &self.second)
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.first.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// A sharing of zeros.
    pub fn zeros(len: usize) -> Self {
        Shared { first: vec![R::ZERO; len], second: vec![R::ZERO; len] }
    }

    /// A column whose elements are still to be written, in buffers that were given back.
    pub(crate) fn take(len: usize) -> Self {
        Shared { first: pool::take(len), second: pool::take(len) }
    }

    /// Gives the buffers of a column back that is no longer needed.
    pub(crate) fn give(self) {
        pool::give(self.first);
        pool::give(self.second);
    }

    /// A sharing of public values: component 0 is the value.
    pub fn from_public(seat: Seat, values: &[R]) -> Self {
        let mut shared = Self::zeros(values.len());
        shared.add_public_assign(seat, values);
        shared
    }

    /// Applies a linear map to each element of each component.
    #[must_use]
    pub fn map_linear(&self, f: impl Fn(R) -> R) -> Self {
        Shared {
            first: self.first.iter().map(|&a| f(a)).collect(),
            second: self.second.iter().map(|&a| f(a)).collect(),
        }
    }

    fn zip(&self, other: &Self, f: impl Fn(R, R) -> R) -> Self {
        let each = |x: &[R], y: &[R]| x.iter().zip(y).map(|(&a, &b)| f(a, b)).collect();
        Shared { first: each(&self.first, &other.first), second: each(&self.second, &other.second) }
    }

    /// `self + other`, element by element; the lengths must be equal.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        debug_assert_eq!(self.len(), other.len());
        self.zip(other, R::plus)
    }

    /// `self - other`, element by element; the lengths must be equal.
    #[must_use]
    pub fn sub(&self, other: &Self) -> Self {
        debug_assert_eq!(self.len(), other.len());
        self.zip(other, R::minus)
    }

    /// Adds `other` in place; the lengths must be equal.
    pub fn add_assign(&mut self, other: &Self) {
        debug_assert_eq!(self.len(), other.len());
        for (a, &b) in self.first.iter_mut().zip(&other.first) {
            *a = a.plus(b);
        }
        for (a, &b) in self.second.iter_mut().zip(&other.second) {
            *a = a.plus(b);
        }
    }

    /// Subtracts `other` in place; the lengths must be equal.
    pub fn sub_assign(&mut self, other: &Self) {
        debug_assert_eq!(self.len(), other.len());
        for (a, &b) in self.first.iter_mut().zip(&other.first) {
            *a = a.minus(b);
        }
        for (a, &b) in self.second.iter_mut().zip(&other.second) {
            *a = a.minus(b);
        }
    }

    /// `-self`.
    #[must_use]
    pub fn neg(&self) -> Self {
        self.map_linear(R::negated)
    }

    /// Every element times a public number.
    #[must_use]
    pub fn scale(&self, factor: R) -> Self {
        self.map_linear(|a| a.times(factor))
    }

    /// Element by element times public numbers.
    #[must_use]
    pub fn scale_by(&self, factors: &[R]) -> Self {
        let each = |x: &[R]| x.iter().zip(factors).map(|(&a, &f)| a.times(f)).collect();
        Shared { first: each(&self.first), second: each(&self.second) }
    }

    /// Adds one public number to every element.
    #[must_use]
    pub fn add_constant(mut self, seat: Seat, value: R) -> Self {
        if let Some(component) = self.component_mut(seat, 0) {
            for a in component {
                *a = a.plus(value);
            }
        }
        self
    }

    /// Adds public numbers, element by element.
    #[must_use]
    pub fn add_public(mut self, seat: Seat, values: &[R]) -> Self {
        self.add_public_assign(seat, values);
        self
    }

    fn add_public_assign(&mut self, seat: Seat, values: &[R]) {
        if let Some(component) = self.component_mut(seat, 0) {
            component.iter_mut().zip(values).for_each(|(a, &v)| *a = a.plus(v));
        }
    }

    /// Component `index` of the sharing, if this seat holds it.
    fn component_mut(&mut self, seat: Seat, index: usize) -> Option<&mut Vec<R>> {
        if seat.index() == index {
            Some(&mut self.first)
        } else if seat.next().index() == index {
            Some(&mut self.second)
        } else {
            None
        }
    }

    /// Applies the same rearrangement to both components.
    pub(crate) fn rearrange(&self, f: impl Fn(&[R]) -> Vec<R>) -> Self {
        Shared { first: f(&self.first), second: f(&self.second) }
    }

    /// The elements of a range.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        self.rearrange(|x| x[range.clone()].to_vec())
    }

    /// All parts one after another.
    #[must_use]
    pub fn concat(parts: &[&Self]) -> Self {
        let join = |f: fn(&Self) -> &[R]| parts.iter().map(|p| f(p)).collect::<Vec<_>>().concat();
        Shared { first: join(|p| &p.first), second: join(|p| &p.second) }
    }

    /// Element `i` of the result is element `sources[i]`, or zero if there is no such element.
    #[must_use]
    pub fn gather(&self, sources: &[u32]) -> Self {
        self.rearrange(|x| sources.iter().map(|&s| x.get(s as usize).copied().unwrap_or(R::ZERO)).collect())
    }

    /// Every element repeated `times` times, each element's copies together.
    #[must_use]
    pub fn repeat_each(&self, times: usize) -> Self {
        self.rearrange(|x| x.iter().flat_map(|&a| std::iter::repeat_n(a, times)).collect())
    }

    /// The whole column repeated `times` times.
    #[must_use]
    pub fn repeat(&self, times: usize) -> Self {
        self.rearrange(|x| x.repeat(times))
    }

    /// The elements in reverse order.
    #[must_use]
    pub fn reverse(&self) -> Self {
        self.rearrange(|x| x.iter().rev().copied().collect())
    }

    /// The sum of all elements, a column of length 1.
    #[must_use]
    pub fn sum(&self) -> Self {
        self.rearrange(|x| vec![x.iter().fold(R::ZERO, |s, &a| s.plus(a))])
    }

    /// The sums of consecutive groups of `size` elements.
    #[must_use]
    pub fn sum_groups(&self, size: usize) -> Self {
        self.rearrange(|x| x.chunks(size.max(1)).map(|c| c.iter().fold(R::ZERO, |s, &a| s.plus(a))).collect())
    }

    /// Inclusive prefix sums.
    #[must_use]
    pub fn prefix_sums(&self) -> Self {
        self.rearrange(prefix_sums)
    }

    /// Each element minus the one before it; the first stays.
    #[must_use]
    pub fn differences(&self) -> Self {
        self.rearrange(differences)
    }

    /// Every element times `2^bits`.
    #[must_use]
    pub fn shift_left(&self, bits: u32) -> Self {
        self.map_linear(|a| a.shift_left(bits))
    }

    /// Reduces modulo a smaller (or equal) power of two: local, since it is a ring homomorphism.
    #[must_use]
    pub fn narrow<S: Ring>(&self) -> Shared<S> {
        debug_assert!(S::BITS <= R::BITS, "only narrowing is local");
        let each = |x: &[R]| x.iter().map(|&a| S::from_u128(a.to_u128())).collect();
        Shared { first: each(&self.first), second: each(&self.second) }
    }

    /// The same elements where the ring is known to be `S`.
    pub(crate) fn recast<S: Ring>(&self) -> Shared<S> {
        debug_assert!(S::BITS == R::BITS, "not the same ring");
        let each = |x: &[R]| x.iter().map(|&a| S::from_u128(a.to_u128())).collect();
        Shared { first: each(&self.first), second: each(&self.second) }
    }

    /// Appends zeros up to `len` elements.
    #[must_use]
    pub fn padded(mut self, len: usize) -> Self {
        let len = len.max(self.len());
        self.first.resize(len, R::ZERO);
        self.second.resize(len, R::ZERO);
        self
    }
}

/// Inclusive prefix sums of one component.
pub(crate) fn prefix_sums<R: Ring>(x: &[R]) -> Vec<R> {
    x.iter()
        .scan(R::ZERO, |sum, &a| {
            *sum = sum.plus(a);
            Some(*sum)
        })
        .collect()
}

/// Adjacent differences of one component, the inverse of [`prefix_sums`].
pub(crate) fn differences<R: Ring>(x: &[R]) -> Vec<R> {
    let before = std::iter::once(R::ZERO).chain(x.iter().copied());
    x.iter().zip(before).map(|(&a, b)| a.minus(b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value() {
        let shared = Shared::from_public(Seat::P0, &[4242u64]);
        assert_eq!(format!("{shared:?}"), "Shared<Z_2^64>(1 elements)");
    }

    #[test]
    fn prefix_sums_invert_differences() {
        let x = [3u64, 9, 1, u64::MAX];
        assert_eq!(prefix_sums(&differences(&x)), x);
        assert_eq!(differences::<u64>(&[]), Vec::<u64>::new());
    }
}
