//! TPC-H on few rows: the queries that run give the answers of DataFusion in the clear, the others are refused with the
//! reason that `tests/README.md` gives. The long run is the program `tpch`.

use conjoin_tests::tpch::{Placement, QUERIES, Runs};

/// Rows of TPC-H at scale 1, times this.
const SCALE: f64 = 0.001;

async fn every_query(placement: Placement) {
    let mut runs = Runs::start(placement, SCALE).await;
    let mut wrong = Vec::new();
    for number in QUERIES {
        if let Err(error) = runs.ask(number).await {
            wrong.push(error);
        }
    }
    runs.end().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_owners_as_seats() {
    every_query(Placement::Owners).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_neutral_seats() {
    every_query(Placement::Neutral).await;
}
