//! COUNT, SUM and AVG of distinct values: from the count of each value where there are few; else COUNT by sorting them.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, lit};

use super::facts::{Facts, is_float, is_text, type_range};
use super::failure;
use super::figure::{Argument, Figure, Sums, only_where};
use super::fixed::quotient;
use super::infer::show;
use super::moments::AVERAGE_BITS;
use super::scale::{decode, encode, factor, type_scale};
use super::value::Number;
use super::want::{Counting, Want};
use crate::Result;
use crate::function::row_digest::{DIGEST_TYPE, ROW_DIGEST, digest_bits, row_digest};
use crate::plan::{ColumnDef, Encoding, Measure, NumberedPart, Range, Reg, RingSize, Scale};

/// The most values whose number is found by counting each.
const MAX_COUNTED_VALUES: usize = 64;

/// Numbers of so many bits are counted as elements of a ring.
const MAX_ARITHMETIC_BITS: u32 = 62;

/// The most values that are counted one by one.
const MAX_VALUES: usize = 512;

impl Sums<'_> {
    /// How many values occur.
    pub(super) fn count_values(&mut self, expr: &Expr, argument: &Argument, what: &str) -> Result<Reg> {
        let values = argument.facts.enumerate().or_else(|| whole_doubles(&argument.facts));
        if values.is_none_or(|values| values.len() > MAX_COUNTED_VALUES) {
            return self.count_sorted(expr, argument, what);
        }
        let occurring = self.occurring(expr, argument, what)?;
        self.weighted(&occurring, |_| Some(1), expr)
    }

    /// How many values occur, by numbers that stand for them.
    fn count_sorted(&mut self, expr: &Expr, argument: &Argument, what: &str) -> Result<Reg> {
        let Numbers { wants, encoding, most } = self.numbers_of(expr, argument)?;
        let range = Range { lo: 0, hi: most };
        let def = ColumnDef { name: format!("number {what}"), encoding, range };
        let number = self.rows.column(&wants, def)?;
        let wants: Vec<Want> = Self::not_null(argument).into_iter().map(Want::CountBit).collect();
        let bit = Range { lo: 0, hi: 1 };
        let def = ColumnDef { name: format!("counts {what}"), encoding: Encoding::Bit, range: bit };
        let counts = self.rows.column(&wants, def)?;
        let parts = vec![NumberedPart { counts, number, rows: self.rows.all_rows() }];
        let def = self.count_def(format!("values {what}"));
        Ok(self.measure(Measure::DistinctNumbers { parts, bits: i128::BITS - most.leading_zeros() }, def))
    }

    /// What stands for the values where they are known: their places among the texts of a table, or numbers from 1, or, of
    /// wide domains of several owners, digests.
    fn numbers_of(&self, expr: &Expr, argument: &Argument) -> Result<Numbers> {
        let facts = &argument.facts;
        let arithmetic = Encoding::Arithmetic(RingSize::Z64);
        // Which rows count says a bit, so that a value is asked for without its conditions.
        let values: Vec<&Expr> = argument.exprs.iter().map(only_where).collect();
        if is_text(&facts.data_type) {
            let plain: Vec<Expr> = values.iter().map(|value| (*value).clone()).collect();
            if let Some(most) = self.rows.ranked(&plain) {
                let wants = plain.into_iter().map(|value| Want::Rank(value, arithmetic, most)).collect();
                return Ok(Numbers { wants, encoding: arithmetic, most: most.into() });
            }
            let bits = digest_bits(self.rows.bound());
            return Ok(Numbers::in_planes(&values, bits, |value| row_digest(bits, vec![value.clone()])));
        }
        let wide = || failure::bounds(show(expr));
        let range = facts.range.ok_or_else(wide)?;
        let most = range.hi.checked_sub(range.lo).and_then(|width| width.checked_add(1)).ok_or_else(wide)?;
        if most < 1 << MAX_ARITHMETIC_BITS {
            let number = |expr: &Expr| Want::Value {
                expr: expr.clone(),
                scale: facts.scale,
                offset: range.lo - 1,
                ring: RingSize::Z64,
            };
            let wants = argument.exprs.iter().map(number).collect();
            return Ok(Numbers { wants, encoding: arithmetic, most });
        }
        if is_digest(&values) {
            return Ok(Numbers::in_planes(&values, i128::BITS - range.hi.leading_zeros(), Expr::clone));
        }
        let exact = !is_float(&facts.data_type);
        let bits = exact.then(|| digest_bits(self.rows.bound())).ok_or_else(wide)?;
        Ok(Numbers::in_planes(&values, bits, |value| row_digest(bits, vec![value.clone()])))
    }

    /// The sum of the values that occur.
    pub(super) fn sum_distinct(
        &mut self,
        expr: &Expr,
        argument: &Argument,
        what: &str,
        data_type: &DataType,
    ) -> Result<Figure> {
        let gates = self.gates_behind(argument, what)?;
        let occurring = self.occurring(expr, argument, what)?;
        let scale = argument.facts.scale;
        let reg = self.weighted(&occurring, |value| encode(value, scale), expr)?;
        let fits = is_float(data_type)
            || type_range(data_type).is_some_and(|limit| limit.holds(self.program.range(reg)));
        if !fits {
            return Err(failure::bounds(show(expr)));
        }
        let count = self.count(&Self::not_null(argument), what)?;
        let known = self.enough(argument.facts.nullable, &gates, count, 1)?;
        Ok(Figure::of(Number { reg, known, scale }, gates))
    }

    /// The mean of the values that occur.
    pub(super) fn average_distinct(
        &mut self,
        expr: &Expr,
        argument: &Argument,
        what: &str,
        data_type: &DataType,
    ) -> Result<Figure> {
        let wide = || failure::bounds(show(expr));
        let gates = self.gates_behind(argument, what)?;
        let occurring = self.occurring(expr, argument, what)?;
        let scale = argument.facts.scale;
        let total = self.weighted(&occurring, |value| encode(value, scale), expr)?;
        let count = self.weighted(&occurring, |_| Some(1), expr)?;
        let known = self.enough(argument.facts.nullable, &gates, count, 1)?;
        let range = argument.facts.range.map(Range::with_zero).ok_or_else(wide)?;
        let most = i128::try_from(range.magnitude()).map_err(|_| wide())?;
        let (reg, scale) = if is_float(data_type) {
            let top = Number { reg: total, known: None, scale };
            let bottom = Number { reg: count, known: None, scale: Scale::Unit };
            quotient(&mut self.program, &top, &bottom, AVERAGE_BITS.saturating_sub(range.bits()), Some(most))?
        } else {
            let wanted = type_scale(data_type);
            let grown = factor(scale, wanted).ok_or_else(wide)?;
            let top = self.program.scale(total, grown)?;
            let most = most.checked_mul(grown).ok_or_else(wide)?;
            (self.program.divide(top, count, Some(Range { lo: -most, hi: most }))?, wanted)
        };
        Ok(Figure::of(Number { reg, known, scale }, gates))
    }

    /// For each value of the domain, 1 where it occurs.
    fn occurring(&mut self, expr: &Expr, argument: &Argument, what: &str) -> Result<Vec<(ScalarValue, Reg)>> {
        let values = argument.facts.enumerate().or_else(|| whole_doubles(&argument.facts));
        let values = values.filter(|values| values.len() <= MAX_VALUES).ok_or_else(|| {
            failure::not_built(format!(
                "{}: distinct values are counted where there are at most {MAX_VALUES} of them (`values`)",
                show(expr)
            ))
        })?;
        let mut occurring = Vec::new();
        for value in values {
            let counting: Vec<Counting> = argument
                .exprs
                .iter()
                .map(|expr| Counting {
                    known: vec![where_it_is(expr, &value)],
                    nonzero: None,
                    ring: RingSize::Z64,
                })
                .collect();
            let count = self.count(&counting, &format!("{what} = {value}"))?;
            let none = self.program.zero(count);
            let bit = self.program.not(none);
            occurring.push((value, self.program.arithmetic(bit, RingSize::Z64)?));
        }
        Ok(occurring)
    }

    /// The sum of a number for each value that occurs.
    fn weighted(
        &mut self,
        occurring: &[(ScalarValue, Reg)],
        weight: impl Fn(&ScalarValue) -> Option<i128>,
        expr: &Expr,
    ) -> Result<Reg> {
        let mut sum = self.program.constant(0)?;
        for (value, bit) in occurring {
            let weight = weight(value).ok_or_else(|| failure::bounds(show(expr)))?;
            let term = self.program.scale(*bit, weight)?;
            sum = self.program.add(sum, term)?;
        }
        Ok(sum)
    }
}

