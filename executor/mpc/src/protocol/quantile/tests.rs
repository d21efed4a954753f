//! Order statistics, against the clear.

use super::*;
use crate::harness::{Clear, Inputs, LENGTHS, assert_oblivious, bools, numbers, words};
use crate::ideal;

const fn level(numerator: u32, denominator: u32) -> Level {
    Level { numerator, denominator }
}

const PICKS: [Pick; 7] = [
    Pick::Interpolated(level(1, 2)),
    Pick::Smallest,
    Pick::Discrete(level(1, 2)),
    Pick::Largest,
    Pick::Interpolated(level(9, 10)),
    Pick::Discrete(level(25, 100)),
    Pick::Interpolated(level(1, 1)),
];

async fn picked_by(ctx: Context, i: Inputs<u64>, picks: &[Pick]) -> Result<Vec<Column>> {
    let values = Values { planes: i.bits[2].clone(), present: i.bits[3].clone() };
    let out = pick_by_key(&ctx, &i.bits[0], &i.bits[1], &values, picks, 40).await?;
    let mut all = vec![Column::Bits(out.exists), Column::Bits(out.keys), Column::U32(out.counts)];
    for picked in out.picked {
        all.extend([picked.low.into(), picked.high.into(), picked.weight.into()]);
    }
    Ok(all)
}

/// Rows of (key, valid, value, present).
fn clear(rows: &[(u64, bool, u64, bool)]) -> Clear {
    let bits = |f: fn(&(u64, bool, u64, bool)) -> bool| rows.iter().map(f).collect::<Vec<_>>();
    let keys: Vec<u64> = rows.iter().map(|r| r.0).collect();
    let values: Vec<u64> = rows.iter().map(|r| r.2).collect();
    Clear::new().planes(&keys, 3).bools(&bits(|r| r.1)).planes(&values, 6).bools(&bits(|r| r.3))
}

fn table(n: usize, valid: bool, present: bool) -> Vec<(u64, bool, u64, bool)> {
    let (keys, values) = (words(&numbers(1, n, 3, false)), words(&numbers(2, n, 6, false)));
    let (v, p) = (bools(3, n), bools(4, n));
    (0..n).map(|i| (keys[i], v[i] && valid, values[i], p[i] && present)).collect()
}

fn check(rows: &[(u64, bool, u64, bool)]) {
    let run = clear(rows).run::<u64, _>(async |ctx, i| picked_by(ctx, i, &PICKS).await);
    let groups = ideal::values_by_key(rows);
    let m = rows.len().min(40);
    let column = |c: usize, g: usize| run.values[c * m + g];
    for g in 0..m {
        assert_eq!(column(0, g) == 1, g < groups.len());
    }
    for (g, (key, values)) in groups.iter().enumerate() {
        assert_eq!((column(1, g), column(2, g)), (i128::from(*key), values.len() as i128));
        for (p, pick) in PICKS.iter().enumerate() {
            let found = [column(3 + 3 * p, g), column(4 + 3 * p, g), column(5 + 3 * p, g)];
            let expected = match *pick {
                Pick::Smallest => ideal::interpolated(values, 0, 1, 100),
                Pick::Largest => ideal::interpolated(values, 1, 1, 100),
                Pick::Interpolated(l) => ideal::interpolated(values, l.numerator, l.denominator, 100),
                Pick::Discrete(l) => ideal::discrete(values, l.numerator, l.denominator),
            };
            assert_eq!(found, expected, "{pick:?} of {values:?}");
        }
    }
}

#[test]
fn picks_equal_the_ideal() {
    for n in LENGTHS {
        check(&table(n, true, true));
    }
    check(&table(65, false, true));
    check(&table(65, true, false));
    check(&[(5, true, 63, true); 9]);
    check(&[(0, true, 0, true), (0, true, 63, false), (7, true, 63, true), (7, false, 1, true)]);
}

#[test]
fn values_are_counted_once() {
    for n in LENGTHS {
        let rows: Vec<_> = table(n, true, true).into_iter().map(|r| (r.0, r.1, r.2 & 7, r.3)).collect();
        let run = clear(&rows).run::<u64, _>(async |ctx, i| {
            let values = Values { planes: i.bits[2].clone(), present: i.bits[3].clone() };
            let out = distinct_by_key(&ctx, &i.bits[0], &i.bits[1], &values, 40).await?;
            Ok(vec![Column::Bits(out.exists), Column::Bits(out.keys), Column::U32(out.counts)])
        });
        let m = n.min(40);
        for (g, (key, mut values)) in ideal::values_by_key(&rows).into_iter().enumerate() {
            values.dedup();
            let found = [run.values[g], run.values[m + g], run.values[2 * m + g]];
            assert_eq!(found, [1, i128::from(key), values.len() as i128]);
        }
    }
}

#[test]
fn groups_of_no_columns_are_the_whole_table() {
    let rows = table(100, true, true);
    let run = clear(&rows).run::<u64, _>(async |ctx, i| {
        let values = Values { planes: i.bits[2].clone(), present: i.bits[3].clone() };
        let none = SharedBits::zeros(100, 0);
        let out = pick_by_key(&ctx, &none, &i.bits[1], &values, &PICKS[..1], 1).await?;
        let picked = &out.picked[0];
        Ok(vec![Column::U32(out.counts.clone()), picked.low.clone().into(), picked.high.clone().into()])
    });
    let one: Vec<_> = rows.iter().map(|r| (0, r.1, r.2, r.3)).collect();
    let values = &ideal::values_by_key(&one)[0].1;
    let [low, high, _] = ideal::interpolated(values, 1, 2, 2);
    assert_eq!(run.values, [values.len() as i128, low, high]);
}

#[test]
fn picks_are_oblivious_and_cost_the_formula() {
    let (one, other) = (clear(&table(100, true, true)), clear(&[(3, false, 9, true); 100]));
    let all = async |ctx: Context, i: Inputs<u64>| picked_by(ctx, i, &PICKS).await;
    assert_oblivious::<u64, _>(&one, &other, all);
    // By ranks: comparisons of 11 planes, their sums, and a move.
    let sorted = 4 + 1 + 3;
    let ends = async |ctx: Context, i: Inputs<u64>| picked_by(ctx, i, &[Pick::Smallest]).await;
    let cost = one.run::<u64, _>(ends).cost;
    assert_eq!((cost.rounds, cost.bytes), (sorted + 8 + 2, 21_287));
    // A common denominator of 7 bits, and 100 rows.
    let cost = one.run::<u64, _>(all).cost;
    assert_eq!((cost.rounds, cost.bytes), (sorted + 8 + 2 + 1 + 27 + 4 + 3, 39_906));
}

#[test]
fn levels_must_be_fractions() {
    for bad in [level(3, 2), level(1, 1 << 30)] {
        let world = crate::world::World::new(1);
        let run = world.run(async |ctx| {
            let values = Values { planes: SharedBits::zeros(3, 2), present: SharedBits::zeros(3, 1) };
            let (keys, valid) = (SharedBits::zeros(3, 1), SharedBits::zeros(3, 1));
            pick_by_key(&ctx, &keys, &valid, &values, &[Pick::Interpolated(bad)], 3).await
        });
        assert!(matches!(run.outputs(), Err(crate::Error::Internal { .. })));
    }
}
