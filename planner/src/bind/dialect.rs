//! The SQL that we read: what `DataFusion` reads by default, plus `TABLE t` as a table function's argument, less a fault of precedence.

use core::any::TypeId;

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, ObjectName, ObjectNamePart, Query, Select, SelectItem, SetExpr, TableFactor,
    TableWithJoins, WildcardAdditionalOptions,
};
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// Our dialect. Only what the binder understands is switched on: the parser drops nothing silently.
#[derive(Debug)]
pub(crate) struct ConjoinDialect;

impl Dialect for ConjoinDialect {
    fn dialect(&self) -> TypeId {
        TypeId::of::<GenericDialect>()
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '_' || ch == '$'
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"' || ch == '`'
    }

    fn supports_unicode_string_literal(&self) -> bool {
        true
    }

    fn supports_string_escape_constant(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_left_associative_joins_without_parens(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_window_clause_named_window_reference(&self) -> bool {
        true
    }

    fn supports_parens_around_table_factor(&self) -> bool {
        true
    }

    fn supports_values_as_table_factor(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_within_after_array_aggregation(&self) -> bool {
        true
    }

    fn supports_select_wildcard_except(&self) -> bool {
        true
    }

    fn supports_select_wildcard_exclude(&self) -> bool {
        true
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn allow_extract_single_quotes(&self) -> bool {
        true
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }

    fn supports_comma_separated_trim(&self) -> bool {
        true
    }

    /// `TABLE t` and `TABLE(t)` are `(SELECT * FROM t)`; `TABLE((query))` is the query.
    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        match &parser.peek_token_ref().token {
            Token::Word(word) if word.keyword == Keyword::TABLE && word.quote_style.is_none() => {}
            _ => return None,
        }
        let name_follows = matches!(parser.peek_nth_token_ref(1).token, Token::Word(_) | Token::LParen);
        name_follows.then(|| parse_table(parser))
    }

    /// `IS [NOT] DISTINCT FROM` binds as the other tests with IS do. The parser itself lets it take all that follows:
    /// `a IS DISTINCT FROM b AND c` would be `a IS DISTINCT FROM (b AND c)`.
    fn parse_infix(
        &self,
        parser: &mut Parser<'_>,
        left: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        let plain = [Keyword::IS, Keyword::DISTINCT, Keyword::FROM];
        let negated = [Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM];
        let build = if parser.parse_keywords(&plain) {
            Expr::IsDistinctFrom
        } else if parser.parse_keywords(&negated) {
            Expr::IsNotDistinctFrom
        } else {
            return None;
        };
        let right = parser.parse_subexpr(precedence);
        Some(right.map(|right| build(Box::new(left.clone()), Box::new(right))))
    }
}

fn parse_table(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    parser.next_token();
    if !parser.consume_token(&Token::LParen) {
        return Ok(Expr::Subquery(Box::new(select_all(parser.parse_object_name(false)?))));
    }
    let inner = match &parser.peek_token_ref().token {
        Token::LParen => {
            parser.next_token();
            let query = parser.parse_query()?;
            parser.expect_token(&Token::RParen)?;
            query
        }
        Token::Word(word) if matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::VALUES) => {
            parser.parse_query()?
        }
        _ => Box::new(select_all(parser.parse_object_name(false)?)),
    };
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Subquery(inner))
}

/// `SELECT * FROM name`.
pub(crate) fn select_all(name: ObjectName) -> Query {
    let factor = TableFactor::Table {
        name,
        alias: None,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    };
    let from = vec![TableWithJoins { relation: factor, joins: Vec::new() }];
    let select = Select {
        projection: vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())],
        from,
        ..empty_select()
    };
    Query {
        with: None,
        body: Box::new(SetExpr::Select(Box::new(select))),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

fn empty_select() -> Select {
    use datafusion::sql::sqlparser::ast::SelectFlavor;
    use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
    Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: Vec::new(),
        exclude: None,
        into: None,
        from: Vec::new(),
        lateral_views: Vec::new(),
        prewhere: None,
        selection: None,
        connect_by: Vec::new(),
        group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    }
}

/// The parts of a name, if all of them are plain identifiers.
pub(crate) fn identifiers(name: &ObjectName) -> Option<Vec<Ident>> {
    let part = |part: &ObjectNamePart| part.as_ident().cloned();
    name.0.iter().map(part).collect()
}
