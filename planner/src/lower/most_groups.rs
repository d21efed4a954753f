//! How many groups open keys can make.
//!
//! A key that is made of one table's columns has no more values than that table has rows, however many rows of others are
//! beside each; nor more than its declared domain has.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::logical_expr::{Aggregate, Expr};

use super::facts::Facts;
use super::infer::infer;
use super::rows::{Branch, Presence, leaves_of};
use super::rowset::RowSet;
use crate::Result;

/// The most groups of an aggregate over these rows: those of each branch.
pub(super) fn most_groups(aggregate: &Aggregate, rows: &RowSet<'_>) -> Result<usize> {
    let schema = aggregate.input.schema();
    let mut keys = Vec::new();
    for key in &aggregate.group_expr {
        keys.push(rows.expressions(key, schema)?);
    }
    let mut groups = 0_usize;
    for (index, branch) in rows.branches().iter().enumerate() {
        let own: Vec<&Expr> = keys.iter().filter_map(|exprs| exprs.get(index)).collect();
        groups = groups.saturating_add(of_branch(branch, &own)?.min(rows.rows_of(index).len()));
    }
    Ok(groups)
}

/// The product over the sets of leaves that keys are made of.
fn of_branch(branch: &Branch, keys: &[&Expr]) -> Result<usize> {
    let scope = branch.scope()?;
    let mut values: BTreeMap<BTreeSet<usize>, usize> = BTreeMap::new();
    for key in keys {
        let most = values.entry(leaves_of(key)).or_insert(1);
        *most = most.saturating_mul(domain(&infer(key, &scope)?));
    }
    let of_leaf = |leaf: &usize| {
        let rows = branch.leaves.get(*leaf).map_or(u64::MAX, |leaf| leaf.bound);
        // Where the leaf has no part its columns are NULL.
        let missing = u64::from(branch.presence.get(*leaf) != Some(&Presence::Always));
        usize::try_from(rows.saturating_add(missing)).unwrap_or(usize::MAX)
    };
    let of_set = |(leaves, domain): (&BTreeSet<usize>, &usize)| {
        let rows = leaves.iter().map(of_leaf).fold(1, usize::saturating_mul);
        rows.min(*domain)
    };
    Ok(values.iter().map(of_set).fold(1, usize::saturating_mul))
}

/// How many values an expression has at most, NULL included.
fn domain(facts: &Facts) -> usize {
    let closed = facts.closed.as_ref().map(Vec::len);
    let within = facts.range.map(|range| {
        usize::try_from(range.hi.saturating_sub(range.lo).saturating_add(1)).unwrap_or(usize::MAX)
    });
    closed.or(within).unwrap_or(usize::MAX).saturating_add(usize::from(facts.nullable))
}
