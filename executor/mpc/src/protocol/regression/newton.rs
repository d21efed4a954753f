//! Maximum likelihood by Newton's method, a public number of steps.

use super::absolute::{Absolute, Moved};
use super::link::{self, Exposure, Linked, WEIGHT, link};
use super::model::{Family, Layout, refused};
use super::prepare::Prepared;
use super::rows::{Rows, rows};
use super::system::{all_below, invert, with_intercept};
use super::unit::Unit;
use super::{Columns, FACTORIAL, Fit, spread};
use crate::protocol::bits::and_all;
use crate::protocol::fixed::{MANTISSA, logarithm, reciprocal, rescale, truncated_product};
use crate::protocol::lasso::moments::pick;
use crate::protocol::lasso::{COEFFICIENT_BITS, FRACTION};
use crate::protocol::product::{dot, matmul, mul, sum_of_products};
use crate::protocol::truncate::truncate;
use crate::{Context, Result, Shared, SharedBits};

/// Steps of a logistic model, which starts at 0, and of a Poisson model, which starts at the mean.
const STEPS: [usize; 2] = [12, 16];
/// The largest step in units where the information has a unit diagonal: 16.
const STEP: u128 = 16 << FRACTION;
/// A model has converged if its last step was below 2^-15 in such units: the next one would be below 2^-25 or so.
const CONVERGED: u32 = 15;

/// The model about the means, scaled by the deviations.
struct State<'a> {
    layout: &'a Layout,
    rows: Rows,
    columns: Columns<'a>,
    ridge: &'a Shared<u128>,
    /// 1 / n, `row_bits + 30` fractional bits.
    inverse_count: Shared<u128>,
    exposure: Option<Exposure>,
}

/// The gradient and the information of the mean log-likelihood, [`FRACTION`] fractional bits.
struct Slope {
    gradient: Shared<u128>,
    information: Shared<u128>,
    linked: Linked,
}

/// Fits the model.
///
/// # Errors
/// [`crate::Error::Internal`] if domains are too wide; [`crate::Error::Peer`].
pub(super) async fn fit(
    ctx: &Context,
    layout: &Layout,
    prepared: &Prepared,
    columns: Columns<'_>,
) -> Result<Fit> {
    let row_bits = layout.moments.row_bits;
    if row_bits > 20 {
        return Err(refused("more than 2^20 rows for a model that reads rows"));
    }
    let count = &prepared.moments.count;
    let (first, second) = (ctx.step("rows"), ctx.step("count"));
    let (rows, inverse_count) = futures::try_join!(
        rows(&first, layout, prepared, columns),
        reciprocal(&second, count, row_bits as usize / 2 + 1, row_bits + 30),
    )?;
    let exposure = match columns.offset {
        None => None,
        Some(offset) => {
            let offset = offset.scale(layout.offset_step);
            Some(Exposure::of(&ctx.step("exposure"), offset, columns.valid).await?)
        }
    };
    let absolute = if layout.absolute.is_empty() {
        None
    } else {
        let (ctx, weights) = (ctx.step("absolute"), &layout.absolute);
        let features = [&rows.reciprocals, &prepared.varies];
        Some(Absolute::of(&ctx, layout, weights, features, &inverse_count).await?)
    };
    let state = State { layout, rows, columns, ridge: &prepared.ridge, inverse_count, exposure };
    let mut beta = state.start(&ctx.step("start"), count).await?;
    let (mut last, mut moved) = (Shared::zeros(0), None);
    let steps = if layout.family == Family::Poisson { STEPS[1] } else { STEPS[0] };
    for index in 0..steps {
        let ctx = ctx.step("step").nth(index);
        let slope = state.slope(&ctx.step("slope"), &beta).await?;
        let unit = Unit::of(&ctx.step("unit"), &slope.information, beta.len()).await?;
        if let Some(absolute) = &absolute {
            let slope = [&slope.gradient, &slope.information];
            let next = Box::pin(absolute.step(&ctx.step("penalised"), &unit, slope, &beta)).await?;
            (beta, last) = (next.beta.clone(), next.last.clone());
            moved = Some(next);
            continue;
        }
        let step;
        (step, last) = unit.step(&ctx.step("solve"), &slope.gradient, STEP).await?;
        beta = beta.add(&step);
    }
    state.finish(ctx, prepared, &beta, &last, moved.as_ref()).await
}

