//! Counts that are put together until there are enough of them.

use super::bits::and_all;
use super::compare::is_negative;
use super::select::mul_by_bit;
use crate::{Context, Result, Shared, SharedBits};

/// The sums of `columns` since the entry after the last one shown, along runs of `length` entries; and which entries are
/// shown: those at which the sums of all columns have reached their `at_least`.
///
/// A column with an `at_least` of 0 is added up and asks for nothing; if all are such, every entry is shown.
/// Functionality: own; a gate in front of what is published along an axis, so that between two published entries there are
/// always enough. Entries of a run depend on all before them, so this takes rounds for each; runs go side by side.
/// Model: semi-honest, 1 of 3. Which entries are shown stays shared.
/// Domain: no sum, and no sum less its `at_least`, leaves [-2^(bits-1), 2^(bits-1)).
/// Shapes: columns of r runs of `length` entries, run after run -> the same, and as many bits.
/// Cost: for k columns that ask for something, each entry takes [`is_negative`] of k r rows, a tree of ANDs over k columns
/// of r rows, and (but for the last entry) [`mul_by_bit`] of an element for every run and column: 2 rounds.
///
/// # Errors
/// [`crate::Error::Shape`] if columns differ in length or have no such runs; [`crate::Error::Peer`].
pub async fn pool(
    ctx: &Context,
    columns: &[Shared<u64>],
    at_least: &[u64],
    length: usize,
    bits: u32,
) -> Result<(Vec<Shared<u64>>, SharedBits)> {
    ctx.same_shape(columns.len(), at_least.len())?;
    let (n, seat) = (columns.first().map_or(0, Shared::len), ctx.seat());
    for column in columns {
        ctx.same_shape(n, column.len())?;
    }
    let runs = n / length.max(1);
    ctx.same_shape(n, runs * length)?;
    if n == 0 {
        return Ok((columns.to_vec(), SharedBits::zeros(0, 1)));
    }
    let asking: Vec<usize> = (0..columns.len()).filter(|&column| at_least[column] > 0).collect();
    let all = SharedBits::zeros(runs, 1).not(seat);
    let mut sums: Vec<Shared<u64>> = vec![Shared::zeros(runs); columns.len()];
    let (mut entries, mut shown) = (Vec::new(), Vec::new());
    for entry in 0..length {
        let ctx = ctx.nth(entry);
        let places: Vec<u32> = (0..runs).map(|run| place(run * length + entry)).collect();
        for (sum, column) in sums.iter_mut().zip(columns) {
            sum.add_assign(&column.gather(&places));
        }
        entries.push(sums.clone());
        let mut enough = all.clone();
        if !asking.is_empty() {
            let missing: Vec<Shared<u64>> = asking
                .iter()
                .map(|&column| sums[column].clone().add_constant(seat, at_least[column].wrapping_neg()))
                .collect();
            let missing = Shared::concat(&missing.iter().collect::<Vec<_>>());
            let met = is_negative(&ctx.step("missing"), &missing, bits).await?.not(seat);
            let met: Vec<SharedBits> =
                (0..asking.len()).map(|index| met.rows(index * runs..(index + 1) * runs)).collect();
            let met = SharedBits::concat_planes(&met.iter().collect::<Vec<_>>());
            enough = and_all(&ctx.step("all"), &met).await?;
        }
        if asking.is_empty() {
            sums = vec![Shared::zeros(runs); columns.len()];
        } else if entry + 1 < length {
            let again = vec![enough.not(seat); columns.len()];
            let again = SharedBits::concat_rows(&again.iter().collect::<Vec<_>>());
            let both = Shared::concat(&sums.iter().collect::<Vec<_>>());
            let both = mul_by_bit(&ctx.step("again"), &again, &both).await?;
            sums = (0..columns.len()).map(|column| both.slice(column * runs..(column + 1) * runs)).collect();
        }
        shown.push(enough);
    }
    // From entry after entry to run after run.
    let order: Vec<u32> =
        (0..runs).flat_map(|run| (0..length).map(move |entry| place(entry * runs + run))).collect();
    let of_column = |column: usize| {
        let parts: Vec<&Shared<u64>> = entries.iter().map(|sums| &sums[column]).collect();
        Shared::concat(&parts).gather(&order)
    };
    let shown = SharedBits::concat_rows(&shown.iter().collect::<Vec<_>>());
    Ok(((0..columns.len()).map(of_column).collect(), shown.gather(&order)))
}

fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::Clear;
    use crate::ideal;

    /// Runs of every length, columns that ask for different numbers or for nothing.
    #[test]
    fn equals_the_clear_one() {
        for (runs, length) in [(1, 1), (1, 40), (3, 7), (65, 4), (0, 5)] {
            let n = runs * length;
            let a: Vec<i128> = (0..n).map(|i| (i * i % 5) as i128 % 3).collect();
            let b: Vec<i128> = (0..n).map(|i| (i * 7 % 11) as i128).collect();
            for at_least in [[3, 0], [4, 6], [0, 0], [1, 9]] {
                let run = Clear::new().column(&a).column(&b).run::<u64, _>(async |ctx, i| {
                    let columns = [i.x[0].clone(), i.x[1].clone()];
                    pool(&ctx, &columns, &at_least, length, 12).await
                });
                let (sums, shown) = ideal::pool(&[a.clone(), b.clone()], &at_least, length);
                let expected = sums.concat().into_iter().chain(shown.into_iter().map(i128::from));
                assert_eq!(run.values, expected.collect::<Vec<_>>(), "{runs} {length} {at_least:?}");
            }
        }
    }
}
