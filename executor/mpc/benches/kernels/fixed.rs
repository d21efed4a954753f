//! Fixed-point numerics.

use mpc::fixed::{self, MANTISSA, Piecewise};

use crate::{Kernel, SOME, kernel};

/// Numbers are below 4^20.
const LEVELS: usize = 21;

pub(crate) fn kernels() -> Vec<Kernel> {
    vec![
        kernel!("fixed::truncated_product", SOME, |ctx, i| {
            fixed::truncated_product(&ctx, &i.wide, &i.wide, 40).await
        }),
        kernel!("fixed::quotient", SOME, |ctx, i| fixed::quotient(&ctx, &i.wide, &i.wide, 20).await),
        kernel!("fixed::rescale", SOME, |ctx, i| fixed::rescale(&ctx, &i.wide, 30, 7).await),
        kernel!("fixed::sigmoid", SOME, |ctx, i| fixed::sigmoid(&ctx, &i.x, 32, 20, 30).await),
        kernel!("fixed::piecewise", SOME, |ctx, i| {
            let line = Piecewise::new(|half| vec![i128::from(half + 64) << 53, 1 << 53], 1);
            fixed::piecewise(&ctx, &line, &i.x, 40, 30, 20).await
        }),
        kernel!("fixed::polynomial", "degree 8", SOME, |ctx, i| {
            fixed::polynomial(&ctx, &i.wide, &[1 << MANTISSA; 9]).await
        }),
        kernel!("fixed::exponential", SOME, |ctx, i| fixed::exponential(&ctx, &i.wide, 38, 50).await),
        kernel!("fixed::logarithm", SOME, |ctx, i| fixed::logarithm(&ctx, &i.wide, LEVELS).await),
        kernel!("fixed::shifts", SOME, |ctx, i| fixed::shifts(&ctx, &i.wide, LEVELS).await),
        kernel!("fixed::inverse_sqrt", SOME, |ctx, i| {
            let from_a_quarter = i.wide.clone().add_constant(ctx.seat(), 1 << (MANTISSA - 2));
            fixed::inverse_sqrt(&ctx, &from_a_quarter).await
        }),
        kernel!("fixed::square_root", SOME, |ctx, i| fixed::square_root(&ctx, &i.wide, LEVELS, 30).await),
        kernel!("fixed::inverse_square_root", SOME, |ctx, i| {
            fixed::inverse_square_root(&ctx, &i.wide, LEVELS, 30).await
        }),
        kernel!("fixed::reciprocal", SOME, |ctx, i| fixed::reciprocal(&ctx, &i.wide, LEVELS, 30).await),
        kernel!("fixed::divide_by_root", SOME, |ctx, i| {
            fixed::divide_by_root(&ctx, &i.wide, &i.wide, LEVELS, 30).await
        }),
        kernel!("fixed::running_products", "runs of 64", SOME, |ctx, i| {
            fixed::running_products(&ctx, &i.wide, 64, 60).await
        }),
    ]
}
