//! Comparisons: sign, less-than and equality, of arithmetic columns and of planes.
//!
//! The sign of x = a + b (`a` known to the holder, `b` to the two others, see `roles`) is the top bit of the sum: the
//! holder inputs `a` as planes, p = a ^ b is local, and a tree of multiplexers gives the carry into the top bit.
//! Paper: the two-party view of a replicated value as in
//! [ABY3](https://eprint.iacr.org/2018/403), section 5; the tree is our own: `ladder` has its algebra.
//! Model: semi-honest, 1 of 3.
//!
//! What bounds the speed of long columns: of 64 bits the bytes on the wire, 17.7 an element and seat, of which each is
//! hashed twice for the audit record, encrypted, decrypted, and copied eight times on its way; the planes of the gates stay
//! in the second-level cache. Of 8 bits it is memory: a seat reads 21 bytes of its shares an element to make 1.1 bytes of
//! planes of them, and sends 1.9. `tests/README.md` has a profile.

use super::bits::{and, and_all};
use super::ladder::{Generate, carry};
use super::roles::{Roles, Term, difference};
use super::windows;
use crate::planes::as_u32;
use crate::{Context, Result, Ring, Shared, SharedBits};

/// Whether `x` is negative, for `x` known to lie in [-2^(bits-1), 2^(bits-1)).
///
/// Shapes: n elements -> n rows of 1 bit.
/// Cost: 1 + ceil(log2 bits) rounds; each seat sends `bits` planes of its own third of the rows, and about
/// 2 `bits` planes of all rows. For 64 bits 7 rounds and 17.7 bytes an element, for 8 bits 4 and 1.7.
///
/// # Errors
/// [`crate::Error::Internal`] if `bits` is 0 or exceeds the ring; [`crate::Error::Peer`].
pub async fn is_negative<R: Ring>(ctx: &Context, x: &Shared<R>, bits: u32) -> Result<SharedBits> {
    let windows = windows::of_planes(x.len(), bits as usize);
    let sign = |ctx, rows| async move { sign(&ctx, &Term { x, y: None, rows }, bits).await };
    windows::joined(ctx, windows, sign).await
}

/// Whether the rows of `term` are negative.
async fn sign<R: Ring>(ctx: &Context, term: &Term<'_, R>, bits: u32) -> Result<SharedBits> {
    let (p, roles) = addends_of(ctx, term, bits).await?;
    let top = bits as usize - 1;
    let carry = carry(&ctx.step("carry"), &p, &Generate::Addend(roles), top).await?;
    Ok(carry.xor(&p.plane(top)))
}

/// The low `bits` planes of p = a ^ b, for x = a + b.
///
/// Cost: 1 round; each seat sends `bits` planes of its own third of the rows.
pub(super) async fn addends<R: Ring>(ctx: &Context, x: &Shared<R>, bits: u32) -> Result<(SharedBits, Roles)> {
    addends_of(ctx, &Term { x, y: None, rows: 0..x.len() }, bits).await
}

/// As [`addends`], of the rows of `term`.
async fn addends_of<R: Ring>(ctx: &Context, term: &Term<'_, R>, bits: u32) -> Result<(SharedBits, Roles)> {
    if bits == 0 || bits > R::BITS {
        return Err(ctx.internal("a declared width is 0 or beyond the ring"));
    }
    difference(&ctx.step("input"), term, bits as usize, false).await
}

/// The carry out of the low `bits` bits of a + b = x.
///
/// Cost: 1 + ceil(log2(bits + 1)) rounds.
pub(super) async fn carry_of_low_bits<R: Ring>(
    ctx: &Context,
    x: &Shared<R>,
    bits: u32,
) -> Result<SharedBits> {
    let (p, roles) = addends(ctx, x, bits).await?;
    carry(&ctx.step("carry"), &p, &Generate::Addend(roles), bits as usize).await
}

