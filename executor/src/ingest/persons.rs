//! Numbers of an owner's persons, the same in all its inputs of a query.

use std::collections::{BTreeMap, BTreeSet};

use planner::plan::{Input, Source};

use super::{Rows, column_of};
use crate::{Error, Result};

/// The persons of all inputs that share their numbers, and their numbers, from 1.
#[derive(Debug, Default)]
pub(crate) struct Persons {
    numbers: BTreeMap<Vec<u8>, i128>,
}

impl Persons {
    /// Numbers the persons of all inputs of an owner.
    ///
    /// # Errors
    /// Class internal for a plan that names columns which do not exist.
    pub(crate) fn of<'a>(inputs: impl IntoIterator<Item = (&'a Input, &'a Rows)>) -> Result<Persons> {
        let mut all = BTreeSet::new();
        for (input, rows) in inputs {
            for column in &input.columns {
                if let Source::Person(columns) = &column.source {
                    all.extend(identities(input, rows, columns)?.into_iter().flatten());
                }
            }
        }
        Ok(Persons { numbers: all.into_iter().zip(1..).collect() })
    }

    /// The number of each row's person; 0 where it has none.
    pub(super) fn numbers(&self, input: &Input, rows: &Rows, columns: &[usize]) -> Result<Vec<i128>> {
        let number =
            |identity: Option<Vec<u8>>| match identity {
                None => Ok(0),
                Some(identity) => self.numbers.get(&identity).copied().ok_or_else(|| {
                    Error::internal("ingest", "a person has no number: its input was not listed")
                }),
            };
        identities(input, rows, columns)?.into_iter().map(number).collect()
    }
}

/// What tells the person of each row from others: the normal form of the columns; without columns the row.
fn identities(input: &Input, rows: &Rows, columns: &[usize]) -> Result<Vec<Option<Vec<u8>>>> {
    let count = rows.batch.num_rows();
    if columns.is_empty() {
        let table = input.tables.join(",");
        let row = |row: usize| Some([b"row ", table.as_bytes(), &row.to_be_bytes()].concat());
        return Ok((0..count).map(row).collect());
    }
    let arrays = columns.iter().map(|&column| column_of(&rows.batch, column).cloned());
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    let forms = planner::function::hashed::normalise(&arrays, count)?;
    Ok(forms.into_iter().map(|form| form.map(|form| [b"id ", form.as_slice()].concat())).collect())
}
