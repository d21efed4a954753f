//! The analyst's side: one library under the shell, batch runs and server endpoints.
//!
//! A [`Connection`] is a session of one analyst with a federation: its virtual tables, settings and prepared statements.
//! A statement is planned here first, for early errors; what needs the parties is signed and sent to all of them, and the
//! answer is put together from the shares of the three seats.
//!
//! ```no_run
//! use std::sync::Arc;
//! use executor::analyst::Connection;
//! use executor::identity::Identity;
//!
//! # async fn example() -> executor::Result<()> {
//! // The federation's files, the same text as at every party, and the analyst's key.
//! let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
//! let policies = [("hospital".to_owned(), read("study/parties/hospital/policy.toml"))];
//! let federation = Arc::new(planner::policy::parse(&read("study/federation.toml"), &policies)?);
//! let identity = Arc::new(Identity::load("alice.key.pem".as_ref())?);
//!
//! let mut session = Connection::connect(federation, identity, "alice")?;
//! for line in session.explain("SELECT AVG(age) FROM hospital.lifestyle")? {
//!     println!("{line}");
//! }
//! // Plan, run, and change the session: all in one.
//! let outcome = session.execute("SELECT AVG(age) FROM hospital.lifestyle").await?;
//! println!("{:?} {:?}", outcome.rows, outcome.notices);
//!
//! // Or planned now and run in the background, watched, perhaps cancelled.
//! let query = session.plan("SELECT region, COUNT(*) FROM cohort GROUP BY region").await?;
//! println!("{:?}", query.schema());
//! let running = session.start(query);
//! let mut progress = running.progress();
//! while progress.changed().await.is_ok() {
//!     println!("{}", progress.borrow_and_update().stage_name());
//! }
//! let outcome = running.outcome().await?; // `running.cancel()`, or dropping it, ends it at every party
//! # Ok(())
//! # }
//! ```

mod analyze;
mod clear;
pub(crate) mod progress;
mod query;
mod running;
mod session;
pub(crate) mod submit;

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use planner::catalog::Federation;
use planner::cost::Need;
use planner::{CheckedPlan, Planned, Session, SessionChange};
use tokio::sync::{Notify, oneshot};

use crate::audit::now_us;
use crate::directory::Directory;
use crate::figures::Figures;
use crate::identity::Identity;
use crate::network::LinkSettings;
use crate::request::{Request, fresh_nonce};
use crate::{Error, Result, reveal};
use progress::Watch;
pub use progress::{At, Progress, ProgressHook};
pub use query::Query;
pub use running::Running;
use submit::{Collected, Peers, submit};

/// A statement may always be planned for so long.
const MIN_PLANNING: Duration = Duration::from_secs(1);

/// A table of results.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Names and types; every column is nullable.
    pub schema: SchemaRef,
    /// The rows, in order.
    pub batches: Vec<RecordBatch>,
}

/// What a query took, in public quantities.
#[derive(Clone, Debug)]
pub struct Stats {
    /// From submission to the last share.
    pub elapsed: Duration,
    /// What it took at seats 0, 1, 2.
    pub seats: [Figures; 3],
    /// What each node of the plan took in the secure core, at the seat where it took most.
    pub nodes: Vec<Figures>,
}

/// What a statement gave.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The result; `None` for statements that have none.
    pub rows: Option<Rows>,
    /// What the analyst should know about it.
    pub notices: Vec<String>,
    /// What it took, if the parties answered.
    pub stats: Option<Stats>,
    /// How the session has changed.
    pub change: Option<SessionChange>,
    /// `COPY (query) TO`: the file that the caller should write the rows to.
    pub copy_to: Option<String>,
}

/// Ends the running queries of a connection, from anywhere.
#[derive(Clone, Debug)]
pub struct CancelHandle(Arc<Notify>);

impl CancelHandle {
    /// Cancels what runs now; does nothing if nothing does.
    pub fn cancel(&self) {
        self.0.notify_waiters();
    }
}

/// An analyst's session with a federation.
///
/// A clone is a session of its own that begins with the state of this one.
#[derive(Clone)]
pub struct Connection {
    peers: Arc<Peers>,
    session: Session,
    timeout: Duration,
    memory_bytes: u64,
    cancel: Arc<Notify>,
    progress: Option<ProgressHook>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("analyst", &self.session.analyst).finish_non_exhaustive()
    }
}

