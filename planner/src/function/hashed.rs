//! `HASHED(part, ...)`: identifiers in a normal form, for joins across owners.
//!
//! Two identifiers are the same if their normal forms are: text in Unicode NFKC, trimmed and in upper case; numbers
//! as plain decimals, so that BIGINT 42 matches TEXT '42' while '042' stays '042'; dates and times in ISO 8601. Each
//! part carries its length, so that ('ab', 'c') is not ('a', 'bc'). If a part is NULL, so is the identifier, and it
//! matches nothing.
//!
//! [`normalise`] gives these forms; pseudonyms of a hashed join are made from them. [`canonical`] gives the forms of
//! plain equality: SQL's, in which 42 = 42.0 and text is compared as it is. In the clear `HASHED` is an ordinary
//! function that returns a SHA-256 digest of the normal form as hexadecimal text.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::arrow::temporal_conversions::{date32_to_datetime, timestamp_us_to_datetime};
use datafusion::common::{Result as EngineResult, not_impl_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::error::{Error, Result};

/// The name that plans show.
pub const HASHED: &str = "hashed";

/// The normal forms of identifiers: one for each row, `None` where a part is NULL.
///
/// `parts` are arrays of the same length; `rows` is that length.
///
/// # Errors
/// [`Class::Invalid`](crate::Class::Invalid) for a type that has no normal form (see [`has_normal_form`]).
pub fn normalise(parts: &[ArrayRef], rows: usize) -> Result<Vec<Option<Vec<u8>>>> {
    join_parts(parts, rows, &|array, row| match array.data_type() {
        DataType::Utf8 => text(array.as_string::<i32>().value(row)).into_bytes(),
        _ => plain(array, row).into_bytes(),
    })
}

/// The forms of plain equality: as [`normalise`], but text is taken as it is, and a text never equals a number.
///
/// # Errors
/// As [`normalise`].
pub fn canonical(parts: &[ArrayRef], rows: usize) -> Result<Vec<Option<Vec<u8>>>> {
    join_parts(parts, rows, &|array, row| {
        let tag = match array.data_type() {
            DataType::Utf8 => b's',
            DataType::Boolean => b'b',
            DataType::Date32 => b'd',
            DataType::Timestamp(..) => b't',
            _ => b'n',
        };
        let value = match array.data_type() {
            DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
            _ => plain(array, row),
        };
        [&[tag], value.as_bytes()].concat()
    })
}

/// Whether identifiers may have parts of this type.
pub fn has_normal_form(data_type: &DataType) -> bool {
    common_type(data_type).is_some()
}

/// The SQL function.
pub fn hashed() -> Arc<ScalarUDF> {
    let signature = Signature::variadic_any(Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(Hashed { signature }))
}

/// The few types that all others are widened to.
fn common_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Null
        | DataType::Boolean
        | DataType::Float32
        | DataType::Float64
        | DataType::Date32
        | DataType::Decimal128(..) => Some(data_type.clone()),
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => Some(DataType::Int64),
        DataType::UInt64 => Some(DataType::Decimal128(20, 0)),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(DataType::Utf8),
        DataType::Timestamp(TimeUnit::Microsecond | TimeUnit::Millisecond | TimeUnit::Second, _) => {
            Some(DataType::Timestamp(TimeUnit::Microsecond, None))
        }
        DataType::Dictionary(_, value) => common_type(value),
        _ => None,
    }
}

fn join_parts(
    parts: &[ArrayRef],
    rows: usize,
    form: &dyn Fn(&ArrayRef, usize) -> Vec<u8>,
) -> Result<Vec<Option<Vec<u8>>>> {
    let parts: Vec<ArrayRef> = parts.iter().map(|part| widened(part, rows)).collect::<Result<_>>()?;
    let row = |row: usize| {
        let mut joined = Vec::new();
        for part in &parts {
            if part.is_null(row) || *part.data_type() == DataType::Null {
                return None;
            }
            let bytes = form(part, row);
            joined.extend((bytes.len() as u64).to_le_bytes());
            joined.extend(bytes);
        }
        Some(joined)
    };
    Ok((0..rows).map(row).collect())
}

