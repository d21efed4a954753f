//! An aggregate that an owner computes for a condition: NULL, as if it were released, unless enough of its persons are behind.
//!
//! `WHERE zip = (SELECT MAX(zip) FROM t WHERE months = 26)` says where one person lives if one person has 26 months, though
//! the inner aggregate itself never leaves. The owner computes it in the clear, so its own plan can count the persons:
//! `CASE WHEN COUNT(DISTINCT person) FILTER (WHERE ...) >= min_people THEN MAX(zip) END`, with one such count for every
//! demand that the release gate would make of it.
#![expect(clippy::wildcard_enum_match_arm, reason = "the engine's enums have dozens of variants")]

use std::sync::Arc;

use datafusion::common::{Column, ScalarValue};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Aggregate, Expr, Filter, LogicalPlan, Projection, col, lit, when};

use super::condition::{demands, has_condition};
use super::failure;
use super::infer::{infer, show};
use super::leaf::{Leaf, Persons, describe};
use super::with_person::with_person;
use crate::Result;
use crate::catalog::{Federation, Party};

/// An aggregate over one owner's rows and what is computed from it, with the same columns: NULL where the owner would withhold
/// the aggregate, counts rounded as it rounds counts; of an aggregate with keys, groups of enough persons only.
///
/// # Errors
/// Refused where the persons behind the aggregate cannot be counted.
pub(super) fn gated(plan: &LogicalPlan, owner: &Party, federation: &Federation) -> Result<LogicalPlan> {
    if owner.release.min_people < 2 && owner.release.round_counts < 2 {
        return Ok(plan.clone());
    }
    match plan {
        LogicalPlan::Aggregate(aggregate) => of_aggregate(aggregate, owner, federation),
        LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Filter(_) => {
            let inputs = plan.inputs().into_iter().map(|input| gated(input, owner, federation));
            let inputs = inputs.collect::<Result<Vec<_>>>()?;
            plan.with_new_exprs(plan.expressions(), inputs).map_err(|error| failure::engine(&error))
        }
        _ => Err(failure::internal("a subquery of other than one row")),
    }
}

fn of_aggregate(aggregate: &Aggregate, owner: &Party, federation: &Federation) -> Result<LogicalPlan> {
    let engine = |error| failure::engine(&error);
    let input = with_person(&aggregate.input, federation)?;
    let leaf = describe(&input, federation)?;
    let mut guards: Vec<Expr> = Vec::new();
    let mut columns = Vec::new();
    let names =
        || aggregate.schema.iter().map(|(qualifier, field)| (qualifier.cloned(), field.name().clone()));
    let keys = aggregate.group_expr.len();
    for (index, (qualifier, name)) in names().take(keys).enumerate() {
        columns.push(Expr::Column(column_of(aggregate, index)?).alias_qualified(qualifier, name));
    }
    let least = i64::try_from(owner.release.min_people).unwrap_or(i64::MAX);
    let mut whole = None;
    if keys > 0 && owner.release.min_people > 1 {
        // Whether there is a group at all is a number of its own.
        guards.push(persons(&leaf, None)?);
        whole = Some(col(guard_name(0)).gt_eq(lit(least)));
    }
    for (measure, (qualifier, name)) in aggregate.aggr_expr.iter().zip(names().skip(keys)) {
        let Expr::AggregateFunction(function) = measure.clone().unalias() else {
            return Err(failure::internal("an aggregate that is none"));
        };
        let value = rounded(Expr::Column(column_of(aggregate, columns.len())?), &function, owner);
        let mut met = Vec::new();
        if owner.release.min_people > 1 {
            for condition in behind(&function, &leaf)? {
                let persons = persons(&leaf, condition)?;
                let place = guards.iter().position(|guard| *guard == persons).unwrap_or_else(|| {
                    guards.push(persons);
                    guards.len() - 1
                });
                met.push(col(guard_name(place)).gt_eq(lit(least)));
            }
        }
        let value = match conjunction(met) {
            Some(met) => when(met, value).end().map_err(engine)?,
            None => value,
        };
        columns.push(value.alias_qualified(qualifier, name));
    }
    let named = guards.into_iter().enumerate().map(|(place, guard)| guard.alias(guard_name(place)));
    let measures = aggregate.aggr_expr.iter().cloned().chain(named).collect();
    let counted = Aggregate::try_new(Arc::new(input), aggregate.group_expr.clone(), measures);
    let mut counted = LogicalPlan::Aggregate(counted.map_err(engine)?);
    if let Some(whole) = whole {
        counted = LogicalPlan::Filter(Filter::try_new(whole, Arc::new(counted)).map_err(engine)?);
    }
    let plan = Projection::try_new(columns, Arc::new(counted)).map_err(engine)?;
    Ok(LogicalPlan::Projection(plan))
}

