//! The second-order stage: solves exactly on the support.

use super::admm::Candidates;
use super::correlation::Correlation;
use super::linear::{Shape, Systems, doublings, multiply, solve};
use super::problem::{FRACTION, WIDE};
use super::threshold::Sides;
use crate::protocol::product::{mul, sum_of_products};
use crate::protocol::truncate::truncate;
use crate::{Context, Result, Shared};

/// One semismooth Newton step for every candidate.
///
/// Paper: [Hintermueller, Ito and Kunisch 2003](https://doi.org/10.1137/S1052623401383558), primal-dual active sets.
/// With `v = w + c - G w`, the support is where `|v| > t`, with signs `s`; the new coefficients solve
/// `G_SS w_S = c_S - t_S s_S` and are zero elsewhere: the system with matrix `D G D + (I - D)`, `D` the indicator of
/// the support.
/// Range: see [`solve`]; `|D (c - t s)| <= 2^7 sqrt p` bounds the result by `2^(K + 8)`, far inside 2^126.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn newton(
    ctx: &Context,
    correlation: &Correlation,
    thresholds: &Shared<u128>,
    candidates: &Candidates,
    lanes: usize,
) -> Result<Candidates> {
    let size = thresholds.len();
    let shape = Shape { lanes, size };
    let gram = correlation.gram.repeat(lanes);
    let (target, thresholds) = (correlation.target.repeat(lanes), thresholds.repeat(lanes));
    let v = gradient_step(&ctx.step("gradient"), correlation, &candidates.coefficients, lanes).await?;
    let sides = Sides::of(&ctx.step("sides"), &v, &thresholds, WIDE).await?;
    let active = sides.active();

    // D G and D c - t s in one product; then D G D.
    let left = Shared::concat(&[&active.repeat_each(size), &active]);
    let right = Shared::concat(&[&gram, &target]);
    let zeros = Shared::zeros(gram.len());
    let signs = Shared::concat(&[&zeros, &sides.sign()]);
    let penalty = Shared::concat(&[&zeros, &thresholds.neg()]);
    let masked = sum_of_products(&ctx.step("rows"), &[(&left, &right), (&signs, &penalty)]).await?;
    let right = masked.slice(gram.len()..masked.len());
    let columns = Shared::concat(
        &(0..lanes)
            .map(|l| active.slice(l * size..(l + 1) * size).repeat(size))
            .collect::<Vec<_>>()
            .iter()
            .collect::<Vec<_>>(),
    );
    let inner = mul(&ctx.step("columns"), &masked.slice(0..gram.len()), &columns).await?;
    let outside = active.neg().add_constant(ctx.seat(), 1).repeat_each(size).scale_by(&shape.identity());
    let matrices = inner.add(&outside);

    let bounds = vec![256 * size as u64; lanes];
    let systems = Systems { shape, matrices: &matrices, bounds_256: &bounds, doublings: doublings(size, 12) };
    let coefficients = solve(&ctx.step("solve"), systems, &right, 1).await?;
    // Truncation leaves a unit outside of the support.
    let coefficients = mul(&ctx.step("mask"), &coefficients, &active).await?;
    Ok(Candidates { coefficients, active })
}

/// `w + c - G w` for every candidate.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn gradient_step(
    ctx: &Context,
    correlation: &Correlation,
    coefficients: &Shared<u128>,
    lanes: usize,
) -> Result<Shared<u128>> {
    let shape = Shape { lanes, size: correlation.target.len() };
    let fitted =
        multiply(&ctx.step("product"), shape, &correlation.gram.repeat(lanes), coefficients, 1).await?;
    let fitted = truncate(&ctx.step("truncate"), &fitted, FRACTION).await?;
    Ok(coefficients.add(&correlation.target.repeat(lanes)).sub(&fitted))
}
