//! Whether the step of a double tells its smallest values from 0.
//!
//! A derived double is shared in steps of a billionth of its range (see [`derived_double`](super::facts::derived_double)),
//! which is coarse where few values come near the end of the range: of `POWER(days, 14)` all but the largest would be 0. So
//! where the smallest value that is not 0 is known, sums take a step that is fine enough for it, in `Z_2^128` if need be,
//! and what has no such step is refused. Nothing is known of the smallest value of a logarithm, a sine or a quotient: there
//! the step stays a billionth of the range.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; of the rest nothing is known"
)]

use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;

use super::facts::{Facts, is_float};
use super::failure;
use super::infer::{Scope, infer, show};
use super::scale::{common_scale, encode, power_of_two, worth};
use crate::Result;
use crate::plan::{Range, Scale};

/// The relative error of the smallest value.
const RELATIVE: f64 = 1.0 / (1 << 24) as f64;

/// Facts in which the smallest value is told from 0; the same ones where they tell, or where nothing is known of it.
/// `fits`: whether a range of integers can be computed with.
///
/// # Errors
/// Refused where no step will do.
pub(super) fn resolved(
    exprs: &[Expr],
    scopes: &[Scope],
    facts: &Facts,
    fits: impl Fn(Range) -> bool,
) -> Result<Facts> {
    let Some(step) = needed(exprs, scopes, facts)? else { return Ok(facts.clone()) };
    let shown = || show(exprs.first().unwrap_or(&Expr::Literal(ScalarValue::Null, None)));
    let end = |x: f64| encode(&ScalarValue::Float64(Some(x)), Scale::Step(step));
    let range = facts.interval().and_then(|(lo, hi)| Some(Range { lo: end(lo)? - 1, hi: end(hi)? + 1 }));
    match range.filter(|range| fits(*range)) {
        Some(range) => {
            let scale = Scale::Step(step);
            Ok(Facts { scale, ..Facts::number(facts.data_type.clone(), facts.nullable, scale, range) })
        }
        None => Err(failure::resolution(shown())),
    }
}

/// Refuses values of too different sizes where there is no choice of steps, as in models.
///
/// # Errors
/// Refused where even 60 bits would not tell the smallest value from 0.
pub(super) fn check(exprs: &[Expr], scopes: &[Scope], facts: &Facts) -> Result<()> {
    resolved(exprs, scopes, facts, |range| range.bits() <= 60).map(|_| ())
}

/// The step that the smallest value needs, if it is finer than that of the facts.
fn needed(exprs: &[Expr], scopes: &[Scope], facts: &Facts) -> Result<Option<f64>> {
    let (Some(_), Scale::Step(own)) = (facts.range, facts.scale) else { return Ok(None) };
    if !is_float(&facts.data_type) {
        return Ok(None);
    }
    let mut finest: Option<f64> = None;
    for (expr, scope) in exprs.iter().zip(scopes) {
        let Grain { step, least } = grain(expr, scope)?;
        let relative = least.map(|least| power_of_two((least * RELATIVE).max(f64::MIN_POSITIVE)));
        // Whole steps are exact; a relative error is enough.
        let Some(needed) = step.into_iter().chain(relative).reduce(f64::max) else { continue };
        finest = Some(finest.map_or(needed, |finest| finest.min(needed)));
    }
    Ok(finest.filter(|finest| *finest < own && *finest > 0.0))
}

/// What is known of the values of a double near 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Grain {
    /// All values are whole multiples of this.
    step: Option<f64>,
    /// No value but 0 is smaller than this.
    least: Option<f64>,
}

impl Grain {
    fn both(self, other: Grain, with: impl Fn(f64, f64) -> f64) -> Grain {
        let both = |a: Option<f64>, b: Option<f64>| Some(with(a?, b?));
        Grain { step: both(self.step, other.step), least: both(self.least, other.least) }
    }