fn guard_name(place: usize) -> String {
    format!("persons_{place}")
}

fn column_of(aggregate: &Aggregate, index: usize) -> Result<Column> {
    aggregate.schema.columns().get(index).cloned().ok_or_else(|| failure::internal("an aggregate's column"))
}

/// A count to the owner's multiple, as where it is released.
fn rounded(value: Expr, function: &AggregateFunction, owner: &Party) -> Expr {
    let multiple = i64::try_from(owner.release.round_counts).unwrap_or(i64::MAX);
    if multiple < 2 || !function.func.name().eq_ignore_ascii_case("count") {
        return value;
    }
    (value + lit(multiple / 2)) / lit(multiple) * lit(multiple)
}

/// What must be so of the rows behind an aggregate, each with enough persons: its FILTER is true and its arguments are known;
/// beside, what the conditions in them demand.
fn behind(function: &AggregateFunction, leaf: &Leaf) -> Result<Vec<Option<Expr>>> {
    let scope = &leaf.scope;
    let mut counts: Vec<Expr> = function.params.filter.iter().map(|filter| (**filter).clone()).collect();
    for argument in &function.params.args {
        if infer(argument, scope)?.nullable {
            counts.push(argument.clone().is_not_null());
        }
    }
    let mut all = vec![conjunction(counts.clone())];
    if function.func.name().eq_ignore_ascii_case("count") && !function.params.distinct {
        return Ok(all);
    }
    for argument in &function.params.args {
        let own = demands(argument, scope)?;
        let hidden = |column: &&Column| {
            let column = scope.schema.index_of_column(column).ok();
            column.and_then(|column| leaf.branched.get(column)).copied().unwrap_or(false)
        };
        if argument.column_refs().iter().any(hidden) {
            return Err(failure::hidden_condition(&show(argument)));
        }
        if has_condition(argument, &leaf.scope)? {
            all.push(conjunction(counts.iter().cloned().chain([not_neutral(argument, leaf)?])));
        }
        for demand in own {
            let parts = [not_neutral(&demand.nonzero, leaf)?].into_iter().chain(demand.taken);
            all.push(conjunction(counts.iter().cloned().chain(parts)));
        }
    }
    all.dedup();
    Ok(all)
}

/// Numbers count where they are not 0, all else where it is known.
fn not_neutral(expr: &Expr, leaf: &Leaf) -> Result<Expr> {
    let data_type = leaf.scope.data_type(expr)?;
    if !data_type.is_numeric() {
        return Ok(expr.clone().is_not_null());
    }
    let zero = ScalarValue::new_zero(&data_type).map_err(|error| failure::engine(&error))?;
    Ok(expr.clone().not_eq(lit(zero)))
}

/// The number of persons with such a row.
fn persons(leaf: &Leaf, condition: Option<Expr>) -> Result<Expr> {
    let (argument, distinct) = match &leaf.persons {
        Persons::Rows => (lit(1_i64), false),
        Persons::Column { column, .. } => {
            let column = leaf.plan.schema().columns().get(*column).cloned();
            (Expr::Column(column.ok_or_else(|| failure::internal("a person's column"))?), true)
        }
        Persons::Either { columns, .. } => {
            let all = leaf.plan.schema().columns();
            let parts = columns.iter().filter_map(|column| all.get(*column).cloned()).map(Expr::Column);
            (coalesce(parts.collect()), true)
        }
        Persons::Gated => return Err(failure::uncounted("they are behind an aggregate of an aggregate")),
        Persons::Lost(why) => return Err(failure::uncounted(why)),
    };
    let filter = condition.map(Box::new);
    let call = AggregateFunction::new_udf(count_udaf(), vec![argument], distinct, filter, Vec::new(), None);
    Ok(Expr::AggregateFunction(call))
}
