//! TPC-H over three owners: the 22 queries of `tests/tpch/queries`, by the parties and by DataFusion in the clear.
//!
//! [`Runs`] is used by the tests, on few rows, and by the program `tpch`, which prints the table of `tests/README.md`.

pub mod data;
mod stages;

use executor::analyst::{Connection, Stats};
use executor::cluster::{Cluster, ClusterOptions};
use planner::Session;

use crate::clear::Clear;
use crate::heart::Heart;
use crate::rows::texts;

/// Numbers of the queries.
pub const QUERIES: std::ops::RangeInclusive<usize> = 1..=22;

/// Queries that are refused, and a part of what the refusal says.
pub const REFUSED: &[(usize, &str)] = &[];

/// Who computes: a file beside the policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The three owners.
    Owners,
    /// Three parties without tables.
    Neutral,
}

impl Placement {
    /// The name of its federation file.
    pub fn name(self) -> &'static str {
        match self {
            Placement::Owners => "owners",
            Placement::Neutral => "neutral",
        }
    }
}

/// What became of a query.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The parties gave the answer in the clear.
    Right {
        /// Rows of the answer.
        rows: usize,
        /// What it took.
        stats: Stats,
        /// The longest chain of dependent messages of its plan.
        rounds: u64,
        /// What each stage did.
        stages: String,
    },
    /// It is refused, as [`REFUSED`] says.
    Refused(String),
}

/// TPC-H's tables at their owners, and the parties.
#[derive(Debug)]
pub struct Runs {
    /// The files, while the parties read them.
    _files: Heart,
    clear: Clear,
    cluster: Cluster,
    connection: Connection,
}

impl Runs {
    /// Makes the tables and starts the parties.
    ///
    /// # Panics
    /// If that fails.
    pub async fn start(placement: Placement, scale: f64) -> Self {
        let heart = Heart::at(data::write(placement.name(), scale));
        let clear = Clear::new(heart.directory());
        let cluster = heart.start(ClusterOptions::default()).await;
        let connection = cluster.connection("analyst");
        Runs { _files: heart, clear, cluster, connection }
    }

    /// Asks one query of the parties and in the clear.
    ///
    /// # Errors
    /// Two answers that differ, in words; a query that runs though it is listed as refused, or the other way round.
    pub async fn ask(&mut self, number: usize) -> Result<Answer, String> {
        let sql = query(number);
        let listed = REFUSED.iter().find(|(refused, _)| *refused == number);
        let outcome = match (self.connection.execute(&sql).await, listed) {
            (Ok(outcome), None) => outcome,
            (Ok(_), Some((_, reason))) => {
                return Err(format!("query {number} runs now, but is listed as refused: {reason}"));
            }
            (Err(error), Some((_, reason))) if error.to_string().contains(reason) => {
                return Ok(Answer::Refused(error.to_string()));
            }
            (Err(error), _) => return Err(format!("query {number}: {error}")),
        };
        let (Some(rows), Some(stats)) = (outcome.rows, outcome.stats) else {
            return Err(format!("query {number} has no answer of the parties"));
        };
        let got = texts(&rows.batches);
        let in_the_clear = self.clear.answer(&sql).await;
        let want = texts(&in_the_clear.map_err(|error| format!("query {number} in the clear: {error}"))?);
        if got != want {
            return Err(format!("query {number}\nin the clear:   {want:?}\nby the parties: {got:?}"));
        }
        let session = Session { analyst: "analyst".to_owned(), ..Session::default() };
        let (stages, rounds) = stages::of(self.cluster.federation(), &session, &sql);
        Ok(Answer::Right { rows: got.len(), stats, rounds, stages })
    }

    /// Ends the parties.
    pub async fn end(self) {
        self.cluster.shutdown().await;
    }
}

/// The text of a query.
///
/// # Panics
/// If its file cannot be read.
pub fn query(number: usize) -> String {
    let file = format!("{}/tpch/queries/q{number:02}.sql", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(file).expect("a query")
}
