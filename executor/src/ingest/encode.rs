//! Encodings: arithmetic, bits, planes, one-hot, run starts.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::array::{Array, ArrayRef, Scalar};
use datafusion::arrow::compute::kernels::cmp::not_distinct;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::scalar::ScalarValue;
use mpc::{Part, Planes, Ring};
use planner::plan::{Encoding, Input, RingSize, SharedColumn, Source};

use super::number::{Integer, canonical, integers};
use super::{Persons, Rows, broken, column_of, order, owner_tables, truths};
use crate::{Error, Result};

/// All columns that an owner shares, in the order of the plan; every one has `bound` rows. `persons` are those of all
/// inputs of this owner.
///
/// # Errors
/// Class source if the value of a counting row is outside the declared range; nothing is clamped and nothing wraps.
pub(crate) fn encode(input: &Input, rows: &Rows, persons: &Persons) -> Result<Vec<Part>> {
    input.columns.iter().map(|column| column_part(input, column, rows, persons)).collect()
}

fn column_part(input: &Input, column: &SharedColumn, rows: &Rows, persons: &Persons) -> Result<Part> {
    let encoding = column.def.encoding;
    let bits = match &column.source {
        Source::Value { column: index, scale, dictionary, offset } => {
            let array = canonical(column_of(&rows.batch, *index)?)?;
            let values = match dictionary {
                Some(dictionary) => indices(&array, dictionary)?,
                None => integers(&array, *scale)?,
            };
            let integers = checked(input, column, rows, &values, *offset)?;
            return Ok(part_of(encoding, &rows.place(&integers)));
        }
        Source::Known(columns) => known(rows, columns)?,
        Source::True(index) => truths(&rows.batch, *index)?,
        Source::Equals { column: index, value } => equals(column_of(&rows.batch, *index)?, value)?,
        Source::Person { columns, normalised } => {
            let numbers = persons.numbers(input, rows, columns, *normalised)?;
            let numbers: Vec<Integer> = numbers.into_iter().map(Integer::Is).collect();
            let integers = checked(input, column, rows, &numbers, 0)?;
            return Ok(part_of(encoding, &rows.place(&integers)));
        }
        Source::Rank(index) => {
            let ranks = ranks(column_of(&rows.batch, *index)?)?;
            let integers = checked(input, column, rows, &ranks, 0)?;
            return Ok(part_of(encoding, &rows.place(&integers)));
        }
        Source::RunStart(columns) => {
            let starts = run_starts(rows, columns)?;
            return Ok(bits_of(encoding, &starts));
        }
        Source::RunIndex(columns) => {
            let starts = run_starts(rows, columns)?;
            let count = |runs: &mut i128, start: &bool| {
                *runs += i128::from(*start);
                Some(*runs - 1)
            };
            return Ok(part_of(encoding, &starts.iter().scan(0, count).collect::<Vec<_>>()));
        }
    };
    let counting: Vec<bool> = bits.iter().zip(&rows.valid).map(|(&bit, &valid)| bit && valid).collect();
    Ok(bits_of(encoding, &rows.place(&counting)))
}

impl Rows {
    /// One value for each shared row from one for each row of the batch; padding gets the default.
    fn place<T: Copy + Default>(&self, values: &[T]) -> Vec<T> {
        let value = |row: &Option<usize>| row.and_then(|row| values.get(row).copied()).unwrap_or_default();
        self.positions.iter().map(value).collect()
    }
}

/// The integers minus the offset, 0 where NULL or not counting, each in its declared range.
fn checked(
    input: &Input,
    column: &SharedColumn,
    rows: &Rows,
    values: &[Integer],
    offset: i128,
) -> Result<Vec<i128>> {
    let range = column.def.range;
    let mut outside = 0usize;
    let counting = values.iter().zip(&rows.valid).map(|(&value, &valid)| match value {
        Integer::Is(value) if valid => match value.checked_sub(offset) {
            Some(integer) if (range.lo..=range.hi).contains(&integer) => integer,
            _ => {
                outside += 1;
                0
            }
        },
        Integer::None if valid => {
            outside += 1;
            0
        }
        Integer::Is(_) | Integer::None | Integer::Null => 0,
    });
    let integers: Vec<i128> = counting.collect();
    if outside > 0 {
        let rows = if outside == 1 { "row holds" } else { "rows hold" };
        let rule =
            format!("column `{}`: {outside} {rows} a value outside the declared domain", column.def.name);
        return Err(broken(&owner_tables(input), &rule));
    }
    Ok(integers)
}

