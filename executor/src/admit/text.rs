//! Text of a CSV file to declared types. Space around a value counts only in TEXT columns.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray, StringArray,
};
use datafusion::arrow::compute::kernels::cast_utils::Parser;
use datafusion::arrow::datatypes::{
    ArrowNativeType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampNanosecondType,
};
use datafusion::arrow::error::ArrowError;
use planner::catalog::SqlType;

/// Texts read as values of the declared type, NULL where that is impossible, and how many those are.
///
/// # Errors
/// If `texts` are not of type Utf8.
pub fn parse(texts: &ArrayRef, declared: SqlType) -> Result<(ArrayRef, u64), ArrowError> {
    let texts = texts
        .as_string_opt::<i32>()
        .ok_or_else(|| ArrowError::SchemaError("columns without types are of type Utf8".into()))?;
    Ok(match declared {
        SqlType::Boolean => {
            let mut failed = 0;
            let values: BooleanArray = texts.iter().map(|text| counted(text, truth, &mut failed)).collect();
            (Arc::new(values), failed)
        }
        SqlType::SmallInt => numbers::<Int16Type>(texts, |text| whole(text)?.try_into().ok()),
        SqlType::Integer => numbers::<Int32Type>(texts, |text| whole(text)?.try_into().ok()),
        SqlType::BigInt => numbers::<Int64Type>(texts, |text| whole(text)?.try_into().ok()),
        SqlType::Real => numbers::<Float32Type>(texts, float),
        SqlType::Double => numbers::<Float64Type>(texts, float),
        SqlType::Date => numbers::<Date32Type>(texts, date),
        SqlType::Timestamp => numbers::<TimestampMicrosecondType>(texts, timestamp),
        SqlType::Text => (Arc::new(texts.clone()), 0),
        SqlType::Decimal(precision, scale) => {
            let limit = 10_u128.pow(u32::from(precision));
            let read = |text: &str| decimal(text, scale).filter(|value| value.unsigned_abs() < limit);
            let (values, failed) = primitive::<Decimal128Type>(texts, read);
            (Arc::new(values.with_precision_and_scale(precision, scale)?), failed)
        }
    })
}

fn numbers<T: ArrowPrimitiveType>(
    texts: &StringArray,
    read: impl Fn(&str) -> Option<T::Native>,
) -> (ArrayRef, u64) {
    let (values, failed) = primitive::<T>(texts, read);
    (Arc::new(values), failed)
}

fn primitive<T: ArrowPrimitiveType>(
    texts: &StringArray,
    read: impl Fn(&str) -> Option<T::Native>,
) -> (PrimitiveArray<T>, u64) {
    let mut failed = 0;
    let values = texts.iter().map(|text| counted(text, &read, &mut failed)).collect();
    (values, failed)
}

fn counted<V>(text: Option<&str>, read: impl Fn(&str) -> Option<V>, failed: &mut u64) -> Option<V> {
    let value = read(text?.trim());
    if value.is_none() {
        *failed += 1;
    }
    value
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// `42`, and `42.0` as tables with gaps are often written.
fn whole(text: &str) -> Option<i128> {
    decimal(text, 0)
}

/// The number times ten to `scale`, if that is whole.
fn decimal(text: &str, scale: i8) -> Option<i128> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, i32::from(exponent.parse::<i16>().ok()?)),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.as_bytes().first()? {
        b'-' => (true, &mantissa[1..]),
        b'+' => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if before.len() + after.len() == 0 || !all_digits(before) || !all_digits(after) {
        return None;
    }
    let after = after.trim_end_matches('0');
    let mut value = 0_i128;
    for digit in before.bytes().chain(after.bytes()) {
        value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    if value == 0 {
        return Some(0);
    }
    let shift = exponent + i32::from(scale) - i32::try_from(after.len()).ok()?;
    let power = 10_i128.checked_pow(shift.unsigned_abs())?;
    let value = if shift >= 0 {
        value.checked_mul(power)?
    } else if value % power == 0 {
        value / power
    } else {
        return None;
    };
    Some(if negative { -value } else { value })
}

/// The nearest floating point number; words such as `nan` and `inf` are none.
fn float<F: std::str::FromStr + ArrowNativeType>(text: &str) -> Option<F> {
    let number = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if number { text.parse().ok() } else { None }
}

/// `2024-12-31`.
fn date(text: &str) -> Option<i32> {
    if text.len() == 10 { Date32Type::parse(text) } else { None }
}

/// `2024-12-31`, `2024-12-31T23:59:59.123456Z`, with a space for `T`, with an offset; without one it is UTC.
fn timestamp(text: &str) -> Option<i64> {
    let nanoseconds = TimestampNanosecondType::parse(text)?;
    (nanoseconds % 1000 == 0).then_some(nanoseconds / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::Array;
    use datafusion::arrow::util::display::array_value_to_string;

    fn read(text: &str, declared: SqlType) -> Option<String> {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![text]));
        let (values, failed) = parse(&texts, declared).unwrap();
        assert_eq!(failed, values.null_count() as u64);
        values.is_valid(0).then(|| array_value_to_string(&values, 0).unwrap())
    }

    #[test]
    fn values_are_read_exactly_or_not_at_all() {
        let cases = [
            ("TRUE", SqlType::Boolean, Some("true")),
            ("2", SqlType::Boolean, None),
            (" 42 ", SqlType::SmallInt, Some("42")),
            ("-7.0", SqlType::Integer, Some("-7")),
            ("7.5", SqlType::Integer, None),
            ("40000", SqlType::SmallInt, None),
            ("9223372036854775808", SqlType::BigInt, None),
            ("-9223372036854775808", SqlType::BigInt, Some("-9223372036854775808")),
            ("1e3", SqlType::BigInt, Some("1000")),
            ("12.30", SqlType::Decimal(4, 1), Some("12.3")),
            ("12.34", SqlType::Decimal(4, 1), None),
            ("1000", SqlType::Decimal(4, 1), None),
            ("-0.05", SqlType::Decimal(4, 2), Some("-0.05")),
            (".5", SqlType::Decimal(4, 2), Some("0.50")),
            (".", SqlType::Decimal(4, 2), None),
            ("-", SqlType::BigInt, None),
            ("1,5", SqlType::Double, None),
            ("nan", SqlType::Double, None),
            ("inf", SqlType::Real, None),
            ("1.5e-3", SqlType::Double, Some("0.0015")),
            ("2024-02-29", SqlType::Date, Some("2024-02-29")),
            ("2023-02-29", SqlType::Date, None),
            ("29.02.2024", SqlType::Date, None),
            ("2024-02-29T01:02:03.000001+01:00", SqlType::Timestamp, Some("2024-02-29T00:02:03.000001")),
            ("2024-02-29 01:02:03", SqlType::Timestamp, Some("2024-02-29T01:02:03")),
            ("2024-02-29T01:02:03.0000001Z", SqlType::Timestamp, None),
            (" a ", SqlType::Text, Some(" a ")),
        ];
        for (text, declared, expected) in cases {
            assert_eq!(read(text, declared).as_deref(), expected, "{text} as {declared:?}");
        }
    }
}
