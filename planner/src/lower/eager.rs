//! Eager aggregation: the side of a join with several rows per identifier is summed per identifier at its owner, in the
//! clear, where the query allows it. The join is one to one then: a neutral seat that matches pseudonyms learns no
//! histogram of rows per person, and fewer rows are moved.
//!
//! It is sound for SUM and COUNT of that side's columns alone: a sum over joined rows is the sum of the identifiers' sums
//! over joined identifiers ([Yan and Larson, VLDB 1995](https://www.vldb.org/conf/1995/P345.PDF)). Whose persons are behind
//! a number stays the same, because an identifier is a person there, or nothing is withheld.
#![expect(clippy::wildcard_enum_match_arm, reason = "only plain columns and two aggregates are looked for")]

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::functions_aggregate::expr_fn::{bool_or, count, min, sum};
use datafusion::logical_expr::expr::{AggregateFunction, Case};
use datafusion::logical_expr::{
    Aggregate, EmptyRelation, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, lit,
};

use super::emit::name;
use super::facts::Facts;
use super::failure;
use super::guard::names_match;
use super::infer::{Scope, infer};
use super::inner::aggregate as inner_aggregate;
use super::leaf::{Leaf, Persons, is_conditional};
use super::rows::{
    Branch, KeyJoin, KeySide, Link, Presence, Relation, leaves_of, localised, place, renamed, symbol,
};
use super::tree::{is_known, rows_per_key, tree};
use crate::Result;
use crate::catalog::Federation;
use crate::function::hashed::hashed;

/// An aggregate over rows of which one table's are summed per identifier.
pub(super) struct Eager {
    /// The aggregate, with the columns of the one that it stands for, over the rows.
    pub(super) aggregate: Aggregate,
    /// For each of its aggregates, whether it is a count: 0, not NULL, over no rows.
    pub(super) counts: Vec<bool>,
    /// The rows.
    pub(super) relation: Relation,
}

/// What is asked of the table that is summed.
enum Part {
    /// The sum of an expression; 0 of its type, if it is never NULL.
    Sum(Expr, Option<ScalarValue>),
    /// The number of rows.
    Rows,
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
    if !counts_stay(branch, leaf, side, &parts, federation)? {
        return Ok(None);
    }
    let Ok(summed) = Summed::new(branch, tree.root, side, &parts) else { return Ok(None) };
    let mut keys = Vec::new();
    for key in &aggregate.group_expr {
        let key = branch.substitute(key, aggregate.input.schema())?;
        let part = side.parts.iter().position(|part| *part == key);
        keys.push(match part {
            Some(part) if !summed.normalised => summed.key(part),
            _ if leaves_of(&key).contains(&tree.root) || names_match(&key) => return Ok(None),
            _ => key,
        });
    }
    let values = parts.iter().enumerate().map(|(index, _)| summed.value(index)).collect::<Vec<_>>();
    let relation = summed.relation(branch, keys.iter().chain(&values).cloned().collect())?;
    let (aggregate, counts) = over(aggregate, &relation, &keys, &parts)?;
    Ok(Some(Eager { aggregate, counts, relation }))
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
        !leaves.contains(&root) || (leaves.len() == 1 && !names_match(expr))
    };
    let plain = branch.filters.iter().all(apart)
        && branch.absences.iter().all(|expr| !leaves_of(expr).contains(&root));
    let always = branch.presence.get(root) == Some(&Presence::Always) && join.link == Link::Required;
    (plain && always && leaf.whole.is_some() && rows_per_key(leaf, side) > 1).then_some(side)
}

/// What the aggregates ask of the root; `None` for others than SUM and COUNT of its columns.
fn parts(aggregate: &Aggregate, branch: &Branch, root: usize) -> Result<Option<Vec<Part>>> {
    let scope = branch.scope()?;
    let mut parts = Vec::new();
    for expr in &aggregate.aggr_expr {
        let Expr::AggregateFunction(AggregateFunction { func, params }) = expr.clone().unalias() else {
            return Ok(None);
        };
        let plain = !params.distinct && params.order_by.is_empty() && params.null_treatment.is_none();
        let ([argument], true, None) = (params.args.as_slice(), plain, &params.filter) else {
            return Ok(None);
        };
        let argument = branch.substitute(argument, aggregate.input.schema())?;
        let facts = infer(&argument, &scope)?;
        let leaves = leaves_of(&argument);
        let own = !names_match(&argument) && leaves.iter().all(|leaf| *leaf == root);
        parts.push(match func.name().to_ascii_lowercase().as_str() {
            "count" if !facts.nullable && own => Part::Rows,
            "sum" if own && !leaves.is_empty() && facts.range.is_some() => {
                let zero = ScalarValue::new_zero(&scope.data_type(&argument)?)
                    .map_err(|error| failure::engine(&error))?;
                Part::Sum(argument, (!facts.nullable).then_some(zero))
            }
            _ => return Ok(None),
        });
    }
    Ok(Some(parts).filter(|parts| !parts.is_empty()))
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
        Persons::Rows | Persons::Lost(_) => false,
    };
    let mut conditional = false;
    for part in parts {
        if let Part::Sum(argument, _) = part {
            let local = localised(argument, &leaf.plan)?;
            conditional |= is_conditional(&local, leaf)?;
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
    let where_met = |value: Expr, other: Option<ScalarValue>| match &condition {
        None => value,
        Some(condition) => Expr::Case(Case {
            expr: None,
            when_then_expr: vec![(Box::new(condition.clone()), Box::new(value))],
            else_expr: other.map(|other| Box::new(lit(other))),
        }),
    };
    let mut measures: Vec<Expr> = Vec::new();
    let known = identifier.clone();
    for (index, part) in identifier.into_iter().enumerate() {
        measures.push(min(part).alias(format!("k{index}")));
    }
    for (index, part) in parts.iter().enumerate() {
        let measure = match part {
            Part::Sum(argument, zero) => sum(where_met(localised(argument, &input)?, zero.clone())),
            Part::Rows => count(where_met(lit(1_i64), None)),
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
    // No identifier has more rows; where normal forms are equal too often, a sum beyond its range says so at the owner.
    rows.keys.push((BTreeSet::new(), rows_per_key(leaf, side)));
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
            known.nullable &= !matches!(part, Part::Rows | Part::Sum(_, Some(_)));
        }
        let outputs: Vec<Expr> =
            grouped.schema().columns().into_iter().skip(groups).map(Expr::Column).collect();
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
            Persons::Column { .. } | Persons::Rows => {
                Persons::Lost("the rows of several persons are summed before a join")
            }
        };
        let leaf = Leaf {
            scope: Scope { schema: plan.schema().as_ref().clone(), facts },
            plan,
            whole: Some(1),
            origins,
            keys: vec![((0..identifiers).collect(), 1)],
            persons,
            conditional: vec![false; names.len()],
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
        Ok(Relation { branches: vec![branch] })
    }
}

/// The aggregate over the columns of a relation: its keys, then what is summed.
fn over(
    aggregate: &Aggregate,
    relation: &Relation,
    keys: &[Expr],
    parts: &[Part],
) -> Result<(Aggregate, Vec<bool>)> {
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
    let input =
        LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema: Arc::new(schema) });
    let sums = values.iter().cloned().map(sum).collect();
    let schema = Arc::clone(&aggregate.schema);
    let over =
        Aggregate::try_new_with_schema(Arc::new(input), group.to_vec(), sums, schema).map_err(engine)?;
    Ok((over, parts.iter().map(|part| matches!(part, Part::Rows)).collect()))
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
