//! Named arguments of table functions, validated against the columns of the rows they read.

use datafusion::sql::sqlparser::ast::{Expr, Ident, UnaryOperator, Value};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::TableFunctionName;
use crate::error::{Error, Position, Result};
use crate::nearest::{hint, same_name};

/// Arguments of `LASSO` and `LASSO_SUMMARY`.
const LASSO_ARGUMENTS: [&str; 6] = ["target", "features", "categorical", "alpha", "standardize", "intercept"];

/// `name => value` as written, parameters replaced.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) value: Expr,
}

/// A call whose arguments are valid, as far as names and constants go. Types come later, when the rows are planned.
#[derive(Clone, Debug)]
pub(crate) struct TableFunctionCall {
    pub(crate) function: TableFunctionName,
    /// Where the call stands.
    pub(crate) position: Option<Position>,
    pub(crate) target: Named,
    /// `None`: all other columns that allow `model`.
    pub(crate) features: Option<Vec<Named>>,
    pub(crate) categorical: Vec<Named>,
    pub(crate) alpha: f64,
    pub(crate) standardize: bool,
    pub(crate) intercept: bool,
}

/// A column's name in its own spelling, and where an argument names it.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) position: Option<Position>,
}

/// Reads the arguments. `columns` are the names of the columns of the rows; `others` says that there are more, whose
/// names the engine makes up.
///
/// # Errors
/// Invalid: an unknown or repeated argument, a value of the wrong type, a missing target, unknown columns, alpha that
/// is negative or not finite, features that repeat or contain the target.
pub(crate) fn parse(
    function: TableFunctionName,
    position: Option<Position>,
    arguments: &[Argument],
    columns: &[String],
    others: bool,
) -> Result<TableFunctionCall> {
    check_names(function, arguments)?;
    let find = |name: &str| arguments.iter().find(|argument| same_name(&argument.name.value, name));
    let column = |name: &str, argument: &Argument| column(name, argument, columns, others);
    let Some(target) = find("target") else {
        return Err(Error::invalid(format!("{} needs a target", function.name()))
            .with_hint(example_target(columns))
            .at(position));
    };
    let target = column(text(target)?, target)?;
    let features = match find("features") {
        None => None,
        Some(argument) => Some(feature_list(argument, &target, &column)?),
    };
    let categorical = match find("categorical") {
        None => Vec::new(),
        Some(argument) => categorical_list(argument, &target, features.as_deref(), &column)?,
    };
    let alpha = find("alpha").map_or(Ok(1.0), alpha)?;
    let standardize = find("standardize").map_or(Ok(false), truth)?;
    let intercept = find("intercept").map_or(Ok(true), truth)?;
    Ok(TableFunctionCall { function, position, target, features, categorical, alpha, standardize, intercept })
}

fn check_names(function: TableFunctionName, arguments: &[Argument]) -> Result<()> {
    for (index, argument) in arguments.iter().enumerate() {
        let name = &argument.name.value;
        let at = place(argument.name.span);
        if !LASSO_ARGUMENTS.iter().any(|known| same_name(known, name)) {
            return Err(Error::invalid(format!("{} has no argument `{name}`", function.name()))
                .with_hint(hint(name, LASSO_ARGUMENTS, "arguments"))
                .at(at));
        }
        if arguments[..index].iter().any(|earlier| same_name(&earlier.name.value, name)) {
            return Err(Error::invalid(format!("`{name}` is given twice")).at(at));
        }
    }
    Ok(())
}

fn example_target(columns: &[String]) -> String {
    format!("target => '{}'", columns.first().map_or("column", String::as_str))
}

/// The column that an argument names.
fn column(name: &str, argument: &Argument, columns: &[String], others: bool) -> Result<Named> {
    let position = value_place(argument);
    if let Some(found) = columns.iter().find(|column| same_name(column, name)) {
        return Ok(Named { name: found.clone(), position });
    }
    if others {
        // The engine makes up other names; they are matched when the rows are planned.
        return Ok(Named { name: name.to_owned(), position });
    }
    Err(unknown_column(&argument.name.value.to_lowercase(), name, columns.iter().map(String::as_str))
        .at(position))
}

