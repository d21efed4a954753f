//! Fixed-point numerics on shares: a number `v` with `f` fractional bits is the ring element `v 2^f`, signed.
//!
//! Every function states the range in which it holds; nothing here fails or wraps for inputs in that range.

mod inverse_sqrt;
mod normalise;
mod scale;

pub use inverse_sqrt::{MANTISSA, inverse_sqrt};
pub use normalise::{Shifts, shifts};
pub use scale::Scale;

use super::product::mul;
use super::truncate::truncate;
use crate::{Context, Result, Shared};

/// `x y / 2^bits`, rounded down or up by less than one unit.
///
/// Range: `|x y| < 2^126`.
///
/// # Errors
/// [`crate::Error::Peer`].
pub async fn truncated_product(
    ctx: &Context,
    x: &Shared<u128>,
    y: &Shared<u128>,
    bits: u32,
) -> Result<Shared<u128>> {
    let product = mul(&ctx.step("product"), x, y).await?;
    truncate(&ctx.step("truncated"), &product, bits).await
}
