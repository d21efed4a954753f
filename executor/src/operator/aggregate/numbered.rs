//! Distinct numbers, of persons or of values: sorts rows by their number, and counts each number once per cell.

use std::ops::Range;

use futures::future::try_join_all;
use mpc::protocol::arrange::{invert, move_to};
use mpc::protocol::compare::equal_planes;
use mpc::protocol::convert::{bit_to_arithmetic, bits_of};
use mpc::protocol::segmented::segmented_or;
use mpc::protocol::sort::order;
use mpc::{Column, Context, Shared, SharedBits};
use planner::plan::NumberedPart;

use super::cells_of;
use crate::table::Table;
use crate::{Error, Result};

/// The persons of one measure after the other, where the numbers of persons are the same columns.
pub(super) struct Numbered<'p> {
    /// For each measure, its parts.
    pub(super) measures: Vec<&'p [NumberedPart]>,
    /// The width of numbers.
    pub(super) bits: u32,
}

/// The columns of numbers and rows that measures with one sort have in common.
pub(super) fn sorted_by(parts: &[NumberedPart], bits: u32) -> (u32, Vec<(usize, usize, usize)>) {
    (bits, parts.iter().map(|part| (part.number, part.rows.start, part.rows.end)).collect())
}

/// One column of counts per measure, a row per cell.
///
/// Cost: the codes of cells as for runs of persons; the bits of all numbers that are no planes ([`bits_of`]); one sort by them ([`order`],
/// [`invert`], [`move_to`]); equality of neighbours; a [`segmented_or`] over runs of any length, of one plane per cell
/// and measure; and as many bits as numbers.
pub(super) async fn count(
    ctx: &Context,
    keys: &[Vec<&Shared<u64>>],
    input: &Table,
    numbered: &Numbered<'_>,
) -> Result<Vec<Column>> {
    let first = numbered.measures.first().copied().unwrap_or_default();
    let numbers = first.iter().enumerate().map(|(index, part)| {
        let ctx = ctx.step("number").nth(index);
        async move {
            if let Column::Bits(planes) = input.column(part.number)? {
                return Ok::<_, Error>(planes.rows(part.rows.clone()));
            }
            let numbers = input.ring64(part.number)?.slice(part.rows.clone());
            Ok(bits_of(&ctx, &numbers, numbered.bits).await?)
        }
    });
    let planes = numbered.measures.iter().enumerate().map(|(index, parts)| {
        let ctx = ctx.step("cells").nth(index);
        async move { counting(&ctx, keys, input, parts).await }
    });
    let (numbers, planes) = futures::try_join!(try_join_all(numbers), try_join_all(planes))?;
    let numbers = SharedBits::concat_rows(&numbers.iter().collect::<Vec<_>>());
    let cells = SharedBits::concat_planes(&planes.iter().collect::<Vec<_>>());
    let totals = distinct(ctx, &numbers, &cells).await?;
    let width = totals.len() / planes.len().max(1);
    Ok((0..planes.len()).map(|index| Column::from(totals.slice(rows_of(index, width)))).collect())
}

fn rows_of(index: usize, width: usize) -> Range<usize> {
    index * width..(index + 1) * width
}

/// The counting bits of all parts of a measure, one plane per cell.
async fn counting(
    ctx: &Context,
    keys: &[Vec<&Shared<u64>>],
    input: &Table,
    parts: &[NumberedPart],
) -> Result<SharedBits> {
    let parts = parts.iter().enumerate().map(|(index, part)| {
        let ctx = ctx.nth(index);
        async move {
            let counts = input.bit(part.counts)?.rows(part.rows.clone());
            cells_of(&ctx, keys, &counts, &part.rows).await
        }
    });
    let all = try_join_all(parts).await?;
    Ok(SharedBits::concat_rows(&all.iter().collect::<Vec<_>>()))
}

/// For each plane, the number of distinct `numbers` in rows with a 1.
async fn distinct(ctx: &Context, numbers: &SharedBits, planes: &SharedBits) -> Result<Shared<u64>> {
    let (n, seat) = (numbers.len(), ctx.seat());
    let index = order(&ctx.step("order"), numbers).await?;
    let places = invert(&ctx.step("invert"), &index).await?;
    let table = vec![Column::Bits(numbers.clone()), Column::Bits(planes.clone())];
    let moved = move_to(&ctx.step("move"), table, &places).await?;
    let mut moved = moved.into_iter().map(Column::into_bits);
    let (Some(Some(numbers)), Some(Some(planes))) = (moved.next(), moved.next()) else {
        return Err(Error::internal("aggregate", "a sort changed the kind of a column"));
    };
    let (before, after) = (numbers.rows(0..n.saturating_sub(1)), numbers.rows(n.min(1)..n));
    let same = equal_planes(&ctx.step("same"), &before, &after).await?;
    let first = SharedBits::zeros(n.min(1), 1).not(seat);
    let starts = SharedBits::concat_rows(&[&first, &same.not(seat)]);
    let once = segmented_or(&ctx.step("person"), &planes, &starts, n).await?;
    let ones: Vec<Shared<u64>> = bit_to_arithmetic(&ctx.step("count"), &once).await?;
    let sums: Vec<Shared<u64>> = ones.iter().map(Shared::sum).collect();
    Ok(Shared::concat(&sums.iter().collect::<Vec<_>>()))
}
