//! The penalty of every feature in correlation form, and soft thresholding.

use super::correlation::Scales;
use super::moments::pick;
use super::problem::{FRACTION, Layout, Penalty};
use crate::protocol::compare::is_negative;
use crate::protocol::convert::one_bit_to_arithmetic;
use crate::protocol::fixed::{MANTISSA, Scale, Shifts, truncated_product};
use crate::protocol::inject::sum_by_bits;
use crate::protocol::product::{dot, mul};
use crate::{Context, Result, Shared, SharedBits};

/// Thresholds above this, in units of 2^5, act like it.
///
/// A threshold of 1 already makes a coefficient zero: the residual of the optimum has at most the length 1 of the
/// target, so its product with a feature of length 1 is at most 1. Mantissas are at least 1/16, so a power of two
/// capped at 2^5 still gives a threshold of at least 2.
const CAP: u128 = 1 << (FRACTION + 5);

/// The threshold of every feature for every penalty, penalty after penalty, below 2^7 + 4 with [`FRACTION`] fractional
/// bits.
///
/// In correlation form the coefficient `u_j = w_j sigma_j / sigma_y` has the threshold `alpha / (sigma_j sigma_y)`, or
/// `alpha / sigma_y` if the penalty acts on standardised coefficients; deviations in units of steps, whose powers of
/// two are secret exponents. The threshold is a mantissa times a public function of their sum: a bilinear form in
/// one-hot codes.
/// Range: `m_n^2 d_j d_y <= 4` and `m_n d_y <= 2`, times at most 2^5.
/// Cost: 1 + 1 products for the exponents beside 2 truncated products for the mantissas, then one more.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn thresholds(ctx: &Context, layout: &Layout, scales: &Scales) -> Result<Shared<u128>> {
    let (first, second) = (ctx.step("powers"), ctx.step("mantissas"));
    let (powers, mantissas) =
        futures::try_join!(powers(&first, layout, &scales.shifts), mantissas(&second, layout, scales))?;
    let mantissas = mantissas.repeat(layout.penalties);
    let thresholds = truncated_product(&ctx.step("threshold"), &powers, &mantissas, MANTISSA).await?;
    // A constant has correlations of a unit or two instead of 0: a threshold of 2 keeps them out.
    let p = layout.features;
    let constant = scales.shifts.weighted(|_| 2 << FRACTION).neg().add_constant(ctx.seat(), 2 << FRACTION);
    let constant = constant.slice(0..p).add(&constant.slice(p..p + 1).repeat(p));
    Ok(thresholds.add(&constant.repeat(layout.penalties)))
}

/// `m_n^2 d_j d_y`, or `m_n d_y` for all features.
async fn mantissas(ctx: &Context, layout: &Layout, scales: &Scales) -> Result<Shared<u128>> {
    let p = layout.features;
    let root = |positions: std::ops::Range<usize>| pick(&scales.inverse_roots, positions);
    let count = pick(&scales.mantissas, [p + 1]);
    let target = root(p..p + 1);
    match &layout.penalty {
        Penalty::Standardized(_) => {
            Ok(truncated_product(&ctx.step("standardized"), &count, &target, MANTISSA).await?.repeat(p))
        }
        Penalty::Original(_) => {
            let left = Shared::concat(&[&root(0..p), &count]);
            let right = Shared::concat(&[&target.repeat(p), &count]);
            let both = truncated_product(&ctx.step("roots"), &left, &right, MANTISSA).await?;
            let (roots, squared) = (both.slice(0..p), both.slice(p..p + 1));
            truncated_product(&ctx.step("original"), &roots, &squared.repeat(p), MANTISSA).await
        }
    }
}

