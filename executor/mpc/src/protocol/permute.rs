//! Permuting a table by an order that one seat knows.
//!
//! The holder `H` knows the order, `N` is its next neighbour and `V` its previous one. A value is A = x_h + x_{h+1},
//! known to H, plus x_{h+2}, known to N and V. H permutes A itself. The order splits into two halves: N applies the
//! first to x_{h+2}, which H draws from the stream it shares with N, and V applies the second, which completes it.
//! Paper: [Mohassel, Rindal and Rosulek, CCS 2020](https://eprint.iacr.org/2019/518), section 3.
//! Model: semi-honest, 1 of 3.

use std::borrow::Borrow;

use crate::context::CHUNK_BYTES;
use crate::share::{Part, Shape};
use crate::{Column, Context, Prg, Result, Seat};

/// Rearranges the rows of all columns by an order that `holder` knows: row i of the result is row `order[i]`.
///
/// `order` is `Some` at the holder, a permutation of all rows, and ignored elsewhere.
/// Shapes: columns of n rows -> the same.
/// Cost: 2 rounds; every seat sends one component of all columns, the holder 4 n bytes more.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Internal`] if the order is no permutation;
/// [`crate::Error::Peer`].
pub async fn permute_known(
    ctx: &Context,
    columns: Vec<Column>,
    holder: Seat,
    order: Option<&[u32]>,
) -> Result<Vec<Column>> {
    let len = rows(ctx, &columns)?;
    let (mine, theirs) = views(ctx, columns, holder);
    let order = if ctx.seat() == holder { order } else { None };
    if let Some(order) = order {
        ctx.same_shape(len, order.len())?;
        check_permutation(ctx, order)?;
    } else if ctx.seat() == holder {
        return Err(ctx.internal("the holder has no order"));
    }
    let shapes: Vec<Shape> = mine.iter().map(Part::shape).collect();
    let hop = Hop { holder, sender: holder.next(), len, keep: len };
    let moved = hop.run(&ctx.step("hop"), order, theirs, &shapes).await?;
    let own = order.map(|order| mine.iter().map(|part| part.gather(order)).collect());
    reshare(&ctx.step("reshare"), holder, own, moved, &shapes, len).await
}

/// The number of rows, which all columns share.
pub(super) fn rows(ctx: &Context, columns: &[Column]) -> Result<usize> {
    let len = columns.first().map_or(0, Column::len);
    for column in columns {
        ctx.same_shape(len, column.len())?;
    }
    Ok(len)
}

/// The parts that this seat works on: at the holder A and a zero offset; elsewhere the component the holder lacks.
pub(super) fn views(ctx: &Context, columns: Vec<Column>, holder: Seat) -> (Vec<Part>, Vec<Part>) {
    columns
        .into_iter()
        .map(|column| {
            let (mut first, second) = column.into_parts();
            let zeros = first.shape().zeros(first.len());
            if ctx.seat() == holder {
                first.add(&second);
                (first, zeros)
            } else if ctx.seat() == holder.next() {
                (zeros, second)
            } else {
                (zeros, first)
            }
        })
        .unzip()
}

pub(super) fn check_permutation(ctx: &Context, order: &[u32]) -> Result<()> {
    if is_permutation(order) { Ok(()) } else { Err(ctx.internal("an order is not a permutation")) }
}

/// Whether every row is named once.
fn is_permutation(order: &[u32]) -> bool {
    let mut seen = vec![false; order.len()];
    order
        .iter()
        .all(|&source| seen.get_mut(source as usize).is_some_and(|seen| !std::mem::replace(seen, true)))
}

/// One move of a table that a *sender* knows up to an offset of the holder, to the third seat, permuted.
pub(super) struct Hop {
    pub(super) holder: Seat,
    pub(super) sender: Seat,
    /// The rows before the move.
    pub(super) len: usize,
    /// How many rows, from the start of the new order, remain.
    pub(super) keep: usize,
}

