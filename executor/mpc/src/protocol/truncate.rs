//! Truncation and changes of ring, by the wrap of the two-party carry.
//!
//! With x = a + b - w 2^k (`a` known to the holder, `b` to the two others) and 0 <= x < 2^(k-1), the wrap is
//! w = msb(a) OR msb(b): if neither top bit is set, a + b < 2^k and there is no wrap; if one is set and there were no
//! wrap, x = a + b >= 2^(k-1). So one structured product gives it exactly.
//! Idea of a known top bit: [Cheetah, USENIX Security 2022](https://eprint.iacr.org/2022/207).
//! Model: semi-honest, 1 of 3. Nothing here can fail by bad luck.

use super::compare::carry_of_low_bits;
use super::convert::one_bit_to_arithmetic;
use super::roles::{self, Roles, Split, known};
use crate::{Context, Result, Ring, Shared};

/// The wrap w of x = a + b - w 2^k, for 0 <= x < 2^(k-1), over a ring S that may be smaller.
async fn wrap<R: Ring, S: Ring>(ctx: &Context, view: &Split<Vec<R>>) -> Result<Split<Shared<S>>> {
    let top =
        view.map(|part| part.iter().map(|a| S::from_u128(a.shift_right(R::BITS - 1).to_u128())).collect());
    let top: Split<Vec<S>> = top;
    let a = roles::input(&ctx.step("top"), &top.own, top.low.len(), top.high.len()).await?;
    let both = roles::structured(&ctx.step("both"), &a, &top).await?;
    let b = known(top);
    let or = |a: &Shared<S>, b: &Shared<S>, ab: &Shared<S>| a.add(b).sub(ab);
    Ok(Split {
        own: or(&a.own, &b.own, &both.own),
        low: or(&a.low, &b.low, &both.low),
        high: or(&a.high, &b.high, &both.high),
    })
}

/// `f(a) + f(b) - w g`, for a map `f` of each part to a ring T and a factor `g` of the wrap.
async fn by_parts<R: Ring, S: Ring, T: Ring>(
    ctx: &Context,
    x: &Shared<R>,
    f: impl Fn(R) -> T,
    lift: impl Fn(S) -> T,
) -> Result<Shared<T>> {
    let roles = Roles::new(ctx.seat(), x.len());
    let view = roles.view(x);
    let mapped = view.map(|part| part.iter().map(|&a| f(a)).collect::<Vec<T>>());
    let (input_step, wrap_step) = (ctx.step("input"), ctx.step("wrap"));
    let a = roles::input(&input_step, &mapped.own, mapped.low.len(), mapped.high.len());
    let (a, wrap) = futures::try_join!(a, wrap::<R, S>(&wrap_step, &view))?;
    let sum = a.join(ctx.seat()).add(&known(mapped).join(ctx.seat()));
    let wrap = wrap.join(ctx.seat());
    let lifted = Shared {
        first: wrap.first.iter().map(|&w| lift(w)).collect(),
        second: wrap.second.iter().map(|&w| lift(w)).collect(),
    };
    Ok(sum.sub(&lifted))
}

