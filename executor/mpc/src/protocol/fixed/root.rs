//! Square roots and reciprocals of integers of unknown size.

use super::inverse_sqrt::{MANTISSA, inverse_sqrt};
use super::normalise::{Shifts, shifts};
use super::{rescale, truncated_product};
use crate::planes::as_u32;
use crate::protocol::product::mul;
use crate::protocol::truncate::truncate;
use crate::{Context, Result, Shared};

/// `x = mantissa 4^(levels - shift)`, and `1 / sqrt(mantissa)`.
struct Normal {
    shifts: Shifts,
    mantissa: Shared<u128>,
    inverse_root: Shared<u128>,
}

async fn normal(ctx: &Context, x: &Shared<u128>, levels: usize) -> Result<Normal> {
    let shifts = shifts(&ctx.step("shifts"), x, levels).await?;
    let mantissa = mul(&ctx.step("scale"), x, &shifts.weighted(|k| 1 << (2 * k))).await?;
    let mantissa = rescale(&ctx.step("mantissa"), &mantissa, 2 * as_u32(levels), MANTISSA).await?;
    let inverse_root = inverse_sqrt(&ctx.step("inverse root"), &mantissa).await?;
    Ok(Normal { shifts, mantissa, inverse_root })
}

/// The square root of each integer, with `fraction` fractional bits; relative error below 2^-49, and one unit.
///
/// Domain: `0 <= x < 4^levels`, `levels <= 62`, `fraction <= 56`. The root of 0 is 0 or one unit below.
/// Cost: 33 rounds beside those of [`shifts`], 31 if `2 levels <= 56`. (Asserted by the `cost` test.)
///
/// # Errors
/// [`crate::Error::Internal`] outside of the domain of public parameters; [`crate::Error::Peer`].
pub async fn square_root(
    ctx: &Context,
    x: &Shared<u128>,
    levels: usize,
    fraction: u32,
) -> Result<Shared<u128>> {
    if levels > 62 || fraction > MANTISSA {
        return Err(ctx.internal("a square root of too many bits"));
    }
    let Normal { shifts, mantissa, inverse_root } = normal(ctx, x, levels).await?;
    let root = truncated_product(&ctx.step("root"), &mantissa, &inverse_root, MANTISSA).await?;
    let scaled = mul(&ctx.step("power"), &root, &shifts.weighted(|k| 1 << (levels - k))).await?;
    truncate(&ctx.step("fraction"), &scaled, MANTISSA - fraction).await
}

/// One divided by the square root of each integer, with `fraction` fractional bits; relative error below 2^-49, and
/// one unit.
///
/// Domain: `0 <= x < 4^levels`, `levels <= 62`, `fraction <= 66`. The result for 0 is 0 or one unit below.
/// Range: `d <= 2` times a power of two below `2^max(fraction, levels)`, [`MANTISSA`] fractional bits.
/// Cost: 30 rounds beside those of [`shifts`], 28 if `2 levels <= 56`. (Asserted by the `cost` test.)
///
/// # Errors
/// As [`square_root`].
pub async fn inverse_square_root(
    ctx: &Context,
    x: &Shared<u128>,
    levels: usize,
    fraction: u32,
) -> Result<Shared<u128>> {
    if levels > 62 || fraction > 66 {
        return Err(ctx.internal("an inverse square root of too many bits"));
    }
    let Normal { shifts, inverse_root, .. } = normal(ctx, x, levels).await?;
    // 1 / sqrt(x) = d 2^(k - levels), moved up so that no exponent is negative.
    let up = as_u32(levels).saturating_sub(fraction);
    let power = shifts.weighted(|k| 1 << (as_u32(k) + fraction + up - as_u32(levels)));
    let scaled = mul(&ctx.step("power"), &inverse_root, &power).await?;
    truncate(&ctx.step("fraction"), &scaled, MANTISSA + up).await
}

