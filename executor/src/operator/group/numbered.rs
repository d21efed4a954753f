//! Distinct numbers per group, of persons or of values: rows sorted once more, by key and number.
//!
//! Where no one order of rows keeps each person's together (in a chain of joins, in several parts of a union, twice in one
//! join), rows are sorted by the planes of their keys and the number of their person. A row that has several persons of the
//! owner is there several times, with all rows of the table, so that the groups are those of the table, in the same order.

use std::collections::BTreeMap;

use mpc::protocol::arrange::compact;
use mpc::protocol::convert::bits_of;
use mpc::protocol::sort::{Direction, Key, sort};
use mpc::{Column, Context, Shared, SharedBits};
use planner::plan::{Group, Measure, NumberedPart, layers};

use super::{Rows, counted_once, ends, goes_on, planes, wrong};
use crate::Result;
use crate::table::Table;

/// Measures that one sort serves.
pub(super) struct Numbered<'n> {
    /// Which measures, and their parts; the numbers and rows of all are the same.
    measures: Vec<(usize, &'n [NumberedPart])>,
    /// The width of numbers.
    bits: u32,
}

/// All measures of numbered persons.
pub(super) fn of(node: &Group) -> Vec<Numbered<'_>> {
    let mut found: BTreeMap<_, Numbered<'_>> = BTreeMap::new();
    for (index, measure) in node.measures.iter().enumerate() {
        if let Measure::DistinctNumbers { parts, bits } = measure {
            let by: Vec<_> = parts.iter().map(|part| (part.number, part.rows.start, part.rows.end)).collect();
            let none = Numbered { measures: Vec::new(), bits: *bits };
            found.entry((*bits, by)).or_insert(none).measures.push((index, parts));
        }
    }
    found.into_values().collect()
}

impl Numbered<'_> {
    /// For each measure the number of distinct persons in each group, the groups first, in the order of their keys.
    ///
    /// Cost, with n times as many rows as a row has persons: the bits of all numbers that are no planes ([`bits_of`]);
    /// [`sort`] by the planes of keys, a bit and numbers; a tree of ANDs over keys and a bit, and one over numbers and a bit; a [`segmented_or`]
    /// over runs of any length; as many conversions as measures; [`compact`].
    ///
    /// [`segmented_or`]: mpc::protocol::segmented::segmented_or
    pub(super) async fn count(
        &self,
        ctx: &Context,
        rows: &Rows,
        input: &Table,
    ) -> Result<Vec<(usize, Column)>> {
        let parts = self.measures.first().map(|(_, parts)| *parts).unwrap_or_default();
        let layers = layers(parts);
        let numbers = self.numbers(&ctx.step("number"), &layers, parts, input).await?;
        let mut counts = Vec::new();
        for (_, parts) in &self.measures {
            let counting = stacked(&layers, |layer| counting(layer, parts, input))?;
            counts.push(SharedBits::concat_rows(&counting.iter().collect::<Vec<_>>()));
        }
        let repeat = |bits: &SharedBits| SharedBits::concat_rows(&vec![bits; layers.len()]);
        let sorted = Sorted {
            keys: repeat(&rows.keys),
            valid: repeat(&rows.valid),
            numbers,
            counts: SharedBits::concat_planes(&counts.iter().collect::<Vec<_>>()),
        };
        let sorted = sorted.sort(&ctx.step("sort")).await?;
        let goes_on = goes_on(&ctx.step("ends"), &sorted.keys, &sorted.valid).await?;
        let any_length = sorted.keys.len();
        let ctx_of_persons = ctx.step("persons");
        let once =
            counted_once(&ctx_of_persons, &sorted.numbers, &sorted.counts, &goes_on, any_length).await?;
        let ends = ends(&sorted.valid, &goes_on);
        let mut table = vec![Column::Bits(ends.clone())];
        table.extend(once.iter().map(|count| Column::U64(count.prefix_sums())));
        let table = compact(&ctx.step("front"), table, &ends).await?;
        let column = |column: Column| match column {
            Column::U64(sums) => Ok(Column::from(sums.differences().slice(0..input.rows()))),
            Column::Bits(_) | Column::U32(_) | Column::U128(_) => Err(wrong("a count is no number")),
        };
        let columns = table.into_iter().skip(1).map(column).collect::<Result<Vec<_>>>()?;
        Ok(self.measures.iter().map(|(index, _)| *index).zip(columns).collect())
    }
}

