//! Oblivious join: nobody learns anything but the public sizes.
//!
//! The rows of both tables are brought into one order by key, those of the unique side first among equal keys. A row
//! that starts a new key is a *head*. Payload is zero but at rows of the unique side, and each of them is a head. The
//! rows are parted, heads last; there, adjacent differences of the payload are local; moved back to their places,
//! prefix sums copy each head's payload to all rows of its key. At last the rows return to their original order.
//! Compare: [Badrinarayanan et al., CCS 2022](https://eprint.iacr.org/2022/1595) for joins by sorting; the copy by
//! differences is our own. Model: semi-honest, 1 of 3.

use super::arrange::{first_bits, invert, move_to, position_planes, take_from};
use super::bits::{and, or};
use super::compare::equal_planes;
use super::fill::{by_part, fill};
use super::merge::merge;
use super::open::open_bits;
use super::sort::order;
use crate::planes::bits_below;
use crate::{Column, Context, Result, SharedBits};

/// The side of a join whose keys are unique among its valid rows.
#[derive(Clone, Debug)]
pub struct UniqueSide {
    /// The keys, as planes; a composite key is all its planes. A NULL is a row that is not valid.
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
    /// The columns of the unique side's row with the same key; zero where not matched, so that a left join needs no more.
    pub columns: Vec<Column>,
    /// Whether there is such a row, and both are valid: an inner join keeps these rows.
    pub matched: SharedBits,
    /// One row of 1 bit: whether two valid rows of the unique side have the same key. Then the join must not be used:
    /// see [`require_unique`].
    pub duplicate: SharedBits,
}

/// Finds for each row of the other side the row of the unique side with the same key.
///
/// Shapes: unique side n_a rows, other side n_b rows, keys of the same width -> n_b rows.
/// Cost: with N = n_a + n_b: [`merge`] (and the conversion of its index) or [`order`] (and a move of the keys), then
/// for keys of k planes ceil(log2(k + 1)) + 1 + ceil(log2 N) rounds to find heads and duplicates, and 17 for five moves
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
    let (n_a, n) = (unique.keys.len(), unique.keys.len() + keys.len());
    let (a, b) = records(ctx, (&unique.keys, &unique.valid), (keys, valid))?;
    let (rows, index) = in_one_order(&ctx.step("order"), &a, &b, inputs).await?;
    let (heads, owners) = heads(&ctx.step("heads"), &rows).await?;
    let wrong = and(&ctx.step("wrong"), &owners, &heads.not(ctx.seat())).await?;
    let duplicate = any_row(&ctx.step("any"), &wrong).await?;
    // Payload of the unique side, at the places of the common order.
    let destinations = invert(&ctx.step("invert"), &index).await?;
    for column in &unique.columns {
        ctx.same_shape(n_a, column.len())?;
    }
    let table = by_part(ctx, unique.columns, |part| part.clone().resized(n))?;
    let mut table = move_to(&ctx.step("payload"), table, &destinations).await?;
    table.push(Column::Bits(owners));
    let filled = fill(&ctx.step("fill"), table, &heads).await?;
    let original = move_to(&ctx.step("original"), filled, &index).await?;
    let mut columns: Vec<Column> = original.iter().map(|column| column.rows(n_a..n)).collect();
    let matched = columns.pop().and_then(Column::into_bits);
    let matched = matched.ok_or_else(|| ctx.internal("the match bits are missing"))?;
    Ok(Joined { columns, matched, duplicate })
}

/// Finds for each row of a table whether a valid row of another one has the same key, however often: semi and anti
/// join.
///
/// `other_keys` may repeat. Shapes: other table n_a rows, this one n_b rows, keys of the same width -> n_b rows of
/// 1 bit, 0 where this row is not valid. An anti join keeps `valid ^ found`, which is local.
/// Cost: as [`join`] without payload: 6 rounds less, and without the search for duplicates.
///
/// # Errors
/// As [`join`].
pub async fn semi_join(
    ctx: &Context,
    other_keys: &SharedBits,
    other_valid: &SharedBits,
    keys: &SharedBits,
    valid: &SharedBits,
    inputs: Inputs,
) -> Result<SharedBits> {
    let (n_a, n) = (other_keys.len(), other_keys.len() + keys.len());
    let (a, b) = records(ctx, (other_keys, other_valid), (keys, valid))?;
    let (rows, index) = in_one_order(&ctx.step("order"), &a, &b, inputs).await?;
    let (heads, owners) = heads(&ctx.step("heads"), &rows).await?;
    // Rows of the other table come first among equal keys: if there is one, the head is one.
    let found = and(&ctx.step("found"), &heads, &owners).await?;
    let filled = fill(&ctx.step("fill"), vec![Column::Bits(found)], &heads).await?;
    let original = move_to(&ctx.step("original"), filled, &index).await?;
    let matched = original.into_iter().next().and_then(Column::into_bits);
    Ok(matched.ok_or_else(|| ctx.internal("the match bits are missing"))?.rows(n_a..n))
}

