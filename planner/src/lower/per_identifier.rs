//! Aggregates per identifier over rows of several owners, inside a query over rows: derived tables that are joined further.
//!
//! `(SELECT h.id, SUM(c.days) AS s FROM h JOIN c ON HASHED(h.id) = HASHED(c.id) GROUP BY h.id)` has one row a group where the
//! joins leave one row for each identifier: its aggregates are then computed row by row, and the rows joined on as they are.
//! A table with several rows per identifier is summed first, at its owner ([`eager`](super::eager)), or grouped there by the
//! identifier and more of its columns ([`grouped_at_owner`](super::grouped_at_owner)).
#![expect(clippy::wildcard_enum_match_arm, reason = "only plain columns and some aggregates are looked for")]

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Aggregate, Expr, cast, lit};

use super::eager::{OfSums, eager};
use super::failure;
use super::grouped_at_owner::grouped_at_owner;
use super::rows::{Branch, Link, Relation, normalise, place};
use super::tree::{Tree, tree};
use crate::catalog::Federation;
use crate::{Error, Result};

/// The rows of an aggregate whose groups have one row each.
///
/// # Errors
/// Invalid ("not built") where a group may have several rows, or for aggregates that one row does not say.
pub(super) fn per_identifier(aggregate: &Aggregate, federation: &Federation) -> Result<Relation> {
    let relation = normalise(&aggregate.input, federation)?.settled();
    if let Some(rows) = row_by_row(aggregate, &relation, federation)? {
        return Ok(rows);
    }
    if let Some(summed) = eager(aggregate, &relation, federation)?
        && summed.sums.iter().all(|made_of| matches!(made_of, OfSums::Sum))
        && let Some(rows) = row_by_row(&summed.aggregate, &summed.relation, federation)?
    {
        return Ok(rows);
    }
    if let Some(rows) = grouped_at_owner(aggregate, &relation, federation)? {
        return Ok(rows);
    }
    Err(Error {
        hint: Some(
            "group by the identifier of the join, and aggregate a table with several rows per identifier before it is joined: \
             JOIN (SELECT id, SUM(x) AS x FROM t GROUP BY id)"
                .into(),
        ),
        ..failure::not_built("GROUP BY over several owners' rows inside a query, of which a group may have several rows")
    })
}

/// The aggregate computed on each row, if every group has one.
fn row_by_row(
    aggregate: &Aggregate,
    relation: &Relation,
    federation: &Federation,
) -> Result<Option<Relation>> {
    let [branch] = relation.branches.as_slice() else { return Ok(None) };
    let Ok(tree) = tree(branch, federation) else { return Ok(None) };
    let schema = aggregate.input.schema();
    let mut columns = Vec::new();
    for key in &aggregate.group_expr {
        if matches!(key, Expr::GroupingSet(_)) {
            return Ok(None);
        }
        columns.push(branch.substitute(key, schema)?);
    }
    if branch.once.is_some() || !has_one_row(branch, &tree, &columns) {
        return Ok(None);
    }
    let keys = columns.len();
    for (index, measure) in aggregate.aggr_expr.iter().enumerate() {
        let Expr::AggregateFunction(function) = measure.clone().unalias() else { return Ok(None) };
        let params = &function.params;
        let ([argument], true) = (params.args.as_slice(), params.order_by.is_empty()) else {
            return Ok(None);
        };
        let argument = branch.substitute(argument, schema)?;
        let filter = params.filter.as_ref().map(|filter| branch.substitute(filter, schema)).transpose()?;
        let data_type = aggregate.schema.field(keys + index).data_type();
        let Some(value) = of_one_row(function.func.name(), argument, filter, data_type) else {
            return Ok(None);
        };
        columns.push(value);
    }
    Ok(Some(vec![Branch { columns, ..branch.clone() }].into()))
}

/// Whether no two rows that count are equal in these expressions, NULL equal to NULL.
fn has_one_row(branch: &Branch, tree: &Tree, keys: &[Expr]) -> bool {
    let Some(root) = branch.leaves.get(tree.root) else { return false };
    let of_root = |expr: &Expr| match expr {
        Expr::Column(column) => {
            place(column).filter(|(leaf, _)| *leaf == tree.root).map(|(_, column)| column)
        }
        _ => None,
    };
    let required = || branch.joins.iter().filter(|join| join.link == Link::Required);
    let sides = || required().flat_map(|join| [(&join.left, &join.right), (&join.right, &join.left)]);
    let mut fixed: BTreeSet<usize> = keys.iter().filter_map(of_root).collect();
    for (here, there) in sides() {
        let equal = here.parts.iter().zip(&there.parts).filter(|(part, _)| keys.contains(part));
        fixed.extend(equal.filter_map(|(_, other)| of_root(other)));
    }
    // A row without an identifier has no partner, so that only one that is joined on, or never NULL, tells rows apart.
    let joined: BTreeSet<usize> = sides().flat_map(|(here, _)| &here.parts).filter_map(of_root).collect();
    let known = |column: &usize| {
        joined.contains(column) || root.scope.facts.get(*column).is_some_and(|facts| !facts.nullable)
    };
    root.keys.iter().any(|(key, rows)| *rows == 1 && key.is_subset(&fixed) && key.iter().all(known))
}

/// What an aggregate gives of one row; `None` for those that say something of several.
pub(super) fn of_one_row(
    function: &str,
    argument: Expr,
    filter: Option<Expr>,
    data_type: &DataType,
) -> Option<Expr> {
    let only_where = |when: Expr, then: Expr, otherwise: Option<Expr>| {
        let when_then_expr = vec![(Box::new(when), Box::new(then))];
        Expr::Case(Case { expr: None, when_then_expr, else_expr: otherwise.map(Box::new) })
    };
    let value = match function.to_ascii_lowercase().as_str() {
        "count" => {
            let known = match argument {
                Expr::Literal(value, _) if !value.is_null() => None,
                other => Some(other.is_not_null()),
            };
            return Some(match known.into_iter().chain(filter).reduce(Expr::and) {
                None => lit(1_i64),
                Some(counts) => only_where(counts, lit(1_i64), Some(lit(0_i64))),
            });
        }
        "sum" | "avg" | "mean" | "min" | "max" | "median" | "bool_and" | "bool_or" | "first_value"
        | "last_value" => cast(argument, data_type.clone()),
        _ => return None,
    };
    Some(match filter {
        None => value,
        Some(filter) => only_where(filter, value, None),
    })
}
