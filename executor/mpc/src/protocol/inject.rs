//! Bit injection: numbers times bits that are shared by XOR.
//!
//! The bit is a ^ d, `a` known to the holder and `d` to the two others; the number is x + y, with x = x_c + x_{c+1} known to
//! the holder and y = x_{c+2} to the two others. With s = 1 - 2 d
//!
//! (a ^ d) (x + y) = s (a x) + s y a + d x_{c+1} + d y + d x_c,
//!
//! so the holder inputs a and a x, which it can multiply in the clear, and everything else is a product of what a seat
//! holds of these two and of what it knows. A bit that was converted first would take a round more, and half as many
//! bytes again. Idea: our own; compare the bit injection of [ABY3](https://eprint.iacr.org/2018/403), section 5.4.1, by
//! oblivious transfer. Model: semi-honest, 1 of 3.

use super::roles::{self, Roles, Split};
use super::windows;
use crate::{Context, Planes, Result, Ring, Shared, SharedBits};

/// Rows of a window, whose messages travel while the next one is computed.
const WINDOW: usize = 1 << 16;

/// A bit and a number.
type Term<'a, R> = (&'a SharedBits, &'a Shared<R>);

/// The sum over all terms of the numbers whose bit is 1.
///
/// Shapes: for each of at least one term, n rows of 1 bit and n elements -> n elements.
/// Cost: 2 rounds; a seat sends 2 elements for each term and row of its own third, and one for every row of the other two:
/// (2 m + 2) / 3 n elements for m terms, 10.7 bytes a row for one.
///
/// # Errors
/// [`crate::Error::Shape`] if shapes differ; [`crate::Error::Internal`] without terms; [`crate::Error::Peer`].
pub async fn sum_by_bits<R: Ring>(ctx: &Context, terms: &[Term<'_, R>]) -> Result<Shared<R>> {
    let sum = by_window(ctx, terms, false).await?.pop();
    sum.ok_or_else(|| ctx.internal("a sum is missing"))
}

/// The bit as a number, and the number where the bit is 1.
///
/// Shapes: n rows of 1 bit, n elements -> n elements each.
/// Cost: 2 rounds; 2 n elements sent by each seat.
///
/// # Errors
/// As [`sum_by_bits`].
pub async fn bit_and_product<R: Ring>(
    ctx: &Context,
    bit: &SharedBits,
    x: &Shared<R>,
) -> Result<(Shared<R>, Shared<R>)> {
    let mut both = by_window(ctx, &[(bit, x)], true).await?;
    match (both.pop(), both.pop()) {
        (Some(number), Some(product)) => Ok((number, product)),
        _ => Err(ctx.internal("a product is missing")),
    }
}

/// Window by window of the rows: the sum, and the first bit as a number if it is asked for.
async fn by_window<R: Ring>(ctx: &Context, terms: &[Term<'_, R>], with_bit: bool) -> Result<Vec<Shared<R>>> {
    let Some((first, _)) = terms.first() else { return Err(ctx.internal("no bits to inject")) };
    for (bit, x) in terms {
        ctx.same_shape(1, bit.width())?;
        ctx.same_shape(first.len(), bit.len())?;
        ctx.same_shape(first.len(), x.len())?;
    }
    let windows = windows::split(first.len(), WINDOW);
    if windows.len() == 1 {
        return window(ctx, terms, with_bit).await;
    }
    let each = windows.into_iter().enumerate().map(|(index, rows)| {
        let ctx = ctx.nth(index);
        async move {
            let rows = terms.iter().map(|(bit, x)| (bit.rows(rows.clone()), x.slice(rows.clone())));
            let rows: Vec<(SharedBits, Shared<R>)> = rows.collect();
            let terms: Vec<Term<'_, R>> = rows.iter().map(|(bit, x)| (bit, x)).collect();
            window(&ctx, &terms, with_bit).await
        }
    });
    let windows: Vec<Vec<Shared<R>>> = windows::each(each).await?;
    let output = |index: usize| windows.iter().filter_map(|window| window.get(index)).collect::<Vec<_>>();
    Ok((0..=usize::from(with_bit)).map(|index| Shared::concat(&output(index))).collect())
}

/// The rows of a window.
async fn window<R: Ring>(ctx: &Context, terms: &[Term<'_, R>], with_bit: bool) -> Result<Vec<Shared<R>>> {
    let roles = Roles::new(ctx.seat(), terms.first().map_or(0, |(bit, _)| bit.len()));
    let bits: Vec<Split<Vec<R>>> =
        terms.iter().map(|(bit, _)| roles.view_bits(bit).map(Planes::to_values)).collect();
    let numbers: Vec<Split<Vec<R>>> = terms.iter().map(|(_, x)| roles.view(x)).collect();
    let own: Vec<R> = bits.iter().zip(&numbers).flat_map(|(a, x)| inputs(&a.own, &x.own)).collect();
    let len = roles.ranges().map(|rows| 2 * terms.len() * rows.len());
    let inputs = roles::input(&ctx.step("input"), &own, len.low, len.high).await?;
    let mut low = Products::new(&inputs.low.first, roles.ranges().low.len());
    let mut high = Products::new(&inputs.high.second, roles.ranges().high.len());
    for ((bit, number), (_, x)) in bits.iter().zip(&numbers).zip(terms) {
        let [at_next, at_previous] = roles.single(x);
        // P(c+1) adds d y beside d x_{c+1}.
        low.add(&bit.low, &number.low, |j| at_next[j].plus(number.low[j]));
        high.add(&bit.high, &number.high, |j| at_previous[j]);
    }
    if with_bit && let Some(bit) = bits.first() {
        low.append_bit(&bit.low, R::ONE);
        high.append_bit(&bit.high, R::ZERO);
    }
    let own_len = roles.ranges().own.len() * (1 + usize::from(with_bit));
    let products = roles::swap(&ctx.step("product"), own_len, low.sums, high.sums).await?;
    let output = |index: usize| {
        let rows = roles.ranges();
        let part = |x: &Shared<R>, rows: usize| x.slice(index * rows..(index + 1) * rows);
        let output = Split {
            own: part(&products.own, rows.own.len()),
            low: part(&products.low, rows.low.len()),
            high: part(&products.high, rows.high.len()),
        };
        output.join(ctx.seat())
    };
    Ok((0..=usize::from(with_bit)).map(output).collect())
}

/// What the holder inputs for a term: its bits, and its part of the numbers where they are 1.
fn inputs<R: Ring>(a: &[R], x: &[R]) -> Vec<R> {
    a.iter().copied().chain(a.iter().zip(x).map(|(&a, &x)| a.times(x))).collect()
}

/// What one of the two others makes of its shares of the holder's inputs.
struct Products<'a, R> {
    /// Term by term the bits and the products that the holder made.
    shares: std::slice::ChunksExact<'a, R>,
    /// The bits of the first term.
    bits: &'a [R],
    sums: Vec<R>,
}

impl<'a, R: Ring> Products<'a, R> {
    fn new(shares: &'a [R], rows: usize) -> Self {
        Products {
            shares: shares.chunks_exact((2 * rows).max(1)),
            bits: &shares[..rows.min(shares.len())],
            sums: vec![R::ZERO; rows],
        }
    }

    /// Adds the next term: s (a x + y a) + d `rest`.
    fn add(&mut self, d: &[R], y: &[R], rest: impl Fn(usize) -> R) {
        let Some(shares) = self.shares.next() else { return };
        let (a, ax) = shares.split_at(self.sums.len());
        for (j, sum) in self.sums.iter_mut().enumerate() {
            let product = signed(ax[j].plus(y[j].times(a[j])), d[j]);
            *sum = sum.plus(product).plus(d[j].times(rest(j)));
        }
    }

    /// Appends the bits of the first term: s a, and d at one of the two.
    fn append_bit(&mut self, d: &[R], one: R) {
        let bits = self.bits.iter().zip(d).map(|(&a, &d)| signed(a, d).plus(d.times(one)));
        self.sums.extend(bits);
    }
}

/// x (1 - 2 d) for a bit d.
fn signed<R: Ring>(x: R, d: R) -> R {
    x.minus(d.times(x.plus(x)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, LENGTHS, assert_oblivious, bools, numbers};

    /// Several windows too, and numbers that use the whole ring.
    #[test]
    fn numbers_stay_where_the_bit_is_one() {
        for n in LENGTHS.into_iter().chain([2 * WINDOW + 77]) {
            let (x, y) = (numbers(1, n, 64, true), numbers(2, n, 64, true));
            let (a, b) = (bools(3, n), bools(4, n));
            let clear = Clear::new().column(&x).column(&y).bools(&a).bools(&b);
            let sums = async |ctx: Context, i: crate::harness::Inputs<u64>| {
                sum_by_bits(&ctx, &[(&i.bits[0], &i.x[0]), (&i.bits[1], &i.x[1])]).await
            };
            let run = clear.run::<u64, _>(sums);
            let kept = |bit: bool, x: i128| if bit { x } else { 0 };
            let sum = |i: usize| u64::from_i128(kept(a[i], x[i]) + kept(b[i], y[i])).to_i128();
            assert_eq!(run.values, (0..n).map(sum).collect::<Vec<_>>());
            assert_eq!(run.cost.rounds, 2);
            let run = clear.run::<u64, _>(async |ctx, i| bit_and_product(&ctx, &i.bits[0], &i.x[0]).await);
            let bits = a.iter().map(|&bit| i128::from(bit));
            let products = (0..n).map(|i| kept(a[i], x[i]));
            assert_eq!(run.values, bits.chain(products).collect::<Vec<_>>());
            assert_eq!((run.cost.rounds, run.cost.bytes), (2, 16 * n));
            let other = Clear::new().column(&vec![0; n]).column(&vec![0; n]);
            let other = other.bools(&vec![false; n]).bools(&vec![true; n]);
            assert_oblivious::<u64, _>(&clear, &other, sums);
        }
    }

    #[test]
    fn thirds_share_the_bytes() {
        let n = 192;
        let clear = Clear::new().column(&numbers(1, n, 64, true)).bools(&bools(2, n));
        let run = clear.run::<u64, _>(async |ctx, i| sum_by_bits(&ctx, &[(&i.bits[0], &i.x[0])]).await);
        // Two elements for each row of a third, one for each of the others.
        assert_eq!((run.cost.rounds, run.cost.bytes), (2, 8 * (2 * n / 3 + 2 * n / 3)));
        clear.tamper::<u64, _>(async |ctx, i| bit_and_product(&ctx, &i.bits[0], &i.x[0]).await);
    }
}
