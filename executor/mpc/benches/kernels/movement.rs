//! Permutations, compaction, gathering, sorting, merging.

use mpc::sort::{Direction, Key};
use mpc::{Column, Context, Seat, arrange, counting, fill, gather, merge, permute, rank, shuffle, sort};

use crate::inputs::Inputs;
use crate::{FEW, Kernel, MANY, SOME, kernel};

/// 8 bytes and 64 planes.
fn table(i: &Inputs) -> Vec<Column> {
    vec![Column::U64(i.x.clone()), Column::Bits(i.keys.clone())]
}

/// The first planes of the keys.
fn key(ctx: &Context, i: &Inputs, planes: usize) -> Key {
    Key::unsigned(ctx, &i.keys.planes(0..planes), Direction::Ascending)
}

pub(crate) fn kernels() -> Vec<Kernel> {
    vec![
        kernel!("arrange::move_to", MANY, |ctx, i| arrange::move_to(&ctx, table(i), &i.order).await),
        kernel!("arrange::invert", MANY, |ctx, i| arrange::invert(&ctx, &i.order).await),
        kernel!("arrange::take_from", MANY, |ctx, i| arrange::take_from(&ctx, table(i), &i.order).await),
        kernel!("arrange::compose", MANY, |ctx, i| arrange::compose(&ctx, &i.order, &i.order).await),
        kernel!("arrange::compact", MANY, |ctx, i| arrange::compact(&ctx, table(i), &i.flags).await),
        kernel!("counting::destinations", "4 planes", MANY, |ctx, i| {
            counting::destinations(&ctx, &i.keys.planes(0..4)).await
        }),
        kernel!("shuffle::shuffle", MANY, |ctx, i| shuffle::shuffle(&ctx, table(i)).await),
        kernel!("fill::fill", MANY, |ctx, i| fill::fill(&ctx, table(i), &i.flags).await),
        kernel!("permute::permute_known", MANY, |ctx, i| {
            permute::permute_known(&ctx, table(i), Seat::P0, Some(&i.known)).await
        }),
        kernel!("gather::gather_known", MANY, |ctx, i| {
            gather::gather_known(&ctx, table(i), Seat::P0, Some(&i.known), i.rows).await
        }),
        kernel!("gather::place_known", MANY, |ctx, i| {
            gather::place_known(&ctx, table(i), Seat::P0, Some(&i.known), i.rows).await
        }),
        kernel!("sort::sort", "64 planes", MANY, |ctx, i| {
            sort::sort(&ctx, vec![Column::Bits(i.keys.clone())], &[key(&ctx, i, 64)]).await
        }),
        kernel!("sort::sort", "40 planes, by ranks", 256, |ctx, i| {
            sort::sort(&ctx, table(i), &[key(&ctx, i, 40)]).await
        }),
        kernel!("sort::order", "16 planes", MANY, |ctx, i| sort::order(&ctx, &i.keys.planes(0..16)).await),
        kernel!("sort::top_k", "10 by 40 planes", SOME, |ctx, i| {
            sort::top_k(&ctx, table(i), &[key(&ctx, i, 40)], 10).await
        }),
        kernel!("rank::sort_blocks", "blocks of 32 by 40 planes", SOME, |ctx, i| {
            rank::sort_blocks(&ctx, table(i), &i.keys.planes(0..40), 32).await
        }),
        kernel!("merge::merge", "64 planes", FEW, |ctx, i| merge::merge(&ctx, &i.keys, &i.other, 0).await),
    ]
}
