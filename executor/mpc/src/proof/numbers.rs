//! Arithmetic: products, comparisons, conversions, truncation, division.

use super::bill::{self, Bill, each, to_arithmetic};
use super::{Case, Values, bits::bools, case, exactly, flags, floor_or_below, planes, signed, unsigned};
use crate::harness::{Clear, Inputs, Outcome};
use crate::quotient::Widths;
use crate::{
    Context, Planes, Result, Ring, Seat, Shared, compare, convert, divide, ideal, inject, input, product,
    quotient, select, truncate,
};

/// Bytes of an element.
const U64: usize = 8;
const U128: usize = 16;
/// A public divisor of [`DIVISOR_BITS`] bits.
const DIVISOR: i128 = 1_000_003;
const DIVISOR_BITS: usize = 20;

/// Two columns of signed numbers.
fn two(n: usize) -> Vec<super::Input> {
    vec![signed(n, 31), signed(n, 31)]
}

/// Over Z_2^64.
fn run(clear: &Clear, protocol: impl AsyncFn(Context, Inputs<u64>) -> Result<Shared<u64>>) -> Outcome {
    clear.run::<u64, _>(async |ctx, i| protocol(ctx, i).await)
}

fn bit_of(
    clear: &Clear,
    protocol: impl AsyncFn(Context, Inputs<u64>) -> Result<crate::SharedBits>,
) -> Outcome {
    clear.run::<u64, _>(async |ctx, i| protocol(ctx, i).await)
}

pub(super) fn cases() -> Vec<Case> {
    [products(), comparisons(), conversions(), choices(), truncations(), divisions()]
        .into_iter()
        .flatten()
        .collect()
}

fn products() -> Vec<Case> {
    vec![
        case(
            "product::mul",
            two,
            |c, _| run(c, async |ctx, i| product::mul(&ctx, &i.x[0], &i.x[1]).await),
            |v| exactly(ideal::mul(&v[0], &v[1])),
            |n| each(n * U64),
        ),
        // The whole ring, which wraps.
        case(
            "product::mul",
            |n| vec![signed(n, 64), signed(n, 64)],
            |c, _| run(c, async |ctx, i| product::mul(&ctx, &i.x[0], &i.x[1]).await),
            |v| exactly(ideal::mul(&v[0], &v[1]).into_iter().map(|x| u64::from_i128(x).to_i128())),
            |n| each(n * U64),
        ),
        case(
            "product::mul",
            |n| vec![signed(n, 32), signed(n, 32)],
            |c, _| c.run::<u32, _>(async |ctx, i| product::mul(&ctx, &i.x[0], &i.x[1]).await),
            |v| exactly(ideal::mul(&v[0], &v[1]).into_iter().map(|x| u32::from_i128(x).to_i128())),
            |n| each(n * 4),
        ),
        case(
            "product::mul",
            |n| vec![signed(n, 64), signed(n, 64)],
            |c, _| c.run::<u128, _>(async |ctx, i| product::mul(&ctx, &i.x[0], &i.x[1]).await),
            |v| exactly(ideal::mul(&v[0], &v[1])),
            |n| each(n * U128),
        ),
        case(
            "product::sum_of_products",
            two,
            |c, _| {
                run(c, async |ctx, i| {
                    product::sum_of_products(&ctx, &[(&i.x[0], &i.x[1]), (&i.x[1], &i.x[1])]).await
                })
            },
            |v| exactly(ideal::mul(&v[0], &v[1]).iter().zip(&v[1]).map(|(p, y)| p + y * y)),
            |n| each(n * U64),
        ),
        case(
            "product::dot",
            |n| vec![signed(n, 22), signed(n, 22)],
            |c, _| run(c, async |ctx, i| product::dot(&ctx, &[(&i.x[0], &i.x[1]), (&i.x[0], &i.x[0])]).await),
            |v| exactly([ideal::dot(&v[0], &v[1]), ideal::dot(&v[0], &v[0])]),
            |_| each(2 * U64),
        ),
        case(
            "product::matmul",
            |n| vec![signed(n, 22), signed(n, 22), signed(n, 22)],
            |c, _| {
                run(c, async |ctx, i| {
                    product::matmul(&ctx, &[&i.x[0], &i.x[1]], &[&i.x[2], &i.x[1], &i.x[0]]).await
                })
            },
            |v| {
                let right = [v[2].clone(), v[1].clone(), v[0].clone()];
                exactly(ideal::matmul(&v[..2], &right))
            },
            |_| each(6 * U64),
        ),
        case(
            "product::weighted_sums",
            |n| vec![signed(n, 40), signed(n, 40), signed(2, 20), signed(2, 20)],
            |c, _| {
                run(c, async |ctx, i| {
                    product::weighted_sums(&ctx, &[&i.x[0], &i.x[1]], &[&i.x[2], &i.x[3]]).await
                })
            },
            |v| {
                let sum = |w: &[i128], row: usize| v[0][row] * w[0] + v[1][row] * w[1];
                exactly(v[2..].iter().flat_map(|w| (0..v[0].len()).map(move |row| sum(w, row))))
            },
            |n| each(2 * n * U64),
        ),
        case(
            "product::gram",
            |n| vec![signed(n, 22), signed(n, 22), signed(n, 22)],
            |c, _| run(c, async |ctx, i| product::gram(&ctx, &[&i.x[0], &i.x[1], &i.x[2]]).await),
            |v| exactly(ideal::matmul(v, v)),
            |_| each(6 * U64),
        ),
    ]
}

