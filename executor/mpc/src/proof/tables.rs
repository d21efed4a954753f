//! Grouping and joining.

use std::collections::{BTreeMap, BTreeSet};

use super::bill::{self, Bill, Table, and, and_all, log};
use super::{Case, LONG, Slot, Values, anything, exactly, flags, planes, unsigned};
use crate::harness::{Clear, Inputs, Outcome};
use crate::join::{Inputs as How, UniqueSide};
use crate::quantile::{Level, Pick, Values as Ordered};
use crate::{Column, Context, Result, group, ideal, join, pooled, quantile};

/// Planes of the keys of joins, of which those of [`LONG`] rows may differ, and of values.
const KEY: usize = 18;
const VALUE: usize = 6;
/// Planes of a joined column.
const LOW: usize = 5;

/// What pooled columns ask for.
const POOLED: [u64; 2] = [7, 9];

const PICKS: [Pick; 4] = [
    Pick::Smallest,
    Pick::Interpolated(Level { numerator: 1, denominator: 2 }),
    Pick::Largest,
    Pick::Discrete(Level { numerator: 9, denominator: 10 }),
];

pub(super) fn cases() -> Vec<Case> {
    [grouping(), joining()].into_iter().flatten().collect()
}

fn groups(n: usize) -> usize {
    n.min(40)
}

fn grouping() -> Vec<Case> {
    let inputs: fn(usize) -> Vec<super::Input> = |n| vec![planes(n, 3), flags(n), planes(n, VALUE), flags(n)];
    vec![
        Case {
            name: "pooled::pool",
            inputs: |n| vec![unsigned(3 * n, 4), unsigned(3 * n, 4)],
            prepare: super::as_they_are,
            run: |c, _| c.run::<u64, _>(async |ctx, i| pooled::pool(&ctx, &i.x, &POOLED, 3, 8).await),
            expected: |v| {
                let (sums, shown) = ideal::pool(v, &POOLED, 3);
                exactly(sums.concat().into_iter().chain(shown.into_iter().map(i128::from)))
            },
            cost: |n| {
                if n == 0 {
                    return Bill::NOTHING;
                }
                let met = || bill::is_negative(2 * n, 8).then(and_all(n, 2));
                let again = || bill::sum_by_bits(2 * n, 1, 8);
                met().then(again()).then(met()).then(again()).then(met())
            },
            also: &[LONG],
        },
        Case {
            name: "group::sums_by_key",
            inputs: |n| vec![planes(n, 5), flags(n), unsigned(n, 40)],
            prepare: |v| {
                let valid = v[1].clone();
                v[2].iter_mut().zip(&valid).for_each(|(x, valid)| *x *= valid);
            },
            run: |c, n| c.run::<u64, _>(async |ctx, i| sums(ctx, i, groups(n)).await),
            expected: |v| {
                let valid: Vec<usize> = (0..v[0].len()).filter(|&row| v[1][row] == 1).collect();
                let keys: Vec<u64> = valid.iter().map(|&row| v[0][row] as u64).collect();
                let values: Vec<i128> = valid.iter().map(|&row| v[2][row]).collect();
                let sums = ideal::sums_by_key(&keys, &values);
                let columns =
                    [sums.iter().map(|s| i128::from(s.0)).collect(), sums.iter().map(|s| s.1).collect()];
                table(v[0].len(), sums.len(), &columns)
            },
            cost: |n| {
                let ends = and_all(n.saturating_sub(1), 6);
                bill::sort(n, 6, Table::of(8, 6)).then(ends).then(bill::compact(n, Table::of(8, 6)))
            },
            also: &[LONG],
        },
        Case {
            name: "quantile::pick_by_key",
            inputs,
            prepare: super::as_they_are,
            run: |c, n| c.run::<u64, _>(async |ctx, i| picked(ctx, i, groups(n)).await),
            expected: |v| {
                let lists = ideal::values_by_key(&rows(v));
                let mut columns = keys_and_counts(&lists);
                for pick in [[0, 1], [1, 2], [1, 1]] {
                    for part in 0..3 {
                        let of = |l: &(u64, Vec<u64>)| ideal::interpolated(&l.1, pick[0], pick[1], 10)[part];
                        columns.push(lists.iter().map(of).collect());
                    }
                }
                for part in 0..3 {
                    columns.push(lists.iter().map(|l| ideal::discrete(&l.1, 9, 10)[part]).collect());
                }
                table(v[0].len(), lists.len(), &columns)
            },
            cost: pick_cost,
            also: &[LONG],
        },
        Case {
            name: "quantile::distinct_by_key",
            inputs,
            prepare: super::as_they_are,
            run: |c, n| {
                c.run::<u64, _>(async |ctx, i| {
                    let values = Ordered { planes: i.bits[2].clone(), present: i.bits[3].clone() };
                    let out =
                        quantile::distinct_by_key(&ctx, &i.bits[0], &i.bits[1], &values, groups(n)).await?;
                    Ok(vec![Column::Bits(out.exists), Column::Bits(out.keys), Column::U32(out.counts)])
                })
            },
            expected: |v| {
                let mut lists = ideal::values_by_key(&rows(v));
                for list in &mut lists {
                    list.1.dedup();
                }
                table(v[0].len(), lists.len(), &keys_and_counts(&lists))
            },
            cost: |n| {
                let below = n.saturating_sub(1);
                let marks = and_all(below, 4).beside(and(n, 1)).beside(and_all(below, VALUE));
                let counted = bill::destinations(n, 1).beside(bill::to_arithmetic(n, 1, 4));
                let sorted = bill::sort(n, 11, Table::of(0, 11));
                sorted
                    .then(marks)
                    .then(and(n, 1).repeated(2))
                    .then(counted)
                    .then(bill::move_to_numbers(n, Table::of(4, 4)))
            },
            also: &[LONG],
        },
    ]
}

