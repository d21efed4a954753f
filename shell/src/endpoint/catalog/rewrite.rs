//! Forms of PostgreSQL that the engine does not know, in forms that it does.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the syntax tree has dozens of kinds; the rest falls under one rule"
)]

use core::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, Expr, Function, FunctionArguments, GroupByExpr, Ident, ObjectName, Query,
    Select, SelectItem, SetExpr, Statement, UnaryOperator, Value, VisitMut as _, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};

use super::nothing::prune;

/// The numbers of catalogs, as `'pg_class'::regclass` gives them.
const CATALOGS: [(&str, i64); 6] = [
    ("pg_class", 1259),
    ("pg_constraint", 2606),
    ("pg_database", 1262),
    ("pg_namespace", 2615),
    ("pg_proc", 1255),
    ("pg_type", 1247),
];

/// Aggregates: a subquery over one has one row already.
const AGGREGATES: [&str; 9] =
    ["array_agg", "avg", "bool_and", "bool_or", "count", "max", "min", "string_agg", "sum"];

/// The statement in the engine's forms.
///
/// # Errors
/// If it is not one query of PostgreSQL.
pub(super) fn rewrite(sql: &str) -> Result<String, ParserError> {
    // Everything here is of this schema.
    let plain = without(sql, "pg_catalog.");
    let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, &plain)?;
    let [Statement::Query(query)] = statements.as_mut_slice() else {
        return Err(ParserError::ParserError("only queries are answered".to_owned()));
    };
    prune(query);
    let _done: ControlFlow<()> = query.visit(&mut Forms);
    Ok(query.to_string())
}

/// Leaves a word out, in any case.
fn without(sql: &str, word: &str) -> String {
    let lower = sql.to_ascii_lowercase();
    let mut done = String::with_capacity(sql.len());
    let mut rest = 0;
    while let Some(found) = lower[rest..].find(word) {
        done.push_str(&sql[rest..rest + found]);
        rest += found + word.len();
    }
    done.push_str(&sql[rest..]);
    done
}

/// A constant expression of our own.
pub(super) fn constant(sql: &str) -> Expr {
    let parsed = Parser::new(&PostgreSqlDialect {}).try_with_sql(sql).and_then(|mut p| p.parse_expr());
    parsed.unwrap_or_else(|_| Expr::Value(Value::Null.into()))
}

/// FALSE.
pub(super) fn falsehood() -> Expr {
    Expr::Value(Value::Boolean(false).into())
}

struct Forms;

impl VisitorMut for Forms {
    type Break = ();

