//! What kind of statement a text is. Queries inside are parsed; their places are those in the whole statement.

use datafusion::sql::sqlparser::ast::{Expr, Query};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::tokens::Cursor;
use crate::error::{Error, Result};
use crate::nearest::hint;

/// A statement.
#[derive(Debug)]
pub(crate) enum Kind {
    /// SELECT and its like.
    Query(Box<Query>),
    /// CREATE [OR REPLACE] VIRTUAL TABLE (or VIEW) `name` AS query.
    Create { name: String, or_replace: bool, sql: String, query: Box<Query> },
    /// DROP VIRTUAL TABLE (VIEW, TABLE) [IF EXISTS] `name`.
    Drop { name: String, if_exists: bool },
    /// SET `name` = value.
    Set { name: String, value: String },
    /// SHOW TABLES.
    ShowTables,
    /// SHOW FUNCTIONS.
    ShowFunctions,
    /// SHOW ALL, SHOW `name`.
    ShowSettings(Option<String>),
    /// DESCRIBE `t`: its name in parts.
    Describe(Vec<String>),
    /// DESCRIBE FUNCTION `f`.
    DescribeFunction(String),
    /// PREPARE `name` AS statement.
    Prepare { name: String, sql: String, query: Box<Query> },
    /// EXECUTE `name` (values).
    Execute { name: String, arguments: Vec<Expr> },
    /// DEALLOCATE `name`.
    Deallocate(String),
    /// EXPLAIN.
    Explain { what: Explain, inner: Box<Kind> },
    /// COPY (query) TO 'path'.
    Copy { query: Box<Query>, path: String },
}

/// The kinds of EXPLAIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Explain {
    /// The tree.
    Tree { verbose: bool },
    /// What each recipient learns.
    Disclosure,
    /// The tree as JSON.
    Json,
    /// The tree after running the query.
    Analyze,
}

/// First words of statements, for hints.
const WORDS: [&str; 14] = [
    "SELECT",
    "WITH",
    "CREATE",
    "DROP",
    "SHOW",
    "DESCRIBE",
    "SET",
    "PREPARE",
    "EXECUTE",
    "DEALLOCATE",
    "EXPLAIN",
    "COPY",
    "VALUES",
    "TABLE",
];

/// Statements that change data or read files; refused, built or not.
const REFUSED: [&str; 14] = [
    "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "ALTER", "GRANT", "REVOKE", "LOAD", "ATTACH",
    "INSTALL", "IMPORT", "REPLACE", "EXPORT",
];

/// Reads one statement.
///
/// # Errors
/// Invalid: syntax, with its place. Refused: statements that change data or read files.
pub(crate) fn parse(sql: &str) -> Result<Kind> {
    let mut cursor = Cursor::new(sql)?;
    let kind = statement(&mut cursor)?;
    Ok(kind)
}

fn statement(cursor: &mut Cursor<'_>) -> Result<Kind> {
    let Some(first) = cursor.peek() else { return Err(Error::invalid("the statement is empty")) };
    let word = match &first.token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_uppercase(),
        Token::LParen => return cursor.query().map(Kind::Query),
        _ => return Err(cursor.unexpected("a statement")),
    };
    match word.as_str() {
        "SELECT" | "WITH" | "VALUES" | "TABLE" | "FROM" => cursor.query().map(Kind::Query),
        "CREATE" => create(cursor),
        "DROP" => drop_table(cursor),
        "SET" => set(cursor),
        "SHOW" => show(cursor),
        "DESCRIBE" | "DESC" => {
            cursor.advance();
            if cursor.is_name(1) && cursor.take(&["FUNCTION"]) {
                let name = cursor.own_name()?;
                return cursor.end().map(|()| Kind::DescribeFunction(name));
            }
            cursor.take(&["TABLE"]);
            let name = cursor.dotted_name()?;
            cursor.end().map(|()| Kind::Describe(name))
        }
        "PREPARE" => prepare(cursor),
        "EXECUTE" => {
            cursor.advance();
            let name = cursor.own_name()?;
            let arguments = cursor.arguments()?;
            Ok(Kind::Execute { name, arguments })
        }
        "DEALLOCATE" => {
            cursor.advance();
            cursor.take(&["PREPARE"]);
            let name = cursor.own_name()?;
            cursor.end().map(|()| Kind::Deallocate(name))
        }
        "EXPLAIN" => explain(cursor),
        "COPY" => copy(cursor),
        refused if REFUSED.contains(&refused) => {
            Err(Error::refused(format!("{refused} is refused: a federation is only read")).at(cursor.here()))
        }
        _ => Err(Error::invalid(format!("syntax error: no statement begins with `{word}`"))
            .with_hint(hint(&word, WORDS, "statements"))
            .at(cursor.here())),
    }
}

