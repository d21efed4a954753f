//! Groups of joined rows that one owner can make alone, before the join: those of an identifier of the join, or of this and
//! more of its own columns.
//!
//! `(SELECT h.id, v.ward, AVG(v.cost) AS c FROM h JOIN v ON HASHED(h.id) = HASHED(v.id) GROUP BY h.id, v.ward)`, where `h` has
//! one row per identifier, has the rows of `v` grouped by identifier and ward, each beside its row of `h`: whatever aggregates
//! `v`'s columns is computed at their owner in the clear, and what aggregates `h`'s alone follows from the number of rows.
#![expect(clippy::wildcard_enum_match_arm, reason = "only plain columns and some aggregates are looked for")]

use datafusion::arrow::datatypes::DataType;
use datafusion::functions_aggregate::expr_fn::{count, min};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};

use super::facts::is_float;
use super::failure;
use super::guard::names_shared;
use super::infer::infer;
use super::inner;
use super::leaf::{Leaf, Persons, project};
use super::pad::pad;
use super::per_identifier::of_one_row;
use super::rows::{
    Branch, KeyJoin, KeySide, Link, Presence, Relation, leaves_of, localised, place, renamed, replace, symbol,
};
use super::tree::{other_side, rows_per_key, side_of, tree};
use crate::Result;
use crate::catalog::Federation;
use crate::function::hashed::hashed;

/// The rows of an aggregate whose groups the owner of the table that stays in place can make; `None` if it cannot.
///
/// # Errors
/// As of the aggregates over that owner's rows.
pub(super) fn grouped_at_owner(
    aggregate: &Aggregate,
    relation: &Relation,
    federation: &Federation,
) -> Result<Option<Relation>> {
    let [branch] = relation.branches.as_slice() else { return Ok(None) };
    let Ok(tree) = tree(branch, federation) else { return Ok(None) };
    let schema = aggregate.input.schema();
    let mut keys = Vec::new();
    for key in &aggregate.group_expr {
        if matches!(key, Expr::GroupingSet(_)) {
            return Ok(None);
        }
        keys.push(branch.substitute(key, schema)?);
    }
    let Some(mut groups) = Groups::of(branch, tree.root, &keys) else { return Ok(None) };
    let mut columns = Vec::new();
    for key in &keys {
        columns.push(if groups.is_own(key) { groups.key(key) } else { key.clone() });
    }
    for (index, measure) in aggregate.aggr_expr.iter().enumerate() {
        let Expr::AggregateFunction(mut function) = measure.clone().unalias() else { return Ok(None) };
        if !function.params.order_by.is_empty() {
            return Ok(None);
        }
        for argument in &mut function.params.args {
            *argument = branch.substitute(argument, schema)?;
        }
        let filter = function.params.filter.take();
        function.params.filter =
            filter.map(|filter| branch.substitute(&filter, schema).map(Box::new)).transpose()?;
        let data_type = aggregate.schema.field(keys.len() + index).data_type();
        let Some(value) = groups.value(function, data_type) else { return Ok(None) };
        columns.push(value);
    }
    groups.relation(&columns, federation).map(Some)
}

/// The groups of the rows of one leaf.
struct Groups<'a> {
    branch: &'a Branch,
    root: usize,
    /// Identifiers of joins whose other side is a key: the normal form, or the parts, is what rows are grouped by.
    identifiers: Vec<Identifier>,
    /// What else rows are grouped by, over symbols.
    own: Vec<Expr>,
    /// What is computed of each group, over symbols.
    measures: Vec<Expr>,
}

/// An identifier by which rows are grouped.
struct Identifier {
    side: KeySide,
    normalised: bool,
}

