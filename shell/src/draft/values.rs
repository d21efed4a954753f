//! The columns of a file with the types of a policy.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine has dozens of types; the rest falls under one rule"
)]

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, new_empty_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, TimeUnit};
use executor::admit::read_text;
use planner::catalog::SqlType;

use crate::error::{Failure, Result};

/// A column as it was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: String,
    /// The values as the policy would declare them; none if no type fits.
    pub(super) typed: Option<(SqlType, ArrayRef)>,
}

/// Words that say that a number is money.
const MONEY: [&str; 9] = ["cost", "price", "amount", "fee", "premium", "paid", "charge", "income", "salary"];

/// Reads a whole file.
pub(super) fn read(path: &Path) -> Result<Vec<Found>> {
    let source = connectors::source::open(path)?;
    let schema = source.schema();
    let all: Vec<usize> = (0..schema.fields().len()).collect();
    let batches = source.scan(&all)?.collect::<Result<Vec<_>, _>>()?;
    let mut columns = Vec::with_capacity(all.len());
    for (index, field) in schema.fields().iter().enumerate() {
        let parts: Vec<&dyn Array> = batches.iter().map(|batch| batch.column(index).as_ref()).collect();
        let whole = if parts.is_empty() {
            new_empty_array(field.data_type())
        } else {
            concat(&parts).map_err(|error| broken(path, &error))?
        };
        let name = field.name().clone();
        let typed = if source.typed() { stored(&whole) } else { from_text(&name, &whole) };
        columns.push(Found { name, typed: typed.map_err(|error| broken(path, &error))? });
    }
    Ok(columns)
}

fn broken(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(planner::Class::Source, format!("{}: {error}", path.display()))
}

type Typed = Result<Option<(SqlType, ArrayRef)>, arrow::error::ArrowError>;

/// The nearest type of a policy, with the values in its Arrow type.
fn stored(values: &ArrayRef) -> Typed {
    let float = DataType::Float64;
    let (sql, to) = match values.data_type() {
        DataType::Boolean => (SqlType::Boolean, DataType::Boolean),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => (SqlType::SmallInt, DataType::Int16),
        DataType::Int32 | DataType::UInt16 => (SqlType::Integer, DataType::Int32),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => (SqlType::BigInt, DataType::Int64),
        DataType::Float16 | DataType::Float32 => (SqlType::Real, float),
        DataType::Float64 => (SqlType::Double, float),
        DataType::Decimal128(precision, scale) if *scale >= 0 => {
            (SqlType::Decimal(*precision, *scale), values.data_type().clone())
        }
        DataType::Date32 | DataType::Date64 => (SqlType::Date, DataType::Date32),
        DataType::Timestamp(..) => (SqlType::Timestamp, DataType::Timestamp(TimeUnit::Microsecond, None)),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => (SqlType::Text, DataType::Utf8),
        DataType::Dictionary(_, inner) => return stored(&cast(values, inner)?),
        _ => return Ok(None),
    };
    Ok(Some((sql, cast(values, &to)?)))
}

/// The narrowest type in which every text can be read.
fn from_text(name: &str, values: &ArrayRef) -> Typed {
    let texts = values.as_string::<i32>();
    let mut given = texts.iter().flatten().map(str::trim).peekable();
    if given.peek().is_none() {
        return Ok(None);
    }
    let all: Vec<&str> = given.collect();
    let words = ["true", "false", "yes", "no"];
    let leading_zero = |text: &&str| {
        let mut bytes = text.bytes();
        bytes.next() == Some(b'0') && bytes.next().is_some_and(|byte| byte.is_ascii_digit())
    };
    let mut candidates = Vec::new();
    if all.iter().all(|text| words.contains(&text.to_lowercase().as_str())) {
        candidates.push(SqlType::Boolean);
    }
    if !all.iter().any(leading_zero) {
        candidates.extend([SqlType::Integer, SqlType::BigInt]);
        let lower = name.to_lowercase();
        if MONEY.iter().any(|word| lower.contains(word)) {
            candidates.push(SqlType::Decimal(12, 2));
        }
        candidates.extend([SqlType::Double, SqlType::Date, SqlType::Timestamp]);
    }
    for candidate in candidates {
        let (read, failed) = read_text(values, candidate)?;
        if failed == 0 {
            return Ok(Some((candidate, read)));
        }
    }
    Ok(Some((SqlType::Text, Arc::clone(values))))
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;

    use super::*;

    #[test]
    fn texts_get_the_narrowest_type() {
        let of = |name: &str, texts: &[&str]| {
            let values: ArrayRef = Arc::new(texts.iter().map(|text| Some(*text)).collect::<StringArray>());
            from_text(name, &values).unwrap().unwrap().0
        };
        assert_eq!(of("a", &["1", " 2 "]), SqlType::Integer);
        assert_eq!(of("a", &["1", "3000000000"]), SqlType::BigInt);
        assert_eq!(of("postcode", &["0123", "4567"]), SqlType::Text);
        assert_eq!(of("a", &["yes", "No"]), SqlType::Boolean);
        assert_eq!(of("total_cost", &["1.5", "20.25"]), SqlType::Decimal(12, 2));
        assert_eq!(of("bmi", &["21.5", "30"]), SqlType::Double);
        assert_eq!(of("since", &["2024-01-31"]), SqlType::Date);
        assert_eq!(of("at", &["2024-01-31T10:00:00"]), SqlType::Timestamp);
        assert_eq!(of("sex", &["f", "m"]), SqlType::Text);
    }
}
