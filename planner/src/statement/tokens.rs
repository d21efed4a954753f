//! SQL text as tokens with places, whitespace and comments left out.

use std::iter::Peekable;
use std::str::CharIndices;

use datafusion::sql::sqlparser::ast::{Expr, Query};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::bind::dialect::ConjoinDialect;
use crate::bind::engine_error::parser as parser_error;
use crate::error::{Class, Error, Position, Result};
use crate::nearest::same_name;

/// The longest statement. Longer ones are no queries that a person or a tool writes.
const MAX_BYTES: usize = 256 * 1024;
/// Trees of expressions are handled by recursion; this depth fits the stack of [`stack`](crate::stack).
const MAX_OPERATORS: usize = 250;
/// The same for joins and unions.
const MAX_SIDES: usize = 50;

/// The tokens of a text.
///
/// # Errors
/// Invalid: an unterminated string, comment or name; Resource: a text that is too long.
pub(crate) fn tokenize(sql: &str) -> Result<Vec<TokenWithSpan>> {
    let tokens = Tokenizer::new(&ConjoinDialect, sql).tokenize_with_location().map_err(|error| {
        let Location { line, column } = error.location;
        Error::invalid(format!("syntax error: {}", error.message)).at(Position { line, column })
    })?;
    Ok(tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect())
}

/// The byte of a text at a location of the tokenizer.
pub(crate) fn offset(sql: &str, location: Location) -> usize {
    Offsets::new(sql).of(location)
}

/// Bytes of a text at one location after the other, in one pass.
pub(crate) struct Offsets<'s> {
    rest: Peekable<CharIndices<'s>>,
    at: (u64, u64),
    length: usize,
}

impl<'s> Offsets<'s> {
    pub(crate) fn new(sql: &'s str) -> Self {
        Offsets { rest: sql.char_indices().peekable(), at: (1, 1), length: sql.len() }
    }

    /// The byte at a location that is not before the last one asked for.
    pub(crate) fn of(&mut self, location: Location) -> usize {
        while let Some((byte, letter)) = self.rest.peek().copied() {
            if self.at >= (location.line, location.column) {
                return byte;
            }
            self.rest.next();
            self.at = if letter == '\n' { (self.at.0 + 1, 1) } else { (self.at.0, self.at.1 + 1) };
        }
        self.length
    }
}

/// Where a token stands.
pub(crate) fn place(token: &TokenWithSpan) -> Position {
    Position { line: token.span.start.line, column: token.span.start.column }
}

/// Reads a statement from the left.
pub(crate) struct Cursor<'s> {
    sql: &'s str,
    tokens: Vec<TokenWithSpan>,
    next: usize,
}

impl<'s> Cursor<'s> {
    pub(crate) fn new(sql: &'s str) -> Result<Self> {
        if sql.len() > MAX_BYTES {
            return Err(Error::new(
                Class::Resource,
                format!("the statement is longer than {MAX_BYTES} bytes"),
            ));
        }
        let mut tokens = tokenize(sql)?;
        while tokens.last().is_some_and(|token| token.token == Token::SemiColon) {
            tokens.pop();
        }
        if let Some(second) = tokens.iter().find(|token| token.token == Token::SemiColon) {
            return Err(Error::invalid("one statement at a time").at(place(second)));
        }
        Ok(Cursor { sql, tokens, next: 0 })
    }

    pub(crate) fn peek(&self) -> Option<&TokenWithSpan> {
        self.tokens.get(self.next)
    }

    pub(crate) fn advance(&mut self) {
        self.next += 1;
    }

    /// Whether the token `ahead` of the next is this word, unquoted, in any case.
    pub(crate) fn is_word(&self, ahead: usize, word: &str) -> bool {
        match self.tokens.get(self.next + ahead).map(|token| &token.token) {
            Some(Token::Word(found)) => found.quote_style.is_none() && same_name(&found.value, word),
            _ => false,
        }
    }

    /// Whether the token `ahead` of the next is a name.
    pub(crate) fn is_name(&self, ahead: usize) -> bool {
        matches!(self.tokens.get(self.next + ahead).map(|token| &token.token), Some(Token::Word(_)))
    }

    /// Takes these words if they come next, all of them.
    pub(crate) fn take(&mut self, words: &[&str]) -> bool {
        let there = words.iter().enumerate().all(|(ahead, word)| self.is_word(ahead, word));
        if there {
            self.next += words.len();
        }
        there
    }

    /// Takes a token if it comes next.
    pub(crate) fn take_token(&mut self, token: &Token) -> bool {
        let there = self.peek().is_some_and(|next| next.token == *token);
        if there {
            self.next += 1;
        }
        there
    }