impl Connection {
    /// A session of `analyst` with the servers that the federation's file lists. Nobody is contacted yet: every query has
    /// connections of its own.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the file leaves a key or an address out.
    pub fn connect(federation: Arc<Federation>, identity: Arc<Identity>, analyst: &str) -> Result<Self> {
        let directory = Directory::of(&federation)?;
        Ok(Connection::new(federation, directory, identity, analyst, LinkSettings::default()))
    }

    /// As [`Connection::connect`], with the places and keys of `directory`.
    pub fn new(
        federation: Arc<Federation>,
        directory: Directory,
        identity: Arc<Identity>,
        analyst: &str,
        link: LinkSettings,
    ) -> Self {
        let session = Session { analyst: analyst.to_owned(), ..Session::default() };
        let peers = Arc::new(Peers { federation, directory, identity, link });
        let timeout = Duration::from_mins(10);
        Connection { peers, session, timeout, memory_bytes: u64::MAX, cancel: Arc::default(), progress: None }
    }

    /// A new session of another analyst who asks with the same key.
    #[must_use]
    pub fn for_analyst(&self, analyst: &str) -> Self {
        let session = Session { analyst: analyst.to_owned(), ..Session::default() };
        Connection { session, cancel: Arc::default(), progress: None, ..self.clone() }
    }

    /// How long a query may take where the session does not `SET timeout`; ten minutes at first.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// How much memory a query may take at a seat, by its plan, where the session does not `SET memory`; no limit at first.
    pub fn set_memory(&mut self, memory_bytes: u64) {
        self.memory_bytes = memory_bytes;
    }

    /// Who is told how far the queries of [`Connection::execute`] and [`Connection::run`] have come.
    pub fn set_progress(&mut self, progress: Option<ProgressHook>) {
        self.progress = progress;
    }

    /// The federation.
    pub fn federation(&self) -> &Arc<Federation> {
        &self.peers.federation
    }

