//! A party's server: takes analysts' requests and other parties' connections, and answers queries.
//!
//! The life of one query is in `party/query.rs`, its connections in `party/links.rs`.

pub(crate) mod job;
mod links;
mod query;
mod rendezvous;
mod reporter;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use datafusion::arrow::record_batch::RecordBatch;
use futures::future::BoxFuture;
use planner::catalog::Federation;
use planner::plan::PartyId;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::audit::now_us;
use crate::directory::Directory;
use crate::identity::Identity;
use crate::network::tls::{self, Acceptor};
use crate::network::{Link, LinkSettings, Traffic, channel};
use crate::request::Nonce;
use crate::{Error, Result};
use job::{Engine, Secure};
use rendezvous::Rendezvous;
pub(crate) use reporter::mark_name;

/// How long a server that ends waits for its queries to say so.
const GRACE: Duration = Duration::from_secs(4);

/// How long the owner is not told again of refused connections.
const QUIET: Duration = Duration::from_secs(10);

/// An owner's own tables.
pub trait Tables: Send + Sync {
    /// The rows of a table, by its declared name, admitted against the policy (see [`admit`](crate::admit)).
    ///
    /// # Errors
    /// [`Error::Source`].
    fn load<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<RecordBatch>>>;
}

/// What a party allows itself to spend.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a query may take.
    pub deadline: Duration,
    /// How many queries may run at once.
    pub queries: usize,
    /// How long another party may take to be there.
    pub connect: Duration,
    /// How far an analyst's clock may be off; requests are remembered for this long.
    pub clock_skew: Duration,
    /// Memory of the local stage of one input.
    pub local_memory_bytes: usize,
    /// Memory of the secure stage of a query, by its plan.
    pub memory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            deadline: Duration::from_mins(10),
            queries: 16,
            connect: Duration::from_secs(10),
            clock_skew: Duration::from_mins(10),
            local_memory_bytes: 4 << 30,
            memory_bytes: 16 << 30,
        }
    }
}

/// Takes the owner's own messages.
pub type Messages = Arc<dyn Fn(&str) + Send + Sync>;

/// Takes a report of every query that has ended.
pub type Reports = Arc<dyn Fn(QueryReport) + Send + Sync>;

/// What crossed this party's links in a query: lengths depend on public quantities alone.
#[derive(Clone, Debug)]
pub struct QueryReport {
    /// This party.
    pub party: PartyId,
    /// `released`, or the class of the error.
    pub outcome: &'static str,
    /// By other party.
    pub traffic: Vec<(PartyId, Traffic)>,
    /// The link to the analyst.
    pub analyst: Traffic,
}

/// All that a party's server needs.
#[derive(Clone)]
pub struct PartyConfig {
    /// The federation and its policies.
    pub federation: Arc<Federation>,
    /// Which party this is.
    pub party: PartyId,
    /// Its key.
    pub identity: Arc<Identity>,
    /// Where the others are.
    pub directory: Directory,
    /// Its data.
    pub tables: Arc<dyn Tables>,
    /// What it allows itself to spend.
    pub limits: Limits,
    /// How its links behave.
    pub link: LinkSettings,
    /// Where the audit record goes.
    pub audit: Option<PathBuf>,
    /// Where messages for the owner go.
    pub messages: Messages,
    /// Who is told what each query sent.
    pub reports: Option<Reports>,
}

impl fmt::Debug for PartyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartyConfig").field("party", &self.party).finish_non_exhaustive()
    }
}

