//! Columns of bits in the clear, plane by plane.

use std::fmt;
use std::ops::Range;

use crate::{Ring, pool};

/// Words that are moved together between rows and planes: a cache line, since planes lie far apart.
const LINE: usize = 8;

/// Rows of a line of words.
const BLOCK: usize = 64 * LINE;

/// A column of `len` rows of `width` bits, stored as `width` planes of `len` bits packed into words.
///
/// Plane `p` holds bit `p` of every row. Bits of the last word of a plane beyond the last row are unspecified:
/// readers mask them. What an owner shares, and each component of a shared column, have this form.
#[derive(Default)]
pub struct Planes {
    len: usize,
    width: usize,
    words: Vec<u64>,
}

impl fmt::Debug for Planes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Planes({} rows of {} bits)", self.len, self.width)
    }
}

impl Clone for Planes {
    fn clone(&self) -> Self {
        self.select_planes(0..self.width)
    }
}

impl Drop for Planes {
    fn drop(&mut self) {
        pool::give(std::mem::take(&mut self.words));
    }
}

impl Planes {
    /// All-zero planes.
    pub fn zeros(len: usize, width: usize) -> Self {
        Planes { len, width, words: pool::take_zeros(len.div_ceil(64) * width) }
    }

    /// Planes that are still to be written.
    pub(crate) fn take(len: usize, width: usize) -> Self {
        Planes { len, width, words: pool::take(len.div_ceil(64) * width) }
    }

    /// Planes from packed words, plane after plane. Missing words are zero, further words are dropped.
    pub fn from_words(len: usize, width: usize, mut words: Vec<u64>) -> Self {
        words.resize(len.div_ceil(64) * width, 0);
        Planes { len, width, words }
    }

    /// One plane of the given bits.
    pub fn from_bools(bits: &[bool]) -> Self {
        let words = bits.chunks(64).map(|c| c.iter().rev().fold(0, |w, &b| w << 1 | u64::from(b))).collect();
        Planes { len: bits.len(), width: 1, words }
    }

    /// The low `width` bits of every value. Planes beyond the width of the ring are zero.
    pub fn from_values<R: Ring>(values: &[R], width: usize) -> Self {
        Planes::from_fill(values.len(), width, |rows, out| out.copy_from_slice(&values[rows]))
    }

    /// As [`Planes::from_values`], of values that `fill` writes for a range of rows: they stay in the first-level cache.
    pub(crate) fn from_fill<R: Ring>(
        len: usize,
        width: usize,
        fill: impl FnMut(Range<usize>, &mut [R]),
    ) -> Self {
        let mut planes = Planes::take(len, width);
        let end = planes.stride() * width.min(R::BITS as usize);
        planes.words[end..].fill(0);
        planes.fill_rows(0..len, fill);
        planes
    }

    /// Writes the planes of `rows`, which begin at a whole word, from values that `fill` writes for a range of them,
    /// counted from the first of `rows`. Planes beyond the width of the ring are left alone.
    pub(crate) fn fill_rows<R: Ring>(
        &mut self,
        rows: Range<usize>,
        mut fill: impl FnMut(Range<usize>, &mut [R]),
    ) {
        let used = self.width.min(R::BITS as usize);
        let mut values = [R::ZERO; BLOCK];
        for start in (0..rows.len()).step_by(BLOCK) {
            let end = rows.len().min(start + BLOCK);
            fill(start..end, &mut values[..end - start]);
            values[end - start..].fill(R::ZERO);
            let words = (rows.start + start) / 64..(rows.start + end).div_ceil(64);
            for base in (0..used).step_by(64) {
                let planes = base..used.min(base + 64);
                match planes.len() {
                    0..=8 => self.scatter::<8, R>(planes, words.clone(), &values),
                    9..=16 => self.scatter::<16, R>(planes, words.clone(), &values),
                    17..=32 => self.scatter::<32, R>(planes, words.clone(), &values),
                    _ => self.scatter::<64, R>(planes, words.clone(), &values),
                }
            }
        }
    }

    /// Writes the given words of each of `planes`, up to `W`, from a block of values: bit b goes to plane b.
    fn scatter<const W: usize, R: Ring>(
        &mut self,
        planes: Range<usize>,
        at: Range<usize>,
        values: &[R; BLOCK],
    ) {
        let stride = self.stride();
        let mut lines = [[0; LINE]; W];
        match planes.start {
            0 => pack(values, &mut lines, R::low_word),
            base => pack(values, &mut lines, |value| value.shift_right(as_u32(base)).low_word()),
        }
        transpose(&mut lines);
        for (line, plane) in lines.iter().zip(planes) {
            let words = &mut self.words[plane * stride..][at.clone()];
            match words.first_chunk_mut::<LINE>() {
                Some(words) => *words = *line,
                None => words.copy_from_slice(&line[..words.len()]),
            }
        }
    }

