//! Linear systems of unit diagonal with their inverses, and the linear model, which is one.

use super::Fit;
use super::model::Layout;
use super::prepare::Prepared;
use super::spread;
use crate::protocol::bits::and_all;
use crate::protocol::compare::is_negative;
use crate::protocol::fixed::truncated_product;
use crate::protocol::lasso::batch::Batch;
use crate::protocol::lasso::choose::Chosen;
use crate::protocol::lasso::linear::{Shape, Systems, doublings, multiply, solve};
use crate::protocol::lasso::moments::pick;
use crate::protocol::lasso::problem::WIDE;
use crate::protocol::lasso::restore::restore;
use crate::protocol::lasso::{COEFFICIENT_BITS, FRACTION};
use crate::protocol::product::dot;
use crate::protocol::truncate::truncate;
use crate::{Context, Result, Shared, SharedBits};

/// Systems with smaller eigenvalues than `2^-SINGULAR` may not be accepted.
const SINGULAR: u32 = 20;
/// The largest accepted entry of the residual of a system: 2^-18.
const RESIDUAL: u32 = 18;

/// The solution of a system and, if asked for, the inverse of its matrix.
pub(crate) struct Solved {
    pub(crate) solution: Shared<u128>,
    /// Row after row; empty if not asked for.
    pub(crate) inverse: Shared<u128>,
    /// Whether the residual is small, the inverse below 2^[`SINGULAR`] and the solution below `2^COEFFICIENT_BITS`.
    pub(crate) accepted: SharedBits,
}

/// Solves `matrix x = right` for a symmetric matrix of unit diagonal that is positive semidefinite.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn invert(
    ctx: &Context,
    matrix: &Shared<u128>,
    right: &Shared<u128>,
    inverse: bool,
) -> Result<Solved> {
    let size = right.len();
    let shape = Shape { lanes: 1, size };
    let columns = if inverse { size + 1 } else { 1 };
    // Row after row: the right-hand side, then the row of the identity.
    let identity = Shared::from_public(ctx.seat(), &shape.identity());
    let mut rows: Vec<Shared<u128>> = Vec::new();
    for i in 0..size {
        rows.push(right.slice(i..i + 1));
        if inverse {
            rows.push(identity.slice(i * size..(i + 1) * size));
        }
    }
    let rows = Shared::concat(&rows.iter().collect::<Vec<_>>());
    let bounds = [256 * size as u64];
    let systems =
        Systems { shape, matrices: matrix, bounds_256: &bounds, doublings: doublings(size, SINGULAR) };
    let x = solve(&ctx.step("solve"), systems, &rows, columns).await?;
    let product = multiply(&ctx.step("check"), shape, matrix, &x, columns).await?;
    let product = truncate(&ctx.step("checked"), &product, FRACTION).await?;
    let residual = product.sub(&rows);
    let column = |j: usize| pick(&x, (0..size).map(|i| i * columns + j));
    let solution = column(0);
    let inverse = if inverse {
        pick(&x, (0..size).flat_map(|i| (1..=size).map(move |j| i * columns + j)))
    } else {
        Shared::zeros(0)
    };
    let within = [
        (&residual, FRACTION - RESIDUAL),
        (&solution, FRACTION + COEFFICIENT_BITS),
        (&inverse, FRACTION + SINGULAR),
    ];
    let accepted = all_below(&ctx.step("accepted"), &within).await?;
    Ok(Solved { solution, inverse, accepted })
}

/// Whether the absolute values of all numbers are below `2^bits`.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn all_below(ctx: &Context, within: &[(&Shared<u128>, u32)]) -> Result<SharedBits> {
    let parts: Vec<Shared<u128>> = within
        .iter()
        .map(|(x, bits)| {
            Shared::concat(&[x, &x.neg()]).add_constant(ctx.seat(), (1u128 << bits).wrapping_neg())
        })
        .collect();
    let small =
        is_negative(&ctx.step("sign"), &Shared::concat(&parts.iter().collect::<Vec<_>>()), WIDE).await?;
    let planes: Vec<SharedBits> = (0..small.len()).map(|i| small.rows(i..i + 1)).collect();
    and_all(&ctx.step("all"), &SharedBits::concat_planes(&planes.iter().collect::<Vec<_>>())).await
}

/// Least squares, with the ridge that is in the preparation.
///
/// With `G` of unit diagonal, `u = G^-1 c` and `K` the part of the ridge in the diagonal, the part of the target's
/// square that is left is `1 - 2 u'c + u'(G - K)u`.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(super) async fn linear(ctx: &Context, layout: &Layout, prepared: &Prepared) -> Result<Fit> {
    let Prepared { correlation, factors, moments, ridge, shrunk, varies } = prepared;
    let p = correlation.target.len();
    let mut batch = Batch::of(correlation, &Shared::zeros(p));
    if let Some(shrunk) = shrunk {
        batch = batch.shrunk(&ctx.step("shrink"), shrunk).await?;
    }
    let mut solved = invert(&ctx.step("system"), &batch.gram, &batch.target, layout.has_spreads()).await?;
    if let Some(shrunk) = shrunk {
        let (solution, ctx) = (&solved.solution, ctx.step("shrunk"));
        solved.solution = truncated_product(&ctx, solution, &shrunk.roots, FRACTION).await?;
    }
    let mut plain = correlation.clone();
    if !ridge.is_empty() {
        let diagonal: Vec<Shared<u128>> = (0..p)
            .map(|i| {
                let places: Vec<u128> = (0..p).map(|j| u128::from(i == j)).collect();
                ridge.slice(i..i + 1).repeat(p).scale_by(&places)
            })
            .collect();
        plain.gram = plain.gram.sub(&Shared::concat(&diagonal.iter().collect::<Vec<_>>()));
    }
    let chosen = Chosen {
        coefficients: solved.solution.clone(),
        active: varies.clone(),
        violation: Shared::zeros(1),
        accepted: solved.accepted.clone(),
    };
    let restored = restore(&ctx.step("restore"), &layout.moments, &plain, factors, &chosen).await?;
    let values = with_intercept(layout, &restored.intercept, &restored.coefficients);
    let spreads = if layout.has_spreads() {
        let fitted = dot(&ctx.step("fitted"), &[(&solved.solution, &correlation.target)]).await?;
        let fitted = truncate(&ctx.step("explained"), &fitted, FRACTION).await?;
        let left = fitted.neg().add_constant(ctx.seat(), (1 << FRACTION) + 16);
        spread::linear(&ctx.step("spread"), layout, factors, &solved.inverse, &left).await?
    } else {
        Shared::zeros(0)
    };
    let quality = [restored.r2, restored.mse];
    let (rows, nonzero) = (moments.count.clone(), varies.sum());
    Ok(Fit { values, spreads, rows, quality, nonzero, accepted: solved.accepted })
}

/// The intercept first, if there is one.
pub(super) fn with_intercept(
    layout: &Layout,
    intercept: &Shared<u128>,
    others: &Shared<u128>,
) -> Shared<u128> {
    if layout.problem.intercept { Shared::concat(&[intercept, others]) } else { others.clone() }
}
