//! Exact integer division, by public and by shared divisors.

use super::bits::and;
use super::compare::is_negative;
use super::convert::one_bit_to_arithmetic;
use super::inject::bit_and_product;
use super::product::mul;
use super::quotient::{Widths, divide_bounded};
use super::select::abs;
use super::truncate::quotient_by_parts;
use crate::planes::as_u32;
use crate::{Context, Result, Ring, Shared, SharedBits};

/// The floor of `x / divisor` for a public divisor.
///
/// With x = a + b - w 2^k, each part is divided where it is known and the wrap counts floor(2^k / c) times. What
/// remains lies in (-c, 2 c), so two comparisons correct the quotient exactly.
/// Domain: `x` in [-2^(k-3), 2^(k-3)), 0 < `divisor` <= 2^(k-3).
/// Shapes: n -> n.
/// Cost: 2 rounds, a comparison of 2 n rows at the width of the divisor plus 2, a conversion of 2 n bits.
///
/// # Errors
/// [`crate::Error::Internal`] if the divisor is out of its domain; [`crate::Error::Peer`].
pub async fn divide_by_public<R: Ring>(ctx: &Context, x: &Shared<R>, divisor: R) -> Result<Shared<R>> {
    let slack = R::power_of_two(R::BITS - 3);
    if divisor == R::ZERO || divisor > slack {
        return Err(ctx.internal("a public divisor is zero or too large"));
    }
    if divisor == R::ONE {
        return Ok(x.clone());
    }
    let seat = ctx.seat();
    // A multiple of the divisor that makes every x positive, and at most 2^(k-2).
    let multiple = slack.quotient(divisor).plus(R::ONE);
    let offset = x.clone().add_constant(seat, multiple.times(divisor));
    let estimate = quotient_by_parts(&ctx.step("parts"), &offset, divisor).await?;
    let rest = offset.sub(&estimate.scale(divisor));
    let above = rest.clone().add_constant(seat, divisor.negated());
    let bits = R::BITS.min(128 - divisor.to_u128().leading_zeros() + 2);
    let below = is_negative(&ctx.step("rest"), &Shared::concat(&[&rest, &above]), bits).await?;
    let below = one_bit_to_arithmetic::<R>(&ctx.step("bits"), &below).await?;
    let correction = below.slice(0..x.len()).add(&below.slice(x.len()..2 * x.len()));
    Ok(estimate.sub(&correction).add_constant(seat, R::ONE.minus(multiple)))
}

/// `x / divisor` rounded towards zero, for a public divisor.
///
/// Domain: `x` in [-2^(k-4), 2^(k-4)), 0 < `divisor` <= 2^(k-4). Cost: the sign of `x` and its conversion, then
/// [`divide_by_public`].
///
/// # Errors
/// As [`divide_by_public`].
pub async fn divide_by_public_truncating<R: Ring>(
    ctx: &Context,
    x: &Shared<R>,
    divisor: R,
) -> Result<Shared<R>> {
    if divisor == R::ONE {
        return Ok(x.clone());
    }
    let negative = is_negative(&ctx.step("sign"), x, R::BITS - 3).await?;
    let negative = one_bit_to_arithmetic::<R>(&ctx.step("bit"), &negative).await?;
    let moved = x.add(&negative.scale(divisor.minus(R::ONE)));
    divide_by_public(&ctx.step("floor"), &moved, divisor).await
}

/// `num / den` rounded towards zero, exactly, for a shared divisor.
///
/// By estimates where [`Widths::are_bounded`]: see [`divide_bounded`]. For a numerator of more than 62 bits and a divisor
/// of more than 60, restoring division, one bit of the quotient after the other. A shifted divisor that leaves the ring
/// is larger than any numerator; which shifts do so is decided beforehand, for all bits at once.
/// Domain: |`num`| < 2^`widths.numerator`, 0 < `den` < 2^`widths.divisor`, both at most k - 2 bits. Where `den` is not
/// positive the result is some number, which the caller masks.
/// Shapes: n each -> n.
/// Cost: that of [`divide_bounded`]; of restoring division, 11 + 11 `widths.numerator` rounds.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Internal`] for wider numbers; [`crate::Error::Peer`].
pub async fn divide<R: Ring>(
    ctx: &Context,
    num: &Shared<R>,
    den: &Shared<R>,
    widths: Widths,
) -> Result<Shared<R>> {
    if widths.are_bounded() {
        return divide_bounded(ctx, num, den, widths).await;
    }
    let quotient_bits = widths.numerator;
    if quotient_bits.max(widths.divisor) + 2 > R::BITS {
        return Err(ctx.internal("a division is out of its domain"));
    }
    ctx.same_shape(num.len(), den.len())?;
    let n = num.len();
    let fits_step = ctx.step("fits");
    let abs_step = ctx.step("abs");
    let (fits, (mut rest, sign)) = futures::try_join!(
        shifts_that_fit(&fits_step, den, quotient_bits),
        abs(&abs_step, num, R::BITS - 1)
    )?;
    let mut quotient = Shared::zeros(n);
    for bit in (0..quotient_bits).rev() {
        let ctx = ctx.step("bit").nth(bit as usize);
        let shifted = den.shift_left(bit);
        let smaller = is_negative(&ctx.step("compare"), &rest.sub(&shifted), R::BITS).await?;
        let row = bit as usize * n;
        let fits = fits.rows(row..row + n);
        let digit = and(&ctx.step("fits"), &smaller.not(ctx.seat()), &fits).await?;
        let (digit, multiple) = bit_and_product(&ctx.step("digit"), &digit, &shifted).await?;
        rest = rest.sub(&multiple);
        quotient.add_assign(&digit.shift_left(bit));
    }
    let negated = mul(&ctx.step("sign"), &sign, &quotient).await?;
    Ok(quotient.sub(&negated.add(&negated)))
}

