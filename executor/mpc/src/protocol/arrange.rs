//! Moving rows to shared destinations: secret permutations, their inverses, compaction.
//!
//! The rows are shuffled together with their destinations, by a permutation that nobody knows; then the destinations
//! are opened, which are a uniformly random permutation whatever they were before, and every seat places its rows.
//! Paper: [Asharov et al., CCS 2022](https://eprint.iacr.org/2022/1595), section 3. Model: semi-honest, 1 of 3.

use super::convert::bits_by_window;
use super::one_hot::one_hot;
use super::open::open_masked;
use super::permute::{join_columns, rows};
use super::product::bilinear;
use super::rows::Rows;
use super::shuffle::shuffle_from;
use crate::planes::as_u32;
use crate::{Column, Context, Result, Seat, Shared, SharedBits, pool};

/// Moves row i of all columns to row `destinations[i]`. The destinations are a permutation of all rows.
///
/// Shapes: n elements, columns of n rows -> the same columns.
/// Cost: 3 rounds; [`shuffle`](super::shuffle) of the columns and a u32 column, 4 n bytes and a hash to open.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Abort`] if the destinations are no permutation, or their
/// opening is inconsistent; [`crate::Error::Peer`].
pub async fn move_to(ctx: &Context, columns: Vec<Column>, destinations: &Shared<u32>) -> Result<Vec<Column>> {
    move_from(ctx, columns, destinations, Seat::P0).await
}

/// As [`move_to`], where `busy` is the seat that sends two components in the shuffle.
///
/// # Errors
/// As [`move_to`].
pub(super) async fn move_from(
    ctx: &Context,
    columns: Vec<Column>,
    destinations: &Shared<u32>,
    busy: Seat,
) -> Result<Vec<Column>> {
    let mut table = columns;
    table.push(Column::U32(destinations.clone()));
    rows(ctx, &table)?;
    let (mut first, mut second) = shuffle_from(&ctx.step("shuffle"), table, busy).await?;
    let shuffled = first.pop().zip(second.pop()).map(|(a, b)| (a.into_part(), b.into_part()));
    let destinations = shuffled.and_then(|(a, b)| Column::from_parts(a, b)?.into_u32());
    let destinations = destinations.ok_or_else(|| ctx.internal("a shuffle changed the kind of a column"))?;
    let destinations = open_masked(&ctx.step("open"), &destinations).await?;
    let sources =
        inverse(&destinations).ok_or_else(|| ctx.abort("opened destinations are no permutation"))?;
    let moved = |table: Vec<Rows>| table.into_iter().map(|x| x.gather(&sources).into_part()).collect();
    let columns = join_columns(ctx, moved(first), moved(second));
    [destinations, sources].into_iter().for_each(pool::give);
    columns
}

/// The inverse of a permutation; `None` if it is none.
fn inverse(permutation: &[u32]) -> Option<Vec<u32>> {
    /// No row: a permutation is far shorter.
    const FREE: u32 = u32::MAX;
    let mut inverse = pool::take(permutation.len());
    inverse.fill(FREE);
    for (row, &place) in (0u32..).zip(permutation) {
        let entry = inverse.get_mut(place as usize).filter(|entry| **entry == FREE)?;
        *entry = row;
    }
    Some(inverse)
}

/// The inverse of a shared permutation: element `p[i]` of the result is i.
///
/// Shapes: n -> n. Cost: that of [`move_to`] with one u32 column.
///
/// # Errors
/// As [`move_to`].
pub async fn invert(ctx: &Context, permutation: &Shared<u32>) -> Result<Shared<u32>> {
    let moved = move_to(ctx, vec![positions(ctx, permutation.len())], permutation).await?;
    first_u32(ctx, moved)
}

/// Row i of the result is row `sources[i]`, for a shared permutation of all rows.
///
/// Cost: [`invert`], then [`move_to`]: 6 rounds.
///
/// # Errors
/// As [`move_to`].
pub async fn take_from(ctx: &Context, columns: Vec<Column>, sources: &Shared<u32>) -> Result<Vec<Column>> {
    let destinations = invert(&ctx.step("invert"), sources).await?;
    move_to(&ctx.step("move"), columns, &destinations).await
}

/// One secret order after another: taking rows by the result is taking them by `first`, then by `second`.
///
/// Shapes: n each -> n. Cost: that of [`take_from`] with one u32 column.
///
/// # Errors
/// As [`move_to`].
pub async fn compose(ctx: &Context, first: &Shared<u32>, second: &Shared<u32>) -> Result<Shared<u32>> {
    first_u32(ctx, take_from(ctx, vec![Column::U32(first.clone())], second).await?)
}

/// Moves the rows whose flag is 1 to the front, both kinds in their order.
///
/// Shapes: flags n rows of 1 bit, columns of n rows -> the same columns.
/// Cost: 6 rounds: [`destinations`] of one plane, then [`move_to`].
///
/// # Errors
/// As [`move_to`].
pub async fn compact(ctx: &Context, columns: Vec<Column>, flags: &SharedBits) -> Result<Vec<Column>> {
    let destinations = destinations(&ctx.step("destinations"), &flags.not(ctx.seat())).await?;
    move_to(&ctx.step("move"), columns, &destinations).await
}

