//! The first-order stage: finds nearly the right support.

use super::batch::Batch;
use super::linear::{Shape, Systems, doublings, multiply, solve};
use super::problem::FRACTION;
use super::threshold::Sides;
use crate::protocol::truncate::truncate;
use crate::{Context, Result, Shared};

/// The step sizes that run side by side: `rho = 2^-RHO`.
///
/// No single one suits all problems, rounds are shared by all, and the best candidate is kept. In simulations of hard
/// problems (correlations to 0.99, condition numbers to 3,000) 40 iterations with these five left 1 of 1,500 problems
/// with 10 features unsolved, after three steps of [`super::newton`]; the best single one left 13 of 300.
pub(crate) const RHO: [u32; 5] = [8, 6, 4, 2, 0];

/// Over-relaxation, in fifths.
const RELAXATION_5: u128 = 8;

/// Candidates for the coefficients: for each entry of [`RHO`], one for each problem.
#[derive(Clone, Debug)]
pub(crate) struct Candidates {
    /// Coefficients, lane after lane.
    pub(crate) coefficients: Shared<u128>,
    /// 1 where a coefficient is not zero.
    pub(crate) active: Shared<u128>,
}

/// Runs the alternating direction method of multipliers for a fixed number of iterations.
///
/// Paper: [Boyd et al. 2011](https://doi.org/10.1561/2200000016), section 6.4, with over-relaxation 1.6 (3.4.3).
/// With `V = (G + rho I)^-1`, an iteration maps `(z, u)` to
/// `v = 1.6 V (c + rho (z - u)) - 0.6 z + u`, `z = shrink(v, t / rho)`, `u = v - z`: one matrix product for `(z, u)`.
/// Range: `v` follows a non-expansive map (Douglas and Rachford) that takes 0 to `1.6 V c`, and
/// `|V c| <= |y| / (2 sqrt rho) <= 8`; so `|v| <= 13 * iterations` and `t / rho < 2^15`: the sums that are compared are
/// below 2^17, and their 61 bits are compared as 64.
/// Cost: per iteration one product, one truncation, one sign test, one bit conversion, one more product.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn first_order(ctx: &Context, batch: &Batch, iterations: u32) -> Result<Candidates> {
    let size = batch.size;
    let shape = Shape { lanes: RHO.len() * batch.count, size };
    let map = Map::new(&ctx.step("map"), batch, shape).await?;
    let scaled: Vec<Shared<u128>> = RHO.iter().map(|&r| batch.thresholds.shift_left(r)).collect();
    let scaled = Shared::concat(&scaled.iter().collect::<Vec<_>>());

    let mut z = Shared::zeros(shape.lanes * size);
    let mut u = z.clone();
    let mut active = z.clone();
    for index in 0..iterations as usize {
        ctx.iteration(index, iterations as usize);
        let ctx = ctx.step("iteration").nth(index);
        let v = map.apply(&ctx.step("map"), &z, &u).await?;
        let sides = Sides::of(&ctx.step("sides"), &v, &scaled, batch.bits).await?;
        let shrink = ctx.step("shrink");
        if index + 1 < iterations as usize {
            z = sides.shrink(&shrink, &v, &scaled).await?;
        } else {
            let lift = ctx.step("lift");
            let (last, sides) = futures::try_join!(sides.shrink(&shrink, &v, &scaled), sides.lift(&lift))?;
            (z, active) = (last, sides.active());
        }
        u = v.sub(&z);
    }
    Ok(Candidates { coefficients: z, active })
}

/// The affine part of an iteration: `v = start + W (z - u) - 0.6 z + u` with `W = 1.6 rho V`.
struct Map {
    shape: Shape,
    start: Shared<u128>,
    matrix: Shared<u128>,
}

impl Map {
    async fn new(ctx: &Context, batch: &Batch, shape: Shape) -> Result<Map> {
        let size = shape.size;
        let distinct = Shape { lanes: RHO.len() * batch.grams, size };
        let each = |value: fn(u32) -> u128, len: usize| -> Vec<u128> {
            RHO.iter().flat_map(|&r| vec![value(r); len]).collect()
        };
        let block = batch.grams * size * size;
        let weights = each(|r| 1 << (8 - r), block);
        let ridge: Vec<u128> =
            distinct.identity().iter().zip(&weights).map(|(one, weight)| (one >> 8) * weight).collect();
        let seat = ctx.seat();
        let matrices = batch.gram.repeat(RHO.len()).add_public(seat, &ridge);
        let identity = Shared::from_public(seat, &distinct.identity());
        let bounds: Vec<u64> =
            RHO.iter().flat_map(|&r| vec![(256 * size as u64) + (256 >> r); batch.grams]).collect();
        let systems = Systems {
            shape: distinct,
            matrices: &matrices,
            bounds_256: &bounds,
            doublings: doublings(size, 8),
        };
        let inverse = solve(&ctx.step("inverse"), systems, &identity, size).await?;

        let relaxed = inverse.scale(RELAXATION_5 * fifth());
        let relaxed = truncate(&ctx.step("relax"), &relaxed, FRACTION).await?;
        // Problems that share a matrix read the same one.
        let times = batch.count / batch.grams.max(1);
        let spread = |matrices: &Shared<u128>| {
            let blocks = (0..RHO.len()).map(|r| matrices.slice(r * block..(r + 1) * block).repeat(times));
            Shared::concat(&blocks.collect::<Vec<_>>().iter().collect::<Vec<_>>())
        };
        let targets = batch.target.repeat(RHO.len());
        let start = multiply(&ctx.step("start"), shape, &spread(&relaxed), &targets, 1).await?;
        let matrix = relaxed.scale_by(&weights).shift_left(FRACTION - 8);
        let both = truncate(&ctx.step("truncate"), &Shared::concat(&[&start, &matrix]), FRACTION).await?;
        let (start, matrix) = (both.slice(0..start.len()), both.slice(start.len()..both.len()));
        Ok(Map { shape, start, matrix: spread(&matrix) })
    }

    async fn apply(&self, ctx: &Context, z: &Shared<u128>, u: &Shared<u128>) -> Result<Shared<u128>> {
        let product = multiply(&ctx.step("product"), self.shape, &self.matrix, &z.sub(u), 1).await?;
        // The linear rest, 0.6 z, joins before the truncation.
        let rest = z.scale((RELAXATION_5 - 5) * fifth());
        let moved = truncate(&ctx.step("truncate"), &product.sub(&rest), FRACTION).await?;
        Ok(self.start.add(&moved).add(u))
    }
}

/// 1/5, with [`FRACTION`] fractional bits.
fn fifth() -> u128 {
    (1 << FRACTION) / 5
}
