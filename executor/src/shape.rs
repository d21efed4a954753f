//! Public shapes of the tables of a plan.

use planner::plan::{ColumnDef, LassoOutput, Node, NodeId, SecurePlan};

use crate::{Error, Result};

/// A node of the plan.
pub(crate) fn node(plan: &SecurePlan, id: NodeId) -> Result<&Node> {
    plan.nodes.get(id.0).ok_or_else(|| Error::internal("plan", "a node does not exist"))
}

/// The columns of a node's output.
pub(crate) fn columns(plan: &SecurePlan, id: NodeId) -> Result<Vec<&ColumnDef>> {
    Ok(match node(plan, id)? {
        Node::Input(input) => input.columns.iter().map(|column| &column.def).collect(),
        Node::HashedJoin(join) => join.columns.iter().collect(),
        Node::Union(union) => union.columns.iter().collect(),
        Node::Compute(compute) => compute.outputs.iter().map(|(_, def)| def).collect(),
        Node::Aggregate(aggregate) => aggregate.columns.iter().collect(),
        Node::Lasso(lasso) => lasso.columns.iter().collect(),
        Node::Release(_) => Vec::new(),
    })
}

/// The public number of rows of a node's output.
pub(crate) fn rows(plan: &SecurePlan, id: NodeId) -> Result<usize> {
    let earlier = |input: NodeId| {
        let earlier = input < id;
        if earlier { rows(plan, input) } else { Err(Error::internal("plan", "a node reads a later one")) }
    };
    match node(plan, id)? {
        Node::Input(input) => Ok(input.bound),
        Node::HashedJoin(join) => earlier(join.stay),
        Node::Union(union) => union.inputs.iter().map(|&input| earlier(input)).sum(),
        Node::Compute(compute) => earlier(compute.input),
        Node::Aggregate(aggregate) => Ok(aggregate.keys.iter().map(Vec::len).product()),
        Node::Lasso(lasso) => Ok(match lasso.output {
            LassoOutput::Coefficients => lasso.features.len() + usize::from(lasso.intercept),
            LassoOutput::Summary => 1,
        }),
        Node::Release(release) => earlier(release.input),
    }
}

/// The nodes that a node reads.
pub(crate) fn inputs(node: &Node) -> Vec<NodeId> {
    match node {
        Node::Input(_) => Vec::new(),
        Node::HashedJoin(join) => vec![join.stay, join.moved_key.input],
        Node::Union(union) => union.inputs.clone(),
        Node::Compute(compute) => vec![compute.input],
        Node::Aggregate(aggregate) => vec![aggregate.input],
        Node::Lasso(lasso) => vec![lasso.input],
        Node::Release(release) => vec![release.input],
    }
}