/// Where each row goes in a stable sort by its digit, a number of few planes: a counting sort.
///
/// For each value of the digit in turn, a running count over all rows; a row's destination is the count at its own
/// value, one less: one sum of products.
/// Shapes: n rows of w bits -> n elements.
/// Cost: ceil(log2 w) + 3 rounds; the planes of [`one_hot`], (2^w - 1) 4 n bytes, and 4 n bytes.
///
/// # Errors
/// [`crate::Error::Peer`].
pub async fn destinations(ctx: &Context, digit: &SharedBits) -> Result<Shared<u32>> {
    let code = one_hot(&ctx.step("one hot"), digit).await?;
    let values = code.width();
    let window = |code| Window::new(ctx, code);
    let windows = bits_by_window(&ctx.step("bits"), &code.planes(0..values - 1), window).await?;
    drop(code);
    let z = Counter::new(pool::take_empty(digit.len()), values).count(windows);
    let counts = bilinear(&ctx.step("counts"), z).await?;
    Ok(counts.add_constant(ctx.seat(), 1u32.wrapping_neg()))
}

/// The codes of a window of rows, a column for each value, and how many rows each value has there.
struct Window {
    code: Vec<Shared<u32>>,
    counts: Vec<(u32, u32)>,
}

impl Window {
    /// Of the codes of all values but the last, which has what no other value claims.
    fn new(ctx: &Context, mut code: Vec<Shared<u32>>) -> Self {
        let len = code.first().map_or(0, Shared::len);
        let (mut first, mut second) = (pool::take_zeros(len), pool::take_zeros(len));
        let mut counts = Vec::with_capacity(code.len() + 1);
        for place in &code {
            counts.push((claim(&mut first, &place.first), claim(&mut second, &place.second)));
        }
        let last = Shared::from_parts(first, second).add_constant(ctx.seat(), 1);
        let sum = |x: &[u32]| x.iter().fold(0u32, |sum, &a| sum.wrapping_add(a));
        counts.push((sum(&last.first), sum(&last.second)));
        code.push(last);
        Window { code, counts }
    }
}

/// Takes the rows of a value from what no value has claimed, and counts them: of one component.
fn claim(rest: &mut [u32], value: &[u32]) -> u32 {
    let rows = rest.iter_mut().zip(value);
    rows.fold(0u32, |sum, (rest, &a)| {
        *rest = rest.wrapping_sub(a);
        sum.wrapping_add(a)
    })
}

/// Running counts of the rows of each value of a digit, and the cross terms of each row's count at its own value.
struct Counter {
    /// The counts so far of every value, by component.
    counts: Vec<(u32, u32)>,
    z: Vec<u32>,
}

impl Counter {
    fn new(z: Vec<u32>, values: usize) -> Self {
        Counter { counts: vec![(0, 0); values], z }
    }

    /// Goes over the codes of all rows, window by window, and gives the cross terms.
    fn count(mut self, windows: Vec<Window>) -> Vec<u32> {
        self.start(&windows);
        for window in windows {
            self.rows(&window.code);
            window.code.into_iter().for_each(Shared::give);
        }
        self.z
    }

    /// The rows of a value come after those of all smaller ones.
    fn start(&mut self, windows: &[Window]) {
        let mut before = (0u32, 0u32);
        for (value, count) in self.counts.iter_mut().enumerate() {
            *count = before;
            for &(first, second) in windows.iter().filter_map(|window| window.counts.get(value)) {
                before.0 = before.0.wrapping_add(first);
                before.1 = before.1.wrapping_add(second);
            }
        }
    }

    fn rows(&mut self, window: &[Shared<u32>]) {
        let start = self.z.len();
        self.z.resize(start + window.first().map_or(0, Shared::len), 0);
        for (count, place) in self.counts.iter_mut().zip(window) {
            let (mut first, mut second) = *count;
            for ((z, &a), &b) in self.z[start..].iter_mut().zip(&place.first).zip(&place.second) {
                first = first.wrapping_add(a);
                second = second.wrapping_add(b);
                let own = a.wrapping_mul(first.wrapping_add(second));
                *z = z.wrapping_add(own).wrapping_add(b.wrapping_mul(first));
            }
            *count = (first, second);
        }
    }
}

/// The public positions 0 to n - 1 as a shared column.
pub(super) fn positions(ctx: &Context, len: usize) -> Column {
    Column::U32(Shared::from_public(ctx.seat(), &(0..as_u32(len)).collect::<Vec<_>>()))
}

/// The first column, which is one of u32.
pub(super) fn first_u32(ctx: &Context, columns: Vec<Column>) -> Result<Shared<u32>> {
    order_column(ctx, columns.into_iter().next())
}

/// The column, which is one of u32.
pub(super) fn order_column(ctx: &Context, column: Option<Column>) -> Result<Shared<u32>> {
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
            // One conversion and one product, two components of the shuffle, the destinations opened.
            let bytes = 4 * n + 4 * n + 2 * (8 + 4) * n + 4 * n + 32;
            assert_eq!((run.cost.rounds, run.cost.bytes), (6, bytes));
            let other = Clear::new().bools(&vec![false; n]).column(&vec![0; n]);
            assert_oblivious::<u64, _>(&clear, &other, compacted);
        }
    }
}
