//! Values at ranks within cells: MIN, MAX, MEDIAN, PERCENTILE.
//!
//! The values are sorted by cell and value, rows that do not count last. Where the values of a cell begin follows from the
//! counts of the cells before it, so the place of a rank is a sum on shares; few rows at secret places are read.

use mpc::protocol::convert::{bits_of, one_bit_to_arithmetic, planes_to_arithmetic};
use mpc::protocol::divide::divide_by_public;
use mpc::protocol::read::read_rows;
use mpc::protocol::sort::{Direction, Key, sort};
use mpc::{Column, Context, Ring, Shared, SharedBits};
use planner::plan::Rank;

use super::{Measured, Term, low_bits, sums_of};
use crate::table::Table;
use crate::{Error, Result};

/// For each of `ranks` (a measure and its rank) the value at it in every cell.
///
/// `columns`: the values as planes, and the bit that a row counts.
/// Cost: [`sort`] by the planes of the value, of the cell and of the bit, beside counts per cell and a division by a
/// public number for each rank; [`read_rows`] for each cell and rank, and a conversion of what is read.
pub(super) async fn run(
    ctx: &Context,
    keys: &[Vec<&Shared<u64>>],
    input: &Table,
    columns: (usize, usize),
    ranks: &[(usize, Rank)],
) -> Result<Vec<(usize, Column)>> {
    let values = planes(input.column(columns.0)?)?;
    let counts = input.bit(columns.1)?;
    let (sort_ctx, place_ctx) = (ctx.step("sort"), ctx.step("places"));
    let (sorted, places) = futures::try_join!(
        in_order(&sort_ctx, keys, values, counts),
        places(&place_ctx, keys, counts, ranks)
    )?;
    let read = read_rows(&ctx.step("read"), &sorted, &places).await?;
    let found = planes_to_arithmetic::<u64>(&ctx.step("numbers"), &read).await?;
    let cells = found.len() / ranks.len().max(1);
    let of = |(place, (measure, _)): (usize, &(usize, Rank))| {
        (*measure, Column::from(found.slice(place * cells..(place + 1) * cells)))
    };
    let measured: Measured = ranks.iter().enumerate().map(of).collect();
    Ok(measured)
}

fn planes(column: &Column) -> Result<&SharedBits> {
    match column {
        Column::Bits(bits) => Ok(bits),
        Column::U32(_) | Column::U64(_) | Column::U128(_) => {
            Err(Error::internal("aggregate", "values at ranks are no planes"))
        }
    }
}

/// The values by cell, ascending, those that do not count last.
async fn in_order(
    ctx: &Context,
    keys: &[Vec<&Shared<u64>>],
    values: &SharedBits,
    counts: &SharedBits,
) -> Result<SharedBits> {
    let cells: Vec<SharedBits> = keys.iter().rev().map(|key| index(key, values.len())).collect();
    let mut low_first = vec![values];
    low_first.extend(&cells);
    let key = Key::unsigned(ctx, &SharedBits::concat_planes(&low_first), Direction::Ascending);
    let key = key.with_validity(ctx, counts, false);
    let mut sorted = sort(ctx, vec![Column::Bits(values.clone())], &[key]).await?;
    let sorted = sorted.pop().and_then(Column::into_bits);
    sorted.ok_or_else(|| Error::internal("aggregate", "a sort changed the kind of a column"))
}

/// The number of the value that a one-hot code stands for, as planes. Local.
fn index(code: &[&Shared<u64>], rows: usize) -> SharedBits {
    let bits = usize::BITS - code.len().saturating_sub(1).leading_zeros();
    let codes: Vec<SharedBits> = code.iter().map(|code| low_bits(code)).collect();
    let plane = |bit: u32| {
        let ones = codes.iter().enumerate().filter(|(value, _)| value >> bit & 1 == 1);
        ones.fold(SharedBits::zeros(rows, 1), |sum, (_, code)| sum.xor(code))
    };
    let planes: Vec<SharedBits> = (0..bits).map(plane).collect();
    if planes.is_empty() {
        return SharedBits::zeros(rows, 0);
    }
    SharedBits::concat_planes(&planes.iter().collect::<Vec<_>>())
}

/// Where the ranks of all cells are among the sorted rows, rank after rank.
async fn places(
    ctx: &Context,
    keys: &[Vec<&Shared<u64>>],
    counts: &SharedBits,
    ranks: &[(usize, Rank)],
) -> Result<SharedBits> {
    let rows = counts.len();
    let ones = one_bit_to_arithmetic::<u64>(&ctx.step("ones"), counts).await?;
    let term = [Term::Sum { value: ones.into(), rows: 0..rows }];
    let sums = sums_of::<u64>(&ctx.step("counts"), keys, &term, &[0], 0..rows).await?;
    let Some((_, Column::U64(counts))) = sums.into_iter().next() else {
        return Err(Error::internal("aggregate", "no counts of cells"));
    };
    let starts = counts.prefix_sums().sub(&counts);
    let ranked = ranks.iter().enumerate().map(|(index, (_, rank))| {
        let (ctx, counts, starts) = (ctx.step("rank").nth(index), &counts, &starts);
        async move { Ok::<_, Error>(starts.add(&at(&ctx, counts, *rank).await?)) }
    });
    let places = futures::future::try_join_all(ranked).await?;
    let places = Shared::concat(&places.iter().collect::<Vec<_>>());
    let bits = (usize::BITS - rows.saturating_sub(1).leading_zeros()).max(1);
    Ok(bits_of(&ctx.step("bits"), &places, bits).await?)
}

/// The rank among the values of each cell.
async fn at(ctx: &Context, counts: &Shared<u64>, rank: Rank) -> Result<Shared<u64>> {
    let (offset, shift) = rank.line();
    let top = counts.scale(u64::from(rank.numerator));
    let top = top.add_constant(ctx.seat(), u64::from_i128(i128::from(offset)));
    let quotient = divide_by_public(ctx, &top, u64::from(rank.denominator)).await?;
    Ok(quotient.add_constant(ctx.seat(), u64::from_i128(i128::from(shift))))
}
