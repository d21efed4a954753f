//! Rows of several owners in a normal form: a union of joins of one owner's rows each, with columns and conditions as
//! expressions over these.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is refused"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, JoinType, NullEquality, TableReference};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, Filter, Join, LogicalPlan, LogicalPlanBuilder, Projection, lit};

use super::beside::whole;
use super::facts::Facts;
use super::infer::{Scope, infer};
use super::inline::joined_subqueries;
use super::leaf::{Leaf, On, Persons, beside, describe, first_known, name, owners, whole_table};
use super::per_identifier::per_identifier;
use super::secret::{self, Secret};
use super::with_person::keeping_person;
use super::{failure, guard, lookup, outer, picked_rows, subquery};
use crate::Result;
use crate::catalog::Federation;
use crate::function::hashed::hashed;

/// Rows: those of all branches, on top of each other.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    /// At least one; all have the same number of columns, of the same types.
    pub(crate) branches: Vec<Branch>,
    /// Where a row of these may be there several times: other branches, if there are some, in which every row is there once.
    pub(crate) once: Vec<Branch>,
}

impl From<Vec<Branch>> for Relation {
    fn from(branches: Vec<Branch>) -> Relation {
        Relation { branches, once: Vec::new() }
    }
}

impl Relation {
    /// The rows, each of them once if that can be.
    pub(crate) fn settled(self) -> Relation {
        if self.once.is_empty() { self } else { Relation::from(self.once) }
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Branch> {
        self.branches.iter_mut().chain(&mut self.once)
    }
}

/// Rows of one leaf, or of several joined across owners.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    /// One owner's rows each.
    pub(crate) leaves: Vec<Leaf>,
    /// How they are joined; a tree.
    pub(crate) joins: Vec<KeyJoin>,
    /// The columns of the rows: expressions over [`symbol`]s.
    pub(crate) columns: Vec<Expr>,
    /// Conditions that a row must meet, over symbols too.
    pub(crate) filters: Vec<Expr>,
    /// Conditions that a row must not meet: those of anti joins.
    pub(crate) absences: Vec<Expr>,
    /// For each leaf, in which rows it has a part.
    pub(crate) presence: Vec<Presence>,
    /// Where a row may be there several times, once for each partner that IN or EXISTS finds: what tells rows apart.
    pub(crate) once: Option<Expr>,
    /// The leaf that stays in place where the others are moved beside it, once that is chosen.
    pub(crate) root: Option<usize>,
    /// Values of scalar subqueries, the same for all rows, known to nobody.
    pub(crate) secrets: Vec<Secret>,
}

/// In which rows a leaf has a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// In all that count.
    Always,
    /// In those that count where a condition holds: the optional side of an outer join.
    Where(Expr),
    /// In those that count but for an absence, where it has a partner itself.
    Absent {
        /// Which absence.
        number: usize,
        /// Where the leaf has a partner: the absence, or one of several that it is made of.
        found: Expr,
    },
    /// In none: it says where a partner is missing, and another part of the join counts its persons.
    Nowhere,
}

/// What a join asks of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// A partner on both sides.
    Required,
    /// Nothing: rows of the left side stay without a partner; conditions say where there is one. The right side moves.
    Optional,
    /// Nothing: a join inside an optional side, whose match is part of a condition.
    Inside,
}

/// Equality of identifiers of two leaves.
#[derive(Clone, Debug)]
pub(crate) struct KeyJoin {
    /// One side.
    pub(crate) left: KeySide,
    /// The other.
    pub(crate) right: KeySide,
    /// Whether identifiers are normalised (HASHED) or compared as they are.
    pub(crate) normalised: bool,
    /// What it asks of rows.
    pub(crate) link: Link,
}

impl KeyJoin {
    /// Expressions whose equality is that of the identifiers of a side.
    pub(crate) fn identifier(&self, side: &KeySide) -> Vec<Expr> {
        if self.normalised { vec![hashed().call(side.parts.clone())] } else { side.parts.clone() }
    }
}

/// The identifier of a leaf.
#[derive(Clone, Debug)]
pub(crate) struct KeySide {
    /// The leaf.
    pub(crate) leaf: usize,
    /// Its parts, over symbols of the leaf.
    pub(crate) parts: Vec<Expr>,
    /// Whether they are no identifier, but values that are compared on shares only, as in a condition: columns that allow
    /// `filter`. Nothing is taken for granted of how often they repeat.
    pub(crate) inside: bool,
}

impl KeySide {
    /// An identifier.
    pub(crate) fn of(leaf: usize, parts: Vec<Expr>) -> KeySide {
        KeySide { leaf, parts, inside: false }
    }
}

