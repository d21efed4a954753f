//! SQL expressions as operations on shares: numbers with known bits, three-valued truth as two bits.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is refused"
)]

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;

use super::facts::{Facts, is_float, is_text, type_range};
use super::failure;
use super::fixed::{align, quotient, rescaled, rounded};
use super::infer::{Scope, division_digits, infer, show};
use super::program::Program;
use super::scale::{encode, factor, type_scale, worth};
use super::truth::truth;
use crate::Result;
use crate::plan::{Reg, RingSize, Rounding, Scale};

/// A number on shares. Where it is not known (SQL's NULL) its register holds anything within range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Number {
    /// Its integers.
    pub(crate) reg: Reg,
    /// 1 where it is not NULL; `None`: it never is.
    pub(crate) known: Option<Reg>,
    /// How the integers stand for values.
    pub(crate) scale: Scale,
}

/// Truth on shares: NULL where neither bit is 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Truth {
    /// 1 where true.
    pub(crate) yes: Reg,
    /// 1 where false.
    pub(crate) no: Reg,
}

/// What is already on shares, or can be brought there.
pub(crate) trait Atoms {
    /// The names that expressions use.
    fn scope(&self) -> &Scope;
    /// How many bits below the unit a quotient keeps, beside those of its denominator.
    fn fraction_bits(&self) -> u32;
    /// A numeric expression as a whole (an owner's column, an aggregate), if it can be had as a whole.
    fn number(&mut self, program: &mut Program, expr: &Expr) -> Result<Option<Number>>;
    /// A text as an index into a dictionary, if it can be had as a whole.
    fn text(
        &mut self,
        program: &mut Program,
        expr: &Expr,
        dictionary: &[ScalarValue],
    ) -> Result<Option<Number>>;
    /// A condition as a whole.
    fn truth(&mut self, program: &mut Program, expr: &Expr) -> Result<Option<Truth>>;
}

/// An expression on shares: numbers, dates, and truth values and closed text as integers.
///
/// # Errors
/// Invalid for what is not built; refused where a range does not fit.
pub(crate) fn number(atoms: &mut dyn Atoms, program: &mut Program, expr: &Expr) -> Result<Number> {
    let data_type = atoms.scope().data_type(expr)?;
    if is_text(&data_type) {
        let facts = infer(expr, atoms.scope())?;
        let dictionary = facts.closed.ok_or_else(|| open_text(expr))?;
        return text(atoms, program, expr, &dictionary);
    }
    if data_type == DataType::Boolean && !matches!(expr, Expr::Literal(ScalarValue::Boolean(None), _)) {
        let truth = truth(atoms, program, expr)?;
        let known = program.or(truth.yes, truth.no);
        let known = program.as_bit(known).is_none().then_some(known);
        let reg = program.arithmetic(truth.yes, RingSize::Z64)?;
        return Ok(Number { reg, known, scale: Scale::Unit });
    }
    if let Expr::Literal(value, _) = expr {
        return literal(program, value);
    }
    if let Some(number) = atoms.number(program, expr)? {
        return Ok(number);
    }
    let number = match expr {
        Expr::Alias(alias) => return number_of(atoms, program, &alias.expr),
        Expr::Negative(inner) => {
            let inner = number_of(atoms, program, inner)?;
            Number { reg: program.scale(inner.reg, -1)?, ..inner }
        }
        Expr::Cast(cast) => convert(atoms, program, expr, &cast.expr, &data_type)?,
        Expr::BinaryExpr(binary) => arithmetic(atoms, program, expr, binary, &data_type)?,
        Expr::Case(case) => {
            choice(atoms, program, case, &mut |atoms, program, expr| number_of(atoms, program, expr))?
        }
        Expr::ScalarFunction(function) => call(atoms, program, expr, function)?,
        _ => return Err(unknown(expr)),
    };
    fits(program, expr, &number, &data_type)?;
    Ok(number)
}

fn number_of(atoms: &mut dyn Atoms, program: &mut Program, expr: &Expr) -> Result<Number> {
    number(atoms, program, expr)
}

pub(super) fn unknown(expr: &Expr) -> crate::Error {
    failure::not_built(format!("{} on values of several owners or on aggregates", show(expr)))
}

pub(super) fn open_text(expr: &Expr) -> crate::Error {
    failure::not_built(format!("{}, a text without a closed domain (`values`), on shares", show(expr)))
}

/// Integers and decimals must stay within their SQL type.
fn fits(program: &Program, expr: &Expr, number: &Number, data_type: &DataType) -> Result<()> {
    match type_range(data_type) {
        Some(limit) if number.scale == type_scale(data_type) && !limit.holds(program.range(number.reg)) => {
            Err(failure::bounds(show(expr)))
        }
        _ => Ok(()),
    }
}

/// A constant.
pub(crate) fn literal(program: &mut Program, value: &ScalarValue) -> Result<Number> {
    let facts = Facts::of_literal(value);
    if value.is_null() {
        let reg = program.constant(0)?;
        return Ok(Number { reg, known: Some(program.bit(false)), scale: facts.scale });
    }
    let integer =
        encode(value, facts.scale).ok_or_else(|| failure::not_built(format!("the literal {value}")))?;
    Ok(Number { reg: program.constant(integer)?, known: None, scale: facts.scale })
}

