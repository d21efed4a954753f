//! Eager aggregation: the side of a join with several rows per identifier is summed per identifier at its owner, in the
//! clear, where the query allows it. The join is one to one then: a neutral seat that matches pseudonyms learns no
//! histogram of rows per person, and fewer rows are moved.
//!
//! It is sound for SUM, COUNT and AVG of that side's columns alone, with FILTER on that side alone: a sum over joined rows
//! is the sum of the identifiers' sums over joined identifiers
//! ([Yan and Larson, VLDB 1995](https://www.vldb.org/conf/1995/P345.PDF)), and a mean is a sum by a count. Whose persons
//! are behind a number stays the same, because an identifier is a person there, or nothing is withheld; the sum of an
//! identifier without a row that counts is NULL, and so is its count.
#![expect(clippy::wildcard_enum_match_arm, reason = "only plain columns and two aggregates are looked for")]

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::functions::core::expr_fn::nullif;
use datafusion::functions_aggregate::expr_fn::{bool_or, count, min, sum};
use datafusion::logical_expr::expr::{AggregateFunction, Case};
use datafusion::logical_expr::{
    Aggregate, EmptyRelation, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, lit,
};

use super::condition::has_condition;
use super::emit::name;
use super::facts::Facts;
use super::failure;
use super::guard::names_shared;
use super::infer::{Scope, infer};
use super::inner::aggregate as inner_aggregate;
use super::leaf::{Leaf, Persons};
use super::rows::{
    Branch, KeyJoin, KeySide, Link, Presence, Relation, key_columns, leaves_of, localised, place, renamed,
    symbol,
};
use super::tree::{is_known, staying_rows, table_names, tree};
use crate::Result;
use crate::catalog::Federation;
use crate::function::hashed::hashed;

/// An aggregate over rows of which one table's are summed per identifier.
#[derive(Clone)]
pub(super) struct Eager {
    /// The aggregate, with the columns of the one that it stands for, over the rows.
    pub(super) aggregate: Aggregate,
    /// What each of its aggregates is made of.
    pub(super) sums: Vec<OfSums>,
    /// The rows.
    pub(super) relation: Relation,
    /// The table that is summed.
    pub(super) table: String,
}

/// What an aggregate is made of, over rows that are sums.
#[derive(Clone, Debug)]
pub(super) enum OfSums {
    /// The sum of the sums.
    Sum,
    /// The same, 0 over no rows.
    Count,
    /// The sum of the sums by this sum of counts.
    Mean {
        /// The sum of the counts.
        rows: Box<Expr>,
        /// What is known of the values that were summed.
        facts: Box<Facts>,
    },
}

/// What is asked of the table that is summed.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// The sum of an expression over the rows that meet a condition; 0 of its type, if there is none and it is never NULL.
    Sum(Expr, Option<Expr>, Option<ScalarValue>),
    /// The number of rows.
    Rows,
    /// The number of rows that meet a condition and in which an expression is not NULL; NULL where there is none.
    Count(Expr, Option<Expr>),
}

/// What an aggregate asks: places among the parts.
enum Asked {
    Sum(usize),
    Count(usize),
    Mean { sum: usize, rows: usize, facts: Box<Facts> },
}

/// What all aggregates ask, each thing once.
#[derive(Default)]
struct Parts {
    parts: Vec<Part>,
    asked: Vec<Asked>,
}

impl Parts {
    fn place(&mut self, part: Part) -> usize {
        let known = self.parts.iter().position(|other| *other == part);
        known.unwrap_or_else(|| {
            self.parts.push(part);
            self.parts.len() - 1
        })
    }
}

