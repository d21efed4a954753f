//! Aggregate: sums per cell of closed-domain keys.
//!
//! A row's one-hot code selects its cell, so a sum per cell is a dot product: local cross terms and one reshare per
//! *cell*, whatever the number of rows. With two or more keys, the one-hot code of all but the last is scaled by the
//! value, and the sums are one matrix product with that of the last.

mod ranks;

use std::collections::BTreeMap;
use std::ops::Range;

use futures::future::{BoxFuture, FutureExt, try_join_all};
use mpc::protocol::bits::and;
use mpc::protocol::convert::bit_to_arithmetic;
use mpc::protocol::product::{dot, matmul, mul};
use mpc::protocol::segmented::segmented_or;
use mpc::protocol::truncate::widen;
use mpc::{Column, Context, Planes, Ring, Shared, SharedBits};
use planner::plan::{Aggregate, Measure, Rank};

use crate::table::Table;
use crate::{Error, Result};

mod numbered;

/// Runs `node` over `input`: one row per cell, one column per measure.
///
/// Cost without keys: none for sums, 1 round and an element for sums of products. With one key: 1 round, one element
/// per cell and measure. With k keys: 1 round more for each further key, and for each the products of every row.
pub(crate) async fn run(ctx: &Context, node: &Aggregate, input: &Table) -> Result<Table> {
    let keys = node.keys.iter().map(|key| key.iter().map(|&index| input.ring64(index)).collect());
    let keys: Vec<Vec<&Shared<u64>>> = keys.collect::<Result<_>>()?;
    let cells = keys.iter().map(Vec::len).product();
    let terms = terms(ctx, node, input, keys.is_empty()).await?;
    let numbered = numbered_persons(node);
    let mut sums: BTreeMap<(Kind, usize, usize), Vec<usize>> = BTreeMap::new();
    let mut ranked: BTreeMap<(usize, usize), Vec<(usize, Rank)>> = BTreeMap::new();
    let mut tasks: Vec<BoxFuture<'_, Result<Measured>>> = Vec::new();
    for (index, term) in terms.iter().enumerate() {
        match term {
            Term::Sum { value, rows } => {
                let kind = Kind::of(value)?;
                sums.entry((kind, rows.start, rows.end)).or_default().push(index);
            }
            Term::Done(column) => {
                let done = (index, Column::clone(column));
                tasks.push(async move { Ok(vec![done]) }.boxed());
            }
            Term::AtRank { value, counts, rank } => {
                ranked.entry((*value, *counts)).or_default().push((index, *rank));
            }
            Term::Persons(persons) => {
                let (ctx, keys) = (ctx.step("persons").nth(index), &keys);
                tasks.push(async move { Ok(vec![(index, count(&ctx, keys, persons).await?)]) }.boxed());
            }
            Term::Numbered => {}
        }
    }
    for (group, (_, members)) in numbered.iter().enumerate() {
        let (ctx, keys) = (ctx.step("numbered").nth(group), &keys);
        tasks.push(async move { count_numbered(&ctx, keys, node, input, members).await }.boxed());
    }
    for (group, ((kind, start, end), members)) in sums.into_iter().enumerate() {
        let (ctx, keys, terms) = (ctx.step("sums").nth(group), &keys, &terms);
        tasks.push(match kind {
            Kind::Z64 => async move { sums_of::<u64>(&ctx, keys, terms, &members, start..end).await }.boxed(),
            Kind::Z128 => {
                async move { sums_of::<u128>(&ctx, keys, terms, &members, start..end).await }.boxed()
            }
        });
    }
    for (group, ((value, counts), ranks)) in ranked.into_iter().enumerate() {
        let (ctx, keys) = (ctx.step("ranks").nth(group), &keys);
        tasks.push(async move { ranks::run(&ctx, keys, input, (value, counts), &ranks).await }.boxed());
    }
    let mut columns: Vec<(usize, Column)> = try_join_all(tasks).await?.into_iter().flatten().collect();
    columns.sort_by_key(|(index, _)| *index);
    Table::new(columns.into_iter().map(|(_, column)| column).collect(), cells)
}

