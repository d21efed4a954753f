//! Sorting by planes, and the first k rows of an order.
//!
//! Many rows: a stable radix sort, least significant digit first. Each pass moves the rows to the destinations of a
//! counting sort by four planes. Nothing about a key is opened, ties keep their order, and the cost is exact. Wide payload
//! does not travel with the passes: an index does, and the payload follows once at the end. Few rows: all pairs are
//! compared ([`rank`](super::rank)). The first rows of an order: a tournament of blocks of few rows. Which of these is
//! taken follows from what they cost, so from public sizes alone (`scheme`).
//! Paper: [Asharov et al., CCS 2022](https://eprint.iacr.org/2022/1595), section 4, with composed permutations.
//! Model: semi-honest, 1 of 3.
//!
//! # Why no comparison is opened
//! Rows that were shuffled may also be sorted by opened comparisons
//! ([Hamada et al., ICISC 2012](https://eprint.iacr.org/2014/121)): k - 1 pivots part the rows into k, and each part is
//! parted again. Ties are broken by the position before the shuffle, so keys of 64 planes are 84 wide at 2^20 rows: a
//! comparison with one pivot takes 20 bytes a row, a level 8 rounds. Computed for three seats, with one level more than
//! parts of equal size would take, four more for k = 2:
//!
//! | | 2^20 rows: rounds | bytes a row | 1,000 rows: rounds | bytes a row |
//! |---|---|---|---|---|
//! | digits, as here | 153 | 975 | 118 | 1,227 |
//! | k = 2 | 192 | 500 | 112 | 270 |
//! | k = 4 | 88 | 680 | 48 | 340 |
//! | k = 16 | 48 | 1,830 | 32 | 1,080 |
//!
//! So samples pay where rounds decide, and k = 4 in both. But none of these numbers is known before the query: how often a
//! part is parted follows from the pivots, and the lengths of messages from opened bits. Every cost that EXPLAIN prints is
//! exact, a plan that takes too long is refused before it starts, and every test of obliviousness compares all lengths.
//! That is kept, and everything is sorted by digits.

use super::arrange::{first_bits, move_by_digit, position_planes, take_from};
use super::permute::rows;
use super::rank::sort_blocks;
use super::scheme::{Payload, Scheme, scheme};
use crate::planes::as_u32;
use crate::{Column, Context, Result, Seat, SharedBits};

/// The most planes of a digit.
const DIGIT: usize = 4;

/// From this length on, bytes and computation decide and no longer rounds.
const LONG: usize = 1 << 17;

/// The widths of the digits of a key of `width` planes, the lowest first.
///
/// Short columns take digits of four planes, the fewest rounds. A code of three planes has half as many places to
/// convert: long columns take 21 digits of three planes (and one more plane) for 64, 153 rounds instead of 118 in all,
/// and a quarter less bytes.
pub(crate) fn digits(len: usize, width: usize) -> Vec<usize> {
    if len < LONG {
        return (0..width).step_by(DIGIT).map(|low| DIGIT.min(width - low)).collect();
    }
    let count = (21 * width).div_ceil(64);
    (0..count).map(|index| width / count + usize::from(index < width % count)).collect()
}

/// The seat that sends two components in a pass: they take turns over long columns.
fn busy(len: usize, pass: usize) -> Seat {
    if len < LONG { Seat::P0 } else { Seat::from_index(pass) }
}

/// Which end of the keys comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The smallest key first.
    Ascending,
    /// The largest key first.
    Descending,
}

/// One key: unsigned numbers as planes, and a direction.
///
/// A signed key has its top plane complemented ([`Key::signed`]); NULLs are one more plane on top
/// ([`Key::with_validity`]).
#[derive(Clone, Debug)]
pub struct Key {
    planes: SharedBits,
}

impl Key {
    /// A key of unsigned numbers.
    pub fn unsigned(ctx: &Context, planes: &SharedBits, direction: Direction) -> Self {
        let planes = match direction {
            Direction::Ascending => planes.clone(),
            Direction::Descending => planes.not(ctx.seat()),
        };
        Key { planes }
    }

    /// A key of numbers in two's complement.
    pub fn signed(ctx: &Context, planes: &SharedBits, direction: Direction) -> Self {
        let Some(top) = planes.width().checked_sub(1) else { return Key { planes: planes.clone() } };
        let flipped = planes.plane(top).not(ctx.seat());
        Key::unsigned(ctx, &SharedBits::concat_planes(&[&planes.planes(0..top), &flipped]), direction)
    }

