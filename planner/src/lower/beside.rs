//! A table of an owner that a branch has already: joined at this owner, whatever stands between the two in the query.
//!
//! | the table | is joined |
//! |---|---|
//! | whole, inner join | row by row, as one table; so is one that other owners' tables are joined to, if it has one row per identifier |
//! | derived, at most one row per identifier; left join | beside the rows, all of which stay, with a mark where there is one |
//! | of IN, EXISTS and their negations | as a mark on the rows: whether there is such a row |
//!
//! Columns that a join makes equal to columns of this owner count as its own.
#![expect(clippy::wildcard_enum_match_arm, reason = "only plain columns are looked for")]

use std::cmp::Ordering;
use std::collections::BTreeSet;

use datafusion::common::{JoinType, ScalarValue};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};

use super::across::On;
use super::facts::Facts;
use super::failure;
use super::guard::{match_of, matched, names_shared};
use super::infer::infer;
use super::leaf::{Leaf, On as Columns, Persons, beside};
use super::rows::{
    Branch, KeyJoin, KeySide, Link, Presence, leaves_of, localised, place, renamed, replace, symbol,
};
use super::secret::{secret, secret_of};
use crate::Result;
use crate::plan::PartyId;

/// An inner join with a table of an owner of the first side, on columns of that owner alone, as one leaf of both tables;
/// `None` for any other join.
pub(super) fn join_at_owner(first: &Branch, second: &Branch, on: &On) -> Result<Option<Branch>> {
    let Some(met) = Met::within(first, second, on)? else { return Ok(None) };
    let several = second.leaves.len() > 1;
    if met.leaf.whole.is_none() || first.once.is_some() || second.once.is_some() {
        return Ok(None);
    }
    // Where the tables of other owners tell the two apart, their joins are those of each by itself.
    if several && (met.other.whole.is_none() || met.rows_each() != 1) {
        return Ok(None);
    }
    if met.other.whole.is_none() {
        let Some((mut branch, mark)) = met.attach(on, JoinType::Inner)? else { return Ok(None) };
        branch.filters.push(Expr::IsNotNull(Box::new(mark)));
        branch.filters.extend(met.moved(on)?.1);
        return Ok(Some(branch));
    }
    let (columns, conditions) = met.moved(on)?;
    let mut branch = first.clone();
    for filter in &second.filters {
        branch.filters.push(met.symbols(filter)?);
    }
    branch.filters.extend(conditions);
    branch.columns.extend(columns);
    met.put(&mut branch, met.joined()?);
    met.add_rest(&mut branch)?;
    Ok(Some(branch))
}

/// A left join with a table of an owner of the first side with at most one row per identifier, as one leaf of both
/// tables; `None` for any other join.
pub(super) fn left_at_owner(first: &Branch, second: &Branch, on: &On) -> Result<Option<Branch>> {
    let Some(met) = Met::of(first, second, on)? else { return Ok(None) };
    Ok(met.attach(on, JoinType::Left)?.map(|(branch, _)| branch))
}

/// Whether a row of a table of an owner of the first side is there, as a condition on the first side; `None` where other
/// owners' columns have a part in it.
pub(super) fn found_at_owner(first: &Branch, second: &Branch, on: &On) -> Result<Option<(Branch, Expr)>> {
    let Some(met) = Met::of(first, second, on)? else { return Ok(None) };
    let Some(plan) = met.plan(on, JoinType::LeftMark)? else { return Ok(None) };
    let mut leaf = met.leaf.clone();
    leaf.scope.schema = plan.schema().as_ref().clone();
    leaf.plan = plan;
    leaf.scope.facts.push(Facts::truth(true).with_condition(true));
    leaf.names.push("mark".into());
    leaf.origins.push(None);
    leaf.branched.push(false);
    let new = met.other.tables.iter().filter(|table| !met.leaf.tables.contains(table)).cloned();
    leaf.tables.extend(new);
    let mark = symbol(met.index, met.shift(), "mark");
    let mut branch = first.clone();
    met.put(&mut branch, leaf);
    Ok(Some((branch, mark)))
}

/// How many rows of two joined tables one identifier may have, if both are whole tables: nothing but whole tables says
/// then which rows there are.
pub(super) fn whole(joined: &Leaf, left: &Leaf, right: &Leaf) -> Option<u64> {
    left.whole.and(right.whole)?;
    Some(match joined.persons {
        Persons::Column { max_rows, .. } => max_rows,
        Persons::Either { .. } | Persons::Rows | Persons::Gated | Persons::Lost(_) => joined.bound,
    })
}