/// The place of every value in a dictionary.
fn indices(array: &ArrayRef, dictionary: &[ScalarValue]) -> Result<Vec<Integer>> {
    let values = dictionary.iter().map(|value| value.cast_to(array.data_type()));
    let values = values.collect::<Result<Vec<_>, _>>().and_then(ScalarValue::iter_to_array);
    let values = canonical(&values.map_err(|_| wrong_type())?)?;
    let converter =
        RowConverter::new(vec![SortField::new(array.data_type().clone())]).map_err(|_| wrong_type())?;
    let rows_of = |array: ArrayRef| converter.convert_columns(&[array]).map_err(|_| wrong_type());
    let (values, rows) = (rows_of(values)?, rows_of(ArrayRef::clone(array))?);
    let places: BTreeMap<_, _> = values.iter().zip(0i128..).collect();
    let index = |(row, value)| match places.get(&value) {
        _ if array.is_null(row) => Integer::Null,
        Some(&place) => Integer::Is(place),
        None => Integer::None,
    };
    Ok(rows.iter().enumerate().map(index).collect())
}

/// The place of every value among all different ones, in ascending order from 1.
fn ranks(array: &ArrayRef) -> Result<Vec<Integer>> {
    let array = canonical(array)?;
    let converter =
        RowConverter::new(vec![SortField::new(array.data_type().clone())]).map_err(|_| wrong_type())?;
    let rows = converter.convert_columns(&[ArrayRef::clone(&array)]).map_err(|_| wrong_type())?;
    let known = |row: &usize| !array.is_null(*row);
    let values: BTreeSet<_> = (0..array.len()).filter(known).map(|row| rows.row(row)).collect();
    let places: BTreeMap<_, _> = values.into_iter().zip(1i128..).collect();
    let rank = |row: usize| places.get(&rows.row(row)).map_or(Integer::Null, |place| Integer::Is(*place));
    Ok((0..array.len()).map(rank).collect())
}

/// Whether none of some columns is NULL.
fn known(rows: &Rows, columns: &[usize]) -> Result<Vec<bool>> {
    let mut known = vec![true; rows.batch.num_rows()];
    for &column in columns {
        let array = column_of(&rows.batch, column)?;
        known.iter_mut().enumerate().for_each(|(row, known)| *known &= !array.is_null(row));
    }
    Ok(known)
}

/// Where a column equals a value, NULL equal to NULL.
fn equals(array: &ArrayRef, value: &ScalarValue) -> Result<Vec<bool>> {
    let array = canonical(array)?;
    let value =
        value.cast_to(array.data_type()).and_then(|value| value.to_array()).map_err(|_| wrong_type())?;
    let equal = not_distinct(&array, &Scalar::new(canonical(&value)?)).map_err(|_| wrong_type())?;
    Ok(equal.values().iter().collect())
}

/// Where a shared row starts a run of rows equal in some columns. Padding and rows with a NULL there are runs of their
/// own; without columns every row is.
fn run_starts(rows: &Rows, columns: &[usize]) -> Result<Vec<bool>> {
    if columns.is_empty() {
        return Ok(vec![true; rows.positions.len()]);
    }
    let keys = order::keys(&rows.batch, columns)?;
    let known = known(rows, columns)?;
    let person = |row: Option<usize>| row.filter(|&row| known[row]).map(|row| keys.row(row));
    let mut previous = None;
    let starts = rows.positions.iter().map(|&row| {
        let this = person(row);
        let start = this.is_none() || this != previous;
        previous = this;
        start
    });
    Ok(starts.collect())
}

fn wrong_type() -> Error {
    Error::internal("ingest", "a value of the plan has another type than its column")
}

fn bits_of(encoding: Encoding, bits: &[bool]) -> Part {
    match encoding {
        Encoding::Arithmetic(RingSize::Z64) => Part::U64(bits.iter().map(|&bit| u64::from(bit)).collect()),
        Encoding::Arithmetic(RingSize::Z128) => Part::U128(bits.iter().map(|&bit| u128::from(bit)).collect()),
        Encoding::Bit => Part::Bits(Planes::from_bools(bits)),
        Encoding::Planes(_) => {
            part_of(encoding, &bits.iter().map(|&bit| i128::from(bit)).collect::<Vec<_>>())
        }
    }
}

fn part_of(encoding: Encoding, integers: &[i128]) -> Part {
    fn ring<R: Ring>(integers: &[i128]) -> Vec<R> {
        integers.iter().map(|&integer| R::from_i128(integer)).collect()
    }
    match encoding {
        Encoding::Arithmetic(RingSize::Z64) => Part::U64(ring(integers)),
        Encoding::Arithmetic(RingSize::Z128) => Part::U128(ring(integers)),
        Encoding::Bit => Part::Bits(Planes::from_values(&ring::<u64>(integers), 1)),
        Encoding::Planes(width) => Part::Bits(Planes::from_values(&ring::<u128>(integers), width as usize)),
    }
}
