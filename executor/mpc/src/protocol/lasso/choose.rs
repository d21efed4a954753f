//! Chooses the best of several candidates, and says whether it is good enough.

use super::admm::Candidates;
use super::correlation::Correlation;
use super::moments::pick;
use super::newton::gradient_step;
use super::problem::{COEFFICIENT_BITS, FRACTION, WIDE};
use super::threshold::Sides;
use crate::protocol::bits::and_all;
use crate::protocol::compare::is_negative;
use crate::protocol::convert::one_bit_to_arithmetic;
use crate::protocol::product::mul;
use crate::{Context, Result, Shared, SharedBits};

/// The largest violation of the optimality conditions that is accepted: 1e-3.
const TOLERANCE: u128 = (1 << FRACTION) / 1000;

/// The chosen coefficients in correlation form.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    /// `u_j`.
    pub(crate) coefficients: Shared<u128>,
    /// 1 where `u_j` is not zero.
    pub(crate) active: Shared<u128>,
    /// The violation of the optimality conditions.
    pub(crate) violation: Shared<u128>,
    /// Whether the violation is at most 1e-3 and every `|u_j| < 2^COEFFICIENT_BITS`.
    pub(crate) accepted: SharedBits,
}

/// Keeps the candidate with the smallest violation.
///
/// The violation is the largest entry of the natural residual `|w - shrink(w + c - G w, t)|`, zero exactly at a
/// minimiser: for `w_j = 0` it is the excess of the correlation with the residual over the threshold, for others the
/// distance to it (or `|w_j|` if that is smaller).
/// Cost: a residual, an absolute value, and a tournament over the features, then one over the candidates.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn choose(
    ctx: &Context,
    correlation: &Correlation,
    thresholds: &Shared<u128>,
    stages: &[Candidates],
) -> Result<Chosen> {
    let size = thresholds.len();
    let coefficients = Shared::concat(&stages.iter().map(|s| &s.coefficients).collect::<Vec<_>>());
    let active = Shared::concat(&stages.iter().map(|s| &s.active).collect::<Vec<_>>());
    let count = coefficients.len() / size.max(1);

    let thresholds = thresholds.repeat(count);
    let v = gradient_step(&ctx.step("gradient"), correlation, &coefficients, count).await?;
    let sides = Sides::of(&ctx.step("sides"), &v, &thresholds, WIDE).await?;
    let shrunk = sides.shrink(&ctx.step("shrink"), &v, &thresholds).await?;
    let residual = absolute(&ctx.step("absolute"), &coefficients.sub(&shrunk)).await?;

    let by_feature: Vec<Shared<u128>> =
        (0..size).map(|j| pick(&residual, (0..count).map(|k| k * size + j))).collect();
    let violations = tournament(&ctx.step("features"), by_feature, count, Keep::Larger).await?;
    let records = (0..count).map(|k| {
        let features = k * size..(k + 1) * size;
        Shared::concat(&[
            &violations.slice(k..k + 1),
            &coefficients.slice(features.clone()),
            &active.slice(features),
        ])
    });
    let best = tournament(&ctx.step("candidates"), records.collect(), 1, Keep::Smaller).await?;
    let (violation, coefficients) = (best.slice(0..1), best.slice(1..1 + size));
    let accepted = accepted(&ctx.step("accepted"), &violation, &coefficients).await?;
    Ok(Chosen { coefficients, active: best.slice(1 + size..1 + 2 * size), violation, accepted })
}

async fn absolute(ctx: &Context, x: &Shared<u128>) -> Result<Shared<u128>> {
    let negative = is_negative(&ctx.step("sign"), x, WIDE).await?;
    let negative = one_bit_to_arithmetic::<u128>(&ctx.step("lift"), &negative).await?;
    mul(&ctx.step("flip"), x, &negative.scale(2).neg().add_constant(ctx.seat(), 1)).await
}

#[derive(Clone, Copy)]
enum Keep {
    Larger,
    Smaller,
}

/// Of records of equal shape, the one with the extreme key; the first `keys` entries of a record are keys.
///
/// With several keys a record stands for as many records side by side, each of which has its own winner.
async fn tournament(
    ctx: &Context,
    mut records: Vec<Shared<u128>>,
    keys: usize,
    keep: Keep,
) -> Result<Shared<u128>> {
    let mut level = 0;
    while records.len() > 1 {
        let ctx = ctx.nth(level);
        let odd = if records.len() % 2 == 1 { records.pop() } else { None };
        let right = records.split_off(records.len() / 2);
        let differences: Vec<Shared<u128>> = records.iter().zip(&right).map(|(a, b)| b.sub(a)).collect();
        let tests: Vec<Shared<u128>> = differences
            .iter()
            .map(|d| match keep {
                Keep::Larger => d.slice(0..keys).neg(),
                Keep::Smaller => d.slice(0..keys),
            })
            .collect();
        let tests = Shared::concat(&tests.iter().collect::<Vec<_>>());
        let wins = is_negative(&ctx.step("sign"), &tests, WIDE).await?;
        let wins = one_bit_to_arithmetic::<u128>(&ctx.step("lift"), &wins).await?;
        let width = differences.first().map_or(0, Shared::len);
        let chosen: Vec<Shared<u128>> =
            (0..right.len()).map(|i| wins.slice(i * keys..(i + 1) * keys).repeat(width / keys)).collect();
        let steps = mul(
            &ctx.step("select"),
            &Shared::concat(&chosen.iter().collect::<Vec<_>>()),
            &Shared::concat(&differences.iter().collect::<Vec<_>>()),
        )
        .await?;
        for (i, record) in records.iter_mut().enumerate() {
            record.add_assign(&steps.slice(i * width..(i + 1) * width));
        }
        records.extend(odd);
        level += 1;
    }
    Ok(records.pop().unwrap_or_default())
}

async fn accepted(
    ctx: &Context,
    violation: &Shared<u128>,
    coefficients: &Shared<u128>,
) -> Result<SharedBits> {
    let limit = (1u128 << (FRACTION + COEFFICIENT_BITS)).wrapping_neg();
    let sizes = Shared::concat(&[coefficients, &coefficients.neg()]).add_constant(ctx.seat(), limit);
    let violation = violation.clone().add_constant(ctx.seat(), (TOLERANCE + 1).wrapping_neg());
    let small = is_negative(&ctx.step("sign"), &Shared::concat(&[&sizes, &violation]), WIDE).await?;
    let planes: Vec<SharedBits> = (0..small.len()).map(|i| small.rows(i..i + 1)).collect();
    and_all(&ctx.step("all"), &SharedBits::concat_planes(&planes.iter().collect::<Vec<_>>())).await
}
