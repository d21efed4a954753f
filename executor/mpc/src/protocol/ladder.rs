//! Carries of an addition, by trees of multiplexers.
//!
//! A node (p, v) of a range of bits says: the carry out of the range is the carry into it if p, else v. A leaf has
//! p = a ^ b and v = b (where a = b, the carry is that bit). Two ranges join by
//! v = v_hi ^ p_hi & (v_lo ^ v_hi) and p = p_hi & p_lo: two ANDs, and no layer that generates.
//! The lowest leaf is *complete*: its v is the carry itself, and its p is not looked at.

use std::ops::Range;

use super::bits::{and, bilinear};
use super::roles::Roles;
use crate::{Context, Planes, Result, SharedBits};

/// Where the leaves take their v from.
pub(super) enum Generate<'a> {
    /// Planes of their own.
    Planes(&'a SharedBits),
    /// Of p = a ^ b the words that are b, as [`super::roles::difference`] made them.
    Addend(Roles),
}

/// A plane of a node.
#[derive(Clone, Copy)]
enum Place {
    /// A constant: no carry comes from below.
    Zero,
    /// Of the leaves.
    Leaf(usize),
    /// Of what a level made.
    Level(usize, usize),
}

/// A range of bits; `p` of the lowest one is not looked at.
#[derive(Clone, Copy)]
struct Node {
    p: Place,
    v: Place,
}

/// The leaves, and what the levels have made of them so far.
struct Tree<'a> {
    p: &'a SharedBits,
    v: &'a Generate<'a>,
    levels: Vec<SharedBits>,
}

impl Tree<'_> {
    /// The two components of a p.
    fn p_words(&self, place: Place) -> (&[u64], &[u64]) {
        let (bits, plane) = match place {
            Place::Zero => return (&[], &[]),
            Place::Leaf(plane) => (self.p, plane),
            Place::Level(level, plane) => (&self.levels[level], plane),
        };
        (bits.first.plane(plane), bits.second.plane(plane))
    }

    /// Adds a v to the two components of `sum`.
    fn add_v(&self, place: Place, first: &mut [u64], second: &mut [u64]) {
        let (bits, plane) = match (place, self.v) {
            (Place::Zero, _) => return,
            (Place::Leaf(plane), Generate::Addend(roles)) => {
                let (high, low) = roles.known_words();
                xor(&mut first[high.clone()], &self.p.first.plane(plane)[high]);
                xor(&mut second[low.clone()], &self.p.second.plane(plane)[low]);
                return;
            }
            (Place::Leaf(plane), Generate::Planes(v)) => (*v, plane),
            (Place::Level(level, plane), _) => (&self.levels[level], plane),
        };
        xor(first, bits.first.plane(plane));
        xor(second, bits.second.plane(plane));
    }

    /// The two components of a v in some words, all of them in or out of what is known of an addend.
    fn v_words<'t>(&'t self, place: Place, words: &Range<usize>, zeros: &'t [u64]) -> (&'t [u64], &'t [u64]) {
        let (bits, plane) = match (place, self.v) {
            (Place::Zero, _) => return (&zeros[..words.len()], &zeros[..words.len()]),
            (Place::Leaf(plane), Generate::Addend(roles)) => {
                let zeros = &zeros[..words.len()];
                let (high, low) = roles.known_words();
                let of = |known: &Range<usize>, component: &'t Planes| {
                    if known == words { &component.plane(plane)[words.clone()] } else { zeros }
                };
                return (of(&high, &self.p.first), of(&low, &self.p.second));
            }
            (Place::Leaf(plane), Generate::Planes(v)) => (*v, plane),
            (Place::Level(level, plane), _) => (&self.levels[level], plane),
        };
        (&bits.first.plane(plane)[words.clone()], &bits.second.plane(plane)[words.clone()])
    }

    /// The local cross terms of one level: planes of v of all pairs, then of p of all but the lowest.
    fn products(&self, nodes: &[Node]) -> Planes {
        let pairs = nodes.len() / 2;
        let mut z = Planes::take(self.p.len(), 2 * pairs - 1);
        // A leaf has words that are zero; a node above has not.
        let made = |node: &Node| matches!(node.v, Place::Level(..));
        let zeros = if nodes.iter().all(made) { Vec::new() } else { vec![0; z.stride()] };
        let parts = match self.v {
            Generate::Planes(_) => [0..z.stride(), 0..0, 0..0],
            Generate::Addend(roles) => roles.chunk_words(),
        };
        for (j, pair) in nodes.chunks_exact(2).enumerate() {
            let (low, high) = (pair[0], pair[1]);
            let p = self.p_words(high.p);
            for words in &parts {
                let (u, v) = (self.v_words(low.v, words, &zeros), self.v_words(high.v, words, &zeros));
                let p = (&p.0[words.clone()], &p.1[words.clone()]);
                cross_sum(&mut z.plane_mut(j)[words.clone()], p, u, v);
            }
            if j > 0 {
                cross(z.plane_mut(pairs + j - 1), p, self.p_words(low.p));
            }
        }
        z
    }
}

