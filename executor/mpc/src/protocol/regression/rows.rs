//! Rows about their means, divided by secret deviations.

use super::Columns;
use super::model::{Layout, refused};
use super::prepare::Prepared;
use crate::protocol::fixed::{MANTISSA, rescale, truncated_product};
use crate::protocol::lasso::FRACTION;
use crate::protocol::lasso::moments::pick;
use crate::protocol::lasso::restore::{forms, power};
use crate::protocol::product::{dot, sum_of_products};
use crate::{Context, Result, Shared};

/// The columns of the model, [`FRACTION`] fractional bits, 0 in rows that do not count.
pub(super) struct Rows {
    /// The constant, if there is an intercept, then the features: of mean 0 and, without a ridge, of mean square 1.
    pub(super) columns: Vec<Shared<u128>>,
    /// One divided by the deviation of each feature, [`Layout::reciprocal_fraction`] fractional bits.
    pub(super) reciprocals: Shared<u128>,
}

/// Standardises the rows.
///
/// Range: with features below `2^b` about zero and `h = ceil(log n / 2)`, reciprocals are below `2^(h+1)`, products with
/// [`FRACTION`]` + b` fractional bits below `2^(44 + 2 b + h + 1)`.
/// Cost: a product and a truncation for each value.
///
/// # Errors
/// [`crate::Error::Internal`] if domains are too wide; [`crate::Error::Peer`].
pub(super) async fn rows(
    ctx: &Context,
    layout: &Layout,
    prepared: &Prepared,
    columns: Columns<'_>,
) -> Result<Rows> {
    let bits = layout.feature_bits();
    if FRACTION + 2 * bits + layout.half() > 122 {
        return Err(refused("the domains of the features are too wide"));
    }
    let reciprocals = reciprocals(&ctx.step("reciprocals"), layout, prepared).await?;
    let n = columns.valid.len();
    let centred = layout.problem.intercept;
    let moved = prepared.factors.means.neg();
    let moved = moved.shift_left(layout.reciprocal_fraction() - layout.moments.mean_fraction);
    let (mut values, mut factors, mut offsets) = (Vec::new(), Vec::new(), Vec::new());
    for (j, feature) in columns.features.iter().enumerate() {
        let offset = i128::from(layout.offsets.get(j).copied().unwrap_or(0)).cast_unsigned();
        values.push(feature.add(&columns.valid.scale(offset)).shift_left(layout.digits));
        factors.push(reciprocals.slice(j..j + 1).repeat(n));
        offsets.push(moved.slice(j..j + 1).repeat(n));
    }
    let together = |parts: &[Shared<u128>]| Shared::concat(&parts.iter().collect::<Vec<_>>());
    let (values, factors) = (together(&values), together(&factors));
    let (valid, offsets) = (columns.valid.repeat(columns.features.len()), together(&offsets));
    let mut pairs = vec![(&values, &factors)];
    if centred {
        pairs.push((&valid, &offsets));
    }
    let scaled = sum_of_products(&ctx.step("scale"), &pairs).await?;
    let scaled = rescale(&ctx.step("fraction"), &scaled, layout.reciprocal_fraction(), FRACTION).await?;
    let mut all = Vec::new();
    if centred {
        all.push(columns.valid.shift_left(FRACTION));
    }
    all.extend((0..columns.features.len()).map(|j| scaled.slice(j * n..(j + 1) * n)));
    Ok(Rows { columns: all, reciprocals })
}

/// With `n D = m 4^(levels - k)` and `1 / sqrt(m) = d`, the reciprocal deviation `n / sqrt(n D)` is
/// `(m_n d_j) 2^(levels - 2 k_n + k_j)`.
async fn reciprocals(ctx: &Context, layout: &Layout, prepared: &Prepared) -> Result<Shared<u128>> {
    let p = layout.problem.features.len();
    let scales = &prepared.correlation.scales;
    let count = pick(&scales.mantissas, [p + 1]).repeat(p);
    let roots = pick(&scales.inverse_roots, 0..p);
    let mantissas = truncated_product(&ctx.step("mantissas"), &count, &roots, MANTISSA).await?;
    let (bits, levels) = (i64::from(layout.feature_bits()), i64::from(layout.moments.levels));
    let shift = bits + 2;
    let codes: Vec<Shared<u128>> = (0..p).map(|j| scales.shifts.select(&[j]).one_hot().clone()).collect();
    let table = forms(&scales.shifts, p + 1, |k, n| {
        let exponent = shift + levels - 2 * n + k;
        if exponent < shift + i64::from(layout.half()) + 2 { exponent } else { -1 }
    });
    let pairs: Vec<_> = codes.iter().map(|code| (code, &table)).collect();
    let powers = dot(&ctx.step("powers"), &pairs).await?;
    debug_assert_eq!(power(-1), 0);
    let raw = crate::protocol::product::mul(&ctx.step("product"), &mantissas, &powers).await?;
    let from = MANTISSA + layout.feature_bits() + 2;
    rescale(&ctx.step("fraction"), &raw, from, layout.reciprocal_fraction()).await
}
