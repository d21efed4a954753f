//! Cells of a group table put together along one of its keys.

use super::{ColumnDef, NodeId};

/// Sums or products of every column along one axis of the cells. The columns are arithmetic and keep their ring.
#[derive(Clone, Debug)]
pub struct Fold {
    /// A table of cells, row-major over its keys.
    pub input: NodeId,
    /// The key along which cells are put together.
    pub axis: Axis,
    /// What becomes of them.
    pub how: How,
    /// Of [`How::Pool`], what each column asks for, 0 for nothing; else none.
    pub at_least: Vec<u64>,
    /// Columns of the output: those of `input`, with the ranges of the results; of [`How::Pool`] a bit after them.
    pub columns: Vec<ColumnDef>,
}

/// One key among those of a table of cells: row `(o * length + i) * inner + r` is its `i`-th value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// The cells of all keys before it.
    pub outer: usize,
    /// Its values.
    pub length: usize,
    /// The cells of all keys after it.
    pub inner: usize,
}

/// How the cells along an axis become one, or many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Their sum; the axis disappears. Local.
    Sum,
    /// The sum of each and all before it. Local.
    FromStart,
    /// The sum of each and all after it. Local.
    FromEnd,
    /// The product of each and all before it, of fixed-point numbers in `Z_2^128` that are at most 1.
    Product {
        /// Their fraction bits, at most 60.
        fraction: u32,
    },
    /// Of counts in `Z_2^64`, the sum of each and all before it since the last cell shown, and whether it is shown: where the
    /// sums of all columns have reached what they ask for.
    Pool,
}

impl Axis {
    /// All cells.
    pub fn cells(self) -> usize {
        self.outer * self.length * self.inner
    }
}

impl Fold {
    /// The width at which pooled sums are compared with what they ask for.
    pub fn pooled_bits(&self) -> u32 {
        let least = self.at_least.iter().copied().max().unwrap_or_default();
        let most = self.columns.iter().map(|def| def.range.hi).max().unwrap_or_default();
        let largest = most.max(i128::from(least));
        i128::BITS - largest.leading_zeros() + 1
    }

    /// The rows of the output.
    pub fn rows(&self) -> usize {
        match self.how {
            How::Sum => self.axis.outer * self.axis.inner,
            How::FromStart | How::FromEnd | How::Product { .. } | How::Pool => self.axis.cells(),
        }
    }
}
