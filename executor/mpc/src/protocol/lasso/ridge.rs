//! Squared penalties in correlation form.

use super::correlation::Scales;
use super::moments::pick;
use super::problem::{FRACTION, Layout, Penalty};
use super::restore::tabled;
use crate::protocol::fixed::{MANTISSA, Scale, inverse_square_root, truncated_product};
use crate::protocol::product::dot;
use crate::{Context, Result, Shared};

/// Powers of two of relative ridges are cut here: a coefficient is then below 2^-18 of what it is without a ridge.
const CAP: u128 = 1 << (FRACTION + 22);
/// Relative ridges, and 1 more, are below `4^LEVELS` with [`FRACTION`] fractional bits.
const LEVELS: usize = 35;

/// Ridges relative to the squared lengths of the features.
#[derive(Clone, Debug)]
pub(crate) struct Shrunk {
    /// `1 / sqrt(1 + ridge)`: the features become so much shorter if they and the ridge are to have length 1.
    pub(crate) roots: Shared<u128>,
}

impl Shrunk {
    /// From `ridge / sigma_j^2`, [`FRACTION`] fractional bits.
    ///
    /// # Errors
    /// [`crate::Error::Peer`].
    pub(crate) async fn of(ctx: &Context, relative: &Shared<u128>) -> Result<Shrunk> {
        let whole = relative.clone().add_public(ctx.seat(), &vec![1 << FRACTION; relative.len()]);
        let roots = inverse_square_root(ctx, &whole, LEVELS, FRACTION + FRACTION / 2).await?;
        Ok(Shrunk { roots })
    }
}

/// `ridge / sigma_j^2` of every feature for every penalty, penalty after penalty; the ridge itself if it acts on
/// standardised coefficients. Divided by the number of rows if the ridges weigh beside the sum of squares.
///
/// With `n = m_n 4^(levels - k_n)` and `1 / sqrt(n x'x) = d_j 2^(k_j - levels)`, `1 / sigma_j` is
/// `m_n d_j 2^(levels - 2 k_n + k_j)`: a mantissa up to 2 (16 for a constant feature, whose power is 0), and a bilinear form in
/// one-hot codes. `1 / (n sigma_j^2)` is `m_n d_j^2 4^(k_j - k_n)` in the same way.
/// Range: `2^22 * 4` with [`FRACTION`]` + `[`MANTISSA`] fractional bits is below 2^124.
/// Cost: 2 truncated products beside 1 product, then one more; nothing for standardised features.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn relative(
    ctx: &Context,
    layout: &Layout,
    scales: &Scales,
    ridge: &Penalty,
) -> Result<Shared<u128>> {
    let p = layout.features;
    let fraction = FRACTION.cast_signed();
    let factors = match ridge {
        Penalty::Standardized(ridges) if layout.by_sum => {
            let ridges = by_rows(ctx, layout, scales, ridges).await?;
            return Ok(ridges.repeat_each(p));
        }
        Penalty::Standardized(ridges) => {
            let each = |ridge: &Scale| vec![ridge.to_fixed(fraction, CAP); p];
            return Ok(Shared::from_public(ctx.seat(), &ridges.iter().flat_map(each).collect::<Vec<_>>()));
        }
        Penalty::Original(factors) => factors,
    };
    let levels = i64::from(layout.levels);
    let power = |factor: &Scale, k: i64, n: i64| {
        let root = if layout.by_sum { k - n } else { levels - 2 * n + k };
        let exponent = 2 * root + i64::from(fraction);
        factor.to_fixed(i32::try_from(exponent).unwrap_or(i32::MIN), CAP)
    };
    let mut pairs = Vec::new();
    for (j, factor) in factors.iter().flat_map(|factors| factors.iter().enumerate()) {
        let table = tabled(&scales.shifts, p + 1, |k, n| power(factor, k, n));
        pairs.push((scales.shifts.select(&[j]).one_hot().clone(), table));
    }
    let pairs: Vec<_> = pairs.iter().map(|(code, table)| (code, table)).collect();
    let (first, second) = (ctx.step("powers"), ctx.step("mantissas"));
    let (powers, mantissas) = futures::try_join!(dot(&first, &pairs), mantissas(&second, layout, scales))?;
    let mantissas = mantissas.repeat(factors.len());
    truncated_product(&ctx.step("relative"), &powers, &mantissas, MANTISSA).await
}

/// `(m_n d_j)^2`; `m_n d_j^2` if divided by the number of rows.
async fn mantissas(ctx: &Context, layout: &Layout, scales: &Scales) -> Result<Shared<u128>> {
    let p = layout.features;
    let count = pick(&scales.mantissas, [p + 1]).repeat(p);
    let roots = pick(&scales.inverse_roots, 0..p);
    let root = truncated_product(&ctx.step("root"), &count, &roots, MANTISSA).await?;
    let other = if layout.by_sum { &roots } else { &root };
    truncated_product(&ctx.step("square"), &root, other, MANTISSA).await
}

/// `ridge / n`, one number for each ridge: what it adds, on standardised coefficients, to the squared length of each feature,
/// relative to it.
///
/// Cost: 2 truncated products.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn by_rows(
    ctx: &Context,
    layout: &Layout,
    scales: &Scales,
    ridges: &[Scale],
) -> Result<Shared<u128>> {
    let p = layout.features;
    let root = pick(&scales.inverse_roots, [p + 1]);
    let square = truncated_product(&ctx.step("square"), &root, &root, MANTISSA).await?;
    let shift = |k: usize| 2 * (i32::try_from(k).unwrap_or(0) - layout.levels.cast_signed());
    let count = scales.shifts.select(&[p + 1]);
    let power = |ridge: &Scale| count.weighted(|k| ridge.to_fixed(shift(k) + FRACTION.cast_signed(), CAP));
    let powers: Vec<Shared<u128>> = ridges.iter().map(power).collect();
    let powers = Shared::concat(&powers.iter().collect::<Vec<_>>());
    truncated_product(&ctx.step("relative"), &powers, &square.repeat(ridges.len()), MANTISSA).await
}
