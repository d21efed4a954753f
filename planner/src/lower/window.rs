//! Window functions over one owner's rows: run in the clear at the owner, seen here only for the domains of their results.
//!
//! A row then holds what other rows say. That is sound where all of these are of the same person, which PARTITION BY the
//! person says, and where the owner withholds nothing; all other windows are refused (`release_check`, and here once more).

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, WindowFunction};
use datafusion::logical_expr::{Expr, Window, WindowFunctionDefinition};

use super::condition::has_condition;
use super::facts::{Facts, derived_double};
use super::failure;
use super::infer::{infer, show};
use super::inner::result;
use super::leaf::{Leaf, is_branched, plain_column};
use super::scale::type_scale;
use crate::Result;
use crate::catalog::Federation;
use crate::plan::Range;

/// What is known of the rows of a leaf beside the results of window functions over them.
///
/// # Errors
/// Refused where windows mix rows of several persons of an owner that withholds numbers of few people; invalid ("not
/// built") for a function of which nothing is known.
pub(super) fn window(window: &Window, input: &Leaf, federation: &Federation) -> Result<Leaf> {
    let owner = federation.parties.get(input.owner.0).ok_or_else(|| failure::internal("an owner"))?;
    let mut leaf = input.clone();
    let names = window.schema.field_names();
    for (index, expr) in window.window_expr.iter().enumerate() {
        let Expr::WindowFunction(call) = expr.clone().unalias() else {
            return Err(failure::internal("a window function that is none"));
        };
        let of_person = call.params.partition_by.iter().any(|key| input.persons.is(key, &input.scope));
        if !of_person && owner.release.min_people > 1 {
            return Err(failure::mixing_window(&show(expr)));
        }
        let column = leaf.scope.facts.len();
        let of = Over::new(expr, &call, input)?;
        leaf.scope.facts.push(of.facts()?.with_condition(of.conditional()?));
        leaf.branched.push(of.branched()?);
        leaf.origins.push(None);
        leaf.names.push(names.get(column).cloned().unwrap_or_else(|| format!("window {index}")));
        if call.fun.name() == "row_number"
            && let Some(mut key) = of.partition
        {
            key.insert(column);
            leaf.keys.push((key, 1));
        }
    }
    leaf.whole = None;
    Ok(leaf)
}

/// A call of a window function.
struct Over<'a> {
    expr: &'a Expr,
    call: &'a WindowFunction,
    input: &'a Leaf,
    arguments: Vec<Facts>,
    /// The columns of PARTITION BY, if it has nothing else.
    partition: Option<BTreeSet<usize>>,
}

impl<'a> Over<'a> {
    fn new(expr: &'a Expr, call: &'a WindowFunction, input: &'a Leaf) -> Result<Over<'a>> {
        let known = |expr: &Expr| infer(expr, &input.scope);
        let params = &call.params;
        let arguments = params.args.iter().map(known).collect::<Result<Vec<_>>>()?;
        for part in params.partition_by.iter().chain(params.order_by.iter().map(|key| &key.expr)) {
            known(part)?;
        }
        let partition = params.partition_by.iter().map(|key| plain_column(key, &input.scope)).collect();
        Ok(Over { expr, call, input, arguments, partition })
    }

    /// The most rows of a partition. Rows that are NULL in one of its columns are one partition too, however many they are.
    fn rows(&self) -> u64 {
        let all = || self.input.bound;
        let Some(columns) = &self.partition else { return all() };
        let nullable =
            |column: &usize| self.input.scope.facts.get(*column).is_none_or(|facts| facts.nullable);
        let known =
            self.input.keys.iter().filter(|(key, _)| key.is_subset(columns) && !key.iter().any(nullable));
        known.map(|(_, rows)| *rows).min().unwrap_or_else(all).min(all())
    }

    fn facts(&self) -> Result<Facts> {
        let data_type = self.input.scope.data_type(self.expr)?;
        let name = self.call.fun.name().to_ascii_lowercase();
        let argument = || self.arguments.first().cloned().ok_or_else(|| failure::bounds(show(self.expr)));
        let counted = |lo: i128| {
            let range = Range { lo, hi: i128::from(self.rows().max(1)) };
            Facts::number(data_type.clone(), false, type_scale(&DataType::Int64), range)
        };
        match (&self.call.fun, name.as_str()) {
            (_, "row_number" | "rank" | "dense_rank" | "ntile") => Ok(counted(1)),
            (_, "percent_rank" | "cume_dist") => Ok(derived_double(false, data_type, 0.0, 1.0)),
            (_, "lag" | "lead") => {
                let value = argument()?;
                let value = match self.arguments.get(2) {
                    Some(default) => {
                        value.hull(&Facts { data_type: value.data_type.clone(), ..default.clone() })?
                    }
                    None => value,
                };
                Ok(value.with_null(true))
            }
            (_, "first_value" | "last_value" | "nth_value") => Ok(argument()?.with_null(true)),
            (WindowFunctionDefinition::AggregateUDF(function), _) => {
                let params = &self.call.params;
                let params = AggregateFunctionParams {
                    args: params.args.clone(),
                    distinct: params.distinct,
                    filter: params.filter.clone(),
                    order_by: Vec::new(),
                    null_treatment: params.null_treatment,
                };
                let call = AggregateFunction { func: Arc::clone(function), params };
                let expr = Expr::AggregateFunction(call.clone());
                result(&expr, &call, self.input, self.rows())
            }
            _ => Err(failure::not_built(format!("{name}() over rows"))),
        }
    }

    /// Whether a condition made it, so that 0 may stand for a row that does not count.
    fn conditional(&self) -> Result<bool> {
        let params = &self.call.params;
        let mut any = params.filter.is_some() || params.args.len() > 2;
        for argument in &params.args {
            any |= has_condition(argument, &self.input.scope)?;
        }
        Ok(any)
    }

    /// Whether there are conditions in it whose outcomes only the owner could count.
    fn branched(&self) -> Result<bool> {
        let params = &self.call.params;
        let mut any = false;
        for argument in &params.args {
            any |= is_branched(argument, self.input)?;
        }
        for part in params.partition_by.iter().chain(params.order_by.iter().map(|key| &key.expr)) {
            any |= !self.input.persons.is(part, &self.input.scope) && has_condition(part, &self.input.scope)?;
        }
        Ok(any)
    }
}