/// For every shift, one row per divisor: whether den 2^shift < 2^(k-2).
async fn shifts_that_fit<R: Ring>(ctx: &Context, den: &Shared<R>, shifts: u32) -> Result<SharedBits> {
    let limits: Vec<Shared<R>> = (0..shifts)
        .map(|shift| den.clone().add_constant(ctx.seat(), R::power_of_two(R::BITS - 2 - shift).negated()))
        .collect();
    if limits.is_empty() {
        return Ok(SharedBits::zeros(0, 1));
    }
    let limits = Shared::concat(&limits.iter().collect::<Vec<_>>());
    debug_assert!(as_u32(limits.len()) < u32::MAX, "positions fit 32 bits");
    is_negative(ctx, &limits, R::BITS - 1).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, assert_oblivious, numbers};
    use crate::ideal;

    #[test]
    fn public_divisors_are_exact() {
        for n in [0, 1, 65, 200] {
            for divisor in [1i128, 2, 3, 7, 1 << 20, 1_000_000_007, (1 << 60) - 1] {
                let mut x = numbers(1, n, 61, true);
                let edge = 1i128 << 60;
                x.iter_mut().zip([-edge, edge - 1, 0, -1, divisor, -divisor]).for_each(|(x, e)| *x = e);
                let clear = Clear::new().column(&x);
                let run = clear.run::<u64, _>(async |ctx, i| {
                    divide_by_public(&ctx, &i.x[0], u64::from_i128(divisor)).await
                });
                assert_eq!(run.values, ideal::floor_divide(&x, divisor));
                for x in &mut x {
                    *x /= 2;
                }
                let run = Clear::new().column(&x).run::<u64, _>(async |ctx, i| {
                    divide_by_public_truncating(&ctx, &i.x[0], u64::from_i128(divisor)).await
                });
                assert_eq!(run.values, ideal::divide(&x, &vec![divisor; n]));
            }
            let x = numbers(2, n, 120, true);
            let run = Clear::new()
                .column(&x)
                .run::<u128, _>(async |ctx, i| divide_by_public(&ctx, &i.x[0], 1_000_003).await);
            assert_eq!(run.values, ideal::floor_divide(&x, 1_000_003));
        }
    }

    #[test]
    fn shared_divisors_are_exact() {
        for n in [0, 1, 70] {
            let mut x = numbers(3, n, 63, true);
            let mut y: Vec<i128> = numbers(4, n, 50, false).iter().map(|v| v + (1 << 40)).collect();
            x.iter_mut().zip([0, 5, -5, (1 << 62) - 1, 1 - (1 << 62), 7]).for_each(|(x, e)| *x = e);
            y.iter_mut().zip([1, 2, 2, 1 << 40, 1 << 40, (1 << 62) - 1]).for_each(|(y, e)| *y = e);
            let clear = Clear::new().column(&x).column(&y);
            let word = Widths::WORD;
            let run = clear.run::<u64, _>(async |ctx, i| divide(&ctx, &i.x[0], &i.x[1], word).await);
            assert_eq!(run.values, ideal::divide(&x, &y));
            for x in &mut x {
                *x <<= 8;
            }
            let wide = Widths { numerator: 70, divisor: 62 };
            let clear = Clear::new().column(&x).column(&y);
            let run = clear.run::<u128, _>(async |ctx, i| divide(&ctx, &i.x[0], &i.x[1], wide).await);
            assert_eq!(run.values, ideal::divide(&x, &y));
        }
    }

    #[test]
    fn division_is_oblivious() {
        let one = Clear::new().column(&numbers(3, 20, 40, true)).column(&[3; 20]);
        let other = Clear::new().column(&[0; 20]).column(&[1; 20]);
        assert_oblivious::<u64, _>(&one, &other, async |ctx, i| {
            divide(&ctx, &i.x[0], &i.x[1], Widths::WORD).await
        });
    }
}
