//! Exact numbers of rows that a query would tell by its sums and means, where an owner lets rounded counts leave only.
//!
//! `SUM(x) / AVG(x)` is a count, whether the query divides or its reader does; a variance, a covariance or a correlation
//! beside sums of its columns can be solved for it too. So in one query with `round_counts` a sum and a figure that is
//! divided by the number of rows do not have a column in common. Two queries tell it all the same, as the manual says.

use std::collections::BTreeSet;

use datafusion::common::Column;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, Expr};

use super::failure;
use super::figure::Sums;
use super::infer::show;
use crate::{Error, Result};

/// Refuses a sum beside a mean, or what is like one, of the same column where counts are rounded.
pub(super) fn refuse_sizes(aggregate: &Aggregate, sums: &Sums<'_>) -> Result<()> {
    if sums.count_multiple() <= 1 {
        return Ok(());
    }
    let (mut totals, mut shares) = (Vec::new(), Vec::new());
    for expr in &aggregate.aggr_expr {
        let Expr::AggregateFunction(function) = expr.clone().unalias() else { continue };
        match Figure::of(&function) {
            Some(Figure::Total) => totals.push((expr, columns(&function, aggregate, sums)?)),
            Some(Figure::Share) => shares.push((expr, columns(&function, aggregate, sums)?)),
            None => {}
        }
    }
    for (total, summed) in &totals {
        if let Some((share, _)) = shares.iter().find(|(_, divided)| !divided.is_disjoint(summed)) {
            let message = format!(
                "{} beside {} tells how many rows there are, and an owner lets rounded counts leave only (`round_counts`)",
                show(total),
                show(share)
            );
            return Err(Error {
                hint: Some("ask for one of the two".to_owned()),
                ..failure::refused(message)
            });
        }
    }
    Ok(())
}

/// What an aggregate is to the number of rows.
enum Figure {
    /// A sum, which does not depend on it.
    Total,
    /// Divided by it.
    Share,
}

impl Figure {
    fn of(function: &AggregateFunction) -> Option<Figure> {
        let name = function.func.name().to_ascii_lowercase();
        let divided = ["avg", "mean", "var", "stddev", "covar", "corr"];
        if name == "sum" {
            Some(Figure::Total)
        } else {
            divided.iter().any(|prefix| name.starts_with(prefix)).then_some(Figure::Share)
        }
    }
}

/// The declared columns that the arguments of an aggregate are made of.
fn columns(function: &AggregateFunction, aggregate: &Aggregate, sums: &Sums<'_>) -> Result<BTreeSet<Column>> {
    let mut all = BTreeSet::new();
    for argument in &function.params.args {
        let exprs = sums.rows.expressions(argument, aggregate.input.schema())?;
        for (branch, expr) in exprs.iter().enumerate() {
            all.extend(sums.rows.of_declared(branch, expr)?.column_refs().into_iter().cloned());
        }
    }
    Ok(all)
}
