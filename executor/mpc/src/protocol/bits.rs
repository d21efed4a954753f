//! Boolean gates on planes: AND, OR, and their trees over the planes of a row.
//!
//! Paper: [Araki et al., CCS 2016](https://eprint.iacr.org/2016/768), section 4, on words of packed bits.
//! Model: semi-honest, 1 of 3. Bytes are those of the planes, each rounded up to whole bytes.

use crate::{Context, Planes, Result, SharedBits};

/// ANDs two columns of the same shape, bit by bit.
///
/// Shapes: n rows of w bits -> the same.
/// Cost: 1 round, the planes once (w ceil(n / 8) bytes) sent by each seat.
///
/// # Errors
/// [`crate::Error::Shape`] if shapes differ; [`crate::Error::Peer`].
pub async fn and(ctx: &Context, x: &SharedBits, y: &SharedBits) -> Result<SharedBits> {
    ctx.same_shape(x.len(), y.len())?;
    ctx.same_shape(x.width(), y.width())?;
    let (len, width) = (x.len(), x.width());
    let x_pairs = x.first.words().iter().zip(x.second.words());
    let y_pairs = y.first.words().iter().zip(y.second.words());
    let z = x_pairs.zip(y_pairs).map(|((a, b), (c, d))| (a & (c ^ d)) ^ (b & c)).collect();
    bilinear(ctx, Planes::from_words(len, width, z)).await
}

/// Makes every product of bits: reshares the local cross terms `z`. The twin of the one over rings.
pub(super) async fn bilinear(ctx: &Context, mut z: Planes) -> Result<SharedBits> {
    ctx.random()?.mask_bits(0, z.words_mut());
    let (to, from) = (ctx.seat().previous(), ctx.seat().next());
    let sent = ctx.send_planes(to, &z);
    let ((), second) = futures::try_join!(sent, ctx.recv_planes(from, z.len(), z.width()))?;
    Ok(SharedBits::from_parts(z, second))
}

/// ORs two columns of the same shape, bit by bit.
///
/// Cost: as [`and`].
///
/// # Errors
/// As [`and`].
pub async fn or(ctx: &Context, x: &SharedBits, y: &SharedBits) -> Result<SharedBits> {
    let both = and(ctx, x, y).await?;
    Ok(x.xor(y).xor(&both))
}

/// ANDs every plane of `x` with the single plane `bit`.
///
/// Cost: as [`and`].
///
/// # Errors
/// As [`and`].
pub async fn and_bit(ctx: &Context, bit: &SharedBits, x: &SharedBits) -> Result<SharedBits> {
    ctx.same_shape(1, bit.width())?;
    and(ctx, &bit.repeat_plane(x.width()), x).await
}

/// Whether all bits of a row are 1: a tree over the planes.
///
/// Shapes: n rows of w bits -> n rows of 1 bit; 1 for w = 0.
/// Cost: ceil(log2 w) rounds, w - 1 planes sent by each seat.
///
/// # Errors
/// As [`and`].
pub async fn and_all(ctx: &Context, x: &SharedBits) -> Result<SharedBits> {
    if x.width() == 0 {
        return Ok(SharedBits::zeros(x.len(), 1).not(ctx.seat()));
    }
    let mut x = x.clone();
    let mut level = 0;
    while x.width() > 1 {
        let half = x.width() / 2;
        let joined = and(&ctx.nth(level), &x.planes(0..half), &x.planes(half..2 * half)).await?;
        x = SharedBits::concat_planes(&[&joined, &x.planes(2 * half..x.width())]);
        level += 1;
    }
    Ok(x)
}

/// Whether any bit of a row is 1.
///
/// Cost: as [`and_all`].
///
/// # Errors
/// As [`and`].
pub async fn or_all(ctx: &Context, x: &SharedBits) -> Result<SharedBits> {
    Ok(and_all(ctx, &x.not(ctx.seat())).await?.not(ctx.seat()))
}