impl Hop {
    /// `data` is the table at the sender, the holder's offset at the holder, and ignored at the receiver. The result
    /// is the moved table at the receiver, the new offset at the holder, and zeros at the sender.
    ///
    /// Security: the sender sees half of the order, drawn at random; the receiver sees the other half, which is
    /// uniformly random too since the first is unknown to it, and the table under a mask it does not know.
    /// Cost: 1 round; the sender sends one component, the holder 4 bytes a row that remains.
    pub(super) async fn run(
        &self,
        ctx: &Context,
        order: Option<&[u32]>,
        data: Vec<Part>,
        shapes: &[Shape],
    ) -> Result<Vec<Part>> {
        let receiver = Seat::from_index(3 - self.holder.index() - self.sender.index());
        let (half_step, table_step) = (ctx.step("half"), ctx.step("table"));
        if let Some(order) = order {
            let mut stream = stream_with(ctx, self.sender)?;
            let half = stream.permutation(self.len);
            let masks = random_table(&mut stream, shapes, self.len);
            let mut inverse = vec![0; self.len];
            for (place, &source) in (0u32..).zip(&half) {
                inverse[source as usize] = place;
            }
            let order = &order[..self.keep];
            let rest: Vec<u32> = order.iter().map(|&source| inverse[source as usize]).collect();
            half_step.send(receiver, &rest).await?;
            return Ok(data
                .iter()
                .zip(&masks)
                .map(|(t, mask)| plus(t.gather(order), &mask.gather(&rest)))
                .collect());
        }
        if ctx.seat() == self.sender {
            let mut stream = stream_with(ctx, self.holder)?;
            let half = stream.permutation(self.len);
            let masks = random_table(&mut stream, shapes, self.len);
            let masked: Vec<Part> =
                data.iter().zip(&masks).map(|(u, mask)| plus(u.gather(&half), mask)).collect();
            send_table(&table_step, receiver, &masked).await?;
            return Ok(shapes.iter().map(|shape| shape.zeros(self.keep)).collect());
        }
        let rest = half_step.recv::<u32>(self.holder, self.keep);
        let table = recv_table(&table_step, self.sender, shapes, self.len);
        let (rest, table) = futures::try_join!(rest, table)?;
        if rest.iter().any(|&source| source as usize >= self.len) {
            return Err(ctx.abort("half of an order names a row that does not exist"));
        }
        Ok(table.iter().map(|part| part.gather(&rest)).collect())
    }
}

/// The stream that this seat shares with a neighbour.
pub(super) fn stream_with(ctx: &Context, peer: Seat) -> Result<Prg> {
    let random = ctx.random()?;
    Ok(if peer == ctx.seat().next() { random.second(0) } else { random.first(0) })
}

/// Makes three components of `own` (at the holder), which still holds the offset that `moved` has at the holder, plus
/// `moved` (at the holder's previous neighbour).
///
/// Components: y_h = s + s' from the stream of H and V, y_{h+1} = own - offset - s from H to N, and
/// y_{h+2} = moved - s' from V to N.
/// Cost: 1 round after V has `moved`; H and V send one component each.
pub(super) async fn reshare(
    ctx: &Context,
    holder: Seat,
    own: Option<Vec<Part>>,
    moved: Vec<Part>,
    shapes: &[Shape],
    len: usize,
) -> Result<Vec<Column>> {
    let (own_step, moved_step) = (ctx.step("own"), ctx.step("moved"));
    let next = holder.next();
    let (first, second) = if let Some(own) = own {
        let (s, s_prime) = two_tables(ctx, holder.previous(), shapes, len)?;
        let y1: Vec<Part> =
            own.into_iter().zip(&moved).zip(&s).map(|((a, t), s)| minus(minus(a, t), s)).collect();
        send_table(&own_step, next, &y1).await?;
        (s.into_iter().zip(&s_prime).map(|(s, t)| plus(s, t)).collect(), y1)
    } else if ctx.seat() == next {
        let own = recv_table(&own_step, holder, shapes, len);
        let moved = recv_table(&moved_step, holder.previous(), shapes, len);
        futures::try_join!(own, moved)?
    } else {
        let (s, s_prime) = two_tables(ctx, holder, shapes, len)?;
        let y2: Vec<Part> = moved.into_iter().zip(&s_prime).map(|(u, s)| minus(u, s)).collect();
        send_table(&moved_step, next, &y2).await?;
        let y0 = s.into_iter().zip(&s_prime).map(|(s, t)| plus(s, t)).collect();
        (y2, y0)
    };
    join_columns(ctx, first, second)
}

fn two_tables(ctx: &Context, peer: Seat, shapes: &[Shape], len: usize) -> Result<(Vec<Part>, Vec<Part>)> {
    let mut stream = stream_with(ctx, peer)?;
    Ok((random_table(&mut stream, shapes, len), random_table(&mut stream, shapes, len)))
}

pub(super) fn join_columns(ctx: &Context, first: Vec<Part>, second: Vec<Part>) -> Result<Vec<Column>> {
    let columns: Option<Vec<Column>> =
        first.into_iter().zip(second).map(|(a, b)| Column::from_parts(a, b)).collect();
    columns.ok_or_else(|| ctx.internal("components of a column differ in kind"))
}

pub(super) fn plus(mut x: Part, y: &Part) -> Part {
    x.add(y);
    x
}

