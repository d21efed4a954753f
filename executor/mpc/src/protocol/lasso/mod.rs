//! The LASSO on shared columns.
//!
//! Rows enter only through dot products ([`statistics`]). From there on everything is about `p x p` numbers:
//!
//! 1. `moments`: `n X'X - s s'`, exact in `Z_2^128`;
//! 2. `correlation`: unit diagonal, through `1/sqrt` of the secret variances, 44 fractional bits;
//! 3. `threshold`: the penalty `alpha / (sigma_j sigma_y)` of every feature, a public number times secret factors;
//! 4. `admm`: a first-order method with five step sizes side by side finds nearly the right support;
//! 5. `newton`: three exact solves on the support, each with the support of the solution before;
//! 6. `choose`: of all candidates the one that violates the optimality conditions least;
//! 7. `restore`: back to the original scale, as fixed-point integers of public scales.
//!
//! All sizes, iteration counts and message lengths follow from [`Problem`] alone.

mod admm;
pub(crate) mod choose;
pub(crate) mod correlation;
mod decode;
pub(crate) mod linear;
pub(crate) mod moments;
mod newton;
pub(crate) mod problem;
pub(crate) mod restore;
pub(crate) mod statistics;
mod threshold;

pub use decode::Coefficients;
pub use problem::{COEFFICIENT_BITS, FRACTION, Layout, Problem, Variable};
pub use statistics::{Statistics, statistics};

use crate::{Context, Result, Shared, SharedBits};

/// Newton steps after the first-order stage.
const NEWTON_STEPS: usize = 3;

/// A fitted model, shared: integers whose public scales [`Layout`] gives.
#[derive(Clone, Debug)]
pub struct Solution {
    /// One per feature, in steps of the target per step of the feature: [`Layout::coefficient_scale`] fractional bits.
    pub coefficients: Shared<u128>,
    /// The intercept about the midpoints, in steps of the target: [`Layout::intercept_scale`] fractional bits.
    ///
    /// The model's intercept is this plus the target's offset (if the model has an intercept) minus the sum of
    /// coefficients times the features' offsets: see [`Problem::decode`].
    pub intercept: Shared<u128>,
    /// The number of valid rows.
    pub rows: Shared<u128>,
    /// R squared as scikit-learn defines it, [`FRACTION`] fractional bits.
    pub r2: Shared<u128>,
    /// The mean squared error in squared steps of the target: [`Layout::error_scale`] fractional bits.
    pub mse: Shared<u128>,
    /// How many coefficients are not zero.
    pub nonzero: Shared<u128>,
    /// The violation of the optimality conditions in correlation form, [`FRACTION`] fractional bits.
    pub violation: Shared<u128>,
    /// 1 if the violation is at most 1e-3 and all numbers above are in range. Where it is 0 they mean nothing and
    /// must be withheld.
    pub accepted: SharedBits,
}

/// Fits the model.
///
/// Functionality: scikit-learn's `Lasso` on the valid rows. Coefficients are within 1e-4 of the minimiser, measured as
/// `max |dw_j| sigma_j / sigma_y`, for condition numbers up to 3,000. A constant feature gets 0; with no valid row, or
/// a constant target, all coefficients are 0.
/// Model: semi-honest, 1 of 3.
/// Cost: `13 I + 23 log p + log (2p + 1) + log levels + log (2 levels) + 381` rounds for `I` iterations, logarithms
/// of base 2 rounded up: 1,009 for 10 features of 18 bits in 2^10 rows. Bytes depend on `p` and `levels`, not on the
/// rows: 1.6 MB sent by each seat for 10 features, 32 MB for 50. (Asserted by the `cost` test.)
///
/// # Errors
/// [`crate::Error::Shape`] if the statistics are of another number of features; [`crate::Error::Internal`] if a
/// public parameter is out of range; [`crate::Error::Peer`].
pub async fn solve(ctx: &Context, statistics: &Statistics, problem: &Problem) -> Result<Solution> {
    let layout = problem.layout()?;
    ctx.same_shape(layout.features, statistics.features)?;
    let moments = moments::moments(&ctx.step("moments"), &layout, statistics).await?;
    let correlation = correlation::correlation(&ctx.step("correlation"), &layout, &moments).await?;
    let (first, second) = (ctx.step("thresholds"), ctx.step("factors"));
    let (thresholds, factors) = futures::try_join!(
        threshold::thresholds(&first, &layout, &correlation.scales),
        restore::factors(&second, &layout, &moments, &correlation.scales),
    )?;
    let first =
        admm::first_order(&ctx.step("first order"), &correlation, &thresholds, problem.iterations).await?;
    let mut stages = vec![first];
    for index in 0..NEWTON_STEPS {
        if let Some(last) = stages.last() {
            let ctx = ctx.step("newton").nth(index);
            stages.push(newton::newton(&ctx, &correlation, &thresholds, last, admm::RHO.len()).await?);
        }
    }
    let chosen = choose::choose(&ctx.step("choose"), &correlation, &thresholds, &stages).await?;
    let restored = restore::restore(&ctx.step("restore"), &layout, &correlation, &factors, &chosen).await?;
    Ok(Solution {
        coefficients: restored.coefficients,
        intercept: restored.intercept,
        rows: moments.count,
        r2: restored.r2,
        mse: restored.mse,
        nonzero: chosen.active.sum(),
        violation: chosen.violation,
        accepted: chosen.accepted,
    })
}

#[cfg(test)]
mod tests;
