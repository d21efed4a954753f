//! Sorting few rows by comparing all pairs of them.
//!
//! For rows i < j of a block, l_ij = 1 where `key_j < key_i` says whether the two change places. Row i goes to place
//! i + sum_{j > i} l_ij - sum_{j < i} l_ji: equal keys stay as they are. All comparisons are one, their sums are local once
//! a part of every bit is a number, and then the rows move: about a dozen rounds however wide the keys are, for about half
//! the square of the rows in comparisons.
//! Compare: sorting by ranks of [Emekci, Sahin, Agrawal and El Abbadi, 2007](https://doi.org/10.1016/j.datak.2007.03.012)
//! and the quadratic sorts that follow it; sums without conversion, and blocks, are our own.
//! Model: semi-honest, 1 of 3. Nothing about a key is opened.

use super::compare::less_than_planes;
use super::product::masked;
use super::roles::{self, Roles};
use super::scatter::{Places, scatter};
use crate::planes::as_u32;
use crate::{Column, Context, Planes, Result, Ring, Seat, SharedBits};

/// Sorts each block of `block` rows (the last one may be shorter) of all columns by the block's unsigned keys; stable.
///
/// Shapes: n rows of w bits, columns of n rows -> the columns.
/// Cost: ceil(log2(w + 1)) + 4 rounds; for p pairs of rows in one block, [`less_than_planes`] of p rows and 4 bytes for each
/// pair of a seat's third, then two components of all columns of P0, one of P1 and P2, and 4 n bytes of P0, 8 n of P1 and P2.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Internal`] for blocks without rows; [`crate::Error::Peer`].
pub async fn sort_blocks(
    ctx: &Context,
    columns: Vec<Column>,
    keys: &SharedBits,
    block: usize,
) -> Result<Vec<Column>> {
    if block == 0 {
        return Err(ctx.internal("blocks of no rows"));
    }
    let (first, second) = pairs(keys.len(), block);
    let swaps = less_than_planes(&ctx.step("less"), &keys.gather(&second), &keys.gather(&first)).await?;
    let mut places = shifts(ctx, &swaps, keys.len(), (&first, &second)).await?;
    if ctx.seat() == Seat::P0 {
        for (place, row) in places.iter_mut().zip(0u32..) {
            *place = place.plus(row);
        }
    }
    let places = masked(&ctx.step("places"), places)?;
    scatter(&ctx.step("move"), columns, Places::Parts(places), Seat::P0).await
}

/// How many pairs of rows there are in the same block.
pub(crate) fn count_pairs(len: usize, block: usize) -> usize {
    let of = |rows: usize| rows * rows.saturating_sub(1) / 2;
    len / block * of(block) + of(len % block)
}

/// All pairs of rows of the same block, the earlier one first.
fn pairs(len: usize, block: usize) -> (Vec<u32>, Vec<u32>) {
    let mut pairs = (Vec::new(), Vec::new());
    for start in (0..len).step_by(block) {
        let end = len.min(start + block);
        for i in start..end {
            pairs.0.extend((i + 1..end).map(|_| as_u32(i)));
            pairs.1.extend((i + 1..end).map(as_u32));
        }
    }
    pairs
}

/// This seat's part of the sum over a row's pairs: plus the bit where it is the first of the pair, minus where the second.
///
/// A bit is a + d - 2 a d, `a` known to the holder and `d` to the two others: of a = r + (a - r), `P(c+1)` gets one part
/// and `P(c+2)` knows the other, so each has its part of the product.
/// Cost: 1 round; each seat sends 4 bytes for each pair of its own third.
async fn shifts(
    ctx: &Context,
    swaps: &SharedBits,
    len: usize,
    (first, second): (&[u32], &[u32]),
) -> Result<Vec<u32>> {
    let roles = Roles::new(ctx.seat(), swaps.len());
    let ranges = roles.ranges();
    let bits = roles.view_bits(swaps).map(Planes::to_values::<u32>);
    let a = roles::input(&ctx.step("sums"), &bits.own, bits.low.len(), bits.high.len()).await?;
    let twice = |d: u32, a: u32| d.times(a.plus(a));
    let low = bits.low.iter().zip(&a.low.first).map(|(&d, &a)| d.minus(twice(d, a)));
    let high = bits.high.iter().zip(&a.high.second).map(|(&d, &r)| twice(d, r).negated());
    let mut sums = vec![0u32; len];
    let mut add = |pair: usize, part: u32| {
        let (i, j) = (first[pair] as usize, second[pair] as usize);
        sums[i] = sums[i].plus(part);
        sums[j] = sums[j].minus(part);
    };
    ranges.own.zip(bits.own.iter().copied()).for_each(|(pair, part)| add(pair, part));
    ranges.low.zip(low).for_each(|(pair, part)| add(pair, part));
    ranges.high.zip(high).for_each(|(pair, part)| add(pair, part));
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, LENGTHS, numbers, words};
    use crate::ideal;

    #[test]
    fn every_block_is_sorted() {
        for n in LENGTHS {
            for block in [1, 2, 7, 64, 1000] {
                let keys = words(&numbers(1, n, 3, false));
                let x = numbers(2, n, 60, false);
                let clear = Clear::new().planes(&keys, 3).column(&x);
                let run = clear.run::<u64, _>(async |ctx, i| {
                    sort_blocks(&ctx, vec![Column::U64(i.x[0].clone())], &i.bits[0], block).await
                });
                let keyed: Vec<(usize, u64)> = (0..n).map(|row| (row / block, keys[row])).collect();
                let expected: Vec<i128> = ideal::order_by(&keyed).into_iter().map(|row| x[row]).collect();
                assert_eq!(run.values, expected, "{n} rows, blocks of {block}");
                assert_eq!(run.cost.rounds, 2 + 4);
                assert_eq!(pairs(n, block).0.len(), count_pairs(n, block));
            }
        }
    }
}
