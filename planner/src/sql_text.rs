//! The engine's way of writing expressions, types and plans, as SQL.
//!
//! The engine names columns and describes plans by texts such as `sum(CASE WHEN age = Int64(94) ...)`, and those texts
//! are all that is left of an expression once it is a column. So the rewriting is of text: [`readable`] goes over
//! whatever is shown to people, messages and plans alike.

/// The text with literals, types and joins as SQL writes them: `Int64(94)` is `94`, `Utf8("x")` is `'x'`, `AS Int64` is
/// `AS BIGINT`, `count(Int64(1))` is `COUNT(*)`.
pub(crate) fn readable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if !is_word(first) {
            shown.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or("");
            continue;
        }
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let qualified = shown.ends_with('.') || after.starts_with('.');
        let call = if qualified { None } else { argument(after).and_then(|(inner, _)| literal(word, inner)) };
        match (call, sql_name(word)) {
            (Some(sql), _) => {
                shown.push_str(&sql);
                rest = argument(after).map_or("", |(_, remaining)| remaining);
            }
            (None, Some(name)) if !qualified && !after.starts_with('(') => {
                shown.push_str(name);
                rest = after;
            }
            _ => {
                shown.push_str(word);
                rest = after;
            }
        }
    }
    PHRASES.iter().fold(shown, |text, (engine, sql)| text.replace(engine, sql))
}

/// What is no single word.
const PHRASES: [(&str, &str); 11] = [
    ("count(1)", "COUNT(*)"),
    ("count(*)", "COUNT(*)"),
    ("(<subquery>)", "(SELECT ...)"),
    ("<subquery>", "SELECT ..."),
    ("LEFTSEMI JOIN", "SEMI JOIN"),
    ("LEFTANTI JOIN", "ANTI JOIN"),
    ("LEFTMARK JOIN", "IN or EXISTS beside other conditions"),
    ("LeftSemi Join", "Semi Join"),
    ("LeftAnti Join", "Anti Join"),
    ("EmptyRelation: rows=1", "One row of no table"),
    ("EmptyRelation: rows=0", "No rows"),
];

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The SQL name of one of the engine's types that has no parameters.
fn sql_name(word: &str) -> Option<&'static str> {
    Some(match word {
        "Utf8" | "LargeUtf8" | "Utf8View" => "TEXT",
        "Int8" | "Int16" => "SMALLINT",
        "Int32" => "INTEGER",
        "Int64" | "UInt8" | "UInt16" | "UInt32" | "UInt64" => "BIGINT",
        "Float16" | "Float32" => "REAL",
        "Float64" => "DOUBLE",
        "Date32" | "Date64" => "DATE",
        _ => return None,
    })
}

/// What stands in the parenthesis that a text begins with, and what follows it. Parentheses in double quotes do not
/// count.
fn argument(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('(')?;
    let mut depth = 0_usize;
    let mut quoted = false;
    for (at, c) in inside.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth == 0 => return Some((inside.get(..at)?, inside.get(at + 1..)?)),
            ')' if !quoted => depth -= 1,
            _ => {}
        }
    }
    None
}

/// A literal or a type with parameters.
fn literal(word: &str, inner: &str) -> Option<String> {
    let quoted = || inner.strip_prefix('"')?.strip_suffix('"').map(|text| text.replace('\'', "''"));
    let null = inner == "NULL";
    match word {
        "Utf8" | "LargeUtf8" | "Utf8View" if !null => quoted().map(|text| format!("'{text}'")),
        "Date32" | "Date64" if !null => quoted().map(|day| format!("DATE '{day}'")),
        "Boolean" if !null => Some(inner.to_uppercase()),
        "Decimal128" | "Decimal256" => decimal(inner),
        "Timestamp" => Some("TIMESTAMP".to_owned()),
        "Interval" => Some("INTERVAL".to_owned()),
        "IntervalMonthDayNano" | "IntervalDayTime" | "IntervalYearMonth" if !null => {
            quoted().map(|parts| interval(&parts))
        }
        "TimestampSecond" | "TimestampMillisecond" | "TimestampMicrosecond" | "TimestampNanosecond" => {
            let value = inner.split(',').next().unwrap_or(inner).trim();
            Some(if value == "NULL" || value == "None" {
                "NULL".to_owned()
            } else {
                format!("TIMESTAMP '{value}'")
            })
        }
        _ if sql_name(word).is_some() || word.starts_with("Interval") || word == "Boolean" => {
            let number = inner.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            (null || number || matches!(inner, "inf" | "NaN")).then(|| inner.to_owned())
        }
        _ => None,
    }
}

