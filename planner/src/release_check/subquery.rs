//! Subqueries inside expressions: what they bring into the query around them.

use std::collections::BTreeSet;

use datafusion::logical_expr::{Expr, Subquery};

use crate::catalog::Use;
use crate::error::{Class, Error, Result};
use crate::plan::PartyId;

use super::Checker;
use super::expression::Scope;
use super::lineage::{Base, Kind, Lineage, Relation, Role};

impl Checker<'_> {
    /// EXISTS: a semi-join if the two queries are linked by identifiers, else the presence of a row.
    pub(super) fn exists(&mut self, subquery: &Subquery, at: &Expr, scope: &Scope<'_>) -> Result<Lineage> {
        let relation = self.sought(subquery, scope)?;
        let owners = self.owners_of(&subquery.subquery);
        let withholds = |owner: &PartyId| self.federation.parties[owner.0].release.min_people > 1;
        match relation.kind {
            // Where nothing is withheld, a row may be there as well as a number of rows may be 1.
            Kind::Rows if relation.correlated && !owners.iter().any(withholds) => Ok(decision(true)),
            Kind::Rows if relation.correlated && !relation.correlated_by_join => Err(Error {
                hint: Some(
                    "Compare a number of rows, which is withheld where few people are behind it: WHERE (SELECT COUNT(*) FROM ... \
                     WHERE ...) > 0"
                        .to_owned(),
                ),
                ..self.row_level(at)
            }),
            Kind::Rows if !relation.correlated_by_join => Err(self.row_level(at)),
            Kind::Rows => Ok(decision(true)),
            Kind::Clear | Kind::Released => Ok(decision(relation.correlated)),
        }
    }

    /// The rows in which IN and EXISTS look for one.
    fn sought(&mut self, subquery: &Subquery, scope: &Scope<'_>) -> Result<Relation> {
        self.sought += 1;
        let relation = self.relation(&subquery.subquery, Some(scope));
        self.sought -= 1;
        relation
    }

    /// IN: a semi-join on identifiers, or a comparison with values that may be known.
    pub(super) fn in_subquery(
        &mut self,
        value: &Expr,
        subquery: &Subquery,
        at: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Lineage> {
        let left = self.lineage(value, scope)?;
        let relation = self.sought(subquery, scope)?;
        let Some(right) = relation.columns.first().cloned() else { return Err(no_column(at)) };
        if relation.kind != Kind::Rows {
            let inside = scope.kind == Kind::Rows && relation.kind == Kind::Released;
            let across = if inside { self.owners_of(&subquery.subquery) } else { BTreeSet::new() };
            let both = Lineage::merge([left, Lineage { across, ..right }]);
            return Ok(Lineage { row: both.row || relation.correlated, ..both.condition() });
        }
        if left.values().next().is_none() || right.values().next().is_none() {
            return Err(self.row_level(at));
        }
        self.require_joinable(&left, &right, at)?;
        Ok(decision(true))
    }

    /// A subquery in place of a value: one aggregate over rows, never a row.
    pub(super) fn scalar_subquery(
        &mut self,
        subquery: &Subquery,
        at: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Lineage> {
        let relation = self.relation(&subquery.subquery, Some(scope))?;
        let Some(value) = relation.columns.first().cloned() else { return Err(no_column(at)) };
        match relation.kind {
            Kind::Rows => Err(self.row_level(at)),
            Kind::Clear => Ok(Lineage { row: value.row || relation.correlated, ..value }),
            Kind::Released => {
                let into_rows = scope.kind == Kind::Rows;
                let per_row = into_rows && relation.correlated_by_join;
                let owners = self.owners_of(&subquery.subquery);
                let across = if into_rows && !per_row { owners } else { BTreeSet::new() };
                let uses = if per_row { as_values(&value.behind) } else { BTreeSet::new() };
                let row = value.row || (into_rows && relation.correlated);
                Ok(Lineage {
                    uses,
                    across,
                    row,
                    outer: false,
                    plain: false,
                    key: false,
                    closed: false,
                    ..value
                })
            }
        }
    }

    /// Both sides of an equality of identifiers of two tables.
    pub(super) fn require_joinable(&mut self, left: &Lineage, right: &Lineage, at: &Expr) -> Result<()> {
        for side in [left, right] {
            self.require(side, Use::Join, at)?;
            // An identifier that was tampered with (CASE, COALESCE, constants mixed in) selects rows as WHERE does.
            if !side.plain {
                self.require(side, Use::Filter, at)?;
            }
        }
        Ok(())
    }
}

/// A yes or no whose owners have been asked already.
fn decision(row: bool) -> Lineage {
    Lineage { row, closed: true, ..Lineage::default() }
}

fn as_values(bases: &BTreeSet<Base>) -> BTreeSet<(Base, Role)> {
    bases.iter().map(|base| (*base, Role::Value)).collect()
}

fn no_column(at: &Expr) -> Error {
    Error {
        class: Class::Internal,
        message: format!("the subquery of `{at}` has no column"),
        hint: None,
        position: None,
    }
}
