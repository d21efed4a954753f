//! The distinct identifiers of a table with several rows per identifier, made at its owner for a semi or anti join.
#![expect(clippy::wildcard_enum_match_arm, reason = "only plain columns are looked for")]

use datafusion::functions_aggregate::expr_fn::{bool_or, min};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::across::Pair;
use super::facts::Facts;
use super::failure;
use super::guard::names_shared;
use super::infer::{Scope, infer};
use super::leaf::{Leaf, Origin, Persons};
use super::rows::{KeySide, leaves_of, localised, renamed, symbol};
use crate::Result;
use crate::function::hashed::hashed;

/// The pair with one row per identifier on the second side: all identifiers of its table, each with whether a row of it
/// meets the conditions, which only the owner sees. Its columns are gone.
///
/// # Errors
/// Invalid ("not built") for conditions that compare several owners' columns, and several tables on the second side.
pub(super) fn reduce(pair: Pair) -> Result<Pair> {
    let Pair { mut branch, width, leaves, joins, key, filters, conditions } = pair;
    let place = branch.joins.get(key).map(|join| join.right.leaf).unwrap_or_default();
    if leaves.len() != 1 {
        return Err(failure::not_built("IN or EXISTS, across owners, over several tables joined"));
    }
    let of_owner = |expr: &Expr| !names_shared(expr) && leaves_of(expr).iter().all(|leaf| *leaf == place);
    let (own, others): (Vec<Expr>, Vec<Expr>) =
        filters.into_iter().chain(conditions).partition(|condition| of_owner(condition));
    if others.iter().any(|condition| leaves_of(condition).contains(&place)) {
        return Err(failure::not_built(
            "IN, EXISTS or an outer join across owners with a condition over both sides, of which one has several rows \
             per identifier",
        ));
    }
    let scope = branch.scope()?;
    let join = branch.joins.get_mut(key).ok_or_else(missing)?;
    let leaf = branch.leaves.get_mut(place).ok_or_else(missing)?;
    let (reduced, parts) = distinct(leaf, place, &join.right, join.normalised, &own, &scope)?;
    let selected = (!own.is_empty()).then(|| symbol(place, reduced.names.len() - 1, "selected"));
    join.right.parts = parts;
    *leaf = reduced;
    branch.columns.truncate(width);
    let conditions = others.into_iter().chain(selected).collect();
    Ok(Pair { branch, width, leaves, joins, key, filters: Vec::new(), conditions })
}

/// The distinct identifiers of a leaf, with the bit `selected` where conditions are given; and the identifier's parts.
fn distinct(
    leaf: &Leaf,
    place: usize,
    side: &KeySide,
    normalised: bool,
    conditions: &[Expr],
    scope: &Scope,
) -> Result<(Leaf, Vec<Expr>)> {
    let input = renamed(leaf, "r")?;
    let parts = side.parts.iter().map(|part| localised(part, &input)).collect::<Result<Vec<_>>>()?;
    // Normal forms are equal part by part, so that any row of a group has the group's identifier.
    let groups: Vec<Expr> = if normalised {
        vec![hashed().call(parts.clone()).alias("identifier")]
    } else {
        parts.iter().enumerate().map(|(index, part)| part.clone().alias(format!("part{index}"))).collect()
    };
    let mut measures: Vec<Expr> =
        parts.iter().enumerate().map(|(index, part)| min(part.clone()).alias(format!("k{index}"))).collect();
    let mut facts = Vec::new();
    for part in &side.parts {
        facts.push(infer(part, scope)?);
    }
    if let Some(all) = conditions.iter().cloned().reduce(Expr::and) {
        infer(&all, scope)?;
        measures.push(bool_or(localised(&all, &input)?).alias("selected"));
        facts.push(Facts::truth(true));
    }
    let first = groups.len();
    let plan = LogicalPlanBuilder::from(input).aggregate(groups, measures).and_then(|plan| {
        let outputs = plan.schema().columns().into_iter().skip(first).map(Expr::Column).collect::<Vec<_>>();
        plan.project(outputs)
    });
    let plan = plan.and_then(LogicalPlanBuilder::build).map_err(|error| failure::engine(&error))?;
    let columns: Vec<Option<usize>> = side.parts.iter().map(plain).collect();
    let scope = Scope { schema: plan.schema().as_ref().clone(), facts };
    let reduced = described(leaf, &columns, plan, scope);
    let name = |part: usize| Some(symbol(place, part, reduced.names.get(part)?));
    let symbols = (0..columns.len()).filter_map(name).collect();
    Ok((reduced, symbols))
}

fn plain(part: &Expr) -> Option<usize> {
    match part {
        Expr::Column(column) => super::rows::place(column).map(|(_, column)| column),
        _ => None,
    }
}

/// What is known of the distinct identifiers of a leaf, made of these columns of it.
fn described(leaf: &Leaf, columns: &[Option<usize>], plan: LogicalPlan, scope: Scope) -> Leaf {
    let origin =
        |column: &Option<usize>| -> Option<Origin> { leaf.origins.get((*column)?).copied().flatten() };
    let mut origins: Vec<Option<Origin>> = columns.iter().map(origin).collect();
    origins.resize(scope.facts.len(), None);
    let persons = match leaf.persons {
        Persons::Column { column, max_rows } => match columns.iter().position(|part| *part == Some(column)) {
            Some(column) => {
                let max_rows = if columns.len() == 1 { 1 } else { max_rows };
                Persons::Column { column, max_rows }
            }
            None => Persons::Lost("IN or EXISTS finds several persons by one identifier"),
        },
        Persons::Either { .. } | Persons::Rows | Persons::Gated => {
            Persons::Lost("IN or EXISTS finds several persons by one identifier")
        }
        Persons::Lost(why) => Persons::Lost(why),
    };
    let names: Vec<String> = plan.schema().field_names();
    Leaf {
        owner: leaf.owner,
        scope,
        plan,
        branched: vec![false; names.len()],
        names,
        bound: leaf.bound,
        tables: leaf.tables.clone(),
        whole: leaf.whole.map(|_| 1),
        origins,
        keys: vec![((0..columns.len()).collect(), 1)],
        taken: Vec::new(),
        persons,
        pooled: leaf.pooled,
    }
}

fn missing() -> crate::Error {
    failure::internal("a join of no leaf")
}