/// Sums of tables of the same shape, number by number. Local.
pub(super) fn total(tables: &[Table]) -> Result<Table> {
    let Some((first, others)) = tables.split_first() else { return Err(not_a_number()) };
    let columns = first.columns().iter().enumerate().map(|(index, column)| {
        let mut sum = column.clone();
        for table in others {
            match (&mut sum, table.column(index)?) {
                (Column::U64(sum), Column::U64(x)) => sum.add_assign(x),
                (Column::U128(sum), Column::U128(x)) => sum.add_assign(x),
                (Column::U32(_) | Column::U64(_) | Column::U128(_) | Column::Bits(_), _) => {
                    return Err(not_a_number());
                }
            }
        }
        Ok(sum)
    });
    Table::new(columns.collect::<Result<_>>()?, first.rows())
}

/// What measures of numbered persons are sorted by: bits of a number; for each part the column of the numbers, the first row,
/// the row after the last.
type SortedBy = (u32, Vec<(usize, usize, usize)>);

/// The measures of numbered persons, those together that need the same sort.
fn numbered_persons(node: &Aggregate) -> BTreeMap<SortedBy, Vec<usize>> {
    let mut groups: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, measure) in node.measures.iter().enumerate() {
        if let Measure::DistinctNumbers { parts, bits } = measure {
            groups.entry(numbered::sorted_by(parts, *bits)).or_default().push(index);
        }
    }
    groups
}

async fn count_numbered(
    ctx: &Context,
    keys: &[Vec<&Shared<u64>>],
    node: &Aggregate,
    input: &Table,
    members: &[usize],
) -> Result<Measured> {
    let mut all = numbered::Numbered { measures: Vec::new(), bits: 0 };
    for &member in members {
        if let Some(Measure::DistinctNumbers { parts, bits }) = node.measures.get(member) {
            all.measures.push(parts);
            all.bits = *bits;
        }
    }
    let columns = numbered::count(ctx, keys, input, &all).await?;
    Ok(members.iter().copied().zip(columns).collect())
}

/// Columns and the measures that they are.
type Measured = Vec<(usize, Column)>;

/// What a measure needs.
enum Term {
    /// The sum per cell of a column over some rows.
    Sum { value: Column, rows: Range<usize> },
    /// Distinct persons per cell.
    Persons(Persons),
    /// The value at a rank per cell.
    AtRank { value: usize, counts: usize, rank: Rank },
    /// Distinct persons per cell, by their numbers.
    Numbered,
    /// Nothing more.
    Done(Column),
}

struct Persons {
    counts: SharedBits,
    run_starts: SharedBits,
    max_run: usize,
    rows: Range<usize>,
}

/// The rings of sums.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Z64,
    Z128,
}

impl Kind {
    fn of(column: &Column) -> Result<Kind> {
        match column {
            Column::U64(_) => Ok(Kind::Z64),
            Column::U128(_) => Ok(Kind::Z128),
            Column::U32(_) | Column::Bits(_) => Err(not_a_number()),
        }
    }
}

fn not_a_number() -> Error {
    Error::internal("aggregate", "a summed column is not a number of a ring that is summed")
}

/// The terms of all measures; products of columns are made here, side by side.
async fn terms(ctx: &Context, node: &Aggregate, input: &Table, one_cell: bool) -> Result<Vec<Term>> {
    let all = 0..input.rows();
    let terms = node.measures.iter().enumerate().map(|(index, measure)| {
        let (ctx, all) = (ctx.step("products").nth(index), all.clone());
        async move {
            match measure {
                Measure::Sum { value } => Ok(Term::Sum { value: input.column(*value)?.clone(), rows: all }),
                Measure::SumOfRows { value, rows } => {
                    Ok(Term::Sum { value: input.column(*value)?.rows(rows.clone()), rows: rows.clone() })
                }
                Measure::SumOfProducts { left, right } => {
                    let (left, right) = (input.column(*left)?, input.column(*right)?);
                    let product = products(&ctx, left, right, one_cell).await?;
                    Ok(if one_cell { Term::Done(product) } else { Term::Sum { value: product, rows: all } })
                }
                Measure::PersonsBy { .. } | Measure::Exists | Measure::Same { .. } => {
                    Err(Error::internal("aggregate", "a measure of open groups"))
                }
                Measure::AtRank { value, counts, rank } => {
                    Ok(Term::AtRank { value: *value, counts: *counts, rank: *rank })
                }
                Measure::Persons { counts, run_starts, max_run, rows } => Ok(Term::Persons(Persons {
                    counts: input.bit(*counts)?.rows(rows.clone()),
                    run_starts: input.bit(*run_starts)?.rows(rows.clone()),
                    max_run: *max_run,
                    rows: rows.clone(),
                })),
                Measure::DistinctNumbers { .. } => Ok(Term::Numbered),
            }
        }
    });
    try_join_all(terms).await
}

