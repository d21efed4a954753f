//! Efron's partial likelihood.

use super::ranks::TIED;
use super::risk::{PREDICTOR, Rows, Slope, WEIGHT_LEVELS};
use crate::protocol::fixed::{MANTISSA, logarithm};
use crate::protocol::product::dot;
use crate::{Context, Result, Shared};

/// ln 2, [`MANTISSA`] fractional bits.
const LN_2: u128 = 49_946_518_145_322_874;
/// Denominators in units of the risk set are at most 1 and two units.
const LEVELS: usize = 21;

/// The logarithm of the partial likelihood, [`MANTISSA`] fractional bits: the sum over events of their linear predictor, less
/// the logarithm of the weights at risk and of the denominator in units of these.
///
/// Rows without an event have the denominator 1. Where nobody is at risk, nobody has an event.
/// Cost: two logarithms side by side (of every time, and of every row), and three dot products in one round.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(super) async fn likelihood(ctx: &Context, rows: &Rows<'_>, slope: &Slope) -> Result<Shared<u128>> {
    let n = rows.event.len();
    let (first, second) = (ctx.step("at risk"), ctx.step("denominators"));
    let (at_risk, denominators) = futures::try_join!(
        logarithm(&first, &slope.at_risk, WEIGHT_LEVELS),
        logarithm(&second, &slope.denominators, LEVELS),
    )?;
    let pairs = [(rows.event, &slope.inside), (&rows.ties.deaths, &at_risk)];
    let sums = dot(&ctx.step("sums"), &pairs).await?;
    let gain = sums.slice(0..1).shift_left(MANTISSA - PREDICTOR);
    let events = rows.event.sum().scale(u128::from(rows.layout.weight()) * LN_2);
    let whole = u128::from(TIED) * LN_2 * n as u128;
    Ok(gain.sub(&sums.slice(1..2)).add(&events).sub(&denominators.sum()).add_constant(ctx.seat(), whole))
}