/// The aggregate with the side of its join that has several rows per identifier summed first, if that is sound.
pub(super) fn eager(
    aggregate: &Aggregate,
    relation: &Relation,
    federation: &Federation,
) -> Result<Option<Eager>> {
    let ([branch], None) =
        (relation.branches.as_slice(), relation.branches.iter().find(|branch| branch.once.is_some()))
    else {
        return Ok(None);
    };
    let Ok(tree) = tree(branch, federation) else { return Ok(None) };
    // Sums may leave another table in place, which must not take more for granted.
    let Some(side) = only_join(branch, tree.root).filter(|_| is_known(branch, &tree)) else {
        return Ok(None);
    };
    let Some(leaf) = branch.leaves.get(tree.root) else { return Ok(None) };
    let Some(parts) = parts(aggregate, branch, tree.root)? else { return Ok(None) };
    if !counts_stay(branch, leaf, side, &parts.parts, federation)? {
        return Ok(None);
    }
    let Ok(summed) = Summed::new(branch, tree.root, side, &parts.parts) else { return Ok(None) };
    let mut keys = Vec::new();
    for key in &aggregate.group_expr {
        let key = branch.substitute(key, aggregate.input.schema())?;
        let part = side.parts.iter().position(|part| *part == key);
        keys.push(match part {
            Some(part) if !summed.normalised => summed.key(part),
            _ if leaves_of(&key).contains(&tree.root) || names_shared(&key) => return Ok(None),
            _ => key,
        });
    }
    let values = parts.parts.iter().enumerate().map(|(index, _)| summed.value(index)).collect::<Vec<_>>();
    let relation = summed.relation(branch, keys.iter().chain(&values).cloned().collect())?;
    let (aggregate, sums) = over(aggregate, &relation, &keys, &parts.asked)?;
    let table = table_names(leaf, federation);
    Ok(Some(Eager { aggregate, sums, relation, table }))
}

/// The side of the only join of a leaf, if several of its rows may have the same identifier, every row that counts has a
/// part of it, and no condition compares it with other tables.
fn only_join(branch: &Branch, root: usize) -> Option<&KeySide> {
    let mut joins = branch.joins.iter().filter(|join| join.left.leaf == root || join.right.leaf == root);
    let (join, None) = (joins.next()?, joins.next()) else { return None };
    let side = if join.left.leaf == root { &join.left } else { &join.right };
    let leaf = branch.leaves.get(root)?;
    let apart = |expr: &Expr| {
        let leaves = leaves_of(expr);
        !leaves.contains(&root) || (leaves.len() == 1 && !names_shared(expr))
    };
    let plain = branch.filters.iter().all(apart)
        && branch.absences.iter().all(|expr| !leaves_of(expr).contains(&root));
    let always = branch.presence.get(root) == Some(&Presence::Always) && join.link == Link::Required;
    (plain && always && leaf.whole.is_some() && staying_rows(join, root, leaf) > 1).then_some(side)
}

/// What the aggregates ask of the root; `None` for others than SUM, COUNT and AVG of its columns.
fn parts(aggregate: &Aggregate, branch: &Branch, root: usize) -> Result<Option<Parts>> {
    let scope = branch.scope()?;
    let mut parts = Parts::default();
    for expr in &aggregate.aggr_expr {
        let Expr::AggregateFunction(AggregateFunction { func, params }) = expr.clone().unalias() else {
            return Ok(None);
        };
        let plain = !params.distinct && params.order_by.is_empty() && params.null_treatment.is_none();
        let ([argument], true) = (params.args.as_slice(), plain) else { return Ok(None) };
        let schema = aggregate.input.schema();
        let argument = branch.substitute(argument, schema)?;
        let filter = params.filter.as_ref().map(|filter| branch.substitute(filter, schema)).transpose()?;
        let facts = infer(&argument, &scope)?;
        if let Some(filter) = &filter {
            infer(filter, &scope)?;
        }
        let own = |expr: &Expr| !names_shared(expr) && leaves_of(expr).iter().all(|leaf| *leaf == root);
        if !own(&argument) || !filter.iter().all(own) {
            return Ok(None);
        }
        let summable = !leaves_of(&argument).is_empty() && facts.range.is_some();
        let zero = ScalarValue::new_zero(&scope.data_type(&argument)?).ok();
        let zero = zero.filter(|_| !facts.nullable && filter.is_none());
        let rows = match zero {
            _ if facts.nullable || filter.is_some() => Part::Count(argument.clone(), filter.clone()),
            _ => Part::Rows,
        };
        let total = Part::Sum(argument, filter, zero);
        let asked = match func.name().to_ascii_lowercase().as_str() {
            "count" => Asked::Count(parts.place(rows)),
            "sum" if summable => Asked::Sum(parts.place(total)),
            "avg" | "mean" if summable => {
                Asked::Mean { sum: parts.place(total), rows: parts.place(rows), facts: Box::new(facts) }
            }
            _ => return Ok(None),
        };
        parts.asked.push(asked);
    }
    Ok(Some(parts).filter(|parts| !parts.asked.is_empty()))
}

