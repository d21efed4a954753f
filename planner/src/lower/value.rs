//! SQL expressions as operations on shares: numbers with known bits, three-valued truth as two bits.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is refused"
)]

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::expr::{Case, InList, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;

use super::facts::{
    Facts, common_scale, encode, factor, is_float, is_text, merge, type_range, type_scale, worth,
};
use super::infer::{Scope, division_digits, infer, show};
use super::program::Program;
use super::{compare, failure};
use crate::Result;
use crate::plan::{Range, Reg, RingSize, Rounding, Scale};

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

fn unknown(expr: &Expr) -> crate::Error {
    failure::not_built(format!("{} on values of several owners or on aggregates", show(expr)))
}

fn open_text(expr: &Expr) -> crate::Error {
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
        if value.is_null() {
            let reg = program.constant(0)?;
            return Ok(Number { reg, known: Some(program.bit(false)), scale: Scale::Unit });
        }
        let index =
            dictionary.iter().position(|entry| same_text(entry, value)).ok_or_else(|| open_text(expr))?;
        let reg = program.constant(i128::try_from(index).map_err(|_| open_text(expr))?)?;
        return Ok(Number { reg, known: None, scale: Scale::Unit });
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

/// Whether two texts of whatever Arrow type are the same.
pub(crate) fn same_text(a: &ScalarValue, b: &ScalarValue) -> bool {
    a.try_as_str().flatten() == b.try_as_str().flatten()
}

/// Two numbers in one scale.
pub(crate) fn align(program: &mut Program, a: &Number, b: &Number) -> Result<(Reg, Reg, Scale)> {
    let scale = common_scale(a.scale, b.scale);
    Ok((rescaled(program, a, scale)?, rescaled(program, b, scale)?, scale))
}

/// The integers of a number in another scale: exactly in a finer one, to the nearest otherwise (doubles only).
#[expect(clippy::cast_possible_truncation, reason = "below 2^33")]
pub(crate) fn rescaled(program: &mut Program, number: &Number, scale: Scale) -> Result<Reg> {
    if let Some(factor) = factor(number.scale, scale) {
        return program.scale(number.reg, factor);
    }
    let Scale::Step(step) = scale else { return Err(failure::bounds("a value in a coarser unit")) };
    // ratio = top / 2^shift with 31 significant bits.
    let ratio = worth(number.scale) / step;
    let shift = 31 - ratio.log2().floor() as i64;
    if !(0..=100).contains(&shift) {
        return Err(failure::bounds("a value in another unit"));
    }
    let top = (ratio * 2_f64.powi(i32::try_from(shift).unwrap_or(0))).round() as i128;
    let reg = program.scale(number.reg, top)?;
    program.divide_by(reg, 1 << shift, Rounding::Nearest)
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
            let (reg, scale) = quotient(program, &a, &b, None, None)?;
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

/// A quotient of doubles in fixed point: to the nearest, with as many bits below the unit as tell apart the quotients
/// of small numerators by large denominators, as far as `Z_2^128` has room.
///
/// `fraction`: how many bits below the unit, if not that; `most`: a bound on the magnitude of the quotient in units.
pub(crate) fn quotient(
    program: &mut Program,
    a: &Number,
    b: &Number,
    fraction: Option<u32>,
    most: Option<i128>,
) -> Result<(Reg, Scale)> {
    if program.range(b.reg).lo < 0 {
        let negative = program.negative(b.reg);
        let (minus_a, minus_b) = (program.scale(a.reg, -1)?, program.scale(b.reg, -1)?);
        let top = program.select(negative, minus_a, a.reg)?;
        let bottom = program.select(negative, minus_b, b.reg)?;
        return fixed(program, Number { reg: top, ..*a }, Number { reg: bottom, ..*b }, fraction, most);
    }
    fixed(program, *a, *b, fraction, most)
}

fn fixed(
    program: &mut Program,
    a: Number,
    b: Number,
    fraction: Option<u32>,
    most: Option<i128>,
) -> Result<(Reg, Scale)> {
    let (top, bottom) = (program.range(a.reg).bits(), program.range(b.reg).bits());
    let room = 122_u32.saturating_sub(top.max(bottom));
    let fraction = fraction.unwrap_or(bottom + 30).min(room);
    let grown = program.scale(a.reg, 1_i128 << fraction)?;
    let within = most.and_then(|most| most.checked_add(1)?.checked_mul(1 << fraction));
    let reg = program.divide_nearest(grown, b.reg, within.map(|most| Range { lo: -most, hi: most }))?;
    let unit = worth(a.scale) / worth(b.scale) / 2_f64.powi(i32::try_from(fraction).unwrap_or(0));
    Ok((reg, Scale::Step(unit)))
}

/// CASE: the first result whose condition is true.
fn choice(
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
fn pick(program: &mut Program, bit: Reg, then: &Number, otherwise: &Number) -> Result<Number> {
    // A NULL has no scale of its own.
    let nothing =
        |program: &Program, x: &Number| x.known.and_then(|known| program.as_bit(known)) == Some(false);
    let (x, y, scale) = if nothing(program, otherwise) {
        (then.reg, otherwise.reg, then.scale)
    } else if nothing(program, then) {
        (then.reg, otherwise.reg, otherwise.scale)
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
    Err(unknown(expr))
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
                picked.known = match next.known {
                    None => None,
                    Some(other) => Some(program.or(known, other)),
                };
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

/// A double to so many decimal places, halves away from zero.
#[expect(clippy::cast_possible_truncation, reason = "checked to be below 2^90")]
fn rounded(program: &mut Program, value: &Number, places: i32) -> Result<Number> {
    let step = 10_f64.powi(-places);
    let ratio = step / worth(value.scale);
    let whole = ratio.round();
    // A unit that is no divisor of the step is divided finer first, so that the quotient is off by 2^-20 of it at most.
    let finer = if (ratio - whole).abs() <= whole * 1e-12 && whole >= 1.0 { 0 } else { 20 };
    let divisor = (ratio * 2_f64.powi(finer)).round();
    if !(1.0..2_f64.powi(90)).contains(&divisor) {
        return Err(failure::not_built("round() to finer steps than the value has"));
    }
    let reg = program.scale(value.reg, 1 << finer)?;
    let reg = program.divide_by(reg, divisor as i128, Rounding::Nearest)?;
    Ok(Number { reg, known: value.known, scale: Scale::Step(step) })
}

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
        Expr::Not(inner) => truth(atoms, program, inner).map(|truth| Truth { yes: truth.no, no: truth.yes }),
        Expr::IsNull(inner) | Expr::IsUnknown(inner) => {
            let known = known(atoms, program, inner)?;
            Ok(Truth { yes: program.not(known), no: known })
        }
        Expr::IsNotNull(inner) | Expr::IsNotUnknown(inner) => {
            let known = known(atoms, program, inner)?;
            Ok(Truth { yes: known, no: program.not(known) })
        }
        Expr::IsTrue(inner) => truth(atoms, program, inner).map(|x| settled(program, x.yes, false)),
        Expr::IsNotTrue(inner) => truth(atoms, program, inner).map(|x| settled(program, x.yes, true)),
        Expr::IsFalse(inner) => truth(atoms, program, inner).map(|x| settled(program, x.no, false)),
        Expr::IsNotFalse(inner) => truth(atoms, program, inner).map(|x| settled(program, x.no, true)),
        Expr::Between(between) => {
            let low = compare_expr(&between.expr, Operator::GtEq, &between.low);
            let high = compare_expr(&between.expr, Operator::LtEq, &between.high);
            let low = truth(atoms, program, &low)?;
            let high = truth(atoms, program, &high)?;
            let both = conjunction(program, low, high);
            Ok(if between.negated { Truth { yes: both.no, no: both.yes } } else { both })
        }
        Expr::InList(InList { expr, list, negated }) => {
            let mut any = Truth { yes: program.bit(false), no: program.bit(true) };
            for item in list {
                let same = truth(atoms, program, &compare_expr(expr, Operator::Eq, item))?;
                any = disjunction(program, any, same);
            }
            Ok(if *negated { Truth { yes: any.no, no: any.yes } } else { any })
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

fn compare_expr(left: &Expr, op: Operator, right: &Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left.clone()), op, Box::new(right.clone())))
}

fn settled(program: &mut Program, bit: Reg, negated: bool) -> Truth {
    let not = program.not(bit);
    if negated { Truth { yes: not, no: bit } } else { Truth { yes: bit, no: not } }
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
    let left = atoms.scope().data_type(&binary.left)?;
    let (a, b) = if is_text(&left) {
        let (l, r) = (infer(&binary.left, atoms.scope())?, infer(&binary.right, atoms.scope())?);
        let (Some(l), Some(r)) = (l.closed, r.closed) else { return Err(open_text(expr)) };
        let dictionary = merge(&l, &r);
        (text(atoms, program, &binary.left, &dictionary)?, text(atoms, program, &binary.right, &dictionary)?)
    } else {
        (number(atoms, program, &binary.left)?, number(atoms, program, &binary.right)?)
    };
    let yes = compare::compare(program, binary.op, &a, &b)?.ok_or_else(|| unknown(expr))?;
    let known = program.both(a.known, b.known);
    Ok(masked(program, yes, known))
}
