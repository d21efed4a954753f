//! Whether an owner allows a use, and what is said if it does not.

use datafusion::logical_expr::Expr;

use crate::catalog::{Column, Domain, Party, SqlType, Table, TableKey, Use};
use crate::error::{Class, Error, Result};

use super::Checker;
use super::aggregate::unaliased;
use super::lineage::{Base, Lineage, Role};
use super::position;

impl Checker<'_> {
    pub(super) fn party(&self, base: Base) -> &Party {
        &self.federation.parties[base.party.0]
    }

    pub(super) fn table(&self, base: Base) -> &Table {
        &self.party(base).tables[base.table]
    }

    pub(super) fn column(&self, base: Base) -> &Column {
        &self.table(base).columns[base.column]
    }

    /// `hospital.lifestyle.age`.
    pub(super) fn full_name(&self, base: Base) -> String {
        format!("{}.{}.{}", self.party(base).name, self.table(base).name, self.column(base).name)
    }

    pub(super) fn allows(&self, base: Base, wanted: Use) -> bool {
        let allow = &self.column(base).allow;
        allow.contains(&wanted) || allow.contains(&Use::Public)
    }

    /// Whether it says whose record a row is.
    pub(super) fn is_person(&self, base: Base) -> bool {
        let column = &self.column(base).name;
        self.table(base).person.as_ref().is_some_and(|person| person.eq_ignore_ascii_case(column))
    }

    /// Whether no other rows, or none of other people, have the same value, as its owner declares.
    pub(super) fn tells_apart(&self, base: Base) -> bool {
        let alone = |key: &TableKey| key.columns == [base.column] && key.max_rows == 1;
        self.is_person(base) || self.table(base).keys.iter().any(alone)
    }

    /// Whether all values that flow into it are persons.
    pub(super) fn is_person_key(&self, lineage: &Lineage) -> bool {
        lineage.values().next().is_some() && lineage.values().all(|base| self.is_person(base))
    }

    /// Whether its column has a declared set of values.
    pub(super) fn is_closed(&self, base: Base) -> bool {
        let column = self.column(base);
        column.sql_type == SqlType::Boolean || matches!(column.domain, Domain::Values(_))
    }

    /// Demands that every base column of an expression that is used as `wanted` allows what it is used for.
    pub(super) fn require(&mut self, lineage: &Lineage, wanted: Use, at: &Expr) -> Result<()> {
        for &(base, role) in &lineage.uses {
            let needed = match role {
                Role::Value => wanted,
                Role::Spent(other) => other,
            };
            self.require_base(base, needed, at)?;
            if matches!(wanted, Use::Model | Use::Survival) {
                self.require_base(base, wanted, at)?;
            }
        }
        let computes =
            matches!(wanted, Use::Aggregate | Use::Quantile | Use::MinMax | Use::Model | Use::Survival);
        for &base in lineage.bent.iter().filter(|_| computes) {
            self.used.insert(base);
            if !self.allows(base, Use::Filter) {
                return Err(self.bent(base, at));
            }
        }
        let picks = lineage
            .picks
            .iter()
            .find(|base| self.party(**base).release.min_people > 1 && !self.allows(**base, Use::Public));
        if let (true, Some(&base)) = (computes, picks) {
            return Err(self.picks_one(base, at));
        }
        let hides =
            lineage.across.iter().find(|owner| self.federation.parties[owner.0].release.min_people > 1);
        if let (true, Some(owner)) = (computes, hides) {
            return Err(Error {
                class: Class::Refused,
                message: format!(
                    "only aggregates of at least {} people of {} leave the federation: `{at}` computes with an inner \
                     aggregate whose people are not counted",
                    self.federation.parties[owner.0].release.min_people,
                    self.federation.parties[owner.0].name,
                ),
                hint: Some("Select the inner aggregate as an output column of its own.".to_owned()),
                position: position::of(at, self.sql),
            });
        }
        Ok(())
    }

    /// The refusal of a function that can single values out.
    fn bent(&self, base: Base, at: &Expr) -> Error {
        let (party, column) = (&self.party(base).name, &self.column(base).name);
        Error {
            class: Class::Refused,
            message: format!(
                "column {} may not go through a function that can single values out, as a condition can (whole quotients, \
                 remainders, rounding, texts, dates): {party} does not allow `filter` on it (it allows {})",
                self.full_name(base),
                self.allowed(base),
            ),
            hint: Some(format!(
                "Aggregate `{column}` as it is, or ask {party} to add \"filter\" to what its policy allows."
            )),
            position: position::of_base(at, column, self.sql),
        }
    }

    /// The refusal of arithmetic with an identifier.
    fn picks_one(&self, base: Base, at: &Expr) -> Error {
        let (party, column) = (self.party(base), &self.column(base).name);
        Error {
            class: Class::Refused,
            message: format!(
                "only aggregates of at least {} people of {} leave the federation: arithmetic with {}, which is another value \
                 for everybody, can make a number that is about one person alone",
                party.release.min_people,
                party.name,
                self.full_name(base),
            ),
            hint: Some(format!(
                "Leave `{column}` out of the arithmetic; COUNT(DISTINCT {column}) counts people."
            )),
            position: position::of_base(at, column, self.sql),
        }
    }

    pub(super) fn require_base(&mut self, base: Base, needed: Use, at: &Expr) -> Result<()> {
        self.used.insert(base);
        if self.allows(base, needed) { Ok(()) } else { Err(self.missing(base, needed, at)) }
    }

    /// What a column's owner allows, in words.
    pub(super) fn allowed(&self, base: Base) -> String {
        let allowed: Vec<_> = self.column(base).allow.iter().map(|u| format!("`{}`", name(*u))).collect();
        if allowed.is_empty() { "nothing but counting its rows".to_owned() } else { allowed.join(", ") }
    }

    /// The refusal of a use.
    pub(super) fn missing(&self, base: Base, needed: Use, at: &Expr) -> Error {
        let party = &self.party(base).name;
        let column = self.column(base);
        let allowed = self.allowed(base);
        let (use_name, context) = (name(needed), context_of(needed, at));
        Error {
            class: Class::Refused,
            message: format!(
                "column {} may not be used in {context}: {party} does not allow `{use_name}` on it (it allows {allowed})",
                self.full_name(base),
            ),
            hint: Some(format!(
                "Leave `{}` out of {context}, or ask {party} to add \"{use_name}\" to what its policy allows.",
                column.name,
            )),
            position: position::of_base(at, &column.name, self.sql),
        }
    }
}

