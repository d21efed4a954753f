//! Equalities that link tables, and all other conditions over rows.
#![expect(clippy::wildcard_enum_match_arm, reason = "the engine's enums have dozens of variants")]

use std::collections::BTreeSet;

use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, Operator};

use crate::catalog::Use;
use crate::error::{Class, Error, Result};
use crate::plan::PartyId;

use super::Checker;
use super::expression::Scope;
use super::lineage::{Kind, Lineage, Relation};
use super::position;

/// An equality between two expressions.
pub(super) struct Equality<'a> {
    pub(super) left: Lineage,
    pub(super) right: Lineage,
    pub(super) at: &'a Expr,
}

impl Checker<'_> {
    /// Applies a condition to the rows of a relation: equalities of identifiers link tables, the rest filters.
    pub(super) fn restrict<'e>(
        &mut self,
        mut relation: Relation,
        mut equalities: Vec<Equality<'e>>,
        condition: Option<&'e Expr>,
        scope: &Scope<'_>,
    ) -> Result<Relation> {
        let mut conditions = Vec::new();
        for part in condition.map(split_conjunction).unwrap_or_default() {
            match part {
                Expr::BinaryExpr(binary)
                    if matches!(binary.op, Operator::Eq | Operator::IsNotDistinctFrom) =>
                {
                    let (left, right) =
                        (self.lineage(&binary.left, scope)?, self.lineage(&binary.right, scope)?);
                    equalities.push(Equality { left, right, at: part });
                }
                // What joins leave out anyway.
                Expr::IsNotNull(inner) if self.is_identifier(inner, scope)? => {
                    let lineage = self.lineage(inner, scope)?;
                    relation.correlated |= lineage.outer;
                    self.require(&lineage, Use::Join, part)?;
                }
                _ => conditions.push((self.lineage(part, scope)?, part)),
            }
        }
        self.link_equal(&mut relation, equalities)?;
        for (lineage, at) in conditions {
            relation.correlated |= lineage.outer;
            if relation.kind != Kind::Rows {
                self.require_free(&lineage, at)?;
            }
            // A truth value that an aggregate over many people gives decides as it stands.
            self.require(&lineage.condition(), Use::Filter, at)?;
        }
        Ok(relation)
    }

    /// Links tables by the equalities that their owners allow; what remains must be allowed as a filter.
    fn link_equal(&mut self, relation: &mut Relation, equalities: Vec<Equality<'_>>) -> Result<()> {
        let mut others = Vec::new();
        for equality in equalities {
            let Equality { left, right, at } = &equality;
            let (from, to) = (linkable(relation, left), linkable(relation, right));
            relation.correlated |= left.outer || right.outer;
            if relation.kind != Kind::Rows {
                self.require_free(left, at)?;
                self.require_free(right, at)?;
            }
            let links = !from.is_empty() && !to.is_empty() && from.is_disjoint(&to);
            let allowed = [left, right].iter().all(|side| self.may_join(side));
            if links && allowed {
                self.require_joinable(left, right, at)?;
                relation.correlated_by_join |= left.outer != right.outer;
                relation.link(&from.union(&to).copied().collect());
            } else {
                others.push((equality, links));
            }
        }
        for (Equality { left, right, at }, links) in others {
            let scans = linkable(relation, &left).into_iter().chain(linkable(relation, &right));
            let groups: BTreeSet<_> = scans.map(|scan| relation.group_of(scan)).collect();
            let linked = groups.len() <= 1 || left.outer || right.outer;
            let wanted = if links && !linked { Use::Join } else { Use::Filter };
            for side in [left, right] {
                self.require(&side.condition_unless(wanted == Use::Join), wanted, at)?;
            }
        }
        Ok(())
    }

    /// Whether an expression is a column that may be joined on, as it is.
    fn is_identifier(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<bool> {
        let lineage = self.lineage(expr, scope)?;
        Ok(lineage.plain && lineage.row && self.may_join(&lineage))
    }

    fn may_join(&self, side: &Lineage) -> bool {
        side.values().next().is_some() && side.values().all(|base| self.allows(base, Use::Join))
    }

    /// Rows of two tables of one owner that nothing links would repeat one person's values on another's rows.
    pub(super) fn require_linked(&self, relation: &Relation) -> Result<()> {
        let mut seen: BTreeSet<PartyId> = BTreeSet::new();
        for group in &relation.linked {
            let owners: BTreeSet<PartyId> = group.iter().map(|(party, _)| *party).collect();
            if let Some(owner) = owners.intersection(&seen).next() {
                let party = &self.federation.parties[owner.0].name;
                return Err(Error {
                    class: Class::Refused,
                    message: format!(
                        "only aggregates leave the federation: two tables of {party} are combined without comparing \
                         identifiers, which repeats one person's row beside the rows of others"
                    ),
                    hint: Some("Join them ON the person: a.patient_id = b.patient_id".to_owned()),
                    position: position::of_name(party, self.sql),
                });
            }
            seen.extend(owners);
        }
        Ok(())
    }
}

impl Lineage {
    fn condition_unless(self, keep: bool) -> Lineage {
        if keep { self } else { self.condition() }
    }
}

/// The scans, of this relation or of an enclosing one, whose values flow into it.
fn linkable(relation: &Relation, lineage: &Lineage) -> BTreeSet<usize> {
    let here = |scan: &usize| lineage.outer || relation.group_of(*scan).is_some();
    lineage.values().map(|base| base.scan).filter(here).collect()
}
