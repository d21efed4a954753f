//! Facts about expressions: interval arithmetic on declared domains, and proof that an expression cannot fail.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is refused"
)]

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::expr::{Case, InList};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};

use super::facts::{Facts, derived_double, is_float, is_text, type_range};
use super::rows::replace;
use super::scale::{common_scale, rescale, type_scale, worth};
use super::{cast, dates, enumerate, failure, scalar};
use crate::Result;
use crate::plan::{Range, Scale};

/// Columns that expressions may name, with what is known of them.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// Their names and types.
    pub(crate) schema: DFSchema,
    /// What is known of each, in the order of the schema.
    pub(crate) facts: Vec<Facts>,
}

impl Scope {
    /// What is known of a column.
    pub(crate) fn column(&self, column: &Column) -> Result<&Facts> {
        let index = self.schema.index_of_column(column).map_err(|error| failure::engine(&error))?;
        self.facts.get(index).ok_or_else(|| failure::internal(format!("no facts about {column}")))
    }

    /// The SQL type of an expression.
    pub(crate) fn data_type(&self, expr: &Expr) -> Result<DataType> {
        expr.get_type(&self.schema).map_err(|error| failure::engine(&error))
    }
}

/// What is known of the values of an expression.
///
/// # Errors
/// Refused if it may fail, or overflow, on the declared domains of its columns; invalid ("not built yet") for what
/// is not understood.
pub(crate) fn infer(expr: &Expr, scope: &Scope) -> Result<Facts> {
    let direct = infer_direct(expr, scope);
    if let Ok(facts) = &direct
        && facts.closed.is_some()
    {
        return direct;
    }
    match (enumerate::enumerate(expr, scope), direct) {
        // Exact steps are better than what fits the values.
        (Some(Ok(_)), Ok(direct)) if is_float(&direct.data_type) && direct.range.is_some() => Ok(direct),
        (Some(evaluated), _) => evaluated,
        (None, direct) => direct,
    }
}

fn infer_direct(expr: &Expr, scope: &Scope) -> Result<Facts> {
    match expr {
        Expr::Alias(alias) => infer(&alias.expr, scope),
        Expr::Column(column) => scope.column(column).cloned(),
        Expr::Literal(value, _) => Ok(Facts::of_literal(value)),
        Expr::Not(inner) => Ok(Facts::truth(infer(inner, scope)?.nullable)),
        Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsNotUnknown(inner) => {
            infer(inner, scope)?;
            Ok(Facts::truth(false))
        }
        Expr::Negative(inner) => negative(expr, infer(inner, scope)?),
        Expr::Between(between) => truth_of(&[&between.expr, &between.low, &between.high], scope),
        Expr::Like(like) => truth_of(&[&like.expr, &like.pattern], scope),
        Expr::InList(InList { expr, list, .. }) => {
            let mut all = vec![expr.as_ref()];
            all.extend(list);
            truth_of(&all, scope)
        }
        Expr::BinaryExpr(binary) => infer_binary(expr, binary, scope),
        Expr::Case(case) => infer_case(case, scope),
        Expr::Cast(inner) => cast::cast(expr, &inner.expr, inner.field.data_type(), scope, false),
        Expr::TryCast(inner) => cast::cast(expr, &inner.expr, inner.field.data_type(), scope, true),
        Expr::ScalarFunction(function) => scalar::infer_function(expr, function, scope),
        _ => Err(failure::not_built(format!("the expression {}", show(expr)))),
    }
}

/// An expression as a message shows it.
pub(crate) fn show(expr: &Expr) -> String {
    let named = replace(&super::guard::plain(expr), &|column| {
        if super::guard::match_of(column).is_some() {
            return Some(Expr::Column(Column::new_unqualified("matched")));
        }
        if super::secret::secret_of(column).is_none() {
            super::rows::place(column)?;
        }
        let (_, name) = column.name.split_once(':')?;
        Some(Expr::Column(Column::new_unqualified(name)))
    });
    format!("`{}`", named.as_ref().unwrap_or(expr))
}

fn truth_of(parts: &[&Expr], scope: &Scope) -> Result<Facts> {
    let mut nullable = false;
    for part in parts {
        nullable |= infer(part, scope)?.nullable;
    }
    Ok(Facts::truth(nullable))
}

fn negative(expr: &Expr, facts: Facts) -> Result<Facts> {
    let Some(range) = facts.range else {
        return Ok(Facts::open(facts.data_type, facts.nullable));
    };
    let range = range.negate().ok_or_else(|| failure::bounds(show(expr)))?;
    fitting(expr, Facts::number(facts.data_type, facts.nullable, facts.scale, range))
}

/// Checks that a number stays within its type.
pub(crate) fn fitting(expr: &Expr, facts: Facts) -> Result<Facts> {
    let (Some(range), Some(limit)) = (facts.range, type_range(&facts.data_type)) else {
        return Ok(facts);
    };
    if limit.holds(range) { Ok(facts) } else { Err(failure::bounds(show(expr))) }
}

