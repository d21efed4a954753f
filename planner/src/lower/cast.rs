//! Casts that are proved safe by the domain of what is cast.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::logical_expr::Expr;

use super::facts::{Facts, derived_double, is_float, is_text, type_range};
use super::infer::{Scope, infer, show};
use super::scale::{rescale, type_scale, worth};
use crate::plan::{Range, Scale};
use crate::{Class, Error, Result};

/// Microseconds of a day.
const DAY_US: i128 = 86_400_000_000;

/// What is known of `CAST(inner AS to)`, or `TRY_CAST` where `try_cast`.
pub(crate) fn cast(expr: &Expr, inner: &Expr, to: &DataType, scope: &Scope, try_cast: bool) -> Result<Facts> {
    let from = infer(inner, scope)?;
    if from.data_type == *to || (is_text(&from.data_type) && is_text(to)) {
        return Ok(Facts { data_type: to.clone(), ..from });
    }
    if from.data_type == DataType::Null {
        return Ok(Facts { data_type: to.clone(), scale: type_scale(to), closed: Some(Vec::new()), ..from });
    }
    if is_text(to) {
        return Ok(Facts::open(to.clone(), from.nullable));
    }
    let facts = numeric(&from, to);
    let limit = type_range(to);
    match facts {
        Some(facts)
            if limit.is_none() || limit.zip(facts.range).is_some_and(|(limit, range)| limit.holds(range)) =>
        {
            Ok(facts)
        }
        _ if try_cast => Ok(match limit {
            Some(range) => Facts::number(to.clone(), true, type_scale(to), range),
            None => Facts::open(to.clone(), true),
        }),
        _ => Err(may_fail(expr, &from)),
    }
}

fn may_fail(expr: &Expr, from: &Facts) -> Error {
    Error {
        class: Class::Refused,
        message: format!(
            "{} may fail on values of type {}, and an error would tell about rows",
            show(expr),
            from.data_type
        ),
        hint: Some("use TRY_CAST, which gives NULL, or declare bounds that prove it safe".into()),
        position: None,
    }
}

/// Numbers, truth values and dates; `None` where nothing proves the cast safe.
fn numeric(from: &Facts, to: &DataType) -> Option<Facts> {
    let nullable = from.nullable;
    if is_float(to) {
        if is_float(&from.data_type) {
            return Some(Facts { data_type: to.clone(), ..from.clone() });
        }
        let number = from.data_type.is_integer()
            || matches!(from.data_type, DataType::Boolean | DataType::Decimal128(..));
        return number.then(|| Facts {
            data_type: to.clone(),
            scale: Scale::Step(worth(from.scale)),
            closed: None,
            ..from.clone()
        });
    }
    let range = from.range?;
    let scale = type_scale(to);
    let exact = |range| Some(Facts::number(to.clone(), nullable, scale, range));
    match (&from.data_type, to) {
        (DataType::Date32, DataType::Timestamp(unit, None)) => {
            let factor = match unit {
                TimeUnit::Second => DAY_US / 1_000_000,
                TimeUnit::Millisecond => DAY_US / 1000,
                TimeUnit::Microsecond => DAY_US,
                TimeUnit::Nanosecond => DAY_US * 1000,
            };
            exact(range.multiply(Range { lo: factor, hi: factor })?)
        }
        (DataType::Timestamp(TimeUnit::Microsecond, None), DataType::Date32) => {
            exact(Range { lo: range.lo.div_euclid(DAY_US), hi: range.hi.div_euclid(DAY_US) })
        }
        (DataType::Timestamp(TimeUnit::Microsecond, _), DataType::Timestamp(TimeUnit::Nanosecond, _)) => {
            exact(range.multiply(Range { lo: 1000, hi: 1000 })?)
        }
        (source, target) if is_float(source) && (target.is_integer() || scale != Scale::Unit) => {
            let (lo, hi) = from.interval()?;
            let wide = derived_double(nullable, DataType::Float64, lo / worth(scale), hi / worth(scale));
            let (lo, hi) = wide.interval()?;
            exact(Range { lo: whole(lo.floor())?, hi: whole(hi.ceil())? })
        }
        (source, target)
            if (source.is_integer() || matches!(source, DataType::Boolean | DataType::Decimal128(..)))
                && (target.is_integer() || matches!(target, DataType::Decimal128(..))) =>
        {
            match rescale(range, from.scale, scale) {
                Some(range) => exact(range),
                None => shorter(range, from.scale, scale).and_then(exact),
            }
        }
        (DataType::Date32, DataType::Int32) | (DataType::Int32, DataType::Date32) => exact(range),
        _ => None,
    }
}

/// Fewer decimal digits: rounded one way or the other.
fn shorter(range: Range, from: Scale, to: Scale) -> Option<Range> {
    let digits = |scale| match scale {
        Scale::Decimal(digits) => i32::from(digits),
        Scale::Unit | Scale::Step(_) => 0,
    };
    let divisor = 10_i128.checked_pow(u32::try_from(digits(from) - digits(to)).ok()?)?;
    Some(Range { lo: range.lo.div_euclid(divisor), hi: range.hi.div_euclid(divisor) + 1 })
}

#[expect(clippy::cast_possible_truncation, reason = "checked against 2^120 first")]
fn whole(x: f64) -> Option<i128> {
    (x.abs() < 2_f64.powi(120)).then_some(x as i128)
}
