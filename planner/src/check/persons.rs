//! Whether a number counts people of an owner, and not rows.
//!
//! A count is traced from the gate down to the inputs. It counts an owner's people if it is
//! - a sum over rows of which each is another person of that owner, and which depends on that owner's rows (or on a
//!   match with them); or
//! - a count of runs, where the runs are of the owner's person column, or of the identifier by which that owner's table,
//!   one row a person, was joined; or
//! - a count of distinct numbers that the owner gave its persons; or
//! - one of these, and beside it what is 0 in every group that the owner can have a row in ([`without`]).

use std::collections::BTreeSet;

use super::elsewhere::without;
use super::local_rows::{Shape, all_persons, bases, per_person, same_bases, shape};
use crate::catalog::{Federation, Party};
use crate::plan::{
    Compute, HashedJoin, How, Input, Measure, Multiplicity, Node, NodeId, NumberedPart, Op, PartyId, Piece,
    Reg, SecurePlan, Source,
};

/// Whether column `column` of node `node` (a group table, perhaps computed on) counts people of `owner`.
pub(super) fn counts(
    plan: &SecurePlan,
    federation: &Federation,
    owner: PartyId,
    node: NodeId,
    column: usize,
) -> bool {
    counts_in(plan, federation, owner, (node, column), false)
}

/// The same; `summed`: counts of several cells are added, so that a person may be in one cell only.
fn counts_in(
    plan: &SecurePlan,
    federation: &Federation,
    owner: PartyId,
    (node, column): (NodeId, usize),
    summed: bool,
) -> bool {
    match plan.nodes.get(node.0) {
        Some(Node::Fold(fold)) => match fold.how {
            How::Sum | How::FromStart | How::FromEnd => {
                counts_in(plan, federation, owner, (fold.input, column), true)
            }
            How::Product { .. } | How::Pool => false,
        },
        Some(Node::Assemble(assemble)) => {
            let mut left = column;
            for piece in &assemble.pieces {
                let width = match piece {
                    Piece::Table { input, .. } => plan.nodes.get(input.0).map_or(0, |n| n.columns().len()),
                    Piece::Public(_) => 1,
                };
                match piece {
                    Piece::Table { input, .. } if left < width => {
                        return counts_in(plan, federation, owner, (*input, left), summed);
                    }
                    Piece::Public(_) if left < width => return false,
                    Piece::Table { .. } | Piece::Public(_) => left -= width,
                }
            }
            false
        }
        Some(Node::Broadcast(broadcast)) => {
            let width = plan.nodes.get(broadcast.input.0).map_or(0, |n| n.columns().len());
            column < width && counts_in(plan, federation, owner, (broadcast.input, column), summed)
        }
        Some(Node::Compute(compute)) => computed(plan, federation, owner, (compute, column), summed),
        Some(Node::Aggregate(aggregate)) => {
            let trace = Trace { plan, federation, owner };
            let measure = aggregate.measures.get(column);
            measure.is_some_and(|measure| trace.counts(aggregate.input, measure, summed))
        }
        Some(Node::Group(group)) => {
            let trace = Trace { plan, federation, owner };
            let measure = group.measures.get(column);
            measure.is_some_and(|measure| trace.counts(group.input, measure, summed))
        }
        Some(Node::Lasso(lasso)) => {
            // The counts follow the model's own columns.
            let counts_width =
                |id: NodeId| plan.nodes.get(id.0).map(|n| n.columns().len()).unwrap_or_default();
            let Some(table) = lasso.counts else { return false };
            let own = lasso.columns.len().saturating_sub(counts_width(table));
            let place = column.checked_sub(own);
            place.is_some_and(|place| counts_in(plan, federation, owner, (table, place), summed))
        }
        Some(Node::Input(_) | Node::HashedJoin(_) | Node::Union(_) | Node::Release(_)) | None => false,
    }
}

/// The same of a column that is computed: it is passed on as it is, or more is added only where there are no people.
fn computed(
    plan: &SecurePlan,
    federation: &Federation,
    owner: PartyId,
    (compute, column): (&Compute, usize),
    summed: bool,
) -> bool {
    let Some((Reg(reg), _)) = compute.outputs.get(column) else { return false };
    let of_column = |column: usize| counts_in(plan, federation, owner, (compute.input, column), summed);
    match compute.ops.get(*reg) {
        Some(Op::Column(source)) => of_column(*source),
        Some(Op::Add(Reg(people), rows)) => match (compute.ops.get(*people), scaled(compute, *rows)) {
            (Some(Op::Column(people)), Some(rows)) => {
                of_column(*people) && without(plan, federation, owner, (compute.input, rows))
            }
            _ => false,
        },
        _ => false,
    }
}

/// The column that a register is a multiple of.
fn scaled(compute: &Compute, Reg(reg): Reg) -> Option<usize> {
    match compute.ops.get(reg) {
        Some(Op::Column(column)) => Some(*column),
        Some(Op::Scale(Reg(of), _)) => match compute.ops.get(*of) {
            Some(Op::Column(column)) => Some(*column),
            _ => None,
        },
        _ => None,
    }
}

