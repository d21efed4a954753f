//! Random federations, data and queries: what the parties answer is what DataFusion answers in the clear, or a refusal.
//!
//! `CONJOIN_RANDOM_CASES=2000 cargo test --workspace random -- --nocapture` is the long run. The seed of a run is
//! printed; `CONJOIN_SEED` repeats it. A difference is shrunk to a small case, and its files and SQL are printed.

mod oracle;
mod query;
mod schema;

use std::cell::RefCell;
use std::collections::BTreeMap;

use conjoin_tests::clear::Clear;
use conjoin_tests::heart::Heart;
use conjoin_tests::rows::texts;

use executor::cluster::ClusterOptions;
use planner::Class;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use tokio::runtime::{Builder, Runtime};

use oracle::{equal, gated};
use query::Query;
use schema::Federation;

/// A federation and what is asked of it.
#[derive(Clone, Debug)]
struct Case {
    federation: Federation,
    queries: Vec<Query>,
    min_people: u32,
}

fn case() -> impl Strategy<Value = Case> {
    (schema::federation(), vec(query::query(), 1..8), prop_oneof![3 => Just(1u32), 1 => 2u32..5])
        .prop_map(|(federation, queries, min_people)| Case { federation, queries, min_people })
}

/// How many queries ended how.
#[derive(Debug, Default)]
struct Tally {
    answered: usize,
    /// By the message without its names.
    refused: BTreeMap<String, usize>,
}

/// What the short run asks, so that it says the same of a tree on every machine; a run whose length is given asks anew.
const SHORT_RUN: u64 = 1_623_114_543_099_208_858;

/// An environment variable that is a number.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn random_queries_are_answered_as_in_the_clear() {
    let long = std::env::var_os("CONJOIN_RANDOM_CASES").is_some();
    let seed = number("CONJOIN_SEED").unwrap_or_else(|| if long { rand::random() } else { SHORT_RUN });
    println!("CONJOIN_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let cases =
        number("CONJOIN_RANDOM_CASES").map_or(40, |cases| u32::try_from(cases).expect("a number of cases"));
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let tally = RefCell::new(Tally::default());
    let result = runner.run(&case(), |case| run(&runtime, &case, &mut tally.borrow_mut()));
    if let Err(error) = result {
        panic!("CONJOIN_SEED={seed}: {error}");
    }
    let Tally { answered, refused } = tally.into_inner();
    println!("{answered} answered; refused: {refused:#?}");
    let asked = answered + refused.values().sum::<usize>();
    assert!(answered * 5 > asked * 3, "too little is answered to test anything: {answered} of {asked}");
}

/// Asks all queries of a case, in the clear and of the parties.
fn run(runtime: &Runtime, case: &Case, tally: &mut Tally) -> Result<(), TestCaseError> {
    let folder = case.federation.write(case.min_people);
    let heart = Heart::at(folder);
    runtime.block_on(async {
        let clear = Clear::new(heart.directory());
        let cluster = heart.start(ClusterOptions::default()).await;
        let mut connection = cluster.connection("analyst");
        let mut result = Ok(());
        for query in &case.queries {
            let sql = query.sql(&case.federation);
            let outcome = connection.execute(&sql).await;
            result = match outcome {
                Ok(outcome) => {
                    tally.answered += 1;
                    let got = texts(&outcome.rows.expect("rows").batches);
                    compare(&clear, case, query, &sql, got).await
                }
                Err(error) if matches!(error.class(), Class::Invalid | Class::Refused) => {
                    let shape = error.to_string().split('`').step_by(2).collect::<Vec<_>>().join("..");
                    *tally.refused.entry(shape).or_default() += 1;
                    Ok(())
                }
                Err(error) => Err(TestCaseError::fail(format!("{sql}\n{:?}: {error}", error.class()))),
            };
            if result.is_err() {
                break;
            }
        }
        cluster.shutdown().await;
        result
    })
}

/// The answer of the parties against that in the clear, without what must be withheld.
async fn compare(
    clear: &Clear,
    case: &Case,
    query: &Query,
    sql: &str,
    mut got: Vec<Vec<String>>,
) -> Result<(), TestCaseError> {
    if case.min_people > 1 && !query.is_gateable(&case.federation) {
        return Ok(());
    }
    let asked = if case.min_people > 1 { query.with_persons(&case.federation) } else { sql.to_owned() };
    let answer = clear.answer(&asked).await;
    // DataFusion's own errors (an overflow) are no answer to compare with.
    let Ok(answer) = answer else { return Ok(()) };
    let mut want = texts(&answer);
    if case.min_people > 1 {
        want = gated(want, query, &case.federation, case.min_people);
    }
    // Every answer is sorted by its keys in the end, and rows of equal keys do not exist.
    want.sort();
    got.sort();
    if equal(&want, &got) {
        return Ok(());
    }
    Err(TestCaseError::fail(format!("{sql}\nin the clear: {want:?}\nby the parties: {got:?}\nof {asked}")))
}