impl Numbered<'_> {
    /// The numbers of all layers as planes.
    async fn numbers(
        &self,
        ctx: &Context,
        layers: &[Vec<usize>],
        parts: &[NumberedPart],
        input: &Table,
    ) -> Result<SharedBits> {
        let first = parts.first().ok_or_else(|| wrong("numbers of no part"))?;
        if let Column::Bits(_) = input.column(first.number)? {
            let numbers = stacked(layers, |layer| {
                let number = |(part, rows): &(Option<&NumberedPart>, std::ops::Range<usize>)| match part {
                    Some(part) => Ok(planes(input, part.number)?.rows(rows.clone())),
                    None => Ok(SharedBits::zeros(rows.len(), self.bits as usize)),
                };
                let pieces =
                    pieces(layer, parts, input.rows()).iter().map(number).collect::<Result<Vec<_>>>()?;
                Ok(SharedBits::concat_rows(&pieces.iter().collect::<Vec<_>>()))
            })?;
            return Ok(SharedBits::concat_rows(&numbers.iter().collect::<Vec<_>>()));
        }
        let numbers = stacked(layers, |layer| {
            let number = |(part, rows): &(Option<&NumberedPart>, std::ops::Range<usize>)| match part {
                Some(part) => Ok(input.ring64(part.number)?.slice(rows.clone())),
                None => Ok(Shared::zeros(rows.len())),
            };
            let pieces = pieces(layer, parts, input.rows()).iter().map(number).collect::<Result<Vec<_>>>()?;
            Ok(Shared::concat(&pieces.iter().collect::<Vec<_>>()))
        })?;
        let numbers = Shared::concat(&numbers.iter().collect::<Vec<_>>());
        Ok(bits_of(ctx, &numbers, self.bits).await?)
    }
}

/// A column of all layers, one after the other.
fn stacked<T>(layers: &[Vec<usize>], of: impl Fn(&[usize]) -> Result<T>) -> Result<Vec<T>> {
    layers.iter().map(|layer| of(layer)).collect()
}

/// The parts of a layer, and what is between them, over all rows of a table.
fn pieces<'p>(
    layer: &[usize],
    parts: &'p [NumberedPart],
    rows: usize,
) -> Vec<(Option<&'p NumberedPart>, std::ops::Range<usize>)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    for part in layer.iter().filter_map(|part| parts.get(*part)) {
        pieces.push((None, at..part.rows.start));
        pieces.push((Some(part), part.rows.clone()));
        at = part.rows.end;
    }
    pieces.push((None, at..rows));
    pieces
}

/// The bits that count, in the parts of a layer.
fn counting(layer: &[usize], parts: &[NumberedPart], input: &Table) -> Result<SharedBits> {
    let mut pieces_of_layer = Vec::new();
    for (part, rows) in pieces(layer, parts, input.rows()) {
        pieces_of_layer.push(match part {
            Some(part) => input.bit(part.counts)?.rows(rows),
            None => SharedBits::zeros(rows.len(), 1),
        });
    }
    Ok(SharedBits::concat_rows(&pieces_of_layer.iter().collect::<Vec<_>>()))
}

/// Rows with the number of a person each.
struct Sorted {
    keys: SharedBits,
    valid: SharedBits,
    numbers: SharedBits,
    counts: SharedBits,
}

impl Sorted {
    /// By key, those that do not count last, then by person.
    async fn sort(self, ctx: &Context) -> Result<Sorted> {
        let by_key = Key::unsigned(ctx, &self.keys, Direction::Ascending);
        let by_key = by_key.with_validity(ctx, &self.valid, false);
        let by_person = Key::unsigned(ctx, &self.numbers, Direction::Ascending);
        let all = [&self.keys, &self.valid, &self.numbers, &self.counts];
        let widths = all.map(SharedBits::width);
        let table = vec![Column::Bits(SharedBits::concat_planes(&all))];
        let sorted = sort(ctx, table, &[by_key, by_person]).await?;
        let planes = sorted.into_iter().next().and_then(Column::into_bits);
        let planes = planes.ok_or_else(|| wrong("a sort lost its keys"))?;
        let mut at = 0;
        let [keys, valid, numbers, counts] = widths.map(|width| {
            at += width;
            planes.planes(at - width..at)
        });
        Ok(Sorted { keys, valid, numbers, counts })
    }
}
