//! Oblivious join of two tables that their owners sorted, then GROUP BY with SUM over the join.
//!
//! Half of the rows are a table with unique keys and a closed attribute of ten values, shared as a one-hot code; the
//! other half refer to it and have a number each.

use std::collections::BTreeMap;

use futures::FutureExt as _;
use mpc::protocol::bits::and_bit;
use mpc::protocol::convert::bit_to_arithmetic;
use mpc::protocol::join::{Inputs, UniqueSide, join};
use mpc::protocol::product::matmul;
use mpc::{Column, Error, Planes, Shared};

use super::data::{numbers, same, words};
use super::{Kind, Part, Work};

/// Groups.
const GROUPS: u64 = 10;

/// Planes of a key, as for hashed identifiers: 2 log2 n + 12.
const KEY_BITS: usize = 48;

pub(super) const OBLIVIOUS_JOIN_GROUPBY: Work = Work {
    name: "oblivious_join_groupby",
    rows: 1 << 18,
    kind: Kind::Shared {
        clear,
        protocol: |ctx, columns| {
            async move {
                let [
                    Column::Bits(unique),
                    Column::Bits(unique_valid),
                    code,
                    Column::Bits(keys),
                    Column::Bits(valid),
                    Column::U64(values),
                ] = columns
                else {
                    return Err(Error::Internal { step: ctx.path(), reason: "two tables".to_owned() });
                };
                let side = UniqueSide {
                    keys: unique.clone(),
                    valid: unique_valid.clone(),
                    columns: vec![code.clone()],
                };
                let joined = join(&ctx.step("join"), side, keys, valid, Inputs::Sorted).await?;
                let Some(Column::Bits(code)) = joined.columns.into_iter().next() else {
                    return Err(ctx.internal("no code"));
                };
                let code = and_bit(&ctx.step("matched"), &joined.matched, &code).await?;
                let code: Vec<Shared<u64>> = bit_to_arithmetic(&ctx.step("code"), &code).await?;
                let sums = matmul(&ctx.step("sums"), &[values], &code.iter().collect::<Vec<_>>()).await?;
                Ok(vec![sums.into(), joined.duplicate.into()])
            }
            .boxed()
        },
        check: |inputs, outputs| {
            let groups: BTreeMap<u64, u64> = words(&inputs[0]).into_iter().zip(words(&inputs[2])).collect();
            let mut sums = vec![0; usize::try_from(GROUPS).unwrap_or(0)];
            for (key, value) in words(&inputs[3]).into_iter().zip(words(&inputs[5])) {
                if let Some(code) = groups.get(&key) {
                    sums[code.ilog2() as usize] += value;
                }
            }
            same("sums", &sums, &words(&outputs[0]))?;
            same("duplicates", &[0], &words(&outputs[1]))
        },
    },
};

/// Keys of the unique side are distinct multiples of three; those of the other side refer to three quarters of them.
fn clear(rows: usize) -> Vec<Part> {
    let unique: Vec<u64> = (0..rows as u64 / 2).map(|row| row * 3).collect();
    let codes: Vec<u64> = numbers(1, unique.len(), 32).iter().map(|number| 1 << (number % GROUPS)).collect();
    let span = (unique.len() as u64).max(1);
    let mut keys: Vec<u64> = numbers(2, rows - unique.len(), 32)
        .iter()
        .map(|number| if number % 4 == 0 { number % span * 3 + 1 } else { number % span * 3 })
        .collect();
    keys.sort_unstable();
    let all_valid = |rows: usize| Part::Bits(Planes::from_bools(&vec![true; rows]));
    let code_planes = usize::try_from(GROUPS).unwrap_or(0);
    vec![
        Part::Bits(Planes::from_values(&unique, KEY_BITS)),
        all_valid(unique.len()),
        Part::Bits(Planes::from_values(&codes, code_planes)),
        Part::Bits(Planes::from_values(&keys, KEY_BITS)),
        all_valid(keys.len()),
        Part::U64(numbers(3, keys.len(), 32)),
    ]
}
