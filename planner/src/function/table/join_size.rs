//! `JOIN_SIZE`: how many rows a join has.

use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{LogicalPlan, lit};

use super::expansion::released;
use super::{ColumnType, Lowering, Spec, TableFunction};
use crate::error::Result;

/// `COUNT(*)`, rounded as the policies say.
pub(super) const JOIN_SIZE: Spec = Spec {
    name: "JOIN_SIZE",
    doc: "The number of rows of a join, rounded as the policies say: n.",
    parameters: &[],
    columns: &[("n", ColumnType::BigInt)],
    example: "SELECT * FROM JOIN_SIZE(cohort)",
    discloses: "The number of rows, if at least min_people persons of every owner are behind it.",
    lowering: Lowering::Expansion(expansion),
};

fn expansion(function: &TableFunction) -> Result<LogicalPlan> {
    released(function.input.as_ref().clone(), &[], vec![("n".to_owned(), count(lit(1_i64)))])
}