    /// Demands these words.
    pub(crate) fn expect(&mut self, words: &[&str]) -> Result<()> {
        if self.take(words) { Ok(()) } else { Err(self.unexpected(&words.join(" "))) }
    }

    /// Demands a token.
    pub(crate) fn expect_token(&mut self, token: &Token) -> Result<()> {
        if self.take_token(token) { Ok(()) } else { Err(self.unexpected(&format!("`{token}`"))) }
    }

    /// A name, quoted or not.
    pub(crate) fn name(&mut self) -> Result<String> {
        match self.peek().map(|token| &token.token) {
            Some(Token::Word(word)) => {
                let name = word.value.clone();
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    /// A name without an owner's: what a session may create.
    pub(crate) fn own_name(&mut self) -> Result<String> {
        let at = self.here();
        let name = self.name()?;
        if self.peek().is_some_and(|token| token.token == Token::Period) {
            return Err(Error::invalid("a virtual table has a name of its own, without a party").at(at));
        }
        if name.trim().is_empty() {
            return Err(Error::invalid("a name must not be empty").at(at));
        }
        Ok(name)
    }

    /// `a` or `a.b`.
    pub(crate) fn dotted_name(&mut self) -> Result<Vec<String>> {
        let mut parts = vec![self.name()?];
        while self.take_token(&Token::Period) {
            parts.push(self.name()?);
        }
        Ok(parts)
    }

    /// A string in single quotes.
    pub(crate) fn string(&mut self) -> Option<String> {
        let text = match self.peek().map(|token| &token.token) {
            Some(Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text)) => text.clone(),
            _ => return None,
        };
        self.next += 1;
        Some(text)
    }

    /// Demands that nothing follows.
    pub(crate) fn end(&self) -> Result<()> {
        match self.peek() {
            None => Ok(()),
            Some(token) => {
                Err(Error::invalid(format!("syntax error: unexpected `{}`", token.token)).at(place(token)))
            }
        }
    }

    /// The place of the next token.
    pub(crate) fn here(&self) -> Option<Position> {
        self.peek().map(place)
    }

    /// The text from the next token to the end.
    pub(crate) fn rest(&self) -> &'s str {
        let start = self.peek().map_or(self.sql.len(), |token| offset(self.sql, token.span.start));
        self.sql.get(start..).unwrap_or("").trim_end().trim_end_matches(';').trim_end()
    }

    /// The rest of the tokens as a query.
    pub(crate) fn query(&mut self) -> Result<Box<Query>> {
        let tokens = self.tokens.split_off(self.next.min(self.tokens.len()));
        parse_query(tokens)
    }

    /// A query in parentheses; what follows them is left.
    pub(crate) fn query_in_parentheses(&mut self) -> Result<Box<Query>> {
        self.expect_token(&Token::LParen)?;
        let (mut depth, start) = (1, self.next);
        while let Some(token) = self.peek() {
            match token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let inner = self.tokens[start..self.next].to_vec();
                self.next += 1;
                return parse_query(inner);
            }
            self.next += 1;
        }
        Err(self.unexpected("`)`"))
    }

    /// A list of constant expressions in parentheses, or none.
    pub(crate) fn arguments(&mut self) -> Result<Vec<Expr>> {
        if self.peek().is_none() {
            return Ok(Vec::new());
        }
        let (tokens, last) = (self.tokens.split_off(self.next), self.tokens.last().map(place));
        let mut parser = Parser::new(&ConjoinDialect).with_tokens_with_locations(tokens);
        let parsed = parser
            .expect_token(&Token::LParen)
            .and_then(|_| parser.parse_comma_separated(Parser::parse_expr))
            .and_then(|list| parser.expect_token(&Token::RParen).map(|_| list));
        parsed.and_then(|list| at_end(&mut parser).map(|()| list)).map_err(|error| {
            let error = parser_error(&error);
            let position = error.position.or(last);
            error.at(position)
        })
    }

    /// Something else stands here.
    pub(crate) fn unexpected(&self, wanted: &str) -> Error {
        match self.peek() {
            Some(token) => {
                Error::invalid(format!("syntax error: expected {wanted}, found `{}`", token.token))
                    .at(place(token))
            }
            None => Error::invalid(format!("syntax error: expected {wanted}, found the end"))
                .at(self.tokens.last().map(place)),
        }
    }
}

