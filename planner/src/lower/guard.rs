//! Columns that are there on some rows only: those of the optional side of an outer join.
//!
//! Such a column is written `CASE WHEN guard THEN column END`, where the guard holds where the optional side has a row:
//! the match bit of the join, and the other conditions of its ON. An expression over columns of one guard is computed on
//! the plain columns, at their owner if it can, and replaced by what it is for NULLs where the guard does not hold.
#![expect(clippy::wildcard_enum_match_arm, reason = "only two shapes of expressions are looked for")]

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, ScalarValue, TableReference};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::Case;

use super::failure;
use super::infer::Scope;
use super::secret::names_secret;
use crate::Result;

const MATCH: &str = "#match";

/// Whether the row has a partner in join `join`, as expressions name it.
pub(crate) fn matched(join: usize) -> Expr {
    Expr::Column(Column::new(Some(TableReference::bare(MATCH)), format!("{join}:matched")))
}

/// The join whose match a column is.
pub(crate) fn match_of(column: &Column) -> Option<usize> {
    let is_match = column.relation.as_ref().is_some_and(|relation| relation.table() == MATCH);
    if is_match { column.name.split(':').next()?.parse().ok() } else { None }
}

/// Whether an expression names a match.
pub(crate) fn names_match(expr: &Expr) -> bool {
    expr.column_refs().into_iter().any(|column| match_of(column).is_some())
}

/// Whether an expression names what no owner can compute alone: a match, or the value of a subquery.
pub(crate) fn names_shared(expr: &Expr) -> bool {
    names_match(expr) || names_secret(expr)
}

/// A column where the guard holds, else NULL.
pub(crate) fn guarded(guard: &Expr, column: Expr) -> Expr {
    let (guard, column) = match parts(&column) {
        // Optional inside optional: both must hold.
        Some((inner, column)) => (guard.clone().and(inner.clone()), column.clone()),
        None => (guard.clone(), column),
    };
    let when_then_expr = vec![(Box::new(guard), Box::new(column))];
    Expr::Case(Case { expr: None, when_then_expr, else_expr: None })
}

/// The guard and the column of a guarded column.
pub(crate) fn parts(expr: &Expr) -> Option<(&Expr, &Expr)> {
    match expr {
        Expr::Case(Case { expr: None, when_then_expr, else_expr: None }) => match when_then_expr.as_slice() {
            [(when, then)] if names_match(when) => Some((when, then)),
            _ => None,
        },
        _ => None,
    }
}

/// An expression over guarded columns, taken apart.
pub(crate) struct Unguarded {
    /// The guard of all its columns.
    pub(crate) guard: Expr,
    /// The expression over the plain columns: its value where the guard holds.
    pub(crate) plain: Expr,
    /// The expression over NULLs: its value elsewhere.
    pub(crate) nulls: Expr,
}

/// Takes an expression apart whose columns all have the same guard; `None` for any other.
pub(crate) fn unguarded(expr: &Expr, scope: &Scope) -> Result<Option<Unguarded>> {
    let mut guard: Option<Expr> = None;
    let mut several = false;
    let plain = rewritten(expr, &mut |when, then| {
        several |= guard.as_ref().is_some_and(|guard| guard != when);
        guard = Some(when.clone());
        Ok(then.clone())
    })?;
    let nulls = rewritten(expr, &mut |_, then| {
        let null = ScalarValue::try_from(&scope.data_type(then)?).map_err(|error| failure::engine(&error))?;
        Ok(Expr::Literal(null, None))
    })?;
    let only = !several && !names_match(&plain) && nulls.column_refs().is_empty();
    Ok(guard.filter(|_| only).map(|guard| Unguarded { guard, plain, nulls }))
}

/// The expression without guards, as people know it.
pub(crate) fn plain(expr: &Expr) -> Expr {
    rewritten(expr, &mut |_, then| Ok(plain(then))).unwrap_or_else(|_| expr.clone())
}

/// The expression with something else in place of every outermost guarded column.
fn rewritten(expr: &Expr, with: &mut dyn FnMut(&Expr, &Expr) -> Result<Expr>) -> Result<Expr> {
    let mut failed = None;
    let done = expr.clone().transform_down(|part| {
        let Some((when, then)) = parts(&part) else { return Ok(Transformed::no(part)) };
        match with(when, then) {
            Ok(other) => Ok(Transformed::new(other, true, TreeNodeRecursion::Jump)),
            Err(error) => {
                failed = Some(error);
                Ok(Transformed::new(part, false, TreeNodeRecursion::Stop))
            }
        }
    });
    match failed {
        Some(error) => Err(error),
        None => done.map(|done| done.data).map_err(|error| failure::engine(&error)),
    }
}
