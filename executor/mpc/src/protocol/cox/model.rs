//! The public side of Cox's model: its sizes, and the way from revealed integers to numbers.
#![expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "revealed values become doubles here"
)]

use crate::protocol::fixed::MANTISSA;
use crate::protocol::lasso::{FRACTION, Variable};
use crate::{Error, Result};

/// The most rows, in bits.
const MOST_ROW_BITS: u32 = 20;
/// Bits of a feature and half those of the number of rows: what coefficients on the original scale have room for.
const FEATURE_BITS: u32 = 32;

/// Cox's proportional hazards: everything about the model that is public.
#[derive(Clone, Debug)]
pub struct Model {
    /// The features.
    pub features: Vec<Variable>,
    /// Public bound on the number of rows.
    pub max_rows: u64,
}

/// Every public size of a [`Model`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// The number of features.
    pub(super) features: usize,
    /// Features are below `2^feature_bits` about their public midpoints.
    pub(super) feature_bits: u32,
    /// There are fewer than `2^row_bits` rows.
    pub(super) row_bits: u32,
}

impl Model {
    /// The public sizes.
    ///
    /// # Errors
    /// [`Error::Internal`] if a parameter is out of range: the planner refuses such a query.
    pub(super) fn layout(&self) -> Result<Layout> {
        let feature_bits = self.features.iter().map(|v| v.bits).max().unwrap_or(0);
        let row_bits = u64::BITS - self.max_rows.leading_zeros();
        let layout = Layout { features: self.features.len(), feature_bits, row_bits };
        if layout.features == 0 || row_bits > MOST_ROW_BITS {
            return Err(refused("no features, or more than 2^20 rows"));
        }
        if feature_bits + layout.half() > FEATURE_BITS {
            return Err(refused("the domains of the features are too wide"));
        }
        Ok(layout)
    }

    /// Coefficients, or their standard errors, from revealed entries of a [`super::Fit`].
    ///
    /// # Errors
    /// As `layout`.
    pub fn decode(&self, numbers: &[u128]) -> Result<Vec<f64>> {
        let fraction = self.layout()?.value_fraction();
        let steps = self.features.iter().map(|v| v.step);
        Ok(numbers.iter().zip(steps).map(|(&number, step)| fixed(number, fraction) / step).collect())
    }

    /// A log-likelihood, from a revealed entry of a [`super::Fit`].
    pub fn decode_likelihood(number: u128) -> f64 {
        fixed(number, MANTISSA)
    }
}

impl Layout {
    /// Bits of the largest standardised value: `|z| <= sqrt(n)`.
    pub(super) fn half(&self) -> u32 {
        self.row_bits.div_ceil(2)
    }

    /// Fractional bits of weights: sums of weights below 2^24 are below 2^80.
    pub(super) fn weight(&self) -> u32 {
        56 - self.row_bits
    }

    /// Bits of sums that are squared to get deviations: `n x'x - (sum x)^2 < 2^(2 levels)`.
    pub(super) fn levels(&self) -> u32 {
        self.feature_bits + self.row_bits
    }

    /// Fractional bits of the reciprocal deviations of the features, in steps: products with features have 36.
    pub(super) fn reciprocal_fraction(&self) -> u32 {
        self.feature_bits + 36
    }

    /// Fractional bits of coefficients and standard errors per step.
    pub(super) fn value_fraction(&self) -> u32 {
        FRACTION + self.reciprocal_fraction()
    }

    /// Fractional bits of the reciprocal of the number of events.
    pub(super) fn inverse_events_fraction(&self) -> u32 {
        self.row_bits + 30
    }
}

fn refused(reason: &str) -> Error {
    Error::Internal { step: "cox".to_owned(), reason: reason.to_owned() }
}

fn fixed(value: u128, fraction: u32) -> f64 {
    value.cast_signed() as f64 * 2f64.powi(-fraction.cast_signed())
}