fn infer_case(case: &Case, scope: &Scope) -> Result<Facts> {
    if let Some(base) = &case.expr {
        infer(base, scope)?;
    }
    let mut all: Option<Facts> = None;
    let results = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
    for (condition, _) in &case.when_then_expr {
        infer(condition, scope)?;
    }
    for result in results {
        let facts = infer(result, scope)?;
        all = Some(match all {
            None => facts,
            Some(before) => before.hull(&facts)?,
        });
    }
    let facts = all.ok_or_else(|| failure::internal("CASE without a branch"))?;
    let nullable = facts.nullable || case.else_expr.is_none();
    Ok(facts.with_null(nullable))
}

fn infer_binary(expr: &Expr, binary: &BinaryExpr, scope: &Scope) -> Result<Facts> {
    let left = infer(&binary.left, scope)?;
    let right = infer(&binary.right, scope)?;
    let nullable = left.nullable || right.nullable;
    match binary.op {
        Operator::And
        | Operator::Or
        | Operator::Eq
        | Operator::NotEq
        | Operator::Lt
        | Operator::LtEq
        | Operator::Gt
        | Operator::GtEq => Ok(Facts::truth(nullable)),
        Operator::IsDistinctFrom | Operator::IsNotDistinctFrom => Ok(Facts::truth(false)),
        Operator::StringConcat => {
            let bytes = left.bytes().zip(right.bytes()).and_then(|(left, right)| left.checked_add(right));
            let bytes = bytes.filter(|_| is_text(&left.data_type) && is_text(&right.data_type));
            Ok(Facts::text(scope.data_type(expr)?, nullable, bytes))
        }
        Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo => {
            let data_type = scope.data_type(expr)?;
            if let Some(facts) = dates::shifted(binary, &left, &right, &data_type) {
                return fitting(expr, facts);
            }
            if is_float(&data_type) {
                if binary.op == Operator::Divide && may_be_close_to_zero(&binary.right, &right, scope)? {
                    return Ok(Facts::open(data_type, true));
                }
                Ok(double_arithmetic(binary.op, &left, &right, data_type))
            } else {
                exact_arithmetic(expr, binary.op, &left, &right, data_type)
            }
        }
        _ => Err(failure::not_built(format!("the operator {} in {}", binary.op, show(expr)))),
    }
}

/// Whether rounding may leave a divisor of doubles closer to 0 than a step, so that nothing bounds the quotient.
fn may_be_close_to_zero(divisor: &Expr, facts: &Facts, scope: &Scope) -> Result<bool> {
    let inner = match divisor {
        Expr::ScalarFunction(function) if function.name() == "nonzero" => match function.args.as_slice() {
            [inner] => inner,
            _ => return Ok(true),
        },
        other => other,
    };
    let around_zero = match infer(inner, scope)?.range.or(facts.range) {
        Some(range) => range.lo <= 1 && range.hi >= -1,
        None => true,
    };
    Ok(around_zero && !on_steps(inner, scope)?)
}

/// Whether the values are whole numbers of steps: columns, literals, and what is no double.
fn on_steps(expr: &Expr, scope: &Scope) -> Result<bool> {
    Ok(match expr {
        Expr::Column(_) | Expr::Literal(..) => true,
        Expr::Alias(alias) => on_steps(&alias.expr, scope)?,
        Expr::Negative(inner) => on_steps(inner, scope)?,
        Expr::Cast(inner) => on_steps(&inner.expr, scope)?,
        other => !is_float(&scope.data_type(other)?),
    })
}

/// Integers and decimals, as SQL computes them: no rounding but in division.
fn exact_arithmetic(
    expr: &Expr,
    op: Operator,
    left: &Facts,
    right: &Facts,
    data_type: DataType,
) -> Result<Facts> {
    let numeric =
        |facts: &Facts| facts.data_type.is_integer() || matches!(facts.data_type, DataType::Decimal128(..));
    if !(numeric(left) && numeric(right)) || !(data_type.is_integer() || type_range(&data_type).is_some()) {
        return Err(failure::not_built(format!("arithmetic on {} and {}", left.data_type, right.data_type)));
    }
    let nullable = left.nullable || right.nullable;
    let scale = type_scale(&data_type);
    let wide = || failure::bounds(show(expr));
    let (Some(a), Some(b)) = (left.range, right.range) else { return Err(wide()) };
    match op {
        Operator::Plus | Operator::Minus => {
            let a = rescale(a, left.scale, scale).ok_or_else(wide)?;
            let b = rescale(b, right.scale, scale).ok_or_else(wide)?;
            let b = if op == Operator::Minus { b.negate().ok_or_else(wide)? } else { b };
            fitting(expr, Facts::number(data_type, nullable, scale, a.add(b).ok_or_else(wide)?))
        }
        Operator::Multiply => {
            fitting(expr, Facts::number(data_type, nullable, scale, a.multiply(b).ok_or_else(wide)?))
        }
        Operator::Divide => {
            let grown =
                10_i128.checked_pow(division_digits(left.scale, right.scale, scale)).ok_or_else(wide)?;
            let a = a.multiply(Range { lo: grown, hi: grown }).ok_or_else(wide)?;
            let range = quotient(a, b);
            let nullable = nullable || (b.lo <= 0 && b.hi >= 0);
            fitting(expr, Facts::number(data_type, nullable, scale, range))
        }
        _ => {
            let common = common_scale(left.scale, right.scale);
            let a = rescale(a, left.scale, common).ok_or_else(wide)?;
            let b = rescale(b, right.scale, common).ok_or_else(wide)?;
            let most = i128::try_from(a.magnitude().min(b.magnitude())).map_err(|_| wide())?;
            let range = Range { lo: if a.lo < 0 { -most } else { 0 }, hi: if a.hi > 0 { most } else { 0 } };
            let nullable = nullable || (b.lo <= 0 && b.hi >= 0);
            fitting(expr, Facts::number(data_type, nullable, scale, range))
        }
    }
}

