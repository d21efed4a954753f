//! The logistic function.

use super::piecewise::{EXACT, Piecewise, piecewise};
use crate::{Context, Result, Shared};

/// exp(-1/2), [`EXACT`] fractional bits.
const ROOT: i128 = 699_282_240_786_072_831;
/// Terms of a Taylor series that leave less than 2^-50 within 1/2 of its centre: the nearest pole is pi away.
const TERMS: usize = 20;

/// `1 / (1 + exp(-x))` of each number of `from` fractional bits, with `to` fractional bits.
///
/// Error: below 2^-27, and two units of the result. Any `x` in [-2^(bits-1), 2^(bits-1)) is allowed: from 32 on the
/// result is 1, below -32 it is 0.
/// Cost, domain and errors: as [`piecewise`].
///
/// # Errors
/// As [`piecewise`].
pub async fn sigmoid(ctx: &Context, x: &Shared<u64>, bits: u32, from: u32, to: u32) -> Result<Shared<u64>> {
    piecewise(ctx, &Piecewise::new(taylor, 1), x, bits, from, to).await
}

/// The series of the logistic function of `(half + t) / 2` in t.
///
/// With a the coefficients: `2 (k + 1) a_{k+1} = a_k - sum of a_i a_{k-i}`, since f' = f (1 - f).
fn taylor(half: i64) -> Vec<i128> {
    let mut a = vec![at(half)];
    for k in 0..TERMS {
        let square: i128 = (0..=k).map(|i| (a[i] * a[k - i]) >> EXACT).sum();
        a.push((a[k] - square) / (2 * (i128::try_from(k).unwrap_or_default() + 1)));
    }
    a
}

/// The logistic function of `half / 2`.
fn at(half: i64) -> i128 {
    let one = 1i128 << EXACT;
    let power = (0..half.unsigned_abs()).fold(one, |power, _| (power * ROOT) >> EXACT);
    // 2^120 / (1 + exp(-|x|)), of at most 61 bits.
    let positive = (1i128 << (2 * EXACT)) / (one + power);
    if half < 0 { one - positive } else { positive }
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
    use crate::harness::{Clear, Inputs, assert_oblivious};

    fn logistic_of(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    #[test]
    fn equals_the_clear_function_everywhere() {
        for (from, to, bits) in [(30u32, 30u32, 50u32), (20, 24, 40), (8, 16, 20), (0, 30, 62)] {
            let unit = 2f64.powi(from.cast_signed());
            let edge = 1i128 << (bits - 1);
            let mut x: Vec<i128> = (-3400..3400).map(|i| (f64::from(i) * 0.01 * unit) as i128).collect();
            x.extend((-33..34).flat_map(|i| [i << from, (i << from) - 1, (i << from) + 1]));
            x.extend([-edge, edge - 1, -edge + 1, 1 << (bits - 2), -1 << (bits - 2), 0, 1, -1]);
            let x: Vec<i128> = x.into_iter().map(|v| v.clamp(-edge, edge - 1)).collect();
            let run = Clear::new()
                .column(&x)
                .run::<u64, _>(async |ctx, i| sigmoid(&ctx, &i.x[0], bits, from, to).await);
            let bound = 0.5f64.powi(27) + 2.0 * 0.5f64.powi(to.cast_signed());
            for (value, x) in run.values.iter().zip(&x) {
                let (value, x) = (*value as f64 * 0.5f64.powi(to.cast_signed()), *x as f64 / unit);
                assert!((value - logistic_of(x)).abs() < bound, "{x}: {value} {}", logistic_of(x));
            }
        }
    }

    #[test]
    fn costs_the_formula_and_shows_nothing() {
        let n = 3 << 10;
        let (one, other) = (Clear::new().column(&vec![5 << 20; n]), Clear::new().column(&vec![-1 << 30; n]));
        let curve = async |ctx: Context, i: Inputs<u64>| sigmoid(&ctx, &i.x[0], 32, 20, 30).await;
        let cost = one.run::<u64, _>(curve).cost;
        assert_eq!((cost.rounds, cost.bytes), (16 + 6 + 3, 1_037_824));
        assert_oblivious::<u64, _>(&one, &other, curve);
        for n in [0, 1, 2, 63, 65] {
            let run = Clear::new().column(&vec![0; n]).run::<u64, _>(curve);
            assert!(run.values.iter().all(|v| (v - (1 << 29)).abs() < 8));
        }
    }

    #[test]
    fn public_parameters_are_checked() {
        for (bits, from, to) in [(63, 20, 20), (40, 31, 20), (40, 20, 31), (27, 20, 20)] {
            let run = crate::world::World::new(1)
                .run(async |ctx| sigmoid(&ctx, &Shared::zeros(1), bits, from, to).await);
            assert!(matches!(run.outputs(), Err(crate::Error::Internal { .. })));
        }
    }
}
