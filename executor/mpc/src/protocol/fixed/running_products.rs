//! Running products of fixed-point numbers.

use super::truncated_product;
use crate::planes::as_u32;
use crate::{Context, Result, Shared};

/// The product of each number and all before it, in every run of `length` numbers with `fraction` fractional bits.
///
/// Functionality: y_i = x_0 x_1 ... x_i, run by run. After step s every number is the product of the last 2^s, so that
/// log2 `length` steps suffice (Hillis and Steele, Communications of the ACM 1986).
/// Domain: numbers in [0, 1], `fraction` <= 60. Every step loses at most two units, so the result lies in
/// [-2 s, 2^fraction] and is off by at most 2 `length` units.
/// Model: semi-honest, 1 of 3. Shapes: n -> n, n a multiple of `length`.
/// Cost: 3 rounds for each of the ceil(log2 `length`) steps; a product and a truncation of the rows of each run that
/// have others at the distance of the step before them. (Asserted by the tests.)
///
/// # Errors
/// [`crate::Error::Shape`] if the runs are not whole; [`crate::Error::Peer`].
pub async fn running_products(
    ctx: &Context,
    x: &Shared<u128>,
    length: usize,
    fraction: u32,
) -> Result<Shared<u128>> {
    let n = x.len();
    let runs = n.checked_div(length).unwrap_or_default();
    ctx.same_shape(n, runs * length)?;
    let mut product = x.clone();
    let mut distance = 1;
    while distance < length {
        let rows = |from: usize, count: usize| -> Vec<u32> {
            (0..runs).flat_map(|run| (from..from + count).map(move |i| as_u32(run * length + i))).collect()
        };
        let later = product.gather(&rows(distance, length - distance));
        let earlier = product.gather(&rows(0, length - distance));
        let grown = truncated_product(&ctx.nth(distance), &later, &earlier, fraction).await?;
        // What has nothing before it stays; the others are replaced, run by run.
        let both = Shared::concat(&[&product, &grown]);
        let place = |i: usize| {
            let (run, at) = (i / length, i % length);
            if at < distance { i } else { n + run * (length - distance) + at - distance }
        };
        product = both.gather(&(0..n).map(|i| as_u32(place(i))).collect::<Vec<_>>());
        distance *= 2;
    }
    Ok(product)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::cast_precision_loss, reason = "references in the clear")]

    use super::*;
    use crate::protocol::fixed::tests::{numbers, run};

    const FRACTION: u32 = 60;

    fn products(values: &[u128], length: usize) -> (Vec<f64>, crate::world::Cost) {
        let (values, cost) = run(values, async |ctx, x| running_products(&ctx, &x, length, FRACTION).await);
        (numbers(&values, FRACTION), cost)
    }

    #[test]
    fn equals_the_product_in_the_clear() {
        for (runs, length) in [(0, 3), (1, 1), (1, 2), (3, 7), (2, 64), (1, 366)] {
            let values: Vec<u128> = (0..runs * length)
                .map(|i| (1 << FRACTION) - (((i as u128 * 7919) % 31) << (FRACTION - 9)))
                .map(|x| if x % 5 == 0 && length == 7 { 0 } else { x })
                .collect();
            let (found, cost) = products(&values, length);
            for run in 0..runs {
                let mut expected = 1.0;
                for i in run * length..(run + 1) * length {
                    expected *= values[i] as f64 * 0.5f64.powi(FRACTION.cast_signed());
                    assert!((found[i] - expected).abs() < 1e-14, "{length} at {i}: {} {expected}", found[i]);
                }
            }
            assert_eq!(cost.rounds, 3 * length.next_power_of_two().trailing_zeros() as usize);
        }
    }

    #[test]
    fn costs_what_it_says() {
        // Steps of distance 1, 2, 4 over runs of 5: 2 (4 + 3 + 1) products; in a truncation seats take turns as holder
        // of whole words of rows, so here the last one sends all elements.
        let (_, cost) = products(&[1 << FRACTION; 10], 5);
        assert_eq!((cost.rounds, cost.bytes), (9, 16 * 48));
    }

    #[test]
    fn lengths_of_messages_do_not_depend_on_values() {
        let lengths = |value: u128| products(&[value; 40], 20).1;
        assert_eq!(lengths(0), lengths(1 << FRACTION));
    }

    #[test]
    fn runs_must_be_whole() {
        let world = crate::world::World::new(1);
        let shares = world.share(&[1u128, 2, 3]);
        let outcome = world.run(|ctx| {
            let x = shares[ctx.seat().index()].clone();
            async move { running_products(&ctx, &x, 2, FRACTION).await }
        });
        assert!(outcome.outputs().is_err());
    }
}
