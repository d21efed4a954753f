//! Products and linear systems of several small matrices at once.

use rayon::prelude::*;

use super::moments::pick;
use super::problem::{FRACTION, bits_of};
use crate::protocol::product::bilinear;
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

    /// Checks that there are `columns` columns in every lane.
    fn check(self, ctx: &Context, x: &Shared<u128>, columns: usize) -> Result<()> {
        ctx.same_shape(self.lanes * self.size * columns, x.len())
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
/// [`crate::Error::Shape`] if sizes differ; [`crate::Error::Peer`].
pub(crate) async fn multiply(
    ctx: &Context,
    shape: Shape,
    a: &Shared<u128>,
    b: &Shared<u128>,
    columns: usize,
) -> Result<Shared<u128>> {
    shape.check(ctx, a, shape.size)?;
    shape.check(ctx, b, columns)?;
    bilinear(ctx, cross_terms(shape, a, b, columns, Entries::All)).await
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
    shape.check(ctx, a, shape.size)?;
    shape.check(ctx, x, columns)?;
    let mut z = cross_terms(shape, a, x, columns, Entries::All);
    z.extend(cross_terms(shape, a, a, shape.size, Entries::UpperTriangle));
    bilinear(ctx, z).await
}

/// Which entries of a product are wanted.
#[derive(Clone, Copy)]
enum Entries {
    All,
    UpperTriangle,
}

/// The cross terms of the products of all lanes that one seat can compute, row after row: `A_0 (B_0 + B_1) + A_1 B_0`.
fn cross_terms(
    shape: Shape,
    a: &Shared<u128>,
    b: &Shared<u128>,
    columns: usize,
    entries: Entries,
) -> Vec<u128> {
    let (left, right) = (shape.matrix(), shape.size * columns);
    let lane = |lane: usize| {
        let part = |x: &Shared<u128>, len: usize| x.slice(lane * len..(lane + 1) * len);
        lane_terms(shape.size, &part(a, left), &part(b, right), columns, entries)
    };
    (0..shape.lanes).into_par_iter().flat_map_iter(lane).collect()
}

/// As [`cross_terms`], of one lane; rows of `B` are added up, so that all reads are in order.
fn lane_terms(
    size: usize,
    a: &Shared<u128>,
    b: &Shared<u128>,
    columns: usize,
    entries: Entries,
) -> Vec<u128> {
    let sums: Vec<u128> = b.first.iter().zip(&b.second).map(|(x, y)| x.wrapping_add(*y)).collect();
    let mut terms = Vec::with_capacity(size * columns);
    for i in 0..size {
        let from = match entries {
            Entries::All => 0,
            Entries::UpperTriangle => i,
        };
        let start = terms.len();
        terms.resize(start + columns - from, 0u128);
        for k in 0..size {
            let (own, next) = (a.first[i * size + k], a.second[i * size + k]);
            let row = k * columns + from..(k + 1) * columns;
            for ((term, sum), first) in terms[start..].iter_mut().zip(&sums[row.clone()]).zip(&b.first[row]) {
                *term = term.wrapping_add(own.wrapping_mul(*sum)).wrapping_add(next.wrapping_mul(*first));
            }
        }
    }
    terms
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, assert_oblivious, numbers};
    use crate::ideal;

    #[test]
    fn lanes_multiply_on_their_own() {
        for (lanes, size, columns) in [(1, 1, 1), (2, 3, 1), (5, 7, 7), (3, 4, 2)] {
            let shape = Shape { lanes, size };
            let (a, b) =
                (numbers(1, lanes * size * size, 40, true), numbers(2, lanes * size * columns, 40, true));
            let clear = Clear::new().column(&a).column(&b);
            let product = async |ctx: Context, i: crate::harness::Inputs<u128>| {
                multiply(&ctx, shape, &i.x[0], &i.x[1], columns).await
            };
            let run = clear.run::<u128, _>(product);
            let expected = shape.entries(columns).map(|(l, i, j)| {
                let row = &a[(l * size + i) * size..(l * size + i + 1) * size];
                let column: Vec<i128> = (0..size).map(|k| b[(l * size + k) * columns + j]).collect();
                ideal::dot(row, &column)
            });
            assert_eq!(run.values, expected.collect::<Vec<_>>());
            assert_eq!((run.cost.rounds, run.cost.bytes), (1, 16 * lanes * size * columns));
            let other = Clear::new().column(&vec![0; a.len()]).column(&vec![1; b.len()]);
            assert_oblivious::<u128, _>(&clear, &other, product);
        }
    }

    #[test]
    fn squares_of_symmetric_matrices_are_mirrored() {
        let (shape, columns) = (Shape { lanes: 2, size: 5 }, 3);
        let half = numbers(1, 50, 30, true);
        let a: Vec<i128> = shape.entries(5).map(|(l, i, j)| half[l * 25 + i.min(j) * 5 + i.max(j)]).collect();
        let x = numbers(2, 30, 30, true);
        let run = Clear::new().column(&a).column(&x).run::<u128, _>(async |ctx, i| {
            let both = multiply_and_square(&ctx.step("both"), shape, &i.x[0], &i.x[1], columns).await?;
            let square = mirrored(shape, &both.slice(30..both.len()));
            let expected = multiply(&ctx.step("square"), shape, &i.x[0], &i.x[0], 5).await?;
            let product = multiply(&ctx.step("product"), shape, &i.x[0], &i.x[1], columns).await?;
            Ok(vec![square.sub(&expected), both.slice(0..30).sub(&product)])
        });
        assert_eq!(run.values, [0; 80]);
    }
}
