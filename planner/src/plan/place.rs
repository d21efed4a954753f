//! Which sums owners make at home, in the clear.
//!
//! Sums per cell over rows of owners that no other step needs are sums of each owner's own sums: the owners share cells
//! instead of rows. It follows from the plan alone, at every party alike.

use super::{Aggregate, Measure, Node, NodeId, SecurePlan};

/// What of a plan owners do at home, beside their local plans.
#[derive(Clone, Debug)]
pub struct AtHome {
    /// Whether the rows of a node stay with their owners.
    stays: Vec<bool>,
    /// Of sums that owners make: the inputs below, with the number of the first row of each.
    sums: Vec<Option<Vec<(NodeId, usize)>>>,
}

impl AtHome {
    /// Whether no row of this node, an input or a union of such, is shared: only sums that owners make read them.
    pub fn stays(&self, index: usize) -> bool {
        self.stays.get(index) == Some(&true)
    }

    /// The inputs below an [`Aggregate`] whose owners make its sums at home, with the number of the first row of each;
    /// `None` where they are made on shares.
    pub fn sums(&self, index: usize) -> Option<&[(NodeId, usize)]> {
        self.sums.get(index)?.as_deref()
    }
}

impl SecurePlan {
    /// What owners do at home.
    pub fn at_home(&self) -> AtHome {
        let mut sums: Vec<_> = (0..self.nodes.len()).map(|index| self.sums_of_inputs(index)).collect();
        let mut readers = vec![Vec::new(); self.nodes.len()];
        for (reader, node) in self.nodes.iter().enumerate() {
            for input in node.inputs() {
                if let Some(readers) = readers.get_mut(input.0) {
                    readers.push(reader);
                }
            }
        }
        let is_rows = |node: &Node| matches!(node, Node::Input(_) | Node::Union(_));
        let mut stays: Vec<bool> = self
            .nodes
            .iter()
            .zip(&readers)
            .map(|(node, readers)| is_rows(node) && !readers.is_empty())
            .collect();
        // Rows that one step needs are shared, and then nothing of them is summed at home.
        loop {
            let before = stays.iter().filter(|stays| **stays).count();
            for index in (0..self.nodes.len()).rev() {
                let at_home = |reader: &usize| stays[*reader] || sums[*reader].is_some();
                stays[index] = stays[index] && readers[index].iter().all(at_home);
            }
            for (index, node) in self.nodes.iter().enumerate() {
                let shared = |id: &NodeId| stays.get(id.0) != Some(&true);
                let all = sums[index].iter().flatten().map(|(id, _)| id);
                if all.chain(&node.inputs()).any(shared) {
                    sums[index] = None;
                }
            }
            if stays.iter().filter(|stays| **stays).count() == before {
                return AtHome { stays, sums };
            }
        }
    }

    /// The inputs below an [`Aggregate`], if its measures are sums of what their owners measure alone.
    fn sums_of_inputs(&self, index: usize) -> Option<Vec<(NodeId, usize)>> {
        let Some(Node::Aggregate(aggregate)) = self.nodes.get(index) else { return None };
        let ids = match self.nodes.get(aggregate.input.0)? {
            Node::Input(_) => vec![aggregate.input],
            Node::Union(union) => union.inputs.clone(),
            Node::HashedJoin(_)
            | Node::Compute(_)
            | Node::Broadcast(_)
            | Node::Aggregate(_)
            | Node::Fold(_)
            | Node::Assemble(_)
            | Node::Group(_)
            | Node::Lasso(_)
            | Node::Release(_) => return None,
        };
        let (mut inputs, mut first) = (Vec::new(), 0);
        for id in ids {
            let Some(Node::Input(input)) = self.nodes.get(id.0) else { return None };
            inputs.push((id, first));
            first += input.bound;
        }
        let starts: Vec<usize> = inputs.iter().map(|(_, first)| *first).collect();
        aggregate.measures.iter().all(|measure| is_sum(measure, &starts)).then_some(inputs)
    }
}