/// `12.3,5,1` is a literal with its type; `5, 1` is the type.
fn decimal(inner: &str) -> Option<String> {
    let mut parts = inner.split(',').map(str::trim);
    let (first, second) = (parts.next()?, parts.next()?);
    Some(if parts.next().is_some() { first.to_owned() } else { format!("DECIMAL({first},{second})") })
}

/// `IntervalMonthDayNano { months: 0, days: 1, nanoseconds: 0 }` is INTERVAL '1 days'.
fn interval(parts: &str) -> String {
    let fields = parts.split_once('{').map_or(parts, |(_, rest)| rest).trim_end_matches('}');
    let named = fields.split(',').filter_map(|field| field.split_once(':'));
    let shown: Vec<String> = named
        .map(|(unit, count)| (unit.trim(), count.trim()))
        .filter(|(_, count)| *count != "0")
        .map(|(unit, count)| format!("{count} {unit}"))
        .collect();
    if shown.is_empty() {
        format!("INTERVAL '{}'", fields.trim())
    } else {
        format!("INTERVAL '{}'", shown.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::common::ScalarValue;
    use datafusion::logical_expr::lit;

    use super::readable;

    /// As the engine writes literals today.
    #[test]
    fn literals_are_sql() {
        for (value, sql) in [
            (ScalarValue::Decimal128(Some(1234), 10, 2), "12.34"),
            (ScalarValue::Decimal128(Some(-5), 5, 1), "-0.5"),
            (ScalarValue::Decimal128(Some(7), 20, 0), "7"),
            (ScalarValue::Decimal128(None, 3, 1), "NULL"),
            (ScalarValue::Decimal256(Some(1234.into()), 50, 3), "1.234"),
            (ScalarValue::Int64(Some(-3)), "-3"),
            (ScalarValue::Int32(None), "NULL"),
            (ScalarValue::Boolean(Some(true)), "TRUE"),
            (ScalarValue::from("it's"), "'it''s'"),
            (ScalarValue::Date32(Some(19_675)), "DATE '2023-11-14'"),
        ] {
            assert_eq!(readable(&lit(value).to_string()), sql);
        }
    }

    #[test]
    fn expressions_are_sql() {
        for (engine, sql) in [
            (
                "sum(CASE WHEN cohort.age = Int64(94) THEN Int64(1) ELSE Int64(-1) END)",
                "sum(CASE WHEN cohort.age = 94 THEN 1 ELSE -1 END)",
            ),
            ("date_part(Utf8(\"YEAR\"), since)", "date_part('YEAR', since)"),
            ("a = Utf8(\"it's (so)\") AND b", "a = 'it''s (so)' AND b"),
            ("Float64(20) + CAST(age AS Int64)", "20 + CAST(age AS BIGINT)"),
            ("CAST(x AS Decimal128(5, 1)) > Decimal128(-0.5,5,1)", "CAST(x AS DECIMAL(5,1)) > -0.5"),
            ("since < Date32(\"2023-11-14\") or Date32", "since < DATE '2023-11-14' or DATE"),
            (
                "d + IntervalMonthDayNano(\"IntervalMonthDayNano { months: 0, days: 1, nanoseconds: 0 }\")",
                "d + INTERVAL '1 days'",
            ),
            ("Date32 - Interval(MonthDayNano)", "DATE - INTERVAL"),
            ("a LEFTSEMI JOIN", "a SEMI JOIN"),
            ("x = (<subquery>)", "x = (SELECT ...)"),
            ("count(Int64(1)), Boolean(true), Float64(NULL)", "COUNT(*), TRUE, NULL"),
            ("h.Int64 and Größe(3) stay", "h.Int64 and Größe(3) stay"),
            ("Utf8(\"open", "Utf8(\"open"),
        ] {
            assert_eq!(readable(engine), sql);
        }
    }
}
