//! Products with a private factor: `a` known to one seat, `b` known to the two others.
//!
//! A replicated value splits as x = (x_c + x_{c+1}) + x_{c+2}: the *holder* `Pc` knows the first part, `P(c+1)` and
//! `P(c+2)` know the second. To balance bytes, rows are cut into three chunks at word boundaries, and chunk `c` takes
//! seat `Pc` as holder. A seat then is the holder of its own chunk, `P(c+1)` in the chunk of its previous neighbour
//! (`low`), and `P(c+2)` in the chunk of its next neighbour (`high`).
//!
//! These protocols rest on private inputs. A malicious suite gives each of them a second body.

use std::ops::Range;

use crate::{Context, Planes, Result, Ring, Seat, Shared, SharedBits};

/// Which rows belong to which holder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roles {
    seat: Seat,
    bounds: [usize; 4],
}

/// The rows `rows` of x, or of x - y.
pub(crate) struct Term<'a, R: Ring> {
    pub(crate) x: &'a Shared<R>,
    pub(crate) y: Option<&'a Shared<R>>,
    pub(crate) rows: Range<usize>,
}

/// Something of each of the three chunks, named by this seat's role in it.
#[derive(Clone, Debug)]
pub(crate) struct Split<T> {
    /// The chunk that this seat holds.
    pub(crate) own: T,
    /// The chunk of the previous neighbour.
    pub(crate) low: T,
    /// The chunk of the next neighbour.
    pub(crate) high: T,
}

impl<T> Split<T> {
    /// In the order of rows.
    pub(crate) fn in_order(&self, seat: Seat) -> [&T; 3] {
        match seat {
            Seat::P0 => [&self.own, &self.high, &self.low],
            Seat::P1 => [&self.low, &self.own, &self.high],
            Seat::P2 => [&self.high, &self.low, &self.own],
        }
    }

    pub(crate) fn map<U>(&self, f: impl Fn(&T) -> U) -> Split<U> {
        Split { own: f(&self.own), low: f(&self.low), high: f(&self.high) }
    }
}

impl<R: Ring> Split<Shared<R>> {
    /// The whole column.
    pub(crate) fn join(&self, seat: Seat) -> Shared<R> {
        Shared::concat(&self.in_order(seat))
    }
}

impl Roles {
    pub(crate) fn new(seat: Seat, len: usize) -> Self {
        let words = len.div_ceil(64);
        Roles { seat, bounds: [0, len.min(words / 3 * 64), len.min(words * 2 / 3 * 64), len] }
    }

    /// The rows of the three chunks.
    pub(crate) fn ranges(&self) -> Split<Range<usize>> {
        let range = |seat: Seat| self.bounds[seat.index()]..self.bounds[seat.index() + 1];
        Split { own: range(self.seat), low: range(self.seat.previous()), high: range(self.seat.next()) }
    }

    /// What this seat knows of each chunk: the sum of its components as holder, the third component elsewhere.
    pub(crate) fn view<R: Ring>(&self, x: &Shared<R>) -> Split<Vec<R>> {
        let ranges = self.ranges();
        let own = ranges.own;
        Split {
            own: x.first[own.clone()].iter().zip(&x.second[own]).map(|(&a, &b)| a.plus(b)).collect(),
            low: x.second[ranges.low].to_vec(),
            high: x.first[ranges.high].to_vec(),
        }
    }

    /// Of each chunk the component that only one of the two others has: x_{c+1} at `P(c+1)`, x_c at `P(c+2)`.
    pub(crate) fn single<'a, R: Ring>(&self, x: &'a Shared<R>) -> [&'a [R]; 2] {
        let ranges = self.ranges();
        [&x.first[ranges.low], &x.second[ranges.high]]
    }

    /// As [`Roles::view`], of bits.
    pub(crate) fn view_bits(&self, x: &SharedBits) -> Split<Planes> {
        let ranges = self.ranges();
        Split {
            own: x.first.rows(ranges.own.clone()).xor(&x.second.rows(ranges.own)),
            low: x.second.rows(ranges.low),
            high: x.first.rows(ranges.high),
        }
    }
}

/// Every holder inputs a value for its chunk: components (r, a - r, 0) from the holder on.
///
/// Cost: 1 round; each seat sends its own chunk to its next neighbour.
pub(crate) async fn input<R: Ring>(
    ctx: &Context,
    own: &[R],
    low: usize,
    high: usize,
) -> Result<Split<Shared<R>>> {
    let random = ctx.random()?;
    let first: Vec<R> = random.first(0).elements(own.len());
    let second: Vec<R> = own.iter().zip(&first).map(|(&a, &r)| a.minus(r)).collect();
    let received = ctx.exchange(ctx.seat().next(), &second, ctx.seat().previous(), low).await?;
    Ok(Split {
        own: Shared::from_parts(first, second),
        low: Shared::from_parts(received, vec![R::ZERO; low]),
        high: Shared::from_parts(vec![R::ZERO; high], random.second(0).elements(high)),
    })
}

