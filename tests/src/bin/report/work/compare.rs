//! Less-than of two columns of a declared width.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mpc::protocol::compare::less_than;
use mpc::{Column, Context, Error, Result};

use super::data::{numbers, same, words};
use super::{Kind, Part, Work};

/// Numbers of 63 bits: their difference has 64.
pub(super) const LT64: Work = work("lt64", |rows| signed(rows, 63), |ctx, columns| less(ctx, columns, 63));

/// Numbers of 8 bits: their difference has 9.
pub(super) const LT8: Work = work("lt8", |rows| signed(rows, 8), |ctx, columns| less(ctx, columns, 8));

const fn work(name: &'static str, clear: fn(usize) -> Vec<Part>, protocol: super::Protocol) -> Work {
    Work { name, rows: 1_000_000, kind: Kind::Shared { clear, protocol, check } }
}

/// Two columns of numbers in [-2^(bits-1), 2^(bits-1)).
fn signed(rows: usize, bits: u32) -> Vec<Part> {
    let lowest = 1u64 << (bits - 1);
    let column = |seed| numbers(seed, rows, bits).iter().map(|x| x.wrapping_sub(lowest)).collect();
    vec![Part::U64(column(1)), Part::U64(column(2))]
}

fn less<'a>(ctx: &'a Context, columns: &'a [Column], bits: u32) -> BoxFuture<'a, Result<Vec<Column>>> {
    async move {
        let [Column::U64(x), Column::U64(y)] = columns else {
            return Err(Error::Internal { step: ctx.path(), reason: "two numbers".to_owned() });
        };
        Ok(vec![less_than(ctx, x, y, bits).await?.into()])
    }
    .boxed()
}

fn check(inputs: &[Part], outputs: &[Part]) -> Result<(), String> {
    let (x, y) = (words(&inputs[0]), words(&inputs[1]));
    let less = x.iter().zip(&y).map(|(a, b)| u64::from(a.cast_signed() < b.cast_signed()));
    same("less than", &less.collect::<Vec<_>>(), &words(&outputs[0]))
}
