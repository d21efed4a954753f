//! Which way of sorting costs least, from public sizes.
//!
//! Passes by digits take some 7 rounds for every 4 planes of the key; ranks take a dozen rounds in all, and half the square
//! of the rows in comparisons. If only the first k rows are asked for, ranks are taken in a *tournament*: of each block of
//! rows the first k stay, until one block is left.
//! A round is weighed as the bytes that travel meanwhile between parties on one machine: 14 kB of each seat. So a way with
//! fewer rounds never sends more than that for each round it saves: a whole sort goes by ranks up to some 500 rows, whose
//! 1.4 MB a seat are at most 1 MB above those of digits. Further apart, rounds count more, and ranks are the better still;
//! only on a link that is slow and near at once would digits be faster, by the time that such a link takes for that.
//! What pairs hold in memory is bounded besides.

use super::rank::count_pairs;
use super::sort::{digits, travels};
use crate::planes::bits_below;
use crate::{Column, Planes};

/// Bytes that three seats send in the time of a round: 35 microseconds at 400 MB a second and seat.
const ROUND_BYTES: usize = 3 * 14_000;

/// The most bytes that pairs may hold at a seat.
const MOST_HELD: usize = 1 << 28;

/// Whether the pairs of blocks fit memory: what a seat holds for each of them are the numbers of its rows and its part of
/// two sums, both keys and what their comparison makes of them, and what it sends.
pub(crate) fn fits(len: usize, width: usize, block: usize) -> bool {
    count_pairs(len, block).saturating_mul(40 + 3 * width) <= MOST_HELD
}

/// What moves with the keys: bytes of ring elements in a row, and planes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) bytes: usize,
    pub(crate) planes: usize,
}

impl Payload {
    pub(crate) fn of(columns: &[Column]) -> Self {
        columns.iter().fold(Payload::default(), |sum, column| match column {
            Column::U32(_) => Payload { bytes: sum.bytes + 4, ..sum },
            Column::U64(_) => Payload { bytes: sum.bytes + 8, ..sum },
            Column::U128(_) => Payload { bytes: sum.bytes + 16, ..sum },
            Column::Bits(x) => Payload { planes: sum.planes + x.width(), ..sum },
        })
    }

    /// One component of so many rows.
    pub(crate) fn component(self, rows: usize) -> usize {
        rows * self.bytes + Planes::wire_bytes(rows, self.planes)
    }

    fn with_planes(self, planes: usize) -> Self {
        Payload { planes: self.planes + planes, ..self }
    }
}

/// A way of sorting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Passes by digits, of all rows.
    Digits,
    /// A tournament of blocks of so many rows; a single block if it has all of them.
    Blocks(usize),
}

/// Rounds, and bytes of all three seats.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cost {
    rounds: usize,
    pub(crate) bytes: usize,
}

impl Cost {
    fn then(self, rounds: usize, bytes: usize) -> Cost {
        Cost { rounds: self.rounds + rounds, bytes: self.bytes + bytes }
    }

    pub(crate) fn price(self) -> usize {
        self.rounds * ROUND_BYTES + self.bytes
    }
}

/// The cheapest way to the first `keep` of `len` rows by keys of `width` planes.
pub(crate) fn scheme(len: usize, width: usize, payload: Payload, keep: usize) -> Scheme {
    let whole = std::iter::once(len.max(1));
    let smaller = (1..usize::BITS).map(|log| keep << log).take_while(|&block| block > 0 && block < len);
    let blocks = whole.chain(smaller.filter(|_| keep > 0));
    let prices = blocks
        .filter(|&block| fits(len, width, block))
        .map(|block| (by_blocks(len, width, payload, keep, block).price(), Scheme::Blocks(block)));
    let by_digits = (by_digits(len, width, payload).price(), Scheme::Digits);
    prices.fold(by_digits, |best, next| if next.0 < best.0 { next } else { best }).1
}

/// The numbers of rows at which the levels of a tournament begin.
pub(crate) fn levels(len: usize, keep: usize, block: usize) -> Vec<usize> {
    let mut levels = vec![len];
    let mut left = len;
    while left > block {
        left = left / block * keep.min(block) + keep.min(left % block);
        levels.push(left);
    }
    levels
}

