//! One branch of rows as nodes: what each owner shares, how the shares are joined, what is computed from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::logical_expr::{Expr, LogicalPlan, Projection};

use super::failure;
use super::guard::names_shared;
use super::infer::{Scope, infer, show};
use super::program::{Kind, Program};
use super::rows::{Branch, KeySide, Link, leaves_of, localised};
use super::secret::give;
use super::tree::{Joins, Piece, Tree, order, tree};
use crate::Result;
use crate::catalog::Federation;
use crate::plan::{
    ColumnDef, Compute, Encoding, Input, Node, NodeId, Op, Range, Reg, RingSize, Scale, SharedColumn, Source,
    Taken,
};

/// Where a column of the joined input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Shared { leaf: usize, column: usize },
    MatchBit(usize),
    MatchNumber(usize),
}

/// What one owner computes and shares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Local {
    pub(super) exprs: Vec<Expr>,
    shared: Vec<SharedColumn>,
    /// Where each shared column is, by what it shares.
    index: BTreeMap<String, usize>,
    filters: Vec<Expr>,
}

/// A branch on its way to nodes.
pub(crate) struct Emit<'a> {
    pub(super) branch: &'a Branch,
    pub(super) federation: &'a Federation,
    pub(super) scope: Scope,
    /// How the leaves are joined.
    pub(crate) tree: Tree,
    pub(super) locals: Vec<Local>,
    across: Vec<Expr>,
    places: Vec<Place>,
    place_index: BTreeMap<Place, usize>,
    pub(super) runs: Vec<Vec<Expr>>,
    /// What is computed.
    pub(crate) program: Program,
}