fn create(cursor: &mut Cursor<'_>) -> Result<Kind> {
    let at = cursor.here();
    cursor.advance();
    let or_replace = cursor.take(&["OR", "REPLACE"]);
    let _ = cursor.take(&["TEMP"]) || cursor.take(&["TEMPORARY"]);
    if cursor.take(&["EXTERNAL"]) || cursor.take(&["UNBOUNDED", "EXTERNAL"]) {
        return Err(
            Error::refused("CREATE EXTERNAL TABLE is refused: only declared tables can be read").at(at)
        );
    }
    if !(cursor.take(&["VIRTUAL", "TABLE"]) || cursor.take(&["VIEW"])) {
        return Err(cursor
            .unexpected("VIRTUAL TABLE")
            .with_hint("CREATE VIRTUAL TABLE name AS SELECT ...".to_owned()));
    }
    let name = cursor.own_name()?;
    cursor.expect(&["AS"])?;
    let sql = cursor.rest().to_owned();
    let query = cursor.query()?;
    Ok(Kind::Create { name, or_replace, sql, query })
}

fn drop_table(cursor: &mut Cursor<'_>) -> Result<Kind> {
    cursor.advance();
    if !(cursor.take(&["VIRTUAL", "TABLE"]) || cursor.take(&["VIEW"]) || cursor.take(&["TABLE"])) {
        return Err(cursor.unexpected("VIRTUAL TABLE"));
    }
    let if_exists = cursor.take(&["IF", "EXISTS"]);
    let name = cursor.own_name()?;
    cursor.end().map(|()| Kind::Drop { name, if_exists })
}

fn set(cursor: &mut Cursor<'_>) -> Result<Kind> {
    cursor.advance();
    cursor.take(&["SESSION"]);
    let name = cursor.dotted_name()?.join(".");
    if !(cursor.take_token(&Token::Eq) || cursor.take(&["TO"])) {
        return Err(cursor.unexpected("`=`"));
    }
    let value = match cursor.string() {
        Some(text) => text,
        None => match cursor.peek().map(|token| &token.token) {
            Some(Token::Word(word)) => word.value.clone(),
            Some(Token::Number(digits, _)) => digits.clone(),
            _ => return Err(cursor.unexpected("a value")),
        },
    };
    if cursor.peek().is_some_and(|token| matches!(token.token, Token::Word(_) | Token::Number(..))) {
        cursor.advance();
    }
    cursor.end().map(|()| Kind::Set { name, value })
}

fn show(cursor: &mut Cursor<'_>) -> Result<Kind> {
    cursor.advance();
    if cursor.take(&["COLUMNS"]) {
        if !(cursor.take(&["FROM"]) || cursor.take(&["IN"])) {
            return Err(cursor.unexpected("FROM"));
        }
        let name = cursor.dotted_name()?;
        return cursor.end().map(|()| Kind::Describe(name));
    }
    let kind = if cursor.take(&["TABLES"]) {
        Kind::ShowTables
    } else if cursor.take(&["FUNCTIONS"]) {
        Kind::ShowFunctions
    } else if cursor.take(&["ALL"]) {
        Kind::ShowSettings(None)
    } else if cursor.peek().is_some() {
        Kind::ShowSettings(Some(cursor.dotted_name()?.join(".")))
    } else {
        return Err(cursor.unexpected("TABLES, FUNCTIONS, ALL or a setting"));
    };
    cursor.end().map(|()| kind)
}

fn prepare(cursor: &mut Cursor<'_>) -> Result<Kind> {
    cursor.advance();
    let name = cursor.own_name()?;
    if cursor.peek().is_some_and(|token| token.token == Token::LParen) {
        return Err(Error::invalid("PREPARE takes no types: they follow from the query").at(cursor.here()));
    }
    cursor.expect(&["AS"])?;
    let sql = cursor.rest().to_owned();
    let query = cursor.query()?;
    Ok(Kind::Prepare { name, sql, query })
}

