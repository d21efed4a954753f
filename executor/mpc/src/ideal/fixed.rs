//! Functions of real numbers, and what a fixed-point result may be.
#![expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "oracles calculate with doubles"
)]

use std::ops::RangeInclusive;

/// A fixed-point number of `fraction` fractional bits.
pub fn number(value: i128, fraction: u32) -> f64 {
    value as f64 * 0.5f64.powi(fraction.cast_signed())
}

/// The logistic function.
pub fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The straight line from 0 at -32 to 1 at 32, constant outside.
pub fn line(x: f64) -> f64 {
    ((x + 32.0) / 64.0).clamp(0.0, 1.0)
}

/// The quotient.
pub fn quotient(x: f64, y: f64) -> f64 {
    x / y
}

/// The fixed-point numbers of `fraction` fractional bits within `error` and two units of `value`.
pub fn within(value: f64, fraction: u32, error: f64) -> RangeInclusive<i128> {
    let unit = 2f64.powi(fraction.cast_signed());
    ((value - error) * unit).floor() as i128 - 2..=((value + error) * unit).ceil() as i128 + 2
}

/// As [`within`], of a relative error.
pub fn relative(value: f64, fraction: u32, error: f64) -> RangeInclusive<i128> {
    within(value, fraction, value.abs() * error)
}

/// The minimiser u of `u'Gu / 2 - c'u + sum of t_j |u_j|`, by coordinate descent; 0 where a threshold is infinite.
pub fn lasso(gram: &[Vec<f64>], target: &[f64], thresholds: &[f64]) -> Vec<f64> {
    let p = target.len();
    let mut u = vec![0.0; p];
    for _ in 0..200_000 {
        let mut change = 0.0f64;
        for j in (0..p).filter(|&j| thresholds[j].is_finite()) {
            let others: f64 = (0..p).filter(|&k| k != j).map(|k| gram[j][k] * u[k]).sum();
            let v = target[j] - others;
            let new = v.signum() * (v.abs() - thresholds[j]).max(0.0) / gram[j][j];
            change = change.max((new - u[j]).abs());
            u[j] = new;
        }
        if change < 1e-12 {
            break;
        }
    }
    u
}
