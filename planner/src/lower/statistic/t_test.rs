//! `T_TEST` and `MEAN_DIFFERENCE`: two means compared.
//!
//! Student's test with a pooled variance, or Welch's with one variance for each group; the paired test is that of the
//! differences against 0. The outputs determine what is released: sizes, means, the pooled variance (or both).
//! Welch, Biometrika 1947; the standardised difference is that of Austin, Communications in Statistics 2009.

use datafusion::functions::math::expr_fn::sqrt;
use datafusion::logical_expr::{Expr, LogicalPlan, lit};

use super::cells::{Cells, Registers, beside};
use super::groups::{Groups, groups};
use super::rows::{Measured, Rows};
use super::{Fixed, Job, Leaving, double, exact_sizes, number, released, two_groups, when};
use crate::Result;
use crate::function::table::distribution::Distribution;
use crate::lower::failure;
use crate::plan::Reg;

/// Fraction bits of means and variances, as far as there is room.
const FRACTION: u32 = 40;

/// Fraction bits of a ratio of variances and of the reciprocal of the degrees of freedom.
const RATIO: u32 = 48;

/// What to ask instead where counts are rounded.
const WITHOUT_SIZES: &str = "MEAN_DIFFERENCE shows no sizes and needs none";

/// Sizes, means and variances of two samples.
struct Samples {
    cells: Cells,
    mean_unit: f64,
    variance_unit: f64,
    /// To which the sizes that leave are rounded.
    multiple: i128,
}

/// How the two variances become one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Variances {
    Pooled,
    Each,
}

pub(super) fn lower(job: &mut Job<'_>) -> Result<LogicalPlan> {
    if job.function.arguments.truth("paired")? {
        return lower_paired(job);
    }
    let pooled = job.function.arguments.truth("equal_var")?;
    let samples = two_samples(job, if pooled { Variances::Pooled } else { Variances::Each })?;
    exact_sizes(job, samples.multiple, WITHOUT_SIZES)?;
    let (n_1, n_2) = (double("n_1"), double("n_2"));
    let difference = released("mean_1") - released("mean_2");
    let mut leaving = sizes(&samples);
    let (error, df) = if pooled {
        leaving.push(Leaving::double("variance", samples.variance_unit).where_known("enough"));
        let error = released("variance") * (number(1.0) / n_1.clone() + number(1.0) / n_2.clone());
        (error, n_1 + n_2 - number(2.0))
    } else {
        leaving.push(Leaving::double("variance_1", samples.variance_unit).where_known("enough"));
        leaving.push(Leaving::double("variance_2", samples.variance_unit).where_known("enough"));
        welch(n_1, n_2)
    };
    let statistic = difference / positive_root(error);
    let exprs = [
        statistic.clone(),
        df.clone(),
        tail(job, statistic, df)?,
        released("mean_1"),
        released("mean_2"),
        released("n_1"),
        released("n_2"),
    ];
    job.release_row(&samples.cells, &leaving, &exprs)
}

/// The squared standard error of a difference, and Welch's degrees of freedom.
fn welch(n_1: Expr, n_2: Expr) -> (Expr, Expr) {
    let (a, b) = (released("variance_1") / n_1.clone(), released("variance_2") / n_2.clone());
    let error = a.clone() + b.clone();
    let below = a.clone() * a / (n_1 - number(1.0)) + b.clone() * b / (n_2 - number(1.0));
    let df = error.clone() * error.clone() / positive(below);
    (error, df)
}

/// The p-value of a t statistic for the alternative asked for.
fn tail(job: &Job<'_>, statistic: Expr, df: Expr) -> Result<Expr> {
    Ok(match job.function.arguments.word("alternative") {
        Some("less") => Distribution::StudentBelow.call(vec![statistic, df]),
        Some("greater") => Distribution::StudentBelow.call(vec![-statistic, df]),
        Some("two-sided") => Distribution::StudentTwoSided.call(vec![statistic, df]),
        _ => return Err(failure::internal("an unknown alternative")),
    })
}

/// The number where it is greater than 0, else NULL.
fn positive(expr: Expr) -> Expr {
    when(expr.clone().gt(number(0.0)), expr, lit(datafusion::scalar::ScalarValue::Float64(None)))
}

fn positive_root(expr: Expr) -> Expr {
    sqrt(positive(expr))
}

