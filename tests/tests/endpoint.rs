//! Flight SQL over a federation: what clients fetch is what the analyst's own session gives, and whoever goes away ends
//! the query at every party.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{FlightClient, FlightDescriptor};
use conjoin_tests::heart::Heart;
use conjoin_tests::rows::texts;
use connectors::endpoint::{Desk, DeskOptions, Users, flight, hash_password};
use datafusion::arrow::array::{ArrayRef, Int64Array};
use datafusion::arrow::record_batch::RecordBatch;
use executor::cluster::{Cluster, ClusterOptions};
use executor::network::{LinkSettings, Throttle};
use futures::TryStreamExt as _;
use shell::endpoint::Analysts;
use tokio::net::TcpListener;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

type Client = FlightSqlServiceClient<Channel>;

/// Starts an endpoint in front of a cluster, for as long as the test runs.
async fn serve(cluster: &Cluster, users: &[&str]) -> SocketAddr {
    let hash = hash_password("secret").expect("a hash");
    let users = Users::new(users.iter().map(|name| ((*name).to_owned(), hash.clone()))).expect("users");
    let options = DeskOptions { users, analyst: "analyst".to_owned(), max_queries: 4 };
    let desk = Desk::new(Arc::new(Analysts::new(&cluster.connection("analyst"))), options);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(flight::serve(listener, desk, None, std::future::pending()));
    address
}

async fn channel(address: SocketAddr) -> Channel {
    Endpoint::new(format!("http://{address}")).expect("an address").connect().await.expect("a connection")
}

async fn connect(address: SocketAddr) -> Client {
    Client::new(channel(address).await)
}

fn status(error: arrow_flight::error::FlightError) -> tonic::Status {
    let arrow_flight::error::FlightError::Tonic(status) = error else { panic!("no status") };
    *status
}

