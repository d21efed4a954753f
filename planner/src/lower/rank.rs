//! MIN, MAX, MEDIAN and PERCENTILE: values at ranks.
#![expect(clippy::wildcard_enum_match_arm, reason = "only literals are shares of rows")]

use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::AggregateFunction;

use super::facts::is_text;
use super::failure;
use super::figure::{Argument, Figure, Gate, Sums};
use super::infer::show;
use super::scale::worth;
use super::value::Number;
use super::want::{Counting, Want};
use crate::Result;
use crate::catalog::Use;
use crate::plan::{ColumnDef, Encoding, Measure, Range, Rank, RankPlace, Reg, RingSize, Rounding, Scale};

/// Decimal digits of a share of rows.
const DIGITS: i32 = 9;

/// The largest denominator of a share in groups of an open domain.
const MAX_OPEN_DENOMINATOR: u32 = 100_000_000;

/// A share of rows, as a fraction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    numerator: u32,
    denominator: u32,
}

impl Share {
    /// One half.
    pub(super) const HALF: Share = Share { numerator: 1, denominator: 2 };

    /// A number between 0 and 1 of few decimal digits.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 10^9")]
    pub(super) fn of(share: f64) -> Option<Share> {
        if !(0.0..=1.0).contains(&share) {
            return None;
        }
        (0..=DIGITS).find_map(|digits| {
            let denominator = 10_f64.powi(digits);
            let numerator = (share * denominator).round();
            let exact = (numerator / denominator).to_bits() == (share + 0.0).to_bits();
            exact.then_some(Share { numerator: numerator as u32, denominator: denominator as u32 })
        })
    }

    /// The gates with so many people demanded that enough of them are beyond this share of the rows; as they are for shares
    /// between a quarter and three quarters.
    pub(super) fn with_people_beyond(self, gates: Vec<Gate>) -> Vec<Gate> {
        let side = u64::from(self.numerator.min(self.denominator - self.numerator));
        let whole = u64::from(self.denominator);
        if side == 0 || side * 4 >= whole {
            return gates;
        }
        let more = |gate: Gate| Gate { at_least: gate.at_least.saturating_mul(whole).div_ceil(side), ..gate };
        gates.into_iter().map(more).collect()
    }

    /// The share from the other end.
    fn mirrored(self) -> Share {
        Share { numerator: self.denominator - self.numerator, ..self }
    }

    fn rank(self, place: RankPlace) -> Rank {
        let Share { numerator, denominator } = self;
        Rank { numerator, denominator, place }
    }
}

/// The values of an argument as planes, and what they stand for.
struct Sortable {
    value: usize,
    counts: usize,
    range: Range,
}

