//! What a plan costs, from public quantities alone: rounds, bytes, memory.

mod cox;
mod group;
mod link;
mod model;
mod need;
mod newton;
mod node;
mod system;
mod table;
#[cfg(test)]
mod tests;

use crate::catalog::Federation;
use crate::plan::{Aggregate, Encoding, Matching, Measure, Node, RingSize, SecurePlan};
pub use link::LinkSpeed;
pub use need::Need;
pub(crate) use node::{JoinedTables, alternatives};

/// Rounds and bytes of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The longest chain of dependent messages.
    pub rounds: u64,
    /// What each seat sends to the other two.
    pub seat_bytes: [u64; 3],
    /// What owners send to the seats outside the secure core: shares of owners without a seat, and pseudonyms.
    pub owner_bytes: u64,
    /// What each seat sends to the analyst.
    pub result_bytes: u64,
}

impl Cost {
    /// The bytes of the seat that sends most.
    pub fn bytes(&self) -> u64 {
        self.seat_bytes.into_iter().max().unwrap_or_default()
    }

    /// One after the other.
    #[must_use]
    pub fn then(self, next: Cost) -> Cost {
        Cost { rounds: self.rounds.saturating_add(next.rounds), ..self.beside(next) }
    }

    /// Both at the same time.
    #[must_use]
    pub fn beside(self, other: Cost) -> Cost {
        let sum = |seat: usize| self.seat_bytes[seat].saturating_add(other.seat_bytes[seat]);
        Cost {
            rounds: self.rounds.max(other.rounds),
            seat_bytes: [sum(0), sum(1), sum(2)],
            owner_bytes: self.owner_bytes.saturating_add(other.owner_bytes),
            result_bytes: self.result_bytes.saturating_add(other.result_bytes),
        }
    }
}

/// What a plan costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanCost {
    /// Each node, in the order of the plan.
    pub nodes: Vec<Cost>,
    /// All nodes one after the other.
    pub total: Cost,
    /// About the most memory that a seat needs for tables at one time.
    pub memory_bytes: u64,
}

/// The cost of every node of a plan.
pub fn cost(plan: &SecurePlan, federation: &Federation) -> PlanCost {
    let rows = plan.rows();
    let nodes: Vec<Cost> =
        (0..plan.nodes.len()).map(|index| node::cost(plan, federation, &rows, index)).collect();
    let total = nodes.iter().fold(Cost::default(), |sum, cost| sum.then(*cost));
    PlanCost { nodes, total, memory_bytes: memory(plan, &rows) }
}

/// What an aggregate by cells needs beside its result: the bits of every cell and row for all counts of persons, which
/// become numbers, and what is summed, scaled by the codes of all keys but the last.
fn cells(aggregate: &Aggregate, n: u64) -> u64 {
    let number = Encoding::Arithmetic(RingSize::Z64);
    let sizes = || aggregate.keys.iter().map(|key| key.len() as u64);
    let all: u64 = sizes().product();
    let before: u64 = sizes().rev().skip(1).product();
    let counted =
        |measure: &&Measure| matches!(measure, Measure::Persons { .. } | Measure::DistinctNumbers { .. });
    let counts = aggregate.measures.iter().filter(counted).count() as u64;
    let sums = aggregate.measures.len() as u64 - counts;
    let columns = counts.saturating_mul(all).saturating_add(sums.saturating_mul(before));
    table::component(number, n).saturating_mul(columns).saturating_mul(2)
}

/// A table is kept until the last node that reads it has run; a node needs about its output twice while it runs.
fn memory(plan: &SecurePlan, rows: &[usize]) -> u64 {
    let size = |index: usize| {
        let columns = plan.nodes.get(index).map(Node::columns).unwrap_or_default();
        let count = rows.get(index).copied().unwrap_or_default() as u64;
        columns.iter().map(|def| 2 * table::component(def.encoding, count)).sum::<u64>()
    };
    let last_use = |index: usize| {
        let readers =
            plan.nodes.iter().enumerate().filter(|(_, node)| node.inputs().iter().any(|id| id.0 == index));
        readers.map(|(reader, _)| reader).max().unwrap_or(index)
    };
    let work = |index: usize| match &plan.nodes[index] {
        Node::Compute(compute) => {
            let count = rows.get(index).copied().unwrap_or_default() as u64;
            let widest = Encoding::Arithmetic(RingSize::Z64);
            2 * table::component(widest, count) * compute.ops.len() as u64 / 2
        }
        // Both tables in one order, with an index, sorted keys and the columns before and after a move.
        Node::HashedJoin(join) if let Matching::Oblivious { bits } = join.matching => {
            let both = [join.stay.0, join.moved.0].map(|input| rows.get(input).copied().unwrap_or_default());
            let keys = table::component(Encoding::Planes(bits + 32), both.iter().sum::<usize>() as u64);
            size(index) + 4 * keys
        }
        Node::Aggregate(aggregate) => {
            let input = rows.get(aggregate.input.0).copied().unwrap_or_default() as u64;
            size(index).saturating_add(cells(aggregate, input))
        }
        Node::Input(_)
        | Node::HashedJoin(_)
        | Node::Union(_)
        | Node::Fold(_)
        | Node::Assemble(_)
        | Node::Group(_)
        | Node::Lasso(_)
        | Node::Release(_) => size(index),
    };
    let at = |now: usize| {
        let live = (0..=now).filter(|index| last_use(*index) >= now).map(size).sum::<u64>();
        live + work(now)
    };
    (0..plan.nodes.len()).map(at).max().unwrap_or_default()
}