/// A value that the two others know of each chunk: the component that the holder lacks.
pub(crate) fn known<R: Ring>(view: Split<Vec<R>>) -> Split<Shared<R>> {
    let zeros = |len| vec![R::ZERO; len];
    Split {
        own: Shared::zeros(view.own.len()),
        low: Shared::from_parts(zeros(view.low.len()), view.low),
        high: Shared::from_parts(view.high.clone(), zeros(view.high.len())),
    }
}

/// The structured product: `a` as [`input`] made it, times `b`, which the two others know (`b.own` is not used).
///
/// a b = a_{c+1} b + a_c b: `P(c+1)` makes the first product and `P(c+2)` the second; [`swap`] makes them shares.
/// Cost: that of [`swap`].
pub(crate) async fn structured<R: Ring>(
    ctx: &Context,
    a: &Split<Shared<R>>,
    b: &Split<Vec<R>>,
) -> Result<Split<Shared<R>>> {
    let times = |a: &[R], b: &[R]| -> Vec<R> { a.iter().zip(b).map(|(&a, &b)| a.times(b)).collect() };
    swap(ctx, a.own.len(), times(&a.low.first, &b.low), times(&a.high.second, &b.high)).await
}

/// Makes shares of what `P(c+1)` (`low`) and `P(c+2)` (`high`) hold two-of-two of each chunk.
///
/// `P(c+1)` masks its part by a stream it shares with the holder, `P(c+2)` by its own stream with the holder; they swap,
/// and the sum is component `c+2`. The masks are components `c+1` and `c`, which the holder derives.
/// Security: `P(c+1)` receives a value masked by a stream of `Pc` and `P(c+2)` only, and the reverse; the holder
/// receives nothing. Each view is simulated by uniformly random values.
/// Cost: 1 round; a seat sends the chunk of its previous neighbour to the next, and that of the next to the previous.
pub(crate) async fn swap<R: Ring>(
    ctx: &Context,
    own_len: usize,
    mut low: Vec<R>,
    mut high: Vec<R>,
) -> Result<Split<Shared<R>>> {
    let random = ctx.random()?;
    let (next, previous) = (ctx.seat().next(), ctx.seat().previous());
    let low_mask: Vec<R> = random.first(2).elements(low.len());
    let high_mask: Vec<R> = random.second(1).elements(high.len());
    each(&mut low, &low_mask, R::minus);
    each(&mut high, &high_mask, R::minus);
    let (from_next, from_previous) = futures::try_join!(
        ctx.exchange(next, &low, next, low.len()),
        ctx.exchange(previous, &high, previous, high.len()),
    )?;
    each(&mut low, &from_next, R::plus);
    each(&mut high, &from_previous, R::plus);
    Ok(Split {
        own: Shared::from_parts(random.first(1).elements(own_len), random.second(2).elements(own_len)),
        low: Shared::from_parts(low_mask, low),
        high: Shared::from_parts(high, high_mask),
    })
}

/// Changes each element by one of the others.
fn each<R: Ring>(x: &mut [R], y: &[R], change: impl Fn(R, R) -> R) {
    x.iter_mut().zip(y).for_each(|(a, &b)| *a = change(*a, b));
}