/// The products of two columns row by row, or, with `summed`, their sum.
async fn products(ctx: &Context, left: &Column, right: &Column, summed: bool) -> Result<Column> {
    match (left, right) {
        (Column::U64(x), Column::U64(y)) if summed => Ok(dot(ctx, &[(x, y)]).await?.into()),
        (Column::U128(x), Column::U128(y)) if summed => Ok(dot(ctx, &[(x, y)]).await?.into()),
        (Column::U64(x), Column::U64(y)) => Ok(mul(ctx, x, y).await?.into()),
        (Column::U128(x), Column::U128(y)) => Ok(mul(ctx, x, y).await?.into()),
        (Column::U32(_) | Column::U64(_) | Column::U128(_) | Column::Bits(_), _) => Err(not_a_number()),
    }
}

/// A ring in which sums are made.
trait SumRing: Ring + Into<u128> {
    /// The column, if it is over this ring.
    fn of(column: &Column) -> Option<&Shared<Self>>;
    /// A column over this ring.
    fn column(shared: Shared<Self>) -> Column;
    /// One-hot codes in this ring.
    fn codes(ctx: &Context, codes: Shared<u64>) -> impl Future<Output = Result<Shared<Self>>> + Send;
}

impl SumRing for u64 {
    fn of(column: &Column) -> Option<&Shared<u64>> {
        if let Column::U64(x) = column { Some(x) } else { None }
    }
    fn column(shared: Shared<u64>) -> Column {
        shared.into()
    }
    async fn codes(_: &Context, codes: Shared<u64>) -> Result<Shared<u64>> {
        Ok(codes)
    }
}

impl SumRing for u128 {
    fn of(column: &Column) -> Option<&Shared<u128>> {
        if let Column::U128(x) = column { Some(x) } else { None }
    }
    fn column(shared: Shared<u128>) -> Column {
        shared.into()
    }
    async fn codes(ctx: &Context, codes: Shared<u64>) -> Result<Shared<u128>> {
        Ok(widen(&ctx.step("codes"), &codes).await?)
    }
}

/// The sums per cell of the terms `members`, which are all over `R` and over the same rows.
async fn sums_of<R: SumRing>(
    ctx: &Context,
    keys: &[Vec<&Shared<u64>>],
    terms: &[Term],
    members: &[usize],
    rows: Range<usize>,
) -> Result<Vec<(usize, Column)>> {
    let values = members.iter().map(|&member| match &terms[member] {
        Term::Sum { value, .. } => R::of(value).ok_or_else(not_a_number),
        Term::Persons(_) | Term::Numbered | Term::AtRank { .. } | Term::Done(_) => Err(not_a_number()),
    });
    let values: Vec<&Shared<R>> = values.collect::<Result<_>>()?;
    let Some((last, before)) = keys.split_last() else {
        let sums = members.iter().zip(values).map(|(&member, value)| (member, R::column(value.sum())));
        return Ok(sums.collect());
    };
    let n = rows.len();
    let all: Vec<Shared<u64>> = keys.iter().flatten().map(|code| code.slice(rows.clone())).collect();
    let all = R::codes(ctx, Shared::concat(&all.iter().collect::<Vec<_>>())).await?;
    let codes: Vec<Shared<R>> = (0..all.len() / n.max(1)).map(|i| all.slice(i * n..(i + 1) * n)).collect();
    let codes = if n == 0 { vec![Shared::zeros(0); keys.iter().map(Vec::len).sum()] } else { codes };
    let (first_codes, last_codes) = codes.split_at(codes.len() - last.len());
    let cells_before = before.iter().map(Vec::len).product::<usize>();
    let mut scaled: Vec<Shared<R>> = values.into_iter().cloned().collect();
    let mut at = 0;
    for (level, key) in before.iter().enumerate() {
        scaled = outer(&ctx.step("scale").nth(level), &scaled, &first_codes[at..at + key.len()]).await?;
        at += key.len();
    }
    let (a, b): (Vec<_>, Vec<_>) = (scaled.iter().collect(), last_codes.iter().collect());
    let sums = matmul(&ctx.step("sum"), &a, &b).await?;
    let cells = cells_before * last.len();
    let of = |(place, &member): (usize, &usize)| {
        (member, R::column(sums.slice(place * cells..(place + 1) * cells)))
    };
    Ok(members.iter().enumerate().map(of).collect())
}