fn sizes(samples: &Samples) -> Vec<Leaving<'static>> {
    vec![
        Leaving::whole("n_1"),
        Leaving::whole("n_2"),
        Leaving::double("mean_1", samples.mean_unit).where_known("some"),
        Leaving::double("mean_2", samples.mean_unit).where_known("some"),
    ]
}

/// One row of both groups: `n_1, n_2, mean_1, mean_2`, the variances, `some` (each has a row), `enough` (each has two).
fn two_samples(job: &mut Job<'_>, variances: Variances) -> Result<Samples> {
    let arguments = &job.function.arguments;
    let by = arguments.optional_column("by").ok_or_else(|| {
        failure::invalid(format!("{} needs `by`, the two groups to compare", job.function.spec.name))
    })?;
    let [value] = arguments.columns("value") else {
        return Err(failure::invalid(format!("{} compares one value", job.function.spec.name)));
    };
    let Groups { measured, bound, multiple, cells: groups, .. } = groups(job, (value, by), two_groups)?;
    let both = beside(&[(groups.row(0), " 1"), (groups.row(1), " 2")], Vec::new(), job.nodes)?;
    let mut registers = both.registers();
    let first = Sample::new(&mut registers, &measured, " 1", bound)?;
    let second = Sample::new(&mut registers, &measured, " 2", bound)?;
    let mut kept = Vec::new();
    let columns = [(&first, "n_1", "exact n_1", "mean_1"), (&second, "n_2", "exact n_2", "mean_2")];
    for (sample, size, exact, mean) in columns {
        kept.push((registers.rounded(sample.n, multiple)?, size));
        kept.push((sample.n, exact));
        kept.push((sample.mean.reg, mean));
    }
    let (some_1, some_2) = (registers.at_least(first.n, 1)?, registers.at_least(second.n, 1)?);
    kept.push((registers.program.and(some_1, some_2), "some"));
    let variance_unit = match variances {
        Variances::Pooled => {
            let squares = registers.program.add(first.squares.reg, second.squares.reg)?;
            let total = registers.program.add(first.n, second.n)?;
            kept.push((registers.at_least(total, 3)?, "enough"));
            let df = registers.fewer(total, 2, bound)?;
            let squares = Fixed { reg: squares, ..first.squares };
            let pooled = registers.ratio(squares, Fixed { reg: df, unit: 1.0 }, 8, None)?;
            kept.push((pooled.reg, "variance"));
            pooled.unit
        }
        Variances::Each => {
            let (one, other) = (first.variance(&mut registers)?, second.variance(&mut registers)?);
            let (two_1, two_2) = (registers.at_least(first.n, 2)?, registers.at_least(second.n, 2)?);
            kept.push((registers.program.and(two_1, two_2), "enough"));
            kept.push((one.reg, "variance_1"));
            kept.push((other.reg, "variance_2"));
            one.unit
        }
    };
    Ok(Samples {
        cells: registers.keep(&kept, job.nodes),
        mean_unit: first.mean.unit,
        variance_unit,
        multiple,
    })
}

/// One sample on shares.
pub(super) struct Sample {
    /// How many.
    pub(super) n: Reg,
    /// Their mean.
    pub(super) mean: Fixed,
    /// The sum of squared distances to the mean.
    squares: Fixed,
}

impl Sample {
    /// From the columns `n`, `sum` and `squares` with this suffix.
    pub(super) fn new(
        registers: &mut Registers<'_>,
        measured: &Measured,
        suffix: &str,
        bound: i128,
    ) -> Result<Sample> {
        let n = registers.get(&format!("n{suffix}"))?;
        let sum = registers.get(&format!("sum{suffix}"))?;
        let squares = registers.get(&format!("squares{suffix}"))?;
        let count = Fixed { reg: n, unit: 1.0 };
        let most = i128::try_from(measured.range.magnitude()).unwrap_or(i128::MAX);
        let sum = Fixed { reg: sum, unit: measured.step };
        let centred = registers.ratio(sum, count, FRACTION, Some(most))?;
        #[expect(clippy::cast_possible_truncation, reason = "units differ by a power of two")]
        let ones = (measured.step / centred.unit).round() as i128;
        let middle = measured.middle.checked_mul(ones).ok_or_else(|| failure::bounds("a mean"))?;
        let mean = registers.program.offset(centred.reg, middle)?;
        // n Q - S^2 is exact and not negative.
        let left = registers.program.multiply(n, squares)?;
        let right = registers.program.multiply(sum.reg, sum.reg)?;
        let top = registers.program.subtract(left, right)?;
        let highest = registers.program.range(left).hi;
        registers.within(top, 0, highest);
        let top = Fixed { reg: top, unit: measured.step * measured.step };
        let spread = most.checked_mul(most).and_then(|square| square.checked_mul(bound));
        let squares = registers.ratio(top, count, 16, spread)?;
        Ok(Sample { n, mean: Fixed { reg: mean, unit: centred.unit }, squares })
    }

