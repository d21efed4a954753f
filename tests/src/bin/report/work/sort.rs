//! Sorting a column of keys.

use futures::FutureExt as _;
use mpc::protocol::sort::{Direction, Key, sort};
use mpc::{Column, Error, Planes};

use super::data::{numbers, same, words};
use super::{Kind, Part, Protocol, Work};

pub(super) const SORT64: Work = work("sort64", |rows| keys(rows, 64));
pub(super) const SORT8: Work = work("sort8", |rows| keys(rows, 8));

const fn work(name: &'static str, clear: fn(usize) -> Vec<Part>) -> Work {
    Work { name, rows: 1 << 20, kind: Kind::Shared { clear, protocol: PROTOCOL, check } }
}

fn keys(rows: usize, bits: u32) -> Vec<Part> {
    vec![Part::Bits(Planes::from_values(&numbers(1, rows, bits), bits as usize))]
}

const PROTOCOL: Protocol = |ctx, columns| {
    async move {
        let [Column::Bits(keys)] = columns else {
            return Err(Error::Internal { step: ctx.path(), reason: "one key".to_owned() });
        };
        let key = Key::unsigned(ctx, keys, Direction::Ascending);
        sort(ctx, columns.to_vec(), &[key]).await
    }
    .boxed()
};

fn check(inputs: &[Part], outputs: &[Part]) -> Result<(), String> {
    let mut expected = words(&inputs[0]);
    expected.sort_unstable();
    same("keys", &expected, &words(&outputs[0]))
}
