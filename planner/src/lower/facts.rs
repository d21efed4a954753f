//! What is known about the values of an expression from public declarations alone.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is not a number"
)]

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::scalar::ScalarValue;

use super::failure;
use super::scale::{common_scale, decode, encode, literal_scale, power_of_two, rescale, type_scale};
use crate::Result;
use crate::catalog::{Column, Domain};
use crate::plan::{Range, Scale};

/// The most values that a domain may have to be enumerated (GROUP BY keys, dictionaries).
pub(crate) const MAX_VALUES: usize = 4096;

/// The values of an expression: its SQL type, whether NULL may occur, and the integers that stand for its values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Facts {
    /// The Arrow type.
    pub(crate) data_type: DataType,
    /// Whether NULL may occur.
    pub(crate) nullable: bool,
    /// How integers stand for values. For closed text: indices into `closed`.
    pub(crate) scale: Scale,
    /// The integers that may occur; `None` where nothing is declared (open text, doubles without bounds).
    pub(crate) range: Option<Range>,
    /// The values of a closed domain, sorted as SQL sorts them, NULL aside.
    pub(crate) closed: Option<Vec<ScalarValue>>,
    /// Of open text: the most bytes that it may have.
    pub(crate) max_bytes: Option<u32>,
    /// Of a column: whether a condition inside the owner's own query made it, so that 0 may stand for a row that does not
    /// count.
    pub(crate) conditional: bool,
}

impl Facts {
    /// Values of which nothing but the type is known.
    pub(crate) fn open(data_type: DataType, nullable: bool) -> Facts {
        Facts {
            data_type,
            nullable,
            scale: Scale::Unit,
            range: None,
            closed: None,
            max_bytes: None,
            conditional: false,
        }
    }

    /// Open text of at most so many bytes, if that is known.
    pub(crate) fn text(data_type: DataType, nullable: bool, max_bytes: Option<u32>) -> Facts {
        Facts { max_bytes, ..Facts::open(data_type, nullable) }
    }

    /// The most bytes that a text may have.
    pub(crate) fn bytes(&self) -> Option<u32> {
        let Some(values) = &self.closed else { return self.max_bytes };
        let bytes = |value: &ScalarValue| value.try_as_str().flatten().map_or(0, str::len);
        u32::try_from(values.iter().map(bytes).max().unwrap_or(0)).ok()
    }

    /// Numbers in a range.
    pub(crate) fn number(data_type: DataType, nullable: bool, scale: Scale, range: Range) -> Facts {
        Facts {
            data_type,
            nullable,
            scale,
            range: Some(range),
            closed: None,
            max_bytes: None,
            conditional: false,
        }
    }

    /// Three-valued truth.
    pub(crate) fn truth(nullable: bool) -> Facts {
        let closed = vec![ScalarValue::Boolean(Some(false)), ScalarValue::Boolean(Some(true))];
        let range = Some(Range { lo: 0, hi: 1 });
        let data_type = DataType::Boolean;
        Facts {
            data_type,
            nullable,
            scale: Scale::Unit,
            range,
            closed: Some(closed),
            max_bytes: None,
            conditional: false,
        }
    }

    /// A closed domain of sorted values.
    pub(crate) fn closed(
        data_type: DataType,
        nullable: bool,
        values: Vec<ScalarValue>,
        scale: Scale,
    ) -> Facts {
        let range = if is_text(&data_type) {
            Some(Range { lo: 0, hi: (values.len().max(1) - 1) as i128 })
        } else {
            let all: Vec<i128> = values.iter().filter_map(|value| encode(value, scale)).collect();
            match (all.iter().min(), all.iter().max()) {
                (Some(&lo), Some(&hi)) => Some(Range { lo, hi }),
                _ => Some(Range { lo: 0, hi: 0 }),
            }
        };
        Facts { data_type, nullable, scale, range, closed: Some(values), max_bytes: None, conditional: false }
    }

