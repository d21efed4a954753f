//! Assemble: group tables side by side. Local.

use mpc::{Column, Ring, Seat, Shared};
use planner::plan::{Assemble, ColumnDef, Encoding, Piece, RingSize};

use crate::table::Table;
use crate::{Error, Result};

/// The pieces of `node` side by side; `inputs` are the tables among them, in order.
pub(crate) fn run(seat: Seat, node: &Assemble, inputs: &[&Table]) -> Result<Table> {
    let mut inputs = inputs.iter();
    let mut columns: Vec<Column> = Vec::with_capacity(node.columns.len());
    for piece in &node.pieces {
        match piece {
            Piece::Table { rows, .. } => {
                let table = inputs.next().ok_or_else(|| Error::internal("assemble", "a table is missing"))?;
                if rows.iter().any(|row| *row as usize >= table.rows()) {
                    return Err(Error::internal("assemble", "a place that its table does not have"));
                }
                columns.extend(table.columns().iter().map(|column| column.gather(rows)));
            }
            Piece::Public(values) => {
                let def = node.columns.get(columns.len());
                let def = def.ok_or_else(|| Error::internal("assemble", "a public column without a name"))?;
                columns.push(public(seat, values, def)?);
            }
        }
    }
    Table::new(columns, node.rows)
}

fn public(seat: Seat, values: &[i128], def: &ColumnDef) -> Result<Column> {
    match def.encoding {
        Encoding::Arithmetic(RingSize::Z64) => Ok(shared::<u64>(seat, values).into()),
        Encoding::Arithmetic(RingSize::Z128) => Ok(shared::<u128>(seat, values).into()),
        Encoding::Bit | Encoding::Planes(_) => {
            Err(Error::internal("assemble", "a public column that is no number"))
        }
    }
}

fn shared<R: Ring>(seat: Seat, values: &[i128]) -> Shared<R> {
    Shared::from_public(seat, &values.iter().map(|value| R::from_i128(*value)).collect::<Vec<_>>())
}