fn comparisons() -> Vec<Case> {
    vec![
        case(
            "compare::is_negative",
            |n| vec![signed(n, 64)],
            |c, _| bit_of(c, async |ctx, i| compare::is_negative(&ctx, &i.x[0], 64).await),
            |v| exactly(v[0].iter().map(|&x| i128::from(x < 0))),
            |n| bill::is_negative(n, 64),
        ),
        case(
            "compare::less_than",
            |n| vec![signed(n, 20), signed(n, 20)],
            |c, _| bit_of(c, async |ctx, i| compare::less_than(&ctx, &i.x[0], &i.x[1], 20).await),
            |v| exactly(ideal::less_than(&v[0], &v[1])),
            |n| bill::is_negative(n, 21),
        ),
        case(
            "compare::less_than",
            |n| vec![signed(n, 64), signed(n, 64)],
            |c, _| bit_of(c, async |ctx, i| compare::less_than(&ctx, &i.x[0], &i.x[1], 64).await),
            |v| exactly(ideal::less_than(&v[0], &v[1])),
            |n| bill::is_negative(3 * n, 64).then(bill::and(n, 1)),
        ),
        case(
            "compare::less_than_public",
            |n| vec![signed(n, 64)],
            |c, _| bit_of(c, async |ctx, i| compare::less_than_public(&ctx, &i.x[0], 1, 64).await),
            |v| exactly(v[0].iter().map(|&x| i128::from(x < 1))),
            |n| bill::is_negative(3 * n, 64).then(bill::and(n, 1)),
        ),
        case(
            "compare::less_than_public",
            |n| vec![signed(n, 20)],
            |c, _| bit_of(c, async |ctx, i| compare::less_than_public(&ctx, &i.x[0], 1, 20).await),
            |v| exactly(v[0].iter().map(|&x| i128::from(x < 1))),
            |n| bill::is_negative(n, 21),
        ),
        Case {
            prepare: |v| {
                let (x, y) = v.split_at_mut(1);
                y[0].iter_mut().zip(&x[0]).step_by(3).for_each(|(y, x)| *y = *x);
            },
            ..case(
                "compare::equal",
                |n| vec![unsigned(n, 64), unsigned(n, 64)],
                |c, _| bit_of(c, async |ctx, i| compare::equal(&ctx, &i.x[0], &i.x[1], 64).await),
                |v| exactly(ideal::equal(&v[0], &v[1])),
                |n| bill::equal(n, 64),
            )
        },
    ]
}

