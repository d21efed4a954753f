//! What tests ask of all parties in memory: a plan, its run, its answer.

use std::collections::BTreeMap;

use datafusion::arrow::record_batch::RecordBatch;
use planner::catalog::Federation;
use planner::plan::{Input, Order, PartyId, SecurePlan};
use planner::{CheckedPlan, Planned, Session};

use crate::reveal::{Released, ReleasedShares};
use crate::run::OwnTable;
use crate::world::{Outcome, World};
use crate::{Result, local};

/// The plan of a query that the parties run.
pub(super) fn planned(federation: &Federation, sql: &str) -> CheckedPlan {
    let session = Session { analyst: "analyst".to_owned(), ..Session::default() };
    match planner::plan(federation, &session, sql) {
        Ok(Planned::Secure(checked)) => *checked,
        other => panic!("{sql}: {other:?}"),
    }
}

/// A run at all parties.
pub(super) async fn run(
    world: &World,
    federation: &Federation,
    sql: &str,
) -> (SecurePlan, Outcome<Vec<ReleasedShares>>) {
    let CheckedPlan { plan, permit } = planned(federation, sql);
    let permits = (1..federation.parties.len()).map(|_| planned(federation, sql).permit);
    let outcome = world.run(&plan, std::iter::once(permit).chain(permits).collect()).await;
    (plan, outcome)
}

/// The clear stage over released tables.
pub(super) async fn clear_stage(plan: &SecurePlan, released: Vec<Released>) -> Result<RecordBatch> {
    let table = |table: Released| OwnTable { schema: table.batch.schema(), batches: vec![table.batch] };
    let tables: BTreeMap<String, OwnTable> = released
        .into_iter()
        .enumerate()
        .map(|(index, released)| (format!("r{index}"), table(released)))
        .collect();
    let clear = Input {
        owner: PartyId(0),
        plan: plan.clear.clone(),
        tables: vec![],
        bound: 0,
        valid: None,
        order: Order::Local,
        columns: vec![],
        taken: vec![],
    };
    local::run(&clear, &tables, 1 << 28).await
}

/// The result of a query; `seats` are those of the world.
pub(super) async fn answer(
    world: &World,
    federation: &Federation,
    seats: [usize; 3],
    sql: &str,
) -> RecordBatch {
    let (plan, outcome) = run(world, federation, sql).await;
    let released = World::released(&plan, seats, outcome).unwrap_or_else(|error| panic!("{sql}: {error}"));
    clear_stage(&plan, released).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}
