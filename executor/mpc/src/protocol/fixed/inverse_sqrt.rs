//! 1/sqrt of normalised numbers.

use super::truncated_product;
use crate::protocol::product::mul;
use crate::protocol::truncate::truncate;
use crate::{Context, Result, Shared};

/// Fractional bits of normalised numbers.
///
/// With 56, a product of two numbers up to 2^7 has 126 bits, so that Newton's steps stay in range even for the
/// input 0, where the iterate grows by half in each step.
pub const MANTISSA: u32 = 56;

/// The polynomial of degree 3 that is closest to `1/sqrt(m)` on `[1/4, 1)`: relative error below 2^-7.15.
const START: [i128; 4] =
    [224_270_718_041_189_248, -425_927_795_744_549_888, 448_917_516_628_257_792, -175_710_117_197_387_232];

/// `1/sqrt(m)` of each `m` in `[1/4, 1)`, for numbers of [`MANTISSA`] fractional bits.
///
/// Functionality: the result is in `[1, 2]`, its relative error below 2^-50. The input 0 gives some number below 16.
/// A minimax polynomial, then three of Newton's steps `y' = (3y - (m y)(y y)) / 2`, each of which maps the relative
/// error `e` to at most `2 e^2`: 2^-7.1, 2^-13.2, 2^-25.4, 2^-49.8 and in fact less, since the factor is nearer 3/2.
/// Model: semi-honest, 1 of 3.
/// Range: with `0 <= m < 1` and `y` up to 16, every product before its truncation is below 2^(2 MANTISSA + 8).
/// Cost: 24 rounds, 560 bytes sent by a seat for each number. (Asserted by a test.)
///
/// # Errors
/// [`crate::Error::Peer`].
pub async fn inverse_sqrt(ctx: &Context, m: &Shared<u128>) -> Result<Shared<u128>> {
    let seat = ctx.seat();
    let [c0, c1, c2, c3] = START.map(i128::cast_unsigned);
    let high = m.scale(c3).add_constant(seat, c2 << MANTISSA);
    let both = Shared::concat(&[&mul(&ctx.step("square"), m, m).await?, &high]);
    let both = truncate(&ctx.step("high"), &both, MANTISSA).await?;
    let (square, high) = (both.slice(0..m.len()), both.slice(m.len()..2 * m.len()));
    let start = mul(&ctx.step("start"), &square, &high).await?.add(&m.scale(c1));
    let start = truncate(&ctx.step("start truncated"), &start, MANTISSA).await?;
    let mut y = start.add_constant(seat, c0);
    for index in 0..3 {
        y = newton_step(&ctx.step("newton").nth(index), m, &y).await?;
    }
    Ok(y)
}

async fn newton_step(ctx: &Context, m: &Shared<u128>, y: &Shared<u128>) -> Result<Shared<u128>> {
    let factors = Shared::concat(&[m, y]);
    let both = truncated_product(&ctx.step("factors"), &factors, &y.repeat(2), MANTISSA).await?;
    let (root, square) = (both.slice(0..m.len()), both.slice(m.len()..2 * m.len()));
    let cubic = mul(&ctx.step("cubic"), &root, &square).await?;
    let doubled = y.scale(3).shift_left(MANTISSA).sub(&cubic);
    truncate(&ctx.step("half"), &doubled, MANTISSA + 1).await
}