/// Column `column` of leaf `leaf`, as expressions name it: `#leaf."column:name"`.
pub(crate) fn symbol(leaf: usize, column: usize, name: &str) -> Expr {
    Expr::Column(Column::new(Some(qualifier(leaf)), format!("{column}:{name}")))
}

fn qualifier(leaf: usize) -> TableReference {
    TableReference::bare(format!("#{leaf}"))
}

/// The leaf and column that a symbol stands for.
pub(crate) fn place(column: &Column) -> Option<(usize, usize)> {
    let leaf = column.relation.as_ref()?.table().strip_prefix('#')?.parse().ok()?;
    Some((leaf, column.name.split(':').next()?.parse().ok()?))
}

/// The leaves that an expression names.
pub(crate) fn leaves_of(expr: &Expr) -> BTreeSet<usize> {
    expr.column_refs().into_iter().filter_map(place).map(|(leaf, _)| leaf).collect()
}

/// Replaces columns and drops aliases.
pub(crate) fn replace(expr: &Expr, with: &dyn Fn(&Column) -> Option<Expr>) -> Result<Expr> {
    let replaced = expr.clone().transform_up(|part| {
        Ok(match part {
            Expr::Column(ref column) => match with(column) {
                Some(other) => Transformed::yes(other),
                None => Transformed::no(part),
            },
            Expr::Alias(alias) => Transformed::yes(*alias.expr),
            other => Transformed::no(other),
        })
    });
    replaced.map(|replaced| replaced.data).map_err(|error| failure::engine(&error))
}

impl Branch {
    /// The rows of one leaf.
    pub(crate) fn of_leaf(leaf: Leaf) -> Branch {
        let columns = leaf.names.iter().enumerate().map(|(column, name)| symbol(0, column, name)).collect();
        Branch {
            leaves: vec![leaf],
            joins: Vec::new(),
            columns,
            filters: Vec::new(),
            absences: Vec::new(),
            presence: vec![Presence::Always],
            once: None,
            root: None,
            secrets: Vec::new(),
        }
    }

    /// What is known of all symbols.
    pub(crate) fn scope(&self) -> Result<Scope> {
        let mut fields = Vec::new();
        let mut qualifiers = Vec::new();
        let mut facts = Vec::new();
        for (index, leaf) in self.leaves.iter().enumerate() {
            for (column, (name, known)) in leaf.names.iter().zip(&leaf.scope.facts).enumerate() {
                fields.push(Field::new(format!("{column}:{name}"), known.data_type.clone(), known.nullable));
                qualifiers.push(Some(qualifier(index)));
                facts.push(known.clone());
            }
        }
        for join in 0..self.joins.len() {
            if let Expr::Column(column) = guard::matched(join) {
                fields.push(Field::new(column.name, DataType::Boolean, false));
                qualifiers.push(column.relation);
                facts.push(Facts::truth(false));
            }
        }
        let schema =
            DFSchema::from_field_specific_qualified_schema(qualifiers, &Arc::new(Schema::new(fields)));
        let schema = schema.map_err(|error| failure::engine(&error))?;
        let mut scope = Scope { schema, facts };
        secret::extend(&mut scope, &self.secrets)?;
        Ok(scope)
    }

    /// An expression over the columns of a plan whose rows these are, over symbols.
    pub(crate) fn substitute(&self, expr: &Expr, schema: &DFSchema) -> Result<Expr> {
        replace(expr, &|column| {
            let index = schema.index_of_column(column).ok()?;
            self.columns.get(index).cloned()
        })
    }

    /// Leaves out the rows of a derived table that do not meet conditions on how often a column may have the same value.
    fn pick(&mut self, predicate: &Expr, schema: &DFSchema) -> Result<()> {
        let ([leaf], []) = (self.leaves.as_slice(), self.joins.as_slice()) else { return Ok(()) };
        if leaf.whole.is_some() {
            return Ok(());
        }
        let mut leaf = leaf.clone();
        for condition in split_conjunction(predicate) {
            let condition = localised(&self.substitute(condition, schema)?, &leaf.plan)?;
            if picked_rows::tells(&leaf, &condition) {
                let plan = Filter::try_new(condition.clone(), Arc::new(leaf.plan.clone()));
                leaf.plan = LogicalPlan::Filter(plan.map_err(|error| failure::engine(&error))?);
                leaf = picked_rows::filter(leaf, &condition)?;
            }
        }
        self.leaves = vec![leaf];
        Ok(())
    }

    /// Adds conditions; each is proved not to fail.
    fn filter(&mut self, predicate: &Expr, schema: &DFSchema) -> Result<()> {
        for condition in split_conjunction(predicate) {
            let condition = self.substitute(condition, schema)?;
            self.filters.push(condition);
        }
        Ok(())
    }
}

