//! Aggregates inside one owner's rows: run in the clear at the owner, seen here only for the domains of their results.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};

use super::condition::has_condition;
use super::facts::{Facts, derived_double, is_float};
use super::failure;
use super::infer::{Scope, fitting, infer, show};
use super::leaf::{Leaf, Persons, is_branched, plain_column};
use super::scale::{rescale, type_scale};
use crate::Result;
use crate::plan::Range;

/// What is public about the groups of an aggregate over one owner's rows.
pub(crate) fn aggregate(plan: &LogicalPlan, aggregate: &Aggregate, input: &Leaf) -> Result<Leaf> {
    let mut facts = Vec::new();
    let mut origins = Vec::new();
    let mut branched = Vec::new();
    let mut from = Vec::new();
    for key in &aggregate.group_expr {
        if matches!(key, Expr::GroupingSet(_)) {
            return Err(failure::not_built("GROUPING SETS, ROLLUP and CUBE"));
        }
        facts.push(infer(key, &input.scope)?.with_condition(has_condition(key, &input.scope)?));
        let column = plain_column(key, &input.scope);
        origins.push(column.and_then(|column| input.origins.get(column).copied()?));
        branched.push(is_branched(key, input)?);
        from.push(column);
    }
    let group: BTreeSet<usize> = from.iter().copied().flatten().collect();
    let rows = input.rows_per_key(&group);
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
    let grouped = aggregate.group_expr.len();
    let mut keys = vec![((0..grouped).collect::<BTreeSet<usize>>(), 1)];
    let persons = persons(input, &from, &mut keys);
    // Ranges of results are checked; how many groups a person has is as much as how many rows.
    let taken = match persons {
        Persons::Column { column, max_rows } if !input.taken.is_empty() => {
            vec![(BTreeSet::from([column]), max_rows)]
        }
        Persons::Column { .. } | Persons::Rows | Persons::Lost(_) => Vec::new(),
    };
    Ok(Leaf {
        owner: input.owner,
        plan: plan.clone(),
        scope: Scope { schema: plan.schema().as_ref().clone(), facts },
        names: plan.schema().field_names(),
        bound: if grouped == 0 { 1 } else { input.bound },
        tables: input.tables.clone(),
        whole: None,
        origins,
        keys,
        taken,
        persons,
        branched,
        pooled: input.pooled,
    })
}

/// Whose records groups are that are made by these columns of their rows.
fn persons(input: &Leaf, from: &[Option<usize>], keys: &mut Vec<(BTreeSet<usize>, u64)>) -> Persons {
    let Persons::Column { column, max_rows } = input.persons else {
        return Persons::Lost("a derived table aggregates rows of several persons");
    };
    match from.iter().position(|source| *source == Some(column)) {
        Some(place) => {
            let max_rows = if from.len() == 1 { 1 } else { max_rows };
            keys.push((BTreeSet::from([place]), max_rows));
            Persons::Column { column: place, max_rows }
        }
        None => Persons::Lost("a derived table aggregates rows of several persons"),
    }
}

/// The domain of one aggregate over groups of up to `rows` rows.
fn result(expr: &Expr, function: &AggregateFunction, input: &Leaf, rows: u64) -> Result<Facts> {
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
