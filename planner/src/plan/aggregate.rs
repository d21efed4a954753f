//! Sums per cell of closed-domain keys.

use std::ops::Range as Rows;

use super::{ColumnDef, NodeId};

/// Sums columns over the rows of each cell. One output row per cell, row-major over the keys (the last key varies
/// fastest); without keys one row. Output columns: one for each measure, arithmetic, in the ring of its value.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// Where the rows come from.
    pub input: NodeId,
    /// For each key, its one-hot columns (arithmetic, `Z_2^64`), one per value of its domain.
    pub keys: Vec<Vec<usize>>,
    /// What is summed.
    pub measures: Vec<Measure>,
    /// Columns of the output.
    pub columns: Vec<ColumnDef>,
}

/// One sum per cell.
#[derive(Clone, Debug)]
pub enum Measure {
    /// The sum of an arithmetic column over the rows of the cell. The column is 0 in rows that do not count.
    Sum {
        /// The column.
        value: usize,
    },
    /// The sum of the products of two arithmetic columns of the same ring (squares for VAR). Both are 0 in rows
    /// that do not count.
    SumOfProducts {
        /// One column.
        left: usize,
        /// The other.
        right: usize,
    },
    /// The number of distinct persons with a counting row in the cell.
    Persons {
        /// 1 where the row counts, as a bit.
        counts: usize,
        /// 1 on the first of a person's adjacent rows, as a bit.
        run_starts: usize,
        /// No person has more rows than this.
        max_run: usize,
        /// The rows that belong to the owner whose persons are counted (all of them, but under a union).
        rows: Rows<usize>,
    },
    /// The sum of an arithmetic column over some rows only (persons of one owner under a union, one row each).
    SumOfRows {
        /// The column.
        value: usize,
        /// Which rows.
        rows: Rows<usize>,
    },
}
