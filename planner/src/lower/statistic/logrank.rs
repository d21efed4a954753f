//! `LOGRANK`: whether groups have the same survival.
//!
//! At every time, with d events among n at risk of whom `n_j` are in group j: `Z_j` sums `d_j - d n_j / n`, and `V_jk` sums
//! `d (n - d) / (n - 1) n_j / n (1[j = k] - n_k / n)`. The statistic is `Z' V^-1 Z` over all groups but one; strata add
//! to the same sums. Mantel, Cancer Chemotherapy Reports 1966; Peto and Peto, Journal of the Royal Statistical
//! Society A 1972.

use datafusion::logical_expr::{LogicalPlan, lit};

use super::cells::{Cells, Registers, beside};
use super::kaplan_meier::{Exposure, exposure};
use super::{Fixed, Job, Leaving, bits_of, released};
use crate::Result;
use crate::function::table::distribution::Distribution;
use crate::lower::failure;
use crate::plan::{How, Node, Range, Reg, RingSize};

/// Bits of a number of persons in fixed point: what a quotient of few rounds takes.
const BITS: u32 = 58;

/// The most groups: the elimination is of their number less one.
const MAX_GROUPS: usize = 12;

/// Fraction bits of the statistic, as far as there is room.
const FRACTION: u32 = 40;

pub(super) fn lower(job: &mut Job<'_>) -> Result<LogicalPlan> {
    let exposure = exposure(job, false)?;
    let by = exposure.by.as_ref().ok_or_else(|| failure::internal("LOGRANK without groups"))?;
    let count = by.values.len();
    if !(2..=MAX_GROUPS).contains(&count) {
        return Err(failure::invalid(format!(
            "LOGRANK compares 2 to {MAX_GROUPS} groups; `{}` has {count} values",
            by.name
        )));
    }
    let fraction = BITS - bits_of(exposure.bound);
    let (scores, variances) = sums(&exposure, count, fraction, job.nodes)?;
    // One row: the scores, the variances, and the persons of every group.
    let suffix = |what: &str, index: usize| format!(" {what} {index}");
    let names: Vec<String> = (0..count - 1).map(|j| suffix("of group", j)).collect();
    let pairs: Vec<String> = (0..variances.rows()).map(|pair| suffix("of pair", pair)).collect();
    let mut parts: Vec<_> =
        names.iter().enumerate().map(|(j, name)| (scores.row(j), name.as_str())).collect();
    parts.extend(pairs.iter().enumerate().map(|(pair, name)| (variances.row(pair), name.as_str())));
    parts.extend((0..count).map(|group| (exposure.groups.row(group), " persons")));
    parts.extend(exposure.all.iter().map(|all| (all.row(0), " in all")));
    let row = beside(&parts, Vec::new(), job.nodes)?;
    let mut registers = row.registers();
    let z: Vec<Reg> =
        names.iter().map(|name| registers.get(&format!("score{name}"))).collect::<Result<_>>()?;
    let v: Vec<Reg> =
        pairs.iter().map(|name| registers.get(&format!("variance{name}"))).collect::<Result<_>>()?;
    let (statistic, defined) = quadratic(&mut registers, z, &v, fraction, exposure.bound)?;
    let kept = registers.keep(&[(statistic.reg, "chi2"), (defined, "defined")], job.nodes);
    let df = i64::try_from(count - 1).unwrap_or_default();
    let known = super::when(
        released("chi2").is_not_null(),
        lit(df),
        lit(datafusion::scalar::ScalarValue::Int64(None)),
    );
    let p = Distribution::ChiSquaredAbove.call(vec![released("chi2"), lit(df)]);
    let leaving = [Leaving::double("chi2", statistic.unit).where_known("defined")];
    job.release_row(&kept, &leaving, &[released("chi2"), known, p])
}

