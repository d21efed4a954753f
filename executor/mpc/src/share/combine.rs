//! Putting a revealed column together, at its recipient.

use super::{Shared, SharedBits};
use crate::verify::Verified;
use crate::{Error, Planes, Result, Ring};

/// The values of a column from the parts of all three seats, in the order of the seats.
///
/// Every component is held twice. The copies are compared, so a single seat that sends anything else is noticed.
///
/// # Errors
/// [`Error::Abort`] if lengths or copies differ.
pub fn combine<R: Ring>(parts: &[Shared<R>; 3]) -> Result<Vec<R>> {
    for i in 0..3 {
        if parts[i].second != parts[(i + 1) % 3].first {
            return Err(copies_differ());
        }
    }
    let [x0, x1, x2] = parts;
    let sums = x0.first.iter().zip(&x1.first).zip(&x2.first);
    Ok(sums.map(|((&a, &b), &c)| a.plus(b).plus(c)).collect())
}

/// The planes of a column from the parts of all three seats, in the order of the seats. As [`combine`].
///
/// # Errors
/// [`Error::Abort`] if shapes or copies differ.
pub fn combine_bits(parts: &[SharedBits; 3]) -> Result<Planes> {
    let mut clear = parts.clone();
    for part in &mut clear {
        part.first.clear_tail();
        part.second.clear_tail();
    }
    for i in 0..3 {
        let (a, b) = (&clear[i].second, &clear[(i + 1) % 3].first);
        if a.len() != b.len() || a.width() != b.width() || a.words() != b.words() {
            return Err(copies_differ());
        }
    }
    Ok(clear[0].first.xor(&clear[1].first).xor(&clear[2].first))
}

fn copies_differ() -> Error {
    Error::Abort { step: "reveal".to_owned(), check: "the copies of a component differ" }
}

impl<R: Ring> Shared<R> {
    /// The wire form of this seat's two components: all of the first, then all of the second, little endian.
    ///
    /// What its receiver puts together is opened, so it takes the token of a check.
    pub fn to_bytes(&self, _: &Verified) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 * self.len() * R::BYTES);
        R::write(&self.first, &mut out);
        R::write(&self.second, &mut out);
        out
    }

    /// Reads what [`Shared::to_bytes`] wrote for `len` elements; `None` if the number of bytes is another.
    pub fn from_bytes(bytes: &[u8], len: usize) -> Option<Self> {
        if bytes.len() != 2 * len * R::BYTES {
            return None;
        }
        let mut shared = Self::zeros(len);
        let (first, second) = bytes.split_at(len * R::BYTES);
        R::read(first, &mut shared.first);
        R::read(second, &mut shared.second);
        Some(shared)
    }
}

impl SharedBits {
    /// The wire form of this seat's two components, each as [`Planes::write`] gives it. As [`Shared::to_bytes`].
    pub fn to_bytes(&self, _: &Verified) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 * Planes::wire_bytes(self.len(), self.width()));
        self.first.write(&mut out);
        self.second.write(&mut out);
        out
    }

    /// Reads what [`SharedBits::to_bytes`] wrote for this shape; `None` if the number of bytes is another.
    pub fn from_bytes(bytes: &[u8], len: usize, width: usize) -> Option<Self> {
        let half = Planes::wire_bytes(len, width);
        if bytes.len() != 2 * half {
            return None;
        }
        let (first, second) = bytes.split_at(half);
        Some(SharedBits { first: Planes::read(first, len, width), second: Planes::read(second, len, width) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::verify;
    use crate::world::World;

    #[test]
    fn copies_are_compared_and_bytes_round_trip() {
        let world = World::new(1);
        let [verified, ..] = world.run(async |ctx| verify(&ctx).await).outputs().unwrap();
        let mut parts = world.share(&[1u64, 2, 3]);
        for part in &mut parts {
            *part = Shared::from_bytes(&part.to_bytes(&verified), 3).unwrap();
        }
        assert_eq!(combine(&parts).unwrap(), [1, 2, 3]);
        assert!(Shared::<u64>::from_bytes(&[0; 47], 3).is_none());
        parts[1].first[2] ^= 1;
        assert!(matches!(combine(&parts), Err(Error::Abort { .. })));

        let mut parts = world.share_bits(&Planes::from_values(&[5u64, 2, 7], 3));
        for part in &mut parts {
            *part = SharedBits::from_bytes(&part.to_bytes(&verified), 3, 3).unwrap();
        }
        assert_eq!(combine_bits(&parts).unwrap().to_values::<u64>(), [5, 2, 7]);
        let flipped = !parts[2].second.bit(1, 1);
        parts[2].second.set(1, 1, flipped);
        assert!(matches!(combine_bits(&parts), Err(Error::Abort { .. })));
    }
}
