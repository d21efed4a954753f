//! From revealed integers to numbers, at the recipient of a model.
//!
//! The only place of this crate that calculates with floating-point numbers, on values that are in the clear.
#![expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "revealed values become doubles here"
)]

use super::problem::{FRACTION, Problem};
use crate::Result;

/// Coefficients on the original scale, in the clear.
#[derive(Clone, Debug, PartialEq)]
pub struct Coefficients {
    /// The intercept; 0 for a model without one that is not standardised.
    pub intercept: f64,
    /// One per feature.
    pub features: Vec<f64>,
}

impl Problem {
    /// The coefficients, from the revealed entries of a [`super::Solution`].
    ///
    /// # Errors
    /// As [`Problem::layout`].
    pub fn decode(&self, coefficients: &[u128], intercept: u128) -> Result<Coefficients> {
        let layout = self.layout()?;
        let in_steps: Vec<f64> =
            coefficients.iter().enumerate().map(|(j, &w)| fixed(w, layout.coefficient_scale(j))).collect();
        let features =
            in_steps.iter().zip(&self.features).map(|(w, x)| w * (self.target.step / x.step)).collect();
        let mut about_zero = fixed(intercept, layout.intercept_scale());
        if layout.centred {
            about_zero -= in_steps.iter().zip(&self.features).map(|(w, x)| w * x.offset as f64).sum::<f64>();
        }
        if layout.intercept {
            about_zero += self.target.offset as f64;
        }
        Ok(Coefficients { intercept: about_zero * self.target.step, features })
    }

    /// The mean squared error, from the revealed entry of a [`super::Solution`].
    ///
    /// # Errors
    /// As [`Problem::layout`].
    pub fn decode_mse(&self, mse: u128) -> Result<f64> {
        Ok(fixed(mse, self.layout()?.error_scale()).max(0.0) * self.target.step * self.target.step)
    }

    /// R squared or the violation, from the revealed entry of a [`super::Solution`].
    pub fn decode_fraction(value: u128) -> f64 {
        fixed(value, FRACTION)
    }
}

fn fixed(value: u128, fraction: u32) -> f64 {
    value.cast_signed() as f64 * 0.5f64.powi(fraction.cast_signed())
}
