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
    let rows: Vec<usize> = (0..batch.num_rows()).collect();
    let levels =
        |columns: &[usize]| columns.iter().map(|&column| keys(batch, &[column])).collect::<Result<Vec<_>>>();
    let ordered = match order {
        Order::Local => vec![rows],
        Order::Adjacent(columns) => grouped(rows, &levels(columns)?, &mut |_| {}),
        Order::Shuffled { adjacent } => {
            let mut units = grouped(rows, &levels(adjacent)?, &mut |groups| groups.shuffle(rng));
            // A group without rows stands for a row of padding.
            units.resize(units.len() + bound.saturating_sub(batch.num_rows()), Vec::new());
            units.shuffle(rng);
            units
        }
    };
    let mut positions = Vec::with_capacity(bound);
    for unit in ordered {
        if unit.is_empty() && positions.len() < bound && matches!(order, Order::Shuffled { .. }) {
            positions.push(None);
        }
        positions.extend(unit.into_iter().map(Some));
    }
    positions.resize(bound, None);
    Ok(positions)
}

/// The rows by groups that are equal in the first column, ordered within so that rows equal in the second are
/// adjacent, and so on. `arrange` orders groups of the same level; without columns every row is a group.
fn grouped(
    rows: Vec<usize>,
    levels: &[Rows],
    arrange: &mut dyn FnMut(&mut Vec<Vec<usize>>),
) -> Vec<Vec<usize>> {
    let Some((keys, deeper)) = levels.split_first() else {
        return rows.into_iter().map(|row| vec![row]).collect();
    };
    let mut index = BTreeMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for row in rows {
        let group = *index.entry(keys.row(row)).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(row);
    }
    let within = |group| {
        let mut parts = grouped(group, deeper, arrange);
        arrange(&mut parts);
        parts.concat()
    };
    groups.into_iter().map(within).collect()
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
