//! COUNT, SUM, AVG, VAR and STDDEV of distinct values: from the count of each value where there are few; else COUNT, SUM and AVG
//! by sorting them.

use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType};
use datafusion::common::ScalarValue;
use datafusion::functions::math::expr_fn::round;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, cast, lit};

use super::facts::{Facts, is_float, is_text, type_range};
use super::failure;
use super::figure::{Argument, Figure, Gate, Sums, only_where};
use super::infer::show;
use super::scale::{decode, encode, type_scale};
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
        let numbered = self.numbered(expr, argument, what)?;
        self.count_numbered(numbered, Self::not_null(argument), what)
    }

    /// The column of the numbers, and the width of these.
    fn numbered(&mut self, expr: &Expr, argument: &Argument, what: &str) -> Result<(usize, u32)> {
        let Numbers { wants, encoding, most } = self.numbers_of(expr, argument)?;
        let range = Range { lo: 0, hi: most };
        let def = ColumnDef { name: format!("number {what}"), encoding, range };
        Ok((self.rows.column(&wants, def)?, i128::BITS - most.leading_zeros()))
    }

    /// How many numbers rows that count have.
    fn count_numbered(
        &mut self,
        (number, bits): (usize, u32),
        counting: Vec<Counting>,
        what: &str,
    ) -> Result<Reg> {
        let wants: Vec<Want> = counting.into_iter().map(Want::CountBit).collect();
        let bit = Range { lo: 0, hi: 1 };
        let def = ColumnDef { name: format!("counts {what}"), encoding: Encoding::Bit, range: bit };
        let counts = self.rows.column(&wants, def)?;
        let parts = vec![NumberedPart { counts, number, rows: self.rows.all_rows() }];
        let def = self.count_def(format!("values {what}"));
        Ok(self.measure(Measure::DistinctNumbers { parts, bits }, def))
    }

    /// The sum of an argument over rows of which those of one number count once, and how many numbers these have: for each
    /// binary digit of the argument, as many times its worth as numbers have it. All are counted in the same order of the rows.
    fn sum_numbered(
        &mut self,
        expr: &Expr,
        argument: &Argument,
        number: (usize, u32),
        what: &str,
    ) -> Result<(Reg, Reg)> {
        let wide = || failure::bounds(show(expr));
        let range = argument.facts.range.ok_or_else(wide)?;
        let width = range.hi.checked_sub(range.lo).filter(|width| *width < 1 << MAX_ARITHMETIC_BITS);
        let count = self.count_numbered(number, Self::not_null(argument), what)?;
        let mut total = self.program.scale(count, range.lo)?;
        for place in 0..i128::BITS - width.ok_or_else(wide)?.leading_zeros() {
            let has_it = |expr: &Expr| -> Result<Counting> {
                let known = vec![has_digit(expr, &argument.facts, range.lo, place)?];
                Ok(Counting { known, nonzero: None, ring: RingSize::Z64 })
            };
            let counting = argument.exprs.iter().map(has_it).collect::<Result<Vec<_>>>()?;
            let times = self.count_numbered(number, counting, &format!("{what} digit {place}"))?;
            let worth = self.program.scale(times, 1 << place)?;
            total = self.program.add(total, worth)?;
        }
        let all = range.with_zero().sum(self.rows.bound()).ok_or_else(wide)?;
        self.program.assume(total, all);
        Ok((total, count))
    }

    /// The sum or the mean of an argument over the different rows among those that there are, which have these digests.
    pub(super) fn over_different_rows(
        &mut self,
        expr: &Expr,
        (argument, digest): (&Argument, &Argument),
        what: &str,
        (mean, data_type): (bool, &DataType),
    ) -> Result<Figure> {
        let gates = self.gates_behind(argument, what)?;
        let number = self.numbered(expr, digest, what)?;
        let (mut total, count) = self.sum_numbered(expr, argument, number, what)?;
        if !mean {
            total = self.rounded_total(total, &argument.facts)?;
        }
        self.of_total(expr, argument, (total, count, gates), (mean, data_type))
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
        let (total, _) = self.total_distinct(expr, argument, what)?;
        let count = self.count(&Self::not_null(argument), what)?;
        self.of_total(expr, argument, (total, count, gates), (false, data_type))
    }

    /// The sum of the values that occur, and how many there are.
    fn total_distinct(&mut self, expr: &Expr, argument: &Argument, what: &str) -> Result<(Reg, Reg)> {
        let values = argument.facts.enumerate().or_else(|| whole_doubles(&argument.facts));
        if values.is_none_or(|values| values.len() > MAX_VALUES) {
            let number = self.numbered(expr, argument, what)?;
            return self.sum_numbered(expr, argument, number, what);
        }
        let occurring = self.occurring(expr, argument, what)?;
        let scale = argument.facts.scale;
        let total = self.weighted(&occurring, |value| encode(value, scale), expr)?;
        Ok((total, self.weighted(&occurring, |_| Some(1), expr)?))
    }

    /// A sum of so many values, or their mean.
    fn of_total(
        &mut self,
        expr: &Expr,
        argument: &Argument,
        (total, count, gates): (Reg, Reg, Vec<Gate>),
        (mean, data_type): (bool, &DataType),
    ) -> Result<Figure> {
        let known = self.enough(argument.facts.nullable, &gates, count, 1)?;
        if mean {
            let (reg, scale) = self.mean(expr, (total, count), &argument.facts, data_type)?;
            return Ok(Figure::of(Number { reg, known, scale }, gates));
        }
        let fits = is_float(data_type)
            || type_range(data_type).is_some_and(|limit| limit.holds(self.program.range(total)));
        if !fits {
            return Err(failure::bounds(show(expr)));
        }
        Ok(Figure::of(Number { reg: total, known, scale: argument.facts.scale }, gates))
    }

    /// The mean of the values that occur.
    pub(super) fn average_distinct(
        &mut self,
        expr: &Expr,
        argument: &Argument,
        what: &str,
        data_type: &DataType,
    ) -> Result<Figure> {
        let gates = self.gates_behind(argument, what)?;
        let (total, count) = self.total_distinct(expr, argument, what)?;
        self.of_total(expr, argument, (total, count, gates), (true, data_type))
    }

    /// The variance of the values that occur, or its root.
    pub(super) fn variance_distinct(
        &mut self,
        expr: &Expr,
        argument: &Argument,
        what: &str,
        (sample, root): (bool, bool),
    ) -> Result<Figure> {
        let gates = self.gates_behind(argument, what)?;
        let occurring = self.occurring(expr, argument, what)?;
        let scale = argument.facts.scale;
        let square = |value: &ScalarValue| encode(value, scale).and_then(|x| x.checked_mul(x));
        let squares = self.weighted(&occurring, square, expr)?;
        let total = self.weighted(&occurring, |value| encode(value, scale), expr)?;
        let count = self.weighted(&occurring, |_| Some(1), expr)?;
        // Many people may have one value.
        let short = self.program.offset(count, if sample { -2 } else { -1 })?;
        let short = self.program.negative(short);
        let known = Some(self.program.not(short));
        let (reg, scale) = self.variance_of(expr, &argument.facts, (count, total, squares), sample)?;
        Ok(Figure { root, ..Figure::of(Number { reg, known, scale }, gates) })
    }

    /// For each value of the domain, 1 where it occurs.
    fn occurring(&mut self, expr: &Expr, argument: &Argument, what: &str) -> Result<Vec<(ScalarValue, Reg)>> {
        let values = argument.facts.enumerate().or_else(|| whole_doubles(&argument.facts));
        let values = values.filter(|values| values.len() <= MAX_VALUES).ok_or_else(|| {
            let mut error = failure::not_built(format!(
                "{}: distinct values are counted where there are at most {MAX_VALUES} of them (`values`)",
                show(expr)
            ));
            error.hint =
                Some("round the values to fewer whole numbers (x / 10), or leave DISTINCT out".into());
            error
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

/// Known where a number that is not below `lo` has the binary digit at a place of its distance from that.
fn has_digit(expr: &Expr, facts: &Facts, lo: i128, place: u32) -> Result<Expr> {
    let (data_type, value) = match (&facts.data_type, facts.scale) {
        (DataType::Decimal128(_, scale), _) => {
            (DataType::Decimal128(DECIMAL128_MAX_PRECISION, *scale), expr.clone())
        }
        (other, _) if other.is_integer() => (DataType::Int64, expr.clone()),
        (other, Scale::Step(step)) if is_float(other) => {
            (DataType::Int64, round(vec![cast(expr.clone(), DataType::Float64) / lit(step)]))
        }
        _ => return Err(failure::not_built(format!("SUM and AVG of different values of {}", show(expr)))),
    };
    let number = |units: i128| -> Result<Expr> {
        let value = if let DataType::Decimal128(precision, scale) = &data_type {
            Some(ScalarValue::Decimal128(Some(units), *precision, *scale))
        } else {
            i64::try_from(units).ok().map(|units| ScalarValue::Int64(Some(units)))
        };
        value.map(lit).ok_or_else(|| failure::bounds(show(expr)))
    };
    let above = cast(value, data_type.clone()) - number(lo)?;
    let when = (above % number(2 << place)?).gt_eq(number(1 << place)?);
    Ok(Expr::Case(Case {
        expr: None,
        when_then_expr: vec![(Box::new(when), Box::new(lit(1)))],
        else_expr: None,
    }))
}

/// Known where an expression has a value.
fn where_it_is(expr: &Expr, value: &ScalarValue) -> Expr {
    let when = expr.clone().eq(lit(value.clone()));
    Expr::Case(Case { expr: None, when_then_expr: vec![(Box::new(when), Box::new(lit(1)))], else_expr: None })
}
