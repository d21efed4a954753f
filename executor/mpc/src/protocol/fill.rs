//! Copying values down a sorted table: from the first row of each group to all rows of it.
//!
//! The rows are parted, heads last; there, adjacent differences of the values are local; moved back to their places,
//! prefix sums copy each head's value to all rows up to the next head. Idea: our own, on the permutations of
//! [Asharov et al., CCS 2022](https://eprint.iacr.org/2022/1595). Model: semi-honest, 1 of 3.

use super::arrange::{compact, move_to, position_planes};
use crate::{Column, Context, Part, Result, SharedBits};

/// Copies the values of each head to the rows below it, up to the next head.
///
/// Values must be zero in all other rows; rows above the first head stay zero.
/// Shapes: columns of n rows, n rows of 1 bit -> the columns.
/// Cost: 8 rounds: [`compact`] of the columns and of ceil(log2 n) planes, then [`move_to`] of the columns.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Peer`].
pub async fn fill(ctx: &Context, columns: Vec<Column>, heads: &SharedBits) -> Result<Vec<Column>> {
    let mut table = columns;
    table.push(Column::Bits(position_planes(ctx, heads.len())));
    // Heads last: the rows before them are zero, so the first difference is right as well.
    let mut parted = compact(&ctx.step("part"), table, &heads.not(ctx.seat())).await?;
    let places = parted.pop().ok_or_else(|| ctx.internal("the places are missing"))?;
    let steps = by_part(ctx, parted, Part::differences)?;
    let back = move_to(&ctx.step("back"), steps, places).await?;
    by_part(ctx, back, Part::prefix_sums)
}

/// Applies a linear map to both components of all columns.
pub(super) fn by_part(ctx: &Context, columns: Vec<Column>, f: impl Fn(&Part) -> Part) -> Result<Vec<Column>> {
    let mapped: Option<Vec<Column>> = columns
        .into_iter()
        .map(|column| {
            let (first, second) = column.into_parts();
            Column::from_parts(f(&first), f(&second))
        })
        .collect();
    mapped.ok_or_else(|| ctx.internal("components of a column differ in kind"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, Inputs, LENGTHS, assert_oblivious, bools, numbers, words};
    use crate::ideal;
    use crate::planes::bits_below;

    async fn filled(ctx: Context, i: Inputs<u64>) -> Result<Vec<Column>> {
        let columns = vec![Column::U64(i.x[0].clone()), Column::Bits(i.bits[1].clone())];
        fill(&ctx, columns, &i.bits[0]).await
    }

    #[test]
    fn values_reach_the_next_head() {
        for n in LENGTHS {
            let heads = bools(1, n);
            let at_heads = |x: Vec<i128>| -> Vec<i128> {
                x.iter().zip(&heads).map(|(x, head)| if *head { *x } else { 0 }).collect()
            };
            let (x, low) = (at_heads(numbers(2, n, 60, false)), at_heads(numbers(3, n, 9, false)));
            let clear = Clear::new().bools(&heads).planes(&words(&low), 9).column(&x);
            let run = clear.run::<u64, _>(filled);
            let mut expected = ideal::fill(&x, &heads);
            expected.extend(ideal::fill(&low, &heads));
            assert_eq!(run.values, expected);
            // Compaction with positions, and back.
            let (row, position) = (8 * n + 9 * n.div_ceil(8), bits_below(n) * n.div_ceil(8));
            let bytes = 4 * n + 4 * n + 2 * (row + position) + position + 2 * row;
            assert_eq!((run.cost.rounds, run.cost.bytes), (8, bytes));
            let other = Clear::new().bools(&vec![true; n]).planes(&vec![1; n], 9).column(&vec![1; n]);
            assert_oblivious::<u64, _>(&clear, &other, filled);
        }
    }
}
