//! The scalar functions that owners may run: each is total on its declared domain.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is refused"
)]

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, Operator};
use datafusion::scalar::ScalarValue;

use super::facts::{Facts, derived_double, is_float, is_text};
use super::failure;
use super::infer::{Scope, fitting, infer, show};
use super::scale::{decode, encode, type_scale};
use crate::Result;
use crate::function::factorial::{LN_FACTORIAL, logarithm};
use crate::function::fold::IN_FOLD;
use crate::function::row_digest::{MAX_BITS, ROW_DIGEST};
use crate::function::text_bytes::{PART_BYTES, TEXT_PART};
use crate::plan::{Range, Scale};

/// Functions from text to text that never fail.
const TEXT: [&str; 16] = [
    "upper",
    "lower",
    "trim",
    "btrim",
    "ltrim",
    "rtrim",
    "reverse",
    "initcap",
    "replace",
    "concat",
    "concat_ws",
    "substr",
    "substring",
    "left",
    "right",
    "hashed",
];

/// Functions from text to a length or position.
const LENGTHS: [&str; 6] =
    ["length", "char_length", "character_length", "octet_length", "bit_length", "strpos"];

/// A digest, of as many bits as the first argument says.
fn digest(expr: &Expr, function: &ScalarFunction, data_type: DataType) -> Result<Facts> {
    let bits = match function.args.first() {
        Some(Expr::Literal(ScalarValue::Int64(Some(bits)), _)) => u32::try_from(*bits).ok(),
        _ => None,
    };
    let bits = bits.filter(|bits| *bits <= MAX_BITS).ok_or_else(|| unknown(expr))?;
    let scale = type_scale(&data_type);
    Ok(Facts::number(data_type, false, scale, Range { lo: 1, hi: (1 << bits) - 1 }))
}

/// What is known of a function's value.
pub(crate) fn infer_function(expr: &Expr, function: &ScalarFunction, scope: &Scope) -> Result<Facts> {
    let name = function.name().to_ascii_lowercase();
    let arguments =
        function.args.iter().map(|argument| infer(argument, scope)).collect::<Result<Vec<_>>>()?;
    let data_type = scope.data_type(expr)?;
    let nullable = arguments.iter().any(|argument| argument.nullable);
    match name.as_str() {
        "coalesce" => coalesce(&arguments),
        "nonzero" => first(&arguments).map(nonzero),
        "nullif" => first(&arguments).map(|facts| facts.clone().with_null(true)),
        "greatest" | "least" => hull(&arguments, arguments.iter().all(|argument| argument.nullable)),
        "date_part" | "datepart" | "extract" => date_part(expr, &function.args, &arguments, data_type),
        "date_trunc" | "datetrunc" if !is_unit(function.args.first()) => Err(unknown(expr)),
        "date_trunc" | "datetrunc" => Ok(Facts { nullable, ..date_trunc(&arguments, data_type) }),
        "starts_with" | "ends_with" | "contains" | IN_FOLD => Ok(Facts::truth(nullable)),
        "substr" | "substring" if arguments.get(2).is_some_and(may_be_negative) => {
            Err(failure::bounds(show(expr)))
        }
        LN_FACTORIAL => ln_factorial(expr, first(&arguments)?, data_type),
        TEXT_PART => Ok(Facts::number(data_type, nullable, Scale::Unit, part_range())),
        ROW_DIGEST => digest(expr, function, data_type),
        _ if TEXT.contains(&name.as_str()) && is_text(&data_type) => {
            Ok(Facts::text(data_type, nullable, bytes_of(&name, &arguments)))
        }
        _ if LENGTHS.contains(&name.as_str()) => {
            Ok(Facts::number(data_type, nullable, Scale::Unit, Range { lo: 0, hi: i128::from(i32::MAX) }))
        }
        _ => match arguments.as_slice() {
            [] => Err(unknown(expr)),
            [x] if name == "sqrt" && function.args.iter().all(|x| never_negative(x, scope)) => {
                let (lo, hi) = x.interval().ok_or_else(|| failure::bounds(show(expr)))?;
                Ok(derived_double(nullable, data_type, lo.max(0.0).sqrt(), hi.max(0.0).sqrt()))
            }
            [x, rest @ ..] => numeric(expr, &name, x, rest, data_type),
        },
    }
}

