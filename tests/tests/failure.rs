//! What happens when something goes wrong in the middle of a query: one clear error, and the next query works.

use std::sync::Arc;
use std::time::Duration;

use conjoin_tests::heart::Heart;
use conjoin_tests::rows::texts;
use executor::cluster::ClusterOptions;
use executor::network::{LinkSettings, Throttle};
use executor::party::Limits;
use planner::Class;
use planner::plan::PartyId;
use tokio::sync::Notify;

const LASSO: &str = "SELECT * FROM LASSO(cohort, target => 'days', features => 'age,exercise', alpha => 0.5)";
const COUNT: &str = "SELECT COUNT(*) FROM cohort";

/// Links so slow that a LASSO, with its thousand rounds, takes many seconds.
fn slow() -> ClusterOptions {
    let throttle = Throttle { latency: Duration::from_millis(20), bytes_per_second: None };
    let link = LinkSettings { throttle: Some(throttle), ..LinkSettings::default() };
    ClusterOptions { link, ..ClusterOptions::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_party_that_dies_in_the_middle_of_a_model_ends_the_query() {
    let heart = Heart::new(1);
    let mut cluster = heart.start(slow()).await;
    // A seat without tables, a seat with tables, and an owner without a seat.
    for party in [PartyId(2), PartyId(1), PartyId(0)] {
        let mut connection = cluster.connection("analyst");
        let submitted = Arc::new(Notify::new());
        let told = Arc::clone(&submitted);
        connection.set_progress(Some(Arc::new(move |_| told.notify_one())));
        let query = tokio::spawn(async move { connection.execute(LASSO).await });
        submitted.notified().await;
        // The model takes at least 900 rounds of 20 ms: it cannot be over by then.
        tokio::time::sleep(Duration::from_secs(1)).await;
        cluster.stop(party).await;
        let ended = tokio::time::timeout(Duration::from_secs(10), query).await;
        let error = ended.expect("the query ends").expect("no panic").expect_err("there is no answer");
        assert_eq!(error.class(), Class::Peer, "{error}");
        let name = &cluster.federation().parties[party.0].name;
        assert!(error.to_string().contains(name.as_str()), "{error}");
        cluster.restart(party).await.expect("it starts again");
        let outcome = cluster.connection("analyst").execute(COUNT).await.expect("the next query works");
        assert_eq!(texts(&outcome.rows.expect("rows").batches).len(), 1);
    }
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_query_leaves_the_session_usable() {
    let heart = Heart::new(1);
    let cluster = heart.start(slow()).await;
    let mut connection = cluster.connection("analyst");
    let submitted = Arc::new(Notify::new());
    let told = Arc::clone(&submitted);
    connection.set_progress(Some(Arc::new(move |_| told.notify_one())));
    let cancel = connection.cancel_handle();
    let canceller = tokio::spawn(async move {
        submitted.notified().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        cancel.cancel();
    });
    let error = connection.execute(LASSO).await.expect_err("cancelled");
    assert_eq!(error.class(), Class::Peer, "{error}");
    canceller.await.expect("no panic");
    connection.execute(COUNT).await.expect("the next query works");
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_that_break_their_policy_are_named_to_their_owner_alone() {
    let heart = Heart::new(1);
    let claims = heart.read("parties/insurer/data/claims.csv");
    let first = claims.lines().nth(1).expect("a row").to_owned();
    heart.write("parties/insurer/data/claims.csv", &format!("{claims}{first}\n"));
    let said: Arc<std::sync::Mutex<Vec<(String, String)>>> = Arc::default();
    let sink = Arc::clone(&said);
    let messages = Arc::new(move |party: &str, message: &str| {
        sink.lock().expect("no panic").push((party.to_owned(), message.to_owned()));
    });
    let cluster = heart.start(ClusterOptions { messages, ..ClusterOptions::default() }).await;
    let error = cluster.connection("analyst").execute(COUNT).await.expect_err("duplicate identifiers");
    assert_eq!(error.class(), Class::Source, "{error}");
    assert!(
        error.to_string().contains("insurer.claims") && !error.to_string().contains("patient_id"),
        "{error}"
    );
    cluster.shutdown().await;
    let said = said.lock().expect("no panic");
    assert!(said.iter().any(|(party, text)| party == "insurer" && text.contains("patient_id")), "{said:?}");
    assert!(said.iter().all(|(party, text)| party == "insurer" || !text.contains("patient_id")), "{said:?}");
}

/// What the plan says a query needs, against what the analyst and the parties let it take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_over_a_limit_is_refused_before_it_starts() {
    let heart = Heart::new(1);
    let sql = "SELECT region, COUNT(*), AVG(days) FROM insurer.claims GROUP BY region";
    let cluster = heart.start(ClusterOptions::default()).await;
    let mut connection = cluster.connection("analyst");
    for (setting, reason) in
        [("SET memory = '1 KB'", "memory at each computing party"), ("SET rtt = '1000s'", "for its messages")]
    {
        let mut session = connection.clone();
        session.execute(setting).await.expect(setting);
        session.execute(&format!("EXPLAIN {sql}")).await.expect("EXPLAIN has no limit");
        let error = session.execute(sql).await.expect_err(setting);
        assert_eq!(error.class(), Class::Resource, "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    connection.execute(sql).await.expect("an answer within the limits");
    cluster.shutdown().await;
    let limits = Limits { memory_bytes: 1_000, ..Limits::default() };
    let cluster = heart.start(ClusterOptions { limits, ..ClusterOptions::default() }).await;
    let error = cluster.connection("analyst").execute(sql).await.expect_err("the parties' limit");
    assert_eq!(error.class(), Class::Resource, "{error}");
    assert!(error.to_string().contains("memory at each computing party"), "{error}");
    cluster.shutdown().await;
}