    /// Puts the rows whose `valid` bit is 0 last, or first.
    #[must_use]
    pub fn with_validity(self, ctx: &Context, valid: &SharedBits, nulls_first: bool) -> Self {
        let top = if nulls_first { valid.clone() } else { valid.not(ctx.seat()) };
        Key { planes: SharedBits::concat_planes(&[&self.planes, &top]) }
    }
}

/// Sorts the rows of all columns by `keys`, the most significant key first; stable.
///
/// Shapes: keys and columns of n rows -> the columns.
/// Cost: the cheaper one of [`sort_blocks`] with a single block, and of passes by digits: below 2^17 rows
/// d = ceil(w / 4) digits of 4 planes of together w, above it d = ceil(21 w / 64) of equal widths
/// or one less. 7 rounds a digit (6 for one of 2 planes, 5 for one of 1), and 6 more if the payload follows at the end.
/// Per digit of 4 planes 60 + 11/8 bytes a row, of 3 planes 28 + 4/8; 4 of destinations at the seat whose turn it is
/// (always P0 below 2^17 rows), 8 at the others; and what travels, twice at that seat: the planes left, and the payload or
/// an index of ceil(log2 n) planes.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Peer`].
pub async fn sort(ctx: &Context, columns: Vec<Column>, keys: &[Key]) -> Result<Vec<Column>> {
    let (len, planes) = all_keys(ctx, &columns, keys)?;
    first_rows(ctx, columns, planes, len).await
}

/// The sources of the stable ascending order of unsigned keys: row i of the sorted table is row `order[i]`.
///
/// Shapes: n rows of w bits -> n rows of ceil(log2 n) bits. Cost: as [`sort`], with an index.
///
/// # Errors
/// [`crate::Error::Peer`].
pub async fn order(ctx: &Context, planes: &SharedBits) -> Result<SharedBits> {
    let len = planes.len();
    let index = position_planes(ctx, len);
    let payload = Payload { bytes: 0, planes: index.width() };
    if let Scheme::Blocks(_) = scheme(len, planes.width(), payload, len) {
        return first_bits(ctx, sort_blocks(ctx, vec![Column::Bits(index)], planes, len.max(1)).await?);
    }
    order_by_digits(ctx, planes).await
}

async fn order_by_digits(ctx: &Context, planes: &SharedBits) -> Result<SharedBits> {
    let index = position_planes(ctx, planes.len());
    let bits = SharedBits::concat_planes(&[planes, &index]);
    Ok(passes(ctx, bits, planes.width(), Vec::new()).await?.0)
}

/// The first `k` rows of the order that `keys` give; ties in the order of the rows.
///
/// Shapes: columns of n rows -> of min(k, n) rows.
/// Cost: the cheapest of [`sort`] and of tournaments by [`sort_blocks`], in which the first k rows of each block of 2 k,
/// 4 k, 8 k, ... stay, keys included, until a single block is left: for k = 10 of 10,000 rows by keys of 42 planes 50 rounds
/// instead of 82, and less than half the bytes.
///
/// # Errors
/// As [`sort`].
pub async fn top_k(ctx: &Context, columns: Vec<Column>, keys: &[Key], k: usize) -> Result<Vec<Column>> {
    let (len, planes) = all_keys(ctx, &columns, keys)?;
    first_rows(ctx, columns, planes, k.min(len)).await
}

/// The number of rows, and the planes of all keys, the least significant first.
fn all_keys(ctx: &Context, columns: &[Column], keys: &[Key]) -> Result<(usize, SharedBits)> {
    let len = rows(ctx, columns)?;
    for key in keys {
        ctx.same_shape(len, key.planes.len())?;
    }
    let planes: Vec<&SharedBits> = keys.iter().rev().map(|key| &key.planes).collect();
    Ok((len, if planes.is_empty() { SharedBits::zeros(len, 0) } else { SharedBits::concat_planes(&planes) }))
}

/// The first `keep` rows, in the way that costs least.
async fn first_rows(
    ctx: &Context,
    columns: Vec<Column>,
    planes: SharedBits,
    keep: usize,
) -> Result<Vec<Column>> {
    if keep == 0 || planes.width() == 0 {
        return Ok(cut(&columns, planes.len(), planes.len().max(1), keep));
    }
    let payload = Payload::of(&columns);
    match scheme(planes.len(), planes.width(), payload, keep) {
        Scheme::Blocks(block) => tournament(ctx, columns, planes, keep, block).await,
        Scheme::Digits => {
            let (len, passes) = (planes.len(), digits(planes.len(), planes.width()).len());
            let sorted = if travels(payload, passes) {
                travelling(&ctx.step("passes"), planes, columns).await?
            } else {
                let index = order_by_digits(&ctx.step("order"), &planes).await?;
                take_from(&ctx.step("payload"), columns, &index).await?
            };
            Ok(cut(&sorted, len, len, keep))
        }
    }
}