/// Whether a measure of stacked inputs is the sum of what each owner measures alone; `starts`: the first rows of the inputs.
fn is_sum(measure: &Measure, starts: &[usize]) -> bool {
    match measure {
        Measure::Sum { .. }
        | Measure::SumOfProducts { .. }
        | Measure::SumOfRows { .. }
        | Measure::Persons { .. } => true,
        Measure::AtRank { .. } => starts.len() == 1,
        Measure::DistinctNumbers { parts, .. } => {
            let input = |row: usize| starts.partition_point(|start| *start <= row);
            let mut inputs = parts
                .iter()
                .filter(|part| !part.rows.is_empty())
                .flat_map(|part| [input(part.rows.start), input(part.rows.end - 1)]);
            let one = inputs.next();
            inputs.all(|input| Some(input) == one)
        }
        Measure::PersonsBy { .. } | Measure::Exists | Measure::Same { .. } => false,
    }
}

impl Aggregate {
    /// The number of cells.
    pub fn cells(&self) -> usize {
        self.keys.iter().map(Vec::len).product()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ColumnDef, Encoding, NumberedPart, Range, Rank, RingSize, Union};
    use super::*;
    use crate::plan_samples as samples;

    /// A plan of two stacked inputs of an owner's rows, whose union is read by these nodes.
    fn stacked(readers: impl IntoIterator<Item = Aggregate>) -> SecurePlan {
        let mut plan = samples::sum_by_region();
        let rows = plan.nodes[0].clone();
        let columns = rows.columns().into_iter().cloned().collect();
        let union = Node::Union(Union { inputs: vec![NodeId(0), NodeId(1)], columns });
        plan.nodes = vec![rows.clone(), rows, union];
        plan.nodes.extend(readers.into_iter().map(Node::Aggregate));
        plan
    }

    fn of(input: usize, measure: Measure) -> Aggregate {
        let range = Range { lo: 0, hi: 0 };
        let def = ColumnDef { name: String::new(), encoding: Encoding::Arithmetic(RingSize::Z64), range };
        Aggregate { input: NodeId(input), keys: Vec::new(), measures: vec![measure], columns: vec![def] }
    }

    #[test]
    fn sums_over_rows_that_nothing_else_reads_are_made_at_home() {
        let home = samples::sum_by_region().at_home();
        assert!(home.stays(0) && !home.stays(1));
        assert_eq!((home.sums(1), home.sums(2)), (Some(&[(NodeId(0), 0)][..]), None));
        let join = samples::join();
        let home = join.at_home();
        assert!((0..join.nodes.len()).all(|index| !home.stays(index) && home.sums(index).is_none()));
    }

    #[test]
    fn stacked_rows_stay_unless_one_step_needs_them() {
        let (sum, rank) =
            (Measure::Sum { value: 0 }, Measure::AtRank { value: 0, counts: 5, rank: Rank::FIRST });
        let bound = samples::sum_by_region().rows()[0];
        let inputs = [(NodeId(0), 0), (NodeId(1), bound)];
        let home = stacked([of(2, sum.clone()), of(0, sum.clone())]).at_home();
        assert!(home.stays(0) && home.stays(1) && home.stays(2));
        assert_eq!((home.sums(3), home.sums(4)), (Some(&inputs[..]), Some(&inputs[..1])));
        // The rank among all rows needs them on shares, so all are shared, whoever else could do without.
        let home = stacked([of(2, sum.clone()), of(2, rank.clone()), of(0, sum.clone())]).at_home();
        assert!((0..6).all(|index| !home.stays(index) && home.sums(index).is_none()));
        // Among the rows of one input it is found at home.
        assert!(stacked([of(2, sum), of(1, rank)]).at_home().sums(4).is_some());
    }

    #[test]
    fn different_numbers_are_counted_at_home_if_one_owner_has_them() {
        let bound = samples::sum_by_region().rows()[0];
        let counted = |ranges: &[(usize, usize)]| {
            let part =
                |&(start, end): &(usize, usize)| NumberedPart { counts: 5, number: 0, rows: start..end };
            let parts = ranges.iter().map(part).collect();
            stacked([of(2, Measure::DistinctNumbers { parts, bits: 8 })]).at_home().sums(3).is_some()
        };
        assert!(counted(&[(0, bound)]) && counted(&[(bound, 2 * bound), (bound, bound + 1)]) && counted(&[]));
        assert!(!counted(&[(0, bound + 1)]) && !counted(&[(0, 1), (bound, bound + 1)]));
    }
}
