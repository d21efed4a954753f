//! Rows that one owner picks of its own, in a derived table: by LIMIT, and by the numbers that `ROW_NUMBER()` gives them.
//!
//! Which rows are picked is decided by comparing them, as WHERE compares them with a constant: every row that is left is a
//! row of its own person, and the persons behind a number are counted in the rows that are left.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "only comparisons of a column with a constant are looked for"
)]

use std::collections::BTreeSet;

use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, FetchType, Limit, Operator, SkipType};

use super::failure;
use super::infer::infer;
use super::leaf::{Leaf, Persons, plain_column};
use super::scale::encode;
use crate::Result;

/// The rows of a LIMIT.
///
/// # Errors
/// Invalid ("not built") for a LIMIT that is no number.
pub(super) fn limit(leaf: Leaf, limit: &Limit) -> Result<Leaf> {
    let number = || failure::not_built("a LIMIT or OFFSET that is no constant inside a query over rows");
    let engine = |error| failure::engine(&error);
    let SkipType::Literal(skip) = limit.get_skip_type().map_err(engine)? else { return Err(number()) };
    let FetchType::Literal(most) = limit.get_fetch_type().map_err(engine)? else { return Err(number()) };
    let left = leaf.bound.saturating_sub(skip as u64);
    Ok(first(leaf, most.map_or(left, |most| left.min(most as u64))))
}

/// At most so many rows of a leaf.
pub(super) fn first(mut leaf: Leaf, most: u64) -> Leaf {
    leaf.bound = leaf.bound.min(most.max(1));
    leaf.whole = None;
    leaf
}

/// The rows that meet a condition.
///
/// # Errors
/// As [`infer`].
pub(super) fn filter(mut leaf: Leaf, predicate: &Expr) -> Result<Leaf> {
    infer(predicate, &leaf.scope)?;
    leaf.whole = None;
    let parts = split_conjunction(predicate).into_iter();
    let found: Vec<(usize, u64)> = parts.filter_map(|part| few(part, &leaf)).collect();
    for (column, values) in found {
        let fewer = leaf.keys.iter().filter(|(key, _)| key.contains(&column)).map(|(key, rows)| {
            let key: BTreeSet<usize> = key.iter().copied().filter(|other| *other != column).collect();
            (key, rows.saturating_mul(values))
        });
        let fewer: Vec<_> = fewer.collect();
        if let (Persons::Column { column: person, max_rows }, None) =
            (&mut leaf.persons, leaf.origins.get(column).copied().flatten())
            && let Some((_, rows)) = fewer.iter().find(|(key, _)| key.iter().eq([&*person]))
        {
            *max_rows = (*max_rows).min((*rows).max(1));
        }
        leaf.keys.extend(fewer);
    }
    let all = leaf.rows_per_key(&BTreeSet::new());
    leaf.bound = leaf.bound.min(all.max(1));
    Ok(leaf)
}

/// Whether a condition leaves fewer rows of a leaf with equal values of some columns than there were.
pub(super) fn tells(leaf: &Leaf, predicate: &Expr) -> bool {
    let column = few(predicate, leaf).map(|(column, _)| column);
    column.is_some_and(|column| leaf.keys.iter().any(|(key, _)| key.contains(&column)))
}

/// A column, and how many of its values meet a condition: few integers, by comparison with constants.
fn few(condition: &Expr, leaf: &Leaf) -> Option<(usize, u64)> {
    let constant = |expr: &Expr| match expr {
        Expr::Literal(value, _) => encode(value, crate::plan::Scale::Unit),
        _ => None,
    };
    let range_of = |column: usize| {
        let facts = leaf.scope.facts.get(column)?;
        facts.range.filter(|_| facts.data_type.is_integer())
    };
    match condition {
        Expr::BinaryExpr(binary) => {
            let (column, limit) = (plain_column(&binary.left, &leaf.scope)?, constant(&binary.right)?);
            let range = range_of(column)?;
            let values = match binary.op {
                Operator::Eq => 1,
                Operator::LtEq => limit.checked_sub(range.lo)?.checked_add(1)?,
                Operator::Lt => limit.checked_sub(range.lo)?,
                Operator::GtEq => range.hi.checked_sub(limit)?.checked_add(1)?,
                Operator::Gt => range.hi.checked_sub(limit)?,
                _ => return None,
            };
            Some((column, u64::try_from(values.max(1)).ok()?))
        }
        Expr::Between(between) if !between.negated => {
            let column = plain_column(&between.expr, &leaf.scope)?;
            range_of(column)?;
            let values = constant(&between.high)?.checked_sub(constant(&between.low)?)?.checked_add(1)?;
            Some((column, u64::try_from(values.max(1)).ok()?))
        }
        Expr::InList(list) if !list.negated && list.list.iter().all(|value| constant(value).is_some()) => {
            let column = plain_column(&list.expr, &leaf.scope)?;
            range_of(column)?;
            Some((column, list.list.len().max(1) as u64))
        }
        _ => None,
    }
}
