//! The outcomes of conditions in an argument: each that is not neutral must have enough persons behind it.
//!
//! `SUM(CASE WHEN age = 97 THEN days ELSE 1 END)` beside `COUNT(*)` is one person's value if one person is 97: the sum has
//! everybody behind it, but the branch has not. So every branch of a CASE, every truth value of a condition that is
//! computed with, every argument that COALESCE, GREATEST and LEAST may pick, both signs of what ABS and SIGNUM are taken
//! of, both sides of the divisor in a remainder, and both values of anything that has two, is counted on its own, but where
//! it makes the addend 0 or NULL: such rows are behind nothing.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest holds no condition"
)]

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, cast, lit};

use super::condition::keeps;
use super::facts::scalar;
use super::failure;
use super::guard::parts as guard_parts;
use super::infer::{Scope, infer};
use super::neutral::is_neutral;
use crate::Result;
use crate::plan::Scale;

/// The outcomes of the conditions in an addend that are not neutral there, as conditions; none where rows with the one
/// outcome that is not are those in which the addend is not 0.
pub(super) fn outcomes(addend: &Expr, scope: &Scope) -> Result<Vec<Expr>> {
    if scope.data_type(addend)? == DataType::Boolean {
        let inner = Box::new(addend.clone());
        return Ok(vec![Expr::IsTrue(inner.clone()), Expr::IsFalse(inner)]);
    }
    let mut walk = Walk { scope, found: Vec::new() };
    walk.part(addend, addend, None)?;
    Ok(walk.found)
}

/// One outcome of a condition: when it is so, and what stands for the condition then.
struct Outcome {
    taken: Expr,
    value: Expr,
}

struct Walk<'a> {
    scope: &'a Scope,
    found: Vec<Expr>,
}

