//! SUM, AVG, VAR and STDDEV from sums over rows.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::Expr;

use super::emit::name;
use super::facts::{Facts, is_float, type_range};
use super::failure;
use super::figure::{Argument, Figure, Gate, Sums};
use super::fixed::quotient;
use super::infer::show;
use super::resolution::resolved;
use super::scale::{encode, type_scale, worth};
use super::value::Number;
use super::want::Want;
use crate::Result;
use crate::plan::{ColumnDef, Encoding, Measure, Range, Reg, RingSize, Rounding, Scale};

/// Bits of a quotient, relative to its range: more than the 53 of the double that it becomes.
pub(super) const AVERAGE_BITS: u32 = 62;

/// Bits of sums for whose steps there is a choice: what a division leaves room for.
const SUM_BITS: u32 = 120;

impl Sums<'_> {
    /// The bit that there are at least so many rows, where nothing else says so.
    pub(super) fn enough(
        &mut self,
        nullable: bool,
        gates: &[Gate],
        count: Reg,
        rows: u64,
    ) -> Result<Option<Reg>> {
        let gated = gates.iter().any(|gate| gate.at_least >= rows);
        let present = self.grouped && rows == 1 && !nullable;
        if gated || present {
            return Ok(None);
        }
        if rows == 1 {
            let none = self.program.zero(count);
            return Ok(Some(self.program.not(none)));
        }
        let short = self.program.offset(count, -i128::from(rows))?;
        let short = self.program.negative(short);
        Ok(Some(self.program.not(short)))
    }

    /// The argument in steps that tell its smallest values from 0.
    pub(super) fn resolved(&self, argument: &Argument, fits: impl Fn(Range) -> bool) -> Result<Argument> {
        let facts = resolved(&argument.exprs, self.rows.scopes(), &argument.facts, fits)?;
        Ok(Argument { facts, ..argument.clone() })
    }

    /// The same where it is summed.
    fn summable(&self, argument: &Argument) -> Result<Argument> {
        let bound = self.rows.bound();
        self.resolved(argument, |range| range.sum(bound).is_some_and(|sum| sum.bits() <= SUM_BITS))
    }

    /// The same where its squares are summed.
    pub(super) fn squarable(&self, argument: &Argument) -> Result<Argument> {
        let bits = SUM_BITS.saturating_sub(u64::BITS - self.rows.bound().leading_zeros());
        self.resolved(argument, |range| 2 * range.bits() <= bits)
    }

    /// The sum of an argument's integers.
    fn total(&mut self, expr: &Expr, argument: &Argument, what: &str) -> Result<Reg> {
        let wide = || failure::bounds(show(expr));
        let range = argument.facts.range.ok_or_else(wide)?.with_zero();
        let sum = range.sum(self.rows.bound()).ok_or_else(wide)?;
        let ring = sum.ring().ok_or_else(wide)?;
        let value = self.value_column(argument, what, range, ring)?;
        let def = ColumnDef { name: format!("sum {what}"), encoding: Encoding::Arithmetic(ring), range: sum };
        Ok(self.measure(Measure::Sum { value }, def))
    }

    fn value_column(
        &mut self,
        argument: &Argument,
        what: &str,
        range: Range,
        ring: RingSize,
    ) -> Result<usize> {
        let scale = argument.facts.scale;
        let wants: Vec<Want> = argument
            .exprs
            .iter()
            .map(|expr| Want::Value { expr: expr.clone(), scale, offset: 0, ring })
            .collect();
        let def = ColumnDef { name: format!("values {what}"), encoding: Encoding::Arithmetic(ring), range };
        self.rows.column(&wants, def)
    }

    pub(super) fn sum(
        &mut self,
        expr: &Expr,
        argument: &Argument,
        what: &str,
        data_type: &DataType,
    ) -> Result<Figure> {
        let gates = self.gates_behind(argument, what)?;
        let argument = &self.summable(argument)?;
        let reg = self.total(expr, argument, what)?;
        if !is_float(data_type)
            && !type_range(data_type).is_some_and(|limit| limit.holds(self.program.range(reg)))
        {
            return Err(failure::bounds(show(expr)));
        }
        let reg = self.rounded_total(reg, &argument.facts)?;
        let count = self.count(&Self::not_null(argument), what)?;
        let known = self.enough(argument.facts.nullable, &gates, count, 1)?;
        Ok(Figure::of(Number { reg, known, scale: argument.facts.scale }, gates))
    }

    /// A sum of one value, or of two, is a count by another name, and rounded as counts are.
    pub(super) fn rounded_total(&mut self, total: Reg, facts: &Facts) -> Result<Reg> {
        let multiple = self.count_multiple();
        let Some(largest) = largest_of_two(facts).filter(|_| multiple > 1) else { return Ok(total) };
        let step = multiple.checked_mul(largest).ok_or_else(|| failure::bounds("a rounded sum"))?;
        self.rounded = Some(multiple);
        let reg = self.program.divide_by(total, step, Rounding::Nearest)?;
        self.program.scale(reg, step)
    }

    /// The mean: doubles to the nearest of [`AVERAGE_BITS`], decimals truncated as the engine truncates them.
    pub(super) fn average(
        &mut self,
        expr: &Expr,
        argument: &Argument,
        what: &str,
        data_type: &DataType,
    ) -> Result<Figure> {
        let gates = self.gates_behind(argument, what)?;
        let argument = &self.summable(argument)?;
        let total = self.total(expr, argument, what)?;
        let count = self.count(&Self::not_null(argument), what)?;
        let known = self.enough(argument.facts.nullable, &gates, count, 1)?;
        let (reg, scale) = self.mean(expr, (total, count), &argument.facts, data_type)?;
        Ok(Figure::of(Number { reg, known, scale }, gates))
    }

    /// The same of rows that are sums and counts, from the sums of both; `facts` are those of the values that were summed.
    pub(super) fn mean_of_sums(
        &mut self,
        (sums, counts): (&Expr, &Expr),
        schema: &DFSchema,
        facts: &Facts,
        data_type: &DataType,
    ) -> Result<Figure> {
        let (of_sums, of_counts) = (self.summed(sums, schema)?, self.summed(counts, schema)?);
        let (what, count) = (name(sums), name(counts));
        let gates = self.gates_behind(&of_sums, &what)?;
        let of_sums = self.summable(&of_sums)?;
        if of_sums.facts.scale != facts.scale {
            return Err(failure::not_built("a mean of sums in other steps than their values"));
        }
        let total = self.total(sums, &of_sums, &what)?;
        let count = self.total(counts, &of_counts, &count)?;
        let known = self.enough(of_sums.facts.nullable, &gates, count, 1)?;
        let (reg, scale) = self.mean(sums, (total, count), facts, data_type)?;
        Ok(Figure::of(Number { reg, known, scale }, gates))
    }

    /// A total by a number of rows; `facts` are those of one value.
    pub(super) fn mean(
        &mut self,
        expr: &Expr,
        (total, count): (Reg, Reg),
        facts: &Facts,
        data_type: &DataType,
    ) -> Result<(Reg, Scale)> {
        let wide = || failure::bounds(show(expr));
        let range = facts.range.map(Range::with_zero).ok_or_else(wide)?;
        let most = i128::try_from(range.magnitude()).map_err(|_| wide())?;
        let (sum, rows) = (
            Number { reg: total, known: None, scale: facts.scale },
            Number { reg: count, known: None, scale: Scale::Unit },
        );
        if is_float(data_type) {
            let fraction = AVERAGE_BITS.saturating_sub(range.bits());
            return quotient(&mut self.program, &sum, &rows, fraction, Some(most));
        }
        let scale = type_scale(data_type);
        let grown = super::scale::factor(facts.scale, scale).ok_or_else(wide)?;
        let top = self.program.scale(total, grown)?;
        let most = most.checked_mul(grown).ok_or_else(wide)?;
        Ok((self.program.divide(top, count, Some(Range { lo: -most, hi: most }))?, scale))
    }

    /// (n sum(x^2) - sum(x)^2) / (n (n - 1)), or by n^2: the numerator is exact.
    pub(super) fn variance(
        &mut self,
        expr: &Expr,
        argument: &Argument,
        what: &str,
        sample: bool,
        root: bool,
    ) -> Result<Figure> {
        let wide = || failure::bounds(show(expr));
        let gates = self.gates_behind(argument, what)?;
        let argument = &self.squarable(argument)?;
        let range = argument.facts.range.ok_or_else(wide)?.with_zero();
        let most = i128::try_from(range.magnitude()).map_err(|_| wide())?;
        let square = Range { lo: 0, hi: most.checked_mul(most).ok_or_else(wide)? };
        let squares = square.sum(self.rows.bound()).ok_or_else(wide)?;
        let ring = squares.ring().ok_or_else(wide)?;
        let value = self.value_column(argument, what, range, ring)?;
        let def = ColumnDef {
            name: format!("sum of squares {what}"),
            encoding: Encoding::Arithmetic(ring),
            range: squares,
        };
        let squares = self.measure(Measure::SumOfProducts { left: value, right: value }, def);
        let sum = range.sum(self.rows.bound()).ok_or_else(wide)?;
        let def = ColumnDef { name: format!("sum {what}"), encoding: Encoding::Arithmetic(ring), range: sum };
        let total = self.measure(Measure::Sum { value }, def);
        let count = self.count(&Self::not_null(argument), what)?;
        let known = self.enough(argument.facts.nullable, &gates, count, if sample { 2 } else { 1 })?;
        let (reg, scale) = self.variance_of(expr, &argument.facts, (count, total, squares), sample)?;
        Ok(Figure { root, ..Figure::of(Number { reg, known, scale }, gates) })
    }

    /// The variance of numbers with these facts, from how many there are, their sum and that of their squares.
    pub(super) fn variance_of(
        &mut self,
        expr: &Expr,
        facts: &Facts,
        (count, total, squares): (Reg, Reg, Reg),
        sample: bool,
    ) -> Result<(Reg, Scale)> {
        let wide = || failure::bounds(show(expr));
        let range = facts.range.ok_or_else(wide)?.with_zero();
        let program = &mut self.program;
        let left = program.multiply(count, squares)?;
        let right = program.multiply(total, total)?;
        let numerator = program.subtract(left, right)?;
        program.assume(numerator, Range { lo: 0, hi: program.range(left).hi });
        let fewer = if sample { program.offset(count, -1)? } else { count };
        let denominator = program.multiply(count, fewer)?;
        program.assume(denominator, Range { lo: 0, hi: i128::MAX });
        let fraction = AVERAGE_BITS.saturating_sub(2 * range.bits());
        let unit = worth(facts.scale);
        let top = Number { reg: numerator, known: None, scale: Scale::Step(unit * unit) };
        let bottom = Number { reg: denominator, known: None, scale: Scale::Unit };
        // A variance is at most a quarter of the squared width, times n / (n - 1), which is 2 or less.
        let width =
            range.hi.checked_sub(range.lo).and_then(|width| width.checked_mul(width)).ok_or_else(wide)?;
        quotient(program, &top, &bottom, fraction, Some(width))
    }
}

/// The size of the larger of the values in an argument that has no more than two, as integers; `None` if it has more, or is
/// always 0.
fn largest_of_two(facts: &Facts) -> Option<i128> {
    let values: BTreeSet<i128> = match (&facts.closed, facts.range) {
        (Some(values), _) => {
            let known = values.iter().filter(|value| !value.is_null());
            known.map(|value| encode(value, facts.scale)).collect::<Option<_>>()?
        }
        (None, Some(range)) if range.hi - range.lo <= i128::from(facts.scale == Scale::Unit) => {
            BTreeSet::from([range.lo, range.hi])
        }
        _ => return None,
    };
    let largest = values.iter().map(|value| value.abs()).max()?;
    (values.len() <= 2 && largest > 0).then_some(largest)
}
