//! Joins across owners of all types, as branches.
//!
//! | join | branches |
//! |---|---|
//! | inner | one for each pair of branches of the two sides; of several rows with several, one for each part (`slots`) |
//! | inner, of two tables of one owner | one, joined at the owner (`beside`) |
//! | left, one row of the right side per identifier | that join with the right side optional |
//! | left, else | the inner join, and the rows of the left side without a partner, beside NULLs |
//! | right | left, the other way round |
//! | full | left, and the rows of the right side without a partner |
//! | semi | the inner join with the right side's distinct identifiers, or the left side where it has a partner in a part of the right side (`slots`) |
//! | anti | the left side, but for the rows with a partner; of NOT IN none where the right side has a NULL |
//! | mark (EXISTS under OR) | the left side, with the match as a column |
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest may be NULL"
)]

use std::ops::Range;

use datafusion::common::{DFSchema, JoinType, NullEquality, ScalarValue};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Distinct, Expr, ExprSchemable, Join, LogicalPlan, lit};

use super::across::{On, Pair, pair};
use super::beside::{found_at_owner, join_at_owner, left_at_owner};
use super::guard::{guarded, matched};
use super::leaf::name;
use super::reduce::reduce;
use super::rows::{
    Branch, KeyJoin, KeySide, Link, Presence, Relation, known_rows, normalise, place, replace, symbol,
};
use super::slots::{one_each, slots};
use super::tree::{other_side, rows_per_key, side_of};
use super::{failure, lookup};
use crate::Result;
use crate::catalog::Federation;
use crate::function::hashed::HASHED;

/// The rows of a join of several owners' tables.
///
/// # Errors
/// Invalid ("not built") for what the table above does not reach; refused for several rows per identifier on both sides.
pub(super) fn join(join: &Join, federation: &Federation) -> Result<Relation> {
    if join.null_equality != NullEquality::NullEqualsNothing && !is_known_on_a_side(join) {
        return Err(null_equals_null(join));
    }
    let gated = lookup::gated(join, federation)?;
    let left = normalise(&join.left, federation)?.settled().branches;
    let right = normalise(gated.as_ref().unwrap_or(&join.right), federation);
    let right = right.map_err(|error| lookup::unmade(join, error))?.settled().branches;
    let on = On::of(join)?;
    let sides = Sides { on: &on, federation };
    let flipped = on.flipped();
    let mirrored = Sides { on: &flipped, federation };
    let mut once = Vec::new();
    let mut branches = match join.join_type {
        JoinType::Inner => sides.inner(&left, &right)?,
        JoinType::Left => sides.left(&left, &right)?,
        JoinType::Right => back(mirrored.left(&right, &left)?, &on),
        JoinType::Full => {
            let mut all = sides.left(&left, &right)?;
            all.extend(back(mirrored.missing(&right, &left)?, &on));
            all
        }
        JoinType::LeftSemi => sides.semi(&left, &right, &mut once)?,
        JoinType::RightSemi => mirrored.semi(&right, &left, &mut once)?,
        JoinType::LeftAnti if join.null_aware => sides.not_in(&left, &right, join)?,
        JoinType::LeftAnti => sides.anti(&left, &right)?,
        JoinType::RightAnti => mirrored.anti(&right, &left)?,
        JoinType::LeftMark => sides.mark(&left, &right)?,
        JoinType::RightMark => mirrored.mark(&right, &left)?,
    };
    for branch in &mut branches {
        lookup::is_there(gated.as_ref(), join, branch, federation)?;
    }
    if branches.is_empty() {
        return Err(failure::internal(format!("{} of nothing", name(&join.left))));
    }
    Ok(Relation { branches, once })
}

/// Why a join in which NULL equals NULL is not built: INTERSECT and EXCEPT, where NULL may be in both.
fn null_equals_null(join: &Join) -> crate::Error {
    let name = match join.join_type {
        JoinType::LeftSemi => "INTERSECT",
        JoinType::LeftAnti => "EXCEPT",
        _ => return failure::not_built("a join on IS NOT DISTINCT FROM"),
    };
    let mut error = failure::not_built(format!("{name} across owners over columns that may be NULL in both"));
    error.hint = Some(format!(
        "leave NULLs out of one: SELECT id FROM a WHERE id IS NOT NULL {name} SELECT id FROM b"
    ));
    error
}

/// Whether every pair of columns has a side that is never NULL, so that no NULL meets another.
fn is_known_on_a_side(join: &Join) -> bool {
    join.on.iter().all(|(left, right)| is_known(&join.left, left) || is_known(&join.right, right))
}