fn conversions() -> Vec<Case> {
    vec![
        case(
            "convert::bit_to_arithmetic",
            |n| vec![planes(n, 3)],
            |c, _| c.run::<u64, _>(async |ctx, i| convert::bit_to_arithmetic::<u32>(&ctx, &i.bits[0]).await),
            |v| exactly((0..3).flat_map(|p| v[0].iter().map(move |x| x >> p & 1))),
            |n| to_arithmetic(n, 3, 4),
        ),
        case(
            "convert::one_bit_to_arithmetic",
            |n| vec![flags(n)],
            |c, _| {
                c.run::<u64, _>(async |ctx, i| convert::one_bit_to_arithmetic::<u128>(&ctx, &i.bits[0]).await)
            },
            |v| exactly(v[0].clone()),
            |n| to_arithmetic(n, 1, U128),
        ),
        case(
            "convert::planes_to_arithmetic",
            |n| vec![planes(n, 11)],
            |c, _| run(c, async |ctx, i| convert::planes_to_arithmetic(&ctx, &i.bits[0]).await),
            |v| exactly(v[0].clone()),
            |n| to_arithmetic(n, 11, U64),
        ),
        case(
            "convert::signed_planes_to_arithmetic",
            |n| vec![planes(n, 11)],
            |c, _| run(c, async |ctx, i| convert::signed_planes_to_arithmetic(&ctx, &i.bits[0]).await),
            |v| exactly(v[0].iter().map(|x| if *x < 1024 { *x } else { x - 2048 })),
            |n| to_arithmetic(n, 11, U64),
        ),
        case(
            "convert::bits_of",
            |n| vec![signed(n, 40)],
            |c, _| bit_of(c, async |ctx, i| convert::bits_of(&ctx, &i.x[0], 37).await),
            |v| exactly(v[0].iter().map(|x| x & ((1 << 37) - 1))),
            |n| bill::bits_of(n, 37),
        ),
        case(
            "input::input",
            |n| vec![signed(n, 64)],
            |c, n| {
                c.run::<u64, _>(async |ctx, _| {
                    let values: Vec<u64> = (0..n as u64).collect();
                    input::input(&ctx, Seat::P0, Some(&values), n).await
                })
            },
            |v| exactly(0..v[0].len() as i128),
            |n| bill::input(n * U64),
        ),
        case(
            "input::input_bits",
            |n| vec![signed(n, 64)],
            |c, n| {
                bit_of(c, async |ctx, _| {
                    let values: Vec<u64> = (0..n as u64).map(|v| v & 127).collect();
                    input::input_bits(&ctx, Seat::P0, Some(&Planes::from_values(&values, 7)), n, 7).await
                })
            },
            |v| exactly((0..v[0].len() as i128).map(|v| v & 127)),
            |n| bill::input(bill::planes(n, 7)),
        ),
    ]
}

fn choices() -> Vec<Case> {
    let with_flags: fn(usize) -> Vec<super::Input> = |n| vec![signed(n, 40), signed(n, 40), flags(n)];
    vec![
        case(
            "select::select",
            with_flags,
            |c, _| run(c, async |ctx, i| select::select(&ctx, &i.bits[0], &i.x[0], &i.x[1]).await),
            |v| exactly(ideal::select(&bools(&v[2]), &v[0], &v[1])),
            |n| bill::sum_by_bits(n, 1, U64),
        ),
        case(
            "inject::sum_by_bits",
            |n| vec![signed(n, 64), signed(n, 64), flags(n), flags(n)],
            |c, _| {
                run(c, async |ctx, i| {
                    inject::sum_by_bits(&ctx, &[(&i.bits[0], &i.x[0]), (&i.bits[1], &i.x[1])]).await
                })
            },
            |v| {
                let sums = ideal::mul(&v[0], &v[2]).into_iter().zip(ideal::mul(&v[1], &v[3]));
                exactly(sums.map(|(x, y)| u64::from_i128(x + y).to_i128()))
            },
            |n| bill::sum_by_bits(n, 2, U64),
        ),
        case(
            "inject::bit_and_product",
            |n| vec![signed(n, 100), flags(n)],
            |c, _| c.run::<u128, _>(async |ctx, i| inject::bit_and_product(&ctx, &i.bits[0], &i.x[0]).await),
            |v| exactly(v[1].iter().copied().chain(ideal::mul(&v[0], &v[1]))),
            |n| bill::bit_and_product(n, U128),
        ),
        case(
            "select::mul_by_bit",
            with_flags,
            |c, _| run(c, async |ctx, i| select::mul_by_bit(&ctx, &i.bits[0], &i.x[0]).await),
            |v| exactly(ideal::mul(&v[0], &v[2])),
            |n| bill::sum_by_bits(n, 1, U64),
        ),
        case(
            "select::min",
            with_flags,
            |c, _| run(c, async |ctx, i| select::min(&ctx, &i.x[0], &i.x[1], 40).await),
            |v| exactly(v[0].iter().zip(&v[1]).map(|(x, y)| *x.min(y))),
            |n| bill::is_negative(n, 41).then(bill::sum_by_bits(n, 1, U64)),
        ),
        case(
            "select::max",
            with_flags,
            |c, _| run(c, async |ctx, i| select::max(&ctx, &i.x[0], &i.x[1], 40).await),
            |v| exactly(v[0].iter().zip(&v[1]).map(|(x, y)| *x.max(y))),
            |n| bill::is_negative(n, 41).then(bill::sum_by_bits(n, 1, U64)),
        ),
        case(
            "select::clamp",
            with_flags,
            |c, _| {
                run(c, async |ctx, i| select::clamp(&ctx, &i.x[0], 5u64.wrapping_neg(), 1 << 38, 40).await)
            },
            |v| exactly(v[0].iter().map(|&x| x.clamp(-5, 1 << 38))),
            |n| bill::is_negative(2 * n, 41).then(bill::sum_by_bits(n, 2, U64)),
        ),
        case(
            "select::abs",
            with_flags,
            |c, _| c.run::<u64, _>(async |ctx, i| select::abs(&ctx, &i.x[0], 40).await),
            |v| exactly(v[0].iter().map(|x| x.abs()).chain(v[0].iter().map(|&x| i128::from(x < 0)))),
            |n| bill::abs(n, 40, U64),
        ),
    ]
}

