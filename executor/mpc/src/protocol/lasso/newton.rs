//! The second-order stage: solves exactly on the support.

use super::admm::{Candidates, RHO};
use super::batch::Batch;
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
pub(crate) async fn newton(ctx: &Context, batch: &Batch, candidates: &Candidates) -> Result<Candidates> {
    let (times, size) = (RHO.len(), batch.size);
    let lanes = times * batch.count;
    let shape = Shape { lanes, size };
    let gram = batch.all_grams(times);
    let (target, thresholds) = (batch.target.repeat(times), batch.thresholds.repeat(times));
    let v = gradient_step(&ctx.step("gradient"), batch, &candidates.coefficients, times).await?;
    let sides = Sides::of(&ctx.step("sides"), &v, &thresholds, WIDE).await?;
    let sides = sides.lift(&ctx.step("lift")).await?;
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

/// `w + c - G w` for every one of `times` candidates of each problem.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn gradient_step(
    ctx: &Context,
    batch: &Batch,
    coefficients: &Shared<u128>,
    times: usize,
) -> Result<Shared<u128>> {
    let shape = Shape { lanes: times * batch.count, size: batch.size };
    let fitted = multiply(&ctx.step("product"), shape, &batch.all_grams(times), coefficients, 1).await?;
    let fitted = truncate(&ctx.step("truncate"), &fitted, FRACTION).await?;
    Ok(coefficients.add(&batch.target.repeat(times)).sub(&fitted))
}
