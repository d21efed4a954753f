//! Arrow batches as rows of the protocol.

#![expect(clippy::wildcard_enum_match_arm, reason = "Arrow has dozens of types; the rest is sent as text")]

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, Schema,
    TimeUnit, TimestampMicrosecondType,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use pgwire::api::Type;
use pgwire::api::portal::Format;
use pgwire::api::results::{FieldFormat, FieldInfo};
use pgwire::messages::data::DataRow;
use prost::bytes::{BufMut as _, BytesMut};

use crate::endpoint::{Error, Result, Rows};

/// Days from 1970, where Arrow begins, to 2000, where PostgreSQL does.
const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
const EPOCH_MICROSECONDS: i64 = 10_957 * 86_400_000_000;

/// What a client is told of a result's columns.
pub(super) fn fields(schema: &Schema, format: Option<&Format>) -> Vec<FieldInfo> {
    let told = |(index, field): (usize, &Arc<arrow::datatypes::Field>)| {
        let kind = kind(field.data_type());
        let format = format.map_or(FieldFormat::Text, |format| format.format_for(index));
        let modifier = match field.data_type() {
            DataType::Decimal128(precision, scale) => ((i32::from(*precision) << 16) | i32::from(*scale)) + 4,
            _ => -1,
        };
        let info = FieldInfo::new(field.name().clone(), None, None, kind.clone(), format);
        info.with_type_size(size(&kind)).with_type_modifier(modifier)
    };
    schema.fields().iter().enumerate().map(told).collect()
}

/// The type of PostgreSQL that holds an Arrow type.
pub(super) fn kind(data_type: &DataType) -> Type {
    match data_type {
        DataType::Boolean => Type::BOOL,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => Type::INT2,
        DataType::Int32 | DataType::UInt16 => Type::INT4,
        DataType::Int64 | DataType::UInt32 => Type::INT8,
        DataType::Float16 | DataType::Float32 => Type::FLOAT4,
        DataType::Float64 => Type::FLOAT8,
        DataType::Decimal128(..) | DataType::UInt64 => Type::NUMERIC,
        DataType::Date32 | DataType::Date64 => Type::DATE,
        DataType::Timestamp(..) => Type::TIMESTAMP,
        _ => Type::TEXT,
    }
}

fn size(kind: &Type) -> i16 {
    match *kind {
        Type::BOOL => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIMESTAMP => 8,
        _ => -1,
    }
}

/// The rows of a result, each column in the format that the client has asked for.
pub(super) fn encode(rows: &Rows, fields: &[FieldInfo]) -> Result<Vec<DataRow>> {
    let mut encoded = Vec::new();
    for batch in &rows.batches {
        let columns = batch.columns().iter().zip(fields);
        let columns: Vec<Column> =
            columns.map(|(array, field)| Column::new(array, field)).collect::<Result<_>>()?;
        for row in 0..batch.num_rows() {
            let mut data = BytesMut::new();
            for column in &columns {
                column.put(row, &mut data)?;
            }
            let count =
                i16::try_from(columns.len()).map_err(|_| Error::invalid("more than 32767 columns"))?;
            encoded.push(DataRow::new(data, count));
        }
    }
    Ok(encoded)
}

/// A column, cast to the Arrow type that its PostgreSQL type is written from.
struct Column {
    array: ArrayRef,
    kind: Type,
    binary: bool,
}

impl Column {
    fn new(array: &ArrayRef, field: &FieldInfo) -> Result<Self> {
        let kind = field.datatype().clone();
        let plain = match kind {
            Type::BOOL => DataType::Boolean,
            Type::INT2 => DataType::Int16,
            Type::INT4 => DataType::Int32,
            Type::INT8 => DataType::Int64,
            Type::FLOAT4 => DataType::Float32,
            Type::FLOAT8 => DataType::Float64,
            Type::DATE => DataType::Date32,
            Type::TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
            Type::NUMERIC => match array.data_type() {
                DataType::Decimal128(precision, scale) => DataType::Decimal128(*precision, *scale),
                _ => DataType::Decimal128(20, 0),
            },
            _ => DataType::Utf8,
        };
        let failed = |error| Error::internal(format!("a column cannot be sent: {error}"));
        let array = cast(array, &plain).map_err(failed)?;
        Ok(Self { array, kind, binary: field.format() == FieldFormat::Binary })
    }

