//! Named arguments of table functions, validated against their parameters and the columns of the rows they read.

use datafusion::sql::sqlparser::ast::{Expr, Ident, UnaryOperator, Value as Literal};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::table::{Kind, Number, Parameter, Preset, Spec, Value};
use crate::error::{Error, Position, Result};
use crate::nearest::{hint, same_name};

/// `name => value` as written, parameters replaced.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) value: Expr,
}

/// A call whose arguments are valid, as far as names and constants go. Types come later, when the rows are planned.
#[derive(Clone, Debug)]
pub(crate) struct TableFunctionCall {
    pub(crate) spec: &'static Spec,
    /// Where the call stands.
    pub(crate) position: Option<Position>,
    /// What is given, and presets that are constants; in the order of the parameters.
    pub(crate) given: Vec<(&'static Parameter, Given)>,
}

/// The value of an argument.
#[derive(Clone, Debug)]
pub(crate) enum Given {
    /// Columns: one for a parameter that takes one.
    Columns(Vec<Named>),
    /// Anything else.
    Constant(Value),
}

/// A column's name in its own spelling, and where an argument names it.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) position: Option<Position>,
}

impl TableFunctionCall {
    /// The columns that an argument names; `None` where it is not given.
    pub(crate) fn columns(&self, parameter: &str) -> Option<&[Named]> {
        self.given.iter().find_map(|(known, given)| match given {
            Given::Columns(columns) if known.name == parameter => Some(columns.as_slice()),
            Given::Columns(_) | Given::Constant(_) => None,
        })
    }
}

/// Reads the arguments. `columns` are the names of the columns of the rows; `others` says that there are more, whose
/// names the engine makes up.
///
/// # Errors
/// Invalid: an unknown or repeated argument, a value of the wrong type or out of range, a missing one that is required,
/// unknown columns, lists that repeat a column or name one that another argument names.
pub(crate) fn parse(
    spec: &'static Spec,
    position: Option<Position>,
    arguments: &[Argument],
    columns: &[String],
    others: bool,
) -> Result<TableFunctionCall> {
    check_names(spec, arguments)?;
    let reader = Reader { columns, others };
    let mut given: Vec<(&'static Parameter, Given)> = Vec::new();
    let parameters: &'static [Parameter] = spec.parameters;
    for parameter in parameters {
        let argument = arguments.iter().find(|argument| same_name(&argument.name.value, parameter.name));
        let value = match argument {
            Some(argument) => Some(reader.value(parameter, argument)?),
            None => preset(parameter, spec, columns).map_err(|error| error.at(position))?,
        };
        if let Some(value) = value {
            given.push((parameter, value));
        }
    }
    let call = TableFunctionCall { spec, position, given };
    check_lists(&call)?;
    Ok(call)
}

fn check_names(spec: &Spec, arguments: &[Argument]) -> Result<()> {
    for (index, argument) in arguments.iter().enumerate() {
        let name = &argument.name.value;
        let at = place(argument.name.span);
        if spec.parameter(name).is_none() {
            let known = spec.parameters.iter().map(|parameter| parameter.name);
            return Err(Error::invalid(format!("{} has no argument `{name}`", spec.name))
                .with_hint(hint(name, known, "arguments"))
                .at(at));
        }
        if arguments[..index].iter().any(|earlier| same_name(&earlier.name.value, name)) {
            return Err(Error::invalid(format!("`{name}` is given twice")).at(at));
        }
    }
    Ok(())
}

/// What a parameter is where nobody gives it.
fn preset(parameter: &Parameter, spec: &Spec, columns: &[String]) -> Result<Option<Given>> {
    let constant = |value| Ok(Some(Given::Constant(value)));
    match parameter.preset {
        Preset::Number(number) => constant(Value::Number(Number(number))),
        Preset::Truth(truth) => constant(Value::Truth(truth)),
        Preset::Word(word) => constant(Value::Word(word)),
        Preset::Absent | Preset::OtherColumns => Ok(None),
        Preset::Required => {
            let column = columns.first().map_or("column", String::as_str);
            let example = match parameter.kind {
                Kind::Column { .. } | Kind::Columns { .. } | Kind::Categories { .. } => format!("'{column}'"),
                Kind::Number { .. } | Kind::NumberOr { .. } | Kind::Whole { .. } => "1".to_owned(),
                Kind::Numbers { .. } => "'0.1,1'".to_owned(),
                Kind::Truth => "true".to_owned(),
                Kind::Text => "'...'".to_owned(),
                Kind::Word(words) => format!("'{}'", words.first().unwrap_or(&"")),
            };
            Err(Error::invalid(format!("{} needs the argument `{}`", spec.name, parameter.name))
                .with_hint(format!("{} => {example}", parameter.name)))
        }
    }
}

/// No column twice in a list, none in a list that an argument of one column names, categories among their list.
fn check_lists(call: &TableFunctionCall) -> Result<()> {
    for (parameter, given) in &call.given {
        let Given::Columns(list) = given else { continue };
        if let Kind::Categories { of } = parameter.kind {
            check_categories(call, parameter, list, of)?;
        }
        if !matches!(parameter.kind, Kind::Columns { .. }) {
            continue;
        }
        for (index, column) in list.iter().enumerate() {
            let single = call.given.iter().find_map(|(other, given)| match (other.kind, given) {
                (Kind::Column { .. }, Given::Columns(one)) => {
                    one.iter().any(|one| same_name(&one.name, &column.name)).then_some(other.name)
                }
                _ => None,
            });
            if let Some(single) = single {
                return Err(Error::invalid(format!(
                    "the {single} `{}` is among the {}",
                    column.name, parameter.name
                ))
                .at(column.position));
            }
            if list[..index].iter().any(|other| same_name(&other.name, &column.name)) {
                return Err(Error::invalid(format!(
                    "`{}` is twice among the {}",
                    column.name, parameter.name
                ))
                .at(column.position));
            }
        }
    }
    Ok(())
}

fn check_categories(call: &TableFunctionCall, parameter: &Parameter, list: &[Named], of: &str) -> Result<()> {
    for column in list {
        let known = match call.columns(of) {
            Some(columns) => columns.iter().any(|other| same_name(&other.name, &column.name)),
            None => !call.given.iter().any(|(other, given)| match given {
                Given::Columns(columns) => {
                    other.name != parameter.name
                        && columns.iter().any(|other| same_name(&other.name, &column.name))
                }
                Given::Constant(_) => false,
            }),
        };
        if !known {
            return Err(Error::invalid(format!("`{}`: `{}` is not a feature", parameter.name, column.name))
                .at(column.position));
        }
    }
    Ok(())
}

/// The columns that arguments may name.
struct Reader<'c> {
    columns: &'c [String],
    others: bool,
}

