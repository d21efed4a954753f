//! How integers stand for values, and how one scale becomes another.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is not encoded"
)]

use datafusion::arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;

use crate::plan::{Range, Scale};

/// How integers stand for values of a type, doubles aside.
pub(crate) fn type_scale(data_type: &DataType) -> Scale {
    match data_type {
        DataType::Decimal128(_, scale) => Scale::Decimal(*scale),
        _ => Scale::Unit,
    }
}

/// What one integer is worth.
pub(crate) fn worth(scale: Scale) -> f64 {
    match scale {
        Scale::Unit => 1.0,
        Scale::Decimal(digits) => 10_f64.powi(-i32::from(digits)),
        Scale::Step(step) => step,
    }
}

/// The value that an integer stands for, as a double.
#[expect(clippy::cast_precision_loss, reason = "a double is asked for")]
pub(crate) fn decode(integer: i128, scale: Scale) -> f64 {
    match scale {
        Scale::Decimal(digits) if (0..=30).contains(&digits) => {
            integer as f64 / 10_f64.powi(i32::from(digits))
        }
        _ => integer as f64 * worth(scale),
    }
}

/// The integer that stands for a value; `None` for NULL, text and values that are no whole number of steps' range.
#[expect(clippy::cast_possible_truncation, reason = "checked against 2^120 first")]
pub(crate) fn encode(value: &ScalarValue, scale: Scale) -> Option<i128> {
    let double = |x: f64| {
        let steps = (x / worth(scale)).round_ties_even();
        (steps.is_finite() && steps.abs() < 2_f64.powi(120)).then_some(steps as i128)
    };
    match value {
        ScalarValue::Boolean(x) => x.map(i128::from),
        ScalarValue::Int8(x) => x.map(i128::from),
        ScalarValue::Int16(x) => x.map(i128::from),
        ScalarValue::Int32(x) | ScalarValue::Date32(x) => x.map(i128::from),
        ScalarValue::Int64(x)
        | ScalarValue::TimestampMicrosecond(x, _)
        | ScalarValue::TimestampNanosecond(x, _)
        | ScalarValue::TimestampMillisecond(x, _)
        | ScalarValue::TimestampSecond(x, _) => x.map(i128::from),
        ScalarValue::UInt8(x) => x.map(i128::from),
        ScalarValue::UInt16(x) => x.map(i128::from),
        ScalarValue::UInt32(x) => x.map(i128::from),
        ScalarValue::UInt64(x) => x.map(i128::from),
        ScalarValue::Decimal128(x, _, digits) => {
            let (Some(x), Scale::Decimal(wanted)) = (*x, scale) else {
                return x.and_then(|x| double(decode(x, Scale::Decimal(*digits))));
            };
            match u32::try_from(wanted - digits) {
                Ok(up) => x.checked_mul(10_i128.checked_pow(up)?),
                Err(_) => None,
            }
        }
        ScalarValue::Float32(x) => x.and_then(|x| double(f64::from(x))),
        ScalarValue::Float64(x) => x.and_then(double),
        _ => None,
    }
}

/// A scale in which both can be written: exactly if one step is a multiple of the other, else with an error that is
/// a 2^-30th of the smaller step.
pub(crate) fn common_scale(left: Scale, right: Scale) -> Scale {
    match (left, right) {
        (Scale::Unit, Scale::Unit) => Scale::Unit,
        (Scale::Decimal(a), Scale::Decimal(b)) => Scale::Decimal(a.max(b)),
        (Scale::Decimal(a), Scale::Unit) | (Scale::Unit, Scale::Decimal(a)) => Scale::Decimal(a.max(0)),
        _ => {
            let (a, b) = (worth(left), worth(right));
            let (fine, coarse) = if a <= b { (a, b) } else { (b, a) };
            if multiple(coarse, fine).is_some() {
                return Scale::Step(fine);
            }
            Scale::Step(power_of_two(fine) / 2_f64.powi(30))
        }
    }
}

/// From here on, factors between steps are rounded.
const WHOLE_FACTORS: i128 = 1 << 29;

/// `coarse / fine` if it is a whole number (as exactly as doubles tell).
#[expect(clippy::cast_possible_truncation, reason = "checked to be below 2^90")]
pub(crate) fn multiple(coarse: f64, fine: f64) -> Option<i128> {
    let ratio = coarse / fine;
    let whole = ratio.round();
    let close = (ratio - whole).abs() <= whole.abs() * 1e-12 || whole >= 2_f64.powi(29);
    (close && whole >= 1.0 && whole < 2_f64.powi(90)).then_some(whole as i128)
}

/// The same values in a finer scale: of steps that are no whole multiples of each other, outward-rounded, so that values
/// encoded in the finer scale and integers multiplied by [`factor`] both lie in it. No sign is added.
pub(crate) fn rescale(range: Range, from: Scale, to: Scale) -> Option<Range> {
    let factor = factor(from, to)?;
    let grown = range.multiply(Range { lo: factor, hi: factor })?;
    if !matches!((from, to), (Scale::Step(_), _) | (_, Scale::Step(_))) {
        return Some(grown);
    }
    let encoded = |integer| encode(&ScalarValue::Float64(Some(decode(integer, from))), to);
    let around = Range { lo: encoded(range.lo)?, hi: encoded(range.hi)? };
    if factor < WHOLE_FACTORS && around == grown {
        return Some(grown);
    }
    let slack = |integer: i128, by: i128| if integer == 0 { 0 } else { integer.saturating_add(by) };
    Some(Range { lo: slack(grown.lo.min(around.lo), -1), hi: slack(grown.hi.max(around.hi), 1) })
}

/// By how much integers grow from one scale to a finer one.
pub(crate) fn factor(from: Scale, to: Scale) -> Option<i128> {
    match (from, to) {
        (Scale::Unit, Scale::Unit) => Some(1),
        (Scale::Unit, Scale::Decimal(b)) => 10_i128.checked_pow(u32::try_from(b).ok()?),
        (Scale::Decimal(a), Scale::Decimal(b)) => 10_i128.checked_pow(u32::try_from(b.checked_sub(a)?).ok()?),
        _ => multiple(worth(from), worth(to)),
    }
}

/// The largest power of two that is not greater than `x` (x > 0).
pub(crate) fn power_of_two(x: f64) -> f64 {
    let power = 2_f64.powi(exponent(x));
    if power > x { power / 2.0 } else { power }
}

#[expect(clippy::cast_possible_truncation, reason = "exponents of doubles are small")]
fn exponent(x: f64) -> i32 {
    x.log2().floor() as i32
}

/// A step of which a literal is a whole number: as few decimal digits as it is written with, else a power of two.
pub(crate) fn literal_scale(x: f64) -> Scale {
    if x == 0.0 || !x.is_finite() {
        return Scale::Step(1.0);
    }
    for digits in 0..=12 {
        let power = 10_f64.powi(digits);
        let whole = (x * power).round();
        if whole.abs() < 2_f64.powi(53) && (whole / power).to_bits() == x.to_bits() {
            return Scale::Step(1.0 / power);
        }
    }
    Scale::Step(power_of_two(x.abs()) / 2_f64.powi(52))
}