/// Whether x < y, for both known to lie in [-2^(bits-1), 2^(bits-1)).
///
/// Shapes: n elements each -> n rows of 1 bit.
/// Cost: that of [`is_negative`] at `bits + 1`. At the full width of the ring: three of them on n rows in one batch,
/// and one AND.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; as [`is_negative`].
pub async fn less_than<R: Ring>(
    ctx: &Context,
    x: &Shared<R>,
    y: &Shared<R>,
    bits: u32,
) -> Result<SharedBits> {
    ctx.same_shape(x.len(), y.len())?;
    let n = x.len();
    if bits < R::BITS {
        let windows = windows::of_planes(n, bits as usize + 1);
        let sign = |ctx, rows| async move { sign(&ctx, &Term { x, y: Some(y), rows }, bits + 1).await };
        return windows::joined(ctx, windows, sign).await;
    }
    // The difference may wrap, but only where the signs differ, and there the sign of x decides.
    let signs = is_negative(ctx, &Shared::concat(&[x, y, &x.sub(y)]), bits).await?;
    let (x, y, d) = (signs.rows(0..n), signs.rows(n..2 * n), signs.rows(2 * n..3 * n));
    Ok(d.xor(&and(&ctx.step("signs differ"), &x.xor(&y), &x.xor(&d)).await?))
}

/// Whether x < c for a public `c`, both known to lie in [-2^(bits-1), 2^(bits-1)).
///
/// Cost: as [`less_than`].
///
/// # Errors
/// As [`less_than`].
pub async fn less_than_public<R: Ring>(ctx: &Context, x: &Shared<R>, c: R, bits: u32) -> Result<SharedBits> {
    if bits < R::BITS {
        return is_negative(ctx, &x.clone().add_constant(ctx.seat(), c.negated()), bits + 1).await;
    }
    let c = Shared::from_public(ctx.seat(), &vec![c; x.len()]);
    less_than(ctx, x, &c, bits).await
}

/// Whether x = y, for both known to lie in [-2^(bits-1), 2^(bits-1)) or both in [0, 2^bits).
///
/// x - y = a + b is zero modulo 2^bits exactly if the planes of a equal those of -b.
/// Shapes: n elements each -> n rows of 1 bit.
/// Cost: 1 + ceil(log2 bits) rounds; `bits` planes of a third of the rows, and `bits - 1` planes of all rows.
///
/// # Errors
/// As [`less_than`].
pub async fn equal<R: Ring>(ctx: &Context, x: &Shared<R>, y: &Shared<R>, bits: u32) -> Result<SharedBits> {
    ctx.same_shape(x.len(), y.len())?;
    if bits == 0 || bits > R::BITS {
        return Err(ctx.internal("a declared width is 0 or beyond the ring"));
    }
    let windows = windows::of_planes(x.len(), bits as usize);
    let is_zero = |ctx, rows| async move { is_zero(&ctx, &Term { x, y: Some(y), rows }, bits).await };
    windows::joined(ctx, windows, is_zero).await
}

/// Whether the low bits of the rows of `term` are zero.
async fn is_zero<R: Ring>(ctx: &Context, term: &Term<'_, R>, bits: u32) -> Result<SharedBits> {
    let (differs, _) = difference(&ctx.step("input"), term, bits as usize, true).await?;
    and_all(&ctx.step("all"), &differs.not(ctx.seat())).await
}

/// Whether x < y, of planes as unsigned numbers of the same width.
///
/// Shapes: n rows of w bits each -> n rows of 1 bit.
/// Cost: ceil(log2(w + 1)) rounds, about 2 w planes sent by each seat (exactly: the nodes of the tree with w + 1
/// leaves, twice but for the lowest of each level).
///
/// # Errors
/// [`crate::Error::Shape`] if shapes differ; [`crate::Error::Peer`].
pub async fn less_than_planes(ctx: &Context, x: &SharedBits, y: &SharedBits) -> Result<SharedBits> {
    ctx.same_shape(x.len(), y.len())?;
    ctx.same_shape(x.width(), y.width())?;
    let windows = windows::of_planes(x.len(), x.width());
    windows::joined(ctx, windows, |ctx, rows| async move {
        let (x, y) = (x.rows(rows.clone()), y.rows(rows));
        // Where two bits are equal the lower ones decide; else x < y exactly if the bit of y is 1.
        carry(&ctx, &x.xor(&y).not(ctx.seat()), &Generate::Planes(&y), x.width()).await
    })
    .await
}

