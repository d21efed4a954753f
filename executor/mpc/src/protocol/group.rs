//! Grouping by a key of an open domain.
//!
//! Rows are sorted by their keys; sums of groups are differences of prefix sums, which are local, read at the last row
//! of each group, after these rows were moved to the front.
//! Model: semi-honest, 1 of 3. Neither the number of groups nor their sizes are learned.

use super::arrange::compact;
use super::bits::and_all;
use super::sort::{Direction, Key, sort};
use crate::{Column, Context, Result, SharedBits};

/// The groups of a table, in ascending order of their keys.
#[derive(Clone, Debug)]
pub struct Groups {
    /// The key of each group.
    pub keys: SharedBits,
    /// Whether there is such a group; the other rows are meaningless.
    pub exists: SharedBits,
    /// The sums of each value column over the rows of the group.
    pub sums: Vec<Column>,
}

/// Sums columns by key.
///
/// `values` are arithmetic columns that are zero in invalid rows (a column of validity as numbers counts the rows).
/// `max_groups` is a public bound on the number of groups; more groups than that are cut off.
/// Shapes: n rows -> min(n, `max_groups`) rows.
/// Cost: [`sort`] by w + 1 planes, ceil(log2(w + 1)) rounds and w planes for the neighbours, [`compact`] (5 rounds).
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Internal`] for a value column of bits;
/// [`crate::Error::Peer`].
pub async fn sums_by_key(
    ctx: &Context,
    keys: &SharedBits,
    valid: &SharedBits,
    values: Vec<Column>,
    max_groups: usize,
) -> Result<Groups> {
    let n = keys.len();
    let width = keys.width();
    let key = Key::unsigned(ctx, keys, Direction::Ascending).with_validity(ctx, valid, false);
    let mut table = values;
    table.push(Column::Bits(SharedBits::concat_planes(&[keys, valid])));
    let mut table = sort(&ctx.step("sort"), table, &[key]).await?;
    let sorted = pop_bits(ctx, &mut table)?;
    let ends = group_ends(&ctx.step("ends"), &sorted, width).await?;
    let mut table = table.into_iter().map(|column| prefix_sums(ctx, column)).collect::<Result<Vec<_>>>()?;
    table.push(Column::Bits(SharedBits::concat_planes(&[&sorted.planes(0..width), &ends])));
    let table = compact(&ctx.step("compact"), table, &ends).await?;
    let mut kept: Vec<Column> = table.iter().map(|column| column.rows(0..n.min(max_groups))).collect();
    let bits = pop_bits(ctx, &mut kept)?;
    let sums = kept.into_iter().map(|column| differences(ctx, column)).collect::<Result<Vec<_>>>()?;
    Ok(Groups { keys: bits.planes(0..width), exists: bits.plane(width), sums })
}

/// The last valid row of each key. Valid rows come first, so a valid next row means that this one is valid.
async fn group_ends(ctx: &Context, sorted: &SharedBits, width: usize) -> Result<SharedBits> {
    let goes_on = goes_on(ctx, sorted, width).await?;
    let last = SharedBits::zeros(sorted.len().min(1), 1);
    Ok(sorted.plane(width).xor(&SharedBits::concat_rows(&[&goes_on, &last])))
}

/// Whether the next row is valid and has the same key, for all rows but the last; plane `width` is validity.
pub(super) async fn goes_on(ctx: &Context, sorted: &SharedBits, width: usize) -> Result<SharedBits> {
    let n = sorted.len();
    let next = sorted.rows(n.min(1)..n);
    let keys = sorted.planes(0..width).rows(0..n.saturating_sub(1));
    let same = keys.xor(&next.planes(0..width)).not(ctx.seat());
    and_all(ctx, &SharedBits::concat_planes(&[&same, &next.plane(width)])).await
}

pub(crate) fn pop_bits(ctx: &Context, table: &mut Vec<Column>) -> Result<SharedBits> {
    table.pop().and_then(Column::into_bits).ok_or_else(|| ctx.internal("a column of bits is missing"))
}

fn prefix_sums(ctx: &Context, column: Column) -> Result<Column> {
    match column {
        Column::U32(x) => Ok(Column::U32(x.prefix_sums())),
        Column::U64(x) => Ok(Column::U64(x.prefix_sums())),
        Column::U128(x) => Ok(Column::U128(x.prefix_sums())),
        Column::Bits(_) => Err(ctx.internal("bits cannot be summed")),
    }
}

fn differences(ctx: &Context, column: Column) -> Result<Column> {
    match column {
        Column::U32(x) => Ok(Column::U32(x.differences())),
        Column::U64(x) => Ok(Column::U64(x.differences())),
        Column::U128(x) => Ok(Column::U128(x.differences())),
        Column::Bits(_) => Err(ctx.internal("bits cannot be summed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, Inputs, LENGTHS, assert_oblivious, bools, numbers, words};
    use crate::ideal;

    async fn grouped(ctx: Context, i: Inputs<u64>) -> Result<Vec<Column>> {
        let values = vec![Column::U64(i.x[0].clone()), Column::U64(i.x[1].clone())];
        let groups = sums_by_key(&ctx, &i.bits[0], &i.bits[1], values, 40).await?;
        let mut out = vec![Column::Bits(groups.exists), Column::Bits(groups.keys)];
        out.extend(groups.sums);
        Ok(out)
    }

    #[test]
    fn groups_equal_the_ideal() {
        for n in LENGTHS {
            for some_valid in [true, false] {
                let keys = words(&numbers(1, n, 5, false));
                let valid: Vec<bool> = bools(2, n).iter().map(|v| *v && some_valid).collect();
                let values: Vec<i128> = numbers(3, n, 40, false)
                    .iter()
                    .zip(&valid)
                    .map(|(v, &ok)| if ok { *v } else { 0 })
                    .collect();
                let ones: Vec<i128> = valid.iter().map(|&v| i128::from(v)).collect();
                let clear = Clear::new().planes(&keys, 5).bools(&valid).column(&values).column(&ones);
                let run = clear.run::<u64, _>(grouped);
                let rows = n.min(40);
                let kept: Vec<u64> = keys.iter().zip(&valid).filter(|(_, v)| **v).map(|(k, _)| *k).collect();
                let pick = |x: &[i128]| -> Vec<i128> {
                    x.iter().zip(&valid).filter(|(_, v)| **v).map(|(x, _)| *x).collect()
                };
                let sums = ideal::sums_by_key(&kept, &pick(&values));
                let counts = ideal::sums_by_key(&kept, &pick(&ones));
                for row in 0..rows {
                    assert_eq!(run.values[row] == 1, row < sums.len());
                }
                for (g, ((key, sum), (_, count))) in sums.iter().zip(counts).enumerate() {
                    let found = [run.values[rows + g], run.values[2 * rows + g], run.values[3 * rows + g]];
                    assert_eq!(found, [i128::from(*key), *sum, count]);
                }
            }
        }
    }

    #[test]
    fn grouping_is_oblivious() {
        let one =
            Clear::new().planes(&[1, 2, 3, 1], 5).bools(&[true; 4]).column(&[1, 2, 3, 4]).column(&[1; 4]);
        let other = Clear::new().planes(&[9; 4], 5).bools(&[false; 4]).column(&[0; 4]).column(&[0; 4]);
        assert_oblivious::<u64, _>(&one, &other, grouped);
    }
}