/// Sorts block by block, and keeps the first rows of each, until there is one block.
async fn tournament(
    ctx: &Context,
    mut columns: Vec<Column>,
    mut planes: SharedBits,
    keep: usize,
    block: usize,
) -> Result<Vec<Column>> {
    let mut level = 0;
    while planes.len() > block {
        columns.push(Column::Bits(planes.clone()));
        let sorted = sort_blocks(&ctx.nth(level), columns, &planes, block).await?;
        columns = cut(&sorted, planes.len(), block, keep);
        planes =
            columns.pop().and_then(Column::into_bits).ok_or_else(|| ctx.internal("the keys are missing"))?;
        level += 1;
    }
    let sorted = sort_blocks(&ctx.nth(level), columns, &planes, block).await?;
    Ok(cut(&sorted, planes.len(), block, keep))
}

/// The first `keep` rows of each block.
fn cut(columns: &[Column], len: usize, block: usize, keep: usize) -> Vec<Column> {
    if keep >= block {
        return columns.to_vec();
    }
    if block >= len {
        return columns.iter().map(|column| column.rows(0..keep.min(len))).collect();
    }
    let kept: Vec<u32> = (0..len).filter(|row| row % block < keep).map(as_u32).collect();
    columns.iter().map(|column| column.gather(&kept)).collect()
}

/// A radix sort with all columns in every pass: planes travel together with what is left of the key.
async fn travelling(ctx: &Context, planes: SharedBits, columns: Vec<Column>) -> Result<Vec<Column>> {
    let width = planes.width();
    let mut bits = vec![planes];
    let mut numbers = Vec::new();
    let mut widths = Vec::with_capacity(columns.len());
    for column in columns {
        match column {
            Column::Bits(x) => {
                widths.push(Some(x.width()));
                bits.push(x);
            }
            other @ (Column::U32(_) | Column::U64(_) | Column::U128(_)) => {
                widths.push(None);
                numbers.push(other);
            }
        }
    }
    let bits = SharedBits::concat_planes(&bits.iter().collect::<Vec<_>>());
    let (bits, numbers) = passes(ctx, bits, width, numbers).await?;
    let (mut numbers, mut from) = (numbers.into_iter(), 0);
    let mut sorted = Vec::with_capacity(widths.len());
    for width in widths {
        let column = width.map(|width| {
            from += width;
            Column::Bits(bits.planes(from - width..from))
        });
        sorted.extend(column.or_else(|| numbers.next()));
    }
    Ok(sorted)
}

/// All passes of a radix sort by the lowest `width` planes, with the planes above them and columns that travel along.
async fn passes(
    ctx: &Context,
    mut bits: SharedBits,
    width: usize,
    mut columns: Vec<Column>,
) -> Result<(SharedBits, Vec<Column>)> {
    for (pass, width) in digits(bits.len(), width).into_iter().enumerate() {
        let ctx = ctx.nth(pass);
        let digit = bits.planes(0..width);
        columns.push(Column::Bits(bits.planes(width..bits.width())));
        drop(bits);
        columns = move_by_digit(&ctx, columns, &digit, busy(digit.len(), pass)).await?;
        bits =
            columns.pop().and_then(Column::into_bits).ok_or_else(|| ctx.internal("the keys are missing"))?;
    }
    Ok((bits, columns))
}

