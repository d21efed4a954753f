//! Stored types to declared types, without loss.

use datafusion::arrow::array::{Array, ArrayRef, new_null_array};
use datafusion::arrow::compute::kernels::cmp::not_distinct;
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use planner::catalog::SqlType;

/// Whether some values of a stored type may have the declared one: numbers are numbers, moments are moments, text is
/// text. Whole numbers may be truth values, as 0 and 1, and identifiers: whole numbers and days have one text each.
pub(super) fn possible(stored: &DataType, declared: SqlType) -> bool {
    let stored = if let DataType::Dictionary(_, values) = stored { values.as_ref() } else { stored };
    if *stored == DataType::Null {
        return true;
    }
    match declared {
        SqlType::Boolean => *stored == DataType::Boolean || stored.is_integer(),
        SqlType::SmallInt
        | SqlType::Integer
        | SqlType::BigInt
        | SqlType::Decimal(..)
        | SqlType::Real
        | SqlType::Double => stored.is_integer() || stored.is_floating() || stored.is_decimal(),
        SqlType::Date | SqlType::Timestamp => {
            matches!(stored, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..))
        }
        SqlType::Text => stored.is_string() || stored.is_integer() || *stored == DataType::Date32,
    }
}

/// A stored type as a policy would write it, or in words.
pub(super) fn type_name(stored: &DataType) -> String {
    let name = match stored {
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 | DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INTEGER",
        DataType::Int64 => "BIGINT",
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => "unsigned integer",
        DataType::Float16 | DataType::Float32 => "REAL",
        DataType::Float64 => "DOUBLE",
        DataType::Date32 | DataType::Date64 => "DATE",
        DataType::Timestamp(..) => "TIMESTAMP",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "TEXT",
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => return format!("DECIMAL({precision},{scale})"),
        DataType::Dictionary(_, values) => return type_name(values),
        DataType::Time32(_) | DataType::Time64(_) => "time of day",
        DataType::Duration(_) | DataType::Interval(_) => "length of time",
        DataType::Struct(_) | DataType::Map(..) => "structure",
        DataType::List(_)
        | DataType::ListView(_)
        | DataType::FixedSizeList(..)
        | DataType::LargeList(_)
        | DataType::LargeListView(_) => "list",
        DataType::Union(..) => "union",
        DataType::RunEndEncoded(_, values) => return type_name(values.data_type()),
        DataType::Null => "no value",
        DataType::Binary | DataType::FixedSizeBinary(_) | DataType::LargeBinary | DataType::BinaryView => {
            "bytes"
        }
    };
    name.to_owned()
}

/// Values cast to the declared type, NULL where that loses something, and how many those are.
///
/// A value is kept without loss if casting it back gives the value itself.
pub(super) fn lossless(values: &ArrayRef, declared: SqlType) -> Result<(ArrayRef, u64), ArrowError> {
    let values = if let DataType::Dictionary(_, inner) = values.data_type() {
        cast(values, inner)?
    } else {
        ArrayRef::clone(values)
    };
    let target = declared.arrow();
    if *values.data_type() == target {
        return Ok((values, 0));
    }
    // What writers make of a column that holds no value: nothing to lose, and no kernel casts back to it.
    if *values.data_type() == DataType::Null {
        return Ok((new_null_array(&target, values.len()), 0));
    }
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let there = cast_with_options(&values, &target, &options)?;
    let back = cast_with_options(&there, values.data_type(), &options)?;
    let kept = not_distinct(&values, &back)?;
    let failed = (kept.len() - kept.true_count()) as u64;
    Ok((there, failed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{
        AsArray, Date32Array, Decimal128Array, Float64Array, Int64Array, NullArray, StringViewArray,
        TimestampNanosecondArray,
    };
    use std::sync::Arc;

    fn failed(values: impl Array + 'static, declared: SqlType) -> u64 {
        let values: ArrayRef = Arc::new(values);
        assert!(possible(values.data_type(), declared));
        lossless(&values, declared).unwrap().1
    }

    #[test]
    fn values_that_survive_the_way_back_are_kept() {
        let whole = || Int64Array::from(vec![Some(1), None, Some(40_000), Some((1 << 53) + 1)]);
        assert_eq!(failed(whole(), SqlType::BigInt), 0);
        assert_eq!(failed(whole(), SqlType::SmallInt), 2);
        assert_eq!(failed(whole(), SqlType::Double), 1);
        assert_eq!(failed(whole(), SqlType::Decimal(10, 2)), 1);
        assert_eq!(failed(Int64Array::from(vec![0, 1, 2]), SqlType::Boolean), 1);
        let floats = || Float64Array::from(vec![Some(1.0), Some(0.25), Some(f64::NAN), None, Some(1e300)]);
        assert_eq!(failed(floats(), SqlType::Integer), 3);
        assert_eq!(failed(floats(), SqlType::Real), 1);
        assert_eq!(failed(floats(), SqlType::Decimal(10, 2)), 2);
        let cents = Decimal128Array::from(vec![150, 125]).with_precision_and_scale(10, 2).unwrap();
        assert_eq!(failed(cents.clone(), SqlType::Decimal(4, 1)), 1);
        assert_eq!(failed(cents, SqlType::Double), 0);
        let moments = || TimestampNanosecondArray::from(vec![86_400_000_000_000, 1_000, 1]);
        assert_eq!(failed(moments(), SqlType::Timestamp), 1);
        assert_eq!(failed(moments(), SqlType::Date), 2);
        assert_eq!(failed(whole(), SqlType::Text), 0);
        assert_eq!(failed(Date32Array::from(vec![Some(-1), None, Some(18_000)]), SqlType::Text), 0);
        let (days, _) = lossless(&(Arc::new(Date32Array::from(vec![1])) as ArrayRef), SqlType::Text).unwrap();
        assert_eq!(days.as_string::<i32>().value(0), "1970-01-02");
        assert_eq!(failed(StringViewArray::from(vec!["a", "ä"]), SqlType::Text), 0);
    }

    #[test]
    fn a_column_without_values_has_any_type() {
        let values: ArrayRef = Arc::new(NullArray::new(3));
        for declared in [
            SqlType::Boolean,
            SqlType::SmallInt,
            SqlType::Integer,
            SqlType::BigInt,
            SqlType::Decimal(10, 2),
            SqlType::Real,
            SqlType::Double,
            SqlType::Date,
            SqlType::Timestamp,
            SqlType::Text,
        ] {
            let (cast, failed) = lossless(&values, declared).unwrap();
            assert_eq!((cast.data_type(), cast.null_count(), failed), (&declared.arrow(), 3, 0));
        }
    }

    #[test]
    fn kinds_of_values_do_not_mix() {
        assert!(!possible(&DataType::Utf8, SqlType::BigInt));
        assert!(!possible(&DataType::Float64, SqlType::Text));
        assert!(!possible(&DataType::Boolean, SqlType::Integer));
        assert!(!possible(&DataType::Float64, SqlType::Boolean));
        assert!(!possible(&DataType::Int32, SqlType::Date));
        assert!(!possible(&DataType::Binary, SqlType::Text));
        assert!(possible(&DataType::Null, SqlType::Text));
    }
}