/// The low `bits` planes of a ^ b, for a + b the rows of `term`, or for a - b if `subtracts`.
///
/// Every holder inputs `a` for its chunk. Components, from the holder on: (r, a ^ r, b), with `r` from the stream of
/// holder and previous neighbour. They are made in their places, in one pass over the columns: a comparison of narrow
/// numbers costs little more than to read them.
/// Cost: 1 round; each seat sends the planes of its own chunk to its next neighbour.
pub(crate) async fn difference<R: Ring>(
    ctx: &Context,
    term: &Term<'_, R>,
    bits: usize,
    subtracts: bool,
) -> Result<(SharedBits, Roles)> {
    let random = ctx.random()?;
    let roles = Roles::new(ctx.seat(), term.rows.len());
    let (ranges, words) = (roles.ranges(), roles.words());
    let mut p = SharedBits {
        first: Planes::take(term.rows.len(), bits),
        second: Planes::take(term.rows.len(), bits),
    };

    let mut sent = Planes::from_fill(ranges.own.len(), bits, |rows, out| term.held(&ranges.own, rows, out));
    let mut stream = random.first(0);
    for plane in 0..bits {
        let r = &mut p.first.plane_mut(plane)[words.own.clone()];
        stream.apply(r, |_, r| r);
        let sent = sent.plane_mut(plane);
        sent.iter_mut().zip(r).for_each(|(a, r)| *a ^= *r);
        p.second.plane_mut(plane)[words.own.clone()].copy_from_slice(sent);
    }
    let (next, previous) = (ctx.seat().next(), ctx.seat().previous());
    let send = async {
        ctx.send_planes(next, &sent).await?;
        // What is local is made while the planes travel.
        p.second.fill_rows(ranges.low.clone(), |rows, out| {
            term.known(|x| &x.second, &ranges.low, rows, subtracts, out);
        });
        p.first.fill_rows(ranges.high.clone(), |rows, out| {
            term.known(|x| &x.first, &ranges.high, rows, subtracts, out);
        });
        let mut stream = random.second(0);
        for plane in 0..bits {
            stream.apply(&mut p.second.plane_mut(plane)[words.high.clone()], |_, r| r);
        }
        Ok(())
    };
    let ((), received) = futures::try_join!(send, ctx.recv_planes(previous, ranges.low.len(), bits))?;
    for plane in 0..bits {
        p.first.plane_mut(plane)[words.low.clone()].copy_from_slice(received.plane(plane));
    }
    Ok((p, roles))
}

impl<R: Ring> Term<'_, R> {
    /// What the holder knows of some rows of its chunk.
    fn held(&self, chunk: &Range<usize>, rows: Range<usize>, out: &mut [R]) {
        let rows = self.rows.start + chunk.start + rows.start..self.rows.start + chunk.start + rows.end;
        let x = self.x.first[rows.clone()].iter().zip(&self.x.second[rows.clone()]);
        match self.y {
            None => out.iter_mut().zip(x).for_each(|(out, (&a, &b))| *out = a.plus(b)),
            Some(y) => {
                let y = y.first[rows.clone()].iter().zip(&y.second[rows]);
                for (out, ((&a, &b), (&c, &d))) in out.iter_mut().zip(x.zip(y)) {
                    *out = a.plus(b).minus(c.plus(d));
                }
            }
        }
    }

    /// What the two others know of some rows of a chunk, negated if `negates`.
    fn known(
        &self,
        component: fn(&Shared<R>) -> &[R],
        chunk: &Range<usize>,
        rows: Range<usize>,
        negates: bool,
        out: &mut [R],
    ) {
        let rows = self.rows.start + chunk.start + rows.start..self.rows.start + chunk.start + rows.end;
        let x = &component(self.x)[rows.clone()];
        match (self.y.map(|y| &component(y)[rows]), negates) {
            (None, false) => out.copy_from_slice(x),
            (None, true) => out.iter_mut().zip(x).for_each(|(out, a)| *out = a.negated()),
            (Some(y), false) => {
                out.iter_mut().zip(x.iter().zip(y)).for_each(|(out, (&a, &b))| *out = a.minus(b));
            }
            (Some(y), true) => {
                out.iter_mut().zip(x.iter().zip(y)).for_each(|(out, (&a, &b))| *out = b.minus(a));
            }
        }
    }
}

impl Roles {
    /// The words of planes that hold the rows of the three chunks, in the order of rows.
    pub(crate) fn chunk_words(&self) -> [Range<usize>; 3] {
        [0, 1, 2].map(|chunk| self.bounds[chunk] / 64..self.bounds[chunk + 1].div_ceil(64))
    }

    /// The words of planes that hold the rows of the three chunks, which begin at whole words.
    pub(crate) fn words(&self) -> Split<Range<usize>> {
        self.ranges().map(|range| range.start / 64..range.end.div_ceil(64))
    }

    /// Of the components of [`difference`], the words that are `b`: in the first component the rows of `high`, in the
    /// second those of `low`. Everything else of `b` is zero.
    pub(crate) fn known_words(&self) -> (Range<usize>, Range<usize>) {
        let words = self.words();
        (words.high, words.low)
    }

    /// `b` of the planes that [`difference`] made.
    pub(crate) fn known_part(&self, p: &SharedBits) -> SharedBits {
        let (first_words, second_words) = self.known_words();
        let mut out = SharedBits::zeros(p.len(), p.width());
        for plane in 0..p.width() {
            let (first, second) = (first_words.clone(), second_words.clone());
            out.first.plane_mut(plane)[first.clone()].copy_from_slice(&p.first.plane(plane)[first]);
            out.second.plane_mut(plane)[second.clone()].copy_from_slice(&p.second.plane(plane)[second]);
        }
        out
    }
}
