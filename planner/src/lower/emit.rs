//! One branch of rows as nodes: what each owner shares, how the shares are joined, what is computed from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, lit};

use super::facts::{encode, is_text, rescale};
use super::infer::{Scope, infer, show};
use super::program::{Kind, Program};
use super::rows::{Branch, leaves_of, localised};
use super::value::{Atoms, Number, Truth, masked, number, rescaled, same_text, text, truth};
use super::{failure, star};
use crate::Result;
use crate::catalog::Federation;
use crate::plan::{
    ColumnDef, Compute, Encoding, Input, Node, NodeId, Op, Range, Reg, RingSize, Scale, SharedColumn, Source,
};

/// A column that the rows of a branch are asked for. Expressions are over the branch's symbols.
#[derive(Clone, Debug)]
pub(crate) enum Want {
    /// The integers of a number in this scale, minus `offset`; 0 where the row does not count or the number is NULL.
    Value {
        /// The number.
        expr: Expr,
        /// At least as fine as the number's own.
        scale: Scale,
        /// Subtracted.
        offset: i128,
        /// The ring of the column.
        ring: RingSize,
    },
    /// The same, but 0 where these demands are not met.
    Masked {
        /// The number, which the demands make known.
        expr: Expr,
        /// At least as fine as the number's own.
        scale: Scale,
        /// Subtracted.
        offset: i128,
        /// Which rows count; the ring is the column's too.
        counting: Counting,
    },
    /// 1 where the row counts.
    Count(Counting),
    /// The same as a bit.
    CountBit(Counting),
    /// 1 where an expression has this value (NULL is NULL); anything where the row does not count.
    Cell {
        /// The expression.
        expr: Expr,
        /// Its value.
        value: ScalarValue,
    },
    /// The bit that a row of the staying leaf is the first of a run of rows equal in these expressions; `None`: never.
    Run(Option<Vec<Expr>>),
}

/// Which rows count: those that pass all joins and filters and these demands.
#[derive(Clone, Debug)]
pub(crate) struct Counting {
    /// Not NULL.
    pub(crate) known: Vec<Expr>,
    /// Not 0 (and so not NULL).
    pub(crate) nonzero: Option<Expr>,
    /// The ring, where a number is asked for.
    pub(crate) ring: RingSize,
}

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
    exprs: Vec<Expr>,
    shared: Vec<SharedColumn>,
    /// Where each shared column is, by what it shares.
    index: BTreeMap<String, usize>,
    filters: Vec<Expr>,
}

/// A branch on its way to nodes.
pub(crate) struct Emit<'a> {
    branch: &'a Branch,
    federation: &'a Federation,
    scope: Scope,
    /// The leaf whose rows stay in place.
    pub(crate) hub: usize,
    locals: Vec<Local>,
    across: Vec<Expr>,
    places: Vec<Place>,
    place_index: BTreeMap<Place, usize>,
    runs: Vec<Vec<Expr>>,
    /// What is computed.
    pub(crate) program: Program,
}

impl<'a> Emit<'a> {
    /// Starts with the filters of the branch.
    pub(crate) fn new(branch: &'a Branch, federation: &'a Federation) -> Result<Emit<'a>> {
        let hub = star::hub(branch, federation)?;
        let mut emit = Emit {
            branch,
            federation,
            scope: branch.scope()?,
            hub,
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
        self.branch.leaves.get(self.hub).map_or(0, |leaf| leaf.bound)
    }

    /// The leaf that can compute an expression alone.
    fn home(&self, expr: &Expr) -> Option<usize> {
        let leaves = leaves_of(expr);
        match leaves.len() {
            0 => Some(self.hub),
            1 => leaves.first().copied(),
            _ => None,
        }
    }

    fn local_of(&mut self, leaf: usize) -> Result<&mut Local> {
        self.locals.get_mut(leaf).ok_or_else(|| failure::internal("an unknown leaf"))
    }

    fn is_single(&self) -> bool {
        self.branch.leaves.len() == 1
    }

    /// The local column of an expression over one leaf.
    fn compute_locally(&mut self, leaf: usize, expr: &Expr) -> Result<usize> {
        let local = self.local_of(leaf)?;
        if let Some(before) = local.exprs.iter().position(|other| other == expr) {
            return Ok(before);
        }
        local.exprs.push(expr.clone());
        Ok(local.exprs.len() - 1)
    }

