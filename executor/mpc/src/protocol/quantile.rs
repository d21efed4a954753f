//! Order statistics of groups: minimum, maximum, median, quantiles, without learning groups or ranks.
//!
//! Rows are sorted by (key, value), so a quantile is the row at a rank that follows from the size of its group. Sizes
//! are differences of prefix sums read at group ends, where the ranks are computed; the rank of the wanted row goes
//! back to all rows of the group ([`super::fill`] has the idea), and is compared with each row's public position. What
//! is not picked becomes zero, so that the picked value of a group is a difference of prefix exclusive ors.
//! Model: semi-honest, 1 of 3. Neither the number of groups nor their sizes are learned.

use super::arrange::{destinations, first_u32, move_to, order_column, positions};
use super::bits::{and, and_all, and_bit};
use super::compare::{equal, less_than_public};
use super::convert::one_bit_to_arithmetic;
use super::divide::divide_by_public;
use super::fill::by_part;
use super::group::{goes_on, pop_bits};
use super::product::mul;
use super::sort::{Direction, Key, sort};
use super::truncate::widen;
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

/// The public levels of a call, over one denominator.
struct Levels {
    list: Vec<(u64, Rank)>,
    denominator: u64,
    /// Whether the ends of the order are picked.
    smallest: bool,
    largest: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rank {
    Interpolated,
    Discrete,
}

/// Where a pick is found: among the flags of the ends, or among those of the levels.
enum Place {
    Smallest,
    Largest,
    Level,
}

impl Pick {
    /// A level of 0 or 1 is an end of the order, whichever way it is meant.
    fn place(self) -> Place {
        match self {
            Pick::Smallest => Place::Smallest,
            Pick::Largest => Place::Largest,
            Pick::Interpolated(level) | Pick::Discrete(level) => {
                if level.numerator == 0 {
                    Place::Smallest
                } else if level.numerator == level.denominator {
                    Place::Largest
                } else {
                    Place::Level
                }
            }
        }
    }
}

impl Levels {
    fn new(ctx: &Context, picks: &[Pick]) -> Result<Levels> {
        let mut levels = Levels { list: Vec::new(), denominator: 1, smallest: false, largest: false };
        let mut list = Vec::new();
        for pick in picks {
            match (pick.place(), pick) {
                (Place::Smallest, _) => levels.smallest = true,
                (Place::Largest, _) => levels.largest = true,
                (Place::Level, Pick::Interpolated(level)) => list.push((*level, Rank::Interpolated)),
                (Place::Level, Pick::Discrete(level)) => list.push((*level, Rank::Discrete)),
                (Place::Level, Pick::Smallest | Pick::Largest) => {}
            }
        }
        for (level, _) in &list {
            if level.numerator > level.denominator {
                return Err(ctx.internal("a level of a quantile is above 1"));
            }
            levels.denominator = least_common_multiple(levels.denominator, u64::from(level.denominator));
            if levels.denominator >> 29 != 0 {
                return Err(ctx.internal("the levels of quantiles have too many digits"));
            }
        }
        for (level, rank) in list {
            let times = levels.denominator / u64::from(level.denominator);
            levels.list.push((u64::from(level.numerator) * times, rank));
        }
        Ok(levels)
    }
}

fn least_common_multiple(a: u64, b: u64) -> u64 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x.max(1) * b
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

/// Ranks of the picked rows.
#[derive(Default)]
struct Ranks {
    /// For each target, a column that says at each row where the target of its group is.
    rows: Vec<Shared<u32>>,
    /// For each level, the weight of its upper neighbour, one per group.
    weights: Vec<Shared<u64>>,
}

/// The targets of a group: two for an interpolated level, one for a discrete one.
async fn ranks(ctx: &Context, table: Vec<Column>, levels: &Levels, groups: usize) -> Result<Ranks> {
    let mut table = table;
    let places = order_column(ctx, table.pop())?;
    let exists = pop_bits(ctx, &mut table)?.rows(0..groups);
    let counts = first_u32(ctx, table)?.slice(0..groups).differences();
    // A group starts behind the end of the one before, the first one at 0.
    let starts = Shared::concat(&[
        &Shared::zeros(groups.min(1)),
        &places.slice(0..groups.saturating_sub(1)).add_constant(ctx.seat(), 1),
    ]);
    let (targets, weights) = targets(&ctx.step("targets"), &counts, levels).await?;
    let exists = one_bit_to_arithmetic::<u32>(&ctx.step("exists"), &exists).await?;
    let steps: Vec<Shared<u32>> = targets.iter().map(|k| starts.add(&k.narrow()).differences()).collect();
    let count = steps.len();
    let steps = Shared::concat(&steps.iter().collect::<Vec<_>>());
    let steps = mul(&ctx.step("mask"), &steps, &exists.repeat(count)).await?;

    // The step to a group's target waits at the end of the group before; the first one reaches all rows.
    let n = places.len();
    let column = |t: usize| {
        let own = steps.slice(t * groups..(t + 1) * groups);
        Column::U32(own.slice(groups.min(1)..groups).padded(n))
    };
    let back = move_to(&ctx.step("back"), (0..count).map(column).collect(), &places).await?;
    let mut rows = Vec::with_capacity(count);
    for (t, column) in back.into_iter().enumerate() {
        let sums = order_column(ctx, Some(column))?.prefix_sums();
        let above = Shared::concat(&[&Shared::zeros(n.min(1)), &sums.slice(0..n.saturating_sub(1))]);
        let first = steps.slice(t * groups..t * groups + groups.min(1));
        rows.push(if groups == 0 { above } else { above.add(&first.repeat(n)) });
    }
    Ok(Ranks { rows, weights })
}

/// Ranks within the group, from 0; and the weights of the interpolated levels. A group without values has rank 0.
async fn targets(
    ctx: &Context,
    counts: &Shared<u32>,
    levels: &Levels,
) -> Result<(Vec<Shared<u64>>, Vec<Shared<u64>>)> {
    let (groups, seat) = (counts.len(), ctx.seat());
    let counts = widen::<u32, u64>(&ctx.step("widen"), counts).await?;
    let none = less_than_public(&ctx.step("none"), &counts, 1, 34).await?;
    let none = one_bit_to_arithmetic::<u64>(&ctx.step("none bit"), &none).await?;
    let last = counts.add(&none).add_constant(seat, 1u64.wrapping_neg());
    let up = levels.denominator - 1;
    let mut numerators = Vec::new();
    for &(level, rank) in &levels.list {
        match rank {
            Rank::Interpolated => {
                let place = last.scale(level);
                numerators.push(place.clone().add_constant(seat, up));
                numerators.push(place);
            }
            Rank::Discrete => numerators.push(counts.scale(level).add_constant(seat, up)),
        }
    }
    let all = Shared::concat(&numerators.iter().collect::<Vec<_>>());
    let quotients = divide_by_public(&ctx.step("divide"), &all, levels.denominator).await?;
    let mut quotients = (0..numerators.len()).map(|i| quotients.slice(i * groups..(i + 1) * groups));
    let (mut targets, mut weights) = (Vec::new(), Vec::new());
    for &(level, rank) in &levels.list {
        let first = quotients.next().unwrap_or_default();
        match rank {
            Rank::Interpolated => {
                let low = quotients.next().unwrap_or_default();
                weights.push(last.scale(level).sub(&low.scale(levels.denominator)));
                targets.extend([low, first]);
            }
            Rank::Discrete => {
                targets.push(first.add(&none).add_constant(seat, 1u64.wrapping_neg()));
                weights.push(Shared::zeros(groups));
            }
        }
    }
    Ok((targets, weights))
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
mod tests {
    use super::*;
    use crate::harness::{Clear, Inputs, LENGTHS, assert_oblivious, bools, numbers, words};
    use crate::ideal;

    const fn level(numerator: u32, denominator: u32) -> Level {
        Level { numerator, denominator }
    }

    const PICKS: [Pick; 7] = [
        Pick::Interpolated(level(1, 2)),
        Pick::Smallest,
        Pick::Discrete(level(1, 2)),
        Pick::Largest,
        Pick::Interpolated(level(9, 10)),
        Pick::Discrete(level(25, 100)),
        Pick::Interpolated(level(1, 1)),
    ];

    async fn picked_by(ctx: Context, i: Inputs<u64>, picks: &[Pick]) -> Result<Vec<Column>> {
        let values = Values { planes: i.bits[2].clone(), present: i.bits[3].clone() };
        let out = pick_by_key(&ctx, &i.bits[0], &i.bits[1], &values, picks, 40).await?;
        let mut all = vec![Column::Bits(out.exists), Column::Bits(out.keys), Column::U32(out.counts)];
        for picked in out.picked {
            all.extend([picked.low.into(), picked.high.into(), picked.weight.into()]);
        }
        Ok(all)
    }

    /// Rows of (key, valid, value, present).
    fn clear(rows: &[(u64, bool, u64, bool)]) -> Clear {
        let bits = |f: fn(&(u64, bool, u64, bool)) -> bool| rows.iter().map(f).collect::<Vec<_>>();
        let keys: Vec<u64> = rows.iter().map(|r| r.0).collect();
        let values: Vec<u64> = rows.iter().map(|r| r.2).collect();
        Clear::new().planes(&keys, 3).bools(&bits(|r| r.1)).planes(&values, 6).bools(&bits(|r| r.3))
    }

    fn table(n: usize, valid: bool, present: bool) -> Vec<(u64, bool, u64, bool)> {
        let (keys, values) = (words(&numbers(1, n, 3, false)), words(&numbers(2, n, 6, false)));
        let (v, p) = (bools(3, n), bools(4, n));
        (0..n).map(|i| (keys[i], v[i] && valid, values[i], p[i] && present)).collect()
    }

    fn check(rows: &[(u64, bool, u64, bool)]) {
        let run = clear(rows).run::<u64, _>(async |ctx, i| picked_by(ctx, i, &PICKS).await);
        let groups = ideal::values_by_key(rows);
        let m = rows.len().min(40);
        let column = |c: usize, g: usize| run.values[c * m + g];
        for g in 0..m {
            assert_eq!(column(0, g) == 1, g < groups.len());
        }
        for (g, (key, values)) in groups.iter().enumerate() {
            assert_eq!((column(1, g), column(2, g)), (i128::from(*key), values.len() as i128));
            for (p, pick) in PICKS.iter().enumerate() {
                let found = [column(3 + 3 * p, g), column(4 + 3 * p, g), column(5 + 3 * p, g)];
                let expected = match *pick {
                    Pick::Smallest => ideal::interpolated(values, 0, 1, 100),
                    Pick::Largest => ideal::interpolated(values, 1, 1, 100),
                    Pick::Interpolated(l) => ideal::interpolated(values, l.numerator, l.denominator, 100),
                    Pick::Discrete(l) => ideal::discrete(values, l.numerator, l.denominator),
                };
                assert_eq!(found, expected, "{pick:?} of {values:?}");
            }
        }
    }

    #[test]
    fn picks_equal_the_ideal() {
        for n in LENGTHS {
            check(&table(n, true, true));
        }
        check(&table(65, false, true));
        check(&table(65, true, false));
        check(&[(5, true, 63, true); 9]);
        check(&[(0, true, 0, true), (0, true, 63, false), (7, true, 63, true), (7, false, 1, true)]);
    }

    #[test]
    fn values_are_counted_once() {
        for n in LENGTHS {
            let rows: Vec<_> = table(n, true, true).into_iter().map(|r| (r.0, r.1, r.2 & 7, r.3)).collect();
            let run = clear(&rows).run::<u64, _>(async |ctx, i| {
                let values = Values { planes: i.bits[2].clone(), present: i.bits[3].clone() };
                let out = distinct_by_key(&ctx, &i.bits[0], &i.bits[1], &values, 40).await?;
                Ok(vec![Column::Bits(out.exists), Column::Bits(out.keys), Column::U32(out.counts)])
            });
            let m = n.min(40);
            for (g, (key, mut values)) in ideal::values_by_key(&rows).into_iter().enumerate() {
                values.dedup();
                let found = [run.values[g], run.values[m + g], run.values[2 * m + g]];
                assert_eq!(found, [1, i128::from(key), values.len() as i128]);
            }
        }
    }

    #[test]
    fn groups_of_no_columns_are_the_whole_table() {
        let rows = table(100, true, true);
        let run = clear(&rows).run::<u64, _>(async |ctx, i| {
            let values = Values { planes: i.bits[2].clone(), present: i.bits[3].clone() };
            let none = SharedBits::zeros(100, 0);
            let out = pick_by_key(&ctx, &none, &i.bits[1], &values, &PICKS[..1], 1).await?;
            let picked = &out.picked[0];
            Ok(vec![Column::U32(out.counts.clone()), picked.low.clone().into(), picked.high.clone().into()])
        });
        let one: Vec<_> = rows.iter().map(|r| (0, r.1, r.2, r.3)).collect();
        let values = &ideal::values_by_key(&one)[0].1;
        let [low, high, _] = ideal::interpolated(values, 1, 2, 2);
        assert_eq!(run.values, [values.len() as i128, low, high]);
    }

    #[test]
    fn picks_are_oblivious_and_cost_the_formula() {
        let (one, other) = (clear(&table(100, true, true)), clear(&[(3, false, 9, true); 100]));
        let all = async |ctx: Context, i: Inputs<u64>| picked_by(ctx, i, &PICKS).await;
        assert_oblivious::<u64, _>(&one, &other, all);
        // 11 planes in digits of 4, 4 and 3: 8 rounds each.
        let sorted = 24;
        let ends = async |ctx: Context, i: Inputs<u64>| picked_by(ctx, i, &[Pick::Smallest]).await;
        let cost = one.run::<u64, _>(ends).cost;
        assert_eq!((cost.rounds, cost.bytes), (sorted + 8 + 2, 24_787));
        // A common denominator of 7 bits, and 100 rows.
        let cost = one.run::<u64, _>(all).cost;
        assert_eq!((cost.rounds, cost.bytes), (sorted + 8 + 2 + 1 + 27 + 4 + 3, 45_070));
    }

    #[test]
    fn levels_must_be_fractions() {
        for bad in [level(3, 2), level(1, 1 << 30)] {
            let world = crate::world::World::new(1);
            let run = world.run(async |ctx| {
                let values = Values { planes: SharedBits::zeros(3, 2), present: SharedBits::zeros(3, 1) };
                let (keys, valid) = (SharedBits::zeros(3, 1), SharedBits::zeros(3, 1));
                pick_by_key(&ctx, &keys, &valid, &values, &[Pick::Interpolated(bad)], 3).await
            });
            assert!(matches!(run.outputs(), Err(crate::Error::Internal { .. })));
        }
    }
}
