//! Public shapes of the tables of a plan, for nodes named by their number.

use planner::plan::{ColumnDef, Node, NodeId, SecurePlan};

use crate::{Error, Result};

/// A node of the plan.
pub(crate) fn node(plan: &SecurePlan, id: NodeId) -> Result<&Node> {
    plan.nodes.get(id.0).ok_or_else(no_node)
}

/// The columns of a node's output.
pub(crate) fn columns(plan: &SecurePlan, id: NodeId) -> Result<Vec<&ColumnDef>> {
    node(plan, id).map(Node::columns)
}

/// The public number of rows of a node's output.
pub(crate) fn rows(plan: &SecurePlan, id: NodeId) -> Result<usize> {
    plan.rows().get(id.0).copied().ok_or_else(no_node)
}

fn no_node() -> Error {
    Error::internal("plan", "a node does not exist")
}
