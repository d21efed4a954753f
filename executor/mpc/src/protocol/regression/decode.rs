//! From revealed integers to numbers, at the recipient of a regression.
#![expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "revealed values become doubles here"
)]

use super::model::{Family, Model};
use super::spread::intercept_fraction;
use crate::Result;
use crate::protocol::fixed::MANTISSA;
use crate::protocol::lasso::FRACTION;

impl Model {
    /// Coefficients or spreads, the intercept first if there is one, from revealed entries of a [`super::Fit`].
    ///
    /// # Errors
    /// As [`Model::layout`].
    pub fn decode(&self, numbers: &[u128]) -> Result<Vec<f64>> {
        let layout = self.layout()?;
        let (problem, moments) = (&layout.problem, &layout.moments);
        let finer = power(layout.digits.cast_signed());
        let mut decoded = Vec::new();
        let intercept = usize::from(problem.intercept);
        for (index, &number) in numbers.iter().enumerate() {
            let feature = index.checked_sub(intercept);
            decoded.push(match (self.family, feature) {
                (Family::Linear, None) => {
                    fixed(number, moments.intercept_scale()) * problem.target.step / finer
                }
                (Family::Linear, Some(j)) => {
                    let step = problem.features.get(j).map_or(1.0, |v| v.step);
                    fixed(number, moments.coefficient_scale(j)) * (problem.target.step / step)
                }
                (Family::Logistic | Family::Poisson, None) => fixed(number, intercept_fraction(&layout)),
                (Family::Logistic | Family::Poisson, Some(j)) => {
                    let step = problem.features.get(j).map_or(1.0, |v| v.step);
                    fixed(number, FRACTION + layout.value_fraction()) * finer / step
                }
            });
        }
        Ok(decoded)
    }

    /// The numbers of [`super::Fit::quality`]: R squared and the mean squared error, or two log-likelihoods.
    ///
    /// # Errors
    /// As [`Model::layout`].
    pub fn decode_quality(&self, which: usize, number: u128) -> Result<f64> {
        let layout = self.layout()?;
        Ok(match (self.family, which) {
            (Family::Linear, 0) => fixed(number, FRACTION),
            (Family::Linear, _) => {
                let step = layout.problem.target.step * power(-layout.digits.cast_signed());
                fixed(number, layout.moments.error_scale()).max(0.0) * step * step
            }
            (Family::Logistic | Family::Poisson, _) => fixed(number, MANTISSA),
        })
    }
}

fn power(exponent: i32) -> f64 {
    2f64.powi(exponent)
}

fn fixed(value: u128, fraction: u32) -> f64 {
    value.cast_signed() as f64 * power(-fraction.cast_signed())
}