/// Whether a number cannot be negative by its form, whatever its range says: steps of derived doubles leave room around 0.
fn never_negative(expr: &Expr, scope: &Scope) -> bool {
    if infer(expr, scope).is_ok_and(|facts| facts.range.is_some_and(|range| range.lo >= 0)) {
        return true;
    }
    let all = |values: &[Expr]| values.iter().all(|value| never_negative(value, scope));
    match expr {
        Expr::Alias(alias) => never_negative(&alias.expr, scope),
        Expr::Cast(cast) => never_negative(&cast.expr, scope),
        Expr::BinaryExpr(binary) => {
            let both = || never_negative(&binary.left, scope) && never_negative(&binary.right, scope);
            match binary.op {
                Operator::Multiply => binary.left == binary.right || both(),
                Operator::Plus | Operator::Divide => both(),
                Operator::Modulo => never_negative(&binary.left, scope),
                _ => false,
            }
        }
        Expr::Case(case) => {
            let mut results = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
            results.all(|result| {
                matches!(result.as_ref(), Expr::Literal(value, _) if value.is_null())
                    || never_negative(result, scope)
            })
        }
        Expr::ScalarFunction(function) => match (function.name(), function.args.as_slice()) {
            ("abs" | "exp" | "sqrt", _) => true,
            ("power" | "pow", [base, exponent]) => {
                let even = infer(exponent, scope).ok().and_then(|facts| facts.interval());
                never_negative(base, scope)
                    || even.is_some_and(|(lo, hi)| lo.to_bits() == hi.to_bits() && lo.rem_euclid(2.0) == 0.0)
            }
            ("coalesce" | "greatest" | "least", values) => all(values),
            ("nonzero" | "nullif" | "round" | "trunc" | "floor" | "ceil", [inner, ..]) => {
                never_negative(inner, scope)
            }
            _ => false,
        },
        _ => false,
    }
}

/// The integers that parts of texts are.
fn part_range() -> Range {
    Range { lo: 0, hi: (1 << (8 * PART_BYTES)) - 1 }
}

/// The most bytes of a text made of others.
fn bytes_of(name: &str, arguments: &[Facts]) -> Option<u32> {
    let first = arguments.first()?.bytes();
    match name {
        "trim" | "btrim" | "ltrim" | "rtrim" | "reverse" | "substr" | "substring" | "left" | "right" => first,
        // A character may become three, or one of more bytes.
        "upper" | "lower" | "initcap" => first?.checked_mul(3),
        "concat" => arguments.iter().try_fold(0_u32, |sum, argument| {
            if is_text(&argument.data_type) { sum.checked_add(argument.bytes()?) } else { None }
        }),
        _ => None,
    }
}

/// The logarithm of the factorial of a count, in steps of 2^-30.
fn ln_factorial(expr: &Expr, count: &Facts, data_type: DataType) -> Result<Facts> {
    let range = count.range.filter(|range| count.scale == Scale::Unit && range.lo >= 0);
    let range = range.ok_or_else(|| failure::bounds(show(expr)))?;
    let step = Scale::Step(2_f64.powi(-30));
    let steps = |end: i128| encode(&ScalarValue::Float64(Some(logarithm(decode(end, Scale::Unit)))), step);
    let ends = steps(range.lo).zip(steps(range.hi)).ok_or_else(|| failure::bounds(show(expr)))?;
    let range = Range { lo: (ends.0 - 1).min(0), hi: ends.1 + 1 };
    Ok(Facts::number(data_type, count.nullable, step, range))
}

/// A negative length is an error.
fn may_be_negative(facts: &Facts) -> bool {
    facts.range.is_none_or(|range| range.lo < 0)
}

pub(super) fn unknown(expr: &Expr) -> crate::Error {
    failure::not_built(format!("the function in {}", show(expr)))
}

fn first(arguments: &[Facts]) -> Result<&Facts> {
    arguments.first().ok_or_else(|| failure::internal("a function without arguments"))
}

fn hull(arguments: &[Facts], nullable: bool) -> Result<Facts> {
    let mut all = first(arguments)?.clone();
    for argument in arguments.iter().skip(1) {
        all = all.hull(argument)?;
    }
    Ok(all.with_null(nullable))
}

/// Only arguments up to the first that is never NULL matter.
fn coalesce(arguments: &[Facts]) -> Result<Facts> {
    let used =
        arguments.iter().position(|argument| !argument.nullable).map_or(arguments.len(), |last| last + 1);
    hull(arguments.get(..used).unwrap_or(arguments), arguments.iter().all(|argument| argument.nullable))
}

