//! The life of a query over real sockets, with an engine whose plans are scripts.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use datafusion::arrow::array::{ArrayRef, AsArray as _, Int64Array};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::pretty::pretty_format_batches;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use planner::{Class, Session};
use tokio::sync::watch;

use super::*;
use crate::analyst::progress::Watch;
use crate::analyst::submit::{Collected, Peers, submit};
use crate::analyst::{At, Progress};
use crate::audit::now_us;
use crate::party::QueryReport;
use crate::party::job::Job;
use crate::request::{Request, fresh_nonce};
use crate::run::Run;

const FEDERATION: &str = r#"
version = 1
name = "tests"
[[party]]
name = "hospital"
seat = 0
[[party]]
name = "insurer"
seat = 1
[[party]]
name = "office"
[[party]]
name = "helper"
seat = 2
"#;

const POLICY: &str = r#"
version = 1
[table.visits]
max_rows = 10
[table.visits.column]
age = { type = "BIGINT", bounds = [0, 120], allow = ["aggregate"] }
"#;

const OFFICE: PartyId = PartyId(2);

/// Plans whose text says what happens.
struct Script {
    plans: AtomicU8,
    /// How many parties have come to where they hang.
    hanging: Arc<watch::Sender<usize>>,
}

impl Engine for Script {
    fn plan(&self, _: &Federation, _: &Session, sql: &str) -> Result<Box<dyn Job>> {
        if sql == "refused" {
            return Err(planner::Error::refused("not allowed").into());
        }
        let number = if sql == "differs" { self.plans.fetch_add(1, Ordering::Relaxed) } else { 0 };
        let hanging = Arc::clone(&self.hanging);
        Ok(Box::new(ScriptedJob { sql: sql.to_owned(), hash: [number; 32], hanging }))
    }
}

struct ScriptedJob {
    sql: String,
    hash: [u8; 32],
    hanging: Arc<watch::Sender<usize>>,
}

impl Job for ScriptedJob {
    fn need(&self, _: &Federation, _: planner::cost::LinkSpeed) -> planner::cost::Need {
        planner::cost::Need::default()
    }

    fn hash(&self) -> [u8; 32] {
        self.hash
    }

    fn tables_of(&self, owner: PartyId) -> BTreeSet<String> {
        if self.sql == "data" && owner == OFFICE {
            BTreeSet::from(["visits".to_owned()])
        } else {
            BTreeSet::new()
        }
    }

    fn run(self: Box<Self>, run: &dyn Run) -> BoxFuture<'_, Result<Vec<Vec<u8>>>> {
        async move {
            match self.sql.as_str() {
                "hang" => {
                    self.hanging.send_modify(|parties| *parties += 1);
                    run.recv(PartyId((run.party().0 + 1) % 4), "never").await.map(|_| Vec::new())
                }
                "abort" if run.party() == PartyId(1) => {
                    Err(Error::Abort { step: "check".to_owned(), check: "it failed".to_owned() })
                }
                _ => talk(run).await,
            }
        }
        .boxed()
    }
}

/// Every party tells every seat a secret-free word; every seat re-shares a random column once.
async fn talk(run: &dyn Run) -> Result<Vec<Vec<u8>>> {
    for to in run.seats().into_iter().filter(|to| *to != run.party()) {
        run.send(to, "word", vec![7; 100]).await?;
    }
    let Some(context) = run.context() else { return Ok(Vec::new()) };
    for from in (0..run.names().len()).map(PartyId).filter(|from| *from != run.party()) {
        assert_eq!(run.recv(from, "word").await?, [7; 100]);
    }
    let context = context.step("turn");
    let seat = context.seat();
    context.send_bytes(seat.next(), vec![1; 300]).await?;
    context.recv_bytes(seat.previous(), 300).await?;
    Ok(vec![vec![u8::try_from(seat.index()).unwrap(); 5], vec![9]])
}

