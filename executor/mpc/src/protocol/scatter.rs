//! Moving rows to secret places: a shuffle by two orders, and an opening that the third seat does not see.
//!
//! Let P0 be the *busy* seat, which all may take in turn. P0 holds the table as x_0 + x_1, P1 as x_2. P0 and P1 permute
//! it by an order that P2 does not know, and P0 hands its masked part to P2; P1 and P2 permute it by one that P0 does not
//! know, and P1 hands its masked part to P0. Now P0 and P2 hold the rows, two-of-two, in an order that neither knows.
//! They open to each other where each row goes, place the rows, and share them anew with P1.
//!
//! The idea of opening destinations after a shuffle is that of
//! [Asharov et al., CCS 2022](https://eprint.iacr.org/2022/1595), section 3; the shuffle is that of
//! [Laur, Willemson and Zhang, ISC 2011](https://eprint.iacr.org/2011/429), section 4. Differs from both: P1 knows both
//! orders, so it must not see the destinations; in return a third order is not needed, nothing is reshared between hops,
//! and the rows are placed by those who hold them two-of-two, before they become shares again.
//! Model: semi-honest, 1 of 3.
//!
//! # Security
//! To P0 and P2 the opened destinations are a uniformly random permutation, whatever they were before: P0 does not know
//! the second order, P2 not the first. Of the two parts that they are opened from, one is masked by a stream that the
//! receiver does not know, and the other follows. Every part of a row that P0 or P2 receives is masked by a stream of
//! the two others. P1 receives two components of rows whose third is a stream of P0 and P2, one of them masked by
//! another; it receives nothing of the destinations but what P2 has of a product, which is masked by a stream of P2 and
//! P0. So each view is simulated from uniformly random values. Against a malicious seat this needs a second body: there is
//! no copy of what is opened to compare it with, only that it must be a permutation.

use std::borrow::Cow;

use super::permute::{join_columns, plus, recv_table, rows, send_table, stream_with};
use super::rows::{Rows, Sign};
use super::verify::{Verified, verify};
use crate::share::{Part, Shape};
use crate::{Column, Context, Prg, Result, Ring, Seat, pool};

/// Where rows go: a permutation of all rows.
pub(super) enum Places {
    /// A shared column.
    Shared(Column),
    /// In three parts, one at each seat, as a product gives them before it is reshared.
    Parts(Vec<u32>),
}

/// Moves row i of all columns to row `places[i]`.
///
/// Shapes: n places, columns of n rows -> the same columns.
/// Cost: 3 rounds. P0 sends two components of all columns, P1 and P2 one each; every seat sends the places once, P1 and
/// P2 twice if they come in parts.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Abort`] if the places are no permutation;
/// [`crate::Error::Peer`].
pub(super) async fn scatter(
    ctx: &Context,
    columns: Vec<Column>,
    places: Places,
    busy: Seat,
) -> Result<Vec<Column>> {
    let mut len = rows(ctx, &columns)?;
    let (in_parts, given) = match &places {
        Places::Shared(column) => (false, column.len()),
        Places::Parts(part) => (true, part.len()),
    };
    if columns.is_empty() {
        len = given;
    }
    ctx.same_shape(len, given)?;
    ctx.book_masked_opening(len);
    let verified = verify(ctx).await?;
    let parts: Vec<(Part, Part)> = columns.into_iter().map(Column::into_parts).collect();
    let shapes = parts.iter().map(|(first, _)| first.shape()).collect();
    let job = Job { ctx, busy, len, shapes, in_parts };
    let (first, second) = if ctx.seat() == busy {
        job.at_busy(verified, parts, places).await?
    } else if ctx.seat() == busy.next() {
        job.at_next(verified, parts, places).await?
    } else {
        job.at_previous(verified, parts, places).await?
    };
    join_columns(ctx, first, second)
}

/// What all seats know of a move.
struct Job<'a> {
    ctx: &'a Context,
    busy: Seat,
    len: usize,
    shapes: Vec<Shape>,
    in_parts: bool,
}

/// The two components of all columns.
type Components = (Vec<Part>, Vec<Part>);

