//! Logical plan to secure plan: what runs where, in which encodings, with which proof that nothing overflows.
//!
//! ```text
//! optimised LogicalPlan
//!   cut      the lowest aggregates over rows, and table functions: releases; above them, the clear stage
//!   rows     below: unions of joins of one owner's rows each (leaf), columns and conditions as expressions
//!   outer    joins of all types across owners, as branches; tree: which table stays in place, which are moved beside it
//!   beside   an owner's own tables around a join, joined at the owner; eager: a side summed per identifier before its join
//!   orders   the trees that give the same rows; ways: of these, of sums before a join, of cells and sorted rows, the cheapest
//!   persons  whose persons are behind a row, and how they are counted once each
//!   emit     per branch: what an owner computes alone becomes a column it shares, the rest a program on shares
//!   figure   aggregates: sums over rows, arithmetic on sums; gate: the persons behind each number, and behind the outcomes
//!            of conditions in it (condition, outcome)
//!            (moments, pairs, distinct, truths from sums and counts; rank from values at ranks)
//!   group    keys: cells of closed domains, or open_keys that rows are sorted by; HAVING, expressions over aggregates and
//!            keys, the release; top: which groups a LIMIT reveals; sets: one GROUP BY for each grouping set; sites: one for each
//!            part of a union that a key tells apart
//!   text_keys  keys written as text as groups of what they write
//!   counted  counts of different rows of several owners (UNION, DISTINCT) without their groups
//!   within   aggregates that an owner computes for a condition, gated in its own plan; secret: aggregates of others, given to
//!            all rows or groups as values that nobody learns
//!   per_identifier  derived tables of several owners' rows, one row for each identifier; grouped_at_owner: groups of an
//!            identifier and more, made by one of them before the join
//!   leaf     one owner's derived tables: inner (groups), outer_at_home (RIGHT, FULL JOIN), picked_rows (LIMIT, conditions on
//!            row numbers), window; with_person keeps whose records rows are
//!   lookup   aggregates per value that rows look up, gated at home: correlated scalar subqueries
//!   slots    sides with several rows per identifier as parts with one each: N:M joins, IN and EXISTS; not_in: NULLs in NOT IN
//!   model    regressions, penalised or not
//!   statistic  tests, survival, counts: sums per cell and arithmetic on cells
//! ```
//! `facts` and `infer` carry (range, scale, closed values) through every expression; an expression that may fail,
//! or whose range does not fit, is refused. NULL ends here: a value is a number and a known bit, a condition two bits.

mod across;
mod atoms;
mod beside;
mod cast;
mod chain;
mod clear;
mod compare;
mod condition;
mod counted;
mod cut;
mod dates;
mod distinct;
mod eager;
mod emit;
mod enumerate;
mod facts;
mod failure;
mod figure;
mod fixed;
mod gate;
mod grid;
mod group;
mod group_atoms;
mod grouped_at_owner;
mod guard;
mod infer;
mod inference;
mod inline;
mod inner;
#[cfg(test)]
mod interpret;
mod key;
mod leaf;
mod lookup;
mod model;
mod model_release;
mod moments;
mod most_groups;
mod neutral;
mod not_in;
mod open_keys;
mod orders;
mod outcome;
mod outer;
mod outer_at_home;
mod outgoing;
mod pad;
mod pairs;
mod penalty;
mod per_identifier;
mod persons;
mod picked;
mod picked_rows;
mod program;
mod prune;
mod range;
mod rank;
mod reduce;
mod regression;
mod resolution;
mod rows;
mod rowset;
mod scalar;
mod scale;
mod secret;
mod sets;
mod sites;
mod sizes;
mod slots;
mod statistic;
mod subquery;
mod term;
#[cfg(test)]
mod tests;
mod text_keys;
mod top;
mod tree;
mod truth;
mod truths;
mod value;
mod want;
mod wants;
mod ways;
mod whose;
mod window;
mod with_person;
mod within;

use crate::bind::Bound;
use crate::catalog::Federation;
use crate::plan::SecurePlan;
use crate::{Result, Session};
pub(crate) use tree::matchings;

/// Lowers a query that reads owners' tables and that the release check let pass.
///
/// # Errors
/// [`Class::Refused`](crate::Class::Refused): an expression that may fail on its declared domain, a range that does not
/// fit ("declare bounds"), a join of several rows with several, rows that would leave;
/// [`Class::Invalid`](crate::Class::Invalid): what is not built yet.
pub fn lower(federation: &Federation, session: &Session, bound: &Bound) -> Result<SecurePlan> {
    let notices = bound.notices.clone();
    let mut cut = cut::Cut {
        federation,
        link: session.link_speed(),
        sorts: false,
        nodes: Vec::new(),
        releases: Vec::new(),
        notices,
        limits: 0,
        choices: Vec::new(),
    };
    let plan = text_keys::text_keys(&inline::subqueries_of_rows(&bound.optimised)?)?;
    let clear = cut.cut(&plan)?;
    cut::refuse_limits(&bound.raw, cut.limits, federation)?;
    let clear = clear::with_schema(clear, bound.raw.schema())?;
    let cut::Cut { nodes, releases, notices, choices, .. } = cut;
    Ok(SecurePlan { nodes, releases, clear, notices, choices })
}
