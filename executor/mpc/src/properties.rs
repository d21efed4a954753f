//! Laws that hold for columns of any length and content, against the ideal twins. Every run draws others;
//! `PROPTEST_RNG_SEED`, which a failing test prints, repeats them.

#![expect(clippy::print_stdout, reason = "a failing test says how it is repeated")]

use std::hash::{BuildHasher as _, RandomState};

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::harness::{Clear, bools, numbers, words};
use crate::{
    Column, Planes, Ring, Seat, arrange, compare, convert, divide, gather, ideal, product, quotient,
    segmented, select, shuffle, sort, truncate,
};

fn config() -> ProptestConfig {
    let given = ProptestConfig::default();
    let rng_seed = match given.rng_seed {
        RngSeed::Random => RngSeed::Fixed(RandomState::new().hash_one(0)),
        RngSeed::Fixed(seed) => RngSeed::Fixed(seed),
    };
    println!("PROPTEST_RNG_SEED={rng_seed}");
    ProptestConfig { cases: 24, failure_persistence: None, rng_seed, ..given }
}

/// Columns of any length up to a few words, of signed numbers of a given width, with extremes among them.
fn column(bits: u32) -> impl Strategy<Value = Vec<i128>> {
    let edge = 1i128 << (bits - 1);
    let value = prop_oneof![4 => -edge..edge, 1 => Just(-edge), 1 => Just(edge - 1), 1 => -2i128..3];
    prop::collection::vec(value, 0..150)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn comparisons(bits in 1u32..64, x in column(64), seed in 0u64..200) {
        let fit = |v: i128| (v << (128 - bits)) >> (128 - bits);
        let x: Vec<i128> = x.into_iter().map(fit).collect();
        let mut y: Vec<i128> = numbers(seed, x.len(), 64, true).into_iter().map(fit).collect();
        y.iter_mut().zip(&x).step_by(2).for_each(|(y, x)| *y = *x);
        let clear = Clear::new().column(&x).column(&y);
        let less = clear.run::<u64, _>(async |ctx, i| compare::less_than(&ctx, &i.x[0], &i.x[1], bits).await);
        prop_assert_eq!(less.values, ideal::less_than(&x, &y));
        let equal = clear.run::<u64, _>(async |ctx, i| compare::equal(&ctx, &i.x[0], &i.x[1], bits).await);
        prop_assert_eq!(equal.values, ideal::equal(&x, &y));
    }

    #[test]
    fn bits_and_numbers_convert_both_ways(x in column(64), width in 1u32..65) {
        let run = Clear::new().column(&x).run::<u64, _>(async |ctx, i| {
            let bits = convert::bits_of(&ctx.step("bits"), &i.x[0], width).await?;
            convert::signed_planes_to_arithmetic::<u128>(&ctx.step("back"), &bits).await
        });
        let fit = |v: &i128| (v << (128 - width)) >> (128 - width);
        prop_assert_eq!(run.values, x.iter().map(fit).collect::<Vec<_>>());
    }

    #[test]
    fn truncation_and_division(x in column(61), f in 1u32..60, divisor in 1i128..(1 << 59)) {
        let clear = Clear::new().column(&x);
        let floor = clear.run::<u64, _>(async |ctx, i| truncate::truncate_exact(&ctx, &i.x[0], f).await);
        prop_assert_eq!(floor.values, ideal::floor_divide(&x, 1 << f));
        let near = clear.run::<u64, _>(async |ctx, i| truncate::truncate(&ctx, &i.x[0], f).await);
        let expected = ideal::floor_divide(&x, 1 << f);
        prop_assert!(near.values.iter().zip(&expected).all(|(a, b)| a == b || a + 1 == *b));
        let public = u64::from_i128(divisor);
        let floor = clear.run::<u64, _>(async |ctx, i| divide::divide_by_public(&ctx, &i.x[0], public).await);
        prop_assert_eq!(floor.values, ideal::floor_divide(&x, divisor));
    }

    #[test]
    fn quotients(x in column(62), shift in 0u32..60, seed in 0u64..200) {
        let y: Vec<i128> = numbers(seed, x.len(), 62, false).into_iter().map(|v| (v >> shift).max(1)).collect();
        let clear = Clear::new().column(&x).column(&y);
        let run = clear.run::<u64, _>(async |ctx, i| quotient::divide_bounded(&ctx, &i.x[0], &i.x[1], quotient::Widths::WORD).await);
        prop_assert_eq!(run.values, ideal::divide(&x, &y));
    }

    #[test]
    fn choices_and_products(x in column(40), seed in 0u64..200) {
        let (y, bit) = (numbers(seed, x.len(), 40, true), bools(seed, x.len()));
        let clear = Clear::new().column(&x).column(&y).bools(&bit);
        let run = clear.run::<u64, _>(async |ctx, i| select::select(&ctx, &i.bits[0], &i.x[0], &i.x[1]).await);
        prop_assert_eq!(run.values, ideal::select(&bit, &x, &y));
        let run = clear.run::<u128, _>(async |ctx, i| product::mul(&ctx, &i.x[0], &i.x[1]).await);
        prop_assert_eq!(run.values, ideal::mul(&x, &y));
    }

    #[test]
    fn sorting_is_stable(x in column(40), width in 1usize..12) {
        let keys: Vec<u64> = x.iter().map(|v| u64::from_i128(*v) & ((1 << width) - 1)).collect();
        let clear = Clear::new().planes(&keys, width);
        let run = clear.run::<u64, _>(async |ctx, i| sort::order(&ctx, &i.bits[0]).await);
        let order: Vec<i128> = ideal::order_by(&keys).into_iter().map(|row| row as i128).collect();
        prop_assert_eq!(run.values, order);
    }

    #[test]
    fn runs_and_sources(flags in prop::collection::vec(any::<bool>(), 0..150), max_run in 1usize..9, seed in 0u64..200) {
        let n = flags.len();
        let mut age = max_run;
        let starts: Vec<bool> = bools(seed, n).into_iter().map(|start| {
            age = if start || age >= max_run { 1 } else { age + 1 };
            age == 1
        }).collect();
        let clear = Clear::new().bools(&flags).bools(&starts);
        let run = clear.run::<u64, _>(async |ctx, i| {
            segmented::segmented_or(&ctx, &i.bits[0], &i.bits[1], max_run).await
        });
        let expected: Vec<i128> = ideal::segmented_or(&flags, &starts).into_iter().map(i128::from).collect();
        prop_assert_eq!(run.values, expected);

        let x = numbers(seed, n, 60, false);
        let sources: Vec<u32> =
            numbers(seed + 1, 2 * n, 30, false).iter().map(|&v| u32::from_i128(v) % u32::try_from(n).unwrap()).collect();
        let run = Clear::new().column(&x).run::<u64, _>(async |ctx, i| {
            gather::gather_known(&ctx, vec![Column::U64(i.x[0].clone())], Seat::P1, Some(&sources), 2 * n).await
        });
        prop_assert_eq!(run.values, ideal::gather(&x, &sources));
    }
}

