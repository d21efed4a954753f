//! Order statistics of groups: minimum, maximum, median, quantiles, without learning groups or ranks.
//!
//! Rows are sorted by (key, value), so a quantile is the row at a rank that follows from the size of its group. Sizes
//! are differences of prefix sums read at group ends, where the ranks are computed; the rank of the wanted row goes
//! back to all rows of the group ([`super::fill`] has the idea), and is compared with each row's public position. What
//! is not picked becomes zero, so that the picked value of a group is a difference of prefix exclusive ors.
//! Model: semi-honest, 1 of 3. Neither the number of groups nor their sizes are learned.

mod levels;
mod ranks;

use levels::{Levels, Place};
use ranks::{Ranks, ranks};

use super::arrange::{first_u32, move_to, order_column, positions};
use super::bits::{and, and_all, and_bit};
use super::compare::equal;
use super::convert::one_bit_to_arithmetic;
use super::counting::destinations;
use super::fill::by_part;
use super::group::{goes_on, pop_bits};
use super::sort::{Direction, Key, sort};
use crate::planes::as_u32;
use crate::{Column, Context, Part, Result, Shared, SharedBits};

/// A public fraction from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// At most the denominator.
    pub numerator: u32,
    /// Not zero; the least common multiple of all denominators of a call is below 2^29.
    pub denominator: u32,
}

/// Which value of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The smallest one.
    Smallest,
    /// The largest one.
    Largest,
    /// The two neighbours of the place `level (count - 1)`, and the weight between them: SQL's `PERCENTILE_CONT`.
    Interpolated(Level),
    /// The first one at which at least this fraction of the values is reached: SQL's `PERCENTILE_DISC`.
    Discrete(Level),
}

/// Values to be ordered.
#[derive(Clone, Debug)]
pub struct Values {
    /// Unsigned numbers; a signed one has its top plane complemented, or is an offset from its lower bound.
    pub planes: SharedBits,
    /// Whether a row has a value: 0 for NULL.
    pub present: SharedBits,
}

/// What was picked of each group. All planes are zero where a group has no value.
#[derive(Clone, Debug)]
pub struct Picked {
    /// The value, or the lower neighbour.
    pub low: SharedBits,
    /// The upper neighbour; the value itself if it is not interpolated.
    pub high: SharedBits,
    /// The picked number is `low + (high - low) weight / denominator`.
    pub weight: Shared<u64>,
}

/// Order statistics of the groups of a table, in ascending order of their keys.
#[derive(Clone, Debug)]
pub struct OrderStatistics {
    /// The key of each group.
    pub keys: SharedBits,
    /// Whether there is such a group; the other rows are meaningless.
    pub exists: SharedBits,
    /// How many rows of the group have a value.
    pub counts: Shared<u32>,
    /// One for each pick.
    pub picked: Vec<Picked>,
    /// The denominator of all weights.
    pub denominator: u64,
}

/// Picks values of each group by their rank.
///
/// Groups are those of [`super::group::sums_by_key`] for the same keys and validity, in the same order: every valid
/// row counts, also one whose value is NULL. More groups than `max_groups` are cut off.
/// Shapes: n rows -> min(n, `max_groups`) rows.
/// Cost: [`sort`] by the planes of key and value and two more, then 8 + ceil(log2(w + 1)) rounds for w planes of the
/// key (1 more for both ends of the order). For quantiles 27 + ceil(log2(d + 2)) + ceil(log2 r) more, for a common
/// denominator of d bits and numbers of rows of r bits; most of them work on groups only.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Internal`] for a level that is no fraction;
/// [`crate::Error::Peer`].
pub async fn pick_by_key(
    ctx: &Context,
    keys: &SharedBits,
    valid: &SharedBits,
    values: &Values,
    picks: &[Pick],
    max_groups: usize,
) -> Result<OrderStatistics> {
    let (n, groups) = (keys.len(), keys.len().min(max_groups));
    let levels = Levels::new(ctx, picks)?;
    let rows = sorted(&ctx.step("sort"), keys, valid, values).await?;
    let marks = Marks::of(&ctx.step("marks"), &rows).await?;
    let (destinations, counted) = ends_and_counts(ctx, &marks.ends, &marks.there).await?;

    let ranks = if levels.list.is_empty() {
        Ranks::default()
    } else {
        let columns = vec![counted.clone(), Column::Bits(marks.ends.clone()), positions(ctx, n)];
        let table = move_to(&ctx.step("ends"), columns, &destinations).await?;
        ranks(&ctx.step("ranks"), table, &levels, groups).await?
    };
    let flags = flags(&ctx.step("flags"), &marks, &levels, &ranks.rows).await?;
    let chosen = chosen(&ctx.step("chosen"), &rows.values, &flags).await?;

    let mut table = by_part(ctx, chosen, Part::prefix_sums)?;
    table.push(counted);
    table.push(Column::Bits(SharedBits::concat_planes(&[&rows.keys, &marks.ends])));
    let moved = move_to(&ctx.step("move"), table, &destinations).await?;
    let mut kept: Vec<Column> = moved.iter().map(|column| column.rows(0..groups)).collect();
    let bits = pop_bits(ctx, &mut kept)?;
    let mut kept = by_part(ctx, kept, Part::differences)?;
    let counts = order_column(ctx, kept.pop())?;
    let width = keys.width();
    Ok(OrderStatistics {
        keys: bits.planes(0..width),
        exists: bits.plane(width),
        counts,
        picked: picked(ctx, picks, kept, &ranks.weights, groups)?,
        denominator: levels.denominator,
    })
}

