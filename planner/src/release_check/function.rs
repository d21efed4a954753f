//! Table functions: what goes in, and what comes out.

use std::collections::BTreeSet;

use datafusion::logical_expr::{Expr, Extension, LogicalPlan};

use crate::catalog::Use;
use crate::error::{Class, Error, Result};
use crate::function::TableFunction;
use crate::function::table::Kind as Takes;
use crate::plan::PartyId;

use super::Checker;
use super::expression::Scope;
use super::lineage::{Kind, Lineage, Relation};

impl Checker<'_> {
    pub(super) fn extension(&mut self, extension: &Extension, outer: Option<&Scope<'_>>) -> Result<Relation> {
        let Some(function) = extension.node.as_any().downcast_ref::<TableFunction>() else {
            return self.opaque(&LogicalPlan::Extension(extension.clone()), outer);
        };
        let input = self.relation(&function.input, outer)?;
        let scope = Scope::new(function.input.schema(), &input, outer);
        self.require_linked(&input)?;
        let mut variables = Vec::new();
        for (parameter, variable) in function.arguments.variables() {
            let wanted = function.spec.parameter(parameter).map(|parameter| parameter.kind);
            let Some(Takes::Column { used, .. } | Takes::Columns { used, .. }) = wanted else {
                return Err(Error::internal("a column for an argument that takes none"));
            };
            let lineage = self.lineage(&variable.expr, &scope)?;
            self.require(&lineage, used, &variable.expr)?;
            if used == Use::Group {
                self.require_key(&lineage, &variable.expr)?;
            }
            variables.push(lineage);
        }
        let behind: BTreeSet<_> = variables.iter().flat_map(Lineage::bases).collect();
        let fields = function.schema.fields().len();
        let columns = (0..fields).map(|_| Lineage::released(behind.clone())).collect();
        let kind = if input.kind == Kind::Clear { Kind::Clear } else { Kind::Released };
        let correlated = input.correlated;
        Ok(Relation { correlated, ..Relation::new(kind, columns) })
    }
}

impl Checker<'_> {
    /// Values that a result shows as labels are no persons, and no aggregates of others.
    fn require_key(&self, lineage: &Lineage, at: &Expr) -> Result<()> {
        if lineage.across.is_empty() && !lineage.values().any(|base| self.is_person(base)) {
            return Ok(());
        }
        Err(Error::refused(format!("only aggregates leave the federation: `{at}` cannot be a group")))
    }

    /// The party and table that a scan reads.
    pub(super) fn resolve(&self, schema: Option<&str>, table: &str) -> Result<(PartyId, usize)> {
        let schema = schema.unwrap_or_default();
        let found = self.federation.parties.iter().enumerate().find_map(|(party, p)| {
            let index = p.tables.iter().position(|t| t.name.eq_ignore_ascii_case(table))?;
            p.name.eq_ignore_ascii_case(schema).then_some((PartyId(party), index))
        });
        found.ok_or_else(|| Error {
            class: Class::Internal,
            message: format!("the plan scans {schema}.{table}, which no policy declares"),
            hint: None,
            position: None,
        })
    }
}