/// Keys move with the rows but in the last level.
pub(crate) fn by_blocks(len: usize, width: usize, payload: Payload, keep: usize, block: usize) -> Cost {
    levels(len, keep, block).into_iter().fold(Cost::default(), |cost, rows| {
        let moved = if rows > block { payload.with_planes(width) } else { payload };
        let pairs = count_pairs(rows, block);
        let (mut planes, mut rounds, mut leaves) = (0, 0, width + 1);
        while leaves > 1 {
            planes += leaves / 2 * 2 - 1;
            rounds += 1;
            leaves = leaves.div_ceil(2);
        }
        let compared = 3 * Planes::wire_bytes(pairs, planes) + 4 * pairs;
        cost.then(rounds + 4, compared + 20 * rows + 4 * moved.component(rows))
    })
}

/// As [`super::sort`] says: the payload in every pass, or an index and the payload at the end.
pub(crate) fn by_digits(len: usize, width: usize, payload: Payload) -> Cost {
    let digits = digits(len, width);
    let places = Payload { bytes: 0, planes: bits_below(len) };
    let alone = travels(payload, digits.len());
    let along = if alone { payload } else { places };
    let mut left = width;
    let mut cost = Cost::default();
    for digit in digits {
        left -= digit;
        // Codes of four planes take 11 ANDs, of three 4, of two 1.
        let (code, rounds) = [(0, 0), (0, 0), (1, 1), (4, 2), (11, 2)][digit];
        let counted = 3 * (Planes::wire_bytes(len, code) + 4 * ((1 << digit) - 1) * len);
        cost = cost.then(rounds + 5, counted + 20 * len + 4 * along.with_planes(left).component(len));
    }
    if alone {
        return cost;
    }
    cost.then(6, 10 * places.component(len) + 4 * payload.component(len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tournaments_end() {
        for (len, keep, block) in
            [(0, 3, 6), (1, 1, 2), (1000, 10, 40), (17, 16, 32), (100, 1, 2), (65, 0, 4)]
        {
            let levels = levels(len, keep, block);
            assert!(levels.windows(2).all(|two| two[0] > two[1]), "{levels:?}");
            assert!(
                levels.iter().rev().skip(1).all(|&rows| rows > block) && levels[levels.len() - 1] <= block
            );
        }
        assert_eq!(levels(1000, 10, 40), [1000, 250, 70, 20]);
    }

    #[test]
    fn pairs_are_bounded() {
        let payload = Payload { bytes: 8, planes: 1 };
        assert!(fits(1 << 10, 64, 1 << 10) && !fits(1 << 12, 64, 1 << 12));
        // Cheaper than digits, but for the memory.
        assert_eq!(scheme(1 << 20, 42, payload, 100), Scheme::Digits);
    }

    /// Where bytes decide, ranks send at most 14 kB a seat more for each round that they save.
    #[test]
    fn rounds_saved_bound_the_bytes() {
        for width in [8, 42, 64] {
            let payload = Payload { bytes: 8, planes: 1 };
            for len in [100, 300, 400, 500] {
                let digits = by_digits(len, width, payload);
                if let Scheme::Blocks(block) = scheme(len, width, payload, len) {
                    let ranks = by_blocks(len, width, payload, len, block);
                    assert!(ranks.bytes <= digits.bytes + (digits.rounds - ranks.rounds) * ROUND_BYTES);
                }
            }
            assert_eq!(scheme(600, width, payload, 600), Scheme::Digits, "{width} planes");
        }
    }

    #[test]
    fn few_rows_go_by_ranks_and_many_by_digits() {
        let payload = Payload { bytes: 8, planes: 1 };
        assert_eq!(scheme(64, 42, payload, 64), Scheme::Blocks(64));
        assert_eq!(scheme(1 << 17, 42, payload, 1 << 17), Scheme::Digits);
        assert!(matches!(scheme(10_000, 42, payload, 5), Scheme::Blocks(10..=80)));
        assert_eq!(scheme(10_000, 42, payload, 5_000), Scheme::Digits);
    }
}
