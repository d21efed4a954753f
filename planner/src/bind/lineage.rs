//! From a column of a plan back to the declared columns that it is made of.

use datafusion::logical_expr::{Expr, LogicalPlan};

use super::DeclaredTable;
use crate::catalog::{Column, Federation};

/// The declared column that output column `index` of `plan` is, untouched.
pub(crate) fn declared<'f>(
    plan: &LogicalPlan,
    index: usize,
    federation: &'f Federation,
) -> Option<&'f Column> {
    match sources(plan, index, federation)?.as_slice() {
        [one] if is_plain(plan, index) => Some(one),
        _ => None,
    }
}

/// Whether only renaming lies between an output column and a table.
fn is_plain(plan: &LogicalPlan, index: usize) -> bool {
    let input = |index| plan.inputs().first().is_some_and(|input| is_plain(input, index));
    match plan {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::Projection(projection) => match projection.expr.get(index).cloned().map(Expr::unalias) {
            Some(Expr::Column(column)) => projection
                .input
                .schema()
                .maybe_index_of_column(&column)
                .is_some_and(|index| is_plain(&projection.input, index)),
            _ => false,
        },
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(_) => input(index),
        LogicalPlan::Aggregate(aggregate) => match aggregate.group_expr.get(index) {
            Some(Expr::Column(column)) => aggregate
                .input
                .schema()
                .maybe_index_of_column(column)
                .is_some_and(|index| is_plain(&aggregate.input, index)),
            _ => false,
        },
        LogicalPlan::Join(join) => match index.checked_sub(join.left.schema().fields().len()) {
            Some(right) => is_plain(&join.right, right),
            None => is_plain(&join.left, index),
        },
        _ => false,
    }
}

/// The declared columns behind output column `index` of `plan`; `None` where a count of rows, a table function's
/// result or a constant takes part, or the plan is of a kind that hides where its columns come from.
pub(crate) fn sources<'f>(
    plan: &LogicalPlan,
    index: usize,
    federation: &'f Federation,
) -> Option<Vec<&'f Column>> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let table = scan.source.downcast_ref::<DeclaredTable>()?;
            let name = plan.schema().field(index).name();
            let declared = federation.parties.get(table.party.0)?.tables.get(table.table)?;
            declared.column(name).map(|(_, column)| vec![column])
        }
        LogicalPlan::Projection(projection) => {
            of_expr(projection.expr.get(index)?, &projection.input, federation)
        }
        LogicalPlan::SubqueryAlias(alias) => sources(&alias.input, index, federation),
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) | LogicalPlan::Distinct(_) => {
            sources(plan.inputs().first()?, index, federation)
        }
        LogicalPlan::Join(join) => {
            let left = join.left.schema().fields().len();
            let both = join.schema.fields().len() == left + join.right.schema().fields().len();
            match index.checked_sub(left) {
                Some(right) if both => sources(&join.right, right, federation),
                _ => sources(&join.left, index, federation),
            }
        }
        LogicalPlan::Aggregate(aggregate) => {
            let exprs: Vec<&Expr> = aggregate.group_expr.iter().chain(&aggregate.aggr_expr).collect();
            of_expr(exprs.get(index)?, &aggregate.input, federation)
        }
        LogicalPlan::Union(union) => {
            let mut all = Vec::new();
            for input in &union.inputs {
                all.extend(sources(input, index, federation)?);
            }
            Some(all)
        }
        _ => None,
    }
}

fn of_expr<'f>(expr: &Expr, input: &LogicalPlan, federation: &'f Federation) -> Option<Vec<&'f Column>> {
    let mut columns: Vec<_> = expr.column_refs().into_iter().collect();
    columns.sort();
    if columns.is_empty() {
        return None;
    }
    let mut all = Vec::new();
    for column in columns {
        let index = input.schema().maybe_index_of_column(column)?;
        all.extend(sources(input, index, federation)?);
    }
    Some(all)
}