/// First whether a group exists, then its columns; rows beyond the last group mean nothing.
fn table(n: usize, count: usize, columns: &[Vec<i128>]) -> Vec<Slot> {
    let mut slots = exactly((0..groups(n)).map(|g| i128::from(g < count)));
    for column in columns {
        slots.extend(exactly(column.iter().copied().take(groups(n))));
        slots.extend(anything(groups(n) - count.min(groups(n))));
    }
    slots
}

fn rows(v: &Values) -> Vec<(u64, bool, u64, bool)> {
    (0..v[0].len()).map(|i| (v[0][i] as u64, v[1][i] == 1, v[2][i] as u64, v[3][i] == 1)).collect()
}

fn keys_and_counts(lists: &[(u64, Vec<u64>)]) -> Vec<Vec<i128>> {
    vec![lists.iter().map(|l| i128::from(l.0)).collect(), lists.iter().map(|l| l.1.len() as i128).collect()]
}

async fn sums(ctx: Context, i: Inputs<u64>, groups: usize) -> Result<Vec<Column>> {
    let values = vec![Column::U64(i.x[0].clone())];
    let out = group::sums_by_key(&ctx, &i.bits[0], &i.bits[1], values, groups).await?;
    Ok([Column::Bits(out.exists), Column::Bits(out.keys)].into_iter().chain(out.sums).collect())
}

async fn picked(ctx: Context, i: Inputs<u64>, groups: usize) -> Result<Vec<Column>> {
    let values = Ordered { planes: i.bits[2].clone(), present: i.bits[3].clone() };
    let out = quantile::pick_by_key(&ctx, &i.bits[0], &i.bits[1], &values, &PICKS, groups).await?;
    let mut all = vec![Column::Bits(out.exists), Column::Bits(out.keys), Column::U32(out.counts)];
    for picked in out.picked {
        all.extend([picked.low.into(), picked.high.into(), picked.weight.into()]);
    }
    Ok(all)
}