/// `x / 2^bits` rounded to one of the two neighbouring integers (the floor, or one below it).
///
/// Domain: `x` in [-2^(k-2), 2^(k-2)), 0 < bits < k - 2. The result is floor(x / 2^bits) or one unit less, never
/// anything else: the carry of the low bits is dropped, the wrap is exact.
/// Shapes: n -> n.
/// Cost: 2 rounds; a holder sends an element and a wrap share (4 bytes if bits <= 32, else an element) for each of its
/// third of the rows, the others a wrap share.
///
/// # Errors
/// [`crate::Error::Internal`] outside the domain of `bits`; [`crate::Error::Peer`].
pub async fn truncate<R: Ring>(ctx: &Context, x: &Shared<R>, bits: u32) -> Result<Shared<R>> {
    if bits == 0 {
        return Ok(x.clone());
    }
    if bits + 2 >= R::BITS {
        return Err(ctx.internal("a truncation leaves no bits"));
    }
    let offset = x.clone().add_constant(ctx.seat(), R::power_of_two(R::BITS - 2));
    let shifted = if bits <= 32 {
        // The wrap counts times 2^(k - bits), so its shares matter modulo 2^bits only.
        let lift = |w: u32| R::from_u128(u128::from(w)).shift_left(R::BITS - bits);
        by_parts::<R, u32, R>(ctx, &offset, |a| a.shift_right(bits), lift).await?
    } else {
        by_parts::<R, R, R>(ctx, &offset, |a| a.shift_right(bits), |w| w.shift_left(R::BITS - bits)).await?
    };
    Ok(shifted.add_constant(ctx.seat(), R::power_of_two(R::BITS - 2 - bits).negated()))
}

/// The floor of `x / 2^bits`, exactly.
///
/// Domain and shapes as [`truncate`]. Cost: [`truncate`], beside the carry of `bits` bits and its conversion:
/// 3 + ceil(log2(bits + 1)) rounds in all.
///
/// # Errors
/// As [`truncate`].
pub async fn truncate_exact<R: Ring>(ctx: &Context, x: &Shared<R>, bits: u32) -> Result<Shared<R>> {
    if bits == 0 {
        return Ok(x.clone());
    }
    let (low_step, high_step) = (ctx.step("low"), ctx.step("high"));
    let carry = async {
        // The offset of the high part is a multiple of 2^bits, but it changes a: take the same view.
        let offset = x.clone().add_constant(ctx.seat(), R::power_of_two(R::BITS - 2));
        let carry = carry_of_low_bits(&low_step, &offset, bits).await?;
        one_bit_to_arithmetic::<R>(&low_step.step("bit"), &carry).await
    };
    let (carry, high) = futures::try_join!(carry, truncate(&high_step, x, bits))?;
    Ok(high.add(&carry))
}

/// `x / 2^bits` rounded to the nearest integer, halves up. Domain and cost as [`truncate_exact`], half a unit less.
///
/// # Errors
/// As [`truncate`].
pub async fn round<R: Ring>(ctx: &Context, x: &Shared<R>, bits: u32) -> Result<Shared<R>> {
    if bits == 0 {
        return Ok(x.clone());
    }
    truncate_exact(ctx, &x.clone().add_constant(ctx.seat(), R::power_of_two(bits - 1)), bits).await
}

/// The same signed number over a larger ring.
///
/// Domain: `x` in [-2^(k-2), 2^(k-2)). Z_2^32 to Z_2^64 and Z_2^64 to Z_2^128.
/// Shapes: n -> n.
/// Cost: 2 rounds; a holder sends a large and a small element for each of its third of the rows, the others a small.
///
/// # Errors
/// [`crate::Error::Internal`] if the target has more than twice the width; [`crate::Error::Peer`].
pub async fn widen<R: Ring, S: Ring>(ctx: &Context, x: &Shared<R>) -> Result<Shared<S>> {
    if S::BITS < R::BITS || S::BITS > 2 * R::BITS {
        return Err(ctx.internal("a ring can be widened to twice its width at most"));
    }
    let offset = x.clone().add_constant(ctx.seat(), R::power_of_two(R::BITS - 2));
    let embed = |a: R| S::from_u128(a.to_u128());
    // The wrap counts times 2^k, so its shares matter modulo 2^k only.
    let wide = by_parts::<R, R, S>(ctx, &offset, embed, |w| embed(w).shift_left(R::BITS)).await?;
    Ok(wide.add_constant(ctx.seat(), S::power_of_two(R::BITS - 2).negated()))
}

