//! The exponential function on a declared range.

use super::polynomial::polynomial;
use super::{MANTISSA, truncated_product};
use crate::planes::as_u32;
use crate::protocol::convert::{bit_to_arithmetic, bits_of};
use crate::protocol::product::mul;
use crate::protocol::truncate::truncate;
use crate::{Context, Result, Shared};

/// 1 / ln 2, [`MANTISSA`] fractional bits.
const LOG2_E: u128 = 103_957_133_576_908_769;

/// Exponents of two lie in `[-2^WHOLE, 2^WHOLE)`.
const WHOLE: u32 = 5;

/// `2^((s + 1) / 2)` for `s` in `[-1, 1]`, a Chebyshev expansion: error below 2^-39.
const POWER_OF_TWO: [i128; 9] = [
    101_904_826_760_413_760,
    35_317_521_676_500_644,
    6_120_060_143_662_371,
    707_017_081_767_281,
    61_258_361_830_892,
    4_246_071_778_980,
    245_263_161_938,
    12_188_837_724,
    527_821_537,
];

/// `exp(x)` for numbers of `from` fractional bits, with `to` fractional bits; relative error below 2^-38, and one unit.
///
/// Domain: `|x| < 16`; `from`, `to <= 56`. `x / ln 2` is split at the binary point by its exact bits: the power of
/// two of the whole part is a product of `1 + b_i (2^(2^i) - 1)` over its six bits, that of the rest a polynomial.
/// Range: 2^(57 + 63) before the last truncation.
/// Cost: 25 rounds, and about 700 bytes sent by each seat for each number. (Asserted by the test.)
///
/// # Errors
/// [`crate::Error::Internal`] outside of the domain of public parameters; [`crate::Error::Peer`].
pub async fn exponential(ctx: &Context, x: &Shared<u128>, from: u32, to: u32) -> Result<Shared<u128>> {
    if from > MANTISSA || to > MANTISSA {
        return Err(ctx.internal("an exponential of too many fractional bits"));
    }
    let seat = ctx.seat();
    let y = truncate(&ctx.step("scale"), &x.scale(LOG2_E), from).await?;
    let y = y.add_constant(seat, 1 << (MANTISSA + WHOLE));
    let bits = bits_of(&ctx.step("bits"), &y, MANTISSA + WHOLE + 1).await?;
    let whole = bits.planes(MANTISSA as usize..bits.width());
    let whole: Vec<Shared<u128>> = bit_to_arithmetic(&ctx.step("whole"), &whole).await?;
    let shifted = whole.iter().enumerate().map(|(i, b)| b.shift_left(MANTISSA + as_u32(i)));
    let rest = shifted.fold(y, |rest, part| rest.sub(&part));
    let centred = rest.scale(2).add_constant(seat, (1u128 << MANTISSA).wrapping_neg());

    let factors =
        whole.iter().enumerate().map(|(i, b)| b.scale((1 << (1u32 << i)) - 1).add_constant(seat, 1));
    let (first, second) = (ctx.step("power"), ctx.step("mantissa"));
    let (power, mantissa) =
        futures::try_join!(product(&first, factors.collect()), polynomial(&second, &centred, &POWER_OF_TWO))?;
    truncated_product(&ctx.step("result"), &power, &mantissa, MANTISSA + (1 << WHOLE) - to).await
}

/// The product of all factors, by a tree.
async fn product(ctx: &Context, mut factors: Vec<Shared<u128>>) -> Result<Shared<u128>> {
    let mut level = 0;
    while factors.len() > 1 {
        let odd = if factors.len() % 2 == 1 { factors.pop() } else { None };
        let right = factors.split_off(factors.len() / 2);
        let len = right.first().map_or(0, Shared::len);
        let left = Shared::concat(&factors.iter().collect::<Vec<_>>());
        let right = Shared::concat(&right.iter().collect::<Vec<_>>());
        let both = mul(&ctx.nth(level), &left, &right).await?;
        factors = (0..factors.len()).map(|i| both.slice(i * len..(i + 1) * len)).chain(odd).collect();
        level += 1;
    }
    Ok(factors.pop().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::fixed::tests::{fixed, numbers, run};
    use crate::world::Cost;

    const SAMPLES: [f64; 9] = [0.0, 1.0, -1.0, 0.693, 15.99, -15.99, 3.3, 1e-9, -1e-9];

    #[test]
    fn equals_the_clear_function() {
        let (values, cost) =
            run(&SAMPLES.map(fixed), async |ctx, x| exponential(&ctx, &x, MANTISSA, 50).await);
        for (value, x) in numbers(&values, 50).iter().zip(SAMPLES) {
            let expected = x.exp();
            assert!((value - expected).abs() < expected * 4e-12 + 4e-15, "{x}: {value} {expected}");
        }
        assert_eq!(cost, Cost { rounds: 25, bytes: 6_342 });
    }

    #[test]
    fn other_fractions() {
        let x: Vec<u128> = [-3i128, 0, 5].iter().map(|x| (x << 20).cast_unsigned()).collect();
        let (values, _) = run(&x, async |ctx, x| exponential(&ctx, &x, 20, 16).await);
        for (value, x) in numbers(&values, 16).iter().zip([-3.0f64, 0.0, 5.0]) {
            assert!((value - x.exp()).abs() < 4.0 / 65536.0, "{x}: {value}");
        }
    }
}
