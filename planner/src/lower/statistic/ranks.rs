//! `KRUSKAL` and `MANN_WHITNEY`: ranks without sorting.
//!
//! On a grid of values the ranks follow from counts: with C values up to and including v and c equal to it, every one of
//! these has the midrank C - (c - 1) / 2. So two running sums and a dot product replace a sort, and ties are exact.
//! Kruskal and Wallis, Journal of the American Statistical Association 1952; Mann and Whitney, Annals of Mathematical
//! Statistics 1947. Both with the correction for ties.

use datafusion::functions::math::expr_fn::{abs, signum, sqrt};
use datafusion::logical_expr::{LogicalPlan, lit};
use datafusion::scalar::ScalarValue;

use super::cells::{Cells, Registers, beside};
use super::rows::{Key, Rows};
use super::{Fixed, Job, Leaving, number, released, two_groups, when};
use crate::Result;
use crate::function::table::distribution::Distribution;
use crate::lower::failure;
use crate::plan::{How, Range, Reg, RingSize};

/// Fraction bits of quotients, as far as there is room.
const FRACTION: u32 = 40;

/// Sizes and rank sums of groups.
struct Ranked {
    key: Key,
    /// Persons of every group.
    groups: Cells,
    /// One row for each group: `n`, and `ranks`, twice the sum of its ranks.
    sums: Cells,
    /// One row: `n`, and `ties`, the sum of c^3 - c over values.
    all: Cells,
    bound: i128,
}

fn ranked(job: &mut Job<'_>, pair: bool) -> Result<Ranked> {
    let mut rows = Rows::new(job.function, job.relation, job.federation)?;
    let arguments = &job.function.arguments;
    let (value, by) = (arguments.column("value")?, arguments.column("by")?);
    let key = rows.key(by)?;
    if pair {
        two_groups(job, &key)?;
    }
    let grid = rows.grid(value, "value")?;
    let counting = rows.known(&[value, by])?;
    rows.count("n", &counting)?;
    rows.table(&[&key, &grid], &[])?;
    let gates = rows.gates(&counting, &key.name)?;
    rows.count("n", &counting)?;
    rows.table(&[&key], &gates)?;
    let bound = rows.bound();
    let cells = rows.finish(job.nodes)?;
    let [table, groups] = cells.as_slice() else { return Err(failure::internal("two tables of counts")) };
    let count = [("n", Range { lo: 0, hi: bound })];
    let equal = table.fold(0, How::Sum, &count, job.nodes)?;
    let below = equal.fold(0, How::FromStart, &count, job.nodes)?;
    let values = beside(&[(equal.whole(), ""), (below.whole(), " below")], Vec::new(), job.nodes)?;
    let mut registers = values.registers();
    let (equal, below) = (registers.get("n")?, registers.get("n below")?);
    let twice = registers.program.scale(below, 2)?;
    let twice = registers.program.subtract(twice, equal)?;
    let midrank = registers.program.offset(twice, 1)?;
    registers.within(midrank, 0, 2 * bound + 1);
    let square = registers.program.multiply(equal, equal)?;
    let less = registers.program.offset(square, -1)?;
    let ties = registers.program.multiply(less, equal)?;
    let cube = bound.checked_pow(3).ok_or_else(|| failure::bounds("the ties"))?;
    registers.within(ties, 0, cube);
    let ties = registers.wide(ties);
    let values = registers.keep(&[(midrank, "midrank"), (ties, "ties"), (equal, "n")], job.nodes);
    let tied = [("ties", Range { lo: 0, hi: cube }), count[0]];
    let all = values.fold(0, How::Sum, &tied, job.nodes)?;
    let cells = beside(
        &[(table.whole(), ""), (values.spread(0, key.values.len()), " of value")],
        Vec::new(),
        job.nodes,
    )?;
    let mut registers = cells.registers();
    let (n, midrank) = (registers.get("n")?, registers.get("midrank of value")?);
    let ranks = registers.program.multiply(n, midrank)?;
    let cells = registers.keep(&[(n, "n"), (ranks, "ranks")], job.nodes);
    let ranks = ("ranks", Range { lo: 0, hi: bound * (2 * bound + 1) });
    let sums = cells.fold(1, How::Sum, &[count[0], ranks], job.nodes)?;
    Ok(Ranked { key, groups: groups.clone(), sums, all, bound })
}

