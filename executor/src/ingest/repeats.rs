//! What a plan takes for granted of an owner's rows.

use std::collections::BTreeMap;

use datafusion::arrow::array::Array;
use datafusion::arrow::record_batch::RecordBatch;
use planner::plan::Taken;

use super::{column_of, order};
use crate::Result;

/// How many rows there are beyond as many as may be equal.
///
/// # Errors
/// Class internal for a plan that names columns which do not exist.
pub(super) fn beyond(taken: &Taken, batch: &RecordBatch) -> Result<u64> {
    let keys = order::keys(batch, &taken.columns)?;
    let columns = taken.columns.iter().map(|&column| column_of(batch, column)).collect::<Result<Vec<_>>>()?;
    let mut rows = BTreeMap::new();
    for (row, key) in keys.iter().enumerate() {
        if columns.iter().all(|values| values.is_valid(row)) {
            *rows.entry(key).or_insert(0_u64) += 1;
        }
    }
    Ok(rows.values().map(|rows| rows.saturating_sub(taken.at_most)).sum())
}
