//! Names of parties, tables, columns, virtual tables and analysts.

use super::document::Entry;
use crate::error::{Error, Result};
use crate::nearest::same_name;

/// The longest name, in bytes.
const MAX_BYTES: usize = 128;

/// What a name stands for, which decides the characters it may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// A party or an analyst: letters, digits, `_` and `-`.
    Party,
    /// A table or a virtual table: letters, digits and `_`.
    Table,
    /// A column: letters, digits, `_`, `-`, and spaces inside.
    Column,
}

/// Checks a name that stands as a string (`name = "x"`) or as a key (`[table.x]`).
pub(super) fn check(entry: &Entry<'_>, name: &str, what: Named) -> Result<()> {
    match fault(name, what) {
        None => Ok(()),
        Some(fault) => Err(entry.error(&format!("`{}` is not a valid name: {fault}", name.escape_debug()))),
    }
}

fn fault(name: &str, what: Named) -> Option<String> {
    let first = name.chars().next()?;
    if name.len() > MAX_BYTES {
        return Some(format!("longer than {MAX_BYTES} bytes"));
    }
    if !(first.is_alphabetic() || first == '_') {
        return Some("it must begin with a letter or `_`".to_owned());
    }
    if name.ends_with(' ') {
        return Some("it ends with a space".to_owned());
    }
    let extra: &[char] = match what {
        Named::Party => &['_', '-'],
        Named::Table => &['_'],
        Named::Column => &['_', '-', ' '],
    };
    let odd = name.chars().find(|c| !c.is_alphanumeric() && !extra.contains(c))?;
    Some(format!("`{}` is not allowed in it", odd.escape_debug()))
}

/// Refuses a name that an earlier one equals without regard to case.
pub(super) fn unique<'a>(
    entry: &Entry<'_>,
    name: &str,
    earlier: impl IntoIterator<Item = &'a str>,
) -> Result<(), Error> {
    match earlier.into_iter().find(|other| same_name(other, name)) {
        None => Ok(()),
        Some(other) if other == name => Err(entry.error(&format!("`{name}` is declared twice"))),
        Some(other) => Err(entry.error(&format!(
            "`{name}` and `{other}` are the same name (names match without regard to case)"
        ))),
    }
}