/// The normal form of the rows of a plan.
///
/// # Errors
/// Invalid for what is not built; refused where an expression may fail.
pub(crate) fn normalise(plan: &LogicalPlan, federation: &Federation) -> Result<Relation> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let leaf = whole_table(scan, federation)?;
            let mut branch = Branch::of_leaf(leaf);
            if let Some(projection) = &scan.projection {
                let picked = projection.iter().map(|&column| branch.columns.get(column).cloned());
                branch.columns =
                    picked.collect::<Option<_>>().ok_or_else(|| failure::internal("a scan's columns"))?;
            }
            Ok(vec![branch].into())
        }
        gated if lookup::is_gated(gated, federation)? => {
            Ok(vec![Branch::of_leaf(describe(gated, federation)?)].into())
        }
        LogicalPlan::SubqueryAlias(alias) => normalise(&alias.input, federation),
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => normalise(&sort.input, federation),
        LogicalPlan::Projection(projection) => {
            let mut relation = normalise(&projection.input, federation)?;
            for branch in relation.all() {
                let mut columns = Vec::new();
                for expr in &projection.expr {
                    let expr = branch.substitute(expr, projection.input.schema())?;
                    columns.push(subquery::attached(branch, expr, federation)?);
                }
                branch.columns = columns;
            }
            Ok(relation)
        }
        LogicalPlan::Filter(filter) => {
            let mut relation = normalise(&filter.input, federation)?;
            for branch in relation.all() {
                branch.pick(&filter.predicate, filter.input.schema())?;
                branch.filter(&filter.predicate, filter.input.schema())?;
                for index in 0..branch.filters.len() {
                    let filter = branch.filters.get(index).cloned().unwrap_or_else(|| lit(true));
                    let filter = subquery::attached(branch, filter, federation)?;
                    if let Some(place) = branch.filters.get_mut(index) {
                        *place = filter;
                    }
                }
            }
            Ok(relation)
        }
        LogicalPlan::Join(join) if join.join_type == JoinType::Inner && owners(plan)?.len() == 1 => {
            normalise_local_join(join, federation)
        }
        other if owners(other)?.len() == 1 => Ok(vec![of_owner(other, federation)?].into()),
        LogicalPlan::Join(join) => outer::join(join, federation),
        LogicalPlan::Aggregate(aggregate) => per_identifier(aggregate, federation),
        LogicalPlan::Union(union) => {
            let mut branches = Vec::new();
            for input in &union.inputs {
                branches.extend(normalise(input, federation)?.settled().branches);
            }
            Ok(branches.into())
        }
        other => Err(failure::not_built(format!("{} across owners", name(other)))),
    }
}

/// What one owner makes of its own rows.
fn of_owner(rows: &LogicalPlan, federation: &Federation) -> Result<Branch> {
    let (plan, there) = lookup::gated_lookups(joined_subqueries(rows)?, federation)?;
    let plan = keeping_person(plan, federation)?;
    let mut branch = Branch::of_leaf(describe(&plan, federation)?);
    for (column, value) in rows.schema().columns().iter().zip(&mut branch.columns) {
        if there.contains(column) {
            *value = lit(true);
        }
    }
    Ok(branch)
}

/// An inner join of tables of one owner.
fn normalise_local_join(join: &Join, federation: &Federation) -> Result<Relation> {
    if join.null_equality != NullEquality::NullEqualsNothing {
        return Err(failure::not_built("a join on IS NOT DISTINCT FROM"));
    }
    let gated = lookup::gated(join, federation)?;
    let left = normalise(&join.left, federation)?;
    let right = normalise(gated.as_ref().unwrap_or(&join.right), federation)?;
    let mut branches = Vec::new();
    for l in &left.branches {
        for r in &right.branches {
            let mut branch = merge(l, r, join)?;
            lookup::is_there(gated.as_ref(), join, &mut branch, federation)?;
            if let Some(filter) = &join.filter {
                branch.filter(filter, &join.schema)?;
            }
            branches.push(branch);
        }
    }
    Ok(branches.into())
}