/// Two ends, and three targets of two levels over tenths.
fn pick_cost(n: usize) -> Bill {
    let (g, below) = (groups(n), n.saturating_sub(1));
    let sorted = bill::sort(n, 11, Table::of(0, 11)).then(and_all(below, 4).beside(and(n, 1)));
    let counted = bill::destinations(n, 1).beside(bill::to_arithmetic(n, 1, 4));
    let targets = bill::widen(g, 4, 8).then(bill::is_negative(g, 35)).then(bill::to_arithmetic(g, 1, 8));
    let targets = targets.then(bill::divide_by_public(3 * g, 4, 8)).then(bill::to_arithmetic(g, 1, 4));
    let targets = targets.then(bill::each(3 * g * 4));
    let ends = bill::move_to_numbers(n, Table::of(8, 1));
    let ranks = ends.then(targets).then(bill::move_to_numbers(n, Table::of(12, 0)));
    let bits = (usize::BITS - n.leading_zeros()).max(1) as usize;
    let flags = and(n, 1).then(and(below, 1)).then(bill::equal(3 * n, bits)).then(and(n, 3));
    let chosen = and(n, 5 * VALUE).then(bill::move_to_numbers(n, Table::of(4, 5 * VALUE + 4)));
    sorted.then(counted).then(ranks).then(flags).then(chosen)
}

fn joining() -> Vec<Case> {
    let inputs: fn(usize) -> Vec<super::Input> =
        |n| vec![planes(n, KEY), flags(n), planes(n + 1, KEY), flags(n + 1), unsigned(n, 40), planes(n, LOW)];
    let joined = |name, how: fn(&Clear, usize) -> Outcome, cost: fn(usize) -> Bill| Case {
        name,
        inputs,
        prepare: unique_and_sorted,
        run: how,
        expected: |v| {
            let rows: BTreeMap<i128, usize> =
                (0..v[0].len()).filter(|&a| v[1][a] == 1).map(|a| (v[0][a], a)).collect();
            let partner = |b: usize| rows.get(&v[2][b]).copied().filter(|_| v[3][b] == 1);
            let partners: Vec<Option<usize>> = (0..v[2].len()).map(partner).collect();
            let column = |x: &[i128]| partners.iter().map(|p| p.map_or(0, |a| x[a])).collect::<Vec<_>>();
            let matched = partners.iter().map(|p| i128::from(p.is_some()));
            exactly([0].into_iter().chain(matched).chain(column(&v[4])).chain(column(&v[5])))
        },
        cost,
        also: &[LONG],
    };
    let found = |how: fn(&Clear, usize) -> Outcome, cost: fn(usize) -> Bill| Case {
        name: "join::semi_join",
        inputs: |n| vec![planes(n, KEY), flags(n), planes(n + 1, KEY), flags(n + 1)],
        prepare: sorted_sides,
        run: how,
        expected: |v| {
            let keys: BTreeSet<i128> =
                v[0].iter().zip(&v[1]).filter(|(_, valid)| **valid == 1).map(|(key, _)| *key).collect();
            exactly(v[2].iter().zip(&v[3]).map(|(key, &valid)| i128::from(valid == 1 && keys.contains(key))))
        },
        cost,
        also: &[LONG],
    };
    vec![
        joined(
            "join::join",
            |c, _| c.run::<u64, _>(async |ctx, i| joined_by(ctx, i, How::Sorted).await),
            |n| merged(n).then(join_cost(2 * n + 1)),
        ),
        // Twice as many rows are sorted in turns, which `sort`'s own tests bill.
        Case {
            also: &[],
            ..joined(
                "join::join",
                |c, _| c.run::<u64, _>(async |ctx, i| joined_by(ctx, i, How::Unsorted).await),
                |n| sorted(n).then(join_cost(2 * n + 1)),
            )
        },
        found(
            |c, _| c.run::<u64, _>(async |ctx, i| found_by(ctx, i, How::Sorted).await),
            |n| merged(n).then(semi_cost(2 * n + 1)),
        ),
        // An anti join: valid rows that found nothing.
        Case {
            also: &[],
            expected: |v| {
                let found = |key| v[0].iter().zip(&v[1]).any(|(other, &valid)| valid == 1 && other == key);
                exactly(v[2].iter().zip(&v[3]).map(|(key, &valid)| i128::from(valid == 1 && !found(key))))
            },
            ..found(
                |c, _| {
                    c.run::<u64, _>(async |ctx, i| {
                        let valid = Column::Bits(i.bits[3].clone());
                        match (found_by(ctx, i, How::Unsorted).await?, valid) {
                            (Column::Bits(found), Column::Bits(valid)) => Ok(Column::Bits(valid.xor(&found))),
                            (found, _) => Ok(found),
                        }
                    })
                },
                |n| sorted(n).then(semi_cost(2 * n + 1)),
            )
        },
        Case {
            also: &[],
            ..found(
                |c, _| c.run::<u64, _>(async |ctx, i| found_by(ctx, i, How::Unsorted).await),
                |n| sorted(n).then(semi_cost(2 * n + 1)),
            )
        },
    ]
}