fn widened(part: &ArrayRef, rows: usize) -> Result<ArrayRef> {
    if part.len() != rows {
        return Err(Error::internal("parts of an identifier have different lengths"));
    }
    let target = common_type(part.data_type())
        .ok_or_else(|| Error::invalid(format!("a value of type {} cannot identify", part.data_type())))?;
    cast(part, &target).map_err(|_| Error::internal("an identifier could not be widened"))
}

/// A text in its normal form. Upper case may take a text out of NFKC, so it is normalised again.
fn text(value: &str) -> String {
    if value.is_ascii() {
        return value.trim().to_ascii_uppercase();
    }
    let upper = value.nfkc().collect::<String>().to_uppercase();
    upper.nfkc().collect::<String>().trim().to_owned()
}

/// A value that is no text, as plain text. The types are those of [`common_type`].
fn plain(array: &ArrayRef, row: usize) -> String {
    match array.data_type() {
        DataType::Boolean => if array.as_boolean().value(row) { "TRUE" } else { "FALSE" }.to_owned(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Decimal128(_, scale) => decimal(array.as_primitive::<Decimal128Type>().value(row), *scale),
        // Adding zero makes -0 the same as 0. Display is the shortest decimal that reads back, without exponent.
        DataType::Float32 => (array.as_primitive::<Float32Type>().value(row) + 0.0).to_string(),
        DataType::Float64 => (array.as_primitive::<Float64Type>().value(row) + 0.0).to_string(),
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value(row);
            date32_to_datetime(days).map_or_else(|| format!("{days}D"), |at| at.date().to_string())
        }
        DataType::Timestamp(..) => {
            let us = array.as_primitive::<TimestampMicrosecondType>().value(row);
            timestamp_us_to_datetime(us).map_or_else(|| format!("{us}US"), |at| format!("{at:?}"))
        }
        _ => String::new(),
    }
}

/// `unscaled` times ten to minus `scale`, without zeros that say nothing.
fn decimal(unscaled: i128, scale: i8) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = unscaled.unsigned_abs().to_string();
    let places = usize::from(scale.unsigned_abs());
    if unscaled == 0 || scale == 0 {
        return format!("{sign}{digits}");
    }
    if scale < 0 {
        return format!("{sign}{digits}{}", "0".repeat(places));
    }
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Hashed {
    signature: Signature,
}

