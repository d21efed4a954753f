//! Fixed-point numerics, within their stated errors.

use super::bill::{self, Bill, and, each, levels, log, to_arithmetic, truncate, truncated_product};
use super::{Case, Slot, Values, case, exactly, floor_or_below, signed, unsigned};
use crate::fixed::{self, MANTISSA};
use crate::harness::{Clear, Outcome};
use crate::ideal::fixed as twin;
use crate::{Context, Result, Shared, ideal};

const U64: usize = 8;
const U128: usize = 16;
const POINT: usize = MANTISSA as usize;
/// Numbers of unknown size are below 4^LEVELS.
const LEVELS: usize = 20;
/// Fractional bits of their roots and reciprocals.
const FRACTION: u32 = 30;

/// Of a polynomial, the constant first.
const COEFFICIENTS: [i128; 6] = [1 << 54, -3 << MANTISSA, 3 << 55, 1 << 53, 7 << MANTISSA, -(1 << 55)];

fn run(clear: &Clear, protocol: impl AsyncFn(Context, Shared<u128>) -> Result<Shared<u128>>) -> Outcome {
    clear.run::<u128, _>(async |ctx, i| protocol(ctx, i.x[0].clone()).await)
}

fn near(v: &Values, f: impl Fn(i128) -> Slot) -> Vec<Slot> {
    v[0].iter().map(|&x| f(x)).collect()
}

/// Integers from 0 on: roots and the like are of numbers of unknown size.
fn sizes(n: usize) -> Vec<super::Input> {
    vec![unsigned(n, 2 * LEVELS as u32)]
}

pub(super) fn cases() -> Vec<Case> {
    [products(), functions(), of_any_size()].into_iter().flatten().collect()
}

fn products() -> Vec<Case> {
    vec![
        case(
            "fixed::truncated_product",
            |n| vec![signed(n, 31), signed(n, 31)],
            |c, _| c.run::<u64, _>(async |ctx, i| fixed::truncated_product(&ctx, &i.x[0], &i.x[1], 20).await),
            |v| floor_or_below(ideal::floor_divide(&ideal::mul(&v[0], &v[1]), 1 << 20)),
            |n| truncated_product(n, 20, U64),
        ),
        Case {
            prepare: |v| v[1].iter_mut().for_each(|y| *y = (*y).max(1)),
            ..case(
                "fixed::quotient",
                |n| vec![signed(n, 40), unsigned(n, 30)],
                |c, _| c.run::<u64, _>(async |ctx, i| fixed::quotient(&ctx, &i.x[0], &i.x[1], 20).await),
                |v| exactly(v[0].iter().zip(&v[1]).map(|(x, y)| (x << 20) / y)),
                |n| super::numbers::quotient_cost(n, crate::quotient::Widths::WORD, U64),
            )
        },
        case(
            "fixed::rescale",
            |n| vec![signed(n, 62)],
            |c, _| c.run::<u64, _>(async |ctx, i| fixed::rescale(&ctx, &i.x[0], 30, 7).await),
            |v| floor_or_below(ideal::floor_divide(&v[0], 1 << 23)),
            |n| truncate(n, 23, U64),
        ),
        case(
            "fixed::rescale",
            |n| vec![signed(n, 40)],
            |c, _| c.run::<u64, _>(async |ctx, i| fixed::rescale(&ctx, &i.x[0], 7, 30).await),
            |v| exactly(v[0].iter().map(|x| x << 23)),
            |_| Bill::NOTHING,
        ),
    ]
}

