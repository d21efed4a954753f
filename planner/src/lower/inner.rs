//! Aggregates inside one owner's rows: run in the clear at the owner, seen here only for the domains of their results.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};

use super::condition::has_condition;
use super::facts::{Facts, derived_double, is_float, sort};
use super::failure;
use super::infer::{Scope, fitting, infer, show};
use super::leaf::{Leaf, Persons, is_branched, plain_column};
use super::scale::{rescale, type_scale};
use super::sets::{flat_keys, missing_keys, sets_of};
use crate::Result;
use crate::plan::{Range, Scale};

/// What is public about the groups of an aggregate over one owner's rows.
pub(crate) fn aggregate(plan: &LogicalPlan, aggregate: &Aggregate, input: &Leaf) -> Result<Leaf> {
    let (mut facts, mut origins, mut branched) = (Vec::new(), Vec::new(), Vec::new());
    let (sets, keys) = (sets_of(aggregate)?, flat_keys(aggregate));
    for key in &keys {
        let known = infer(key, &input.scope)?.with_condition(has_condition(key, &input.scope)?);
        let left_out = sets.iter().flatten().any(|set| !set.contains(key));
        let nullable = known.nullable || left_out;
        facts.push(known.with_null(nullable));
        let column = plain_column(key, &input.scope);
        origins.push(column.and_then(|column| input.origins.get(column).copied()?));
        branched.push(is_branched(key, input)?);
    }
    if let Some(sets) = &sets {
        facts.push(which_set(aggregate, &keys, sets)?);
        origins.push(None);
        branched.push(false);
    }
    let whole = [keys.clone()];
    let sets = sets.as_deref().unwrap_or(&whole);
    let rows_of = |set: &Vec<Expr>| {
        let group = set.iter().filter_map(|key| plain_column(key, &input.scope)).collect();
        input.rows_per_key(&group)
    };
    let rows = sets.iter().map(rows_of).max().unwrap_or(input.bound);
    for measure in &aggregate.aggr_expr {
        let Expr::AggregateFunction(function) = measure.clone().unalias() else {
            return Err(failure::internal("an aggregate that is none"));
        };
        origins.push(None);
        let mut any = function.params.filter.is_some();
        let mut several = false;
        for argument in &function.params.args {
            any |= has_condition(argument, &input.scope)?;
            several |= is_branched(argument, input)?;
        }
        facts.push(result(measure, &function, input, rows)?.with_condition(any));
        branched.push(several);
    }
    let grouped = facts.len() - aggregate.aggr_expr.len();
    let mut unique = vec![((0..grouped).collect::<BTreeSet<usize>>(), 1)];
    let persons = persons(input, &keys, sets, &mut unique);
    // Ranges of results are checked; how many groups a person has is as much as how many rows.
    let taken = if input.taken.is_empty() { Vec::new() } else { persons.taken() };
    let bound = if keys.is_empty() { 1 } else { input.bound };
    Ok(Leaf {
        owner: input.owner,
        plan: plan.clone(),
        scope: Scope { schema: plan.schema().as_ref().clone(), facts },
        names: plan.schema().field_names(),
        bound: bound.saturating_mul(sets.len() as u64),
        tables: input.tables.clone(),
        whole: None,
        origins,
        keys: unique,
        taken,
        persons,
        branched,
        pooled: input.pooled,
    })
}

/// The column that says which of several grouping sets a group is of.
fn which_set(aggregate: &Aggregate, keys: &[Expr], sets: &[Vec<Expr>]) -> Result<Facts> {
    let engine = |error| failure::engine(&error);
    let data_type = aggregate.schema.field(keys.len()).data_type().clone();
    let mut values = Vec::new();
    for set in sets {
        let missing = ScalarValue::UInt64(Some(missing_keys(keys, set)));
        values.push(missing.cast_to(&data_type).map_err(engine)?);
    }
    sort(&mut values);
    if values.len() < sets.len() {
        return Err(failure::not_built("a grouping set that is there twice inside a query over rows"));
    }
    Ok(Facts::closed(data_type, false, values, Scale::Unit))
}

