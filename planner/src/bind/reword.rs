//! The engine's most common complaints in our words.

use crate::error::Error;

/// The same complaint, short and without names of the engine's types; `None` where it reads well enough.
pub(super) fn reword(text: &str) -> Option<Error> {
    grouping(text)
        .or_else(|| signature(text))
        .or_else(|| condition(text))
        .or_else(|| twice(text))
        .or_else(|| value(text))
}

/// `SELECT COUNT(*), age`.
fn grouping(text: &str) -> Option<Error> {
    let rest = text.split_once("must appear in the GROUP BY clause")?.0;
    let column = rest.rsplit_once("column \"")?.1.trim_end().trim_end_matches('"');
    Some(
        Error::invalid(format!("`{column}` must be in GROUP BY or inside an aggregate"))
            .with_hint(format!("GROUP BY {column}, or an aggregate such as AVG({column})")),
    )
}

/// Wrong arguments of a function.
fn signature(text: &str) -> Option<Error> {
    if !text.contains("failed to match any signature") && !text.contains("No function matches") {
        return function_arguments(text);
    }
    let name = between(text, "'", "'").or_else(|| between(text, "name '", "'"))?.split('(').next()?;
    if let Some(error) = function_arguments(text) {
        return Some(error);
    }
    let received = between(text, "(DataType: ", ")");
    Some(Error::invalid(match received {
        Some(data_type) => format!("`{name}` does not take a value of type {}", sql_type(data_type)),
        None => format!("`{name}` does not take these arguments"),
    }))
}

/// `Function 'sum' expects 1 arguments but received 2`.
fn function_arguments(text: &str) -> Option<Error> {
    let (before, after) = text.split_once("' expects ")?;
    let name = before.rsplit('\'').next()?;
    let (wanted, rest) = after.split_once(" arguments but received ")?;
    let found: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let plural = if wanted == "1" { "argument" } else { "arguments" };
    Some(Error::invalid(format!("`{name}` takes {wanted} {plural}, not {found}")))
}

/// `WHERE since`.
fn condition(text: &str) -> Option<Error> {
    let rest = text.strip_prefix("Cannot create filter with non-boolean predicate '")?;
    let (predicate, data_type) = rest.split_once("' returning ")?;
    Some(Error::invalid(format!("a condition is true or false, `{predicate}` is {}", sql_type(data_type))))
}

/// `SELECT COUNT(*), COUNT(*)`.
fn twice(text: &str) -> Option<Error> {
    let rest = text.strip_prefix("Projections require unique expression names but the expression \"")?;
    let name = rest.split_once("\" at position")?.0;
    let alias = name.rsplit_once(" AS ").map(|(_, alias)| alias);
    // The AS of a CAST is inside parentheses.
    let name = alias.filter(|alias| alias.matches('(').count() == alias.matches(')').count()).unwrap_or(name);
    Some(
        Error::invalid(format!("two columns are called `{name}`"))
            .with_hint("give them other names: `... AS name`".to_owned()),
    )
}

/// A constant that is no value of its type.
fn value(text: &str) -> Option<Error> {
    let rest = text.split_once("Cannot cast string '")?.1;
    let (value, rest) = rest.split_once("' to value of ")?;
    let data_type = rest.split(' ').next()?;
    Some(Error::invalid(format!("'{value}' is not a value of type {}", sql_type(data_type))))
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

/// The SQL name of a type that the engine names in its own way.
fn sql_type(name: &str) -> String {
    match name.split(['(', ' ']).next().unwrap_or(name) {
        "Utf8" | "LargeUtf8" | "Utf8View" => "TEXT".to_owned(),
        "Int8" | "Int16" => "SMALLINT".to_owned(),
        "Int32" => "INTEGER".to_owned(),
        "Int64" => "BIGINT".to_owned(),
        "Float32" => "REAL".to_owned(),
        "Float64" => "DOUBLE".to_owned(),
        "Date32" | "Date64" => "DATE".to_owned(),
        "Timestamp" => "TIMESTAMP".to_owned(),
        "Decimal128" => name.replace("Decimal128", "DECIMAL"),
        other => other.to_uppercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_short() {
        for (text, expected) in [
            (
                "x: While expanding wildcard, column \"h.age\" must appear in the GROUP BY clause or must be",
                "`h.age` must be in GROUP BY or inside an aggregate",
            ),
            (
                "Function 'sum' failed to match any signature, errors: Function 'sum' requires Decimal, but received String (DataType: Utf8).",
                "`sum` does not take a value of type TEXT",
            ),
            ("Function 'sum' expects 1 arguments but received 2", "`sum` takes 1 argument, not 2"),
            (
                "Cannot create filter with non-boolean predicate 'h.since' returning Date32",
                "a condition is true or false, `h.since` is DATE",
            ),
            (
                "Projections require unique expression names but the expression \"count(Int64(1)) AS count(*)\" at position 0 and",
                "two columns are called `count(*)`",
            ),
            (
                "Projections require unique expression names but the expression \"sum(CAST(y AS Int32))\" at position 0 and",
                "two columns are called `sum(CAST(y AS Int32))`",
            ),
            (
                "Cast error: Cannot cast string 'x' to value of Int32 type",
                "'x' is not a value of type INTEGER",
            ),
        ] {
            assert_eq!(reword(text).unwrap().message, expected);
        }
        assert!(reword("something else").is_none());
    }
}
