//! Risk sets: gradient and information of Efron's partial likelihood.
//!
//! With weights `w = exp(z'b)`, and at time t the sums over those at risk `R0 = sum w`, `R1 = sum w z` and over those with
//! an event `D0`, `D1`: the event that is number l of d at t has the denominator `R0 - f D0`, `f = l / d`, in which
//! the mean of z is `m = (R1 - f D1) / (R0 - f D0)`. In units of R0: `a = 1 / (1 - f q)`, `q = D0 / R0`, and
//! `m = a (R1 / R0 - f D1 / R0)`. So everything at rows is a number between 1 and d, and what may be very large or small
//! is at times only. Sums over denominators change places: row j is in those of all events before its time, so
//!
//! - `v_j = w_j (sum of a / R0 over events up to t_j - (row j has an event) sum of a f / R0 over events at t_j)`,
//! - gradient: `sum (event_j - v_j) z_j`; information: `sum v_j z_j z_j' - sum m m'`,
//! - with `A, B, C` the sums of `a^2, a^2 f, a^2 f^2` at t: `sum m m' = sum over t of
//!   R (A R - B D)' + D (C D - B R)'` for `R = R1 / R0`, `D = D1 / R0`.
//!
//! Bytes depend on rows times features, and times times features; only local work on rows times times.

use super::model::Layout;
use super::ranks::{TIED, Ties};
use super::standardise::{Z, concat};
use crate::protocol::fixed::{exponential, inverse_square_root, truncated_product};
use crate::protocol::lasso::FRACTION;
use crate::protocol::lasso::moments::pick;
use crate::protocol::product::{matmul, mul, sum_of_products, weighted_sums};
use crate::protocol::select::clamp;
use crate::protocol::truncate::truncate;
use crate::{Context, Result, Shared};

/// Fractional bits of linear predictors.
pub(super) const PREDICTOR: u32 = 28;
/// Linear predictors are below 2 to this, in units: 10 bits of z, 19 of a coefficient, 9 of the number of features.
pub(super) const PREDICTOR_BITS: u32 = PREDICTOR + 40;
/// The largest linear predictor: just below 16.
pub(super) const LIMIT: u128 = (16 << PREDICTOR) - 1;
/// Sums of weights, which are in `(2^-24, 2^24)` each, are below 4 to this, in units.
pub(super) const WEIGHT_LEVELS: usize = 40;
/// Fractional bits of the roots of reciprocals, in units of what they are of; of the reciprocal of a sum of weights.
const ROOT: u32 = 66;
const RECIPROCAL: u32 = 62;
/// Fractional bits of what is divided by a denominator of its own.
const RATIO: u32 = 36;
/// Denominators in units of the risk set are at most 1 and two units.
const LEVELS: usize = 21;
/// Fractional bits of the sums of squares of these, of what they are multiplied with, and of `v`.
const SQUARE: u32 = 30;
const MEAN: u32 = 28;
const RESIDUAL: u32 = 40;
/// Fractional bits of sums over rows before the mean of events is taken.
const SUM: u32 = 36;

/// The rows, as the steps need them.
pub(super) struct Rows<'a> {
    pub(super) layout: Layout,
    /// Standardised features, [`Z`] fractional bits, and the same with 0 where there is no event.
    pub(super) z: Vec<Shared<u128>>,
    pub(super) event_z: Vec<Shared<u128>>,
    pub(super) valid: &'a Shared<u128>,
    pub(super) event: &'a Shared<u128>,
    /// One-hot times: a column for each time.
    pub(super) codes: &'a [&'a Shared<u128>],
    pub(super) ties: Ties,
    /// One divided by the number of events, [`Layout::inverse_events_fraction`] fractional bits.
    pub(super) inverse_events: Shared<u128>,
}

