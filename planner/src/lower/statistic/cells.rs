//! Tables of cells: sums over rows per combination of key values, and what is computed from them on shares.

use super::super::failure;
use super::super::program::{Kind, Program};
use super::super::prune::prune;
use crate::Result;
use crate::plan::{
    Assemble, Axis, ColumnDef, Compute, Encoding, Fold, How, Node, NodeId, Piece, Range, Reg, RingSize,
};

/// A table of cells, row-major over its keys.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    /// The node that gives it.
    node: NodeId,
    /// How many values each key has.
    pub(super) shape: Vec<usize>,
    /// Its columns; names are unique, but for those of the gate.
    pub(super) defs: Vec<ColumnDef>,
    /// Which of its columns are numbers of persons that must be reached.
    pub(super) gates: Vec<Demand>,
}

/// A number of persons that must be reached before anything made of a table leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Demand {
    /// A column.
    pub(super) column: usize,
    /// How many persons.
    pub(super) at_least: u64,
    /// Who asks.
    pub(super) reason: String,
}

/// The columns of a table as registers of a program.
pub(super) struct Registers<'c> {
    cells: &'c Cells,
    /// Where the arithmetic goes.
    pub(super) program: Program,
}

impl Cells {
    /// The output of a node.
    pub(super) fn new(node: NodeId, shape: Vec<usize>, defs: Vec<ColumnDef>, gates: Vec<Demand>) -> Cells {
        Cells { node, shape, defs, gates }
    }

    /// The node that gives it.
    pub(super) fn node(&self) -> NodeId {
        self.node
    }

    /// The number of its rows.
    pub(super) fn rows(&self) -> usize {
        self.shape.iter().product()
    }

    /// The column of this name.
    pub(super) fn place(&self, name: &str) -> Result<usize> {
        let place = self.defs.iter().position(|def| def.name == name);
        place.ok_or_else(|| failure::internal(format!("no column {name} among the cells")))
    }