/// Whether an expression over the columns of a plan is never NULL: by its type, or since a filter leaves NULLs out.
fn is_known(plan: &LogicalPlan, expr: &Expr) -> bool {
    if expr.nullable(plan.schema()).is_ok_and(|nullable| !nullable) {
        return true;
    }
    if let Expr::ScalarFunction(function) = expr
        && function.name() == HASHED
    {
        return function.args.iter().all(|part| is_known(plan, part));
    }
    let through = |input: &LogicalPlan, exprs: &[Expr]| {
        let Expr::Column(column) = expr else { return false };
        let index = plan.schema().index_of_column(column).ok();
        index
            .and_then(|index| exprs.get(index))
            .is_some_and(|below| is_known(input, &below.clone().unalias()))
    };
    let columns =
        |input: &LogicalPlan| input.schema().columns().into_iter().map(Expr::Column).collect::<Vec<_>>();
    match plan {
        LogicalPlan::Filter(filter) => {
            let asked = |part: &&Expr| matches!(part, Expr::IsNotNull(inner) if inner.as_ref() == expr);
            split_conjunction(&filter.predicate).iter().any(asked) || is_known(&filter.input, expr)
        }
        LogicalPlan::Projection(projection) => through(&projection.input, &projection.expr),
        LogicalPlan::Aggregate(aggregate) => through(&aggregate.input, &aggregate.group_expr),
        LogicalPlan::SubqueryAlias(alias) => through(&alias.input, &columns(&alias.input)),
        LogicalPlan::Distinct(Distinct::All(input)) => is_known(input, expr),
        LogicalPlan::Union(union) => union.inputs.iter().all(|input| through(input, &columns(input))),
        _ => false,
    }
}

/// The columns of a mirrored join in their order.
fn back(mut branches: Vec<Branch>, on: &On) -> Vec<Branch> {
    let right = on.second().fields().len();
    for branch in &mut branches {
        let at = right.min(branch.columns.len());
        branch.columns.rotate_left(at);
    }
    branches
}

/// A join whose first side is the one that keeps its rows.
pub(super) struct Sides<'a> {
    pub(super) on: &'a On,
    pub(super) federation: &'a Federation,
}