    fn mapped(self, with: impl Fn(f64) -> f64) -> Grain {
        Grain { step: self.step.map(&with), least: self.least.map(with) }
    }
}

fn grain(expr: &Expr, scope: &Scope) -> Result<Grain> {
    if !is_float(&scope.data_type(expr)?) {
        return Ok(infer(expr, scope).map(|facts| of_steps(&facts)).unwrap_or_default());
    }
    match expr {
        Expr::Column(_) | Expr::Literal(..) => Ok(of_steps(&infer(expr, scope)?)),
        Expr::Alias(alias) => grain(&alias.expr, scope),
        Expr::Negative(inner) => grain(inner, scope),
        Expr::Cast(cast) => grain(&cast.expr, scope),
        Expr::Case(case) => {
            let results = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
            of_any(results.map(AsRef::as_ref), scope)
        }
        Expr::BinaryExpr(binary) => of_two(binary, scope),
        Expr::ScalarFunction(function) => of_function(function, scope),
        _ => Ok(Grain::default()),
    }
}

/// Of any of these values.
fn of_any<'e>(values: impl Iterator<Item = &'e Expr>, scope: &Scope) -> Result<Grain> {
    let mut all: Option<Grain> = None;
    for value in values {
        // Neither is a value near 0, and 0 is a whole number of any step.
        let nothing = |value: &ScalarValue| {
            value.is_null() || ScalarValue::new_zero(&value.data_type()).is_ok_and(|zero| zero == *value)
        };
        if matches!(value, Expr::Literal(value, _) if nothing(value)) {
            continue;
        }
        let next = grain(value, scope)?;
        all = Some(
            all.map_or(next, |all| Grain { step: common(all.step, next.step), ..all.both(next, f64::min) }),
        );
    }
    Ok(all.unwrap_or_default())
}

/// A step of which both are whole numbers.
fn common(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(worth(common_scale(Scale::Step(a?), Scale::Step(b?))))
}

/// Of whole steps.
fn of_steps(facts: &Facts) -> Grain {
    let step = worth(facts.scale);
    let least = match facts.interval() {
        Some((lo, _)) if lo > 0.0 => lo,
        Some((_, hi)) if hi < 0.0 => -hi,
        _ => step,
    };
    Grain { step: Some(step), least: Some(least) }
}

fn of_two(binary: &BinaryExpr, scope: &Scope) -> Result<Grain> {
    let (left, right) = (grain(&binary.left, scope)?, grain(&binary.right, scope)?);
    Ok(match binary.op {
        Operator::Multiply => left.both(right, |a, b| a * b),
        Operator::Plus | Operator::Minus => {
            let step = common(left.step, right.step);
            Grain { step, least: step }
        }
        Operator::Divide => match infer(&binary.right, scope)?.interval() {
            Some((lo, hi)) if lo.to_bits() == hi.to_bits() && lo != 0.0 => left.mapped(|x| x / lo.abs()),
            _ => Grain::default(),
        },
        _ => Grain::default(),
    })
}

fn of_function(function: &ScalarFunction, scope: &Scope) -> Result<Grain> {
    match (function.name(), function.args.as_slice()) {
        ("abs" | "nullif" | "nonzero", [inner, ..]) => grain(inner, scope),
        ("coalesce" | "greatest" | "least", values) => of_any(values.iter(), scope),
        ("power" | "pow", [base, exponent]) => {
            let base = grain(base, scope)?;
            Ok(match infer(exponent, scope)?.interval() {
                Some((lo, hi)) if lo.to_bits() == hi.to_bits() && lo >= 0.0 => {
                    let power = base.mapped(|x| x.powf(lo));
                    Grain { step: power.step.filter(|_| lo.fract() == 0.0), ..power }
                }
                _ => Grain::default(),
            })
        }
        ("exp", [inner]) => {
            let least = infer(inner, scope)?.interval().map(|(lo, _)| lo.exp());
            Ok(Grain { step: None, least })
        }
        _ => Ok(Grain::default()),
    }
}
