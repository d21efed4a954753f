//! The service as clients meet it, through Arrow's own client, over sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray as _, Int64Array};
use arrow::record_batch::RecordBatch;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{
    Command, CommandGetDbSchemas, CommandGetPrimaryKeys, CommandGetTables, CommandStatementQuery,
    CommandStatementSubstraitPlan, ProstMessageExt as _, SqlInfo,
};
use arrow_flight::{
    Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightClient, FlightDescriptor,
    FlightInfo,
};
use futures::{StreamExt as _, TryStreamExt as _};
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Status};

use super::session_messages::{
    CloseSessionResult, GetSessionOptionsResult, OptionFault, SessionOptionValue, SetSessionOptionsRequest,
    SetSessionOptionsResult,
};
use super::*;
use crate::endpoint::fake::{CLASSES, Fake, Shared};
use crate::endpoint::{DeskOptions, Users, hash_password};

type Client = FlightSqlServiceClient<Channel>;

struct Server {
    address: SocketAddr,
    fake: Arc<Fake>,
    desk: Arc<Desk>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

async fn start(users: Users, max_queries: usize, tls: Option<Tls>) -> Server {
    let fake = Arc::new(Fake::default());
    let options = DeskOptions { users, analyst: "analyst".to_owned(), max_queries };
    let desk = Desk::new(Arc::new(Shared(Arc::clone(&fake))), options);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let end = async { drop(stopped.await) };
    let task = tokio::spawn(serve(listener, Arc::clone(&desk), tls, end));
    Server { address, fake, desk, stop, task }
}

async fn open() -> Server {
    start(Users::default(), 4, None).await
}

impl Server {
    async fn channel(&self) -> Channel {
        Endpoint::new(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    async fn client(&self) -> Client {
        Client::new(self.channel().await)
    }

    /// Fetches a statement that does not end by itself; returns once it runs.
    async fn fetching(&self, client: &Client, info: &FlightInfo) -> JoinHandle<Result<(), FlightError>> {
        let (mut client, ticket) = (client.clone(), info.endpoint[0].ticket.clone().unwrap());
        let fetching = tokio::spawn(async move { client.do_get(ticket).await.map(drop) });
        self.until(|fake| fake.running.load(Ordering::SeqCst) == 1).await;
        fetching
    }

    /// Waits until a fact holds.
    async fn until(&self, fact: impl Fn(&Fake) -> bool) {
        let start = Instant::now();
        while !fact(&self.fake) {
            assert!(start.elapsed() < Duration::from_secs(10));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn fetch(client: &mut Client, info: FlightInfo) -> Result<Vec<RecordBatch>, Status> {
    let told = info.clone().try_decode_schema().unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let stream = client.do_get(ticket).await.map_err(of_client)?;
    let batches: Vec<RecordBatch> = stream.try_collect().await.unwrap();
    for batch in &batches {
        assert_eq!(batch.schema().as_ref(), &told, "what is told is what is fetched");
    }
    Ok(batches)
}

async fn ask(client: &mut Client, sql: &str) -> Result<String, Status> {
    let info = client.execute(sql.to_owned(), None).await.map_err(of_client)?;
    Ok(fetch(client, info).await?.iter().map(answer).collect())
}

/// Who asked what, in the fake's answer.
fn answer(batch: &RecordBatch) -> String {
    let cell = |column: usize| batch.column(column).as_string::<i32>().value(0).to_owned();
    (0..batch.num_columns()).map(cell).collect::<Vec<_>>().join(": ")
}

/// The client wraps the status.
fn of_client(error: FlightError) -> Status {
    let FlightError::Tonic(status) = error else { panic!("no status") };
    *status
}

fn users(names: &[&str]) -> Users {
    let hash = hash_password("secret").unwrap();
    Users::new(names.iter().map(|name| ((*name).to_owned(), hash.clone()))).unwrap()
}

#[tokio::test]
async fn a_statement_is_planned_first_and_run_once() {
    let server = open().await;
    let mut client = server.client().await;
    let infos =
        [client.execute("SELECT 1".into(), None).await, client.execute("SELECT 1".into(), None).await];
    assert!(server.fake.log.lock().unwrap().is_empty(), "asking for the schema runs nothing");
    let [first, _] = infos.map(Result::unwrap);
    for _ in 0..2 {
        let rows = fetch(&mut client, first.clone()).await.unwrap();
        assert_eq!(answer(&rows[0]), "analyst: SELECT 1|");
    }
    assert_eq!(server.fake.log.lock().unwrap().len(), 1, "fetching again does not run again");
    assert_eq!(ask(&mut client, "CREATE VIRTUAL TABLE v AS SELECT 1").await.unwrap(), "CREATE VIRTUAL TABLE");
    assert_eq!(client.execute_update("CREATE VIRTUAL TABLE v AS SELECT 1".into(), None).await.unwrap(), 0);
    let error = client.execute_update("SELECT 1".into(), None).await.unwrap_err();
    assert!(of_client(error).message().contains("gives rows"));
}

#[tokio::test]
async fn notices_come_with_the_rows() {
    let server = open().await;
    let mut client = server.client().await;
    let info = client.execute("SELECT 1".into(), None).await.unwrap();
    let request = info.endpoint[0].ticket.clone().unwrap();
    let mut data = client.inner_mut().do_get(request).await.unwrap().into_inner();
    let first = data.message().await.unwrap().unwrap();
    assert_eq!(&first.app_metadata[..], b"{\"notices\":[\"rounded\"]}");
}

#[tokio::test]
async fn prepared_statements_take_values() {
    let server = open().await;
    let mut client = server.client().await;
    let mut prepared = client.prepare("SELECT $1".into(), None).await.unwrap();
    assert_eq!(prepared.parameter_schema().unwrap().fields().len(), 1);
    assert_eq!(prepared.dataset_schema().unwrap().fields().len(), 2);
    let missing = prepared.execute().await.unwrap_err();
    assert!(of_client(missing).message().contains("no values are given"));
    for value in [7, 8] {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![value]));
        prepared.set_parameters(RecordBatch::try_from_iter([("1", column)]).unwrap()).unwrap();
        let info = prepared.execute().await.unwrap();
        let rows = fetch(&mut client, info).await.unwrap();
        assert_eq!(answer(&rows[0]), format!("analyst: SELECT $1|{value}"));
    }
    let pair = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    for (batch, says) in [
        (
            RecordBatch::try_from_iter([("1", pair(vec![1])), ("2", pair(vec![2]))]).unwrap(),
            "1 parameters, 2",
        ),
        (RecordBatch::try_from_iter([("1", pair(vec![1; 101]))]).unwrap(), "101 rows of parameters: at most"),
        (RecordBatch::try_from_iter([("1", pair(Vec::new()))]).unwrap(), "no row of values was bound"),
    ] {
        prepared.set_parameters(batch).unwrap();
        let error = of_client(prepared.execute().await.unwrap_err());
        assert!(error.message().contains(says), "{error}");
    }
    prepared.close().await.unwrap();
    let none = client.prepare("CREATE VIRTUAL TABLE v AS SELECT 1".into(), None).await.unwrap();
    assert!(none.dataset_schema().unwrap().fields().is_empty(), "no columns: an update");
}

#[tokio::test]
async fn a_prepared_statement_runs_for_every_row_of_values() {
    let server = start(Users::default(), 1, None).await;
    let mut client = server.client().await;
    let bound = |values: Vec<i64>| {
        RecordBatch::try_from_iter([("1", Arc::new(Int64Array::from(values)) as ArrayRef)]).unwrap()
    };
    let mut prepared = client.prepare("SELECT $1".into(), None).await.unwrap();
    prepared.set_parameters(bound(vec![7, 8, 9])).unwrap();
    let info = prepared.execute().await.unwrap();
    assert!(server.fake.log.lock().unwrap().is_empty(), "binding runs nothing");
    let rows = fetch(&mut client, info).await.unwrap();
    let answers: Vec<String> = rows.iter().map(answer).collect();
    assert_eq!(answers, ["analyst: SELECT $1|7", "analyst: SELECT $1|8", "analyst: SELECT $1|9"]);
    assert_eq!(server.fake.log.lock().unwrap().len(), 3);
    let mut update = client.prepare("CREATE VIRTUAL TABLE v AS SELECT $1".into(), None).await.unwrap();
    update.set_parameters(bound(vec![1, 2])).unwrap();
    assert_eq!(update.execute_update().await.unwrap(), 0);
    assert_eq!(server.fake.log.lock().unwrap().len(), 5);
    // Cancelled in the first of three, the others do not begin.
    let mut slow = client.prepare("SLOW $1".into(), None).await.unwrap();
    slow.set_parameters(bound(vec![1, 2, 3])).unwrap();
    let info = slow.execute().await.unwrap();
    let fetching = server.fetching(&client, &info).await;
    let body = CancelFlightInfoRequest::new(info).encode_to_vec();
    let _: CancelFlightInfoResult = act(&server, "CancelFlightInfo", body, None).await;
    assert_eq!(of_client(fetching.await.unwrap().unwrap_err()).code(), Code::Cancelled);
    assert_eq!(server.fake.log.lock().unwrap().len(), 6);
    assert_eq!(ask(&mut client, "SELECT 1").await.unwrap(), "analyst: SELECT 1|");
}

#[tokio::test]
async fn every_class_has_its_status_and_says_what_to_do() {
    let server = open().await;
    let mut client = server.client().await;
    let codes = [
        Code::InvalidArgument,
        Code::PermissionDenied,
        Code::FailedPrecondition,
        Code::Unavailable,
        Code::Aborted,
        Code::ResourceExhausted,
        Code::Internal,
    ];
    for (class, code) in CLASSES.into_iter().zip(codes) {
        let status = ask(&mut client, &format!("FAIL {}", class.name())).await.unwrap_err();
        assert_eq!(status.code(), code);
        assert_eq!(status.message(), format!("{}: it failed\nhint: do something else", class.name()));
        assert_eq!(status.metadata().get("conjoin-class").unwrap(), class.name());
    }
    let status = ask(&mut client, "nonsense").await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_login_gives_a_token_and_a_session_of_its_own() {
    let server = start(users(&["ann", "bob"]), 4, None).await;
    let mut stranger = server.client().await;
    for sql in ["SELECT 1", "nonsense"] {
        assert_eq!(ask(&mut stranger, sql).await.unwrap_err().code(), Code::Unauthenticated);
    }
    assert!(stranger.handshake("ann", "wrong").await.is_err());
    assert!(stranger.handshake("eve", "secret").await.is_err());
    stranger.set_token("0".repeat(64));
    assert_eq!(ask(&mut stranger, "SELECT 1").await.unwrap_err().code(), Code::Unauthenticated);

    let (mut ann, mut bob) = (server.client().await, server.client().await);
    let token = ann.handshake("ann", "secret").await.unwrap();
    assert_eq!(token.len(), 64);
    bob.handshake("bob", "secret").await.unwrap();
    assert_eq!(ask(&mut ann, "SELECT 1").await.unwrap(), "ann: SELECT 1|");
    assert_eq!(ask(&mut bob, "SELECT 1").await.unwrap(), "bob: SELECT 1|");
    let info = ann.execute("SELECT 2".into(), None).await.unwrap();
    let stolen = fetch(&mut bob, info).await.unwrap_err();
    assert!(stolen.message().contains("not there"), "another's result is not there: {stolen}");

    let mut by_password = server.client().await;
    by_password.set_header("authorization", "Basic YW5uOnNlY3JldA");
    assert_eq!(ask(&mut by_password, "SELECT 1").await.unwrap(), "ann: SELECT 1|");

    act::<CloseSessionResult>(&server, "CloseSession", Vec::new(), Some(&token)).await;
    assert_eq!(ask(&mut ann, "SELECT 1").await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(ask(&mut bob, "SELECT 3").await.unwrap(), "bob: SELECT 3|");
}

/// An action with a plain body; over a connection of its own.
async fn act<M: prost::Message + Default>(
    server: &Server,
    name: &str,
    body: Vec<u8>,
    token: Option<&[u8]>,
) -> M {
    let mut client = FlightClient::new(server.channel().await);
    if let Some(token) = token {
        let token = std::str::from_utf8(token).unwrap();
        client.add_header("authorization", &format!("Bearer {token}")).unwrap();
    }
    let mut results = client.do_action(Action::new(name, body)).await.unwrap();
    M::decode(results.next().await.unwrap().unwrap()).unwrap()
}

#[tokio::test]
async fn sessions_have_options() {
    let server = start(users(&["ann"]), 4, None).await;
    let token = server.client().await.handshake("ann", "secret").await.unwrap();
    let values = [("timeout", "30s"), ("catalog", "heart"), ("nonsense", "1")];
    let options: BTreeMap<_, _> =
        values.map(|(name, value)| (name.to_owned(), SessionOptionValue::text(value))).into();
    let body = SetSessionOptionsRequest { options }.encode_to_vec();
    let set: SetSessionOptionsResult = act(&server, "SetSessionOptions", body, Some(&token)).await;
    let faults: Vec<_> = set.errors.iter().map(|(name, error)| (name.as_str(), error.fault)).collect();
    assert_eq!(faults, [("nonsense", OptionFault::InvalidName as i32)]);
    let wrong = [("timeout", "soon"), ("catalog", "other")];
    let options = wrong.map(|(name, value)| (name.to_owned(), SessionOptionValue::text(value))).into();
    let body = SetSessionOptionsRequest { options }.encode_to_vec();
    let set: SetSessionOptionsResult = act(&server, "SetSessionOptions", body, Some(&token)).await;
    assert!(set.errors.values().all(|error| error.fault == OptionFault::InvalidValue as i32));
    assert_eq!(set.errors.len(), 2);
    let got: GetSessionOptionsResult = act(&server, "GetSessionOptions", Vec::new(), Some(&token)).await;
    let got: BTreeMap<_, _> =
        got.options.iter().map(|(name, value)| (name.as_str(), value.as_setting())).collect();
    assert_eq!(got, [("catalog", Some("heart".to_owned())), ("timeout", Some("30s".to_owned()))].into());
}

#[tokio::test]
async fn the_federation_can_be_listed() {
    let server = open().await;
    let mut client = server.client().await;
    let texts = |batch: &RecordBatch, column: usize| -> Vec<String> {
        batch.column(column).as_string::<i32>().iter().flatten().map(str::to_owned).collect()
    };
    let info = client.get_catalogs().await.unwrap();
    assert_eq!(texts(&fetch(&mut client, info).await.unwrap()[0], 0), ["heart"]);
    let info = client.get_db_schemas(CommandGetDbSchemas::default()).await.unwrap();
    assert_eq!(texts(&fetch(&mut client, info).await.unwrap()[0], 1), ["hospital", "virtual"]);
    let command = CommandGetTables { include_schema: true, ..CommandGetTables::default() };
    let info = client.get_tables(command).await.unwrap();
    let tables = fetch(&mut client, info).await.unwrap();
    assert_eq!(texts(&tables[0], 3), ["TABLE", "VIEW"]);
    let encoded = tables[0].column(4).as_binary::<i32>().value(0);
    let schema =
        arrow::datatypes::Schema::try_from(arrow_flight::IpcMessage(encoded.to_vec().into())).unwrap();
    assert_eq!(schema.field(1).metadata()["ARROW:FLIGHT:SQL:TYPE_NAME"], "DECIMAL(10,2)");
    let info = client.get_table_types().await.unwrap();
    assert_eq!(texts(&fetch(&mut client, info).await.unwrap()[0], 0), ["TABLE", "VIEW"]);
    let info = client
        .get_sql_info(vec![SqlInfo::FlightSqlServerName, SqlInfo::FlightSqlServerReadOnly])
        .await
        .unwrap();
    assert_eq!(fetch(&mut client, info).await.unwrap()[0].num_rows(), 2);
    let info = client.get_xdbc_type_info(arrow_flight::sql::CommandGetXdbcTypeInfo::default()).await.unwrap();
    assert_eq!(fetch(&mut client, info).await.unwrap()[0].num_rows(), 10);
    let info = client
        .get_primary_keys(CommandGetPrimaryKeys { table: "x".into(), ..Default::default() })
        .await
        .unwrap();
    assert_eq!(fetch(&mut client, info).await.unwrap().iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_query() {
    let server = open().await;
    let mut client = server.client().await;
    let info = client.execute("SLOW 1".into(), None).await.unwrap();
    let fetching = server.fetching(&client, &info).await;
    fetching.abort();
    server.until(|fake| fake.ended.load(Ordering::SeqCst) == 1).await;
    assert_eq!(server.fake.running.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_query_can_be_cancelled_from_another_call() {
    let server = open().await;
    let mut client = server.client().await;
    let info = client.execute("SLOW 1".into(), None).await.unwrap();
    let fetching = server.fetching(&client, &info).await;
    let cancel = |info: &FlightInfo| CancelFlightInfoRequest::new(info.clone()).encode_to_vec();
    let result: CancelFlightInfoResult = act(&server, "CancelFlightInfo", cancel(&info), None).await;
    assert_eq!(result.status, CancelStatus::Cancelled as i32);
    let status = of_client(fetching.await.unwrap().unwrap_err());
    assert_eq!(status.code(), Code::Cancelled);
    assert_eq!(server.fake.ended.load(Ordering::SeqCst), 1);
    let done = client.execute("SELECT 1".into(), None).await.unwrap();
    fetch(&mut client, done.clone()).await.unwrap();
    let result: CancelFlightInfoResult = act(&server, "CancelFlightInfo", cancel(&done), None).await;
    assert_eq!(result.status, CancelStatus::NotCancellable as i32);
}

#[tokio::test]
async fn long_queries_can_be_polled_and_show_their_place() {
    let server = start(Users::default(), 1, None).await;
    let mut client = FlightClient::new(server.channel().await);
    let of = |sql: &str| {
        let command = CommandStatementQuery { query: sql.to_owned(), transaction_id: None };
        FlightDescriptor::new_cmd(command.as_any().encode_to_vec())
    };
    let running = client.poll_flight_info(of("SLOW 1")).await.unwrap();
    let told = running.info.clone().unwrap();
    assert_eq!(&told.app_metadata[..], b"{\"state\":\"running\",\"stage\":\"join\"}");
    assert_eq!((running.progress, told.endpoint.len()), (Some(0.5), 0));
    let queued = client.poll_flight_info(of("SELECT 1")).await.unwrap();
    assert_eq!(&queued.info.unwrap().app_metadata[..], b"{\"state\":\"queued\",\"place\":1}");
    // The first gives up, the second has its turn.
    let retry = running.flight_descriptor.unwrap();
    let info = client.get_flight_info(retry.clone()).await.unwrap();
    let body = CancelFlightInfoRequest::new(info).encode_to_vec();
    let _: CancelFlightInfoResult = act(&server, "CancelFlightInfo", body, None).await;
    assert!(client.poll_flight_info(retry).await.is_err());
    let mut polled = client.poll_flight_info(queued.flight_descriptor.unwrap()).await.unwrap();
    while let Some(retry) = polled.flight_descriptor {
        polled = client.poll_flight_info(retry).await.unwrap();
    }
    assert_eq!(polled.progress, Some(1.0));
    let rows = fetch(&mut server.client().await, polled.info.unwrap()).await.unwrap();
    assert_eq!(answer(&rows[0]), "analyst: SELECT 1|");
    assert_eq!(server.fake.log.lock().unwrap().len(), 2, "polling and fetching is one run");
}

#[tokio::test]
async fn two_hundred_queries_of_sixteen_connections_each_get_their_own_answer() {
    let server = start(Users::default(), 4, None).await;
    let connections = (0..16).map(|connection| {
        let channel = server.channel();
        async move {
            let mut client = Client::new(channel.await);
            for number in 0..13 {
                let sql = format!("SELECT {connection}-{number}");
                assert_eq!(ask(&mut client, &sql).await.unwrap(), format!("analyst: {sql}|"));
            }
        }
    });
    futures::future::join_all(connections).await;
    assert_eq!(server.fake.log.lock().unwrap().len(), 16 * 13);
    assert!(server.fake.most.load(Ordering::SeqCst) <= 4);
    assert_eq!(server.fake.running.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_server_that_is_told_to_ends_with_its_queries() {
    let server = open().await;
    let mut client = server.client().await;
    let info = client.execute("SLOW 1".into(), None).await.unwrap();
    let fetching = server.fetching(&client, &info).await;
    let start = Instant::now();
    server.stop.send(()).unwrap();
    server.task.await.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(fetching.await.unwrap().is_err());
    assert_eq!(server.desk.open_sessions(), 0);
    assert_eq!(server.fake.running.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_not_supported_says_so() {
    let server = open().await;
    let mut client = server.client().await;
    let error = client.begin_transaction().await.unwrap_err();
    assert_eq!(of_client(error).code(), Code::Unimplemented);
    let mut flight = FlightClient::new(server.channel().await);
    let error = flight.get_flight_info(FlightDescriptor::new_cmd("junk")).await.unwrap_err();
    assert_eq!(of_client(error).code(), Code::InvalidArgument);
    let substrait = Command::CommandStatementSubstraitPlan(CommandStatementSubstraitPlan::default())
        .into_any()
        .encode_to_vec();
    let error = flight.get_flight_info(FlightDescriptor::new_cmd(substrait)).await.unwrap_err();
    assert_eq!(of_client(error).message(), "unsupported: `CommandStatementSubstraitPlan` is not supported");
    assert!(flight.do_action(Action::new("Nonsense", "")).await.is_err());
    let actions: Vec<_> = flight.list_actions().await.unwrap().try_collect().await.unwrap();
    assert_eq!(actions.len(), actions::KNOWN.len());
    let schema = flight.get_schema(FlightDescriptor::new_cmd(
        CommandStatementQuery { query: "SELECT 1".into(), transaction_id: None }.as_any().encode_to_vec(),
    ));
    assert_eq!(schema.await.unwrap().fields().len(), 2);
}

/// A self-signed authority, and a certificate and key of its for `name`.
struct Authority(rcgen::CertifiedIssuer<'static, rcgen::KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut parameters = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        Self(rcgen::CertifiedIssuer::self_signed(parameters, key).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    fn issue(&self, name: &str) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

#[tokio::test]
async fn tls_and_certificates_of_clients() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue("localhost");
    let client_authority = Some(authority.pem().into_bytes());
    let tls = Tls { certificate: certificate.into(), key: key.into(), client_authority };
    let server = start(users(&["ann"]), 4, Some(tls)).await;
    let url = format!("https://localhost:{}", server.address.port());
    let connect = |config: ClientTlsConfig| {
        let endpoint = Endpoint::new(url.clone()).unwrap().tls_config(config).unwrap();
        async move { endpoint.connect().await }
    };
    let trusting = || ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority.pem()));
    let (certificate, key) = authority.issue("ann");
    let known = trusting().identity(Identity::from_pem(certificate, key));
    let mut client = Client::new(connect(known).await.unwrap());
    client.handshake("ann", "secret").await.unwrap();
    assert_eq!(ask(&mut client, "SELECT 1").await.unwrap(), "ann: SELECT 1|");
    // Without a certificate, or with one of another authority, there is no connection to ask on.
    let (certificate, key) = Authority::new().issue("ann");
    let stranger = trusting().identity(Identity::from_pem(certificate, key));
    for config in [trusting(), stranger] {
        if let Ok(channel) = connect(config).await {
            assert!(Client::new(channel).handshake("ann", "secret").await.is_err());
        }
    }
    let broken = Tls { certificate: b"x".to_vec(), key: b"y".to_vec(), client_authority: None };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let served = serve(listener, Arc::clone(&server.desk), Some(broken), std::future::pending()).await;
    assert_eq!(served.unwrap_err().class, Class::Invalid);
}