/// The power of two of every threshold times its public factor, capped.
async fn powers(ctx: &Context, layout: &Layout, shifts: &Shifts) -> Result<Shared<u128>> {
    let (p, levels) = (layout.features, layout.levels as usize);
    let fraction = FRACTION.cast_signed();
    let double = 2 * layout.levels.cast_signed();
    let capped = |scale: Scale, shift: i32| scale.to_fixed(shift + fraction, CAP);
    // n = m 2^(2 levels - 2 k_n) and 1 / sqrt(n y'y) = d 2^(k_y - levels).
    match &layout.penalty {
        Penalty::Standardized(scales) => {
            let (codes, first) = exponents(&ctx.step("exponents"), layout, shifts, 2).await?;
            let power = |scale: &Scale| {
                let shift = |e| capped(*scale, double / 2 + first + as_i32(e));
                codes.scale_by(&(0..codes.len()).map(shift).collect::<Vec<u128>>()).sum().repeat(p)
            };
            Ok(Shared::concat(&scales.iter().map(power).collect::<Vec<_>>().iter().collect::<Vec<_>>()))
        }
        Penalty::Original(factors) => {
            let (codes, first) = exponents(&ctx.step("exponents"), layout, shifts, 4).await?;
            let mut pairs = Vec::with_capacity(p * factors.len());
            for (j, factor) in factors.iter().flat_map(|factors| factors.iter().enumerate()) {
                let row = |k| (0..codes.len()).map(move |e| capped(*factor, double + first + as_i32(k + e)));
                let table: Vec<u128> = (0..levels).flat_map(row).collect();
                let forms = codes.repeat(levels).scale_by(&table).sum_groups(codes.len());
                pairs.push((shifts.select(&[j]).one_hot().clone(), forms));
            }
            dot(&ctx.step("forms"), &pairs.iter().map(|(x, y)| (x, y)).collect::<Vec<_>>()).await
        }
    }
}

/// The one-hot code of `k_y - power * k_n`, and the exponent of its first entry. All zero if a moment is zero.
async fn exponents(
    ctx: &Context,
    layout: &Layout,
    shifts: &Shifts,
    power: usize,
) -> Result<(Shared<u128>, i32)> {
    let (p, levels) = (layout.features, layout.levels as usize);
    // n < 2^row_bits, so its shift is among the last ones.
    let counts = layout.row_bits.div_ceil(2) as usize;
    let start = levels - counts;
    let target = shifts.select(&[p]).one_hot().clone();
    let count = shifts.select(&[p + 1]).one_hot().slice(start..levels);
    let outer = mul(ctx, &target.repeat_each(counts), &count.repeat(levels)).await?;
    // Entry e is the exponent e - power (levels - 1): k_y = e - power (levels - 1 - k_n).
    let entries = levels + power * (counts - 1);
    let sources = (0..entries).flat_map(|e| {
        (start..levels).map(move |k| match e.checked_sub(power * (levels - 1 - k)) {
            Some(y) if y < levels => y * counts + k - start,
            _ => usize::MAX,
        })
    });
    Ok((pick(&outer, sources).sum_groups(counts), -as_i32(power * (levels - 1))))
}

fn as_i32(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// Which side of its threshold each value is on.
#[derive(Clone, Debug)]
pub(crate) struct Sides {
    /// `v > t`.
    above: SharedBits,
    /// `v < -t`.
    below: SharedBits,
}

impl Sides {
    /// Compares `v` with `t >= 0`; both must be below `2^(bits-2)`.
    ///
    /// # Errors
    /// [`crate::Error::Peer`].
    pub(crate) async fn of(ctx: &Context, v: &Shared<u128>, t: &Shared<u128>, bits: u32) -> Result<Sides> {
        let tests = Shared::concat(&[&t.sub(v), &v.add(t)]);
        let bits = is_negative(&ctx.step("sign"), &tests, bits).await?;
        Ok(Sides { above: bits.rows(0..v.len()), below: bits.rows(v.len()..2 * v.len()) })
    }

    /// `v` moved by `t` towards zero, or 0 if it does not reach that far.
    ///
    /// # Errors
    /// [`crate::Error::Peer`].
    pub(crate) async fn shrink(
        &self,
        ctx: &Context,
        v: &Shared<u128>,
        t: &Shared<u128>,
    ) -> Result<Shared<u128>> {
        sum_by_bits(ctx, &[(&self.above, &v.sub(t)), (&self.below, &v.add(t))]).await
    }

    /// The same as zeros and ones.
    ///
    /// # Errors
    /// [`crate::Error::Peer`].
    pub(crate) async fn lift(&self, ctx: &Context) -> Result<LiftedSides> {
        let both = SharedBits::concat_rows(&[&self.above, &self.below]);
        let both = one_bit_to_arithmetic(ctx, &both).await?;
        let count = self.above.len();
        Ok(LiftedSides { above: both.slice(0..count), below: both.slice(count..2 * count) })
    }
}

/// Which side of its threshold each value is on, as zeros and ones.
#[derive(Clone, Debug)]
pub(crate) struct LiftedSides {
    above: Shared<u128>,
    below: Shared<u128>,
}

impl LiftedSides {
    /// 1 outside of the threshold.
    pub(crate) fn active(&self) -> Shared<u128> {
        self.above.add(&self.below)
    }

    /// The sign of the values outside of the threshold.
    pub(crate) fn sign(&self) -> Shared<u128> {
        self.above.sub(&self.below)
    }
}