fn xor(x: &mut [u64], y: &[u64]) {
    x.iter_mut().zip(y).for_each(|(a, b)| *a ^= b);
}

/// The cross terms of x AND y that one seat can compute.
fn cross(z: &mut [u64], x: (&[u64], &[u64]), y: (&[u64], &[u64])) {
    let x = x.0.iter().zip(x.1);
    let y = y.0.iter().zip(y.1);
    for (z, ((a, b), (c, d))) in z.iter_mut().zip(x.zip(y)) {
        *z = (a & (c ^ d)) ^ (b & c);
    }
}

/// The cross terms of x AND (y ^ other) that one seat can compute.
fn cross_sum(z: &mut [u64], x: (&[u64], &[u64]), y: (&[u64], &[u64]), other: (&[u64], &[u64])) {
    let x = x.0.iter().zip(x.1);
    let first = y.0.iter().zip(other.0).map(|(a, b)| a ^ b);
    let second = y.1.iter().zip(other.1).map(|(a, b)| a ^ b);
    for (z, ((a, b), (c, d))) in z.iter_mut().zip(x.zip(first.zip(second))) {
        *z = (a & (c ^ d)) ^ (b & c);
    }
}

/// The carry out of the lowest `width` leaves, with no carry into them: planes of `p` and `v`, lowest first.
///
/// The absent carry is one more leaf below: m = width + 1.
/// Shapes: n rows of m - 1 leaves -> n rows of 1 bit.
/// Cost: ceil(log2 m) rounds; per level of m nodes floor(m / 2) planes for v, and one less for p.
pub(super) async fn carry(
    ctx: &Context,
    p: &SharedBits,
    v: &Generate<'_>,
    width: usize,
) -> Result<SharedBits> {
    let mut tree = Tree { p, v, levels: Vec::new() };
    let mut nodes = vec![Node { p: Place::Zero, v: Place::Zero }];
    nodes.extend((0..width).map(|i| Node { p: Place::Leaf(i), v: Place::Leaf(i) }));
    while nodes.len() > 1 {
        let (level, pairs) = (tree.levels.len(), nodes.len() / 2);
        let mut joined = bilinear(&ctx.nth(level), tree.products(&nodes)).await?;
        let mut next = Vec::with_capacity(nodes.len() - pairs);
        for (j, pair) in nodes.chunks_exact(2).enumerate() {
            tree.add_v(pair[1].v, joined.first.plane_mut(j), joined.second.plane_mut(j));
            // The lowest pair is complete: it needs no p.
            let p = if j == 0 { Place::Zero } else { Place::Level(level, pairs + j - 1) };
            next.push(Node { p, v: Place::Level(level, j) });
        }
        next.extend_from_slice(&nodes[2 * pairs..]);
        nodes = next;
        tree.levels.push(joined);
    }
    Ok(match tree.levels.last() {
        Some(top) => top.plane(0),
        None => SharedBits::zeros(p.len(), 1),
    })
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
