//! Moving rows to shared destinations: secret permutations, their inverses, compaction.
//!
//! Orders of rows that nobody knows are planes of as many bits as the number of rows needs; running counts, which become
//! destinations too, are numbers over Z_2^32. `scatter` moves the rows.
//! Paper: [Asharov et al., CCS 2022](https://eprint.iacr.org/2022/1595), section 3. Model: semi-honest, 1 of 3.

use super::counting::destinations_in_parts;
use super::scatter::{Places, scatter};
use crate::planes::{as_u32, bits_below};
use crate::{Column, Context, Planes, Result, Seat, Shared, SharedBits};

/// Moves row i of all columns to row `destinations[i]`. The destinations are a permutation of all rows: numbers over
/// Z_2^32, or planes.
///
/// Shapes: n rows, columns of n rows -> the same columns.
/// Cost: 3 rounds; every seat sends the destinations once, P0 two components of all columns, P1 and P2 one each.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Abort`] if the destinations are no permutation;
/// [`crate::Error::Peer`].
pub async fn move_to(
    ctx: &Context,
    columns: Vec<Column>,
    destinations: impl Into<Column>,
) -> Result<Vec<Column>> {
    scatter(ctx, columns, Places::Shared(destinations.into()), Seat::P0).await
}

/// Moves the rows to where a stable sort by `digit` puts them. `busy` is the seat that sends two components.
///
/// Cost: that of [`super::counting::destinations`] without its last round, then 3 rounds: P0 sends two components of
/// all columns, P1 and P2 one each; and of 4 n bytes, P0 one, P1 and P2 two each.
///
/// # Errors
/// As [`move_to`].
pub(super) async fn move_by_digit(
    ctx: &Context,
    columns: Vec<Column>,
    digit: &SharedBits,
    busy: Seat,
) -> Result<Vec<Column>> {
    let parts = destinations_in_parts(&ctx.step("destinations"), digit).await?;
    scatter(&ctx.step("move"), columns, Places::Parts(parts), busy).await
}

/// The inverse of a shared permutation, as planes: row `p[i]` of the result is i.
///
/// Shapes: n -> n rows of ceil(log2 n) bits. Cost: that of [`move_to`] with so many planes.
///
/// # Errors
/// As [`move_to`].
pub async fn invert(ctx: &Context, permutation: impl Into<Column>) -> Result<SharedBits> {
    let permutation = permutation.into();
    let positions = Column::Bits(position_planes(ctx, permutation.len()));
    first_bits(ctx, move_to(ctx, vec![positions], permutation).await?)
}

/// Row i of the result is row `sources[i]`, for a shared permutation of all rows.
///
/// Cost: [`invert`], then [`move_to`]: 6 rounds.
///
/// # Errors
/// As [`move_to`].
pub async fn take_from(
    ctx: &Context,
    columns: Vec<Column>,
    sources: impl Into<Column>,
) -> Result<Vec<Column>> {
    let destinations = invert(&ctx.step("invert"), sources).await?;
    move_to(&ctx.step("move"), columns, destinations).await
}

/// One secret order after another: taking rows by the result is taking them by `first`, then by `second`.
///
/// Shapes: n each -> n, as `first` is. Cost: that of [`take_from`] with `first` as the column.
///
/// # Errors
/// As [`move_to`].
pub async fn compose(ctx: &Context, first: impl Into<Column>, second: impl Into<Column>) -> Result<Column> {
    let composed = take_from(ctx, vec![first.into()], second).await?.pop();
    composed.ok_or_else(|| ctx.internal("an order is missing"))
}

/// Moves the rows whose flag is 1 to the front, both kinds in their order.
///
/// Shapes: flags n rows of 1 bit, columns of n rows -> the same columns.
/// Cost: 5 rounds; 4 n bytes for the flags, then 4 n bytes of P0 and 8 n of P1 and P2, two components of all columns of
/// P0 and one of P1 and P2.
///
/// # Errors
/// As [`move_to`].
pub async fn compact(ctx: &Context, columns: Vec<Column>, flags: &SharedBits) -> Result<Vec<Column>> {
    move_by_digit(ctx, columns, &flags.not(ctx.seat()), Seat::P0).await
}

/// The public positions 0 to n - 1 as a shared column.
pub(crate) fn positions(ctx: &Context, len: usize) -> Column {
    Column::U32(Shared::from_public(ctx.seat(), &(0..as_u32(len)).collect::<Vec<_>>()))
}

/// The public positions 0 to n - 1 as shared planes.
pub(crate) fn position_planes(ctx: &Context, len: usize) -> SharedBits {
    let numbers: Vec<u32> = (0..as_u32(len)).collect();
    SharedBits::from_public(ctx.seat(), &Planes::from_values(&numbers, bits_below(len)))
}

/// The first column, which is one of planes.
pub(crate) fn first_bits(ctx: &Context, columns: Vec<Column>) -> Result<SharedBits> {
    let first = columns.into_iter().next().and_then(Column::into_bits);
    first.ok_or_else(|| ctx.internal("a column of planes is missing"))
}

/// The first column, which is one of u32.
pub(crate) fn first_u32(ctx: &Context, columns: Vec<Column>) -> Result<Shared<u32>> {
    order_column(ctx, columns.into_iter().next())
}

/// The column, which is one of u32.
pub(crate) fn order_column(ctx: &Context, column: Option<Column>) -> Result<Shared<u32>> {
    column.and_then(Column::into_u32).ok_or_else(|| ctx.internal("a column of positions is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, LENGTHS, assert_oblivious, bools, numbers};
    use crate::ideal;
    use crate::{Prg, Ring};

    #[test]
    fn secret_orders_move_rows_both_ways() {
        for n in LENGTHS {
            let order = Prg::from_key(&[4; 16]).permutation(n);
            let clear_order: Vec<i128> = order.iter().map(|&v| i128::from(v)).collect();
            let x = numbers(1, n, 30, true);
            let clear = Clear::new().column(&x).column(&clear_order);
            let run = clear.run::<u32, _>(async |ctx, i| {
                let there = move_to(&ctx.step("there"), vec![Column::U32(i.x[0].clone())], &i.x[1]).await?;
                let back = take_from(&ctx.step("back"), there.clone(), &i.x[1]).await?;
                Ok((there, back))
            });
            let (there, back) = run.values.split_at(n);
            let signed = |v: &[i128]| v.iter().map(|&v| u32::from_i128(v).to_i128()).collect::<Vec<_>>();
            assert_eq!(ideal::gather(&signed(there), &order), x);
            assert_eq!(signed(back), x);
        }
    }

    #[test]
    fn compaction_keeps_the_order() {
        for n in LENGTHS {
            let (flags, x) = (bools(1, n), numbers(2, n, 60, false));
            let clear = Clear::new().bools(&flags).column(&x);
            let compacted = async |ctx: Context, i: crate::harness::Inputs<u64>| {
                compact(&ctx, vec![Column::U64(i.x[0].clone())], &i.bits[0]).await
            };
            let run = clear.run::<u64, _>(compacted);
            let keys: Vec<bool> = flags.iter().map(|f| !f).collect();
            let expected: Vec<i128> = ideal::order_by(&keys).into_iter().map(|row| x[row]).collect();
            assert_eq!(run.values, expected);
            // One conversion, the destinations, two components of the column.
            let bytes = 4 * n + 4 * n + 2 * 8 * n;
            assert_eq!((run.cost.rounds, run.cost.bytes), (5, bytes));
            let other = Clear::new().bools(&vec![false; n]).column(&vec![0; n]);
            assert_oblivious::<u64, _>(&clear, &other, compacted);
        }
    }
}
