//! Statistics: sums of rows per cell, arithmetic on cells inside, only the documented numbers released.
//!
//! ```text
//! rows       which rows count; their sums per cell of closed keys, time grids and value grids; persons behind them
//! cells      what is computed from the sums: row by row, along a key, side by side
//! chi2, t_test, anova, ranks, kaplan_meier, logrank, ...    one statistic a file
//! ```
//! Where the documented outputs of a function determine a number (the two variances behind a Welch test), that number is
//! released and the analyst computes the rest. Where they do not (the table behind a chi-squared statistic), the
//! statistic is computed on shares, and only p-values and intervals are left to the analyst.

mod anova;
mod cells;
mod chi2;
mod describe;
mod fisher;
mod groups;
mod histogram;
mod kaplan_meier;
mod logrank;
mod merged;
mod order;
mod ranks;
mod rows;
mod standardized;
mod t_test;
#[cfg(test)]
mod tests;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, LogicalPlan, cast, lit};

use self::cells::{Cells, Registers};
use self::rows::Key;
use super::clear::Released;
use super::failure;
use super::fixed::quotient;
use super::rows::Relation;
use super::value::Number;
use crate::catalog::Federation;
use crate::function::TableFunction;
use crate::function::table::Statistic;
use crate::plan::{KeyDomain, Node, NodeId, Output, Range, Reg, Release, Rounding, Rows, Scale, Threshold};
use crate::{Error, Result};

/// The lowering of one call.
struct Job<'a> {
    function: &'a TableFunction,
    /// The rows that it is of.
    relation: &'a Relation,
    federation: &'a Federation,
    release: usize,
    nodes: &'a mut Vec<Node>,
    notices: &'a mut Vec<String>,
}

/// Lowers a statistic; returns its release and the clear plan of its result.
///
/// # Errors
/// Invalid for arguments that do not fit and for what is not built; refused where a range does not fit.
pub(crate) fn lower_statistic(
    (function, statistic): (&TableFunction, Statistic),
    relation: &Relation,
    federation: &Federation,
    release: usize,
    nodes: &mut Vec<Node>,
    notices: &mut Vec<String>,
) -> Result<(NodeId, LogicalPlan)> {
    let mut job = Job { function, relation, federation, release, nodes, notices };
    let clear = match statistic {
        Statistic::Chi2 => chi2::lower(&mut job),
        Statistic::TTest => t_test::lower(&mut job),
        Statistic::MeanDifference => t_test::lower_difference(&mut job),
        Statistic::Describe => describe::lower(&mut job),
        Statistic::Fisher => fisher::lower(&mut job),
        Statistic::Histogram => histogram::lower(&mut job),
        Statistic::Quantiles => order::lower(&mut job),
        Statistic::Anova => anova::lower(&mut job),
        Statistic::Kruskal => ranks::lower_kruskal(&mut job),
        Statistic::MannWhitney => ranks::lower_mann_whitney(&mut job),
        Statistic::KaplanMeier => kaplan_meier::lower(&mut job),
        Statistic::MedianSurvival => kaplan_meier::lower_median(&mut job),
        Statistic::SurvivalAt => kaplan_meier::lower_at(&mut job),
        Statistic::LogRank => logrank::lower(&mut job),
        Statistic::StandardizedRate => standardized::lower(&mut job),
    }?;
    Ok((NodeId(nodes.len() - 1), clear))
}

/// A number that leaves.
struct Leaving<'n> {
    /// Its column among the cells, and in the released table.
    name: &'n str,
    data_type: DataType,
    /// What one integer is worth, for doubles.
    unit: f64,
    /// A bit among the cells: it is known.
    known: Option<&'n str>,
    /// What must be reached before it leaves; `None`: what the cells demand.
    gates: Option<Vec<cells::Demand>>,
}

