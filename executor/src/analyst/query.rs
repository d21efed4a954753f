//! A planned statement that has not run yet.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use planner::catalog::Federation;
use planner::cost::{Cost, LinkSpeed, cost};
use planner::{Planned, Session, explain};

use super::{analyze, clear};

/// A planned statement, with the session as it was when it was planned.
#[derive(Debug)]
pub struct Query {
    pub(super) planned: Planned,
    pub(super) session: Session,
    pub(super) sql: String,
    pub(super) federation: Arc<Federation>,
}

impl Query {
    /// The result columns; `None` for a statement without result.
    pub fn schema(&self) -> Option<SchemaRef> {
        match &self.planned {
            Planned::Secure(plan) => Some(clear::nullable(plan.plan.clear.schema().as_arrow())),
            Planned::Clear(plan) => Some(clear::nullable(plan.schema().as_arrow())),
            Planned::Rows(batch) => Some(batch.schema()),
            Planned::ExplainAnalyze(_) => Some(analyze::schema()),
            Planned::Copy { .. } | Planned::Session(_) => None,
        }
    }

    /// What planning made of the statement.
    pub fn planned(&self) -> &Planned {
        &self.planned
    }

    /// Whether the parties are needed to answer it.
    pub fn asks_parties(&self) -> bool {
        asks_parties(&self.planned)
    }

    /// What the parties will take to answer it, from public quantities; none if they are not asked.
    pub fn cost(&self) -> Option<Cost> {
        cost_of(&self.planned, &self.federation)
    }

    /// The lines of EXPLAIN; none where there is nothing to compute.
    pub fn explain(&self) -> Vec<String> {
        lines(&self.planned, &self.federation, self.session.link_speed())
    }
}

fn asks_parties(planned: &Planned) -> bool {
    match planned {
        Planned::Secure(_) | Planned::ExplainAnalyze(_) => true,
        Planned::Copy { query, .. } => asks_parties(query),
        Planned::Clear(_) | Planned::Rows(_) | Planned::Session(_) => false,
    }
}

fn cost_of(planned: &Planned, federation: &Federation) -> Option<Cost> {
    match planned {
        Planned::Secure(plan) | Planned::ExplainAnalyze(plan) => Some(cost(&plan.plan, federation).total),
        Planned::Copy { query, .. } => cost_of(query, federation),
        Planned::Clear(_) | Planned::Rows(_) | Planned::Session(_) => None,
    }
}

fn lines(planned: &Planned, federation: &Federation, link: LinkSpeed) -> Vec<String> {
    match planned {
        Planned::Secure(plan) | Planned::ExplainAnalyze(plan) => {
            explain::tree(&plan.plan, federation, link, false, None)
        }
        Planned::Clear(plan) => plan.display_indent().to_string().lines().map(str::to_owned).collect(),
        Planned::Copy { query, .. } => lines(query, federation, link),
        Planned::Rows(_) | Planned::Session(_) => Vec::new(),
    }
}
