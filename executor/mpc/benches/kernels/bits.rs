//! Gates, comparisons of planes, one-hot codes, runs.

use mpc::{bits, compare, one_hot, read, segmented, select};

use crate::{Kernel, MANY, kernel};

pub(crate) fn kernels() -> Vec<Kernel> {
    vec![
        kernel!("bits::and", MANY, |ctx, i| bits::and(&ctx, &i.keys, &i.other).await),
        kernel!("bits::or", MANY, |ctx, i| bits::or(&ctx, &i.keys, &i.other).await),
        kernel!("bits::and_bit", MANY, |ctx, i| bits::and_bit(&ctx, &i.flags, &i.keys).await),
        kernel!("bits::and_all", MANY, |ctx, i| bits::and_all(&ctx, &i.keys).await),
        kernel!("bits::or_all", MANY, |ctx, i| bits::or_all(&ctx, &i.keys).await),
        kernel!("bits::suffix_or", MANY, |ctx, i| bits::suffix_or(&ctx, &i.keys).await),
        kernel!("bits::and_many", MANY, |ctx, i| bits::and_many(&ctx, &[&i.keys, &i.other, &i.keys]).await),
        kernel!("bits::or_many", MANY, |ctx, i| bits::or_many(&ctx, &[&i.keys, &i.other, &i.keys]).await),
        kernel!("compare::less_than_planes", MANY, |ctx, i| {
            compare::less_than_planes(&ctx, &i.keys, &i.other).await
        }),
        kernel!("compare::less_than_planes_public", MANY, |ctx, i| {
            compare::less_than_planes_public(&ctx, &i.keys, 1u64 << 60).await
        }),
        kernel!("compare::equal_planes", MANY, |ctx, i| compare::equal_planes(&ctx, &i.keys, &i.other).await),
        kernel!("compare::equal_planes_public", MANY, |ctx, i| {
            compare::equal_planes_public(&ctx, &i.keys, 7u64).await
        }),
        kernel!("select::select_bits", MANY, |ctx, i| {
            select::select_bits(&ctx, &i.flags, &i.keys, &i.other).await
        }),
        kernel!("one_hot::one_hot", "4 planes", MANY, |ctx, i| one_hot::one_hot(&ctx, &i.keys.planes(0..4))
            .await),
        kernel!("read::read_rows", "8 rows of 64 planes", MANY, |ctx, i| {
            read::read_rows(&ctx, &i.keys, &i.other.planes(0..18).rows(0..8)).await
        }),
        kernel!("segmented::segmented_or", "runs of up to 8", MANY, |ctx, i| {
            segmented::segmented_or(&ctx, &i.flags, &i.keys.plane(0), 8).await
        }),
    ]
}