    /// A program over its columns.
    pub(super) fn registers(&self) -> Registers<'_> {
        Registers { cells: self, program: Program::default() }
    }

    /// The same rows over other keys.
    pub(super) fn reshaped(&self, shape: Vec<usize>) -> Cells {
        Cells { shape, ..self.clone() }
    }

    /// The same cells without their gates.
    pub(super) fn ungated(&self) -> Cells {
        Cells { gates: Vec::new(), ..self.clone() }
    }

    /// Puts the cells along key `key` together; the gates' counts too, unless they are products.
    ///
    /// `limits`: what is known of the results by name, besides what follows from the ranges.
    pub(super) fn fold(
        &self,
        key: usize,
        how: How,
        limits: &[(&str, Range)],
        nodes: &mut Vec<Node>,
    ) -> Result<Cells> {
        let (before, after) = self.shape.split_at(key);
        let (length, after) = after.split_first().ok_or_else(|| failure::internal("no such key"))?;
        let axis = Axis { outer: before.iter().product(), length: *length, inner: after.iter().product() };
        let mut columns = Vec::new();
        for def in &self.defs {
            let limit = limits.iter().find(|(name, _)| *name == def.name).map(|(_, range)| *range);
            let grown = match how {
                How::Sum | How::FromStart | How::FromEnd => def.range.sum(*length as u64),
                How::Product { .. } => Some(Range { lo: -256, hi: def.range.hi }),
                How::Pool => return Err(failure::internal("pooled sums ask for something")),
            };
            let range = match (grown, limit) {
                (Some(grown), Some(limit)) => {
                    Range { lo: grown.lo.max(limit.lo), hi: grown.hi.min(limit.hi) }
                }
                (grown, limit) => {
                    limit.or(grown).ok_or_else(|| failure::bounds(format!("sums of {}", def.name)))?
                }
            };
            let needed = range.ring().ok_or_else(|| failure::bounds(format!("sums of {}", def.name)))?;
            match def.encoding {
                Encoding::Arithmetic(ring) if needed <= ring => {}
                Encoding::Arithmetic(_) | Encoding::Bit | Encoding::Planes(_) => {
                    return Err(failure::bounds(format!("sums of {}", def.name)));
                }
            }
            columns.push(ColumnDef { range, ..def.clone() });
        }
        let mut shape = before.to_vec();
        if how != How::Sum {
            shape.push(*length);
        }
        shape.extend(after);
        let fold = Fold { input: self.node, axis, how, at_least: Vec::new(), columns: columns.clone() };
        nodes.push(Node::Fold(fold));
        Ok(Cells::new(NodeId(nodes.len() - 1), shape, columns, self.gates.clone()))
    }

    /// Along the last key, the sums of counts since the last cell shown, and the bit `shown`: where the sums of all columns have
    /// reached their `at_least`. No sum is larger than `most`.
    pub(super) fn pool(&self, at_least: Vec<u64>, most: i128, nodes: &mut Vec<Node>) -> Result<Cells> {
        let (length, before) = self.shape.split_last().ok_or_else(|| failure::internal("no key"))?;
        let axis = Axis { outer: before.iter().product(), length: *length, inner: 1 };
        let range = Range { lo: 0, hi: most };
        let mut columns: Vec<ColumnDef> =
            self.defs.iter().map(|def| ColumnDef { range, ..def.clone() }).collect();
        let range = Range { lo: 0, hi: 1 };
        columns.push(ColumnDef { name: "shown".to_owned(), encoding: Encoding::Bit, range });
        let fold = Fold { input: self.node, axis, how: How::Pool, at_least, columns: columns.clone() };
        nodes.push(Node::Fold(fold));
        Ok(Cells::new(NodeId(nodes.len() - 1), self.shape.clone(), columns, Vec::new()))
    }

    /// One of its columns alone.
    pub(super) fn only(&self, name: &str, nodes: &mut Vec<Node>) -> Result<Cells> {
        self.only_these(&[name], nodes)
    }

    /// Some of its columns.
    pub(super) fn only_these(&self, names: &[&str], nodes: &mut Vec<Node>) -> Result<Cells> {
        let mut registers = self.registers();
        let columns: Vec<(Reg, &str)> =
            names.iter().map(|name| Ok((registers.get(name)?, *name))).collect::<Result<_>>()?;
        Ok(registers.keep(&columns, nodes))
    }

    /// Its rows with a key more, of `length` values, before key `key`: each repeated for every value.
    pub(super) fn spread(&self, key: usize, length: usize) -> Spread<'_> {
        let (before, after) = self.shape.split_at(key.min(self.shape.len()));
        let inner: usize = after.iter().product();
        let outer: usize = before.iter().product();
        let row = |index: usize| (index / (length * inner)) * inner + index % inner.max(1);
        let rows = (0..outer * length * inner).map(row).collect();
        let shape = [before, &[length], after].concat();
        Spread { cells: self, rows, shape }
    }

    /// Its rows in order.
    pub(super) fn whole(&self) -> Spread<'_> {
        Spread { cells: self, rows: (0..self.rows()).collect(), shape: self.shape.clone() }
    }

    /// One of its rows.
    pub(super) fn row(&self, row: usize) -> Spread<'_> {
        Spread { cells: self, rows: vec![row], shape: Vec::new() }
    }

    /// The rows at these places of the last key.
    pub(super) fn at_times(&self, times: &[usize]) -> Spread<'_> {
        let length = self.shape.last().copied().unwrap_or(1);
        let runs = self.rows() / length.max(1);
        let rows = (0..runs).flat_map(|run| times.iter().map(move |time| run * length + time)).collect();
        let mut shape = self.shape.clone();
        if let Some(last) = shape.last_mut() {
            *last = times.len();
        }
        Spread { cells: self, rows, shape }
    }

    /// Rows at public places.
    pub(super) fn at(&self, rows: Vec<usize>, shape: Vec<usize>) -> Spread<'_> {
        Spread { cells: self, rows, shape }
    }
}

/// Rows of a table at public places.
pub(super) struct Spread<'c> {
    cells: &'c Cells,
    rows: Vec<usize>,
    shape: Vec<usize>,
}

