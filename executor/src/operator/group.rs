//! Group: sums per group of open-domain keys.
//!
//! Rows are sorted by their keys, rows that do not count last; the sort is stable, so that the rows of a person, which the
//! owner keeps adjacent, stay adjacent within a group. Sums of groups are differences of prefix sums at the last rows of
//! the groups, which are moved to the front. Neither the number of groups nor their sizes are learned.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use mpc::protocol::arrange::compact;
use mpc::protocol::bits::and_all;
use mpc::protocol::convert::bit_to_arithmetic;
use mpc::protocol::product::mul;
use mpc::protocol::segmented::segmented_or;
use mpc::protocol::sort::{Direction, Key, sort};
use mpc::{Column, Context, Shared, SharedBits};
use planner::plan::{Group, Measure};

use crate::table::Table;
use crate::{Error, Result};

mod numbered;
mod ranks;

/// Runs `node` over `input`: first the groups in ascending order of their keys, then rows that stand for nothing, no more
/// in all than the node's bound.
///
/// Cost: products row by row; [`sort`] by the planes of the keys and a bit; a tree of ANDs over these; for each column of
/// persons a tree over its planes and a bit, [`segmented_or`] and a conversion of each count; [`compact`]. Persons that are
/// counted by their numbers are [counted](numbered) beside that, and [values at ranks](ranks) found.
pub(crate) async fn run(ctx: &Context, node: &Group, input: &Table) -> Result<Table> {
    let keys: Vec<&SharedBits> =
        node.keys.iter().rev().map(|&key| planes(input, key)).collect::<Result<_>>()?;
    let rows = Rows { keys: SharedBits::concat_planes(&keys), valid: input.bit(node.valid)?.clone() };
    let numbered = numbered::of(node);
    let apart = numbered.iter().enumerate().map(|(index, persons)| {
        let (ctx, rows) = (ctx.step("numbered").nth(index), &rows);
        async move { persons.count(&ctx, rows, input).await }
    });
    let sorts = node.rank_sorts();
    let found = sorts.iter().enumerate().map(|(index, sort)| {
        let (ctx, rows) = (ctx.step("ranks").nth(index), &rows);
        async move { ranks::Ranked(sort).find(&ctx, rows, input).await }
    });
    let table = grouped(ctx, node, &rows, input);
    let (table, apart, found) = futures::try_join!(table, try_join_all(apart), try_join_all(found))?;
    results(node, table, apart.into_iter().chain(found).flatten().collect(), input.rows())
}

/// The groups in front: whether there is one, then sums from the first group to each, and what is the same in each.
async fn grouped(ctx: &Context, node: &Group, rows: &Rows, input: &Table) -> Result<Vec<Column>> {
    let columns = measured_columns(&ctx.step("products"), node, input).await?;
    let persons = Persons::of(node, input)?;
    let sorted = sorted(&ctx.step("sort"), rows, columns, &persons).await?;
    let goes_on = goes_on(&ctx.step("ends"), &sorted.keys, &sorted.valid).await?;
    let counted = persons.counted(&ctx.step("persons"), &sorted, &goes_on).await?;
    let ends = ends(&sorted.valid, &goes_on);
    let mut table = vec![Column::Bits(ends.clone())];
    table.extend(counted.iter().map(|count| Column::U64(count.prefix_sums())));
    for (column, same) in sorted.columns {
        table.push(if same { column } else { prefix_sums(column)? });
    }
    Ok(compact(&ctx.step("front"), table, &ends).await?)
}

/// The last rows of groups.
fn ends(valid: &SharedBits, goes_on: &SharedBits) -> SharedBits {
    let last = SharedBits::zeros(valid.len().min(1), 1);
    valid.xor(&SharedBits::concat_rows(&[goes_on, &last]))
}

/// The rows of the table: keys and validity.
struct Rows {
    keys: SharedBits,
    valid: SharedBits,
}

/// Rows in the order of their keys.
struct Sorted {
    keys: SharedBits,
    valid: SharedBits,
    /// What is summed, or the same in all rows of a group.
    columns: Vec<(Column, bool)>,
    /// For each column of persons its planes, then the bits that count.
    persons: Vec<(SharedBits, SharedBits)>,
}

/// The persons of an owner, and what of their rows is counted.
struct Persons {
    of: Vec<(SharedBits, SharedBits, usize)>,
}