/// Whether any bit of a row is 1 at this plane or above: Sklansky's prefix network, from the top plane down.
///
/// Shapes: n rows of w bits -> the same.
/// Cost: ceil(log2 w) rounds; floor(w / 2) planes or fewer in each.
///
/// # Errors
/// As [`and`].
pub async fn suffix_or(ctx: &Context, x: &SharedBits) -> Result<SharedBits> {
    let width = x.width();
    // Counted from the top, and complemented: prefix ANDs.
    let mut planes: Vec<SharedBits> = (0..width).rev().map(|p| x.plane(p).not(ctx.seat())).collect();
    let mut level = 0;
    while 1 << level < width {
        let size = 1usize << level;
        let upper: Vec<usize> = (0..width).filter(|i| i & size != 0).collect();
        let left: Vec<&SharedBits> = upper.iter().map(|&i| &planes[i]).collect();
        let right: Vec<&SharedBits> = upper.iter().map(|&i| &planes[(i & !(size - 1)) - 1]).collect();
        let (left, right) = (SharedBits::concat_planes(&left), SharedBits::concat_planes(&right));
        let joined = and(&ctx.nth(level), &left, &right).await?;
        for (k, &i) in upper.iter().enumerate() {
            planes[i] = joined.plane(k);
        }
        level += 1;
    }
    Ok(SharedBits::concat_planes(&planes.iter().rev().collect::<Vec<_>>()).not(ctx.seat()))
}

/// ANDs several columns of the same shape, bit by bit: a tree over the columns.
///
/// Shapes: at least one column. Cost: ceil(log2 m) rounds, m - 1 times the planes.
///
/// # Errors
/// As [`and`]; [`crate::Error::Internal`] without columns.
pub async fn and_many(ctx: &Context, columns: &[&SharedBits]) -> Result<SharedBits> {
    let Some(first) = columns.first() else { return Err(ctx.internal("no columns to combine")) };
    let width = first.width();
    for x in columns {
        ctx.same_shape(width, x.width())?;
        ctx.same_shape(first.len(), x.len())?;
    }
    let mut all = SharedBits::concat_planes(columns);
    let mut level = 0;
    while all.width() > width {
        let half = all.width() / width / 2 * width;
        let joined = and(&ctx.nth(level), &all.planes(0..half), &all.planes(half..2 * half)).await?;
        all = SharedBits::concat_planes(&[&joined, &all.planes(2 * half..all.width())]);
        level += 1;
    }
    Ok(all)
}

/// ORs several columns of the same shape, bit by bit. As [`and_many`].
///
/// # Errors
/// As [`and_many`].
pub async fn or_many(ctx: &Context, columns: &[&SharedBits]) -> Result<SharedBits> {
    let negated: Vec<SharedBits> = columns.iter().map(|x| x.not(ctx.seat())).collect();
    let refs: Vec<&SharedBits> = negated.iter().collect();
    Ok(and_many(ctx, &refs).await?.not(ctx.seat()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, LENGTHS, assert_oblivious, numbers, words};

    #[test]
    fn gates_equal_the_words() {
        for n in LENGTHS {
            let (x, y) = (words(&numbers(1, n, 13, false)), words(&numbers(2, n, 13, false)));
            let clear = Clear::new().planes(&x, 13).planes(&y, 13);
            let run = clear.run::<u64, _>(async |ctx, i| and(&ctx, &i.bits[0], &i.bits[1]).await);
            let expected: Vec<i128> = x.iter().zip(&y).map(|(a, b)| i128::from(a & b)).collect();
            assert_eq!(run.values, expected);
            assert_eq!((run.cost.rounds, run.cost.bytes), (1, 13 * n.div_ceil(8)));
            let run = clear.run::<u64, _>(async |ctx, i| or(&ctx, &i.bits[0], &i.bits[1]).await);
            let expected: Vec<i128> = x.iter().zip(&y).map(|(a, b)| i128::from(a | b)).collect();
            assert_eq!(run.values, expected);
        }
    }

    #[test]
    fn trees_need_a_logarithm_of_rounds() {
        let x = [0, 1, 0x1fff, 0x1ffe, 0x0fff];
        let clear = Clear::new().planes(&x, 13).planes(&[0x1fff; 5], 13);
        let run = clear.run::<u64, _>(async |ctx, i| and_all(&ctx, &i.bits[0]).await);
        assert_eq!(run.values, [0, 0, 1, 0, 0]);
        assert_eq!((run.cost.rounds, run.cost.bytes), (4, 12));
        let run = clear.run::<u64, _>(async |ctx, i| or_all(&ctx, &i.bits[0]).await);
        assert_eq!(run.values, [0, 1, 1, 1, 1]);
        let three = async |ctx: Context, i: crate::harness::Inputs<u64>| {
            or_many(&ctx, &[&i.bits[0], &i.bits[0], &i.bits[0]]).await
        };
        let run = clear.run::<u64, _>(three);
        assert_eq!(run.values, x.map(i128::from));
        assert_oblivious::<u64, _>(&clear, &Clear::new().planes(&[0; 5], 13), three);
    }
}
