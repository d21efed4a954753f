//! One secret row, given to all rows of a table: scalar subqueries.

use super::{ColumnDef, NodeId, Threshold};

/// Values of tables of one row, given to every row of another table. Output columns: those of `input`, then for each value
/// its number and the bit that it is known. Nobody learns a value.
///
/// A value is known where its own bit is 1 and the persons behind it suffice, as if it were released: the gate is decided
/// here, so that nothing computed from the value tells what a release of it would not.
#[derive(Clone, Debug)]
pub struct Broadcast {
    /// Where the rows come from.
    pub input: NodeId,
    /// What is given to them.
    pub values: Vec<SecretValue>,
    /// Columns of the output.
    pub columns: Vec<ColumnDef>,
}

/// A value of a table of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretValue {
    /// The table: an aggregate without keys, or what an owner has aggregated and gated at home.
    pub from: NodeId,
    /// Its column with the number; arithmetic.
    pub value: usize,
    /// Its column with the bit that the number is not NULL. `None`: it is not.
    pub known: Option<usize>,
    /// Thresholds on the columns of the table.
    pub gate: Vec<Threshold>,
}

impl Broadcast {
    /// The tables that it reads: the rows, then the table of each value.
    pub fn inputs(&self) -> Vec<NodeId> {
        std::iter::once(self.input).chain(self.values.iter().map(|value| value.from)).collect()
    }
}
