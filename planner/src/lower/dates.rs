//! Dates and timestamps moved by constant intervals.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is not moved"
)]

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;

use super::facts::{Facts, type_range};
use crate::plan::{Range, Scale};

/// Nanoseconds of a day.
const DAY_NS: i128 = 86_400_000_000_000;

/// What is known of a date plus or minus a constant interval, and of differences of dates; `None` for anything else.
pub(crate) fn shifted(
    binary: &BinaryExpr,
    left: &Facts,
    right: &Facts,
    data_type: &DataType,
) -> Option<Facts> {
    let nullable = left.nullable || right.nullable;
    if left.data_type == DataType::Date32
        && right.data_type == DataType::Date32
        && binary.op == Operator::Minus
    {
        let range = left.range?.add(right.range?.negate()?)?;
        return Some(if data_type.is_integer() {
            Facts::number(data_type.clone(), nullable, Scale::Unit, range)
        } else {
            Facts::open(data_type.clone(), nullable)
        });
    }
    let unit_ns = match &left.data_type {
        DataType::Date32 => DAY_NS,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 1000,
        _ => return None,
    };
    let Expr::Literal(interval, _) = binary.right.as_ref() else { return None };
    let length = longest_ns(interval)?.checked_add(unit_ns)? / unit_ns;
    let result_ns = match data_type {
        DataType::Date32 => DAY_NS,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 1000,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => 1,
        _ => return None,
    };
    let range = left.range?.add(Range { lo: -length, hi: length })?;
    let factor = unit_ns / result_ns;
    let range = range.multiply(Range { lo: factor, hi: factor })?;
    type_range(data_type)?;
    Some(Facts::number(data_type.clone(), nullable, Scale::Unit, range))
}

/// The magnitude of an interval, months counted as 31 days.
fn longest_ns(interval: &ScalarValue) -> Option<i128> {
    let (months, days, ns) = match interval {
        ScalarValue::IntervalYearMonth(Some(months)) => (i128::from(*months), 0, 0),
        ScalarValue::IntervalDayTime(Some(time)) => {
            (0, i128::from(time.days), i128::from(time.milliseconds) * 1_000_000)
        }
        ScalarValue::IntervalMonthDayNano(Some(time)) => {
            (i128::from(time.months), i128::from(time.days), i128::from(time.nanoseconds))
        }
        _ => return None,
    };
    Some((months.abs() * 31 + days.abs()) * DAY_NS + ns.abs())
}