    /// The rows as unsigned numbers; planes beyond the width of the ring are dropped.
    pub fn to_values<R: Ring>(&self) -> Vec<R> {
        let mut values = pool::take_zeros::<R>(self.len);
        let width = self.width.min(R::BITS as usize);
        let mut words = [0; BLOCK];
        for (block, rows) in values.chunks_mut(BLOCK).enumerate() {
            for base in (0..width).step_by(64) {
                let source = base..width.min(base + 64);
                match source.len() {
                    0..=8 => self.collect::<8>(source, block * LINE, &mut words),
                    9..=16 => self.collect::<16>(source, block * LINE, &mut words),
                    17..=32 => self.collect::<32>(source, block * LINE, &mut words),
                    _ => self.collect::<64>(source, block * LINE, &mut words),
                }
                for (row, &word) in rows.iter_mut().zip(&words) {
                    *row = row.plus(R::from_u128(u128::from(word)).shift_left(as_u32(base)));
                }
            }
        }
        values
    }

    /// Reads a block of rows from word `first` of each of `planes`, up to `W`: bit b is that of the b-th of them.
    fn collect<const W: usize>(&self, planes: Range<usize>, first: usize, rows: &mut [u64; BLOCK]) {
        let stride = self.stride();
        let count = LINE.min(stride - first);
        let mut lines = [[0; LINE]; W];
        for (line, plane) in lines.iter_mut().zip(planes) {
            line[..count].copy_from_slice(&self.words[plane * stride + first..][..count]);
        }
        transpose(&mut lines);
        unpack(&lines, rows);
    }

