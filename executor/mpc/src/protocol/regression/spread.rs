//! From the inverse of an information matrix to standard errors, for the intercept too.

use super::model::{Layout, refused};
use super::system::with_intercept;
use crate::protocol::fixed::{rescale, square_root, truncated_product};
use crate::protocol::lasso::FRACTION;
use crate::protocol::lasso::choose::Chosen;
use crate::protocol::lasso::linear::{Shape, multiply};
use crate::protocol::lasso::moments::pick;
use crate::protocol::lasso::problem::bits_of;
use crate::protocol::lasso::restore::{Factors, coefficients};
use crate::protocol::product::{dot, mul};
use crate::protocol::truncate::truncate;
use crate::{Context, Result, Shared, SharedBits};

/// Entries of an accepted inverse are below 2 to this.
const INVERSE_BITS: u32 = 20;
/// Fractional bits of the part of the variance that is left, where it meets the square of the means.
const LEFT: u32 = 30;

/// Fractional bits of the square root of an integer.
const ROOT: u32 = 20;

/// Fractional bits of what belongs to the intercept.
#[derive(Clone, Copy, Debug)]
struct Fractions {
    /// Of the means in units of deviations.
    means: u32,
    /// Of quadratic forms in them.
    square: u32,
}

/// With means below `2^m`, entries of the inverse below 2^20 and q terms: a product with the inverse is below
/// `2^(means + m + 20 + 44 + log q)`, the square, times the part that is left, below
/// `2^(LEFT + square + 2 m + 20 + 2 log q)`; both must stay below 2^124.
fn fractions(layout: &Layout) -> Result<Fractions> {
    let means_bits = layout.feature_bits() + layout.half() + 1;
    let log = bits_of(layout.parameters());
    let narrow = || refused("the domains of the columns are too wide for a standard error of the intercept");
    let room = |total: u32, used: u32| total.checked_sub(used).ok_or_else(narrow);
    let means = (room(122 - INVERSE_BITS, 2 * means_bits + 2 * log)? / 2).min(layout.moments.mean_fraction);
    let square = room(124 - LEFT - INVERSE_BITS, 2 * means_bits + 2 * log)?.min(2 * means) & !1;
    if means < 4 { Err(narrow()) } else { Ok(Fractions { means, square }) }
}

/// The standard errors of a linear model times the root of its residual degrees of freedom, with the scales of its
/// coefficients and intercept. `left` is the part of the target's variance that is left.
///
/// The variance of `u_j` is `left (G^-1)_jj / df`, that of the intercept `sigma_y^2 left (1 + h'G^-1 h) / df`, with `h` the means in
/// units of deviations.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(super) async fn linear(
    ctx: &Context,
    layout: &Layout,
    factors: &Factors,
    inverse: &Shared<u128>,
    left: &Shared<u128>,
) -> Result<Shared<u128>> {
    let p = layout.problem.features.len();
    let diagonal = pick(inverse, (0..p).map(|j| j * p + j));
    let squares = truncated_product(&ctx.step("squares"), &diagonal, &left.repeat(p), FRACTION).await?;
    let roots = square_root(&ctx.step("roots"), &squares, 33, FRACTION / 2).await?;
    let chosen = Chosen {
        coefficients: roots,
        active: Shared::from_public(ctx.seat(), &vec![1; p]),
        violation: Shared::zeros(1),
        accepted: SharedBits::zeros(1, 1),
    };
    let others = coefficients(&ctx.step("coefficients"), &layout.moments, factors, &chosen).await?;
    if !layout.problem.intercept {
        return Ok(others);
    }
    let square = fractions(layout)?.square;
    let form = form(&ctx.step("form"), layout, inverse, &factors.means).await?;
    let form = form.add_constant(ctx.seat(), 1 << square);
    let less = truncate(&ctx.step("left"), left, FRACTION - LEFT).await?;
    let whole = mul(&ctx.step("whole"), &form, &less).await?;
    let from = LEFT.midpoint(square) + ROOT;
    let root = square_root(&ctx.step("root"), &whole, 62, ROOT).await?;
    let to = layout.moments.mean_fraction;
    let root = rescale(&ctx.step("fraction"), &root, from, to).await?;
    let bits = to + FRACTION - layout.moments.intercept_fraction;
    let deviation = factors.deviation.slice(0..1);
    let mantissa = truncated_product(&ctx.step("mantissa"), &root, &deviation, bits).await?;
    let intercept = mul(&ctx.step("power"), &mantissa, &factors.deviation_power).await?;
    Ok(with_intercept(layout, &intercept, &others))
}

/// `h'V h`, with the fractional bits of squares.
async fn form(
    ctx: &Context,
    layout: &Layout,
    inverse: &Shared<u128>,
    means: &Shared<u128>,
) -> Result<Shared<u128>> {
    let fractions = fractions(layout)?;
    let from = layout.moments.mean_fraction;
    let h = rescale(&ctx.step("means"), means, from, fractions.means).await?;
    let shape = Shape { lanes: 1, size: h.len() };
    let product = multiply(&ctx.step("product"), shape, inverse, &h, 1).await?;
    let product = truncate(&ctx.step("fraction"), &product, FRACTION).await?;
    let square = dot(&ctx.step("square"), &[(&h, &product)]).await?;
    rescale(&ctx.step("rescale"), &square, 2 * fractions.means, fractions.square).await
}

/// As [`linear`] for other models, times the root of the number of rows: `reciprocals` are those of the deviations of the
/// features with [`Layout::reciprocal_fraction`] bits, less those dropped by [`Layout::value_shift`].
///
/// # Errors
/// [`crate::Error::Peer`].
pub(super) async fn others(
    ctx: &Context,
    layout: &Layout,
    inverse: &Shared<u128>,
    means: &Shared<u128>,
    reciprocals: &Shared<u128>,
) -> Result<Shared<u128>> {
    let (p, q) = (layout.problem.features.len(), layout.parameters());
    let first = q - p;
    let diagonal = pick(inverse, (first..q).map(|j| j * q + j));
    let roots = square_root(&ctx.step("roots"), &diagonal, 33, FRACTION / 2).await?;
    let others = mul(&ctx.step("scale"), &roots, reciprocals).await?;
    if !layout.problem.intercept {
        return Ok(others);
    }
    // (1, -h)' V (1, -h).
    let one = Shared::from_public(ctx.seat(), &[1 << layout.moments.mean_fraction]);
    let form = form(&ctx.step("form"), layout, inverse, &Shared::concat(&[&one, &means.neg()])).await?;
    let square = fractions(layout)?.square;
    let root = square_root(&ctx.step("root"), &form, 62, ROOT).await?;
    let intercept =
        rescale(&ctx.step("scaled"), &root, square / 2 + ROOT, intercept_fraction(layout)).await?;
    Ok(with_intercept(layout, &intercept, &others))
}

/// Fractional bits of the intercept of a model that is not linear.
pub(super) fn intercept_fraction(layout: &Layout) -> u32 {
    FRACTION + layout.moments.mean_fraction
}
