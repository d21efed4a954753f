//! Shuffling a table by a permutation that nobody knows.
//!
//! Three permutations in turn, each known to one pair of seats, which holds the table two-of-two at that time:
//! P0 and P1 (as x_0 + x_1 and x_2), P1 and P2, P2 and P0. Between hops one seat hands its masked part over.
//! Paper: [Laur, Willemson and Zhang, ISC 2011](https://eprint.iacr.org/2011/429), section 4; differs: no resharing
//! between hops. Every seat misses one of the three permutations, so it knows nothing about the composition.
//! Security: what P2, P0 and P1 receive is masked by a stream of the two others. Model: semi-honest, 1 of 3.

use super::permute::{join_columns, minus, plus, random_table, recv_table, rows, send_table, stream_with};
use crate::share::{Part, Shape};
use crate::{Column, Context, Prg, Result, Seat};

/// Shuffles the rows of all columns together.
///
/// Shapes: columns of n rows -> the same.
/// Cost: 2 rounds, since what P1 hands over depends on no message; P0 sends two components of all columns, P1 and P2 one each.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Peer`].
pub async fn shuffle(ctx: &Context, columns: Vec<Column>) -> Result<Vec<Column>> {
    shuffle_from(ctx, columns, Seat::P0).await
}

/// As [`shuffle`], with `busy` in the place of P0, its next neighbour in that of P1, and its previous one in that of P2:
/// who shuffles often lets the seats take turns.
///
/// # Errors
/// As [`shuffle`].
pub(super) async fn shuffle_from(ctx: &Context, columns: Vec<Column>, busy: Seat) -> Result<Vec<Column>> {
    let len = rows(ctx, &columns)?;
    let parts: Vec<(Part, Part)> = columns.into_iter().map(Column::into_parts).collect();
    let shapes: Vec<Shape> = parts.iter().map(|(first, _)| first.shape()).collect();
    let [a, b, c, d] = ["01", "12", "20", "last"].map(|name| ctx.step(name));
    let (p1, p2) = (busy.next(), busy.previous());
    let (first, second) = if ctx.seat() == busy {
        let sums: Vec<Part> = parts.into_iter().map(|(x, y)| plus(x, &y)).collect();
        let sums = permuted(&mut stream_with(&a, p1)?, &sums, len, Part::add_random);
        send_table(&a, p2, &sums).await?;
        let rest = recv_table(&b, p1, &shapes, len).await?;
        let mut stream = stream_with(&c, p2)?;
        let rest = permuted(&mut stream, &rest, len, Part::sub_random);
        let y0 = random_table(&mut stream, &shapes, len);
        let y1: Vec<Part> = rest.into_iter().zip(&y0).map(|(x, s)| minus(x, s)).collect();
        send_table(&c, p1, &y1).await?;
        (y0, y1)
    } else if ctx.seat() == p1 {
        let rest: Vec<Part> = parts.into_iter().map(|(_, x2)| x2).collect();
        let rest = permuted(&mut stream_with(&a, busy)?, &rest, len, Part::sub_random);
        let rest = permuted(&mut stream_with(&b, p2)?, &rest, len, Part::sub_random);
        send_table(&b, busy, &rest).await?;
        let (y1, y2) = (recv_table(&c, busy, &shapes, len), recv_table(&d, p2, &shapes, len));
        futures::try_join!(y1, y2)?
    } else {
        let sums = recv_table(&a, busy, &shapes, len).await?;
        let sums = permuted(&mut stream_with(&b, p1)?, &sums, len, Part::add_random);
        let mut stream = stream_with(&c, busy)?;
        let y2 = permuted(&mut stream, &sums, len, Part::add_random);
        let y0 = random_table(&mut stream, &shapes, len);
        send_table(&d, p1, &y2).await?;
        (y2, y0)
    };
    join_columns(ctx, first, second)
}

/// One pair's permutation, and its mask with the sign of this side.
fn permuted(stream: &mut Prg, table: &[Part], len: usize, mask: fn(&mut Part, &mut Prg)) -> Vec<Part> {
    let order = stream.permutation(len);
    let moved = |part: &Part| {
        let mut part = part.gather(&order);
        mask(&mut part, stream);
        part
    };
    table.iter().map(moved).collect()
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
