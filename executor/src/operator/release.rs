//! Release: the gate. Decides inside the computation which numbers may leave, and zeroes the others.

mod choose;

use futures::future::try_join_all;
use mpc::protocol::bits::and_many;
use mpc::protocol::select::mul_by_bit;
use mpc::{Column, Context, Ring, Shared, SharedBits};
use planner::plan::{ColumnDef, Range, Release, Rows, Threshold};

use super::people::{Asked, met};
use crate::reveal::Gated;
use crate::table::Table;
use crate::{Error, Result};

/// Applies the gate of `node` to `input`, whose columns are `defs`.
///
/// A number of persons is compared at the width of its declared range; all comparisons of a gate are one batch.
/// Cost: the comparisons; a tree of ANDs; 2 rounds for the products. Nothing where the plan asks for no condition.
pub(crate) async fn run(ctx: &Context, node: &Release, input: &Table, defs: &[&ColumnDef]) -> Result<Gated> {
    let met = thresholds(ctx, node, input, defs).await?;
    let met_of = |gate: &[Threshold]| {
        let found = gate.iter().map(|threshold| met.iter().find(|(known, _)| same(known, threshold)));
        found.map(|found| found.map(|(_, bit)| bit).ok_or_else(missing)).collect::<Result<Vec<_>>>()
    };
    let mut of_row = met_of(&node.gate)?;
    if let Some(present) = node.present {
        of_row.push(input.bit(present)?);
    }
    let row_bit = async {
        let shown = !of_row.is_empty() && Gated::shows_row_bit(node);
        if shown { Ok::<_, Error>(Some(and_many(&ctx.step("row"), &of_row).await?)) } else { Ok(None) }
    };
    let output_bits = try_join_all(node.outputs.iter().enumerate().map(|(index, output)| {
        let (of_row, of_output, ctx) = (&of_row, met_of(&output.gate), ctx.step("output").nth(index));
        async move {
            let mut conditions = of_output?;
            if let Some(known) = output.known {
                conditions.push(input.bit(known)?);
            }
            if conditions.is_empty() && Gated::shows_row_bit(node) {
                return Ok(None);
            }
            conditions.extend(of_row.iter().copied());
            if conditions.is_empty() { Ok(None) } else { Ok(Some(and_many(&ctx, &conditions).await?)) }
        }
    }));
    let (row_bit, output_bits): (_, Vec<Option<SharedBits>>) = futures::try_join!(row_bit, output_bits)?;
    let values =
        node.outputs.iter().map(|output| input.column(output.value).cloned()).collect::<Result<Vec<_>>>()?;
    let factors: Vec<Option<&SharedBits>> =
        output_bits.iter().map(|bit| bit.as_ref().or(row_bit.as_ref())).collect();
    let values = masked(ctx, values, &factors).await?;
    let gated = Gated { row_bit, outputs: values.into_iter().zip(output_bits).collect() };
    match &node.rows {
        Rows::Chosen(chosen) => {
            let ranges = node.outputs.iter().map(|output| defs.get(output.value).map(|def| def.range));
            let ranges: Vec<Range> = ranges.collect::<Option<_>>().ok_or_else(missing)?;
            choose::run(&ctx.step("choose"), chosen, gated, &ranges).await
        }
        Rows::One | Rows::Groups(_) | Rows::Terms(_) => Ok(gated),
    }
}

fn missing() -> Error {
    Error::internal("release", "a threshold was not decided")
}

fn same(a: &Threshold, b: &Threshold) -> bool {
    a.persons == b.persons && a.at_least == b.at_least
}

/// For each distinct threshold of the gate, the bit that it is met.
async fn thresholds<'n>(
    ctx: &Context,
    node: &'n Release,
    input: &Table,
    defs: &[&ColumnDef],
) -> Result<Vec<(&'n Threshold, SharedBits)>> {
    let mut distinct: Vec<&Threshold> = Vec::new();
    for threshold in node.gate.iter().chain(node.outputs.iter().flat_map(|output| &output.gate)) {
        if !distinct.iter().any(|known| same(known, threshold)) {
            distinct.push(threshold);
        }
    }
    let asked =
        distinct.iter().map(|threshold| Asked::of(threshold, input, defs)).collect::<Result<Vec<_>>>()?;
    Ok(distinct.into_iter().zip(met(&ctx.step("people"), &asked).await?).collect())
}

/// Every value times its bit; without a bit as it is.
async fn masked(ctx: &Context, values: Vec<Column>, factors: &[Option<&SharedBits>]) -> Result<Vec<Column>> {
    let mut small = Batch::default();
    let mut large = Batch::default();
    let mut done: Vec<Option<Column>> = Vec::new();
    for (index, (value, factor)) in values.iter().zip(factors).enumerate() {
        done.push(None);
        match (value, factor) {
            (Column::U64(x), Some(bit)) => small.push(index, x, bit),
            (Column::U128(x), Some(bit)) => large.push(index, x, bit),
            (value, None) => done[index] = Some(value.clone()),
            (Column::U32(_) | Column::Bits(_), Some(_)) => {
                return Err(Error::internal("release", "a released column is not a number"));
            }
        }
    }
    let (step64, step128) = (ctx.step("mask 64"), ctx.step("mask 128"));
    let (small, large) = futures::try_join!(small.masked(&step64), large.masked(&step128))?;
    for (index, column) in small {
        done[index] = Some(column.into());
    }
    for (index, column) in large {
        done[index] = Some(column.into());
    }
    done.into_iter().map(|column| column.ok_or_else(missing)).collect()
}

/// Values of one ring and their bits, multiplied in one go.
struct Batch<'v, R: Ring> {
    indices: Vec<usize>,
    values: Vec<&'v Shared<R>>,
    bits: Vec<&'v SharedBits>,
}

impl<R: Ring> Default for Batch<'_, R> {
    fn default() -> Self {
        Batch { indices: Vec::new(), values: Vec::new(), bits: Vec::new() }
    }
}

impl<'v, R: Ring> Batch<'v, R> {
    fn push(&mut self, index: usize, value: &'v Shared<R>, bit: &'v SharedBits) {
        self.indices.push(index);
        self.values.push(value);
        self.bits.push(bit);
    }

    async fn masked(self, ctx: &Context) -> Result<Vec<(usize, Shared<R>)>> {
        let rows = self.values.first().map_or(0, |value| value.len());
        if self.indices.is_empty() {
            return Ok(Vec::new());
        }
        let (bits, values) = (SharedBits::concat_rows(&self.bits), Shared::concat(&self.values));
        let product = mul_by_bit(&ctx.step("product"), &bits, &values).await?;
        let part = |(place, index): (usize, usize)| (index, product.slice(place * rows..(place + 1) * rows));
        Ok(self.indices.into_iter().enumerate().map(part).collect())
    }
}

#[cfg(test)]
mod tests;