impl Sides<'_> {
    fn pair(&self, first: &Branch, second: &Branch) -> Result<Pair> {
        pair(first, second, self.on, self.federation)
    }

    fn inner(&self, first: &[Branch], second: &[Branch]) -> Result<Vec<Branch>> {
        let mut branches = Vec::new();
        for f in first {
            for s in second {
                if let Some(at_owner) = join_at_owner(f, s, self.on)? {
                    branches.extend(slots(at_owner)?);
                    continue;
                }
                branches.extend(slots(inner(self.pair(f, s)?))?);
            }
        }
        Ok(branches)
    }

    fn left(&self, first: &[Branch], second: &[Branch]) -> Result<Vec<Branch>> {
        let mut branches = Vec::new();
        for f in first {
            if let [s] = second {
                if let Some(at_owner) = left_at_owner(f, s, self.on)? {
                    branches.push(at_owner);
                    continue;
                }
                let pair = self.pair(f, s)?;
                if is_unique(&pair) {
                    branches.push(optional(pair)?);
                    continue;
                }
            }
            branches.extend(self.inner(std::slice::from_ref(f), second)?);
            branches.extend(self.missing(std::slice::from_ref(f), second)?);
        }
        Ok(branches)
    }

    /// The rows of the first side without a partner in the second, beside NULLs.
    fn missing(&self, first: &[Branch], second: &[Branch]) -> Result<Vec<Branch>> {
        let mut branches = self.without(first, second, Behind::Elsewhere)?;
        let nulls = nulls(self.on.second())?;
        for branch in &mut branches {
            branch.columns.extend(nulls.iter().cloned());
        }
        Ok(branches)
    }

    pub(super) fn anti(&self, first: &[Branch], second: &[Branch]) -> Result<Vec<Branch>> {
        self.without(first, second, Behind::Here)
    }

    fn without(&self, first: &[Branch], second: &[Branch], behind: Behind) -> Result<Vec<Branch>> {
        let mut branches = Vec::new();
        for f in first {
            let Found { mut branch, at_owner, across } = self.found(f, second)?;
            branch.filters.extend(at_owner.into_iter().map(|found| Expr::IsNotTrue(Box::new(found))));
            let number = branch.absences.len();
            for (found, leaves) in &across {
                for presence in branch.presence.get_mut(leaves.clone()).unwrap_or_default() {
                    *presence = match behind {
                        Behind::Here => Presence::Absent { number, found: found.clone() },
                        Behind::Elsewhere => Presence::Nowhere,
                    };
                }
            }
            branch.absences.extend(across.into_iter().map(|(found, _)| found).reduce(Expr::or));
            branches.push(branch);
        }
        Ok(branches)
    }

    /// `once`: where a row may be there several times, rows that are there once, if they can be had.
    fn semi(&self, first: &[Branch], second: &[Branch], once: &mut Vec<Branch>) -> Result<Vec<Branch>> {
        let mut branches = Vec::new();
        for f in first {
            if let [s] = second {
                if let Some((mut branch, found)) = found_at_owner(f, s, self.on)? {
                    branch.filters.push(found);
                    branches.push(branch);
                    continue;
                }
                if let Some(branch) = self.each_partner(f, s)? {
                    branches.push(branch);
                    continue;
                }
                if let Ok(pair) = self.pair(f, s).and_then(unique) {
                    let width = pair.width;
                    let mut branch = inner(pair);
                    branch.columns.truncate(width);
                    branches.push(branch);
                    continue;
                }
            }
            branches.push(self.having_partner(f, second)?);
        }
        if branches.iter().any(|branch| branch.once.is_some()) {
            let all = first.iter().map(|f| self.having_partner(f, second)).collect::<Result<Vec<_>>>();
            once.extend(all.unwrap_or_default());
        }
        Ok(branches)
    }

    /// The rows that have a partner.
    fn having_partner(&self, first: &Branch, second: &[Branch]) -> Result<Branch> {
        let (mut branch, found) = self.found(first, second)?.any();
        branch.filters.push(found);
        Ok(branch)
    }

    /// The rows of a table that have a partner among rows of several owners: once for each partner, with what tells them
    /// apart.
    fn each_partner(&self, first: &Branch, second: &Branch) -> Result<Option<Branch>> {
        let ([leaf], true) = (first.leaves.as_slice(), second.leaves.len() > 1) else { return Ok(None) };
        let Some(column) = leaf.unique_column() else { return Ok(None) };
        let (width, shown) = (first.columns.len(), second.columns.len());
        let mut first = first.clone();
        first.columns.extend(leaf.names.get(column).map(|name| symbol(0, column, name)));
        let Some(mut branch) = join_at_owner(second, &first, &self.on.flipped())? else { return Ok(None) };
        branch.once = branch.columns.pop();
        branch.columns.drain(..shown);
        branch.columns.truncate(width);
        Ok(Some(branch))
    }

    fn mark(&self, first: &[Branch], second: &[Branch]) -> Result<Vec<Branch>> {
        let mut branches = Vec::new();
        for f in first {
            let (mut branch, found) = self.found(f, second)?.any();
            branch.columns.push(found);
            branches.push(branch);
        }
        Ok(branches)
    }

    /// A branch of the first side, and where a row has a partner.
    fn found(&self, first: &Branch, second: &[Branch]) -> Result<Found> {
        let mut found = Found { branch: first.clone(), at_owner: Vec::new(), across: Vec::new() };
        for s in second {
            let width = found.branch.columns.len();
            if let Some((branch, mark)) = found_at_owner(&found.branch, s, self.on)? {
                found.branch = branch;
                found.branch.columns.truncate(width);
                found.at_owner.push(mark);
                continue;
            }
            for part in self.parts(&found.branch, s)? {
                let pair = unique(self.pair(&found.branch, &part)?)?;
                let leaves = pair.leaves.clone();
                let (branch, guard) = beside(pair)?;
                found.branch = branch;
                found.branch.columns.truncate(width);
                found.across.push((guard, leaves));
            }
        }
        Ok(found)
    }

    /// A branch of the second side, or, where its distinct identifiers cannot be had at their owner, its parts with one row
    /// per identifier each.
    fn parts(&self, first: &Branch, second: &Branch) -> Result<Vec<Branch>> {
        let pair = self.pair(first, second)?;
        let key = pair.branch.joins.get(pair.key).cloned();
        let before = first.leaves.len();
        let Err(error) = unique(pair) else { return Ok(vec![second.clone()]) };
        let Some(KeyJoin { right, normalised, .. }) = key else { return Err(error) };
        let Some(leaf) = right.leaf.checked_sub(before) else { return Err(error) };
        let own = |part: &Expr| {
            replace(part, &|column| {
                let (_, column) = place(column)?;
                let name = second.leaves.get(leaf)?.names.get(column)?;
                Some(symbol(leaf, column, name))
            })
        };
        let parts = right.parts.iter().map(own).collect::<Result<_>>()?;
        let side = KeySide { leaf, parts, inside: right.inside };
        one_each(second, &side, normalised)?.ok_or(error)
    }
}

