//! Conversions between planes and arithmetic columns.
//!
//! A bit x = a ^ b, `a` known to the holder and `b` to the two others, is a + b - 2 a b: one structured product.
//! Model: semi-honest, 1 of 3.

use super::compare::addends;
use super::ladder::prefix_carries;
use super::roles::Roles;
use super::windows;
use crate::planes::as_u32;
use crate::{Context, Planes, Prg, Result, Ring, Shared, SharedBits, pool};

/// Elements of all planes of a window: of Z_2^32, a third of them is one message.
const WINDOW_ELEMENTS: usize = 3 << 16;

/// Converts every plane into a column of zeros and ones.
///
/// The holder inputs a = r + (a - r), `r` known to `P(c+2)` and the rest to `P(c+1)`. With s = 1 - 2 b, `P(c+1)` makes
/// (a - r) s + b - z_{c+1} and `P(c+2)` makes r s - z_c, for streams z that each shares with the holder; they swap, and
/// the sum is component c + 2. The holder's components are the two streams.
/// Security: each message is masked by a stream that its receiver does not know.
/// Shapes: n rows of w bits -> w columns of length n.
/// Cost: 2 rounds; each seat sends w n elements.
///
/// # Errors
/// [`crate::Error::Peer`].
pub async fn bit_to_arithmetic<R: Ring>(ctx: &Context, x: &SharedBits) -> Result<Vec<Shared<R>>> {
    let windows = bits_by_window(ctx, x, |columns| columns).await?;
    if windows.len() == 1 {
        return Ok(windows.into_iter().flatten().collect());
    }
    let column = |p: usize| windows.iter().map(|window: &Vec<Shared<R>>| &window[p]).collect::<Vec<_>>();
    let columns = (0..x.width()).map(|p| Shared::concat(&column(p))).collect();
    windows.into_iter().flatten().for_each(Shared::give);
    Ok(columns)
}

/// As [`bit_to_arithmetic`], window by window of the rows: what `then` makes of each while it is in the cache.
pub(super) async fn bits_by_window<R: Ring, T>(
    ctx: &Context,
    x: &SharedBits,
    then: impl Fn(Vec<Shared<R>>) -> T,
) -> Result<Vec<T>> {
    let mut windows = windows::split(x.len(), WINDOW_ELEMENTS / x.width().max(1));
    if windows.len() == 1 {
        return Ok(vec![then(window_to_arithmetic(ctx, x).await?)]);
    }
    let then = &then;
    let each = windows.drain(..).enumerate().map(|(index, rows)| {
        let ctx = ctx.nth(index);
        async move { Ok(then(window_to_arithmetic(&ctx, &x.rows(rows)).await?)) }
    });
    windows::each(each).await
}

