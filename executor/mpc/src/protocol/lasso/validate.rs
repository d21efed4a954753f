//! Cross-validation: the penalty whose models predict the rows that they were not fitted to best.

use super::batch::Batch;
use super::choose::{Chosen, Keep, tournament};
use super::correlation::{Correlation, Scales, correlation};
use super::linear::{Shape, multiply};
use super::moments::{Raw, moments, pairs, pick};
use super::problem::{FRACTION, Layout};
use super::restore::{factors, restore};
use super::ridge::{Shrunk, relative};
use super::statistics::Statistics;
use super::threshold::thresholds;
use super::{Problem, Solution, minimise};
use crate::protocol::bits::and_all;
use crate::protocol::fixed::{MANTISSA, reciprocal, rescale, truncated_product};
use crate::protocol::product::{dot, mul};
use crate::protocol::truncate::truncate;
use crate::{Context, Result, Shared, SharedBits};

/// Of two penalties whose errors differ by less than 2^-32 of the target's variance, the larger one is better.
const TIE: u128 = 1 << (FRACTION - 32);
/// Fractional bits of the number of rows divided by that of a fold.
const RATIO: u32 = 30;

/// A model whose penalty cross-validation chose.
#[derive(Clone, Debug)]
pub struct Validated {
    /// The model of all rows with the chosen penalty.
    pub solution: Solution,
    /// Where the chosen penalty stands among [`Problem::alphas`].
    pub place: Shared<u128>,
}

/// Chooses one of the problem's penalties, which must stand from the largest to the smallest, by the mean over the folds of the
/// mean squared error on the rows of each fold of the model of the rows of all others; `folds` are the statistics of each
/// fold's rows.
///
/// Functionality: scikit-learn's `LassoCV` with these alphas and folds, `ElasticNetCV` with ridges, and with ridges by sum and
/// alphas of 0 its `RidgeCV` scored by the mean squared error. With `standardize`, features are divided by the deviations
/// of all rows once, as in a pipeline of `StandardScaler` and `LassoCV`. A fold without rows counts as predicted exactly.
/// In units of the deviations of all rows, the moments of the rows of a fold and of the others are exact integers that scale as
/// those of all rows do, so all models of all penalties and folds are one batch, the last Gram matrix being that of all rows.
/// Model: semi-honest, 1 of 3.
/// With ridges, each problem has a matrix of its own: `r / (t sigma^2)` of a fold is, in units of all rows, `(t / n)^2` times what
/// it is of all of them beside a mean, and `t / n` times beside a sum.
/// Cost: as [`super::solve`] for as many models, and 80 rounds or so. (Asserted by the `cost` test.)
///
/// # Errors
/// [`crate::Error::Shape`] if the statistics are of another number of features; [`crate::Error::Internal`] for less
/// than two folds or a model without an intercept; [`crate::Error::Peer`].
pub async fn cross_validate(ctx: &Context, folds: &[Statistics], problem: &Problem) -> Result<Validated> {
    let layout = problem.layout()?;
    if folds.len() < 2 || !layout.intercept {
        return Err(ctx.internal("a cross-validation of less than two folds, or of another kind of model"));
    }
    let mut all = Shared::zeros(folds.first().map_or(0, |fold| fold.moments.len()));
    for fold in folds {
        ctx.same_shape(layout.features, fold.features)?;
        all.add_assign(&fold.moments);
    }
    let all = Statistics { moments: all, features: layout.features };
    let moments = moments(&ctx.step("moments"), &layout, &all).await?;
    let correlation = correlation(&ctx.step("correlation"), &layout, &moments).await?;
    let (first, second, third) = (ctx.step("thresholds"), ctx.step("factors"), ctx.step("folds"));
    let fourth = ctx.step("ridges");
    let (thresholds, factors, splits, ridges) = futures::try_join!(
        thresholds(&first, &layout, &correlation.scales),
        factors(&second, &layout, &moments, &correlation.scales),
        splits(&third, &layout, &all, folds, &correlation.scales),
        ridges(&fourth, &layout, &correlation.scales),
    )?;
    let penalties = Penalties { thresholds, ridges };
    let (batch, shrunk) = batch(&ctx.step("batch"), &layout, &correlation, &penalties, &splits).await?;
    let mut chosen = Box::pin(minimise(ctx, &batch, problem.iterations)).await?;
    if let Some(shrunk) = shrunk {
        chosen.coefficients =
            truncated_product(&ctx.step("shrunk"), &chosen.coefficients, &shrunk.roots, FRACTION).await?;
    }
    let scores = scores(&ctx.step("scores"), &layout, &splits, &chosen).await?;
    let (chosen, place) = best(&ctx.step("best"), &layout, folds.len(), &scores, &chosen).await?;
    let restored = restore(&ctx.step("restore"), &layout, &correlation, &factors, &chosen).await?;
    let solution = Solution {
        coefficients: restored.coefficients,
        intercept: restored.intercept,
        rows: moments.count,
        r2: restored.r2,
        mse: restored.mse,
        nonzero: chosen.active.sum(),
        violation: chosen.violation,
        accepted: chosen.accepted,
    };
    Ok(Validated { solution, place })
}

