//! Which groups are revealed: those present first, in the order that the query asks for, cut where it asks.
//!
//! What is absent was multiplied by 0 before, and comes last, so that absent groups look like groups that do not exist.

use mpc::protocol::arrange::compact;
use mpc::protocol::bits::and_bit;
use mpc::protocol::convert::bits_of;
use mpc::protocol::sort::{Direction, Key, top_k};
use mpc::{Column, Context, Ring, Shared, SharedBits};
use planner::plan::{Chosen, Range, SortKey, width_of};

use crate::reveal::Gated;
use crate::{Error, Result};

/// Orders and cuts what passed the gate. `ranges` are those of the outputs.
///
/// Cost: for each key the bits of its column and an AND of them, side by side; [`top_k`] by all of them and the bit that a
/// row is present, or without keys [`compact`].
pub(super) async fn run(ctx: &Context, chosen: &Chosen, gated: Gated, ranges: &[Range]) -> Result<Gated> {
    let present = gated.row_bit.clone().ok_or_else(absent)?;
    let keys = chosen.order.iter().enumerate().map(|(index, key)| {
        let (ctx, gated, present) = (ctx.step("key").nth(index), &gated, &present);
        async move { sort_key(&ctx, *key, gated, present, ranges).await }
    });
    let keys = futures::future::try_join_all(keys).await?;
    let shown = gated.outputs.iter().map(|(_, bit)| bit.is_some()).collect::<Vec<_>>();
    let mut columns = vec![Column::Bits(present.clone())];
    for (value, bit) in gated.outputs {
        columns.extend(bit.map(Column::Bits));
        columns.push(value);
    }
    let rows = present.len();
    let from = chosen.skip.min(rows);
    let columns = if keys.is_empty() {
        compact(&ctx.step("front"), columns, &present).await?
    } else {
        let none = SharedBits::zeros(present.len(), 0);
        let first = Key::unsigned(ctx, &none, Direction::Ascending).with_validity(ctx, &present, false);
        let keys: Vec<Key> = std::iter::once(first).chain(keys).collect();
        top_k(&ctx.step("sort"), columns, &keys, from + chosen.rows(rows)).await?
    };
    let mut columns = columns.into_iter().map(|column| column.rows(from..from + chosen.rows(rows)));
    let row_bit = columns.next().and_then(Column::into_bits);
    let mut outputs = Vec::new();
    for shown in shown {
        let bit = if shown { columns.next().and_then(Column::into_bits) } else { None };
        outputs.push((columns.next().ok_or_else(absent)?, bit));
    }
    Ok(Gated { row_bit, outputs })
}

fn absent() -> Error {
    Error::internal("release", "a column of chosen groups is missing")
}

/// An output as a key of a sort: what is not known has no value.
async fn sort_key(
    ctx: &Context,
    key: SortKey,
    gated: &Gated,
    present: &SharedBits,
    ranges: &[Range],
) -> Result<Key> {
    let (value, known) = gated.outputs.get(key.output).ok_or_else(absent)?;
    let range = *ranges.get(key.output).ok_or_else(absent)?;
    let known = known.as_ref().unwrap_or(present);
    let planes = match value {
        Column::U64(x) => planes(ctx, x, range).await?,
        Column::U128(x) => planes(ctx, x, range).await?,
        Column::U32(_) | Column::Bits(_) => {
            return Err(Error::internal("release", "groups are ordered by what is no number"));
        }
    };
    let planes = and_bit(&ctx.step("known"), known, &planes).await?;
    let direction = if key.descending { Direction::Descending } else { Direction::Ascending };
    Ok(Key::unsigned(ctx, &planes, direction).with_validity(ctx, known, key.nulls_first))
}

/// The numbers counted from the lowest of their range.
async fn planes<R: Ring>(ctx: &Context, x: &Shared<R>, range: Range) -> Result<SharedBits> {
    let from_lowest = x.clone().add_constant(ctx.seat(), R::from_i128(-range.lo));
    Ok(bits_of(&ctx.step("bits"), &from_lowest, width_of(range).min(R::BITS)).await?)
}