/// The reciprocal of each integer, with `fraction` fractional bits; relative error below 2^-48, and one unit.
///
/// Domain: `0 <= x < 4^levels`, `levels <= 33`, `fraction <= 66`. The reciprocal of 0 is 0 or one unit below.
/// Range: `d^2 <= 4` times a power of two below `2^max(fraction, 2 levels)`, [`MANTISSA`] fractional bits.
/// Cost: as [`square_root`].
///
/// # Errors
/// As [`square_root`].
pub async fn reciprocal(
    ctx: &Context,
    x: &Shared<u128>,
    levels: usize,
    fraction: u32,
) -> Result<Shared<u128>> {
    let bits = 2 * as_u32(levels);
    if bits > 66 || fraction > 66 {
        return Err(ctx.internal("a reciprocal of too many bits"));
    }
    let Normal { shifts, inverse_root, .. } = normal(ctx, x, levels).await?;
    let square = truncated_product(&ctx.step("square"), &inverse_root, &inverse_root, MANTISSA).await?;
    // 1 / x = d^2 4^(k - levels), moved up so that no exponent is negative.
    let up = bits.saturating_sub(fraction);
    let power = shifts.weighted(|k| 1 << (2 * as_u32(k) + fraction + up - bits));
    let scaled = mul(&ctx.step("power"), &square, &power).await?;
    truncate(&ctx.step("fraction"), &scaled, MANTISSA + up).await
}

/// `x / sqrt(y)` of each pair of integers, with `fraction` fractional bits; relative error below 2^-48, and one unit.
///
/// A square root is that of `y` and itself; a correlation is a covariance divided by two roots.
/// Domain: `0 <= y < 4^levels`, `|x| <= 2^q sqrt(y)` with `q + levels <= 68`, `fraction <= 56 + levels`. Where `y` is 0,
/// the quotient is 0 or one unit below.
/// Range: x 2^shift is at most 2^(q + levels), and the inverse root at most 2^57.
/// Cost: 31 rounds beside those of [`shifts`], 29 if `2 levels <= 56`. (Asserted by the `cost` test.)
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; as [`square_root`].
pub async fn divide_by_root(
    ctx: &Context,
    x: &Shared<u128>,
    y: &Shared<u128>,
    levels: usize,
    fraction: u32,
) -> Result<Shared<u128>> {
    ctx.same_shape(x.len(), y.len())?;
    let spare = MANTISSA + as_u32(levels);
    if levels > 62 || fraction > spare {
        return Err(ctx.internal("a quotient of too many bits"));
    }
    let Normal { shifts, inverse_root, .. } = normal(ctx, y, levels).await?;
    let scaled = mul(&ctx.step("power"), x, &shifts.weighted(|k| 1 << k)).await?;
    let quotient = mul(&ctx.step("root"), &scaled, &inverse_root).await?;
    truncate(&ctx.step("fraction"), &quotient, spare - fraction).await
}

#[cfg(test)]
mod tests {
    #![expect(clippy::cast_precision_loss, reason = "references in the clear")]

    use super::*;
    use crate::protocol::fixed::tests::{numbers, run};
    use crate::world::Cost;

    const SAMPLES: [u128; 12] =
        [0, 1, 2, 3, 4, 5, 99, 1 << 20, (1 << 31) - 1, 1 << 32, 77_777_777_777, (1 << 40) - 1];

    #[test]
    fn roots() {
        for (levels, fraction) in [(20, 30), (40, 10), (62, 56), (20, 0)] {
            let (values, _) = run(&SAMPLES, async |ctx, x| square_root(&ctx, &x, levels, fraction).await);
            let unit = 0.5f64.powi(fraction.cast_signed());
            for (value, x) in numbers(&values, fraction).iter().zip(SAMPLES) {
                let expected = (x as f64).sqrt();
                assert!((value - expected).abs() <= 2.0 * unit + expected * 1e-14, "{x}: {value} {expected}");
            }
            assert!(values[0] == 0 || values[0] == u128::MAX);
        }
    }