/// Every column of `a` times every column of `b`, row by row, in the order of `a`, then of `b`. One round.
async fn outer<R: Ring>(ctx: &Context, a: &[Shared<R>], b: &[Shared<R>]) -> Result<Vec<Shared<R>>> {
    let n = a.first().map_or(0, Shared::len);
    let left: Vec<&Shared<R>> = a.iter().flat_map(|x| b.iter().map(move |_| x)).collect();
    let right: Vec<&Shared<R>> = a.iter().flat_map(|_| b.iter()).collect();
    let count = left.len();
    let products = mul(ctx, &Shared::concat(&left), &Shared::concat(&right)).await?;
    Ok((0..count).map(|i| products.slice(i * n..(i + 1) * n)).collect())
}

/// The bits of `counts` per cell, one plane each, where they are of these rows.
///
/// A one-hot code is 0 or 1, so the exclusive or of the lowest bits of its components is that bit: no conversion.
async fn cells_of(
    ctx: &Context,
    keys: &[Vec<&Shared<u64>>],
    counts: &SharedBits,
    rows: &Range<usize>,
) -> Result<SharedBits> {
    let mut cells = counts.clone();
    for (level, key) in keys.iter().enumerate() {
        let codes: Vec<SharedBits> = key.iter().map(|code| low_bits(&code.slice(rows.clone()))).collect();
        let width = cells.width();
        let left: Vec<SharedBits> = (0..width).map(|plane| cells.plane(plane)).collect();
        let left: Vec<&SharedBits> = left.iter().flat_map(|x| codes.iter().map(move |_| x)).collect();
        let right: Vec<&SharedBits> = (0..width).flat_map(|_| codes.iter()).collect();
        let (left, right) = (SharedBits::concat_planes(&left), SharedBits::concat_planes(&right));
        cells = and(&ctx.step("cell").nth(level), &left, &right).await?;
    }
    Ok(cells)
}

/// The number of distinct persons with a counting row, per cell. Bits of all cells travel as planes side by side.
async fn count(ctx: &Context, keys: &[Vec<&Shared<u64>>], persons: &Persons) -> Result<Column> {
    let cells = cells_of(ctx, keys, &persons.counts, &persons.rows).await?;
    // One row of every run keeps a bit, whichever of the run's rows counted.
    let any = segmented_or(&ctx.step("person"), &cells, &persons.run_starts, persons.max_run).await?;
    let ones: Vec<Shared<u64>> = bit_to_arithmetic(&ctx.step("count"), &any).await?;
    let sums: Vec<Shared<u64>> = ones.iter().map(Shared::sum).collect();
    Ok(Shared::concat(&sums.iter().collect::<Vec<_>>()).into())
}

/// The lowest bit of every element of a column of zeros and ones.
fn low_bits(codes: &Shared<u64>) -> SharedBits {
    let (first, second) = codes.parts();
    SharedBits::from_parts(Planes::from_values(first, 1), Planes::from_values(second, 1))
}

#[cfg(test)]
mod tests;