/// A text on shares, as an index into a sorted dictionary that holds all its values.
pub(crate) fn text(
    atoms: &mut dyn Atoms,
    program: &mut Program,
    expr: &Expr,
    dictionary: &[ScalarValue],
) -> Result<Number> {
    if let Expr::Literal(value, _) = expr {
        return text_literal(program, expr, value, dictionary);
    }
    if let Some(number) = atoms.text(program, expr, dictionary)? {
        return Ok(number);
    }
    match expr {
        Expr::Alias(alias) => text(atoms, program, &alias.expr, dictionary),
        Expr::Cast(cast) => text(atoms, program, &cast.expr, dictionary),
        Expr::Case(case) => {
            choice(atoms, program, case, &mut |atoms, program, expr| text(atoms, program, expr, dictionary))
        }
        _ => Err(unknown(expr)),
    }
}

/// A constant text as an index into a dictionary; `expr` is what an error names.
pub(super) fn text_literal(
    program: &mut Program,
    expr: &Expr,
    value: &ScalarValue,
    dictionary: &[ScalarValue],
) -> Result<Number> {
    if value.is_null() {
        let reg = program.constant(0)?;
        return Ok(Number { reg, known: Some(program.bit(false)), scale: Scale::Unit });
    }
    let index = dictionary.iter().position(|entry| same_text(entry, value)).ok_or_else(|| open_text(expr))?;
    let reg = program.constant(i128::try_from(index).map_err(|_| open_text(expr))?)?;
    Ok(Number { reg, known: None, scale: Scale::Unit })
}

/// Whether two texts of whatever Arrow type are the same.
pub(crate) fn same_text(a: &ScalarValue, b: &ScalarValue) -> bool {
    a.try_as_str().flatten() == b.try_as_str().flatten()
}

fn arithmetic(
    atoms: &mut dyn Atoms,
    program: &mut Program,
    expr: &Expr,
    binary: &BinaryExpr,
    data_type: &DataType,
) -> Result<Number> {
    let a = number(atoms, program, &binary.left)?;
    let b = number(atoms, program, &binary.right)?;
    let known = program.both(a.known, b.known);
    let exact = !is_float(data_type);
    match binary.op {
        Operator::Plus | Operator::Minus => {
            let (x, y, scale) = align(program, &a, &b)?;
            let reg =
                if binary.op == Operator::Plus { program.add(x, y)? } else { program.subtract(x, y)? };
            Ok(Number { reg, known, scale })
        }
        Operator::Multiply => {
            let scale =
                if exact { type_scale(data_type) } else { Scale::Step(worth(a.scale) * worth(b.scale)) };
            Ok(Number { reg: program.multiply(a.reg, b.reg)?, known, scale })
        }
        Operator::Divide if exact => {
            let scale = type_scale(data_type);
            let digits = division_digits(a.scale, b.scale, scale);
            let grown = 10_i128.checked_pow(digits).ok_or_else(|| failure::bounds(show(expr)))?;
            let top = program.scale(a.reg, grown)?;
            Ok(Number { reg: program.divide(top, b.reg, None)?, known, scale })
        }
        Operator::Divide => {
            let fraction = program.range(b.reg).bits() + atoms.fraction_bits();
            let (reg, scale) = quotient(program, &a, &b, fraction, None)?;
            Ok(Number { reg, known, scale })
        }
        Operator::Modulo if exact => {
            let (x, y, scale) = align(program, &a, &b)?;
            let whole = program.divide(x, y, None)?;
            let whole = program.multiply(whole, y)?;
            Ok(Number { reg: program.subtract(x, whole)?, known, scale })
        }
        _ => Err(unknown(expr)),
    }
}

/// CASE: the first result whose condition is true.
pub(super) fn choice(
    atoms: &mut dyn Atoms,
    program: &mut Program,
    case: &Case,
    lower: &mut dyn FnMut(&mut dyn Atoms, &mut Program, &Expr) -> Result<Number>,
) -> Result<Number> {
    let mut result = match &case.else_expr {
        Some(otherwise) => lower(atoms, program, otherwise)?,
        None => literal(program, &ScalarValue::Null)?,
    };
    for (when, then) in case.when_then_expr.iter().rev() {
        let condition = match &case.expr {
            Some(base) => Expr::BinaryExpr(BinaryExpr::new(base.clone(), Operator::Eq, when.clone())),
            None => when.as_ref().clone(),
        };
        let bit = truth(atoms, program, &condition)?.yes;
        let then = lower(atoms, program, then)?;
        result = pick(program, bit, &then, &result)?;
    }
    Ok(result)
}

