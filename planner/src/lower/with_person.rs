//! One owner's plan with the person of its rows among their columns: the optimizer leaves out columns that nobody reads, but
//! persons are to be counted.
#![expect(clippy::wildcard_enum_match_arm, reason = "all other nodes are left as they are")]

use std::sync::Arc;

use datafusion::logical_expr::{Expr, LogicalPlan, Projection, TableScanBuilder, Union};

use super::failure;
use super::leaf::{Persons, declared, describe};
use crate::Result;
use crate::catalog::Federation;

/// The plan, with the person as one more column at the end if it has none and its owner withholds numbers of few people.
///
/// # Errors
/// As of [`describe`].
pub(super) fn keeping_person(plan: LogicalPlan, federation: &Federation) -> Result<LogicalPlan> {
    let leaf = describe(&plan, federation)?;
    let withholds = federation.parties.get(leaf.owner.0).is_none_or(|owner| owner.release.min_people > 1);
    if !withholds || !matches!(leaf.persons, Persons::Lost(_)) {
        return Ok(plan);
    }
    let mut added = Added { federation, number: 0 };
    let with = added.to(&plan)?;
    let columns = plan.schema().columns().into_iter().map(Expr::Column).collect();
    match added.beside(columns, with)? {
        Some(with) => Ok(with),
        None => Ok(plan),
    }
}

/// The same rows with the person among their columns, if they have one.
pub(super) fn with_person(plan: &LogicalPlan, federation: &Federation) -> Result<LogicalPlan> {
    Added { federation, number: 0 }.to(plan)
}

/// Columns of persons added to a plan.
struct Added<'a> {
    federation: &'a Federation,
    /// How many have got a name.
    number: usize,
}

impl Added<'_> {
    fn to(&mut self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        let engine = |error| failure::engine(&error);
        if !matches!(describe(plan, self.federation)?.persons, Persons::Lost(_)) {
            return Ok(plan.clone());
        }
        match plan {
            LogicalPlan::TableScan(scan) => {
                let (_, _, table) = declared(scan, self.federation)?;
                let is_person = |name: &str| {
                    table.person.as_ref().is_some_and(|person| person.eq_ignore_ascii_case(name))
                };
                let person = table.columns.iter().position(|column| is_person(&column.name));
                let projection =
                    scan.projection.clone().map(|columns| columns.into_iter().chain(person).collect());
                let scan = TableScanBuilder::new(scan.table_name.clone(), Arc::clone(&scan.source));
                scan.with_projection(projection).build().map(LogicalPlan::TableScan).map_err(engine)
            }
            LogicalPlan::Filter(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Join(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Window(_) => {
                let inputs = plan.inputs().into_iter().map(|input| self.to(input));
                let inputs = inputs.collect::<Result<Vec<_>>>()?;
                plan.with_new_exprs(plan.expressions(), inputs).map_err(engine)
            }
            LogicalPlan::Projection(projection) => {
                let input = self.to(&projection.input)?;
                let with = self.beside(projection.expr.clone(), input)?;
                Ok(with.unwrap_or_else(|| plan.clone()))
            }
            LogicalPlan::Union(union) => {
                self.union_with_person(union).map(|with| with.unwrap_or_else(|| plan.clone()))
            }
            other => Ok(other.clone()),
        }
    }

    /// Each part of a union with its person at the same place; `None` if one has none.
    fn union_with_person(&mut self, union: &Union) -> Result<Option<LogicalPlan>> {
        let mut inputs = Vec::new();
        for input in &union.inputs {
            let with = self.to(input)?;
            let Persons::Column { column, .. } = describe(&with, self.federation)?.persons else {
                return Ok(None);
            };
            let person = with.schema().columns().get(column).cloned().map(Expr::Column);
            let person = person.ok_or_else(|| failure::internal("a person's column"))?;
            let columns = input.schema().columns().into_iter().map(Expr::Column);
            let named = columns.zip(union.schema.iter());
            let named = named
                .map(|(column, (qualifier, field))| column.alias_qualified(qualifier.cloned(), field.name()));
            let exprs = named.chain([person.alias("person of the row")]).collect();
            let part = Projection::try_new(exprs, Arc::new(with)).map_err(|error| failure::engine(&error))?;
            inputs.push(Arc::new(LogicalPlan::Projection(part)));
        }
        let with = Union::try_new_with_loose_types(inputs).map_err(|error| failure::engine(&error))?;
        Ok(Some(LogicalPlan::Union(with)))
    }

    /// These expressions over a plan, and its persons as they are; `None` if it has none.
    fn beside(&mut self, mut exprs: Vec<Expr>, input: LogicalPlan) -> Result<Option<LogicalPlan>> {
        let persons = match describe(&input, self.federation)?.persons {
            Persons::Column { column, .. } => vec![column],
            Persons::Either { columns, .. } => columns,
            Persons::Rows | Persons::Gated | Persons::Lost(_) => return Ok(None),
        };
        let columns = input.schema().columns();
        for person in persons.into_iter().filter_map(|column| columns.get(column).cloned()) {
            // Both sides of a join may have one.
            exprs.push(Expr::Column(person).alias(format!("person {} of the row", self.number)));
            self.number += 1;
        }
        let with = Projection::try_new(exprs, Arc::new(input)).map_err(|error| failure::engine(&error))?;
        Ok(Some(LogicalPlan::Projection(with)))
    }
}
