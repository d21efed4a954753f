//! Polynomials with public coefficients.

use super::{MANTISSA, truncated_product};
use crate::protocol::truncate::truncate;
use crate::{Context, Result, Shared};

/// The polynomial with public `coefficients`, the constant first, at each `t`; all with [`MANTISSA`] fractional bits.
///
/// Powers are made by doubling: of `t, ..., t^k`, each times `t^k`.
/// Domain: `|t| <= 1`, coefficients below 2^7, at least one.
/// Cost: 3 rounds for each doubling of the degree, then 2.
///
/// # Errors
/// [`crate::Error::Peer`].
pub async fn polynomial(ctx: &Context, t: &Shared<u128>, coefficients: &[i128]) -> Result<Shared<u128>> {
    let degree = coefficients.len().saturating_sub(1);
    let mut powers = vec![t.clone()];
    while powers.len() < degree {
        let count = powers.len().min(degree - powers.len());
        let low = Shared::concat(&powers.iter().take(count).collect::<Vec<_>>());
        let high = powers.last().unwrap_or(t).repeat(count);
        let product = truncated_product(&ctx.nth(powers.len()), &low, &high, MANTISSA).await?;
        powers.extend((0..count).map(|i| product.slice(i * t.len()..(i + 1) * t.len())));
    }
    let mut sum = Shared::zeros(t.len());
    for (power, coefficient) in powers.iter().zip(coefficients.iter().skip(1)) {
        sum.add_assign(&power.scale(coefficient.cast_unsigned()));
    }
    let constant = coefficients.first().copied().unwrap_or_default().cast_unsigned();
    Ok(truncate(&ctx.step("sum"), &sum, MANTISSA).await?.add_constant(ctx.seat(), constant))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::fixed::tests::{fixed, numbers, run};

    #[test]
    fn equals_horner() {
        let points = [-1.0, -0.3, 0.0, 0.5, 0.999];
        let coefficients = [0.25, -3.0, 1.5, 0.125, 7.0, -0.5];
        let fixed_coefficients = coefficients.map(|c| fixed(c).cast_signed());
        for degree in 0..coefficients.len() {
            let (values, cost) = run(&points.map(fixed), async |ctx, t| {
                polynomial(&ctx, &t, &fixed_coefficients[..=degree]).await
            });
            for (value, t) in numbers(&values, MANTISSA).iter().zip(points) {
                let expected = coefficients[..=degree].iter().rev().fold(0.0, |sum, c| sum * t + c);
                assert!((value - expected).abs() < 1e-14, "degree {degree} at {t}: {value} {expected}");
            }
            let doublings = degree.max(1).next_power_of_two().trailing_zeros() as usize;
            assert_eq!(cost.rounds, 2 + 3 * doublings);
        }
    }
}