/// Keys of the first side are unique; both sides have valid rows first, by key.
fn unique_and_sorted(values: &mut Values) {
    few_keys(values);
    let mask = key_mask(values);
    for (i, key) in values[0].iter_mut().enumerate() {
        *key = (*key + 3 * i as i128) & mask;
    }
    let mut seen = BTreeSet::new();
    for row in 0..values[0].len() {
        while !seen.insert(values[0][row]) {
            values[0][row] = (values[0][row] + 1) & mask;
        }
        if values[1][row] == 0 {
            values[4][row] = 0;
            values[5][row] = 0;
        }
    }
    in_order(values);
}

/// Keys of few values, of few rows: most of them are on both sides.
fn key_mask(values: &Values) -> i128 {
    if values[0].len() < 150 { 0xff } else { (1 << KEY) - 1 }
}

fn few_keys(values: &mut Values) {
    let mask = key_mask(values);
    values[0].iter_mut().for_each(|key| *key &= mask);
    values[2].iter_mut().for_each(|key| *key &= mask);
}

fn sorted_sides(values: &mut Values) {
    few_keys(values);
    in_order(values);
}

fn in_order(values: &mut Values) {
    for (side, payload) in [(0, 4..values.len().max(4)), (2, 0..0)] {
        let keys: Vec<(bool, i128)> =
            values[side + 1].iter().zip(&values[side]).map(|(&valid, &key)| (valid == 0, key)).collect();
        let order = ideal::order_by(&keys);
        for column in [side, side + 1].into_iter().chain(payload) {
            values[column] = order.iter().map(|&row| values[column][row]).collect();
        }
    }
}

async fn joined_by(ctx: Context, i: Inputs<u64>, how: How) -> Result<Vec<Column>> {
    let columns = vec![Column::U64(i.x[0].clone()), Column::Bits(i.bits[4].clone())];
    let unique = UniqueSide { keys: i.bits[0].clone(), valid: i.bits[1].clone(), columns };
    let out = join::join(&ctx, unique, &i.bits[2], &i.bits[3], how).await?;
    let marks = [Column::Bits(out.duplicate), Column::Bits(out.matched)];
    Ok(marks.into_iter().chain(out.columns).collect())
}

async fn found_by(ctx: Context, i: Inputs<u64>, how: How) -> Result<Column> {
    let found = join::semi_join(&ctx, &i.bits[0], &i.bits[1], &i.bits[2], &i.bits[3], how).await?;
    Ok(Column::Bits(found))
}

/// Records are side, key and validity; merged with the number of the row below them.
fn merged(n: usize) -> Bill {
    let rows = 2 * n + 1;
    bill::merge(rows, bill::place_bits(rows) + KEY + 2, KEY + 2)
}

fn sorted(n: usize) -> Bill {
    let rows = 2 * n + 1;
    bill::order(rows, KEY + 2).then(bill::take_from(rows, Table::of(0, KEY + 2)))
}

fn heads(rows: usize) -> Bill {
    and_all(rows - 1, KEY + 1).beside(and(rows, 1))
}

fn join_cost(rows: usize) -> Bill {
    let any = (0..log(rows)).scan(rows, |left, _| {
        let half = *left / 2;
        *left -= half;
        Some(and(half, 1))
    });
    let any = any.fold(Bill::NOTHING, Bill::then);
    let moves = bill::take_from(rows, Table::of(8, LOW));
    heads(rows).then(and(rows, 1)).then(any).then(moves).then(back(rows, Table::of(8, LOW + 1)))
}

fn semi_cost(rows: usize) -> Bill {
    heads(rows).then(and(rows, 1)).then(back(rows, Table::of(0, 1)))
}

/// Filled, and in the order of the inputs.
fn back(rows: usize, table: Table) -> Bill {
    bill::fill(rows, table).then(bill::move_to(rows, table))
}
