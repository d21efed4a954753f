//! Comparisons of a text with a number, which the engine would settle by a cast that fails on most texts.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan};

use crate::error::Error;

/// The same plan, unless it compares a text that is no literal with a number.
pub(super) fn check(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.apply_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                if let Expr::BinaryExpr(binary) = part {
                    compared(binary, &schema)?;
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(plan)
}

fn compared(binary: &BinaryExpr, schema: &DFSchema) -> Result<()> {
    if !binary.op.supports_propagation() {
        return Ok(());
    }
    let text = |expr: &Expr| {
        let is_text =
            matches!(expr.get_type(schema), Ok(DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View));
        is_text && !matches!(expr, Expr::Literal(..))
    };
    let number = |expr: &Expr| expr.get_type(schema).is_ok_and(|data_type| data_type.is_numeric());
    let (left, right) = (binary.left.as_ref(), binary.right.as_ref());
    let (text, number) = match (text(left) && number(right), text(right) && number(left)) {
        (true, _) => (left, right),
        (_, true) => (right, left),
        _ => return Ok(()),
    };
    let hint = match number {
        Expr::Literal(value, _) => format!("compare with a text: '{value}'"),
        _ => "CASE and CAST make numbers of texts".to_owned(),
    };
    let error =
        Error::invalid(format!("`{text}` is TEXT and `{number}` is a number: they cannot be compared"));
    Err(DataFusionError::External(Box::new(error.with_hint(hint))))
}
