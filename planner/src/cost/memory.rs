//! About the most memory that a party needs for a plan, from public quantities.
//!
//! A table is kept until the last node that reads it has run. What a node needs beside it while it runs follows from what
//! was measured of whole queries on 2^16 and 2^17 rows (the test `estimates_of_memory_hold`
//! measures again): an owner holds its rows, and three components of their shares, before they leave; a sort holds what
//! `sort::held` says; comparisons and divisions hold what they send several times over.

use crate::plan::{
    Aggregate, AtHome, ColumnDef, Compute, Encoding, Group, HashedJoin, Matching, Measure, Node, NodeId,
    RingSize, Rows, SecurePlan, layers,
};

use super::node::{order_of, planes_of};
use super::{Cost, sort, table};

/// What an owner holds of an input, as a multiple of what each seat keeps of it.
const OWNER: u64 = 3;

/// The same of an input whose rows stay at home: its encoded columns, and the rows that they are made of.
const HOME: u64 = 1;

/// What the operations of a node hold, as a multiple of what they send.
const SENT: u64 = 5;

/// How often a sort holds what is moved with its keys.
const MOVED: u64 = 4;

/// Bytes a row of both tables of a join by pseudonyms: tags, where they are, permutations.
const TAGGED: u64 = 48;

/// Bytes of a number at a seat: two components.
const NUMBER: u64 = 16;

/// What seats hold of a plan.
struct Tables<'a> {
    plan: &'a SecurePlan,
    rows: &'a [usize],
    nodes: &'a [Cost],
    home: &'a AtHome,
}

/// The most memory at one time; `rows` and `nodes` are those of every node, `home` is what owners do at home.
pub(super) fn memory(plan: &SecurePlan, rows: &[usize], nodes: &[Cost], home: &AtHome) -> u64 {
    let tables = Tables { plan, rows, nodes, home };
    let mut last_use: Vec<usize> = (0..plan.nodes.len()).collect();
    for (reader, node) in plan.nodes.iter().enumerate() {
        for input in node.inputs() {
            if let Some(last) = last_use.get_mut(input.0) {
                *last = reader;
            }
        }
    }
    let at = |now: usize| {
        let kept = last_use.iter().take(now + 1).enumerate().filter(|(_, last)| **last >= now);
        let kept = kept.map(|(index, _)| tables.size(index)).fold(0, u64::saturating_add);
        kept.saturating_add(tables.work(now))
    };
    (0..plan.nodes.len()).map(at).max().unwrap_or_default()
}

