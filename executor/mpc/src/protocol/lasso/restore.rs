//! Back to the original scale: what a model reports, as fixed-point numbers of public scales.

use super::choose::Chosen;
use super::correlation::{Correlation, Scales};
use super::linear::{Shape, multiply};
use super::moments::{Moments, pick};
use super::problem::{FRACTION, Layout};
use crate::protocol::fixed::{MANTISSA, Shifts, truncated_product};
use crate::protocol::product::{dot, mul};
use crate::protocol::truncate::truncate;
use crate::{Context, Result, Shared};

/// The largest exponent of the ratio of the target's second moments about zero and about its mean.
const RATIO_CAP: usize = 34;

/// The secret factors between the solver's scale and the original one. They do not depend on the solution.
#[derive(Clone, Debug)]
pub(crate) struct Factors {
    /// `sigma_y / sigma_j` is this, in `[1/2, 2]`, times `ratio_power`.
    ratio: Shared<u128>,
    /// Powers of two, shifted by `ratio_shift`.
    ratio_power: Shared<u128>,
    /// The target's deviation is this, in `[1/2, 4]`, times `deviation_power`. One entry per moment of the target.
    pub(crate) deviation: Shared<u128>,
    /// Powers of two, shifted by `deviation_shift`.
    pub(crate) deviation_power: Shared<u128>,
    /// The target's mean square is `deviation^2` times this. One entry per moment of the target.
    square_power: Shared<u128>,
    /// Means of the features in units of their deviations, `mean_fraction` fractional bits.
    pub(crate) means: Shared<u128>,
    /// The mean of the target about its midpoint, in steps, with the scale of the intercept.
    target_mean: Shared<u128>,
    /// Without an intercept: the target's mean square about zero divided by that about its mean.
    moment_ratio: Option<Shared<u128>>,
}

/// Prepares the way back.
///
/// With `n y'y = m_y 4^(levels - k_y)`, `1 / sqrt(m) = d` and the same for the features and for `n` itself,
/// `sigma_y / sigma_j = (m_y d_y d_j) 2^(k_j - k_y)` and `sigma_y = (m_y d_y d_n^2) 2^(2 k_n - k_y - levels)`.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn factors(
    ctx: &Context,
    layout: &Layout,
    moments: &Moments,
    scales: &Scales,
) -> Result<Factors> {
    let p = layout.features;
    // The model's moment of the target, and the other one if there is no intercept.
    let targets: Vec<usize> = if layout.intercept { vec![p] } else { vec![p, p + 2] };
    let roots = |positions: Vec<usize>| pick(&scales.inverse_roots, positions);
    let count_root = roots(vec![p + 1]);

    let left = Shared::concat(&[&pick(&scales.mantissas, targets.clone()), &count_root]);
    let right = Shared::concat(&[&roots(targets.clone()), &count_root]);
    let first = truncated_product(&ctx.step("roots"), &left, &right, MANTISSA).await?;
    let (root, inverse_count) = (first.slice(0..targets.len()), first.slice(targets.len()..first.len()));

    let left = Shared::concat(&[&root.slice(0..1).repeat(p), &root]);
    let right = Shared::concat(&[&roots((0..p).collect()), &inverse_count.repeat(targets.len())]);
    let second = truncated_product(&ctx.step("factors"), &left, &right, 2 * MANTISSA - FRACTION).await?;

    let means =
        truncated_product(&ctx.step("means"), &scales.sums, &roots((0..p).collect()), MANTISSA).await?;
    let target_mean =
        target_mean(&ctx.step("target mean"), layout, moments, &scales.shifts, &inverse_count).await?;
    let powers = powers(&ctx.step("powers"), layout, &scales.shifts, &targets).await?;
    let moment_ratio = if layout.intercept {
        None
    } else {
        Some(moment_ratio(&ctx.step("moment ratio"), layout, scales).await?)
    };
    Ok(Factors {
        ratio: second.slice(0..p),
        ratio_power: powers.slice(0..p),
        deviation: second.slice(p..second.len()),
        deviation_power: powers.slice(p..p + 1),
        square_power: powers.slice(p + 1..powers.len()),
        means,
        target_mean,
        moment_ratio,
    })
}

/// All powers of two, each a bilinear form in two one-hot codes: `k_j` and `k_y`, or `k_n` and `k_y`.
async fn powers(ctx: &Context, layout: &Layout, shifts: &Shifts, targets: &[usize]) -> Result<Shared<u128>> {
    let p = layout.features;
    let levels = i64::from(layout.levels);
    let code = |value: usize| shifts.select(&[value]).one_hot().clone();
    let mut pairs = Vec::new();
    for (j, &shift) in layout.ratio_shift.iter().enumerate() {
        pairs.push((code(j), forms(shifts, p, |k, y| i64::from(shift) + k - y)));
    }
    let deviation = i64::from(layout.deviation_shift());
    pairs.push((code(p + 1), forms(shifts, p, |n, y| deviation + 2 * n - y - levels)));
    let square = i64::from(layout.error_scale - layout.error_fraction);
    for &target in targets {
        pairs.push((code(p + 1), forms(shifts, target, |n, y| square + 2 * (2 * n - y - levels))));
    }
    dot(ctx, &pairs.iter().map(|(x, y)| (x, y)).collect::<Vec<_>>()).await
}