impl Sums<'_> {
    /// `PERCENTILE_CONT` and `PERCENTILE_DISC`: of (value, share), perhaps from the largest value down.
    pub(super) fn percentile(
        &mut self,
        expr: &Expr,
        function: &AggregateFunction,
        schema: &DFSchema,
        what: &str,
    ) -> Result<Figure> {
        let odd = |why: &str| failure::invalid(format!("{}: {why}", show(expr)));
        let [value, share] = function.params.args.as_slice() else {
            return Err(odd("a value and a share of the rows are expected"));
        };
        if function.params.distinct {
            return Err(failure::not_built(format!("DISTINCT in {}", show(expr))));
        }
        let share = literal(share)
            .and_then(Share::of)
            .ok_or_else(|| odd("the share is a literal between 0 and 1 of at most 9 decimal digits"))?;
        if self.open && share.denominator > MAX_OPEN_DENOMINATOR {
            return Err(failure::not_built(format!(
                "{}: a share of more than 8 decimal digits in groups of an open domain",
                show(expr)
            )));
        }
        let descending = function.params.order_by.first().is_some_and(|sort| !sort.asc);
        let argument = self.argument_of(value, function, schema)?;
        let continuous = function.func.name().eq_ignore_ascii_case("percentile_cont");
        let figure = match (continuous, descending) {
            (true, _) => {
                let share = if descending { share.mirrored() } else { share };
                self.between_ranks(expr, &argument, what, share)?
            }
            (false, false) => self.at_rank(expr, &argument, what, share.rank(RankPlace::Reaching))?,
            (false, true) => self.at_rank_from_the_top(expr, (function, value), schema, what, share)?,
        };
        if self.rows.allow(&self.rows.expressions(value, schema)?, Use::MinMax) {
            return Ok(figure);
        }
        Ok(Figure { gates: share.with_people_beyond(figure.gates), ..figure })
    }

    /// The value at which a share of the rows is reached from the largest down: that of the negative numbers from the
    /// smallest up.
    fn at_rank_from_the_top(
        &mut self,
        expr: &Expr,
        (function, value): (&AggregateFunction, &Expr),
        schema: &DFSchema,
        what: &str,
        share: Share,
    ) -> Result<Figure> {
        let negative = Expr::Negative(Box::new(value.clone()));
        let argument = self.argument_of(&negative, function, schema).map_err(|_| {
            failure::not_built(format!(
                "{}: a discrete percentile from the largest down of other than numbers",
                show(expr)
            ))
        })?;
        let figure = self.at_rank(expr, &argument, what, share.rank(RankPlace::Reaching))?;
        let reg = self.program.scale(figure.number.reg, -1)?;
        Ok(Figure { number: Number { reg, ..figure.number }, ..figure })
    }

    /// The value at a rank.
    pub(super) fn at_rank(
        &mut self,
        expr: &Expr,
        argument: &Argument,
        what: &str,
        rank: Rank,
    ) -> Result<Figure> {
        let (gates, known) = self.behind_rank(argument, what)?;
        let argument = &self.resolved(argument, |range| range.bits() < super::range::BITS_64)?;
        let sortable = self.sortable(expr, argument, what)?;
        let reg = self.ranked(&sortable, rank, what);
        let reg = self.program.offset(reg, sortable.range.lo)?;
        let texts = argument.facts.closed.clone().filter(|_| is_text(&argument.facts.data_type));
        let number = Number { reg, known, scale: argument.facts.scale };
        Ok(Figure { texts, ..Figure::of(number, gates) })
    }

    /// The value at share p of the way from the first to the last: between the values at floor and ceil of p (c - 1).
    pub(super) fn between_ranks(
        &mut self,
        expr: &Expr,
        argument: &Argument,
        what: &str,
        share: Share,
    ) -> Result<Figure> {
        let (gates, known) = self.behind_rank(argument, what)?;
        let argument = &self.resolved(argument, |range| range.bits() < super::range::BITS_64 / 2)?;
        let sortable = self.sortable(expr, argument, what)?;
        let below = self.ranked(&sortable, share.rank(RankPlace::Below), what);
        let above = self.ranked(&sortable, share.rank(RankPlace::Above), what);
        let count = self.count(&Self::not_null(argument), what)?;
        let (numerator, denominator) = (i128::from(share.numerator), i128::from(share.denominator));
        let program = &mut self.program;
        // denominator * (below + remainder / denominator * (above - below)), the remainder being that of p (c - 1).
        let steps = program.offset(count, -1)?;
        let steps = program.scale(steps, numerator)?;
        let whole = program.divide_by(steps, denominator, Rounding::Truncate)?;
        let whole = program.scale(whole, denominator)?;
        let remainder = program.subtract(steps, whole)?;
        let gap = program.subtract(above, below)?;
        let part = program.multiply(remainder, gap)?;
        let reg = program.scale(below, denominator)?;
        let reg = program.add(reg, part)?;
        let lowest = sortable.range.lo.checked_mul(denominator).ok_or_else(|| failure::bounds(show(expr)))?;
        let reg = program.offset(reg, lowest)?;
        let unit = worth(argument.facts.scale) / f64::from(share.denominator);
        Ok(Figure::of(Number { reg, known, scale: Scale::Step(unit) }, gates))
    }

    /// The gates of a value at a rank, and whether there is one.
    fn behind_rank(&mut self, argument: &Argument, what: &str) -> Result<(Vec<Gate>, Option<Reg>)> {
        let gates = self.gates_behind(argument, what)?;
        let count = self.count(&Self::not_null(argument), what)?;
        let known = self.enough(argument.facts.nullable, &gates, count, 1)?;
        Ok((gates, known))
    }

    fn ranked(&mut self, sortable: &Sortable, rank: Rank, what: &str) -> Reg {
        let Sortable { value, counts, range } = *sortable;
        let range = Range { lo: 0, hi: range.hi - range.lo };
        let encoding = Encoding::Arithmetic(RingSize::Z64);
        let def = ColumnDef { name: format!("value at a rank {what}"), encoding, range };
        self.measure(Measure::AtRank { value, counts, rank }, def)
    }

    fn sortable(&mut self, expr: &Expr, argument: &Argument, what: &str) -> Result<Sortable> {
        let wide = || failure::bounds(show(expr));
        let facts = &argument.facts;
        let dictionary = facts.closed.clone().filter(|_| is_text(&facts.data_type));
        // Rows that do not count, and NULLs, are shared as 0.
        if is_text(&facts.data_type) && dictionary.is_none() {
            let text = format!("{}: a text without a closed domain (`values`)", show(expr));
            return Err(failure::not_built(text).with_hint(
                "COUNT(DISTINCT x) counts its values; MIN and MAX need an owner to declare `values`"
                    .to_owned(),
            ));
        }
        let range = facts.range.ok_or_else(wide)?;
        let width =
            range.hi.checked_sub(range.lo).and_then(|width| u64::try_from(width).ok()).ok_or_else(wide)?;
        let planes = (u64::BITS - width.leading_zeros()).max(1);
        if planes > super::range::BITS_64 {
            return Err(wide());
        }
        let want = |expr: &Expr| Want::Planes {
            expr: expr.clone(),
            scale: facts.scale,
            offset: range.lo,
            planes,
            dictionary: dictionary.clone(),
        };
        let wants: Vec<Want> = argument.exprs.iter().map(want).collect();
        let all = Range { lo: 0, hi: (1 << planes) - 1 };
        let def =
            ColumnDef { name: format!("sorted {what}"), encoding: Encoding::Planes(planes), range: all };
        let value = self.rows.column(&wants, def)?;
        let counting: Vec<Counting> = Self::not_null(argument);
        let wants: Vec<Want> = counting.into_iter().map(Want::CountBit).collect();
        let bit = Range { lo: 0, hi: 1 };
        let def = ColumnDef { name: format!("counts {what}"), encoding: Encoding::Bit, range: bit };
        let counts = self.rows.column(&wants, def)?;
        Ok(Sortable { value, counts, range })
    }
}