struct Empty;

impl Tables for Empty {
    fn load<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<RecordBatch>>> {
        std::future::ready(Err(Error::source(format!("office.{table}"), "column age: 3 rows above 120")))
            .boxed()
    }
}

struct World {
    cluster: Cluster,
    said: Arc<Mutex<Vec<String>>>,
    reports: Arc<Mutex<Vec<QueryReport>>>,
    /// How many reports there are.
    reported: watch::Receiver<usize>,
    /// How many parties have come to where they hang.
    hanging: watch::Receiver<usize>,
    folder: tempfile::TempDir,
}

async fn world(limits: Limits) -> World {
    let policies = [("office".to_owned(), POLICY.to_owned())];
    let federation = Arc::new(planner::policy::parse(FEDERATION, &policies).unwrap());
    let said = Arc::new(Mutex::new(Vec::new()));
    let reports = Arc::new(Mutex::new(Vec::new()));
    let folder = tempfile::tempdir().unwrap();
    let (messages, told) = (Arc::clone(&said), Arc::clone(&reports));
    let (count, reported) = watch::channel(0);
    let (hang, hanging) = watch::channel(0);
    let options = ClusterOptions {
        limits,
        audit: Some(folder.path().to_owned()),
        messages: Arc::new(move |party, message| {
            messages.lock().unwrap().push(format!("[{party}] {message}"));
        }),
        reports: Some(Arc::new(move |report| {
            told.lock().unwrap().push(report);
            count.send_modify(|count| *count += 1);
        })),
        ..ClusterOptions::default()
    };
    let tables = federation.parties.iter().map(|_| Arc::new(Empty) as Arc<dyn Tables>).collect();
    let engine = Arc::new(Script { plans: AtomicU8::new(0), hanging: Arc::new(hang) });
    let cluster = Cluster::start_with(federation, tables, options, engine).await.unwrap();
    World { cluster, said, reports, reported, hanging, folder }
}

impl World {
    fn peers(&self) -> Peers {
        Peers {
            federation: Arc::clone(&self.cluster.federation),
            directory: self.cluster.directory.clone(),
            identity: Arc::clone(&self.cluster.analyst),
            link: LinkSettings::default(),
        }
    }

    async fn ask(&self, sql: &str) -> Result<Collected> {
        submit(&self.peers(), &request(sql, 5000), &[0; 32], 2, &Watch::nobody()).await
    }

    /// Waits until so many parties have told what their query sent.
    async fn all_reported(&self, count: usize) {
        self.reported.clone().wait_for(|reports| *reports >= count).await.unwrap();
    }

    /// Waits until so many parties run a query that hangs.
    async fn all_hang(&self, count: usize) {
        self.hanging.clone().wait_for(|parties| *parties >= count).await.unwrap();
    }
}

