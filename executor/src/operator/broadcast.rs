//! Broadcast: secret values of one row, behind their gates, given to all rows of a table.

use futures::future::try_join_all;
use mpc::protocol::bits::and_many;
use mpc::{Column, Context, SharedBits};
use planner::plan::{Broadcast, ColumnDef};

use super::people::{Asked, met};
use crate::table::Table;
use crate::{Error, Result};

/// The columns of `rows`, then each value and the bit that it is known, the same in every row. `values` are the tables of
/// one row that the values come from, with their columns.
///
/// Functionality: repeats a shared row; decides before whether enough people are behind each of its values, as
/// [`release`](super::release) does. Nothing is opened.
/// Cost: the comparisons of all gates in one batch; a tree of ANDs; giving the row to the rows is local.
pub(crate) async fn run(
    ctx: &Context,
    node: &Broadcast,
    rows: &Table,
    values: &[(&Table, Vec<&ColumnDef>)],
) -> Result<Table> {
    let mut asked = Vec::new();
    for (value, (table, defs)) in node.values.iter().zip(values) {
        for threshold in &value.gate {
            asked.push(Asked::of(threshold, table, defs)?);
        }
    }
    let enough = met(&ctx.step("people"), &asked).await?;
    let mut enough = enough.iter();
    let mut conditions: Vec<Vec<&SharedBits>> = Vec::new();
    for (value, (table, _)) in node.values.iter().zip(values) {
        let mut own: Vec<&SharedBits> = enough.by_ref().take(value.gate.len()).collect();
        if let Some(known) = value.known {
            own.push(table.bit(known)?);
        }
        conditions.push(own);
    }
    let known = try_join_all(conditions.iter().enumerate().map(|(index, own)| {
        let ctx = ctx.step("known").nth(index);
        async move {
            if own.is_empty() {
                return Ok::<_, Error>(SharedBits::from_constant(ctx.seat(), 1, 1, 1_u64));
            }
            Ok(and_many(&ctx, own).await?)
        }
    }))
    .await?;
    let places = vec![0_u32; rows.rows()];
    let mut columns = rows.columns().to_vec();
    for (value, ((table, _), known)) in node.values.iter().zip(values.iter().zip(known)) {
        if table.rows() != 1 {
            return Err(Error::internal("broadcast", "a secret value of other than one row"));
        }
        columns.push(table.column(value.value)?.gather(&places));
        columns.push(Column::from(known).gather(&places));
    }
    Table::new(columns, rows.rows())
}

#[cfg(test)]
mod tests;