/// What weighs coefficients in the model of all rows, penalty after penalty.
struct Penalties {
    thresholds: Shared<u128>,
    /// Relative ridges, and what they make of the lengths of the features.
    ridges: Option<(Shared<u128>, Shrunk)>,
}

async fn ridges(ctx: &Context, layout: &Layout, scales: &Scales) -> Result<Option<(Shared<u128>, Shrunk)>> {
    let Some(ridge) = &layout.ridge else { return Ok(None) };
    let relative = relative(&ctx.step("relative"), layout, scales, ridge).await?;
    let shrunk = Shrunk::of(&ctx.step("roots"), &relative).await?;
    Ok(Some((relative, shrunk)))
}

/// The folds in units of the deviations of all rows. `n` rows in all, `t` of them outside of a fold and `e` in it; the last variable is
/// the target.
struct Splits {
    /// Covariances outside of each fold times `(t / n)^2`, every pair of variables, [`FRACTION`] fractional bits.
    outside: Shared<u128>,
    /// Covariances inside times `(e / n)^2`.
    inside: Shared<u128>,
    /// Mean outside, less that of all rows, times `t / n`.
    means: Shared<u128>,
    /// `(t / n)^2`, [`FRACTION`] fractional bits.
    shares: Shared<u128>,
    /// `t / n`, [`FRACTION`] fractional bits.
    parts: Shared<u128>,
    /// `(n / t)^2` and `(n / e)^2`, [`RATIO`] fractional bits.
    weights: [Shared<u128>; 2],
}

/// Range: `t X'X - s s'` of a part of the rows is at most what it is of all rows, so it scales as that does. A
/// difference of means is `n s_t - t s`, at most `n` times the root of the square of all rows.
async fn splits(
    ctx: &Context,
    layout: &Layout,
    all: &Statistics,
    folds: &[Statistics],
    scales: &Scales,
) -> Result<Splits> {
    let variables = layout.features + 1;
    let whole = Raw::new(all, variables);
    let inside: Vec<Raw> = folds.iter().map(|fold| Raw::new(fold, variables)).collect();
    let outside: Vec<Raw> = folds
        .iter()
        .map(|fold| {
            let moments = all.moments.sub(&fold.moments);
            Raw::new(&Statistics { moments, features: fold.features }, variables)
        })
        .collect();
    let list: Vec<(usize, usize)> =
        pairs(variables).into_iter().chain((0..variables).map(|i| (i, i))).collect();
    let parts: Vec<&Raw> = outside.iter().chain(&inside).collect();
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for part in &parts {
        left.extend([part.count.repeat(list.len()), pick(&part.sums, list.iter().map(|&(i, _)| i))]);
        right.extend([part.entries(&list), pick(&part.sums, list.iter().map(|&(_, j)| j))]);
    }
    for part in &outside {
        left.extend([whole.count.repeat(variables), part.count.repeat(variables)]);
        right.extend([part.sums.clone(), whole.sums.clone()]);
    }
    let product = mul(&ctx.step("exact"), &concat(&left), &concat(&right)).await?;
    let difference = |start: usize, len: usize| {
        product.slice(start..start + len).sub(&product.slice(start + len..start + 2 * len))
    };
    let exact: Vec<_> = (0..parts.len()).map(|part| difference(2 * part * list.len(), list.len())).collect();
    let start = 2 * parts.len() * list.len();
    let means: Vec<_> =
        (0..folds.len()).map(|fold| difference(start + 2 * fold * variables, variables)).collect();

    let counts: Vec<&Shared<u128>> = parts.iter().map(|part| &part.count).collect();
    let (exact, counts) = (concat(&exact), Shared::concat(&counts));
    let (first, second) = (ctx.step("scaled"), ctx.step("counts"));
    let (covariances, ([shares, parts], weights, inverse)) = futures::try_join!(
        scaled(&first, layout, scales, &list, &exact),
        ratios(&second, layout, &whole.count, &counts),
    )?;
    let means = scaled_means(&ctx.step("means"), layout, scales, &concat(&means), &inverse).await?;
    let full = |from: usize| {
        let place = |i: usize, j: usize| {
            let (i, j) = (i.min(j), i.max(j));
            let pair = i * (2 * variables - i - 1) / 2 + (j - i).saturating_sub(1);
            if i == j { list.len() - variables + i } else { pair }
        };
        let entries = |part: usize| {
            (0..variables * variables)
                .map(|at| part * list.len() + place(at / variables, at % variables))
                .collect::<Vec<_>>()
        };
        pick(&covariances, (from..from + folds.len()).flat_map(entries))
    };
    Ok(Splits { outside: full(0), inside: full(folds.len()), means, shares, parts, weights })
}

