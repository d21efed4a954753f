//! Titles of result columns, for the axes of pictures: the columns that they are about, and their units.

use datafusion::logical_expr::{Expr, LogicalPlan, Operator};

use super::DeclaredTable;
use crate::catalog::Federation;
use crate::function::TableFunction;
use crate::session::Session;

/// Aggregates that are of the unit of their argument.
const KEEP: [&str; 11] = [
    "avg",
    "max",
    "mean",
    "median",
    "min",
    "percentile_cont",
    "percentile_disc",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "sum",
];

/// Functions of one number that are of its unit.
const KEEP_SCALAR: [&str; 6] = ["abs", "ceil", "floor", "nonzero", "round", "trunc"];

/// What a result column is about, for people: nothing is decided by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Title {
    /// The column that it stands for, where its own name is the same for every column (`time`, `group`, `lower`).
    pub name: Option<String>,
    /// The declared unit, where what was computed keeps it: not for counts, ratios, columns without one.
    pub unit: Option<String>,
}

/// The titles of a query's result columns; none where the text cannot be planned.
pub fn titles(federation: &Federation, session: &Session, sql: &str) -> Vec<Title> {
    let Ok(bound) = super::bind(federation, session, sql) else { return Vec::new() };
    let columns = 0..bound.raw.schema().fields().len();
    let title =
        |index| Title { name: name_of(&bound.raw, index), unit: of_column(&bound.raw, index, federation) };
    columns.map(title).collect()
}

/// The column that an untouched result column of a table function stands for.
fn name_of(plan: &LogicalPlan, index: usize) -> Option<String> {
    match plan {
        LogicalPlan::Projection(projection) => match projection.expr.get(index)? {
            Expr::Column(column) => {
                name_of(&projection.input, projection.input.schema().maybe_index_of_column(column)?)
            }
            _ => None,
        },
        LogicalPlan::Extension(extension) => {
            let function = extension.node.as_any().downcast_ref::<TableFunction>()?;
            let (column, _) = function.spec.columns.get(index)?;
            let argument = match (*column, function.spec.name) {
                ("value", "CORRELATION") => return Some("correlation".to_owned()),
                ("value", "COVARIANCE") => return Some("covariance".to_owned()),
                ("time", _) => "time",
                ("group", _) => "by",
                ("row" | "column", "CROSSTAB") => column,
                ("lower" | "upper", "HISTOGRAM") | ("value", "QUANTILES") => "value",
                _ => return None,
            };
            function.arguments.optional_column(argument).map(|variable| variable.name.clone())
        }
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(_) => name_of(plan.inputs().first()?, index),
        _ => None,
    }
}

/// The unit of column `index` of a plan.
fn of_column(plan: &LogicalPlan, index: usize, federation: &Federation) -> Option<String> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let table = scan.source.downcast_ref::<DeclaredTable>()?;
            let declared = federation.parties.get(table.party.0)?.tables.get(table.table)?;
            let (_, column) = declared.column(plan.schema().field(index).name())?;
            column.unit.clone()
        }
        LogicalPlan::Projection(projection) => {
            of_expr(projection.expr.get(index)?, &projection.input, federation)
        }
        LogicalPlan::Aggregate(aggregate) => {
            let mut exprs = aggregate.group_expr.iter().chain(&aggregate.aggr_expr);
            of_expr(exprs.nth(index)?, &aggregate.input, federation)
        }
        LogicalPlan::Join(join) => {
            let left = join.left.schema().fields().len();
            match index.checked_sub(left) {
                Some(right) if right < join.right.schema().fields().len() => {
                    of_column(&join.right, right, federation)
                }
                _ => of_column(&join.left, index, federation),
            }
        }
        LogicalPlan::Union(union) => {
            let mut inputs = union.inputs.iter().map(|input| of_column(input, index, federation));
            let first = inputs.next()??;
            inputs.all(|other| other.as_ref() == Some(&first)).then_some(first)
        }
        LogicalPlan::Extension(extension) => {
            of_function(extension.node.as_any().downcast_ref::<TableFunction>()?, index, federation)
        }
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(_) => of_column(plan.inputs().first()?, index, federation),
        _ => None,
    }
}

fn of_expr(expr: &Expr, input: &LogicalPlan, federation: &Federation) -> Option<String> {
    let of = |expr: &Expr| of_expr(expr, input, federation);
    match expr {
        Expr::Column(column) => of_column(input, input.schema().maybe_index_of_column(column)?, federation),
        Expr::Alias(alias) => of(&alias.expr),
        Expr::Cast(cast) => of(&cast.expr),
        Expr::TryCast(cast) => of(&cast.expr),
        Expr::Negative(inner) => of(inner),
        Expr::BinaryExpr(binary) if matches!(binary.op, Operator::Plus | Operator::Minus) => {
            let (left, right) = (of(&binary.left)?, of(&binary.right)?);
            (left == right).then_some(left)
        }
        Expr::AggregateFunction(function) => {
            let keeps = KEEP.contains(&function.func.name());
            function.params.args.first().filter(|_| keeps).and_then(of)
        }
        Expr::ScalarFunction(function) => {
            let keeps = KEEP_SCALAR.contains(&function.func.name());
            function.args.first().filter(|_| keeps).and_then(of)
        }
        _ => None,
    }
}

/// The unit of a result column of a table function: that of the column it is about.
fn of_function(function: &TableFunction, index: usize, federation: &Federation) -> Option<String> {
    let of = |argument: &str| {
        let variable = function.arguments.optional_column(argument)?;
        of_expr(&variable.expr, &function.input, federation)
    };
    let (column, _) = function.spec.columns.get(index)?;
    match (*column, function.spec.name) {
        ("time", _) | ("median", "MEDIAN_SURVIVAL") => of("time"),
        ("group", _) => of("by"),
        ("lower" | "upper", "HISTOGRAM")
        | ("value", "QUANTILES")
        | ("difference" | "lower" | "upper", "MEAN_DIFFERENCE") => of("value"),
        (
            "coefficient" | "lower" | "upper" | "std_error",
            "LASSO" | "LASSO_PATH" | "LINEAR_REGRESSION" | "RIDGE",
        ) => {
            // Per unit of the term, whatever that is.
            of("target").map(|unit| format!("{unit} per unit"))
        }
        _ => None,
    }
}