/// Tables side by side; their columns get these suffixes. `public`: columns of public numbers.
pub(super) fn beside(
    parts: &[(Spread<'_>, &str)],
    public: Vec<(&str, Vec<i128>)>,
    nodes: &mut Vec<Node>,
) -> Result<Cells> {
    let shape = parts.first().map(|(part, _)| part.shape.clone()).unwrap_or_default();
    let mut columns: Vec<ColumnDef> = Vec::new();
    let (mut pieces, mut gates) = (Vec::new(), Vec::new());
    for (part, suffix) in parts {
        if part.shape != shape {
            return Err(failure::internal("tables of different cells side by side"));
        }
        let start = columns.len();
        gates.extend(
            part.cells.gates.iter().map(|gate| Demand { column: start + gate.column, ..gate.clone() }),
        );
        columns.extend(
            part.cells
                .defs
                .iter()
                .map(|def| ColumnDef { name: format!("{}{suffix}", def.name), ..def.clone() }),
        );
        let rows = part.rows.iter().map(|row| u32::try_from(*row).unwrap_or(u32::MAX)).collect();
        pieces.push(Piece::Table { input: part.cells.node, rows });
    }
    for (name, values) in public {
        let of = |least: bool| values.iter().copied().reduce(|a, b| if (a < b) == least { a } else { b });
        let range = Range { lo: of(true).unwrap_or_default(), hi: of(false).unwrap_or_default() };
        let ring = range.ring().ok_or_else(|| failure::bounds(name))?;
        columns.push(ColumnDef { name: name.to_owned(), encoding: Encoding::Arithmetic(ring), range });
        pieces.push(Piece::Public(values));
    }
    let rows = shape.iter().product();
    nodes.push(Node::Assemble(Assemble { pieces, rows, columns: columns.clone() }));
    Ok(Cells::new(NodeId(nodes.len() - 1), shape, columns, gates))
}

impl Registers<'_> {
    /// The column of this name.
    pub(super) fn get(&mut self, name: &str) -> Result<Reg> {
        let place = self.cells.place(name)?;
        Ok(self.column(place))
    }

    /// A column by its place.
    pub(super) fn column(&mut self, place: usize) -> Reg {
        let kind = self.cells.defs.get(place).map_or(Kind::Bit, |def| match def.encoding {
            Encoding::Arithmetic(ring) => Kind::Number(ring, def.range),
            Encoding::Bit => Kind::Bit,
            Encoding::Planes(width) => Kind::Planes(width, def.range),
        });
        self.program.column(place, kind)
    }

    /// A table of these registers under these names, and of the columns of the gate.
    pub(super) fn keep(mut self, outputs: &[(Reg, &str)], nodes: &mut Vec<Node>) -> Cells {
        let mut all: Vec<(Reg, String)> =
            outputs.iter().map(|(reg, name)| (*reg, (*name).to_owned())).collect();
        let mut gates = Vec::new();
        for gate in &self.cells.gates {
            let name = self.cells.defs.get(gate.column).map(|def| def.name.clone()).unwrap_or_default();
            gates.push(Demand { column: all.len(), ..gate.clone() });
            all.push((self.column(gate.column), name));
        }
        let defs: Vec<ColumnDef> = all
            .iter()
            .map(|(reg, name)| {
                let (encoding, range) = match self.program.kind(*reg) {
                    Kind::Bit => (Encoding::Bit, Range { lo: 0, hi: 1 }),
                    Kind::Number(ring, range) => (Encoding::Arithmetic(ring), range),
                    Kind::Planes(width, range) => (Encoding::Planes(width), range),
                };
                ColumnDef { name: name.clone(), encoding, range }
            })
            .collect();
        let registers: Vec<Reg> = all.iter().map(|(reg, _)| *reg).collect();
        let (ops, roots) = prune(&self.program.ops, &registers);
        let outputs = roots.into_iter().zip(defs.clone()).collect();
        nodes.push(Node::Compute(Compute { input: self.cells.node, ops, outputs }));
        Cells::new(NodeId(nodes.len() - 1), self.cells.shape.clone(), defs, gates)
    }

    /// A number in `Z_2^128`.
    pub(super) fn wide(&mut self, x: Reg) -> Reg {
        self.program.widened(x, RingSize::Z128)
    }
}
