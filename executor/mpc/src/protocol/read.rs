//! Reading few rows of a table of bits at secret places.
//!
//! A place is the number of a block and a row in it. The inner product of the one-hot code of the row with every block
//! is the row's bits in each; the one-hot code of the block picks one of these. Inner products of bits are local but for
//! one bit of each result, so a read costs about the square root of the number of rows, in bits.
//! The idea is that of the square-root schemes of private information retrieval
//! ([Chor et al., FOCS 1995](https://doi.org/10.1109/SFCS.1995.492461), section 3), on shares. Model: semi-honest,
//! 1 of 3.

use super::bits::bilinear;
use super::one_hot::one_hot;
use crate::{Context, Planes, Result, SharedBits};

/// Bits of a row's number in its block: at least those of a word, so that blocks begin at words.
const WORD: usize = 6;

/// Row `places[i]` of `table`; a place beyond the last row gives zeros.
///
/// Shapes: a table of n rows of w bits, q places of at most 32 bits -> q rows of w bits.
/// Cost: for places of k bits, with l = max(6, ceil(k / 2)) of a row in its block and m = ceil(n / 2^l) blocks that they
/// can name: the rounds of [`one_hot`] of l bits, and 2 more; beside the two codes, q (m + 1) w bits sent by each seat.
///
/// # Errors
/// [`crate::Error::Internal`] for places of more than 32 bits; [`crate::Error::Peer`].
pub async fn read_rows(ctx: &Context, table: &SharedBits, places: &SharedBits) -> Result<SharedBits> {
    let (queries, planes) = (places.len(), places.width());
    let low = WORD.max(planes.div_ceil(2));
    let blocks = table.len().div_ceil(1 << low).min(1 << planes.saturating_sub(low));
    if blocks == 0 || table.width() == 0 {
        return Ok(SharedBits::zeros(queries, table.width()));
    }
    let padded =
        SharedBits::concat_planes(&[places, &SharedBits::zeros(queries, low.saturating_sub(planes))]);
    let (of_row, of_block) = (padded.planes(0..low), padded.planes(low..padded.width()));
    let (row_step, block_step) = (ctx.step("row"), ctx.step("block"));
    let (row_code, block_code) =
        futures::try_join!(one_hot(&row_step, &of_row), one_hot(&block_step, &of_block))?;
    let found = bilinear(&ctx.step("blocks"), in_every_block(table, &row_code, blocks)).await?;
    bilinear(&ctx.step("picked"), in_one_block(&found, &block_code, table.width())).await
}

/// The local part of: for each block, the row that the code names. Planes of the first block come first.
fn in_every_block(table: &SharedBits, code: &SharedBits, blocks: usize) -> Planes {
    let width = table.width();
    let (queries, words) = (code.len(), code.width() / 64);
    let (mut first, mut second) = (table.first.clone(), table.second.clone());
    first.clear_tail();
    second.clear_tail();
    let codes = [code_words(&code.first, words), code_words(&code.second, words)];
    let mut out = Planes::zeros(queries, blocks * width);
    for block in 0..blocks {
        for plane in 0..width {
            let at = |part: &Planes| {
                let all = part.plane(plane);
                all[block * words..all.len().min((block + 1) * words)].to_vec()
            };
            let (a, b) = (at(&first), at(&second));
            for query in 0..queries {
                let own = query * words..(query + 1) * words;
                let (x, y) = (&codes[0][own.clone()], &codes[1][own]);
                let terms = x.iter().zip(y).zip(a.iter().zip(&b));
                let sum = terms.fold(0, |sum, ((x, y), (a, b))| sum ^ (x & (a ^ b)) ^ (y & a));
                out.set(block * width + plane, query, sum.count_ones() % 2 == 1);
            }
        }
    }
    out
}

/// The codes row by row: `words` words for each.
fn code_words(code: &Planes, words: usize) -> Vec<u64> {
    let mut out = vec![0; code.len() * words];
    for plane in 0..code.width() {
        for row in 0..code.len() {
            out[row * words + plane / 64] |= u64::from(code.bit(plane, row)) << (plane % 64);
        }
    }
    out
}

/// The local part of: of the rows found in all blocks, that of the block which the code names.
fn in_one_block(found: &SharedBits, code: &SharedBits, width: usize) -> Planes {
    let mut out = Planes::zeros(found.len(), width);
    for block in 0..found.width() / width {
        let (x, y) = (code.first.plane(block), code.second.plane(block));
        for plane in 0..width {
            let at = block * width + plane;
            let (a, b) = (found.first.plane(at), found.second.plane(at));
            let terms = x.iter().zip(y).zip(a.iter().zip(b));
            for (out, ((x, y), (a, b))) in out.plane_mut(plane).iter_mut().zip(terms) {
                *out ^= (x & (a ^ b)) ^ (y & a);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, Inputs, LENGTHS, assert_oblivious, numbers, words};
    use crate::ideal;

    async fn read(ctx: Context, i: Inputs<u64>) -> Result<SharedBits> {
        read_rows(&ctx, &i.bits[0], &i.bits[1]).await
    }

    #[test]
    fn rows_are_those_at_the_places() {
        for n in LENGTHS.into_iter().chain([5000]) {
            for (q, planes) in [(0, 13), (1, 13), (70, 13), (70, 5)] {
                let table = words(&numbers(1, n, 9, false));
                let places = words(&numbers(2, q, u32::try_from(planes).unwrap(), false));
                let run = Clear::new().planes(&table, 9).planes(&places, planes).run::<u64, _>(read);
                let sources: Vec<u32> = places.iter().map(|&place| u32::try_from(place).unwrap()).collect();
                let expected = ideal::gather(&table, &sources);
                assert_eq!(run.values, expected.iter().map(|&row| i128::from(row)).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_read_costs_the_root_of_the_rows() {
        let (n, q) = (5000, 70);
        let clear = Clear::new().planes(&vec![1; n], 9).planes(&vec![3; q], 13);
        let run = clear.run::<u64, _>(read);
        // Codes of 7 and of 6 bits: 7 = 4 + 3 and 6 = 3 + 3.
        let codes = (11 + 4 + 15 * 7) + (4 + 4 + 7 * 7);
        let blocks = n.div_ceil(128);
        assert_eq!((run.cost.rounds, run.cost.bytes), (3 + 2, (codes + (blocks + 1) * 9) * q.div_ceil(8)));
        let other = Clear::new().planes(&vec![0; n], 9).planes(&vec![8191; q], 13);
        assert_oblivious::<u64, _>(&clear, &other, read);
    }
}
