//! Choices made by cost: what was taken, what was not, and why.

use crate::cost::Cost;

/// A choice between ways to the same answer, from public facts alone. It runs nothing: EXPLAIN VERBOSE shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The number of the release that it is for.
    pub release: usize,
    /// What there were several ways of: `joins`, `groups`.
    pub what: &'static str,
    /// The way taken.
    pub taken: Way,
    /// The others, and why they were not taken.
    pub others: Vec<(Way, String)>,
}

/// A way to an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// In words.
    pub name: String,
    /// What the nodes up to the release cost this way; none for a way that is not possible here.
    pub cost: Option<WayCost>,
}

/// What a way costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WayCost {
    /// Rounds and bytes of all nodes that lead to the release.
    pub cost: Cost,
    /// About the most memory that a seat needs.
    pub memory_bytes: u64,
    /// Whether a seat learns how many rows each pseudonym has.
    pub tells_rows: bool,
}