impl<'a> Emit<'a> {
    /// Starts with the filters of the branch.
    pub(crate) fn new(branch: &'a Branch, federation: &'a Federation) -> Result<Emit<'a>> {
        let tree = tree(branch, federation)?;
        let mut emit = Emit {
            branch,
            federation,
            scope: branch.scope()?,
            tree,
            locals: vec![Local::default(); branch.leaves.len()],
            across: Vec::new(),
            places: Vec::new(),
            place_index: BTreeMap::new(),
            runs: Vec::new(),
            program: Program::default(),
        };
        for filter in &branch.filters {
            infer(filter, &emit.scope)?;
            match emit.home(filter) {
                Some(leaf) => emit.local_of(leaf)?.filters.push(filter.clone()),
                None => emit.across.push(filter.clone()),
            }
        }
        Ok(emit)
    }

    /// The rows that are shared: at most this many.
    pub(crate) fn bound(&self) -> u64 {
        self.branch.leaves.get(self.tree.root).map_or(0, |leaf| leaf.bound)
    }

    /// The leaf that can compute an expression alone.
    pub(super) fn home(&self, expr: &Expr) -> Option<usize> {
        if names_shared(expr) {
            return None;
        }
        let leaves = leaves_of(expr);
        match leaves.len() {
            0 => Some(self.tree.root),
            1 => leaves.first().copied(),
            _ => None,
        }
    }

    fn local_of(&mut self, leaf: usize) -> Result<&mut Local> {
        self.locals.get_mut(leaf).ok_or_else(|| failure::internal("an unknown leaf"))
    }

    pub(super) fn is_single(&self) -> bool {
        self.branch.leaves.len() == 1 && self.branch.secrets.is_empty()
    }

    /// The local column of an expression over one leaf.
    pub(super) fn compute_locally(&mut self, leaf: usize, expr: &Expr) -> Result<usize> {
        let local = self.local_of(leaf)?;
        if let Some(before) = local.exprs.iter().position(|other| other == expr) {
            return Ok(before);
        }
        local.exprs.push(expr.clone());
        Ok(local.exprs.len() - 1)
    }

    /// The register of a column that a leaf shares.
    pub(super) fn share(&mut self, leaf: usize, shared: SharedColumn) -> Result<Reg> {
        let kind = match shared.def.encoding {
            Encoding::Arithmetic(ring) => Kind::Number(ring, shared.def.range),
            Encoding::Bit => Kind::Bit,
            Encoding::Planes(width) => Kind::Planes(width, shared.def.range),
        };
        let wanted = format!("{:?} {:?}", shared.def.encoding, shared.source);
        let local = self.local_of(leaf)?;
        let next = local.shared.len();
        let column = *local.index.entry(wanted).or_insert(next);
        if column == next {
            local.shared.push(shared);
        }
        Ok(self.column(Place::Shared { leaf, column }, kind))
    }

    fn column(&mut self, place: Place, kind: Kind) -> Reg {
        let next = self.places.len();
        let index = *self.place_index.entry(place).or_insert(next);
        if index == next {
            self.places.push(place);
        }
        self.program.column(index, kind)
    }

    pub(super) fn share_bit(&mut self, leaf: usize, name: String, source: Source) -> Result<Reg> {
        self.share(leaf, SharedColumn { def: bit_def(name), source })
    }

    /// The integers of a number that one leaf computes.
    pub(super) fn share_value(
        &mut self,
        leaf: usize,
        expr: &Expr,
        scale: Scale,
        offset: i128,
        ring: Option<RingSize>,
    ) -> Result<Reg> {
        let range = self.range_of(expr, scale, offset)?;
        let ring = match ring {
            Some(ring) => ring,
            None => range.ring().ok_or_else(|| failure::bounds(show(expr)))?,
        };
        let column = self.compute_locally(leaf, expr)?;
        let def = ColumnDef { name: name(expr), encoding: Encoding::Arithmetic(ring), range };
        self.share(
            leaf,
            SharedColumn { def, source: Source::Value { column, scale, dictionary: None, offset } },
        )
    }

    /// The bit: the row has a partner in a join.
    pub(super) fn match_bit(&mut self, join: usize) -> Reg {
        self.column(Place::MatchBit(join), Kind::Bit)
    }

    /// The bit: the row passes all joins and filters.
    pub(super) fn row_bit(&mut self) -> Result<Reg> {
        self.row_bit_where(|_| true)
    }

    /// The same, whatever one absence says.
    pub(super) fn row_bit_but(&mut self, left_out: usize) -> Result<Reg> {
        self.row_bit_where(|absence| absence != left_out)
    }

    /// The same, whatever any absence says.
    pub(super) fn candidate_bit(&mut self) -> Result<Reg> {
        self.row_bit_where(|_| false)
    }

    /// The bit: the row passes all joins and filters, and these absences.
    fn row_bit_where(&mut self, asked: impl Fn(usize) -> bool) -> Result<Reg> {
        if self.is_single() {
            return self.share_bit(0, "valid".into(), Source::Known(Vec::new()));
        }
        let branch = self.branch;
        let mut all = self.program.bit(true);
        for (index, _) in branch.joins.iter().enumerate().filter(|(_, join)| join.link == Link::Required) {
            let bit = self.match_bit(index);
            all = self.program.and(all, bit);
        }
        // A row of padding has no partner, so that a match that is required says that the row is none.
        let root = self.tree.root;
        let is_matched = branch
            .joins
            .iter()
            .any(|join| join.link == Link::Required && (join.left.leaf == root || join.right.leaf == root));
        for leaf in 0..self.locals.len() {
            let filtered = self.locals.get(leaf).is_some_and(|local| !local.filters.is_empty());
            if filtered || (leaf == root && !is_matched) {
                let name = format!("valid at {}", self.owner_name(leaf));
                let bit = self.share_bit(leaf, name, Source::Known(Vec::new()))?;
                all = self.program.and(all, bit);
            }
        }
        for predicate in self.across.clone() {
            let bit = self.truth_of(&predicate)?.yes;
            all = self.program.and(all, bit);
        }
        for (index, absence) in branch.absences.iter().enumerate() {
            if asked(index) {
                let found = self.truth_of(absence)?.yes;
                let missing = self.program.not(found);
                all = self.program.and(all, missing);
            }
        }
        Ok(all)
    }

    /// The same bit as a number in a ring.
    pub(super) fn row_number(&mut self, ring: RingSize) -> Result<Reg> {
        let unfiltered = self.across.is_empty() && self.locals.iter().all(|local| local.filters.is_empty());
        let only_match = match self.branch.joins.as_slice() {
            [join] => join.link == Link::Required && self.branch.absences.is_empty(),
            _ => false,
        };
        if only_match && unfiltered && ring == RingSize::Z64 {
            return Ok(self.column(Place::MatchNumber(0), Kind::Number(ring, Range { lo: 0, hi: 1 })));
        }
        let bit = self.row_bit()?;
        self.program.arithmetic(bit, ring)
    }

    fn owner_name(&self, leaf: usize) -> String {
        let owner = self.branch.leaves.get(leaf).and_then(|leaf| self.federation.parties.get(leaf.owner.0));
        owner.map_or_else(String::new, |party| party.name.clone())
    }

    /// Adds the nodes of the branch. Returns the node and the column of each output: a [`Compute`] unless all outputs
    /// are columns as they were shared, or, where `exact`, unless they are just these columns in this order.
    pub(crate) fn finish(
        mut self,
        outputs: &[(Reg, ColumnDef)],
        exact: bool,
        nodes: &mut Vec<Node>,
    ) -> Result<(NodeId, Vec<usize>)> {
        if self.is_single() && self.locals.iter().all(|local| local.shared.is_empty()) {
            self.row_bit()?;
        }
        let branch = self.branch;
        let root = self.tree.root;
        let order = order(branch, root, &self.runs)
            .ok_or_else(|| failure::internal("persons whose rows cannot all be adjacent"))?;
        let adjacent =
            order.iter().map(|expr| self.compute_locally(root, expr)).collect::<Result<Vec<_>>>()?;
        let keys = self.local_keys()?;
        let mut pieces = Vec::new();
        for leaf in 0..branch.leaves.len() {
            let input = self.input(leaf, &adjacent)?;
            let shared = input.columns.iter().map(|column| column.def.clone()).collect();
            nodes.push(Node::Input(input));
            pieces.push(Piece { input: NodeId(nodes.len() - 1), shared });
        }
        let joins = Joins { branch, federation: self.federation, tree: &self.tree, pieces, keys };
        let joined = joins.emit(nodes)?;
        let columns = self.places.iter().map(|place| {
            let index = match *place {
                Place::Shared { leaf, column } => {
                    joined.starts.get(leaf).copied().flatten().map(|start| start + column)
                }
                Place::MatchBit(join) => joined.matches.get(join).copied().flatten(),
                Place::MatchNumber(join) => joined.matches.get(join).copied().flatten().map(|bit| bit + 1),
            };
            index.ok_or_else(|| failure::internal("a column of no node"))
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let mut ops = std::mem::take(&mut self.program.ops);
        for op in &mut ops {
            if let Op::Column(index) = op
                && *index < self.places.len()
            {
                *index =
                    columns.get(*index).copied().ok_or_else(|| failure::internal("a column of no place"))?;
            }
        }
        let node = give(&branch.secrets, &mut ops, joined.node, nodes);
        let width = if node == joined.node { joined.width() } else { usize::MAX };
        let plain: Option<Vec<usize>> = outputs
            .iter()
            .map(|(reg, _)| match ops.get(reg.0) {
                Some(Op::Column(column)) => Some(*column),
                _ => None,
            })
            .collect();
        if let Some(plain) = plain
            && (!exact || (plain.len() == width && plain.iter().copied().eq(0..width)))
        {
            return Ok((node, plain));
        }
        let (ops, outputs) = without_dead_ops(&ops, outputs);
        nodes.push(Node::Compute(Compute { input: node, ops, outputs: outputs.clone() }));
        Ok((NodeId(nodes.len() - 1), (0..outputs.len()).collect()))
    }

    /// For each join the local columns of the identifier on its left and on its right side.
    fn local_keys(&mut self) -> Result<Vec<[Vec<usize>; 2]>> {
        let branch = self.branch;
        let mut keys = Vec::new();
        for join in &branch.joins {
            let mut columns = |side: &KeySide| -> Result<Vec<usize>> {
                side.parts.iter().map(|expr| self.compute_locally(side.leaf, expr)).collect()
            };
            keys.push([columns(&join.left)?, columns(&join.right)?]);
        }
        Ok(keys)
    }

    /// The input of a leaf: its plan with the local columns and the filter as one more.
    fn input(&self, index: usize, adjacent: &[usize]) -> Result<Input> {
        let leaf = self.branch.leaves.get(index).ok_or_else(|| failure::internal("an unknown leaf"))?;
        let local = self.locals.get(index).ok_or_else(|| failure::internal("an unknown leaf"))?;
        let mut exprs = Vec::new();
        for (column, expr) in local.exprs.iter().enumerate() {
            infer(expr, &self.scope)?;
            exprs.push(localised(expr, &leaf.plan)?.alias(format!("c{column}")));
        }
        let filter =
            local.filters.iter().map(|filter| localised(filter, &leaf.plan)).collect::<Result<Vec<_>>>()?;
        let filter = filter.into_iter().reduce(Expr::and);
        let valid = filter.is_some().then_some(exprs.len());
        exprs.extend(filter.map(|filter| filter.alias("valid")));
        let names = leaf.plan.schema().columns();
        let mut taken = Vec::new();
        for (key, at_most) in &leaf.taken {
            let from = exprs.len();
            exprs.extend(key.iter().enumerate().filter_map(|(index, column)| {
                names.get(*column).cloned().map(|name| Expr::Column(name).alias(format!("t{}", from + index)))
            }));
            taken.push(Taken {
                columns: (from..exprs.len()).collect(),
                names: key.iter().filter_map(|column| leaf.names.get(*column).cloned()).collect(),
                at_most: *at_most,
            });
        }
        let plan = Projection::try_new(exprs, Arc::new(leaf.plan.clone()));
        Ok(Input {
            owner: leaf.owner,
            plan: LogicalPlan::Projection(plan.map_err(|error| failure::engine(&error))?),
            tables: leaf.tables.clone(),
            bound: usize::try_from(leaf.bound).map_err(|_| failure::internal("too many rows"))?,
            valid,
            order: self.tree.order_of(self.branch, index, adjacent),
            columns: local.shared.clone(),
            taken,
        })
    }
}

/// A program without what its outputs do not need.
fn without_dead_ops(ops: &[Op], outputs: &[(Reg, ColumnDef)]) -> (Vec<Op>, Vec<(Reg, ColumnDef)>) {
    let roots: Vec<Reg> = outputs.iter().map(|(reg, _)| *reg).collect();
    let (ops, roots) = super::prune::prune(ops, &roots);
    let outputs = roots.into_iter().zip(outputs).map(|(reg, (_, def))| (reg, def.clone()));
    (ops, outputs.collect())
}

fn bit_def(name: String) -> ColumnDef {
    ColumnDef { name, encoding: Encoding::Bit, range: Range { lo: 0, hi: 1 } }
}

/// An expression as EXPLAIN names a column.
pub(crate) fn name(expr: &Expr) -> String {
    show(expr).trim_matches('`').to_owned()
}
