//! What a release reads of the numbers of groups.

use super::program::{Kind, Program};
use crate::Result;
use crate::plan::{ColumnDef, Compute, Encoding, Measure, Node, NodeId, NumberedPart, Range, Reg};

/// Registers that the release reads.
pub(super) struct Picked {
    pub(super) program: Program,
    pub(super) outputs: Vec<(Reg, ColumnDef)>,
}

impl Picked {
    pub(super) fn pick(&mut self, reg: Reg, name: &str) -> usize {
        if let Some(before) = self.outputs.iter().position(|(other, _)| *other == reg) {
            return before;
        }
        let (encoding, range) = match self.program.kind(reg) {
            Kind::Bit => (Encoding::Bit, Range { lo: 0, hi: 1 }),
            Kind::Number(ring, range) => (Encoding::Arithmetic(ring), range),
            Kind::Planes(width, range) => (Encoding::Planes(width), range),
        };
        self.outputs.push((reg, ColumnDef { name: name.to_owned(), encoding, range }));
        self.outputs.len() - 1
    }

    /// The node with the picked columns, and where each is: the aggregate itself if all are its columns.
    pub(super) fn finish(self, nodes: &mut Vec<Node>) -> (NodeId, Vec<usize>) {
        let input = NodeId(nodes.len() - 1);
        let plain: Option<Vec<usize>> = self
            .outputs
            .iter()
            .map(|(reg, _)| match self.program.ops.get(reg.0) {
                Some(crate::plan::Op::Column(column)) => Some(*column),
                _ => None,
            })
            .collect();
        if let Some(plain) = plain {
            return (input, plain);
        }
        let roots: Vec<Reg> = self.outputs.iter().map(|(reg, _)| *reg).collect();
        let (ops, roots) = super::prune::prune(&self.program.ops, &roots);
        let outputs: Vec<(Reg, ColumnDef)> =
            roots.into_iter().zip(self.outputs).map(|(reg, (_, def))| (reg, def)).collect();
        let columns = (0..outputs.len()).collect();
        nodes.push(Node::Compute(Compute { input, ops, outputs }));
        (NodeId(nodes.len() - 1), columns)
    }
}

/// A measure over the columns of the node that they came to be in.
pub(crate) fn moved(measure: Measure, at: &dyn Fn(usize) -> Result<usize>) -> Result<Measure> {
    Ok(match measure {
        Measure::Sum { value } => Measure::Sum { value: at(value)? },
        Measure::SumOfProducts { left, right } => {
            Measure::SumOfProducts { left: at(left)?, right: at(right)? }
        }
        Measure::Persons { counts, run_starts, max_run, rows } => {
            Measure::Persons { counts: at(counts)?, run_starts: at(run_starts)?, max_run, rows }
        }
        Measure::PersonsBy { counts, person, max_run } => {
            Measure::PersonsBy { counts: at(counts)?, person: at(person)?, max_run }
        }
        Measure::Exists => Measure::Exists,
        Measure::Same { column } => Measure::Same { column: at(column)? },
        Measure::AtRank { value, counts, rank } => {
            Measure::AtRank { value: at(value)?, counts: at(counts)?, rank }
        }
        Measure::SumOfRows { value, rows } => Measure::SumOfRows { value: at(value)?, rows },
        Measure::DistinctNumbers { parts, bits } => {
            let part = |part: NumberedPart| -> Result<NumberedPart> {
                Ok(NumberedPart { counts: at(part.counts)?, number: at(part.number)?, rows: part.rows })
            };
            Measure::DistinctNumbers { parts: parts.into_iter().map(part).collect::<Result<_>>()?, bits }
        }
    })
}