impl ScalarUDFImpl for Hashed {
    fn name(&self) -> &'static str {
        HASHED
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> EngineResult<DataType> {
        match arg_types.iter().find(|part| !has_normal_form(part)) {
            None => Ok(DataType::Utf8),
            Some(other) => not_impl_err!("HASHED of a value of type {other}"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        let parts = args
            .args
            .iter()
            .map(|part| part.to_array(args.number_rows))
            .collect::<EngineResult<Vec<ArrayRef>>>()?;
        let forms = normalise(&parts, args.number_rows)
            .map_err(|error| datafusion::error::DataFusionError::External(Box::new(error)))?;
        let digest = |form: Option<Vec<u8>>| form.map(|bytes| hex::encode(Sha256::digest(bytes)));
        Ok(ColumnarValue::Array(Arc::new(forms.into_iter().map(digest).collect::<StringArray>())))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{
        BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
        TimestampMicrosecondArray,
    };
    use proptest::prelude::*;

    use super::*;

    fn one(array: impl Array + 'static) -> Option<Vec<u8>> {
        normalise(&[Arc::new(array)], 1).unwrap().remove(0)
    }

    fn form(value: &str) -> Option<Vec<u8>> {
        one(StringArray::from(vec![value]))
    }

    fn same(array: impl Array + 'static, other: &str) {
        assert_eq!(one(array), form(other), "{other}");
    }

    #[test]
    fn numbers_match_their_text() {
        same(Int64Array::from(vec![42]), "42");
        same(Int32Array::from(vec![-7]), " -7 ");
        assert_ne!(one(Int64Array::from(vec![42])), form("042"));
        let decimal =
            |v: i128, s: i8| Decimal128Array::from(vec![v]).with_precision_and_scale(20, s).unwrap();
        same(decimal(4200, 2), "42");
        same(decimal(4250, 2), "42.5");
        same(decimal(-5, 3), "-0.005");
        same(decimal(0, 3), "0");
        same(Float64Array::from(vec![42.0]), "42");
        same(Float64Array::from(vec![-0.0]), "0");
        same(Float64Array::from(vec![1e21]), "1000000000000000000000");
        same(Float64Array::from(vec![0.1]), "0.1");
        same(BooleanArray::from(vec![true]), "true");
    }

    #[test]
    fn dates_are_iso() {
        same(Date32Array::from(vec![0]), "1970-01-01");
        same(Date32Array::from(vec![19_782]), "2024-02-29");
        same(TimestampMicrosecondArray::from(vec![1_500_000]), "1970-01-01T00:00:01.500");
        same(TimestampMicrosecondArray::from(vec![0]), "1970-01-01t00:00:00");
    }

    #[test]
    fn text_is_normalised() {
        assert_eq!(form(" ab-1\t"), form("AB-1"));
        assert_eq!(form("ﬁ"), form("FI"));
        assert_eq!(form("Ａ１"), form("a1"));
        assert_eq!(form("e\u{301}"), form("É"));
        assert_eq!(form("\u{a0}x\u{a0}"), form("X"));
        assert_eq!(form("straße"), form("STRASSE"));
        assert_ne!(form("a b"), form("ab"));
    }

    #[test]
    fn parts_do_not_run_together() {
        let text = |v: &str| Arc::new(StringArray::from(vec![v])) as ArrayRef;
        let of = |a: &str, b: &str| normalise(&[text(a), text(b)], 1).unwrap();
        assert_ne!(of("ab", "c"), of("a", "bc"));
        assert_ne!(of("", "a"), of("a", ""));
        assert_eq!(of("ab", "c"), of("AB ", "C"));
    }

    #[test]
    fn null_parts_give_no_identifier() {
        let a: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("a")]));
        let b: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(1), None]));
        let forms = normalise(&[a, b], 3).unwrap();
        assert!(forms[0].is_some() && forms[1].is_none() && forms[2].is_none());
    }

    #[test]
    fn plain_equality_is_that_of_sql() {
        let canon = |array: ArrayRef| canonical(&[array], 1).unwrap().remove(0);
        let int = canon(Arc::new(Int64Array::from(vec![42])));
        let decimal = Decimal128Array::from(vec![4200]).with_precision_and_scale(10, 2).unwrap();
        assert_eq!(int, canon(Arc::new(Int32Array::from(vec![42]))));
        assert_eq!(int, canon(Arc::new(decimal)));
        assert_eq!(int, canon(Arc::new(Float64Array::from(vec![42.0]))));
        assert_ne!(int, canon(Arc::new(StringArray::from(vec!["42"]))));
        let text = |v: &str| canon(Arc::new(StringArray::from(vec![v])));
        assert_ne!(text("a"), text("A"));
        assert_ne!(text("a"), text("a "));
    }

    #[test]
    fn other_types_are_refused() {
        let array: ArrayRef = Arc::new(datafusion::arrow::array::BinaryArray::from(vec![&b"x"[..]]));
        assert_eq!(normalise(&[array], 1).unwrap_err().class, crate::Class::Invalid);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn normalising_twice_changes_nothing(value in any::<String>()) {
            let once = text(&value);
            prop_assert_eq!(text(&once), once);
        }

        #[test]
        fn integers_match_their_text(value: i64) {
            prop_assert_eq!(one(Int64Array::from(vec![value])), form(&value.to_string()));
        }
    }
}
