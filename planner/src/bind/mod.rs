//! SQL text to `DataFusion` logical plans over the declared tables: the only place that meets the SQL front end.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the syntax tree, plans and types of the engine have dozens of kinds; the rest falls under one rule"
)]

mod context;
mod correlated;
pub(crate) mod dialect;
mod division;
pub(crate) mod engine_error;
pub(crate) mod lineage;
mod mismatch;
mod optimise;
mod relation;
mod resolve;
mod reword;
#[cfg(test)]
mod tests;
mod title;
mod withhold;

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{Distinct, LogicalPlan, TableSource};
use datafusion::sql::planner::{ParserOptions, SqlToRel};
use datafusion::sql::sqlparser::ast::{Expr, Query, Statement};

use crate::catalog::Federation;
use crate::error::{Error, Result};
use crate::function::table::expand;
use crate::plan::PartyId;
use crate::session::Session;
use crate::stack::on_own_stack;
pub use optimise::{LEFT_OUT, OPTIMIZER_RULES};
use resolve::Resolver;
pub use title::{Title, titles};

/// A query with its names resolved, its types settled, its virtual tables and table functions expanded.
///
/// Both plans have the same meaning and the same result columns. Names carry the spelling of the policy files.
/// In both, `a / b` is `a / nonzero(b)` unless `b` is a constant other than 0 (see
/// [`nonzero`](crate::function::nonzero)), and `HASHED(..)` is the scalar function
/// [`hashed`](crate::function::hashed) on both sides of an equality.
#[derive(Clone, Debug)]
pub struct Bound {
    /// As written, types coerced, nothing moved: what the release check reads.
    pub raw: LogicalPlan,
    /// With table functions that are SQL expanded, after the optimizer rules of [`OPTIMIZER_RULES`]: what is lowered. Constants are folded; `now()` is the
    /// session's time of submission.
    pub optimised: LogicalPlan,
    /// Notices that follow from the text alone (columns that a model leaves out), in the order found.
    pub notices: Vec<String>,
    /// Virtual tables of the session that the query uses, in the session's spelling and order.
    pub virtual_tables: Vec<String>,
}

/// A declared table as a plan's table scans hold it: a schema, no data.
///
/// The table reference of a scan is `party.table` in the declared spelling; downcast `TableScan::source` with
/// `source.downcast_ref::<DeclaredTable>()`.
#[derive(Debug)]
pub struct DeclaredTable {
    /// Its owner.
    pub party: PartyId,
    /// Its index in the owner's [`tables`](crate::catalog::Party::tables).
    pub table: usize,
    /// Its columns, in the order of the policy.
    pub schema: SchemaRef,
}

impl TableSource for DeclaredTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl Bound {
    /// Whether the query, as written, reads a table of an owner.
    pub fn reads_tables(&self) -> bool {
        reads_tables(&self.raw)
    }
}

/// The owners of all declared tables that a plan scans, subqueries included.
pub(crate) fn owners_of(plan: &LogicalPlan) -> datafusion::common::Result<BTreeSet<PartyId>> {
    let mut owners = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(table) = scan.source.downcast_ref::<DeclaredTable>()
        {
            owners.insert(table.party);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(owners)
}

/// Whether a plan, subqueries included, scans a declared table.
pub fn reads_tables(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let visited = plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::TableScan(scan) if scan.source.downcast_ref::<DeclaredTable>().is_some());
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found || visited.is_err()
}

/// Binds a query.
///
/// # Errors
/// [`Class::Invalid`](crate::Class::Invalid): syntax, unknown or ambiguous names, wrong types, wrong arguments of table
/// functions, with the place in `sql` where it is known and a hint where there is one;
/// [`Class::Refused`](crate::Class::Refused): volatile functions, TABLESAMPLE, reading files.
pub fn bind(federation: &Federation, session: &Session, sql: &str) -> Result<Bound> {
    on_own_stack(|| bind_query(federation, session, crate::statement::parse_query_text(sql)?, &[]))
}

/// Binds a parsed query with the values of its parameters.
pub(crate) fn bind_query(
    federation: &Federation,
    session: &Session,
    mut query: Box<Query>,
    parameters: &[Expr],
) -> Result<Bound> {
    let mut resolver = Resolver::new(federation, session, Some(parameters));
    resolver.statement(&mut query)?;
    plan_resolved(federation, session, query, resolver)
}