fn functions() -> Vec<Case> {
    vec![
        case(
            "fixed::sigmoid",
            |n| vec![signed(n, 32)],
            |c, _| c.run::<u64, _>(async |ctx, i| fixed::sigmoid(&ctx, &i.x[0], 32, 20, 30).await),
            |v| near(v, |x| twin::within(twin::logistic(twin::number(x, 20)), 30, 0.5f64.powi(27))),
            |n| sigmoid_cost(n, 32, 20),
        ),
        case(
            "fixed::piecewise",
            |n| vec![signed(n, 40)],
            |c, _| {
                c.run::<u64, _>(async |ctx, i| {
                    // A straight line, from 0 to 1: in each interval, its middle and half its rise.
                    let line = fixed::Piecewise::new(|half| vec![i128::from(half + 64) << 53, 1 << 53], 1);
                    fixed::piecewise(&ctx, &line, &i.x[0], 40, 30, 20).await
                })
            },
            |v| near(v, |x| twin::within(twin::line(twin::number(x, 30)), 20, 0.5f64.powi(19))),
            |n| sigmoid_cost(n, 40, 30),
        ),
        case(
            "fixed::polynomial",
            |n| vec![signed(n, MANTISSA + 1)],
            |c, _| run(c, async |ctx, x| fixed::polynomial(&ctx, &x, &COEFFICIENTS).await),
            |v| {
                let coefficient = |c: &i128| twin::number(*c, MANTISSA);
                let value = |x| COEFFICIENTS.iter().rev().fold(0.0, |sum, c| sum * x + coefficient(c));
                near(v, |x| twin::within(value(twin::number(x, MANTISSA)), MANTISSA, 0.5f64.powi(44)))
            },
            |n| polynomial_cost(n, COEFFICIENTS.len() - 1),
        ),
        case(
            "fixed::running_products",
            |n| vec![unsigned(3 * n, 60)],
            |c, _| run(c, async |ctx, x| fixed::running_products(&ctx, &x, 3, 60).await),
            |v| {
                let mut product = 0;
                let next = |(i, &x): (usize, &i128)| {
                    product = if i % 3 == 0 { x } else { (product * x) >> 60 };
                    product - 6..=product + 6
                };
                v[0].iter().enumerate().map(next).collect()
            },
            |n| truncated_product(2 * n, 60, U128).then(truncated_product(n, 60, U128)),
        ),
        case(
            "fixed::exponential",
            |n| vec![signed(n, 24)],
            |c, _| run(c, async |ctx, x| fixed::exponential(&ctx, &x, 20, 50).await),
            |v| near(v, |x| twin::relative(twin::number(x, 20).exp(), 50, 0.5f64.powi(38))),
            exponential_cost,
        ),
        case(
            "fixed::inverse_sqrt",
            |n| vec![unsigned(n, MANTISSA - 1)],
            // From 1/4 to 3/4.
            |c, _| {
                run(c, async |ctx, x| {
                    let x = x.add_constant(ctx.seat(), 1 << (MANTISSA - 2));
                    fixed::inverse_sqrt(&ctx, &x).await
                })
            },
            |v| {
                near(v, |x| {
                    let x = twin::number(x + (1 << (MANTISSA - 2)), MANTISSA);
                    twin::relative(x.sqrt().recip(), MANTISSA, 0.5f64.powi(49))
                })
            },
            inverse_sqrt_cost,
        ),
    ]
}

fn of_any_size() -> Vec<Case> {
    vec![
        case(
            "fixed::shifts",
            sizes,
            |c, _| {
                run(c, async |ctx, x| Ok(fixed::shifts(&ctx, &x, LEVELS).await?.weighted(|k| k as u128 + 1)))
            },
            |v| {
                exactly(
                    v[0].iter().map(|&x| if x == 0 { 0 } else { LEVELS as i128 - i128::from(x.ilog2() / 2) }),
                )
            },
            shifts_cost,
        ),
        case(
            "fixed::logarithm",
            sizes,
            |c, _| run(c, async |ctx, x| fixed::logarithm(&ctx, &x, LEVELS).await),
            |v| {
                near(v, |x| match x {
                    0 => i128::MIN..=i128::MAX,
                    _ => twin::within(twin::number(x, 0).ln(), MANTISSA, 0.5f64.powi(41)),
                })
            },
            |n| {
                let centred = shifts_cost(n).then(each(n * U128)).then(truncate(n, POINT, U128));
                centred.then(polynomial_cost(n, 24))
            },
        ),
        case(
            "fixed::square_root",
            sizes,
            |c, _| run(c, async |ctx, x| fixed::square_root(&ctx, &x, LEVELS, FRACTION).await),
            |v| near(v, |x| twin::relative(twin::number(x, 0).sqrt(), FRACTION, 0.5f64.powi(49))),
            |n| normal_cost(n).then(truncated_product(n, POINT, U128)).then(scaled_cost(n, POINT - 30)),
        ),
        case(
            "fixed::inverse_square_root",
            sizes,
            |c, _| run(c, async |ctx, x| fixed::inverse_square_root(&ctx, &x, LEVELS, FRACTION).await),
            |v| near(v, |x| inverse(x, f64::sqrt)),
            |n| normal_cost(n).then(scaled_cost(n, POINT)),
        ),
        case(
            "fixed::divide_by_root",
            |n| vec![signed(n, 20), unsigned(n, 2 * LEVELS as u32)],
            |c, _| {
                c.run::<u128, _>(async |ctx, i| {
                    fixed::divide_by_root(&ctx, &i.x[0], &i.x[1], LEVELS, FRACTION).await
                })
            },
            |v| {
                let quotient = |(&x, &y): (&i128, &i128)| match y {
                    0 => -1..=0,
                    _ => twin::relative(
                        twin::quotient(twin::number(x, 0), twin::number(y, 0).sqrt()),
                        FRACTION,
                        0.5f64.powi(48),
                    ),
                };
                v[0].iter().zip(&v[1]).map(quotient).collect()
            },
            |n| normal_cost(n).then(each(n * U128)).then(scaled_cost(n, POINT + LEVELS - 30)),
        ),
        case(
            "fixed::reciprocal",
            sizes,
            |c, _| run(c, async |ctx, x| fixed::reciprocal(&ctx, &x, LEVELS, FRACTION).await),
            |v| near(v, |x| inverse(x, |x| x)),
            |n| normal_cost(n).then(truncated_product(n, POINT, U128)).then(scaled_cost(n, POINT + 10)),
        ),
    ]
}

