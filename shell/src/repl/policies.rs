//! `\dp`: what may be done with tables and columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::record_batch::RecordBatch;
use planner::catalog::{Federation, Use};

use crate::error::{Failure, Result};
use crate::format::ResultSet;

/// What each use means, in SQL.
fn meaning(what: Use) -> &'static str {
    match what {
        Use::Filter => "WHERE, CASE, FILTER, HAVING",
        Use::Aggregate => "COUNT, SUM, AVG, VAR, STDDEV, COVAR, CORR",
        Use::Quantile => "MEDIAN, PERCENTILE",
        Use::MinMax => "MIN, MAX",
        Use::Group => "GROUP BY",
        Use::Model => "target and features of models",
        Use::Survival => "time and event",
        Use::Join => "ON, IN, EXISTS",
        Use::Public => "everything, also as it is",
    }
}

/// Every owner's tables with the rules of release.
pub(super) fn of_tables(federation: &Federation) -> Result<ResultSet> {
    let mut columns: [Vec<String>; 5] = std::array::from_fn(|_| Vec::new());
    for (party, table) in federation.tables() {
        let rules = &party.release;
        let person = table.person.as_deref().map_or("each row is a person".to_owned(), str::to_owned);
        let rounding = if rules.round_counts > 0 { rules.round_counts.to_string() } else { "no".to_owned() };
        let row = [
            format!("{}.{}", party.name, table.name),
            person,
            rules.min_people.to_string(),
            rounding,
            rules.recipients.join(", "),
        ];
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    rows(["table", "person", "min_people", "counts rounded to", "recipients"], columns)
}

/// The rows of DESCRIBE, with uses in words.
pub(super) fn of_columns(described: &[RecordBatch]) -> Result<ResultSet> {
    let mut columns: [Vec<String>; 3] = std::array::from_fn(|_| Vec::new());
    for batch in described {
        let text = |name: &str| {
            let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
            column.ok_or_else(|| Failure::internal(format!("DESCRIBE has no column `{name}`")))
        };
        let (names, types, allow) = (text("column")?, text("type")?, text("allow")?);
        for ((name, kind), allow) in names.iter().zip(types).zip(allow) {
            columns[0].push(name.unwrap_or_default().to_owned());
            columns[1].push(kind.unwrap_or_default().to_owned());
            columns[2]
                .push(allow.map_or_else(|| "see the tables that it is computed from".to_owned(), in_words));
        }
    }
    rows(["column", "type", "may be used in"], columns)
}

/// `filter, group` as what that means.
fn in_words(allow: &str) -> String {
    let word = |word: &str| {
        let found = Use::ALL.into_iter().find(|what| what.name() == word);
        found.map_or_else(|| word.to_owned(), |what| meaning(what).to_owned())
    };
    let words: Vec<String> = allow.split(", ").filter(|word| !word.is_empty()).map(word).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join("; ") }
}

fn rows<const N: usize>(names: [&str; N], columns: [Vec<String>; N]) -> Result<ResultSet> {
    let arrays = names.into_iter().zip(columns).map(|(name, column)| {
        let values: ArrayRef = Arc::new(column.into_iter().map(Some).collect::<StringArray>());
        (name, values)
    });
    let batch = RecordBatch::try_from_iter(arrays);
    batch.map(ResultSet::from).map_err(|error| Failure::internal(format!("policies: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_are_told_in_sql() {
        assert_eq!(in_words("filter, group"), "WHERE, CASE, FILTER, HAVING; GROUP BY");
        assert_eq!(in_words(""), "nothing");
    }
}
