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
//! | semi | the inner join with the right side's distinct identifiers |
//! | anti | the left side, but for the rows with a partner; of NOT IN none where the right side has a NULL |
//! | mark (EXISTS under OR) | the left side, with the match as a column |
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest may be NULL"
)]

use datafusion::common::{DFSchema, JoinType, NullEquality, ScalarValue};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Distinct, Expr, ExprSchemable, Join, LogicalPlan, LogicalPlanBuilder, lit};

use super::across::{On, Pair, pair};
use super::beside::{found_at_owner, join_at_owner, left_at_owner};
use super::failure;
use super::guard::{guarded, matched};
use super::infer::infer;
use super::leaf::{name, owners};
use super::reduce::reduce;
use super::rows::{Branch, Link, Presence, Relation, key_columns, normalise, symbol};
use super::secret::{Secret, secret};
use super::slots::slots;
use super::tree::rows_per_key;
use crate::Result;
use crate::catalog::Federation;
use crate::function::hashed::HASHED;
use crate::plan::PartyId;

/// The rows of a join of several owners' tables.
///
/// # Errors
/// Invalid ("not built") for what the table above does not reach; refused for several rows per identifier on both sides.
pub(super) fn join(join: &Join, federation: &Federation) -> Result<Relation> {
    if join.null_equality != NullEquality::NullEqualsNothing && !is_known_on_a_side(join) {
        return Err(null_equals_null(join));
    }
    let left = normalise(&join.left, federation)?.branches;
    let right = normalise(&join.right, federation)?.branches;
    let on = On::of(join)?;
    let sides = Sides { on: &on, federation };
    let flipped = on.flipped();
    let mirrored = Sides { on: &flipped, federation };
    let branches = match join.join_type {
        JoinType::Inner => sides.inner(&left, &right)?,
        JoinType::Left => sides.left(&left, &right)?,
        JoinType::Right => back(mirrored.left(&right, &left)?, &on),
        JoinType::Full => {
            let mut all = sides.left(&left, &right)?;
            all.extend(back(mirrored.missing(&right, &left)?, &on));
            all
        }
        JoinType::LeftSemi => sides.semi(&left, &right)?,
        JoinType::RightSemi => mirrored.semi(&right, &left)?,
        JoinType::LeftAnti if join.null_aware => sides.not_in(&left, &right, join)?,
        JoinType::LeftAnti => sides.anti(&left, &right)?,
        JoinType::RightAnti => mirrored.anti(&right, &left)?,
        JoinType::LeftMark => sides.mark(&left, &right)?,
        JoinType::RightMark => mirrored.mark(&right, &left)?,
    };
    if branches.is_empty() {
        return Err(failure::internal(format!("{} of nothing", name(&join.left))));
    }
    Ok(Relation { branches })
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
struct Sides<'a> {
    on: &'a On,
    federation: &'a Federation,
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

    fn anti(&self, first: &[Branch], second: &[Branch]) -> Result<Vec<Branch>> {
        self.without(first, second, Behind::Here)
    }

    fn without(&self, first: &[Branch], second: &[Branch], behind: Behind) -> Result<Vec<Branch>> {
        let mut branches = Vec::new();
        for f in first {
            let mut rest = f.clone();
            for s in second {
                rest = match found_at_owner(&rest, s, self.on)? {
                    Some((mut branch, found)) => {
                        branch.filters.push(Expr::IsNotTrue(Box::new(found)));
                        branch
                    }
                    None => absent(unique(self.pair(&rest, s)?)?, behind)?,
                };
            }
            branches.push(rest);
        }
        Ok(branches)
    }

    /// NOT IN, which is NULL beside a NULL: the rows without a partner, if the right side has no NULL, and without a NULL of
    /// their own, unless the right side is empty.
    ///
    /// Whether the right side has a NULL, or a row at all, are values that nobody learns. Where its owners withhold numbers
    /// of few people, one NULL must not decide, and an answer with nobody of the right side behind it is withheld anyway.
    fn not_in(&self, first: &[Branch], second: &[Branch], join: &Join) -> Result<Vec<Branch>> {
        let mut branches = Vec::new();
        for f in first {
            let nulls = self.nulls_of(f, second)?;
            let mut all = self.anti(std::slice::from_ref(f), second)?;
            if nulls.left.is_some() || nulls.right {
                self.settle(f, second, &nulls, join, &mut all)?;
            }
            branches.extend(all);
        }
        Ok(branches)
    }

    /// The rows that NOT IN keeps where a NULL may stand on either side.
    fn settle(
        &self,
        first: &Branch,
        second: &[Branch],
        nulls: &Nulls,
        join: &Join,
        branches: &mut [Branch],
    ) -> Result<()> {
        let ([(_, y)], None) = (join.on.as_slice(), &join.filter) else {
            return Err(failure::not_built(
                "NOT IN across owners on columns that may be NULL, with a condition over both sides",
            ));
        };
        let party = |owner: &PartyId| self.federation.parties.get(owner.0);
        let withholds =
            owners(&join.right)?.iter().filter_map(party).any(|party| party.release.min_people > 1);
        if withholds {
            let mut at_owner = false;
            for s in second {
                at_owner |= found_at_owner(first, s, self.on)?.is_some();
            }
            if nulls.right || at_owner {
                return Err(one_null());
            }
        }
        let count = |rows: LogicalPlanBuilder| {
            let counted = rows.aggregate(Vec::<Expr>::new(), vec![count(lit(1_i64)).alias("rows")]);
            counted.and_then(LogicalPlanBuilder::build).map_err(|error| failure::engine(&error))
        };
        let right = || LogicalPlanBuilder::from(join.right.as_ref().clone());
        for branch in branches {
            let mut none = |plan: &LogicalPlan| -> Result<Expr> {
                branch.secrets.push(Secret::of_plan(plan, self.federation)?);
                Ok(secret(branch.secrets.len() - 1).eq(lit(0_i64)))
            };
            let mut conditions = Vec::new();
            if nulls.right {
                let of_nulls =
                    right().filter(y.clone().is_null()).map_err(|error| failure::engine(&error))?;
                conditions.push(none(&count(of_nulls)?)?);
            }
            if let Some(x) = &nulls.left {
                let known = x.clone().is_not_null();
                conditions.push(if withholds { known } else { known.or(none(&count(right())?)?) });
            }
            branch.filters.extend(conditions);
        }
        Ok(())
    }

    /// Where a NULL may stand beside NOT IN: conditions `IS NOT NULL` on the right side keep it away.
    fn nulls_of(&self, first: &Branch, second: &[Branch]) -> Result<Nulls> {
        let mut nulls = Nulls { left: None, right: false };
        for s in second {
            for (x, y) in self.on.equalities(first, s)? {
                let known = |branch: &Branch, expr: &Expr| {
                    let is_known =
                        |filter: &Expr| matches!(filter, Expr::IsNotNull(inner) if **inner == *expr);
                    Ok::<_, crate::Error>(
                        !infer(expr, &branch.scope()?)?.nullable || branch.filters.iter().any(is_known),
                    )
                };
                nulls.right |= !known(s, &y)?;
                if !known(first, &x)? {
                    nulls.left = Some(x);
                }
            }
        }
        Ok(nulls)
    }

    fn semi(&self, first: &[Branch], second: &[Branch]) -> Result<Vec<Branch>> {
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
                let pair = unique(self.pair(f, s)?)?;
                let width = pair.width;
                let mut branch = inner(pair);
                branch.columns.truncate(width);
                branches.push(branch);
                continue;
            }
            let (mut branch, found) = self.found(f, second)?;
            branch.filters.push(found);
            branches.push(branch);
        }
        Ok(branches)
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
            let (mut branch, found) = self.found(f, second)?;
            branch.columns.push(found);
            branches.push(branch);
        }
        Ok(branches)
    }

    /// A branch of the first side, and the condition that a row has a partner.
    fn found(&self, first: &Branch, second: &[Branch]) -> Result<(Branch, Expr)> {
        let mut branch = first.clone();
        let mut found = None;
        for s in second {
            let width = branch.columns.len();
            let (with, guard) = match found_at_owner(&branch, s, self.on)? {
                Some(found) => found,
                None => beside(unique(self.pair(&branch, s)?)?)?,
            };
            branch = with;
            branch.columns.truncate(width);
            found = Some(match found {
                None => guard,
                Some(before) => Expr::or(before, guard),
            });
        }
        Ok((branch, found.unwrap_or_else(|| lit(false))))
    }
}