/// All planes of a window of rows.
async fn window_to_arithmetic<R: Ring>(ctx: &Context, x: &SharedBits) -> Result<Vec<Shared<R>>> {
    let roles = Roles::new(ctx.seat(), x.len());
    let (ranges, view, width) = (roles.ranges(), roles.view_bits(x), x.width());
    let random = ctx.random()?;
    let (next, previous) = (ctx.seat().next(), ctx.seat().previous());
    let low_len = ranges.low.len() * width;

    let drawn = |mut stream: Prg, len| {
        let mut elements: Vec<R> = pool::take(len);
        stream.apply(&mut elements, |_, r| r);
        elements
    };
    let mut own = drawn(random.first(0), ranges.own.len() * width);
    for_each_bit(&view.own, &mut own, |r, bit| bit.minus(r));
    let low = ctx.step("input").exchange(next, &own, previous, low_len).await;
    pool::give(own);
    let mut low: Vec<R> = low?;

    // b + a s, where a s is -a for b = 1: (a ^ -b) + 2 b in two's complement.
    let mut columns: Vec<Shared<R>> = (0..width).map(|_| Shared::take(x.len())).collect();
    let (mut z_own, mut z_low) = (random.first(1), random.first(2));
    let (mut z_next, mut z_high) = (random.second(2), random.second(1));
    for column in &mut columns {
        z_own.apply(&mut column.first[ranges.own.clone()], |_, r| r);
        z_next.apply(&mut column.second[ranges.own.clone()], |_, r| r);
        z_low.apply(&mut column.first[ranges.low.clone()], |_, r| r);
        z_high.apply(&mut column.second[ranges.high.clone()], |_, r| r);
    }
    for_each_bit(&view.low, &mut low, |a, bit| a.minus(bit.times(a.plus(a))).plus(bit));
    let mut high = drawn(random.second(0), ranges.high.len() * width);
    for_each_bit(&view.high, &mut high, |a, bit| a.minus(bit.times(a.plus(a))));
    for (p, column) in columns.iter().enumerate() {
        subtract(&mut low[p * ranges.low.len()..], &column.first[ranges.low.clone()]);
        subtract(&mut high[p * ranges.high.len()..], &column.second[ranges.high.clone()]);
    }
    let swap = ctx.step("product");
    let (from_next, from_previous): (Vec<R>, Vec<R>) = futures::try_join!(
        swap.exchange(next, &low, next, low.len()),
        swap.exchange(previous, &high, previous, high.len()),
    )?;
    for (p, column) in columns.iter_mut().enumerate() {
        let at = p * ranges.low.len();
        sum_into(&mut column.second[ranges.low.clone()], &low[at..], &from_next[at..]);
        let at = p * ranges.high.len();
        sum_into(&mut column.first[ranges.high.clone()], &high[at..], &from_previous[at..]);
    }
    [low, high, from_next, from_previous].into_iter().for_each(pool::give);
    Ok(columns)
}

/// Changes elements, plane after plane, by the bit of their row.
fn for_each_bit<R: Ring>(planes: &Planes, values: &mut [R], f: impl Fn(R, R) -> R) {
    if planes.is_empty() {
        return;
    }
    for (p, values) in values.chunks_mut(planes.len()).enumerate() {
        for (values, &word) in values.chunks_mut(64).zip(planes.plane(p)) {
            for (i, value) in values.iter_mut().enumerate() {
                *value = f(*value, R::from_u128(u128::from(word >> i & 1)));
            }
        }
    }
}

fn subtract<R: Ring>(x: &mut [R], y: &[R]) {
    x.iter_mut().zip(y).for_each(|(a, &b)| *a = a.minus(b));
}

fn sum_into<R: Ring>(out: &mut [R], x: &[R], y: &[R]) {
    out.iter_mut().zip(x.iter().zip(y)).for_each(|(out, (&a, &b))| *out = a.plus(b));
}

/// Converts one plane into a column of zeros and ones. As [`bit_to_arithmetic`].
///
/// # Errors
/// [`crate::Error::Shape`] unless there is exactly one plane; [`crate::Error::Peer`].
pub async fn one_bit_to_arithmetic<R: Ring>(ctx: &Context, x: &SharedBits) -> Result<Shared<R>> {
    ctx.same_shape(1, x.width())?;
    let columns = bit_to_arithmetic(ctx, x).await?;
    columns.into_iter().next().ok_or_else(|| ctx.internal("a plane gave no column"))
}

/// The unsigned number of each row.
///
/// Shapes: n rows of w bits -> n elements, modulo 2^k.
/// Cost: that of [`bit_to_arithmetic`].
///
/// # Errors
/// [`crate::Error::Peer`].
pub async fn planes_to_arithmetic<R: Ring>(ctx: &Context, x: &SharedBits) -> Result<Shared<R>> {
    let columns = bit_to_arithmetic::<R>(ctx, x).await?;
    let weighted = columns.iter().enumerate().map(|(p, column)| column.shift_left(as_u32(p)));
    Ok(weighted.fold(Shared::zeros(x.len()), |sum, column| sum.add(&column)))
}