    #[test]
    fn inverse_roots() {
        for (levels, fraction) in [(20, 30), (62, 66), (20, 10), (62, 0)] {
            let run = run(&SAMPLES, async |ctx, x| inverse_square_root(&ctx, &x, levels, fraction).await);
            let unit = 0.5f64.powi(fraction.cast_signed());
            for (value, x) in numbers(&run.0, fraction).iter().zip(SAMPLES).skip(1) {
                let expected = 1.0 / (x as f64).sqrt();
                assert!((value - expected).abs() <= 2.0 * unit + expected * 1e-14, "{x}: {value} {expected}");
            }
            assert!(run.0[0] == 0 || run.0[0] == u128::MAX);
        }
    }

    #[test]
    fn reciprocals() {
        for (levels, fraction) in [(20, 30), (20, 60), (33, 66), (20, 20)] {
            let (values, _) = run(&SAMPLES, async |ctx, x| reciprocal(&ctx, &x, levels, fraction).await);
            let unit = 0.5f64.powi(fraction.cast_signed());
            for (value, x) in numbers(&values, fraction).iter().zip(SAMPLES).skip(1) {
                let expected = 1.0 / x as f64;
                assert!((value - expected).abs() <= 2.0 * unit + expected * 1e-14, "{x}: {value} {expected}");
            }
            assert!(values[0] == 0 || values[0] == u128::MAX);
        }
    }

    #[test]
    fn quotients_by_roots() {
        use crate::Ring;
        use crate::world::{World, reconstruct};
        for (levels, fraction) in [(20, 40), (28, 30), (31, 60), (34, 20)] {
            let dividends: [i128; 12] =
                [0, -1, 1, -1, 2, 2, -9, 1 << 10, -(1 << 15), 1 << 16, 277_777, -(1 << 20)];
            let world = World::new(5);
            let x = world.share(&dividends.map(u128::from_i128));
            let y = world.share(&SAMPLES.map(|y| y.min((1 << (2 * levels)) - 1)));
            let run = world.run(|ctx| {
                let (x, y) = (x[ctx.seat().index()].clone(), y[ctx.seat().index()].clone());
                async move { divide_by_root(&ctx, &x, &y, levels, fraction).await }
            });
            let values = reconstruct(&run.outputs().unwrap()).unwrap();
            let unit = 0.5f64.powi(fraction.cast_signed());
            let found = numbers(&values, fraction);
            for ((value, x), y) in found.iter().zip(dividends).zip(SAMPLES) {
                let root = (y.min((1 << (2 * levels)) - 1) as f64).sqrt();
                let expected = if root > 0.0 { x as f64 / root } else { 0.0 };
                assert!((value - expected).abs() <= 2.0 * unit + expected.abs() * 1e-14, "{x} {y}: {value}");
            }
        }
    }

    #[test]
    fn cost() {
        let (_, cost) = run(&SAMPLES, async |ctx, x| divide_by_root(&ctx, &x, &x, 32, 20).await);
        assert_eq!(cost, Cost { rounds: 15 + 31, bytes: 15_156 });
        let (_, other) = run(&[1; SAMPLES.len()], async |ctx, x| divide_by_root(&ctx, &x, &x, 32, 20).await);
        assert_eq!(cost, other);
        let (_, cost) = run(&SAMPLES, async |ctx, x| divide_by_root(&ctx, &x, &x, 21, 20).await);
        assert_eq!(cost.rounds, 4 + 5 + 6 + 29);
        let (_, cost) = run(&SAMPLES, async |ctx, x| square_root(&ctx, &x, 32, 30).await);
        assert_eq!(cost, Cost { rounds: 15 + 33, bytes: 15_396 });
        let (_, cost) = run(&SAMPLES, async |ctx, x| reciprocal(&ctx, &x, 32, 30).await);
        assert_eq!(cost, Cost { rounds: 15 + 33, bytes: 15_540 });
        let (_, cost) = run(&SAMPLES, async |ctx, x| inverse_square_root(&ctx, &x, 32, 30).await);
        assert_eq!(cost, Cost { rounds: 15 + 30, bytes: 14_964 });
    }

    #[test]
    fn messages_do_not_depend_on_the_data() {
        let ones = [1; SAMPLES.len()];
        let costs = [SAMPLES, ones].map(|x| run(&x, async |ctx, x| reciprocal(&ctx, &x, 20, 30).await).1);
        assert_eq!(costs[0], costs[1]);
    }
}
