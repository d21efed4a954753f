//! Products: multiplication, dot products, matrix products.
//!
//! Paper: [Araki, Furukawa, Lindell, Nof and Ohara, CCS 2016](https://eprint.iacr.org/2016/768), section 3. Each seat
//! computes the cross terms that it can, adds its part of a sharing of zero, and hands the result to its previous
//! neighbour. Differs from the paper: share order (x_i, x_{i+1}), replicated sums instead of differences.
//! Model: semi-honest, 1 of 3. A sum of products costs as much as one product, whatever its length.

use std::ops::Range;

use rayon::prelude::*;

use crate::{Context, Result, Ring, Shared, pool};

/// Rows of a block whose columns stay in the cache while all tiles pass over it.
const BLOCK: usize = 1024;
/// Rows of one unit of work of a thread.
const UNIT: usize = 1 << 16;

/// Makes every product over a ring: reshares the local cross terms `z` of one relation per element.
///
/// The result is *unverified* in the sense of [`super::verify`]: linear maps and further products may use it, and
/// nothing can be opened before the relation has been checked there.
pub(super) async fn bilinear<R: Ring>(ctx: &Context, z: Vec<R>) -> Result<Shared<R>> {
    let products = bilinear_of(ctx, z.len(), |rows, out| out.extend_from_slice(&z[rows])).await;
    pool::give(z);
    products
}

/// As [`bilinear`], without its round: the products in three parts, one at each seat, for who moves on with them at once.
pub(super) fn masked<R: Ring>(ctx: &Context, mut z: Vec<R>) -> Result<Vec<R>> {
    let random = ctx.random()?;
    random.first(0).apply(&mut z, R::plus);
    random.second(0).apply(&mut z, R::minus);
    Ok(z)
}

/// As [`bilinear`], of cross terms that `cross` appends for a range of rows: they are masked and on their way while they
/// are still in the cache, and the next ones are made meanwhile.
async fn bilinear_of<R: Ring>(
    ctx: &Context,
    len: usize,
    mut cross: impl FnMut(Range<usize>, &mut Vec<R>),
) -> Result<Shared<R>> {
    let random = ctx.random()?;
    let (mut first, mut second) = (random.first(0), random.second(0));
    let masked = |rows: Range<usize>, z: &mut Vec<R>| {
        cross(rows.clone(), z);
        first.apply(&mut z[rows.clone()], R::plus);
        second.apply(&mut z[rows], R::minus);
    };
    let (z, next) = ctx.exchange_made(ctx.seat().previous(), ctx.seat().next(), len, masked).await?;
    Ok(Shared::from_parts(z, next))
}

/// The cross terms of a product that one seat can compute: `x_i y_i + x_i y_{i+1} + x_{i+1} y_i`.
#[inline]
pub(super) fn cross<R: Ring>(x: (R, R), y: (R, R)) -> R {
    x.0.times(y.0.plus(y.1)).plus(x.1.times(y.0))
}

/// Multiplies two columns, element by element.
///
/// Shapes: `x`, `y` of length n -> n.
/// Cost: 1 round, n elements sent by each seat.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Peer`].
pub async fn mul<R: Ring>(ctx: &Context, x: &Shared<R>, y: &Shared<R>) -> Result<Shared<R>> {
    ctx.same_shape(x.len(), y.len())?;
    let products = |rows: Range<usize>, z: &mut Vec<R>| {
        let x = x.first[rows.clone()].iter().zip(&x.second[rows.clone()]);
        let y = y.first[rows.clone()].iter().zip(&y.second[rows]);
        z.extend(x.zip(y).map(|((&a, &b), (&c, &d))| cross((a, b), (c, d))));
    };
    bilinear_of(ctx, x.len(), products).await
}

