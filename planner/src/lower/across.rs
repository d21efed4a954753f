//! Inner joins of two owners' rows on identifiers.
#![expect(clippy::wildcard_enum_match_arm, reason = "only two shapes of expressions are keys")]

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::{JoinType, ScalarValue, TableReference};
use datafusion::logical_expr::{
    Expr, Join, LogicalPlan, LogicalPlanBuilder, Operator, TableScanBuilder, binary_expr, col, lit,
};

use super::facts::Facts;
use super::failure;
use super::leaf::{Leaf, declared};
use super::rows::{Branch, KeyJoin, KeySide, key_columns, leaves_of, place, renamed, replace, symbol};
use crate::Result;
use crate::catalog::{Federation, Use};
use crate::function::hashed::HASHED;

/// Puts the leaves of both branches into one, joined on the identifiers of an inner join's condition.
///
/// # Errors
/// Invalid ("not built") for a condition without an identifier of two owners; internal for our bugs.
pub(crate) fn join(left: Branch, right: Branch, join: &Join, federation: &Federation) -> Result<Branch> {
    let mut branch = left;
    let shift = branch.leaves.len();
    let moved = |expr: &Expr| {
        replace(expr, &|column| {
            let (leaf, index) = place(column)?;
            let (_, name) = column.name.split_once(':')?;
            Some(symbol(leaf + shift, index, name))
        })
    };
    let right_columns = right.columns.iter().map(moved).collect::<Result<Vec<_>>>()?;
    for filter in &right.filters {
        branch.filters.push(moved(filter)?);
    }
    for joined in right.joins {
        let side = |side: KeySide| -> Result<KeySide> {
            Ok(KeySide {
                leaf: side.leaf + shift,
                parts: side.parts.iter().map(moved).collect::<Result<_>>()?,
            })
        };
        branch.joins.push(KeyJoin { left: side(joined.left)?, right: side(joined.right)?, ..joined });
    }
    branch.leaves.extend(right.leaves);
    let mut pairs = Vec::new();
    for (l, r) in &join.on {
        let l = branch.substitute(l, join.left.schema())?;
        let r = replace(r, &|column| {
            let index = join.right.schema().index_of_column(column).ok()?;
            right_columns.get(index).cloned()
        })?;
        pairs.push((l, r));
    }
    branch.columns.extend(right_columns);
    let (key, rest) = identifiers(&branch, pairs, federation)?;
    for side in [&key.left, &key.right] {
        pad(&mut branch, side, federation)?;
    }
    branch.joins.push(key);
    for (l, r) in rest {
        branch.filters.push(binary_expr(l, Operator::Eq, r));
    }
    Ok(branch)
}

/// Equal expressions.
type Pair = (Expr, Expr);

/// Chooses the identifier of a join; the other equalities are left as conditions.
fn identifiers(branch: &Branch, pairs: Vec<Pair>, federation: &Federation) -> Result<(KeyJoin, Vec<Pair>)> {
    let of_two = |l: &Expr, r: &Expr| {
        let (a, b) = (leaves_of(l), leaves_of(r));
        let (Some(&a), Some(&b), 1, 1) = (a.first(), b.first(), a.len(), b.len()) else { return None };
        let (x, y) = (branch.leaves.get(a)?, branch.leaves.get(b)?);
        (x.owner != y.owner).then_some((a, b))
    };
    let mut key: Option<KeyJoin> = None;
    let mut rest = Vec::new();
    for (l, r) in pairs {
        let hashed = (parts(&l), parts(&r));
        match (of_two(&l, &r), hashed, &mut key) {
            (Some((a, b)), (Some(x), Some(y)), None) => {
                if x.len() != y.len() {
                    return Err(failure::invalid("HASHED has as many parts on both sides of an equality"));
                }
                let (left, right) = (KeySide { leaf: a, parts: x }, KeySide { leaf: b, parts: y });
                key = Some(KeyJoin { left, right, normalised: true });
            }
            (_, (Some(_), _) | (_, Some(_)), _) => {
                return Err(failure::not_built(
                    "several HASHED conditions in one join, or HASHED of one owner's rows",
                ));
            }
            _ => rest.push((l, r)),
        }
    }
    if let Some(key) = key {
        return Ok((key, rest));
    }
    let mut others = Vec::new();
    for (l, r) in rest {
        let Some((a, b)) =
            of_two(&l, &r).filter(|_| may_join(branch, &l, federation) && may_join(branch, &r, federation))
        else {
            others.push((l, r));
            continue;
        };
        match &mut key {
            None => {
                let (left, right) =
                    (KeySide { leaf: a, parts: vec![l] }, KeySide { leaf: b, parts: vec![r] });
                key = Some(KeyJoin { left, right, normalised: false });
            }
            Some(key) if key.left.leaf == a && key.right.leaf == b => {
                key.left.parts.push(l);
                key.right.parts.push(r);
            }
            Some(_) => others.push((l, r)),
        }
    }
    let what = "a join across owners without an equality of identifiers (HASHED(a) = HASHED(b), or columns that allow `join`)";
    key.map(|key| (key, others)).ok_or_else(|| failure::not_built(what))
}

