//! `ANOVA`: one-way analysis of variance.
//!
//! What is computed inside is the share of the variance between the groups, `eta^2 = B / T`; with the sizes it
//! determines `F = (eta^2 / (k - 1)) / ((1 - eta^2) / (n - k))`, which the analyst computes. Group means and variances
//! stay inside. Fisher, Statistical Methods for Research Workers, 1925.

use datafusion::logical_expr::{LogicalPlan, lit};
use datafusion::scalar::ScalarValue;

use super::cells::{Cells, beside};
use super::groups::{Groups, groups};
use super::{Fixed, Job, Leaving, double, exact_sizes, number, released, when};
use crate::Result;
use crate::function::table::distribution::Distribution;
use crate::lower::failure;
use crate::plan::{How, Node, Range, Reg, RingSize};

/// Fraction bits of a group's share of the sum of squares.
const SQUARES: u32 = 20;

/// Fraction bits of eta^2, as far as there is room.
const SHARE: u32 = 56;

pub(super) fn lower(job: &mut Job<'_>) -> Result<LogicalPlan> {
    let arguments = &job.function.arguments;
    let variables = (arguments.column("value")?, arguments.column("by")?);
    let Groups { key, bound, multiple, cells: groups, .. } = groups(job, variables, |_, key| {
        if key.values.len() < 2 {
            return Err(failure::invalid(format!("ANOVA compares groups; `{}` has one value", key.name)));
        }
        Ok(())
    })?;
    exact_sizes(job, multiple, "MEAN_DIFFERENCE of two of the groups shows no sizes and needs none")?;
    let (parts, ones, most) = squares_of(&groups, job.nodes)?;
    let highest = most.checked_mul(ones).ok_or_else(|| failure::bounds("sums of squares"))?;
    let limits = [
        ("n", Range { lo: 0, hi: bound }),
        ("squares", Range { lo: 0, hi: most }),
        ("between", Range { lo: 0, hi: highest + bound }),
    ];
    let totals = parts.ungated().fold(0, How::Sum, &limits, job.nodes)?;
    let mut sides = vec![(totals.whole(), "")];
    if !parts.gates.is_empty() {
        sides.extend((0..key.values.len()).map(|group| (groups.row(group), " of a group")));
    }
    let all = beside(&sides, Vec::new(), job.nodes)?;
    let (kept, unit) = share_between(&all, (ones, most, bound), job.nodes)?;
    let leaving = [
        Leaving::double("eta2", unit).where_known("defined"),
        Leaving::whole("df").where_known("defined"),
        Leaving::whole("df_residual").where_known("defined"),
    ];
    let (df, residual) = (double("df"), double("df_residual"));
    let rest = number(1.0) - released("eta2");
    let rest = when(rest.clone().gt(number(0.0)), rest, lit(ScalarValue::Float64(None)));
    let statistic = released("eta2") / df.clone() / (rest / residual.clone());
    let p = Distribution::FisherAbove.call(vec![statistic.clone(), df.clone(), residual]);
    let exprs = [statistic, df, double("df_residual"), p];
    job.release_row(&kept, &leaving, &exprs)
}

/// Group by group: n, S, Q, `between`, which is S^2 / n, and `groups`, 1 where there is anyone; what stands for 1 in
/// `between`, and the largest Q.
fn squares_of(groups: &Cells, nodes: &mut Vec<Node>) -> Result<(Cells, i128, i128)> {
    let mut registers = groups.registers();
    let (n, sum) = (registers.get("n")?, registers.get("sum")?);
    let squares = registers.get("squares")?;
    let square = registers.program.multiply(sum, sum)?;
    let most = registers.program.range(squares).hi;
    let share = registers.ratio(plain(square), plain(n), SQUARES, Some(most))?;
    let none = registers.program.zero(n);
    let some = registers.program.not(none);
    let some = registers.program.arithmetic(some, RingSize::Z64)?;
    let (wide, squares) = (registers.wide(share.reg), registers.wide(squares));
    let sum = registers.wide(sum);
    let columns = [(n, "n"), (some, "groups"), (sum, "sum"), (squares, "squares"), (wide, "between")];
    #[expect(clippy::cast_possible_truncation, reason = "units are powers of two")]
    let ones = (1.0 / share.unit) as i128;
    Ok((registers.keep(&columns, nodes), ones, most))
}

/// eta^2 with its unit, both degrees of freedom, and the bit that they are defined, from the sums over all groups.
fn share_between(
    all: &Cells,
    (ones, most, bound): (i128, i128, i128),
    nodes: &mut Vec<Node>,
) -> Result<(Cells, f64)> {
    let mut registers = all.registers();
    let (n, sum) = (registers.get("n")?, registers.get("sum")?);
    let (squares, between) = (registers.get("squares")?, registers.get("between")?);
    let square = registers.program.multiply(sum, sum)?;
    let common = registers.ratio(plain(square), plain(n), SQUARES, Some(most))?;
    let between = registers.program.subtract(between, common.reg)?;
    // Rounding may leave a little less than nothing.
    let below = registers.program.negative(between);
    let zero = registers.program.constant(0)?;
    let between = registers.program.select(below, zero, between)?;
    registers.within(between, 0, most * ones + bound);
    let total = registers.program.scale(squares, ones)?;
    let total = registers.program.subtract(total, common.reg)?;
    registers.within(total, 0, most * ones);
    let eta = registers.ratio(plain(between), plain(total), SHARE, Some(2))?;
    let groups = registers.get("groups")?;
    let df = registers.program.offset(groups, -1)?;
    let residual = registers.program.subtract(n, groups)?;
    let (several, left) = (registers.at_least(df, 1)?, registers.at_least(residual, 1)?);
    let varies = registers.at_least(total, 1)?;
    let both = registers.program.and(several, left);
    let defined = registers.program.and(both, varies);
    let outputs = [(eta.reg, "eta2"), (df, "df"), (residual, "df_residual"), (defined, "defined")];
    Ok((registers.keep(&outputs, nodes), eta.unit))
}

/// A whole number.
fn plain(reg: Reg) -> Fixed {
    Fixed { reg, unit: 1.0 }
}