/// Sums of products: element `i` is the sum over all pairs of `x[i] * y[i]`.
///
/// Shapes: all columns of length n -> n. At least one pair.
/// Cost: 1 round, n elements sent by each seat.
///
/// # Errors
/// As [`mul`].
pub async fn sum_of_products<R: Ring>(
    ctx: &Context,
    pairs: &[(&Shared<R>, &Shared<R>)],
) -> Result<Shared<R>> {
    let len = pairs.first().map_or(0, |(x, _)| x.len());
    for (x, y) in pairs {
        ctx.same_shape(len, x.len())?;
        ctx.same_shape(len, y.len())?;
    }
    let sums = |rows: Range<usize>, z: &mut Vec<R>| {
        z.resize(rows.end, R::ZERO);
        for (x, y) in pairs {
            let x = x.first[rows.clone()].iter().zip(&x.second[rows.clone()]);
            let y = y.first[rows.clone()].iter().zip(&y.second[rows.clone()]);
            for (z, ((&a, &b), (&c, &d))) in z[rows.clone()].iter_mut().zip(x.zip(y)) {
                *z = z.plus(cross((a, b), (c, d)));
            }
        }
    };
    bilinear_of(ctx, len, sums).await
}

/// Dot products: output `k` is the sum over all rows of the products of pair `k`.
///
/// Shapes: the two columns of a pair have the same length -> one element per pair.
/// Cost: 1 round, one element per pair sent by each seat.
///
/// # Errors
/// As [`mul`].
pub async fn dot<R: Ring>(ctx: &Context, pairs: &[(&Shared<R>, &Shared<R>)]) -> Result<Shared<R>> {
    let mut z = Vec::with_capacity(pairs.len());
    for (x, y) in pairs {
        ctx.same_shape(x.len(), y.len())?;
        z.push(cross_matrix(&[x], &[y])[0]);
    }
    bilinear(ctx, z).await
}

/// Dot products of every column of `a` with every column of `b`: A' B.
///
/// Shapes: p columns and q columns of length n -> p q elements, output `i q + j` for `a[i]` and `b[j]`.
/// Cost: 1 round, p q elements sent by each seat, whatever n is.
///
/// # Errors
/// As [`mul`].
pub async fn matmul<R: Ring>(ctx: &Context, a: &[&Shared<R>], b: &[&Shared<R>]) -> Result<Shared<R>> {
    let rows = a.iter().chain(b).next().map_or(0, |x| x.len());
    for x in a.iter().chain(b) {
        ctx.same_shape(rows, x.len())?;
    }
    bilinear(ctx, cross_matrix(a, b)).await
}

/// Sums of columns with shared weights, row by row: A w for each column of weights.
///
/// A one-hot code reads a table in this way.
/// Shapes: k columns of length n, q columns of k weights -> q n elements, output `j n + i` for weights `j` and row `i`.
/// Cost: 1 round, q n elements sent by each seat, whatever k is.
///
/// # Errors
/// As [`mul`].
pub async fn weighted_sums<R: Ring>(
    ctx: &Context,
    columns: &[&Shared<R>],
    weights: &[&Shared<R>],
) -> Result<Shared<R>> {
    let rows = columns.first().map_or(0, |x| x.len());
    for x in columns {
        ctx.same_shape(rows, x.len())?;
    }
    for x in weights {
        ctx.same_shape(columns.len(), x.len())?;
    }
    let mut z = vec![R::ZERO; rows * weights.len()];
    for (z, weights) in z.chunks_mut(rows.max(1)).zip(weights) {
        z.par_chunks_mut(BLOCK).enumerate().for_each(|(block, z)| {
            let from = block * BLOCK;
            let factors = weights.first.iter().zip(&weights.second);
            for (x, (&c, &d)) in columns.iter().zip(factors) {
                let x = x.first[from..].iter().zip(&x.second[from..]);
                for (z, (&a, &b)) in z.iter_mut().zip(x) {
                    *z = z.plus(cross((a, b), (c, d)));
                }
            }
        });
    }
    bilinear(ctx, z).await
}

/// Dot products of all pairs of the given columns: X' X.
///
/// By symmetry only the upper triangle is computed and sent.
/// Shapes: p columns of length n -> p^2 elements, output `i p + j` for columns `i` and `j`.
/// Cost: 1 round, p (p + 1) / 2 elements sent by each seat, whatever n is.
///
/// # Errors
/// As [`mul`].
pub async fn gram<R: Ring>(ctx: &Context, columns: &[&Shared<R>]) -> Result<Shared<R>> {
    let p = columns.len();
    let rows = columns.first().map_or(0, |x| x.len());
    for x in columns {
        ctx.same_shape(rows, x.len())?;
    }
    let z = cross_gram(columns);
    let upper = bilinear(ctx, z).await?;
    let place = |i: usize, j: usize| crate::planes::as_u32(i * p + j - i * (i + 1) / 2);
    let full: Vec<u32> =
        (0..p).flat_map(|i| (0..p).map(move |j| (i.min(j), i.max(j)))).map(|(i, j)| place(i, j)).collect();
    Ok(upper.gather(&full))
}