/// `then` where the bit is 1, else `otherwise`.
pub(super) fn pick(program: &mut Program, bit: Reg, then: &Number, otherwise: &Number) -> Result<Number> {
    // A NULL has no scale of its own, and any value may stand in its place.
    let nothing =
        |program: &Program, x: &Number| x.known.and_then(|known| program.as_bit(known)) == Some(false);
    let (x, y, scale) = if nothing(program, otherwise) {
        (then.reg, then.reg, then.scale)
    } else if nothing(program, then) {
        (otherwise.reg, otherwise.reg, otherwise.scale)
    } else {
        align(program, then, otherwise)?
    };
    let known = match (then.known, otherwise.known) {
        (None, None) => None,
        (a, b) => {
            let always = program.bit(true);
            Some(program.choose(bit, a.unwrap_or(always), b.unwrap_or(always)))
        }
    };
    Ok(Number { reg: program.select(bit, x, y)?, known, scale })
}

fn convert(
    atoms: &mut dyn Atoms,
    program: &mut Program,
    expr: &Expr,
    inner: &Expr,
    to: &DataType,
) -> Result<Number> {
    let from = atoms.scope().data_type(inner)?;
    let value = number(atoms, program, inner)?;
    let exact = |data_type: &DataType| {
        data_type.is_integer() || matches!(data_type, DataType::Boolean | DataType::Decimal128(..))
    };
    if from == DataType::Null {
        return Ok(Number { scale: type_scale(to), ..value });
    }
    if is_float(to) && (is_float(&from) || exact(&from)) {
        return Ok(Number { scale: Scale::Step(worth(value.scale)), ..value });
    }
    let scale = type_scale(to);
    if exact(&from) && exact(to) && factor(value.scale, scale).is_some() {
        return Ok(Number { reg: rescaled(program, &value, scale)?, scale, ..value });
    }
    match (scale, value.scale) {
        // As the engine casts: towards 0 to integers, to the nearest to decimals.
        (Scale::Unit, Scale::Decimal(_) | Scale::Step(_)) if to.is_integer() && from != DataType::Boolean => {
            whole(program, &value).ok_or_else(|| unknown(expr))?
        }
        (Scale::Decimal(digits), Scale::Step(_)) if digits >= 0 && is_float(&from) => {
            rounded(program, &value, i32::from(digits)).map(|number| Number { scale, ..number })
        }
        _ => Err(unknown(expr)),
    }
}

/// The whole part of a number; `None` where its unit is no divisor of 1.
#[expect(clippy::cast_possible_truncation, reason = "checked to be below 2^90")]
fn whole(program: &mut Program, value: &Number) -> Option<Result<Number>> {
    let ratio = 1.0 / worth(value.scale);
    let divisor = ratio.round();
    if (ratio - divisor).abs() > divisor * 1e-12 || !(1.0..2_f64.powi(90)).contains(&divisor) {
        return None;
    }
    let reg = program.divide_by(value.reg, divisor as i128, Rounding::Truncate);
    Some(reg.map(|reg| Number { reg, scale: Scale::Unit, ..*value }))
}

fn call(
    atoms: &mut dyn Atoms,
    program: &mut Program,
    expr: &Expr,
    function: &ScalarFunction,
) -> Result<Number> {
    let name = function.name().to_ascii_lowercase();
    match (name.as_str(), function.args.as_slice()) {
        ("coalesce", [first, rest @ ..]) => {
            let mut result = number(atoms, program, first)?;
            for next in rest {
                let Some(known) = result.known else { break };
                let next = number(atoms, program, next)?;
                let mut picked = pick(program, known, &Number { known: None, ..result }, &next)?;
                picked.known = next.known.map(|other| program.or(known, other));
                result = picked;
            }
            Ok(result)
        }
        ("nullif", [x, y]) => {
            let value = number(atoms, program, x)?;
            let same =
                Expr::BinaryExpr(BinaryExpr::new(Box::new(x.clone()), Operator::Eq, Box::new(y.clone())));
            let same = truth(atoms, program, &same)?.yes;
            let differs = program.not(same);
            Ok(Number { known: program.both(value.known, Some(differs)), ..value })
        }
        ("nonzero", [x]) => {
            let value = number(atoms, program, x)?;
            let zero = program.zero(value.reg);
            let differs = program.not(zero);
            let differs = program.as_bit(differs).is_none().then_some(differs);
            Ok(Number { known: program.both(value.known, differs), ..value })
        }
        ("abs", [x]) => {
            let value = number(atoms, program, x)?;
            let negative = program.negative(value.reg);
            let minus = program.scale(value.reg, -1)?;
            let reg = program.select(negative, minus, value.reg)?;
            Ok(Number { reg, ..value })
        }
        ("round", [x, rest @ ..]) => {
            let places = match rest {
                [] => 0,
                [Expr::Literal(places, _)] => encode(places, Scale::Unit).ok_or_else(|| unknown(expr))?,
                _ => return Err(unknown(expr)),
            };
            let value = number(atoms, program, x)?;
            if !matches!(value.scale, Scale::Step(_)) || !(0..=12).contains(&places) {
                return Err(unknown(expr));
            }
            rounded(program, &value, i32::try_from(places).unwrap_or(0))
        }
        _ => Err(unknown(expr)),
    }
}
