//! The LASSO on shared columns.
//!
//! Rows enter only through dot products ([`statistics`]). From there on everything is about `p x p` numbers:
//!
//! 1. `moments`: `n X'X - s s'`, exact in `Z_2^128`;
//! 2. `correlation`: unit diagonal, through `1/sqrt` of the secret variances, 44 fractional bits;
//! 3. `threshold`: the penalty `alpha / (sigma_j sigma_y)` of every feature, a public number times secret factors; with squared
//!    penalties, `ridge`: how much longer they make the features, which are then brought to length 1 again (`batch`);
//! 4. `admm`: a first-order method with five step sizes side by side finds nearly the right support;
//! 5. `newton`: three exact solves on the support, each with the support of the solution before;
//! 6. `choose`: of all candidates the one that violates the optimality conditions least;
//! 7. `restore`: back to the original scale, as fixed-point integers of public scales.
//!
//! All sizes, iteration counts and message lengths follow from [`Problem`] alone.

mod admm;
pub(crate) mod batch;
pub(crate) mod choose;
pub(crate) mod correlation;
mod decode;
pub(crate) mod linear;
pub(crate) mod moments;
mod newton;
pub(crate) mod problem;
pub(crate) mod restore;
pub(crate) mod ridge;
pub(crate) mod statistics;
mod threshold;
mod validate;

pub use decode::Coefficients;
pub use problem::{COEFFICIENT_BITS, FRACTION, Layout, Problem, Variable};
pub use statistics::{Statistics, statistics, statistics_of_folds};
pub use validate::{Validated, cross_validate};

use crate::protocol::fixed::truncated_product;
use crate::{Context, Result, Shared, SharedBits};
use batch::Batch;
use choose::Chosen;
use correlation::Correlation;
use ridge::Shrunk;

/// Newton steps after the first-order stage.
const NEWTON_STEPS: usize = 3;

/// Fitted models, shared, one for each penalty: integers whose public scales [`Layout`] gives.
#[derive(Clone, Debug)]
pub struct Solution {
    /// One per feature of each model, in steps of the target per step of the feature: [`Layout::coefficient_scale`]
    /// fractional bits.
    pub coefficients: Shared<u128>,
    /// The intercept about the midpoints, in steps of the target: [`Layout::intercept_scale`] fractional bits.
    ///
    /// The model's intercept is this plus the target's offset (if the model has an intercept) minus the sum of
    /// coefficients times the features' offsets: see [`Problem::decode`].
    pub intercept: Shared<u128>,
    /// The number of valid rows: one number.
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

/// Fits the models.
///
/// Functionality: scikit-learn's `Lasso` on the valid rows, `ElasticNet` with ridges, for each penalty. Coefficients are
/// within 1e-4 of the minimiser, measured as `max |dw_j| sigma_j / sigma_y`, for condition numbers up to 3,000. A constant
/// feature gets 0; with no valid row, or a constant target, all coefficients are 0.
/// Model: semi-honest, 1 of 3.
/// Cost: `12 I + 22 log p + log (2p + 1) + log levels + log (2 levels) + 374` rounds for `I` iterations, logarithms
/// of base 2 rounded up, whatever the number of penalties: 958 for 10 features of 18 bits in 2^10 rows; ridges add at most
/// 63. Bytes depend on `p`, `levels` and the number of penalties, not on the rows: 1.6 MB sent by each seat for one
/// penalty and 10 features, 32 MB for 50. (Asserted by the `cost` test.)
///
/// # Errors
/// [`crate::Error::Shape`] if the statistics are of another number of features; [`crate::Error::Internal`] if a
/// public parameter is out of range; [`crate::Error::Peer`].
pub async fn solve(ctx: &Context, statistics: &Statistics, problem: &Problem) -> Result<Solution> {
    let layout = problem.layout()?;
    ctx.same_shape(layout.features, statistics.features)?;
    let moments = moments::moments(&ctx.step("moments"), &layout, statistics).await?;
    let correlation = correlation::correlation(&ctx.step("correlation"), &layout, &moments).await?;
    let (first, second) = (ctx.step("penalties"), ctx.step("factors"));
    let (penalties, factors) = futures::try_join!(
        penalties(&first, &layout, &correlation),
        restore::factors(&second, &layout, &moments, &correlation.scales),
    )?;
    let (batch, shrunk) = penalties;
    let mut chosen = Box::pin(minimise(ctx, &batch, problem.iterations)).await?;
    if let Some(shrunk) = shrunk {
        chosen.coefficients =
            truncated_product(&ctx.step("shrunk"), &chosen.coefficients, &shrunk.roots, FRACTION).await?;
    }
    let restored = restore::restore(&ctx.step("restore"), &layout, &correlation, &factors, &chosen).await?;
    Ok(Solution {
        coefficients: restored.coefficients,
        intercept: restored.intercept,
        rows: moments.count,
        r2: restored.r2,
        mse: restored.mse,
        nonzero: chosen.active.sum_groups(layout.features),
        violation: chosen.violation,
        accepted: chosen.accepted,
    })
}

/// The problems of all penalties, and what their ridges do to the features.
async fn penalties(
    ctx: &Context,
    layout: &Layout,
    correlation: &Correlation,
) -> Result<(Batch, Option<Shrunk>)> {
    let scales = &correlation.scales;
    let Some(ridge) = &layout.ridge else {
        let thresholds = threshold::thresholds(&ctx.step("thresholds"), layout, scales).await?;
        return Ok((Batch::of(correlation, &thresholds), None));
    };
    let (first, second) = (ctx.step("thresholds"), ctx.step("ridges"));
    let shrunk = async {
        let relative = ridge::relative(&second.step("relative"), layout, scales, ridge).await?;
        Shrunk::of(&second.step("roots"), &relative).await
    };
    let (thresholds, shrunk) = futures::try_join!(threshold::thresholds(&first, layout, scales), shrunk)?;
    let batch = Batch::of(correlation, &thresholds).shrunk(&ctx.step("shrink"), &shrunk).await?;
    Ok((batch, Some(shrunk)))
}

/// The minimisers of all problems: a first-order stage, exact solves on the support, the best candidate of each.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn minimise(ctx: &Context, batch: &Batch, iterations: u32) -> Result<Chosen> {
    let first = admm::first_order(&ctx.step("first order"), batch, iterations).await?;
    let mut stages = vec![first];
    for index in 0..NEWTON_STEPS {
        if let Some(last) = stages.last() {
            stages.push(newton::newton(&ctx.step("newton").nth(index), batch, last).await?);
        }
    }
    choose::choose(&ctx.step("choose"), batch, &stages).await
}

#[cfg(test)]
mod tests;
