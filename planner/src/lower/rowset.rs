//! The rows that an aggregate or a model reads: all branches, with the same columns in the same encodings.

use std::collections::BTreeMap;
use std::ops::Range as Rows;

use datafusion::common::Column;
use datafusion::logical_expr::Expr;

use super::condition::has_condition;
use super::emit::Emit;
use super::facts::Facts;
use super::failure;
use super::guard::plain;
use super::infer::{Scope, infer};
use super::leaf::Persons;
use super::persons::{LeafPersons, PersonRows, persons};
use super::rows::{Branch, Presence, Relation, place, replace};
use super::tree::order;
use super::want::Want;
use crate::Result;
use crate::catalog::{Federation, Use};
use crate::plan::{ColumnDef, Node, NodeId, PartyId, Reg, Union};

/// Rows with the columns asked for so far.
pub(crate) struct RowSet<'a> {
    relation: &'a Relation,
    federation: &'a Federation,
    emits: Vec<Emit<'a>>,
    scopes: Vec<Scope>,
    columns: Vec<(Vec<Reg>, ColumnDef)>,
    wanted: BTreeMap<String, usize>,
}

impl<'a> RowSet<'a> {
    /// No columns yet.
    ///
    /// # Errors
    /// Invalid ("not built") for rows that may be there several times.
    pub(crate) fn new(relation: &'a Relation, federation: &'a Federation) -> Result<RowSet<'a>> {
        if relation.branches.iter().any(|branch| branch.once.is_some()) {
            return Err(failure::once());
        }
        RowSet::repeated(relation, federation)
    }

    /// No columns yet, of rows that may be there several times.
    pub(crate) fn repeated(relation: &'a Relation, federation: &'a Federation) -> Result<RowSet<'a>> {
        if relation.branches.len() > 1 && relation.branches.iter().any(|branch| branch.once.is_some()) {
            return Err(failure::once());
        }
        let emits =
            relation.branches.iter().map(|branch| Emit::new(branch, federation)).collect::<Result<_>>()?;
        let scopes = relation.branches.iter().map(Branch::scope).collect::<Result<_>>()?;
        Ok(RowSet { relation, federation, emits, scopes, columns: Vec::new(), wanted: BTreeMap::new() })
    }

    /// What tells rows apart, where a row may be there several times.
    pub(crate) fn once(&self) -> Option<&Expr> {
        self.relation.branches.iter().find_map(|branch| branch.once.as_ref())
    }

    /// An expression over the columns of a plan with these rows, for every branch.
    pub(crate) fn expressions(
        &self,
        expr: &Expr,
        schema: &datafusion::common::DFSchema,
    ) -> Result<Vec<Expr>> {
        self.relation.branches.iter().map(|branch| branch.substitute(expr, schema)).collect()
    }

    /// What is known of an expression, over all branches.
    pub(crate) fn facts(&self, exprs: &[Expr]) -> Result<Facts> {
        let mut all: Option<Facts> = None;
        for (expr, scope) in exprs.iter().zip(&self.scopes) {
            let facts = infer(expr, scope)?;
            all = Some(match all {
                None => facts,
                Some(before) => before.hull(&facts)?,
            });
        }
        all.ok_or_else(|| failure::internal("no rows at all"))
    }

    /// The names that expressions of a branch use.
    pub(crate) fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// The branches.
    pub(crate) fn branches(&self) -> &'a [Branch] {
        &self.relation.branches
    }

    /// Whether an expression over the branches holds a condition, itself or in a column that a leaf derives.
    pub(crate) fn is_conditional(&self, exprs: &[Expr]) -> Result<bool> {
        for (expr, scope) in exprs.iter().zip(&self.scopes) {
            if has_condition(expr, scope)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// An expression of a branch with declared columns in place of symbols where they are some, so that the same is the same
    /// in all branches; without columns it is the branch's own.
    pub(crate) fn of_declared(&self, branch: usize, expr: &Expr) -> Result<Expr> {
        let leaves = self.branches().get(branch).map_or(&[][..], |branch| branch.leaves.as_slice());
        let named = |column: &Column| {
            let declared = || {
                let (leaf, column) = place(column)?;
                let leaf = leaves.get(leaf)?;
                let origin = leaf.origins.get(column).copied().flatten()?;
                Some(format!("{}.{}.{}", leaf.owner.0, origin.table, origin.column))
            };
            let name = declared().unwrap_or_else(|| format!("{branch}: {}", column.flat_name()));
            Some(Expr::Column(Column::new_unqualified(name)))
        };
        let replaced = replace(&plain(expr), &named)?;
        Ok(if replaced.column_refs().is_empty() { replaced.alias(branch.to_string()) } else { replaced })
    }

    /// Whether an owner withholds numbers, and its own query hides outcomes of conditions that an expression holds, so that
    /// they cannot be counted.
    pub(crate) fn hides_outcomes(&self, exprs: &[Expr]) -> bool {
        self.branches().iter().zip(exprs).any(|(branch, expr)| {
            plain(expr).column_refs().into_iter().filter_map(place).any(|(leaf, column)| {
                branch.leaves.get(leaf).is_some_and(|leaf| {
                    let owner = self.federation.parties.get(leaf.owner.0);
                    leaf.branched.get(column).copied().unwrap_or(false)
                        && owner.is_some_and(|owner| owner.release.min_people > 1)
                })
            })
        })
    }

    /// Whether every column that an expression is made of, in every branch, allows a use.
    pub(crate) fn allow(&self, exprs: &[Expr], wanted: Use) -> bool {
        let allowed = |(expr, branch): (&Expr, &Branch)| {
            expr.column_refs().into_iter().all(|column| {
                let declared = place(column).and_then(|(leaf, column)| {
                    let leaf = branch.leaves.get(leaf)?;
                    let origin = leaf.origins.get(column).copied().flatten()?;
                    let owner = self.federation.parties.get(leaf.owner.0)?;
                    owner.tables.get(origin.table)?.columns.get(origin.column)
                });
                declared.is_some_and(|column| {
                    column.allow.contains(&wanted) || column.allow.contains(&Use::Public)
                })
            })
        };
        exprs.iter().zip(self.branches()).all(allowed)
    }

    /// The most different values of an expression that one table alone computes; `None` if no single one does.
    pub(crate) fn ranked(&self, exprs: &[Expr]) -> Option<u64> {
        let ([emit], [expr], [branch]) = (self.emits.as_slice(), exprs, self.branches()) else { return None };
        branch.leaves.get(emit.home(expr)?).map(|leaf| leaf.bound)
    }

    /// How many rows there are at most.
    pub(crate) fn bound(&self) -> u64 {
        self.emits.iter().map(Emit::bound).sum()
    }

    /// The rows of a branch.
    pub(crate) fn rows_of(&self, branch: usize) -> Rows<usize> {
        let start: u64 = self.emits.iter().take(branch).map(Emit::bound).sum();
        let end = start + self.emits.get(branch).map_or(0, Emit::bound);
        usize::try_from(start).unwrap_or(usize::MAX)..usize::try_from(end).unwrap_or(usize::MAX)
    }

    /// The column with what is wanted of each branch.
    pub(crate) fn column(&mut self, wants: &[Want], def: ColumnDef) -> Result<usize> {
        let wanted = format!("{wants:?}");
        if let Some(before) = self.wanted.get(&wanted) {
            return Ok(*before);
        }
        let mut regs = Vec::new();
        for (emit, want) in self.emits.iter_mut().zip(wants) {
            regs.push(emit.want(want)?);
        }
        self.columns.push((regs, def));
        self.wanted.insert(wanted, self.columns.len() - 1);
        Ok(self.columns.len() - 1)
    }

    /// The owners of all tables underneath, each with the branches and leaves that have a part in its rows; of aggregates that
    /// were gated at home nobody is counted.
    pub(crate) fn owners(&self) -> Vec<(PartyId, Vec<(usize, usize)>)> {
        let mut owners: Vec<(PartyId, Vec<(usize, usize)>)> = Vec::new();
        for (index, branch) in self.relation.branches.iter().enumerate() {
            for (leaf, source) in branch.leaves.iter().enumerate() {
                if source.persons == Persons::Gated {
                    continue;
                }
                let here = branch.presence.get(leaf) != Some(&Presence::Nowhere);
                let place = here.then_some((index, leaf));
                match owners.iter_mut().find(|(owner, _)| *owner == source.owner) {
                    Some((_, places)) => places.extend(place),
                    None => owners.push((source.owner, place.into_iter().collect())),
                }
            }
        }
        owners.sort_by_key(|(owner, _)| *owner);
        owners
    }

    /// How the persons of a leaf are counted.
    pub(crate) fn persons(&mut self, (branch, leaf): (usize, usize)) -> Result<LeafPersons> {
        let source =
            self.relation.branches.get(branch).ok_or_else(|| failure::internal("an unknown branch"))?;
        let emit = self.emits.get_mut(branch).ok_or_else(|| failure::internal("an unknown branch"))?;
        let mut found = persons(source, &emit.tree, leaf)?;
        if let PersonRows::Runs(run, _) = &found.rows
            && !emit.runs.contains(run)
        {
            emit.runs.push(run.clone());
            if order(source, emit.tree.root, &emit.runs).is_none() {
                emit.runs.pop();
                found.rows = PersonRows::Numbered;
            }
        }
        Ok(found)
    }

    /// Whether a leaf has a part in all rows of its branch that count.
    pub(crate) fn is_always_there(&self, (branch, leaf): (usize, usize)) -> bool {
        let presence = self.relation.branches.get(branch).and_then(|branch| branch.presence.get(leaf));
        presence == Some(&Presence::Always)
    }

    /// Whether rows may not have a partner in some table.
    pub(crate) fn has_absences(&self) -> bool {
        self.relation.branches.iter().any(|branch| !branch.absences.is_empty())
    }

    /// The largest number that a person of an owner may have: as many as its tables have rows.
    pub(crate) fn most_persons(&self, owner: PartyId) -> u64 {
        let tables = self.federation.parties.get(owner.0).map(|party| party.tables.as_slice());
        tables.unwrap_or_default().iter().map(|table| table.max_rows).fold(0, u64::saturating_add)
    }

    /// All rows of all branches, as a range.
    pub(crate) fn all_rows(&self) -> Rows<usize> {
        0..usize::try_from(self.bound()).unwrap_or(usize::MAX)
    }

    /// The federation.
    pub(crate) fn federation(&self) -> &'a Federation {
        self.federation
    }

    /// Adds the nodes; returns the last, and where its columns are.
    pub(crate) fn finish(self, nodes: &mut Vec<Node>) -> Result<(NodeId, Vec<usize>)> {
        let several = self.emits.len() > 1;
        let defs: Vec<ColumnDef> = self.columns.iter().map(|(_, def)| def.clone()).collect();
        let mut inputs = Vec::new();
        let mut places = Vec::new();
        for (index, emit) in self.emits.into_iter().enumerate() {
            let outputs: Vec<(Reg, ColumnDef)> = self
                .columns
                .iter()
                .filter_map(|(regs, def)| regs.get(index).map(|reg| (*reg, def.clone())))
                .collect();
            let (node, columns) = emit.finish(&outputs, several, nodes)?;
            inputs.push(node);
            places = columns;
        }
        if let [one] = inputs.as_slice() {
            return Ok((*one, places));
        }
        nodes.push(Node::Union(Union { inputs, columns: defs }));
        Ok((NodeId(nodes.len() - 1), (0..places.len()).collect()))
    }
}
