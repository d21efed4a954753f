//! GROUP BY what tells the parts of a UNION ALL apart: one GROUP BY for each part, on top of each other.
//!
//! `SELECT site, COUNT(*) FROM (SELECT 'north' AS site FROM north.t UNION ALL SELECT 'south' FROM south.t) GROUP BY site`: a
//! group has rows of the owners whose parts have its value, as everybody knows from the query, and counts persons of these
//! alone. With all owners in one GROUP BY, each would demand enough persons of its own in the groups of the others too.
//! A LIMIT chooses among the groups of all parts, which therefore stay in one GROUP BY; what an owner demands there is met by
//! the rows of the parts that share no group with its own ([`Sites`]).
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest tells no parts apart"
)]

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Projection, Union};
use datafusion::scalar::ScalarValue;

use super::chain::chain;
use super::failure;
use super::leaf::owners;
use super::rowset::RowSet;
use crate::Result;
use crate::check::differ;
use crate::plan::PartyId;

/// For each branch of stacked rows the keys of a GROUP BY, where they are constants.
#[derive(Default)]
pub(super) struct Sites(Vec<Vec<Option<ScalarValue>>>);

impl Sites {
    /// The constants among the keys of an aggregate over these rows.
    pub(super) fn new(aggregate: &Aggregate, rows: &RowSet<'_>) -> Result<Sites> {
        let mut sites = vec![Vec::new(); rows.branches().len()];
        for key in &aggregate.group_expr {
            let exprs = rows.expressions(key, aggregate.input.schema())?;
            for (site, expr) in sites.iter_mut().zip(exprs) {
                site.push(match expr {
                    Expr::Literal(value, _) if !value.is_null() => Some(value),
                    _ => None,
                });
            }
        }
        Ok(Sites(sites))
    }

    /// The branches whose rows are in no group with a row of this owner.
    pub(super) fn without(&self, owner: PartyId, rows: &RowSet<'_>) -> Vec<bool> {
        let branches = rows.branches().iter();
        let has: Vec<bool> =
            branches.map(|branch| branch.leaves.iter().any(|leaf| leaf.owner == owner)).collect();
        let own: Vec<_> = self.0.iter().zip(&has).filter(|(_, has)| **has).map(|(site, _)| site).collect();
        let apart = |one: &[Option<ScalarValue>], other: &[Option<ScalarValue>]| {
            one.iter().zip(other).any(|pair| matches!(pair, (Some(one), Some(other)) if differ(one, other)))
        };
        let without = |(site, has): (&Vec<_>, &bool)| !has && own.iter().all(|own| apart(site, own));
        self.0.iter().zip(&has).map(without).collect()
    }
}

/// The plan once for each value of a key of the aggregate at its bottom that tells parts of different owners apart; `None` if
/// no key does.
pub(super) fn sites(plan: &LogicalPlan) -> Result<Option<Vec<LogicalPlan>>> {
    let Some((aggregate, _)) = chain(plan)? else { return Ok(None) };
    for key in &aggregate.group_expr {
        let Some((union, values)) = values_of(&aggregate.input, key) else { continue };
        let mut parts: Vec<(&ScalarValue, Vec<usize>)> = Vec::new();
        for (index, value) in values.iter().enumerate() {
            match parts.iter_mut().find(|(other, _)| *other == value) {
                Some((_, inputs)) => inputs.push(index),
                None => parts.push((value, vec![index])),
            }
        }
        parts.sort_by(|(one, _), (other, _)| one.partial_cmp(other).unwrap_or(Ordering::Equal));
        let mut of_parts: Vec<BTreeSet<PartyId>> = Vec::new();
        for (_, inputs) in &parts {
            let mut all = BTreeSet::new();
            for input in inputs.iter().filter_map(|input| union.inputs.get(*input)) {
                all.extend(owners(input)?);
            }
            of_parts.push(all);
        }
        if parts.len() > 1 && of_parts.iter().any(|owners| Some(owners) != of_parts.first()) {
            return parts.iter().map(|(_, inputs)| with_parts(plan, inputs)).collect::<Result<_>>().map(Some);
        }
    }
    Ok(None)
}

/// The union below whose column a key is, and the value that it has in each of its parts.
fn values_of<'p>(plan: &'p LogicalPlan, key: &Expr) -> Option<(&'p Union, Vec<ScalarValue>)> {
    let Expr::Column(column) = key else { return None };
    let index = plan.schema().index_of_column(column).ok()?;
    match plan {
        LogicalPlan::Union(union) => {
            let values = union.inputs.iter().map(|input| literal(input, index)).collect::<Option<_>>()?;
            Some((union, values))
        }
        LogicalPlan::Projection(projection) => {
            values_of(&projection.input, &projection.expr.get(index)?.clone().unalias())
        }
        LogicalPlan::Filter(filter) => values_of(&filter.input, key),
        LogicalPlan::SubqueryAlias(alias) => {
            let below = alias.input.schema().columns().into_iter().nth(index)?;
            values_of(&alias.input, &Expr::Column(below))
        }
        _ => None,
    }
}

/// The one value of a column.
fn literal(plan: &LogicalPlan, index: usize) -> Option<ScalarValue> {
    match plan {
        LogicalPlan::Projection(projection) => match projection.expr.get(index)?.clone().unalias() {
            Expr::Literal(value, _) => Some(value),
            Expr::Column(column) => {
                literal(&projection.input, projection.input.schema().index_of_column(&column).ok()?)
            }
            Expr::Cast(cast) => match cast.expr.as_ref() {
                Expr::Literal(value, _) => value.cast_to(cast.field.data_type()).ok(),
                _ => None,
            },
            _ => None,
        },
        LogicalPlan::SubqueryAlias(alias) => literal(&alias.input, index),
        LogicalPlan::Filter(filter) => literal(&filter.input, index),
        _ => None,
    }
}

/// The chain over some parts of the union at its bottom.
fn with_parts(plan: &LogicalPlan, parts: &[usize]) -> Result<LogicalPlan> {
    let engine = |error| failure::engine(&error);
    match plan {
        LogicalPlan::Union(union) => {
            let inputs: Vec<_> =
                parts.iter().filter_map(|part| union.inputs.get(*part).map(Arc::clone)).collect();
            let [input] = inputs.as_slice() else {
                return Ok(LogicalPlan::Union(Union { inputs, schema: Arc::clone(&union.schema) }));
            };
            let columns = input.schema().columns().into_iter().map(Expr::Column);
            let named = columns.zip(union.schema.iter());
            let named = named
                .map(|(column, (qualifier, field))| column.alias_qualified(qualifier.cloned(), field.name()));
            let part = Projection::try_new(named.collect(), Arc::clone(input)).map_err(engine)?;
            Ok(LogicalPlan::Projection(part))
        }
        other => {
            let inputs = other.inputs().into_iter().map(|input| with_parts(input, parts));
            let inputs = inputs.collect::<Result<Vec<_>>>()?;
            other.with_new_exprs(other.expressions(), inputs).map_err(engine)
        }
    }
}
