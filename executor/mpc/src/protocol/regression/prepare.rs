//! Moments about zero, with the ridge in them, and everything scaled to length 1.

use super::model::Layout;
use crate::protocol::compare::is_negative;
use crate::protocol::convert::one_bit_to_arithmetic;
use crate::protocol::fixed::{MANTISSA, rescale, truncated_product};
use crate::protocol::lasso::correlation::{Correlation, correlation};
use crate::protocol::lasso::moments::{Moments, moments, pick};
use crate::protocol::lasso::restore::{Factors, factors};
use crate::protocol::lasso::ridge::{Shrunk, by_rows};
use crate::protocol::lasso::{FRACTION, Statistics};
use crate::protocol::product::mul;
use crate::{Context, Result, Shared};

/// The problem in a form that does not know of units.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) moments: Moments,
    /// The ridge is in the lengths of the features: their diagonal is 1.
    pub(super) correlation: Correlation,
    pub(super) factors: Factors,
    /// The part of the ridge in the squared length of each feature, [`FRACTION`] fractional bits; empty without one.
    pub(super) ridge: Shared<u128>,
    /// What the ridge of a standardised model makes of the lengths of the features.
    pub(super) shrunk: Option<Shrunk>,
    /// 1 for every feature that is not constant; 1 for all in a model without a ridge.
    pub(super) varies: Shared<u128>,
}

/// Brings the statistics about zero and into correlation form.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(super) async fn prepare(ctx: &Context, layout: &Layout, statistics: &Statistics) -> Result<Prepared> {
    let statistics = about_zero(layout, statistics);
    let mut moments = moments(&ctx.step("moments"), &layout.moments, &statistics).await?;
    let p = layout.problem.features.len();
    let plain = moments.squares.slice(0..p);
    let weights = moments.count.repeat(layout.ridges.len()).scale_by(&layout.ridges);
    moments.squares = moments.squares.add(&weights.clone().padded(p + 1));
    let correlation = correlation(&ctx.step("correlation"), &layout.moments, &moments).await?;
    let scales = &correlation.scales;
    let factors = factors(&ctx.step("factors"), &layout.moments, &moments, scales).await?;
    let ridge = if weights.is_empty() {
        Shared::zeros(0)
    } else {
        let ctx = ctx.step("ridge");
        let features: Vec<usize> = (0..p).collect();
        let power = scales.shifts.select(&features).weighted(|k| 1 << (2 * k));
        let scaled = mul(&ctx.step("power"), &weights, &power).await?;
        let scaled = rescale(&ctx.step("fraction"), &scaled, 2 * layout.moments.levels, MANTISSA).await?;
        let root = pick(&scales.inverse_roots, features);
        let once = truncated_product(&ctx.step("once"), &scaled, &root, MANTISSA).await?;
        truncated_product(&ctx.step("twice"), &once, &root, 2 * MANTISSA - FRACTION).await?
    };
    let shrunk = match layout.by_rows {
        None => None,
        Some(ridge) => {
            let relative = by_rows(&ctx.step("by rows"), &layout.moments, scales, &[ridge]).await?;
            let shrunk = Shrunk::of(&ctx.step("shrunk"), &relative).await?;
            Some(Shrunk { roots: shrunk.roots.repeat(p) })
        }
    };
    let varies = if layout.has_spreads() {
        Shared::from_public(ctx.seat(), &vec![1; p])
    } else {
        // Squares are not negative, so they are positive where minus them is.
        let bits = (2 * layout.moments.levels + 2).min(126);
        let positive = is_negative(&ctx.step("varies"), &plain.neg(), bits).await?;
        one_bit_to_arithmetic(&ctx.step("varies").step("lift"), &positive).await?
    };
    Ok(Prepared { moments, correlation, factors, ridge, shrunk, varies })
}

/// The statistics about zero in the finer steps of the layout: from those about the public midpoints `m` it is
/// `z_i'z_j + m_i s_j + m_j s_i + m_i m_j n`. Local.
fn about_zero(layout: &Layout, statistics: &Statistics) -> Statistics {
    let width = statistics.features + 2;
    let last = width - 1;
    let offset = |i: usize| i128::from(layout.offsets.get(i).copied().unwrap_or(0)).cast_unsigned();
    let at = |i: usize, j: usize| i * width + j;
    let entry = |f: &dyn Fn(usize, usize) -> usize| {
        let places = (0..width).flat_map(|i| (0..width).map(move |j| (i, j)));
        pick(&statistics.moments, places.map(|(i, j)| f(i, j)))
    };
    let factors = |f: &dyn Fn(usize, usize) -> u128| -> Vec<u128> {
        (0..width).flat_map(|i| (0..width).map(move |j| (i, j))).map(|(i, j)| f(i, j)).collect()
    };
    let moved = statistics
        .moments
        .add(&entry(&|_, j| at(last, j)).scale_by(&factors(&|i, _| offset(i))))
        .add(&entry(&|i, _| at(i, last)).scale_by(&factors(&|_, j| offset(j))))
        .add(&entry(&|_, _| at(last, last)).scale_by(&factors(&|i, j| offset(i).wrapping_mul(offset(j)))));
    let digits = |i: usize| if i == last { 0 } else { layout.digits };
    let finer = moved.scale_by(&factors(&|i, j| 1 << (digits(i) + digits(j))));
    Statistics { moments: finer, features: statistics.features }
}
