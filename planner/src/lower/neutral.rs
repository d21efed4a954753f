//! Expressions that are 0 or NULL in all rows: nothing of a row is behind them.
//!
//! In the rows of an outer join without a partner the columns of the optional side are written as NULL, so that a condition
//! on them is decided there: `CASE WHEN NULL > 3 THEN x END`. Nobody's person must be behind an outcome that cannot be.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; of the rest nothing is known"
)]

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit};

use super::enumerate::constant;
use super::failure;
use crate::Result;

/// Whether an expression is 0 or NULL whatever its columns are.
pub(super) fn is_neutral(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => {
            let number = value.data_type().is_numeric() || value.data_type() == DataType::Boolean;
            value.is_null()
                || (number && ScalarValue::new_zero(&value.data_type()).is_ok_and(|zero| zero == *value))
        }
        Expr::Alias(alias) => is_neutral(&alias.expr),
        Expr::Negative(inner) => is_neutral(inner),
        Expr::Cast(cast) => is_neutral(&cast.expr),
        Expr::TryCast(cast) => is_neutral(&cast.expr),
        Expr::BinaryExpr(binary) => {
            let (left, right) = (is_neutral(&binary.left), is_neutral(&binary.right));
            match binary.op {
                Operator::Multiply => left || right,
                Operator::Plus | Operator::Minus => left && right,
                Operator::Divide | Operator::Modulo => left,
                _ => false,
            }
        }
        Expr::Case(case) => {
            let mut results = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
            results.all(|result| is_neutral(result))
        }
        Expr::ScalarFunction(function) => match function.name() {
            "coalesce" | "greatest" | "least" => function.args.iter().all(is_neutral),
            "abs" | "signum" | "round" | "trunc" | "floor" | "ceil" | "sqrt" | "nonzero" | "nullif" => {
                function.args.first().is_some_and(is_neutral)
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether it is, conditions that are decided by literals alone taken as they are.
pub(super) fn is_always_neutral(expr: &Expr) -> Result<bool> {
    let decided = expr.clone().transform_up(|part| {
        Ok(match decided(&part) {
            Some(simpler) => Transformed::yes(simpler),
            None => Transformed::no(part),
        })
    });
    decided.map(|decided| is_neutral(&decided.data)).map_err(|error| failure::engine(&error))
}

/// What an expression over decided parts is, if that is simpler.
fn decided(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Literal(..) => None,
        Expr::BinaryExpr(binary) => of_two(binary).or_else(|| constant(expr).map(lit)),
        Expr::Case(case @ Case { expr: None, .. }) => Some(of_case(case)),
        other => constant(other).map(lit),
    }
}

fn of_two(binary: &BinaryExpr) -> Option<Expr> {
    let (left, right) = (&binary.left, &binary.right);
    let other = |side: &Expr| Some(side.clone());
    match binary.op {
        Operator::And if is(left, false) || is(right, false) => Some(lit(false)),
        Operator::Or if is(left, true) || is(right, true) => Some(lit(true)),
        Operator::And if is(left, true) => other(right),
        Operator::And if is(right, true) => other(left),
        Operator::Or if is(left, false) => other(right),
        Operator::Or if is(right, false) => other(left),
        Operator::Eq
        | Operator::NotEq
        | Operator::Lt
        | Operator::LtEq
        | Operator::Gt
        | Operator::GtEq
        | Operator::Plus
        | Operator::Minus
        | Operator::Multiply
        | Operator::Divide
        | Operator::Modulo => (is_null(left) || is_null(right)).then(|| lit(ScalarValue::Null)),
        _ => None,
    }
}

/// Without the branches that are never taken.
fn of_case(case: &Case) -> Expr {
    let mut arms = Vec::new();
    for (when, then) in &case.when_then_expr {
        if is(when, true) {
            return rebuilt(arms, Some(then.clone()));
        }
        if !is_never_true(when) {
            arms.push((when.clone(), then.clone()));
        }
    }
    rebuilt(arms, case.else_expr.clone())
}

fn rebuilt(arms: Vec<(Box<Expr>, Box<Expr>)>, otherwise: Option<Box<Expr>>) -> Expr {
    if arms.is_empty() {
        return otherwise.map_or_else(|| lit(ScalarValue::Null), |otherwise| *otherwise);
    }
    Expr::Case(Case { expr: None, when_then_expr: arms, else_expr: otherwise })
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.is_null())
}

/// Whether a condition is false or NULL whatever its columns are.
fn is_never_true(condition: &Expr) -> bool {
    match condition {
        Expr::BinaryExpr(binary) if binary.op == Operator::And => {
            is_never_true(&binary.left) || is_never_true(&binary.right)
        }
        Expr::BinaryExpr(binary) if binary.op == Operator::Or => {
            is_never_true(&binary.left) && is_never_true(&binary.right)
        }
        other => is(other, false) || is_null(other),
    }
}

/// Whether a condition is this literal.
fn is(condition: &Expr, value: bool) -> bool {
    matches!(condition, Expr::Literal(ScalarValue::Boolean(Some(literal)), _) if *literal == value)
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{cast, col, when};

    use super::*;

    #[test]
    fn what_literals_decide_is_decided() {
        let null = || lit(ScalarValue::Int32(None));
        let over = |condition: Expr| when(condition, col("x")).end().unwrap();
        for condition in [
            null().gt(lit(3)),
            null().gt(col("y")),
            null().is_not_null(),
            cast(null(), DataType::Int64).eq(col("y")).and(col("f")),
            col("f").and(lit(false)),
            lit(false).or(null().lt(lit(1))),
        ] {
            assert!(is_always_neutral(&over(condition.clone())).unwrap(), "{condition}");
            let with_zero = when(condition.clone(), col("x")).otherwise(lit(0)).unwrap();
            assert!(is_always_neutral(&with_zero).unwrap(), "{condition}");
            let with_one = when(condition.clone(), col("x")).otherwise(lit(1)).unwrap();
            assert!(!is_always_neutral(&with_one).unwrap(), "{condition}");
        }
        for condition in [null().is_null(), col("f").or(null().gt(lit(3))), col("y").gt(lit(3)), lit(true)] {
            assert!(!is_always_neutral(&over(condition.clone())).unwrap(), "{condition}");
        }
    }
}