pub(super) fn lower_kruskal(job: &mut Job<'_>) -> Result<LogicalPlan> {
    let Ranked { key, groups, sums, all, bound } = ranked(job, false)?;
    if key.values.len() < 2 {
        return Err(failure::invalid(format!("KRUSKAL compares groups; `{}` has one value", key.name)));
    }
    // sum over groups of (R - n (N + 1))^2 / n, with R twice the sum of ranks: 3 times it over N (N + 1) is H.
    let both =
        beside(&[(sums.whole(), ""), (all.spread(0, key.values.len()), " of all")], Vec::new(), job.nodes)?;
    let mut registers = both.registers();
    let (n, ranks, total) = (registers.get("n")?, registers.get("ranks")?, registers.get("n of all")?);
    let more = registers.program.offset(total, 1)?;
    let expected = registers.program.multiply(n, more)?;
    let distance = registers.program.subtract(ranks, expected)?;
    registers.within(distance, -(bound * bound + bound), bound * bound + bound);
    let square = registers.program.multiply(distance, distance)?;
    // |R - n (N + 1)| <= n N, so that the quotient is at most N^3.
    let cube = bound.checked_pow(3).ok_or_else(|| failure::bounds("ranks"))?;
    let unit = |reg| Fixed { reg, unit: 1.0 };
    let term = registers.ratio(unit(square), unit(n), 16, Some(cube + 1))?;
    let none = registers.program.zero(n);
    let some = registers.program.not(none);
    let some = registers.program.arithmetic(some, RingSize::Z64)?;
    let wide = registers.wide(term.reg);
    let terms = registers.keep(&[(wide, "between"), (some, "groups")], job.nodes);
    #[expect(clippy::cast_possible_truncation, reason = "units are powers of two")]
    let ones = (1.0 / term.unit) as i128;
    let limit = cube.checked_mul(ones).ok_or_else(|| failure::bounds("ranks"))? + bound;
    let between = terms.fold(0, How::Sum, &[("between", Range { lo: 0, hi: limit })], job.nodes)?;
    let row = one_row(&key, &groups, &[&between, &all], job)?;
    let mut registers = row.registers();
    let (between, n, ties) = (registers.get("between")?, registers.get("n")?, registers.get("ties")?);
    let found = registers.get("groups")?;
    // H = 3 B (N - 1) / (N^3 - N - T).
    let (untied, fewer) = untied(&mut registers, n, ties, bound)?;
    let thrice = registers.program.scale(between, 3)?;
    let top = registers.program.multiply(thrice, fewer)?;
    let top = Fixed { reg: top, unit: term.unit };
    let statistic = registers.ratio(top, unit(untied), FRACTION, Some((bound + 1) * ones))?;
    let df = registers.program.offset(found, -1)?;
    let (several, varies) = (registers.at_least(df, 1)?, registers.at_least(untied, 1)?);
    let defined = registers.program.and(several, varies);
    let kept = registers.keep(&[(statistic.reg, "statistic"), (df, "df"), (defined, "defined")], job.nodes);
    let leaving = [
        Leaving::double("statistic", statistic.unit).where_known("defined"),
        Leaving::whole("df").where_known("defined"),
    ];
    let p = Distribution::ChiSquaredAbove.call(vec![released("statistic"), released("df")]);
    job.release_row(&kept, &leaving, &[released("statistic"), released("df"), p])
}

/// N^3 - N - T, and N - 1.
fn untied(registers: &mut Registers<'_>, n: Reg, ties: Reg, bound: i128) -> Result<(Reg, Reg)> {
    let square = registers.program.multiply(n, n)?;
    let less = registers.program.offset(square, -1)?;
    let cube = registers.program.multiply(less, n)?;
    let untied = registers.program.subtract(cube, ties)?;
    registers.within(untied, 0, bound.checked_pow(3).ok_or_else(|| failure::bounds("ranks"))?);
    let fewer = registers.fewer(n, 1, bound)?;
    Ok((untied, fewer))
}