/// The cross terms of A' B, by units of rows in parallel.
fn cross_matrix<R: Ring>(a: &[&Shared<R>], b: &[&Shared<R>]) -> Vec<R> {
    let rows = a.first().map_or(0, |x| x.len());
    sum_over_units(rows, a.len() * b.len(), |start, end, out| {
        let mut sums = vec![vec![R::ZERO; BLOCK]; b.len()];
        for from in (start..end).step_by(BLOCK) {
            let to = end.min(from + BLOCK);
            for (sum, y) in sums.iter_mut().zip(b) {
                for (s, (&c, &d)) in sum.iter_mut().zip(y.first[from..to].iter().zip(&y.second[from..to])) {
                    *s = c.plus(d);
                }
            }
            let left = |i: usize| (&a[i].first[from..to], &a[i].second[from..to]);
            let right = |j: usize| (&sums[j][..to - from], &b[j].first[from..to]);
            tiles((a.len(), b.len()), |i, j| Some(i * b.len() + j), left, right, out);
        }
    })
}

/// The cross terms of the upper triangle of X' X: Gram(x_i + x_{i+1}) - Gram(x_{i+1}), two products instead of three.
fn cross_gram<R: Ring>(columns: &[&Shared<R>]) -> Vec<R> {
    let p = columns.len();
    let rows = columns.first().map_or(0, |x| x.len());
    sum_over_units(rows, p * (p + 1) / 2, |start, end, out| {
        let mut sums = vec![vec![R::ZERO; BLOCK]; p];
        let mut negated = vec![vec![R::ZERO; BLOCK]; p];
        for from in (start..end).step_by(BLOCK) {
            let to = end.min(from + BLOCK);
            for ((sum, negated), x) in sums.iter_mut().zip(&mut negated).zip(columns) {
                for (r, (&c, &d)) in x.first[from..to].iter().zip(&x.second[from..to]).enumerate() {
                    sum[r] = c.plus(d);
                    negated[r] = d.negated();
                }
            }
            let left = |i: usize| (&sums[i][..to - from], &columns[i].second[from..to]);
            let right = |j: usize| (&sums[j][..to - from], &negated[j][..to - from]);
            let place = |i: usize, j: usize| (i <= j).then(|| i * p + j - i * (i + 1) / 2);
            tiles((p, p), place, left, right, out);
        }
    })
}

/// Sums `work(start, end, out)` over units of rows, each on any thread.
fn sum_over_units<R: Ring>(
    rows: usize,
    outputs: usize,
    work: impl Fn(usize, usize, &mut [R]) + Sync,
) -> Vec<R> {
    let unit = |index: usize| {
        let mut out = vec![R::ZERO; outputs];
        work(index * UNIT, rows.min((index + 1) * UNIT), &mut out);
        out
    };
    let add = |mut x: Vec<R>, y: Vec<R>| {
        x.iter_mut().zip(y).for_each(|(a, b)| *a = a.plus(b));
        x
    };
    match rows.div_ceil(UNIT) {
        0 => vec![R::ZERO; outputs],
        1 => unit(0),
        units => (0..units).into_par_iter().map(unit).reduce(|| vec![R::ZERO; outputs], add),
    }
}

/// Two columns that stand for one factor.
type Pair<'a, R> = (&'a [R], &'a [R]);

/// Adds, for each pair that has a place, the sum over rows of `l.0 r.0 + l.1 r.1`, in tiles of 2 x 2 columns.
fn tiles<'a, R: Ring>(
    (p, q): (usize, usize),
    place: impl Fn(usize, usize) -> Option<usize>,
    left: impl Fn(usize) -> Pair<'a, R>,
    right: impl Fn(usize) -> Pair<'a, R>,
    out: &mut [R],
) {
    for i in (0..p).step_by(2) {
        let rows = [left(i), left((i + 1).min(p - 1))];
        for j in (0..q).step_by(2) {
            let last = (j + 1).min(q - 1);
            if place(i, last).is_none() {
                continue;
            }
            let sums = tile(rows, [right(j), right(last)]);
            for (row, sums) in (i..p).zip(sums) {
                for (column, sum) in (j..q).zip(sums) {
                    if let Some(at) = place(row, column) {
                        out[at] = out[at].plus(sum);
                    }
                }
            }
        }
    }
}