impl State<'_> {
    /// Where the iteration starts: the rate alone in a Poisson model.
    async fn start(&self, ctx: &Context, count: &Shared<u128>) -> Result<Shared<u128>> {
        let zeros = Shared::zeros(self.layout.parameters());
        if self.layout.family != Family::Poisson || !self.layout.problem.intercept {
            return Ok(zeros);
        }
        let target = self.target().sum();
        let logs = match &self.exposure {
            None => logarithm(&ctx.step("logarithm"), &Shared::concat(&[&target, count]), 31).await?,
            Some(exposure) => exposure.logarithms(&ctx.step("logarithm"), &target).await?,
        };
        let rate = logs.slice(0..1).sub(&logs.slice(1..2));
        let rate = truncate(&ctx.step("rate"), &rate, MANTISSA - FRACTION).await?;
        Ok(rate.padded(zeros.len()))
    }

    /// The target about zero.
    fn target(&self) -> Shared<u128> {
        let offset = i128::from(self.layout.offsets.last().copied().unwrap_or(0)).cast_unsigned();
        self.columns.target.add(&self.columns.valid.scale(offset))
    }

    /// Gradient and information at `beta`.
    async fn slope(&self, ctx: &Context, beta: &Shared<u128>) -> Result<Slope> {
        let n = self.columns.valid.len();
        let q = beta.len();
        let z: Vec<&Shared<u128>> = self.rows.columns.iter().collect();
        let factors: Vec<Shared<u128>> = (0..q).map(|k| beta.slice(k..k + 1).repeat(n)).collect();
        let pairs: Vec<_> = z.iter().copied().zip(&factors).collect();
        let eta = sum_of_products(&ctx.step("predictor"), &pairs).await?;
        let mut eta = truncate(&ctx.step("truncate"), &eta, FRACTION).await?;
        if let Some(exposure) = &self.exposure {
            eta = eta.add(&exposure.offset);
        }
        let linked = link(&ctx.step("link"), self.layout.family, &eta).await?;
        let rest = self.target().shift_left(WEIGHT).sub(&linked.means);
        let all = Shared::concat(&z);
        let weighted = &linked.weights.repeat(q);
        let weighted = truncated_product(&ctx.step("weighted"), &all, weighted, FRACTION).await?;
        let weighted: Vec<Shared<u128>> = (0..q).map(|k| weighted.slice(k * n..(k + 1) * n)).collect();
        let right: Vec<&Shared<u128>> = weighted.iter().chain([&rest]).collect();
        let sums = matmul(&ctx.step("sums"), &z, &right).await?;
        let sums = truncate(&ctx.step("fraction"), &sums, FRACTION).await?;
        let means = mul(&ctx.step("mean"), &sums, &self.inverse_count.repeat(sums.len())).await?;
        let bits = self.layout.moments.row_bits + 2 * WEIGHT - FRACTION;
        let means = truncate(&ctx.step("mean fraction"), &means, bits).await?;
        let gradient = pick(&means, (0..q).map(|i| i * (q + 1) + q));
        let information = pick(&means, (0..q).flat_map(|i| (0..q).map(move |j| i * (q + 1) + j)));
        self.penalised(&ctx.step("ridge"), beta, Slope { gradient, information, linked }).await
    }

    /// With a ridge: a quarter of its part of the squared length of each feature.
    async fn penalised(&self, ctx: &Context, beta: &Shared<u128>, slope: Slope) -> Result<Slope> {
        if self.ridge.is_empty() {
            return Ok(slope);
        }
        let (p, q) = (self.ridge.len(), beta.len());
        let pull = truncated_product(ctx, self.ridge, &beta.slice(q - p..q), FRACTION + 2).await?;
        let quarter = truncate(&ctx.step("quarter"), self.ridge, 2).await?;
        let none = Shared::zeros(q - p);
        let gradient = slope.gradient.sub(&Shared::concat(&[&none, &pull]));
        let diagonal = Shared::concat(&[&none, &quarter]).repeat_each(q);
        let places: Vec<u128> = (0..q).flat_map(|i| (0..q).map(move |j| u128::from(i == j))).collect();
        let information = slope.information.add(&diagonal.scale_by(&places));
        Ok(Slope { gradient, information, ..slope })
    }

    /// The inverse of the information where standard errors are asked for, and whether the coefficients mean something.
    async fn accepted(
        &self,
        ctx: &Context,
        slope: &Slope,
        beta: &Shared<u128>,
        last: &Shared<u128>,
        moved: Option<&Moved>,
    ) -> Result<(Shared<u128>, SharedBits)> {
        let q = beta.len();
        let mut within = vec![(last, FRACTION - CONVERGED), (beta, FRACTION + COEFFICIENT_BITS)];
        let and = async |small: &SharedBits, solved: &SharedBits| {
            and_all(&ctx.step("accepted"), &SharedBits::concat_planes(&[small, solved])).await
        };
        if let Some(moved) = moved {
            let small = all_below(&ctx.step("small"), &within).await?;
            return Ok((Shared::zeros(0), and(&small, &moved.accepted).await?));
        }
        let unit = Unit::of(&ctx.step("final unit"), &slope.information, q).await?;
        let right = Shared::from_public(ctx.seat(), &vec![0; q]);
        let solved = invert(&ctx.step("inverse"), &unit.matrix, &right, true).await?;
        let inverse = unit.rescaled(&ctx.step("rescale"), &solved.inverse).await?;
        within.push((&unit.roots, FRACTION + COEFFICIENT_BITS));
        within.push((&inverse, FRACTION + 2 * COEFFICIENT_BITS));
        let small = all_below(&ctx.step("small"), &within).await?;
        let accepted = and(&small, &solved.accepted).await?;
        Ok((inverse, accepted))
    }

    /// The way back: coefficients, standard errors, likelihoods, and whether all that means something.
    async fn finish(
        &self,
        ctx: &Context,
        prepared: &Prepared,
        beta: &Shared<u128>,
        last: &Shared<u128>,
        moved: Option<&Moved>,
    ) -> Result<Fit> {
        let (layout, q) = (self.layout, beta.len());
        let p = layout.problem.features.len();
        let nonzero = moved.map_or(&prepared.varies, |moved| &moved.active);
        let nonzero = nonzero.slice(nonzero.len() - p..nonzero.len()).sum();
        let slope = self.slope(&ctx.step("final"), beta).await?;
        let (inverse, accepted) = self.accepted(ctx, &slope, beta, last, moved).await?;

        let fraction = layout.reciprocal_fraction();
        let reciprocals = &self.rows.reciprocals;
        let reciprocals =
            rescale(&ctx.step("reciprocals"), reciprocals, fraction, layout.value_fraction()).await?;
        let slopes = beta.slice(q - p..q);
        let others = mul(&ctx.step("values"), &slopes, &reciprocals).await?;
        let moved = dot(&ctx.step("moved"), &[(&slopes, &prepared.factors.means)]).await?;
        let intercept = beta.slice(0..1).shift_left(layout.moments.mean_fraction).sub(&moved);
        let values = with_intercept(layout, &intercept, &others);
        let spreads = if layout.has_spreads() {
            let means = &prepared.factors.means;
            spread::others(&ctx.step("spread"), layout, &inverse, means, &reciprocals).await?
        } else {
            Shared::zeros(0)
        };
        let (target, valid) = (self.target(), self.columns.valid);
        let (ctx, row_bits) = (ctx.step("likelihood"), layout.moments.row_bits);
        let (family, exposure) = (layout.family, self.exposure.as_ref());
        let quality =
            link::likelihoods(&ctx, family, &slope.linked, &target, valid, row_bits, exposure).await?;
        let quality = match self.columns.factorials {
            None => quality,
            Some(factorials) => {
                let sum = factorials.sum().shift_left(MANTISSA - FACTORIAL);
                quality.map(|likelihood| likelihood.sub(&sum))
            }
        };
        let rows = prepared.moments.count.clone();
        Ok(Fit { values, spreads, rows, quality, nonzero, accepted })
    }
}