impl<'a> Groups<'a> {
    /// The groups of these keys; `None` where they do not have one identifier each of every join, or the rows that count are
    /// not known to their owner.
    fn of(branch: &'a Branch, root: usize, keys: &[Expr]) -> Option<Groups<'a>> {
        let mut groups =
            Groups { branch, root, identifiers: Vec::new(), own: Vec::new(), measures: Vec::new() };
        if branch.leaves.len() < 2 || branch.presence.get(root) != Some(&Presence::Always) {
            return None;
        }
        let names_root = |expr: &Expr| leaves_of(expr).contains(&root);
        for key in keys {
            match (groups.is_own(key), names_root(key)) {
                (true, _) => groups.own.push(key.clone()),
                (false, true) => return None,
                (false, false) => {}
            }
        }
        for join in &branch.joins {
            let Some(there) = other_side(join, root) else { continue };
            let here = side_of(join, root);
            if here.parts.iter().all(|part| keys.contains(part)) {
                continue;
            }
            if join.link != Link::Required || !there.parts.iter().all(|part| keys.contains(part)) {
                return None;
            }
            groups.identifiers.push(Identifier { side: here.clone(), normalised: join.normalised });
        }
        let guards = branch.presence.iter().filter_map(|presence| match presence {
            Presence::Where(guard) => Some(guard),
            Presence::Absent { found, .. } => Some(found),
            Presence::Always | Presence::Nowhere => None,
        });
        let elsewhere = branch.absences.iter().chain(guards).any(names_root)
            || branch.filters.iter().any(|filter| names_root(filter) && !groups.is_own(filter));
        (!elsewhere).then_some(groups)
    }

    /// Whether the owner of the leaf computes an expression alone.
    fn is_own(&self, expr: &Expr) -> bool {
        let leaves = leaves_of(expr);
        !names_shared(expr) && leaves.len() == 1 && leaves.contains(&self.root)
    }

    /// How many columns stand before those of the keys.
    fn parts(&self) -> usize {
        self.identifiers.iter().map(|identifier| identifier.side.parts.len()).sum()
    }

    fn column(&self, index: usize) -> Expr {
        symbol(self.root, index, "group")
    }

    /// A key that the owner computes.
    fn key(&self, key: &Expr) -> Expr {
        let place = self.own.iter().position(|own| own == key).unwrap_or_default();
        self.column(self.parts() + place)
    }

    /// A number that the owner computes of each group.
    fn measure(&mut self, measure: Expr) -> Expr {
        let place = self.measures.iter().position(|known| *known == measure).unwrap_or_else(|| {
            self.measures.push(measure);
            self.measures.len() - 1
        });
        self.column(self.parts() + self.own.len() + place)
    }

    /// An aggregate over the rows of a group, over symbols.
    fn value(&mut self, function: AggregateFunction, data_type: &DataType) -> Option<Expr> {
        let params = &function.params;
        let all: Vec<&Expr> = params.args.iter().chain(params.filter.iter().map(AsRef::as_ref)).collect();
        let constant = |expr: &Expr| leaves_of(expr).is_empty() && !names_shared(expr);
        if all.iter().all(|expr| self.is_own(expr) || constant(expr)) {
            return Some(self.measure(Expr::AggregateFunction(function)));
        }
        let ([argument], false) = (params.args.as_slice(), all.iter().any(|expr| self.is_own(expr))) else {
            return None;
        };
        if all.iter().any(|expr| leaves_of(expr).contains(&self.root)) {
            return None;
        }
        let name = function.func.name().to_ascii_lowercase();
        let (argument, filter) = (argument.clone(), params.filter.as_deref().cloned());
        let one = of_one_row(&name, argument, filter, data_type);
        let rows = || count(lit(1_i64));
        match (name.as_str(), params.distinct) {
            ("count", false) => {
                let rows = self.measure(rows());
                one.map(|counts| counts * rows)
            }
            ("sum", false) if data_type.is_integer() || is_float(data_type) => {
                let rows = self.measure(rows());
                one.map(|value| value * cast(rows, data_type.clone()))
            }
            ("sum", false) => None,
            _ => one,
        }
    }

    /// The rows of the branch with the groups in place of the leaf, and these columns.
    fn relation(self, columns: &[Expr], federation: &Federation) -> Result<Relation> {
        let leaf = self.leaf()?;
        let mut branch = self.branch.clone();
        branch.filters.retain(|filter| !leaves_of(filter).contains(&self.root));
        let mut before = 0;
        let named = |index: usize| {
            let name = leaf.names.get(index).map_or("", String::as_str);
            symbol(self.root, index, name)
        };
        for identifier in &self.identifiers {
            let parts: Vec<Expr> =
                (0..identifier.side.parts.len()).map(|part| named(before + part)).collect();
            before += parts.len();
            self.put(&mut branch, &identifier.side, &parts);
        }
        for (index, own) in self.own.iter().enumerate() {
            let column = named(before + index);
            for side in branch.joins.iter_mut().flat_map(|join| [&mut join.left, &mut join.right]) {
                let parts = side.parts.iter_mut().filter(|_| side.leaf == self.root);
                parts.filter(|part| *part == own).for_each(|part| *part = column.clone());
            }
        }
        let columns = columns.iter().map(|column| {
            replace(column, &|column| {
                place(column).filter(|(leaf, _)| *leaf == self.root).map(|(_, column)| named(column))
            })
        });
        branch.columns = columns.collect::<Result<_>>()?;
        if let Some(place) = branch.leaves.get_mut(self.root) {
            *place = leaf;
        }
        let of_root = |join: &&KeyJoin| other_side(join, self.root).is_some();
        let sides: Vec<KeySide> =
            branch.joins.iter().filter(of_root).map(|join| side_of(join, self.root).clone()).collect();
        if let [side] = sides.as_slice() {
            let found = pad(&mut branch, side, federation)?;
            branch.filters.extend(found);
        }
        Ok(vec![branch].into())
    }

    fn put(&self, branch: &mut Branch, identifier: &KeySide, parts: &[Expr]) {
        for side in branch.joins.iter_mut().flat_map(|join| [&mut join.left, &mut join.right]) {
            if side.leaf == self.root && side.parts == identifier.parts {
                side.parts = parts.to_vec();
            }
        }
    }

    /// The groups: the parts of the identifiers, the keys, the measures.
    fn leaf(&self) -> Result<Leaf> {
        let engine = |error| failure::engine(&error);
        let leaf = self.branch.leaves.get(self.root).ok_or_else(|| failure::internal("no leaf"))?;
        let input = renamed(leaf, "r")?;
        let local = |expr: &Expr| localised(expr, &input);
        let scope = self.branch.scope()?;
        let mut conditions = Vec::new();
        for filter in self.branch.filters.iter().filter(|filter| leaves_of(filter).contains(&self.root)) {
            infer(filter, &scope)?;
            conditions.push(local(filter)?);
        }
        // Rows without an identifier have no partner.
        for join in self.branch.joins.iter().filter(|join| join.link == Link::Required) {
            let own = [&join.left, &join.right].into_iter().filter(|side| side.leaf == self.root);
            for part in own.flat_map(|side| &side.parts) {
                conditions.push(local(part)?.is_not_null());
            }
        }
        let mut groups = Vec::new();
        let mut measures = Vec::new();
        for identifier in &self.identifiers {
            let parts = identifier.side.parts.iter().map(local).collect::<Result<Vec<_>>>()?;
            // Normal forms are equal part by part, so that any row of a group has the group's identifier.
            measures.extend(parts.iter().cloned().map(min));
            groups.extend(if identifier.normalised { vec![hashed().call(parts)] } else { parts });
        }
        let hidden = groups.len();
        for own in &self.own {
            groups.push(local(own)?);
        }
        for measure in &self.measures {
            measures.push(local(measure)?);
        }
        let named = |(index, expr): (usize, Expr)| expr.alias(format!("g{index}"));
        let count = groups.len();
        let groups: Vec<Expr> = groups.into_iter().enumerate().map(named).collect();
        let measures = measures.into_iter().enumerate().map(|(index, expr)| named((count + index, expr)));
        let kept = conditions.into_iter().reduce(Expr::and).unwrap_or_else(|| lit(true));
        let kept = LogicalPlanBuilder::from(input).filter(kept).and_then(LogicalPlanBuilder::build);
        let kept = kept.map_err(engine)?;
        let mut rows = leaf.clone();
        rows.scope.schema = kept.schema().as_ref().clone();
        rows.plan = kept.clone();
        let most = self.identifiers.iter().map(|identifier| rows_per_key(leaf, &identifier.side)).min();
        rows.keys.extend(most.map(|most| (std::collections::BTreeSet::new(), most)));
        let grouped = LogicalPlanBuilder::from(kept)
            .aggregate(groups, measures.collect::<Vec<_>>())
            .and_then(LogicalPlanBuilder::build)
            .map_err(engine)?;
        let LogicalPlan::Aggregate(aggregate) = &grouped else { return Err(failure::internal("no groups")) };
        let described = inner::aggregate(&grouped, aggregate, &rows)?;
        let all = grouped.schema().columns();
        let parts = self.parts();
        let shown = (count..count + parts).chain(hidden..count).chain(count + parts..all.len());
        let shown: Vec<Expr> = shown.filter_map(|index| all.get(index).cloned()).map(Expr::Column).collect();
        let plan = LogicalPlanBuilder::from(grouped.clone()).project(shown.clone());
        let plan = plan.and_then(LogicalPlanBuilder::build).map_err(engine)?;
        let mut found = project(&described, &shown)?;
        found.scope.schema = plan.schema().as_ref().clone();
        found.plan = plan;
        self.describe(leaf, &mut found);
        Ok(found)
    }

    /// What is known of the columns that stand for identifiers.
    fn describe(&self, leaf: &Leaf, groups: &mut Leaf) {
        let plain = |part: &Expr| match part {
            Expr::Column(column) => place(column).map(|(_, column)| column),
            _ => None,
        };
        let mut at = 0;
        for identifier in &self.identifiers {
            for part in &identifier.side.parts {
                if let (Some(column), Some(origin)) = (plain(part), groups.origins.get_mut(at)) {
                    *origin = leaf.origins.get(column).copied().flatten();
                }
                at += 1;
            }
        }
        groups.keys.push(((0..at + self.own.len()).collect(), 1));
        let mut before = 0;
        for identifier in &self.identifiers {
            let parts = identifier.side.parts.as_slice();
            let only = self.identifiers.len() == 1 && self.own.is_empty();
            let rows = if only { 1 } else { rows_per_key(leaf, &identifier.side) };
            groups.keys.push(((before..before + parts.len()).collect(), rows));
            if let ([part], Persons::Column { column, max_rows }) = (parts, &leaf.persons)
                && plain(part) == Some(*column)
            {
                let max_rows = if only { 1 } else { *max_rows };
                groups.persons = Persons::Column { column: before, max_rows };
            }
            before += parts.len();
        }
    }
}
