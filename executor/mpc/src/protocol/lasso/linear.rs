//! Products and linear systems of several small matrices at once.

use super::moments::pick;
use super::problem::{FRACTION, bits_of};
use crate::planes::as_u32;
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
    let entries = Entries::of(shape, columns, shape.entries(columns));
    let terms: Vec<_> = (0..shape.size).map(|k| entries.term(k, a, b)).collect();
    sum_of_products(ctx, &terms.iter().map(|(x, y)| (x, y)).collect::<Vec<_>>()).await
}

/// `(A X, A A)` for every lane, with `X` of `columns` columns and `A` symmetric: of the square, only the upper
/// triangle is computed and sent.
async fn multiply_and_square(
    ctx: &Context,
    shape: Shape,
    a: &Shared<u128>,
    x: &Shared<u128>,
    columns: usize,
) -> Result<Shared<u128>> {
    let product = Entries::of(shape, columns, shape.entries(columns));
    let square = Entries::of(shape, shape.size, shape.entries(shape.size).filter(|&(_, i, j)| i <= j));
    let term = |k| {
        let ((left, right), (square_left, square_right)) = (product.term(k, a, x), square.term(k, a, a));
        (Shared::concat(&[&left, &square_left]), Shared::concat(&[&right, &square_right]))
    };
    let terms: Vec<_> = (0..shape.size).map(term).collect();
    sum_of_products(ctx, &terms.iter().map(|(x, y)| (x, y)).collect::<Vec<_>>()).await
}

/// The square from its upper triangle.
fn mirrored(shape: Shape, upper: &Shared<u128>) -> Shared<u128> {
    let size = shape.size;
    let place = |(l, i, j): (usize, usize, usize)| {
        let (i, j) = (i.min(j), i.max(j));
        l * size * (size + 1) / 2 + i * size - i * (i + 1) / 2 + j
    };
    pick(upper, shape.entries(size).map(place))
}

/// Where the operands of some entries of a product are: for the first term; term `k` is `k` strides further.
struct Entries {
    left: Vec<u32>,
    right: Vec<u32>,
    columns: u32,
}

impl Entries {
    fn of(shape: Shape, columns: usize, entries: impl Iterator<Item = (usize, usize, usize)>) -> Entries {
        let Shape { size, .. } = shape;
        let place = |(l, i, j)| (as_u32((l * size + i) * size), as_u32(l * size * columns + j));
        let (left, right) = entries.map(place).unzip();
        Entries { left, right, columns: as_u32(columns) }
    }

    fn term(&self, k: usize, a: &Shared<u128>, b: &Shared<u128>) -> (Shared<u128>, Shared<u128>) {
        let k = as_u32(k);
        let moved = |places: &[u32], by: u32| places.iter().map(|p| p + by).collect::<Vec<u32>>();
        (a.gather(&moved(&self.left, k)), b.gather(&moved(&self.right, k * self.columns)))
    }
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
        let step = ctx.step("product");
        let last = index + 1 == doublings;
        let product = if last {
            multiply(&step, shape, &power, &x, columns).await?
        } else {
            multiply_and_square(&step, shape, &power, &x, columns).await?
        };
        let product = truncate(&ctx.step("truncate"), &product, FRACTION).await?;
        if !last {
            power = mirrored(shape, &product.slice(x.len()..product.len()));
        }
        x = x.add(&product.slice(0..x.len()));
    }
    Ok(x)
}

/// Doublings that solve systems whose smallest eigenvalue is at least `2^-bits` to a relative error of 1e-7.
pub(crate) fn doublings(size: usize, bits: u32) -> usize {
    (bits_of(size) + bits + 3) as usize
}
