//! Shuffling a table by a permutation that nobody knows.
//!
//! Three permutations in turn, each known to one pair of seats, which holds the table two-of-two at that time:
//! P0 and P1 (as x_0 + x_1 and x_2), P1 and P2, P2 and P0. Between hops one seat hands its masked part over.
//! Paper: [Laur, Willemson and Zhang, ISC 2011](https://eprint.iacr.org/2011/429), section 4; differs: no resharing
//! between hops. Every seat misses one of the three permutations, so it knows nothing about the composition.
//! Security: what P2, P0 and P1 receive is masked by a stream of the two others. Model: semi-honest, 1 of 3.

use super::permute::{join_columns, plus, recv_table, rows, send_table, stream_with};
use super::rows::{Rows, Sign};
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
    let len = rows(ctx, &columns)?;
    let parts: Vec<(Part, Part)> = columns.into_iter().map(Column::into_parts).collect();
    let shapes: Vec<Shape> = parts.iter().map(|(first, _)| first.shape()).collect();
    let [a, b, c, d] = ["01", "12", "20", "last"].map(|name| ctx.step(name));
    let (first, second) = match ctx.seat() {
        Seat::P0 => {
            let sums = parts.into_iter().map(|(x, y)| plus(x, &y).into()).collect();
            let sums = Hop::new(&a, Seat::P1, len)?.permuted(sums, Sign::Plus);
            send_table(&a, Seat::P2, &into_parts(sums)).await?;
            let mut hop = Hop::new(&c, Seat::P2, len)?;
            let rest = recv_rows(&b, Seat::P1, &shapes, len).await?;
            let mut y1 = into_parts(hop.permuted(rest, Sign::Minus));
            let y0 = hop.random(&shapes);
            y1.iter_mut().zip(&y0).for_each(|(x, s)| x.sub(s));
            send_table(&c, Seat::P1, &y1).await?;
            (y0, y1)
        }
        Seat::P1 => {
            let rest = parts.into_iter().map(|(_, x2)| x2.into()).collect();
            let rest = Hop::new(&a, Seat::P0, len)?.permuted(rest, Sign::Minus);
            let rest = Hop::new(&b, Seat::P2, len)?.permuted(rest, Sign::Minus);
            send_table(&b, Seat::P0, &into_parts(rest)).await?;
            futures::try_join!(
                recv_table(&c, Seat::P0, &shapes, len),
                recv_table(&d, Seat::P2, &shapes, len)
            )?
        }
        Seat::P2 => {
            let (mut second, mut third) = (Hop::new(&b, Seat::P1, len)?, Hop::new(&c, Seat::P0, len)?);
            let sums = recv_rows(&a, Seat::P0, &shapes, len).await?;
            let sums = second.permuted(sums, Sign::Plus);
            let y2 = into_parts(third.permuted(sums, Sign::Plus));
            let y0 = third.random(&shapes);
            send_table(&d, Seat::P1, &y2).await?;
            (y2, y0)
        }
    };
    join_columns(ctx, first, second)
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
    fn permuted(&mut self, table: Vec<Rows>, sign: Sign) -> Vec<Rows> {
        table.into_iter().map(|rows| rows.gather_masked(&self.order, &mut self.stream, sign)).collect()
    }

    /// A table known to this pair.
    fn random(&mut self, shapes: &[Shape]) -> Vec<Part> {
        shapes.iter().map(|shape| shape.random(self.order.len(), &mut self.stream)).collect()
    }
}

fn into_parts(table: Vec<Rows>) -> Vec<Part> {
    table.into_iter().map(Rows::into_part).collect()
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
