//! Fixed-point numerics on shares: a number `v` with `f` fractional bits is the ring element `v 2^f`, signed.
//!
//! Every function states the range in which it holds; nothing here fails or wraps for inputs in that range.

mod exponential;
mod inverse_sqrt;
mod logarithm;
mod normalise;
mod piecewise;
mod polynomial;
mod root;
mod running_products;
mod scale;
mod sigmoid;

pub use exponential::exponential;
pub use inverse_sqrt::{MANTISSA, inverse_sqrt};
pub use logarithm::logarithm;
pub use normalise::{Shifts, shifts};
pub use piecewise::{Piecewise, piecewise};
pub use polynomial::polynomial;
pub use root::{divide_by_root, inverse_square_root, reciprocal, square_root};
pub use running_products::running_products;
pub use scale::Scale;
pub use sigmoid::sigmoid;

use super::product::mul;
use super::quotient::{Widths, divide_bounded};
use super::truncate::truncate;
use crate::{Context, Result, Ring, Shared};

/// `x y / 2^bits`, the floor or one unit below it: the product of two columns of fixed-point numbers.
///
/// Range: `|x y| < 2^(k-2)` over `Z_2^k`.
/// Shapes: n each -> n.
/// Cost: 3 rounds; n elements, then [`truncate`]: 14.7 bytes an element over `Z_2^64` and 23 to 30.7 over `Z_2^128`,
/// for up to 32 bits and for more.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; as [`truncate`].
pub async fn truncated_product<R: Ring>(
    ctx: &Context,
    x: &Shared<R>,
    y: &Shared<R>,
    bits: u32,
) -> Result<Shared<R>> {
    let product = mul(&ctx.step("product"), x, y).await?;
    truncate(&ctx.step("truncated"), &product, bits).await
}

/// `x / y` with `fraction` more fractional bits than the difference of theirs, rounded towards zero, exactly.
///
/// Domain: `|x| < 2^(62 - fraction)`, `0 < y < 2^62`; for other `y` the result is some number, which the caller masks.
/// Shapes: n each -> n. Cost: as [`divide_bounded`].
///
/// # Errors
/// [`crate::Error::Internal`] for a fraction of more than 61 bits; as [`divide_bounded`].
pub async fn quotient<R: Ring>(
    ctx: &Context,
    x: &Shared<R>,
    y: &Shared<R>,
    fraction: u32,
) -> Result<Shared<R>> {
    if fraction > 61 {
        return Err(ctx.internal("a quotient of too many fractional bits"));
    }
    divide_bounded(ctx, &x.shift_left(fraction), y, Widths::WORD).await
}

/// From `from` to `to` fractional bits: a truncation, or local.
///
/// # Errors
/// As [`truncate`].
pub async fn rescale<R: Ring>(ctx: &Context, x: &Shared<R>, from: u32, to: u32) -> Result<Shared<R>> {
    if from > to { truncate(ctx, x, from - to).await } else { Ok(x.shift_left(to - from)) }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::float_arithmetic,
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "references in the clear"
    )]

    use super::*;
    use crate::world::{Cost, World, reconstruct};

    /// A number with [`MANTISSA`] fractional bits.
    pub(super) fn fixed(value: f64) -> u128 {
        ((value * 2f64.powi(MANTISSA.cast_signed())) as i128).cast_unsigned()
    }

    /// Signed numbers with `fraction` fractional bits.
    pub(super) fn numbers(values: &[u128], fraction: u32) -> Vec<f64> {
        values.iter().map(|v| v.cast_signed() as f64 * 0.5f64.powi(fraction.cast_signed())).collect()
    }

    /// Runs a function of one column in a world.
    pub(super) fn run<F>(x: &[u128], f: impl Fn(Context, Shared<u128>) -> F) -> (Vec<u128>, Cost)
    where
        F: Future<Output = Result<Shared<u128>>>,
    {
        let world = World::new(11);
        let shares = world.share(x);
        let run = world.run(|ctx| {
            let x = shares[ctx.seat().index()].clone();
            f(ctx, x)
        });
        let cost = run.cost();
        (reconstruct(&run.outputs().unwrap()).unwrap(), cost)
    }

    #[test]
    fn columns_of_fixed_point_numbers_multiply() {
        let n = 3 << 10;
        let x: Vec<i128> = crate::harness::numbers(1, n, 31, true);
        let y: Vec<i128> = crate::harness::numbers(2, n, 31, true);
        let clear = crate::harness::Clear::new().column(&x).column(&y);
        for bits in [20, 40] {
            let run =
                clear.run::<u64, _>(async |ctx, i| truncated_product(&ctx, &i.x[0], &i.x[1], bits).await);
            let exact = crate::ideal::floor_divide(&crate::ideal::mul(&x, &y), 1 << bits);
            assert!(run.values.iter().zip(&exact).all(|(a, b)| a == b || *a == b - 1));
            let wrap = if bits <= 32 { 4 } else { 8 };
            assert_eq!(run.cost, Cost { rounds: 3, bytes: n * 8 + n / 3 * (8 + 3 * wrap) });
        }
    }

    #[test]
    fn inverse_roots_of_mantissas() {
        let samples = [0.25, 0.250_000_1, 0.3, 0.5, 0.75, 0.999_999_999];
        let (values, cost) = run(&samples.map(fixed), async |ctx, m| inverse_sqrt(&ctx, &m).await);
        for (value, m) in numbers(&values, MANTISSA).iter().zip(samples) {
            assert!((value * m.sqrt() - 1.0).abs() < 1e-15, "{m}: {value}");
        }
        assert_eq!(cost, Cost { rounds: 24, bytes: 3_360 });
        let (values, _) = run(&[0], async |ctx, m| inverse_sqrt(&ctx, &m).await);
        assert!((0.0..16.0).contains(&numbers(&values, MANTISSA)[0]));
    }

    #[test]
    fn shifts_normalise() {
        for levels in [1, 2, 5, 62] {
            let top = 2 * levels as u32;
            let mut samples: Vec<u128> = (0..top).flat_map(|b| [1 << b, (2 << b) - 1]).collect();
            samples.push(0);
            let (values, _) =
                run(&samples, async |ctx, x| Ok(shifts(&ctx, &x, levels).await?.weighted(|k| k as u128 + 1)));
            for (value, x) in values.iter().zip(&samples) {
                let expected = if *x == 0 { 0 } else { levels as u128 - u128::from(x.ilog2() / 2) };
                assert_eq!(*value, expected, "{x} of {levels}");
            }
        }
    }
}