async fn ask(client: &mut Client, sql: &str) -> Result<Vec<Vec<String>>, tonic::Status> {
    let info = client.execute(sql.to_owned(), None).await.map_err(status)?;
    let told = info.clone().try_decode_schema().expect("a schema");
    let ticket = info.endpoint[0].ticket.clone().expect("a ticket");
    let batches: Vec<RecordBatch> =
        client.do_get(ticket).await.map_err(status)?.try_collect().await.expect("batches");
    assert!(batches.iter().all(|batch| batch.schema().as_ref() == &told), "{sql}");
    Ok(texts(&batches))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_fetch_what_the_session_gives() {
    let heart = Heart::new(1);
    let cluster = heart.start(ClusterOptions::default()).await;
    let address = serve(&cluster, &[]).await;
    let mut client = connect(address).await;
    for sql in [
        "SELECT COUNT(*) AS n, SUM(cost) AS cost, AVG(age) AS age FROM cohort",
        "SELECT region, COUNT(*) AS n FROM cohort GROUP BY region ORDER BY region",
        "SELECT * FROM LASSO(cohort, target => 'days', features => 'age,exercise', alpha => 0.5)",
        "EXPLAIN DISCLOSURE SELECT COUNT(*) FROM cohort",
        "SHOW TABLES",
        "SELECT 1 AS one, 'x' AS text, DATE '2026-01-31' AS day",
    ] {
        let own = cluster.connection("analyst").execute(sql).await.expect("an answer").rows.expect("rows");
        assert_eq!(ask(&mut client, sql).await.expect("an answer"), texts(&own.batches), "{sql}");
    }
    ask(&mut client, "CREATE VIRTUAL TABLE old AS SELECT * FROM cohort WHERE age > 60")
        .await
        .expect("created");
    let old = ask(&mut client, "SELECT COUNT(*) FROM old").await.expect("an answer");
    let mut other = connect(address).await;
    assert_eq!(
        ask(&mut other, "SELECT COUNT(*) FROM old").await.expect_err("none").code(),
        Code::InvalidArgument
    );
    let mut prepared = client
        .prepare("SELECT COUNT(*) FROM cohort WHERE age > $1".to_owned(), None)
        .await
        .expect("prepared");
    let value: ArrayRef = Arc::new(Int64Array::from(vec![60]));
    prepared.set_parameters(RecordBatch::try_from_iter([("1", value)]).expect("a row")).expect("values");
    let info = prepared.execute().await.expect("planned");
    let ticket = info.endpoint[0].ticket.clone().expect("a ticket");
    let rows: Vec<RecordBatch> =
        client.do_get(ticket).await.expect("rows").try_collect().await.expect("rows");
    assert_eq!(texts(&rows), old);
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_user_asks_as_an_analyst_under_the_owners_policies() {
    let heart = Heart::new(1);
    heart.edit("parties/insurer/policy.toml", "min_people = 1", "min_people = 1\nrecipients = [\"ann\"]");
    let cluster = heart.start(ClusterOptions::default()).await;
    let address = serve(&cluster, &["ann", "bob"]).await;
    let (mut ann, mut bob) = (connect(address).await, connect(address).await);
    ann.handshake("ann", "secret").await.expect("ann's login");
    bob.handshake("bob", "secret").await.expect("bob's login");
    let sql = "SELECT COUNT(*) FROM insurer.claims";
    assert_eq!(ask(&mut ann, sql).await.expect("an answer").len(), 1);
    let refused = ask(&mut bob, sql).await.expect_err("bob is no recipient");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    assert!(refused.message().contains("insurer"), "{refused}");
    assert_eq!(ask(&mut bob, "SELECT COUNT(*) FROM hospital.lifestyle").await.expect("an answer").len(), 1);
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn previews_are_refused_in_words_and_questions_for_columns_answered() {
    let heart = Heart::new(1);
    let cluster = heart.start(ClusterOptions::default()).await;
    let mut client = connect(serve(&cluster, &[]).await).await;
    let refused = ask(&mut client, "SELECT * FROM hospital.lifestyle LIMIT 10").await.expect_err("rows");
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().starts_with("refused: only aggregates leave the federation"), "{refused}");
    for sql in ["SELECT * FROM hospital.lifestyle LIMIT 0", "SELECT * FROM cohort WHERE 1 = 0"] {
        let info = client.execute(sql.to_owned(), None).await.expect("planned");
        assert!(info.clone().try_decode_schema().expect("a schema").field_with_name("age").is_ok());
        assert!(ask(&mut client, sql).await.expect("no rows").is_empty());
    }
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_away_ends_the_query_at_every_party() {
    let ended: Arc<Mutex<BTreeSet<(usize, &'static str)>>> = Arc::default();
    let sink = Arc::clone(&ended);
    let throttle = Throttle { latency: Duration::from_millis(20), bytes_per_second: None };
    let options = ClusterOptions {
        link: LinkSettings { throttle: Some(throttle), ..LinkSettings::default() },
        reports: Some(Arc::new(move |report: executor::party::QueryReport| {
            sink.lock().unwrap_or_else(PoisonError::into_inner).insert((report.party.0, report.outcome));
        })),
        ..ClusterOptions::default()
    };
    let heart = Heart::new(1);
    let cluster = heart.start(options).await;
    let address = serve(&cluster, &[]).await;
    let mut flight = FlightClient::new(channel(address).await);
    let sql = "SELECT * FROM LASSO(cohort, target => 'days', features => 'age,exercise', alpha => 0.5)";
    let command = arrow_flight::sql::CommandStatementQuery { query: sql.to_owned(), transaction_id: None };
    let command = prost::Message::encode_to_vec(&arrow_flight::sql::ProstMessageExt::as_any(&command));
    let mut polled = flight.poll_flight_info(FlightDescriptor::new_cmd(command)).await.expect("a poll");
    // Under way at the parties, and it says so.
    let start = Instant::now();
    while polled.progress.unwrap_or(0.0) < 0.01 {
        assert!(start.elapsed() < Duration::from_secs(20), "{polled:?}");
        let retry = polled.flight_descriptor.expect("it is not over");
        polled = flight.poll_flight_info(retry).await.expect("a poll");
    }
    let info =
        flight.get_flight_info(polled.flight_descriptor.expect("it is not over")).await.expect("planned");
    let ticket = info.endpoint[0].ticket.clone().expect("a ticket");
    let mut client = connect(address).await;
    let fetching = tokio::spawn(async move { client.do_get(ticket).await.map(drop) });
    tokio::time::sleep(Duration::from_millis(200)).await;
    fetching.abort();
    let cancel = arrow_flight::CancelFlightInfoRequest::new(info);
    flight.cancel_flight_info(cancel).await.expect("it is cancelled");
    let parties = cluster.federation().parties.len();
    let start = Instant::now();
    loop {
        let ended = ended.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // An owner without a seat has done its part before the seats have.
        let released = ended.iter().find(|(party, outcome)| *party < 3 && *outcome == "released");
        assert!(released.is_none(), "{ended:?}");
        if ended.len() >= parties {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{ended:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut client = connect(address).await;
    assert_eq!(ask(&mut client, "SELECT COUNT(*) FROM cohort").await.expect("the next query works").len(), 1);
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_each_get_their_own_answers() {
    let heart = Heart::new(1);
    let cluster = heart.start(ClusterOptions::default()).await;
    let address = serve(&cluster, &[]).await;
    let mut client = connect(address).await;
    let mut expected = Vec::new();
    for age in 30..38 {
        let sql = format!("SELECT {age} AS age, COUNT(*) AS n FROM hospital.lifestyle WHERE age > {age}");
        expected.push((sql.clone(), ask(&mut client, &sql).await.expect("an answer")));
    }
    let expected = Arc::new(expected);
    let connections = (0..16).map(|number| {
        let expected = Arc::clone(&expected);
        async move {
            let mut client = connect(address).await;
            for query in 0..3 {
                let (sql, rows) = &expected[(number + query) % expected.len()];
                assert_eq!(&ask(&mut client, sql).await.expect("an answer"), rows, "{sql}");
            }
        }
    });
    futures::future::join_all(connections).await;
    cluster.shutdown().await;
}
