//! What data break, counted.

use std::fmt;

use crate::Error;

/// A rule that some rows of a table break. For the owner's eyes: the number of rows says something about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The column; `None` for a rule about whole rows.
    pub column: Option<String>,
    /// What is wrong with those rows, or with the column.
    pub rule: String,
    /// How many rows; 0 if the column or the table as such is wrong.
    pub rows: u64,
}

/// Everything that the data of one table break, in the order found. `Display` is the owner's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violations {
    /// `party.table`.
    pub table: String,
    /// The rules, each once.
    pub violations: Vec<Violation>,
}

impl Violations {
    pub(super) fn new(table: &str) -> Self {
        Self { table: table.to_owned(), violations: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.violations.is_empty()
    }

    /// Notes that the column as such is wrong.
    pub(super) fn add_column(&mut self, column: &str, rule: String) {
        self.violations.push(Violation { column: Some(column.to_owned()), rule, rows: 0 });
    }

    /// Notes that the table as such is wrong.
    pub(super) fn add_table(&mut self, rule: String) {
        self.violations.push(Violation { column: None, rule, rows: 0 });
    }

    /// Notes that `rows` more rows break `rule`; nothing if none do.
    pub(super) fn add_rows(&mut self, column: Option<&str>, rule: &str, rows: u64) {
        let same = |seen: &&mut Violation| seen.column.as_deref() == column && seen.rule == rule;
        if rows == 0 {
        } else if let Some(seen) = self.violations.iter_mut().find(same) {
            seen.rows += rows;
        } else {
            let column = column.map(str::to_owned);
            self.violations.push(Violation { column, rule: rule.to_owned(), rows });
        }
    }

    pub(super) fn into_result(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(column) = &self.column {
            write!(f, "column `{column}`")?;
            f.write_str(if self.rows == 0 { " " } else { ": " })?;
        }
        match self.rows {
            0 => f.write_str(&self.rule),
            1 => write!(f, "1 row {}", self.rule),
            rows => write!(f, "{rows} rows {}", self.rule),
        }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.table)?;
        for (index, violation) in self.violations.iter().enumerate() {
            write!(f, "{}{violation}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}

impl From<Violations> for Error {
    fn from(violations: Violations) -> Self {
        Error::Source { message: violations.to_string(), table: violations.table }
    }
}