    /// What a policy declares of a column.
    pub(crate) fn of_column(column: &Column) -> Facts {
        let data_type = column.sql_type.arrow();
        let nullable = column.nullable;
        if data_type == DataType::Boolean {
            return Facts::truth(nullable);
        }
        match &column.domain {
            Domain::Values(values) => Facts::closed(data_type, nullable, values.clone(), column.scale),
            Domain::Bounds(lo, hi) => match (encode(lo, column.scale), encode(hi, column.scale)) {
                (Some(lo), Some(hi)) => Facts::number(data_type, nullable, column.scale, Range { lo, hi }),
                _ => Facts::open(data_type, nullable),
            },
            Domain::Type => match type_range(&data_type) {
                Some(range) => Facts::number(data_type, nullable, column.scale, range),
                None if is_text(&data_type) => Facts::text(data_type, nullable, Some(column.max_bytes)),
                None => Facts::open(data_type, nullable),
            },
        }
    }

    /// What is known of a literal.
    pub(crate) fn of_literal(value: &ScalarValue) -> Facts {
        let data_type = value.data_type();
        if value.is_null() {
            let range = Some(Range { lo: 0, hi: 0 });
            let none = Facts::open(data_type, true);
            return Facts { range, closed: Some(Vec::new()), ..none };
        }
        let scale = match value {
            ScalarValue::Float64(Some(x)) => literal_scale(*x),
            ScalarValue::Float32(Some(x)) => literal_scale(f64::from(*x)),
            _ => type_scale(&data_type),
        };
        Facts::closed(data_type, false, vec![value.clone()], scale)
    }

    /// The same values, of a column that a condition made.
    pub(crate) fn with_condition(mut self, conditional: bool) -> Facts {
        self.conditional = conditional;
        self
    }

    /// The same values, NULL possible where `nullable`.
    pub(crate) fn with_null(mut self, nullable: bool) -> Facts {
        self.nullable = nullable;
        self
    }

    /// The smallest and largest value as doubles.
    pub(crate) fn interval(&self) -> Option<(f64, f64)> {
        let range = self.range?;
        Some((decode(range.lo, self.scale), decode(range.hi, self.scale)))
    }

    /// All values if there are few: closed domains, and short ranges of integers and dates.
    pub(crate) fn enumerate(&self) -> Option<Vec<ScalarValue>> {
        if let Some(values) = &self.closed {
            return Some(values.clone());
        }
        let range = self.range?;
        let discrete = matches!(
            self.data_type,
            DataType::Int8
                | DataType::Int16
                | DataType::Int32
                | DataType::Int64
                | DataType::UInt8
                | DataType::UInt16
                | DataType::UInt32
                | DataType::UInt64
                | DataType::Date32
        );
        if !discrete || range.hi.checked_sub(range.lo)? >= 1000 {
            return None;
        }
        (range.lo..=range.hi).map(|x| scalar(x, &self.data_type)).collect()
    }

    /// Values of either, as CASE and UNION ALL mix them. `None` where their encodings cannot be reconciled.
    pub(crate) fn hull(&self, other: &Facts) -> Result<Facts> {
        let nullable = self.nullable || other.nullable;
        if self.data_type == DataType::Null {
            return Ok(other.clone().with_null(true));
        }
        if other.data_type == DataType::Null {
            return Ok(self.clone().with_null(true));
        }
        if self.data_type != other.data_type {
            return Err(failure::internal(format!("{} beside {}", self.data_type, other.data_type)));
        }
        let data_type = self.data_type.clone();
        if let (Some(left), Some(right)) = (&self.closed, &other.closed) {
            let scale = common_scale(self.scale, other.scale);
            return Ok(Facts::closed(data_type, nullable, merge(left, right), scale));
        }
        if is_text(&data_type) {
            let longest = self.bytes().zip(other.bytes()).map(|(left, right)| left.max(right));
            return Ok(Facts::text(data_type, nullable, longest));
        }
        let (Some(left), Some(right)) = (self.range, other.range) else {
            return Ok(Facts::open(data_type, nullable));
        };
        let scale = common_scale(self.scale, other.scale);
        match (rescale(left, self.scale, scale), rescale(right, other.scale, scale)) {
            (Some(left), Some(right)) => Ok(Facts::number(data_type, nullable, scale, left.hull(right))),
            _ => Ok(Facts::open(data_type, nullable)),
        }
    }
}

/// Whether it is text.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Whether it is a floating-point number.
pub(crate) fn is_float(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float16 | DataType::Float32 | DataType::Float64)
}