pub(super) fn minus(mut x: Part, y: &Part) -> Part {
    x.sub(y);
    x
}

pub(super) fn random_table(stream: &mut Prg, shapes: &[Shape], len: usize) -> Vec<Part> {
    shapes.iter().map(|shape| shape.random(len, stream)).collect()
}

/// Sends one component of all columns: in one message, or, of a long table, column by column.
pub(super) async fn send_table<P: Borrow<Part>>(ctx: &Context, to: Seat, table: &[P]) -> Result<()> {
    let parts = || table.iter().map(P::borrow);
    let total = parts().map(|part| part.shape().wire_bytes(part.len())).sum::<usize>();
    if total <= CHUNK_BYTES {
        let mut bytes = Vec::with_capacity(total + 8);
        for part in parts() {
            part.write(&mut bytes);
        }
        return ctx.send_bytes(to, bytes).await;
    }
    for (index, part) in parts().enumerate() {
        let ctx = ctx.nth(index);
        match part {
            Part::U32(x) => ctx.send(to, x).await?,
            Part::U64(x) => ctx.send(to, x).await?,
            Part::U128(x) => ctx.send(to, x).await?,
            Part::Bits(x) => ctx.send_planes(to, x).await?,
        }
    }
    Ok(())
}

/// Receives one component of all columns.
pub(super) async fn recv_table(ctx: &Context, from: Seat, shapes: &[Shape], len: usize) -> Result<Vec<Part>> {
    let total = shapes.iter().map(|shape| shape.wire_bytes(len)).sum();
    let mut table = Vec::with_capacity(shapes.len());
    if total <= CHUNK_BYTES {
        let bytes = ctx.recv_bytes(from, total).await?;
        let mut rest = &bytes[..];
        for shape in shapes {
            let (part, after) = rest.split_at(shape.wire_bytes(len));
            table.push(shape.read(part, len));
            rest = after;
        }
        return Ok(table);
    }
    for (index, shape) in shapes.iter().enumerate() {
        let ctx = ctx.nth(index);
        table.push(match *shape {
            Shape::U32 => Part::U32(ctx.recv(from, len).await?),
            Shape::U64 => Part::U64(ctx.recv(from, len).await?),
            Shape::U128 => Part::U128(ctx.recv(from, len).await?),
            Shape::Bits(width) => Part::Bits(ctx.recv_planes(from, len, width).await?),
        });
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, LENGTHS, assert_oblivious, numbers, words};
    use crate::ideal;

    #[test]
    fn known_orders_move_all_columns() {
        for n in LENGTHS {
            for holder in Seat::ALL {
                let x = numbers(1, n, 40, true);
                let b = numbers(2, n, 70, false);
                let low = words(&b.iter().map(|v| v & 0x3ff).collect::<Vec<_>>());
                let order = Prg::from_key(&[9; 16]).permutation(n);
                let clear = Clear::new().column(&x).planes(&low, 10);
                let run = clear.run::<u64, _>(async |ctx, i| {
                    let columns = vec![Column::U64(i.x[0].clone()), Column::Bits(i.bits[0].clone())];
                    let order = if ctx.seat() == holder { Some(&order[..]) } else { None };
                    permute_known(&ctx, columns, holder, order).await
                });
                let mut expected: Vec<i128> =
                    ideal::gather(&words(&x), &order).into_iter().map(i128::from).collect();
                expected.extend(ideal::gather(&low, &order).into_iter().map(i128::from));
                assert_eq!(run.values, expected);
                let component = 8 * n + 10 * n.div_ceil(8);
                assert_eq!((run.cost.rounds, run.cost.bytes), (2, component + 4 * n));
            }
        }
    }

    #[test]
    fn orders_stay_hidden_and_must_be_permutations() {
        let permute = |order: Vec<u32>| {
            async move |ctx: Context, i: crate::harness::Inputs<u64>| {
                permute_known(&ctx, vec![Column::U64(i.x[0].clone())], Seat::P1, Some(&order)).await
            }
        };
        let (one, other) = (Clear::new().column(&[1, 2, 3]), Clear::new().column(&[0, 0, 0]));
        assert_oblivious::<u64, _>(&one, &other, permute(vec![2, 0, 1]));
        one.tamper::<u64, _>(permute(vec![2, 0, 1]));
        let world = crate::world::World::new(1);
        let run = world.run(async |ctx| {
            permute_known(&ctx, vec![Column::U64(Shared::zeros(2))], Seat::P1, Some(&[0, 0])).await
        });
        assert!(matches!(run.outputs(), Err(crate::Error::Peer { .. } | crate::Error::Internal { .. })));
    }

    use crate::Shared;
}
