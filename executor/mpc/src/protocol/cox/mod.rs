//! Cox's proportional hazards on shared columns, ties as Efron has them.
//!
//! The times are a public grid: every row has a one-hot code of its time, and risk sets are running sums over the grid,
//! without a sort. Nothing is opened.
//!
//! 1. `standardise`: features about their means, divided by secret deviations;
//! 2. `ranks`: the number of each event among those of its time;
//! 3. a public number of Newton's steps from 0, each of `risk` (gradient and information at some coefficients) and a linear
//!    system of unit diagonal; a step is cut to 4 in each direction of unit information, so that nothing wraps;
//! 4. `likelihood` of the first and of the last coefficients; standard errors from the inverse of the information.
//!
//! A problem without a solution that is determined (no events, constant or collinear features, features that separate
//! who has the event first) does not converge, or its information is singular: then the fit is not accepted, which is
//! decided inside. The same holds where a linear predictor is beyond 16 in size, where weights are cut.
//!
//! Papers: Cox, Journal of the Royal Statistical Society B 1972; Efron, Journal of the American Statistical Association
//! 1977. Model: semi-honest, 1 of 3.

mod likelihood;
mod model;
mod ranks;
mod risk;
mod standardise;

pub use model::Model;

use self::likelihood::likelihood;
use self::model::Layout;
use self::risk::{LIMIT, PREDICTOR_BITS, Rows, Slope};
use crate::protocol::bits::and_all;
use crate::protocol::compare::is_negative;
use crate::protocol::convert::one_bit_to_arithmetic;
use crate::protocol::fixed::{reciprocal, square_root, truncated_product};
use crate::protocol::lasso::moments::pick;
use crate::protocol::lasso::{COEFFICIENT_BITS, FRACTION};
use crate::protocol::product::mul;
use crate::protocol::regression::system::{all_below, invert};
use crate::protocol::regression::unit::Unit;
use crate::{Context, Result, Shared, SharedBits};

/// Newton's steps. Of simulated problems with up to 10 features, correlations up to 0.99 and 3% events, all with linear
/// predictors in range had converged after 8.
pub const STEPS: usize = 10;
/// The largest step where the information of an event has a unit diagonal: 4.
const STEP: u128 = 4 << FRACTION;
/// A model has converged if its last step was below 2^-15 in such units: the next one would be below 2^-25 or so.
const CONVERGED: u32 = 15;

/// The rows. All columns are 0 where `valid` is, but for `times`, which may be anything there.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// The features, about their public midpoints.
    pub features: &'a [&'a Shared<u128>],
    /// 1 where the event happened.
    pub event: &'a Shared<u128>,
    /// 1 where a row counts.
    pub valid: &'a Shared<u128>,
    /// For every time of the grid, in order: 1 where it is the row's.
    pub times: &'a [&'a Shared<u128>],
}

/// A fitted model, shared. Decode with the functions of [`Model`].
#[derive(Clone, Debug)]
pub struct Fit {
    /// A coefficient per feature.
    pub coefficients: Shared<u128>,
    /// Their standard errors.
    pub errors: Shared<u128>,
    /// The number of valid rows.
    pub rows: Shared<u128>,
    /// The number of events.
    pub events: Shared<u128>,
    /// The logarithms of the partial likelihoods of the model and of one without features.
    pub likelihoods: [Shared<u128>; 2],
    /// 1 if the model is determined and has converged. Where it is 0 the numbers mean nothing and must be withheld.
    pub accepted: SharedBits,
}

/// Fits the model.
///
/// Functionality: the coefficients that maximise the partial likelihood with Efron's treatment of ties, their
/// standard errors from the inverse of the information, two log-likelihoods. Relative precision about 1e-6, of
/// coefficients in units of deviations and of the log-likelihood absolutely.
/// Cost: for p features, T times, n rows, the formula of the planner (`cost/cox.rs`), asserted there; of each
/// row and step about 2,700 bytes sent by each seat and 78 for each feature, of each row `8 sqrt(2 T)` bytes once.
/// Local work: `n T (2 p + 10)` products of each step.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Internal`] if a public parameter is out of range;
/// [`crate::Error::Peer`].
pub async fn fit(ctx: &Context, model: &Model, columns: Columns<'_>) -> Result<Fit> {
    let layout = model.layout()?;
    ctx.same_shape(layout.features, columns.features.len())?;
    let n = columns.valid.len();
    for column in columns.features.iter().chain(columns.times).chain([&columns.event]) {
        ctx.same_shape(n, column.len())?;
    }
    if columns.times.is_empty() {
        return Err(ctx.internal("no times"));
    }
    let (rows, reciprocals) = Box::pin(prepare(&ctx.step("prepare"), &layout, &columns)).await?;
    let mut beta = Shared::zeros(layout.features);
    let mut last = Shared::zeros(0);
    let mut null = None;
    for index in 0..STEPS {
        let ctx = ctx.step("step").nth(index);
        let at = (index > 0).then_some(&beta);
        let slope = rows.slope(&ctx.step("slope"), at).await?;
        if index == 0 {
            null = Some(likelihood(&ctx.step("null"), &rows, &slope).await?);
        }
        let unit = Unit::of(&ctx.step("unit"), &slope.information, layout.features).await?;
        let step;
        (step, last) = unit.step(&ctx.step("solve"), &slope.gradient, STEP).await?;
        beta = beta.add(&step);
    }
    let slope = rows.slope(&ctx.step("final"), Some(&beta)).await?;
    let whole = likelihood(&ctx.step("likelihood"), &rows, &slope).await?;
    let null = null.ok_or_else(|| ctx.internal("no step"))?;
    let solution = Solution { beta, last, reciprocals };
    let (coefficients, errors, accepted) = solution.finish(ctx, &rows, &slope).await?;
    let (count, events) = (columns.valid.sum(), columns.event.sum());
    Ok(Fit { coefficients, errors, rows: count, events, likelihoods: [whole, null], accepted })
}