/// Where rows of a branch have partners.
struct Found {
    branch: Branch,
    /// Marks that their owner computes.
    at_owner: Vec<Expr>,
    /// Conditions on shares, with the leaves of the partner.
    across: Vec<(Expr, Range<usize>)>,
}

impl Found {
    /// The branch, and the condition that a row has a partner.
    fn any(self) -> (Branch, Expr) {
        let all = self.at_owner.into_iter().chain(self.across.into_iter().map(|(found, _)| found));
        (self.branch, all.reduce(Expr::or).unwrap_or_else(|| lit(false)))
    }
}

/// Whether the second side has at most one row per identifier.
fn is_unique(pair: &Pair) -> bool {
    let key = pair.branch.joins.get(pair.key);
    let leaf = key.and_then(|key| pair.branch.leaves.get(key.right.leaf));
    key.zip(leaf).is_some_and(|(key, leaf)| rows_per_key(leaf, &key.right) == 1) && has_row_each(pair)
}

/// Whether every row of the table with the identifier is one row of the second side at most.
fn has_row_each(pair: &Pair) -> bool {
    let Some(key) = pair.branch.joins.get(pair.key) else { return false };
    let mut reached = vec![key.right.leaf];
    let mut next = 0;
    while let Some(&from) = reached.get(next) {
        next += 1;
        for join in pair.branch.joins.get(pair.joins.clone()).unwrap_or_default() {
            let Some(there) = other_side(join, from) else { continue };
            if reached.contains(&there.leaf) {
                continue;
            }
            let moved = pair.branch.leaves.get(there.leaf);
            if moved.is_none_or(|leaf| rows_per_key(leaf, side_of(join, there.leaf)) != 1) {
                return false;
            }
            reached.push(there.leaf);
        }
    }
    true
}

/// The pair with the distinct identifiers of the second side, unless these are known not to repeat: what is assumed only
/// would let a row count once for each partner. Its columns are gone then.
fn unique(pair: Pair) -> Result<Pair> {
    let key = pair.branch.joins.get(pair.key);
    let leaf = key.and_then(|key| pair.branch.leaves.get(key.right.leaf));
    let known = key.zip(leaf).is_some_and(|(key, leaf)| known_rows(&key.right, leaf) == Some(1));
    if known && has_row_each(&pair) { Ok(pair) } else { reduce(pair) }
}

fn inner(pair: Pair) -> Branch {
    let Pair { mut branch, filters, conditions, .. } = pair;
    branch.filters.extend(filters);
    branch.filters.extend(conditions);
    branch
}

fn optional(pair: Pair) -> Result<Branch> {
    let width = pair.width;
    let (mut branch, guard) = beside(pair)?;
    for column in branch.columns.iter_mut().skip(width) {
        *column = guarded(&guard, column.clone());
    }
    Ok(branch)
}

/// Which part of a join counts the persons of a side that is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    /// This one.
    Here,
    /// Another one.
    Elsewhere,
}

/// The first side with the second one optional, and the condition that a row has a partner.
fn beside(pair: Pair) -> Result<(Branch, Expr)> {
    let Pair { mut branch, leaves, joins, key, filters, conditions, .. } = pair;
    let absent = |presence: &Presence| matches!(presence, Presence::Absent { .. } | Presence::Nowhere);
    if branch.presence.get(leaves.clone()).unwrap_or_default().iter().any(absent) {
        return Err(failure::not_built(
            "NOT IN or NOT EXISTS inside the optional side of a join across owners",
        ));
    }
    let mut guard = matched(key);
    for join in joins {
        if let Some(join_of) = branch.joins.get_mut(join)
            && join_of.link == Link::Required
        {
            join_of.link = Link::Inside;
            guard = guard.and(matched(join));
        }
    }
    if let Some(key) = branch.joins.get_mut(key) {
        key.link = Link::Optional;
    }
    guard = filters.into_iter().chain(conditions).fold(guard, Expr::and);
    for presence in branch.presence.get_mut(leaves).unwrap_or_default() {
        *presence = match &*presence {
            Presence::Where(inner) => Presence::Where(guard.clone().and(inner.clone())),
            Presence::Always | Presence::Absent { .. } | Presence::Nowhere => Presence::Where(guard.clone()),
        };
    }
    Ok((branch, guard))
}

/// A NULL for each column.
fn nulls(schema: &DFSchema) -> Result<Vec<Expr>> {
    let null = |field: &std::sync::Arc<datafusion::arrow::datatypes::Field>| {
        let null = ScalarValue::try_from(field.data_type()).map_err(|error| failure::engine(&error))?;
        Ok(Expr::Literal(null, None))
    };
    schema.fields().iter().map(null).collect()
}
