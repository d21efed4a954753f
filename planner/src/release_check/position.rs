//! Where in the SQL text something is.
//!
//! Plans remember little of the text, and columns of a virtual table none of it, so a name is looked up among the words
//! of the statement.
#![expect(clippy::wildcard_enum_match_arm, reason = "the engine's enums have dozens of variants")]

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Expr;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::error::Position;

/// The place of the first column of an expression whose name is in the text.
pub(super) fn of(at: &Expr, sql: &str) -> Option<Position> {
    let named = columns(at).iter().find_map(|name| span(at, name, sql).or_else(|| of_name(name, sql)));
    let called = || function(at).and_then(|name| of_name(&name, sql));
    named.or_else(called).or_else(|| subquery(at, sql)).or_else(|| inner_query(at, sql))
}

/// The place of a base column, which may be in a subquery, else of the expression that uses it (under another name).
pub(super) fn of_base(at: &Expr, name: &str, sql: &str) -> Option<Position> {
    let here = columns(at).iter().any(|column| column.eq_ignore_ascii_case(name));
    let found = if here { span(at, name, sql) } else { None };
    let found = found.or_else(|| if here || has_subquery(at) { of_name(name, sql) } else { None });
    found.or_else(|| of(at, sql)).or_else(|| of_name(name, sql))
}

/// The place of the first word of the text that is this name, else of a string that lists it.
pub(super) fn of_name(name: &str, sql: &str) -> Option<Position> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().ok()?;
    let listed = |text: &str| text.split(',').any(|part| part.trim().eq_ignore_ascii_case(name));
    let is_it = |token: &Token| match token {
        Token::Word(word) => word.value.eq_ignore_ascii_case(name),
        _ => false,
    };
    let in_argument = |token: &Token| match token {
        Token::SingleQuotedString(text) => listed(text),
        _ => false,
    };
    // Table functions name columns in strings.
    let found = tokens
        .iter()
        .find(|token| is_it(&token.token))
        .or_else(|| tokens.iter().find(|t| in_argument(&t.token)));
    found.map(|token| Position { line: token.span.start.line, column: token.span.start.column })
}

/// The place of the first thing that the first SELECT lists.
pub(super) fn of_output(sql: &str) -> Option<Position> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().ok()?;
    let tokens = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    let select =
        |token: &Token| matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case("select"));
    let token = tokens.skip_while(|token| !select(&token.token)).nth(1)?;
    Some(Position { line: token.span.start.line, column: token.span.start.column })
}

/// The place that the plan remembers, if the text there agrees.
fn span(at: &Expr, name: &str, sql: &str) -> Option<Position> {
    let mut places = Vec::new();
    at.apply(|expr| {
        if let Expr::Column(column) = expr
            && column.name.eq_ignore_ascii_case(name)
        {
            places.extend(
                column
                    .spans
                    .iter()
                    .map(|span| (span.start.line, span.end.line, span.start.column, span.end.column)),
            );
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .ok()?;
    words(sql)?.into_iter().find_map(|(word, position)| {
        let inside = places.iter().any(|&(first, last, from, to)| {
            first == last && first == position.line && (from..to).contains(&position.column)
        });
        (inside && word.eq_ignore_ascii_case(name)).then_some(position)
    })
}

fn words(sql: &str) -> Option<Vec<(String, Position)>> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().ok()?;
    let words = tokens.into_iter().filter_map(|token| match token.token {
        Token::Word(word) => {
            let start = token.span.start;
            Some((word.value, Position { line: start.line, column: start.column }))
        }
        _ => None,
    });
    Some(words.collect())
}

fn columns(at: &Expr) -> Vec<String> {
    let mut names = Vec::new();
    let walked = at.apply(|expr| {
        if let Expr::Column(column) | Expr::OuterReferenceColumn(_, column) = expr {
            names.push(column.name.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    if walked.is_ok() { names } else { Vec::new() }
}

/// The first column that a subquery gives.
fn subquery(at: &Expr, sql: &str) -> Option<Position> {
    let mut found = None;
    at.apply(|expr| {
        let inner = match expr {
            Expr::ScalarSubquery(subquery) => Some(subquery),
            Expr::InSubquery(within) => Some(&within.subquery),
            Expr::SetComparison(comparison) => Some(&comparison.subquery),
            _ => None,
        };
        let field = inner.and_then(|subquery| subquery.subquery.schema().fields().first().cloned());
        found = field.and_then(|field| of_name(field.name(), sql));
        Ok(if inner.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })
    .ok()?;
    found
}

/// Whether an expression has a subquery.
fn has_subquery(at: &Expr) -> bool {
    let found = at.exists(|expr| {
        Ok(matches!(expr, Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::SetComparison(_)))
    });
    found.unwrap_or(false)
}

/// The first SELECT in parentheses, of an expression with a subquery.
fn inner_query(at: &Expr, sql: &str) -> Option<Position> {
    if !has_subquery(at) {
        return None;
    }
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().ok()?;
    let tokens: Vec<_> =
        tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let found = tokens.windows(2).find_map(|pair| match pair {
        [open, next] if open.token == Token::LParen => match &next.token {
            Token::Word(word) if word.value.eq_ignore_ascii_case("select") => Some(next.span.start),
            _ => None,
        },
        _ => None,
    });
    found.map(|start| Position { line: start.line, column: start.column })
}

fn function(at: &Expr) -> Option<String> {
    let mut name = None;
    at.apply(|expr| {
        name = match expr {
            Expr::AggregateFunction(call) => Some(call.func.name().to_owned()),
            Expr::WindowFunction(call) => Some(call.fun.name().to_owned()),
            Expr::ScalarFunction(call) => Some(call.name().to_owned()),
            Expr::Exists(_) => Some("exists".to_owned()),
            _ => None,
        };
        Ok(if name.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })
    .ok()?;
    name
}