/// What there is at some coefficients.
pub(super) struct Slope {
    /// Gradient and information of the mean of an event, [`FRACTION`] fractional bits.
    pub(super) gradient: Shared<u128>,
    pub(super) information: Shared<u128>,
    /// Linear predictors as they are, and cut to [`LIMIT`]; [`PREDICTOR`] fractional bits.
    pub(super) predictors: Shared<u128>,
    pub(super) inside: Shared<u128>,
    /// Sums of weights of those at risk, [`Layout::weight`] fractional bits.
    pub(super) at_risk: Shared<u128>,
    /// Denominators of the rows in units of the risk set, [`TIED`] fractional bits; 1 where there is no event.
    pub(super) denominators: Shared<u128>,
}

/// Sums at each time, in units of the weights of those at risk.
struct Times {
    at_risk: Shared<u128>,
    /// One divided by `at_risk`, [`RECIPROCAL`] fractional bits; 0 where nobody is at risk.
    reciprocals: Shared<u128>,
    /// Events' weights.
    deaths: Shared<u128>,
    /// Means over those at risk, feature after feature; [`FRACTION`] fractional bits.
    means: Shared<u128>,
    /// Events' parts of them.
    death_means: Shared<u128>,
}

impl Rows<'_> {
    fn count(&self) -> usize {
        self.valid.len()
    }

    /// Gradient and information at `beta` ([`FRACTION`] fractional bits), or at 0.
    ///
    /// # Errors
    /// [`crate::Error::Peer`].
    pub(super) async fn slope(&self, ctx: &Context, beta: Option<&Shared<u128>>) -> Result<Slope> {
        let (predictors, inside, weights) = self.weights(&ctx.step("weights"), beta).await?;
        let times = self.times(&ctx.step("times"), &weights).await?;
        // 1 - f q: at least 1 / d.
        let ctx = ctx.step("rows");
        let q = weighted_sums(&ctx.step("read"), self.codes, &[&times.deaths]).await?;
        let less = truncated_product(&ctx.step("tied"), &self.ties.fractions, &q, FRACTION).await?;
        let denominators = less.neg().add_constant(ctx.seat(), 1 << TIED);
        let root = inverse_square_root(&ctx.step("denominators"), &denominators, LEVELS, ROOT).await?;
        let a = truncated_product(&ctx.step("reciprocals"), &root, &root, 2 * ROOT - TIED - RATIO).await?;
        let a = mul(&ctx.step("events"), self.event, &a).await?;
        let b = truncated_product(&ctx.step("fractions"), &a, &self.ties.fractions, TIED).await?;
        let left = Shared::concat(&[&a, &a, &b]);
        let right = Shared::concat(&[&a, &b, &b]);
        let squares = mul(&ctx.step("squares"), &left, &right).await?;
        let n = self.count();
        let [aa, ab, bb] = [0, 1, 2].map(|k| squares.slice(k * n..(k + 1) * n));
        let sums = matmul(&ctx.step("sums"), self.codes, &[&a, &b, &aa, &ab, &bb]).await?;
        let at = |k: usize| pick(&sums, (0..self.codes.len()).map(|t| t * 5 + k));
        let (first, second) = (ctx.step("residuals"), ctx.step("means"));
        let (plain, squared) = (concat(&[at(0), at(1)]), concat(&[at(2), at(3), at(4)]));
        let (own, others) = futures::try_join!(
            self.own(&first, &times, &weights, &plain),
            self.others(&second, &times, &squared),
        )?;
        let (gradient, information) = self.mean(&ctx.step("mean"), &own, &others).await?;
        Ok(Slope { gradient, information, predictors, inside, at_risk: times.at_risk, denominators })
    }

    /// Linear predictors, the same cut, and weights, which are 0 where a row does not count.
    async fn weights(
        &self,
        ctx: &Context,
        beta: Option<&Shared<u128>>,
    ) -> Result<(Shared<u128>, Shared<u128>, Shared<u128>)> {
        let n = self.count();
        let Some(beta) = beta else {
            return Ok((Shared::zeros(n), Shared::zeros(n), self.valid.shift_left(self.layout.weight())));
        };
        let factors: Vec<Shared<u128>> = (0..beta.len()).map(|k| beta.slice(k..k + 1).repeat(n)).collect();
        let pairs: Vec<_> = self.z.iter().zip(&factors).collect();
        let predictors = sum_of_products(&ctx.step("predictors"), &pairs).await?;
        let predictors = truncate(&ctx.step("fraction"), &predictors, FRACTION + Z - PREDICTOR).await?;
        let inside =
            clamp(&ctx.step("cut"), &predictors, LIMIT.wrapping_neg(), LIMIT, PREDICTOR_BITS + 2).await?;
        let weights = exponential(&ctx.step("exponential"), &inside, PREDICTOR, self.layout.weight()).await?;
        let weights = mul(&ctx.step("valid"), self.valid, &weights).await?;
        Ok((predictors, inside, weights))
    }

    /// Range: for fewer than `2^l` rows a weight has `80 - l` bits and z has `32 + l / 2`, so sums of their products are
    /// below `2^(112 + l / 2)`. Where anybody is at risk the sum of weights is at least `2^12` units, so that the root of
    /// its reciprocal is below 2^60 units.
    async fn times(&self, ctx: &Context, weights: &Shared<u128>) -> Result<Times> {
        let (n, p, times) = (self.count(), self.z.len(), self.codes.len());
        let mut factors = vec![self.event];
        factors.extend(self.z.iter().chain(&self.event_z));
        let factors = Shared::concat(&factors);
        let weighted = mul(&ctx.step("weighted"), &weights.repeat(2 * p + 1), &factors).await?;
        let weighted: Vec<Shared<u128>> = (0..=2 * p).map(|k| weighted.slice(k * n..(k + 1) * n)).collect();
        let columns: Vec<&Shared<u128>> = std::iter::once(weights).chain(&weighted).collect();
        let sums = matmul(&ctx.step("sums"), self.codes, &columns).await?;
        let at = |k: usize| pick(&sums, (0..times).map(|t| t * (2 * p + 2) + k));
        let from_end = |x: Shared<u128>| x.reverse().prefix_sums().reverse();
        let at_risk = from_end(at(0));
        let first: Vec<Shared<u128>> =
            (0..2 * p).map(|k| if k < p { from_end(at(2 + k)) } else { at(2 + k) }).collect();
        let (left, right) = (ctx.step("fraction"), ctx.step("root"));
        let (first, root) = futures::try_join!(
            async { truncate(&left, &concat(&first), Z).await },
            inverse_square_root(&right, &at_risk, WEIGHT_LEVELS, ROOT),
        )?;
        let lost = 2 * ROOT - self.layout.weight() - RECIPROCAL;
        let reciprocals = truncated_product(&ctx.step("reciprocals"), &root, &root, lost).await?;
        let all = Shared::concat(&[&at(1), &first]);
        let bits = self.layout.weight() + RECIPROCAL - FRACTION;
        let ratios =
            truncated_product(&ctx.step("ratios"), &all, &reciprocals.repeat(2 * p + 1), bits).await?;
        let part = |k: usize, count: usize| ratios.slice(k * times..(k + count) * times);
        let (deaths, means, death_means) = (part(0, 1), part(1, p), part(p + 1, p));
        Ok(Times { at_risk, reciprocals, deaths, means, death_means })
    }

    /// The sums over rows of what each row adds: entries `i (p + 1) + j`, the gradient in the last column;
    /// `RESIDUAL + Z` fractional bits. `sums` are those of `a` and of `a f` at each time.
    ///
    /// Range: the sum of `a / R0` at a time is one of reciprocals of `i` weights for `i = 1, ..., d`, at least 2^-24
    /// each: below `2^28`. `v` sums at most `1 + ln n` for each event, so it is below `2^(l + 4)`, and its product with
    /// fractional bits of weights and reciprocals below `2^122`.
    async fn own(
        &self,
        ctx: &Context,
        times: &Times,
        weights: &Shared<u128>,
        sums: &Shared<u128>,
    ) -> Result<Shared<u128>> {
        let (n, p, count) = (self.count(), self.z.len(), self.codes.len());
        let shares = &times.reciprocals.repeat(2);
        let shares = truncated_product(&ctx.step("shares"), sums, shares, RATIO).await?;
        let running = shares.slice(0..count).prefix_sums();
        let tied = shares.slice(count..2 * count);
        let read = weighted_sums(&ctx.step("read"), self.codes, &[&running, &tied]).await?;
        let tied = mul(&ctx.step("tied"), self.event, &read.slice(n..2 * n)).await?;
        let hazard = read.slice(0..n).sub(&tied);
        let bits = self.layout.weight() + RECIPROCAL - RESIDUAL;
        let v = truncated_product(&ctx.step("hazard"), weights, &hazard, bits).await?;
        let rest = self.event.shift_left(RESIDUAL).sub(&v);
        let weighted = truncated_product(&ctx.step("weighted"), &v.repeat(p), &concat(&self.z), Z).await?;
        let weighted: Vec<Shared<u128>> = (0..p).map(|k| weighted.slice(k * n..(k + 1) * n)).collect();
        let left: Vec<&Shared<u128>> = self.z.iter().collect();
        let right: Vec<&Shared<u128>> = weighted.iter().chain([&rest]).collect();
        matmul(&ctx.step("sums"), &left, &right).await
    }

    /// The sum over events of the products of means: entries `i p + j`, `RESIDUAL + Z` fractional bits. `squares` are the sums
    /// `A`, `B`, `C` at each time.
    ///
    /// Range: means are below 2^10; `A R - B D` sums `a m`, at most `d (1 + ln d)` times that.
    async fn others(&self, ctx: &Context, times: &Times, squares: &Shared<u128>) -> Result<Shared<u128>> {
        let (p, count) = (self.z.len(), self.codes.len());
        let squares = truncate(&ctx.step("squares"), squares, 2 * RATIO - SQUARE).await?;
        let [aa, ab, bb] = [0, 1, 2].map(|k| squares.slice(k * count..(k + 1) * count));
        let means = Shared::concat(&[&times.means, &times.death_means]);
        let turned = Shared::concat(&[&times.death_means, &times.means]);
        let own = Shared::concat(&[&aa.repeat(p), &bb.repeat(p)]);
        let cross = ab.neg().repeat(2 * p);
        let sums = sum_of_products(&ctx.step("sums"), &[(&own, &means), (&cross, &turned)]).await?;
        let sums = truncate(&ctx.step("fraction"), &sums, SQUARE + FRACTION - MEAN).await?;
        // Feature k at those at risk, then at events: one column of twice the times.
        let column = |x: &Shared<u128>, k: usize| {
            let part = |from: usize| x.slice((from + k) * count..(from + k + 1) * count);
            Shared::concat(&[&part(0), &part(p)])
        };
        let left: Vec<Shared<u128>> = (0..p).map(|k| column(&means, k)).collect();
        let right: Vec<Shared<u128>> = (0..p).map(|k| column(&sums, k)).collect();
        matmul(&ctx.step("products"), &left.iter().collect::<Vec<_>>(), &right.iter().collect::<Vec<_>>())
            .await
    }

    /// Gradient and information of the mean of an event.
    ///
    /// Range: both are below `2^20` of an event, so sums are below `2^(40 + 72)`.
    async fn mean(
        &self,
        ctx: &Context,
        own: &Shared<u128>,
        others: &Shared<u128>,
    ) -> Result<(Shared<u128>, Shared<u128>)> {
        let p = self.z.len();
        let gradient = pick(own, (0..p).map(|i| i * (p + 1) + p));
        let information = pick(own, (0..p).flat_map(|i| (0..p).map(move |j| i * (p + 1) + j))).sub(others);
        let all = Shared::concat(&[&information, &gradient]);
        let all = truncate(&ctx.step("fraction"), &all, RESIDUAL + Z - SUM).await?;
        let bits = SUM + self.layout.inverse_events_fraction() - FRACTION;
        let means =
            truncated_product(&ctx.step("events"), &all, &self.inverse_events.repeat(all.len()), bits)
                .await?;
        Ok((means.slice(p * p..all.len()), means.slice(0..p * p)))
    }
}
