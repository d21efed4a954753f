//! Gates, comparisons of planes, one-hot codes, runs.

use super::bill::{self, Bill, and, and_all, log};
use super::{Case, Slot, Values, as_they_are, case, exactly, flags, planes};
use crate::harness::{Clear, Outcome};
use crate::{Context, Result, SharedBits, bits, compare, ideal, one_hot, read, segmented, select};

/// Planes of the inputs below.
const WIDTH: usize = 13;
/// Planes of a place.
const PLACE: usize = 17;
/// The longest run.
const RUN: usize = 5;

/// Of two columns and a bit.
fn gate(
    name: &'static str,
    run: fn(&Clear, usize) -> Outcome,
    expected: fn(&Values) -> Vec<Slot>,
    cost: fn(usize) -> Bill,
) -> Case {
    let inputs = |n| vec![planes(n, WIDTH), planes(n, WIDTH), flags(n)];
    case(name, inputs, run, expected, cost).prepared(some_equal)
}

/// Every third pair of rows is made equal.
fn some_equal(values: &mut Values) {
    let (x, y) = values.split_at_mut(1);
    y[0].iter_mut().zip(&x[0]).step_by(3).for_each(|(y, x)| *y = *x);
}

fn run(clear: &Clear, protocol: impl AsyncFn(Context, Vec<SharedBits>) -> Result<SharedBits>) -> Outcome {
    clear.run::<u64, _>(async |ctx, i| protocol(ctx, i.bits).await)
}

fn zip(v: &Values, f: impl Fn(i128, i128) -> i128) -> Vec<Slot> {
    exactly(v[0].iter().zip(&v[1]).map(|(&x, &y)| f(x, y)))
}

fn each(v: &Values, f: impl Fn(i128) -> i128) -> Vec<Slot> {
    exactly(v[0].iter().map(|&x| f(x)))
}

fn bit(condition: bool) -> i128 {
    i128::from(condition)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        gate(
            "bits::and",
            |c, _| run(c, async |ctx, x| bits::and(&ctx, &x[0], &x[1]).await),
            |v| zip(v, |x, y| x & y),
            |n| and(n, WIDTH),
        ),
        gate(
            "bits::or",
            |c, _| run(c, async |ctx, x| bits::or(&ctx, &x[0], &x[1]).await),
            |v| zip(v, |x, y| x | y),
            |n| and(n, WIDTH),
        ),
        gate(
            "bits::and_bit",
            |c, _| run(c, async |ctx, x| bits::and_bit(&ctx, &x[2], &x[0]).await),
            |v| exactly(v[0].iter().zip(&v[2]).map(|(x, bit)| x * bit)),
            |n| and(n, WIDTH),
        ),
        gate(
            "bits::and_all",
            |c, _| run(c, async |ctx, x| bits::and_all(&ctx, &x[0]).await),
            |v| each(v, |x| bit(x == (1 << WIDTH) - 1)),
            |n| and_all(n, WIDTH),
        ),
        gate(
            "bits::or_all",
            |c, _| run(c, async |ctx, x| bits::or_all(&ctx, &x[0]).await),
            |v| each(v, |x| bit(x != 0)),
            |n| and_all(n, WIDTH),
        ),
        gate(
            "bits::suffix_or",
            |c, _| run(c, async |ctx, x| bits::suffix_or(&ctx, &x[0]).await),
            |v| each(v, ideal::suffix_or),
            |n| bill::suffix_or(n, WIDTH),
        ),
        gate(
            "bits::and_many",
            |c, _| run(c, async |ctx, x| bits::and_many(&ctx, &[&x[0], &x[1], &x[0]]).await),
            |v| zip(v, |x, y| x & y),
            |n| and(n, WIDTH).repeated(2),
        ),
        gate(
            "bits::or_many",
            |c, _| run(c, async |ctx, x| bits::or_many(&ctx, &[&x[0], &x[1], &x[1]]).await),
            |v| zip(v, |x, y| x | y),
            |n| and(n, WIDTH).repeated(2),
        ),
        gate(
            "compare::less_than_planes",
            |c, _| run(c, async |ctx, x| compare::less_than_planes(&ctx, &x[0], &x[1]).await),
            |v| exactly(ideal::less_than(&v[0], &v[1])),
            |n| bill::tree(n, WIDTH + 1),
        ),
        gate(
            "compare::less_than_planes_public",
            |c, _| run(c, async |ctx, x| compare::less_than_planes_public(&ctx, &x[0], 4000u64).await),
            |v| each(v, |x| bit(x < 4000)),
            |n| bill::tree(n, WIDTH + 1),
        ),
        gate(
            "compare::equal_planes",
            |c, _| run(c, async |ctx, x| compare::equal_planes(&ctx, &x[0], &x[1]).await),
            |v| exactly(ideal::equal(&v[0], &v[1])),
            |n| and_all(n, WIDTH),
        ),
        gate(
            "compare::equal_planes_public",
            |c, _| run(c, async |ctx, x| compare::equal_planes_public(&ctx, &x[0], 1u64).await),
            |v| each(v, |x| bit(x == 1)),
            |n| and_all(n, WIDTH),
        ),
        gate(
            "select::select_bits",
            |c, _| run(c, async |ctx, x| select::select_bits(&ctx, &x[2], &x[0], &x[1]).await),
            |v| exactly(ideal::select(&bools(&v[2]), &v[0], &v[1])),
            |n| and(n, WIDTH),
        ),
        Case {
            inputs: |n| vec![planes(n, 5)],
            prepare: as_they_are,
            ..gate(
                "one_hot::one_hot",
                |c, _| run(c, async |ctx, x| one_hot::one_hot(&ctx, &x[0]).await),
                |v| each(v, |x| 1 << x),
                |n| bill::one_hot(n, 5),
            )
        },
        Case {
            inputs: |n| vec![planes(n, WIDTH), planes(3, PLACE)],
            prepare: as_they_are,
            ..gate(
                "read::read_rows",
                |c, _| run(c, async |ctx, x| read::read_rows(&ctx, &x[0], &x[1]).await),
                |v| {
                    let places: Vec<u32> = v[1].iter().map(|&place| place as u32).collect();
                    exactly(ideal::gather(&v[0], &places))
                },
                |n| {
                    // Blocks of 2^9 rows.
                    let codes = bill::one_hot(3, 9).beside(bill::one_hot(3, PLACE - 9));
                    let found = and(3, n.div_ceil(512) * WIDTH).then(and(3, WIDTH));
                    if n == 0 { Bill::NOTHING } else { codes.then(found) }
                },
            )
        },
        Case {
            inputs: |n| vec![flags(n), flags(n)],
            prepare: short_runs,
            ..gate(
                "segmented::segmented_or",
                |c, _| run(c, async |ctx, x| segmented::segmented_or(&ctx, &x[0], &x[1], RUN).await),
                |v| exactly(ideal::segmented_or(&bools(&v[0]), &bools(&v[1])).into_iter().map(bit)),
                |n| {
                    if n == 0 {
                        Bill::NOTHING
                    } else {
                        and(n, 1).then(and(n, 2).repeated(log(RUN) - 1)).then(and(n, 1).repeated(2))
                    }
                },
            )
        },
    ]
}

pub(super) fn bools(values: &[i128]) -> Vec<bool> {
    values.iter().map(|&v| v == 1).collect()
}

/// The second column starts a run at row 0, and as often as runs need it.
fn short_runs(values: &mut Values) {
    let mut age = RUN;
    for start in &mut values[1] {
        age = if *start == 1 || age >= RUN { 1 } else { age + 1 };
        *start = bit(age == 1);
    }
}
