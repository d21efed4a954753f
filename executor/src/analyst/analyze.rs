//! `EXPLAIN ANALYZE`: the plan, then what its run took, in public quantities.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray as _, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use planner::catalog::Federation;
use planner::cost::LinkSpeed;
use planner::explain::{self, Measured, MeasuredStep};
use planner::plan::SecurePlan;

use super::{Outcome, Rows, Stats};
use crate::figures::Figures;
use crate::{Error, Result};

/// One column, `plan TEXT`.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("plan", DataType::Utf8, true)]))
}

/// The outcome with the plan and what it took in place of its rows.
pub(super) fn in_place_of_result(
    plan: &SecurePlan,
    federation: &Federation,
    link: LinkSpeed,
    mut outcome: Outcome,
) -> Result<Outcome> {
    let stats = outcome.stats.take().ok_or_else(|| Error::internal("explain", "there are no figures"))?;
    let tree = explain::analyzed(plan, federation, link, &measured(&stats))?;
    let with_seats = with_seats(&tree, &stats, outcome)?;
    Ok(Outcome { stats: Some(stats), ..with_seats })
}

/// The whole run, and what its nodes took in the secure core: messages of owners belong to none of them. Nodes run at
/// once, so that they have no time of their own.
fn measured(stats: &Stats) -> Measured {
    let most = |figure: fn(&Figures) -> u64| stats.seats.iter().map(figure).max();
    let total = MeasuredStep {
        seconds: Some(stats.elapsed.as_secs_f64()),
        rounds: most(|seat| seat.rounds),
        bytes: most(|seat| seat.sent_bytes),
    };
    let node = |figures: &Figures| MeasuredStep {
        seconds: None,
        rounds: Some(figures.rounds),
        bytes: Some(figures.sent_bytes),
    };
    Measured { nodes: stats.nodes.iter().map(node).collect(), total }
}

/// The outcome with the lines of `tree`, then one for each seat, in place of its rows.
fn with_seats(tree: &RecordBatch, stats: &Stats, outcome: Outcome) -> Result<Outcome> {
    let tree = tree.columns().first().and_then(|column| column.as_string_opt::<i32>());
    let tree = tree.ok_or_else(|| Error::internal("explain", "the plan is no text"))?;
    let seats = stats.seats.iter().enumerate().map(|(seat, figures)| {
        format!("seat {seat}: {} waits, {} bytes sent", figures.rounds, figures.sent_bytes)
    });
    let lines = tree.iter().flatten().map(str::to_owned).chain(seats);
    let column: ArrayRef = Arc::new(lines.map(Some).collect::<StringArray>());
    let batch = RecordBatch::try_new(schema(), vec![column]);
    let batch = batch.map_err(|error| Error::internal("explain", error.to_string()))?;
    Ok(Outcome { rows: Some(Rows { schema: schema(), batches: vec![batch] }), ..outcome })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn figures_follow_the_tree() {
        let lines: ArrayRef = Arc::new(StringArray::from(vec!["release", "  aggregate"]));
        let tree = RecordBatch::try_new(schema(), vec![lines]).unwrap();
        let seat = |rounds| Figures { rounds, sent_bytes: 80 };
        let stats = Stats {
            elapsed: Duration::from_millis(1500),
            seats: [seat(7), seat(9), seat(8)],
            nodes: vec![seat(2)],
        };
        let rows = with_seats(&tree, &stats, Outcome::default()).unwrap().rows.unwrap();
        let text: Vec<_> = rows.batches[0].column(0).as_string::<i32>().iter().flatten().collect();
        assert_eq!(text[1..3], ["  aggregate", "seat 0: 7 waits, 80 bytes sent"]);
        let total = MeasuredStep { seconds: Some(1.5), rounds: Some(9), bytes: Some(80) };
        let node = MeasuredStep { seconds: None, rounds: Some(2), bytes: Some(80) };
        assert_eq!(measured(&stats), Measured { nodes: vec![node], total });
    }
}