    /// The bits of plane `plane`.
    pub fn to_bools(&self, plane: usize) -> Vec<bool> {
        (0..self.len).map(|row| self.bit(plane, row)).collect()
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of planes.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Words per plane.
    pub fn stride(&self) -> usize {
        self.len.div_ceil(64)
    }

    /// All words, plane after plane.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// All words, plane after plane.
    pub fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// The words of one plane.
    pub fn plane(&self, plane: usize) -> &[u64] {
        &self.words[plane * self.stride()..(plane + 1) * self.stride()]
    }

    /// The words of one plane.
    pub fn plane_mut(&mut self, plane: usize) -> &mut [u64] {
        let stride = self.stride();
        &mut self.words[plane * stride..(plane + 1) * stride]
    }

    /// One bit.
    pub fn bit(&self, plane: usize, row: usize) -> bool {
        self.words[plane * self.stride() + row / 64] >> (row % 64) & 1 == 1
    }

    /// Sets one bit.
    pub fn set(&mut self, plane: usize, row: usize, bit: bool) {
        let index = plane * self.stride() + row / 64;
        self.words[index] = self.words[index] & !(1 << (row % 64)) | u64::from(bit) << (row % 64);
    }

    /// Adds `other`, of the same shape, bit by bit.
    pub fn xor_assign(&mut self, other: &Planes) {
        for (a, b) in self.words.iter_mut().zip(&other.words) {
            *a ^= b;
        }
    }

    /// The sum with `other`, of the same shape, bit by bit.
    #[must_use]
    pub fn xor(&self, other: &Planes) -> Planes {
        let words = self.words.iter().zip(&other.words).map(|(a, b)| a ^ b);
        Planes { words: pool::collect(self.words.len(), words), ..*self }
    }

    /// The complement.
    #[must_use]
    pub fn not(&self) -> Planes {
        Planes { words: pool::collect(self.words.len(), self.words.iter().map(|a| !a)), ..*self }
    }

    /// The given planes as a column of their own.
    #[must_use]
    pub fn select_planes(&self, planes: Range<usize>) -> Planes {
        let stride = self.stride();
        let words = &self.words[planes.start * stride..planes.end * stride];
        let words = pool::collect(words.len(), words.iter().copied());
        Planes { len: self.len, width: planes.len(), words }
    }

    /// The planes of all `parts`, which have the same number of rows, one after another.
    #[must_use]
    pub fn concat_planes(parts: &[&Planes]) -> Planes {
        let len = parts.first().map_or(0, |p| p.len);
        let mut words = pool::take_empty(parts.iter().map(|p| p.words.len()).sum());
        for part in parts {
            words.extend_from_slice(&part.words);
        }
        Planes { len, width: parts.iter().map(|p| p.width).sum(), words }
    }

    /// The given rows.
    #[must_use]
    pub fn rows(&self, rows: Range<usize>) -> Planes {
        let mut out = Planes::zeros(rows.len(), self.width);
        for p in 0..self.width {
            copy_bits(self.plane(p), rows.start, out.plane_mut(p), 0, rows.len());
        }
        out
    }

    /// The rows of all `parts`, which have the same width, one after another.
    #[must_use]
    pub fn concat_rows(parts: &[&Planes]) -> Planes {
        let width = parts.first().map_or(0, |p| p.width);
        let mut out = Planes::zeros(parts.iter().map(|p| p.len).sum(), width);
        let mut start = 0;
        for part in parts {
            for p in 0..width {
                copy_bits(part.plane(p), 0, out.plane_mut(p), start, part.len);
            }
            start += part.len;
        }
        out
    }

    /// Row `i` of the result is row `sources[i]`, or zero if there is no such row.
    #[must_use]
    pub fn gather_rows(&self, sources: &[u32]) -> Planes {
        let mut out = Planes::zeros(sources.len(), self.width);
        for base in (0..self.width).step_by(64) {
            let part = self.select_planes(base..self.width.min(base + 64));
            let rows: Vec<u64> = part.to_values();
            let moved: Vec<u64> =
                sources.iter().map(|&s| rows.get(s as usize).copied().unwrap_or(0)).collect();
            let moved = Planes::from_values(&moved, part.width);
            let stride = out.stride();
            out.words[base * stride..base * stride + moved.words.len()].copy_from_slice(&moved.words);
        }
        out
    }

    /// The rows in reverse order.
    #[must_use]
    pub fn reversed(&self) -> Planes {
        let sources: Vec<u32> = (0..as_u32(self.len)).rev().collect();
        self.gather_rows(&sources)
    }

    /// Bytes on the wire: every plane is rounded up to whole bytes.
    pub fn wire_bytes(len: usize, width: usize) -> usize {
        len.div_ceil(8) * width
    }

    /// Appends the wire form, plane after plane, bits beyond the last row cleared.
    pub fn write(&self, out: &mut Vec<u8>) {
        let bytes = self.len.div_ceil(8);
        for p in 0..self.width {
            let end = out.len() + bytes;
            u64::write(self.plane(p), out);
            out.truncate(end);
            if let (Some(last), true) = (out.last_mut(), !self.len.is_multiple_of(8)) {
                *last &= (1 << (self.len % 8)) - 1;
            }
        }
    }

    /// Reads the wire form; `bytes` must have the length that [`Planes::wire_bytes`] gives.
    pub fn read(bytes: &[u8], len: usize, width: usize) -> Planes {
        let mut planes = Planes::zeros(len, width);
        let per_plane = len.div_ceil(8);
        let whole = per_plane / 8;
        for p in 0..width {
            let bytes = &bytes[p * per_plane..(p + 1) * per_plane];
            let words = planes.plane_mut(p);
            u64::read(bytes, &mut words[..whole]);
            let mut last = [0; 8];
            last[..per_plane - whole * 8].copy_from_slice(&bytes[whole * 8..]);
            if let Some(word) = words.get_mut(whole) {
                *word = u64::from_le_bytes(last);
            }
        }
        planes
    }

    /// Clears the unspecified bits beyond the last row.
    pub fn clear_tail(&mut self) {
        if !self.len.is_multiple_of(64) {
            let mask = (1 << (self.len % 64)) - 1;
            for p in 0..self.width {
                if let Some(last) = self.plane_mut(p).last_mut() {
                    *last &= mask;
                }
            }
        }
    }
}

/// Copies `len` bits from bit `from` of `source` to bit `to` of `target`, leaving other bits alone.
fn copy_bits(source: &[u64], from: usize, target: &mut [u64], to: usize, len: usize) {
    if from.is_multiple_of(64) && to.is_multiple_of(64) {
        let whole = len / 64;
        target[to / 64..to / 64 + whole].copy_from_slice(&source[from / 64..from / 64 + whole]);
    }
    let mut done = if from.is_multiple_of(64) && to.is_multiple_of(64) { len / 64 * 64 } else { 0 };
    while done < len {
        let (at, bit) = ((to + done) / 64, (to + done) % 64);
        let count = (64 - bit).min(len - done);
        let (src, shift) = ((from + done) / 64, (from + done) % 64);
        let mut value = source[src] >> shift;
        if shift > 0 && src + 1 < source.len() {
            value |= source[src + 1] << (64 - shift);
        }
        let mask = if count == 64 { u64::MAX } else { (1 << count) - 1 };
        target[at] = target[at] & !(mask << bit) | (value & mask) << bit;
        done += count;
    }
}

/// Packs a block of rows of `W` bits, a power of two, word by word of 64 rows: bits of lane l in line j are those of row
/// l W + j. `word` gives the bits of a row, lowest first.
fn pack<const W: usize, R: Ring>(rows: &[R; BLOCK], lines: &mut [[u64; LINE]; W], word: impl Fn(R) -> u64) {
    let mask = u64::MAX >> (64 - W);
    for (k, rows) in rows.as_chunks::<64>().0.iter().enumerate() {
        let mut packed = [0; W];
        for (lane, rows) in rows.as_chunks::<W>().0.iter().enumerate() {
            for (packed, &row) in packed.iter_mut().zip(rows) {
                *packed |= (word(row) & mask) << (lane * W);
            }
        }
        for (line, packed) in lines.iter_mut().zip(packed) {
            line[k] = packed;
        }
    }
}

/// Undoes [`pack`].
fn unpack<const W: usize>(lines: &[[u64; LINE]; W], rows: &mut [u64; BLOCK]) {
    let mask = u64::MAX >> (64 - W);
    for (k, rows) in rows.as_chunks_mut::<64>().0.iter_mut().enumerate() {
        let packed: [u64; W] = std::array::from_fn(|j| lines[j][k]);
        for (lane, rows) in rows.as_chunks_mut::<W>().0.iter_mut().enumerate() {
            for (row, packed) in rows.iter_mut().zip(&packed) {
                *row = packed >> (lane * W) & mask;
            }
        }
    }
}

/// Transposes the matrix of `W` x `W` bits in each lane (Warren, Hacker's Delight, section 7-3), least significant bit
/// first, of all words of a line side by side: what [`pack`] made becomes `W` planes.
fn transpose<const W: usize>(lines: &mut [[u64; LINE]; W]) {
    let mut width = W / 2;
    while width > 0 {
        // The low half of every lane of 2 `width` bits.
        let mask = u64::MAX / ((1 << width) + 1);
        for pair in lines.chunks_exact_mut(2 * width) {
            let (low, high) = pair.split_at_mut(width);
            for (a, b) in low.iter_mut().zip(high) {
                for (a, b) in a.iter_mut().zip(b) {
                    let t = (*a >> width ^ *b) & mask;
                    *a ^= t << width;
                    *b ^= t;
                }
            }
        }
        width /= 2;
    }
}

/// Bits of the numbers below `count`.
pub(crate) fn bits_below(count: usize) -> usize {
    (usize::BITS - count.saturating_sub(1).leading_zeros()) as usize
}

/// Positions of rows and planes are far below 2^32 by the bounds of a plan.
pub(crate) fn as_u32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(n: u64) -> Vec<u64> {
        (0..n).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect()
    }