    /// The session's state.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Ends running queries, from another task or a signal handler. Dropping the future of a query does the same.
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle(Arc::clone(&self.cancel))
    }

    /// Plans one statement as the session is now. Contacts nobody.
    ///
    /// # Errors
    /// [`Error::Plan`].
    pub fn prepare(&self, sql: &str) -> Result<Query> {
        let session = Session { submitted_us: now_us(), ..self.session.clone() };
        let planned = planner::plan(&self.peers.federation, &session, sql)?;
        Ok(Query { planned, session, sql: sql.to_owned(), federation: Arc::clone(&self.peers.federation) })
    }

    /// As [`Connection::prepare`], without holding up the runtime: can be cancelled, and ends when the session's time is over.
    /// What is being planned then is finished unheard, on a thread of its own.
    ///
    /// # Errors
    /// [`Error::Plan`], [`Error::Cancelled`], [`Error::Deadline`].
    pub async fn plan(&self, sql: &str) -> Result<Query> {
        self.unless_cancelled(self.planned(sql)).await
    }

    /// What a statement would do, where, and at which cost: the lines of EXPLAIN. Contacts nobody.
    ///
    /// # Errors
    /// [`Error::Plan`].
    pub fn explain(&self, sql: &str) -> Result<Vec<String>> {
        Ok(self.prepare(sql)?.explain())
    }

    /// Runs a planned statement. The session stays as it is: see [`Connection::apply`].
    ///
    /// # Errors
    /// Of any class.
    pub async fn run(&self, query: Query) -> Result<Outcome> {
        let Query { planned, session, sql, .. } = query;
        self.unless_cancelled(Box::pin(self.answer(planned, session, &sql))).await
    }

    /// Runs a planned statement on a task of its own, watched and cancelled through the value it gives. Must be called
    /// within a runtime.
    pub fn start(&self, query: Query) -> Running {
        Running::new(self.clone(), query)
    }

    /// Changes the session as a statement's [`Outcome::change`] says.
    pub fn apply(&mut self, change: SessionChange) {
        session::apply(&mut self.session, change);
    }

    /// Runs one statement and applies what it changes in the session.
    ///
    /// # Errors
    /// Of any class. Nothing of the session has changed then, and the next statement works.
    pub async fn execute(&mut self, sql: &str) -> Result<Outcome> {
        let outcome = self.unless_cancelled(async {
            let Query { planned, session, .. } = self.planned(sql).await?;
            Box::pin(self.answer(planned, session, sql)).await
        });
        let outcome = outcome.await?;
        if let Some(change) = outcome.change.clone() {
            self.apply(change);
        }
        Ok(outcome)
    }

    /// What `work` gives, or the error of having been cancelled.
    async fn unless_cancelled<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let cancelled = self.cancel.notified();
        tokio::select! {
            biased;
            () = cancelled => Err(Error::Cancelled),
            done = work => done,
        }
    }

    /// Plans on a thread of its own, for no longer than a query may take.
    async fn planned(&self, sql: &str) -> Result<Query> {
        let (connection, text) = (self.clone(), sql.to_owned());
        let (sender, planned) = oneshot::channel();
        let plan = move || {
            // Whoever asked may have gone.
            let _gone = sender.send(connection.prepare(&text));
        };
        let thread = thread::Builder::new().name("plan".to_owned()).spawn(plan);
        thread.map_err(|error| Error::internal("planning", error.to_string()))?;
        // A session whose time was set too short must still be able to set it anew.
        let limit = Duration::from_millis(self.timeout_ms(&self.session)).max(MIN_PLANNING);
        let planned = tokio::time::timeout(limit, planned).await.map_err(|_| Error::Deadline { limit })?;
        planned.map_err(|_| Error::internal("planning", "it ended without a plan"))?
    }

    async fn answer(&self, planned: Planned, session: Session, sql: &str) -> Result<Outcome> {
        match planned {
            Planned::Rows(batch) => Ok(table(Rows { schema: batch.schema(), batches: vec![batch] })),
            Planned::Clear(plan) => {
                let limit = Duration::from_millis(self.timeout_ms(&session));
                let rows = tokio::time::timeout(limit, clear::run(*plan, &[])).await;
                Ok(table(rows.map_err(|_| Error::Deadline { limit })??))
            }
            Planned::Session(change) => Ok(Outcome { change: Some(change), ..Outcome::default() }),
            Planned::Secure(plan) => self.ask(&plan, session, sql).await,
            Planned::ExplainAnalyze(plan) => {
                let link = session.link_speed();
                let outcome = self.ask(&plan, session, sql).await?;
                analyze::in_place_of_result(&plan.plan, &self.peers.federation, link, outcome)
            }
            Planned::Copy { query, path } => {
                let outcome = Box::pin(self.answer(*query, session, sql)).await?;
                Ok(Outcome { copy_to: Some(path), ..outcome })
            }
        }
    }

    /// Whether the federation's file lists the session's name, if it lists any.
    fn check_name(&self, name: &str) -> Result<()> {
        let known: Vec<&str> =
            self.peers.directory.analysts.iter().map_while(|analyst| analyst.name.as_deref()).collect();
        if known.len() < self.peers.directory.analysts.len() || known.is_empty() || known.contains(&name) {
            return Ok(());
        }
        let error = planner::Error::invalid(format!("federation.toml lists no analyst `{name}`"));
        Err(error.with_hint(format!("its analysts are: {}", known.join(", "))).into())
    }

    /// How long a query of a session may take.
    fn timeout_ms(&self, session: &Session) -> u64 {
        let default_ms = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        session.timeout_ms().unwrap_or(default_ms)
    }

    /// Has the parties answer.
    async fn ask(&self, checked: &CheckedPlan, session: Session, sql: &str) -> Result<Outcome> {
        self.check_name(&session.analyst)?;
        let plan = &checked.plan;
        let nonce = hex::encode(fresh_nonce()?.0);
        let timeout_ms = self.timeout_ms(&session);
        let memory = session.memory_bytes().unwrap_or(self.memory_bytes);
        Need::of(plan, &self.peers.federation, session.link_speed()).within(memory, timeout_ms)?;
        let request = Request { sql: sql.to_owned(), session, nonce, timeout_ms };
        let start = Instant::now();
        let watch = Watch::new(plan, &self.peers.federation, self.progress.clone());
        let hash = planner::plan_hash(plan);
        let submitted = submit(&self.peers, &request, &hash, plan.releases.len(), &watch);
        let Collected { releases, figures, nodes } = Box::pin(submitted).await?;
        watch.answered();
        let stats = Stats { elapsed: start.elapsed(), seats: figures, nodes };
        let mut notices = plan.notices.clone();
        let mut released = Vec::with_capacity(releases.len());
        for (index, [p0, p1, p2]) in releases.iter().enumerate() {
            let table = reveal::combine(plan, index, [p0, p1, p2])?;
            released.push(table.batch);
            notices.extend(table.notice.filter(|notice| !notices.contains(notice)));
        }
        let rows = clear::run(plan.clear.clone(), &released).await?;
        Ok(Outcome { rows: Some(rows), notices, stats: Some(stats), ..Outcome::default() })
    }
}

fn table(rows: Rows) -> Outcome {
    Outcome { rows: Some(rows), ..Outcome::default() }
}
