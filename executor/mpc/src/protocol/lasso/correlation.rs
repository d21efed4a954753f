//! Correlation form: every variable scaled to length 1, by secret factors that are kept for the way back.

use super::moments::{Moments, pairs, pick};
use super::problem::{FRACTION, Layout};
use crate::protocol::fixed::{MANTISSA, Shifts, inverse_sqrt, rescale, shifts, truncated_product};
use crate::protocol::product::mul;
use crate::{Context, Result, Shared};

/// The problem with all variables scaled to length 1, [`FRACTION`] fractional bits.
#[derive(Clone, Debug)]
pub(crate) struct Correlation {
    /// `p x p` correlations of the features; the row and column of a constant feature are zero.
    pub(crate) gram: Shared<u128>,
    /// Correlations with the target.
    pub(crate) target: Shared<u128>,
    /// What the variables were scaled by.
    pub(crate) scales: Scales,
}

/// Square roots of the moments, in parts: `squares = mantissa 4^(levels - shift)`.
///
/// In order: the features, the target, the number of rows, and the other moment of the target if there is one.
/// All parts of a zero moment are zero except its inverse root, which is some number below 16.
#[derive(Clone, Debug)]
pub(crate) struct Scales {
    /// Base-4 exponents.
    pub(crate) shifts: Shifts,
    /// In `[1/4, 1)`, [`MANTISSA`] fractional bits.
    pub(crate) mantissas: Shared<u128>,
    /// `1 / sqrt(mantissa)`, [`MANTISSA`] fractional bits.
    pub(crate) inverse_roots: Shared<u128>,
    /// Sums of the features times `2^(shift - levels)`, `mean_fraction` fractional bits.
    pub(crate) sums: Shared<u128>,
}

/// Brings exact moments into correlation form.
///
/// Range: `products_ij 2^(k_i) 2^(k_j)` is at most `sqrt(squares_i 4^(k_i) squares_j 4^(k_j)) < 4^levels <= 2^124` by
/// Cauchy's inequality, which holds for the exact integers; after truncation all numbers are below 1.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn correlation(ctx: &Context, layout: &Layout, moments: &Moments) -> Result<Correlation> {
    let variables = layout.features + 1;
    let mut positive = vec![&moments.squares, &moments.count];
    positive.extend(&moments.other_target);
    let positive = Shared::concat(&positive);
    let shifts = shifts(&ctx.step("shifts"), &positive, layout.levels as usize).await?;

    let (products, mantissas, sums) =
        normalised(&ctx.step("normalise"), layout, moments, &positive, &shifts).await?;
    let inverse_roots = inverse_sqrt(&ctx.step("inverse root"), &mantissas).await?;

    let roots = |f: fn((usize, usize)) -> usize| pick(&inverse_roots, pairs(variables).into_iter().map(f));
    let half = truncated_product(&ctx.step("rows"), &products, &roots(|(i, _)| i), MANTISSA).await?;
    let bits = 2 * MANTISSA - FRACTION;
    let scaled = truncated_product(&ctx.step("columns"), &half, &roots(|(_, j)| j), bits).await?;
    let unit = shifts.weighted(|_| 1 << FRACTION);

    let position = |i: usize, j: usize| {
        let (i, j) = (i.min(j), i.max(j));
        if i == j { scaled.len() + i } else { i * (2 * variables - i - 1) / 2 + j - i - 1 }
    };
    let all = Shared::concat(&[&scaled, &unit.slice(0..variables)]);
    let p = layout.features;
    let gram = pick(&all, (0..p).flat_map(|i| (0..p).map(move |j| (i, j))).map(|(i, j)| position(i, j)));
    let target = pick(&all, (0..p).map(|i| position(i, p)));
    Ok(Correlation { gram, target, scales: Scales { shifts, mantissas, inverse_roots, sums } })
}

/// Products, squares and sums times the powers of two of their variables.
async fn normalised(
    ctx: &Context,
    layout: &Layout,
    moments: &Moments,
    positive: &Shared<u128>,
    shifts: &Shifts,
) -> Result<(Shared<u128>, Shared<u128>, Shared<u128>)> {
    let variables = layout.features + 1;
    let power = shifts.weighted(|k| 1 << k);
    let square = shifts.weighted(|k| 1 << (2 * k));
    let sums = moments.sums.slice(0..layout.features);
    let rows = pick(&power, pairs(variables).into_iter().map(|(i, _)| i));
    let columns = pick(&power, pairs(variables).into_iter().map(|(_, j)| j));

    let values = Shared::concat(&[&moments.products, positive, &sums]);
    let powers = Shared::concat(&[&rows, &square, &power.slice(0..layout.features)]);
    let once = mul(&ctx.step("rows"), &values, &powers).await?;
    let (end, last) = (moments.products.len(), moments.products.len() + positive.len());
    let twice = mul(&ctx.step("columns"), &once.slice(0..end), &columns).await?;

    let fractions = Shared::concat(&[&twice, &once.slice(end..last)]);
    let fractions = rescale(&ctx.step("fractions"), &fractions, 2 * layout.levels, MANTISSA).await?;
    let sums = once.slice(last..once.len());
    let sums = rescale(&ctx.step("sums"), &sums, layout.levels, layout.mean_fraction).await?;
    Ok((fractions.slice(0..end), fractions.slice(end..last), sums))
}
