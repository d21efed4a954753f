//! Conversions between planes and arithmetic columns.
//!
//! A bit x = a ^ b, `a` known to the holder and `b` to the two others, is a + b - 2 a b: one structured product.
//! Model: semi-honest, 1 of 3.

use super::compare::addends;
use super::ladder::prefix_carries;
use super::roles::{self, Roles, Split};
use crate::planes::as_u32;
use crate::{Context, Planes, Result, Ring, Shared, SharedBits};

/// Converts every plane into a column of zeros and ones.
///
/// Shapes: n rows of w bits -> w columns of length n.
/// Cost: 2 rounds; each seat sends w n elements, in thirds to balance (exactly w times the rows of all chunks).
///
/// # Errors
/// [`crate::Error::Peer`].
pub async fn bit_to_arithmetic<R: Ring>(ctx: &Context, x: &SharedBits) -> Result<Vec<Shared<R>>> {
    let roles = Roles::new(ctx.seat(), x.len());
    let view = roles.view_bits(x).map(spread::<R>);
    let a = roles::input(&ctx.step("input"), &view.own, view.low.len(), view.high.len()).await?;
    let product = roles::structured(&ctx.step("product"), &a, &view).await?;
    let b = roles::known(view);
    let join = |a: &Shared<R>, b: &Shared<R>, ab: &Shared<R>| a.add(b).sub(&ab.add(ab));
    let value = Split {
        own: join(&a.own, &b.own, &product.own),
        low: join(&a.low, &b.low, &product.low),
        high: join(&a.high, &b.high, &product.high),
    };
    let width = x.width();
    let column = |p: usize| {
        let rows = |x: &Shared<R>| x.len() / width;
        value.map(|x| x.slice(p * rows(x)..(p + 1) * rows(x))).join(ctx.seat())
    };
    Ok((0..width).map(column).collect())
}

/// Zeros and ones, plane after plane.
fn spread<R: Ring>(planes: &Planes) -> Vec<R> {
    let mut out = Vec::with_capacity(planes.len() * planes.width());
    for p in 0..planes.width() {
        let end = out.len() + planes.len();
        for &word in planes.plane(p) {
            let count = 64.min(end - out.len());
            out.extend((0..count).map(|i| R::from_u128(u128::from(word >> i & 1))));
        }
    }
    out
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
    let (p, b) = addends(ctx, x, bits).await?;
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
                assert_eq!(run.cost.rounds as u32, 1 + bits.next_power_of_two().ilog2());
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