/// Whether it costs fewer bytes that the payload travels with every pass than that an index does.
pub(crate) fn travels(payload: Payload, passes: usize) -> bool {
    // Per 8 rows: an index of 32 planes, the most there can be, in every pass and three times more at the end, and there
    // the payload once. An index of fewer rows is narrower, but takes 6 more rounds, which decide there.
    let payload = payload.component(8);
    passes * payload <= (passes + 3) * 32 + payload
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, LENGTHS, assert_oblivious, numbers, words};
    use crate::ideal;

    #[test]
    fn rows_follow_their_keys() {
        for n in LENGTHS {
            let (a, b) = (numbers(1, n, 3, false), numbers(2, n, 6, true));
            let valid: Vec<bool> = numbers(3, n, 2, false).iter().map(|&v| v > 0).collect();
            let payload = numbers(4, n, 60, false);
            let low: Vec<u64> = b.iter().map(|&v| u64::try_from(v & 63).unwrap()).collect();
            let clear = Clear::new().planes(&words(&a), 3).planes(&low, 6).bools(&valid).column(&payload);
            let run = clear.run::<u64, _>(async |ctx, i| {
                let major = Key::unsigned(&ctx, &i.bits[0], Direction::Descending);
                let minor = Key::signed(&ctx, &i.bits[1], Direction::Ascending);
                let minor = minor.with_validity(&ctx, &i.bits[2], false);
                let columns: Vec<Column> = (0..5).map(|_| Column::U64(i.x[0].clone())).collect();
                sort(&ctx, columns, &[major, minor]).await
            });
            let keys: Vec<(i128, bool, i128)> = (0..n).map(|i| (-a[i], !valid[i], b[i])).collect();
            let expected: Vec<i128> = ideal::order_by(&keys).into_iter().map(|row| payload[row]).collect();
            assert_eq!(run.values, expected.repeat(5));
            let run = clear.run::<u64, _>(async |ctx, i| {
                let key = Key::unsigned(&ctx, &i.bits[0], Direction::Ascending);
                top_k(&ctx, vec![Column::U64(i.x[0].clone())], &[key], 10).await
            });
            let expected: Vec<i128> =
                ideal::order_by(&a).into_iter().map(|row| payload[row]).take(10).collect();
            assert_eq!(run.values, expected);
        }
    }

    #[test]
    fn a_sort_costs_the_formula() {
        let n = 3 << 10;
        let x = words(&numbers(1, n, 64, false));
        let clear = Clear::new().planes(&x, 64);
        let sorted = async |ctx: Context, i: crate::harness::Inputs<u64>| order(&ctx, &i.bits[0]).await;
        let run = clear.run::<u64, _>(sorted);
        let expected: Vec<i128> = ideal::order_by(&x).into_iter().map(|row| row as i128).collect();
        assert_eq!(run.values, expected);
        // An index of 12 planes; P0 sends what travels twice, the others the places.
        let (code, travels) = (n * 60 + n / 8 * 11, |digit: usize| n / 8 * (12 + 60 - 4 * digit));
        let busy: usize = (0..16).map(|digit| code + 4 * n + 2 * travels(digit)).sum();
        let other: usize = (0..16).map(|digit| code + 8 * n + travels(digit)).sum();
        assert_eq!((run.cost.rounds, run.cost.bytes), (112, busy.max(other)));
        assert_oblivious::<u64, _>(&clear, &Clear::new().planes(&vec![7; n], 64), sorted);
    }

    #[test]
    fn a_long_sort_costs_the_formula() {
        let n = LONG;
        let x = words(&numbers(1, n, 64, false));
        let clear = Clear::new().planes(&x, 64);
        let run = clear.run::<u64, _>(async |ctx, i| {
            let key = Key::unsigned(&ctx, &i.bits[0], Direction::Ascending);
            sort(&ctx, vec![Column::Bits(i.bits[0].clone())], &[key]).await
        });
        let mut expected = x.clone();
        expected.sort_unstable();
        assert_eq!(words(&run.values), expected);
        assert_eq!(digits(n, 64), [vec![4], vec![3; 20]].concat());
        let (mut left, mut bytes) = (64, [0; 3]);
        let mut sent = |busy: usize, each: usize, travels: usize, places: [usize; 2]| {
            for (seat, bytes) in bytes.iter_mut().enumerate() {
                *bytes += each + if seat == busy { places[0] + 2 * travels } else { places[1] + travels };
            }
        };
        let index = n / 8 * 17;
        for (pass, width) in digits(n, 64).into_iter().enumerate() {
            left -= width;
            let code = 4 * ((1 << width) - 1) * n + n / 8 * if width == 4 { 11 } else { 4 };
            sent(pass % 3, code, index + n / 8 * left, [4 * n, 8 * n]);
        }
        sent(0, 0, index, [index; 2]);
        sent(0, 0, 8 * n, [index; 2]);
        assert_eq!((run.cost.rounds, run.cost.bytes), (153, bytes.into_iter().max().unwrap()));
    }

    #[test]
    fn digits_cover_the_key() {
        for width in 0..130 {
            for len in [0, LONG] {
                let digits = digits(len, width);
                assert_eq!(digits.iter().sum::<usize>(), width);
                assert!(digits.iter().all(|digit| (1..=DIGIT).contains(digit)));
            }
        }
    }
}