    #[test]
    fn values_round_trip() {
        for n in [0, 1, 2, 63, 64, 65, 200, 511, 512, 513, 1100] {
            let values = sample(n);
            for width in [1, 4, 8, 9, 16, 17, 31, 32, 33, 63] {
                let low: Vec<u64> = values.iter().map(|v| v & ((1 << width) - 1)).collect();
                let planes = Planes::from_values(&values, width);
                assert!(
                    (0..low.len()).all(|row| planes.bit(width - 1, row) == (low[row] >> (width - 1) == 1))
                );
                assert_eq!(planes.to_values::<u64>(), low);
            }
            assert_eq!(Planes::from_values(&values, 64).to_values::<u64>(), values);
            let low: Vec<u64> = values.iter().map(|v| v & 0x7f).collect();
            let planes = Planes::from_values(&values, 7);
            assert_eq!(planes.to_values::<u64>(), low);
            let mut bytes = Vec::new();
            planes.write(&mut bytes);
            assert_eq!(bytes.len(), Planes::wire_bytes(planes.len(), 7));
            assert_eq!(Planes::read(&bytes, planes.len(), 7).to_values::<u64>(), low);
        }
        let wide = vec![1u128 << 100 | 5, u128::MAX];
        assert_eq!(Planes::from_values(&wide, 128).to_values::<u128>(), wide);
        assert_eq!(Planes::from_values(&wide, 101).to_values::<u128>(), [wide[0], u128::MAX >> 27]);
    }

    #[test]
    fn rows_move() {
        let values = sample(200);
        let planes = Planes::from_values(&values, 64);
        assert_eq!(planes.rows(3..150).to_values::<u64>(), values[3..150]);
        assert_eq!(planes.rows(64..150).to_values::<u64>(), values[64..150]);
        let joined = Planes::concat_rows(&[&planes.rows(0..70), &planes.rows(70..71), &planes.rows(71..200)]);
        assert_eq!(joined.to_values::<u64>(), values);
        assert_eq!(planes.gather_rows(&[5, 199, u32::MAX]).to_values::<u64>(), [values[5], values[199], 0]);
        assert!(planes.bit(63, 1) == (values[1] >> 63 == 1));
    }
}
