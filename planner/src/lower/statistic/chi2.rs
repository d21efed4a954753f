//! `CHI2_TEST`: Pearson's chi-squared test of independence.
//!
//! `chi2 = N (sum over cells of n_ij^2 / (r_i c_j) - 1)`, which is the sum of `(O - E)^2 / E`. The table and its margins
//! stay inside. Pearson, Philosophical Magazine 1900; the correction is that of Yates, 1934.

use datafusion::logical_expr::LogicalPlan;

use super::cells::{Cells, beside};
use super::rows::{Key, Rows};
use super::{Fixed, Job, Leaving, bits_of, released};
use crate::Result;
use crate::function::table::distribution::Distribution;
use crate::plan::{How, Node, Range};

/// Fraction bits of a cell's share of the statistic.
const FRACTION: u32 = 60;

/// Most fraction bits of the factors of the corrected statistic, and least.
const CORRECTED: (u32, u32) = (40, 24);

pub(super) fn lower(job: &mut Job<'_>) -> Result<LogicalPlan> {
    let mut rows = Rows::new(job.function, job.relation, job.federation)?;
    let arguments = &job.function.arguments;
    let (row, column) = (rows.key(arguments.column("row")?)?, rows.key(arguments.column("column")?)?);
    let bound = rows.bound();
    let counting = rows.known(&[arguments.column("row")?, arguments.column("column")?])?;
    rows.count("n", &counting)?;
    rows.table(&[&row, &column], &[])?;
    for key in [&row, &column] {
        let gates = rows.gates(&counting, &key.name)?;
        rows.count("n", &counting)?;
        rows.table(&[key], &gates)?;
    }
    let correct = arguments.truth("correction")? && row.values.len() == 2 && column.values.len() == 2;
    let cells = rows.finish(job.nodes)?;
    let [table, of_rows, of_columns] = cells.as_slice() else {
        return Err(super::failure::internal("three tables of counts"));
    };
    let degrees = degrees(&row, &column, of_rows, of_columns, job.nodes)?;
    let (result, unit) = if correct {
        corrected(table, &degrees, bound, job.nodes)?
    } else {
        plain(table, of_rows, of_columns, &degrees, job.nodes)?
    };
    let exprs = [
        released("statistic"),
        released("df"),
        Distribution::ChiSquaredAbove.call(vec![released("statistic"), released("df")]),
    ];
    let leaving = [
        Leaving::double("statistic", unit).where_known("defined"),
        Leaving::whole("df").where_known("defined"),
    ];
    job.release_row(&result, &leaving, &exprs)
}

/// One row: every level's persons as gates, the number of rows, and the degrees of freedom of the levels that occur.
fn degrees(
    row: &Key,
    column: &Key,
    of_rows: &Cells,
    of_columns: &Cells,
    nodes: &mut Vec<Node>,
) -> Result<Cells> {
    let mut sums = Vec::new();
    for margin in [of_rows, of_columns] {
        let plain = margin.ungated();
        let mut registers = plain.registers();
        let n = registers.get("n")?;
        let none = registers.program.zero(n);
        let some = registers.program.not(none);
        let some = registers.program.arithmetic(some, crate::plan::RingSize::Z64)?;
        let kept = registers.keep(&[(n, "n"), (some, "levels")], nodes);
        sums.push(kept.fold(0, How::Sum, &[("n", Range { lo: 0, hi: margin_bound(margin) })], nodes)?);
    }
    let mut parts: Vec<_> = Vec::new();
    if let [of_row, of_column] = sums.as_slice() {
        parts.push((of_row.whole(), ""));
        parts.push((of_column.whole(), " of columns"));
    }
    for (key, margin) in [(row, of_rows), (column, of_columns)] {
        if !margin.gates.is_empty() {
            parts.extend((0..key.values.len()).map(|level| (margin.row(level), " of a level")));
        }
    }
    let all = beside(&parts, Vec::new(), nodes)?;
    let mut registers = all.registers();
    let (rows, columns) = (registers.get("levels")?, registers.get("levels of columns")?);
    let rows = registers.program.offset(rows, -1)?;
    let columns = registers.program.offset(columns, -1)?;
    let df = registers.program.multiply(rows, columns)?;
    let n = registers.get("n")?;
    let defined = registers.at_least(df, 1)?;
    Ok(registers.keep(&[(n, "n"), (df, "df"), (defined, "defined")], nodes))
}

fn margin_bound(margin: &Cells) -> i128 {
    margin.defs.iter().map(|def| def.range.hi).max().unwrap_or_default()
}

