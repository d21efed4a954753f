//! What values at ranks of open groups cost.

use super::{Cost, table};
use crate::plan::{Encoding, Rank, RankPlace, RankSort, RingSize};

/// Bits of a number of rows, compared with 1.
const COUNT_BITS: u64 = 34;

/// What is picked of a group.
struct Picks {
    /// Ends of the order: the smallest, the largest.
    ends: [bool; 2],
    /// Shares with two neighbours each.
    interpolated: u64,
    /// Shares with one value each.
    discrete: u64,
    /// The common denominator of all shares.
    denominator: i128,
}

impl Picks {
    fn of(sort: &RankSort) -> Picks {
        let mut picks = Picks {
            ends: [Rank::FIRST, Rank::LAST].map(|end| sort.ranks.contains_key(&end)),
            interpolated: 0,
            discrete: 0,
            denominator: i128::from(sort.denominator().unwrap_or(u64::MAX)),
        };
        for rank in sort.ranks.keys().filter(|rank| **rank != Rank::FIRST && **rank != Rank::LAST) {
            let below = Rank { place: RankPlace::Below, ..*rank };
            match rank.place {
                RankPlace::Reaching => picks.discrete += 1,
                RankPlace::Above if sort.ranks.contains_key(&below) => {}
                RankPlace::Below | RankPlace::Above => picks.interpolated += 1,
            }
        }
        picks
    }

    fn targets(&self) -> u64 {
        2 * self.interpolated + self.discrete
    }
}

/// Rows sorted by keys and values of so many planes, the ranks found at the ends of groups and carried back to all rows,
/// the rows at them picked, the values as numbers.
pub(super) fn pick_by_key(n: u64, planes: u64, width: u64, sort: &RankSort) -> Cost {
    let picks = Picks::of(sort);
    let below = n.saturating_sub(1);
    let record = planes + 1 + width + 1;
    let payload = Encoding::Planes(u32::try_from(record).unwrap_or(u32::MAX));
    let marks = table::and_all(below, planes + 1).beside(table::and(n, 1));
    let mut cost = super::sort::sort(n, record, &[payload]).then(marks).then(ends_and_counts(n));
    if picks.targets() > 0 {
        cost = cost.then(ranks(n, &picks));
    }
    for (asked, rows) in picks.ends.into_iter().zip([n, below]) {
        if asked {
            cost = cost.then(table::and(rows, 1));
        }
    }
    if picks.targets() > 0 {
        let bits = (u64::from(u64::BITS) - u64::from(n.leading_zeros())).max(1);
        cost = cost.then(table::zero(picks.targets() * n, bits)).then(table::and(n, picks.targets()));
    }
    let flags = picks.targets() + picks.ends.into_iter().map(u64::from).sum::<u64>();
    let kept = table::planes(n, flags * width + planes + 1) + table::INDEX_BYTES * n;
    let found = table::to_arithmetic(sort.ranks.len() as u64 * n, width, RingSize::Z64);
    cost.then(table::and(n, flags * width)).then(table::moved_by_numbers(n, kept)).then(found)
}

/// Where the last rows of groups go, beside running counts.
fn ends_and_counts(n: u64) -> Cost {
    let ones = table::each(2, n * table::INDEX_BYTES);
    ones.then(table::each(1, n * table::INDEX_BYTES)).beside(ones)
}

/// The ranks of each group, from its count, carried to all its rows.
fn ranks(n: u64, picks: &Picks) -> Cost {
    let index = table::INDEX_BYTES;
    let ends = table::moved_by_numbers(n, 2 * index * n + table::planes(n, 1));
    let wide = table::by_parts(n, table::element(RingSize::Z64), index);
    let none = table::negative(n, COUNT_BITS + 1).then(table::to_arithmetic(n, 1, RingSize::Z64));
    let numerators = picks.targets() * n;
    let quotients = table::divide_by_public(numerators, picks.denominator, RingSize::Z64);
    let masked = table::each(2, n * index).then(table::each(1, numerators * index));
    let back = table::moved_by_numbers(n, picks.targets() * n * index);
    ends.then(wide).then(none).then(quotients).then(masked).then(back)
}