/// An inner join of two tables of one owner: one leaf.
fn merge(left: &Branch, right: &Branch, join: &Join) -> Result<Branch> {
    let ([l], [r]) = (left.leaves.as_slice(), right.leaves.as_slice()) else {
        return Err(failure::internal("one owner's rows in several leaves"));
    };
    let mut on = On::default();
    let mut pairs = Vec::new();
    let (l_plan, r_plan) = (renamed(l, "l")?, renamed(r, "r")?);
    for (a, b) in &join.on {
        let a = left.substitute(a, join.left.schema())?;
        let b = right.substitute(b, join.right.schema())?;
        let (left_scope, right_scope) = (left.scope()?, right.scope()?);
        infer(&a, &left_scope)?;
        infer(&b, &right_scope)?;
        on.pair((&a, &left_scope), (&b, &right_scope), &|expr, _| plain_symbol(expr))?;
        pairs.push((localised(&a, &l_plan)?, localised(&b, &r_plan)?));
    }
    let joined = if pairs.is_empty() {
        LogicalPlanBuilder::from(l_plan).cross_join(r_plan)
    } else {
        let (l_keys, r_keys): (Vec<Expr>, Vec<Expr>) = pairs.into_iter().unzip();
        LogicalPlanBuilder::from(l_plan).join_with_expr_keys(r_plan, JoinType::Inner, (l_keys, r_keys), None)
    };
    let plan = joined.and_then(LogicalPlanBuilder::build).map_err(|error| failure::engine(&error))?;
    let mut leaf = beside(l, r, &on)?;
    leaf.scope.schema = plan.schema().as_ref().clone();
    leaf.plan = plan;
    leaf.whole = whole(&leaf, l, r);
    let shift = l.scope.facts.len();
    let moved = |expr: &Expr| {
        replace(expr, &|column| {
            let (_, index) = place(column)?;
            r.names.get(index).map(|name| symbol(0, index + shift, name))
        })
    };
    let mut branch = Branch::of_leaf(leaf);
    branch.columns.clone_from(&left.columns);
    branch.filters.clone_from(&left.filters);
    for expr in &right.columns {
        branch.columns.push(moved(expr)?);
    }
    for expr in &right.filters {
        branch.filters.push(moved(expr)?);
    }
    Ok(branch)
}

/// The plan of a leaf with its columns named `l0`, `l1`, ...
pub(crate) fn renamed(leaf: &Leaf, prefix: &str) -> Result<LogicalPlan> {
    let columns = leaf.plan.schema().columns().into_iter().enumerate();
    let exprs =
        columns.map(|(index, column)| Expr::Column(column).alias(format!("{prefix}{index}"))).collect();
    let projection = Projection::try_new(exprs, Arc::new(leaf.plan.clone()));
    Ok(LogicalPlan::Projection(projection.map_err(|error| failure::engine(&error))?))
}

fn plain_symbol(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Column(column) => place(column).map(|(_, column)| column),
        _ => None,
    }
}

/// An expression over the symbols of one leaf, over the columns of that leaf's plan.
pub(crate) fn localised(expr: &Expr, plan: &LogicalPlan) -> Result<Expr> {
    let columns = plan.schema().columns();
    replace(expr, &|column| {
        place(column).and_then(|(_, column)| columns.get(column).cloned()).map(Expr::Column)
    })
}

/// The columns of a leaf that are the parts of an identifier, or are cast to wider integers there; `None` where a part is another expression.
pub(crate) fn key_columns(side: &KeySide, leaf: &Leaf) -> Option<BTreeSet<usize>> {
    let plain = |part: &Expr| match part {
        Expr::Cast(cast) => plain_symbol(&cast.expr).filter(|column| {
            let from = leaf.scope.facts.get(*column).map(|facts| &facts.data_type);
            from.is_some_and(|from| is_wider(from, cast.field.data_type()))
        }),
        other => plain_symbol(other),
    };
    let columns: Option<BTreeSet<usize>> = side.parts.iter().map(plain).collect();
    columns.filter(|columns| columns.iter().all(|column| *column < leaf.scope.facts.len()))
}

/// Whether different integers of a type are different ones of another.
fn is_wider(from: &DataType, to: &DataType) -> bool {
    let whole = |data_type: &DataType| data_type.is_signed_integer().then(|| data_type.primitive_width());
    whole(from).is_some_and(|narrow| whole(to).is_some_and(|wide| wide >= narrow))
}

/// No more rows of a leaf have the same identifier, where anything is declared or known of that.
pub(crate) fn known_rows(side: &KeySide, leaf: &Leaf) -> Option<u64> {
    if let Some(key) = key_columns(side, leaf) {
        return leaf.known_rows_per_key(&key);
    }
    // Of a full join of two tables, the identifier of the side that is there.
    let (Persons::Either { columns, max_rows }, [part]) = (&leaf.persons, side.parts.as_slice()) else {
        return None;
    };
    let parts: BTreeSet<usize> = first_known(part)?.iter().map(plain_symbol).collect::<Option<_>>()?;
    (parts == columns.iter().copied().collect()).then_some(*max_rows)
}