/// Numbers that stand for values, in every branch.
struct Numbers {
    wants: Vec<Want>,
    encoding: Encoding,
    /// The largest.
    most: i128,
}

impl Numbers {
    /// Digests, as planes.
    fn in_planes(values: &[&Expr], bits: u32, digest: impl Fn(&Expr) -> Expr) -> Numbers {
        let want = |value: &&Expr| Want::Planes {
            expr: digest(value),
            scale: type_scale(&DIGEST_TYPE),
            offset: 0,
            planes: bits,
            dictionary: None,
        };
        let wants = values.iter().map(want).collect();
        Numbers { wants, encoding: Encoding::Planes(bits), most: (1 << bits) - 1 }
    }
}

/// Whether values are digests already, in every branch.
fn is_digest(values: &[&Expr]) -> bool {
    values
        .iter()
        .all(|value| matches!(value, Expr::ScalarFunction(function) if function.name() == ROW_DIGEST))
}

/// Doubles that are whole numbers, as integers that were cast are.
fn whole_doubles(facts: &Facts) -> Option<Vec<ScalarValue>> {
    let range = facts.range.filter(|_| facts.scale == Scale::Step(1.0))?;
    let few = range.hi.checked_sub(range.lo).is_some_and(|width| width < MAX_VALUES as i128);
    let value = |x| ScalarValue::Float64(Some(decode(x, facts.scale)));
    few.then(|| (range.lo..=range.hi).map(value).collect())
}

/// Known where an expression has a value.
fn where_it_is(expr: &Expr, value: &ScalarValue) -> Expr {
    let when = expr.clone().eq(lit(value.clone()));
    Expr::Case(Case { expr: None, when_then_expr: vec![(Box::new(when), Box::new(lit(1)))], else_expr: None })
}
