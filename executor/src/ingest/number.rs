//! Values as integers.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use planner::plan::Scale;

use crate::{Error, Result};

/// What an owner's value becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Integer {
    /// The value is NULL.
    Null,
    /// The integer that stands for it.
    Is(i128),
    /// No integer stands for it: not a number, not a multiple of the decimal scale, not in the dictionary.
    None,
}

/// The integers that stand for the values of an array.
///
/// Integers, decimals, dates and timestamps are exact; steps are rounded half to even.
///
/// # Errors
/// Class internal for types that the planner never shares.
#[expect(clippy::wildcard_enum_match_arm, reason = "the planner shares no other types")]
pub(super) fn integers(array: &dyn Array, scale: Scale) -> Result<Vec<Integer>> {
    let values = match array.data_type() {
        DataType::Boolean => {
            let bits = array.as_boolean().iter();
            return Ok(bits
                .map(|bit| bit.map_or(Integer::Null, |bit| exact(i128::from(bit), 0, scale)))
                .collect());
        }
        DataType::Int8 => whole::<Int8Type>(array, 0, scale),
        DataType::Int16 => whole::<Int16Type>(array, 0, scale),
        DataType::Int32 => whole::<Int32Type>(array, 0, scale),
        DataType::Int64 => whole::<Int64Type>(array, 0, scale),
        DataType::UInt8 => whole::<UInt8Type>(array, 0, scale),
        DataType::UInt16 => whole::<UInt16Type>(array, 0, scale),
        DataType::UInt32 => whole::<UInt32Type>(array, 0, scale),
        DataType::UInt64 => whole::<UInt64Type>(array, 0, scale),
        DataType::Date32 => whole::<Date32Type>(array, 0, scale),
        DataType::Timestamp(TimeUnit::Microsecond, _) => whole::<TimestampMicrosecondType>(array, 0, scale),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => whole::<TimestampNanosecondType>(array, 0, scale),
        DataType::Decimal128(_, places) => whole::<Decimal128Type>(array, *places, scale),
        DataType::Decimal256(_, places) => {
            let places = *places;
            each::<Decimal256Type>(array, |v| v.to_i128().map_or(Integer::None, |v| exact(v, places, scale)))
        }
        DataType::Float32 => each::<Float32Type>(array, |v| rounded(f64::from(v), scale)),
        DataType::Float64 => each::<Float64Type>(array, |v| rounded(v, scale)),
        other => return Err(Error::internal("ingest", format!("values of type {other} cannot be shared"))),
    };
    Ok(values)
}

fn each<T: ArrowPrimitiveType>(array: &dyn Array, f: impl Fn(T::Native) -> Integer) -> Vec<Integer> {
    array.as_primitive::<T>().iter().map(|value| value.map_or(Integer::Null, &f)).collect()
}

fn whole<T: ArrowPrimitiveType>(array: &dyn Array, places: i8, scale: Scale) -> Vec<Integer>
where
    i128: From<T::Native>,
{
    each::<T>(array, |value| exact(i128::from(value), places, scale))
}

/// The integer of `mantissa` times 10 to the minus `places`.
fn exact(mantissa: i128, places: i8, scale: Scale) -> Integer {
    let wanted = match scale {
        Scale::Unit => 0,
        Scale::Decimal(wanted) => wanted,
        #[expect(clippy::cast_precision_loss, reason = "steps are rounded anyway")]
        Scale::Step(_) => return rounded(mantissa as f64 / 10f64.powi(i32::from(places)), scale),
    };
    let shift = i32::from(wanted) - i32::from(places);
    let Some(power) = 10i128.checked_pow(shift.unsigned_abs()) else { return Integer::None };
    let integer = if shift >= 0 {
        mantissa.checked_mul(power)
    } else {
        (mantissa % power == 0).then_some(mantissa / power)
    };
    integer.map_or(Integer::None, Integer::Is)
}

/// The integer nearest to `value / step`, half to even; without a step only whole numbers have one.
fn rounded(value: f64, scale: Scale) -> Integer {
    /// Doubles beyond this are no measured values, and stay clear of the limits of `i128`.
    const LIMIT: f64 = 1e36;
    let scaled = match scale {
        Scale::Step(step) => (value / step).round_ties_even(),
        Scale::Unit => value,
        Scale::Decimal(places) => value * 10f64.powi(i32::from(places)),
    };
    if scaled.abs() < LIMIT && scaled.fract() == 0.0 {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within the limit")]
        Integer::Is(scaled as i128)
    } else {
        Integer::None
    }
}

/// The array in a form in which equal values have equal bits: dictionaries unpacked, negative zero as zero.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other types are canonical")]
pub(super) fn canonical(array: &ArrayRef) -> Result<ArrayRef> {
    let array = match array.data_type() {
        DataType::Dictionary(_, values) => cast(array, values)
            .map_err(|_| Error::internal("ingest", "a dictionary column cannot be unpacked"))?,
        _ => ArrayRef::clone(array),
    };
    Ok(match array.data_type() {
        DataType::Float32 => {
            Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float32Type>(|v| v + 0.0))
        }
        DataType::Float64 => {
            Arc::new(array.as_primitive::<Float64Type>().unary::<_, Float64Type>(|v| v + 0.0))
        }
        _ => array,
    })
}