impl Walk<'_> {
    /// The outcomes in a part of the addend `whole`, under the condition `path`.
    fn part(&mut self, whole: &Expr, part: &Expr, path: Option<&Expr>) -> Result<()> {
        if let Some((_, column)) = guard_parts(part) {
            return self.part(whole, column, path);
        }
        match part {
            Expr::Column(column) => self.column(whole, part, column, path),
            Expr::Alias(alias) => self.part(whole, &alias.expr, path),
            Expr::Negative(inner) => self.part(whole, inner, path),
            Expr::Cast(cast) => self.cast(whole, part, &cast.expr, cast.field.data_type(), path),
            Expr::TryCast(cast) => self.cast(whole, part, &cast.expr, cast.field.data_type(), path),
            Expr::Case(case) => self.several(whole, part, branches(case), path),
            Expr::ScalarFunction(function) => self.function(whole, part, function, path),
            Expr::BinaryExpr(binary) => {
                if self.scope.data_type(part)? == DataType::Boolean {
                    return Ok(());
                }
                let whole_numbers = self.scope.data_type(part)?.is_integer();
                match binary.op {
                    Operator::Modulo => {
                        let (remainder, dividend) = self.of_one_type(part, &binary.left)?;
                        let quotient =
                            |op| Outcome { taken: compare(&remainder, op, &dividend), value: part.clone() };
                        if let [true, true] = self.quotients(&binary.left, &binary.right) {
                            let both = vec![quotient(Operator::Eq), quotient(Operator::NotEq)];
                            self.several(whole, part, both, path)?;
                        }
                    }
                    Operator::Divide if whole_numbers => self.two_values(whole, part, path)?,
                    _ => {}
                }
                self.part(whole, &binary.left, path)?;
                self.part(whole, &binary.right, path)
            }
            _ => Ok(()),
        }
    }

    /// A column that a condition in the owner's own query made is 0 where that is not met.
    fn column(&mut self, whole: &Expr, part: &Expr, column: &Column, path: Option<&Expr>) -> Result<()> {
        let Ok(facts) = self.scope.column(column) else { return Ok(()) };
        if !facts.conditional || !facts.data_type.is_numeric() {
            return Ok(());
        }
        let zero = ScalarValue::new_zero(&facts.data_type).map_err(|error| failure::engine(&error))?;
        let outcome = |op, value| Outcome { taken: compare(part, op, &lit(zero.clone())), value };
        let met = outcome(Operator::NotEq, part.clone());
        let not_met = outcome(Operator::Eq, lit(zero.clone()));
        self.several(whole, part, vec![met, not_met], path)
    }

    /// A truth value as a number has two outcomes; a cast that rounds may have.
    fn cast(
        &mut self,
        whole: &Expr,
        part: &Expr,
        inner: &Expr,
        to: &DataType,
        path: Option<&Expr>,
    ) -> Result<()> {
        let from = self.scope.data_type(inner)?;
        if from != DataType::Boolean {
            if from.is_numeric() && !keeps(&from, to) {
                self.two_values(whole, part, path)?;
            }
            return self.part(whole, inner, path);
        }
        let outcome = |value: bool| {
            let inner = Box::new(inner.clone());
            let taken = if value { Expr::IsTrue(inner) } else { Expr::IsFalse(inner) };
            Outcome { taken, value: lit(i64::from(value)) }
        };
        self.several(whole, part, vec![outcome(true), outcome(false)], path)
    }

    fn function(
        &mut self,
        whole: &Expr,
        part: &Expr,
        function: &ScalarFunction,
        path: Option<&Expr>,
    ) -> Result<()> {
        let arguments = function.args.as_slice();
        match (function.name(), arguments) {
            ("coalesce", _) => self.several(whole, part, self.first_known(arguments), path),
            ("greatest" | "least", _) => {
                let picked = |value: &Expr| Outcome {
                    taken: compare(part, Operator::Eq, value),
                    value: value.clone(),
                };
                let possible = arguments.iter().filter(|value| self.may_be_picked(function, value));
                let outcomes = possible.map(picked).collect();
                self.several(whole, part, outcomes, path)
            }
            ("abs" | "signum", [inner]) => {
                let range = infer(inner, self.scope).ok().and_then(|facts| facts.range);
                if range.is_none_or(|range| range.lo < 0 && range.hi > 0) {
                    let zero = ScalarValue::new_zero(&self.scope.data_type(inner)?);
                    let zero = lit(zero.map_err(|error| failure::engine(&error))?);
                    let sign =
                        |op: Operator| Outcome { taken: compare(inner, op, &zero), value: part.clone() };
                    let signs = vec![sign(Operator::Lt), sign(Operator::Gt)];
                    self.several(whole, part, signs, path)?;
                }
                self.part(whole, inner, path)
            }
            // NULL where they are equal: such rows are behind nothing.
            ("nullif" | "nonzero", [inner, ..]) => self.part(whole, inner, path),
            _ => {
                self.two_values(whole, part, path)?;
                arguments.iter().try_for_each(|argument| self.part(whole, argument, path))
            }
        }
    }

    /// Notes the outcomes of a condition that are not neutral, if there are several, and those of conditions inside each.
    fn several(
        &mut self,
        whole: &Expr,
        part: &Expr,
        outcomes: Vec<Outcome>,
        path: Option<&Expr>,
    ) -> Result<()> {
        let mut kept = Vec::new();
        let mut neutral = false;
        for outcome in outcomes {
            let then = replaced(whole, part, &outcome.value)?;
            if is_neutral(&then) {
                neutral = true;
            } else {
                let taken = match path {
                    Some(path) => path.clone().and(outcome.taken),
                    None => outcome.taken,
                };
                kept.push((then, outcome.value, taken));
            }
        }
        let alone = kept.len() == 1 && neutral;
        for (then, value, taken) in kept {
            // Where one outcome alone is not neutral, it is so where the addend is not 0, which is counted anyway.
            if !alone && !self.found.contains(&taken) {
                self.found.push(taken.clone());
            }
            if value != *part {
                self.part(&then, &value, if alone { path } else { Some(&taken) })?;
            }
        }
        Ok(())
    }

    /// What has two values is as good as a condition.
    fn two_values(&mut self, whole: &Expr, part: &Expr, path: Option<&Expr>) -> Result<()> {
        let Ok(facts) = infer(part, self.scope) else { return Ok(()) };
        let values = match (&facts.closed, facts.range) {
            (Some(values), _) => values.clone(),
            (None, Some(range)) if facts.scale == Scale::Unit && range.hi - range.lo == 1 => {
                [range.lo, range.hi].iter().filter_map(|&end| scalar(end, &facts.data_type)).collect()
            }
            _ => Vec::new(),
        };
        if values.len() != 2 {
            return Ok(());
        }
        let is = |value: ScalarValue| Outcome {
            taken: compare(part, Operator::Eq, &lit(value.clone())),
            value: lit(value),
        };
        self.several(whole, part, values.into_iter().map(is).collect(), path)
    }

    /// The arguments of COALESCE that may be the first that is known.
    fn first_known(&self, arguments: &[Expr]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let mut before: Option<Expr> = None;
        for argument in arguments {
            let both = |before: &Option<Expr>, next: Expr| match before {
                Some(before) => before.clone().and(next),
                None => next,
            };
            let taken = both(&before, argument.clone().is_not_null());
            outcomes.push(Outcome { taken, value: argument.clone() });
            if infer(argument, self.scope).is_ok_and(|facts| !facts.nullable) {
                break;
            }
            before = Some(both(&before, argument.clone().is_null()));
        }
        outcomes
    }

    /// Whether no other argument of GREATEST or LEAST is always beyond this one.
    fn may_be_picked(&self, function: &ScalarFunction, value: &Expr) -> bool {
        let interval = |expr: &Expr| {
            let facts = infer(expr, self.scope).ok().filter(|facts| !facts.nullable);
            facts.and_then(|facts| facts.interval())
        };
        let Some((lo, hi)) = interval(value) else { return true };
        let greatest = function.name() == "greatest";
        let beyond = |(a, b): (f64, f64)| if greatest { a > hi } else { b < lo };
        !function.args.iter().filter(|other| *other != value).filter_map(interval).any(beyond)
    }

    /// Two numbers that can be compared.
    fn of_one_type(&self, left: &Expr, right: &Expr) -> Result<(Expr, Expr)> {
        if self.scope.data_type(left)? == self.scope.data_type(right)? {
            return Ok((left.clone(), right.clone()));
        }
        Ok((cast(left.clone(), DataType::Float64), cast(right.clone(), DataType::Float64)))
    }

    /// Whether the quotient before a remainder may be 0, and whether it may be another number.
    fn quotients(&self, dividend: &Expr, divisor: &Expr) -> [bool; 2] {
        let size = |expr: &Expr| {
            let (lo, hi) = infer(expr, self.scope).ok().and_then(|facts| facts.interval())?;
            let least = if lo <= 0.0 && hi >= 0.0 { 0.0 } else { lo.abs().min(hi.abs()) };
            Some((least, lo.abs().max(hi.abs())))
        };
        match (size(dividend), size(divisor)) {
            (Some((least, most)), Some((smallest, largest))) => [least < largest, most >= smallest],
            _ => [true, true],
        }
    }
}

