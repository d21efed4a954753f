//! Oblivious join: nobody learns anything but the public sizes.
//!
//! The rows of both tables are brought into one order by key, those of the unique side first among equal keys. A row
//! that starts a new key is a *head*. Payload is zero but at rows of the unique side, and each of them is a head. The
//! rows are parted, heads last; there, adjacent differences of the payload are local; moved back to their places,
//! prefix sums copy each head's payload to all rows of its key. At last the rows return to their original order.
//! Compare: [Badrinarayanan et al., CCS 2022](https://eprint.iacr.org/2022/1595) for joins by sorting; the copy by
//! differences is our own. Model: semi-honest, 1 of 3.

use super::arrange::{compact, invert, move_to, order_column, positions};
use super::bits::and_many;
use super::compare::equal_planes;
use super::convert::planes_to_arithmetic;
use super::merge::merge;
use super::sort::order;
use crate::planes::as_u32;
use crate::{Column, Context, Part, Planes, Result, Shared, SharedBits};

/// The side of a join whose keys are unique among its valid rows.
#[derive(Clone, Debug)]
pub struct UniqueSide {
    /// The keys, as planes.
    pub keys: SharedBits,
    /// Whether a row is real: 1 plane.
    pub valid: SharedBits,
    /// What matching rows of the other side get. Zero in rows that are not valid.
    pub columns: Vec<Column>,
}

/// How the rows of both sides are brought into one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inputs {
    /// Both owners sorted their rows: valid rows first, by ascending keys. Merged.
    Sorted,
    /// In any order. Sorted under MPC.
    Unsorted,
}

/// What the rows of the other side found, in their original order.
#[derive(Clone, Debug)]
pub struct Joined {
    /// The columns of the unique side's row with the same key; meaningless where not matched.
    pub columns: Vec<Column>,
    /// Whether there is such a row, and both are valid: inner and semi join keep these rows, anti join the others.
    pub matched: SharedBits,
    /// One row of 1 bit: whether two valid rows of the unique side have the same key. Then the join must not be used.
    pub duplicate: SharedBits,
}

/// Finds for each row of the other side the row of the unique side with the same key.
///
/// Shapes: unique side n_a rows, other side n_b rows, keys of the same width -> n_b rows.
/// Cost: with N = n_a + n_b: [`merge`] (and the conversion of its index) or [`order`] (and a move of the keys), then
/// for keys of k planes ceil(log2(k + 1)) + 1 + ceil(log2 N) rounds to find heads and duplicates, and 18 for five moves
/// of N rows. Measured at N = 2^17 with 48 planes and one column of 8 bytes, sorted: 163 rounds, 399 bytes a row.
///
/// # Errors
/// [`crate::Error::Shape`] if shapes differ; [`crate::Error::Peer`].
pub async fn join(
    ctx: &Context,
    unique: UniqueSide,
    keys: &SharedBits,
    valid: &SharedBits,
    inputs: Inputs,
) -> Result<Joined> {
    let (n_a, n_b, width) = (unique.keys.len(), keys.len(), keys.width());
    ctx.same_shape(width, unique.keys.width())?;
    ctx.same_shape(n_a, unique.valid.len())?;
    ctx.same_shape(n_b, valid.len())?;
    let n = n_a + n_b;
    let seat = ctx.seat();
    // From the lowest plane: side (1 for the other one), key, not valid.
    let record = |keys: &SharedBits, valid: &SharedBits, side: &SharedBits| {
        SharedBits::concat_planes(&[side, keys, &valid.not(seat)])
    };
    let a = record(&unique.keys, &unique.valid, &SharedBits::zeros(n_a, 1));
    let b = record(keys, valid, &SharedBits::zeros(n_b, 1).not(seat));
    let (rows, index) = in_one_order(&ctx.step("order"), &a, &b, inputs).await?;

    let heads_and_owners = heads(&ctx.step("heads"), &rows).await?;
    let Marks { heads, owners, duplicate } = heads_and_owners;
    // Payload of the unique side, at the places of the common order.
    let destinations = invert(&ctx.step("invert"), &index).await?;
    let mut table = Vec::with_capacity(unique.columns.len() + 2);
    for column in unique.columns {
        ctx.same_shape(n_a, column.len())?;
        table.push(resized(ctx, column, n)?);
    }
    let mut table = move_to(&ctx.step("payload"), table, &destinations).await?;
    table.push(Column::Bits(owners));
    table.push(positions(ctx, n));
    // Heads last: the rows before them are zero, so the first difference is right as well.
    let mut parted = compact(&ctx.step("part"), table, &heads.not(seat)).await?;
    let places = order_column(ctx, parted.pop())?;
    let steps = parted.into_iter().map(|column| by_part(ctx, column, Part::differences));
    let steps = steps.collect::<Result<Vec<_>>>()?;
    let back = move_to(&ctx.step("back"), steps, &places).await?;
    let filled = back.into_iter().map(|column| by_part(ctx, column, Part::prefix_sums));
    let filled = filled.collect::<Result<Vec<_>>>()?;
    let original = move_to(&ctx.step("original"), filled, &index).await?;
    let mut columns: Vec<Column> = original.iter().map(|column| column.rows(n_a..n)).collect();
    let matched = columns.pop().and_then(Column::into_bits);
    let matched = matched.ok_or_else(|| ctx.internal("the match bits are missing"))?;
    Ok(Joined { columns, matched, duplicate })
}

