//! Sorting by planes: stable radix sort, least significant digit first, and top-k.
//!
//! Each pass moves the rows to the destinations of a counting sort by four planes. Nothing about a key is opened, ties
//! keep their order, and the cost is exact. Wide payload does not travel with the passes: an index does, and the
//! payload follows once at the end.
//! Paper: [Asharov et al., CCS 2022](https://eprint.iacr.org/2022/1595), section 4, with composed permutations.
//! Model: semi-honest, 1 of 3.

use super::arrange::{destinations, first_u32, move_to, positions, take_from};
use super::permute::rows;
use crate::share::Shape;
use crate::{Column, Context, Result, Shared, SharedBits};

/// Planes of a digit.
const DIGIT: usize = 4;

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
/// Cost: for d = ceil(w / 4) digits of together w planes: 8 rounds a digit (7 for one of 2 planes, 6 for one of 1),
/// and 6 more if the payload follows at the end. Per full digit 60 + 11/8 + 4 + 4 bytes a row, 32 to open, and twice
/// what travels: 4 bytes of destination, the planes left, the index or payload.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Peer`].
pub async fn sort(ctx: &Context, columns: Vec<Column>, keys: &[Key]) -> Result<Vec<Column>> {
    let len = rows(ctx, &columns)?;
    let planes: Vec<&SharedBits> = keys.iter().rev().map(|key| &key.planes).collect();
    for key in &planes {
        ctx.same_shape(len, key.len())?;
    }
    let planes =
        if planes.is_empty() { SharedBits::zeros(len, 0) } else { SharedBits::concat_planes(&planes) };
    if travels(&columns, planes.width().div_ceil(DIGIT)) {
        return passes(&ctx.step("passes"), planes, columns).await;
    }
    let index = order(&ctx.step("order"), &planes).await?;
    take_from(&ctx.step("payload"), columns, &index).await
}

/// The sources of the stable ascending order of unsigned keys: row i of the sorted table is row `order[i]`.
///
/// Shapes: n rows of w bits -> n elements. Cost: as [`sort`], with an index of 4 bytes.
///
/// # Errors
/// [`crate::Error::Peer`].
pub async fn order(ctx: &Context, planes: &SharedBits) -> Result<Shared<u32>> {
    let sorted = passes(ctx, planes.clone(), vec![positions(ctx, planes.len())]).await?;
    first_u32(ctx, sorted)
}

/// The first `k` rows of the order that `keys` give.
///
/// Shapes: columns of n rows -> of min(k, n) rows. Cost: as [`sort`].
///
/// # Errors
/// As [`sort`].
pub async fn top_k(ctx: &Context, columns: Vec<Column>, keys: &[Key], k: usize) -> Result<Vec<Column>> {
    let sorted = sort(ctx, columns, keys).await?;
    Ok(sorted.iter().map(|column| column.rows(0..k.min(column.len()))).collect())
}

/// All passes of a radix sort, with everything that travels.
async fn passes(ctx: &Context, mut planes: SharedBits, mut columns: Vec<Column>) -> Result<Vec<Column>> {
    let mut pass = 0;
    while planes.width() > 0 {
        let ctx = ctx.nth(pass);
        let digit = planes.planes(0..DIGIT.min(planes.width()));
        let destinations = destinations(&ctx.step("destinations"), &digit).await?;
        let rest = planes.planes(digit.width()..planes.width());
        columns.push(Column::Bits(rest));
        columns = move_to(&ctx.step("move"), columns, &destinations).await?;
        planes =
            columns.pop().and_then(Column::into_bits).ok_or_else(|| ctx.internal("the keys are missing"))?;
        pass += 1;
    }
    Ok(columns)
}

/// Whether it costs fewer bytes that the payload travels with every pass than that an index does.
fn travels(columns: &[Column], passes: usize) -> bool {
    let bits = |column: &Column| match column {
        Column::U32(_) => Shape::U32.wire_bytes(8),
        Column::U64(_) => Shape::U64.wire_bytes(8),
        Column::U128(_) => Shape::U128.wire_bytes(8),
        Column::Bits(x) => Shape::Bits(x.width()).wire_bytes(8),
    };
    let payload: usize = columns.iter().map(bits).sum();
    // Per 8 rows: an index of 32 bytes in every pass, and at the end 3 more positions, and the payload once.
    passes * payload <= passes * 32 + 96 + payload
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
        let n = 3 << 7;
        let x = words(&numbers(1, n, 64, false));
        let clear = Clear::new().planes(&x, 64);
        let sorted = async |ctx: Context, i: crate::harness::Inputs<u64>| order(&ctx, &i.bits[0]).await;
        let run = clear.run::<u64, _>(sorted);
        let expected: Vec<i128> = ideal::order_by(&x).into_iter().map(|row| row as i128).collect();
        assert_eq!(run.values, expected);
        let digit = |left: usize| n * (60 + 4 + 4) + n / 8 * 11 + 32 + 2 * (n * (4 + 4) + n / 8 * left);
        let bytes: usize = (0..16).map(|d| digit(60 - 4 * d)).sum();
        assert_eq!((run.cost.rounds, run.cost.bytes), (128, bytes));
        assert_oblivious::<u64, _>(&clear, &Clear::new().planes(&vec![7; n], 64), sorted);
    }
}