/// How many different values each group has: `COUNT(DISTINCT ...)`, or the persons behind a group.
///
/// Groups as in [`pick_by_key`]. The result has one picked column less: `counts` are those of distinct values.
/// Cost: [`sort`] by the planes of key and value and two more, then 8 + max(ceil(log2(w + 1)), ceil(log2 v)) rounds for
/// keys of w and values of v planes.
///
/// # Errors
/// As [`pick_by_key`].
pub async fn distinct_by_key(
    ctx: &Context,
    keys: &SharedBits,
    valid: &SharedBits,
    values: &Values,
    max_groups: usize,
) -> Result<OrderStatistics> {
    let (groups, width) = (keys.len().min(max_groups), keys.width());
    let rows = sorted(&ctx.step("sort"), keys, valid, values).await?;
    let (mark_step, same_step) = (ctx.step("marks"), ctx.step("same"));
    let (marks, again) = futures::try_join!(Marks::of(&mark_step, &rows), repeated(&same_step, &rows))?;
    // A value is counted where it comes first: in a new group, or after another one.
    let first = and(&ctx.step("first"), &again, &marks.heads.not(ctx.seat())).await?.not(ctx.seat());
    let counted = and(&ctx.step("counted"), &marks.there, &first).await?;
    let (destinations, counted) = ends_and_counts(ctx, &marks.ends, &counted).await?;
    let bits = Column::Bits(SharedBits::concat_planes(&[&rows.keys, &marks.ends]));
    let moved = move_to(&ctx.step("move"), vec![counted, bits], &destinations).await?;
    let mut kept: Vec<Column> = moved.iter().map(|column| column.rows(0..groups)).collect();
    let bits = pop_bits(ctx, &mut kept)?;
    let counts = first_u32(ctx, kept)?.differences();
    let (keys, exists) = (bits.planes(0..width), bits.plane(width));
    Ok(OrderStatistics { keys, exists, counts, picked: Vec::new(), denominator: 1 })
}

/// The rows in the order of (key, value): valid ones first, within a key those with a value first.
struct Rows {
    keys: SharedBits,
    valid: SharedBits,
    values: SharedBits,
    present: SharedBits,
}

async fn sorted(ctx: &Context, keys: &SharedBits, valid: &SharedBits, values: &Values) -> Result<Rows> {
    let by_key = Key::unsigned(ctx, keys, Direction::Ascending).with_validity(ctx, valid, false);
    let by_value = Key::unsigned(ctx, &values.planes, Direction::Ascending);
    let by_value = by_value.with_validity(ctx, &values.present, false);
    for len in [valid.len(), values.planes.len(), values.present.len()] {
        ctx.same_shape(keys.len(), len)?;
    }
    let record = SharedBits::concat_planes(&[keys, valid, &values.planes, &values.present]);
    let mut table = sort(ctx, vec![Column::Bits(record)], &[by_key, by_value]).await?;
    let record = pop_bits(ctx, &mut table)?;
    let (key, value) = (keys.width(), values.planes.width());
    Ok(Rows {
        keys: record.planes(0..key),
        valid: record.plane(key),
        values: record.planes(key + 1..key + 1 + value),
        present: record.plane(key + 1 + value),
    })
}

/// What rows of the sorted table are.
struct Marks {
    /// The first row of a group.
    heads: SharedBits,
    /// The last row of a group.
    ends: SharedBits,
    /// Valid, and with a value.
    there: SharedBits,
    /// The next row belongs to the same group; one row less than there are.
    goes_on: SharedBits,
}

impl Marks {
    async fn of(ctx: &Context, rows: &Rows) -> Result<Marks> {
        let keyed = SharedBits::concat_planes(&[&rows.keys, &rows.valid]);
        let (step, there_step) = (ctx.step("goes on"), ctx.step("there"));
        let (goes_on, there) = futures::try_join!(
            goes_on(&step, &keyed, rows.keys.width()),
            and(&there_step, &rows.valid, &rows.present),
        )?;
        let edge = SharedBits::zeros(rows.valid.len().min(1), 1);
        let heads = rows.valid.xor(&SharedBits::concat_rows(&[&edge, &goes_on]));
        let ends = rows.valid.xor(&SharedBits::concat_rows(&[&goes_on, &edge]));
        Ok(Marks { heads, ends, there, goes_on })
    }
}