/// The arguments of HASHED.
fn parts(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::ScalarFunction(function) if function.name().eq_ignore_ascii_case(HASHED) => {
            Some(function.args.clone())
        }
        _ => None,
    }
}

/// Whether an expression is a column that allows `join`.
fn may_join(branch: &Branch, expr: &Expr, federation: &Federation) -> bool {
    let inner = match expr {
        Expr::Cast(cast) => cast.expr.as_ref(),
        other => other,
    };
    let Expr::Column(column) = inner else { return false };
    let allowed = || {
        let (leaf, index) = place(column)?;
        let leaf = branch.leaves.get(leaf)?;
        let origin = leaf.origins.get(index).copied()??;
        let table = federation.parties.get(leaf.owner.0)?.tables.get(origin.table)?;
        let allow = &table.columns.get(origin.column)?.allow;
        Some(allow.contains(&Use::Join) || allow.contains(&Use::Public))
    };
    allowed().unwrap_or(false)
}

/// Makes a derived side take part with all identifiers of its declared table, so that a matcher never sees which
/// of them passed the filters underneath: the table's distinct identifiers, left joined with the derived rows. A row
/// counts where a derived one was found.
fn pad(branch: &mut Branch, side: &KeySide, federation: &Federation) -> Result<()> {
    let leaf = branch.leaves.get(side.leaf).ok_or_else(|| failure::internal("a join of no leaf"))?;
    if leaf.whole.is_some() {
        return Ok(());
    }
    let derived =
        || failure::not_built("a join across owners of a derived table that has several rows per identifier");
    let key = key_columns(side, leaf).ok_or_else(|| {
        failure::not_built("a join across owners of a derived table on an expression that is no column of it")
    })?;
    if leaf.rows_per_key(&key) != 1 {
        return Err(derived());
    }
    let (plan, bound) = padded(leaf, &key, federation)?;
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
    leaf.conditional.push(false);
    leaf.keys = vec![(key, 1)];
    leaf.whole = Some(1);
    let matched = symbol(side.leaf, marker, "matched");
    if let Some(place) = branch.leaves.get_mut(side.leaf) {
        *place = leaf;
    }
    branch.filters.push(Expr::IsNotNull(Box::new(matched)));
    Ok(())
}

/// The plan of [`pad`] and its bound. Columns `c0`, `c1`, ... and `matched`.
fn padded(leaf: &Leaf, key: &BTreeSet<usize>, federation: &Federation) -> Result<(LogicalPlan, u64)> {
    let engine = |error| failure::engine(&error);
    let origins: Option<Vec<_>> =
        key.iter().map(|&column| leaf.origins.get(column).copied().flatten()).collect();
    let origins = origins.ok_or_else(|| {
        failure::not_built("a join across owners of a derived table on something else than a declared column")
    })?;
    let index = origins.first().map(|origin| origin.table).unwrap_or_default();
    if origins.iter().any(|origin| origin.table != index) {
        return Err(failure::not_built("an identifier with parts of several tables"));
    }
    let party = federation.parties.get(leaf.owner.0).ok_or_else(|| failure::internal("an unknown owner"))?;
    let table = party.tables.get(index).ok_or_else(|| failure::internal("an unknown table"))?;
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
    Ok((plan, table.max_rows))
}

/// The table source of a declared table that a plan scans.
fn source_of(
    plan: &LogicalPlan,
    leaf: &Leaf,
    table: usize,
    federation: &Federation,
) -> Result<Arc<dyn datafusion::logical_expr::TableSource>> {
    use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
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
