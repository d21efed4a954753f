//! Counts, sums and means over the different rows of several owners: `COUNT(*)` over DISTINCT, UNION or GROUP BY without
//! aggregates.
//!
//! The groups are not made: a row is counted by what tells it from others ([`row_digest`]). Whatever does not change
//! where a row is there several times (MIN, MAX, DISTINCT) is asked of the rows themselves.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is asked of groups"
)]

use std::sync::Arc;

use datafusion::functions_aggregate::count::count_udaf;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{Aggregate, Expr, Filter, LogicalPlan};

use super::chain::{Chain, chain};
use super::failure;
use super::leaf::owners;
use super::rows::replace;
use crate::Result;
use crate::catalog::Federation;
use crate::function::row_digest::{digest_bits, row_digest};

/// Aggregates that are the same over rows as over different rows.
const SAME: [&str; 4] = ["min", "max", "bool_and", "bool_or"];

/// The aggregate over rows in place of one over the groups of several owners' rows; `None` if it is none, or asks for more than
/// counts of them.
pub(super) fn counted(aggregate: &Aggregate, federation: &Federation) -> Result<Option<Aggregate>> {
    let Some((groups, below)) = chain(&aggregate.input)? else { return Ok(None) };
    let plain = groups.group_expr.iter().all(|key| !matches!(key, Expr::GroupingSet(_)));
    if !groups.aggr_expr.is_empty() || !plain || owners(&groups.input)?.len() < 2 {
        return Ok(None);
    }
    let rows = rows_of(&groups.input, federation)?;
    let over = Over {
        aggregate,
        groups,
        below: &below,
        digest: row_digest(digest_bits(rows), groups.group_expr.clone()),
    };
    let keys = aggregate.group_expr.iter().map(|key| over.rows(key)).collect::<Result<Vec<_>>>()?;
    let mut found = Vec::new();
    for expr in &aggregate.aggr_expr {
        let Some(expr) = over.aggregate(expr)? else { return Ok(None) };
        found.push(expr);
    }
    let mut input = Arc::clone(&groups.input);
    for condition in &below.filters {
        let condition = over.keys(condition)?;
        let filter = Filter::try_new(condition, input).map_err(|error| failure::engine(&error))?;
        input = Arc::new(LogicalPlan::Filter(filter));
    }
    let schema = Arc::clone(&aggregate.schema);
    Aggregate::try_new_with_schema(input, keys, found, schema)
        .map(Some)
        .map_err(|error| failure::engine(&error))
}

/// As many rows as the tables under a plan have.
fn rows_of(plan: &LogicalPlan, federation: &Federation) -> Result<u64> {
    let owners = owners(plan)?;
    let parties = federation.parties.iter().enumerate();
    let asked = parties.filter(|(index, _)| owners.contains(&crate::plan::PartyId(*index)));
    Ok(asked.flat_map(|(_, party)| &party.tables).map(|table| table.max_rows).fold(0, u64::saturating_add))
}

struct Over<'a> {
    aggregate: &'a Aggregate,
    groups: &'a Aggregate,
    below: &'a Chain<'a>,
    digest: Expr,
}

impl Over<'_> {
    /// An expression over the columns of the groups, over rows.
    fn keys(&self, expr: &Expr) -> Result<Expr> {
        replace(expr, &|column| {
            let index = self.groups.schema.index_of_column(column).ok()?;
            self.groups.group_expr.get(index).cloned().map(Expr::unalias)
        })
    }

    /// An expression over the aggregate's input, over rows.
    fn rows(&self, expr: &Expr) -> Result<Expr> {
        let schema = self.aggregate.input.schema();
        let over = replace(expr, &|column| {
            let index = schema.index_of_column(column).ok()?;
            self.below.columns.get(index).cloned()
        })?;
        self.keys(&over)
    }

    /// An aggregate over rows, if there is one.
    fn aggregate(&self, expr: &Expr) -> Result<Option<Expr>> {
        let Expr::AggregateFunction(function) = expr.clone().unalias() else { return Ok(None) };
        let params = &function.params;
        let name = function.func.name().to_ascii_lowercase();
        let [argument] = params.args.as_slice() else { return Ok(None) };
        if !params.order_by.is_empty() || params.null_treatment.is_some() {
            return Ok(None);
        }
        let argument = self.rows(argument)?;
        let filter = params.filter.as_ref().map(|filter| self.rows(filter)).transpose()?;
        if !params.distinct && (name == "sum" || name == "avg") {
            // Of the rows with one digest one counts.
            let params = AggregateFunctionParams {
                args: vec![argument, self.digest.clone()],
                distinct: true,
                filter: filter.map(Box::new),
                ..params.clone()
            };
            return Ok(Some(Expr::AggregateFunction(AggregateFunction {
                func: Arc::clone(&function.func),
                params,
            })));
        }
        let (func, argument, filter, distinct) = if SAME.contains(&name.as_str()) || params.distinct {
            (Arc::clone(&function.func), argument, filter, params.distinct)
        } else if name == "count" {
            let known = match &argument {
                Expr::Literal(value, _) if !value.is_null() => None,
                other => Some(other.clone().is_not_null()),
            };
            let filter = known.into_iter().chain(filter).reduce(Expr::and);
            (count_udaf(), self.digest.clone(), filter, true)
        } else {
            return Ok(None);
        };
        let params = AggregateFunctionParams {
            args: vec![argument],
            distinct,
            filter: filter.map(Box::new),
            order_by: Vec::new(),
            null_treatment: None,
        };
        Ok(Some(Expr::AggregateFunction(AggregateFunction { func, params })))
    }
}
