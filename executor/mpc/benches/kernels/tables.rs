//! Grouping and joining.

use mpc::join::{self, Inputs as How, UniqueSide};
use mpc::quantile::{self, Level, Pick, Values};
use mpc::{Column, group, pooled};

use crate::inputs::Inputs;
use crate::{Kernel, SOME, kernel};

/// Planes of a key.
const KEY: usize = 16;

/// Values to pick from.
fn values(i: &Inputs) -> Values {
    Values { planes: i.other.planes(0..KEY), present: i.flags.clone() }
}

pub(crate) fn kernels() -> Vec<Kernel> {
    vec![
        kernel!("group::sums_by_key", SOME, |ctx, i| {
            group::sums_by_key(&ctx, &i.keys.planes(0..KEY), &i.flags, vec![Column::U64(i.x.clone())], i.rows)
                .await
        }),
        kernel!("quantile::pick_by_key", "medians", SOME, |ctx, i| {
            let picks = [Pick::Interpolated(Level { numerator: 1, denominator: 2 })];
            quantile::pick_by_key(&ctx, &i.keys.planes(0..4), &i.flags, &values(i), &picks, 16).await
        }),
        kernel!("quantile::distinct_by_key", SOME, |ctx, i| {
            quantile::distinct_by_key(&ctx, &i.keys.planes(0..4), &i.flags, &values(i), 16).await
        }),
        kernel!("pooled::pool", "runs of 8", SOME, |ctx, i| {
            pooled::pool(&ctx, &[i.ones.clone(), i.ones.clone()], &[3, 0], 8, 20).await
        }),
        kernel!("join::join", "as many on both sides, sorted", SOME, |ctx, i| {
            let columns = vec![Column::U64(i.x.clone())];
            let unique = UniqueSide { keys: i.keys.planes(0..48), valid: i.flags.clone(), columns };
            join::join(&ctx, unique, &i.other.planes(0..48), &i.flags, How::Sorted).await
        }),
        kernel!("join::semi_join", "as many on both sides", SOME, |ctx, i| {
            let (keys, others) = (i.keys.planes(0..48), i.other.planes(0..48));
            join::semi_join(&ctx, &keys, &i.flags, &others, &i.flags, How::Unsorted).await
        }),
        kernel!("join::require_unique", 1, |ctx, i| {
            ctx.declare("unique", 1);
            // Never refused: a bit and itself.
            join::require_unique(&ctx, "unique", &i.flags.xor(&i.flags)).await
        }),
    ]
}