/// The records in the common order, and the original row of each.
async fn in_one_order(
    ctx: &Context,
    a: &SharedBits,
    b: &SharedBits,
    inputs: Inputs,
) -> Result<(SharedBits, Shared<u32>)> {
    let n = a.len() + b.len();
    let width = a.width();
    match inputs {
        Inputs::Unsorted => {
            let records = SharedBits::concat_rows(&[a, b]);
            let index = order(&ctx.step("sort"), &records).await?;
            let destinations = invert(&ctx.step("invert"), &index).await?;
            let moved = move_to(&ctx.step("records"), vec![Column::Bits(records)], &destinations).await?;
            let rows = moved.into_iter().next().and_then(Column::into_bits);
            Ok((rows.ok_or_else(|| ctx.internal("the records are missing"))?, index))
        }
        Inputs::Sorted => {
            let bits = usize::BITS as usize - n.leading_zeros() as usize;
            let numbers: Vec<u32> = (0..as_u32(n)).collect();
            let numbers = SharedBits::from_public(ctx.seat(), &Planes::from_values(&numbers, bits));
            let a = SharedBits::concat_planes(&[&numbers.rows(0..a.len()), a]);
            let b = SharedBits::concat_planes(&[&numbers.rows(a.len()..n), b]);
            let merged = merge(&ctx.step("merge"), &a, &b, bits).await?;
            let index = planes_to_arithmetic(&ctx.step("index"), &merged.planes(0..bits)).await?;
            Ok((merged.planes(bits..bits + width), index))
        }
    }
}

/// What the rows of the common order are.
struct Marks {
    /// The first row of each key.
    heads: SharedBits,
    /// Valid rows of the unique side.
    owners: SharedBits,
    /// Whether any of them is not a head.
    duplicate: SharedBits,
}

async fn heads(ctx: &Context, rows: &SharedBits) -> Result<Marks> {
    let (n, top) = (rows.len(), rows.width() - 1);
    let seat = ctx.seat();
    let keys = rows.planes(1..top + 1);
    let (side, invalid) = (rows.plane(0).not(seat), rows.plane(top).not(seat));
    let head = SharedBits::zeros(n.min(1), 1).not(seat);
    let (equal_step, owner_step) = (ctx.step("equal"), ctx.step("owners"));
    let before = keys.rows(0..n.saturating_sub(1));
    let after = keys.rows(n.min(1)..n);
    let factors = [&side, &invalid];
    let (same, owners) =
        futures::try_join!(equal_planes(&equal_step, &before, &after), and_many(&owner_step, &factors))?;
    let heads = SharedBits::concat_rows(&[&head, &same.not(seat)]);
    let wrong = super::bits::and(&ctx.step("wrong"), &owners, &heads.not(seat)).await?;
    let duplicate = any_row(&ctx.step("any"), &wrong).await?;
    Ok(Marks { heads, owners, duplicate })
}

/// Whether the bit of any row is set, in one row: a tree over the rows.
///
/// Cost: ceil(log2 n) rounds, about n / 8 bytes.
async fn any_row(ctx: &Context, x: &SharedBits) -> Result<SharedBits> {
    let mut x = if x.is_empty() { SharedBits::zeros(1, 1) } else { x.clone() };
    let mut level = 0;
    while x.len() > 1 {
        let half = x.len() / 2;
        let (low, high) = (x.rows(0..half), x.rows(half..2 * half));
        let joined = super::bits::or(&ctx.nth(level), &low, &high).await?;
        x = SharedBits::concat_rows(&[&joined, &x.rows(2 * half..x.len())]);
        level += 1;
    }
    Ok(x)
}

fn by_part(ctx: &Context, column: Column, f: impl Fn(&Part) -> Part) -> Result<Column> {
    let (first, second) = column.into_parts();
    Column::from_parts(f(&first), f(&second)).ok_or_else(|| ctx.internal("components differ in kind"))
}