    /// The sample variance.
    pub(super) fn variance(&self, registers: &mut Registers<'_>) -> Result<Fixed> {
        let most = registers.program.range(self.n).hi;
        let fewer = registers.fewer(self.n, 1, most)?;
        registers.ratio(self.squares, Fixed { reg: fewer, unit: 1.0 }, 16, None)
    }
}

/// The test of two values of the same rows.
fn lower_paired(job: &mut Job<'_>) -> Result<LogicalPlan> {
    let mut rows = Rows::new(job.function, job.relation, job.federation)?;
    let arguments = &job.function.arguments;
    let [left, right] = arguments.columns("value") else {
        let mut error = failure::invalid("a paired T_TEST compares two values of the same row");
        error.hint = Some("value => 'before,after', paired => true".into());
        return Err(error);
    };
    if arguments.optional_column("by").is_some() {
        return Err(failure::invalid("a paired T_TEST has no groups: leave out `by`"));
    }
    let counting = rows.known(&[left, right])?;
    let gates = rows.gates(&counting, "pairs")?;
    rows.count("n", &counting)?;
    let before = rows.measured(left)?;
    let after = rows.measured(right)?;
    rows.total("sum before", &counting, &before, None)?;
    rows.total("sum after", &counting, &after, None)?;
    let difference = rows.difference(left, right)?;
    rows.total("sum", &counting, &difference, Some("squares"))?;
    rows.table(&[], &gates)?;
    exact_sizes(job, rows.multiple(), WITHOUT_SIZES)?;
    let bound = rows.bound();
    let cells = rows.finish(job.nodes)?;
    let all = cells.first().ok_or_else(|| failure::internal("no table of pairs"))?;
    let mut registers = all.registers();
    let sample = Sample::new(&mut registers, &difference, "", bound)?;
    let mut kept = vec![(sample.n, "n")];
    let mut leaving = vec![Leaving::whole("n")];
    for (measured, sum, name) in [(&before, "sum before", "mean_1"), (&after, "sum after", "mean_2")] {
        let sum = Fixed { reg: registers.get(sum)?, unit: measured.step };
        let mean = mean(&mut registers, sum, sample.n, measured)?;
        kept.push((mean.reg, name));
        leaving.push(Leaving::double(name, mean.unit).where_known("some"));
    }
    let variance = sample.variance(&mut registers)?;
    kept.push((registers.at_least(sample.n, 1)?, "some"));
    kept.push((registers.at_least(sample.n, 2)?, "enough"));
    kept.push((variance.reg, "variance"));
    leaving.push(Leaving::double("variance", variance.unit).where_known("enough"));
    let pairs = registers.keep(&kept, job.nodes);
    let df = double("n") - number(1.0);
    let statistic =
        (released("mean_1") - released("mean_2")) / positive_root(released("variance") / double("n"));
    let exprs = [
        statistic.clone(),
        df.clone(),
        tail(job, statistic, df)?,
        released("mean_1"),
        released("mean_2"),
        released("n"),
        released("n"),
    ];
    job.release_row(&pairs, &leaving, &exprs)
}

/// A mean, on the scale of the variable.
fn mean(registers: &mut Registers<'_>, sum: Fixed, n: Reg, measured: &Measured) -> Result<Fixed> {
    let most = i128::try_from(measured.range.magnitude()).unwrap_or(i128::MAX);
    let centred = registers.ratio(sum, Fixed { reg: n, unit: 1.0 }, FRACTION, Some(most))?;
    #[expect(clippy::cast_possible_truncation, reason = "units differ by a power of two")]
    let ones = (measured.step / centred.unit).round() as i128;
    let middle = measured.middle.checked_mul(ones).ok_or_else(|| failure::bounds("a mean"))?;
    Ok(Fixed { reg: registers.program.offset(centred.reg, middle)?, unit: centred.unit })
}