    /// Appends a value with its length.
    fn put(&self, row: usize, data: &mut BytesMut) -> Result<()> {
        if self.array.is_null(row) {
            data.put_i32(-1);
            return Ok(());
        }
        let value = if self.binary { self.binary(row) } else { self.text(row)?.into_bytes() };
        let length =
            i32::try_from(value.len()).map_err(|_| Error::invalid("a value is longer than 2 GiB"))?;
        data.put_i32(length);
        data.put_slice(&value);
        Ok(())
    }

    fn text(&self, row: usize) -> Result<String> {
        match self.kind {
            Type::BOOL => Ok(if self.array.as_boolean().value(row) { "t" } else { "f" }.to_owned()),
            Type::FLOAT4 => Ok(float(self.array.as_primitive::<Float32Type>().value(row))),
            Type::FLOAT8 => Ok(float(self.array.as_primitive::<Float64Type>().value(row))),
            _ => {
                let failed = |_| Error::internal("a value cannot be written as text");
                let formatter =
                    ArrayFormatter::try_new(&self.array, &FormatOptions::default()).map_err(failed)?;
                let text = formatter.value(row).try_to_string().map_err(failed)?;
                Ok(if self.kind == Type::TIMESTAMP { text.replacen('T', " ", 1) } else { text })
            }
        }
    }

    fn binary(&self, row: usize) -> Vec<u8> {
        match self.kind {
            Type::BOOL => vec![u8::from(self.array.as_boolean().value(row))],
            Type::INT2 => network(self.array.as_primitive::<Int16Type>().value(row)),
            Type::INT4 => network(self.array.as_primitive::<Int32Type>().value(row)),
            Type::INT8 => network(self.array.as_primitive::<Int64Type>().value(row)),
            Type::FLOAT4 => network(self.array.as_primitive::<Float32Type>().value(row)),
            Type::FLOAT8 => network(self.array.as_primitive::<Float64Type>().value(row)),
            Type::DATE => {
                network(self.array.as_primitive::<Date32Type>().value(row).wrapping_sub(EPOCH_DAYS))
            }
            Type::TIMESTAMP => {
                let value = self.array.as_primitive::<TimestampMicrosecondType>().value(row);
                network(value.wrapping_sub(EPOCH_MICROSECONDS))
            }
            Type::NUMERIC => {
                let scale = match self.array.data_type() {
                    DataType::Decimal128(_, scale) => u16::try_from(*scale).unwrap_or(0),
                    _ => 0,
                };
                numeric(self.array.as_primitive::<Decimal128Type>().value(row), scale)
            }
            _ => self.array.as_string::<i32>().value(row).as_bytes().to_vec(),
        }
    }
}

/// A number in the byte order of the network.
fn network<T>(value: T) -> Vec<u8>
where
    BytesMut: Put<T>,
{
    let mut bytes = BytesMut::new();
    bytes.put_number(value);
    bytes.to_vec()
}

/// Appends numbers in the byte order of the network.
trait Put<T> {
    fn put_number(&mut self, value: T);
}

macro_rules! put {
    ($($number:ty: $put:ident),*) => {
        $(impl Put<$number> for BytesMut {
            fn put_number(&mut self, value: $number) {
                self.$put(value);
            }
        })*
    };
}

put!(i16: put_i16, i32: put_i32, i64: put_i64, f32: put_f32, f64: put_f64);

