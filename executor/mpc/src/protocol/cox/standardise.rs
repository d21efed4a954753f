//! Features about their means, divided by their secret deviations.

use super::Columns;
use super::model::Layout;
use crate::protocol::fixed::{divide_by_root, rescale};
use crate::protocol::product::{dot, mul, sum_of_products};
use crate::protocol::truncate::truncate;
use crate::{Context, Result, Shared};

/// Fractional bits of standardised features.
pub(super) const Z: u32 = 32;
/// Bits of the quotient of a sum and a deviation, and of the deviation, for which the quotient has room.
const QUOTIENT_BITS: u32 = 68;

/// Standardised features.
pub(super) struct Standardised {
    /// Column by column, [`Z`] fractional bits; 0 or a unit below in rows that do not count.
    pub(super) columns: Vec<Shared<u128>>,
    /// One divided by each deviation, [`Layout::reciprocal_fraction`] fractional bits.
    pub(super) reciprocals: Shared<u128>,
}

/// Standardises the features.
///
/// The partial likelihood does not depend on where features are centred, so the means only have to be good enough to keep
/// linear predictors in range; a reciprocal deviation is undone with the very number that was used.
/// Range: with features below `2^b`, fewer than `2^l` rows and `h = ceil(l / 2)`, `n^2` times a variance is an integer
/// below `2^(2 (b + l))`, exactly; a feature that is not constant has a deviation of at least `1 / sqrt(n)`, so
/// reciprocals are below `2^(h + 1)` and means in such units below `2^(b + h + 1)`: products are below
/// `2^(2 b + h + 38)`, and `b + h <= 32`.
/// Cost: 3 rounds, a quotient by a root of twice the features, a product and a truncation for every value.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(super) async fn standardise(
    ctx: &Context,
    layout: &Layout,
    columns: &Columns<'_>,
) -> Result<Standardised> {
    let (p, n) = (layout.features, columns.valid.len());
    let own: Vec<_> = columns.features.iter().map(|&x| (x, x)).collect();
    let squares = dot(&ctx.step("squares"), &own).await?;
    let sums: Vec<Shared<u128>> = columns.features.iter().map(|x| x.sum()).collect();
    let sums = concat(&sums);
    let count = columns.valid.sum().repeat(p);
    let pairs = [(&count, &squares), (&sums.neg(), &sums)];
    let spread = sum_of_products(&ctx.step("spread"), &pairs).await?;

    let (levels, fraction) = (layout.levels(), layout.reciprocal_fraction());
    let used = layout.feature_bits + layout.half() + 1 + levels;
    let fewer = used.saturating_sub(QUOTIENT_BITS);
    let small = truncate(&ctx.step("sums"), &sums, fewer).await?;
    let above = Shared::concat(&[&count, &small]);
    let quotients =
        divide_by_root(&ctx.step("root"), &above, &spread.repeat(2), levels as usize, fraction).await?;
    let reciprocals = quotients.slice(0..p);
    let means = quotients.slice(p..2 * p).shift_left(fewer).neg();

    let values = Shared::concat(columns.features);
    let (scales, moved) = (reciprocals.repeat_each(n), means.repeat_each(n));
    let pairs = [(&values, &scales), (&columns.valid.repeat(p), &moved)];
    let scaled = sum_of_products(&ctx.step("scale"), &pairs).await?;
    let scaled = rescale(&ctx.step("fraction"), &scaled, fraction, Z).await?;
    let columns = (0..p).map(|k| scaled.slice(k * n..(k + 1) * n)).collect();
    Ok(Standardised { columns, reciprocals })
}

/// The columns of the rows with an event, 0 in others.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(super) async fn of_events(
    ctx: &Context,
    event: &Shared<u128>,
    columns: &[Shared<u128>],
) -> Result<Vec<Shared<u128>>> {
    let n = event.len();
    let all = mul(ctx, &event.repeat(columns.len()), &concat(columns)).await?;
    Ok((0..columns.len()).map(|k| all.slice(k * n..(k + 1) * n)).collect())
}

pub(super) fn concat(parts: &[Shared<u128>]) -> Shared<u128> {
    Shared::concat(&parts.iter().collect::<Vec<_>>())
}
