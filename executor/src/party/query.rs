//! The life of one query at a party.
//!
//! 1. The request is signed by the analyst at the other end, and fresh.
//! 2. It is planned from this party's own files; that enforces this party's policy.
//! 3. Connections to all parties. They exchange nonces, which make the query id, then what they planned.
//!    Nothing of the data leaves before all are equal.
//! 4. The plan runs, on a thread of its own.
//! 5. The audit record is written; all parties tell each other that they are ready; then the seats send their
//!    result shares to the analyst.
//!
//! Whatever ends this early ends the query everywhere: the analyst gets a message, the parties class and step, and all
//! connections of the query close.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures::future::try_join_all;
use mpc::{Context, Network, Seat};
use planner::Class;
use planner::catalog::PublicKey;
use planner::plan::PartyId;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::job::Job;
use super::links::{Links, QueryRun, SeatNetwork, fresh_rng, sent_bytes};
use super::reporter::Reporter;
use super::{QueryReport, Server, stopping};
use crate::audit::{self, AuditLink, AuditRecord, now_us};
use crate::directory::seats;
use crate::figures::{Figures, Verdict, nodes_to_text};
use crate::network::{Link, cannot_connect, channel, tls};
use crate::report::Report;
use crate::request::{Agreement, Nonce, Request, fresh_nonce, query_id, request_hash};
use crate::run::OwnTable;
use crate::{Error, Result};

/// How long the others may take to notice the end of a query.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long an analyst may take to read its result.
const READING: Duration = Duration::from_mins(1);

/// The stack of the thread that runs a plan; debug builds need more than the default.
const STACK_BYTES: usize = 32 << 20;

/// One query.
struct Query {
    server: Arc<Server>,
    analyst: Arc<Link>,
    request_hash: [u8; 32],
    links: OnceLock<Arc<Links>>,
    record: Mutex<AuditRecord>,
    /// This party has said that it is ready: from now on the answer counts as released.
    ready: AtomicBool,
}

/// What a party brings to the analyst.
struct Answer {
    verdict: Verdict,
    messages: Vec<Vec<u8>>,
}

/// What all parties have agreed on.
struct Agreed {
    nonces: Vec<Nonce>,
    query_id: [u8; 32],
    agreement: Agreement,
}

/// Answers the request that came over `analyst`, whose key is `key`.
pub(super) async fn answer(server: Arc<Server>, analyst: Link, key: PublicKey, wire: &[u8]) {
    let hash = request_hash(wire, &key);
    let query = Query {
        server: Arc::clone(&server),
        analyst: Arc::new(analyst),
        request_hash: hash,
        links: OnceLock::new(),
        record: Mutex::new(AuditRecord::default()),
        ready: AtomicBool::new(false),
    };
    let outcome = match query.accept(wire, &key) {
        Ok(request) => query.within_limits(&request).await,
        Err(error) => Err(error),
    };
    let name = match outcome {
        Ok(result) => {
            query.release(result).await;
            "released"
        }
        // The others go on without an owner that has done its part; the analyst may have its result already. If it
        // still waits, it learns that the reason is to be found elsewhere.
        Err(error) if query.is_done() => {
            query.pass_on(&error).await;
            "released"
        }
        Err(error) => {
            query.fail(&error).await;
            error.class().name()
        }
    };
    server.rendezvous.forget(hash);
    if let Some(reports) = &server.config.reports {
        let traffic = query.links.get().map(|links| links.traffic()).unwrap_or_default();
        let party = server.config.party;
        reports(QueryReport { party, outcome: name, traffic, analyst: query.analyst.traffic() });
    }
}

impl Query {
    /// Step 1.
    fn accept(&self, wire: &[u8], key: &PublicKey) -> Result<Request> {
        let request = Request::open(wire, key)?;
        let refuse = |reason: String| Error::Request { reason };
        let analyst = &request.session.analyst;
        self.note(|record| record.analyst.clone_from(analyst));
        if !self.server.config.directory.is_analyst(key, analyst) {
            return Err(refuse(format!("its key is not that of analyst {analyst}")));
        }
        let nonce = request.nonce().ok_or_else(|| refuse("its nonce is malformed".to_owned()))?;
        self.server.use_nonce(nonce, request.session.submitted_us)?;
        self.note(|record| record.sql.clone_from(&request.sql));
        Ok(request)
    }