struct Trace<'p> {
    plan: &'p SecurePlan,
    federation: &'p Federation,
    owner: PartyId,
}

/// Whether columns that a join moved are looked into: their rows are no longer in their input's order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moved {
    Included,
    LeftOut,
}

/// An input that a column depends on, and whether its rows may be repeated on the way.
type Reached = (NodeId, bool);

impl<'p> Trace<'p> {
    /// Whether a measure of these rows counts people.
    fn counts(&self, rows: NodeId, measure: &Measure, summed: bool) -> bool {
        match measure {
            Measure::Sum { value } | Measure::SumOfRows { value, .. } => self.sum(rows, *value),
            Measure::Persons { counts, run_starts: person, max_run, .. }
            | Measure::PersonsBy { counts, person, max_run }
                if !summed =>
            {
                self.runs(rows, *counts, *person, *max_run)
            }
            Measure::DistinctNumbers { parts, .. } if !summed => {
                parts.iter().all(|part| self.numbers(rows, part))
            }
            Measure::Persons { .. }
            | Measure::PersonsBy { .. }
            | Measure::DistinctNumbers { .. }
            | Measure::SumOfProducts { .. }
            | Measure::AtRank { .. }
            | Measure::Exists
            | Measure::Same { .. } => false,
        }
    }

    fn sum(&self, rows: NodeId, value: usize) -> bool {
        let own: Vec<Reached> = self.own(rows, value);
        !own.is_empty()
            && own
                .iter()
                .all(|(id, repeated)| !repeated && self.input(*id).is_some_and(|input| self.one_row(input)))
    }

    fn runs(&self, rows: NodeId, counts: usize, run_starts: usize, max_run: usize) -> bool {
        let own = self.own(rows, counts);
        let mut starts = BTreeSet::new();
        self.sources(rows, run_starts, Moved::LeftOut, &mut starts);
        own.iter().any(|(own, _)| {
            starts.iter().any(|(start, column)| {
                let Some(input) = self.input(*start) else { return false };
                let source = input.columns.get(*column).map(|c| &c.source);
                let Some(Source::RunStart(columns) | Source::RunIndex(columns)) = source else {
                    return false;
                };
                if own == start {
                    return self.is_person(input, columns) && max_run as u64 >= self.rows_per_person(input);
                }
                self.joins().any(|join| {
                    join.stay_key.input == *start
                        && self.moves_with(join.moved_key.input, *own)
                        && same_bases(&input.plan, columns, &join.stay_key.columns)
                        && max_run >= join.stay_key.max_rows
                        && self.input(*own).is_some_and(|moved| self.one_row(moved))
                })
            })
        })
    }

    /// Whether the numbers are those of this owner's persons, in rows that depend on this owner's.
    fn numbers(&self, rows: NodeId, part: &NumberedPart) -> bool {
        let mut numbers = BTreeSet::new();
        self.sources(rows, part.number, Moved::Included, &mut numbers);
        let own = self.own(rows, part.counts);
        let of_owner = |(id, column): &(NodeId, usize)| {
            let Some(input) = self.input(*id).filter(|input| input.owner == self.owner) else { return false };
            match input.columns.get(*column).map(|column| &column.source) {
                Some(Source::Person { columns, .. }) if columns.is_empty() => {
                    self.rows_are_persons(input) && self.one_row(input)
                }
                Some(Source::Person { columns, .. }) => self.is_person(input, columns),
                _ => false,
            }
        };
        !own.is_empty() && !numbers.is_empty() && numbers.iter().all(of_owner)
    }

    /// Whether no table of an input says whose record a row is.
    fn rows_are_persons(&self, input: &Input) -> bool {
        let table = |name: &String| {
            self.party(input)?.tables.iter().find(|table| table.name.eq_ignore_ascii_case(name))
        };
        shape(&input.plan) == Shape::Single
            && input.tables.iter().all(|name| table(name).is_some_and(|table| table.person.is_none()))
    }

    /// Whether the rows of `own` are moved with those of `moved`, one beside each.
    fn moves_with(&self, moved: NodeId, own: NodeId) -> bool {
        moved == own
            || self.joins().any(|join| {
                join.stay_key.input == moved
                    && join.moved_key.input > moved
                    && join.multiplicity == Multiplicity::OneToOne
                    && self.moves_with(join.moved_key.input, own)
            })
    }