/// A running server. Ends when dropped.
#[derive(Debug)]
pub struct ServerHandle {
    /// Where it listens.
    pub local_addr: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl ServerHandle {
    /// Ends at once without a word to anybody, as when the process is killed.
    #[cfg(test)]
    pub(crate) fn kill(&mut self) {
        self.task.abort();
    }

    /// Cancels all queries and ends, within five seconds.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(GRACE + Duration::from_millis(500), &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

/// Starts to answer on `listener`, on tasks of the current runtime.
///
/// # Errors
/// [`Error::Configuration`] if the directory does not fit the federation or the identity, or the listener is unusable.
pub fn serve(config: PartyConfig, listener: TcpListener) -> Result<ServerHandle> {
    serve_with(config, listener, Arc::new(Secure))
}

/// As [`serve`], with another engine than the planner and the operators.
pub(crate) fn serve_with(
    config: PartyConfig,
    listener: TcpListener,
    engine: Arc<dyn Engine>,
) -> Result<ServerHandle> {
    let unusable =
        |error: &dyn fmt::Display| Error::Configuration(format!("this party cannot serve: {error}"));
    if config.directory.parties.len() != config.federation.parties.len() {
        return Err(unusable(&"the directory and the federation list different parties"));
    }
    if config.directory.party(&config.identity.public_key()) != Some(config.party) {
        return Err(unusable(&"its key is not the one that the federation lists for it"));
    }
    let contacts = config.directory.parties.iter().map(|contact| contact.key);
    let analysts = config.directory.analysts.iter().map(|analyst| analyst.key);
    let known: BTreeSet<_> = contacts.chain(analysts).collect();
    let acceptor = Acceptor::new(&config.identity, known).map_err(|error| unusable(&error))?;
    let local_addr = listener.local_addr().map_err(|error| unusable(&error))?;
    let (stop, stopped) = watch::channel(false);
    let slots = Semaphore::new(config.limits.queries);
    let rendezvous = Rendezvous::default();
    let server = Server {
        config,
        engine,
        acceptor,
        rendezvous,
        slots,
        nonces: Mutex::default(),
        refusal_told: Mutex::default(),
        stopped,
    };
    let task = tokio::spawn(accept_all(Arc::new(server), listener));
    Ok(ServerHandle { local_addr, stop, task })
}

/// What all connections and queries of a server share.
struct Server {
    config: PartyConfig,
    engine: Arc<dyn Engine>,
    acceptor: Acceptor,
    rendezvous: Rendezvous,
    slots: Semaphore,
    /// Nonces that were used, with the time of submission of their requests.
    nonces: Mutex<BTreeMap<Nonce, i64>>,
    /// When the owner was last told of a refused connection.
    refusal_told: Mutex<Option<Instant>>,
    stopped: watch::Receiver<bool>,
}

impl Server {
    /// Tells the owner of a connection that failed for a key; at most once in [`QUIET`].
    fn tell_refused(&self, fault: Option<tls::KeyFault>, from: SocketAddr) {
        let message = match fault {
            Some(tls::KeyFault::Theirs) => {
                "with an unknown key was refused: federation.toml does not list it"
            }
            Some(tls::KeyFault::Ours) => {
                "was given up by the other side, which expects another key than ours"
            }
            None => return tracing::debug!("a connection that is none of ours was closed"),
        };
        let now = Instant::now();
        let mut told = self.refusal_told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| now.duration_since(told) >= QUIET) {
            *told = Some(now);
            (self.config.messages)(&format!("a connection from {} {message}", from.ip()));
        }
    }

    fn name(&self) -> &str {
        self.config.federation.parties.get(self.config.party.0).map_or("?", |party| &party.name)
    }

    /// Refuses requests that are not fresh, and remembers this one.
    fn use_nonce(&self, nonce: Nonce, submitted_us: i64) -> Result<()> {
        let refuse = |reason: String| Err(Error::Request { reason });
        let skew = self.config.limits.clock_skew;
        let skew_us = i64::try_from(skew.as_micros()).unwrap_or(i64::MAX);
        let now = now_us();
        if now.abs_diff(submitted_us) > skew_us.unsigned_abs() {
            let limit = skew.as_secs();
            return refuse(format!("its time of submission is more than {limit} s from this party's clock"));
        }
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.retain(|_, submitted| now.abs_diff(*submitted) <= skew_us.unsigned_abs());
        match nonces.insert(nonce, submitted_us) {
            None => Ok(()),
            Some(_) => refuse("it has been used before".to_owned()),
        }
    }
}

/// Resolves when the server is to end.
async fn stopping(stopped: &watch::Receiver<bool>) {
    // An error means that the handle is gone: the server ends too.
    let mut stopped = stopped.clone();
    let _gone = stopped.wait_for(|stop| *stop).await;
}

async fn accept_all(server: Arc<Server>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    let mut sweep = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = stopping(&server.stopped) => break,
            Ok((socket, from)) = listener.accept() => {
                connections.spawn(connection(Arc::clone(&server), socket, from));
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            _ = sweep.tick() => server.rendezvous.sweep(server.config.limits.connect),
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all).await.is_err() {
        connections.shutdown().await;
    }
}

/// One connection: of another party, left at the rendezvous; or of an analyst, whose query lives here.
async fn connection(server: Arc<Server>, socket: TcpStream, from: SocketAddr) {
    let patience = server.config.limits.connect;
    let accepted = tokio::select! {
        accepted = tls::accept(&server.acceptor, socket, patience) => accepted,
        () = stopping(&server.stopped) => return,
    };
    // Whoever cannot show a known key learns nothing and leaves no trace but this.
    let (stream, key) = match accepted {
        Ok(accepted) => accepted,
        Err(error) => {
            server.tell_refused(tls::key_fault(&error), from);
            return;
        }
    };
    let link = Link::open(stream, &server.config.link);
    let first = async |name: &str| {
        let message = tokio::time::timeout(patience, link.recv(channel(name)));
        tokio::select! {
            message = message => message.ok().and_then(Result::ok),
            () = stopping(&server.stopped) => None,
        }
    };
    if let Some(party) = server.config.directory.party(&key) {
        let hello = first("hello").await.and_then(|hello| <[u8; 32]>::try_from(hello).ok());
        if let Some(request) = hello {
            server.rendezvous.offer(request, party, link);
        }
    } else if let Some(request) = first("request").await {
        Box::pin(query::answer(server, link, key, &request)).await;
    }
}