fn truncations() -> Vec<Case> {
    let one: fn(usize) -> Vec<super::Input> = |n| vec![signed(n, 63)];
    vec![
        case(
            "truncate::truncate",
            one,
            |c, _| run(c, async |ctx, i| truncate::truncate(&ctx, &i.x[0], 20).await),
            |v| floor_or_below(ideal::floor_divide(&v[0], 1 << 20)),
            |n| bill::truncate(n, 20, U64),
        ),
        case(
            "truncate::truncate",
            |n| vec![signed(n, 126)],
            |c, _| c.run::<u128, _>(async |ctx, i| truncate::truncate(&ctx, &i.x[0], 60).await),
            |v| floor_or_below(ideal::floor_divide(&v[0], 1 << 60)),
            |n| bill::truncate(n, 60, U128),
        ),
        case(
            "truncate::truncate_exact",
            one,
            |c, _| run(c, async |ctx, i| truncate::truncate_exact(&ctx, &i.x[0], 37).await),
            |v| exactly(ideal::floor_divide(&v[0], 1 << 37)),
            |n| bill::truncate_exact(n, 37, U64),
        ),
        // Numbers of the whole domain, of which as few bits are left, or taken, as can be.
        case(
            "truncate::truncate_exact",
            one,
            |c, _| run(c, async |ctx, i| truncate::truncate_exact(&ctx, &i.x[0], 61).await),
            |v| exactly(ideal::floor_divide(&v[0], 1 << 61)),
            |n| bill::truncate_exact(n, 61, U64),
        ),
        case(
            "truncate::truncate",
            one,
            |c, _| run(c, async |ctx, i| truncate::truncate(&ctx, &i.x[0], 1).await),
            |v| floor_or_below(ideal::floor_divide(&v[0], 2)),
            |n| bill::truncate(n, 1, U64),
        ),
        case(
            "truncate::round",
            |n| vec![signed(n, 62)],
            |c, _| run(c, async |ctx, i| truncate::round(&ctx, &i.x[0], 20).await),
            |v| exactly(v[0].iter().map(|x| (x + (1 << 19)).div_euclid(1 << 20))),
            |n| bill::truncate_exact(n, 20, U64),
        ),
        case(
            "truncate::widen",
            one,
            |c, _| c.run::<u64, _>(async |ctx, i| truncate::widen::<u64, u128>(&ctx, &i.x[0]).await),
            |v| exactly(v[0].clone()),
            |n| bill::widen(n, U64, U128),
        ),
    ]
}