/// The number of each row, of planes in two's complement: the last plane counts negatively.
///
/// Cost: as [`planes_to_arithmetic`].
///
/// # Errors
/// As [`planes_to_arithmetic`].
pub async fn signed_planes_to_arithmetic<R: Ring>(ctx: &Context, x: &SharedBits) -> Result<Shared<R>> {
    let columns = bit_to_arithmetic::<R>(ctx, x).await?;
    let mut sum = Shared::zeros(x.len());
    for (p, column) in columns.iter().enumerate() {
        let weighted = column.shift_left(as_u32(p));
        sum = if p + 1 == x.width() { sum.sub(&weighted) } else { sum.add(&weighted) };
    }
    Ok(sum)
}

/// The low `bits` bits of every element, as planes (two's complement for negative values).
///
/// A parallel prefix adder of Sklansky's form on a + b.
/// Shapes: n elements -> n rows of `bits` bits.
/// Cost: 1 + ceil(log2 bits) rounds; `bits` planes of a third of the rows, and the planes of the adder.
///
/// # Errors
/// [`crate::Error::Internal`] if `bits` is 0 or exceeds the ring; [`crate::Error::Peer`].
pub async fn bits_of<R: Ring>(ctx: &Context, x: &Shared<R>, bits: u32) -> Result<SharedBits> {
    let (p, roles) = addends(ctx, x, bits).await?;
    let b = roles.known_part(&p);
    let zero = SharedBits::zeros(x.len(), 1);
    let below = bits as usize - 1;
    let p_below = SharedBits::concat_planes(&[&zero, &p.planes(0..below)]);
    let b_below = SharedBits::concat_planes(&[&zero, &b.planes(0..below)]);
    let carries = prefix_carries(&ctx.step("carries"), &p_below, &b_below).await?;
    Ok(p.xor(&carries))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, LENGTHS, assert_oblivious, bools, numbers, words};

    #[test]
    fn bits_become_numbers_at_one_element_each() {
        for n in LENGTHS {
            let x = words(&numbers(7, n, 5, false));
            let clear = Clear::new().planes(&x, 5);
            let run = clear.run::<u32, _>(async |ctx, i| planes_to_arithmetic::<u32>(&ctx, &i.bits[0]).await);
            assert_eq!(run.values, x.iter().map(|&v| i128::from(v)).collect::<Vec<_>>());
            assert_eq!((run.cost.rounds, run.cost.bytes), (2, 5 * 4 * n));
            let run = clear
                .run::<u32, _>(async |ctx, i| signed_planes_to_arithmetic::<u64>(&ctx, &i.bits[0]).await);
            let signed = |v: u64| if v < 16 { i128::from(v) } else { i128::from(v) - 32 };
            assert_eq!(run.values, x.iter().map(|&v| signed(v)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn numbers_become_bits() {
        for n in LENGTHS {
            for bits in [1, 7, 64] {
                let x = numbers(8, n, 64, true);
                let run =
                    Clear::new().column(&x).run::<u64, _>(async |ctx, i| bits_of(&ctx, &i.x[0], bits).await);
                let expected: Vec<i128> = x.iter().map(|v| v & ((1 << bits) - 1)).collect();
                assert_eq!(run.values, expected);
                assert_eq!(run.cost.rounds, 1 + bits.next_power_of_two().ilog2() as usize);
            }
        }
    }

    #[test]
    fn conversions_are_oblivious() {
        let (one, other) = (Clear::new().bools(&bools(1, 300)), Clear::new().bools(&[false; 300]));
        let convert = async |ctx: Context, i: crate::harness::Inputs<u64>| {
            bit_to_arithmetic::<u64>(&ctx, &i.bits[0]).await
        };
        assert_oblivious::<u64, _>(&one, &other, convert);
        one.tamper::<u64, _>(convert);
    }
}
