//! `FISHER_TEST`: the exact test of a table of two by two.
//!
//! The exact p-value and the odds ratio of a table determine its counts, but for rare coincidences; so the four counts are
//! released, each under the gate, and the analyst sums the hypergeometric probabilities. Fisher, Statistical Methods for
//! Research Workers, 5th edition, 1934.

use datafusion::logical_expr::{LogicalPlan, lit};
use datafusion::scalar::ScalarValue;

use super::cells::beside;
use super::rows::Rows;
use super::{Job, Leaving, double, number, two_groups, when};
use crate::Result;
use crate::function::table::distribution::Distribution;
use crate::lower::failure;

/// The counts of the table, row by row.
const COUNTS: [&str; 4] = ["n_11", "n_12", "n_21", "n_22"];

pub(super) fn lower(job: &mut Job<'_>) -> Result<LogicalPlan> {
    let mut rows = Rows::new(job.function, job.relation, job.federation)?;
    let arguments = &job.function.arguments;
    let (row, column) = (arguments.column("row")?, arguments.column("column")?);
    let counting = rows.known(&[row, column])?;
    let (row, column) = (rows.key(row)?, rows.key(column)?);
    two_groups(job, &row)?;
    two_groups(job, &column)?;
    let gates = rows.gates(&counting, "of a cell")?;
    rows.count("n", &counting)?;
    rows.table(&[&row, &column], &gates)?;
    if rows.multiple() > 1 {
        return Err(failure::refused(
            "FISHER_TEST needs exact counts, and an owner lets rounded counts leave only (`round_counts`)",
        ));
    }
    let tables = rows.finish(job.nodes)?;
    let table = tables.first().ok_or_else(|| failure::internal("no table of counts"))?;
    let suffixes = [" 0", " 1", " 2", " 3"];
    let parts: Vec<_> =
        suffixes.iter().enumerate().map(|(cell, suffix)| (table.row(cell), *suffix)).collect();
    let all = beside(&parts, Vec::new(), job.nodes)?;
    let mut registers = all.registers();
    let mut kept = Vec::new();
    for (suffix, name) in suffixes.iter().zip(COUNTS) {
        kept.push((registers.get(&format!("n{suffix}"))?, name));
    }
    let kept = registers.keep(&kept, job.nodes);
    let leaving = COUNTS.map(Leaving::whole);
    let tail = match arguments.word("alternative") {
        Some("less") => Distribution::HypergeometricBelow,
        Some("greater") => Distribution::HypergeometricAbove,
        _ => Distribution::HypergeometricTwoSided,
    };
    let [a, b, c, d] = COUNTS.map(double);
    let chance = tail.call(vec![a.clone(), b.clone(), c.clone(), d.clone()]);
    let below = b * c;
    let ratio = when(below.clone().gt(number(0.0)), a * d / below, lit(ScalarValue::Float64(None)));
    job.release_row(&kept, &leaving, &[ratio, chance])
}
