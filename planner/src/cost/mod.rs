//! What a plan costs, from public quantities alone: rounds, bytes, memory.

mod cox;
mod group;
mod link;
mod memory;
mod model;
mod need;
mod newton;
mod node;
mod quantile;
mod sort;
mod system;
mod table;
#[cfg(test)]
mod tests;

use crate::catalog::Federation;
use crate::plan::SecurePlan;
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
    /// About the most memory that a party needs at one time.
    pub memory_bytes: u64,
}

/// The cost of every node of a plan.
pub fn cost(plan: &SecurePlan, federation: &Federation) -> PlanCost {
    let (rows, home) = (plan.rows(), plan.at_home());
    let nodes: Vec<Cost> =
        (0..plan.nodes.len()).map(|index| node::cost(plan, federation, (&rows, &home), index)).collect();
    let total = nodes.iter().fold(Cost::default(), |sum, cost| sum.then(*cost));
    let memory_bytes = memory::memory(plan, &rows, &nodes, &home);
    PlanCost { nodes, total, memory_bytes }
}
