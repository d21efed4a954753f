//! GROUP BY with SUM: over a closed domain by one-hot codes, over an open one by sorting.

use std::collections::BTreeMap;

use futures::FutureExt as _;
use mpc::protocol::group::sums_by_key;
use mpc::protocol::product::matmul;
use mpc::{Column, Error, Planes, Shared};

use super::data::{numbers, same, words};
use super::{Kind, Part, Work};

/// Cells of the closed domain.
const CELLS: u64 = 16;

/// Every owner shares the one-hot code of a closed key, so the sums are one product of matrices.
pub(super) const GROUPBY16: Work = Work {
    name: "groupby16",
    rows: 1_000_000,
    kind: Kind::Shared {
        clear: |rows| {
            let keys = numbers(1, rows, CELLS.ilog2());
            let code = |cell| Part::U64(keys.iter().map(|&key| u64::from(key == cell)).collect());
            (0..CELLS).map(code).chain([Part::U64(numbers(2, rows, 32))]).collect()
        },
        protocol: |ctx, columns| {
            async move {
                let number = |column: &'_ Column| match column {
                    Column::U64(x) => Ok(x.clone()),
                    Column::U32(_) | Column::U128(_) | Column::Bits(_) => {
                        Err(Error::Internal { step: ctx.path(), reason: "numbers".to_owned() })
                    }
                };
                let numbers = columns.iter().map(number).collect::<Result<Vec<Shared<u64>>, _>>()?;
                let (value, codes) = numbers.split_last().ok_or_else(|| ctx.internal("no value"))?;
                Ok(vec![matmul(ctx, &[value], &codes.iter().collect::<Vec<_>>()).await?.into()])
            }
            .boxed()
        },
        check: |inputs, outputs| {
            let columns: Vec<Vec<u64>> = inputs.iter().map(words).collect();
            let (values, codes) = columns.split_last().ok_or("no value")?;
            let sum = |code: &Vec<u64>| code.iter().zip(values).map(|(bit, value)| bit * value).sum();
            same("sums", &codes.iter().map(sum).collect::<Vec<u64>>(), &words(&outputs[0]))
        },
    },
};

/// Keys of 64 bits, about 16 rows a group; as many groups as rows are possible.
pub(super) const GROUPBY_OPEN: Work = Work {
    name: "groupby_open",
    rows: 1 << 20,
    kind: Kind::Shared {
        clear: |rows| {
            let groups = (rows as u64 / 16).max(1);
            let spread = |number: &u64| (number % groups).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let keys: Vec<u64> = numbers(1, rows, 64).iter().map(spread).collect();
            vec![
                Part::Bits(Planes::from_values(&keys, 64)),
                Part::Bits(Planes::from_bools(&vec![true; rows])),
                Part::U64(numbers(2, rows, 32)),
            ]
        },
        protocol: |ctx, columns| {
            async move {
                let [Column::Bits(keys), Column::Bits(valid), value] = columns else {
                    return Err(Error::Internal { step: ctx.path(), reason: "a key and a value".to_owned() });
                };
                let groups = sums_by_key(ctx, keys, valid, vec![value.clone()], keys.len()).await?;
                Ok([groups.exists.into(), groups.keys.into()].into_iter().chain(groups.sums).collect())
            }
            .boxed()
        },
        check: |inputs, outputs| {
            let mut sums = BTreeMap::new();
            for (key, value) in words(&inputs[0]).into_iter().zip(words(&inputs[2])) {
                *sums.entry(key).or_insert(0u64) += value;
            }
            let (exists, keys, found) = (words(&outputs[0]), words(&outputs[1]), words(&outputs[2]));
            let expected: Vec<u64> = (0..exists.len()).map(|row| u64::from(row < sums.len())).collect();
            same("groups", &expected, &exists)?;
            same("keys", &sums.keys().copied().collect::<Vec<_>>(), &keys[..sums.len()])?;
            same("sums", &sums.values().copied().collect::<Vec<_>>(), &found[..sums.len()])
        },
    },
};