/// Checks the query of a virtual table that is about to be created under this name.
///
/// # Errors
/// As [`bind`]; invalid too if the query reads the virtual table itself, directly or through others.
pub(crate) fn check_virtual_table(
    federation: &Federation,
    session: &Session,
    name: &str,
    mut query: Box<Query>,
) -> Result<()> {
    let mut resolver = Resolver::new(federation, session, Some(&[]));
    resolver.inside(name);
    resolver.statement(&mut query)?;
    plan_resolved(federation, session, query, resolver).map(|_| ())
}

fn plan_resolved(
    federation: &Federation,
    session: &Session,
    query: Box<Query>,
    resolver: Resolver<'_>,
) -> Result<Bound> {
    let virtual_tables =
        resolver.used.iter().map(|index| session.virtual_tables[*index].name.clone()).collect();
    let functions = Arc::new(relation::TableFunctions::new(federation, resolver.calls));
    let raw = raw_plan(federation, query, &functions)?;
    let optimised = if has_distinct_on(&raw) {
        Err(Error::invalid("DISTINCT ON is not built yet"))
    } else {
        expand(raw.clone())
            .and_then(optimise::analyse)
            .and_then(division::make_total)
            .and_then(|plan| correlated::written_out(federation, plan))
            .and_then(correlated::below_aggregates)
            .and_then(|plan| optimise::optimise(plan, session.submitted_us))
            .and_then(|plan| withhold::of_no_rows(federation, &raw, plan))
            .map_err(|error| engine_error::translate(&error))
    };
    let optimised = optimised.or_else(|error| {
        // What would hand out rows is refused, whether or not it can be planned to the end.
        crate::release_check::check(federation, session, "", &raw).and(Err(error))
    })?;
    Ok(Bound { raw, optimised, notices: functions.notices(), virtual_tables })
}

/// The plan of a resolved query as written, types coerced.
fn raw_plan(
    federation: &Federation,
    query: Box<Query>,
    functions: &Arc<relation::TableFunctions>,
) -> Result<LogicalPlan> {
    let names = context::Names::new(federation, Arc::<relation::TableFunctions>::clone(functions) as _);
    let options = ParserOptions {
        enable_ident_normalization: false,
        map_string_types_to_utf8view: false,
        collect_spans: true,
        ..ParserOptions::new()
    };
    let planner = SqlToRel::new_with_options(&names, options);
    let plan = planner
        .sql_statement_to_plan(Statement::Query(query))
        .and_then(mismatch::check)
        .and_then(optimise::analyse)
        .and_then(division::make_total);
    plan.map_err(|error| engine_error::translate(&error))
}

/// The optimizer cannot take `DISTINCT ON` whose expressions the analyser has changed.
fn has_distinct_on(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let visited = plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::Distinct(Distinct::On(_)));
        Ok(TreeNodeRecursion::Continue)
    });
    found || visited.is_err()
}

/// Checks the names of a query whose parameters have no values yet (`PREPARE`).
///
/// # Errors
/// As [`bind`], as far as names go.
pub(crate) fn check_names(federation: &Federation, session: &Session, mut query: Box<Query>) -> Result<()> {
    Resolver::new(federation, session, None).statement(&mut query)
}

/// The plan of a query whose parameters have no values yet: its columns and the types of its parameters.
///
/// # Errors
/// As [`bind`].
pub(crate) fn bind_open(
    federation: &Federation,
    session: &Session,
    mut query: Box<Query>,
) -> Result<LogicalPlan> {
    let mut resolver = Resolver::new(federation, session, None);
    resolver.statement(&mut query)?;
    raw_plan(federation, query, &Arc::new(relation::TableFunctions::new(federation, resolver.calls)))
}

/// Checks that every virtual table of the federation can be planned.
///
/// # Errors
/// As [`bind`], with the name of the virtual table and the line of its query in the message.
pub fn validate_views(federation: &Federation) -> Result<()> {
    for view in &federation.views {
        let session = Session::default();
        bind(federation, &session, &view.sql).map_err(|error| {
            // The error's place is one in the view's text, which nobody has just typed.
            let line = error.position.map(|at| format!(" (line {} of its SQL)", at.line)).unwrap_or_default();
            let text = crate::sql_text::readable(&error.message);
            let message = format!("federation.toml: view `{}`{line}: {text}", view.name);
            let hint = error.hint.as_deref().map(crate::sql_text::readable);
            Error { class: error.class, message, hint, position: None }
        })?;
    }
    Ok(())
}