/// Exact covariances of the pairs of `list`, part after part, divided by the lengths of all rows.
async fn scaled(
    ctx: &Context,
    layout: &Layout,
    scales: &Scales,
    list: &[(usize, usize)],
    exact: &Shared<u128>,
) -> Result<Shared<u128>> {
    let parts = exact.len() / list.len().max(1);
    let by = |values: &Shared<u128>, end: fn((usize, usize)) -> usize| {
        pick(values, list.iter().map(|&pair| end(pair))).repeat(parts)
    };
    let power = scales.shifts.weighted(|k| 1 << k);
    let once = mul(&ctx.step("rows"), exact, &by(&power, |(i, _)| i)).await?;
    let twice = mul(&ctx.step("columns"), &once, &by(&power, |(_, j)| j)).await?;
    let fractions = rescale(&ctx.step("fractions"), &twice, 2 * layout.levels, MANTISSA).await?;
    let roots = &scales.inverse_roots;
    let half =
        truncated_product(&ctx.step("row roots"), &fractions, &by(roots, |(i, _)| i), MANTISSA).await?;
    let bits = 2 * MANTISSA - FRACTION;
    truncated_product(&ctx.step("column roots"), &half, &by(roots, |(_, j)| j), bits).await
}

/// Differences of means divided by deviations.
async fn scaled_means(
    ctx: &Context,
    layout: &Layout,
    scales: &Scales,
    exact: &Shared<u128>,
    inverse: &Shared<u128>,
) -> Result<Shared<u128>> {
    let variables = layout.features + 1;
    let folds = exact.len() / variables;
    let power = scales.shifts.weighted(|k| 1 << k).slice(0..variables).repeat(folds);
    let once = mul(&ctx.step("power"), exact, &power).await?;
    let fraction = FRACTION.min(66 - layout.row_bits);
    let once = rescale(&ctx.step("fraction"), &once, layout.levels, fraction).await?;
    let roots = scales.inverse_roots.slice(0..variables).repeat(folds);
    let sums = truncated_product(&ctx.step("root"), &once, &roots, MANTISSA).await?;
    let bits = fraction + count_fraction(layout) - FRACTION;
    truncated_product(&ctx.step("mean"), &sums, &inverse.repeat(exact.len()), bits).await
}

/// Fractional bits of the reciprocal of a number of rows.
fn count_fraction(layout: &Layout) -> u32 {
    layout.row_bits + 30
}