    /// Steps 2 to 4 and the ready message, until something ends them.
    async fn within_limits(&self, request: &Request) -> Result<Answer> {
        let limits = &self.server.config.limits;
        let _slot = self.server.slots.try_acquire().map_err(|_| Error::Limit {
            what: "the number of concurrent queries".to_owned(),
            limit: limits.queries as u64,
        })?;
        let limit = limits.deadline.min(request.timeout());
        tokio::select! {
            result = Box::pin(self.work(request)) => result,
            _ = self.analyst.ended() => Err(Error::Cancelled),
            () = stopping(&self.server.stopped) => Err(Error::peer(self.server.name(), "it is shutting down")),
            () = tokio::time::sleep(limit) => Err(Error::Deadline { limit }),
        }
    }

    async fn work(&self, request: &Request) -> Result<Answer> {
        let job = self.plan(request).await?;
        let links = Arc::new(self.connect().await?);
        let links = Arc::clone(self.links.get_or_init(|| links));
        tokio::select! {
            biased;
            result = self.together(job, &links) => result.map_err(|error| links.cause(error)),
            error = links.any_ended() => Err(error),
        }
    }

    /// Step 2.
    async fn plan(&self, request: &Request) -> Result<Box<dyn Job>> {
        let engine = Arc::clone(&self.server.engine);
        let federation = Arc::clone(&self.server.config.federation);
        let (session, sql) = (request.session.clone(), request.sql.clone());
        let planned = tokio::task::spawn_blocking(move || engine.plan(&federation, &session, &sql)).await;
        let job = planned.map_err(|_| Error::internal("plan", "planning ended without a result"))??;
        self.note(|record| record.plan_hash = hex::encode(job.hash()));
        let (limits, link) = (&self.server.config.limits, request.session.link_speed());
        let time = limits.deadline.min(request.timeout());
        let need = job.need(&self.server.config.federation, link);
        need.within(limits.memory_bytes, u64::try_from(time.as_millis()).unwrap_or(u64::MAX))?;
        Ok(job)
    }

    /// Connections to all other parties: the lower one in the federation's order dials.
    async fn connect(&self) -> Result<Links> {
        let parties = &self.server.config.federation.parties;
        let names: Vec<String> = parties.iter().map(|party| party.name.clone()).collect();
        let links = try_join_all((0..names.len()).map(|other| self.meet(PartyId(other), &names))).await?;
        Ok(Links::new(names, links))
    }

    async fn meet(&self, other: PartyId, names: &[String]) -> Result<Option<Link>> {
        let config = &self.server.config;
        let patience = config.limits.connect;
        let name = || names.get(other.0).cloned().unwrap_or_default();
        if other == config.party {
            return Ok(None);
        }
        if other < config.party {
            let link = self.server.rendezvous.take(self.request_hash, other, patience).await;
            let late =
                || Error::peer(name(), format!("it did not connect within {} s", patience.as_secs_f64()));
            return link.map(Some).ok_or_else(late);
        }
        let contact = config.directory.parties.get(other.0);
        let contact = contact.ok_or_else(|| Error::internal("directory", "a party is missing"))?;
        let stream = tls::connect(&config.identity, &contact.address, contact.key, patience).await;
        let link = Link::open(
            stream.map_err(|error| cannot_connect(&name(), &contact.address, &error))?,
            &config.link,
        );
        let sent = link.send(channel("hello"), self.request_hash.to_vec());
        sent.map_err(|error| Error::peer(name(), error.to_string()))?;
        Ok(Some(link))
    }

    /// Steps 3 to 5, but for the result.
    async fn together(&self, job: Box<dyn Job>, links: &Arc<Links>) -> Result<Answer> {
        let agreed = self.agree(job.hash(), links).await?;
        let tables = self.load(job.as_ref()).await?;
        let messages = self.compute(job, links, agreed.query_id, tables).await?;
        let figures = self.account(links);
        self.write_record("released", String::new()).await?;
        self.ready.store(true, Ordering::Relaxed);
        links.exchange("ready", &[]).await?;
        let nonces = agreed.nonces.iter().map(|nonce| hex::encode(nonce.0)).collect();
        let agreement = hex::encode(agreed.agreement.to_bytes());
        let verdict = Verdict { nonces, agreement, figures, nodes: nodes_to_text(&links.nodes()) };
        Ok(Answer { verdict, messages })
    }