/// What is left without 0 (see [`nonzero`](crate::function::nonzero)).
fn nonzero(facts: &Facts) -> Facts {
    let Some(range) = facts.range else { return facts.clone().with_null(true) };
    if range.lo > 0 || range.hi < 0 {
        return facts.clone();
    }
    let lo = if range.lo == 0 { 1 } else { range.lo };
    let hi = if range.hi == 0 { -1 } else { range.hi };
    let range = if lo > hi { Range { lo: 0, hi: 0 } } else { Range { lo, hi } };
    Facts::number(facts.data_type.clone(), true, facts.scale, range)
}

fn date_part(expr: &Expr, arguments: &[Expr], facts: &[Facts], data_type: DataType) -> Result<Facts> {
    let Some(Expr::Literal(ScalarValue::Utf8(Some(part)) | ScalarValue::Utf8View(Some(part)), _)) =
        arguments.first()
    else {
        return Err(unknown(expr));
    };
    let nullable = facts.iter().any(|argument| argument.nullable);
    let (lo, hi) = match part.to_ascii_lowercase().as_str() {
        "year" => facts.get(1).and_then(years).unwrap_or((-300_000, 300_000)),
        "quarter" | "qtr" => (1, 4),
        "month" => (1, 12),
        "week" => (1, 53),
        "day" => (1, 31),
        "doy" => (1, 366),
        "dow" | "isodow" => (0, 7),
        "hour" => (0, 23),
        "minute" => (0, 59),
        "second" => (0, 60),
        _ => return Err(unknown(expr)),
    };
    let scale = if is_float(&data_type) { Scale::Step(1.0) } else { Scale::Unit };
    Ok(Facts::number(data_type, nullable, scale, Range { lo, hi }))
}

/// The first and last year of a range of dates or timestamps in microseconds.
fn years(facts: &Facts) -> Option<(i128, i128)> {
    let range = facts.range?;
    let day = match facts.data_type {
        DataType::Date32 => 1,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 86_400_000_000,
        _ => return None,
    };
    Some((year_of(range.lo.div_euclid(day)), year_of(range.hi.div_euclid(day))))
}

