//! Statements of SQL text: where one ends, and what kind each is.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "tokens have dozens of kinds; the rest is none of those asked for"
)]

mod parse;
pub(crate) mod show;
pub(crate) mod tokens;

use datafusion::sql::sqlparser::ast::Query;
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Position, Result};
pub(crate) use parse::{Explain, Kind, parse};

/// One statement of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its text, without the semicolon. Positions of errors count from its beginning.
    pub sql: String,
    /// Where it begins in the whole text.
    pub position: Position,
}

/// Splits a text at the semicolons that end statements; those in strings, names and comments do not. Empty statements
/// are left out.
///
/// # Errors
/// [`Class::Invalid`](crate::Class::Invalid) with its place: an unterminated string, name or comment.
pub fn statements(sql: &str) -> Result<Vec<Statement>> {
    let mut found = Vec::new();
    let mut start: Option<(usize, Position)> = None;
    let mut offsets = tokens::Offsets::new(sql);
    for token in tokens::tokenize(sql)? {
        let at = offsets.of(token.span.start);
        if token.token != Token::SemiColon {
            start = start.or_else(|| Some((at, tokens::place(&token))));
            continue;
        }
        if let Some((from, position)) = start.take() {
            found.push(Statement { sql: sql.get(from..at).unwrap_or("").trim_end().to_owned(), position });
        }
    }
    if let Some((from, position)) = start {
        found.push(Statement { sql: sql.get(from..).unwrap_or("").trim_end().to_owned(), position });
    }
    Ok(found)
}

/// The query of a text that holds nothing else.
pub(crate) fn parse_query_text(sql: &str) -> Result<Box<Query>> {
    tokens::Cursor::new(sql)?.query()
}

#[cfg(test)]
mod tests;