impl Tables<'_> {
    fn count(&self, index: usize) -> u64 {
        self.rows.get(index).copied().unwrap_or_default() as u64
    }

    /// A node's output at a seat; nothing of rows that stay with their owners.
    fn size(&self, index: usize) -> u64 {
        if self.home.stays(index) { 0 } else { self.encoded(index) }
    }

    /// As many bytes as a node's output takes, wherever it is.
    fn encoded(&self, index: usize) -> u64 {
        let columns = self.plan.nodes.get(index).map(Node::columns).unwrap_or_default();
        let count = self.count(index);
        columns.iter().map(|def| 2 * table::component(def.encoding, count)).fold(0, u64::saturating_add)
    }

    /// What a node holds while it runs, beside tables.
    fn work(&self, index: usize) -> u64 {
        match &self.plan.nodes[index] {
            // Inputs are made at once, whatever their places in the plan.
            Node::Input(_) => {
                let inputs = self.plan.nodes.iter().enumerate();
                let inputs = inputs.filter(|(_, node)| matches!(node, Node::Input(_)));
                let held = |input: usize| if self.home.stays(input) { HOME } else { OWNER };
                inputs.map(|(input, _)| held(input) * self.encoded(input)).fold(0, u64::saturating_add)
            }
            Node::Compute(compute) => self.compute(compute, index),
            Node::HashedJoin(join) => self.join(join, index),
            Node::Aggregate(_) if self.home.sums(index).is_some() => self.size(index),
            Node::Aggregate(aggregate) => self.cells(aggregate, index),
            Node::Group(group) => self.group(group, index),
            Node::Release(release) => match &release.rows {
                Rows::Chosen(chosen) => {
                    let n = self.count(release.input.0);
                    let keep = (chosen.skip as u64).saturating_add(self.count(index));
                    let (_, width) = order_of(chosen, release, &self.columns(release.input));
                    Self::sort(n, width, self.size(release.input.0), keep)
                }
                Rows::One | Rows::Groups(_) | Rows::Terms(_) => self.size(index),
            },
            Node::Union(_) | Node::Broadcast(_) | Node::Fold(_) | Node::Assemble(_) | Node::Lasso(_) => {
                self.size(index)
            }
        }
    }

    /// What operations hold, as they send it.
    fn sent(&self, index: usize) -> u64 {
        self.nodes.get(index).map_or(0, |cost| cost.bytes().saturating_mul(SENT))
    }

    fn columns(&self, id: NodeId) -> Vec<&ColumnDef> {
        self.plan.nodes.get(id.0).map(Node::columns).unwrap_or_default()
    }

    /// The first `keep` rows by keys of `width` planes, with `moved` bytes beside them.
    fn sort(count: u64, width: u64, moved: u64, keep: u64) -> u64 {
        let component = |rows: u64| (moved / 2).saturating_mul(rows) / count.max(1);
        sort::held(count, width, &component, keep).saturating_add(moved.saturating_mul(MOVED))
    }

    /// A number for every operation, and what the operations send.
    fn compute(&self, compute: &Compute, index: usize) -> u64 {
        let numbers = (compute.ops.len() as u64).saturating_mul(self.count(index)).saturating_mul(NUMBER);
        numbers.saturating_add(self.sent(index))
    }

    /// Pseudonyms and orders; or both tables sorted by hashes.
    fn join(&self, join: &HashedJoin, index: usize) -> u64 {
        let both = self.count(join.stay.0).saturating_add(self.count(join.moved.0));
        let moved = self.size(join.moved.0);
        match join.matching {
            Matching::Pseudonyms { .. } => {
                both.saturating_mul(TAGGED).saturating_add(moved).saturating_add(self.size(index))
            }
            Matching::Oblivious { bits } => {
                let keys = 2 * table::component(Encoding::Planes(bits + 32), both);
                let held = Self::sort(both, u64::from(bits) + 2, moved.saturating_add(keys), both);
                held.saturating_add(self.size(index))
            }
        }
    }

    /// The bits of every cell and row for all counts of persons, which become numbers; what is summed, scaled by the codes
    /// of all keys but the last; and a sort for every column of which values at ranks are read.
    fn cells(&self, aggregate: &Aggregate, index: usize) -> u64 {
        let n = self.count(aggregate.input.0);
        let sizes = || aggregate.keys.iter().map(|key| key.len() as u64);
        let all: u64 = sizes().product();
        let before: u64 = sizes().rev().skip(1).product();
        let counted =
            |measure: &&Measure| matches!(measure, Measure::Persons { .. } | Measure::DistinctNumbers { .. });
        let counts = aggregate.measures.iter().filter(counted).count() as u64;
        let sums = aggregate.measures.len() as u64 - counts;
        let columns = counts.saturating_mul(all).saturating_add(sums.saturating_mul(before));
        let number = table::component(Encoding::Arithmetic(RingSize::Z64), n);
        let cells = number.saturating_mul(columns).saturating_mul(2);
        let keys: u64 = sizes().map(table::bits_below).sum();
        let sorts = self.sorts(&aggregate.measures, aggregate.input, keys);
        self.size(index).saturating_add(cells).saturating_add(sorts)
    }

    /// A sort of all columns by the keys, and those of numbers and extremes beside it.
    fn group(&self, group: &Group, index: usize) -> u64 {
        let n = self.count(group.input.0);
        let columns = self.columns(group.input);
        let width = |column: &usize| columns.get(*column).map_or(0, |def| planes_of(def));
        let keys: u64 = group.keys.iter().map(width).sum();
        let own = Self::sort(n, keys + 1, self.size(group.input.0), n);
        let others = self.sorts(&group.measures, group.input, keys + 1);
        self.size(index).saturating_add(own).saturating_add(others)
    }

    /// What the sorts hold that some measures of a table need beside that by keys of `keys` planes.
    fn sorts(&self, measures: &[Measure], input: NodeId, keys: u64) -> u64 {
        let (n, columns) = (self.count(input.0), self.columns(input));
        let own = |width: u64| Self::sort(n, keys + width + 1, n.saturating_mul(NUMBER), n);
        let mut values: Vec<usize> = Vec::new();
        let (mut layered, mut widest) = (0_u64, 0);
        for measure in measures {
            match measure {
                Measure::AtRank { value, .. } if !values.contains(value) => values.push(*value),
                Measure::DistinctNumbers { parts, bits } => {
                    layered = layered.max(layers(parts).len() as u64);
                    widest = widest.max(u64::from(*bits));
                }
                Measure::AtRank { .. }
                | Measure::Sum { .. }
                | Measure::SumOfProducts { .. }
                | Measure::SumOfRows { .. }
                | Measure::Persons { .. }
                | Measure::PersonsBy { .. }
                | Measure::Same { .. }
                | Measure::Exists => {}
            }
        }
        let width = |column: usize| columns.get(column).map_or(0, |def| planes_of(def));
        let ranked = values.into_iter().map(|value| own(width(value)));
        ranked.fold(layered.saturating_mul(own(widest)), u64::saturating_add)
    }
}
