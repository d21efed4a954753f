//! The files of `tests/sql`: the same queries, the same answers, in the clear and by the parties.
//!
//! `CONJOIN_COMPLETE=1` writes the answers in the clear into the files; read the difference before you commit it.

use std::path::PathBuf;
use std::sync::Arc;

use conjoin_tests::clear::Clear;
use conjoin_tests::heart::Heart;
use conjoin_tests::rows::texts;
use executor::analyst::Connection;
use executor::cluster::ClusterOptions;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};
use tokio::sync::Mutex;

/// An error of either engine.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failure(String);

fn rows(rows: Vec<Vec<String>>) -> DBOutput<DefaultColumnType> {
    let width = rows.first().map_or(0, Vec::len);
    DBOutput::Rows { types: vec![DefaultColumnType::Any; width], rows }
}

/// DataFusion over all tables.
struct InTheClear(Arc<Clear>);

#[async_trait::async_trait]
impl AsyncDB for InTheClear {
    type Error = Failure;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
        self.0
            .answer(sql)
            .await
            .map(|batches| rows(texts(&batches)))
            .map_err(|error| Failure(error.to_string()))
    }

    async fn shutdown(&mut self) {}
}

/// The parties, over sockets.
struct Parties(Arc<Mutex<Connection>>);

#[async_trait::async_trait]
impl AsyncDB for Parties {
    type Error = Failure;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
        let outcome = self.0.lock().await.execute(sql).await.map_err(|error| Failure(error.to_string()))?;
        Ok(rows(outcome.rows.map(|answer| texts(&answer.batches)).unwrap_or_default()))
    }

    async fn shutdown(&mut self) {}
}

fn files() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sql");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("tests/sql").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// Runs all files, and says of all of them what fails.
async fn run_all<D: AsyncDB<ColumnType = DefaultColumnType>>(engine: impl Fn() -> D + Clone) {
    let mut failures = Vec::new();
    for file in files() {
        for record in sqllogictest::parse_file::<DefaultColumnType>(&file).expect("a readable file") {
            let engine = engine.clone();
            let mut runner = Runner::new(move || {
                let engine = engine.clone();
                async move { Ok(engine()) }
            });
            if let Err(error) = runner.run_async(record).await {
                failures.push(format!("{error}"));
            }
        }
    }
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n\n"));
}

#[tokio::test]
async fn in_the_clear() {
    let clear = Arc::new(Clear::new(Heart::new(1).directory()));
    if std::env::var_os("CONJOIN_COMPLETE").is_some() {
        for file in files() {
            let clear = Arc::clone(&clear);
            let mut runner = Runner::new(move || {
                let clear = Arc::clone(&clear);
                async move { Ok(InTheClear(clear)) }
            });
            let (validator, normalizer) = (sqllogictest::default_validator, sqllogictest::default_normalizer);
            let columns = sqllogictest::default_column_validator;
            runner
                .update_test_file(&file, " ", validator, normalizer, columns)
                .await
                .expect("a complete file");
        }
    }
    run_all(move || InTheClear(Arc::clone(&clear))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_the_parties() {
    let heart = Heart::new(1);
    let cluster = heart.start(ClusterOptions::default()).await;
    let connection = Arc::new(Mutex::new(cluster.connection("analyst")));
    run_all(move || Parties(Arc::clone(&connection))).await;
    cluster.shutdown().await;
}