/// Whether persons are counted, and counts are rounded, as they would be without.
fn counts_stay(
    branch: &Branch,
    leaf: &Leaf,
    side: &KeySide,
    parts: &[Part],
    federation: &Federation,
) -> Result<bool> {
    let rules = branch.leaves.iter().filter_map(|leaf| federation.parties.get(leaf.owner.0));
    let rules: Vec<_> = rules.map(|party| &party.release).collect();
    if rules.iter().any(|rules| rules.round_counts > 0) {
        return Ok(false);
    }
    if rules.iter().all(|rules| rules.min_people <= 1) {
        return Ok(true);
    }
    let person = match &leaf.persons {
        Persons::Column { column, .. } => {
            side.parts.len() == 1 && side.parts.iter().any(|part| plain(part) == Some(*column))
        }
        Persons::Either { .. } | Persons::Rows | Persons::Gated | Persons::Lost(_) => false,
    };
    let mut conditional = false;
    for part in parts {
        if let Part::Sum(argument, _, _) = part {
            let local = localised(argument, &leaf.plan)?;
            conditional |= has_condition(&local, &leaf.scope)?;
        }
    }
    Ok(person && !conditional)
}

/// A leaf summed per identifier.
struct Summed {
    leaf: Leaf,
    place: usize,
    /// Parts of the identifier, which come first.
    keys: usize,
    /// Whether there is a last column that says whether a row met the conditions.
    selected: bool,
    normalised: bool,
}

/// The local plan of the sums of a leaf, before the columns that it is grouped by are left out.
struct Sums {
    /// The rows that are summed, with what is known of them.
    rows: Leaf,
    plan: LogicalPlan,
    /// How many columns rows are grouped by.
    groups: usize,
    /// Whether there is a condition.
    selected: bool,
}