/// The scores of all groups but the last, and the variances of their pairs (j, k >= j).
fn sums(exposure: &Exposure, count: usize, fraction: u32, nodes: &mut Vec<Node>) -> Result<(Cells, Cells)> {
    let ones = 1_i128 << fraction;
    let bound = exposure.bound;
    let cells = exposure.cells.only_these(&["at_risk", "events"], nodes)?;
    let strata = exposure.strata.as_ref().map_or(1, |strata| strata.values.len());
    let times = exposure.grid.values.len();
    let cells = cells.reshaped(vec![strata, count, times]);
    let limits = [("at_risk", Range { lo: 0, hi: bound }), ("events", Range { lo: 0, hi: bound })];
    let totals = cells.fold(1, How::Sum, &limits, nodes)?;
    // Per time, for all groups together: h = d (n - d) / (n - 1).
    let mut registers = totals.registers();
    let (n, d) = (registers.get("at_risk")?, registers.get("events")?);
    let left = registers.program.subtract(n, d)?;
    registers.within(left, 0, bound);
    let fewer = registers.fewer(n, 1, bound)?;
    let unit = |reg| Fixed { reg, unit: 1.0 };
    let share = registers.ratio(unit(left), unit(fewer), fraction, Some(2))?;
    let spread = registers.program.multiply(d, share.reg)?;
    // d (n - d) / (n - 1) is at most d, but where the one person at risk has the event.
    registers.within(spread, -bound * ones, 2 * bound * ones);
    let spread = registers.wide(spread);
    let totals = registers.keep(&[(n, "at_risk"), (d, "events"), (spread, "spread")], nodes);
    // Per group and time: r = n_j / n, and the score.
    let both = beside(&[(cells.whole(), ""), (totals.spread(1, count), " of all")], Vec::new(), nodes)?;
    let mut registers = both.registers();
    let (n_j, d_j) = (registers.get("at_risk")?, registers.get("events")?);
    let (n, d) = (registers.get("at_risk of all")?, registers.get("events of all")?);
    let share = registers.ratio(unit(n_j), unit(n), fraction, Some(1))?;
    registers.within(share.reg, 0, ones);
    let expected = registers.program.multiply(d, share.reg)?;
    registers.within(expected, 0, bound * ones);
    let observed = registers.program.scale(d_j, ones)?;
    let score = registers.program.subtract(observed, expected)?;
    registers.within(score, -bound * ones, bound * ones);
    let (score, share) = (registers.wide(score), registers.wide(share.reg));
    let groups = registers.keep(&[(score, "score"), (share, "share")], nodes);
    let limit = [("score", Range { lo: -bound * ones, hi: bound * ones })];
    let scores = groups.only("score", nodes)?.fold(2, How::Sum, &limit, nodes)?;
    let scores = scores.fold(0, How::Sum, &limit, nodes)?;
    let variances = variances(&groups, &totals, [strata, count, times], (fraction, bound), nodes)?;
    Ok((scores, variances))
}

/// The variances of the pairs of groups: sums of `h r_j (1[j = k] - r_k)`.
fn variances(
    groups: &Cells,
    totals: &Cells,
    [strata, count, times]: [usize; 3],
    (fraction, bound): (u32, i128),
    nodes: &mut Vec<Node>,
) -> Result<Cells> {
    let ones = 1_i128 << fraction;
    let pairs: Vec<(usize, usize)> =
        (0..count - 1).flat_map(|j| (j..count - 1).map(move |k| (j, k))).collect();
    let places = |side: fn(&(usize, usize)) -> usize| -> Vec<usize> {
        let of_stratum = |stratum: usize| {
            pairs.iter().flat_map(move |pair| {
                (0..times).map(move |time| (stratum * count + side(pair)) * times + time)
            })
        };
        (0..strata).flat_map(of_stratum).collect()
    };
    let shape = vec![strata, pairs.len(), times];
    let same: Vec<i128> = (0..strata)
        .flat_map(|_| pairs.iter().flat_map(|(j, k)| vec![if j == k { ones } else { 0 }; times]))
        .collect();
    let parts = [
        (groups.at(places(|pair| pair.0), shape.clone()), " j"),
        (groups.at(places(|pair| pair.1), shape), " k"),
        (totals.spread(1, pairs.len()), ""),
    ];
    let cells = beside(&parts, vec![("same", same)], nodes)?;
    let mut registers = cells.registers();
    let (r_j, r_k) = (registers.get("share j")?, registers.get("share k")?);
    let (spread, same) = (registers.get("spread")?, registers.get("same")?);
    let other = registers.program.subtract(same, r_k)?;
    registers.within(other, -ones, ones);
    let times_j = registers.program.multiply(spread, r_j)?;
    let times_j = registers.coarser(times_j, fraction)?;
    let product = registers.program.multiply(times_j, other)?;
    let variance = registers.coarser(product, fraction)?;
    registers.within(variance, -2 * bound * ones, 2 * bound * ones);
    let variance = registers.wide(variance);
    let kept = registers.keep(&[(variance, "variance")], nodes);
    let limit = [("variance", Range { lo: -2 * bound * ones, hi: 2 * bound * ones })];
    kept.fold(2, How::Sum, &limit, nodes)?.fold(0, How::Sum, &limit, nodes)
}

