//! Gathering rows by sources that one seat knows, with duplication.
//!
//! Holder H (the matcher of a join) knows the source of every output row; rows may be used many times or not at all.
//! H gathers the part it knows itself. The component x_{h+2} travels N -> V -> N -> V in three hops: permuted to the
//! order of the distinct sources used; as adjacent differences, permuted to the places where a new source begins,
//! zeros elsewhere, so that prefix sums duplicate them; and permuted to the output order.
//! Idea: extended permutations of [Mohassel and Sadeghian, EUROCRYPT 2013](https://eprint.iacr.org/2013/137), with
//! prefix sums instead of a switching network. Model: semi-honest, 1 of 3.

use super::permute::{Hop, check_permutation, permute_known, reshare, rows, views};
use crate::planes::as_u32;
use crate::share::{Part, Shape};
use crate::{Column, Context, Result, Seat};

/// Stands for "no source": such an output row is zero.
pub const NO_SOURCE: u32 = u32::MAX;

/// Row i of the result is row `sources[i]`, or zero for [`NO_SOURCE`].
///
/// `sources` is `Some` at the holder, of length `out_len`, and ignored elsewhere. Nothing about it is learned by the
/// others: not which rows are used, nor how often.
/// Shapes: columns of n rows -> `out_len` = m rows.
/// Cost: 4 rounds. N sends components of n + m rows, V of n + 2 m rows, H of m rows and 4 (n + 2 m) bytes.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Internal`] if a source does not exist;
/// [`crate::Error::Peer`].
pub async fn gather_known(
    ctx: &Context,
    columns: Vec<Column>,
    holder: Seat,
    sources: Option<&[u32]>,
    out_len: usize,
) -> Result<Vec<Column>> {
    let len = rows(ctx, &columns)?;
    let (mine, theirs) = views(ctx, columns, holder);
    let shapes: Vec<Shape> = mine.iter().map(Part::shape).collect();
    let mut orders = Orders::default();
    let mut own = None;
    if ctx.seat() == holder {
        let sources = sources.ok_or_else(|| ctx.internal("the holder has no sources"))?;
        ctx.same_shape(out_len, sources.len())?;
        if sources.iter().any(|&s| s != NO_SOURCE && s as usize >= len) {
            return Err(ctx.internal("a source row does not exist"));
        }
        orders = Orders::new(sources, len);
        own = Some(mine.iter().map(|part| part.gather(sources)).collect());
    }
    let is_holder = own.is_some();
    let order = |o: &Vec<u32>| if is_holder { Some(o.clone()) } else { None };
    let (next, previous) = (holder.next(), holder.previous());

    let hop = Hop { holder, sender: next, len, keep: len };
    let distinct =
        hop.run(&ctx.step("distinct"), order(&orders.distinct).as_deref(), theirs, &shapes).await?;
    let spread = distinct.into_iter().map(|part| part.differences().resized(len + out_len)).collect();
    let hop = Hop { holder, sender: previous, len: len + out_len, keep: out_len };
    let starts = hop.run(&ctx.step("starts"), order(&orders.starts).as_deref(), spread, &shapes).await?;
    let grouped = starts.iter().map(Part::prefix_sums).collect();
    let hop = Hop { holder, sender: next, len: out_len, keep: out_len };
    let placed = hop.run(&ctx.step("place"), order(&orders.place).as_deref(), grouped, &shapes).await?;
    reshare(&ctx.step("reshare"), holder, own, placed, &shapes, out_len).await
}

/// The three orders of the three hops, at the holder.
#[derive(Default)]
struct Orders {
    distinct: Vec<u32>,
    starts: Vec<u32>,
    place: Vec<u32>,
}

impl Orders {
    fn new(sources: &[u32], len: usize) -> Self {
        let mut used = vec![false; len];
        for &source in sources {
            if let Some(used) = used.get_mut(source as usize) {
                *used = true;
            }
        }
        let mut distinct: Vec<u32> = (0..as_u32(len)).filter(|&row| used[row as usize]).collect();
        distinct.extend((0..as_u32(len)).filter(|&row| !used[row as usize]));

        // Outputs grouped by source, those without one first: their prefix sums are still zero.
        let mut grouped: Vec<u32> = (0..as_u32(sources.len())).collect();
        grouped.sort_by_key(|&out| (sources[out as usize].wrapping_add(1), out));
        let mut place = vec![0; sources.len()];
        for (position, &out) in (0u32..).zip(&grouped) {
            place[out as usize] = position;
        }

        let mut starts = Vec::with_capacity(len + sources.len());
        let (mut group, mut zero) = (0, as_u32(len));
        let mut before = NO_SOURCE;
        for &out in &grouped {
            let source = sources[out as usize];
            if source == before {
                starts.push(zero);
                zero += 1;
            } else {
                starts.push(group);
                group += 1;
                before = source;
            }
        }
        starts.extend(group..as_u32(len));
        starts.extend(zero..as_u32(len + sources.len()));
        Orders { distinct, starts, place }
    }
}