fn resized(ctx: &Context, column: Column, len: usize) -> Result<Column> {
    let (first, second) = column.into_parts();
    Column::from_parts(first.resized(len), second.resized(len))
        .ok_or_else(|| ctx.internal("components differ in kind"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{self, Clear, assert_oblivious, bools, numbers, words};

    async fn joined(ctx: Context, i: harness::Inputs<u64>, inputs: Inputs) -> Result<Vec<Column>> {
        let columns = vec![Column::U64(i.x[0].clone()), Column::Bits(i.bits[4].clone())];
        let unique = UniqueSide { keys: i.bits[0].clone(), valid: i.bits[1].clone(), columns };
        let out = join(&ctx, unique, &i.bits[2], &i.bits[3], inputs).await?;
        let mut all = vec![Column::Bits(out.duplicate), Column::Bits(out.matched)];
        all.extend(out.columns);
        Ok(all)
    }

    #[expect(clippy::type_complexity, reason = "keys and validity of both tables, and the payload of one")]
    fn tables(n: usize, m: usize) -> (Vec<u64>, Vec<bool>, Vec<u64>, Vec<bool>, Vec<i128>) {
        let mut a: Vec<(bool, u64)> = crate::Prg::from_key(&[5; 16])
            .permutation(2 * n)
            .into_iter()
            .take(n)
            .zip(bools(1, n))
            .map(|(key, valid)| (!valid, u64::from(key)))
            .collect();
        a.sort_unstable();
        let span = 2 * n.max(1) as u64;
        let mut b: Vec<(bool, u64)> =
            words(&numbers(2, m, 20, false)).iter().zip(bools(3, m)).map(|(k, v)| (!v, k % span)).collect();
        b.sort_unstable();
        let payload: Vec<i128> = numbers(4, n, 50, false)
            .iter()
            .zip(&a)
            .map(|(v, (null, _))| if *null { 0 } else { *v })
            .collect();
        let split = |x: &[(bool, u64)]| (x.iter().map(|r| r.1).collect(), x.iter().map(|r| !r.0).collect());
        let ((ka, va), (kb, vb)) = (split(&a), split(&b));
        (ka, va, kb, vb, payload)
    }

    fn clear(ka: &[u64], va: &[bool], kb: &[u64], vb: &[bool], payload: &[i128]) -> Clear {
        let low: Vec<u64> = payload.iter().map(|v| u64::try_from(v & 31).unwrap()).collect();
        Clear::new().planes(ka, 12).bools(va).planes(kb, 12).bools(vb).planes(&low, 5).column(payload)
    }

    #[test]
    fn rows_find_their_partner() {
        for (n, m) in [(0, 0), (1, 0), (0, 1), (1, 1), (5, 9), (64, 63), (100, 300), (300, 100)] {
            for inputs in [Inputs::Sorted, Inputs::Unsorted] {
                let (ka, va, kb, vb, payload) = tables(n, m);
                let run = clear(&ka, &va, &kb, &vb, &payload)
                    .run::<u64, _>(async |ctx, i| joined(ctx, i, inputs).await);
                assert_eq!(run.values[0], 0, "no duplicates");
                let rest = &run.values[1..];
                for row in 0..m {
                    let partner = (0..n).find(|&a| va[a] && vb[row] && ka[a] == kb[row]);
                    assert_eq!(rest[row] == 1, partner.is_some(), "{n} {m} {inputs:?}");
                    if let Some(a) = partner {
                        assert_eq!((rest[m + row], rest[2 * m + row]), (payload[a], payload[a] & 31));
                    }
                }
            }
        }
    }

    /// A merge of 2^k rows is k levels; then index, heads, six moves and the last prefix.
    #[test]
    fn a_join_of_sorted_tables_costs_the_formula() {
        let (n, m) = (200, 312);
        let (ka, va, kb, vb, payload) = tables(n, m);
        let run = clear(&ka, &va, &kb, &vb, &payload)
            .run::<u64, _>(async |ctx, i| joined(ctx, i, Inputs::Sorted).await);
        // 9 levels of a comparison of 14 planes (4 rounds) and a swap; 2 for the index; 4 + 1 + 9 for heads and
        // duplicates; moves: invert 3, payload 3, part 6, back 3, original 3.
        assert_eq!(run.cost.rounds, 9 * 5 + 2 + 14 + 18);
    }

    #[test]
    fn duplicates_are_noticed_and_nothing_else_shows() {
        for inputs in [Inputs::Sorted, Inputs::Unsorted] {
            let join = async |ctx: Context, i: harness::Inputs<u64>| joined(ctx, i, inputs).await;
            let twice = clear(&[3, 3, 7], &[true; 3], &[3, 9], &[true; 2], &[1, 2, 3]);
            assert_eq!(twice.run::<u64, _>(join).values[0], 1);
            let hidden = clear(&[2, 3, 3], &[true, true, false], &[3, 9], &[true; 2], &[1, 2, 0]);
            assert_eq!(hidden.run::<u64, _>(join).values[0], 0);
            assert_oblivious::<u64, _>(&twice, &hidden, join);
        }
    }
}
