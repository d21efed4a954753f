//! Single values as text, the same in every format.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// What kind of text a value is, for quoting and alignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number in digits.
    Number,
    /// NaN or an infinity.
    NotFinite,
    /// `true` or `false`.
    Truth,
    /// Anything else.
    Text,
}

/// A value that is not NULL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// The values of one column; `None` is NULL.
pub(super) fn column(values: &ArrayRef) -> Result<Vec<Option<Cell>>, ArrowError> {
    if let Some(values) = values.as_primitive_opt::<Float16Type>() {
        return Ok(floats(values.iter().map(|value| value.map(f32::from)), f32::is_finite));
    }
    if let Some(values) = values.as_primitive_opt::<Float32Type>() {
        return Ok(floats(values.iter(), f32::is_finite));
    }
    if let Some(values) = values.as_primitive_opt::<Float64Type>() {
        return Ok(floats(values.iter(), f64::is_finite));
    }
    let kind = kind(values.data_type());
    let formatter = ArrayFormatter::try_new(values, &FormatOptions::new().with_display_error(false))?;
    let nulls = values.logical_nulls();
    let known = |row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    let cell = |row| formatter.value(row).try_to_string().map(|text| Cell { kind, text });
    (0..values.len()).map(|row| known(row).then(|| cell(row)).transpose()).collect()
}

/// Whether values of this type are shown as numbers.
pub(super) fn is_number(data_type: &DataType) -> bool {
    data_type.is_floating() || kind(data_type) == Kind::Number
}

fn kind(data_type: &DataType) -> Kind {
    if data_type.is_integer() || data_type.is_decimal() {
        Kind::Number
    } else if *data_type == DataType::Boolean {
        Kind::Truth
    } else {
        Kind::Text
    }
}

/// The shortest text that reads back as the same number.
fn floats<F: std::fmt::Debug + Copy>(
    values: impl Iterator<Item = Option<F>>,
    finite: impl Fn(F) -> bool,
) -> Vec<Option<Cell>> {
    values
        .map(|value| {
            value.map(|value| {
                let kind = if finite(value) { Kind::Number } else { Kind::NotFinite };
                Cell { kind, text: format!("{value:?}") }
            })
        })
        .collect()
}
