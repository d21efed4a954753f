//! Public shapes of the tables of a plan.

use super::{ColumnDef, LassoOutput, Node, NodeId, Piece, Rows, SecurePlan};

impl Node {
    /// The nodes that it reads.
    pub fn inputs(&self) -> Vec<NodeId> {
        match self {
            Node::Input(_) => Vec::new(),
            Node::HashedJoin(join) => vec![join.stay, join.moved],
            Node::Union(union) => union.inputs.clone(),
            Node::Compute(compute) => vec![compute.input],
            Node::Broadcast(broadcast) => broadcast.inputs(),
            Node::Aggregate(aggregate) => vec![aggregate.input],
            Node::Fold(fold) => vec![fold.input],
            Node::Assemble(assemble) => assemble.inputs(),
            Node::Group(group) => vec![group.input],
            Node::Lasso(lasso) => std::iter::once(lasso.input).chain(lasso.counts).collect(),
            Node::Release(release) => vec![release.input],
        }
    }

    /// The columns of its output; a release has none inside the secure stage.
    pub fn columns(&self) -> Vec<&ColumnDef> {
        match self {
            Node::Input(input) => input.columns.iter().map(|column| &column.def).collect(),
            Node::HashedJoin(join) => join.columns.iter().collect(),
            Node::Union(union) => union.columns.iter().collect(),
            Node::Compute(compute) => compute.outputs.iter().map(|(_, def)| def).collect(),
            Node::Broadcast(broadcast) => broadcast.columns.iter().collect(),
            Node::Aggregate(aggregate) => aggregate.columns.iter().collect(),
            Node::Fold(fold) => fold.columns.iter().collect(),
            Node::Assemble(assemble) => assemble.columns.iter().collect(),
            Node::Group(group) => group.columns.iter().collect(),
            Node::Lasso(lasso) => lasso.columns.iter().collect(),
            Node::Release(_) => Vec::new(),
        }
    }
}

impl Node {
    /// The same node where all nodes are counted from `start`.
    #[must_use]
    pub(crate) fn counted_from(&self, start: usize) -> Node {
        let mut node = self.clone();
        let moved = |id: &mut NodeId| id.0 += start;
        match &mut node {
            Node::Input(_) => {}
            Node::HashedJoin(join) => {
                let ids =
                    [&mut join.stay, &mut join.moved, &mut join.stay_key.input, &mut join.moved_key.input];
                ids.into_iter().for_each(moved);
            }
            Node::Union(union) => union.inputs.iter_mut().for_each(moved),
            Node::Compute(compute) => moved(&mut compute.input),
            Node::Broadcast(broadcast) => {
                moved(&mut broadcast.input);
                broadcast.values.iter_mut().for_each(|value| moved(&mut value.from));
            }
            Node::Aggregate(aggregate) => moved(&mut aggregate.input),
            Node::Fold(fold) => moved(&mut fold.input),
            Node::Assemble(assemble) => {
                for piece in &mut assemble.pieces {
                    if let Piece::Table { input, .. } = piece {
                        moved(input);
                    }
                }
            }
            Node::Group(group) => moved(&mut group.input),
            Node::Lasso(lasso) => {
                moved(&mut lasso.input);
                lasso.counts.iter_mut().for_each(moved);
            }
            Node::Release(release) => moved(&mut release.input),
        }
        node
    }
}

impl SecurePlan {
    /// The public number of rows of every node's output, in the order of the nodes.
    ///
    /// A node that reads what does not exist yet (which [`check`](crate::check) refuses) has 0.
    pub fn rows(&self) -> Vec<usize> {
        let mut rows: Vec<usize> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let of = |id: NodeId| rows.get(id.0).copied().unwrap_or_default();
            let count = match node {
                Node::Input(input) => input.bound,
                Node::HashedJoin(join) => of(join.stay),
                Node::Union(union) => union.inputs.iter().map(|id| of(*id)).sum(),
                Node::Compute(compute) => of(compute.input),
                Node::Broadcast(broadcast) => of(broadcast.input),
                Node::Group(group) => of(group.input).min(group.bound),
                Node::Aggregate(aggregate) => aggregate.cells(),
                Node::Fold(fold) => fold.rows(),
                Node::Assemble(assemble) => assemble.rows,
                Node::Lasso(lasso) => match lasso.output {
                    LassoOutput::Coefficients => {
                        lasso.models() * (lasso.features.len() + usize::from(lasso.intercept))
                    }
                    LassoOutput::Summary => 1,
                },
                Node::Release(release) => match &release.rows {
                    Rows::Chosen(chosen) => chosen.rows(of(release.input)),
                    Rows::One | Rows::Groups(_) | Rows::Terms(_) => of(release.input),
                },
            };
            rows.push(count);
        }
        rows
    }
}