/// `(t / n)^2` and `t / n`, then `(n / t)^2` and `(n / e)^2`, then `1 / n`.
async fn ratios(
    ctx: &Context,
    layout: &Layout,
    whole: &Shared<u128>,
    counts: &Shared<u128>,
) -> Result<([Shared<u128>; 2], [Shared<u128>; 2], Shared<u128>)> {
    let (folds, from) = (counts.len() / 2, count_fraction(layout));
    let all = Shared::concat(&[whole, counts]);
    let inverses = reciprocal(&ctx.step("reciprocals"), &all, layout.row_bits as usize / 2 + 1, from).await?;
    let inverse = inverses.slice(0..1);
    let left = Shared::concat(&[&counts.slice(0..folds), &whole.repeat(2 * folds)]);
    let right = Shared::concat(&[&inverse.repeat(folds), &inverses.slice(1..1 + 2 * folds)]);
    let ratios = truncated_product(&ctx.step("ratios"), &left, &right, from - RATIO).await?;
    let squares = truncated_product(&ctx.step("squares"), &ratios, &ratios, RATIO).await?;
    let shares = [&squares, &ratios].map(|x| x.slice(0..folds).shift_left(FRACTION - RATIO));
    let weights = [squares.slice(folds..2 * folds), squares.slice(2 * folds..3 * folds)];
    Ok((shares, weights, inverse))
}

/// The problems of all penalties, each on the rows outside of every fold and on all rows; with ridges, in coefficients divided by
/// roots.
async fn batch(
    ctx: &Context,
    layout: &Layout,
    correlation: &Correlation,
    penalties: &Penalties,
    splits: &Splits,
) -> Result<(Batch, Option<Shrunk>)> {
    let (p, folds) = (layout.features, splits.shares.len());
    let (variables, count) = (p + 1, layout.penalties * (folds + 1));
    let parts = if layout.by_sum { &splits.parts } else { &splits.shares };
    let mut weights = vec![(&penalties.thresholds, &splits.shares)];
    weights.extend(penalties.ridges.iter().map(|(relative, _)| (relative, parts)));
    let mut spread = of_folds(&ctx.step("thresholds"), layout, &weights).await?.into_iter();
    let thresholds = spread.next().ok_or_else(|| ctx.internal("no thresholds"))?;
    let entry = |fold: usize, i: usize, j: usize| (fold * variables + i) * variables + j;
    let entries = (0..folds).flat_map(|f| (0..p).flat_map(move |i| (0..p).map(move |j| entry(f, i, j))));
    let gram = Shared::concat(&[&pick(&splits.outside, entries), &correlation.gram]);
    let targets = (0..folds).flat_map(|f| (0..p).map(move |i| entry(f, i, p)));
    let target = Shared::concat(&[&pick(&splits.outside, targets), &correlation.target]);
    let target = target.repeat(layout.penalties);
    let batch = Batch { size: p, count, grams: folds + 1, gram, target, thresholds, bits: 64 };
    let (Some((_, shrunk)), Some(ridges)) = (&penalties.ridges, spread.next()) else {
        return Ok((batch, None));
    };
    let places: Vec<u128> = (0..p).flat_map(|i| (0..p).map(move |j| u128::from(i == j))).collect();
    let gram = batch.all_grams(1).add(&ridges.repeat_each(p).scale_by(&places.repeat(count)));
    let of_penalty = |k: usize| shrunk.roots.slice(k * p..(k + 1) * p).repeat(folds + 1);
    let roots: Vec<_> = (0..layout.penalties).map(of_penalty).collect();
    let shrunk = Shrunk { roots: concat(&roots) };
    let batch = Batch { grams: count, gram, ..batch }.scaled(&ctx.step("scaled"), &shrunk).await?;
    Ok((batch, Some(shrunk)))
}

/// Weights of all penalties in the problem of each fold, times a number of the fold, and then in that of all rows.
async fn of_folds(
    ctx: &Context,
    layout: &Layout,
    weights: &[(&Shared<u128>, &Shared<u128>)],
) -> Result<Vec<Shared<u128>>> {
    let (p, penalties) = (layout.features, layout.penalties);
    let folds = weights.first().map_or(0, |(_, parts)| parts.len());
    let of_penalty = |weight: &Shared<u128>, k: usize| weight.slice(k * p..(k + 1) * p);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for (weight, parts) in weights {
        left.extend((0..penalties).map(|k| of_penalty(weight, k).repeat(folds)));
        right.push(parts.repeat_each(p).repeat(penalties));
    }
    let less = truncated_product(ctx, &concat(&left), &concat(&right), FRACTION).await?;
    let width = folds * p;
    let spread = |(index, (weight, _)): (usize, &(&Shared<u128>, &Shared<u128>))| {
        let at = |k: usize| (index * penalties + k) * width;
        let parts: Vec<_> =
            (0..penalties).flat_map(|k| [less.slice(at(k)..at(k) + width), of_penalty(weight, k)]).collect();
        concat(&parts)
    };
    Ok(weights.iter().enumerate().map(spread).collect())
}