/// Tables of one row side by side, with the persons of every group as gates.
fn one_row(key: &Key, groups: &Cells, tables: &[&Cells], job: &mut Job<'_>) -> Result<Cells> {
    let mut parts: Vec<_> = tables.iter().map(|table| (table.whole(), "")).collect();
    if !groups.gates.is_empty() {
        parts.extend((0..key.values.len()).map(|group| (groups.row(group), " of a group")));
    }
    beside(&parts, Vec::new(), job.nodes)
}

pub(super) fn lower_mann_whitney(job: &mut Job<'_>) -> Result<LogicalPlan> {
    let Ranked { groups, sums, all, bound, .. } = ranked(job, true)?;
    let parts = [(sums.row(0), ""), (groups.row(0), " 1"), (groups.row(1), " 2"), (all.whole(), " of all")];
    let row = beside(&parts, Vec::new(), job.nodes)?;
    let mut registers = row.registers();
    let (n_1, n_2, ranks) = (registers.get("n 1")?, registers.get("n 2")?, registers.get("ranks")?);
    // 2 U = R - n_1 (n_1 + 1), and D = 2 U - n_1 n_2.
    let more = registers.program.offset(n_1, 1)?;
    let least = registers.program.multiply(n_1, more)?;
    let twice_u = registers.program.subtract(ranks, least)?;
    registers.within(twice_u, 0, 2 * bound * bound);
    let pairs = registers.program.multiply(n_1, n_2)?;
    registers.within(pairs, 0, bound * bound / 4);
    let distance = registers.program.subtract(twice_u, pairs)?;
    registers.within(distance, -(bound * bound / 4), bound * bound / 4);
    let word = job.function.arguments.word("alternative");
    let minus = registers.program.scale(distance, -1)?;
    let negative = registers.program.negative(distance);
    let side = match word {
        Some("greater") => distance,
        Some("less") => minus,
        _ => registers.program.select(negative, minus, distance)?,
    };
    // With the correction for continuity, half a rank towards the middle.
    let side = registers.program.offset(side, -1)?;
    let below = registers.program.negative(side);
    let opposite = registers.program.scale(side, -1)?;
    let size = registers.program.select(below, opposite, side)?;
    let square = registers.program.multiply(size, size)?;
    let unit = |reg| Fixed { reg, unit: 1.0 };
    let first = registers.ratio(unit(square), unit(pairs), 16, Some(bound * bound / 4 + 2))?;
    let (n, ties) = (registers.get("n of all")?, registers.get("ties of all")?);
    let (untied, fewer) = untied(&mut registers, n, ties, bound)?;
    // z^2 = (|D| - 1)^2 3 N (N - 1) / (n_1 n_2 (N^3 - N - T)).
    let order = registers.program.multiply(n, fewer)?;
    let order = registers.program.scale(order, 3)?;
    let top = registers.product(first, unit(order))?;
    #[expect(clippy::cast_possible_truncation, reason = "units are powers of two")]
    let ones = (1.0 / first.unit) as i128;
    // z^2 is below 3 N where U is as far from its mean as it can be.
    let z2 = registers.ratio(top, unit(untied), FRACTION, Some(8 * bound * ones))?;
    let signed = registers.program.scale(z2.reg, -1)?;
    let signed = registers.program.select(below, signed, z2.reg)?;
    let (some, varies) = (registers.at_least(pairs, 1)?, registers.at_least(untied, 1)?);
    let defined = registers.program.and(some, varies);
    let outputs = [(twice_u, "statistic"), (signed, "z2"), (defined, "defined")];
    let kept = registers.keep(&outputs, job.nodes);
    let leaving = [
        Leaving::double("statistic", 0.5).where_known("defined"),
        Leaving::double("z2", z2.unit).where_known("defined"),
    ];
    let z = signum(released("z2")) * sqrt(abs(released("z2")));
    let above = Distribution::NormalBelow.call(vec![-z]);
    let p = if word == Some("two-sided") {
        let twice = above * number(2.0);
        when(twice.clone().gt(number(1.0)), number(1.0), twice)
    } else {
        above
    };
    let exprs = [released("statistic"), lit(ScalarValue::Float64(None)), p];
    job.release_row(&kept, &leaving, &exprs)
}