/// A use's name in policy files.
pub(crate) fn name(use_: Use) -> &'static str {
    match use_ {
        Use::Filter => "filter",
        Use::Aggregate => "aggregate",
        Use::Quantile => "quantile",
        Use::MinMax => "minmax",
        Use::Group => "group",
        Use::Model => "model",
        Use::Survival => "survival",
        Use::Join => "join",
        Use::Public => "public",
    }
}

/// Where a use happens: `BOOL_OR` and its like need `minmax` too.
fn context_of(use_: Use, at: &Expr) -> String {
    match (use_, unaliased(at)) {
        (Use::MinMax, Expr::AggregateFunction(call)) if !matches!(call.func.name(), "min" | "max") => {
            call.func.name().to_uppercase()
        }
        _ => context(use_).to_owned(),
    }
}

/// Where in SQL a use happens.
fn context(use_: Use) -> &'static str {
    match use_ {
        Use::Filter => "a condition (WHERE, CASE, FILTER, HAVING, ON)",
        Use::Aggregate => "an aggregate (COUNT, SUM, AVG, VAR, ...)",
        Use::Quantile => "MEDIAN or PERCENTILE",
        Use::MinMax => "MIN or MAX",
        Use::Group => "GROUP BY",
        Use::Model => "a model",
        Use::Survival => "a survival analysis",
        Use::Join => "a join",
        Use::Public => "the output as it is",
    }
}
