//! The variables of a model.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is shown as it is"
)]

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, lit};

use super::condition::{has_condition, keeps};
use super::facts::{Facts, is_text, scalar};
use super::failure;
use super::guard::parts as guard_parts;
use super::infer::{Scope, infer};
use super::resolution::check;
use super::rows::place;
use super::rowset::RowSet;
use crate::Result;
use crate::function::{TableFunction, Variable};
use crate::plan::{Range, RingSize, Scale};

/// Bits of the statistics that the solver is exact for (see `mpc::protocol::lasso`): variable and number of rows.
const STATISTICS_BITS: u32 = 58;

/// A variable of the model, or a level of one.
#[derive(Clone)]
pub(super) struct Term {
    pub(super) name: String,
    /// Its value in every branch.
    pub(super) exprs: Vec<Expr>,
    pub(super) scale: Scale,
    /// Its integers.
    pub(super) range: Range,
    /// For a two-valued one: 1 where it has the one, and where it has the other value, in every branch. For one with a
    /// condition: not 0 where it is not 0, and 1 where it is, if a condition may make it so.
    pub(super) halves: Option<Vec<Vec<Expr>>>,
    /// Whether these are all its values.
    pub(super) two_valued: bool,
}

impl Term {
    /// The integer in the middle of its range.
    pub(super) fn middle(&self) -> i128 {
        // 0 and 1 stay what they are.
        if self.range == (Range { lo: 0, hi: 1 }) { 0 } else { self.range.lo.midpoint(self.range.hi) }
    }

    pub(super) fn bits(&self) -> u32 {
        let (below, above) = (self.range.lo - self.middle(), self.range.hi - self.middle());
        Range { lo: below, hi: above }.bits().max(1)
    }
}

/// The terms of a feature: itself, or one for every level but the first.
pub(super) fn terms(rows: &RowSet<'_>, variable: &Variable, function: &TableFunction) -> Result<Vec<Term>> {
    let exprs = rows.expressions(&variable.expr, function.input.schema())?;
    let facts = rows.facts(&exprs)?;
    if !variable.categorical {
        return Ok(vec![numeric(&variable.name, exprs, &facts, rows)?]);
    }
    let mut levels = facts.enumerate().ok_or_else(|| {
        failure::not_built(format!(
            "the categorical variable {}, which has no closed domain (`values`)",
            variable.name
        ))
    })?;
    let declared = declared_levels(rows, &exprs);
    levels.sort_by_key(|level| declared.iter().position(|other| other == level).unwrap_or(usize::MAX));
    let others = levels.iter().skip(1).map(|level| {
        let name = format!("{}={}", variable.name, shown(level));
        level_term(name, &exprs, level)
    });
    Ok(others.collect())
}

/// The levels of the columns that the variable is, in the order of their policies; none for other expressions, whose
/// levels keep the order of SQL.
fn declared_levels(rows: &RowSet<'_>, exprs: &[Expr]) -> Vec<ScalarValue> {
    let levels = exprs.iter().zip(rows.branches()).filter_map(|(expr, branch)| {
        let Expr::Column(column) = expr else { return None };
        let (leaf, column) = place(column)?;
        let leaf = branch.leaves.get(leaf)?;
        let origin = leaf.origins.get(column).copied().flatten()?;
        let owner = rows.federation().parties.get(leaf.owner.0)?;
        Some(owner.tables.get(origin.table)?.columns.get(origin.column)?.levels.clone())
    });
    levels.flatten().collect()
}

fn shown(level: &ScalarValue) -> String {
    match level {
        ScalarValue::Boolean(Some(value)) => value.to_string(),
        other => other.to_string(),
    }
}

/// The 0-1 variable that an expression has this value.
fn level_term(name: String, exprs: &[Expr], level: &ScalarValue) -> Term {
    let ones: Vec<Expr> = exprs.iter().map(|expr| indicator(expr, level, 1)).collect();
    let zeros = exprs.iter().map(|expr| indicator(expr, level, 0)).collect();
    let range = Range { lo: 0, hi: 1 };
    Term {
        name,
        exprs: ones.clone(),
        scale: Scale::Unit,
        range,
        halves: Some(vec![ones, zeros]),
        two_valued: true,
    }
}

/// `same` where the expression has the value, else the other of 0 and 1.
fn indicator(expr: &Expr, value: &ScalarValue, same: i64) -> Expr {
    let is = expr.clone().eq(lit(value.clone()));
    let when_then_expr = vec![(Box::new(is), Box::new(lit(same)))];
    Expr::Case(Case { expr: None, when_then_expr, else_expr: Some(Box::new(lit(1 - same))) })
}