/// A leaf of a branch and a table of the same owner, perhaps with others joined to it.
struct Met<'a> {
    first: &'a Branch,
    second: &'a Branch,
    /// The leaf, and its place in the first branch.
    index: usize,
    leaf: &'a Leaf,
    other: &'a Leaf,
    /// The place of the table in the second branch.
    inner: usize,
    /// What must be equal, over symbols of the leaf and of the other one.
    pairs: Vec<(Expr, Expr)>,
}

impl<'a> Met<'a> {
    /// `None` unless the second side is one table, of an owner whose columns of the first side are compared with it.
    fn of(first: &'a Branch, second: &'a Branch, on: &On) -> Result<Option<Met<'a>>> {
        if second.leaves.len() == 1 { Met::within(first, second, on) } else { Ok(None) }
    }

    /// `None` unless the second side is compared with one owner's columns by one table of that owner, which is in all of its
    /// rows.
    fn within(first: &'a Branch, second: &'a Branch, on: &On) -> Result<Option<Met<'a>>> {
        let mut pairs = on.equalities(first, second)?;
        if pairs.iter().any(|(a, b)| names_shared(a) || names_shared(b)) {
            return Ok(None);
        }
        let inside: BTreeSet<usize> = pairs.iter().flat_map(|(_, b)| leaves_of(b)).collect();
        let (Some(&inner), 1) = (inside.first(), inside.len()) else { return Ok(None) };
        let Some(other) = second.leaves.get(inner) else { return Ok(None) };
        let key: Option<BTreeSet<usize>> = pairs.iter().map(|(_, b)| plain(b)).collect();
        if key.is_some_and(|key| other.rows_per_key(&key) == 1) {
            for (a, b) in &mut pairs {
                if let Some(same) = equal_at(first, a, other.owner)
                    && first.scope()?.data_type(&same)? == second.scope()?.data_type(b)?
                {
                    *a = same;
                }
            }
        }
        let mut found = None;
        for (a, b) in &pairs {
            let (a, b) = (leaves_of(a), leaves_of(b));
            let (Some(&leaf), 1, 1) = (a.first(), a.len(), b.len()) else { return Ok(None) };
            if found.is_some_and(|before| before != leaf) {
                return Ok(None);
            }
            found = Some(leaf);
        }
        let Some(index) = found else { return Ok(None) };
        let Some(leaf) = first.leaves.get(index) else { return Ok(None) };
        let always = first.presence.get(index) == Some(&Presence::Always)
            && second.presence.get(inner) == Some(&Presence::Always);
        if leaf.owner != other.owner || !always {
            return Ok(None);
        }
        Ok(Some(Met { first, second, index, leaf, other, inner, pairs }))
    }

    /// How many rows of the other table may be equal to one of the leaf.
    fn rows_each(&self) -> u64 {
        let key: Option<BTreeSet<usize>> = self.pairs.iter().map(|(_, b)| plain(b)).collect();
        key.map_or(self.other.bound, |key| self.other.rows_per_key(&key))
    }

    /// How many columns the leaf has.
    fn shift(&self) -> usize {
        self.leaf.scope.facts.len()
    }

    /// Where a leaf of the second branch is put.
    fn leaf_place(&self, leaf: usize) -> usize {
        match leaf.cmp(&self.inner) {
            Ordering::Less => self.first.leaves.len() + leaf,
            Ordering::Equal => self.index,
            Ordering::Greater => self.first.leaves.len() + leaf - 1,
        }
    }

    /// An expression over the second branch, over symbols of both tables beside each other and of what is joined to them.
    fn symbols(&self, expr: &Expr) -> Result<Expr> {
        replace(expr, &|column| {
            if let Some(join) = match_of(column) {
                return Some(matched(join + self.first.joins.len()));
            }
            if let Some(value) = secret_of(column) {
                return Some(secret(value + self.first.secrets.len()));
            }
            let (leaf, column) = place(column)?;
            let name = self.second.leaves.get(leaf)?.names.get(column)?;
            let shift = if leaf == self.inner { self.shift() } else { 0 };
            Some(symbol(self.leaf_place(leaf), column + shift, name))
        })
    }

    /// Adds what the second branch has beside the table.
    fn add_rest(&self, branch: &mut Branch) -> Result<()> {
        let side = |side: &KeySide| -> Result<KeySide> {
            let parts = side.parts.iter().map(|part| self.symbols(part)).collect::<Result<_>>()?;
            Ok(KeySide { leaf: self.leaf_place(side.leaf), parts, inside: side.inside })
        };
        let absences = branch.absences.len();
        for (index, leaf) in self.second.leaves.iter().enumerate().filter(|(index, _)| *index != self.inner) {
            branch.leaves.push(leaf.clone());
            branch.presence.push(match self.second.presence.get(index) {
                Some(Presence::Where(guard)) => Presence::Where(self.symbols(guard)?),
                Some(Presence::Absent { number, found }) => {
                    Presence::Absent { number: number + absences, found: self.symbols(found)? }
                }
                Some(Presence::Always) => Presence::Always,
                Some(Presence::Nowhere) | None => Presence::Nowhere,
            });
        }
        for join in &self.second.joins {
            branch.joins.push(KeyJoin { left: side(&join.left)?, right: side(&join.right)?, ..join.clone() });
        }
        for absence in &self.second.absences {
            branch.absences.push(self.symbols(absence)?);
        }
        branch.secrets.extend(self.second.secrets.iter().cloned());
        Ok(())
    }

    /// The other table's columns, and the conditions beside, over symbols of both tables beside each other.
    fn moved(&self, on: &On) -> Result<(Vec<Expr>, Vec<Expr>)> {
        let columns: Vec<Expr> =
            self.second.columns.iter().map(|column| self.symbols(column)).collect::<Result<_>>()?;
        let conditions = on.others(&self.first.columns, &columns)?;
        Ok((columns, conditions))
    }

    /// Puts a leaf in the place of the one that was met.
    fn put(&self, branch: &mut Branch, leaf: Leaf) {
        if let Some(place) = branch.leaves.get_mut(self.index) {
            *place = leaf;
        }
    }

    /// The expressions that must be equal, over the plans of both tables, and the columns that they are.
    fn keys(&self, l_plan: &LogicalPlan, r_plan: &LogicalPlan) -> Result<Keys> {
        let mut keys = Keys::default();
        let (first, second) = (self.first.scope()?, self.second.scope()?);
        for (a, b) in &self.pairs {
            infer(a, &first)?;
            infer(b, &second)?;
            keys.columns.pair((a, &first), (b, &second), &|expr, _| plain(expr))?;
            keys.left.push(localised(a, l_plan)?);
            keys.right.push(localised(b, r_plan)?);
        }
        Ok(keys)
    }

    /// The rows of two whole tables of one owner, joined.
    fn joined(&self) -> Result<Leaf> {
        let (l_plan, r_plan) = (renamed(self.leaf, "l")?, renamed(self.other, "r")?);
        let Keys { left, right, columns } = self.keys(&l_plan, &r_plan)?;
        let plan = LogicalPlanBuilder::from(l_plan)
            .join_with_expr_keys(r_plan, JoinType::Inner, (left, right), None)
            .and_then(LogicalPlanBuilder::build)
            .map_err(|error| failure::engine(&error))?;
        let mut leaf = beside(self.leaf, self.other, &columns)?;
        leaf.scope.schema = plan.schema().as_ref().clone();
        leaf.plan = plan;
        leaf.whole = whole(&leaf, self.leaf, self.other);
        Ok(leaf)
    }

    /// All rows of the leaf, joined with those of the other table that meet its filters and, unless the join is an inner one,
    /// which may ask for them later, the conditions beside; `None` where other owners' columns have a part in these.
    fn plan(&self, on: &On, join_type: JoinType) -> Result<Option<LogicalPlan>> {
        let engine = |error| failure::engine(&error);
        let (l_plan, r_plan) = (renamed(self.leaf, "l")?, renamed(self.other, "r")?);
        let Keys { left, right, .. } = self.keys(&l_plan, &r_plan)?;
        let conditions = if join_type == JoinType::Inner { Vec::new() } else { self.moved(on)?.1 };
        let own = |expr: &Expr| !names_shared(expr) && leaves_of(expr).iter().all(|leaf| *leaf == self.index);
        if !conditions.iter().all(own) {
            return Ok(None);
        }
        let scope = self.second.scope()?;
        let mut r_plan = LogicalPlanBuilder::from(r_plan);
        for filter in &self.second.filters {
            infer(filter, &scope)?;
            let filter = localised(filter, r_plan.plan())?;
            r_plan = r_plan.filter(filter).map_err(engine)?;
        }
        let join_type = if join_type == JoinType::Inner { JoinType::Left } else { join_type };
        if join_type == JoinType::Left {
            let mut columns: Vec<Expr> = r_plan.schema().columns().into_iter().map(Expr::Column).collect();
            columns.push(lit(ScalarValue::Boolean(Some(true))).alias("matched"));
            r_plan = r_plan.project(columns).map_err(engine)?;
        }
        let both: Vec<_> = l_plan.schema().columns().into_iter().chain(r_plan.schema().columns()).collect();
        let mut condition: Option<Expr> = None;
        for part in &conditions {
            self.prove(part)?;
            let part = replace(part, &|column| {
                place(column).and_then(|(_, column)| both.get(column).cloned()).map(Expr::Column)
            })?;
            condition = Some(match condition {
                Some(before) => before.and(part),
                None => part,
            });
        }
        let r_plan = r_plan.build().map_err(engine)?;
        let plan = LogicalPlanBuilder::from(l_plan)
            .join_with_expr_keys(r_plan, join_type, (left, right), condition)
            .and_then(LogicalPlanBuilder::build)
            .map_err(engine)?;
        Ok(Some(plan))
    }

    /// Proves that a condition over both tables cannot fail.
    fn prove(&self, condition: &Expr) -> Result<()> {
        // Whatever number of rows that has: only what is known of the columns counts.
        let one = |leaf: &Leaf| Leaf { bound: 1, keys: Vec::new(), ..leaf.clone() };
        let mut both = Branch::of_leaf(beside(&one(self.leaf), &one(self.other), &Columns::default())?);
        both.leaves = vec![both.leaves.remove(0); self.index + 1];
        infer(condition, &both.scope()?).map(|_| ())
    }

    /// The branch with the columns of the other table, of which there is at most one row per identifier, beside those of
    /// the leaf, NULL where there is none, and the mark that is NULL then too. `None` for any other table.
    fn attach(&self, on: &On, join_type: JoinType) -> Result<Option<(Branch, Expr)>> {
        let key: Option<BTreeSet<usize>> = self.pairs.iter().map(|(_, b)| plain(b)).collect();
        if key.is_none_or(|key| self.other.rows_per_key(&key) != 1) {
            return Ok(None);
        }
        let Some(plan) = self.plan(on, join_type)? else { return Ok(None) };
        let (l_plan, r_plan) = (renamed(self.leaf, "l")?, renamed(self.other, "r")?);
        let both = beside(self.leaf, self.other, &self.keys(&l_plan, &r_plan)?.columns)?;
        let (left, bound, keys) = (self.leaf.whole, self.leaf.bound, self.leaf.keys.clone());
        let taken = if both.taken.is_empty() { Vec::new() } else { keys.clone() };
        let mut leaf = Leaf { whole: left, bound, keys, taken, ..both };
        for facts in leaf.scope.facts.iter_mut().skip(self.shift()) {
            facts.nullable = true;
        }
        leaf.scope.facts.push(Facts::truth(true));
        leaf.scope.schema = plan.schema().as_ref().clone();
        leaf.plan = plan;
        let mark = symbol(self.index, leaf.names.len(), "matched");
        leaf.names.push("matched".into());
        leaf.origins.push(None);
        leaf.branched.push(false);
        let (columns, _) = self.moved(on)?;
        let mut branch = self.first.clone();
        branch.columns.extend(columns);
        self.put(&mut branch, leaf);
        Ok(Some((branch, mark)))
    }
}

/// The equal expressions of a join at an owner.
#[derive(Default)]
struct Keys {
    left: Vec<Expr>,
    right: Vec<Expr>,
    columns: Columns,
}

/// The column of its leaf that an expression is.
fn plain(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Column(column) => place(column).map(|(_, column)| column),
        _ => None,
    }
}

/// A column of an owner that has the same values as another owner's column in all rows that count.
fn equal_at(branch: &Branch, expr: &Expr, owner: PartyId) -> Option<Expr> {
    let of_owner = |leaf: usize| branch.leaves.get(leaf).is_some_and(|leaf| leaf.owner == owner);
    let always = |leaf: usize| branch.presence.get(leaf) == Some(&Presence::Always);
    let mut sides = branch
        .joins
        .iter()
        .filter(|join| join.link == Link::Required && !join.normalised)
        .flat_map(|join| [(&join.left, &join.right), (&join.right, &join.left)]);
    sides.find_map(|(here, there)| {
        if of_owner(here.leaf) || !of_owner(there.leaf) || !always(here.leaf) || !always(there.leaf) {
            return None;
        }
        here.parts.iter().position(|part| part == expr).and_then(|part| there.parts.get(part).cloned())
    })
}
