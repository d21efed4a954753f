//! `EXPLAIN ANALYZE`: the plan, then what its run took, in public quantities.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray as _, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use planner::Planned;

use super::{Outcome, Rows, Stats};
use crate::{Error, Result};

/// One column, `plan TEXT`.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("plan", DataType::Utf8, true)]))
}

/// The statement `EXPLAIN ...` of a statement `EXPLAIN ANALYZE ...`.
pub(super) fn without_analyze(sql: &str) -> String {
    const WORD: &str = "ANALYZE";
    let upper = sql.to_ascii_uppercase();
    match upper.find(WORD).and_then(|at| Some((sql.get(..at)?, sql.get(at + WORD.len()..)?))) {
        Some((before, after)) => format!("{before}{after}"),
        None => sql.to_owned(),
    }
}

/// The outcome with the lines of `tree` and of its own figures in place of its rows.
pub(super) fn in_place_of_result(tree: &Planned, outcome: Outcome) -> Result<Outcome> {
    let (Planned::Rows(tree), Some(stats)) = (tree, &outcome.stats) else {
        return Err(Error::internal("explain", "there is no plan or no figures"));
    };
    let tree = tree.columns().first().and_then(|column| column.as_string_opt::<i32>());
    let tree = tree.ok_or_else(|| Error::internal("explain", "the plan is no text"))?;
    let lines = tree.iter().flatten().map(str::to_owned).chain(figures(stats));
    let column: ArrayRef = Arc::new(lines.map(Some).collect::<StringArray>());
    let batch = RecordBatch::try_new(schema(), vec![column]);
    let batch = batch.map_err(|error| Error::internal("explain", error.to_string()))?;
    Ok(Outcome { rows: Some(Rows { schema: schema(), batches: vec![batch] }), ..outcome })
}

fn figures(stats: &Stats) -> Vec<String> {
    let seats = stats.seats.iter().enumerate().map(|(seat, figures)| {
        format!("seat {seat}: {} rounds, {} bytes sent", figures.rounds, figures.sent_bytes)
    });
    [format!("took {:.3} s", stats.elapsed.as_secs_f64())].into_iter().chain(seats).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::figures::Figures;

    #[test]
    fn figures_follow_the_tree() {
        let lines: ArrayRef = Arc::new(StringArray::from(vec!["release", "  aggregate"]));
        let tree = Planned::Rows(RecordBatch::try_new(schema(), vec![lines]).unwrap());
        let stats =
            Stats { elapsed: Duration::from_millis(1500), seats: [Figures { rounds: 7, sent_bytes: 80 }; 3] };
        let outcome = Outcome { stats: Some(stats), ..Outcome::default() };
        let rows = in_place_of_result(&tree, outcome).unwrap().rows.unwrap();
        let text: Vec<_> = rows.batches[0].column(0).as_string::<i32>().iter().flatten().collect();
        assert_eq!(text[1..4], ["  aggregate", "took 1.500 s", "seat 0: 7 rounds, 80 bytes sent"]);
        assert_eq!(without_analyze("explain Analyze SELECT 1"), "explain  SELECT 1");
    }
}