/// By how many decimal digits the numerator grows before a division.
pub(crate) fn division_digits(left: Scale, right: Scale, result: Scale) -> u32 {
    let digits = |scale| match scale {
        Scale::Decimal(digits) => i32::from(digits),
        Scale::Unit | Scale::Step(_) => 0,
    };
    u32::try_from(digits(result) - digits(left) + digits(right)).unwrap_or(0)
}

/// Truncated quotients; division by 0 is NULL.
pub(crate) fn quotient(a: Range, b: Range) -> Range {
    let least = if b.lo > 0 {
        b.lo
    } else if b.hi < 0 {
        -b.hi
    } else {
        1
    };
    if b.lo > 0 {
        // The quotient of a number that is not negative is smallest for the largest divisor.
        let by = |towards_zero: bool| if towards_zero { b.hi } else { b.lo };
        return Range { lo: a.lo / by(a.lo >= 0), hi: a.hi / by(a.hi <= 0) };
    }
    if b.lo >= 0 {
        Range { lo: if a.lo < 0 { a.lo / least } else { 0 }, hi: if a.hi > 0 { a.hi / least } else { 0 } }
    } else {
        let most = i128::try_from(a.magnitude()).unwrap_or(i128::MAX) / least;
        Range { lo: -most, hi: most }
    }
}

/// Doubles: exact steps while they stay short, else a step that is fine enough for the range.
fn double_arithmetic(op: Operator, left: &Facts, right: &Facts, data_type: DataType) -> Facts {
    let nullable = left.nullable || right.nullable;
    let zero = right.range.is_none_or(|b| b.lo <= 0 && b.hi >= 0);
    let (Some(a), Some(b)) = (left.interval(), right.interval()) else {
        let divides = matches!(op, Operator::Divide | Operator::Modulo);
        return Facts::open(data_type, nullable || (divides && zero));
    };
    if let Some(facts) = exact_double(op, left, right, &data_type) {
        return facts;
    }
    match op {
        Operator::Plus => derived_double(nullable, data_type, a.0 + b.0, a.1 + b.1),
        Operator::Minus => derived_double(nullable, data_type, a.0 - b.1, a.1 - b.0),
        Operator::Multiply => {
            let all = [a.0 * b.0, a.0 * b.1, a.1 * b.0, a.1 * b.1];
            let lo = all.iter().copied().fold(f64::INFINITY, f64::min);
            let hi = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            derived_double(nullable, data_type, lo, hi)
        }
        Operator::Divide => {
            let least = if zero { worth(right.scale) } else { b.0.abs().min(b.1.abs()) };
            let most = a.0.abs().max(a.1.abs()) / least;
            let lo = if a.0 >= 0.0 && b.0 >= 0.0 { 0.0 } else { -most };
            derived_double(nullable || zero, data_type, lo, most)
        }
        _ => {
            let most = a.0.abs().max(a.1.abs()).min(b.0.abs().max(b.1.abs()));
            derived_double(nullable || zero, data_type, if a.0 < 0.0 { -most } else { 0.0 }, most)
        }
    }
}

/// Sums and products of whole steps, and quotients by a literal.
fn exact_double(op: Operator, left: &Facts, right: &Facts, data_type: &DataType) -> Option<Facts> {
    let (a, b) = (left.range?, right.range?);
    let (scale, range) = match op {
        Operator::Plus | Operator::Minus => {
            let scale = common_scale(left.scale, right.scale);
            let (a, b) = (rescale(a, left.scale, scale)?, rescale(b, right.scale, scale)?);
            (scale, a.add(if op == Operator::Minus { b.negate()? } else { b })?)
        }
        Operator::Multiply => (Scale::Step(worth(left.scale) * worth(right.scale)), a.multiply(b)?),
        Operator::Divide if b.lo == b.hi && b.lo > 0 => {
            (Scale::Step(worth(left.scale) / super::scale::decode(b.lo, right.scale)), a)
        }
        _ => return None,
    };
    let nullable = left.nullable || right.nullable;
    (range.bits() <= 44).then(|| Facts::number(data_type.clone(), nullable, scale, range))
}