impl Job<'_> {
    /// At P0, which knows the first order.
    async fn at_busy(&self, _: Verified, parts: Vec<(Part, Part)>, places: Places) -> Result<Components> {
        let (next, previous) = (self.busy.next(), self.busy.previous());
        let mut hop = self.hop("first order", next)?;
        let own = match places {
            Places::Shared(column) => {
                let (x, y) = column.into_parts();
                plus(x, &y)
            }
            Places::Parts(part) => Part::U32(part),
        };
        let shape = own.shape();
        let own = hop.places(own.into(), Sign::Plus);
        self.send("places/first", previous, &[own]).await?;
        let sums: Vec<Rows> =
            parts.into_iter().map(|(x, y)| hop.rows(plus(x, &y).into(), Sign::Plus)).collect();
        self.send("first", previous, &sums).await?;
        sums.into_iter().for_each(Rows::give);
        drop(hop);
        let rest = self.recv("second", next).await?;
        let opened = if self.in_parts {
            let mut mine = self.recv_places("places/masked", next, shape).await?;
            mine.add(&self.recv_places("places/back", previous, shape).await?);
            mine
        } else {
            self.recv_places("places/opened", previous, shape).await?
        };
        let sources = self.sources(opened)?;
        let mut stream = stream_with(&self.ctx.step("last"), previous)?;
        let (mut y0, mut y1) = (Vec::new(), Vec::new());
        for rows in rest {
            let mut part = rows.gather(&sources).into_part();
            part.sub_random(&mut stream);
            let fresh = part.shape().random(self.len, &mut stream);
            part.sub(&fresh);
            y0.push(fresh);
            y1.push(part);
        }
        pool::give(sources);
        send_table(&self.ctx.step("last/1"), next, &y1).await?;
        Ok((y0, y1))
    }

    /// At P1, which knows both orders and does not see the places.
    async fn at_next(&self, _: Verified, parts: Vec<(Part, Part)>, places: Places) -> Result<Components> {
        let (busy, previous) = (self.busy, self.busy.previous());
        let (mut first, mut second) = (self.hop("first order", busy)?, self.hop("second order", previous)?);
        let twice = |(_, x): (Part, Part)| second.rows(first.rows(x.into(), Sign::Minus), Sign::Minus);
        let rest: Vec<Rows> = parts.into_iter().map(twice).collect();
        self.send("second", busy, &rest).await?;
        rest.into_iter().for_each(Rows::give);
        let own: Rows = match places {
            Places::Shared(column) => column.into_parts().1.into(),
            Places::Parts(part) => {
                let mut sum = self.recv_places("places/part", previous, Shape::U32).await?;
                sum.add(&Part::U32(part).into());
                sum
            }
        };
        let own = [first.places(own, Sign::Minus).gather(&second.order)];
        self.send("places/second", previous, &own).await?;
        if self.in_parts {
            let [mut own] = own;
            own.mask(&mut second.places, Sign::Minus);
            self.send("places/masked", busy, &[own]).await?;
        }
        drop((first, second));
        let (y1, y2) = (self.ctx.step("last/1"), self.ctx.step("last/2"));
        futures::try_join!(
            recv_table(&y1, busy, &self.shapes, self.len),
            recv_table(&y2, previous, &self.shapes, self.len)
        )
    }

    /// At P2, which knows the second order.
    async fn at_previous(&self, _: Verified, _: Vec<(Part, Part)>, places: Places) -> Result<Components> {
        let (busy, next) = (self.busy, self.busy.next());
        let shape = match places {
            Places::Shared(column) => column.into_parts().0.shape(),
            Places::Parts(part) => {
                self.send("places/part", next, &[Part::U32(part).into()]).await?;
                Shape::U32
            }
        };
        let mut hop = self.hop("second order", next)?;
        let mut opened = self.recv_places("places/first", busy, shape).await?.gather(&hop.order);
        if self.in_parts {
            let mut masked = opened.clone();
            masked.mask(&mut hop.places, Sign::Plus);
            self.send("places/back", busy, &[masked]).await?;
        }
        let sums = self.recv("first", busy).await?;
        let sums: Vec<Rows> = sums.into_iter().map(|rows| hop.rows(rows, Sign::Plus)).collect();
        drop(hop);
        opened.add(&self.recv_places("places/second", next, shape).await?);
        let opened = [opened];
        if !self.in_parts {
            self.send("places/opened", busy, &opened).await?;
        }
        let [opened] = opened;
        let sources = self.sources(opened)?;
        let mut stream = stream_with(&self.ctx.step("last"), busy)?;
        let (mut y0, mut y2) = (Vec::new(), Vec::new());
        for rows in sums {
            let mut part = rows.gather(&sources).into_part();
            part.add_random(&mut stream);
            y0.push(part.shape().random(self.len, &mut stream));
            y2.push(part);
        }
        pool::give(sources);
        send_table(&self.ctx.step("last/2"), next, &y2).await?;
        Ok((y2, y0))
    }

    fn hop(&self, name: &'static str, peer: Seat) -> Result<Hop> {
        let random = self.ctx.step(name).random()?;
        let stream = |domain| {
            if peer == self.ctx.seat().next() { random.second(domain) } else { random.first(domain) }
        };
        let (mut columns, places) = (stream(0), stream(1));
        let order = columns.permutation(self.len);
        Ok(Hop { order, columns, places })
    }

    async fn send(&self, name: &'static str, to: Seat, table: &[Rows]) -> Result<()> {
        let table: Vec<Cow<'_, Part>> = table.iter().map(Rows::part).collect();
        send_table(&self.ctx.step(name), to, &table).await
    }

    async fn recv(&self, name: &'static str, from: Seat) -> Result<Vec<Rows>> {
        let table = recv_table(&self.ctx.step(name), from, &self.shapes, self.len).await?;
        Ok(table.into_iter().map(Rows::from).collect())
    }

    async fn recv_places(&self, name: &'static str, from: Seat, shape: Shape) -> Result<Rows> {
        let ctx = self.ctx.step(name);
        let column = recv_table(&ctx, from, &[shape], self.len).await?.pop();
        column.map(Rows::from).ok_or_else(|| ctx.internal("the places are missing"))
    }

    /// The row that each place takes.
    fn sources(&self, opened: Rows) -> Result<Vec<u32>> {
        let sources = match &opened {
            Rows::Ring(Part::U32(places)) => inverse(places.iter().copied()),
            Rows::Bits { len, width, words } if *width <= 32 => {
                let mask = (1 << width) - 1;
                let word = |row: usize| words.first().map_or(0, |words| words[row] & mask);
                inverse((0..*len).map(|row| u32::from_u128(word(row).into())))
            }
            Rows::Ring(_) | Rows::Bits { .. } => {
                return Err(self.ctx.internal("places are not numbers of rows"));
            }
        };
        opened.give();
        sources.ok_or_else(|| self.ctx.abort("opened destinations are no permutation"))
    }
}

/// An order that a pair knows, and the streams that its masks come from.
struct Hop {
    order: Vec<u32>,
    columns: Prg,
    places: Prg,
}

impl Drop for Hop {
    fn drop(&mut self) {
        pool::give(std::mem::take(&mut self.order));
    }
}

impl Hop {
    /// The permuted column, masked with the sign of this side.
    fn rows(&mut self, rows: Rows, sign: Sign) -> Rows {
        rows.gather_masked(&self.order, &mut self.columns, sign)
    }

    /// As [`Hop::rows`], of the places.
    fn places(&mut self, rows: Rows, sign: Sign) -> Rows {
        rows.gather_masked(&self.order, &mut self.places, sign)
    }
}

/// The inverse of a permutation; `None` if it is none.
fn inverse(permutation: impl ExactSizeIterator<Item = u32>) -> Option<Vec<u32>> {
    /// No row: a permutation is far shorter.
    const FREE: u32 = u32::MAX;
    let mut inverse = pool::take(permutation.len());
    inverse.fill(FREE);
    for (row, place) in (0u32..).zip(permutation) {
        let entry = inverse.get_mut(place as usize).filter(|entry| **entry == FREE)?;
        *entry = row;
    }
    Some(inverse)
}