fn explain(cursor: &mut Cursor<'_>) -> Result<Kind> {
    cursor.advance();
    let mut what = Explain::Tree { verbose: false };
    loop {
        if cursor.take(&["DISCLOSURE"]) {
            what = Explain::Disclosure;
        } else if cursor.take(&["ANALYZE"]) || cursor.take(&["ANALYSE"]) {
            what = Explain::Analyze;
        } else if cursor.take(&["VERBOSE"]) {
            if what == (Explain::Tree { verbose: false }) {
                what = Explain::Tree { verbose: true };
            }
        } else if cursor.take(&["FORMAT"]) {
            what = format(cursor)?;
        } else if cursor.peek().is_some_and(|token| token.token == Token::LParen) && options_follow(cursor) {
            what = options(cursor)?;
        } else {
            break;
        }
    }
    if cursor.is_word(0, "EXPLAIN") {
        return Err(Error::invalid("EXPLAIN of EXPLAIN").at(cursor.here()));
    }
    let at = cursor.here();
    let inner = Box::new(statement(cursor)?);
    match *inner {
        Kind::Query(_) | Kind::Execute { .. } => Ok(Kind::Explain { what, inner }),
        _ => Err(Error::invalid("EXPLAIN explains queries").at(at)),
    }
}

/// Whether the parenthesis that comes next holds options, not a query.
fn options_follow(cursor: &Cursor<'_>) -> bool {
    ["FORMAT", "ANALYZE", "ANALYSE", "VERBOSE", "DISCLOSURE"].iter().any(|word| cursor.is_word(1, word))
}

fn options(cursor: &mut Cursor<'_>) -> Result<Explain> {
    cursor.expect_token(&Token::LParen)?;
    loop {
        let what = if cursor.take(&["FORMAT"]) {
            format(cursor)?
        } else if cursor.take(&["DISCLOSURE"]) {
            Explain::Disclosure
        } else if cursor.take(&["ANALYZE"]) || cursor.take(&["ANALYSE"]) {
            Explain::Analyze
        } else if cursor.take(&["VERBOSE"]) {
            Explain::Tree { verbose: true }
        } else {
            return Err(cursor.unexpected("FORMAT, ANALYZE, VERBOSE or DISCLOSURE"));
        };
        if cursor.take_token(&Token::RParen) {
            return Ok(what);
        }
        cursor.expect_token(&Token::Comma)?;
    }
}

fn format(cursor: &mut Cursor<'_>) -> Result<Explain> {
    if cursor.take(&["JSON"]) {
        Ok(Explain::Json)
    } else if cursor.take(&["TEXT"]) || cursor.take(&["TREE"]) {
        Ok(Explain::Tree { verbose: false })
    } else {
        Err(cursor.unexpected("JSON or TEXT"))
    }
}

fn copy(cursor: &mut Cursor<'_>) -> Result<Kind> {
    let at = cursor.here();
    cursor.advance();
    if cursor.peek().is_some_and(|token| token.token != Token::LParen) {
        let _ = cursor.dotted_name()?;
        if cursor.peek().is_some_and(|token| token.token == Token::LParen) || cursor.is_word(0, "FROM") {
            return Err(Error::refused("COPY FROM is refused: a federation is only read").at(at));
        }
        return Err(Error::invalid("COPY takes a query in parentheses")
            .with_hint("COPY (SELECT ...) TO 'file.csv'".to_owned())
            .at(at));
    }
    let query = cursor.query_in_parentheses()?;
    cursor.expect(&["TO"])?;
    if cursor.is_word(0, "STDOUT") || cursor.is_word(0, "PROGRAM") {
        return Err(Error::refused("COPY writes files only, neither STDOUT nor to programs")
            .with_hint("the query itself gives its rows; COPY (SELECT ...) TO 'file.csv'".to_owned())
            .at(cursor.here()));
    }
    let Some(path) = cursor.string() else { return Err(cursor.unexpected("a file name in single quotes")) };
    if path.is_empty() {
        return Err(Error::invalid("the file name is empty").at(at));
    }
    cursor.end().map(|()| Kind::Copy { query, path })
}