    /// Step 3: the nonces of all parties and the query id, once all have planned the same.
    async fn agree(&self, plan: [u8; 32], links: &Links) -> Result<Agreed> {
        let name = |index: usize| links.names.get(index).cloned().unwrap_or_default();
        let received = links.exchange("nonce", &fresh_nonce()?.0).await?;
        let mut nonces = Vec::with_capacity(received.len());
        for (index, nonce) in received.into_iter().enumerate() {
            let nonce = <[u8; 32]>::try_from(nonce);
            nonces
                .push(Nonce(nonce.map_err(|_| Error::peer(name(index), "its nonce has the wrong length"))?));
        }
        let id = query_id(&self.request_hash, &nonces);
        self.note(|record| record.query_id = hex::encode(id));
        let own = Agreement::new(&id, &plan, &self.server.config.federation);
        let mut all = Vec::with_capacity(nonces.len());
        for (index, theirs) in links.exchange("agreement", &own.to_bytes()).await?.iter().enumerate() {
            let theirs = Agreement::from_bytes(theirs);
            all.push(theirs.ok_or_else(|| Error::peer(name(index), "its agreement has the wrong length"))?);
        }
        match Agreement::odd_one(&all, &own) {
            None => Ok(Agreed { nonces, query_id: id, agreement: own }),
            Some((index, what)) => Err(Error::Differs { party: name(index), what }),
        }
    }

    /// This party's tables that the plan reads.
    async fn load(&self, job: &dyn Job) -> Result<BTreeMap<String, OwnTable>> {
        let config = &self.server.config;
        let mut tables = BTreeMap::new();
        for name in job.tables_of(config.party) {
            let own = config.federation.parties.get(config.party.0).map(|party| &party.tables);
            let declared = own.and_then(|tables| tables.iter().find(|table| table.name == name));
            let declared = declared.ok_or_else(|| Error::internal("plan", "a table is not declared"))?;
            let batches = config.tables.load(&name).await?;
            tables.insert(name, OwnTable { schema: declared.schema(), batches });
        }
        Ok(tables)
    }

    /// Step 4, on a thread of its own: the messages for the analyst.
    async fn compute(
        &self,
        job: Box<dyn Job>,
        links: &Arc<Links>,
        query_id: [u8; 32],
        tables: BTreeMap<String, OwnTable>,
    ) -> Result<Vec<Vec<u8>>> {
        let config = &self.server.config;
        let seats = seats(&config.federation)?;
        let (party, links) = (config.party, Arc::clone(links));
        let local_memory_bytes = config.limits.local_memory_bytes;
        let reporter = (party == seats[0]).then(|| Arc::new(Reporter::new(&self.analyst)));
        let run =
            QueryRun { party, seats, query_id, links, context: None, tables, local_memory_bytes, reporter };
        let (done, result) = oneshot::channel();
        // Dropped with this future, whatever ends it; the thread then ends at its next message.
        let (_alive, stopped) = oneshot::channel::<()>();
        let runtime = Handle::current();
        let work = move || {
            let buffers = mpc::keep_buffers();
            let outcome = runtime.block_on(async {
                tokio::select! {
                    outcome = Box::pin(run_job(job, run)) => outcome,
                    _ = stopped => Err(Error::Cancelled),
                }
            });
            // What is left of the query is freed before anybody hears of its end.
            drop(buffers);
            // Nobody waits any more if the query has ended.
            let _ended = done.send(outcome);
        };
        let thread = std::thread::Builder::new().name("query".to_owned()).stack_size(STACK_BYTES).spawn(work);
        thread.map_err(|error| Error::internal("thread", error.to_string()))?;
        result.await.map_err(|_| Error::internal("secure stage", "it ended without a result"))?
    }

    /// Step 5: the result shares, and their end. The analyst waits for the seats alone: an owner without one says
    /// nothing, which might come before or after the end.
    async fn release(&self, result: Answer) {
        let verdict = serde_json::to_vec(&result.verdict).unwrap_or_default();
        let mut sent = Ok(());
        if self.has_seat() {
            sent = self.analyst.send(channel("verdict"), verdict);
        }
        for (index, message) in result.messages.into_iter().enumerate() {
            sent = sent.and_then(|()| self.analyst.send(channel(&format!("release {index}")), message));
        }
        // The analyst closes the connection when it has read everything; gone already, it wants nothing more.
        if sent.is_ok() {
            tokio::select! {
                _ = tokio::time::timeout(READING, self.analyst.ended()) => {}
                () = stopping(&self.server.stopped) => self.analyst.flush().await,
            }
        }
    }

