//! Of several ways to the same answer, the one whose messages take least time; the others are kept for EXPLAIN.
//!
//! A way that tells a seat how many rows each pseudonym has must be worth it: it is taken where it takes less than half the
//! time of every way that does not.
#![expect(clippy::wildcard_enum_match_arm, reason = "only joins tell rows")]

use super::cut::Cut;
use super::eager::{Eager, eager};
use super::orders::orders;
use super::rows::Relation;
use crate::Result;
use crate::cost::{Cost, cost};
use crate::plan::{Choice, Matching, Multiplicity, Node, Way, WayCost};

/// No more ways with sums before a join are compared.
const MOST: usize = 12;

/// Rows to aggregate.
pub(super) enum Rows {
    /// As they are.
    Joined(Relation),
    /// One table of them summed per identifier, before it is joined.
    Summed(Box<Eager>),
}

/// The ways to put the rows of an aggregate together, each in words; and the first that sums nothing.
///
/// # Errors
/// As of [`eager`].
pub(super) fn ways_to_join(
    aggregate: &datafusion::logical_expr::Aggregate,
    relation: &Relation,
    cut: &Cut<'_>,
) -> Result<(Vec<(String, Rows)>, usize)> {
    let mut ways = Vec::new();
    let joined = orders(relation, cut.federation);
    for ordered in &joined {
        let Some(summed) = eager(aggregate, &ordered.relation, cut.federation)? else { continue };
        for order in orders(&summed.relation, cut.federation) {
            let name = format!("{} summed per identifier at its owner, then {}", summed.table, order.name);
            if !ways.iter().any(|(known, _)| *known == name) {
                ways.push((
                    name,
                    Rows::Summed(Box::new(Eager { relation: order.relation, ..summed.clone() })),
                ));
            }
        }
    }
    ways.truncate(MOST);
    let plain = ways.len();
    ways.extend(joined.into_iter().map(|ordered| (ordered.name, Rows::Joined(ordered.relation))));
    if !relation.once.is_empty() {
        let once = orders(&Relation::from(relation.once.clone()), cut.federation).into_iter();
        let named = |name: String| format!("partners looked for one after another: {name}");
        ways.extend(once.map(|ordered| (named(ordered.name), Rows::Joined(ordered.relation))));
    }
    Ok((ways, plain))
}

/// Lowers the candidate whose messages take least time (see above), the first of equals. The other ways are noted.
///
/// # Errors
/// That of candidate number `default`, if none can be lowered.
pub(super) fn cheapest<'f, C, T>(
    cut: &mut Cut<'f>,
    what: &'static str,
    (candidates, default): (&[(String, C)], usize),
    lower: impl Fn(&mut Cut<'f>, &C) -> Result<T>,
) -> Result<T> {
    if let [(_, only)] = candidates {
        return lower(cut, only);
    }
    #[cfg(test)]
    if let Some((_, asked)) = forced::next(candidates) {
        return lower(cut, asked);
    }
    let mut ways = Vec::new();
    let mut best: Option<(usize, Cut<'f>, T)> = None;
    let mut failed = None;
    for (index, (name, candidate)) in candidates.iter().enumerate() {
        let mut attempt = cut.clone();
        let name = name.clone();
        match lower(&mut attempt, candidate) {
            Ok(value) => {
                let way = attempt.way(name, cut.nodes.len());
                if best.as_ref().is_none_or(|(taken, ..)| cut.weight(&way) < cut.weight(&ways[*taken])) {
                    best = Some((index, attempt, value));
                }
                ways.push(way);
            }
            Err(error) => {
                ways.push(Way { name, cost: None });
                if index == default || failed.is_none() {
                    failed = Some(error);
                }
            }
        }
    }
    match (best, failed) {
        (Some((taken, attempt, value)), _) => {
            *cut = attempt;
            cut.note(what, ways, taken);
            Ok(value)
        }
        (None, Some(error)) => Err(error),
        (None, None) => Err(super::failure::internal("nothing to choose from")),
    }
}

impl Cut<'_> {
    /// What the nodes from number `start` on cost.
    pub(super) fn way(&self, name: String, start: usize) -> Way {
        let all = cost(&self.so_far(), self.federation);
        let own = all.nodes.iter().skip(start).fold(Cost::default(), |sum, cost| sum.then(*cost));
        let tells_rows = self.nodes.iter().skip(start).any(|node| match node {
            Node::HashedJoin(join) => {
                join.multiplicity == Multiplicity::ManyToOne
                    && matches!(join.matching, Matching::Pseudonyms { .. })
            }
            _ => false,
        });
        Way { name, cost: Some(WayCost { cost: own, memory_bytes: all.memory_bytes, tells_rows }) }
    }

    /// About how long the messages of a way take.
    pub(super) fn takes(&self, way: &Way) -> f64 {
        way.cost.map_or(f64::INFINITY, |way| self.link.seconds(&way.cost))
    }

    /// How dear a way is: its time, and as much again where it tells rows.
    fn weight(&self, way: &Way) -> f64 {
        let tells = way.cost.is_some_and(|way| way.tells_rows);
        self.takes(way) * if tells { 2.0 } else { 1.0 }
    }

    /// Notes that a way was taken for the newest release, and why the others were not.
    pub(super) fn note(&mut self, what: &'static str, mut ways: Vec<Way>, taken: usize) {
        let taken = ways.remove(taken);
        let why = |way: &Way| match way.cost {
            None => "does not serve this query".to_owned(),
            Some(_) if self.takes(way) > self.takes(&taken) => "takes longer".to_owned(),
            Some(_) if self.takes(way) < self.takes(&taken) => {
                "takes less, but not by half, and tells how many rows each pseudonym has".to_owned()
            }
            Some(_) => "takes as long".to_owned(),
        };
        let others = ways.iter().map(|way| (way.clone(), why(way))).collect();
        let release = self.releases.len().saturating_sub(1);
        self.choices.push(Choice { release, what, taken, others });
    }
}

/// A way that tests ask for, whatever it costs.
#[cfg(test)]
pub(super) mod forced {
    use std::cell::Cell;

    thread_local! {
        static WANTED: Cell<Option<usize>> = const { Cell::new(None) };
        static SEEN: Cell<usize> = const { Cell::new(0) };
    }

    /// Runs `plan` once for every way that there is, each time with that way taken.
    pub(crate) fn every<T>(mut plan: impl FnMut() -> T) -> Vec<T> {
        let mut all = Vec::new();
        SEEN.set(1);
        while all.len() < SEEN.get() {
            WANTED.set(Some(all.len()));
            all.push(plan());
        }
        WANTED.set(None);
        all
    }

    pub(super) fn next<C>(candidates: &[C]) -> Option<&C> {
        let wanted = WANTED.get()?;
        SEEN.set(SEEN.get().max(candidates.len()));
        candidates.get(wanted).or(candidates.last())
    }
}
