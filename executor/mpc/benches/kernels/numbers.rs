//! Products, comparisons, conversions, truncation, division, input and opening.

use mpc::quotient::Widths;
use mpc::{Planes, Seat, compare, convert, divide, inject, input, open, product, quotient, select, truncate};

use crate::{FEW, Kernel, MANY, SOME, kernel};

pub(crate) fn kernels() -> Vec<Kernel> {
    [products(), comparisons(), conversions(), divisions(), transfers()].into_iter().flatten().collect()
}

fn products() -> Vec<Kernel> {
    vec![
        kernel!("product::mul", MANY, |ctx, i| product::mul(&ctx, &i.x, &i.y).await),
        kernel!("product::mul", "128 bits", MANY, |ctx, i| product::mul(&ctx, &i.wide, &i.wide).await),
        kernel!("product::sum_of_products", MANY, |ctx, i| {
            product::sum_of_products(&ctx, &[(&i.x, &i.y), (&i.y, &i.y)]).await
        }),
        kernel!("product::dot", MANY, |ctx, i| product::dot(&ctx, &[(&i.x, &i.y)]).await),
        kernel!("product::matmul", "1 x 16", MANY, |ctx, i| product::matmul(&ctx, &[&i.x], &[&i.y; 16])
            .await),
        kernel!("product::gram", "16 columns", MANY, |ctx, i| product::gram(&ctx, &[&i.x; 16]).await),
        kernel!("product::weighted_sums", "4 columns", MANY, |ctx, i| {
            product::weighted_sums(&ctx, &[&i.x; 4], &[&i.y.slice(0..4)]).await
        }),
        kernel!("inject::sum_by_bits", MANY, |ctx, i| inject::sum_by_bits(&ctx, &[(&i.flags, &i.x)]).await),
        kernel!("inject::bit_and_product", MANY, |ctx, i| {
            inject::bit_and_product(&ctx, &i.flags, &i.x).await
        }),
    ]
}

fn comparisons() -> Vec<Kernel> {
    vec![
        kernel!("compare::is_negative", MANY, |ctx, i| compare::is_negative(&ctx, &i.x, 64).await),
        kernel!("compare::less_than", "63 bits", MANY, |ctx, i| compare::less_than(&ctx, &i.x, &i.y, 63)
            .await),
        kernel!("compare::less_than", "8 bits", MANY, |ctx, i| compare::less_than(&ctx, &i.x, &i.y, 8).await),
        kernel!("compare::less_than_public", MANY, |ctx, i| {
            compare::less_than_public(&ctx, &i.x, 1 << 20, 62).await
        }),
        kernel!("compare::equal", MANY, |ctx, i| compare::equal(&ctx, &i.x, &i.y, 64).await),
        kernel!("select::select", MANY, |ctx, i| select::select(&ctx, &i.flags, &i.x, &i.y).await),
        kernel!("select::mul_by_bit", MANY, |ctx, i| select::mul_by_bit(&ctx, &i.flags, &i.x).await),
        kernel!("select::min", MANY, |ctx, i| select::min(&ctx, &i.x, &i.y, 62).await),
        kernel!("select::max", MANY, |ctx, i| select::max(&ctx, &i.x, &i.y, 62).await),
        kernel!("select::clamp", MANY, |ctx, i| select::clamp(&ctx, &i.x, 9, 1 << 20, 62).await),
        kernel!("select::abs", MANY, |ctx, i| select::abs(&ctx, &i.x, 62).await),
    ]
}

fn conversions() -> Vec<Kernel> {
    vec![
        kernel!("convert::bit_to_arithmetic", "15 planes, 32 bits", MANY, |ctx, i| {
            convert::bit_to_arithmetic::<u32>(&ctx, &i.keys.planes(0..15)).await
        }),
        kernel!("convert::one_bit_to_arithmetic", MANY, |ctx, i| {
            convert::one_bit_to_arithmetic::<u64>(&ctx, &i.flags).await
        }),
        kernel!("convert::planes_to_arithmetic", "16 planes", MANY, |ctx, i| {
            convert::planes_to_arithmetic::<u64>(&ctx, &i.keys.planes(0..16)).await
        }),
        kernel!("convert::signed_planes_to_arithmetic", "16 planes", MANY, |ctx, i| {
            convert::signed_planes_to_arithmetic::<u64>(&ctx, &i.keys.planes(0..16)).await
        }),
        kernel!("convert::bits_of", MANY, |ctx, i| convert::bits_of(&ctx, &i.x, 64).await),
        kernel!("truncate::truncate", MANY, |ctx, i| truncate::truncate(&ctx, &i.y, 20).await),
        kernel!("truncate::truncate_exact", MANY, |ctx, i| truncate::truncate_exact(&ctx, &i.y, 20).await),
        kernel!("truncate::round", MANY, |ctx, i| truncate::round(&ctx, &i.y, 20).await),
        kernel!("truncate::widen", MANY, |ctx, i| truncate::widen::<u64, u128>(&ctx, &i.y).await),
    ]
}

fn divisions() -> Vec<Kernel> {
    vec![
        kernel!("divide::divide_by_public", MANY, |ctx, i| divide::divide_by_public(&ctx, &i.x, 1_000_003)
            .await),
        kernel!("divide::divide_by_public_truncating", MANY, |ctx, i| {
            divide::divide_by_public_truncating(&ctx, &i.x, 1_000_003).await
        }),
        kernel!("divide::divide", "128 bits, quotients of 40", FEW, |ctx, i| {
            divide::divide(&ctx, &i.wide, &i.wide, Widths { numerator: 100, divisor: 62 }).await
        }),
        kernel!("quotient::divide_bounded", SOME, |ctx, i| {
            quotient::divide_bounded(&ctx, &i.wide, &i.wide, Widths::WORD).await
        }),
    ]
}

fn transfers() -> Vec<Kernel> {
    vec![
        kernel!("input::input", MANY, |ctx, i| input::input(&ctx, Seat::P0, Some(&i.values), i.rows).await),
        kernel!("input::input_bits", "30 planes", MANY, |ctx, i| {
            let planes = Planes::from_values(&i.values, 30);
            input::input_bits(&ctx, Seat::P0, Some(&planes), i.rows, 30).await
        }),
        kernel!("open::open", MANY, |ctx, i| {
            ctx.declare("all", i.rows);
            open::open(&ctx, "all", &i.x).await
        }),
        kernel!("open::open_bits", MANY, |ctx, i| {
            ctx.declare("all", i.rows);
            open::open_bits(&ctx, "all", &i.keys).await
        }),
        kernel!("open::open_to", MANY, |ctx, i| {
            ctx.declare("all", i.rows);
            open::open_to(&ctx, "all", Seat::P1, &i.x).await
        }),
    ]
}