impl<'n> Leaving<'n> {
    /// A double in fixed point.
    fn double(name: &'n str, unit: f64) -> Leaving<'n> {
        Leaving { name, data_type: DataType::Float64, unit, known: None, gates: None }
    }

    /// A whole number.
    fn whole(name: &'n str) -> Leaving<'n> {
        Leaving { name, data_type: DataType::Int64, unit: 1.0, known: None, gates: None }
    }

    /// The same where a bit is 1, else NULL.
    fn where_known(self, known: &'n str) -> Leaving<'n> {
        Leaving { known: Some(known), ..self }
    }
}

impl Job<'_> {
    /// The release of one row; the expressions of the result's columns are over its columns by name.
    fn release_row(&mut self, cells: &Cells, leaving: &[Leaving<'_>], exprs: &[Expr]) -> Result<LogicalPlan> {
        let fields = self.release(cells, Rows::One, None, leaving)?;
        Released::new(self.release, fields).project(&self.function.schema, exprs)
    }

    /// The release of one row, and a plan of its columns as they are.
    fn release_columns(&mut self, cells: &Cells, leaving: &[Leaving<'_>]) -> Result<LogicalPlan> {
        let fields = self.release(cells, Rows::One, None, leaving)?;
        let schema =
            DFSchema::try_from(Schema::new(fields.clone())).map_err(|error| failure::engine(&error))?;
        let exprs: Vec<Expr> = fields.iter().map(|field| released(field.name())).collect();
        Released::new(self.release, fields).project(&schema, &exprs)
    }

    /// The release of a row for each cell of these keys, where its gate is met and the bit `present` is 1.
    fn release_cells(
        &mut self,
        cells: &Cells,
        keys: &[(&str, &Key)],
        present: Option<&str>,
        leaving: &[Leaving<'_>],
        exprs: &[Expr],
    ) -> Result<LogicalPlan> {
        let domain = |(name, key): &(&str, &Key)| KeyDomain {
            field: Field::new(*name, key.values.first().map_or(DataType::Null, ScalarValue::data_type), true),
            values: key.values.clone(),
        };
        let rows = Rows::Groups(keys.iter().map(domain).collect());
        let fields = self.release(cells, rows, present, leaving)?;
        Released::new(self.release, fields).project(&self.function.schema, exprs)
    }

    /// Adds the release; the columns of the released table.
    fn release(
        &mut self,
        cells: &Cells,
        rows: Rows,
        present: Option<&str>,
        leaving: &[Leaving<'_>],
    ) -> Result<Vec<Field>> {
        let threshold = |demand: &cells::Demand| Threshold {
            persons: demand.column,
            at_least: demand.at_least,
            reason: demand.reason.clone(),
        };
        let gate: Vec<Threshold> = cells.gates.iter().map(&threshold).collect();
        let one = matches!(rows, Rows::One);
        let mut outputs = Vec::new();
        for number in leaving {
            let scale =
                if number.data_type == DataType::Float64 { Scale::Step(number.unit) } else { Scale::Unit };
            outputs.push(Output {
                field: Field::new(number.name, number.data_type.clone(), true),
                value: cells.place(number.name)?,
                scale,
                known: number.known.map(|known| cells.place(known)).transpose()?,
                gate: match &number.gates {
                    Some(own) => own.iter().map(&threshold).collect(),
                    None if one => gate.clone(),
                    None => Vec::new(),
                },
            });
        }
        let mut fields: Vec<Field> = match &rows {
            Rows::Groups(keys) => keys.iter().map(|key| key.field.clone()).collect(),
            Rows::One | Rows::Chosen(_) | Rows::Terms(_) => Vec::new(),
        };
        fields.extend(outputs.iter().map(|output| output.field.clone()));
        let present = present.map(|present| cells.place(present)).transpose()?;
        let gate = if one { Vec::new() } else { gate };
        self.nodes.push(Node::Release(Release { input: cells.node(), rows, present, gate, outputs }));
        Ok(fields)
    }

    /// Says that counts are rounded, if they are.
    fn notice_rounding(&mut self, multiple: i128) {
        let notice = format!("counts are rounded to the nearest multiple of {multiple}");
        if multiple > 1 && !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }
}

/// Refuses a statistic that the analyst computes from sizes that leave, where an owner lets rounded ones leave only.
fn exact_sizes(job: &Job<'_>, multiple: i128, instead: &str) -> Result<()> {
    if multiple <= 1 {
        return Ok(());
    }
    let name = job.function.spec.name;
    let message = "needs exact sizes, and an owner lets rounded counts leave only (`round_counts`)";
    Err(Error { hint: Some(instead.to_owned()), ..failure::refused(format!("{name} {message}")) })
}

/// A column of a released table.
fn released(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

/// A column of a released table as a double.
fn double(name: &str) -> Expr {
    cast(released(name), DataType::Float64)
}

/// `then` where the condition is true, else `otherwise`.
fn when(condition: Expr, then: Expr, otherwise: Expr) -> Expr {
    let when_then_expr = vec![(Box::new(condition), Box::new(then))];
    Expr::Case(Case { expr: None, when_then_expr, else_expr: Some(Box::new(otherwise)) })
}

/// A double.
fn number(value: f64) -> Expr {
    lit(value)
}

/// A number with what one integer is worth.
#[derive(Clone, Copy)]
struct Fixed {
    reg: Reg,
    unit: f64,
}

impl Registers<'_> {
    /// A quotient to the nearest, with so many fraction bits of its own unit, as far as there is room; 0 where the
    /// denominator, which is not negative, is 0. `most`: a bound on its magnitude, in its own unit.
    fn ratio(&mut self, top: Fixed, bottom: Fixed, fraction: u32, most: Option<i128>) -> Result<Fixed> {
        let side = |fixed: Fixed| Number { reg: fixed.reg, known: None, scale: Scale::Step(fixed.unit) };
        let (reg, scale) = quotient(&mut self.program, &side(top), &side(bottom), fraction, most)?;
        Ok(Fixed { reg, unit: super::scale::worth(scale) })
    }

    /// A product of two numbers.
    fn product(&mut self, x: Fixed, y: Fixed) -> Result<Fixed> {
        Ok(Fixed { reg: self.program.multiply(x.reg, y.reg)?, unit: x.unit * y.unit })
    }

    /// The number in units of 2^-`bits`, rounded towards zero; it must have a finer one that is a power of two.
    fn coarser(&mut self, x: Reg, by_bits: u32) -> Result<Reg> {
        self.program.divide_by(x, 1 << by_bits, Rounding::Truncate)
    }

    /// A count to the nearest multiple.
    fn rounded(&mut self, count: Reg, multiple: i128) -> Result<Reg> {
        if multiple <= 1 {
            return Ok(count);
        }
        let times = self.program.divide_by(count, multiple, Rounding::Nearest)?;
        self.program.scale(times, multiple)
    }

    /// The bit x >= `least`.
    fn at_least(&mut self, x: Reg, least: i128) -> Result<Reg> {
        let short = self.program.offset(x, -least)?;
        let short = self.program.negative(short);
        Ok(self.program.not(short))
    }

    /// A count less some, where it is at least that; else a number that nothing uses.
    fn fewer(&mut self, count: Reg, less: i128, most: i128) -> Result<Reg> {
        let fewer = self.program.offset(count, -less)?;
        self.within(fewer, 0, most);
        Ok(fewer)
    }

    /// States what is known of a number.
    fn within(&mut self, x: Reg, lo: i128, hi: i128) {
        self.program.assume(x, Range { lo, hi });
    }
}

/// A variable with exactly two values, or an error that says what to do.
fn two_groups(job: &Job<'_>, key: &Key) -> Result<()> {
    if key.values.len() == 2 {
        return Ok(());
    }
    let mut error = failure::invalid(format!(
        "{} compares two groups; `{}` has {} values",
        job.function.spec.name,
        key.name,
        key.values.len()
    ));
    error.hint = Some(format!("keep two of them: (SELECT * FROM ... WHERE {} IN (...))", key.name));
    Err(error)
}

/// Bits of a count of so many rows.
fn bits_of(bound: i128) -> u32 {
    i128::BITS - bound.leading_zeros()
}