/// Whether x < c for a public unsigned number `c`, of planes. As [`less_than_planes`].
///
/// # Errors
/// As [`less_than_planes`].
pub async fn less_than_planes_public<R: Ring>(ctx: &Context, x: &SharedBits, c: R) -> Result<SharedBits> {
    if x.width() < R::BITS as usize && c.shift_right(as_u32(x.width())) != R::ZERO {
        // Every row is below a number that its planes cannot express.
        return Ok(SharedBits::zeros(x.len(), 1).not(ctx.seat()));
    }
    let c = SharedBits::from_constant(ctx.seat(), x.len(), x.width(), c);
    less_than_planes(ctx, x, &c).await
}

/// Whether x = y, of planes.
///
/// Shapes: n rows of w bits each -> n rows of 1 bit.
/// Cost: ceil(log2 w) rounds, w - 1 planes sent by each seat.
///
/// # Errors
/// As [`less_than_planes`].
pub async fn equal_planes(ctx: &Context, x: &SharedBits, y: &SharedBits) -> Result<SharedBits> {
    ctx.same_shape(x.len(), y.len())?;
    ctx.same_shape(x.width(), y.width())?;
    and_all(ctx, &x.xor(y).not(ctx.seat())).await
}

/// Whether x = c for a public unsigned number `c`, of planes. As [`equal_planes`].
///
/// # Errors
/// As [`equal_planes`].
pub async fn equal_planes_public<R: Ring>(ctx: &Context, x: &SharedBits, c: R) -> Result<SharedBits> {
    if x.width() < R::BITS as usize && c.shift_right(as_u32(x.width())) != R::ZERO {
        return Ok(SharedBits::zeros(x.len(), 1));
    }
    let c = SharedBits::from_constant(ctx.seat(), x.len(), x.width(), c);
    equal_planes(ctx, x, &c).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, LENGTHS, assert_oblivious, numbers, words};
    use crate::ideal;

    /// Planes of the tree with `leaves` leaves, the lowest complete.
    fn tree_planes(mut leaves: usize) -> (usize, usize) {
        let (mut planes, mut rounds) = (0, 0);
        while leaves > 1 {
            planes += leaves / 2 * 2 - 1;
            leaves = leaves.div_ceil(2);
            rounds += 1;
        }
        (planes, rounds)
    }

    #[test]
    fn signs_equal_the_ideal_and_cost_the_formula() {
        for n in LENGTHS {
            for bits in [1, 2, 8, 20, 63, 64] {
                let mut x = numbers(u64::from(bits), n, bits, true);
                let extremes = [-(1i128 << (bits - 1)), (1 << (bits - 1)) - 1, 0, -1];
                x.iter_mut().zip(extremes).for_each(|(x, e)| *x = e.clamp(extremes[0], extremes[1]));
                let run = Clear::new()
                    .column(&x)
                    .run::<u64, _>(async |ctx, i| is_negative(&ctx, &i.x[0], bits).await);
                assert_eq!(
                    run.values,
                    x.iter().map(|&v| i128::from(v < 0)).collect::<Vec<_>>(),
                    "{n} {bits}"
                );
                let (planes, rounds) = tree_planes(bits as usize);
                let thirds = n.div_ceil(64);
                let bounds = [0, n.min(thirds / 3 * 64), n.min(thirds * 2 / 3 * 64), n];
                let chunk = (0..3).map(|c| bounds[c + 1] - bounds[c]).max().unwrap();
                let bytes = planes * n.div_ceil(8) + bits as usize * chunk.div_ceil(8);
                assert_eq!((run.cost.rounds, run.cost.bytes), (rounds + 1, bytes), "{n} {bits}");
            }
        }
        assert_eq!(tree_planes(64), (120, 6));
    }

    #[test]
    fn comparisons_equal_the_ideal() {
        for n in LENGTHS {
            let (x, mut y) = (numbers(3, n, 64, true), numbers(4, n, 64, true));
            y.iter_mut().zip(&x).step_by(3).for_each(|(y, &x)| *y = x);
            let clear = Clear::new().column(&x).column(&y);
            let run = clear.run::<u64, _>(async |ctx, i| less_than(&ctx, &i.x[0], &i.x[1], 64).await);
            assert_eq!(run.values, ideal::less_than(&x, &y));
            let run = clear.run::<u128, _>(async |ctx, i| less_than(&ctx, &i.x[0], &i.x[1], 64).await);
            assert_eq!(run.values, ideal::less_than(&x, &y));
            let run = clear.run::<u64, _>(async |ctx, i| equal(&ctx, &i.x[0], &i.x[1], 64).await);
            assert_eq!(run.values, ideal::equal(&x, &y));
            let run = clear.run::<u64, _>(async |ctx, i| less_than_public(&ctx, &i.x[0], 77, 64).await);
            assert_eq!(run.values, ideal::less_than(&x, &vec![77; n]));
        }
    }

    #[test]
    fn comparisons_of_planes_equal_the_ideal() {
        for n in LENGTHS {
            let (x, mut y) = (numbers(5, n, 11, false), numbers(6, n, 11, false));
            y.iter_mut().zip(&x).step_by(3).for_each(|(y, &x)| *y = x);
            let clear = Clear::new().planes(&words(&x), 11).planes(&words(&y), 11);
            let run =
                clear.run::<u64, _>(async |ctx, i| less_than_planes(&ctx, &i.bits[0], &i.bits[1]).await);
            assert_eq!(run.values, ideal::less_than(&x, &y));
            let (planes, rounds) = tree_planes(12);
            assert_eq!((run.cost.rounds, run.cost.bytes), (rounds, planes * n.div_ceil(8)));
            let run = clear.run::<u64, _>(async |ctx, i| equal_planes(&ctx, &i.bits[0], &i.bits[1]).await);
            assert_eq!(run.values, ideal::equal(&x, &y));
            assert_eq!((run.cost.rounds, run.cost.bytes), (4, 10 * n.div_ceil(8)));
            for c in [0u64, 9, 1024, 2047, 2048] {
                let public = vec![i128::from(c); n];
                let run =
                    clear.run::<u64, _>(async |ctx, i| less_than_planes_public(&ctx, &i.bits[0], c).await);
                assert_eq!(run.values, ideal::less_than(&x, &public));
                let run = clear.run::<u64, _>(async |ctx, i| equal_planes_public(&ctx, &i.bits[0], c).await);
                assert_eq!(run.values, ideal::equal(&x, &public));
            }
        }
    }

    #[test]
    fn comparisons_are_oblivious() {
        let one = Clear::new().column(&numbers(1, 300, 60, true));
        let other = Clear::new().column(&[0; 300]);
        assert_oblivious::<u64, _>(&one, &other, async |ctx, i| is_negative(&ctx, &i.x[0], 64).await);
        one.tamper::<u64, _>(async |ctx, i| is_negative(&ctx, &i.x[0], 64).await);
    }

    #[test]
    fn a_large_column_costs_17_7_bytes_an_element() {
        let n = 3 << 14;
        let x = numbers(1, n, 64, true);
        let run = Clear::new().column(&x).run::<u64, _>(async |ctx, i| is_negative(&ctx, &i.x[0], 64).await);
        assert_eq!((run.cost.rounds, run.cost.bytes * 3), (7, n * 53));
        let x = numbers(1, n, 8, true);
        let run = Clear::new().column(&x).run::<u64, _>(async |ctx, i| is_negative(&ctx, &i.x[0], 8).await);
        assert_eq!((run.cost.rounds, run.cost.bytes * 24), (4, n * 41));
    }
}
