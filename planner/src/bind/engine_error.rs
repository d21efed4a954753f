//! Errors of the engine in our words: short, without internal names, with the place in the text.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;

use super::reword::reword;
use crate::error::{Error, Position};
use crate::nearest::hint;

/// The error of planning a query whose names are settled.
pub(crate) fn translate(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::Plan(text) | DataFusionError::Execution(text) => complaint(text),
        DataFusionError::ArrowError(inner, _) => complaint(&inner.to_string()),
        DataFusionError::External(inner) => match inner.downcast_ref::<Error>() {
            Some(ours) => ours.clone(),
            None => Error::invalid(tidy(&inner.to_string())),
        },
        DataFusionError::Context(_, inner) => translate(inner),
        DataFusionError::Shared(inner) => translate(inner),
        DataFusionError::Collection(all) => match all.first() {
            Some(first) => translate(first),
            None => Error::internal("an empty collection of errors"),
        },
        DataFusionError::Diagnostic(diagnostic, inner) => {
            let start = diagnostic.span.map(|span| span.start).filter(|start| start.line > 0);
            let position = start.map(|start| Position { line: start.line, column: start.column });
            let error = translate(inner);
            let position = error.position.or(position);
            error.at(position)
        }
        DataFusionError::SchemaError(schema_error, _) => of_schema(schema_error),
        DataFusionError::SQL(parser_error, _) => parser(parser_error),
        DataFusionError::NotImplemented(what) => {
            Error::invalid(format!("not supported: {}", lower_first(&tidy(what))))
        }
        // What a query with odd arguments brings the engine to is the query's fault, whatever the engine calls it.
        DataFusionError::Internal(what) => complaint(what),
        other => complaint(&other.strip_backtrace()),
    }
}

fn complaint(text: &str) -> Error {
    let text = tidy(text);
    reword(&text).unwrap_or_else(|| Error::invalid(lower_first(&text)))
}

fn of_schema(error: &SchemaError) -> Error {
    match error {
        SchemaError::AmbiguousReference { field } => {
            Error::invalid(format!("`{}` is ambiguous: several relations have it", field.name))
                .with_hint("write `relation.column`".to_owned())
        }
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => {
            Error::invalid(format!("two columns are called `{name}`"))
                .with_hint("give them other names: `x AS name`".to_owned())
        }
        SchemaError::FieldNotFound { field, valid_fields } => {
            let names = valid_fields.iter().map(|column| column.name.as_str());
            let position = field.spans.first().map(|span| span.start).filter(|start| start.line > 0);
            Error::invalid(format!("unknown column `{}`", field.name))
                .with_hint(hint(&field.name, names, "columns"))
                .at(position.map(|start| Position { line: start.line, column: start.column }))
        }
    }
}

/// A syntax error; the parser writes the place at the end of its message.
pub(crate) fn parser(error: &ParserError) -> Error {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => {
            return Error::invalid("the statement is nested too deeply");
        }
    };
    let (message, position) = split_place(message);
    let message = lower_first(message)
        .replacen("expected: ", "expected ", 1)
        .replace("found: EOF", "found the end")
        .replace(", found: ", ", found ");
    Error::invalid(format!("syntax error: {message}")).at(position)
}

/// `... at Line: 1, Column: 8` as text and place.
fn split_place(message: &str) -> (&str, Option<Position>) {
    let Some((text, place)) = message.rsplit_once(" at Line: ") else { return (message, None) };
    let Some((line, column)) = place.split_once(", Column: ") else { return (message, None) };
    let digits =
        |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().ok();
    match (digits(line), digits(column)) {
        (Some(line), Some(column)) if line > 0 => (text.trim_end(), Some(Position { line, column })),
        _ => (text.trim_end(), None),
    }
}

/// The first line, without the prefixes that the engine stacks up.
fn tidy(message: &str) -> String {
    let mut text = message.lines().next().unwrap_or("").trim();
    if let (Some(at), Some(last)) = (text.find("regex parse error:"), message.lines().last()) {
        let before = text.get(..at).unwrap_or("");
        return tidy(&format!(
            "{before}not a regular expression: {}",
            last.trim().trim_start_matches("error: ")
        ));
    }
    let prefixes = [
        "Error during planning: ",
        "This feature is not implemented: ",
        "Execution error: ",
        "Schema error: ",
        "Arrow error: ",
        "SQL error: ",
        "Optimizer rule ",
        "Internal error: ",
        "type_coercion caused by ",
        "type_coercion",
        "caused by",
    ];
    while let Some(rest) = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)) {
        text = rest.trim_start();
    }
    let text = text.replace("Error during planning: ", "");
    text.trim_end_matches('.').replace("DataFusion", "the engine").replace("datafusion", "the engine")
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    let second_is_lower = text.chars().nth(1).is_some_and(char::is_lowercase);
    match chars.next() {
        Some(first) if second_is_lower => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}