fn divisions() -> Vec<Case> {
    vec![
        case(
            "divide::divide_by_public",
            |n| vec![signed(n, 62)],
            |c, _| run(c, async |ctx, i| divide::divide_by_public(&ctx, &i.x[0], DIVISOR as u64).await),
            |v| exactly(ideal::floor_divide(&v[0], DIVISOR)),
            |n| bill::divide_by_public(n, DIVISOR_BITS, U64),
        ),
        case(
            "divide::divide_by_public_truncating",
            |n| vec![signed(n, 61)],
            |c, _| {
                run(c, async |ctx, i| {
                    divide::divide_by_public_truncating(&ctx, &i.x[0], DIVISOR as u64).await
                })
            },
            |v| exactly(v[0].iter().map(|x| x / DIVISOR)),
            |n| {
                let sign = bill::is_negative(n, 61).then(to_arithmetic(n, 1, U64));
                sign.then(bill::divide_by_public(n, DIVISOR_BITS, U64))
            },
        ),
        Case {
            prepare: positive_divisors::<63>,
            // 63 comparisons of twice as wide numbers a row: few rows will do.
            also: &[],
            ..case(
                "divide::divide",
                |n| vec![signed(n, 64), unsigned(n, 61)],
                |c, _| {
                    c.run::<u128, _>(async |ctx, i| divide::divide(&ctx, &i.x[0], &i.x[1], RESTORED).await)
                },
                |v| exactly(ideal::divide(&v[0], &v[1])),
                restoring_division,
            )
        },
        Case {
            prepare: positive_divisors::<62>,
            ..case(
                "quotient::divide_bounded",
                |n| vec![signed(n, 63), unsigned(n, 62)],
                |c, _| {
                    run(c, async |ctx, i| {
                        quotient::divide_bounded(&ctx, &i.x[0], &i.x[1], Widths::WORD).await
                    })
                },
                |v| exactly(ideal::divide(&v[0], &v[1])),
                |n| quotient_cost(n, Widths::WORD, U64),
            )
        },
        Case {
            prepare: positive_divisors::<118>,
            ..case(
                "quotient::divide_bounded",
                |n| vec![signed(n, 119), unsigned(n, 31)],
                |c, _| {
                    c.run::<u128, _>(async |ctx, i| {
                        quotient::divide_bounded(&ctx, &i.x[0], &i.x[1], LONG).await
                    })
                },
                |v| exactly(ideal::divide(&v[0], &v[1])),
                |n| quotient_cost(n, LONG, U128),
            )
        },
    ]
}

/// Divisors are at least 1, and no numerator of `BITS` bits and a sign is the lowest number.
fn positive_divisors<const BITS: u32>(values: &mut Values) {
    values[0].iter_mut().for_each(|x| *x = (*x).max(1 - (1 << BITS)));
    values[1].iter_mut().for_each(|y| *y = (*y).max(1));
}

/// What is divided bit by bit.
const RESTORED: Widths = Widths { numerator: 63, divisor: 61 };

/// A mean of long numbers: two first estimates.
const LONG: Widths = Widths { numerator: 118, divisor: 31 };

/// Over Z_2^128, 63 bits of the quotient.
fn restoring_division(n: usize) -> Bill {
    let fits = bill::is_negative(63 * n, 127);
    let digit = bill::is_negative(n, 128).then(bill::and(n, 1)).then(bill::bit_and_product(n, U128));
    fits.beside(bill::abs(n, 127, U128)).then(digit.repeated(63)).then(each(n * U128))
}

/// A division by estimates, of numbers of a ring whose elements have so many bytes.
pub(super) fn quotient_cost(n: usize, widths: Widths, element: usize) -> Bill {
    let product = |bits| bill::truncated_product(n, bits, U128);
    let wide = if element == U128 { Bill::NOTHING } else { bill::widen(n, U64, U128) };
    let (numerator, divisor) = (widths.numerator as usize, widths.divisor as usize);
    let numerator = bill::abs(n, numerator + 1, element).then(wide);
    let top = bill::bits_of(n, divisor).then(bill::suffix_or(n, divisor));
    let scale = top.then(to_arithmetic(n, divisor, U128));
    let reciprocal = each(n * U128).then(product(62).then(product(61)).repeated(4));
    let mut cost = numerator.beside(scale).beside(wide).then(reciprocal);
    for left_out in widths.first_estimates().into_iter().chain([0; 2]) {
        let left_out = left_out as usize;
        let upper = if left_out == 0 { Bill::NOTHING } else { bill::truncate(n, left_out, U128) };
        let fraction = left_out.min(62);
        let scaled = if fraction == 62 { each(n * U128) } else { product(62 - fraction) };
        cost = cost.then(upper).then(product(61)).then(scaled).then(each(n * U128));
    }
    let correction = bill::is_negative(4 * n, 67).then(to_arithmetic(4 * n, 1, U128));
    cost.then(correction).then(each(n * element))
}