/// The floor of `a / c` of each part, and the wrap, for [`super::divide`]: floor(a/c) + floor(b/c) - w floor(2^k/c).
pub(super) async fn quotient_by_parts<R: Ring>(
    ctx: &Context,
    x: &Shared<R>,
    divisor: R,
) -> Result<Shared<R>> {
    // 2^k / c, from the largest element of the ring, which is one less than 2^k.
    let largest = R::ZERO.minus(R::ONE);
    let quotient = largest.quotient(divisor);
    let exact = largest.minus(quotient.times(divisor)).plus(R::ONE) == divisor;
    let whole = if exact { quotient.plus(R::ONE) } else { quotient };
    by_parts::<R, R, R>(ctx, x, |a| a.quotient(divisor), |w| w.times(whole)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, LENGTHS, assert_oblivious, numbers};
    use crate::ideal;

    fn extremes(mut x: Vec<i128>, bits: u32) -> Vec<i128> {
        let edge = 1i128 << (bits - 1);
        x.iter_mut().zip([-edge, edge - 1, 0, -1, 1]).for_each(|(x, e)| *x = e);
        x
    }

    #[test]
    fn truncation_is_never_off_by_more_than_one() {
        for n in LENGTHS {
            for f in [1, 20, 32, 33, 61] {
                let x = extremes(numbers(u64::from(f), n, 63, true), 63);
                let clear = Clear::new().column(&x);
                let floor = ideal::floor_divide(&x, 1 << f);
                let run = clear.run::<u64, _>(async |ctx, i| truncate(&ctx, &i.x[0], f).await);
                assert!(run.values.iter().zip(&floor).all(|(a, b)| a == b || *a == b - 1));
                assert_eq!(run.cost.rounds, 2);
                let run = clear.run::<u64, _>(async |ctx, i| truncate_exact(&ctx, &i.x[0], f).await);
                assert_eq!(run.values, floor);
                assert_eq!(run.cost.rounds, 3 + (f as usize + 1).next_power_of_two().ilog2() as usize);
                let run = clear.run::<u128, _>(async |ctx, i| truncate_exact(&ctx, &i.x[0], f).await);
                assert_eq!(run.values, floor);
            }
        }
    }

    #[test]
    fn rounding_takes_the_nearest() {
        let x = [-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6];
        let run = Clear::new().column(&x).run::<u64, _>(async |ctx, i| round(&ctx, &i.x[0], 2).await);
        assert_eq!(run.values, [-1, -1, -1, 0, 0, 0, 0, 1, 1, 1, 1, 2]);
    }

    #[test]
    fn widening_keeps_the_signed_value() {
        for n in LENGTHS {
            let x = extremes(numbers(9, n, 63, true), 63);
            let clear = Clear::new().column(&x);
            let run = clear.run::<u64, _>(async |ctx, i| widen::<u64, u128>(&ctx, &i.x[0]).await);
            assert_eq!(run.values, x);
            assert_eq!(run.cost.rounds, 2);
        }
        let run = Clear::new()
            .column(&[-7, 1 << 29])
            .run::<u32, _>(async |ctx, i| widen::<u32, u64>(&ctx, &i.x[0]).await);
        assert_eq!(run.values, [-7, 1 << 29]);
    }

    #[test]
    fn costs_balance_over_thirds() {
        let n = 3 << 10;
        let clear = Clear::new().column(&numbers(1, n, 60, true));
        let run = clear.run::<u64, _>(async |ctx, i| truncate(&ctx, &i.x[0], 24).await);
        // A third holds (8 + 4 bytes), two thirds answer (4 bytes).
        assert_eq!((run.cost.rounds, run.cost.bytes), (2, n / 3 * (12 + 4 + 4)));
        let run = clear.run::<u64, _>(async |ctx, i| widen::<u64, u128>(&ctx, &i.x[0]).await);
        assert_eq!((run.cost.rounds, run.cost.bytes), (2, n / 3 * (24 + 8 + 8)));
        let other = Clear::new().column(&vec![0; n]);
        assert_oblivious::<u64, _>(&clear, &other, async |ctx, i| truncate_exact(&ctx, &i.x[0], 24).await);
    }
}
