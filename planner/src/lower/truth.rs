//! Conditions on shares: three-valued truth as two bits.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is refused"
)]

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::compare::compare;
use super::facts::{is_text, merge};
use super::infer::infer;
use super::program::Program;
use super::value::{Atoms, Truth, choice, number, open_text, text, unknown};
use crate::Result;
use crate::plan::Reg;

/// A condition on shares.
///
/// # Errors
/// As [`number`].
pub(crate) fn truth(atoms: &mut dyn Atoms, program: &mut Program, expr: &Expr) -> Result<Truth> {
    if let Expr::Literal(value, _) = expr {
        let (yes, no) = match value {
            ScalarValue::Boolean(Some(value)) => (*value, !*value),
            value if value.is_null() => (false, false),
            _ => return Err(unknown(expr)),
        };
        return Ok(Truth { yes: program.bit(yes), no: program.bit(no) });
    }
    if let Some(truth) = atoms.truth(program, expr)? {
        return Ok(truth);
    }
    match expr {
        Expr::Alias(alias) => truth(atoms, program, &alias.expr),
        Expr::Not(inner) => truth(atoms, program, inner).map(opposite),
        Expr::IsNull(inner) | Expr::IsUnknown(inner) => {
            known(atoms, program, inner).map(|known| opposite(settled(program, known)))
        }
        Expr::IsNotNull(inner) | Expr::IsNotUnknown(inner) => {
            known(atoms, program, inner).map(|known| settled(program, known))
        }
        Expr::IsTrue(inner) => truth(atoms, program, inner).map(|x| settled(program, x.yes)),
        Expr::IsNotTrue(inner) => truth(atoms, program, inner).map(|x| opposite(settled(program, x.yes))),
        Expr::IsFalse(inner) => truth(atoms, program, inner).map(|x| settled(program, x.no)),
        Expr::IsNotFalse(inner) => truth(atoms, program, inner).map(|x| opposite(settled(program, x.no))),
        Expr::Between(between) => {
            let low = compare_expr(&between.expr, Operator::GtEq, &between.low);
            let high = compare_expr(&between.expr, Operator::LtEq, &between.high);
            let low = truth(atoms, program, &low)?;
            let high = truth(atoms, program, &high)?;
            let both = conjunction(program, low, high);
            Ok(if between.negated { opposite(both) } else { both })
        }
        Expr::InList(InList { expr, list, negated }) => {
            let mut any = Truth { yes: program.bit(false), no: program.bit(true) };
            for item in list {
                let same = truth(atoms, program, &compare_expr(expr, Operator::Eq, item))?;
                any = disjunction(program, any, same);
            }
            Ok(if *negated { opposite(any) } else { any })
        }
        Expr::BinaryExpr(binary) => match binary.op {
            Operator::And => {
                let (a, b) = (truth(atoms, program, &binary.left)?, truth(atoms, program, &binary.right)?);
                Ok(conjunction(program, a, b))
            }
            Operator::Or => {
                let (a, b) = (truth(atoms, program, &binary.left)?, truth(atoms, program, &binary.right)?);
                Ok(disjunction(program, a, b))
            }
            _ => comparison(atoms, program, expr, binary),
        },
        Expr::Case(case) => {
            let number =
                choice(atoms, program, case, &mut |atoms, program, expr| number(atoms, program, expr))?;
            let zero = program.zero(number.reg);
            let one = program.not(zero);
            Ok(masked(program, one, number.known))
        }
        _ => Err(unknown(expr)),
    }
}

/// Equal, or NULL both.
fn same(atoms: &mut dyn Atoms, program: &mut Program, binary: &BinaryExpr) -> Result<Truth> {
    let (left, right) = (&binary.left, &binary.right);
    let equal = truth(atoms, program, &compare_expr(left, Operator::Eq, right))?.yes;
    let mut null = |expr: &Expr| truth(atoms, program, &Expr::IsNull(Box::new(expr.clone())));
    let (left, right) = (null(left)?.yes, null(right)?.yes);
    let neither = program.and(left, right);
    let same = program.or(equal, neither);
    Ok(settled(program, same))
}

fn compare_expr(left: &Expr, op: Operator, right: &Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left.clone()), op, Box::new(right.clone())))
}

/// A bit that is never NULL.
fn settled(program: &mut Program, bit: Reg) -> Truth {
    Truth { yes: bit, no: program.not(bit) }
}

fn opposite(truth: Truth) -> Truth {
    Truth { yes: truth.no, no: truth.yes }
}

/// True and false where known.
pub(crate) fn masked(program: &mut Program, yes: Reg, known: Option<Reg>) -> Truth {
    let no = program.not(yes);
    match known {
        None => Truth { yes, no },
        Some(known) => Truth { yes: program.and(yes, known), no: program.and(no, known) },
    }
}

fn conjunction(program: &mut Program, a: Truth, b: Truth) -> Truth {
    Truth { yes: program.and(a.yes, b.yes), no: program.or(a.no, b.no) }
}

fn disjunction(program: &mut Program, a: Truth, b: Truth) -> Truth {
    Truth { yes: program.or(a.yes, b.yes), no: program.and(a.no, b.no) }
}

/// The bit: not NULL.
fn known(atoms: &mut dyn Atoms, program: &mut Program, expr: &Expr) -> Result<Reg> {
    if atoms.scope().data_type(expr)? == DataType::Boolean {
        let truth = truth(atoms, program, expr)?;
        return Ok(program.or(truth.yes, truth.no));
    }
    match number(atoms, program, expr)?.known {
        Some(known) => Ok(known),
        None => Ok(program.bit(true)),
    }
}

fn comparison(
    atoms: &mut dyn Atoms,
    program: &mut Program,
    expr: &Expr,
    binary: &BinaryExpr,
) -> Result<Truth> {
    match binary.op {
        Operator::IsNotDistinctFrom => return same(atoms, program, binary),
        Operator::IsDistinctFrom => return same(atoms, program, binary).map(opposite),
        _ => {}
    }
    let left = atoms.scope().data_type(&binary.left)?;
    let (a, b) = if is_text(&left) {
        let (l, r) = (infer(&binary.left, atoms.scope())?, infer(&binary.right, atoms.scope())?);
        let (Some(l), Some(r)) = (l.closed, r.closed) else { return Err(open_text(expr)) };
        let dictionary = merge(&l, &r);
        (text(atoms, program, &binary.left, &dictionary)?, text(atoms, program, &binary.right, &dictionary)?)
    } else {
        (number(atoms, program, &binary.left)?, number(atoms, program, &binary.right)?)
    };
    let yes = compare(program, binary.op, &a, &b)?.ok_or_else(|| unknown(expr))?;
    let known = program.both(a.known, b.known);
    Ok(masked(program, yes, known))
}
