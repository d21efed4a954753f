//! The natural logarithm of integers of unknown size.

use super::normalise::shifts;
use super::polynomial::polynomial;
use super::{MANTISSA, rescale};
use crate::planes::as_u32;
use crate::protocol::product::mul;
use crate::protocol::truncate::truncate;
use crate::{Context, Result, Shared};

/// ln 2, [`MANTISSA`] fractional bits.
const LN_2: u128 = 49_946_518_145_322_873;

/// 8/3, [`MANTISSA`] fractional bits.
const EIGHT_THIRDS: u128 = 192_153_584_101_141_162;

/// `ln(5/8 + 3/8 t)` for `t` in `[-1, 1]`, a Chebyshev expansion: error below 2^-42.
const LOGARITHM: [i128; 25] = [
    -33_867_330_712_543_976,
    43_234_556_422_605_424,
    -12_970_366_926_173_964,
    5_188_146_786_283_786,
    -2_334_666_082_827_134,
    1_120_639_231_696_107,
    -560_319_074_254_382,
    288_171_075_209_851,
    -151_295_036_919_071,
    80_634_809_971_497,
    -43_513_095_494_861,
    24_010_873_361_981,
    -13_313_046_765_896,
    6_479_926_408_643,
    -3_356_214_022_636,
    3_820_004_827_464,
    -2_550_802_195_415,
    -1_413_776_972_186,
    1_221_418_570_220,
    2_110_282_803_446,
    -1_481_469_276_979,
    -916_526_181_908,
    631_019_615_027,
    279_035_301_069,
    -178_123_031_183,
];

/// `ln(x)` of each integer, with [`MANTISSA`] fractional bits; error below 2^-41.
///
/// Domain: `1 <= x < 4^levels`, `levels <= 62`; the result for 0 is meaningless. For a number of `f` fractional bits
/// subtract `f ln 2` in the clear.
/// With `x = m 4^(levels - k)`: a polynomial in `m`, and a local function of the one-hot code of `k`.
/// Cost: 22 rounds beside those of [`shifts`], 20 if `2 levels <= 56`. (Asserted by the `cost` test.)
///
/// # Errors
/// [`crate::Error::Internal`] outside of the domain of `levels`; [`crate::Error::Peer`].
pub async fn logarithm(ctx: &Context, x: &Shared<u128>, levels: usize) -> Result<Shared<u128>> {
    if levels > 62 {
        return Err(ctx.internal("a logarithm of too many bits"));
    }
    let shifts = shifts(&ctx.step("shifts"), x, levels).await?;
    let mantissa = mul(&ctx.step("scale"), x, &shifts.weighted(|k| 1 << (2 * k))).await?;
    let mantissa = rescale(&ctx.step("mantissa"), &mantissa, 2 * as_u32(levels), MANTISSA).await?;
    // t = 8/3 m - 5/3.
    let t = truncate(&ctx.step("centre"), &mantissa.scale(EIGHT_THIRDS), MANTISSA).await?;
    let five_thirds = EIGHT_THIRDS - (1 << MANTISSA);
    let t = t.add_constant(ctx.seat(), five_thirds.wrapping_neg());
    let rest = polynomial(&ctx.step("polynomial"), &t, &LOGARITHM).await?;
    Ok(rest.add(&shifts.weighted(|k| u128::from(2 * as_u32(levels - k)) * LN_2)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::cast_precision_loss, reason = "references in the clear")]

    use super::*;
    use crate::protocol::fixed::tests::{numbers, run};
    use crate::world::Cost;

    const SAMPLES: [u128; 10] = [1, 2, 3, 4, 5, 1000, (1 << 20) - 1, 1 << 20, 123_456_789_012, (1 << 40) - 1];

    #[test]
    fn equals_the_clear_function() {
        for levels in [20, 32, 62] {
            let (values, _) = run(&SAMPLES, async |ctx, x| logarithm(&ctx, &x, levels).await);
            for (value, x) in numbers(&values, MANTISSA).iter().zip(SAMPLES) {
                let expected = (x as f64).ln();
                assert!((value - expected).abs() < 5e-13, "{x}: {value} {expected}");
            }
        }
    }

    #[test]
    fn cost() {
        let (_, cost) = run(&SAMPLES, async |ctx, x| logarithm(&ctx, &x, 32).await);
        assert_eq!(cost, Cost { rounds: 15 + 22, bytes: 16_204 });
    }
}