/// A number as PostgreSQL writes it: the shortest text that reads back as the same.
fn float<F: std::fmt::Display + std::fmt::LowerExp + Into<f64> + Copy>(value: F) -> String {
    let wide: f64 = value.into();
    if wide.is_nan() {
        "NaN".to_owned()
    } else if wide.is_infinite() {
        if wide > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else if wide == 0.0 || (1e-5..1e15).contains(&wide.abs()) {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

/// NUMERIC in binary: digits to the base of 10,000, aligned to the decimal point.
///
/// | bytes | 2 | 2 | 2 | 2 | 2 each |
/// |---|---|---|---|---|---|
/// | is | number of digits | weight of the first | 0x4000 if negative | digits after the point | digits |
fn numeric(value: i128, scale: u16) -> Vec<u8> {
    let mut digits: Vec<i16> = Vec::new();
    // Zeros behind the last digit, so that the point falls between two digits to the base of 10,000.
    let padding = (4 - u32::from(scale) % 4) % 4;
    let mut whole = value.unsigned_abs();
    if padding > 0 {
        let split = 10_u128.pow(4 - padding);
        digits.push(i16::try_from(whole % split * 10_u128.pow(padding)).unwrap_or(0));
        whole /= split;
    }
    while whole > 0 {
        digits.push(i16::try_from(whole % 10_000).unwrap_or(0));
        whole /= 10_000;
    }
    let after = i16::try_from(u32::from(scale).div_ceil(4)).unwrap_or(0);
    let count = i16::try_from(digits.len()).unwrap_or(0);
    let mut bytes = BytesMut::new();
    bytes.put_i16(count);
    bytes.put_i16(count - after - 1);
    bytes.put_u16(if value < 0 { 0x4000 } else { 0 });
    bytes.put_u16(scale);
    for digit in digits.into_iter().rev() {
        bytes.put_i16(digit);
    }
    bytes.to_vec()
}

#[cfg(test)]
#[expect(clippy::big_endian_bytes, reason = "the protocol's order of bytes")]
mod tests {
    use arrow::array::{
        BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, StringArray,
        TimestampMicrosecondArray,
    };
    use arrow::datatypes::Field;
    use arrow::record_batch::RecordBatch;

    use super::*;

    /// Every value of the first row, as bytes.
    fn row(columns: Vec<ArrayRef>, format: &Format) -> Vec<Option<Vec<u8>>> {
        let named = columns.iter().map(|column| Field::new("c", column.data_type().clone(), true));
        let schema = Arc::new(Schema::new(named.collect::<Vec<_>>()));
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        let fields = fields(&schema, Some(format));
        let encoded = encode(&Rows { schema, batches: vec![batch] }, &fields).unwrap();
        let mut rest = &encoded[0].data[..];
        let mut values = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
                values.push(None);
                rest = after;
                continue;
            };
            values.push(Some(after[..length].to_vec()));
            rest = &after[length..];
        }
        values
    }

    fn columns() -> Vec<ArrayRef> {
        vec![
            Arc::new(BooleanArray::from(vec![true])),
            Arc::new(Int32Array::from(vec![None])),
            Arc::new(Float64Array::from(vec![0.1])),
            Arc::new(Decimal128Array::from(vec![-1_234_567]).with_precision_and_scale(10, 2).unwrap()),
            Arc::new(Date32Array::from(vec![19_000])),
            Arc::new(TimestampMicrosecondArray::from(vec![946_684_800_500_000])),
            Arc::new(StringArray::from(vec!["north"])),
        ]
    }

    #[test]
    fn text() {
        let texts = row(columns(), &Format::UnifiedText);
        let texts: Vec<_> =
            texts.into_iter().map(|value| value.map(|bytes| String::from_utf8(bytes).unwrap())).collect();
        let expected = ["t", "", "0.1", "-12345.67", "2022-01-08", "2000-01-01 00:00:00.500", "north"];
        let expected =
            expected.map(|text| (!text.is_empty()).then(|| text.trim_end_matches("00").to_owned()));
        let seen: Vec<_> =
            texts.into_iter().map(|text| text.map(|text| text.trim_end_matches("00").to_owned())).collect();
        assert_eq!(seen, expected);
        assert_eq!(
            [float(1e300), float(f64::NAN), float(-0.5_f32), float(f64::NEG_INFINITY)],
            ["1e300", "NaN", "-0.5", "-Infinity"]
        );
    }

    #[test]
    fn binary() {
        let values = row(columns(), &Format::UnifiedBinary);
        assert_eq!(values[0], Some(vec![1]));
        assert_eq!(values[1], None);
        assert_eq!(values[2], Some(0.1_f64.to_be_bytes().to_vec()));
        assert_eq!(values[4], Some((19_000 - EPOCH_DAYS).to_be_bytes().to_vec()));
        assert_eq!(values[5], Some(500_000_i64.to_be_bytes().to_vec()));
        // 12345.67 is 1, 2345, 6700 to the base of 10,000; the first has weight 1.
        let words = [3_u16, 1, 0x4000, 2, 1, 2345, 6700];
        assert_eq!(values[3], Some(words.iter().flat_map(|word| word.to_be_bytes()).collect()));
        let words = |value, scale| -> Vec<i16> {
            numeric(value, scale).chunks(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]])).collect()
        };
        assert_eq!(words(0, 0), [0, -1, 0, 0]);
        assert_eq!(words(42, 0), [1, 0, 0, 0, 42]);
        assert_eq!(words(5, 4), [1, -1, 0, 4, 5]);
        assert_eq!(words(10_000, 1), [2, 0, 0, 1, 1000, 0]);
    }
}
