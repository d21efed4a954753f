//! The release gate and the columns that leave.

use datafusion::arrow::datatypes::Field;
use datafusion::scalar::ScalarValue;

use super::{NodeId, Scale};

/// The only node whose output leaves the seats, to the analyst alone.
///
/// A row is present where `present` is 1 and every threshold of `gate` is met; an output is known where its row is
/// present, its `known` bit is 1 and its own thresholds are met. What is not present or not known is multiplied by 0
/// before it is revealed, and the bits are revealed with it.
#[derive(Clone, Debug)]
pub struct Release {
    /// A group table: one row per cell, term, or one row.
    pub input: NodeId,
    /// What its rows stand for.
    pub rows: Rows,
    /// A bit column: the row exists (HAVING, at least one person). `None`: it does.
    pub present: Option<usize>,
    /// Thresholds on whole rows.
    pub gate: Vec<Threshold>,
    /// The columns that leave, keys excluded (they follow from the position of the row).
    pub outputs: Vec<Output>,
}

/// What the rows of a release stand for. Their labels are public; they become the first columns of the released table.
#[derive(Clone, Debug)]
pub enum Rows {
    /// One row, always given (a query without GROUP BY, a model's summary).
    One,
    /// Cells of closed-domain keys, row-major. Absent rows are left out.
    Groups(Vec<KeyDomain>),
    /// Groups in an order, or of a number, that is decided inside; keys are outputs as aggregates are. Those present come
    /// first, so that nothing tells an absent group from one that does not exist.
    Chosen(Chosen),
    /// Named terms of a model, all given; a `term` column of type TEXT.
    Terms(Vec<String>),
}

/// Which groups are revealed, and in which order.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// The order of the groups; those that it leaves open, or all, stay in that of the input.
    pub order: Vec<SortKey>,
    /// How many of the first are left out.
    pub skip: usize,
    /// How many are revealed at most; `None`: all.
    pub fetch: Option<usize>,
}

impl Chosen {
    /// How many rows are revealed of a table of so many.
    pub fn rows(&self, input: usize) -> usize {
        input.saturating_sub(self.skip).min(self.fetch.unwrap_or(usize::MAX))
    }
}

/// A column by which groups are ordered before they are revealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortKey {
    /// Index of an output; where it is withheld, it counts as NULL.
    pub output: usize,
    /// The largest first.
    pub descending: bool,
    /// NULL before all values.
    pub nulls_first: bool,
}

/// A GROUP BY key of a release.
#[derive(Clone, Debug)]
pub struct KeyDomain {
    /// Name and type in the released table.
    pub field: Field,
    /// Its values in SQL order, NULL last where it can occur.
    pub values: Vec<ScalarValue>,
}

/// A number of persons that must be reached, decided inside the computation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// A column of the input in `Z_2^64`: the number of distinct persons.
    pub persons: usize,
    /// How many are needed.
    pub at_least: u64,
    /// How EXPLAIN names it: `min_people of insurer`.
    pub reason: String,
}

/// A column that leaves.
#[derive(Clone, Debug)]
pub struct Output {
    /// Name and type in the released table (always nullable).
    pub field: Field,
    /// The column of the input with the integers that stand for the values.
    pub value: usize,
    /// How they stand for them.
    pub scale: Scale,
    /// A bit column: the value is not NULL. `None`: it is not.
    pub known: Option<usize>,
    /// Thresholds on this column alone.
    pub gate: Vec<Threshold>,
}
