//! Division that no data can make fail: `a / b` becomes `a / nonzero(b)`, `a % b` becomes `a % nonzero(b)`.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};

use crate::function::nonzero::{NONZERO, nonzero};

/// Rewrites all divisions of a plan, subqueries included. Names of columns stay.
pub(super) fn make_total(plan: LogicalPlan) -> Result<LogicalPlan> {
    let rewritten = plan.transform_up_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        let node = node.map_expressions(|expr| {
            let name = names.save(&expr);
            Ok(expr.transform_up(|expr| Ok(divide(expr)))?.update_data(|expr| name.restore(expr)))
        })?;
        if node.transformed { node.map_data(LogicalPlan::recompute_schema) } else { Ok(node) }
    })?;
    Ok(rewritten.data)
}

fn divide(expr: Expr) -> Transformed<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Divide | Operator::Modulo), right })
            if !is_other_than_zero(&right) =>
        {
            let right = Box::new(nonzero().call(vec![*right]));
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right }))
        }
        other => Transformed::no(other),
    }
}

/// Whether a divisor is a constant other than 0, or made safe already.
fn is_other_than_zero(divisor: &Expr) -> bool {
    match divisor {
        Expr::ScalarFunction(function) => function.name() == NONZERO,
        Expr::Literal(value, _) => {
            let zero = ScalarValue::new_zero(&value.data_type());
            !value.is_null() && zero.is_ok_and(|zero| zero != *value) && !is_negative_zero(value)
        }
        Expr::Cast(cast) => is_other_than_zero(&cast.expr),
        Expr::Negative(inner) => is_other_than_zero(inner),
        _ => false,
    }
}

fn is_negative_zero(value: &ScalarValue) -> bool {
    match value {
        ScalarValue::Float64(Some(x)) => *x == 0.0,
        ScalarValue::Float32(Some(x)) => *x == 0.0,
        _ => false,
    }
}