/// A query from its tokens; `?` become `$1`, `$2`, ...
pub(crate) fn parse_query(mut tokens: Vec<TokenWithSpan>) -> Result<Box<Query>> {
    if tokens.is_empty() {
        return Err(Error::invalid("syntax error: expected a query, found the end"));
    }
    check_nested(&tokens)?;
    check_depth(&tokens)?;
    let last = tokens.last().map(place);
    let mut number = 0;
    for token in &mut tokens {
        if token.token == Token::Placeholder("?".to_owned()) {
            number += 1;
            token.token = Token::Placeholder(format!("${number}"));
        }
    }
    let mut parser = Parser::new(&ConjoinDialect).with_tokens_with_locations(tokens);
    let query = parser.parse_query().and_then(|query| at_end(&mut parser).map(|()| query));
    query.map_err(|error| {
        let error = parser_error(&error);
        let position = error.position.or(last);
        error.at(position)
    })
}

fn at_end(parser: &mut Parser<'_>) -> Result<(), datafusion::sql::sqlparser::parser::ParserError> {
    let token = parser.peek_token();
    if token.token == Token::EOF { Ok(()) } else { parser.expected("the end of the statement", token) }
}

/// The most parentheses, and NOTs before them, within each other: the parser reads no more, and takes exponential time to
/// find that out where NOTs are among them.
const MAX_NESTED: usize = 56;

/// How many parentheses, and NOTs before them, are within each other at most.
fn nested(tokens: &[TokenWithSpan]) -> usize {
    let (mut open, mut deepest, mut nots) = (Vec::new(), 0, 0);
    let mut depth = 0;
    for token in tokens {
        match &token.token {
            Token::LParen => {
                open.push(1 + nots);
                depth += 1 + nots;
                deepest = deepest.max(depth);
                nots = 0;
            }
            Token::RParen => depth -= open.pop().unwrap_or(0),
            Token::Word(word) if word.keyword == Keyword::NOT => nots += 1,
            Token::Whitespace(_) => {}
            _ => nots = 0,
        }
    }
    deepest
}

/// Demands that no more are within each other than the parser reads.
fn check_nested(tokens: &[TokenWithSpan]) -> Result<()> {
    if nested(tokens) > MAX_NESTED {
        let message = format!(
            "the statement is too deep: more than {MAX_NESTED} parentheses and NOTs within each other"
        );
        return Err(Error::invalid(message));
    }
    Ok(())
}

/// Demands that no expression is deeper than recursion can take. How deep one may be is estimated from its tokens: every
/// operator adds a level, a pair of parentheses as many as its deepest item.
fn check_depth(tokens: &[TokenWithSpan]) -> Result<()> {
    #[derive(Default)]
    struct Level {
        /// The depth of the item being read.
        item: usize,
        /// The deepest item so far.
        deepest: usize,
    }
    let mut levels = vec![Level::default()];
    let mut sides = 0;
    for token in tokens {
        let mut grow = 0;
        match &token.token {
            Token::LParen => levels.push(Level::default()),
            Token::RParen if levels.len() > 1 => {
                grow = levels.pop().map_or(0, |level| level.deepest.max(level.item));
            }
            Token::Comma => {
                if let Some(level) = levels.last_mut() {
                    level.deepest = level.deepest.max(std::mem::take(&mut level.item));
                }
            }
            Token::Word(word) if is_side(word.keyword) => sides += 1,
            Token::Word(word) => grow = usize::from(is_operator(word.keyword)),
            other => grow = usize::from(!is_operand(other)),
        }
        let deep = levels.last_mut().is_some_and(|level| {
            level.item += grow;
            level.item > MAX_OPERATORS
        });
        if deep || sides > MAX_SIDES {
            let message = format!(
                "the statement is too deep: more than {MAX_OPERATORS} operators in one expression, or more than {MAX_SIDES} joins and unions"
            );
            return Err(Error::new(Class::Resource, message).at(place(token)));
        }
    }
    Ok(())
}

/// Words that add a level to the tree of a query.
fn is_side(keyword: Keyword) -> bool {
    matches!(keyword, Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT | Keyword::JOIN)
}

/// Tokens that add no level to the tree of an expression.
fn is_operand(token: &Token) -> bool {
    matches!(
        token,
        Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::Placeholder(_)
            | Token::Period
            | Token::RArrow
            | Token::SemiColon
            | Token::RParen
    )
}

fn is_operator(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::AND
            | Keyword::OR
            | Keyword::NOT
            | Keyword::IS
            | Keyword::LIKE
            | Keyword::BETWEEN
            | Keyword::CASE
            | Keyword::WHEN
            | Keyword::COLLATE
            | Keyword::AT
            | Keyword::XOR
    )
}