/// The values of a range of two integers.
fn two_values(facts: &Facts, range: Range) -> Option<Vec<ScalarValue>> {
    (facts.scale == Scale::Unit && range.hi.checked_sub(range.lo)? == 1)
        .then(|| [range.lo, range.hi].iter().map(|&x| scalar(x, &facts.data_type)).collect())?
}

fn numeric(name: &str, exprs: Vec<Expr>, facts: &Facts, rows: &RowSet<'_>) -> Result<Term> {
    if is_text(&facts.data_type) {
        return Err(failure::invalid(format!("{name} is text and cannot enter a model as a number")));
    }
    check(&exprs, rows.scopes(), facts)?;
    let range = facts.range.ok_or_else(|| failure::bounds(format!("the variable `{name}`")))?;
    let half = |value: &ScalarValue| exprs.iter().map(|expr| indicator(expr, value, 1)).collect();
    let values = facts.closed.clone().or_else(|| two_values(facts, range));
    let two_valued = values.as_ref().is_some_and(|values| values.len() == 2);
    let halves = match values.as_deref() {
        Some([low, high]) => Some(vec![half(low), half(high)]),
        _ if rows.is_conditional(&exprs)? => {
            let zero = ScalarValue::new_zero(&facts.data_type).map_err(|error| failure::engine(&error))?;
            let mut hidden = false;
            for (expr, scope) in exprs.iter().zip(rows.scopes()) {
                hidden |= hides_zero(expr, scope)?;
            }
            Some(if hidden { vec![exprs.clone(), half(&zero)] } else { vec![exprs.clone()] })
        }
        _ => None,
    };
    Ok(Term { name: name.to_owned(), exprs, scale: facts.scale, range, halves, two_valued })
}

/// Whether a condition may make an expression 0: a 0 that is an outcome of it tells rows apart as any other value does, but
/// is nobody's addend. Where all that a condition picks are columns and other literals, it may not.
fn hides_zero(expr: &Expr, scope: &Scope) -> Result<bool> {
    if let Expr::Literal(value, _) = expr {
        return Ok(ScalarValue::new_zero(&value.data_type()).is_ok_and(|zero| zero == *value));
    }
    let nowhere = |range: Range| range.lo > 0 || range.hi < 0;
    if !has_condition(expr, scope)? || infer(expr, scope)?.range.is_some_and(nowhere) {
        return Ok(false);
    }
    if let Some((_, column)) = guard_parts(expr) {
        return hides_zero(column, scope);
    }
    let any = |values: &mut dyn Iterator<Item = &Expr>| {
        values.map(|value| hides_zero(value, scope)).try_fold(false, |any, one| Ok(any || one?))
    };
    match expr {
        Expr::Alias(alias) => hides_zero(&alias.expr, scope),
        Expr::Negative(inner) => hides_zero(inner, scope),
        Expr::Cast(inner) if keeps(&scope.data_type(&inner.expr)?, inner.field.data_type()) => {
            hides_zero(&inner.expr, scope)
        }
        Expr::Case(case) => {
            let results = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
            any(&mut results.map(AsRef::as_ref))
        }
        Expr::ScalarFunction(function) if function.name() == "coalesce" => any(&mut function.args.iter()),
        _ => Ok(true),
    }
}

pub(super) fn target(rows: &RowSet<'_>, variable: &Variable, function: &TableFunction) -> Result<Term> {
    if !variable.categorical {
        return terms(rows, variable, function)?
            .pop()
            .ok_or_else(|| failure::internal("a target without a term"));
    }
    let mut terms = terms(rows, variable, function)?;
    match (terms.pop(), terms.pop()) {
        (Some(only), None) => Ok(Term { name: variable.name.clone(), ..only }),
        _ => Err(failure::invalid(format!(
            "the target {} must be a number, or have two values",
            variable.name
        ))),
    }
}

/// The ring in which all products of two variables can be summed.
pub(super) fn ring(features: &[Term], target: &Term, bound: u64) -> Result<RingSize> {
    let row_bits = u64::BITS - bound.leading_zeros();
    let mut ring = RingSize::Z64;
    for term in features.iter().chain([target]) {
        let bits = term.bits();
        if bits + row_bits > STATISTICS_BITS {
            return Err(failure::bounds(format!("the sums of squares of `{}` over {bound} rows", term.name)));
        }
        if 2 * bits + row_bits > 62 {
            ring = RingSize::Z128;
        }
    }
    Ok(ring)
}
