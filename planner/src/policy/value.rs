//! Values of bounds and closed domains, exactly as written.

use datafusion::scalar::ScalarValue;
use toml::de::DeValue;

use super::calendar;
use super::document::Entry;
use crate::catalog::SqlType;
use crate::error::Result;

/// The value of a TOML element as a value of an SQL type.
///
/// # Errors
/// If it is of another type, out of the type's range, or would have to be rounded.
pub(super) fn parse(entry: &Entry<'_>, sql_type: SqlType) -> Result<ScalarValue> {
    let value = match sql_type {
        SqlType::Boolean => entry.value().as_bool().map(|b| ScalarValue::Boolean(Some(b))),
        SqlType::SmallInt => integer(entry, sql_type)?.map(|v| ScalarValue::Int16(Some(v))),
        SqlType::Integer => integer(entry, sql_type)?.map(|v| ScalarValue::Int32(Some(v))),
        SqlType::BigInt => integer(entry, sql_type)?.map(|v| ScalarValue::Int64(Some(v))),
        SqlType::Decimal(precision, scale) => decimal(entry, precision, scale)?,
        SqlType::Real => real(entry)?,
        SqlType::Double => double(entry)?.map(|v| ScalarValue::Float64(Some(v))),
        SqlType::Date => {
            moment(entry).and_then(|text| calendar::date(&text)).map(|days| ScalarValue::Date32(Some(days)))
        }
        SqlType::Timestamp => moment(entry)
            .and_then(|text| calendar::timestamp(&text))
            .map(|us| ScalarValue::TimestampMicrosecond(Some(us), None)),
        SqlType::Text => entry.value().as_str().map(|text| ScalarValue::Utf8(Some(text.to_owned()))),
    };
    value.ok_or_else(|| {
        let example = match sql_type {
            SqlType::Date => ", such as \"2024-12-31\"",
            SqlType::Timestamp => ", such as \"2024-12-31T23:59:59Z\"",
            SqlType::Text => ": write it in quotes",
            SqlType::Boolean
            | SqlType::SmallInt
            | SqlType::Integer
            | SqlType::BigInt
            | SqlType::Decimal(..)
            | SqlType::Real
            | SqlType::Double => "",
        };
        entry.error(&format!("{} is not a value of type {sql_type}{example}", written(entry.value())))
    })
}

/// How a value stands in the file, for messages.
fn written(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(moment) => moment.to_string(),
        DeValue::Array(_) | DeValue::Table(_) => value.type_str().to_owned(),
    }
}

fn integer<T: TryFrom<i128>>(entry: &Entry<'_>, sql_type: SqlType) -> Result<Option<T>> {
    let Some(number) = entry.value().as_integer() else { return Ok(None) };
    i128::from_str_radix(number.as_str(), number.radix())
        .ok()
        .and_then(|value| T::try_from(value).ok())
        .map(Some)
        .ok_or_else(|| entry.error(&format!("{number} is outside the range of {sql_type}")))
}

/// The digits of a number as written.
fn number_text(entry: &Entry<'_>) -> Option<String> {
    match entry.value() {
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        DeValue::Float(number) => Some(number.as_str().replace('_', "")),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => None,
    }
}

fn decimal(entry: &Entry<'_>, precision: u8, scale: i8) -> Result<Option<ScalarValue>> {
    let Some(text) = number_text(entry).or_else(|| entry.value().as_str().map(str::to_owned)) else {
        return Ok(None);
    };
    let Some((digits, exponent)) = digits_and_exponent(&text) else { return Ok(None) };
    let sql_type = SqlType::Decimal(precision, scale);
    let unscaled = scaled(digits, exponent + i32::from(scale))
        .ok_or_else(|| entry.error(&format!("{text} is not exactly a value of type {sql_type}")))?;
    if unscaled.unsigned_abs() >= 10_u128.pow(u32::from(precision)) {
        return Err(entry.error(&format!("{text} is outside the range of {sql_type}")));
    }
    Ok(Some(ScalarValue::Decimal128(Some(unscaled), precision, scale)))
}

/// `-1.25e3` as (-125, 1): the number is the first times ten to the second.
fn digits_and_exponent(text: &str) -> Option<(i128, i32)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let sign_free = whole.trim_start_matches(['+', '-']);
    if sign_free.is_empty() || !sign_free.chars().chain(fraction.chars()).all(|c| c.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}").parse::<i128>().ok()?;
    Some((digits, i32::from(exponent) - i32::try_from(fraction.len()).ok()?))
}

/// `digits` times ten to `exponent`, if that is an integer that fits.
fn scaled(digits: i128, exponent: i32) -> Option<i128> {
    if digits == 0 {
        return Some(0);
    }
    let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
    if exponent >= 0 { digits.checked_mul(power) } else { (digits % power == 0).then(|| digits / power) }
}

fn real(entry: &Entry<'_>) -> Result<Option<ScalarValue>> {
    let Some(text) = number_text(entry) else { return Ok(None) };
    match text.parse::<f32>() {
        Ok(value) if value.is_finite() => Ok(Some(ScalarValue::Float32(Some(value)))),
        _ => Err(entry.error(&format!("{text} is not a finite value of type REAL"))),
    }
}

/// A finite number.
pub(super) fn double(entry: &Entry<'_>) -> Result<Option<f64>> {
    let Some(text) = number_text(entry) else { return Ok(None) };
    match text.parse::<f64>() {
        // Adding zero turns -0.0 into 0.0.
        Ok(value) if value.is_finite() => Ok(Some(value + 0.0)),
        _ => Err(entry.error(&format!("{text} is not a finite number"))),
    }
}

/// A date or time, as a TOML string or as TOML's own date.
fn moment(entry: &Entry<'_>) -> Option<String> {
    match entry.value() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Datetime(moment) => Some(moment.to_string()),
        DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{digits_and_exponent, scaled};

    #[test]
    fn decimals_are_exact() {
        assert_eq!(digits_and_exponent("-1.250e3"), Some((-125, 1)));
        assert_eq!(digits_and_exponent("+0.10"), Some((1, -1)));
        assert_eq!(digits_and_exponent("-0.5"), Some((-5, -1)));
        assert_eq!(digits_and_exponent("1x"), None);
        assert_eq!(digits_and_exponent("nan"), None);
        assert_eq!(digits_and_exponent(""), None);
        assert_eq!(scaled(125, -1), None);
        assert_eq!(scaled(120, -1), Some(12));
        assert_eq!(scaled(1, 40), None);
        assert_eq!(scaled(0, 40), Some(0));
    }
}
