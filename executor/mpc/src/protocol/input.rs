//! Input: an owner's plaintext becomes shares.
//!
//! Two components are expanded from seeds and only the third is sent. The seat that holds the two expanded ones gets
//! 32 bytes of seeds; the others get one seed and the third component.

use crate::context::{Context, Prg};
use crate::{Planes, Result, Ring, Seat, Shared, SharedBits};

/// The component that follows from a seed.
pub fn expand<R: Ring>(seed: &[u8; 16], len: usize) -> Vec<R> {
    Prg::from_key(seed).elements(len)
}

/// The component of planes that follows from a seed.
pub fn expand_bits(seed: &[u8; 16], len: usize, width: usize) -> Planes {
    Prg::from_key(seed).planes(len, width)
}

/// The third component of a column, so that with the expansions of both seeds it sums up to `values`.
///
/// With `seed0` for component `i` and `seed1` for component `i+1`, the result is component `i+2`; an owner without a
/// seat takes `i = 0`: P0 needs both seeds, P1 `seed1` and the result, P2 the result and `seed0`. Every seed is used
/// for one column only.
pub fn deal<R: Ring>(values: &[R], seed0: &[u8; 16], seed1: &[u8; 16]) -> Vec<R> {
    let mut third = values.to_vec();
    Prg::from_key(seed0).apply(&mut third, R::minus);
    Prg::from_key(seed1).apply(&mut third, R::minus);
    third
}

/// The third component of planes. As [`deal`].
pub fn deal_bits(values: &Planes, seed0: &[u8; 16], seed1: &[u8; 16]) -> Planes {
    let mut third = values.clone();
    Prg::from_key(seed0).apply(third.words_mut(), |a, b| a ^ b);
    Prg::from_key(seed1).apply(third.words_mut(), |a, b| a ^ b);
    third
}

/// A seat inputs a column: `values` is `Some` at `holder` and ignored elsewhere.
///
/// The holder's first component comes from the stream it shares with its previous neighbour, the second completes it
/// and goes to the next neighbour, the third is zero.
/// Cost: 1 round, n elements sent by the holder, none by the others.
///
/// # Errors
/// [`crate::Error::Internal`] if the holder has no values, [`crate::Error::Shape`] if not `len`; as [`Context::send`].
pub async fn input<R: Ring>(
    ctx: &Context,
    holder: Seat,
    values: Option<&[R]>,
    len: usize,
) -> Result<Shared<R>> {
    let random = ctx.random()?;
    if ctx.seat() == holder {
        let values = values.ok_or_else(|| ctx.internal("the holder has no values to input"))?;
        ctx.same_shape(len, values.len())?;
        let first = random.first(0).elements(len);
        let second: Vec<R> = values.iter().zip(&first).map(|(&x, &r): (&R, &R)| x.minus(r)).collect();
        ctx.send(holder.next(), &second).await?;
        Ok(Shared::from_parts(first, second))
    } else if ctx.seat() == holder.next() {
        Ok(Shared::from_parts(ctx.recv(holder, len).await?, vec![R::ZERO; len]))
    } else {
        Ok(Shared::from_parts(vec![R::ZERO; len], random.second(0).elements(len)))
    }
}

/// A seat inputs planes. As [`input`].
///
/// Cost: 1 round, the planes once, sent by the holder.
///
/// # Errors
/// As [`input`].
pub async fn input_bits(
    ctx: &Context,
    holder: Seat,
    values: Option<&Planes>,
    len: usize,
    width: usize,
) -> Result<SharedBits> {
    let random = ctx.random()?;
    if ctx.seat() == holder {
        let values = values.ok_or_else(|| ctx.internal("the holder has no values to input"))?;
        ctx.same_shape(len, values.len())?;
        ctx.same_shape(width, values.width())?;
        let first = random.first(0).planes(len, width);
        let second = values.xor(&first);
        ctx.send_planes(holder.next(), &second).await?;
        Ok(SharedBits::from_parts(first, second))
    } else if ctx.seat() == holder.next() {
        Ok(SharedBits::from_parts(ctx.recv_planes(holder, len, width).await?, Planes::zeros(len, width)))
    } else {
        Ok(SharedBits::from_parts(Planes::zeros(len, width), random.second(0).planes(len, width)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{World, reconstruct, reconstruct_bits};

    #[test]
    fn seats_input_columns() {
        let world = World::new(1);
        for holder in Seat::ALL {
            for n in [0, 1, 65] {
                let values: Vec<u64> = (0..n).collect();
                let run = world.run(async |ctx| {
                    let planes = Planes::from_values(&values, 7);
                    let len = values.len();
                    let x = input(&ctx.step("x"), holder, Some(&values), len).await?;
                    Ok((x, input_bits(&ctx.step("b"), holder, Some(&planes), len, 7).await?))
                });
                let len = values.len();
                assert_eq!(run.cost().bytes, 8 * len + 7 * len.div_ceil(8));
                let [(x0, b0), (x1, b1), (x2, b2)] = run.outputs().unwrap();
                assert_eq!(reconstruct(&[x0, x1, x2]).unwrap(), values);
                assert_eq!(reconstruct_bits::<u64>(&[b0, b1, b2]).unwrap(), values);
            }
        }
    }

    #[test]
    fn dealt_components_sum_up() {
        let (seed0, seed1) = ([1; 16], [2; 16]);
        let values = [7u128, u128::MAX, 0];
        let third = deal(&values, &seed0, &seed1);
        let (a, b) = (expand::<u128>(&seed0, 3), expand::<u128>(&seed1, 3));
        for i in 0..3 {
            assert_eq!(a[i].plus(b[i]).plus(third[i]), values[i]);
        }
    }
}
