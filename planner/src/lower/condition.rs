//! Conditions in arguments, however they are written: rows in which they are neutral are behind no number, and enough
//! persons must be behind each outcome that is not (see [`outcome`](super::outcome)).
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest may be a condition"
)]

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::facts::is_float;
use super::guard::parts as guard_parts;
use super::infer::{Scope, infer};
use super::outcome::outcomes;
use super::scale::type_scale;
use crate::Result;
use crate::function::row_digest::ROW_DIGEST;
use crate::plan::Scale;

/// Whether rows may be neutral in an argument by more than plain arithmetic: all but columns, literals, casts that
/// round nothing, signs, sums, differences, products that are never 0 or have a literal factor, and quotients of doubles by
/// a literal.
pub(crate) fn has_condition(expr: &Expr, scope: &Scope) -> Result<bool> {
    let number = |expr: &Expr| Ok::<bool, crate::Error>(scope.data_type(expr)?.is_numeric());
    Ok(match expr {
        // What is no column of a table (whether a row was met) stands in conditions only.
        Expr::Column(column) => scope.column(column).is_ok_and(|facts| facts.conditional),
        Expr::Literal(..) => false,
        Expr::Alias(alias) => has_condition(&alias.expr, scope)?,
        Expr::Negative(inner) => has_condition(inner, scope)?,
        Expr::Cast(inner) => {
            let (from, to) = (scope.data_type(&inner.expr)?, inner.field.data_type());
            !keeps(&from, to) || has_condition(&inner.expr, scope)?
        }
        Expr::TryCast(inner) => {
            let (from, to) = (scope.data_type(&inner.expr)?, inner.field.data_type());
            !keeps(&from, to) || has_condition(&inner.expr, scope)?
        }
        Expr::BinaryExpr(binary) => {
            let plain = match binary.op {
                Operator::Plus | Operator::Minus => number(expr)?,
                Operator::Multiply => number(expr)? && never_neutral(expr, binary, scope),
                Operator::Divide => is_float(&scope.data_type(expr)?) && is_literal(&binary.right),
                _ => false,
            };
            !plain || has_condition(&binary.left, scope)? || has_condition(&binary.right, scope)?
        }
        Expr::ScalarFunction(function) if function.name() == ROW_DIGEST => function
            .args
            .iter()
            .map(|part| has_condition(part, scope))
            .collect::<Result<Vec<_>>>()?
            .contains(&true),
        Expr::ScalarFunction(function) => {
            // How a divisor is written so that 0 is NULL.
            let divisor = function.name() == "nonzero";
            !divisor || !function.args.iter().all(is_literal)
        }
        // A column of the optional side of an outer join is no condition.
        other => match guard_parts(other) {
            Some((_, column)) => has_condition(column, scope)?,
            None => true,
        },
    })
}

/// Whether one factor of a product is a literal, or the product is never 0: `x * (x - 1)` tells as much as a condition.
fn never_neutral(expr: &Expr, binary: &BinaryExpr, scope: &Scope) -> bool {
    let range = || infer(expr, scope).ok().and_then(|facts| facts.range);
    is_literal(&binary.left)
        || is_literal(&binary.right)
        || range().is_some_and(|range| range.lo > 0 || range.hi < 0)
}

/// What must have enough persons behind it beside the whole argument.
#[derive(Clone, Debug)]
pub(crate) struct Demand {
    /// The addend, which must not be 0.
    pub(crate) nonzero: Expr,
    /// The outcome of a condition in it, which must be so.
    pub(crate) taken: Option<Expr>,
}

/// The addends of an argument that hold conditions, each with the outcomes of these.
pub(crate) fn demands(expr: &Expr, scope: &Scope) -> Result<Vec<Demand>> {
    let mut all = Vec::new();
    for addend in conditional_addends(expr, scope)? {
        let outcomes = outcomes(&addend, scope)?;
        all.push(Demand { nonzero: addend.clone(), taken: None });
        all.extend(outcomes.into_iter().map(|taken| Demand { nonzero: addend.clone(), taken: Some(taken) }));
    }
    Ok(all)
}

/// The one addend that an expression is, but for names, signs and casts that keep its zeros.
pub(crate) fn addend<'a>(expr: &'a Expr, scope: &Scope) -> &'a Expr {
    match expr {
        Expr::Alias(alias) => addend(&alias.expr, scope),
        Expr::Negative(inner) => addend(inner, scope),
        Expr::Cast(inner) => match scope.data_type(&inner.expr) {
            Ok(from) if keeps(&from, inner.field.data_type()) => addend(&inner.expr, scope),
            _ => expr,
        },
        other => other,
    }
}

/// The addends of an argument that hold conditions.
fn conditional_addends(expr: &Expr, scope: &Scope) -> Result<Vec<Expr>> {
    if !has_condition(expr, scope)? {
        return Ok(Vec::new());
    }
    match addend(expr, scope) {
        Expr::BinaryExpr(binary)
            if matches!(binary.op, Operator::Plus | Operator::Minus)
                && scope.data_type(expr)?.is_numeric() =>
        {
            let mut all = conditional_addends(&binary.left, scope)?;
            all.extend(conditional_addends(&binary.right, scope)?);
            Ok(all)
        }
        other => Ok(vec![other.clone()]),
    }
}

/// Whether a cast between numbers makes no value 0 that was not.
pub(super) fn keeps(from: &DataType, to: &DataType) -> bool {
    let exact =
        |data_type: &DataType| data_type.is_integer() || matches!(data_type, DataType::Decimal128(..));
    let digits = |data_type: &DataType| match type_scale(data_type) {
        Scale::Decimal(digits) => digits,
        Scale::Unit | Scale::Step(_) => 0,
    };
    (is_float(to) && from.is_numeric()) || (exact(from) && exact(to) && digits(from) <= digits(to))
}

/// A literal, perhaps cast.
fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => !value.is_null(),
        Expr::Cast(inner) => is_literal(&inner.expr),
        Expr::Negative(inner) => is_literal(inner),
        Expr::ScalarFunction(function) if function.name() == "nonzero" => {
            function.args.iter().all(is_literal)
        }
        _ => false,
    }
}
