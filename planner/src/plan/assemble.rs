//! Group tables put side by side.

use super::{ColumnDef, NodeId};

/// Columns of group tables side by side, each table's rows taken from public places, and public columns. Local.
#[derive(Clone, Debug)]
pub struct Assemble {
    /// What stands side by side, in order.
    pub pieces: Vec<Piece>,
    /// The rows of the output.
    pub rows: usize,
    /// Columns of the output.
    pub columns: Vec<ColumnDef>,
}

/// Some columns of an assembled table.
#[derive(Clone, Debug)]
pub enum Piece {
    /// All columns of a table; row `i` of the output is row `rows[i]` of it.
    Table {
        /// Where the cells come from.
        input: NodeId,
        /// One place for each row of the output.
        rows: Vec<u32>,
    },
    /// One column of public numbers, in the ring of its column.
    Public(Vec<i128>),
}

impl Assemble {
    /// The tables that it reads, in the order of the pieces.
    pub fn inputs(&self) -> Vec<NodeId> {
        let table = |piece: &Piece| match piece {
            Piece::Table { input, .. } => Some(*input),
            Piece::Public(_) => None,
        };
        self.pieces.iter().filter_map(table).collect()
    }
}
