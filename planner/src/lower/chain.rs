//! What stands between an aggregate over rows and the released table: projections and filters, as expressions over
//! the aggregate's columns.
#![expect(clippy::wildcard_enum_match_arm, reason = "only three kinds of nodes are part of a chain")]

use datafusion::common::DFSchema;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};

use super::rows::replace;
use crate::Result;

/// Columns and conditions over an aggregate.
pub(crate) struct Chain<'a> {
    /// The schema of the topmost node.
    pub(crate) schema: &'a DFSchema,
    /// Its columns, over those of the aggregate.
    pub(crate) columns: Vec<Expr>,
    /// Conditions on groups.
    pub(crate) filters: Vec<Expr>,
}

/// The aggregate at the bottom of projections, filters and aliases, and what they compute.
pub(crate) fn chain(plan: &LogicalPlan) -> Result<Option<(&Aggregate, Chain<'_>)>> {
    let found = match plan {
        LogicalPlan::Aggregate(aggregate) => {
            let columns = aggregate.schema.columns().into_iter().map(Expr::Column).collect();
            Some((aggregate, Chain { schema: &aggregate.schema, columns, filters: Vec::new() }))
        }
        LogicalPlan::SubqueryAlias(alias) => chain(&alias.input)?
            .map(|(aggregate, below)| (aggregate, Chain { schema: &alias.schema, ..below })),
        LogicalPlan::Projection(projection) => match chain(&projection.input)? {
            Some((aggregate, below)) => {
                let columns =
                    projection.expr.iter().map(|expr| over(expr, projection.input.schema(), &below));
                let columns = columns.collect::<Result<_>>()?;
                Some((aggregate, Chain { schema: &projection.schema, columns, filters: below.filters }))
            }
            None => None,
        },
        LogicalPlan::Filter(filter) => match chain(&filter.input)? {
            Some((aggregate, mut below)) => {
                for condition in split_conjunction(&filter.predicate) {
                    let condition = over(condition, filter.input.schema(), &below)?;
                    below.filters.push(condition);
                }
                Some((aggregate, below))
            }
            None => None,
        },
        _ => None,
    };
    Ok(found)
}

fn over(expr: &Expr, schema: &DFSchema, below: &Chain<'_>) -> Result<Expr> {
    replace(expr, &|column| below.columns.get(schema.index_of_column(column).ok()?).cloned())
}
