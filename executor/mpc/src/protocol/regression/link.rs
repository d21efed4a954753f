//! From linear predictors to means, weights and likelihoods.

use super::model::Family;
use crate::protocol::fixed::{MANTISSA, exponential, logarithm, sigmoid, truncated_product};
use crate::protocol::lasso::FRACTION;
use crate::protocol::product::{dot, mul};
use crate::protocol::select::clamp;
use crate::protocol::truncate::{truncate, widen};
use crate::{Context, Result, Shared};

/// Fractional bits of means and weights.
pub(super) const WEIGHT: u32 = 30;
/// Fractional bits of linear predictors in the functions below.
const PREDICTOR: u32 = 28;
/// Linear predictors of any data are below this, in bits.
const PREDICTOR_BITS: u32 = 96;

/// Means and weights of rows, [`WEIGHT`] fractional bits, and the linear predictors that they come from, moved into the
/// range of the functions, [`PREDICTOR`] fractional bits.
pub(super) struct Linked {
    pub(super) means: Shared<u128>,
    pub(super) weights: Shared<u128>,
    predictors: Shared<u128>,
}

/// Means and weights at linear predictors of [`FRACTION`] fractional bits.
///
/// The logistic function is saturated beyond 32, the exponential beyond 15.5.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(super) async fn link(ctx: &Context, family: Family, eta: &Shared<u128>) -> Result<Linked> {
    let limit = match family {
        Family::Poisson => 31u128 << (FRACTION - 1),
        Family::Linear | Family::Logistic => 32u128 << FRACTION,
    };
    let inside = clamp(&ctx.step("clamp"), eta, limit.wrapping_neg(), limit, PREDICTOR_BITS).await?;
    let predictors = truncate(&ctx.step("predictors"), &inside, FRACTION - PREDICTOR).await?;
    if family == Family::Poisson {
        let means = exponential(&ctx.step("exponential"), &predictors, PREDICTOR, WEIGHT).await?;
        return Ok(Linked { weights: means.clone(), means, predictors });
    }
    let narrow: Shared<u64> = predictors.narrow();
    let means = sigmoid(&ctx.step("sigmoid"), &narrow, PREDICTOR + 8, PREDICTOR, WEIGHT).await?;
    let rest = means.neg().add_constant(ctx.seat(), 1 << WEIGHT);
    let weights = truncated_product(&ctx.step("weights"), &means, &rest, WEIGHT).await?;
    let both = widen(&ctx.step("widen"), &Shared::concat(&[&means, &weights])).await?;
    let n = means.len();
    Ok(Linked { means: both.slice(0..n), weights: both.slice(n..2 * n), predictors })
}

/// The offsets of a Poisson model.
pub(super) struct Exposure {
    /// What is added to the linear predictors, [`FRACTION`] fractional bits.
    pub(super) offset: Shared<u128>,
    /// The sum of their exponentials, [`WEIGHT`] fractional bits.
    total: Shared<u128>,
}

impl Exposure {
    /// # Errors
    /// [`crate::Error::Peer`].
    pub(super) async fn of(ctx: &Context, offset: Shared<u128>, valid: &Shared<u128>) -> Result<Exposure> {
        let linked = link(&ctx.step("link"), Family::Poisson, &offset).await?;
        let total = dot(&ctx.step("total"), &[(valid, &linked.means)]).await?;
        Ok(Exposure { offset, total })
    }

    /// The logarithms of the sum of the targets and of the total: of numbers below 2^(20 + 23) or 2^44, both with
    /// [`WEIGHT`] fractional bits.
    ///
    /// # Errors
    /// [`crate::Error::Peer`].
    pub(super) async fn logarithms(&self, ctx: &Context, targets: &Shared<u128>) -> Result<Shared<u128>> {
        logarithm(ctx, &Shared::concat(&[&targets.shift_left(WEIGHT), &self.total]), 40).await
    }
}

/// ln 2, [`MANTISSA`] fractional bits.
const LN_2: u128 = 49_946_518_145_322_874;

/// The log-likelihood of the model, and of that with a constant alone, [`MANTISSA`] fractional bits. Of a Poisson model
/// without the terms that depend on the target only.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(super) async fn likelihoods(
    ctx: &Context,
    family: Family,
    linked: &Linked,
    target: &Shared<u128>,
    valid: &Shared<u128>,
    row_bits: u32,
    exposure: Option<&Exposure>,
) -> Result<[Shared<u128>; 2]> {
    let sums = Shared::concat(&[&target.sum(), &valid.sum()]);
    let (positive, count) = (sums.slice(0..1), sums.slice(1..2));
    let null = ctx.step("null");
    match family {
        Family::Linear | Family::Logistic => {
            // The probability of what happened: 1 - m + y (2 m - 1), and a unit so that it is not 0.
            let double = linked.means.scale(2).add_constant(ctx.seat(), (1u128 << WEIGHT).wrapping_neg());
            let turned = mul(&ctx.step("turned"), target, &double).await?;
            let happened = turned.sub(&linked.means).add_constant(ctx.seat(), (1 << WEIGHT) + 16);
            let logs = logarithm(&ctx.step("logarithm"), &happened, WEIGHT as usize / 2 + 1).await?;
            let sum = dot(&ctx.step("sum"), &[(valid, &logs)]).await?;
            let model = sum.sub(&count.scale(u128::from(WEIGHT) * LN_2));
            let all = Shared::concat(&[&positive, &count.sub(&positive), &count]);
            let logs = logarithm(&null.step("logarithms"), &all, row_bits as usize / 2 + 1).await?;
            let signed = all.scale_by(&[1, 1, 1u128.wrapping_neg()]);
            Ok([model, dot(&null.step("sum"), &[(&signed, &logs)]).await?])
        }
        Family::Poisson => {
            let gain = dot(&ctx.step("gain"), &[(target, &linked.predictors)]).await?;
            let loss = dot(&ctx.step("loss"), &[(valid, &linked.means)]).await?;
            let model = gain.shift_left(MANTISSA - PREDICTOR).sub(&loss.shift_left(MANTISSA - WEIGHT));
            let logs = match exposure {
                None => logarithm(&null.step("logarithms"), &sums, 31).await?,
                Some(exposure) => exposure.logarithms(&null.step("logarithms"), &positive).await?,
            };
            let rate = logs.slice(0..1).sub(&logs.slice(1..2));
            let rate = rate.add_constant(ctx.seat(), (1u128 << MANTISSA).wrapping_neg());
            let constant = mul(&null.step("product"), &positive, &rate).await?;
            let Some(exposure) = exposure else { return Ok([model, constant]) };
            let offset = dot(&null.step("offset"), &[(target, &exposure.offset)]).await?;
            Ok([model, constant.add(&offset.shift_left(MANTISSA - FRACTION))])
        }
    }
}