fn literal(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Literal(ScalarValue::Float64(value), _) => *value,
        Expr::Cast(cast) => literal(&cast.expr),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_decimal_fractions() {
        let of = |share: f64| Share::of(share).map(|share| (share.numerator, share.denominator));
        assert_eq!(of(0.0), Some((0, 1)));
        assert_eq!(of(1.0), Some((1, 1)));
        assert_eq!(of(0.95), Some((95, 100)));
        assert_eq!(of(0.123_456_789), Some((123_456_789, 1_000_000_000)));
        for odd in [-0.1, 1.1, f64::NAN, 1.0 / 3.0] {
            assert_eq!(of(odd), None, "{odd}");
        }
    }

    #[test]
    fn ranks_are_lines() {
        let place = |rank: Rank, count: i64| {
            let (offset, shift) = rank.line();
            (i64::from(rank.numerator) * count + offset).div_euclid(i64::from(rank.denominator)) + shift
        };
        let share = Share { numerator: 3, denominator: 10 };
        for count in 1..50_i64 {
            let exact = (count - 1) * 3;
            assert_eq!(place(share.rank(RankPlace::Below), count), exact / 10);
            assert_eq!(place(share.rank(RankPlace::Above), count), (exact + 9) / 10);
            let reached = (0..count).find(|rank| (rank + 1) * 10 >= count * 3);
            assert_eq!(Some(place(share.rank(RankPlace::Reaching), count)), reached);
            assert_eq!((place(Rank::FIRST, count), place(Rank::LAST, count)), (0, count - 1));
        }
    }
}
