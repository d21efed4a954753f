//! Exact integer division in few rounds: an estimate by Newton's method, corrected by comparisons.
//!
//! The divisor is brought to [1/2, 1) by its top bit; Newton's iteration v <- v (2 - d v) starts from 2.914 - 2 d, whose
//! relative error is below 0.086, so four iterations leave less than 2^-56. Two estimates, of the numerator and of
//! what remains, are off by two at most, and four comparisons of the exact remainder settle the rest. All in Z_2^128,
//! where no product leaves its range.
//!
//! A longer numerator is brought to 62 bits first: its upper 62 bits, divided with as many fractional bits as were
//! dropped (62 at most), are a quotient whose remainder has 53 bits less, or is a few times the divisor. With
//! x = hi 2^t + lo, an error of 2^-56 of hi and of some units in the last place of the quotient leave
//! |x - q den| < 2^(t+9) + 4 den.
//! Compare: Catrina and Saxena, Financial Cryptography 2010, for the iteration. Model: semi-honest, 1 of 3.

use super::bits::suffix_or;
use super::compare::is_negative;
use super::convert::{bit_to_arithmetic, bits_of, one_bit_to_arithmetic};
use super::product::mul;
use super::select::abs;
use super::truncate::{truncate, widen};
use crate::planes::as_u32;
use crate::{Context, Result, Ring, Shared};

/// The width of numerators that two estimates divide, and of any divisor.
const BITS: u32 = 62;
/// The width of divisors of longer numerators: four times the divisor must not exceed `BITS`.
const SHORT: u32 = BITS - 2;
/// How many bits a first estimate takes off a longer numerator.
const TAKEN: u32 = 53;
/// Fraction bits of the reciprocal; a normalised divisor has one more.
const FRACTION: u32 = BITS - 1;
/// sqrt(2) + 3/2, the best constant for a line through 1/d on [1/2, 1), with `FRACTION` fraction bits.
const START: u128 = 6_719_718_970_153_736_481;
const ITERATIONS: usize = 4;

/// How many bits a numerator and a divisor have, by what is declared of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widths {
    /// |`num`| < 2^`numerator`.
    pub numerator: u32,
    /// 0 < `den` < 2^`divisor`.
    pub divisor: u32,
}

impl Widths {
    /// The widest numbers of Z_2^64.
    pub const WORD: Widths = Widths { numerator: BITS, divisor: BITS };

    /// Whether [`divide_bounded`] takes such numbers.
    pub fn are_bounded(self) -> bool {
        let Widths { numerator, divisor } = self;
        numerator <= BITS && divisor <= BITS || numerator <= u128::BITS - 2 && divisor <= SHORT
    }

    /// How many low bits of a long numerator each first estimate leaves out.
    pub fn first_estimates(self) -> Vec<u32> {
        let mut left_out = Vec::new();
        let mut bits = self.numerator;
        while bits > BITS {
            left_out.push(bits - BITS);
            bits = (bits - TAKEN).max(self.divisor + 2);
        }
        left_out
    }
}

