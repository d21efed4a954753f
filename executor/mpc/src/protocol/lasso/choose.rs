//! Chooses the best of several candidates, and says whether it is good enough.

use super::admm::Candidates;
use super::batch::Batch;
use super::moments::pick;
use super::newton::gradient_step;
use super::problem::{COEFFICIENT_BITS, FRACTION, WIDE};
use super::threshold::Sides;
use crate::protocol::bits::and_all;
use crate::protocol::compare::is_negative;
use crate::protocol::select::mul_by_bit;
use crate::{Context, Result, Shared, SharedBits};

/// The largest violation of the optimality conditions that is accepted: 1e-3.
const TOLERANCE: u128 = (1 << FRACTION) / 1000;

/// The chosen coefficients in correlation form, problem after problem.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    /// `u_j`.
    pub(crate) coefficients: Shared<u128>,
    /// 1 where `u_j` is not zero.
    pub(crate) active: Shared<u128>,
    /// The violation of the optimality conditions of each problem.
    pub(crate) violation: Shared<u128>,
    /// Whether the violation is at most 1e-3 and every `|u_j| < 2^COEFFICIENT_BITS`.
    pub(crate) accepted: SharedBits,
}

/// Keeps the candidate with the smallest violation, for each problem.
///
/// The violation is the largest entry of the natural residual `|w - shrink(w + c - G w, t)|`, zero exactly at a
/// minimiser: for `w_j = 0` it is the excess of the correlation with the residual over the threshold, for others the
/// distance to it (or `|w_j|` if that is smaller).
/// Cost: a residual, an absolute value, and a tournament over the features, then one over the candidates.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn choose(ctx: &Context, batch: &Batch, stages: &[Candidates]) -> Result<Chosen> {
    let Batch { size, count, .. } = *batch;
    let coefficients = Shared::concat(&stages.iter().map(|s| &s.coefficients).collect::<Vec<_>>());
    let active = Shared::concat(&stages.iter().map(|s| &s.active).collect::<Vec<_>>());
    let candidates = coefficients.len() / (size * count).max(1);

    let thresholds = batch.thresholds.repeat(candidates);
    let v = gradient_step(&ctx.step("gradient"), batch, &coefficients, candidates).await?;
    let sides = Sides::of(&ctx.step("sides"), &v, &thresholds, WIDE).await?;
    let shrunk = sides.shrink(&ctx.step("shrink"), &v, &thresholds).await?;
    let residual = absolute(&ctx.step("absolute"), &coefficients.sub(&shrunk)).await?;

    // Feature `j` of the problems of one candidate, or of all of them.
    let feature = |x: &Shared<u128>, problems: std::ops::Range<usize>, j: usize| {
        pick(x, problems.map(|problem| problem * size + j))
    };
    let by_feature: Vec<Shared<u128>> =
        (0..size).map(|j| feature(&residual, 0..candidates * count, j)).collect();
    let violations = tournament(&ctx.step("features"), by_feature, candidates * count, Keep::Larger).await?;
    let records = (0..candidates).map(|candidate| {
        let problems = candidate * count..(candidate + 1) * count;
        let mut record = vec![violations.slice(problems.clone())];
        record.extend((0..size).map(|j| feature(&coefficients, problems.clone(), j)));
        record.extend((0..size).map(|j| feature(&active, problems.clone(), j)));
        Shared::concat(&record.iter().collect::<Vec<_>>())
    });
    let best = tournament(&ctx.step("candidates"), records.collect(), count, Keep::Smaller).await?;
    let by_problem =
        |from: usize| pick(&best, (0..count).flat_map(|q| (0..size).map(move |j| (from + j) * count + q)));
    let (violation, coefficients) = (best.slice(0..count), by_problem(1));
    let sizes = best.slice(count..(1 + size) * count);
    let accepted = accepted(&ctx.step("accepted"), &violation, &sizes).await?;
    Ok(Chosen { coefficients, active: by_problem(1 + size), violation, accepted })
}

async fn absolute(ctx: &Context, x: &Shared<u128>) -> Result<Shared<u128>> {
    let negative = is_negative(&ctx.step("sign"), x, WIDE).await?;
    let part = mul_by_bit(&ctx.step("flip"), &negative, x).await?;
    Ok(x.sub(&part.add(&part)))
}

/// Which record of a tournament stays.
#[derive(Clone, Copy)]
pub(crate) enum Keep {
    /// That with the larger key.
    Larger,
    /// That with the smaller key, the first of equal ones.
    Smaller,
}

/// Of records of equal shape, the one with the extreme key; the first `keys` entries of a record are keys.
///
/// With several keys a record stands for as many records side by side, each of which has its own winner.
pub(crate) async fn tournament(
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
        let width = differences.first().map_or(0, Shared::len);
        let wins: Vec<SharedBits> = (0..right.len()).map(|i| wins.rows(i * keys..(i + 1) * keys)).collect();
        let chosen: Vec<&SharedBits> =
            wins.iter().flat_map(|wins| std::iter::repeat_n(wins, width / keys)).collect();
        let differences = Shared::concat(&differences.iter().collect::<Vec<_>>());
        let steps = mul_by_bit(&ctx.step("select"), &SharedBits::concat_rows(&chosen), &differences).await?;
        for (i, record) in records.iter_mut().enumerate() {
            record.add_assign(&steps.slice(i * width..(i + 1) * width));
        }
        records.extend(odd);
        level += 1;
    }
    Ok(records.pop().unwrap_or_default())
}

/// For each problem; `coefficients` feature after feature.
async fn accepted(
    ctx: &Context,
    violation: &Shared<u128>,
    coefficients: &Shared<u128>,
) -> Result<SharedBits> {
    let limit = (1u128 << (FRACTION + COEFFICIENT_BITS)).wrapping_neg();
    let sizes = Shared::concat(&[coefficients, &coefficients.neg()]).add_constant(ctx.seat(), limit);
    let count = violation.len();
    let violation = violation.clone().add_constant(ctx.seat(), (TOLERANCE + 1).wrapping_neg());
    let small = is_negative(&ctx.step("sign"), &Shared::concat(&[&sizes, &violation]), WIDE).await?;
    let tests = small.len() / count.max(1);
    let planes: Vec<SharedBits> = (0..tests).map(|i| small.rows(i * count..(i + 1) * count)).collect();
    and_all(&ctx.step("all"), &SharedBits::concat_planes(&planes.iter().collect::<Vec<_>>())).await
}
