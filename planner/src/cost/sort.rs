//! What sorting costs, and which way of it the secure core takes: the cheapest one, from public sizes.
//!
//! Many rows are sorted by digits, pass by pass; few rows by comparing all pairs of them; and if only the first rows are
//! asked for, by a tournament of blocks of few rows.

use super::table::{bits_below, by_digit, by_parts_of_places, chunks, moved, places, planes, table};
use super::{Cost, table as protocols};
use crate::plan::Encoding;

/// Planes that a pass of a radix sort takes.
const DIGIT: u64 = 4;

/// Rows from which on a sort takes narrower digits, and seats take turns in its shuffles.
const LONG: u64 = 1 << 17;

/// Bytes that three seats are taken to send in the time of a round.
const ROUND_BYTES: u64 = 3 * 14_000;

/// The most bytes that pairs may hold at a seat.
const MOST_HELD: u64 = 1 << 28;

/// Bytes a row that a sort holds for a digit, on few rows and on many.
const DIGIT_HELD: [u64; 2] = [576, 320];

/// Bytes of a running count or a bit as a number of 32 bits.
const COUNT_BYTES: u64 = 4;

/// A sort of a payload by keys of `width` planes.
pub(super) fn sort(n: u64, width: u64, payload: &[Encoding]) -> Cost {
    first_rows(n, width, payload, n)
}

/// The first `keep` rows of a sort of a payload by keys of `width` planes.
pub(super) fn first_rows(n: u64, width: u64, payload: &[Encoding], keep: u64) -> Cost {
    let keep = keep.min(n);
    if keep == 0 || width == 0 {
        return Cost::default();
    }
    let component = |rows| table(payload, rows);
    match scheme(n, width, &component, keep) {
        Some(block) => tournament(n, width, &component, keep, block),
        None => by_digits(n, width, &component),
    }
}

/// The order of numbers of `width` bits.
pub(super) fn order(n: u64, width: u64) -> Cost {
    let index = |rows| planes(rows, bits_below(n));
    match scheme(n, width, &index, n) {
        Some(_) => blocks(n, width, n.max(1), index(n)),
        None => passes(n, width, index(n)),
    }
}

/// The rows of the blocks of a tournament, or nothing where digits cost less. As the protocol decides it.
fn scheme(n: u64, width: u64, component: &dyn Fn(u64) -> u64, keep: u64) -> Option<u64> {
    let price = |cost: Cost| cost.rounds * ROUND_BYTES + cost.seat_bytes.iter().sum::<u64>();
    let whole = std::iter::once(n.max(1));
    let smaller = (1..u64::BITS).map(|log| keep << log).take_while(|&block| block > 0 && block < n);
    let mut best = (price(by_digits(n, width, component)), None);
    for block in whole.chain(smaller.filter(|_| keep > 0)) {
        if held_by_pairs(n, width, block) <= MOST_HELD {
            let price = price(tournament(n, width, component, keep, block));
            best = if price < best.0 { (price, Some(block)) } else { best };
        }
    }
    best.1
}

/// The first rows of each block stay, with their keys, until there is one block.
fn tournament(n: u64, width: u64, component: &dyn Fn(u64) -> u64, keep: u64, block: u64) -> Cost {
    let (mut cost, mut left) = (Cost::default(), n);
    while left > block {
        cost = cost.then(blocks(left, width, block, component(left) + planes(left, width)));
        left = left / block * keep.min(block) + keep.min(left % block);
    }
    cost.then(blocks(left, width, block, component(left)))
}

/// What a seat holds for keys while it sorts: the codes of a digit and their running counts; or for pairs of rows their
/// numbers, keys, and comparisons.
pub(super) fn held(n: u64, width: u64, component: &dyn Fn(u64) -> u64, keep: u64) -> u64 {
    let by_digits = n.saturating_mul(DIGIT_HELD[usize::from(n >= LONG)]);
    match scheme(n, width, component, keep.min(n)) {
        Some(block) => held_by_pairs(n, width, block),
        None => by_digits,
    }
}

/// As the protocol bounds it.
fn held_by_pairs(n: u64, width: u64, block: u64) -> u64 {
    pairs(n, block).saturating_mul(40 + 3 * width)
}

/// How many pairs of rows are in the same block.
fn pairs(n: u64, block: u64) -> u64 {
    let of = |rows: u64| rows * rows.saturating_sub(1) / 2;
    n / block * of(block) + of(n % block)
}

/// Blocks sorted by comparing all pairs of their rows; the bits summed for each row; then the rows move.
fn blocks(n: u64, width: u64, block: u64, payload: u64) -> Cost {
    let pairs = pairs(n, block);
    let mut cost = Cost::default();
    let mut leaves = width + 1;
    while leaves > 1 {
        cost = cost.then(protocols::and(pairs, leaves / 2 * 2 - 1));
        leaves = leaves.div_ceil(2);
    }
    let summed =
        Cost { rounds: 1, seat_bytes: chunks(pairs).map(|own| COUNT_BYTES * own), ..Cost::default() };
    cost.then(summed).then(by_parts_of_places(0, n, payload))
}

/// A radix sort: the payload in every pass, or an index and the payload at the end.
fn by_digits(n: u64, width: u64, component: &dyn Fn(u64) -> u64) -> Cost {
    let passes = digits(n, width).len() as u64;
    let eight = component(8);
    if passes * eight <= (passes + 3) * 32 + eight {
        return self::passes(n, width, component(n));
    }
    self::passes(n, width, places(n)).then(moved(n, places(n))).then(moved(n, component(n)))
}

/// The passes of a radix sort by keys of `width` planes, with `payload` bytes of one component of what travels.
fn passes(n: u64, width: u64, payload: u64) -> Cost {
    let mut cost = Cost::default();
    let mut left = width;
    for (pass, digit) in (0..).zip(digits(n, width)) {
        left -= digit;
        let busy = if n < LONG { 0 } else { pass };
        cost = cost.then(by_digit(busy, n, digit, payload + planes(n, left)));
    }
    cost
}

/// The widths of the digits of a key, as the protocol chooses them.
fn digits(n: u64, planes: u64) -> Vec<u64> {
    if n < LONG {
        return (0..planes.div_ceil(DIGIT)).map(|index| DIGIT.min(planes - index * DIGIT)).collect();
    }
    let count = (21 * planes).div_ceil(64);
    (0..count).map(|index| planes / count + u64::from(index < planes % count)).collect()
}
