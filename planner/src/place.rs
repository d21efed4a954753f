//! The place of an error that nobody has said: where its message's words are in the statement.

use datafusion::sql::sqlparser::tokenizer::Token;

use crate::error::{Class, Error, Position};
use crate::statement::tokens::{place, tokenize};

/// Words of messages that say nothing of the place.
const COMMON: [&str; 14] = [
    "SELECT", "FROM", "AND", "OR", "SQL", "WITH", "NULL", "AS", "IN", "IS", "BY", "TEXT", "INTEGER", "BIGINT",
];

/// The error with the place of the first thing that its message quotes, else of the first keyword that it names.
pub(crate) fn found(error: Error, sql: &str) -> Error {
    let position = match (error.position, error.class) {
        (None, Class::Invalid | Class::Refused) => look_up(&crate::sql_text::readable(&error.message), sql),
        (position, _) => position,
    };
    error.at(position)
}

fn look_up(message: &str, sql: &str) -> Option<Position> {
    let tokens = tokenize(sql).ok()?;
    let of = |wanted: &str| {
        let is_it = |token: &Token| {
            matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case(wanted))
                || matches!(token, Token::SingleQuotedString(text) | Token::Number(text, _) if text == wanted)
        };
        tokens.iter().find(|token| is_it(&token.token)).map(place)
    };
    let words = |text: &'_ str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned).collect()
    };
    let telling = |word: &String| !word.is_empty() && !COMMON.contains(&word.as_str());
    let quoted = message.split('`').skip(1).step_by(2);
    let strings = message.split('\'').skip(1).step_by(2);
    // Of a qualified name the last part is the one in question.
    let from_last = |piece: &str| {
        let mut parts = words(piece);
        if !piece.contains([' ', '(']) {
            parts.reverse();
        }
        parts
    };
    let in_quotes = quoted.flat_map(from_last).filter(telling).find_map(|word| of(&word));
    let in_quotes = in_quotes.or_else(|| strings.map(str::to_owned).find_map(|text| of(&text)));
    let keyword = |word: &String| {
        word.len() > 1 && telling(word) && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    };
    in_quotes
        .or_else(|| words(message).iter().filter(|word| keyword(word)).find_map(|word| of(word)))
        .or_else(|| {
            // `round() to finer steps`, `a join on ...`.
            let called = message.split("()").next().filter(|before| before.len() < message.len());
            let name = called.and_then(|before| words(before).pop());
            name.and_then(|name| of(&name))
                .or_else(|| if message.contains(" join") { of("JOIN") } else { None })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_words_in_the_message() {
        let sql = "SELECT BOOL_OR(age > 3)\n  FROM h.t LEFT JOIN u ON a = 'abc' WHERE round(x, 3) = 1";
        for (message, line, column) in [
            ("not built yet: the aggregate `bool_or(h.t.age > Int32(3))`", 1, 8),
            ("not built yet: LEFT JOIN across owners", 2, 12),
            ("`CAST(x AS Int64) > Int64(3)` fails on some declared values", 2, 49),
            ("`v.h.x` is TEXT and `Int64(3)` is a number", 2, 49),
            ("'abc' is not a value of type INTEGER", 2, 31),
            ("not built yet: round() to finer steps than the value has", 2, 43),
            ("not built yet: a join of up to 5 rows at one owner", 2, 17),
        ] {
            let at = found(Error::invalid(message), sql).position.map(|at| (at.line, at.column));
            assert_eq!(at, Some((line, column)), "{message}");
        }
        assert_eq!(found(Error::invalid("the plan is too large"), sql).position, None);
        assert_eq!(found(Error::internal("`age`"), sql).position, None);
    }
}