/// The year of the proleptic Gregorian calendar in which a day lies, counted from 1970-01-01. Years are taken to begin in
/// March, so that the leap day is their last, within periods of 400 years.
fn year_of(day: i128) -> i128 {
    let shifted = day + 719_468;
    let (period, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    period * 400 + year + i128::from(day_of_year >= 306)
}

/// Whether an argument is the name of a unit of time; a name that is none would be an error for every row.
fn is_unit(argument: Option<&Expr>) -> bool {
    const UNITS: [&str; 10] =
        ["year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond", "microsecond"];
    let Some(Expr::Literal(literal, _)) = argument else { return false };
    let text = literal.try_as_str().flatten().map(str::to_lowercase);
    text.is_some_and(|text| UNITS.contains(&text.as_str()))
}

fn date_trunc(arguments: &[Facts], data_type: DataType) -> Facts {
    // The beginning of a unit lies before the values in it, by a year at most.
    let year = match data_type {
        DataType::Date32 => 366,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 366 * 86_400_000_000,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => 366 * 86_400_000_000_000,
        _ => return Facts::open(data_type, true),
    };
    match arguments.get(1).and_then(|facts| facts.range) {
        Some(range) => {
            let range = Range { lo: range.lo.saturating_sub(year), hi: range.hi };
            Facts::number(data_type, true, Scale::Unit, range)
        }
        None => Facts::open(data_type, true),
    }
}

/// Functions of numbers.
fn numeric(expr: &Expr, name: &str, x: &Facts, rest: &[Facts], data_type: DataType) -> Result<Facts> {
    let nullable = x.nullable || rest.iter().any(|facts| facts.nullable);
    if !is_float(&data_type) {
        return exact(expr, name, x, rest, data_type);
    }
    let digits = rest.first().and_then(|facts| facts.range).filter(|range| range.lo == range.hi);
    let Some((lo, hi)) = x.interval() else {
        return match name {
            "sin" | "cos" | "tanh" => Ok(derived_double(nullable, data_type, -1.0, 1.0)),
            "atan" => Ok(derived_double(nullable, data_type, -1.6, 1.6)),
            "abs" | "round" | "trunc" | "floor" | "ceil" | "signum" => Ok(Facts::open(data_type, nullable)),
            _ => Err(failure::bounds(show(expr))),
        };
    };
    let (lo, hi) = match (name, digits) {
        ("abs", _) => {
            let most = x.range.and_then(|range| i128::try_from(range.magnitude()).ok());
            let least = x.range.map_or(0, |range| range.lo.max(-range.hi).max(0));
            let number = |hi| Facts::number(data_type.clone(), nullable, x.scale, Range { lo: least, hi });
            return Ok(most.map_or_else(|| Facts::open(data_type.clone(), nullable), number));
        }
        ("round" | "trunc" | "floor" | "ceil", None) => {
            let whole = |x: f64| match name {
                "round" => x.round(),
                "trunc" => x.trunc(),
                "floor" => x.floor(),
                _ => x.ceil(),
            };
            return Ok(steps(nullable, data_type, whole(lo), whole(hi), 1.0));
        }
        ("round" | "trunc", Some(places)) if (0..=15).contains(&places.lo) => {
            let step = 10_f64.powi(-i32::try_from(places.lo).unwrap_or(0));
            return Ok(steps(nullable, data_type, lo - step, hi + step, step));
        }
        ("power" | "pow", Some(power)) if power.lo >= 0 && rest.len() == 1 => {
            let power = decode(power.lo, rest.first().map_or(Scale::Unit, |facts| facts.scale));
            let whole = power.fract() == 0.0;
            let most = lo.abs().max(hi.abs()).powf(power);
            match (lo >= 0.0, whole) {
                (true, _) => (lo.powf(power), hi.powf(power)),
                (false, true) => (-most, most),
                (false, false) => return Err(failure::bounds(show(expr))),
            }
        }
        (_, None) => monotone(expr, name, lo, hi)?,
        _ => return Err(unknown(expr)),
    };
    Ok(derived_double(nullable, data_type, lo, hi))
}

/// Functions of one integer or decimal.
fn exact(expr: &Expr, name: &str, x: &Facts, rest: &[Facts], data_type: DataType) -> Result<Facts> {
    let range = x.range.filter(|_| rest.is_empty()).ok_or_else(|| unknown(expr))?;
    let most = i128::try_from(range.magnitude()).map_err(|_| failure::bounds(show(expr)))?;
    let whole = x.scale == Scale::Unit;
    let range = match name {
        "abs" => Range { lo: 0, hi: most },
        "round" | "trunc" | "floor" | "ceil" if whole => range,
        "signum" if whole => Range { lo: -1, hi: 1 },
        _ => return Err(unknown(expr)),
    };
    fitting(expr, Facts::number(data_type, x.nullable, x.scale, range))
}

/// The range of a function of one number that is monotone, or bounded everywhere.
fn monotone(expr: &Expr, name: &str, lo: f64, hi: f64) -> Result<(f64, f64)> {
    Ok(match name {
        "signum" | "sin" | "cos" | "tanh" => (-1.0, 1.0),
        "atan" => (-1.6, 1.6),
        "sqrt" if lo >= 0.0 => (lo.sqrt(), hi.sqrt()),
        "ln" if lo > 0.0 => (lo.ln(), hi.ln()),
        "log10" if lo > 0.0 => (lo.log10(), hi.log10()),
        "log2" if lo > 0.0 => (lo.log2(), hi.log2()),
        "exp" if hi < 700.0 => (lo.exp(), hi.exp()),
        "sqrt" | "ln" | "log10" | "log2" | "exp" => return Err(failure::bounds(show(expr))),
        _ => return Err(unknown(expr)),
    })
}

fn steps(nullable: bool, data_type: DataType, lo: f64, hi: f64, step: f64) -> Facts {
    let scale = Scale::Step(step);
    let encoded = |x| encode(&ScalarValue::Float64(Some(x)), scale);
    match (encoded(lo), encoded(hi)) {
        (Some(lo), Some(hi)) => Facts::number(data_type, nullable, scale, Range { lo, hi }),
        _ => Facts::open(data_type, nullable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_years() {
        let cases = [
            (0, 1970),
            (-1, 1969),
            (364, 1970),
            (365, 1971),
            (10_956, 1999),
            (10_957, 2000),
            (20_088, 2024),
            (20_089, 2025),
        ];
        for (day, year) in cases {
            assert_eq!(year_of(day), year, "{day}");
        }
    }
}