    fn joins(&self) -> impl Iterator<Item = &'p HashedJoin> {
        self.plan.nodes.iter().filter_map(|node| match node {
            Node::HashedJoin(join) => Some(join),
            Node::Input(_)
            | Node::Union(_)
            | Node::Compute(_)
            | Node::Broadcast(_)
            | Node::Aggregate(_)
            | Node::Fold(_)
            | Node::Assemble(_)
            | Node::Group(_)
            | Node::Lasso(_)
            | Node::Release(_) => None,
        })
    }

    fn input(&self, id: NodeId) -> Option<&'p Input> {
        match self.plan.nodes.get(id.0) {
            Some(Node::Input(input)) => Some(input),
            _ => None,
        }
    }

    /// The owner's inputs that a column depends on.
    fn own(&self, node: NodeId, column: usize) -> Vec<Reached> {
        let mut reached = BTreeSet::new();
        self.reach(node, column, false, &mut reached);
        reached
            .into_iter()
            .filter(|(id, _)| self.input(*id).is_some_and(|input| input.owner == self.owner))
            .collect()
    }

    /// All inputs that a column depends on; a match depends on both sides of its join.
    fn reach(&self, node: NodeId, column: usize, repeated: bool, into: &mut BTreeSet<Reached>) {
        match self.plan.nodes.get(node.0) {
            Some(Node::Input(_)) => {
                into.insert((node, repeated));
            }
            Some(Node::HashedJoin(join)) => {
                let stay = self.plan.nodes.get(join.stay.0).map(|n| n.columns().len()).unwrap_or_default();
                let moved = self.plan.nodes.get(join.moved.0).map(|n| n.columns().len()).unwrap_or_default();
                let many = repeated || join.multiplicity == Multiplicity::ManyToOne;
                if column < stay {
                    self.reach(join.stay, column, repeated, into);
                } else if column < stay + moved {
                    self.reach(join.moved, column - stay, many, into);
                } else {
                    into.insert((join.stay_key.input, repeated));
                    into.insert((join.moved_key.input, many));
                }
            }
            Some(Node::Union(union)) => {
                for input in &union.inputs {
                    self.reach(*input, column, repeated, into);
                }
            }
            // What a secret value depends on is not among the rows.
            Some(Node::Broadcast(broadcast)) => {
                if column < self.width(broadcast.input) {
                    self.reach(broadcast.input, column, repeated, into);
                }
            }
            Some(Node::Compute(compute)) => {
                let Some((reg, _)) = compute.outputs.get(column) else { return };
                let mut left = vec![*reg];
                let mut seen = BTreeSet::new();
                while let Some(Reg(reg)) = left.pop() {
                    let Some(op) = compute.ops.get(reg).filter(|_| seen.insert(reg)) else { continue };
                    if let Op::Column(source) = op {
                        self.reach(compute.input, *source, repeated, into);
                    }
                    left.extend(op.operands());
                }
            }
            Some(
                Node::Aggregate(_)
                | Node::Group(_)
                | Node::Fold(_)
                | Node::Assemble(_)
                | Node::Lasso(_)
                | Node::Release(_),
            )
            | None => {}
        }
    }

    /// The shared columns that a column is, passed on as they are.
    fn sources(&self, node: NodeId, column: usize, through: Moved, into: &mut BTreeSet<(NodeId, usize)>) {
        match self.plan.nodes.get(node.0) {
            Some(Node::Input(_)) => {
                into.insert((node, column));
            }
            Some(Node::HashedJoin(join)) => {
                let stay = self.plan.nodes.get(join.stay.0).map(|n| n.columns().len()).unwrap_or_default();
                let moved = self.plan.nodes.get(join.moved.0).map(|n| n.columns().len()).unwrap_or_default();
                if column < stay {
                    self.sources(join.stay, column, through, into);
                } else if through == Moved::Included && column < stay + moved {
                    self.sources(join.moved, column - stay, through, into);
                }
            }
            Some(Node::Union(union)) => {
                for input in &union.inputs {
                    self.sources(*input, column, through, into);
                }
            }
            Some(Node::Broadcast(broadcast)) => {
                if column < self.width(broadcast.input) {
                    self.sources(broadcast.input, column, through, into);
                }
            }
            Some(Node::Compute(compute)) => {
                if let Some((Reg(reg), _)) = compute.outputs.get(column)
                    && let Some(Op::Column(source)) = compute.ops.get(*reg)
                {
                    self.sources(compute.input, *source, through, into);
                }
            }
            Some(
                Node::Aggregate(_)
                | Node::Group(_)
                | Node::Fold(_)
                | Node::Assemble(_)
                | Node::Lasso(_)
                | Node::Release(_),
            )
            | None => {}
        }
    }

    /// How many columns a node has.
    fn width(&self, id: NodeId) -> usize {
        self.plan.nodes.get(id.0).map(|node| node.columns().len()).unwrap_or_default()
    }

    fn party(&self, input: &Input) -> Option<&'p Party> {
        self.federation.parties.get(input.owner.0)
    }

    fn one_row(&self, input: &Input) -> bool {
        self.rows_per_person(input) == 1
    }

    /// How many rows of an input one person may have.
    fn rows_per_person(&self, input: &Input) -> u64 {
        let Some(party) = self.party(input) else { return u64::MAX };
        per_person(&input.plan, party)
    }

    /// Whether local columns are made of the person column of their table.
    fn is_person(&self, input: &Input, columns: &[usize]) -> bool {
        let Some(party) = self.party(input) else { return false };
        columns.iter().any(|column| all_persons(&bases(&input.plan, *column), party))
    }
}