/// The difference of two means, its Welch interval, and the standardised difference.
///
/// Sizes stay inside: what leaves is the difference, its squared standard error, the reciprocal of the degrees of
/// freedom, and the mean of the two variances, which the result determines.
pub(super) fn lower_difference(job: &mut Job<'_>) -> Result<LogicalPlan> {
    let samples = two_samples(job, Variances::Each)?;
    let cells = &samples.cells;
    let mut registers = cells.registers();
    let (mean_1, mean_2) = (registers.get("mean_1")?, registers.get("mean_2")?);
    let difference = registers.program.subtract(mean_1, mean_2)?;
    let [n_1, n_2] =
        [registers.get("exact n_1")?, registers.get("exact n_2")?].map(|reg| Fixed { reg, unit: 1.0 });
    let [v_1, v_2] = [registers.get("variance_1")?, registers.get("variance_2")?]
        .map(|reg| Fixed { reg, unit: samples.variance_unit });
    let mean_variance =
        Fixed { reg: registers.program.add(v_1.reg, v_2.reg)?, unit: samples.variance_unit / 2.0 };
    let (a, b) = (registers.ratio(v_1, n_1, 16, None)?, registers.ratio(v_2, n_2, 16, None)?);
    let error = Fixed { reg: registers.program.add(a.reg, b.reg)?, unit: a.unit };
    let reciprocal = reciprocal_df(&mut registers, (a, error), [n_1, n_2])?;
    let enough = registers.get("enough")?;
    let outputs = [
        (difference, "difference"),
        (error.reg, "squared_error"),
        (reciprocal.reg, "reciprocal_df"),
        (mean_variance.reg, "mean_variance"),
        (enough, "enough"),
    ];
    let kept = registers.keep(&outputs, job.nodes);
    let leaving = [
        Leaving::double("difference", samples.mean_unit).where_known("enough"),
        Leaving::double("squared_error", error.unit).where_known("enough"),
        Leaving::double("reciprocal_df", reciprocal.unit).where_known("enough"),
        Leaving::double("mean_variance", mean_variance.unit).where_known("enough"),
    ];
    let level = job.function.arguments.number("level")?;
    let df = number(1.0) / positive(released("reciprocal_df"));
    let root = positive_root(released("squared_error"));
    let quantile = Distribution::StudentQuantile.call(vec![number(f64::midpoint(1.0, level)), df.clone()]);
    let reach = quantile * root.clone();
    let difference = released("difference");
    let exprs = [
        difference.clone(),
        difference.clone() - reach.clone(),
        difference.clone() + reach,
        difference.clone() / positive_root(released("mean_variance")),
        Distribution::StudentTwoSided.call(vec![difference / root, df]),
    ];
    job.release_row(&kept, &leaving, &exprs)
}

/// `1 / df = q^2 / (n_1 - 1) + (1 - q)^2 / (n_2 - 1)` with the share q of the first group in the squared error.
fn reciprocal_df(
    registers: &mut Registers<'_>,
    (first, error): (Fixed, Fixed),
    sizes: [Fixed; 2],
) -> Result<Fixed> {
    let share = registers.ratio(first, error, RATIO, Some(1))?;
    #[expect(clippy::cast_possible_truncation, reason = "units are powers of two")]
    let one = (1.0 / share.unit) as i128;
    registers.within(share.reg, 0, one);
    let minus = registers.program.scale(share.reg, -1)?;
    let rest = registers.program.offset(minus, one)?;
    let mut parts = Vec::new();
    for (share_of, size) in [share.reg, rest].into_iter().zip(sizes) {
        let square = registers.program.multiply(share_of, share_of)?;
        let square = Fixed { reg: square, unit: share.unit * share.unit };
        let most = registers.program.range(size.reg).hi;
        let fewer = registers.fewer(size.reg, 1, most)?;
        parts.push(registers.ratio(square, Fixed { reg: fewer, unit: 1.0 }, 0, None)?);
    }
    let [first, second] = parts[..] else { return Err(failure::internal("no degrees of freedom")) };
    Ok(Fixed { reg: registers.program.add(first.reg, second.reg)?, unit: first.unit })
}