/// The range of a type of integers, decimals, dates and timestamps.
pub(crate) fn type_range(data_type: &DataType) -> Option<Range> {
    let signed = |bits: u32| Some(Range { lo: -(1_i128 << (bits - 1)), hi: (1_i128 << (bits - 1)) - 1 });
    match data_type {
        DataType::Boolean => Some(Range { lo: 0, hi: 1 }),
        DataType::Int8 => signed(8),
        DataType::Int16 => signed(16),
        DataType::Int32 => signed(32),
        DataType::Date32 => Some(CALENDAR_DAYS),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            CALENDAR_DAYS.multiply(Range { lo: DAY_US, hi: DAY_US })
        }
        DataType::Int64 | DataType::Timestamp(..) => signed(64),
        DataType::UInt8 => Some(Range { lo: 0, hi: (1 << 8) - 1 }),
        DataType::UInt16 => Some(Range { lo: 0, hi: (1 << 16) - 1 }),
        DataType::UInt32 => Some(Range { lo: 0, hi: (1 << 32) - 1 }),
        DataType::UInt64 => Some(Range { lo: 0, hi: (1 << 64) - 1 }),
        DataType::Decimal128(precision, _) => {
            let hi = 10_i128.checked_pow(u32::from(*precision))?.checked_sub(1)?;
            Some(Range { lo: -hi, hi })
        }
        _ => None,
    }
}

/// Days that the engine's calendar has, or nearly all of them: beyond, moving a date by an interval is an error.
const CALENDAR_DAYS: Range = Range { lo: -96_000_000, hi: 95_000_000 };

/// Microseconds of a day.
const DAY_US: i128 = 86_400_000_000;

/// The value of a type that an integer stands for (integers, dates, booleans, timestamps in microseconds).
pub(crate) fn scalar(integer: i128, data_type: &DataType) -> Option<ScalarValue> {
    Some(match data_type {
        DataType::Boolean => ScalarValue::Boolean(Some(integer != 0)),
        DataType::Int8 => ScalarValue::Int8(Some(integer.try_into().ok()?)),
        DataType::Int16 => ScalarValue::Int16(Some(integer.try_into().ok()?)),
        DataType::Int32 => ScalarValue::Int32(Some(integer.try_into().ok()?)),
        DataType::Int64 => ScalarValue::Int64(Some(integer.try_into().ok()?)),
        DataType::UInt8 => ScalarValue::UInt8(Some(integer.try_into().ok()?)),
        DataType::UInt16 => ScalarValue::UInt16(Some(integer.try_into().ok()?)),
        DataType::UInt32 => ScalarValue::UInt32(Some(integer.try_into().ok()?)),
        DataType::UInt64 => ScalarValue::UInt64(Some(integer.try_into().ok()?)),
        DataType::Date32 => ScalarValue::Date32(Some(integer.try_into().ok()?)),
        DataType::Decimal128(precision, scale) => ScalarValue::Decimal128(Some(integer), *precision, *scale),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            ScalarValue::TimestampMicrosecond(Some(integer.try_into().ok()?), zone.clone())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            ScalarValue::TimestampNanosecond(Some(integer.try_into().ok()?), zone.clone())
        }
        _ => return None,
    })
}

/// Sorted values of both.
pub(crate) fn merge(left: &[ScalarValue], right: &[ScalarValue]) -> Vec<ScalarValue> {
    let mut all: Vec<ScalarValue> = left.iter().chain(right).cloned().collect();
    sort(&mut all);
    all
}

/// Sorts as SQL sorts, and keeps one of each.
pub(crate) fn sort(values: &mut Vec<ScalarValue>) {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values.dedup();
}

/// How a derived double is shared: a power of two fine enough for 1e-9 of its range.
pub(crate) fn derived_double(nullable: bool, data_type: DataType, lo: f64, hi: f64) -> Facts {
    if !(lo.is_finite() && hi.is_finite()) {
        return Facts::open(data_type, nullable);
    }
    let width = (hi - lo).max(lo.abs().max(hi.abs()) * 1e-3).max(1e-300);
    let scale = Scale::Step(power_of_two(width * 1e-9));
    let low = encode(&ScalarValue::Float64(Some(lo)), scale);
    let high = encode(&ScalarValue::Float64(Some(hi)), scale);
    match (low, high) {
        (Some(lo), Some(hi)) => Facts::number(data_type, nullable, scale, Range { lo: lo - 1, hi: hi + 1 }),
        _ => Facts::open(data_type, nullable),
    }
}
