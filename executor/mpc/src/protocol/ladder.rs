//! Carries of an addition, by trees of multiplexers.
//!
//! A node (p, v) of a range of bits says: the carry out of the range is the carry into it if p, else v. A leaf has
//! p = a ^ b and v = b (where a = b, the carry is that bit). Two ranges join by
//! v = v_hi ^ p_hi & (v_lo ^ v_hi) and p = p_hi & p_lo: two ANDs, and no layer that generates.
//! The lowest leaf is *complete*: its v is the carry itself, and its p is not looked at.

use super::bits::and;
use crate::{Context, Result, SharedBits};

/// The carry out of all leaves: planes of `p` and `v` from the lowest to the highest leaf.
///
/// Shapes: n rows of m leaves -> n rows of 1 bit.
/// Cost: ceil(log2 m) rounds; per level of m nodes floor(m / 2) planes for v, and one less for p, none at the end.
pub(super) async fn carry(ctx: &Context, p: &SharedBits, v: &SharedBits) -> Result<SharedBits> {
    let (mut p, mut v) = (p.clone(), v.clone());
    let mut level = 0;
    while v.width() > 1 {
        let pairs = v.width() / 2;
        let (v_low, v_high, v_rest) = deinterleave(&v);
        let (p_low, p_high, p_rest) = deinterleave(&p);
        // The p of the lowest pair is of no use: the pair is complete.
        let left = SharedBits::concat_planes(&[&p_high, &p_high.planes(1..pairs)]);
        let right = SharedBits::concat_planes(&[&v_low.xor(&v_high), &p_low.planes(1..pairs)]);
        let joined = and(&ctx.nth(level), &left, &right).await?;
        v = SharedBits::concat_planes(&[&joined.planes(0..pairs).xor(&v_high), &v_rest]);
        let unused = SharedBits::zeros(v.len(), 1);
        p = SharedBits::concat_planes(&[&unused, &joined.planes(pairs..2 * pairs - 1), &p_rest]);
        level += 1;
    }
    Ok(v)
}

/// Even planes, odd planes, and the last one if their number is odd.
fn deinterleave(x: &SharedBits) -> (SharedBits, SharedBits, SharedBits) {
    let pairs = x.width() / 2;
    let pick = |offset: usize| {
        let planes: Vec<SharedBits> = (0..pairs).map(|i| x.plane(2 * i + offset)).collect();
        SharedBits::concat_planes(&planes.iter().collect::<Vec<_>>())
    };
    (pick(0), pick(1), x.planes(2 * pairs..x.width()))
}

/// The carries out of every prefix of leaves: plane `i` is the carry out of leaves 0 to `i`.
///
/// Sklansky's network: in level d, every leaf with bit d set in its number takes the prefix that ends before its
/// block of 2^d leaves.
/// Shapes: n rows of m leaves -> n rows of m bits.
/// Cost: ceil(log2 m) rounds; per level the planes it joins, twice where the lower prefix is not complete.
pub(super) async fn prefix_carries(ctx: &Context, p: &SharedBits, v: &SharedBits) -> Result<SharedBits> {
    let width = v.width();
    let mut p: Vec<SharedBits> = (0..width).map(|i| p.plane(i)).collect();
    let mut v: Vec<SharedBits> = (0..width).map(|i| v.plane(i)).collect();
    let mut level = 0;
    while 1 << level < width {
        let size: usize = 1 << level;
        let upper: Vec<usize> = (0..width).filter(|i| i & size != 0).collect();
        let lower = |i: usize| (i & !(size - 1)) - 1;
        // A prefix from leaf 0 on is complete.
        let open: Vec<usize> = upper.iter().copied().filter(|&i| i >= 2 * size).collect();
        let mut left: Vec<&SharedBits> = upper.iter().map(|&i| &p[i]).collect();
        left.extend(open.iter().map(|&i| &p[i]));
        let differences: Vec<SharedBits> = upper.iter().map(|&i| v[i].xor(&v[lower(i)])).collect();
        let mut right: Vec<&SharedBits> = differences.iter().collect();
        right.extend(open.iter().map(|&i| &p[lower(i)]));
        let left = SharedBits::concat_planes(&left);
        let right = SharedBits::concat_planes(&right);
        let joined = and(&ctx.nth(level), &left, &right).await?;
        for (k, &i) in upper.iter().enumerate() {
            v[i].xor_assign(&joined.plane(k));
        }
        for (k, &i) in open.iter().enumerate() {
            p[i] = joined.plane(upper.len() + k);
        }
        level += 1;
    }
    Ok(SharedBits::concat_planes(&v.iter().collect::<Vec<_>>()))
}
