//! Tables of several owners on top of each other.

use super::{ColumnDef, NodeId};

/// The rows of all inputs, in order. All inputs have the same encodings, column by column.
#[derive(Clone, Debug)]
pub struct Union {
    /// What is stacked, in order.
    pub inputs: Vec<NodeId>,
    /// Columns of the output; ranges are hulls.
    pub columns: Vec<ColumnDef>,
}
