//! Integers as Arrow values.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, ArrowPrimitiveType, BooleanArray, Decimal128Array, PrimitiveArray};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimeUnit, TimestampMicrosecondType, TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use planner::plan::Scale;

use crate::{Error, Result};

/// The values of a released column; NULL where not known.
///
/// Integers, decimals, dates and timestamps are exact. A DOUBLE is the one nearest to the decimal, or integer times step.
///
/// # Errors
/// Class internal if a number does not fit the type that the plan declares, or no number has that type.
#[expect(clippy::wildcard_enum_match_arm, reason = "the planner gives out no other types")]
pub(super) fn array(field: &Field, scale: Scale, numbers: &[i128], known: &[bool]) -> Result<ArrayRef> {
    let cells: Vec<Option<i128>> =
        numbers.iter().zip(known).map(|(&number, &known)| known.then_some(number)).collect();
    match field.data_type() {
        DataType::Boolean => {
            let bits = whole(&cells, scale, 0)?.into_iter().map(|cell| cell.map(|number| number != 0));
            Ok(Arc::new(bits.collect::<BooleanArray>()))
        }
        DataType::Int8 => integers::<Int8Type>(&cells, scale),
        DataType::Int16 => integers::<Int16Type>(&cells, scale),
        DataType::Int32 => integers::<Int32Type>(&cells, scale),
        DataType::Int64 => integers::<Int64Type>(&cells, scale),
        DataType::UInt8 => integers::<UInt8Type>(&cells, scale),
        DataType::UInt16 => integers::<UInt16Type>(&cells, scale),
        DataType::UInt32 => integers::<UInt32Type>(&cells, scale),
        DataType::UInt64 => integers::<UInt64Type>(&cells, scale),
        DataType::Date32 => integers::<Date32Type>(&cells, scale),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let values = fitting::<TimestampMicrosecondType>(&cells, scale)?;
            Ok(Arc::new(values.with_timezone_opt(zone.clone())))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            let values = fitting::<TimestampNanosecondType>(&cells, scale)?;
            Ok(Arc::new(values.with_timezone_opt(zone.clone())))
        }
        DataType::Decimal128(precision, places) => {
            let values = Decimal128Array::from(whole(&cells, scale, *places)?);
            let values =
                values.with_precision_and_scale(*precision, *places).map_err(|_| does_not_fit(field))?;
            values.validate_decimal_precision(*precision).map_err(|_| does_not_fit(field))?;
            Ok(Arc::new(values))
        }
        DataType::Float64 => {
            let values = cells.iter().map(|cell| cell.map(|number| double(number, scale)));
            Ok(Arc::new(values.collect::<PrimitiveArray<Float64Type>>()))
        }
        DataType::Float32 => {
            #[expect(clippy::cast_possible_truncation, reason = "REAL is what the query asks for")]
            let values = cells.iter().map(|cell| cell.map(|number| double(number, scale) as f32));
            Ok(Arc::new(values.collect::<PrimitiveArray<Float32Type>>()))
        }
        other => Err(Error::internal("reveal", format!("a released column cannot have the type {other}"))),
    }
}

fn does_not_fit(field: &Field) -> Error {
    Error::internal("reveal", format!("a number does not fit the type of column `{}`", field.name()))
}

/// The mantissas of exact numbers with `places` decimals.
fn whole(cells: &[Option<i128>], scale: Scale, places: i8) -> Result<Vec<Option<i128>>> {
    let inexact = || Error::internal("reveal", "a released number is not exact in its type");
    let own = match scale {
        Scale::Unit => 0,
        Scale::Decimal(own) => own,
        Scale::Step(_) => return Err(inexact()),
    };
    let shift = i32::from(places) - i32::from(own);
    let power = 10i128.checked_pow(shift.unsigned_abs()).ok_or_else(inexact)?;
    let convert = |cell: &Option<i128>| match cell {
        None => Ok(None),
        Some(number) if shift >= 0 => number.checked_mul(power).map(Some).ok_or_else(inexact),
        Some(number) if number % power == 0 => Ok(Some(number / power)),
        Some(_) => Err(inexact()),
    };
    cells.iter().map(convert).collect()
}