/// No column of the rows has this name.
pub(crate) fn unknown_column<'a>(
    argument: &str,
    name: &str,
    columns: impl IntoIterator<Item = &'a str>,
) -> Error {
    Error::invalid(format!("`{argument}`: the rows have no column `{name}`"))
        .with_hint(hint(name, columns, "columns"))
}

fn names(argument: &Argument) -> Result<Vec<&str>> {
    let list: Vec<&str> = text(argument)?.split(',').map(str::trim).collect();
    if list.iter().any(|name| name.is_empty()) {
        return Err(Error::invalid(format!("`{}` is a list of column names", argument.name.value))
            .with_hint(format!("{} => 'a,b,c'", argument.name.value))
            .at(value_place(argument)));
    }
    Ok(list)
}

fn feature_list(
    argument: &Argument,
    target: &Named,
    column: &dyn Fn(&str, &Argument) -> Result<Named>,
) -> Result<Vec<Named>> {
    let mut features: Vec<Named> = Vec::new();
    for name in names(argument)? {
        let feature = column(name, argument)?;
        if same_name(&feature.name, &target.name) {
            return Err(Error::invalid(format!("the target `{}` is among the features", target.name))
                .at(value_place(argument)));
        }
        if features.iter().any(|other| same_name(&other.name, &feature.name)) {
            return Err(Error::invalid(format!("`{}` is twice among the features", feature.name))
                .at(value_place(argument)));
        }
        features.push(feature);
    }
    Ok(features)
}

fn categorical_list(
    argument: &Argument,
    target: &Named,
    features: Option<&[Named]>,
    column: &dyn Fn(&str, &Argument) -> Result<Named>,
) -> Result<Vec<Named>> {
    let mut list = Vec::new();
    for name in names(argument)? {
        let found = column(name, argument)?;
        let feature = match features {
            Some(features) => features.iter().any(|feature| same_name(&feature.name, &found.name)),
            None => !same_name(&found.name, &target.name),
        };
        if !feature {
            return Err(Error::invalid(format!("`categorical`: `{}` is not a feature", found.name))
                .at(value_place(argument)));
        }
        list.push(found);
    }
    Ok(list)
}

fn alpha(argument: &Argument) -> Result<f64> {
    let written = argument.value.to_string();
    match number(&argument.value) {
        Some(alpha) if alpha.is_finite() && alpha >= 0.0 => Ok(alpha + 0.0),
        Some(_) => Err(Error::invalid(format!("`alpha` must be finite and at least 0, not {written}"))
            .at(value_place(argument))),
        None => Err(wrong_type(argument, "a number")),
    }
}

fn number(value: &Expr) -> Option<f64> {
    match value {
        Expr::Nested(inner) => number(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => number(expr).map(|x| -x),
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => number(expr),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

fn truth(argument: &Argument) -> Result<bool> {
    match literal(&argument.value) {
        Some(Value::Boolean(value)) => Ok(*value),
        _ => Err(wrong_type(argument, "true or false")),
    }
}

fn text(argument: &Argument) -> Result<&str> {
    match literal(&argument.value) {
        Some(Value::SingleQuotedString(text)) => Ok(text),
        _ => Err(wrong_type(argument, "a text in single quotes")),
    }
}

fn literal(value: &Expr) -> Option<&Value> {
    match value {
        Expr::Nested(inner) => literal(inner),
        Expr::Value(value) => Some(&value.value),
        _ => None,
    }
}

fn wrong_type(argument: &Argument, wanted: &str) -> Error {
    let name = &argument.name.value;
    Error::invalid(format!("`{name}` takes {wanted}, not {}", argument.value)).at(value_place(argument))
}

fn value_place(argument: &Argument) -> Option<Position> {
    if let Expr::Value(value) = &argument.value
        && let Some(position) = place(value.span)
    {
        return Some(position);
    }
    place(argument.name.span)
}

fn place(span: Span) -> Option<Position> {
    let start = span.start;
    (start.line > 0).then_some(Position { line: start.line, column: start.column })
}
