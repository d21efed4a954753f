//! Newton's method with a penalty of absolute coefficients.
//!
//! In every step the log-likelihood is replaced by its quadratic model, in units where the information `M` has a unit
//! diagonal: `v'M v / 2 - c'v + sum t_j |v_j|` is minimised by the solver of the [`lasso`](super::super::lasso).
//! Paper: [Lee, Sun and Saunders 2014](https://doi.org/10.1137/130921428), proximal Newton-type methods, with exact
//! Hessians and full steps.

use super::model::{Layout, refused};
use super::unit::Unit;
use crate::protocol::fixed::{Scale, rescale, truncated_product};
use crate::protocol::lasso::batch::Batch;
use crate::protocol::lasso::linear::{Shape, multiply};
use crate::protocol::lasso::moments::pick;
use crate::protocol::lasso::problem::WIDE;
use crate::protocol::lasso::{FRACTION, Problem, minimise};
use crate::protocol::product::mul;
use crate::protocol::select::clamp;
use crate::protocol::truncate::truncate;
use crate::{Context, Result, Shared, SharedBits};

/// Fractional bits of reciprocals of deviations and numbers of rows together.
const RECIPROCAL: u32 = 60;
/// Bits of the largest public factor of a threshold.
const FACTOR: u32 = 44;
/// The largest factor of a threshold, as a power of two.
const LARGEST: u32 = 40;
/// Entries of `c` are cut to 2^10, steps to 16 units.
const SLOPE: u128 = 1 << (FRACTION + 10);
const STEP: u128 = 16 << FRACTION;
/// Bits of what is cut.
const CUT: u32 = 126;

/// A penalty of absolute coefficients.
pub(super) struct Absolute {
    /// The threshold of each parameter about the mean log-likelihood, [`FRACTION`] fractional bits: 0 for the intercept.
    thresholds: Shared<u128>,
    iterations: u32,
}

/// A step.
pub(super) struct Moved {
    /// The parameters after it.
    pub(super) beta: Shared<u128>,
    /// By how much they moved, in units of the unit diagonal.
    pub(super) last: Shared<u128>,
    /// 1 where a parameter is not zero.
    pub(super) active: Shared<u128>,
    /// Whether the quadratic model was minimised.
    pub(super) accepted: SharedBits,
}

impl Absolute {
    /// The thresholds `weight / (n step_j sigma_j)` of the features.
    ///
    /// Range: reciprocal deviations are below 2^12, so that with [`RECIPROCAL`]` + row_bits + 30` bits they stay below 2^123;
    /// with the public factors of at most [`FACTOR`] bits, below 2^117.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] for a weight of 2^40 steps or more; [`crate::Error::Peer`].
    pub(super) async fn of(
        ctx: &Context,
        layout: &Layout,
        weights: &[Scale],
        [reciprocals, varies]: [&Shared<u128>; 2],
        inverse_count: &Shared<u128>,
    ) -> Result<Absolute> {
        let p = weights.len();
        let limit = 1u128 << LARGEST;
        if weights.iter().any(|weight| weight.to_fixed(0, limit) == limit) {
            return Err(refused("a penalty that is too large for the steps of the features"));
        }
        // The most fractional bits with which all weights are below 2^FACTOR.
        let fits = |bits: &i32| weights.iter().all(|w| w.to_fixed(*bits, 1 << FACTOR) < 1 << FACTOR);
        let factor_bits = (0..100).take_while(fits).last().unwrap_or(0);
        let factors: Vec<u128> = weights.iter().map(|w| w.to_fixed(factor_bits, 1 << FACTOR)).collect();
        let from = layout.reciprocal_fraction();
        let reciprocals = rescale(&ctx.step("reciprocals"), reciprocals, from, from.min(RECIPROCAL)).await?;
        let by_count = truncated_product(
            &ctx.step("count"),
            &reciprocals,
            &inverse_count.repeat(p),
            from.min(RECIPROCAL) + layout.moments.row_bits + 30 - RECIPROCAL,
        )
        .await?;
        let to = RECIPROCAL + factor_bits.unsigned_abs();
        let thresholds = rescale(&ctx.step("thresholds"), &by_count.scale_by(&factors), to, FRACTION).await?;
        // No slope of a mean log-likelihood of standardised features is above 1.
        let thresholds = clamp(&ctx.step("cut"), &thresholds, 0, 32 << FRACTION, CUT).await?;
        // What truncation leaves of a constant feature stays out.
        let constant = varies.scale(32 << FRACTION).neg().add_public(ctx.seat(), &vec![32 << FRACTION; p]);
        let thresholds = thresholds.add(&constant);
        let none = Shared::zeros(layout.parameters() - p);
        let iterations = Problem::default_iterations(layout.parameters());
        Ok(Absolute { thresholds: Shared::concat(&[&none, &thresholds]), iterations })
    }

    /// One step from `beta`, where the log-likelihood has this gradient and information.
    ///
    /// Range: roots are below 2^13 and `v` below 2^16, both with [`FRACTION`] fractional bits.
    ///
    /// # Errors
    /// [`crate::Error::Peer`].
    pub(super) async fn step(
        &self,
        ctx: &Context,
        unit: &Unit,
        [gradient, information]: [&Shared<u128>; 2],
        beta: &Shared<u128>,
    ) -> Result<Moved> {
        let size = beta.len();
        let diagonal = pick(information, (0..size).map(|i| i * size + i));
        let left = Shared::concat(&[&diagonal, gradient, &self.thresholds]);
        let scaled = truncated_product(&ctx.step("scale"), &left, &unit.roots.repeat(3), FRACTION).await?;
        let part = |index: usize| scaled.slice(index * size..(index + 1) * size);
        let (lengths, slope, thresholds) = (part(0), part(1), part(2));
        let before = truncated_product(&ctx.step("before"), beta, &lengths, FRACTION).await?;
        let shape = Shape { lanes: 1, size };
        let fitted = multiply(&ctx.step("fitted"), shape, &unit.matrix, &before, 1).await?;
        let fitted = truncate(&ctx.step("fitted fraction"), &fitted, FRACTION).await?;
        let target = fitted.add(&slope);
        let target = clamp(&ctx.step("cut target"), &target, SLOPE.wrapping_neg(), SLOPE, CUT).await?;
        let gram = unit.matrix.clone();
        let batch = Batch { size, count: 1, grams: 1, gram, target, thresholds, bits: WIDE };
        let chosen = minimise(&ctx.step("minimise"), &batch, self.iterations).await?;
        let step = chosen.coefficients.sub(&before);
        let step = clamp(&ctx.step("cut"), &step, STEP.wrapping_neg(), STEP, CUT).await?;
        let after = before.add(&step);
        let beta = truncated_product(&ctx.step("beta"), &after, &unit.roots, FRACTION).await?;
        // Truncation leaves a unit outside of the support.
        let beta = mul(&ctx.step("mask"), &beta, &chosen.active).await?;
        Ok(Moved { beta, last: step, active: chosen.active, accepted: chosen.accepted })
    }
}