/// Opens whether the keys of a join's unique side repeat, under the declared `label`, and ends the query if they do.
///
/// Everybody learns this bit and nothing else, so an answer never rests on an arbitrary one of several partners.
/// Cost: that of opening 1 bit.
///
/// # Errors
/// [`crate::Error::NotUnique`] if they repeat; as [`open_bits`].
pub async fn require_unique(ctx: &Context, label: &str, duplicate: &SharedBits) -> Result<()> {
    let opened = open_bits(ctx, label, duplicate).await?;
    if opened.to_bools(0).contains(&true) { Err(ctx.not_unique()) } else { Ok(()) }
}

/// The records of both sides, from the lowest plane: side (1 for the second one), key, not valid.
fn records(
    ctx: &Context,
    (a_keys, a_valid): (&SharedBits, &SharedBits),
    (b_keys, b_valid): (&SharedBits, &SharedBits),
) -> Result<(SharedBits, SharedBits)> {
    ctx.same_shape(b_keys.width(), a_keys.width())?;
    ctx.same_shape(a_keys.len(), a_valid.len())?;
    ctx.same_shape(b_keys.len(), b_valid.len())?;
    let seat = ctx.seat();
    let record = |keys: &SharedBits, valid: &SharedBits, side: &SharedBits| {
        SharedBits::concat_planes(&[side, keys, &valid.not(seat)])
    };
    let a = record(a_keys, a_valid, &SharedBits::zeros(a_keys.len(), 1));
    let b = record(b_keys, b_valid, &SharedBits::zeros(b_keys.len(), 1).not(seat));
    Ok((a, b))
}

/// The records in the common order, and the original row of each.
async fn in_one_order(
    ctx: &Context,
    a: &SharedBits,
    b: &SharedBits,
    inputs: Inputs,
) -> Result<(SharedBits, SharedBits)> {
    let n = a.len() + b.len();
    let width = a.width();
    match inputs {
        Inputs::Unsorted => {
            let records = SharedBits::concat_rows(&[a, b]);
            let index = order(&ctx.step("sort"), &records).await?;
            let moved = take_from(&ctx.step("records"), vec![Column::Bits(records)], &index).await?;
            Ok((first_bits(ctx, moved)?, index))
        }
        Inputs::Sorted => {
            let bits = bits_below(n);
            let numbers = position_planes(ctx, n);
            let a = SharedBits::concat_planes(&[&numbers.rows(0..a.len()), a]);
            let b = SharedBits::concat_planes(&[&numbers.rows(a.len()..n), b]);
            let merged = merge(&ctx.step("merge"), &a, &b, bits).await?;
            Ok((merged.planes(bits..bits + width), merged.planes(0..bits)))
        }
    }
}

/// The first row of each key, and the valid rows of the first side.
async fn heads(ctx: &Context, rows: &SharedBits) -> Result<(SharedBits, SharedBits)> {
    let (n, top) = (rows.len(), rows.width() - 1);
    let seat = ctx.seat();
    let keys = rows.planes(1..top + 1);
    let (side, valid) = (rows.plane(0).not(seat), rows.plane(top).not(seat));
    let head = SharedBits::zeros(n.min(1), 1).not(seat);
    let (equal_step, owner_step) = (ctx.step("equal"), ctx.step("owners"));
    let before = keys.rows(0..n.saturating_sub(1));
    let after = keys.rows(n.min(1)..n);
    let (same, owners) =
        futures::try_join!(equal_planes(&equal_step, &before, &after), and(&owner_step, &side, &valid))?;
    Ok((SharedBits::concat_rows(&[&head, &same.not(seat)]), owners))
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
        let joined = or(&ctx.nth(level), &low, &high).await?;
        x = SharedBits::concat_rows(&[&joined, &x.rows(2 * half..x.len())]);
        level += 1;
    }
    Ok(x)
}

#[cfg(test)]
mod tests {
    use super::{Inputs as How, *};
    use crate::Error;
    use crate::harness::{Clear, Inputs, assert_oblivious, bools, numbers, words};