fn planes(input: &Table, column: usize) -> Result<&SharedBits> {
    match input.column(column)? {
        Column::Bits(bits) => Ok(bits),
        Column::U32(_) | Column::U64(_) | Column::U128(_) => Err(wrong("a key is no plane")),
    }
}

fn wrong(what: &'static str) -> Error {
    Error::internal("group", what)
}

/// The columns of sums, products and keys, in the order of the measures; `true`: the same in all rows of a group.
async fn measured_columns(ctx: &Context, node: &Group, input: &Table) -> Result<Vec<(Column, bool)>> {
    let columns = node.measures.iter().enumerate().map(|(index, measure)| {
        let ctx = ctx.nth(index);
        async move {
            Ok(match measure {
                Measure::Sum { value } => Some((input.column(*value)?.clone(), false)),
                Measure::SumOfProducts { left, right } => {
                    let product = match (input.column(*left)?, input.column(*right)?) {
                        (Column::U64(x), Column::U64(y)) => mul(&ctx, x, y).await?.into(),
                        (Column::U128(x), Column::U128(y)) => mul(&ctx, x, y).await?.into(),
                        (Column::U32(_) | Column::U64(_) | Column::U128(_) | Column::Bits(_), _) => {
                            return Err(wrong("products of other than two numbers of a ring"));
                        }
                    };
                    Some((product, false))
                }
                Measure::Same { column } => Some((input.column(*column)?.clone(), true)),
                Measure::PersonsBy { .. }
                | Measure::DistinctNumbers { .. }
                | Measure::AtRank { .. }
                | Measure::Exists => None,
                Measure::Persons { .. } | Measure::SumOfRows { .. } => {
                    return Err(wrong("a measure of cells"));
                }
            })
        }
    });
    Ok(try_join_all(columns).await?.into_iter().flatten().collect())
}

impl Persons {
    /// Columns of persons, each with the bits of all measures that count it, in the order of [`persons_of`].
    fn of(node: &Group, input: &Table) -> Result<Persons> {
        let mut of = Vec::new();
        for (person, measures) in persons_of(node) {
            let counts: Vec<&SharedBits> =
                measures.iter().map(|(_, counts, _)| input.bit(*counts)).collect::<Result<_>>()?;
            let max_run = measures.iter().map(|(_, _, max_run)| *max_run).max().unwrap_or(1);
            of.push((planes(input, person)?.clone(), SharedBits::concat_planes(&counts), max_run));
        }
        Ok(Persons { of })
    }

    /// For each measure of persons 1 in one row of every person that counts in a group.
    async fn counted(
        &self,
        ctx: &Context,
        sorted: &Sorted,
        goes_on: &SharedBits,
    ) -> Result<Vec<Shared<u64>>> {
        let counted =
            self.of.iter().zip(&sorted.persons).enumerate().map(|(index, (own, (person, counts)))| {
                let ctx = ctx.nth(index);
                async move { counted_once(&ctx, person, counts, goes_on, own.2).await }
            });
        Ok(try_join_all(counted).await?.into_iter().flatten().collect())
    }
}

/// For each plane of `counts` 1 in one row of every run of rows of a person, at most `max_run` of a group, with a 1.
async fn counted_once(
    ctx: &Context,
    person: &SharedBits,
    counts: &SharedBits,
    goes_on: &SharedBits,
    max_run: usize,
) -> Result<Vec<Shared<u64>>> {
    let (n, seat) = (person.len(), ctx.seat());
    let same = person.rows(0..n.saturating_sub(1)).xor(&person.rows(n.min(1)..n)).not(seat);
    let same = and_all(&ctx.step("same"), &SharedBits::concat_planes(&[&same, goes_on])).await?;
    let first = SharedBits::zeros(n.min(1), 1);
    let starts = SharedBits::concat_rows(&[&first, &same]).not(seat);
    let any = segmented_or(&ctx.step("runs"), counts, &starts, max_run).await?;
    Ok(bit_to_arithmetic(&ctx.step("count"), &any).await?)
}

/// Measures of persons by their column of persons: number of the measure, bits that count, longest run.
fn persons_of(node: &Group) -> BTreeMap<usize, Vec<(usize, usize, usize)>> {
    let mut persons: BTreeMap<usize, Vec<(usize, usize, usize)>> = BTreeMap::new();
    for (index, measure) in node.measures.iter().enumerate() {
        if let Measure::PersonsBy { counts, person, max_run } = measure {
            persons.entry(*person).or_default().push((index, *counts, *max_run));
        }
    }
    persons
}

