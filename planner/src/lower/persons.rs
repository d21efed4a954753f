//! How the persons of an owner behind a number are counted.
//!
//! A row of a branch has a part of every leaf that is joined into it, and the persons of an owner behind a number are
//! those of its leaves in the rows that count:
//!
//! | the owner's rows are | its persons are counted |
//! |---|---|
//! | the rows themselves, or joined by an inner or semi join | in the rows that count |
//! | the optional side of an outer join | in the rows that count and have a partner there |
//! | the right side of an anti join (NOT IN, NOT EXISTS) | in the rows that count but for that partner: the answer tells that they do not |
//! | a right side that only says that a partner is missing, which another part of the same join counts | nowhere |
//!
//! Where every row that counts is another person, rows are counted; where a person's rows are adjacent in the table that
//! stays in place, runs; else (deep in a chain of joins, in several parts of a UNION, twice in one join) the owner numbers
//! its persons, and the numbers of counting rows are sorted and counted once each.

use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::Expr;

use super::failure;
use super::leaf::Persons;
use super::rows::{Branch, KeySide, Link, symbol};
use super::tree::{Repeated, Tree};
use crate::Result;

/// How the persons of a leaf are counted in the rows of its branch.
#[derive(Clone, Debug)]
pub(crate) enum PersonRows {
    /// Every row is a person.
    Single,
    /// Rows equal in these expressions of the root are one person's; at most so many.
    Runs(Vec<Expr>, u64),
    /// By numbers of persons.
    Numbered,
}

/// The persons of a leaf.
#[derive(Clone, Debug)]
pub(crate) struct LeafPersons {
    /// How they are counted in the rows of the branch alone.
    pub(crate) rows: PersonRows,
    /// The person, a symbol; `None`: every row of the leaf is one.
    pub(crate) person: Option<Expr>,
    /// What must not be NULL.
    pub(crate) known: Option<Expr>,
}

/// How the persons of a leaf are counted.
///
/// # Errors
/// Invalid ("not built") where these rows do not tell persons apart.
pub(crate) fn persons(branch: &Branch, tree: &Tree, leaf: usize) -> Result<LeafPersons> {
    let source = branch.leaves.get(leaf).ok_or_else(|| failure::internal("an unknown leaf"))?;
    let (columns, max_rows) = match &source.persons {
        Persons::Rows => (&[][..], 1),
        Persons::Column { column, max_rows } => (std::slice::from_ref(column), *max_rows),
        Persons::Either { columns, max_rows } => (columns.as_slice(), *max_rows),
        Persons::Gated => return Err(failure::internal("the persons of a gated aggregate")),
        Persons::Lost(why) => {
            return Err(failure::persons_lost(why));
        }
    };
    let named = |column: &usize| source.names.get(*column).map(|name| symbol(leaf, *column, name));
    let mut parts: Vec<Expr> = columns.iter().filter_map(named).collect();
    let person = if parts.len() > 1 { Some(coalesce(parts)) } else { parts.pop() };
    // Where the person is the identifier of a join, rows without one have no partner.
    let joined = |side: &KeySide| {
        side.leaf == leaf && person.as_ref().is_some_and(|person| side.parts.contains(person))
    };
    let implied = branch.joins.iter().any(|join| match join.link {
        Link::Required | Link::Inside => joined(&join.left) || joined(&join.right),
        Link::Optional => joined(&join.right),
    });
    let nullable =
        columns.iter().all(|column| source.scope.facts.get(*column).is_some_and(|facts| facts.nullable));
    let known = person.clone().filter(|_| nullable && !implied);
    let rows = match (tree.repeated(branch, leaf), &person) {
        (Repeated::Once, Some(person)) if max_rows > 1 && leaf == tree.root => {
            PersonRows::Runs(vec![person.clone()], max_rows)
        }
        (Repeated::Once, _) if max_rows == 1 => PersonRows::Single,
        (Repeated::Together(identifier, rows), _) if max_rows == 1 => PersonRows::Runs(identifier, rows),
        (Repeated::Once | Repeated::Together(..) | Repeated::Scattered, _) => PersonRows::Numbered,
    };
    Ok(LeafPersons { rows, person, known })
}