/// Everything that does not depend on coefficients, and the reciprocal deviations of the features.
async fn prepare<'a>(
    ctx: &Context,
    layout: &Layout,
    columns: &Columns<'a>,
) -> Result<(Rows<'a>, Shared<u128>)> {
    let events = columns.event.sum();
    let (first, second, third) = (ctx.step("standardise"), ctx.step("ties"), ctx.step("events"));
    let (standardised, ties, inverse_events) = futures::try_join!(
        standardise::standardise(&first, layout, columns),
        ranks::ties(&second, columns.times, columns.event, layout.row_bits),
        reciprocal(&third, &events, layout.row_bits as usize / 2 + 1, layout.inverse_events_fraction()),
    )?;
    let z = standardised.columns;
    let event_z = standardise::of_events(&ctx.step("event"), columns.event, &z).await?;
    let Columns { event, valid, times, .. } = *columns;
    let rows = Rows { layout: *layout, z, event_z, valid, event, codes: times, ties, inverse_events };
    Ok((rows, standardised.reciprocals))
}

/// Where Newton's steps have ended.
struct Solution {
    beta: Shared<u128>,
    /// The last step, in units of the unit diagonal.
    last: Shared<u128>,
    reciprocals: Shared<u128>,
}

impl Solution {
    /// Coefficients and standard errors on the original scale, and whether all that means something.
    ///
    /// Range of what is accepted: coefficients and errors are below 2^10 in units of deviations, entries of the
    /// inverse below 2^20.
    async fn finish(
        &self,
        ctx: &Context,
        rows: &Rows<'_>,
        slope: &Slope,
    ) -> Result<(Shared<u128>, Shared<u128>, SharedBits)> {
        /// Fractional bits of variances.
        const VARIANCE: u32 = 60;
        let p = self.beta.len();
        let unit = Unit::of(&ctx.step("final unit"), &slope.information, p).await?;
        let right = Shared::from_public(ctx.seat(), &vec![0; p]);
        let solved = invert(&ctx.step("inverse"), &unit.matrix, &right, true).await?;
        let inverse = unit.rescaled(&ctx.step("rescale"), &solved.inverse).await?;
        let within = [
            (&self.last, FRACTION - CONVERGED),
            (&self.beta, FRACTION + COEFFICIENT_BITS),
            (&unit.roots, FRACTION + COEFFICIENT_BITS),
            (&inverse, FRACTION + 2 * COEFFICIENT_BITS),
        ];
        let small = all_below(&ctx.step("small"), &within).await?;
        let inside = all_inside(&ctx.step("inside"), &slope.predictors).await?;
        let all = SharedBits::concat_planes(&[&small, &solved.accepted, &inside]);
        let accepted = and_all(&ctx.step("accepted"), &all).await?;

        let diagonal = pick(&inverse, (0..p).map(|k| k * p + k));
        let bits = FRACTION + rows.layout.inverse_events_fraction() - VARIANCE;
        let shares = &rows.inverse_events.repeat(p);
        let variances = truncated_product(&ctx.step("variances"), &diagonal, shares, bits).await?;
        let fraction = FRACTION - VARIANCE / 2;
        let errors = square_root(&ctx.step("errors"), &variances, 41, fraction).await?;
        let both = Shared::concat(&[&self.beta, &errors]);
        let scaled = mul(&ctx.step("scale"), &both, &self.reciprocals.repeat(2)).await?;
        Ok((scaled.slice(0..p), scaled.slice(p..2 * p), accepted))
    }
}

/// Whether all linear predictors are within the limit: then weights are what they should be.
async fn all_inside(ctx: &Context, predictors: &Shared<u128>) -> Result<SharedBits> {
    let both = Shared::concat(&[predictors, &predictors.neg()]);
    let below = both.add_constant(ctx.seat(), LIMIT.wrapping_neg());
    let below = is_negative(&ctx.step("sign"), &below, PREDICTOR_BITS + 3).await?;
    let outside: Shared<u64> = one_bit_to_arithmetic(&ctx.step("bit"), &below.not(ctx.seat())).await?;
    let outside = outside.sum().add_constant(ctx.seat(), u64::MAX);
    is_negative(&ctx.step("none"), &outside, 32).await
}

#[cfg(test)]
mod tests;