/// As [`gather_known`] where no source is used twice, in half the rounds and bytes.
///
/// An output row for [`NO_SOURCE`] is *some* row that is not used otherwise, or zero: the caller masks it.
/// Shapes: columns of n rows -> m rows.
/// Cost: that of [`permute_known`] on max(n, m) rows.
///
/// # Errors
/// As [`gather_known`]; [`crate::Error::Internal`] if a source is used twice.
pub async fn place_known(
    ctx: &Context,
    columns: Vec<Column>,
    holder: Seat,
    sources: Option<&[u32]>,
    out_len: usize,
) -> Result<Vec<Column>> {
    let len = rows(ctx, &columns)?;
    let total = len.max(out_len);
    let padded: Option<Vec<Column>> = columns
        .into_iter()
        .map(|column| {
            let (first, second) = column.into_parts();
            Column::from_parts(first.resized(total), second.resized(total))
        })
        .collect();
    let padded = padded.ok_or_else(|| ctx.internal("components of a column differ in kind"))?;
    let order = match sources {
        Some(sources) if ctx.seat() == holder => {
            ctx.same_shape(out_len, sources.len())?;
            let order = complete(sources, total);
            check_permutation(ctx, &order)?;
            Some(order)
        }
        Some(_) | None => None,
    };
    let moved = permute_known(ctx, padded, holder, order.as_deref()).await?;
    Ok(moved.iter().map(|column| column.rows(0..out_len)).collect())
}

/// Fills the gaps with unused rows, the highest first, and appends the others.
fn complete(sources: &[u32], total: usize) -> Vec<u32> {
    let mut used = vec![false; total];
    for &source in sources {
        if let Some(used) = used.get_mut(source as usize) {
            *used = true;
        }
    }
    let mut unused: Vec<u32> = (0..as_u32(total)).filter(|&row| !used[row as usize]).collect();
    let fill = |&source: &u32| if source == NO_SOURCE { unused.pop().unwrap_or(NO_SOURCE) } else { source };
    let mut order: Vec<u32> = sources.iter().map(fill).collect();
    order.append(&mut unused);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, assert_oblivious, numbers, words};
    use crate::ideal;

    fn sources(seed: u64, out: usize, len: usize) -> Vec<u32> {
        let pick = |v: i128| {
            let row = as_u32(usize::try_from(v).unwrap() % (len + 1));
            if row as usize == len { NO_SOURCE } else { row }
        };
        numbers(seed, out, 30, false).into_iter().map(pick).collect()
    }

    #[test]
    fn rows_are_duplicated_or_left_out() {
        for (n, m) in [(0, 0), (0, 3), (1, 1), (1, 5), (64, 65), (65, 64), (200, 10), (10, 200)] {
            for holder in Seat::ALL {
                let x = numbers(1, n, 40, false);
                let low = words(&x.iter().map(|v| v & 0x7f).collect::<Vec<_>>());
                let sources = sources(3, m, n);
                let clear = Clear::new().column(&x).planes(&low, 7);
                let run = clear.run::<u64, _>(async |ctx, i| {
                    let columns = vec![Column::U64(i.x[0].clone()), Column::Bits(i.bits[0].clone())];
                    gather_known(&ctx, columns, holder, Some(&sources), m).await
                });
                let mut expected = ideal::gather(&x, &sources);
                expected.extend(ideal::gather(&low, &sources).into_iter().map(i128::from));
                assert_eq!(run.values, expected, "{n} {m}");
                assert_eq!(run.cost.rounds, 4);
            }
        }
    }

    #[test]
    fn rows_are_placed_once() {
        for (n, m) in [(0, 0), (0, 2), (3, 2), (3, 5), (100, 70)] {
            let x = numbers(1, n, 40, false);
            let order = crate::Prg::from_key(&[3; 16]).permutation(n.max(m));
            let sources: Vec<u32> =
                order[..m].iter().map(|&s| if (s as usize) < n { s } else { NO_SOURCE }).collect();
            let run = Clear::new().column(&x).run::<u64, _>(async |ctx, i| {
                place_known(&ctx, vec![Column::U64(i.x[0].clone())], Seat::P2, Some(&sources), m).await
            });
            for (value, &source) in run.values.iter().zip(&sources) {
                assert!(source == NO_SOURCE || *value == x[source as usize]);
            }
            assert_eq!((run.cost.rounds, run.cost.bytes), (2, 12 * n.max(m)));
        }
    }

    #[test]
    fn sources_stay_hidden() {
        let gather = |sources: Vec<u32>| {
            async move |ctx: Context, i: crate::harness::Inputs<u64>| {
                gather_known(&ctx, vec![Column::U64(i.x[0].clone())], Seat::P0, Some(&sources), 4).await
            }
        };
        let clear = Clear::new().column(&[1, 2, 3]);
        let one = clear.run::<u64, _>(gather(vec![0, 0, 0, 0]));
        let other = clear.run::<u64, _>(gather(vec![2, NO_SOURCE, 1, 0]));
        assert_eq!((one.values, &one.transcript), (vec![1; 4], &other.transcript));
        // N sends n + m rows, V n + 2 m, H m rows and 4 bytes for each of n + 2 m.
        assert_eq!(one.cost.bytes, 8 * (3 + 2 * 4));
        assert_oblivious::<u64, _>(&clear, &Clear::new().column(&[0; 3]), gather(vec![0, 1, 1, 1]));
    }
}