    /// Whether this party has no seat and has said that it is ready.
    fn is_done(&self) -> bool {
        !self.has_seat() && self.ready.load(Ordering::Relaxed)
    }

    fn has_seat(&self) -> bool {
        let config = &self.server.config;
        config.federation.parties.get(config.party.0).is_some_and(|party| party.seat.is_some())
    }

    /// Tells the analyst alone that another party has ended the query.
    async fn pass_on(&self, error: &Error) {
        self.analyst.fail(Report::for_analyst(error, self.server.name()).passed_on().to_bytes());
        let told = async {
            self.analyst.flush().await;
            self.analyst.ended().await
        };
        let _late = tokio::time::timeout(FAREWELL, told).await;
    }

    /// Tells everybody that the query has failed.
    async fn fail(&self, error: &Error) {
        let config = &self.server.config;
        self.tell_owner(error);
        self.analyst.fail(Report::for_analyst(error, self.server.name()).to_bytes());
        let tell_analyst = async {
            self.analyst.flush().await;
            self.analyst.ended().await
        };
        let tell_parties = async {
            if let Some(links) = self.links.get() {
                links.fail(error).await;
            }
        };
        // Whoever does not answer in time sees the connection close.
        let _late = tokio::time::timeout(FAREWELL, async { tokio::join!(tell_analyst, tell_parties) }).await;
        if let Some(links) = self.links.get() {
            self.account(links);
        }
        if let Err(error) = self.write_record(error.class().name(), error.step()).await {
            (config.messages)(&error.to_string());
        }
    }

    /// One line for the owner. What another party reports is told where a party is lost or a check has failed: there the
    /// owner may have to do something.
    fn tell_owner(&self, error: &Error) {
        let elsewhere = matches!(error, Error::Remote { .. } | Error::Cancelled);
        let lost = matches!(error, Error::Remote { class: Class::Peer | Class::Abort, .. });
        if elsewhere && !lost {
            return;
        }
        let told = if matches!(error, Error::Peer { party, .. } if party == self.server.name()) {
            "it ends because this server is shutting down".to_owned()
        } else {
            error.to_string()
        };
        let analyst = self.note(|record| record.analyst.clone());
        let query = if analyst.is_empty() { "a query".to_owned() } else { format!("query of {analyst}") };
        (self.server.config.messages)(&format!("{query}: {told}"));
    }

    /// Notes what has crossed the links so far.
    fn account(&self, links: &Links) -> Figures {
        let traffic = links.traffic();
        let figures = Figures { rounds: links.rounds(), sent_bytes: sent_bytes(&traffic) };
        self.note(|record| {
            record.rounds = figures.rounds;
            record.sent_bytes = figures.sent_bytes;
            let link = |(party, traffic): &(PartyId, _)| {
                AuditLink::new(links.names.get(party.0).map_or("?", String::as_str), traffic)
            };
            record.links = traffic.iter().map(link).collect();
        });
        figures
    }

    async fn write_record(&self, outcome: &str, step: String) -> Result<()> {
        let record = self.note(|record| {
            record.time_us = now_us();
            outcome.clone_into(&mut record.outcome);
            record.step = step;
            record.clone()
        });
        let Some(path) = self.server.config.audit.clone() else { return Ok(()) };
        let written = tokio::task::spawn_blocking(move || audit::append(&path, &record)).await;
        written.map_err(|_| Error::internal("audit", "the record was not written"))?
    }

    fn note<T>(&self, change: impl FnOnce(&mut AuditRecord) -> T) -> T {
        change(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Runs the plan; at a seat over fresh seeds.
async fn run_job(job: Box<dyn Job>, mut run: QueryRun) -> Result<Vec<Vec<u8>>> {
    let seat = Seat::ALL.into_iter().zip(run.seats).find(|(_, party)| *party == run.party);
    let network = seat.map(|(seat, _)| Arc::new(SeatNetwork::new(seat, &run)));
    if let Some(network) = &network {
        let mut rng = fresh_rng()?;
        let seeds = mpc::seeds::agree(network.as_ref(), &run.query_id, &mut rng).await?;
        run.context = Some(Context::new(Arc::clone(network) as Arc<dyn Network>, &seeds));
    }
    let messages = job.run(&run).await?;
    if let Some(ctx) = &run.context {
        run.links.note_nodes(&ctx.meter());
    }
    Ok(messages)
}
