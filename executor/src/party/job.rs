//! What a party does with a statement, behind a trait: the life of a query does not know how plans look.

use std::collections::BTreeSet;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use planner::catalog::Federation;
use planner::cost::{LinkSpeed, Need};
use planner::plan::{Node, PartyId};
use planner::{CheckedPlan, Planned, Session};

use crate::run::Run;
use crate::{Error, Result};

/// Turns a statement into work that all parties agree on.
pub(crate) trait Engine: Send + Sync {
    /// Plans a statement, and checks this party's policy by doing so.
    fn plan(&self, federation: &Federation, session: &Session, sql: &str) -> Result<Box<dyn Job>>;
}

/// The work of one query at one party.
pub(crate) trait Job: Send + Sync {
    /// Hash of the plan.
    fn hash(&self) -> [u8; 32];

    /// What it needs over a link.
    fn need(&self, federation: &Federation, link: LinkSpeed) -> Need;

    /// The tables of `owner` that it reads, by declared name.
    fn tables_of(&self, owner: PartyId) -> BTreeSet<String>;

    /// Runs everything up to the gate and spends the permit. At a seat: the messages for the analyst.
    fn run(self: Box<Self>, run: &dyn Run) -> BoxFuture<'_, Result<Vec<Vec<u8>>>>;
}

/// The planner and the operators.
#[derive(Debug)]
pub(crate) struct Secure;

impl Engine for Secure {
    fn plan(&self, federation: &Federation, session: &Session, sql: &str) -> Result<Box<dyn Job>> {
        checked(planner::plan(federation, session, sql)?).map(|plan| Box::new(plan) as Box<dyn Job>)
    }
}

/// The part of a statement that the parties answer.
fn checked(planned: Planned) -> Result<CheckedPlan> {
    match planned {
        Planned::Secure(plan) | Planned::ExplainAnalyze(plan) => Ok(*plan),
        Planned::Copy { query, .. } => checked(*query),
        Planned::Clear(_) | Planned::Rows(_) | Planned::Session(_) => {
            Err(Error::Request { reason: "the statement needs no party".to_owned() })
        }
    }
}

impl Job for CheckedPlan {
    fn hash(&self) -> [u8; 32] {
        planner::plan_hash(&self.plan)
    }

    fn need(&self, federation: &Federation, link: LinkSpeed) -> Need {
        Need::of(&self.plan, federation, link)
    }

    fn tables_of(&self, owner: PartyId) -> BTreeSet<String> {
        let mut tables = BTreeSet::new();
        for node in &self.plan.nodes {
            if let Node::Input(input) = node
                && input.owner == owner
            {
                tables.extend(input.tables.iter().cloned());
            }
        }
        tables
    }

    fn run(self: Box<Self>, run: &dyn Run) -> BoxFuture<'_, Result<Vec<Vec<u8>>>> {
        async move {
            let CheckedPlan { plan, permit } = *self;
            let released = crate::operator::run_plan(run, &plan, permit).await?;
            Ok(released.into_iter().map(crate::reveal::ReleasedShares::into_bytes).collect())
        }
        .boxed()
    }
}