impl Reader<'_> {
    fn value(&self, parameter: &Parameter, argument: &Argument) -> Result<Given> {
        let constant = match parameter.kind {
            Kind::Column { .. } => {
                return Ok(Given::Columns(vec![self.column(text(argument)?, argument)?]));
            }
            Kind::Columns { .. } | Kind::Categories { .. } => {
                let columns = names(argument)?.into_iter().map(|name| self.column(name, argument));
                return columns.collect::<Result<_>>().map(Given::Columns);
            }
            Kind::Number { least, most } => Value::Number(within(argument, &argument.value, least, most)?),
            Kind::NumberOr { least, most, words } => match literal(&argument.value) {
                Some(Literal::SingleQuotedString(_)) => {
                    let wanted = format!("a number or '{}'", words.join("', '"));
                    Value::Word(word(argument, words).map_err(|_| wrong_type(argument, &wanted))?)
                }
                _ => Value::Number(within(argument, &argument.value, least, most)?),
            },
            Kind::Whole { least, most } => {
                let found = within(argument, &argument.value, f64::from(least), f64::from(most))?;
                if found.0.fract() != 0.0 {
                    return Err(wrong_type(argument, "a whole number"));
                }
                Value::Number(found)
            }
            Kind::Numbers { least, most } => Value::Numbers(numbers(argument, least, most)?),
            Kind::Truth => Value::Truth(truth(argument)?),
            Kind::Text => Value::Text(text(argument)?.to_owned()),
            Kind::Word(words) => Value::Word(word(argument, words)?),
        };
        Ok(Given::Constant(constant))
    }

    /// The column that an argument names.
    fn column(&self, name: &str, argument: &Argument) -> Result<Named> {
        let position = value_place(argument);
        if let Some(found) = self.columns.iter().find(|column| same_name(column, name)) {
            return Ok(Named { name: found.clone(), position });
        }
        if self.others {
            // The engine makes up other names; they are matched when the rows are planned.
            return Ok(Named { name: name.to_owned(), position });
        }
        let known = self.columns.iter().map(String::as_str);
        Err(unknown_column(&argument.name.value.to_lowercase(), name, known).at(position))
    }
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

/// A finite number in a range.
fn within(argument: &Argument, value: &Expr, least: f64, most: f64) -> Result<Number> {
    let number = number(value).ok_or_else(|| wrong_type(argument, "a number"))?;
    in_range(argument, number, &value.to_string(), least, most)
}

fn in_range(argument: &Argument, number: f64, written: &str, least: f64, most: f64) -> Result<Number> {
    if number.is_finite() && number >= least && number <= most {
        return Ok(Number(number + 0.0));
    }
    let range = match (least.is_finite(), most.is_finite()) {
        (true, true) => format!("between {least} and {most}"),
        (true, false) => format!("finite and at least {least}"),
        _ => "finite".to_owned(),
    };
    let message = format!("`{}` must be {range}, not {written}", argument.name.value);
    Err(Error::invalid(message).at(value_place(argument)))
}

/// `'0.1, 0.5'`, or one number.
fn numbers(argument: &Argument, least: f64, most: f64) -> Result<Vec<Number>> {
    let Some(Literal::SingleQuotedString(list)) = literal(&argument.value) else {
        return Ok(vec![within(argument, &argument.value, least, most)?]);
    };
    let one = |written: &str| {
        let number: f64 =
            written.trim().parse().map_err(|_| wrong_type(argument, "numbers with commas between"))?;
        in_range(argument, number, written.trim(), least, most)
    };
    list.split(',').map(one).collect()
}

fn number(value: &Expr) -> Option<f64> {
    match value {
        Expr::Nested(inner) => number(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => number(expr).map(|x| -x),
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => number(expr),
        Expr::Value(value) => match &value.value {
            Literal::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

fn truth(argument: &Argument) -> Result<bool> {
    match literal(&argument.value) {
        Some(Literal::Boolean(value)) => Ok(*value),
        _ => Err(wrong_type(argument, "true or false")),
    }
}

fn word(argument: &Argument, words: &'static [&'static str]) -> Result<&'static str> {
    let written = text(argument)?;
    words.iter().copied().find(|word| same_name(word, written)).ok_or_else(|| {
        Error::invalid(format!("`{}` cannot be '{written}'", argument.name.value))
            .with_hint(hint(written, words.iter().copied(), "it can be"))
            .at(value_place(argument))
    })
}

fn text(argument: &Argument) -> Result<&str> {
    match literal(&argument.value) {
        Some(Literal::SingleQuotedString(text)) => Ok(text),
        _ => Err(wrong_type(argument, "a text in single quotes")),
    }
}

fn literal(value: &Expr) -> Option<&Literal> {
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