/// Groups the rows of a leaf by an identifier.
fn sums(branch: &Branch, root: usize, side: &KeySide, normalised: bool, parts: &[Part]) -> Result<Sums> {
    let engine = |error| failure::engine(&error);
    let leaf = branch.leaves.get(root).ok_or_else(missing)?;
    let input = renamed(leaf, "r")?;
    let identifier = side.parts.iter().map(|part| localised(part, &input)).collect::<Result<Vec<_>>>()?;
    let named = |(index, part): (usize, Expr)| part.alias(format!("g{index}"));
    let groups: Vec<Expr> =
        if normalised { vec![hashed().call(identifier.clone())] } else { identifier.clone() };
    let groups: Vec<Expr> = groups.into_iter().enumerate().map(named).collect();
    let mut condition: Option<Expr> = None;
    for filter in branch.filters.iter().filter(|filter| leaves_of(filter).contains(&root)) {
        infer(filter, &branch.scope()?)?;
        let filter = localised(filter, &input)?;
        condition = Some(condition.map_or(filter.clone(), |before| before.and(filter)));
    }
    let where_met = |value: Expr, filter: Option<&Expr>, other: Option<ScalarValue>| {
        let filter = filter.map(|filter| localised(filter, &input)).transpose()?;
        let all = condition.iter().cloned().chain(filter).reduce(Expr::and);
        Ok::<Expr, crate::Error>(match all {
            None => value,
            Some(all) => Expr::Case(Case {
                expr: None,
                when_then_expr: vec![(Box::new(all), Box::new(value))],
                else_expr: other.map(|other| Box::new(lit(other))),
            }),
        })
    };
    let mut measures: Vec<Expr> = Vec::new();
    let known = identifier.clone();
    for (index, part) in identifier.into_iter().enumerate() {
        measures.push(min(part).alias(format!("k{index}")));
    }
    for (index, part) in parts.iter().enumerate() {
        let measure = match part {
            Part::Sum(argument, filter, zero) => {
                sum(where_met(localised(argument, &input)?, filter.as_ref(), zero.clone())?)
            }
            Part::Rows => count(where_met(lit(1_i64), None, None)?),
            Part::Count(argument, filter) => {
                count(where_met(localised(argument, &input)?, filter.as_ref(), None)?)
            }
        };
        measures.push(measure.alias(format!("s{index}")));
    }
    let selected = condition.is_some();
    measures.extend(condition.map(|condition| bool_or(condition).alias("selected")));
    let count = groups.len();
    // Rows without an identifier have no partner, and there may be more of them than of any person.
    let known = known.into_iter().map(|part| Expr::IsNotNull(Box::new(part))).reduce(Expr::and);
    let known = known.ok_or_else(missing)?;
    let plan = LogicalPlanBuilder::from(input.clone()).filter(known);
    let plan = plan.and_then(|plan| plan.aggregate(groups, measures));
    let plan = plan.and_then(LogicalPlanBuilder::build).map_err(engine)?;
    let mut rows = leaf.clone();
    rows.scope.schema = input.schema().as_ref().clone();
    rows.plan = input;
    // No identifier has more rows, as far as anything is declared of it: nothing is taken for granted, as in joins. Where
    // normal forms are equal too often, a sum beyond its range says so at the owner.
    let declared = key_columns(side, leaf).and_then(|key| leaf.known_rows_per_key(&key));
    rows.keys.push((BTreeSet::new(), declared.unwrap_or(leaf.bound).min(leaf.bound)));
    Ok(Sums { rows, plan, groups: count, selected })
}

impl Summed {
    fn new(branch: &Branch, root: usize, side: &KeySide, parts: &[Part]) -> Result<Summed> {
        let of_root = |join: &&KeyJoin| join.left.leaf == root || join.right.leaf == root;
        let normalised = branch.joins.iter().find(of_root).ok_or_else(missing)?.normalised;
        let Sums { rows, plan: grouped, groups, selected } = sums(branch, root, side, normalised, parts)?;
        let LogicalPlan::Aggregate(aggregate) = &grouped else { return Err(missing()) };
        let identifiers = side.parts.len();
        let mut facts: Vec<Facts> =
            inner_aggregate(&grouped, aggregate, &rows)?.scope.facts.into_iter().skip(groups).collect();
        // An identifier has a row, so that the sum of what is never NULL is not.
        for (part, known) in parts.iter().zip(facts.iter_mut().skip(identifiers)) {
            known.nullable &= !matches!(part, Part::Rows | Part::Sum(_, _, Some(_)));
            known.nullable |= matches!(part, Part::Count(..));
        }
        let of = |(index, column): (usize, Column)| {
            let part = index.checked_sub(identifiers).and_then(|part| parts.get(part));
            let name = column.name.clone();
            let column = Expr::Column(column);
            // A count of nothing is nobody's.
            match part {
                Some(Part::Count(..)) => nullif(column, lit(0_i64)).alias(name),
                Some(Part::Sum(..) | Part::Rows) | None => column,
            }
        };
        let columns = grouped.schema().columns().into_iter().skip(groups);
        let outputs: Vec<Expr> = columns.enumerate().map(of).collect();
        let plan = LogicalPlanBuilder::from(grouped.clone()).project(outputs);
        let plan = plan.and_then(LogicalPlanBuilder::build).map_err(|error| failure::engine(&error))?;
        let columns: Vec<Option<usize>> = side.parts.iter().map(plain).collect();
        let origin = |column: &Option<usize>| rows.origins.get((*column)?).copied().flatten();
        let mut origins: Vec<_> = columns.iter().map(origin).collect();
        let names = plan.schema().field_names();
        origins.resize(names.len(), None);
        let persons = match rows.persons {
            Persons::Column { column, .. } if columns == [Some(column)] => {
                Persons::Column { column: 0, max_rows: 1 }
            }
            Persons::Lost(why) => Persons::Lost(why),
            Persons::Column { .. } | Persons::Either { .. } | Persons::Rows | Persons::Gated => {
                Persons::Lost("the rows of several persons are summed before a join")
            }
        };
        let leaf = Leaf {
            scope: Scope { schema: plan.schema().as_ref().clone(), facts },
            plan,
            whole: Some(1),
            origins,
            keys: vec![((0..identifiers).collect(), 1)],
            taken: Vec::new(),
            persons,
            branched: vec![false; names.len()],
            names,
            ..rows
        };
        Ok(Summed { leaf, place: root, keys: identifiers, selected, normalised })
    }