/// Sorts rows by key, those that do not count last.
async fn sorted(
    ctx: &Context,
    rows: &Rows,
    columns: Vec<(Column, bool)>,
    persons: &Persons,
) -> Result<Sorted> {
    let key = Key::unsigned(ctx, &rows.keys, Direction::Ascending).with_validity(ctx, &rows.valid, false);
    let mut bits = vec![&rows.keys, &rows.valid];
    bits.extend(persons.of.iter().flat_map(|(person, counts, _)| [person, counts]));
    let widths: Vec<usize> = bits.iter().map(|bits| bits.width()).collect();
    let (mut table, same): (Vec<Column>, Vec<bool>) = columns.into_iter().unzip();
    table.push(Column::Bits(SharedBits::concat_planes(&bits)));
    let mut table = sort(ctx, table, &[key]).await?;
    let all = table.pop().and_then(Column::into_bits).ok_or_else(|| wrong("a sort lost its keys"))?;
    let mut at = 0;
    let mut parts = widths.into_iter().map(|width| {
        at += width;
        all.planes(at - width..at)
    });
    let (Some(keys), Some(valid)) = (parts.next(), parts.next()) else {
        return Err(wrong("a sort lost its keys"));
    };
    let mut sorted =
        Sorted { keys, valid, columns: table.into_iter().zip(same).collect(), persons: Vec::new() };
    while let (Some(person), Some(counts)) = (parts.next(), parts.next()) {
        sorted.persons.push((person, counts));
    }
    Ok(sorted)
}

/// Whether the next row is of the same group, for all rows but the last. Rows that count come first.
async fn goes_on(ctx: &Context, keys: &SharedBits, valid: &SharedBits) -> Result<SharedBits> {
    let n = keys.len();
    let same = keys.rows(0..n.saturating_sub(1)).xor(&keys.rows(n.min(1)..n)).not(ctx.seat());
    Ok(and_all(ctx, &SharedBits::concat_planes(&[&same, &valid.rows(n.min(1)..n)])).await?)
}

fn prefix_sums(column: Column) -> Result<Column> {
    match column {
        Column::U64(x) => Ok(Column::U64(x.prefix_sums())),
        Column::U128(x) => Ok(Column::U128(x.prefix_sums())),
        Column::U32(_) | Column::Bits(_) => {
            Err(wrong("a summed column is not a number of a ring that is summed"))
        }
    }
}

fn differences(column: Column) -> Result<Column> {
    match column {
        Column::U64(x) => Ok(Column::U64(x.differences())),
        Column::U128(x) => Ok(Column::U128(x.differences())),
        Column::U32(_) | Column::Bits(_) => Err(wrong("a sum is no number")),
    }
}

/// The columns of the groups, in the order of the measures.
fn results(node: &Group, table: Vec<Column>, apart: Vec<(usize, Column)>, rows: usize) -> Result<Table> {
    let missing = || wrong("a column of a group is missing");
    let mut table = table.into_iter();
    let exists = table.next().ok_or_else(missing)?;
    let mut done: Vec<Option<Column>> = vec![None; node.measures.len()];
    for (index, column) in apart {
        done[index] = Some(column);
    }
    for (index, _, _) in persons_of(node).into_values().flatten() {
        done[index] = Some(differences(table.next().ok_or_else(missing)?)?);
    }
    for (index, measure) in node.measures.iter().enumerate() {
        match measure {
            Measure::Exists => done[index] = Some(exists.clone()),
            Measure::Same { .. } => done[index] = Some(table.next().ok_or_else(missing)?),
            Measure::Sum { .. } | Measure::SumOfProducts { .. } => {
                done[index] = Some(differences(table.next().ok_or_else(missing)?)?);
            }
            Measure::PersonsBy { .. }
            | Measure::DistinctNumbers { .. }
            | Measure::Persons { .. }
            | Measure::SumOfRows { .. }
            | Measure::AtRank { .. } => {}
        }
    }
    let groups = rows.min(node.bound);
    let front = |column: Option<Column>| {
        column.map(|column| if groups < rows { column.rows(0..groups) } else { column })
    };
    Table::new(done.into_iter().map(front).collect::<Option<_>>().ok_or_else(missing)?, groups)
}

#[cfg(test)]
mod tests;
