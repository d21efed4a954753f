//! COVAR and CORR from sums over the rows in which both values are known.

use datafusion::logical_expr::Expr;

use super::failure;
use super::figure::{Argument, Figure, Gate, Sums};
use super::fixed::quotient;
use super::infer::show;
use super::moments::AVERAGE_BITS;
use super::program::ROOT_BITS;
use super::scale::{rescale, worth};
use super::value::Number;
use super::want::{Counting, Want};
use crate::Result;
use crate::plan::{ColumnDef, Encoding, Measure, Range, Reg, RingSize, Scale};

/// Bits of a correlation's fraction: more than the 53 of the double that it becomes.
const CORRELATION_BITS: u32 = 56;

/// One variable of a pair, around the middle of its domain.
struct Centred {
    column: usize,
    range: Range,
    /// Finer than that of the argument where squares need it.
    scale: Scale,
    sum: Reg,
}

/// Exact sums over the rows in which both are known.
struct Pair {
    count: Reg,
    x: Centred,
    y: Centred,
    gates: Vec<Gate>,
    nullable: bool,
    ring: RingSize,
}

impl Sums<'_> {
    /// (n sum(x y) - sum(x) sum(y)) / (n (n - 1)), or by n^2: the numerator is exact, and the same for shifted values.
    pub(super) fn covariance(
        &mut self,
        expr: &Expr,
        pair: &[Argument; 2],
        what: &str,
        sample: bool,
    ) -> Result<Figure> {
        let wide = || failure::bounds(show(expr));
        let sums = self.pair_sums(expr, pair, what)?;
        let known = self.enough(sums.nullable, &sums.gates, sums.count, if sample { 2 } else { 1 })?;
        let numerator = self.cross_moment(&sums, [&sums.x, &sums.y], what)?;
        let program = &mut self.program;
        let fewer = if sample { program.offset(sums.count, -1)? } else { sums.count };
        let denominator = program.multiply(sums.count, fewer)?;
        program.assume(denominator, Range { lo: 0, hi: i128::MAX });
        let fraction = AVERAGE_BITS.saturating_sub(sums.x.range.bits() + sums.y.range.bits());
        let unit = worth(sums.x.scale) * worth(sums.y.scale);
        let top = Number { reg: numerator, known: None, scale: Scale::Step(unit) };
        let bottom = Number { reg: denominator, known: None, scale: Scale::Unit };
        // A covariance is at most a quarter of the product of the widths, times n / (n - 1), which is 2 or less.
        let width = |range: Range| range.hi.checked_sub(range.lo);
        let most = width(sums.x.range).zip(width(sums.y.range)).and_then(|(a, b)| a.checked_mul(b));
        let (reg, scale) = quotient(program, &top, &bottom, fraction, Some(most.ok_or_else(wide)?))?;
        Ok(Figure::of(Number { reg, known, scale }, sums.gates))
    }

    /// The covariance divided by both deviations, all times n: c / sqrt(v) / sqrt(w), which never exceeds sqrt(w), and 1.
    pub(super) fn correlation(&mut self, expr: &Expr, pair: &[Argument; 2], what: &str) -> Result<Figure> {
        let sums = self.pair_sums(expr, pair, what)?;
        let enough = self.enough(sums.nullable, &sums.gates, sums.count, 2)?;
        let both = self.cross_moment(&sums, [&sums.x, &sums.y], what)?;
        let mut spread = [both; 2];
        let mut known = enough;
        for (place, variable) in spread.iter_mut().zip([&sums.x, &sums.y]) {
            *place = self.cross_moment(&sums, [variable, variable], what)?;
            let range = self.program.range(*place);
            self.program.assume(*place, Range { lo: 0, hi: range.hi });
            let constant = self.program.zero(*place);
            let varies = self.program.not(constant);
            known = self.program.both(known, Some(varies));
        }
        let [v, w] = spread;
        let levels = self.program.range(w).bits().div_ceil(2).max(1);
        let wide = || failure::bounds(show(expr));
        let kept = ROOT_BITS.checked_sub(levels).ok_or_else(wide)?.min(CORRELATION_BITS);
        let half = self.program.divide_by_root(both, v, levels, kept).map_err(|_| wide())?;
        let reg = self.program.divide_by_root(half, w, kept, CORRELATION_BITS - kept).map_err(|_| wide())?;
        let scale = Scale::Step(2_f64.powi(-CORRELATION_BITS.cast_signed()));
        Ok(Figure::of(Number { reg, known, scale }, sums.gates))
    }

    /// n sum(a b) - sum(a) sum(b).
    fn cross_moment(&mut self, sums: &Pair, [a, b]: [&Centred; 2], what: &str) -> Result<Reg> {
        let wide = || failure::bounds(what);
        let range =
            a.range.multiply(b.range).and_then(|range| range.sum(self.rows.bound())).ok_or_else(wide)?;
        let range = if a.column == b.column { Range { lo: 0, hi: range.hi } } else { range };
        let encoding = Encoding::Arithmetic(sums.ring);
        let def = ColumnDef { name: format!("sum of products {what}"), encoding, range };
        let products = self.measure(Measure::SumOfProducts { left: a.column, right: b.column }, def);
        let left = self.program.multiply(sums.count, products)?;
        let right = self.program.multiply(a.sum, b.sum)?;
        self.program.subtract(left, right)
    }

    fn pair_sums(&mut self, expr: &Expr, pair: &[Argument; 2], what: &str) -> Result<Pair> {
        let wide = || failure::bounds(show(expr));
        let gates = self.pair_gates(pair, what)?;
        let pair = &[self.squarable(&pair[0])?, self.squarable(&pair[1])?];
        let [x, y] = pair;
        let middles = [middle(x).ok_or_else(wide)?, middle(y).ok_or_else(wide)?];
        let most = middles.iter().map(|(_, range)| range.magnitude()).max().unwrap_or(0);
        let most = i128::try_from(most).ok().and_then(|most| most.checked_mul(most)).ok_or_else(wide)?;
        let ring =
            Range { lo: -most, hi: most }.sum(self.rows.bound()).and_then(Range::ring).ok_or_else(wide)?;
        let counting = both_known(pair, ring);
        let count = self.count(&both_known(pair, RingSize::Z64), what)?;
        let mut centred = Vec::new();
        for (argument, (offset, range)) in pair.iter().zip(middles) {
            let wants: Vec<Want> = argument
                .exprs
                .iter()
                .zip(&counting)
                .map(|(expr, counting)| Want::Masked {
                    expr: expr.clone(),
                    scale: argument.facts.scale,
                    offset,
                    counting: counting.clone(),
                })
                .collect();
            let encoding = Encoding::Arithmetic(ring);
            let def = ColumnDef { name: format!("values {what}"), encoding, range };
            let column = self.rows.column(&wants, def)?;
            let range_of_sum = range.sum(self.rows.bound()).ok_or_else(wide)?;
            let def = ColumnDef { name: format!("sum {what}"), encoding, range: range_of_sum };
            let sum = self.measure(Measure::Sum { value: column }, def);
            centred.push(Centred { column, range, scale: argument.facts.scale, sum });
        }
        let nullable = x.facts.nullable || y.facts.nullable;
        match (centred.pop(), centred.pop()) {
            (Some(y), Some(x)) => Ok(Pair { count, x, y, gates, nullable, ring }),
            _ => Err(failure::internal("a pair of other than two")),
        }
    }

    /// Enough persons with a row in which both are known, and in which whatever holds a condition is not neutral.
    fn pair_gates(&mut self, pair: &[Argument; 2], what: &str) -> Result<Vec<Gate>> {
        let mut gates = self.gates(&both_known(pair, RingSize::Z64), what)?;
        let known: Vec<Vec<Expr>> =
            both_known(pair, RingSize::Z64).into_iter().map(|counting| counting.known).collect();
        for (place, argument) in pair.iter().enumerate() {
            let what = format!("{what}, argument {}", place + 1);
            gates.extend(self.gates_of_conditions(argument, &known, &what)?);
        }
        Ok(gates)
    }
}

/// The middle of a domain, and the integers around it, and 0.
fn middle(argument: &Argument) -> Option<(i128, Range)> {
    let range = argument.facts.range?;
    let middle = range.lo.midpoint(range.hi);
    let range = rescale(range, argument.facts.scale, argument.facts.scale)?;
    Some((middle, range.add(Range { lo: -middle, hi: -middle })?.with_zero()))
}

/// The rows in which both arguments are known.
fn both_known(pair: &[Argument; 2], ring: RingSize) -> Vec<Counting> {
    let [x, y] = pair;
    let branches = x.exprs.iter().zip(&y.exprs);
    let known = |argument: &Argument, expr: &Expr| argument.facts.nullable.then(|| expr.clone());
    branches
        .map(|(a, b)| Counting {
            known: known(x, a).into_iter().chain(known(y, b)).collect(),
            nonzero: None,
            ring,
        })
        .collect()
}
