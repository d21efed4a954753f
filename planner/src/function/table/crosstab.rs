//! `CROSSTAB`: how many rows have each pair of values.

use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, lit};

use super::expansion::{engine, released};
use super::{ColumnType, Holds, Lowering, Parameter, Spec, TableFunction};
use crate::catalog::Use;
use crate::error::Result;

/// Counts of pairs, those with a NULL left out (as pandas does).
pub(super) const CROSSTAB: Spec = Spec {
    name: "CROSSTAB",
    doc: "Counts of rows for each pair of values of two columns: row, column, n.",
    parameters: &[
        Parameter::column("row", Holds::Group, Use::Group, "The column whose values are the rows."),
        Parameter::column("column", Holds::Group, Use::Group, "The column whose values are the columns."),
    ],
    columns: &[
        ("row", ColumnType::Of("row")),
        ("column", ColumnType::Of("column")),
        ("n", ColumnType::BigInt),
    ],
    example: "SELECT * FROM CROSSTAB(cohort, row => 'smoking', column => 'region')",
    discloses: "Pairs of values with at least min_people persons, and how many rows have each.",
    lowering: Lowering::Expansion(expansion),
};

fn expansion(function: &TableFunction) -> Result<LogicalPlan> {
    let [row, column] = [function.arguments.column("row")?, function.arguments.column("column")?];
    let known = row.expr.clone().is_not_null().and(column.expr.clone().is_not_null());
    let rows = LogicalPlanBuilder::from(function.input.as_ref().clone()).filter(known);
    let rows = rows.and_then(LogicalPlanBuilder::build).map_err(|error| engine(&error))?;
    let keys = [("row", row.expr.clone()), ("column", column.expr.clone())];
    released(rows, &keys, vec![("n".to_owned(), count(lit(1_i64)))])
}