/// Where rows go so that ends come first, and running counts of the rows that count.
async fn ends_and_counts(
    ctx: &Context,
    ends: &SharedBits,
    counted: &SharedBits,
) -> Result<(Shared<u32>, Column)> {
    let (ends_step, count_step) = (ctx.step("destinations"), ctx.step("count"));
    let behind = ends.not(ctx.seat());
    let (destinations, counted) = futures::try_join!(
        destinations(&ends_step, &behind),
        one_bit_to_arithmetic::<u32>(&count_step, counted)
    )?;
    Ok((destinations, Column::U32(counted.prefix_sums())))
}

/// Whether a row has the same value as the one above.
async fn repeated(ctx: &Context, rows: &Rows) -> Result<SharedBits> {
    let n = rows.values.len();
    let (above, below) = (rows.values.rows(0..n.saturating_sub(1)), rows.values.rows(n.min(1)..n));
    let same = and_all(ctx, &above.xor(&below).not(ctx.seat())).await?;
    Ok(SharedBits::concat_rows(&[&SharedBits::zeros(n.min(1), 1), &same]))
}

/// For the ends of the order as far as they are picked, then for each target: the rows that are picked.
async fn flags(
    ctx: &Context,
    marks: &Marks,
    levels: &Levels,
    targets: &[Shared<u32>],
) -> Result<Vec<SharedBits>> {
    let n = marks.there.len();
    let mut flags = Vec::new();
    if levels.smallest {
        // Values come first in a group: if its head has none, no row has.
        flags.push(and(&ctx.step("smallest"), &marks.heads, &marks.there).await?);
    }
    if levels.largest {
        let next = marks.there.rows(n.min(1)..n);
        let more = and(&ctx.step("more"), &marks.goes_on, &next).await?;
        flags.push(marks.there.xor(&SharedBits::concat_rows(&[&more, &SharedBits::zeros(n.min(1), 1)])));
    }
    if let Some(count) = targets.len().checked_sub(1) {
        let all = Shared::concat(&targets.iter().collect::<Vec<_>>());
        let rows = order_column(ctx, Some(positions(ctx, n)))?.repeat(count + 1);
        let here =
            equal(&ctx.step("here"), &all, &rows, u32::BITS - as_u32(n).leading_zeros().min(31)).await?;
        let here: Vec<SharedBits> = (0..=count).map(|t| here.rows(t * n..(t + 1) * n)).collect();
        let here = SharedBits::concat_planes(&here.iter().collect::<Vec<_>>());
        let here = and_bit(&ctx.step("there"), &marks.there, &here).await?;
        flags.extend((0..=count).map(|t| here.plane(t)));
    }
    Ok(flags)
}

/// The values of the picked rows, zero elsewhere, for each flag.
async fn chosen(ctx: &Context, values: &SharedBits, flags: &[SharedBits]) -> Result<Vec<Column>> {
    let width = values.width();
    if flags.is_empty() || width == 0 {
        return Ok(flags.iter().map(|_| Column::Bits(values.clone())).collect());
    }
    let masks: Vec<SharedBits> = flags.iter().map(|flag| flag.repeat_plane(width)).collect();
    let masks = SharedBits::concat_planes(&masks.iter().collect::<Vec<_>>());
    let copies = SharedBits::concat_planes(&vec![values; flags.len()]);
    let all = and(ctx, &masks, &copies).await?;
    Ok((0..flags.len()).map(|f| Column::Bits(all.planes(f * width..(f + 1) * width))).collect())
}

/// Hands the chosen columns to the picks that asked for them.
fn picked(
    ctx: &Context,
    picks: &[Pick],
    columns: Vec<Column>,
    weights: &[Shared<u64>],
    groups: usize,
) -> Result<Vec<Picked>> {
    let mut columns = columns.into_iter().filter_map(Column::into_bits);
    let missing = || ctx.internal("a picked column is missing");
    let mut end = |wanted: fn(&Place) -> bool| {
        if picks.iter().any(|pick| wanted(&pick.place())) { columns.next() } else { None }
    };
    let smallest = end(|place| matches!(place, Place::Smallest));
    let largest = end(|place| matches!(place, Place::Largest));
    let mut weights = weights.iter();
    let mut out = Vec::with_capacity(picks.len());
    for pick in picks {
        let (low, high, weight) = match (pick.place(), pick) {
            (Place::Smallest, _) => (smallest.clone(), smallest.clone(), Some(Shared::zeros(groups))),
            (Place::Largest, _) => (largest.clone(), largest.clone(), Some(Shared::zeros(groups))),
            (Place::Level, Pick::Interpolated(_)) => {
                (columns.next(), columns.next(), weights.next().cloned())
            }
            (Place::Level, _) => {
                let value = columns.next();
                (value.clone(), value, weights.next().cloned())
            }
        };
        let (low, high) = (low.ok_or_else(missing)?, high.ok_or_else(missing)?);
        out.push(Picked { low, high, weight: weight.ok_or_else(missing)? });
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
