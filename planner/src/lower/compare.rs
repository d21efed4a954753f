//! Comparisons on shares.
#![expect(clippy::wildcard_enum_match_arm, reason = "only six operators compare")]

use datafusion::logical_expr::Operator;

use super::fixed::align;
use super::program::Program;
use super::scale::{decode, worth};
use super::value::Number;
use crate::Result;
use crate::plan::{Reg, Scale};

/// The bit `a op b`, NULL aside; `None` for an operator that does not compare.
///
/// A double against a constant is compared in the steps of the double: a constant that lies on a step (or within what
/// a fixed-point quotient rounds away) is that step, another lies between two steps.
pub(crate) fn compare(program: &mut Program, op: Operator, a: &Number, b: &Number) -> Result<Option<Reg>> {
    if let Some(value) = constant(program, b)
        && matches!(a.scale, Scale::Step(_))
    {
        return against(program, op, a.reg, value / worth(a.scale));
    }
    if let (Some(value), Scale::Step(_), Some(swapped)) = (constant(program, a), b.scale, op.swap()) {
        return against(program, swapped, b.reg, value / worth(b.scale));
    }
    let (x, y, _) = align(program, a, b)?;
    decide(program, op, x, y)
}

fn constant(program: &Program, number: &Number) -> Option<f64> {
    let range = program.range(number.reg);
    (range.lo == range.hi).then(|| decode(range.lo, number.scale))
}

/// Steps from which on a value is a quotient in fixed point, or as long as a double's digits.
const LONG: f64 = 17_592_186_044_416.0;

#[expect(clippy::cast_possible_truncation, reason = "clamped to below 2^100")]
fn against(program: &mut Program, op: Operator, x: Reg, steps: f64) -> Result<Option<Reg>> {
    let steps = steps.clamp(-2_f64.powi(100), 2_f64.powi(100));
    let nearest = steps.round();
    if steps.abs() >= LONG {
        // What doubles do not tell apart is equal.
        let width = (steps.abs() * 2_f64.powi(-52)) as i128;
        let (low, high) =
            (program.constant(nearest as i128 - width)?, program.constant(nearest as i128 + width)?);
        return match op {
            Operator::Lt | Operator::GtEq => decide(program, op, x, low),
            Operator::LtEq | Operator::Gt => decide(program, op, x, high),
            Operator::Eq | Operator::NotEq => {
                let (above, below) =
                    (decide(program, Operator::GtEq, x, low)?, decide(program, Operator::LtEq, x, high)?);
                let equal = above.zip(below).map(|(above, below)| program.and(above, below));
                Ok(equal.map(|equal| if op == Operator::Eq { equal } else { program.not(equal) }))
            }
            _ => Ok(None),
        };
    }
    if (steps - nearest).abs() <= 1e-6 {
        let constant = program.constant(nearest as i128)?;
        return decide(program, op, x, constant);
    }
    let below = program.constant(steps.floor() as i128)?;
    match op {
        Operator::Eq => Ok(Some(program.bit(false))),
        Operator::NotEq => Ok(Some(program.bit(true))),
        Operator::Gt | Operator::GtEq => decide(program, Operator::Gt, x, below),
        Operator::Lt | Operator::LtEq => decide(program, Operator::LtEq, x, below),
        _ => Ok(None),
    }
}

/// Integers of one scale.
fn decide(program: &mut Program, op: Operator, x: Reg, y: Reg) -> Result<Option<Reg>> {
    let less = |program: &mut Program, x, y| -> Result<Reg> {
        let difference = program.subtract(x, y)?;
        Ok(program.negative(difference))
    };
    Ok(Some(match op {
        Operator::Lt => less(program, x, y)?,
        Operator::Gt => less(program, y, x)?,
        Operator::LtEq => {
            let more = less(program, y, x)?;
            program.not(more)
        }
        Operator::GtEq => {
            let fewer = less(program, x, y)?;
            program.not(fewer)
        }
        Operator::Eq | Operator::NotEq => {
            let difference = program.subtract(x, y)?;
            let zero = program.zero(difference);
            if op == Operator::Eq { zero } else { program.not(zero) }
        }
        _ => return Ok(None),
    }))
}