/// The four sums of one tile.
#[inline]
fn tile<R: Ring>(left: [Pair<'_, R>; 2], right: [Pair<'_, R>; 2]) -> [[R; 2]; 2] {
    let n = left[0].0.len();
    let [(a0, a1), (b0, b1)] = left.map(|x| (&x.0[..n], &x.1[..n]));
    let [(c0, c1), (d0, d1)] = right.map(|x| (&x.0[..n], &x.1[..n]));
    let mut sums = [[R::ZERO; 2]; 2];
    for r in 0..n {
        sums[0][0] = sums[0][0].plus(a0[r].times(c0[r]).plus(a1[r].times(c1[r])));
        sums[0][1] = sums[0][1].plus(a0[r].times(d0[r]).plus(a1[r].times(d1[r])));
        sums[1][0] = sums[1][0].plus(b0[r].times(c0[r]).plus(b1[r].times(c1[r])));
        sums[1][1] = sums[1][1].plus(b0[r].times(d0[r]).plus(b1[r].times(d1[r])));
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, LENGTHS, assert_oblivious, numbers};
    use crate::ideal;

    #[test]
    fn products_equal_the_ideal_and_cost_one_element() {
        for n in LENGTHS {
            let (x, y) = (numbers(1, n, 31, true), numbers(2, n, 31, true));
            let clear = Clear::new().column(&x).column(&y);
            let run = clear.run::<u64, _>(async |ctx, i| mul(&ctx, &i.x[0], &i.x[1]).await);
            assert_eq!(run.values, ideal::mul(&x, &y));
            assert_eq!((run.cost.rounds, run.cost.bytes), (1, 8 * n));
            let run = clear.run::<u128, _>(async |ctx, i| {
                sum_of_products(&ctx, &[(&i.x[0], &i.x[1]), (&i.x[0], &i.x[0])]).await
            });
            let expected: Vec<i128> = ideal::mul(&x, &y).iter().zip(&x).map(|(p, a)| p + a * a).collect();
            assert_eq!(run.values, expected);
        }
    }

    #[test]
    fn dot_products_cost_one_element_whatever_the_length() {
        for n in [0, 1, 65, 3000, (1 << 16) + 1] {
            let columns: Vec<Vec<i128>> = (0..5).map(|k| numbers(k, n, 20, true)).collect();
            let clear = columns.iter().fold(Clear::new(), |c, x| c.column(x));
            let run = clear
                .run::<u64, _>(async |ctx, i| dot(&ctx, &[(&i.x[0], &i.x[1]), (&i.x[2], &i.x[2])]).await);
            let expected = [ideal::dot(&columns[0], &columns[1]), ideal::dot(&columns[2], &columns[2])];
            assert_eq!(run.values, expected);
            assert_eq!((run.cost.rounds, run.cost.bytes), (1, 16));

            let run = clear.run::<u128, _>(async |ctx, i| {
                let (a, b): (Vec<&Shared<u128>>, Vec<&Shared<u128>>) =
                    (i.x[..2].iter().collect(), i.x[2..].iter().collect());
                matmul(&ctx, &a, &b).await
            });
            assert_eq!(run.values, ideal::matmul(&columns[..2], &columns[2..]));
            assert_eq!((run.cost.rounds, run.cost.bytes), (1, 6 * 16));

            let run = clear.run::<u64, _>(async |ctx, i| gram(&ctx, &i.x.iter().collect::<Vec<_>>()).await);
            assert_eq!(run.values, ideal::matmul(&columns, &columns));
            assert_eq!((run.cost.rounds, run.cost.bytes), (1, 15 * 8));
        }
    }

    #[test]
    fn products_are_oblivious_and_survive_tampering() {
        let one = Clear::new().column(&numbers(1, 100, 60, true)).column(&numbers(2, 100, 60, true));
        let other = Clear::new().column(&[0; 100]).column(&[1; 100]);
        assert_oblivious::<u64, _>(&one, &other, async |ctx, i| mul(&ctx, &i.x[0], &i.x[1]).await);
        one.tamper::<u64, _>(async |ctx, i| mul(&ctx, &i.x[0], &i.x[1]).await);
    }
}
