//! A component of a column in the form in which its rows are moved: planes as words of up to 64 bits a row.
//!
//! A table that is permuted several times is turned into rows once, and into planes only where it is sent.

use std::borrow::Cow;

use crate::share::Part;
use crate::{Planes, Prg, Ring, pool};

/// How a mask is applied: one of two parts gets it added, the other subtracted.
#[derive(Clone, Copy)]
pub(super) enum Sign {
    Plus,
    Minus,
}

impl Sign {
    fn of<R: Ring>(self) -> fn(R, R) -> R {
        match self {
            Sign::Plus => R::plus,
            Sign::Minus => R::minus,
        }
    }
}

/// One component of a column.
#[derive(Clone)]
pub(super) enum Rows {
    /// Ring elements; never planes.
    Ring(Part),
    /// `width` bits a row: 64 in each of `words`, the rest in the last. Higher bits of a word are not looked at.
    Bits { len: usize, width: usize, words: Vec<Vec<u64>> },
}

impl From<Part> for Rows {
    fn from(part: Part) -> Self {
        let Part::Bits(planes) = part else { return Rows::Ring(part) };
        let (len, width) = (planes.len(), planes.width());
        let words = if width <= 64 {
            (0..width.min(1)).map(|_| planes.to_values()).collect()
        } else {
            let groups = (0..width).step_by(64).map(|base| base..width.min(base + 64));
            groups.map(|group| planes.select_planes(group).to_values()).collect()
        };
        Rows::Bits { len, width, words }
    }
}

impl Rows {
    /// The component as it is sent.
    pub(super) fn part(&self) -> Cow<'_, Part> {
        match self {
            Rows::Ring(part) => Cow::Borrowed(part),
            Rows::Bits { len, width, words } => Cow::Owned(Part::Bits(planes(*len, *width, words))),
        }
    }

    /// The component as part of a column.
    pub(super) fn into_part(self) -> Part {
        match self {
            Rows::Ring(part) => part,
            Rows::Bits { len, width, words } => {
                let planes = planes(len, width, &words);
                words.into_iter().for_each(pool::give);
                Part::Bits(planes)
            }
        }
    }

    /// Adds or subtracts the next elements of a stream, in the group of its kind.
    pub(super) fn mask(&mut self, stream: &mut Prg, sign: Sign) {
        match (self, sign) {
            (Rows::Ring(part), Sign::Plus) => part.add_random(stream),
            (Rows::Ring(part), Sign::Minus) => part.sub_random(stream),
            (Rows::Bits { words, .. }, _) => words.iter_mut().for_each(|x| stream.apply(x, |a, b| a ^ b)),
        }
    }

    /// Adds a component of the same shape, in the group of its kind.
    pub(super) fn add(&mut self, other: &Rows) {
        match (self, other) {
            (Rows::Ring(x), Rows::Ring(y)) => x.add(y),
            (Rows::Bits { words: x, .. }, Rows::Bits { words: y, .. }) => {
                let words = x.iter_mut().zip(y).flat_map(|(x, y)| x.iter_mut().zip(y));
                words.for_each(|(a, b)| *a ^= b);
            }
            (Rows::Ring(_) | Rows::Bits { .. }, _) => debug_assert!(false, "rows of different kinds"),
        }
    }

    /// Row `i` of the result is row `sources[i]`.
    pub(super) fn gather(self, sources: &[u32]) -> Rows {
        match self {
            Rows::Ring(Part::U32(x)) => Rows::Ring(Part::U32(gathered(x, sources))),
            Rows::Ring(Part::U64(x)) => Rows::Ring(Part::U64(gathered(x, sources))),
            Rows::Ring(Part::U128(x)) => Rows::Ring(Part::U128(gathered(x, sources))),
            Rows::Ring(Part::Bits(x)) => Rows::Ring(Part::Bits(x.gather_rows(sources))),
            Rows::Bits { width, words, .. } => {
                let words = words.into_iter().map(|x| gathered(x, sources)).collect();
                Rows::Bits { len: sources.len(), width, words }
            }
        }
    }

    /// As [`Rows::gather`], with the next elements of a stream added or subtracted while a row is in the cache.
    pub(super) fn gather_masked(self, sources: &[u32], stream: &mut Prg, sign: Sign) -> Rows {
        match self {
            Rows::Ring(Part::U32(x)) => Rows::Ring(Part::U32(gathered_masked(x, sources, stream, sign.of()))),
            Rows::Ring(Part::U64(x)) => Rows::Ring(Part::U64(gathered_masked(x, sources, stream, sign.of()))),
            Rows::Ring(Part::U128(x)) => {
                Rows::Ring(Part::U128(gathered_masked(x, sources, stream, sign.of())))
            }
            Rows::Ring(Part::Bits(x)) => Rows::from(Part::Bits(x)).gather_masked(sources, stream, sign),
            Rows::Bits { width, words, .. } => {
                let moved = |x| gathered_masked(x, sources, stream, |a: u64, b| a ^ b);
                Rows::Bits { len: sources.len(), width, words: words.into_iter().map(moved).collect() }
            }
        }
    }

    /// Gives the buffers back.
    pub(super) fn give(self) {
        match self {
            Rows::Ring(Part::U32(x)) => pool::give(x),
            Rows::Ring(Part::U64(x)) => pool::give(x),
            Rows::Ring(Part::U128(x)) => pool::give(x),
            Rows::Ring(Part::Bits(_)) => {}
            Rows::Bits { words, .. } => words.into_iter().for_each(pool::give),
        }
    }
}

fn gathered<R: Ring>(x: Vec<R>, sources: &[u32]) -> Vec<R> {
    let row = |&source: &u32| x.get(source as usize).copied().unwrap_or(R::ZERO);
    let moved = pool::collect(sources.len(), sources.iter().map(row));
    pool::give(x);
    moved
}

fn gathered_masked<R: Ring>(x: Vec<R>, sources: &[u32], stream: &mut Prg, f: impl Fn(R, R) -> R) -> Vec<R> {
    /// Bytes of a block in the first-level cache.
    const BLOCK_BYTES: usize = 1 << 12;
    let mut moved = pool::take_empty(sources.len());
    for block in sources.chunks(BLOCK_BYTES / R::BYTES) {
        let start = moved.len();
        moved.extend(block.iter().map(|&source| x.get(source as usize).copied().unwrap_or(R::ZERO)));
        stream.apply(&mut moved[start..], &f);
    }
    pool::give(x);
    moved
}

fn planes(len: usize, width: usize, words: &[Vec<u64>]) -> Planes {
    match words {
        [] => Planes::zeros(len, width),
        [only] => Planes::from_values(only, width),
        _ => {
            let groups =
                words.iter().enumerate().map(|(i, x)| Planes::from_values(x, (width - 64 * i).min(64)));
            let groups: Vec<Planes> = groups.collect();
            Planes::concat_planes(&groups.iter().collect::<Vec<_>>())
        }
    }
}