/// The branches of a CASE, ELSE included: each where no condition before it is true.
fn branches(case: &Case) -> Vec<Outcome> {
    let condition = |when: &Expr| match &case.expr {
        Some(base) => compare(base, Operator::Eq, when),
        None => when.clone(),
    };
    let conditions: Vec<Expr> = case.when_then_expr.iter().map(|(when, _)| condition(when)).collect();
    let taken = |index: usize| {
        let arms = conditions.iter().take(index + 1).enumerate();
        let arms = arms.map(|(at, when)| (Box::new(when.clone()), Box::new(lit(at == index))));
        let otherwise = Some(Box::new(lit(index == conditions.len())));
        Expr::Case(Case { expr: None, when_then_expr: arms.collect(), else_expr: otherwise })
    };
    let mut all: Vec<Outcome> = case
        .when_then_expr
        .iter()
        .enumerate()
        .map(|(index, (_, then))| Outcome { taken: taken(index), value: then.as_ref().clone() })
        .collect();
    if let Some(otherwise) = &case.else_expr {
        all.push(Outcome { taken: taken(conditions.len()), value: otherwise.as_ref().clone() });
    } else {
        all.push(Outcome { taken: taken(conditions.len()), value: lit(ScalarValue::Null) });
    }
    all
}

fn compare(left: &Expr, op: Operator, right: &Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left.clone()), op, Box::new(right.clone())))
}

/// The expression with a value in place of a part.
fn replaced(whole: &Expr, part: &Expr, value: &Expr) -> Result<Expr> {
    let done = whole.clone().transform_down(|expr| {
        Ok(if expr == *part {
            Transformed::new(value.clone(), true, TreeNodeRecursion::Jump)
        } else {
            Transformed::no(expr)
        })
    });
    done.map(|done| done.data).map_err(|error| failure::engine(&error))
}