    fn column(&self, index: usize) -> Expr {
        let name = self.leaf.names.get(index).map_or("", String::as_str);
        symbol(self.place, index, name)
    }

    /// A part of the identifier.
    fn key(&self, part: usize) -> Expr {
        self.column(part)
    }

    /// A sum or a number of rows.
    fn value(&self, part: usize) -> Expr {
        self.column(self.keys + part)
    }

    /// The rows of a branch with the leaf in its place, and these columns.
    fn relation(&self, branch: &Branch, columns: Vec<Expr>) -> Result<Relation> {
        let mut branch = branch.clone();
        branch.filters.retain(|filter| !leaves_of(filter).contains(&self.place));
        if self.selected {
            branch.filters.push(self.column(self.leaf.names.len() - 1));
        }
        let parts: Vec<Expr> = (0..self.keys).map(|part| self.key(part)).collect();
        for join in &mut branch.joins {
            for side in [&mut join.left, &mut join.right] {
                if side.leaf == self.place {
                    side.parts.clone_from(&parts);
                }
            }
        }
        let leaf = branch.leaves.get_mut(self.place).ok_or_else(missing)?;
        *leaf = self.leaf.clone();
        branch.columns = columns;
        Ok(vec![branch].into())
    }
}

/// The aggregate over the columns of a relation: its keys, then what is summed; and what its aggregates are made of.
fn over(
    aggregate: &Aggregate,
    relation: &Relation,
    keys: &[Expr],
    asked: &[Asked],
) -> Result<(Aggregate, Vec<OfSums>)> {
    let engine = |error| failure::engine(&error);
    let branch = relation.branches.first().ok_or_else(|| failure::internal("no rows at all"))?;
    let scope = branch.scope()?;
    let mut fields = Vec::new();
    for (index, column) in branch.columns.iter().enumerate() {
        let data_type: DataType = column.get_type(&scope.schema).map_err(engine)?;
        fields.push(Field::new(format!("{index} {}", name(column)), data_type, true));
    }
    let schema = DFSchema::try_from(Schema::new(fields)).map_err(engine)?;
    let columns: Vec<Expr> =
        schema.fields().iter().map(|field| Expr::Column(Column::new_unqualified(field.name()))).collect();
    let (group, values) = columns.split_at(keys.len().min(columns.len()));
    let total = |part: usize| values.get(part).cloned().map(sum).ok_or_else(missing);
    let (mut totals, mut sums) = (Vec::new(), Vec::new());
    for asked in asked {
        let (part, of) = match asked {
            Asked::Sum(part) => (*part, OfSums::Sum),
            Asked::Count(part) => (*part, OfSums::Count),
            Asked::Mean { sum, rows, facts } => {
                (*sum, OfSums::Mean { rows: Box::new(total(*rows)?), facts: facts.clone() })
            }
        };
        totals.push(total(part)?);
        sums.push(of);
    }
    let input =
        LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema: Arc::new(schema) });
    let schema = Arc::clone(&aggregate.schema);
    let over =
        Aggregate::try_new_with_schema(Arc::new(input), group.to_vec(), totals, schema).map_err(engine)?;
    Ok((over, sums))
}

/// The column of its leaf that an expression is.
fn plain(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Column(column) => place(column).map(|(_, column)| column),
        _ => None,
    }
}

fn missing() -> crate::Error {
    failure::internal("a join of no leaf")
}