/// For every `k`: 2 to the power of `exponent(k, shift of value)`, zero where that is not in `0..126`. Local.
///
/// The encodings of [`Layout`] are chosen so that the pairs of shifts that data can have are never out of range.
pub(crate) fn forms(shifts: &Shifts, value: usize, exponent: impl Fn(i64, i64) -> i64) -> Shared<u128> {
    tabled(shifts, value, |k, y| power(exponent(k, y)))
}

/// For every `k`: `table(k, shift of value)`, zero for a value of zero. Local.
pub(crate) fn tabled(shifts: &Shifts, value: usize, table: impl Fn(i64, i64) -> u128) -> Shared<u128> {
    let levels = shifts.levels();
    let code = shifts.select(&[value]).one_hot().repeat(levels);
    let all = (0..levels).flat_map(|k| (0..levels).map(move |y| (k, y)));
    let table: Vec<u128> = all.map(|(k, y)| table(as_i64(k), as_i64(y))).collect();
    code.scale_by(&table).sum_groups(levels)
}

pub(crate) fn power(exponent: i64) -> u128 {
    u32::try_from(exponent).ok().filter(|&e| e < 126).map_or(0, |e| 1 << e)
}

fn as_i64(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The target's mean about its midpoint.
///
/// Range: `|t| 4^(k_n - levels) 2^(row_bits + 2) < 2^(bits + row_bits + 2)`, times `d_n^2 <= 4`.
async fn target_mean(
    ctx: &Context,
    layout: &Layout,
    moments: &Moments,
    shifts: &Shifts,
    inverse_count: &Shared<u128>,
) -> Result<Shared<u128>> {
    let p = layout.features;
    let up = i64::from(layout.row_bits) + 2 - 2 * i64::from(layout.levels);
    let count_power = shifts.select(&[p + 1]).weighted(|k| power(up + 2 * as_i64(k)));
    let sum = mul(&ctx.step("sum"), &pick(&moments.sums, [p]), &count_power).await?;
    let from = layout.row_bits + 2 + MANTISSA;
    truncated_product(&ctx.step("mean"), &sum, inverse_count, from - layout.intercept_scale()).await
}

/// The target's mean square about zero divided by that about its mean: at least 1, at most `2^RATIO_CAP` or so.
async fn moment_ratio(ctx: &Context, layout: &Layout, scales: &Scales) -> Result<Shared<u128>> {
    let p = layout.features;
    let (zero, mean) = if layout.centred { (p + 2, p) } else { (p, p + 2) };
    let root = pick(&scales.inverse_roots, [mean]);
    let square = truncated_product(&ctx.step("square"), &root, &root, MANTISSA).await?;
    let mantissa = pick(&scales.mantissas, [zero]);
    let mantissa =
        truncated_product(&ctx.step("mantissa"), &mantissa, &square, 2 * MANTISSA - FRACTION).await?;
    // Shifts differ by at least -1: the moment about zero is the larger one.
    let cap = as_i64(RATIO_CAP);
    let table = forms(&scales.shifts, zero, |k, y| (2 * (k - y) + 2).min(cap));
    let code = scales.shifts.select(&[mean]).one_hot().clone();
    let power = dot(&ctx.step("power"), &[(&code, &table)]).await?;
    truncated_product(&ctx.step("ratio"), &mantissa, &power, 2).await
}

/// Models on the original scale, one after the other. Divide by the public scales of [`Layout`].
#[derive(Clone, Debug)]
pub(crate) struct Restored {
    pub(crate) coefficients: Shared<u128>,
    pub(crate) intercept: Shared<u128>,
    pub(crate) mse: Shared<u128>,
    pub(crate) r2: Shared<u128>,
}

/// Brings the chosen coefficients back to the original scale: of one or several models of the same rows.
///
/// Range, for accepted coefficients: see [`Layout`].
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn restore(
    ctx: &Context,
    layout: &Layout,
    correlation: &Correlation,
    factors: &Factors,
    chosen: &Chosen,
) -> Result<Restored> {
    let (first, second, third) = (ctx.step("coefficients"), ctx.step("intercept"), ctx.step("errors"));
    let (coefficients, intercept, (r2, mse)) = futures::try_join!(
        coefficients(&first, layout, factors, chosen),
        intercept(&second, layout, factors, &chosen.coefficients),
        errors(&third, layout, correlation, factors, &chosen.coefficients),
    )?;
    Ok(Restored { coefficients, intercept, mse, r2 })
}

/// Coefficients outside of the support are exactly zero, whatever truncation leaves of them.
pub(crate) async fn coefficients(
    ctx: &Context,
    layout: &Layout,
    factors: &Factors,
    chosen: &Chosen,
) -> Result<Shared<u128>> {
    let bits = 2 * FRACTION - layout.coefficient_fraction;
    let models = chosen.coefficients.len() / layout.features;
    let (first, second) = (ctx.step("mantissas"), ctx.step("mask"));
    let (ratios, ratio_powers) = (factors.ratio.repeat(models), factors.ratio_power.repeat(models));
    let (mantissas, powers) = futures::try_join!(
        truncated_product(&first, &chosen.coefficients, &ratios, bits),
        mul(&second, &ratio_powers, &chosen.active),
    )?;
    mul(&ctx.step("powers"), &mantissas, &powers).await
}

/// The intercept without what public midpoints contribute to it.
pub(crate) async fn intercept(
    ctx: &Context,
    layout: &Layout,
    factors: &Factors,
    u: &Shared<u128>,
) -> Result<Shared<u128>> {
    let models = each_model(layout, u);
    if !layout.centred {
        return Ok(Shared::zeros(models.len()));
    }
    let pairs: Vec<_> = models.iter().map(|u| (u, &factors.means)).collect();
    let explained = dot(&ctx.step("dot"), &pairs).await?;
    let explained = truncate(&ctx.step("explained"), &explained, FRACTION).await?;
    let bits = layout.mean_fraction + FRACTION - layout.intercept_fraction;
    let deviation = factors.deviation.slice(0..1).repeat(models.len());
    let mantissa = truncated_product(&ctx.step("mantissa"), &explained, &deviation, bits).await?;
    let power = factors.deviation_power.repeat(models.len());
    let explained = mul(&ctx.step("power"), &mantissa, &power).await?;
    Ok(if layout.intercept {
        factors.target_mean.repeat(models.len()).sub(&explained)
    } else {
        explained.neg()
    })
}

/// The coefficients of each model.
fn each_model(layout: &Layout, u: &Shared<u128>) -> Vec<Shared<u128>> {
    let p = layout.features;
    (0..u.len() / p).map(|model| u.slice(model * p..(model + 1) * p)).collect()
}

/// The part of the target's squared length that each model explains, [`FRACTION`] fractional bits.
async fn explained(ctx: &Context, correlation: &Correlation, u: &Shared<u128>) -> Result<Shared<u128>> {
    let size = correlation.target.len();
    let lanes = u.len() / size.max(1);
    let gram = correlation.gram.repeat(lanes);
    let fitted = multiply(&ctx.step("product"), Shape { lanes, size }, &gram, u, 1).await?;
    let fitted = truncate(&ctx.step("fitted"), &fitted, FRACTION).await?;
    let rest = correlation.target.scale(2).repeat(lanes).sub(&fitted);
    let of = |x: &Shared<u128>, lane: usize| x.slice(lane * size..(lane + 1) * size);
    let pairs: Vec<_> = (0..lanes).map(|lane| (of(u, lane), of(&rest, lane))).collect();
    let explained = dot(&ctx.step("dot"), &pairs.iter().map(|(x, y)| (x, y)).collect::<Vec<_>>()).await?;
    truncate(&ctx.step("explained"), &explained, FRACTION).await
}

/// R squared, [`FRACTION`] fractional bits, and the mean squared error of each model.
async fn errors(
    ctx: &Context,
    layout: &Layout,
    correlation: &Correlation,
    factors: &Factors,
    u: &Shared<u128>,
) -> Result<(Shared<u128>, Shared<u128>)> {
    let p = layout.features;
    let explained = explained(ctx, correlation, u).await?;
    let models = explained.len();
    // The part of the model's moment of the target that is left; 0 if that moment is 0.
    let varies = correlation.scales.shifts.select(&[p]).weighted(|_| 1 << FRACTION);
    let left = varies.repeat(models).sub(&explained);

    let squares =
        truncated_product(&ctx.step("squares"), &factors.deviation, &factors.deviation, FRACTION).await?;
    let ones = Shared::from_public(ctx.seat(), &vec![1 << FRACTION; models]);
    let minus_explained = if layout.centred && !layout.intercept { explained.neg() } else { left.clone() };
    // For each moment of the target, of each model.
    let mut weights = vec![minus_explained];
    if squares.len() > 1 {
        weights.push(if layout.centred { ones.clone() } else { Shared::zeros(models) });
    }
    let bits = 2 * FRACTION - layout.error_fraction;
    let weights = Shared::concat(&weights.iter().collect::<Vec<_>>());
    let mantissas =
        truncated_product(&ctx.step("mantissas"), &squares.repeat_each(models), &weights, bits).await?;
    let of_model = |model: usize| pick(&mantissas, (0..squares.len()).map(|s| s * models + model));
    let each: Vec<Shared<u128>> = (0..models).map(of_model).collect();
    let pairs: Vec<_> = each.iter().map(|mantissas| (mantissas, &factors.square_power)).collect();
    let mse = dot(&ctx.step("powers"), &pairs).await?;

    let r2 = match &factors.moment_ratio {
        None => ones.sub(&left),
        Some(ratio) if layout.centred => ones.sub(&ratio.repeat(models)).add(&ones).sub(&left),
        Some(ratio) => {
            let lost = mul(&ctx.step("lost"), &ratio.repeat(models), &left).await?;
            ones.sub(&truncate(&ctx.step("lost truncated"), &lost, FRACTION).await?)
        }
    };
    Ok((r2, mse))
}
