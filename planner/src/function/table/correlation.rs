//! `CORRELATION` and `COVARIANCE`: a number for each pair of columns.

use datafusion::functions_aggregate::expr_fn::{corr, covar_samp};
use datafusion::logical_expr::{Expr, LogicalPlan, col};
use datafusion::scalar::ScalarValue;

use super::expansion::{released, rows_of};
use super::{ColumnType, Holds, Lowering, Parameter, Spec, TableFunction, Variable};
use crate::catalog::Use;
use crate::error::{Error, Result};

const PARAMETERS: &[Parameter] =
    &[Parameter::columns("columns", Holds::Number, Use::Aggregate, "Numeric columns; default: all.")
        .or_other_columns()];

const COLUMNS: &[(&str, ColumnType)] =
    &[("row", ColumnType::Text), ("column", ColumnType::Text), ("value", ColumnType::Double)];

/// Pearson correlations on the rows where both columns are known, as pandas has them.
pub(super) const CORRELATION: Spec = Spec {
    name: "CORRELATION",
    doc: "Correlation of each pair of columns, over the rows that have both: row, column, value.",
    parameters: PARAMETERS,
    columns: COLUMNS,
    example: "SELECT * FROM CORRELATION(cohort, columns => 'age,bmi,days')",
    discloses: "The correlation of every pair with at least min_people persons.",
    lowering: Lowering::Expansion(|function| pairs(function, corr)),
};

/// Covariances with n - 1, on the rows where both columns are known, as pandas has them.
pub(super) const COVARIANCE: Spec = Spec {
    name: "COVARIANCE",
    doc: "Sample covariance of each pair of columns, over the rows that have both: row, column, value.",
    parameters: PARAMETERS,
    columns: COLUMNS,
    example: "SELECT * FROM COVARIANCE(cohort, columns => 'age,bmi,days')",
    discloses: "The covariance of every pair with at least min_people persons.",
    lowering: Lowering::Expansion(|function| pairs(function, covar_samp)),
};

/// The most columns: their pairs are computed side by side.
const MOST: usize = 32;

fn pairs(function: &TableFunction, of: fn(Expr, Expr) -> Expr) -> Result<LogicalPlan> {
    let columns: &[Variable] = function.arguments.columns("columns");
    if columns.len() > MOST {
        return Err(Error::invalid(format!("{} takes at most {MOST} columns", function.spec.name)));
    }
    let name = |i: usize, j: usize| format!("pair_{}_{}", i.min(j), i.max(j));
    let mut numbers = Vec::new();
    for (j, right) in columns.iter().enumerate() {
        for (i, left) in columns.iter().enumerate().take(j + 1) {
            numbers.push((name(i, j), of(left.expr.clone(), right.expr.clone())));
        }
    }
    let released = released(function.input.as_ref().clone(), &[], numbers)?;
    let label = |variable: &Variable| ScalarValue::from(variable.name.as_str());
    let mut entries = Vec::new();
    for (i, row) in columns.iter().enumerate() {
        for (j, column) in columns.iter().enumerate() {
            entries.push((vec![label(row), label(column)], vec![col(name(i, j))]));
        }
    }
    rows_of(released, &entries)
}