    /// Columns that have become NULL have names of their own: the engine confuses those that have none.
    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Select(select) = query.body.as_mut() {
            for (place, item) in select.projection.iter_mut().enumerate() {
                if let SelectItem::UnnamedExpr(Expr::Value(value)) = item
                    && value.value == Value::Null
                {
                    let alias = Ident::new(format!("nothing_{}", place + 1));
                    *item = SelectItem::ExprWithAlias { expr: constant("NULL"), alias };
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let truth = |truth: bool| Some(Expr::Value(Value::Boolean(truth).into()));
        let new = match expr {
            Expr::Subquery(query) => {
                let nothing = prune(query);
                if !nothing {
                    one_row(query);
                }
                nothing.then(|| constant("NULL"))
            }
            Expr::Exists { subquery, negated } | Expr::InSubquery { subquery, negated, .. } => {
                if prune(subquery) { truth(*negated) } else { None }
            }
            // Arrays: only of what nobody has.
            Expr::Function(Function { args: FunctionArguments::Subquery(_), .. }) => Some(constant("NULL")),
            _ => None,
        };
        if let Some(new) = new {
            *expr = new;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(new) = plain(expr) {
            *expr = new;
        }
        ControlFlow::Continue(())
    }
}

/// What an expression is in the engine's forms, if it is not one already.
fn plain(expr: &mut Expr) -> Option<Expr> {
    match expr {
        Expr::Cast { expr: inner, data_type, .. } if !is_known(data_type) => {
            Some(relation(inner, data_type).unwrap_or_else(|| (**inner).clone()))
        }
        Expr::Collate { expr, .. } => Some((**expr).clone()),
        // An element of an array, or a field of a row.
        Expr::CompoundFieldAccess { .. } => Some(constant("CAST(NULL AS VARCHAR)")),
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => among(left, right, false),
        Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } => among(left, right, true),
        Expr::BinaryOp { op: op @ BinaryOperator::PGCustomBinaryOperator(_), .. } => {
            let BinaryOperator::PGCustomBinaryOperator(parts) = &op else { return None };
            *op = match parts.last().map(String::as_str) {
                Some("~") => BinaryOperator::PGRegexMatch,
                Some("~*") => BinaryOperator::PGRegexIMatch,
                Some("!~") => BinaryOperator::PGRegexNotMatch,
                Some("!~*") => BinaryOperator::PGRegexNotIMatch,
                Some("=") => BinaryOperator::Eq,
                Some("<>") => BinaryOperator::NotEq,
                _ => return None,
            };
            None
        }
        Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
            if let Some(Value::SingleQuotedString(escape)) = escape_char.take().map(|value| value.value) {
                unescape(pattern, &escape);
            }
            None
        }
        Expr::Function(function) => {
            if let [_, name] = function.name.0.as_slice() {
                function.name = ObjectName(vec![name.clone()]);
            }
            None
        }
        _ => None,
    }
}

/// Whether the engine has a type.
fn is_known(data_type: &DataType) -> bool {
    !matches!(data_type, DataType::Custom(..) | DataType::Regclass | DataType::Array(_) | DataType::Char(_))
}

/// The number of a relation that is named: `'pg_class'::regclass`, `'party.table'::regclass`.
fn relation(named: &Expr, data_type: &DataType) -> Option<Expr> {
    let Expr::Value(value) = named else { return None };
    let Value::SingleQuotedString(text) = &value.value else { return None };
    let kind = data_type.to_string().to_lowercase();
    if text.parse::<i64>().is_ok() && (kind == "oid" || kind.starts_with("reg")) {
        return Some(constant(text));
    }
    // A function that is not there.
    if kind == "regproc" || kind == "regprocedure" {
        return Some(constant("-1"));
    }
    if kind != "regclass" {
        return None;
    }
    let text = text.replace('"', "");
    let (schema, table) = text.rsplit_once('.').map_or((None, text.as_str()), |(s, t)| (Some(s), t));
    if let Some((_, number)) = CATALOGS.iter().find(|(name, _)| *name == table) {
        return Some(constant(&number.to_string()));
    }
    let quoted = |text: &str| text.replace('\'', "''");
    let schema = schema.map(|schema| schema.rsplit('.').next().unwrap_or(schema));
    let within = schema.map_or_else(String::new, |schema| {
        let name = quoted(schema);
        format!(" AND relnamespace = (SELECT max(oid) FROM pg_namespace WHERE nspname = '{name}')")
    });
    Some(constant(&format!("(SELECT max(oid) FROM pg_class WHERE relname = '{}'{within})", quoted(table))))
}

/// `x = ANY (array)` and `x <> ALL (array)` as `[NOT] IN`, where the array is written out.
fn among(left: &Expr, right: &Expr, negated: bool) -> Option<Expr> {
    let expr = Box::new(left.clone());
    if let Expr::Subquery(subquery) = right {
        return Some(Expr::InSubquery { expr, subquery: subquery.clone(), negated });
    }
    let list = elements(right)?;
    if list.is_empty() {
        return Some(Expr::Value(Value::Boolean(negated).into()));
    }
    Some(Expr::InList { expr, list, negated })
}

fn elements(array: &Expr) -> Option<Vec<Expr>> {
    match array {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => elements(inner),
        Expr::Array(array) => Some(array.elem.clone()),
        Expr::Value(value) => match &value.value {
            Value::Null => Some(vec![constant("NULL")]),
            Value::SingleQuotedString(text) => {
                let inside = text.strip_prefix('{')?.strip_suffix('}')?;
                let text = |part: &str| {
                    let part = part.trim().trim_matches('"').to_owned();
                    Expr::Value(Value::SingleQuotedString(part).into())
                };
                Some(inside.split(',').filter(|part| !part.trim().is_empty()).map(text).collect())
            }
            _ => None,
        },
        Expr::Function(function) => {
            let name = function.name.0.last()?.as_ident()?;
            name.value.eq_ignore_ascii_case("current_schemas").then(|| vec![constant("current_schema()")])
        }
        _ => None,
    }
}

/// Writes a pattern with the engine's escape sign.
fn unescape(pattern: &mut Expr, escape: &str) {
    match pattern {
        Expr::Value(value) => {
            if let Value::SingleQuotedString(text) = &mut value.value
                && escape != "\\"
            {
                let sign = |c: char| match c {
                    '\\' => "\\\\".to_owned(),
                    c if escape.starts_with(c) => "\\".to_owned(),
                    c => c.to_string(),
                };
                *text = text.chars().map(sign).collect();
            }
        }
        Expr::BinaryOp { left, right, .. } => {
            unescape(left, escape);
            unescape(right, escape);
        }
        Expr::Nested(inner)
        | Expr::Cast { expr: inner, .. }
        | Expr::UnaryOp { op: UnaryOperator::Plus, expr: inner } => {
            unescape(inner, escape);
        }
        _ => {}
    }
}

/// A subquery that stands for a value has one row at most; the engine wants to be told.
fn one_row(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    let Select { projection, from, group_by, .. } = select.as_mut();
    let grouped = !matches!(group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty());
    let ([SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }], false, false) =
        (projection.as_mut_slice(), from.is_empty(), grouped)
    else {
        return;
    };
    let is_aggregate = |function: &Function| {
        let name = function.name.0.last().and_then(|part| part.as_ident());
        name.is_some_and(|name| AGGREGATES.contains(&name.value.to_lowercase().as_str()))
    };
    if matches!(expr, Expr::Function(function) if is_aggregate(function)) {
        return;
    }
    *expr = constant(&format!("max({expr})"));
    query.limit_clause = None;
    query.order_by = None;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_become_those_of_the_engine() {
        for (sql, expected) in [
            (
                "SELECT Pg_Catalog.f(x)::pg_catalog.regtype WHERE a OPERATOR(pg_catalog.~) 'é' COLLATE pg_catalog.default;",
                "SELECT f(x) WHERE a ~ 'é'",
            ),
            (
                "SELECT a, (SELECT f(d.x) FROM pg_attrdef d WHERE (d.y)), (SELECT max(b) FROM c) FROM pg_attribute",
                "SELECT a, NULL AS nothing_2, (SELECT max(b) FROM c) FROM pg_attribute",
            ),
            ("SELECT a FROM c WHERE k = ANY (ARRAY['r', 'v'])", "SELECT a FROM c WHERE k IN ('r', 'v')"),
            (
                "SELECT a FROM c WHERE k <> ALL ('{r,\"v\"}'::text[])",
                "SELECT a FROM c WHERE k NOT IN ('r', 'v')",
            ),
            ("SELECT a FROM c WHERE k = ANY('{}')", "SELECT a FROM c WHERE false"),
            (
                "SELECT a FROM c WHERE a LIKE 'x/_' || '%' ESCAPE '/'",
                "SELECT a FROM c WHERE a LIKE 'x\\_' || '%'",
            ),
            ("SELECT 'pg_catalog.pg_class'::regclass", "SELECT 1259"),
            ("SELECT '7'::regclass, 'f'::regproc, 'x'::name", "SELECT 7, -1, 'x'"),
            (
                "SELECT c.a, d.b FROM c LEFT JOIN pg_attrdef d ON c.x = d.x WHERE d.y IS NULL",
                "SELECT c.a, NULL AS nothing_2 FROM c WHERE NULL IS NULL",
            ),
            (
                "SELECT i.x AS a, c.b FROM c JOIN pg_index i ON true GROUP BY 1, 2 ORDER BY 1",
                "SELECT CAST(NULL AS VARCHAR) AS a, CAST(NULL AS VARCHAR) AS b WHERE false",
            ),
            ("SELECT a FROM c WHERE EXISTS (SELECT 1 FROM pg_inherits)", "SELECT a FROM c WHERE false"),
            (
                "SELECT a FROM t WHERE b = (SELECT c.d = 'x' FROM c WHERE c.e = t.f)",
                "SELECT a FROM t WHERE b = (SELECT max(c.d = 'x') FROM c WHERE c.e = t.f)",
            ),
        ] {
            assert_eq!(rewrite(sql).unwrap(), expected);
        }
        assert!(rewrite("DROP TABLE x").is_err());
        assert!(rewrite("SELECT (((").is_err());
    }
}
