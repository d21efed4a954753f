//! Newton's steps in units in which the information has a unit diagonal.

use crate::protocol::fixed::{inverse_square_root, truncated_product};
use crate::protocol::lasso::linear::{Shape, Systems, doublings, solve};
use crate::protocol::lasso::moments::pick;
use crate::protocol::lasso::{COEFFICIENT_BITS, FRACTION};
use crate::protocol::select::clamp;
use crate::{Context, Result, Shared};

/// A floor of what the diagonal of the information is scaled by, 2^-26: it keeps singular problems in range. The matrix is scaled
/// as it is, so the floor changes units and no solution.
const FLOOR: u128 = 1 << (FRACTION - 26);
/// The largest gradient in such units: 2^10.
const GRADIENT: u128 = 1 << (FRACTION + 10);
/// Bits of what is cut to these.
const CUT: u32 = 126;

/// An information matrix scaled to a diagonal of 1, a little less where the floor counts.
pub(crate) struct Unit {
    pub(crate) matrix: Shared<u128>,
    /// What rows and columns were multiplied with.
    pub(crate) roots: Shared<u128>,
}

impl Unit {
    /// Range: by Cauchy's inequality an entry times one root is below the root of a diagonal entry.
    ///
    /// # Errors
    /// [`crate::Error::Peer`].
    pub(crate) async fn of(ctx: &Context, information: &Shared<u128>, size: usize) -> Result<Unit> {
        let diagonal = pick(information, (0..size).map(|i| i * size + i));
        let floored = diagonal.add_public(ctx.seat(), &vec![FLOOR; size]);
        let roots = inverse_square_root(&ctx.step("roots"), &floored, 34, FRACTION + FRACTION / 2).await?;
        let rows = roots.repeat_each(size);
        let once = truncated_product(&ctx.step("rows"), information, &rows, FRACTION).await?;
        let matrix = truncated_product(&ctx.step("columns"), &once, &roots.repeat(size), FRACTION).await?;
        Ok(Unit { matrix, roots })
    }

    /// A step of Newton's method, and the same in units of the unit diagonal, where it is cut to `most` in each direction.
    ///
    /// # Errors
    /// [`crate::Error::Peer`].
    pub(crate) async fn step(
        &self,
        ctx: &Context,
        gradient: &Shared<u128>,
        most: u128,
    ) -> Result<(Shared<u128>, Shared<u128>)> {
        let size = gradient.len();
        let right = truncated_product(&ctx.step("right"), gradient, &self.roots, FRACTION).await?;
        let right = clamp(&ctx.step("cut right"), &right, GRADIENT.wrapping_neg(), GRADIENT, CUT).await?;
        let shape = Shape { lanes: 1, size };
        let bounds = [256 * size as u64];
        let doublings = doublings(size, 12);
        let systems = Systems { shape, matrices: &self.matrix, bounds_256: &bounds, doublings };
        let x = solve(&ctx.step("solve"), systems, &right, 1).await?;
        let x = clamp(&ctx.step("cut"), &x, most.wrapping_neg(), most, CUT).await?;
        Ok((truncated_product(&ctx.step("scale"), &x, &self.roots, FRACTION).await?, x))
    }

    /// The inverse of the information, from that of the matrix of unit diagonal: where it is accepted, with entries below
    /// 2^20 and roots below 2^10, products stay below 2^118.
    ///
    /// # Errors
    /// [`crate::Error::Peer`].
    pub(crate) async fn rescaled(&self, ctx: &Context, inverse: &Shared<u128>) -> Result<Shared<u128>> {
        let size = self.roots.len();
        let fewer = FRACTION - COEFFICIENT_BITS;
        let rows = self.roots.repeat_each(size);
        let once = truncated_product(&ctx.step("rows"), inverse, &rows, FRACTION + COEFFICIENT_BITS).await?;
        truncated_product(&ctx.step("columns"), &once, &self.roots.repeat(size), fewer).await
    }
}