fn fitting<T: ArrowPrimitiveType>(cells: &[Option<i128>], scale: Scale) -> Result<PrimitiveArray<T>>
where
    T::Native: TryFrom<i128>,
{
    let fits = |cell: Option<i128>| {
        cell.map(T::Native::try_from).transpose().map_err(|_| {
            Error::internal("reveal", format!("a number does not fit the type {}", T::DATA_TYPE))
        })
    };
    whole(cells, scale, 0)?.into_iter().map(fits).collect()
}

fn integers<T: ArrowPrimitiveType>(cells: &[Option<i128>], scale: Scale) -> Result<ArrayRef>
where
    T::Native: TryFrom<i128>,
{
    Ok(Arc::new(fitting::<T>(cells, scale)?))
}

/// The double that an integer stands for.
fn double(number: i128, scale: Scale) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "rounds to the nearest double, as intended")]
    let plain = number as f64;
    match scale {
        Scale::Unit => plain,
        // 24 steps of 0.1 are 2.4 and not 2.4000000000000004.
        Scale::Step(step) if whole_per_one(step) => plain / step.recip().round(),
        Scale::Step(step) => plain * step,
        // Parsing rounds once, where a division of two doubles would round up to three times.
        Scale::Decimal(places) => format!("{number}e{}", -i32::from(places)).parse().unwrap_or(plain),
    }
}

/// Whether a step is the double that stands for one over a whole number: 0.1, 0.25.
#[expect(clippy::float_cmp, reason = "asks whether the step is exactly the written fraction")]
fn whole_per_one(step: f64) -> bool {
    let per_one = step.recip().round();
    per_one >= 1.0 && per_one.recip() == step
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::Decimal128Type;

    use super::*;

    fn decoded(data_type: DataType, scale: Scale, numbers: &[i128]) -> Result<ArrayRef> {
        array(&Field::new("x", data_type, true), scale, numbers, &vec![true; numbers.len()])
    }

    #[test]
    fn exact_types_are_exact() {
        let big = i128::from(i64::MAX);
        let integers = decoded(DataType::Int64, Scale::Unit, &[big, -big - 1]).unwrap();
        assert_eq!(integers.as_primitive::<Int64Type>().values(), &[i64::MAX, i64::MIN]);
        assert!(decoded(DataType::Int64, Scale::Unit, &[big + 1]).is_err());
        assert!(decoded(DataType::Int64, Scale::Decimal(1), &[15]).is_err());
        let decimals = decoded(DataType::Decimal128(10, 4), Scale::Decimal(2), &[12_345]).unwrap();
        assert_eq!(decimals.as_primitive::<Decimal128Type>().value(0), 1_234_500);
        assert!(decoded(DataType::Decimal128(3, 0), Scale::Unit, &[1000]).is_err());
        let dates = decoded(DataType::Date32, Scale::Unit, &[-1]).unwrap();
        assert_eq!(dates.as_primitive::<Date32Type>().value(0), -1);
    }

    #[test]
    fn doubles_are_the_nearest() {
        let value = |scale, number| {
            decoded(DataType::Float64, scale, &[number]).unwrap().as_primitive::<Float64Type>().value(0)
        };
        assert_eq!(value(Scale::Decimal(2), 12_345).to_bits(), 123.45f64.to_bits());
        assert_eq!(value(Scale::Decimal(-3), 5).to_bits(), 5000f64.to_bits());
        assert_eq!(value(Scale::Step(0.1), 24).to_bits(), 2.4f64.to_bits());
        assert_eq!(value(Scale::Step(5.0), 3).to_bits(), 15f64.to_bits());
        assert_eq!(value(Scale::Step(0.25), -3).to_bits(), (-0.75f64).to_bits());
        assert_eq!(value(Scale::Unit, 1 << 60).to_bits(), 2f64.powi(60).to_bits());
    }

    #[test]
    fn what_is_not_known_is_null() {
        let field = Field::new("x", DataType::Int64, true);
        let array = array(&field, Scale::Unit, &[1, 0], &[true, false]).unwrap();
        assert_eq!(array.null_count(), 1);
    }
}
