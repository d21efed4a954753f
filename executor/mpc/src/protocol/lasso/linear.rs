//! Products and linear systems of several small matrices at once.

use super::moments::pick;
use super::problem::{FRACTION, bits_of};
use crate::protocol::product::sum_of_products;
use crate::protocol::truncate::truncate;
use crate::{Context, Result, Shared};

/// `lanes` square matrices of `size` rows, lane after lane, row after row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) lanes: usize,
    pub(crate) size: usize,
}

impl Shape {
    fn matrix(self) -> usize {
        self.size * self.size
    }

    /// All entries `(lane, row, column)` of matrices with `columns` columns, in order.
    fn entries(self, columns: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        let size = self.size;
        (0..self.lanes).flat_map(move |l| (0..size).flat_map(move |i| (0..columns).map(move |j| (l, i, j))))
    }

    /// The identity of every lane, times `2^FRACTION`.
    pub(crate) fn identity(self) -> Vec<u128> {
        self.entries(self.size).map(|(_, i, j)| u128::from(i == j) << FRACTION).collect()
    }
}

/// `A B` for every lane: `A` is `size x size`, `B` is `size x columns`.
///
/// Cost: 1 round, one element per entry of the result.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn multiply(
    ctx: &Context,
    shape: Shape,
    a: &Shared<u128>,
    b: &Shared<u128>,
    columns: usize,
) -> Result<Shared<u128>> {
    let terms: Vec<(Shared<u128>, Shared<u128>)> = (0..shape.size)
        .map(|k| {
            let left = pick(a, shape.entries(columns).map(|(l, i, _)| (l * shape.size + i) * shape.size + k));
            let right = pick(b, shape.entries(columns).map(|(l, _, j)| (l * shape.size + k) * columns + j));
            (left, right)
        })
        .collect();
    sum_of_products(ctx, &terms.iter().map(|(x, y)| (x, y)).collect::<Vec<_>>()).await
}

/// A family of linear systems `M x = b` with symmetric positive semidefinite `M`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Systems<'a> {
    /// Lanes and size.
    pub(crate) shape: Shape,
    /// The matrices.
    pub(crate) matrices: &'a Shared<u128>,
    /// Public bounds on the largest eigenvalue of each lane, times 256.
    pub(crate) bounds_256: &'a [u64],
    /// How often the approximation is doubled: see [`solve`].
    pub(crate) doublings: usize,
}

/// Solves all systems for `columns` right-hand sides each.
///
/// With `theta = 1.9 / bound` and `E = I - theta M`, whose eigenvalues are in `[-0.9, 1]`, the solution is
/// `theta (I + E + E^2 + ...) b`, and `2^K` terms of the series are the product of `I + E^(2^k)` for `k < K`: one
/// squaring and one product per doubling, both in the same rounds. For an eigenvalue `lambda` the relative error is
/// `(1 - theta lambda)^(2^K)`; with `lambda = 0` the result grows to `2^K theta |b|`, so singular systems stay finite.
/// Differs from Newton and Schulz by using the powers of `E` instead of the residual: two rounds less per doubling;
/// an error of `E` acts like the same error of `theta M`, which 44 fractional bits make negligible.
/// Range: entries of `E` are at most 1 and those of `x` at most `2^K theta |b|`.
/// Cost: `2 + 2 K` products and truncations.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn solve(
    ctx: &Context,
    systems: Systems<'_>,
    right: &Shared<u128>,
    columns: usize,
) -> Result<Shared<u128>> {
    let Systems { shape, matrices, bounds_256, doublings } = systems;
    let theta = |lane: &u64| (19u128 << (FRACTION + 8)) / (10 * u128::from((*lane).max(1)));
    let each = |len: usize| bounds_256.iter().flat_map(|b| vec![theta(b); len]).collect::<Vec<u128>>();
    let scaled = Shared::concat(&[
        &matrices.scale_by(&each(shape.matrix())),
        &right.scale_by(&each(shape.size * columns)),
    ]);
    let scaled = truncate(&ctx.step("scale"), &scaled, FRACTION).await?;
    let mut power = scaled.slice(0..matrices.len()).neg().add_public(ctx.seat(), &shape.identity());
    let mut x = scaled.slice(matrices.len()..scaled.len());
    for index in 0..doublings {
        let ctx = ctx.nth(index);
        // The power of the next doubling and this one's product are one product with `columns` more columns.
        let last = index + 1 == doublings;
        let both = if last { x.clone() } else { beside(shape, &x, columns, &power) };
        let width = if last { columns } else { columns + shape.size };
        let product = multiply(&ctx.step("product"), shape, &power, &both, width).await?;
        let product = truncate(&ctx.step("truncate"), &product, FRACTION).await?;
        let column = |from: usize, count: usize| {
            pick(&product, shape.entries(count).map(|(l, i, j)| (l * shape.size + i) * width + from + j))
        };
        x = x.add(&column(0, columns));
        if !last {
            power = column(columns, shape.size);
        }
    }
    Ok(x)
}

/// `(x, m)` for every lane, where `x` has `columns` columns and `m` is square.
fn beside(shape: Shape, x: &Shared<u128>, columns: usize, m: &Shared<u128>) -> Shared<u128> {
    let all = Shared::concat(&[x, m]);
    let place = |(l, i, j): (usize, usize, usize)| {
        let row = l * shape.size + i;
        if j < columns { row * columns + j } else { x.len() + row * shape.size + j - columns }
    };
    pick(&all, shape.entries(columns + shape.size).map(place))
}

/// Doublings that solve systems whose smallest eigenvalue is at least `2^-bits` to a relative error of 1e-7.
pub(crate) fn doublings(size: usize, bits: u32) -> usize {
    (bits_of(size) + bits + 3) as usize
}