    /// The register of a column that a leaf shares.
    fn share(&mut self, leaf: usize, shared: SharedColumn) -> Result<Reg> {
        let kind = match shared.def.encoding {
            Encoding::Arithmetic(ring) => Kind::Number(ring, shared.def.range),
            Encoding::Bit | Encoding::Planes(_) => Kind::Bit,
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

    fn share_bit(&mut self, leaf: usize, name: String, source: Source) -> Result<Reg> {
        self.share(leaf, SharedColumn { def: bit_def(name), source })
    }

    /// The integers of a number that one leaf computes.
    fn share_value(
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

    /// The bit: the row passes all joins and filters.
    fn row_bit(&mut self) -> Result<Reg> {
        if self.is_single() {
            return self.share_bit(0, "valid".into(), Source::Known(Vec::new()));
        }
        let mut all = self.program.bit(true);
        for join in 0..self.branch.joins.len() {
            let bit = self.column(Place::MatchBit(join), Kind::Bit);
            all = self.program.and(all, bit);
        }
        for leaf in 0..self.locals.len() {
            if self.locals.get(leaf).is_some_and(|local| !local.filters.is_empty()) {
                let name = format!("valid at {}", self.owner_name(leaf));
                let bit = self.share_bit(leaf, name, Source::Known(Vec::new()))?;
                all = self.program.and(all, bit);
            }
        }
        for predicate in self.across.clone() {
            let bit = self.truth_of(&predicate)?.yes;
            all = self.program.and(all, bit);
        }
        Ok(all)
    }

    /// The same bit as a number in a ring.
    fn row_number(&mut self, ring: RingSize) -> Result<Reg> {
        let unfiltered = self.across.is_empty() && self.locals.iter().all(|local| local.filters.is_empty());
        if self.branch.joins.len() == 1 && unfiltered && ring == RingSize::Z64 {
            return Ok(self.column(Place::MatchNumber(0), Kind::Number(ring, Range { lo: 0, hi: 1 })));
        }
        let bit = self.row_bit()?;
        self.program.arithmetic(bit, ring)
    }

    fn owner_name(&self, leaf: usize) -> String {
        let owner = self.branch.leaves.get(leaf).and_then(|leaf| self.federation.parties.get(leaf.owner.0));
        owner.map_or_else(String::new, |party| party.name.clone())
    }

    fn truth_of(&mut self, expr: &Expr) -> Result<Truth> {
        let mut program = std::mem::take(&mut self.program);
        let result = truth(self, &mut program, expr);
        self.program = program;
        result
    }

    fn number_of(&mut self, expr: &Expr) -> Result<Number> {
        let mut program = std::mem::take(&mut self.program);
        let result = number(self, &mut program, expr);
        self.program = program;
        result
    }

    fn text_of(&mut self, expr: &Expr, dictionary: &[ScalarValue]) -> Result<Number> {
        let mut program = std::mem::take(&mut self.program);
        let result = text(self, &mut program, expr, dictionary);
        self.program = program;
        result
    }

    /// The register of a wanted column.
    pub(crate) fn want(&mut self, want: &Want) -> Result<Reg> {
        match want {
            Want::Value { expr, scale, offset, ring } => self.value(expr, *scale, *offset, *ring),
            Want::Masked { expr, scale, offset, counting } => {
                self.masked_value(expr, *scale, *offset, counting)
            }
            Want::Count(counting) => self.count(counting),
            Want::CountBit(counting) => self.count_bit(counting),
            Want::Cell { expr, value } => self.cell(expr, value),
            Want::Run(None) => Ok(self.program.bit(false)),
            Want::Run(Some(exprs)) => {
                if !self.runs.contains(exprs) {
                    self.runs.push(exprs.clone());
                }
                let hub = self.hub;
                let columns =
                    exprs.iter().map(|expr| self.compute_locally(hub, expr)).collect::<Result<_>>()?;
                self.share_bit(hub, "first row of a person".into(), Source::RunStart(columns))
            }
        }
    }

    fn value(&mut self, expr: &Expr, scale: Scale, offset: i128, ring: RingSize) -> Result<Reg> {
        if let Some(leaf) = self.home(expr) {
            let value = self.share_value(leaf, expr, scale, offset, Some(ring))?;
            if self.is_single() {
                return Ok(value);
            }
            let row = self.row_number(ring)?;
            return self.program.multiply(value, row);
        }
        let (value, known) = self.joint_value(expr, scale, offset, ring)?;
        let row = self.row_bit()?;
        let counts = known.map_or(row, |known| self.program.and(row, known));
        let counts = self.program.arithmetic(counts, ring)?;
        self.program.multiply(value, counts)
    }

    /// A number of several owners' values, and whether it is known.
    fn joint_value(
        &mut self,
        expr: &Expr,
        scale: Scale,
        offset: i128,
        ring: RingSize,
    ) -> Result<(Reg, Option<Reg>)> {
        let range = self.range_of(expr, scale, offset)?;
        let number = self.number_of(expr)?;
        let value = rescaled(&mut self.program, &number, scale)?;
        let value = self.program.offset(value, -offset)?;
        Ok((self.program.fitted(value, ring, range), number.known))
    }

    /// The integers of a number in a scale, minus an offset, and 0.
    fn range_of(&self, expr: &Expr, scale: Scale, offset: i128) -> Result<Range> {
        let facts = infer(expr, &self.scope)?;
        let range = facts.range.and_then(|range| rescale(range, facts.scale, scale));
        let range = range.and_then(|range| range.add(Range { lo: -offset, hi: -offset }));
        Ok(range.ok_or_else(|| failure::bounds(show(expr)))?.with_zero())
    }

    fn masked_value(&mut self, expr: &Expr, scale: Scale, offset: i128, counting: &Counting) -> Result<Reg> {
        let ring = counting.ring;
        if self.is_single() {
            let mut nullable = Vec::new();
            for known in &counting.known {
                if infer(known, &self.scope)?.nullable {
                    nullable.push(known.clone().is_not_null());
                }
            }
            let masked = match nullable.into_iter().reduce(Expr::and) {
                None => expr.clone(),
                Some(complete) => {
                    let when_then_expr = vec![(Box::new(complete), Box::new(expr.clone()))];
                    Expr::Case(Case { expr: None, when_then_expr, else_expr: None })
                }
            };
            return self.share_value(0, &masked, scale, offset, Some(ring));
        }
        let counts = self.count(counting)?;
        let value = match self.home(expr) {
            Some(leaf) => self.share_value(leaf, expr, scale, offset, Some(ring))?,
            None => self.joint_value(expr, scale, offset, ring)?.0,
        };
        self.program.multiply(value, counts)
    }

    /// The demands that one leaf can check: a column of its own.
    fn count_locally(
        &mut self,
        leaf: usize,
        known: &[Expr],
        nonzero: Option<&Expr>,
    ) -> Result<Option<(String, Source)>> {
        let known: Vec<&Expr> = known.iter().filter(|expr| self.home(expr) == Some(leaf)).collect();
        let nonzero = nonzero.filter(|expr| self.home(expr) == Some(leaf));
        if let Some(expr) = nonzero {
            let zero = zero_of(&self.scope.data_type(expr)?)?;
            let mut condition = expr.clone().not_eq(lit(zero));
            for known in known {
                condition = condition.and(known.clone().is_not_null());
            }
            let column = self.compute_locally(leaf, &condition)?;
            return Ok(Some((format!("counts {}", name(expr)), Source::True(column))));
        }
        let mut columns = Vec::new();
        let mut names = Vec::new();
        for expr in known {
            if infer(expr, &self.scope)?.nullable {
                columns.push(self.compute_locally(leaf, expr)?);
                names.push(name(expr));
            }
        }
        Ok((!columns.is_empty()).then(|| (format!("known {}", names.join(", ")), Source::Known(columns))))
    }

    fn count(&mut self, counting: &Counting) -> Result<Reg> {
        let Counting { known, nonzero, ring } = counting;
        if self.is_single() {
            let (name, source) = self
                .count_locally(0, known, nonzero.as_ref())?
                .unwrap_or_else(|| ("valid".into(), Source::Known(Vec::new())));
            let def =
                ColumnDef { name, encoding: Encoding::Arithmetic(*ring), range: Range { lo: 0, hi: 1 } };
            return self.share(0, SharedColumn { def, source });
        }
        let trivial = nonzero.is_none() && {
            let mut any = false;
            for expr in known {
                any |= infer(expr, &self.scope)?.nullable;
            }
            !any
        };
        if trivial {
            return self.row_number(*ring);
        }
        let bit = self.count_bit(counting)?;
        self.program.arithmetic(bit, *ring)
    }

    fn count_bit(&mut self, counting: &Counting) -> Result<Reg> {
        let Counting { known, nonzero, .. } = counting;
        if self.is_single() {
            let (name, source) = self
                .count_locally(0, known, nonzero.as_ref())?
                .unwrap_or_else(|| ("valid".into(), Source::Known(Vec::new())));
            return self.share_bit(0, name, source);
        }
        let mut all = self.row_bit()?;
        for leaf in 0..self.locals.len() {
            if let Some((name, source)) = self.count_locally(leaf, known, nonzero.as_ref())? {
                let bit = self.share_bit(leaf, name, source)?;
                all = self.program.and(all, bit);
            }
        }
        for expr in known.iter().filter(|expr| self.home(expr).is_none()).cloned().collect::<Vec<_>>() {
            if let Some(known) = self.number_of(&expr)?.known {
                all = self.program.and(all, known);
            }
        }
        if let Some(expr) = nonzero.as_ref().filter(|expr| self.home(expr).is_none()) {
            let number = self.number_of(expr)?;
            let zero = self.program.zero(number.reg);
            let yes = self.program.not(zero);
            let counts = masked(&mut self.program, yes, number.known).yes;
            all = self.program.and(all, counts);
        }
        Ok(all)
    }

    fn cell(&mut self, expr: &Expr, value: &ScalarValue) -> Result<Reg> {
        if let Some(leaf) = self.home(expr) {
            let column = self.compute_locally(leaf, expr)?;
            let name = format!("{} = {value}", name(expr));
            let def = ColumnDef {
                name,
                encoding: Encoding::Arithmetic(RingSize::Z64),
                range: Range { lo: 0, hi: 1 },
            };
            return self
                .share(leaf, SharedColumn { def, source: Source::Equals { column, value: value.clone() } });
        }
        let bit = if self.scope.data_type(expr)? == DataType::Boolean {
            let truth = self.truth_of(expr)?;
            match value {
                ScalarValue::Boolean(Some(true)) => truth.yes,
                ScalarValue::Boolean(Some(false)) => truth.no,
                _ => {
                    let known = self.program.or(truth.yes, truth.no);
                    self.program.not(known)
                }
            }
        } else {
            self.cell_bit(expr, value)?
        };
        self.program.arithmetic(bit, RingSize::Z64)
    }

    fn cell_bit(&mut self, expr: &Expr, value: &ScalarValue) -> Result<Reg> {
        let facts = infer(expr, &self.scope)?;
        let (number, integer) = if is_text(&facts.data_type) {
            let dictionary = facts.closed.ok_or_else(|| failure::internal("an open key"))?;
            let index = dictionary.iter().position(|entry| same_text(entry, value));
            (self.text_of(expr, &dictionary)?, index.and_then(|index| i128::try_from(index).ok()))
        } else {
            let number = self.number_of(expr)?;
            (number, encode(value, number.scale))
        };
        if value.is_null() {
            return Ok(match number.known {
                Some(known) => self.program.not(known),
                None => self.program.bit(false),
            });
        }
        // A value that this branch cannot have.
        let Some(integer) = integer else { return Ok(self.program.bit(false)) };
        let difference = self.program.offset(number.reg, -integer)?;
        let same = self.program.zero(difference);
        Ok(masked(&mut self.program, same, number.known).yes)
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
        let order = star::order(self.branch, self.hub, &self.runs)?;
        let hub = self.hub;
        let adjacent =
            order.iter().map(|expr| self.compute_locally(hub, expr)).collect::<Result<Vec<_>>>()?;
        let mut joins = star::Joins::new(self.branch, self.federation, hub);
        for key in 0..self.branch.joins.len() {
            let (stay, moved) = joins.sides(key)?;
            let stay = stay.1.iter().map(|expr| self.compute_locally(stay.0, expr)).collect::<Result<_>>()?;
            let moved =
                moved.1.iter().map(|expr| self.compute_locally(moved.0, expr)).collect::<Result<_>>()?;
            joins.keys.push((stay, moved));
        }
        let mut inputs = Vec::new();
        for leaf in 0..self.branch.leaves.len() {
            nodes.push(Node::Input(self.input(leaf, &adjacent)?));
            inputs.push(NodeId(nodes.len() - 1));
        }
        let shared: Vec<Vec<ColumnDef>> = self
            .locals
            .iter()
            .map(|local| local.shared.iter().map(|shared| shared.def.clone()).collect())
            .collect();
        let joined = joins.emit(&inputs, &shared, nodes)?;
        let columns = self.places.iter().map(|place| {
            let index = match *place {
                Place::Shared { leaf, column } => joined.starts.get(leaf).map(|start| start + column),
                Place::MatchBit(join) => joined.matches.get(join).copied(),
                Place::MatchNumber(join) => joined.matches.get(join).map(|bit| bit + 1),
            };
            index.ok_or_else(|| failure::internal("a column of no node"))
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let mut ops = std::mem::take(&mut self.program.ops);
        for op in &mut ops {
            if let Op::Column(index) = op {
                *index =
                    columns.get(*index).copied().ok_or_else(|| failure::internal("a column of no place"))?;
            }
        }
        let plain: Option<Vec<usize>> = outputs
            .iter()
            .map(|(reg, _)| match ops.get(reg.0) {
                Some(Op::Column(column)) => Some(*column),
                _ => None,
            })
            .collect();
        if let Some(plain) = plain
            && (!exact || plain == (0..joined.width).collect::<Vec<_>>())
        {
            return Ok((joined.node, plain));
        }
        let (ops, outputs) = without_dead_ops(&ops, outputs);
        nodes.push(Node::Compute(Compute { input: joined.node, ops, outputs: outputs.clone() }));
        Ok((NodeId(nodes.len() - 1), (0..outputs.len()).collect()))
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
        let plan = Projection::try_new(exprs, Arc::new(leaf.plan.clone()));
        Ok(Input {
            owner: leaf.owner,
            plan: LogicalPlan::Projection(plan.map_err(|error| failure::engine(&error))?),
            tables: leaf.tables.clone(),
            bound: usize::try_from(leaf.bound).map_err(|_| failure::internal("too many rows"))?,
            valid,
            order: star::order_of(self.branch, self.hub, index, adjacent),
            columns: local.shared.clone(),
        })
    }
}

impl Atoms for Emit<'_> {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn number(&mut self, program: &mut Program, expr: &Expr) -> Result<Option<Number>> {
        let Some(leaf) = self.home(expr) else { return Ok(None) };
        std::mem::swap(&mut self.program, program);
        let result = self.number_at(leaf, expr, None);
        std::mem::swap(&mut self.program, program);
        result.map(Some)
    }

    fn text(
        &mut self,
        program: &mut Program,
        expr: &Expr,
        dictionary: &[ScalarValue],
    ) -> Result<Option<Number>> {
        let Some(leaf) = self.home(expr) else { return Ok(None) };
        std::mem::swap(&mut self.program, program);
        let result = self.number_at(leaf, expr, Some(dictionary));
        std::mem::swap(&mut self.program, program);
        result.map(Some)
    }

    fn truth(&mut self, program: &mut Program, expr: &Expr) -> Result<Option<Truth>> {
        let Some(leaf) = self.home(expr) else { return Ok(None) };
        std::mem::swap(&mut self.program, program);
        let result = self.truth_at(leaf, expr);
        std::mem::swap(&mut self.program, program);
        result.map(Some)
    }
}

impl Emit<'_> {
    fn number_at(&mut self, leaf: usize, expr: &Expr, dictionary: Option<&[ScalarValue]>) -> Result<Number> {
        let facts = infer(expr, &self.scope)?;
        let (reg, scale) = match dictionary {
            None => (self.share_value(leaf, expr, facts.scale, 0, None)?, facts.scale),
            Some(dictionary) => {
                let column = self.compute_locally(leaf, expr)?;
                let hi = i128::try_from(dictionary.len().max(1) - 1).unwrap_or(i128::MAX);
                let encoding = Encoding::Arithmetic(RingSize::Z64);
                let def = ColumnDef { name: name(expr), encoding, range: Range { lo: 0, hi } };
                let dictionary = Some(dictionary.to_vec());
                let source = Source::Value { column, scale: Scale::Unit, dictionary, offset: 0 };
                (self.share(leaf, SharedColumn { def, source })?, Scale::Unit)
            }
        };
        let known = if facts.nullable {
            let column = self.compute_locally(leaf, expr)?;
            Some(self.share_bit(leaf, format!("known {}", name(expr)), Source::Known(vec![column]))?)
        } else {
            None
        };
        Ok(Number { reg, known, scale })
    }

    fn truth_at(&mut self, leaf: usize, expr: &Expr) -> Result<Truth> {
        let nullable = infer(expr, &self.scope)?.nullable;
        let column = self.compute_locally(leaf, expr)?;
        let yes = self.share_bit(leaf, name(expr), Source::True(column))?;
        if !nullable {
            return Ok(Truth { yes, no: self.program.not(yes) });
        }
        let opposite = Expr::Not(Box::new(expr.clone()));
        let column = self.compute_locally(leaf, &opposite)?;
        let no = self.share_bit(leaf, name(&opposite), Source::True(column))?;
        Ok(Truth { yes, no })
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

/// 0 of a numeric type.
fn zero_of(data_type: &DataType) -> Result<ScalarValue> {
    ScalarValue::new_zero(data_type).map_err(|error| failure::engine(&error))
}
