//! Multiplication of two columns of 64-bit numbers.

use futures::FutureExt as _;
use mpc::protocol::product::mul;
use mpc::{Column, Error};

use super::data::{numbers, same, words};
use super::{Kind, Part, Work};

pub(super) const MUL64: Work = Work {
    name: "mul64",
    rows: 10_000_000,
    kind: Kind::Shared {
        clear: |rows| vec![Part::U64(numbers(1, rows, 64)), Part::U64(numbers(2, rows, 64))],
        protocol: |ctx, columns| {
            async move {
                let [Column::U64(x), Column::U64(y)] = columns else {
                    return Err(Error::Internal { step: ctx.path(), reason: "two numbers".to_owned() });
                };
                Ok(vec![mul(ctx, x, y).await?.into()])
            }
            .boxed()
        },
        check: |inputs, outputs| {
            let (x, y) = (words(&inputs[0]), words(&inputs[1]));
            let expected: Vec<u64> = x.iter().zip(&y).map(|(a, b)| a.wrapping_mul(*b)).collect();
            same("products", &expected, &words(&outputs[0]))
        },
    },
};
