//! Numbers of an owner's persons, the same in all its inputs of a query.

use std::collections::{BTreeMap, BTreeSet};

use planner::function::hashed::{canonical, normalise};
use planner::plan::{Input, Source};

use super::{Rows, column_of};
use crate::{Error, Result};

/// The persons of all inputs that share their numbers, and their numbers, from 1.
#[derive(Debug, Default)]
pub(crate) struct Persons {
    /// By how the persons are compared, and what tells each from others.
    numbers: BTreeMap<(bool, Vec<u8>), i128>,
}

impl Persons {
    /// Numbers the persons of all inputs of an owner.
    ///
    /// # Errors
    /// Class internal for a plan that names columns which do not exist.
    pub(crate) fn of<'a>(inputs: impl IntoIterator<Item = (&'a Input, &'a Rows)>) -> Result<Persons> {
        let mut all = [BTreeSet::new(), BTreeSet::new()];
        for (input, rows) in inputs {
            for column in &input.columns {
                if let Source::Person { columns, normalised } = &column.source {
                    let found = identities(input, rows, columns, *normalised)?;
                    all[usize::from(*normalised)].extend(found.into_iter().flatten());
                }
            }
        }
        let [equal, normal] = all;
        let numbered = |normalised: bool, all: BTreeSet<Vec<u8>>| {
            all.into_iter().zip(1..).map(move |(identity, number)| ((normalised, identity), number))
        };
        Ok(Persons { numbers: numbered(false, equal).chain(numbered(true, normal)).collect() })
    }

    /// The number of each row's person; 0 where it has none.
    pub(super) fn numbers(
        &self,
        input: &Input,
        rows: &Rows,
        columns: &[usize],
        normalised: bool,
    ) -> Result<Vec<i128>> {
        let number =
            |identity: Option<Vec<u8>>| match identity {
                None => Ok(0),
                Some(identity) => self.numbers.get(&(normalised, identity)).copied().ok_or_else(|| {
                    Error::internal("ingest", "a person has no number: its input was not listed")
                }),
            };
        identities(input, rows, columns, normalised)?.into_iter().map(number).collect()
    }
}

/// What tells the person of each row from others: a form of the columns; without columns the row.
fn identities(
    input: &Input,
    rows: &Rows,
    columns: &[usize],
    normalised: bool,
) -> Result<Vec<Option<Vec<u8>>>> {
    let count = rows.batch.num_rows();
    if columns.is_empty() {
        let table = input.tables.join(",");
        let row = |row: usize| Some([b"row ", table.as_bytes(), &(row as u64).to_le_bytes()].concat());
        return Ok((0..count).map(row).collect());
    }
    let arrays = columns.iter().map(|&column| column_of(&rows.batch, column).cloned());
    let arrays = arrays.collect::<Result<Vec<_>>>()?;
    let forms = if normalised { normalise(&arrays, count)? } else { canonical(&arrays, count)? };
    Ok(forms.into_iter().map(|form| form.map(|form| [b"id ", form.as_slice()].concat())).collect())
}
