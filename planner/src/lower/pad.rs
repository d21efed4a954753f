//! Derived tables in joins across owners.
//!
//! A side that is no whole declared table takes part with all identifiers of its declared table, so that a matcher never
//! sees which of them passed the filters underneath: the table's distinct identifiers, left joined with the derived rows.
//! A row counts where a derived one was found. Other derived rows are joined obliviously, as they are.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, ScalarValue, TableReference};
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, TableScanBuilder, TableSource, col, lit,
};

use super::facts::Facts;
use super::failure;
use super::leaf::{Leaf, Origin, declared};
use super::rows::{Branch, KeySide, key_columns, renamed, symbol};
use crate::Result;
use crate::catalog::{Federation, Use};

/// Pads a side of a join, unless it is a whole table. Returns the condition that a row of it must meet.
///
/// Derived rows of which several may have the same identifier, or whose identifier is no declared column, are left as they
/// are: their hashes may be compared inside only, where nobody learns how many there are.
pub(super) fn pad(branch: &mut Branch, side: &KeySide, federation: &Federation) -> Result<Option<Expr>> {
    let leaf = branch.leaves.get(side.leaf).ok_or_else(|| failure::internal("a join of no leaf"))?;
    if leaf.whole.is_some() {
        return Ok(None);
    }
    let Some(key) = key_columns(side, leaf).filter(|key| leaf.rows_per_key(key) == 1) else {
        return Ok(None);
    };
    let Some((plan, bound)) = padded(leaf, &key, federation)? else { return Ok(None) };
    let marker = leaf.scope.facts.len();
    let mut leaf = leaf.clone();
    for facts in &mut leaf.scope.facts {
        facts.nullable = true;
    }
    leaf.scope.facts.push(Facts::truth(true));
    leaf.scope.schema = plan.schema().as_ref().clone();
    leaf.plan = plan;
    leaf.bound = bound;
    leaf.names.push("matched".into());
    leaf.origins.push(None);
    leaf.branched.push(false);
    leaf.keys = vec![(key, 1)];
    leaf.whole = Some(1);
    if let Some(place) = branch.leaves.get_mut(side.leaf) {
        *place = leaf;
    }
    Ok(Some(Expr::IsNotNull(Box::new(symbol(side.leaf, marker, "matched")))))
}

/// The plan of [`pad`] and its bound, if the key is made of declared columns of one table. Columns `c0`, `c1`, ... and
/// `matched`.
fn padded(leaf: &Leaf, key: &BTreeSet<usize>, federation: &Federation) -> Result<Option<(LogicalPlan, u64)>> {
    let engine = |error| failure::engine(&error);
    let origins: Option<Vec<_>> =
        key.iter().map(|&column| leaf.origins.get(column).copied().flatten()).collect();
    let Some(origins) = origins else { return Ok(None) };
    let index = origins.first().map(|origin| origin.table).unwrap_or_default();
    if origins.iter().any(|origin| origin.table != index) {
        return Ok(None);
    }
    let party = federation.parties.get(leaf.owner.0).ok_or_else(|| failure::internal("an unknown owner"))?;
    let table = party.tables.get(index).ok_or_else(|| failure::internal("an unknown table"))?;
    let joins = |origin: &Origin| {
        let allow = table.columns.get(origin.column).map(|column| &column.allow);
        allow.is_some_and(|allow| allow.contains(&Use::Join) || allow.contains(&Use::Public))
    };
    if !origins.iter().all(joins) {
        return Ok(None);
    }
    let source = source_of(&leaf.plan, leaf, index, federation)?;
    let name = TableReference::partial(party.name.clone(), table.name.clone());
    let columns = origins.iter().map(|origin| origin.column).collect();
    let scan = TableScanBuilder::new(name, source).with_projection(Some(columns)).build().map_err(engine)?;
    let scan = LogicalPlan::TableScan(scan);
    let names = scan.schema().columns().into_iter().enumerate();
    let keys: Vec<Expr> =
        names.map(|(part, column)| Expr::Column(column).alias(format!("k{part}"))).collect();
    let all = LogicalPlanBuilder::from(scan)
        .project(keys)
        .and_then(LogicalPlanBuilder::distinct)
        .map_err(engine)?;
    let derived = renamed(leaf, "d")?;
    let mut columns: Vec<Expr> = derived.schema().columns().into_iter().map(Expr::Column).collect();
    columns.push(lit(ScalarValue::Boolean(Some(true))).alias("matched"));
    let derived = LogicalPlanBuilder::from(derived).project(columns).and_then(LogicalPlanBuilder::build);
    let on_left: Vec<Expr> = (0..key.len()).map(|part| col(format!("k{part}"))).collect();
    let on_right: Vec<Expr> = key.iter().map(|column| col(format!("d{column}"))).collect();
    let mut outputs: Vec<Expr> = (0..leaf.scope.facts.len())
        .map(|column| {
            let part = key.iter().position(|&part| part == column);
            part.map_or_else(|| col(format!("d{column}")), |part| col(format!("k{part}")))
                .alias(format!("c{column}"))
        })
        .collect();
    outputs.push(col("matched"));
    // Rows are distinct already; saying so keeps one row per identifier in sight of every later check.
    let plan = all
        .join_with_expr_keys(derived.map_err(engine)?, JoinType::Left, (on_left, on_right), None)
        .and_then(|plan| plan.project(outputs))
        .and_then(LogicalPlanBuilder::distinct)
        .and_then(LogicalPlanBuilder::build)
        .map_err(engine)?;
    Ok(Some((plan, table.max_rows)))
}

/// The table source of a declared table that a plan scans.
fn source_of(
    plan: &LogicalPlan,
    leaf: &Leaf,
    table: usize,
    federation: &Federation,
) -> Result<Arc<dyn TableSource>> {
    let mut found = None;
    plan.apply(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Ok((owner, index, _)) = declared(scan, federation)
            && owner == leaf.owner
            && index == table
        {
            found = Some(Arc::clone(&scan.source));
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map_err(|error| failure::engine(&error))?;
    found.ok_or_else(|| failure::internal("a derived table without its declared table"))
}