/// 1 / f(x), and 0 or one unit below for 0.
fn inverse(x: i128, f: fn(f64) -> f64) -> Slot {
    match x {
        0 => -1..=0,
        _ => twin::relative(f(twin::number(x, 0)).recip(), FRACTION, 0.5f64.powi(48)),
    }
}

fn sigmoid_cost(n: usize, bits: usize, point: usize) -> Bill {
    let codes = bill::one_hot(2 * n, 3).beside(bill::and_all(n, bits - point - 5));
    let codes = bill::bits_of(n, bits + 1).then(codes).then(and(n, 9)).then(to_arithmetic(n, 16, U64));
    let powers =
        [1, 2, 4].map(|k| truncated_product(k * n, 30, U64)).into_iter().fold(Bill::NOTHING, Bill::then);
    codes.then(powers.beside(each(9 * n * U64))).then(each(n * U64)).then(truncate(
        n,
        60 - result_bits(bits),
        U64,
    ))
}

/// Fractional bits of the results above.
fn result_bits(bits: usize) -> usize {
    if bits == 32 { 30 } else { 20 }
}

fn polynomial_cost(n: usize, degree: usize) -> Bill {
    let mut bill = Bill::NOTHING;
    let mut powers = 1;
    while powers < degree {
        let count = powers.min(degree - powers);
        bill = bill.then(truncated_product(count * n, POINT, U128));
        powers += count;
    }
    bill.then(truncate(n, POINT, U128))
}

fn exponential_cost(n: usize) -> Bill {
    let power = each(3 * n * U128).then(each(n * U128).repeated(2));
    let bits = truncate(n, 20, U128).then(bill::bits_of(n, 62)).then(to_arithmetic(n, 6, U128));
    bits.then(power.beside(polynomial_cost(n, 8))).then(truncated_product(n, POINT + 32 - 50, U128))
}

fn shifts_cost(n: usize) -> Bill {
    let prefix = levels(LEVELS, |reach| and(n, LEVELS - reach));
    debug_assert_eq!(prefix.rounds(), log(LEVELS));
    bill::bits_of(n, 2 * LEVELS).then(and(n, LEVELS)).then(prefix).then(to_arithmetic(n, LEVELS, U128))
}

fn inverse_sqrt_cost(n: usize) -> Bill {
    let start = each(n * U128).then(truncate(2 * n, POINT, U128)).then(truncated_product(n, POINT, U128));
    let step = truncated_product(2 * n, POINT, U128).then(truncated_product(n, POINT + 1, U128));
    start.then(step.repeated(3))
}

/// Normalised: 2 LEVELS bits are fewer than those of a mantissa, so that moving up is local.
fn normal_cost(n: usize) -> Bill {
    shifts_cost(n).then(each(n * U128)).then(inverse_sqrt_cost(n))
}

fn scaled_cost(n: usize, bits: usize) -> Bill {
    truncated_product(n, bits, U128)
}