    async fn joined(ctx: Context, i: Inputs<u64>, inputs: How) -> Result<Vec<Column>> {
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
            for inputs in [How::Sorted, How::Unsorted] {
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

    async fn found(ctx: Context, i: Inputs<u64>, inputs: How) -> Result<SharedBits> {
        semi_join(&ctx, &i.bits[0], &i.bits[1], &i.bits[2], &i.bits[3], inputs).await
    }

    /// Keys repeat on both sides, and invalid rows have them too.
    #[test]
    fn semi_joins_bear_repeated_keys() {
        for (n, m) in [(0, 0), (1, 0), (0, 1), (3, 2), (64, 65), (100, 300)] {
            let side = |seed: u64, len: usize| -> (Vec<u64>, Vec<bool>) {
                let keys = words(&numbers(seed, len, 5, false));
                let mut rows: Vec<(bool, u64)> = bools(seed + 1, len).into_iter().zip(keys).collect();
                rows.sort_unstable_by_key(|&(valid, key)| (!valid, key));
                rows.into_iter().map(|(valid, key)| (key, valid)).unzip()
            };
            let ((ka, va), (kb, vb)) = (side(1, n), side(3, m));
            let clear = Clear::new().planes(&ka, 5).bools(&va).planes(&kb, 5).bools(&vb);
            let expected: Vec<i128> =
                (0..m).map(|b| i128::from(vb[b] && (0..n).any(|a| va[a] && ka[a] == kb[b]))).collect();
            for how in [How::Sorted, How::Unsorted] {
                let run = clear.run::<u64, _>(async |ctx, i| found(ctx, i, how).await);
                assert_eq!(run.values, expected, "{n} {m} {how:?}");
            }
            let other = Clear::new()
                .planes(&vec![1; n], 5)
                .bools(&vec![true; n])
                .planes(&vec![1; m], 5)
                .bools(&vec![true; m]);
            assert_oblivious::<u64, _>(&clear, &other, async |ctx, i| found(ctx, i, How::Sorted).await);
        }
    }

    /// What a left join shows of a row without a partner.
    #[test]
    fn rows_without_a_partner_get_zeros() {
        let one = clear(&[3, 7], &[true, true], &[2, 3, 9], &[true, false, true], &[5, 6]);
        let run = one.run::<u64, _>(async |ctx, i| joined(ctx, i, How::Unsorted).await);
        assert_eq!(run.values, [0; 10]);
    }

    #[test]
    fn repeated_keys_end_the_query_and_one_bit_is_opened() {
        for (keys, valid, unique) in [([3, 3], [true; 2], false), ([3, 3], [true, false], true)] {
            let one = clear(&keys, &valid, &[3], &[true], &[5, 0]);
            let run = one.run_all::<u64, _>(async |ctx, i| {
                ctx.declare("unique keys", 1);
                let unique =
                    UniqueSide { keys: i.bits[0].clone(), valid: i.bits[1].clone(), columns: vec![] };
                let out = join(&ctx.step("join"), unique, &i.bits[2], &i.bits[3], How::Unsorted).await?;
                require_unique(&ctx.step("unique"), "unique keys", &out.duplicate).await?;
                assert_eq!((ctx.openings().len(), ctx.openings()[0].opened), (1, 1));
                Ok(out.matched)
            });
            for result in run.results {
                assert!(if unique { result.is_ok() } else { matches!(result, Err(Error::NotUnique { .. })) });
            }
        }
    }

    /// A merge of 2^k rows is k levels; then index, heads, six moves and the last prefix.
    #[test]
    fn a_join_of_sorted_tables_costs_the_formula() {
        let (n, m) = (200, 312);
        let (ka, va, kb, vb, payload) = tables(n, m);
        let run = clear(&ka, &va, &kb, &vb, &payload)
            .run::<u64, _>(async |ctx, i| joined(ctx, i, How::Sorted).await);
        // 9 levels of a comparison of 14 planes (4 rounds) and a swap; 4 + 1 + 9 for heads and
        // duplicates; moves: invert 3, payload 3, part 6, back 3, original 3.
        assert_eq!(run.cost.rounds, 9 * 5 + 14 + 17);
    }

    #[test]
    fn duplicates_are_noticed_and_nothing_else_shows() {
        for inputs in [How::Sorted, How::Unsorted] {
            let join = async |ctx: Context, i: Inputs<u64>| joined(ctx, i, inputs).await;
            let twice = clear(&[3, 3, 7], &[true; 3], &[3, 9], &[true; 2], &[1, 2, 3]);
            assert_eq!(twice.run::<u64, _>(join).values[0], 1);
            let hidden = clear(&[2, 3, 3], &[true, true, false], &[3, 9], &[true; 2], &[1, 2, 0]);
            assert_eq!(hidden.run::<u64, _>(join).values[0], 0);
            assert_oblivious::<u64, _>(&twice, &hidden, join);
        }
    }
}