/// `z' V^-1 z` by elimination, and the bit that V is regular. V is symmetric, given by its upper half, row by row.
///
/// A Schur complement of V has no entry larger than V's largest. A pivot below 2^-16 counts as 0: the groups then have
/// no time at which events could have been in either.
fn quadratic(
    registers: &mut Registers<'_>,
    mut scores: Vec<Reg>,
    variances: &[Reg],
    fraction: u32,
    bound: i128,
) -> Result<(Fixed, Reg)> {
    let size = scores.len();
    let ones = 1_i128 << fraction;
    let limit = 2 * bound * ones;
    let mut upper = vec![vec![Reg(0); size]; size];
    let mut entries = variances.iter();
    for (j, row) in upper.iter_mut().enumerate() {
        for entry in row.iter_mut().skip(j) {
            *entry = *entries.next().ok_or_else(|| failure::internal("a variance is missing"))?;
        }
    }
    let unit = |reg| Fixed { reg, unit: 1.0 };
    // One for all terms, which are added.
    let room = FRACTION.min(122_u32.saturating_sub(2 * bits_of(limit)));
    let mut regular = registers.program.bit(true);
    let mut statistic: Option<Fixed> = None;
    for i in 0..size {
        let found = upper[i][i];
        let enough = registers.at_least(found, ones >> 16)?;
        regular = registers.program.and(regular, enough);
        let one = registers.program.constant(ones)?;
        let one = registers.program.widened(one, RingSize::Z128);
        let pivot = registers.program.select(enough, found, one)?;
        registers.within(pivot, ones >> 16, limit);
        let square = registers.program.multiply(scores[i], scores[i])?;
        let term = registers.ratio(unit(square), unit(pivot), room, None)?;
        // With V regular a term is at most the number of events; beyond, it is withheld.
        let term = Fixed { reg: term.reg, unit: term.unit / 2_f64.powi(fraction.cast_signed()) };
        statistic = Some(match statistic {
            None => term,
            Some(sum) => Fixed { reg: registers.program.add(sum.reg, term.reg)?, ..term },
        });
        for j in i + 1..size {
            let top = registers.program.multiply(upper[i][j], scores[i])?;
            let share = registers.ratio(unit(top), unit(pivot), 0, Some(limit))?;
            scores[j] = registers.program.subtract(scores[j], share.reg)?;
            registers.within(scores[j], -limit, limit);
            for k in j..size {
                let top = registers.program.multiply(upper[i][j], upper[i][k])?;
                let share = registers.ratio(unit(top), unit(pivot), 0, Some(limit))?;
                upper[j][k] = registers.program.subtract(upper[j][k], share.reg)?;
                registers.within(upper[j][k], -limit, limit);
            }
        }
    }
    let statistic = statistic.ok_or_else(|| failure::internal("no groups"))?;
    Ok((statistic, regular))
}
