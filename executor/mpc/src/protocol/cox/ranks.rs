//! Which of the tied events of its time each event is: Efron's fractions, without a sort.

use crate::protocol::fixed::{reciprocal, truncated_product};
use crate::protocol::product::{bilinear, cross, mul, weighted_sums};
use crate::protocol::truncate::widen;
use crate::{Context, Result, Shared};

/// Fractional bits of Efron's fractions.
pub(super) const TIED: u32 = 40;
/// Fractional bits of the reciprocal number of events of a time: `l / d` has an error of `l` units.
const SHARE: u32 = 60;

/// What is known of ties before any step.
pub(super) struct Ties {
    /// `l / d` for the event that is number `l` from 0 of the `d` of its time, [`TIED`] fractional bits; 0 or a unit
    /// below in rows without an event.
    pub(super) fractions: Shared<u128>,
    /// Events at each time.
    pub(super) deaths: Shared<u128>,
}

/// How many rows a block has, so that pairs in blocks and sums of blocks are about as many.
///
/// `n` rows and `T` times take `n / s` sums of blocks for each time and `n s / 2` pairs: least for `s = sqrt(2 T)`.
fn block_rows(times: usize) -> usize {
    (2 * times).isqrt().max(1)
}

/// Numbers the events of each time, in the order of rows, and divides by how many there are.
///
/// The number of an event is that of the events of its time in the blocks of rows before, which its one-hot code reads
/// from sums of blocks, and in the rows of its own block before, each with a dot product of two codes. Both are one
/// relation of degree two each, so that bytes grow with `n sqrt(T)`.
/// Cost: with `S` blocks and `P` pairs in them, `2` rounds of `8 (S T + P)` and `8 n` bytes; a product of each row,
/// a widening of rows and times, a reciprocal of each time, a read and a truncated product of each row.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(super) async fn ties(
    ctx: &Context,
    codes: &[&Shared<u128>],
    event: &Shared<u128>,
    row_bits: u32,
) -> Result<Ties> {
    let times = codes.len();
    let narrow: Vec<Shared<u64>> = codes.iter().map(|code| code.narrow()).collect();
    let event: Shared<u64> = event.narrow();
    let blocks = Blocks { rows: event.len(), size: block_rows(times), codes: &narrow, event: &event };
    let first = bilinear(&ctx.step("blocks"), blocks.first_terms()).await?;
    let sums = blocks.count() * times;
    let running = blocks.running(&first.slice(0..sums));
    let pairs = first.slice(sums..first.len());
    let before = bilinear(&ctx.step("before"), blocks.second_terms(&running, &pairs)).await?;
    let number = mul(&ctx.step("of events"), &event, &before).await?;
    let deaths = running.slice(sums..sums + times);
    let both = widen(&ctx.step("widen"), &Shared::concat(&[&number, &deaths])).await?;
    let (number, deaths) = (both.slice(0..number.len()), both.slice(number.len()..both.len()));
    let share = reciprocal(&ctx.step("share"), &deaths, row_bits as usize / 2 + 1, SHARE).await?;
    let share = weighted_sums(&ctx.step("read"), codes, &[&share]).await?;
    let fractions = truncated_product(&ctx.step("fractions"), &number, &share, SHARE - TIED).await?;
    Ok(Ties { fractions, deaths })
}

/// Rows in blocks.
struct Blocks<'a> {
    rows: usize,
    size: usize,
    codes: &'a [Shared<u64>],
    event: &'a Shared<u64>,
}

impl Blocks<'_> {
    fn count(&self) -> usize {
        self.rows.div_ceil(self.size)
    }

    fn each(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let (rows, size) = (self.rows, self.size);
        (0..self.count()).map(move |block| block * size..rows.min((block + 1) * size))
    }

    /// The cross terms of the events of each block at each time, block after block; then, for each row and each row
    /// before it in its block, of whether they have the same time.
    fn first_terms(&self) -> Vec<u64> {
        let mut terms = Vec::new();
        for rows in self.each() {
            for code in self.codes {
                let product = |row: usize| {
                    let event = (self.event.first[row], self.event.second[row]);
                    cross(event, (code.first[row], code.second[row]))
                };
                terms.push(rows.clone().map(product).fold(0u64, u64::wrapping_add));
            }
        }
        for rows in self.each() {
            let of_row = |row: usize| -> Vec<(u64, u64)> {
                self.codes.iter().map(|code| (code.first[row], code.second[row])).collect()
            };
            let block: Vec<_> = rows.map(of_row).collect();
            for (place, row) in block.iter().enumerate() {
                for other in &block[..place] {
                    let products = row.iter().zip(other).map(|(&x, &y)| cross(x, y));
                    terms.push(products.fold(0u64, u64::wrapping_add));
                }
            }
        }
        terms
    }

    /// Events at each time in the blocks before each block, and in all of them. Local.
    fn running(&self, sums: &Shared<u64>) -> Shared<u64> {
        let times = self.codes.len();
        let mut before = Shared::zeros(times);
        let mut all = vec![before.clone()];
        for block in 0..self.count() {
            before.add_assign(&sums.slice(block * times..(block + 1) * times));
            all.push(before.clone());
        }
        Shared::concat(&all.iter().collect::<Vec<_>>())
    }

    /// The cross terms of the number of events of its time before each row.
    fn second_terms(&self, running: &Shared<u64>, pairs: &Shared<u64>) -> Vec<u64> {
        let times = self.codes.len();
        let mut terms = Vec::with_capacity(self.rows);
        let mut pair = 0;
        for (block, rows) in self.each().enumerate() {
            for row in rows.clone() {
                let mut term = 0u64;
                for (time, code) in self.codes.iter().enumerate() {
                    let at = block * times + time;
                    let before = (running.first[at], running.second[at]);
                    term = term.wrapping_add(cross((code.first[row], code.second[row]), before));
                }
                for other in rows.start..row {
                    let same = (pairs.first[pair], pairs.second[pair]);
                    let event = (self.event.first[other], self.event.second[other]);
                    term = term.wrapping_add(cross(event, same));
                    pair += 1;
                }
                terms.push(term);
            }
        }
        terms
    }
}
