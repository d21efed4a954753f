//! Merging two lists that their owners sorted: a bitonic network.
//!
//! Paper: Batcher, "Sorting networks and their applications" (1968); for any length by Lang: in a level of distance m,
//! the largest power of two below the length, rows i and i + m are compared, then both parts are merged.
//! Model: semi-honest, 1 of 3. No shuffle, and nothing is opened.

use super::bits::and_bit;
use super::compare::less_than_planes;
use crate::planes::as_u32;
use crate::{Context, Result, SharedBits};

/// Merges two lists of records, each sorted in ascending order of its key.
///
/// The planes from `key_from` on are the key, as unsigned numbers; the planes below travel with it.
/// Shapes: n_a and n_b rows of w bits -> n_a + n_b rows.
/// Cost: L = ceil(log2(n_a + n_b)) levels, each of a comparison of the keys, 1 round and w planes for each pair of rows:
/// L (ceil(log2(k + 1)) + 1) rounds for keys of k planes.
///
/// # Errors
/// [`crate::Error::Shape`] if widths differ; [`crate::Error::Peer`].
pub async fn merge(ctx: &Context, a: &SharedBits, b: &SharedBits, key_from: usize) -> Result<SharedBits> {
    ctx.same_shape(a.width(), b.width())?;
    let n = a.len() + b.len();
    let width = a.width();
    // Falling, then rising: what the network turns into rising.
    let mut rows = SharedBits::concat_rows(&[&a.reverse(), b]);
    for (level, pairs) in levels(n).into_iter().enumerate() {
        let ctx = ctx.nth(level);
        let (low, high) = (rows.gather(&pairs.low), rows.gather(&pairs.high));
        let (low_key, high_key) = (low.planes(key_from..width), high.planes(key_from..width));
        let swap = less_than_planes(&ctx.step("less"), &high_key, &low_key).await?;
        let change = and_bit(&ctx.step("swap"), &swap, &low.xor(&high)).await?;
        let all =
            SharedBits::concat_rows(&[&low.xor(&change), &high.xor(&change), &rows.gather(&pairs.rest)]);
        rows = all.gather(&pairs.back);
    }
    Ok(rows)
}

/// The pairs of one level, and how its rows come back to their places.
struct Pairs {
    low: Vec<u32>,
    high: Vec<u32>,
    rest: Vec<u32>,
    back: Vec<u32>,
}

/// The levels of the network for n rows.
fn levels(n: usize) -> Vec<Pairs> {
    let mut parts = vec![(0, n)];
    let mut levels = Vec::new();
    while parts.iter().any(|&(_, len)| len > 1) {
        let mut low = Vec::with_capacity(n / 2);
        let mut high = Vec::with_capacity(n / 2);
        let mut next = Vec::with_capacity(2 * parts.len());
        let longest = parts.iter().map(|&(_, len)| len).max().unwrap_or(0);
        let distance = longest.next_power_of_two() / 2;
        for (start, len) in parts {
            if len <= distance {
                next.push((start, len));
                continue;
            }
            for i in start..start + len - distance {
                low.push(as_u32(i));
                high.push(as_u32(i + distance));
            }
            next.extend([(start, distance), (start + distance, len - distance)]);
        }
        let mut back = vec![u32::MAX; n];
        for (place, &row) in (0u32..).zip(low.iter().chain(&high)) {
            back[row as usize] = place;
        }
        let mut place = as_u32(low.len() + high.len());
        let mut rest = Vec::new();
        for (row, back) in (0u32..).zip(&mut back) {
            if *back == u32::MAX {
                rest.push(row);
                *back = place;
                place += 1;
            }
        }
        levels.push(Pairs { low, high, rest, back });
        parts = next;
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, assert_oblivious, numbers, words};

    #[test]
    fn merged_lists_are_sorted() {
        for (n, m) in [(0, 0), (1, 0), (0, 2), (1, 1), (3, 2), (5, 9), (64, 1), (63, 65), (100, 200)] {
            let (mut a, mut b) = (words(&numbers(1, n, 7, false)), words(&numbers(2, m, 7, false)));
            a.sort_unstable();
            b.sort_unstable();
            // Two planes below the key travel along: 1 marks the first list, 2 the second.
            let tag = |x: &[u64], tag: u64| x.iter().map(|v| v << 2 | tag).collect::<Vec<_>>();
            let clear = Clear::new().planes(&tag(&a, 1), 9).planes(&tag(&b, 2), 9);
            let run = clear.run::<u64, _>(async |ctx, i| merge(&ctx, &i.bits[0], &i.bits[1], 2).await);
            let mut expected: Vec<u64> = a.iter().chain(&b).copied().collect();
            expected.sort_unstable();
            let keys: Vec<i128> = run.values.iter().map(|v| v >> 2).collect();
            assert_eq!(keys, expected.iter().map(|&v| i128::from(v)).collect::<Vec<_>>(), "{n} {m}");
            assert_eq!(run.values.iter().filter(|v| **v & 3 == 1).count(), n);
            let levels = if n + m > 1 { (n + m).next_power_of_two().ilog2() as usize } else { 0 };
            assert_eq!(run.cost.rounds, levels * 4);
            let other = Clear::new().planes(&vec![0; n], 9).planes(&vec![0; m], 9);
            assert_oblivious::<u64, _>(&clear, &other, async |ctx, i| {
                merge(&ctx, &i.bits[0], &i.bits[1], 2).await
            });
        }
    }
}
