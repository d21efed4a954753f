//! Shuffling a table by a permutation that nobody knows.
//!
//! Three permutations in turn, each known to one pair of seats, which holds the table two-of-two at that time:
//! P0 and P1 (as x_0 + x_1 and x_2), P1 and P2, P2 and P0. Between hops one seat hands its masked part over.
//! Paper: [Laur, Willemson and Zhang, ISC 2011](https://eprint.iacr.org/2011/429), section 4; differs: no resharing
//! between hops. Every seat misses one of the three permutations, so it knows nothing about the composition.
//! Security: what P2, P0 and P1 receive is masked by a stream of the two others. Model: semi-honest, 1 of 3.

use std::borrow::Cow;

use super::permute::{join_columns, plus, recv_table, rows, send_table, stream_with};
use super::rows::Rows;
use crate::share::{Part, Shape};
use crate::{Column, Context, Prg, Result, Seat, pool};

/// Shuffles the rows of all columns together.
///
/// Shapes: columns of n rows -> the same.
/// Cost: 2 rounds, since what P1 hands over depends on no message; P0 sends two components of all columns, P1 and P2 one each.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Peer`].
pub async fn shuffle(ctx: &Context, columns: Vec<Column>) -> Result<Vec<Column>> {
    let (first, second) = shuffle_from(ctx, columns, Seat::P0).await?;
    let parts = |rows: Vec<Rows>| rows.into_iter().map(Rows::into_part).collect();
    join_columns(ctx, parts(first), parts(second))
}

/// As [`shuffle`], with `busy` in the place of P0, its next neighbour in that of P1, and its previous one in that of P2:
/// who shuffles often lets the seats take turns. Gives the two components of all columns.
///
/// # Errors
/// As [`shuffle`].
pub(super) async fn shuffle_from(
    ctx: &Context,
    columns: Vec<Column>,
    busy: Seat,
) -> Result<(Vec<Rows>, Vec<Rows>)> {
    let len = rows(ctx, &columns)?;
    let parts: Vec<(Part, Part)> = columns.into_iter().map(Column::into_parts).collect();
    let shapes: Vec<Shape> = parts.iter().map(|(first, _)| first.shape()).collect();
    let [a, b, c, d] = ["01", "12", "20", "last"].map(|name| ctx.step(name));
    let (p1, p2) = (busy.next(), busy.previous());
    // Orders are drawn before a seat waits for what it applies them to.
    if ctx.seat() == busy {
        let sums: Vec<Rows> = parts.into_iter().map(|(x, y)| plus(x, &y).into()).collect();
        let mut hop = Hop::new(&a, p1, len)?;
        let sums = hop.permuted(sums, Rows::add_random);
        send_rows(&a, p2, &sums).await?;
        sums.into_iter().for_each(Rows::give);
        let mut hop = Hop::new(&c, p2, len)?;
        let rest = recv_rows(&b, p1, &shapes, len).await?;
        let mut y1 = hop.permuted(rest, Rows::sub_random);
        let y0 = hop.random(&shapes);
        y1.iter_mut().zip(&y0).for_each(|(x, s)| x.sub(s));
        send_rows(&c, p1, &y1).await?;
        Ok((y0, y1))
    } else if ctx.seat() == p1 {
        let rest: Vec<Rows> = parts.into_iter().map(|(_, x2)| x2.into()).collect();
        let rest = Hop::new(&a, busy, len)?.permuted(rest, Rows::sub_random);
        let rest = Hop::new(&b, p2, len)?.permuted(rest, Rows::sub_random);
        send_rows(&b, busy, &rest).await?;
        rest.into_iter().for_each(Rows::give);
        let (y1, y2) = (recv_rows(&c, busy, &shapes, len), recv_rows(&d, p2, &shapes, len));
        futures::try_join!(y1, y2)
    } else {
        let (mut second, mut third) = (Hop::new(&b, p1, len)?, Hop::new(&c, busy, len)?);
        let sums = recv_rows(&a, busy, &shapes, len).await?;
        let sums = second.permuted(sums, Rows::add_random);
        let y2 = third.permuted(sums, Rows::add_random);
        let y0 = third.random(&shapes);
        send_rows(&d, p1, &y2).await?;
        Ok((y2, y0))
    }
}

/// One pair's permutation, and the stream that its masks come from.
struct Hop {
    stream: Prg,
    order: Vec<u32>,
}

impl Drop for Hop {
    fn drop(&mut self) {
        pool::give(std::mem::take(&mut self.order));
    }
}

impl Hop {
    fn new(ctx: &Context, peer: Seat, len: usize) -> Result<Self> {
        let mut stream = stream_with(ctx, peer)?;
        let order = stream.permutation(len);
        Ok(Hop { stream, order })
    }

    /// The permuted table, masked with the sign of this side.
    fn permuted(&mut self, table: Vec<Rows>, mask: fn(&mut Rows, &mut Prg)) -> Vec<Rows> {
        let moved = |rows: Rows| {
            let mut rows = rows.gather(&self.order);
            mask(&mut rows, &mut self.stream);
            rows
        };
        table.into_iter().map(moved).collect()
    }

    /// A table known to this pair.
    fn random(&mut self, shapes: &[Shape]) -> Vec<Rows> {
        shapes.iter().map(|&shape| Rows::random(shape, self.order.len(), &mut self.stream)).collect()
    }
}

async fn send_rows(ctx: &Context, to: Seat, table: &[Rows]) -> Result<()> {
    let table: Vec<Cow<'_, Part>> = table.iter().map(Rows::part).collect();
    send_table(ctx, to, &table).await
}

async fn recv_rows(ctx: &Context, from: Seat, shapes: &[Shape], len: usize) -> Result<Vec<Rows>> {
    Ok(recv_table(ctx, from, shapes, len).await?.into_iter().map(Rows::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, LENGTHS, assert_oblivious, words};

    #[test]
    fn rows_stay_together_and_cost_two_components() {
        for n in LENGTHS {
            let x: Vec<i128> = (0..n as i128).collect();
            let clear = Clear::new().column(&x).planes(&words(&x), 12);
            let shuffled = async |ctx: Context, i: crate::harness::Inputs<u64>| {
                shuffle(&ctx, vec![Column::U64(i.x[0].clone()), Column::Bits(i.bits[0].clone())]).await
            };
            let run = clear.run::<u64, _>(shuffled);
            let (rows, planes) = run.values.split_at(n);
            assert_eq!(rows, planes);
            let mut sorted = rows.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, x);
            assert!(n < 10 || rows != x);
            assert_eq!((run.cost.rounds, run.cost.bytes), (2, 2 * (8 * n + 12 * n.div_ceil(8))));
            let zeros = Clear::new().column(&vec![0; n]).planes(&vec![0; n], 12);
            assert_oblivious::<u64, _>(&clear, &zeros, shuffled);
        }
    }

    #[test]
    fn all_orders_are_equally_likely() {
        let mut counts = [0; 6];
        let world = crate::world::World::new(5);
        let parts = world.share(&[0u32, 1, 2]);
        for _ in 0..600 {
            let run = world.run(|ctx| {
                let x = parts[ctx.seat().index()].clone();
                async move { shuffle(&ctx, vec![Column::U32(x)]).await }
            });
            let [mut a, mut b, mut c] = run.outputs().unwrap();
            let row = crate::world::reconstruct_column([a.remove(0), b.remove(0), c.remove(0)]).unwrap();
            counts[usize::try_from(row[0] * 2).unwrap() + usize::from(row[1] > row[2])] += 1;
        }
        assert!(counts.iter().all(|count| (60..140).contains(count)), "{counts:?}");
    }
}
