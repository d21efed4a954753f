//! The order in which an owner shares its rows.

use std::collections::BTreeMap;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::row::{RowConverter, Rows, SortField};
use planner::plan::Order;
use rand::CryptoRng;
use rand::seq::SliceRandom;

use super::column_of;
use super::number::canonical;
use crate::{Error, Result};

/// For each of the `bound` shared rows the row of `batch`; `None`: padding.
///
/// `bound` is at least the number of rows. A shuffled order is uniformly random among those that keep equal rows
/// adjacent; padding is shuffled in.
pub(super) fn positions(
    order: &Order,
    batch: &RecordBatch,
    bound: usize,
    rng: &mut impl CryptoRng,
) -> Result<Vec<Option<usize>>> {
    let rows = batch.num_rows();
    let padding = bound.saturating_sub(rows);
    let mut groups = match order {
        Order::Local => return Ok(padded((0..rows).collect(), bound)),
        Order::Adjacent(columns) => return Ok(padded(groups(batch, columns)?.concat(), bound)),
        Order::Shuffled { adjacent } if adjacent.is_empty() => (0..rows).map(|row| vec![row]).collect(),
        Order::Shuffled { adjacent } => groups(batch, adjacent)?,
    };
    for group in &mut groups {
        group.shuffle(rng);
    }
    let mut units: Vec<Option<Vec<usize>>> = groups.into_iter().map(Some).collect();
    units.resize(units.len() + padding, None);
    units.shuffle(rng);
    let positions = units.into_iter().flat_map(|unit| match unit {
        Some(group) => group.into_iter().map(Some).collect(),
        None => vec![None],
    });
    Ok(positions.collect())
}

fn padded(rows: Vec<usize>, bound: usize) -> Vec<Option<usize>> {
    let mut positions: Vec<_> = rows.into_iter().map(Some).collect();
    positions.resize(bound, None);
    positions
}

/// The rows that are equal in `columns` (NULL equal to NULL), by group, groups in the order of their first row.
fn groups(batch: &RecordBatch, columns: &[usize]) -> Result<Vec<Vec<usize>>> {
    let keys = keys(batch, columns)?;
    let mut index = BTreeMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (row, key) in keys.iter().enumerate() {
        let group = *index.entry(key).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(row);
    }
    Ok(groups)
}

/// A comparable key for each row of `batch`, over some columns.
pub(super) fn keys(batch: &RecordBatch, columns: &[usize]) -> Result<Rows> {
    let arrays = columns.iter().map(|&column| canonical(column_of(batch, column)?));
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    let fields = arrays.iter().map(|array| SortField::new(array.data_type().clone())).collect();
    let converter = RowConverter::new(fields);
    let keys = converter.and_then(|converter| converter.convert_columns(&arrays));
    keys.map_err(|_| Error::internal("ingest", "rows of the local plan cannot be compared"))
}