/// The sum over the folds of the mean squared error of each penalty, in units of the target's variance.
///
/// With `v = (-u, 1)`, the residuals of a fold have the covariance `v'C v` and a mean that is off by `v'd`, `d` the difference of
/// the means inside and outside, which is `-(n / e) (n / t)` times what [`Splits::means`] holds.
async fn scores(ctx: &Context, layout: &Layout, splits: &Splits, chosen: &Chosen) -> Result<Shared<u128>> {
    let (p, folds, penalties) = (layout.features, splits.shares.len(), layout.penalties);
    let (variables, lanes) = (p + 1, folds * penalties);
    let one = Shared::from_public(ctx.seat(), &[1 << FRACTION]);
    let problems = (0..penalties).flat_map(|k| (0..folds).map(move |fold| k * (folds + 1) + fold));
    let v: Vec<Shared<u128>> = problems
        .map(|q| Shared::concat(&[&chosen.coefficients.slice(q * p..(q + 1) * p).neg(), &one]))
        .collect();
    let shape = Shape { lanes, size: variables };
    let product =
        multiply(&ctx.step("product"), shape, &splits.inside.repeat(penalties), &concat(&v), 1).await?;
    let product = truncate(&ctx.step("truncate"), &product, FRACTION).await?;
    let of = |x: &Shared<u128>, lane: usize| x.slice(lane * variables..(lane + 1) * variables);
    let means = splits.means.repeat(penalties);
    let right: Vec<Shared<u128>> =
        (0..lanes).map(|l| of(&product, l)).chain((0..lanes).map(|l| of(&means, l))).collect();
    let forms: Vec<_> = v.iter().chain(&v).zip(&right).collect();
    let forms = dot(&ctx.step("forms"), &forms).await?;
    let forms = truncate(&ctx.step("fraction"), &forms, FRACTION).await?;
    let (variance, mean) = (forms.slice(0..lanes), forms.slice(lanes..2 * lanes));
    let square = truncated_product(&ctx.step("square"), &mean, &mean, FRACTION).await?;
    let [outside, inside] = &splits.weights;
    let off = truncated_product(&ctx.step("off"), &square, &outside.repeat(penalties), RATIO).await?;
    let errors =
        truncated_product(&ctx.step("errors"), &variance.add(&off), &inside.repeat(penalties), RATIO).await?;
    Ok(errors.sum_groups(folds))
}

/// The model of all rows with the smallest error, and the place of its penalty.
async fn best(
    ctx: &Context,
    layout: &Layout,
    folds: usize,
    scores: &Shared<u128>,
    chosen: &Chosen,
) -> Result<(Chosen, Shared<u128>)> {
    let (p, seat) = (layout.features, ctx.seat());
    let records = (0u128..).zip(0..layout.penalties).map(|(place, k)| {
        let q = k * (folds + 1) + folds;
        Shared::concat(&[
            &scores.slice(k..k + 1).add_constant(seat, place * TIE),
            &Shared::from_public(seat, &[place]),
            &chosen.violation.slice(q..q + 1),
            &chosen.coefficients.slice(q * p..(q + 1) * p),
            &chosen.active.slice(q * p..(q + 1) * p),
        ])
    });
    let best = tournament(&ctx.step("tournament"), records.collect(), 1, Keep::Smaller).await?;
    let all: Vec<SharedBits> = (0..chosen.accepted.len()).map(|q| chosen.accepted.rows(q..q + 1)).collect();
    let all = SharedBits::concat_planes(&all.iter().collect::<Vec<_>>());
    let chosen = Chosen {
        coefficients: best.slice(3..3 + p),
        active: best.slice(3 + p..3 + 2 * p),
        violation: best.slice(2..3),
        accepted: and_all(&ctx.step("accepted"), &all).await?,
    };
    Ok((chosen, best.slice(1..2)))
}

fn concat(parts: &[Shared<u128>]) -> Shared<u128> {
    Shared::concat(&parts.iter().collect::<Vec<_>>())
}