/// `num / den` rounded towards zero, exactly.
///
/// Domain: |`num`| < 2^`widths.numerator` and 0 < `den` < 2^`widths.divisor`, over Z_2^64 or Z_2^128: both of 62 bits at
/// most, or a numerator of 126 and a divisor of 60. Where `den` is not positive the result is some number, which the
/// caller masks.
/// Shapes: n each -> n.
/// Cost: 65 rounds and 1,756.5 bytes an element for two numbers of 62 bits, most of them for the top bit of the divisor;
/// at most 9 rounds more for each of [`Widths::first_estimates`].
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Internal`] for wider numbers; [`crate::Error::Peer`].
pub async fn divide_bounded<R: Ring>(
    ctx: &Context,
    num: &Shared<R>,
    den: &Shared<R>,
    widths: Widths,
) -> Result<Shared<R>> {
    ctx.same_shape(num.len(), den.len())?;
    if !widths.are_bounded() || widths.numerator + 2 > R::BITS {
        return Err(ctx.internal("a division is out of its domain"));
    }
    let abs_step = ctx.step("abs");
    let scale_step = ctx.step("scale");
    let wide_step = ctx.step("wide");
    let (numerator, scale, den) = futures::try_join!(
        async {
            let (abs, sign) = abs(&abs_step, num, widths.numerator + 1).await?;
            Ok((to_wide(&abs_step.step("wide"), &abs).await?, sign))
        },
        scale(&scale_step, den, widths.divisor.max(1)),
        to_wide(&wide_step, den),
    )?;
    let (mut rest, sign) = numerator;
    let reciprocal = reciprocal(&ctx.step("reciprocal"), &den, &scale).await?;
    let mut quotient = Shared::zeros(num.len());
    let steps = widths.first_estimates().into_iter().chain([0; 2]);
    for (round, left_out) in steps.enumerate() {
        let ctx = ctx.step("estimate").nth(round);
        let upper = truncate(&ctx.step("upper"), &rest, left_out).await?;
        let fraction = left_out.min(BITS);
        let estimate = estimate(&ctx, &upper, &reciprocal, &scale, fraction).await?;
        let estimate = estimate.shift_left(left_out - fraction);
        rest = rest.sub(&mul(&ctx.step("rest"), &estimate, &den).await?);
        quotient.add_assign(&estimate);
    }
    let quotient = quotient.add(&correction(&ctx.step("correct"), &rest, &den).await?).narrow::<R>();
    let negated = mul(&ctx.step("sign"), &sign, &quotient).await?;
    Ok(quotient.sub(&negated.add(&negated)))
}

async fn to_wide<R: Ring>(ctx: &Context, x: &Shared<R>) -> Result<Shared<u128>> {
    if R::BITS == u128::BITS { Ok(x.recast()) } else { widen(ctx, x).await }
}

/// 2^(61 - i) for a top bit i: what brings a divisor of so many bits to [2^61, 2^62).
async fn scale<R: Ring>(ctx: &Context, den: &Shared<R>, bits: u32) -> Result<Shared<u128>> {
    let bits = bits_of(&ctx.step("bits"), den, bits).await?;
    let from_top = suffix_or(&ctx.step("top"), &bits).await?;
    let top = from_top.xor(&from_top.shift_planes_down());
    let columns = bit_to_arithmetic::<u128>(&ctx.step("planes"), &top).await?;
    let weighted = columns.iter().enumerate().map(|(i, column)| column.shift_left(FRACTION - as_u32(i)));
    Ok(weighted.fold(Shared::zeros(den.len()), |sum, column| sum.add(&column)))
}

/// 1 / d with `FRACTION` fraction bits, for d = den scale / 2^62.
async fn reciprocal(ctx: &Context, den: &Shared<u128>, scale: &Shared<u128>) -> Result<Shared<u128>> {
    let d = mul(&ctx.step("normalise"), den, scale).await?;
    let seat = ctx.seat();
    // 2 d with FRACTION bits is the same number as d with one bit more.
    let mut v = d.neg().add_constant(seat, START);
    for i in 0..ITERATIONS {
        let ctx = ctx.nth(i);
        let dv = mul(&ctx.step("d v"), &d, &v).await?;
        let dv = truncate(&ctx.step("truncate d v"), &dv, BITS).await?;
        let two_minus = dv.neg().add_constant(seat, 2 << FRACTION);
        let next = mul(&ctx.step("v"), &v, &two_minus).await?;
        v = truncate(&ctx.step("truncate v"), &next, FRACTION).await?;
    }
    Ok(v)
}

/// About x / den with `fraction` fractional bits: x / d, then by the scale.
async fn estimate(
    ctx: &Context,
    x: &Shared<u128>,
    reciprocal: &Shared<u128>,
    scale: &Shared<u128>,
    fraction: u32,
) -> Result<Shared<u128>> {
    let by_d = mul(&ctx.step("by d"), x, reciprocal).await?;
    let by_d = truncate(&ctx.step("truncate by d"), &by_d, FRACTION).await?;
    let scaled = mul(&ctx.step("by scale"), &by_d, scale).await?;
    truncate(&ctx.step("truncate by scale"), &scaled, BITS - fraction).await
}

/// The floor of rest / den, known to lie in [-2, 2]: 2 less the number of k in -1..=2 with rest < k den.
async fn correction(ctx: &Context, rest: &Shared<u128>, den: &Shared<u128>) -> Result<Shared<u128>> {
    let n = rest.len();
    let twice = den.add(den);
    let distances = [rest.add(den), rest.clone(), rest.sub(den), rest.sub(&twice)];
    let distances = Shared::concat(&distances.iter().collect::<Vec<_>>());
    let below = is_negative(&ctx.step("compare"), &distances, BITS + 5).await?;
    let below = one_bit_to_arithmetic::<u128>(&ctx.step("bits"), &below).await?;
    let mut result = Shared::zeros(n).add_constant(ctx.seat(), 2);
    for k in 0..4 {
        result = result.sub(&below.slice(k * n..(k + 1) * n));
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, assert_oblivious, numbers};
    use crate::ideal;

    #[test]
    fn quotients_are_exact_over_the_whole_domain() {
        let n = 3000;
        let edge = (1i128 << 62) - 1;
        let mut x = Vec::new();
        let mut y = Vec::new();
        for (i, (a, b)) in numbers(1, n, 63, true).iter().zip(numbers(2, n, 62, false)).enumerate() {
            x.push((a >> (i % 61)).max(-edge));
            y.push((b >> (i * 7 % 61)).max(1));
        }
        for (a, b) in [
            (0, 1),
            (edge, 1),
            (-edge, 1),
            (edge, edge),
            (edge - 1, edge),
            (edge, 2),
            (-edge, edge),
            (1, edge),
        ] {
            x.push(a);
            y.push(b);
        }
        for b in [3, 1000, (1 << 31) - 1, 1 << 31, 1 << 61, (1 << 61) - 1] {
            for k in [1i128, 2, 77, edge / b] {
                for offset in [-1, 0, 1] {
                    x.push((k * b + offset).clamp(-edge, edge));
                    y.push(b);
                }
            }
        }
        let clear = Clear::new().column(&x).column(&y);
        let run =
            clear.run::<u64, _>(async |ctx, i| divide_bounded(&ctx, &i.x[0], &i.x[1], Widths::WORD).await);
        assert_eq!(run.values, ideal::divide(&x, &y));
        assert_eq!(run.cost.rounds, 65);
        let run =
            clear.run::<u128, _>(async |ctx, i| divide_bounded(&ctx, &i.x[0], &i.x[1], Widths::WORD).await);
        assert_eq!(run.values, ideal::divide(&x, &y));
    }

    #[test]
    fn long_numerators_are_divided_exactly() {
        for (numerator, divisor) in [(63, 1), (64, 60), (80, 20), (115, 31), (116, 60), (126, 1), (126, 60)] {
            let widths = Widths { numerator, divisor };
            let (most, largest) = ((1i128 << numerator) - 1, (1i128 << divisor) - 1);
            let mut pairs = Vec::new();
            for (i, (a, b)) in numbers(5, 500, 126, true).iter().zip(numbers(6, 500, 60, false)).enumerate() {
                pairs.push(((a >> (i % 126)).clamp(-most, most), (b >> (i * 7 % 60)).clamp(1, largest)));
            }
            for den in [1, 2, 3, largest / 2 + 1, largest - 1, largest].map(|den| den.clamp(1, largest)) {
                for quotient in [0, 1, 2, most / den / 3, most / den - 1, most / den] {
                    for offset in [-1, 0, 1] {
                        let num = (quotient * den + offset).clamp(-most, most);
                        pairs.extend([(num, den), (-num, den)]);
                    }
                }
                pairs.extend([(most, den), (-most, den)]);
            }
            let (x, y): (Vec<i128>, Vec<i128>) = pairs.into_iter().unzip();
            let clear = Clear::new().column(&x).column(&y);
            let run =
                clear.run::<u128, _>(async |ctx, i| divide_bounded(&ctx, &i.x[0], &i.x[1], widths).await);
            assert_eq!(run.values, ideal::divide(&x, &y), "{widths:?}");
        }
    }

    #[test]
    fn wider_numbers_are_refused() {
        let wide = |numerator, divisor| Widths { numerator, divisor }.are_bounded();
        assert!(wide(62, 62) && wide(126, 60) && !wide(63, 61) && !wide(127, 1) && !wide(62, 63));
        assert_eq!(Widths { numerator: 126, divisor: 60 }.first_estimates(), [64, 11]);
        assert_eq!(Widths { numerator: 80, divisor: 20 }.first_estimates(), [18]);
        assert!(Widths::WORD.first_estimates().is_empty());
    }

    #[test]
    fn a_quotient_costs_the_formula() {
        let n = 3 << 10;
        let clear = Clear::new().column(&vec![7; n]).column(&vec![3; n]);
        let run =
            clear.run::<u64, _>(async |ctx, i| divide_bounded(&ctx, &i.x[0], &i.x[1], Widths::WORD).await);
        assert_eq!((run.cost.rounds, run.cost.bytes * 24), (65, n * 42157));
    }

    #[test]
    fn small_columns_work_and_nothing_shows() {
        for n in [0, 1, 65] {
            let (x, y) = (vec![-7; n], vec![2; n]);
            let clear = Clear::new().column(&x).column(&y);
            let divided = async |ctx: Context, i: crate::harness::Inputs<u64>| {
                divide_bounded(&ctx, &i.x[0], &i.x[1], Widths::WORD).await
            };
            assert_eq!(clear.run::<u64, _>(divided).values, ideal::divide(&x, &y));
            let other = Clear::new().column(&vec![1 << 61; n]).column(&vec![0; n]);
            assert_oblivious::<u64, _>(&clear, &other, divided);
        }
    }
}