fn request(sql: &str, timeout_ms: u64) -> Request {
    let session = Session { analyst: "alice".to_owned(), submitted_us: now_us(), ..Session::default() };
    Request { sql: sql.to_owned(), session, nonce: hex::encode(fresh_nonce().unwrap().0), timeout_ms }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shares_of_all_seats_arrive_and_every_party_keeps_a_record() {
    let world = world(Limits::default()).await;
    let collected = world.ask("talk").await.unwrap();
    assert_eq!(collected.releases, [[vec![0; 5], vec![1; 5], vec![2; 5]], [vec![9], vec![9], vec![9]]]);
    assert!(collected.figures.iter().all(|figures| figures.sent_bytes > 300 && figures.rounds >= 1));
    world.all_reported(4).await;
    let mut hashes = Vec::new();
    for party in ["hospital", "insurer", "office", "helper"] {
        let text = std::fs::read_to_string(world.folder.path().join(format!("{party}.jsonl"))).unwrap();
        let record: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!((&record["outcome"], &record["sql"]), (&"released".into(), &"talk".into()), "{party}");
        hashes.push(record["query_id"].as_str().unwrap().to_owned());
    }
    assert!(hashes.iter().all(|hash| *hash == hashes[0] && hash.len() == 64));
    world.cluster.shutdown().await;
}

/// Ten visits of people aged 20, 30, ..., 110.
struct Visits;

impl Tables for Visits {
    fn load<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<RecordBatch>>> {
        let ages: ArrayRef = Arc::new(Int64Array::from_iter_values((2..12).map(|age| 10 * age)));
        std::future::ready(Ok(vec![RecordBatch::try_from_iter_with_nullable([("age", ages, true)]).unwrap()]))
            .boxed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sql_is_answered_over_sockets() {
    let policies = [("office".to_owned(), POLICY.to_owned())];
    let federation = Arc::new(planner::policy::parse(FEDERATION, &policies).unwrap());
    let tables = federation.parties.iter().map(|_| Arc::new(Visits) as Arc<dyn Tables>).collect();
    let cluster = Cluster::start(federation, tables, ClusterOptions::default()).await.unwrap();
    let mut connection = cluster.connection("alice");
    connection.execute("CREATE VIRTUAL TABLE old AS SELECT age FROM office.visits").await.unwrap();
    let sum = "SELECT SUM(age) AS total, COUNT(*) AS n FROM old";
    let outcome = connection.execute(sum).await.unwrap();
    let rows = outcome.rows.unwrap();
    let number = |column: usize| rows.batches[0].column(column).as_primitive::<Int64Type>().value(0);
    assert_eq!((number(0), number(1)), (650, 10));
    assert!(outcome.stats.unwrap().seats.iter().all(|seat| seat.sent_bytes > 0));
    let rows = connection.execute(&format!("EXPLAIN ANALYZE {sum}")).await.unwrap().rows.unwrap();
    let text = pretty_format_batches(&rows.batches).unwrap().to_string();
    // The whole run, every node, every seat.
    assert!(["  took ", "[took ", "seat 2: "].iter().all(|part| text.contains(part)), "{text}");
    let rows = connection.execute("SELECT 1 AS one").await.unwrap().rows.unwrap();
    assert_eq!(rows.batches[0].num_rows(), 1);
    assert_eq!(
        connection.execute("SELECT age FROM office.visits").await.unwrap_err().class(),
        Class::Refused
    );
    assert_eq!(connection.execute("SELECT FROM").await.unwrap_err().class(), Class::Invalid);
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_query_is_watched_and_cancelled() {
    let policies = [("office".to_owned(), POLICY.to_owned())];
    let federation = Arc::new(planner::policy::parse(FEDERATION, &policies).unwrap());
    let tables = federation.parties.iter().map(|_| Arc::new(Visits) as Arc<dyn Tables>).collect();
    let cluster = Cluster::start(federation, tables, ClusterOptions::default()).await.unwrap();
    let mut connection = cluster.connection("alice");
    let told: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let sink = Arc::clone(&told);
    connection.set_progress(Some(Arc::new(move |progress| sink.lock().unwrap().push(progress.clone()))));
    let sum = "SELECT SUM(age) AS total, COUNT(*) AS n FROM office.visits";
    let running = connection.start(connection.prepare(sum).unwrap());
    let mut newest = running.progress();
    let outcome = running.outcome().await.unwrap();
    assert_eq!(newest.borrow_and_update().at, At::Answered);
    {
        let told = told.lock().unwrap();
        let names: Vec<String> = told.iter().map(Progress::stage_name).collect();
        assert_eq!(names.first().map(String::as_str), Some("sharing"), "{names:?}");
        assert_eq!(names[names.len() - 2..], ["release", "answered"], "{names:?}");
        assert_eq!(told[0].stages[0].name, "local at office");
        let last = &told[told.len() - 2];
        assert!(last.figures.rounds <= outcome.stats.unwrap().seats[0].rounds);
        assert!(told.iter().map(|progress| progress.figures.sent_bytes).is_sorted());
    }
    let running = connection.start(connection.prepare(sum).unwrap());
    running.cancel_handle().cancel();
    // It may have ended before.
    if let Err(error) = running.outcome().await {
        assert!(matches!(error, Error::Cancelled), "{error}");
    }
    connection.execute(sum).await.unwrap();
    let lines = connection.explain(sum).unwrap();
    assert!(lines.iter().any(|line| line.contains("office.visits")), "{lines:?}");
    cluster.shutdown().await;
}

#[tokio::test]
async fn planning_can_be_cancelled() {
    let policies = [("office".to_owned(), POLICY.to_owned())];
    let federation = Arc::new(planner::policy::parse(FEDERATION, &policies).unwrap());
    let tables = federation.parties.iter().map(|_| Arc::new(Visits) as Arc<dyn Tables>).collect();
    let cluster = Cluster::start(federation, tables, ClusterOptions::default()).await.unwrap();
    let mut connection = cluster.connection("alice");
    // Written out, 256 tables: planning takes far longer than telling it to stop.
    let double = |i: usize| format!(", c{i} AS (SELECT a.age FROM c{0} a, c{0} b)", i - 1);
    let doubles: String = (1..=8).map(double).collect();
    let slow = format!("WITH c0 AS (SELECT age FROM office.visits){doubles} SELECT COUNT(*) FROM c8");
    let handle = connection.cancel_handle();
    let (planned, ()) = tokio::join!(connection.plan(&slow), async { handle.cancel() });
    assert!(matches!(planned, Err(Error::Cancelled)), "{planned:?}");
    let (outcome, ()) = tokio::join!(connection.execute(&slow), async { handle.cancel() });
    assert!(matches!(outcome, Err(Error::Cancelled)), "{outcome:?}");
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_queries_leave_nothing_behind() {
    let world = world(Limits::default()).await;
    world.ask("talk").await.unwrap();
    world.all_reported(4).await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for _ in 0..50 {
        world.ask("talk").await.unwrap();
    }
    world.all_reported(51 * 4).await;
    for _ in 0..200 {
        if tasks() <= before {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(tasks() <= before, "{} tasks, {before} before", tasks());
    let reports = world.reports.lock().unwrap();
    let lengths = |report: &QueryReport| -> Vec<Vec<usize>> {
        report
            .traffic
            .iter()
            .map(|(_, traffic)| traffic.sent.iter().map(|sent| sent.bytes).collect())
            .collect()
    };
    for party in 0..4 {
        let of_party: Vec<_> = reports.iter().filter(|report| report.party.0 == party).map(lengths).collect();
        assert!(of_party.len() == 51 && of_party.iter().all(|lengths| *lengths == of_party[0]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parties_that_plan_differently_stop_before_anything_leaves() {
    let world = world(Limits::default()).await;
    let error = world.ask("differs").await.unwrap_err();
    assert_eq!(error.class(), Class::Peer);
    assert!(error.to_string().contains("does not agree on the query"), "{error}");
    world.ask("talk").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_analyst_whose_plan_differs_opens_nothing() {
    let world = world(Limits::default()).await;
    let error =
        submit(&world.peers(), &request("talk", 5000), &[1; 32], 2, &Watch::nobody()).await.unwrap_err();
    assert!(matches!(error, Error::AnalystDiffers { what: "plan" }), "{error}");
    let policies = [("office".to_owned(), POLICY.replace("120", "121"))];
    let federation = Arc::new(planner::policy::parse(FEDERATION, &policies).unwrap());
    let other = Peers { federation, ..world.peers() };
    let error = submit(&other, &request("talk", 5000), &[0; 32], 2, &Watch::nobody()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the parties agree with each other, but this analyst's federation.toml or a policy file differs from theirs"
    );
    assert!(error.hint().unwrap().starts_with("compare federation.toml"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_and_a_failed_check_keep_class_and_words() {
    let world = world(Limits::default()).await;
    let error = world.ask("refused").await.unwrap_err();
    assert_eq!((error.class(), error.to_string().as_str()), (Class::Refused, "not allowed"));
    let error = world.ask("abort").await.unwrap_err();
    assert_eq!(error.class(), Class::Abort, "{error}");
    world.ask("talk").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_data_is_told_to_their_owner_alone() {
    let world = world(Limits::default()).await;
    let error = world.ask("data").await.unwrap_err();
    assert_eq!(error.class(), Class::Source);
    assert!(error.to_string().contains("office.visits") && !error.to_string().contains("120"), "{error}");
    world.all_reported(4).await;
    let said = world.said.lock().unwrap();
    assert!(
        said.iter().any(|said| said.starts_with("[office]") && said.contains("3 rows above 120")),
        "{said:?}"
    );
    assert!(said.iter().all(|said| said.starts_with("[office]")), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_party_that_goes_away_ends_the_query_and_the_next_one_works_when_it_is_back() {
    for party in [PartyId(1), OFFICE] {
        let mut world = world(Limits::default()).await;
        let peers = world.peers();
        let asking = tokio::spawn(async move {
            submit(&peers, &request("hang", 30_000), &[0; 32], 2, &Watch::nobody()).await
        });
        world.all_hang(4).await;
        world.cluster.servers[party.0].as_mut().unwrap().kill();
        let error = asking.await.unwrap().unwrap_err();
        assert_eq!(error.class(), Class::Peer);
        let name = &world.cluster.federation.parties[party.0].name;
        assert!(error.to_string().contains(&format!("party {name} is unreachable")), "{error}");
        world.all_reported(3).await;
        for survivor in world.cluster.federation.parties.iter().filter(|other| other.name != *name) {
            let lines = world.said.lock().unwrap().clone();
            let own: Vec<_> =
                lines.iter().filter(|said| said.starts_with(&format!("[{}]", survivor.name))).collect();
            assert!(own.len() == 1 && own[0].contains("query of alice: party "), "{lines:?}");
            assert!(own[0].contains(name), "{lines:?}");
            let text = world.folder.path().join(format!("{}.jsonl", survivor.name));
            let text = std::fs::read_to_string(text).unwrap();
            let record: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
            assert!(record["sent_bytes"].as_u64().unwrap() > 0, "{record}");
            assert_eq!(record["links"].as_array().unwrap().len(), 3, "{record}");
        }
        let error = world.ask("talk").await.unwrap_err();
        assert_eq!(error.class(), Class::Peer);
        world.cluster.restart(party).await.unwrap();
        world.ask("talk").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_takes_too_long_ends_everywhere() {
    let limits = Limits { deadline: Duration::from_millis(400), ..Limits::default() };
    let world = world(limits).await;
    let error = world.ask("hang").await.unwrap_err();
    assert_eq!(error.class(), Class::Resource, "{error}");
    let error =
        submit(&world.peers(), &request("hang", 100), &[0; 32], 2, &Watch::nobody()).await.unwrap_err();
    assert_eq!(error.class(), Class::Resource, "{error}");
    world.all_reported(8).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_analyst_that_goes_away_cancels_at_every_party() {
    let world = world(Limits::default()).await;
    let peers = world.peers();
    let (asking, nobody) = (request("hang", 30_000), Watch::nobody());
    tokio::select! {
        answered = submit(&peers, &asking, &[0; 32], 2, &nobody) => panic!("{answered:?}"),
        () = world.all_hang(4) => {}
    }
    world.all_reported(4).await;
    assert!(world.reports.lock().unwrap().iter().all(|report| report.outcome == "peer"));
    world.ask("talk").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_ends_in_time_with_a_query_running() {
    let world = world(Limits::default()).await;
    let peers = world.peers();
    let asking =
        tokio::spawn(
            async move { submit(&peers, &request("hang", 30_000), &[0; 32], 2, &Watch::nobody()).await },
        );
    world.all_hang(4).await;
    let start = Instant::now();
    world.cluster.shutdown().await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(asking.await.unwrap().unwrap_err().class(), Class::Peer);
    let said = world.said.lock().unwrap();
    for party in ["hospital", "insurer", "office", "helper"] {
        assert_eq!(said.iter().filter(|said| said.starts_with(&format!("[{party}]"))).count(), 1, "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_answered_once() {
    let world = world(Limits::default()).await;
    let request = request("talk", 5000);
    submit(&world.peers(), &request, &[0; 32], 2, &Watch::nobody()).await.unwrap();
    let error = submit(&world.peers(), &request, &[0; 32], 2, &Watch::nobody()).await.unwrap_err();
    assert!(error.to_string().contains("used before"), "{error}");
    let old = Request { session: Session { submitted_us: 1, ..request.session.clone() }, ..request };
    let error = submit(&world.peers(), &old, &[0; 32], 2, &Watch::nobody()).await.unwrap_err();
    assert!(error.to_string().contains("time of submission"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_takes_only_so_many_queries() {
    let world = world(Limits { queries: 1, ..Limits::default() }).await;
    let peers = world.peers();
    let hanging =
        tokio::spawn(
            async move { submit(&peers, &request("hang", 30_000), &[0; 32], 2, &Watch::nobody()).await },
        );
    world.all_hang(4).await;
    let error = world.ask("talk").await.unwrap_err();
    assert!(error.to_string().contains("the number of concurrent queries"), "{error}");
    hanging.abort();
    world.all_reported(8).await;
    world.ask("talk").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_and_false_names_are_refused() {
    let world = world(Limits::default()).await;
    let stranger = Peers { identity: Arc::new(Identity::generate().unwrap()), ..world.peers() };
    let error = submit(&stranger, &request("talk", 5000), &[0; 32], 2, &Watch::nobody()).await.unwrap_err();
    assert_eq!(error.class(), Class::Abort, "{error}");
    assert!(error.to_string().contains("refuses this key"), "{error}");
    submit(&stranger, &request("talk", 5000), &[0; 32], 2, &Watch::nobody()).await.unwrap_err();
    {
        let said = world.said.lock().unwrap();
        let told = |party: &str| said.iter().filter(|said| said.starts_with(party)).count();
        assert_eq!(["[hospital]", "[insurer]", "[office]", "[helper]"].map(told), [1; 4], "{said:?}");
        assert!(said[0].contains("with an unknown key was refused"), "{said:?}");
    }
    let mut wrong = world.peers();
    wrong.directory.parties[1].key = Identity::generate().unwrap().public_key();
    let error = submit(&wrong, &request("talk", 5000), &[0; 32], 2, &Watch::nobody()).await.unwrap_err();
    assert_eq!(error.to_string(), "party insurer shows another key than federation.toml lists");
    assert_eq!(error.class(), Class::Abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_analyst_of_another_name_asks_nobody() {
    let policies = [("office".to_owned(), POLICY.to_owned())];
    let federation = Arc::new(planner::policy::parse(FEDERATION, &policies).unwrap());
    let tables = federation.parties.iter().map(|_| Arc::new(Visits) as Arc<dyn Tables>).collect();
    let mut cluster = Cluster::start(federation, tables, ClusterOptions::default()).await.unwrap();
    for (analyst, name) in cluster.directory.analysts.iter_mut().zip(["alice"]) {
        analyst.name = Some(name.to_owned());
    }
    let error = cluster.connection("bob").execute("SELECT COUNT(*) FROM office.visits").await.unwrap_err();
    assert_eq!(error.class(), Class::Invalid, "{error}");
    assert_eq!(error.hint(), Some("its analysts are: alice"));
    cluster.shutdown().await;
}
