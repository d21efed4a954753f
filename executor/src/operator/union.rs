//! Union: tables on top of each other. Local.

use mpc::{Column, Shared, SharedBits};

use crate::table::Table;
use crate::{Error, Result};

/// The rows of all inputs, in order.
pub(crate) fn run(inputs: &[&Table]) -> Result<Table> {
    let width = inputs.first().map_or(0, |table| table.columns().len());
    let columns = (0..width).map(|index| {
        let parts = inputs.iter().map(|table| table.column(index)).collect::<Result<Vec<_>>>()?;
        stack(&parts).ok_or_else(|| Error::internal("union", "columns of different encodings"))
    });
    Table::new(columns.collect::<Result<_>>()?, inputs.iter().map(|table| table.rows()).sum())
}

/// Columns one after another; `None` if they are of different kinds.
fn stack(parts: &[&Column]) -> Option<Column> {
    match parts.first()? {
        Column::U32(_) => {
            let parts = parts.iter().map(|part| if let Column::U32(x) = part { Some(x) } else { None });
            Some(Shared::concat(&parts.collect::<Option<Vec<_>>>()?).into())
        }
        Column::U64(_) => {
            let parts = parts.iter().map(|part| if let Column::U64(x) = part { Some(x) } else { None });
            Some(Shared::concat(&parts.collect::<Option<Vec<_>>>()?).into())
        }
        Column::U128(_) => {
            let parts = parts.iter().map(|part| if let Column::U128(x) = part { Some(x) } else { None });
            Some(Shared::concat(&parts.collect::<Option<Vec<_>>>()?).into())
        }
        Column::Bits(first) => {
            let same = |bits: &&SharedBits| bits.width() == first.width();
            let parts =
                parts.iter().map(|part| if let Column::Bits(x) = part { Some(x).filter(same) } else { None });
            Some(SharedBits::concat_rows(&parts.collect::<Option<Vec<_>>>()?).into())
        }
    }
}