/// One row more than a power of two: several chunks on the wire, and a last word with one row.
#[test]
fn a_long_odd_column() {
    let n = (1 << 16) + 1;
    let x = numbers(1, n, 64, true);
    let keys: Vec<u64> = x.iter().map(|v| u64::from_i128(*v) & 15).collect();
    let clear = Clear::new().column(&x).planes(&keys, 4);
    let run = clear.run::<u64, _>(async |ctx, i| {
        let negative = compare::is_negative(&ctx.step("negative"), &i.x[0], 64).await?;
        let compacted =
            arrange::compact(&ctx.step("compact"), vec![Column::U64(i.x[0].clone())], &negative).await?;
        let shuffled = shuffle::shuffle(&ctx.step("shuffle"), compacted).await?;
        Ok((vec![Column::Bits(negative)], shuffled))
    });
    let (negative, rows) = run.values.split_at(n);
    assert!(negative.iter().zip(&x).all(|(bit, x)| (*bit == 1) == (*x < 0)));
    let mut rows: Vec<i128> = rows.iter().map(|&v| u64::from_i128(v).to_i128()).collect();
    rows.sort_unstable();
    let mut expected = x.clone();
    expected.sort_unstable();
    assert_eq!(rows, expected);

    let run = clear.run::<u64, _>(async |ctx, i| sort::order(&ctx, &i.bits[0]).await);
    let order: Vec<i128> = ideal::order_by(&keys).into_iter().map(|row| row as i128).collect();
    assert_eq!(run.values, order);
    assert_eq!(words(&words_back(&keys)), keys);
}

fn words_back(keys: &[u64]) -> Vec<i128> {
    Planes::from_values(keys, 4).to_values::<u64>().into_iter().map(i128::from).collect()
}
