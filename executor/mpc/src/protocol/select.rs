//! Choosing between two columns by a shared bit, and what follows from it: minimum, maximum, bounds, absolute value.

use super::bits::and_bit;
use super::compare::{is_negative, less_than};
use super::inject::{bit_and_product, sum_by_bits};
use crate::{Context, Result, Ring, Shared, SharedBits};

/// `x` where `bit` is 1, else `y`.
///
/// Shapes: n rows of 1 bit, n elements each -> n elements.
/// Cost: 2 rounds; 4 n / 3 elements sent by each seat, see [`sum_by_bits`].
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Peer`].
pub async fn select<R: Ring>(
    ctx: &Context,
    bit: &SharedBits,
    x: &Shared<R>,
    y: &Shared<R>,
) -> Result<Shared<R>> {
    ctx.same_shape(x.len(), y.len())?;
    Ok(y.add(&mul_by_bit(ctx, bit, &x.sub(y)).await?))
}

/// `x` where `bit` is 1, else zero.
///
/// Cost: as [`select`].
///
/// # Errors
/// As [`select`].
pub async fn mul_by_bit<R: Ring>(ctx: &Context, bit: &SharedBits, x: &Shared<R>) -> Result<Shared<R>> {
    sum_by_bits(ctx, &[(bit, x)]).await
}

/// `x` where `bit` is 1, else `y`, of planes of the same shape.
///
/// Shapes: n rows of 1 bit, n rows of w bits each -> n rows of w bits.
/// Cost: 1 round; w planes sent by each seat.
///
/// # Errors
/// As [`select`].
pub async fn select_bits(
    ctx: &Context,
    bit: &SharedBits,
    x: &SharedBits,
    y: &SharedBits,
) -> Result<SharedBits> {
    ctx.same_shape(x.width(), y.width())?;
    ctx.same_shape(x.len(), y.len())?;
    Ok(y.xor(&and_bit(ctx, bit, &x.xor(y)).await?))
}

/// The smaller of two columns, element by element, both in [-2^(bits-1), 2^(bits-1)).
///
/// Cost: [`less_than`], then [`select`].
///
/// # Errors
/// As [`less_than`].
pub async fn min<R: Ring>(ctx: &Context, x: &Shared<R>, y: &Shared<R>, bits: u32) -> Result<Shared<R>> {
    let less = less_than(&ctx.step("less"), x, y, bits).await?;
    select(&ctx.step("select"), &less, x, y).await
}

/// The larger of two columns. As [`min`].
///
/// # Errors
/// As [`less_than`].
pub async fn max<R: Ring>(ctx: &Context, x: &Shared<R>, y: &Shared<R>, bits: u32) -> Result<Shared<R>> {
    let less = less_than(&ctx.step("less"), x, y, bits).await?;
    select(&ctx.step("select"), &less, y, x).await
}

/// `x` moved into `[low, high]`, for `x` in [-2^(bits-1), 2^(bits-1)) and public bounds in the same range.
///
/// Shapes: n elements -> n elements.
/// Cost: [`less_than`] of 2 n rows, then 2 rounds and 2 n elements sent by each seat.
///
/// # Errors
/// As [`less_than`].
pub async fn clamp<R: Ring>(ctx: &Context, x: &Shared<R>, low: R, high: R, bits: u32) -> Result<Shared<R>> {
    let (n, seat) = (x.len(), ctx.seat());
    let bounds = |value: R| Shared::from_public(seat, &vec![value; n]);
    let (low, high) = (bounds(low), bounds(high));
    let (left, right) = (Shared::concat(&[x, &high]), Shared::concat(&[&low, x]));
    let outside = less_than(&ctx.step("outside"), &left, &right, bits).await?;
    let (below, above) = (outside.rows(0..n), outside.rows(n..2 * n));
    let moved = [(&below, &low.sub(x)), (&above, &high.sub(x))];
    Ok(x.add(&sum_by_bits(&ctx.step("move"), &moved).await?))
}

/// Absolute values and signs (1 where negative, as arithmetic), for `x` in [-2^(bits-1), 2^(bits-1)).
///
/// Cost: [`is_negative`], then 2 rounds and 2 n elements.
///
/// # Errors
/// As [`is_negative`].
pub async fn abs<R: Ring>(ctx: &Context, x: &Shared<R>, bits: u32) -> Result<(Shared<R>, Shared<R>)> {
    let negative = is_negative(&ctx.step("sign"), x, bits).await?;
    let (sign, part) = bit_and_product(&ctx.step("part"), &negative, x).await?;
    Ok((x.sub(&part.add(&part)), sign))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, LENGTHS, bools, numbers, words};
    use crate::ideal;

    #[test]
    fn choices_equal_the_ideal() {
        for n in LENGTHS {
            let (b, x, y) = (bools(1, n), numbers(2, n, 40, true), numbers(3, n, 40, true));
            let low = |v: &[i128]| words(&v.iter().map(|v| v & 0xffff).collect::<Vec<_>>());
            let clear =
                Clear::new().column(&x).column(&y).bools(&b).planes(&low(&x), 16).planes(&low(&y), 16);
            let run = clear.run::<u64, _>(async |ctx, i| select(&ctx, &i.bits[0], &i.x[0], &i.x[1]).await);
            assert_eq!(run.values, ideal::select(&b, &x, &y));
            assert_eq!(run.cost.rounds, 2);
            let run = clear
                .run::<u64, _>(async |ctx, i| select_bits(&ctx, &i.bits[0], &i.bits[1], &i.bits[2]).await);
            let low = |v: &[i128]| v.iter().map(|v| v & 0xffff).collect::<Vec<_>>();
            assert_eq!(run.values, ideal::select(&b, &low(&x), &low(&y)));
            assert_eq!((run.cost.rounds, run.cost.bytes), (1, 16 * n.div_ceil(8)));
            let run = clear.run::<u64, _>(async |ctx, i| {
                let least = min(&ctx.step("min"), &i.x[0], &i.x[1], 40).await?;
                Ok((least, max(&ctx.step("max"), &i.x[0], &i.x[1], 40).await?))
            });
            let least = x.iter().zip(&y).map(|(a, b)| *a.min(b));
            let most = x.iter().zip(&y).map(|(a, b)| *a.max(b));
            assert_eq!(run.values, least.chain(most).collect::<Vec<_>>());
            let bounds = (-1i128 << 38, 1i128 << 36);
            let (low, high) = (u64::from_i128(bounds.0), u64::from_i128(bounds.1));
            let run = clear.run::<u64, _>(async |ctx, i| clamp(&ctx, &i.x[0], low, high, 40).await);
            assert_eq!(run.values, x.iter().map(|v| *v.clamp(&bounds.0, &bounds.1)).collect::<Vec<_>>());
            assert_eq!(run.cost.rounds, 7 + 2);
            let run = clear.run::<u64, _>(async |ctx, i| abs(&ctx, &i.x[0], 40).await);
            let signs = x.iter().map(|&v| i128::from(v < 0));
            assert_eq!(run.values, x.iter().map(|v| v.abs()).chain(signs).collect::<Vec<_>>());
        }
    }
}