/// Where a NULL may stand beside NOT IN.
struct Nulls {
    /// The expression on the left that may be NULL.
    left: Option<Expr>,
    /// Whether one on the right may be.
    right: bool,
}

fn one_null() -> crate::Error {
    let mut error = failure::refused(
        "NOT IN over a column that may be NULL is decided by a single row: one NULL among the other owner's rows makes every \
         answer NULL, which tells about one person",
    );
    error.hint = Some(
        "WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.id = a.id), or NOT IN (SELECT id FROM b WHERE id IS NOT NULL) where the \
         column allows `filter`"
            .into(),
    );
    error
}

/// Whether the second side has at most one row per identifier.
fn is_unique(pair: &Pair) -> bool {
    let key = pair.branch.joins.get(pair.key);
    let leaf = key.and_then(|key| pair.branch.leaves.get(key.right.leaf));
    key.zip(leaf).is_some_and(|(key, leaf)| rows_per_key(leaf, &key.right) == 1)
}

/// The pair with the distinct identifiers of the second side, unless these are known not to repeat: what is assumed only
/// would let a row count once for each partner. Its columns are gone then.
fn unique(pair: Pair) -> Result<Pair> {
    let key = pair.branch.joins.get(pair.key);
    let leaf = key.and_then(|key| pair.branch.leaves.get(key.right.leaf));
    let columns = key.zip(leaf).and_then(|(key, leaf)| Some((leaf, key_columns(&key.right, leaf)?)));
    let known = columns.is_some_and(|(leaf, columns)| leaf.known_rows_per_key(&columns) == Some(1));
    if known { Ok(pair) } else { reduce(pair) }
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

/// The rows of the first side without a partner.
fn absent(pair: Pair, behind: Behind) -> Result<Branch> {
    let (width, leaves) = (pair.width, pair.leaves.clone());
    let (mut branch, guard) = beside(pair)?;
    let number = branch.absences.len();
    branch.absences.push(guard);
    branch.columns.truncate(width);
    for presence in branch.presence.get_mut(leaves).unwrap_or_default() {
        *presence = match behind {
            Behind::Here => Presence::Absent(number),
            Behind::Elsewhere => Presence::Nowhere,
        };
    }
    Ok(branch)
}

/// The first side with the second one optional, and the condition that a row has a partner.
fn beside(pair: Pair) -> Result<(Branch, Expr)> {
    let Pair { mut branch, leaves, joins, key, filters, conditions, .. } = pair;
    let absent = |presence: &Presence| matches!(presence, Presence::Absent(_) | Presence::Nowhere);
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
            Presence::Always | Presence::Absent(_) | Presence::Nowhere => Presence::Where(guard.clone()),
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
