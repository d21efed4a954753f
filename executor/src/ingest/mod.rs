//! From the rows of a local plan to the integers and bits that an owner shares.
//!
//! Everything that an owner can do in the clear it does here, before anything leaves: order, padding, validity, NULLs,
//! one-hot codes, run starts, rounding to steps, and the check that every integer lies in the declared range. The number
//! and length of what leaves depend on the plan alone.

mod cells;
mod encode;
mod number;
mod order;
mod persons;
mod repeats;

pub(crate) use cells::cells;
pub(crate) use encode::encode;
pub(crate) use persons::Persons;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::record_batch::RecordBatch;
use planner::plan::Input;
use rand::CryptoRng;

use crate::{Error, Result};

/// The rows of an input in the order in which they are shared.
pub(crate) struct Rows {
    /// The output of the local plan.
    pub(crate) batch: RecordBatch,
    /// For each of the `bound` shared rows, the row of `batch`; `None`: padding.
    pub(crate) positions: Vec<Option<usize>>,
    /// For each row of `batch`, whether it counts.
    valid: Vec<bool>,
}

/// Pads and orders the rows of a local plan.
///
/// # Errors
/// Class source if there are more rows than the declared bound, or more with equal values than the plan takes for granted.
pub(crate) fn arrange(input: &Input, batch: RecordBatch, rng: &mut impl CryptoRng) -> Result<Rows> {
    if batch.num_rows() > input.bound {
        let (rows, bound) = (batch.num_rows(), input.bound);
        let rule = format!("{rows} rows, but `max_rows` allows {bound}");
        return Err(broken(&owner_tables(input), &rule));
    }
    for taken in &input.taken {
        let excess = repeats::beyond(taken, &batch)?;
        if excess > 0 {
            let (names, most) = (taken.names.join(", "), taken.at_most);
            let rule = format!(
                "{excess} rows more than the {most} that the policy allows for one value of `{names}`, where values of the same \
                 normal form (`HASHED`) are one"
            );
            return Err(broken(&owner_tables(input), &rule));
        }
    }
    let valid = match input.valid {
        Some(column) => truths(&batch, column)?,
        None => vec![true; batch.num_rows()],
    };
    let positions = order::positions(&input.order, &batch, input.bound, rng)?;
    Ok(Rows { batch, positions, valid })
}

/// Data of `table` that break a rule.
pub(crate) fn broken(table: &str, rule: &str) -> Error {
    Error::source(table, format!("{table}: {rule}"))
}

/// How errors name the data of an input.
pub(crate) fn owner_tables(input: &Input) -> String {
    input.tables.join(", ")
}

/// Where a BOOLEAN column is true; NULL is not.
fn truths(batch: &RecordBatch, column: usize) -> Result<Vec<bool>> {
    let array = column_of(batch, column)?;
    let bits = array
        .as_boolean_opt()
        .ok_or_else(|| Error::internal("ingest", "a BOOLEAN column of the local plan is not one"))?;
    Ok(bits.iter().map(|bit| bit == Some(true)).collect())
}

fn column_of(batch: &RecordBatch, column: usize) -> Result<&ArrayRef> {
    let array = batch.columns().get(column);
    array.ok_or_else(|| Error::internal("ingest", "the plan names a column that the local plan has not"))
}

#[cfg(test)]
mod tests;
