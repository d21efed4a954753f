//! What the analyst computes from the released numbers of a model: standard errors, tests, intervals, ratios.

use datafusion::common::Column;
use datafusion::functions::expr_fn::{abs, exp, split_part, sqrt, strpos, substr};
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, lit};

use super::model::has_intercept;
use crate::Result;
use crate::function::TableFunction;
use crate::function::table::distribution::Distribution;
use crate::plan::Family;

fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

fn double(expr: Expr) -> Expr {
    datafusion::logical_expr::cast(expr, datafusion::arrow::datatypes::DataType::Float64)
}

/// What follows the first space: the term of a model of a path.
fn after_space(label: Expr) -> Expr {
    substr(label.clone(), strpos(label, lit(" ")) + lit(1_i64))
}

/// NULL where the divisor is not positive.
fn over(numerator: Expr, divisor: Expr) -> Expr {
    let positive = divisor.clone().gt(lit(0.0));
    Expr::Case(Case {
        expr: None,
        when_then_expr: vec![(Box::new(positive), Box::new(numerator / divisor))],
        else_expr: None,
    })
}

/// The columns of the terms of a model, over `term`, `coefficient` and, with standard errors, `spread` and `n`.
pub(super) fn columns(
    function: &TableFunction,
    family: Family,
    parameters: usize,
    errors: bool,
) -> Vec<Expr> {
    #[expect(clippy::cast_precision_loss, reason = "at most a few hundred")]
    let parameters = parameters as f64;
    let df = double(column("n")) - lit(parameters);
    let divisor = if family == Family::Linear { df.clone() } else { double(column("n")) };
    let error =
        if family == Family::Cox { column("std_error") } else { over(column("spread"), sqrt(divisor)) };
    let ratio = over(column("coefficient"), error.clone());
    let level = function.arguments.optional_number("level").unwrap_or(0.95);
    let above = lit(level.midpoint(1.0));
    let (test, quantile) = if family == Family::Linear {
        let test = Distribution::StudentTwoSided.call(vec![ratio.clone(), df.clone()]);
        (test, Distribution::StudentQuantile.call(vec![above, df]))
    } else {
        let test = Distribution::NormalTwoSided.call(vec![ratio.clone()]);
        (test, Distribution::NormalQuantile.call(vec![above]))
    };
    let none = || lit(datafusion::common::ScalarValue::Float64(None));
    let is_path = function.schema.has_column_with_unqualified_name("alpha");
    let fields = function.schema.fields().iter().map(|field| match field.name().as_str() {
        "term" if is_path => after_space(column("term")),
        "alpha" => double(split_part(column("term"), lit(" "), lit(1_i64))),
        "term" | "coefficient" => column(field.name()),
        "odds_ratio" | "rate_ratio" | "hazard_ratio" => exp(column("coefficient")),
        _ if !errors => none(),
        "std_error" => error.clone(),
        "p" => test.clone(),
        "lower" => column("coefficient") - quantile.clone() * error.clone(),
        "upper" => column("coefficient") + quantile.clone() * error.clone(),
        _ => ratio.clone(),
    });
    fields.collect()
}

/// The weight that cross-validation chose.
fn chosen(candidates: &[f64]) -> Expr {
    let places = (0_i64..).zip(candidates);
    let when_then_expr = places.map(|(place, alpha)| (Box::new(lit(place)), Box::new(lit(*alpha)))).collect();
    Expr::Case(Case { expr: Some(Box::new(column("place"))), when_then_expr, else_expr: None })
}

/// The columns of a summary, over what is released of it; public numbers only where the summary is.
pub(super) fn summary(function: &TableFunction, terms: usize, candidates: &[f64]) -> Result<Vec<Expr>> {
    let shown = |value: Expr| {
        Expr::Case(Case {
            expr: None,
            when_then_expr: vec![(Box::new(column("n").is_not_null()), Box::new(value))],
            else_expr: None,
        })
    };
    #[expect(clippy::cast_precision_loss, reason = "at most a few hundred")]
    let features = terms as f64;
    let intercept = has_intercept(function)?;
    let constant = if intercept { 1.0 } else { 0.0 };
    let alpha = function.arguments.optional_number("alpha").unwrap_or(0.0);
    let df = double(column("n")) - lit(features + constant);
    let left = lit(1.0) - column("r2");
    let f = over(column("r2") / lit(features), over(left.clone(), df.clone()));
    let fields = function.schema.fields().iter().map(|field| match field.name().as_str() {
        "alpha" if !candidates.is_empty() => chosen(candidates),
        "alpha" => shown(lit(alpha)),
        "iterations" if function.schema.has_column_with_unqualified_name("kkt") || !candidates.is_empty() => {
            column("iterations")
        }
        "iterations" => shown(lit(1_i64)),
        "df" => df.clone(),
        "adjusted_r2" => lit(1.0) - left.clone() * (double(column("n")) - lit(constant)) / df.clone(),
        "f" => f.clone(),
        "f_p" => Distribution::FisherAbove.call(vec![f.clone(), lit(features), df.clone()]),
        "lr_chi2" => lit(2.0) * (column("log_likelihood") - column("null_likelihood")),
        "pseudo_r2" => lit(1.0) - over(abs(column("log_likelihood")), abs(column("null_likelihood"))),
        other => column(other),
    });
    Ok(fields.collect())
}