/// The statistic, and what one integer of it is worth.
fn plain(
    table: &Cells,
    of_rows: &Cells,
    of_columns: &Cells,
    degrees: &Cells,
    nodes: &mut Vec<Node>,
) -> Result<(Cells, f64)> {
    let [rows, columns] = table.shape[..] else {
        return Err(super::failure::internal("a table of two keys"));
    };
    let (of_rows, of_columns) = (of_rows.ungated(), of_columns.ungated());
    let parts = [
        (table.whole(), ""),
        (of_rows.spread(1, columns), " of row"),
        (of_columns.spread(0, rows), " of column"),
    ];
    let all = beside(&parts, Vec::new(), nodes)?;
    let mut registers = all.registers();
    let (n, row, column) = (registers.get("n")?, registers.get("n of row")?, registers.get("n of column")?);
    let square = registers.program.multiply(n, n)?;
    let product = registers.program.multiply(row, column)?;
    let unit = |reg| Fixed { reg, unit: 1.0 };
    let share = registers.ratio(unit(square), unit(product), FRACTION, Some(1))?;
    let wide = registers.wide(share.reg);
    let shares = registers.keep(&[(wide, "share")], nodes);
    let sums = shares.fold(1, How::Sum, &[], nodes)?.fold(0, How::Sum, &[], nodes)?;
    let both = beside(&[(sums.whole(), ""), (degrees.whole(), "")], Vec::new(), nodes)?;
    let mut registers = both.registers();
    let (sum, n) = (registers.get("share")?, registers.get("n")?);
    let one = ones(share);
    let excess = registers.program.offset(sum, -one)?;
    registers.within(excess, -one, one << bits_of(i128::from(rows.max(columns) as u64)));
    let statistic = registers.program.multiply(excess, n)?;
    let (df, defined) = (registers.get("df")?, registers.get("defined")?);
    let kept = registers.keep(&[(statistic, "statistic"), (df, "df"), (defined, "defined")], nodes);
    Ok((kept, share.unit))
}

/// `N (|ad - bc| - min(N/2, |ad - bc|))^2 / (r_1 r_2 c_1 c_2)`, for a table of four cells.
fn corrected(table: &Cells, degrees: &Cells, bound: i128, nodes: &mut Vec<Node>) -> Result<(Cells, f64)> {
    let parts = [
        (degrees.whole(), ""),
        (table.row(0), " a"),
        (table.row(1), " b"),
        (table.row(2), " c"),
        (table.row(3), " d"),
    ];
    let all = beside(&parts, Vec::new(), nodes)?;
    let mut registers = all.registers();
    let [a, b, c, d] =
        [registers.get("n a")?, registers.get("n b")?, registers.get("n c")?, registers.get("n d")?];
    let count = registers.get("n")?;
    let (ad, bc) = (registers.program.multiply(a, d)?, registers.program.multiply(b, c)?);
    let difference = registers.program.subtract(ad, bc)?;
    let negative = registers.program.negative(difference);
    let minus = registers.program.scale(difference, -1)?;
    let size = registers.program.select(negative, minus, difference)?;
    // Twice the size less N, at least 0: half of it is what is squared.
    let twice = registers.program.scale(size, 2)?;
    let left = registers.program.subtract(twice, count)?;
    let none = registers.program.negative(left);
    let zero = registers.program.constant(0)?;
    let left = registers.program.select(none, zero, left)?;
    registers.within(left, 0, bound * bound);
    let margins = [
        registers.program.add(a, b)?,
        registers.program.add(c, d)?,
        registers.program.add(a, c)?,
        registers.program.add(b, d)?,
    ];
    for margin in margins {
        registers.within(margin, 0, bound);
    }
    let rows = registers.program.multiply(margins[0], margins[1])?;
    let columns = registers.program.multiply(margins[2], margins[3])?;
    // Both products are at most (N/2)^2, and so is the size.
    registers.within(rows, 0, bound * bound / 4);
    registers.within(columns, 0, bound * bound / 4);
    let unit = |reg| Fixed { reg, unit: 1.0 };
    // Both ad and bc are at most r_1 r_2, and c_1 c_2.
    let fraction = 59_u32.saturating_sub(2 * bits_of(bound)).clamp(CORRECTED.1, CORRECTED.0);
    let first = registers.ratio(unit(left), unit(rows), fraction, Some(2))?;
    let second = registers.ratio(unit(left), unit(columns), fraction, Some(2))?;
    let product = registers.product(first, second)?;
    let times = registers.program.multiply(product.reg, count)?;
    let (df, defined) = (registers.get("df")?, registers.get("defined")?);
    let kept = registers.keep(&[(times, "statistic"), (df, "df"), (defined, "defined")], nodes);
    Ok((kept, product.unit / 4.0))
}

/// The integer that stands for 1.
#[expect(clippy::cast_possible_truncation, reason = "units are powers of two")]
fn ones(fixed: Fixed) -> i128 {
    (1.0 / fixed.unit) as i128
}
