//! Texts as numbers and back: `text_part(x, i)` and `text_of(part, ...)`.
//!
//! A text of an open domain crosses to the seats as numbers of [`PART_BYTES`] bytes each: part `i` is the bytes from
//! `PART_BYTES * i` on, the first the most significant, 0 past the end. Numbers compare as texts do, byte by byte; texts do not
//! hold a zero byte (checked when data are loaded), so that the parts say what the text is. Not for users.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// Bytes of a part: as many as a BIGINT holds that is never negative.
pub const PART_BYTES: u32 = 7;

/// The name of [`text_part`] that plans show.
pub const TEXT_PART: &str = "text_part";

/// `text_part(x, i)`: part `i` of a text, NULL of NULL.
pub fn text_part() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(TextPart { signature: Signature::any(2, Volatility::Immutable) }))
}

/// `text_of(part, ...)`: the text that all parts are of, NULL if the first is.
pub fn text_of() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(TextOf { signature: Signature::variadic_any(Volatility::Immutable) }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TextPart {
    signature: Signature,
}

impl ScalarUDFImpl for TextPart {
    fn name(&self) -> &'static str {
        TEXT_PART
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [texts, index] = arrays.as_slice() else { return exec_err!("text_part has two arguments") };
        let texts = cast(texts, &DataType::Utf8)?;
        let index = cast(index, &DataType::Int64)?;
        let index = index.as_primitive::<Int64Type>();
        let part = |(text, index): (Option<&str>, Option<i64>)| {
            let from = usize::try_from(index?).ok()?.checked_mul(PART_BYTES as usize)?;
            Some(part_of(text?.as_bytes(), from))
        };
        let parts: Int64Array = texts.as_string::<i32>().iter().zip(index).map(part).collect();
        Ok(ColumnarValue::Array(Arc::new(parts)))
    }
}

/// The bytes from `from` on as a number.
fn part_of(bytes: &[u8], from: usize) -> i64 {
    let all = (0..PART_BYTES as usize).map(|at| bytes.get(from + at).copied().unwrap_or(0));
    all.fold(0, |number, byte| number << 8 | i64::from(byte))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TextOf {
    signature: Signature,
}

impl ScalarUDFImpl for TextOf {
    fn name(&self) -> &'static str {
        "text_of"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let parts = ColumnarValue::values_to_arrays(&args.args)?;
        let rows = parts.first().map_or(0, Array::len);
        let texts = (0..rows).map(|row| text_of_row(&parts, row)).collect::<Result<StringArray>>()?;
        Ok(ColumnarValue::Array(Arc::new(texts)))
    }
}

fn text_of_row(parts: &[ArrayRef], row: usize) -> Result<Option<String>> {
    if parts.first().is_none_or(|part| part.is_null(row)) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    for part in parts {
        let Some(part) = part.as_primitive_opt::<Int64Type>() else {
            return exec_err!("a part of a text is no BIGINT");
        };
        let [own @ .., _] = part.value(row).to_le_bytes();
        bytes.extend(own.iter().rev());
    }
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    let text = String::from_utf8(bytes);
    text.map(Some).or_else(|_| exec_err!("a released text is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_text() {
        for text in ["", "a", "1234567", "12345678", "öl und \u{10ffff} wein"] {
            let parts: Vec<ArrayRef> = (0..4)
                .map(|part| Arc::new(Int64Array::from(vec![part_of(text.as_bytes(), part * 7)])) as ArrayRef)
                .collect();
            assert_eq!(text_of_row(&parts, 0).unwrap().as_deref(), Some(text));
        }
        let null: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(vec![None]))];
        assert_eq!(text_of_row(&null, 0).unwrap(), None);
        let broken: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(vec![0xff]))];
        assert!(text_of_row(&broken, 0).is_err());
    }

    #[test]
    fn parts_compare_as_texts() {
        let mut texts = ["b", "", "a", "ab", "Z", "öl", "oel", "12345678", "1234567"];
        texts.sort_by_key(|text| [part_of(text.as_bytes(), 0), part_of(text.as_bytes(), 7)]);
        assert!(texts.is_sorted());
    }
}