/// Whose records groups are that are made by these keys of their rows, in each set of them.
fn persons(
    input: &Leaf,
    keys: &[Expr],
    sets: &[Vec<Expr>],
    unique: &mut Vec<(BTreeSet<usize>, u64)>,
) -> Persons {
    let lost = if sets.len() > 1 {
        "a set of ROLLUP, CUBE or GROUPING SETS in a derived table aggregates rows of several persons"
    } else {
        "GROUP BY in a derived table puts rows of several persons together"
    };
    let (Persons::Column { max_rows, .. } | Persons::Either { max_rows, .. }) = input.persons else {
        return Persons::Lost(lost);
    };
    let mut all = 0_u64;
    for set in sets {
        let rows = match input.persons.among(set, &input.scope, lost) {
            Persons::Lost(why) => return Persons::Lost(why),
            Persons::Rows | Persons::Gated | Persons::Column { .. } | Persons::Either { .. }
                if set.len() == 1 =>
            {
                1
            }
            Persons::Rows | Persons::Gated | Persons::Column { .. } | Persons::Either { .. } => max_rows,
        };
        all = all.saturating_add(rows);
    }
    let persons = match input.persons.among(keys, &input.scope, lost) {
        Persons::Column { column, .. } => Persons::Column { column, max_rows: all },
        Persons::Either { columns, .. } => Persons::Either { columns, max_rows: all },
        other @ (Persons::Rows | Persons::Gated | Persons::Lost(_)) => other,
    };
    if let Persons::Column { column, .. } = persons {
        unique.push((BTreeSet::from([column]), all));
    }
    persons
}

/// The domain of one aggregate over groups of up to `rows` rows.
///
/// # Errors
/// Refused where a range is not known to fit; invalid ("not built") for a function of which nothing is known.
pub(super) fn result(expr: &Expr, function: &AggregateFunction, input: &Leaf, rows: u64) -> Result<Facts> {
    let data_type = input.scope.data_type(expr)?;
    let arguments = function.params.args.iter().map(|argument| infer(argument, &input.scope));
    let arguments = arguments.collect::<Result<Vec<_>>>()?;
    if let Some(filter) = &function.params.filter {
        infer(filter, &input.scope)?;
    }
    let argument = arguments.first();
    let wide = || failure::bounds(show(expr));
    let name = function.func.name().to_ascii_lowercase();
    let spread = || argument.and_then(Facts::interval).map(|(lo, hi)| hi - lo);
    match name.as_str() {
        "count" => {
            let hi = i128::from(rows);
            Ok(Facts::number(data_type, false, type_scale(&DataType::Int64), Range { lo: 0, hi }))
        }
        "sum" => {
            let argument = argument.ok_or_else(wide)?;
            let Some(range) = argument.range else {
                return if is_float(&data_type) { Ok(Facts::open(data_type, true)) } else { Err(wide()) };
            };
            let range = range.sum(rows).ok_or_else(wide)?;
            fitting(expr, Facts::number(data_type, true, argument.scale, range))
        }
        "avg" => {
            let argument = argument.ok_or_else(wide)?;
            if is_float(&data_type) {
                return Ok(match argument.interval() {
                    Some((lo, hi)) => derived_double(true, data_type, lo, hi),
                    None => Facts::open(data_type, true),
                });
            }
            let scale = type_scale(&data_type);
            let range =
                argument.range.and_then(|range| rescale(range, argument.scale, scale)).ok_or_else(wide)?;
            fitting(expr, Facts::number(data_type, true, scale, range))
        }
        "min" | "max" | "first_value" | "last_value" => {
            argument.cloned().map(|facts| facts.with_null(true)).ok_or_else(wide)
        }
        "bool_and" | "bool_or" => Ok(Facts::truth(true)),
        "median" | "percentile_cont" => Ok(match argument.and_then(Facts::interval) {
            Some((lo, hi)) => derived_double(true, data_type, lo, hi),
            None => Facts::open(data_type, true),
        }),
        "percentile_disc" => argument.cloned().map(|facts| facts.with_null(true)).ok_or_else(wide),
        "var" | "var_samp" | "var_pop" | "var_population" | "var_sample" => Ok(match spread() {
            Some(width) => derived_double(true, data_type, 0.0, width * width),
            None => Facts::open(data_type, true),
        }),
        "stddev" | "stddev_samp" | "stddev_pop" => Ok(match spread() {
            Some(width) => derived_double(true, data_type, 0.0, width),
            None => Facts::open(data_type, true),
        }),
        _ => Err(failure::not_built(format!("{name}() inside a query over rows"))),
    }
}
