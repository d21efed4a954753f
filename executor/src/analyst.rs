//! The analyst's side: one library for the shell, batch runs and server endpoints.
//!
//! A [`Connection`] holds a session. A statement is planned here first, for early errors; what needs the parties is
//! signed and sent to all of them, and the answer is put together from the shares of the three seats.

mod analyze;
mod clear;
mod session;
pub(crate) mod submit;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use planner::catalog::Federation;
use planner::{CheckedPlan, Planned, Session, SessionChange};
use tokio::sync::Notify;

use crate::audit::now_us;
use crate::directory::Directory;
use crate::figures::Figures;
use crate::identity::Identity;
use crate::network::LinkSettings;
use crate::request::{Request, fresh_nonce};
use crate::{Error, Result, reveal};
use submit::{Collected, Peers, submit};

/// A table of results.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Names and types; every column is nullable.
    pub schema: SchemaRef,
    /// The rows, in order.
    pub batches: Vec<RecordBatch>,
}

/// What a query took, in public quantities.
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    /// From submission to the last share.
    pub elapsed: Duration,
    /// What it took at seats 0, 1, 2.
    pub seats: [Figures; 3],
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

/// How far a query has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Planned; the request goes to the parties.
    Submitted,
    /// All seats have given their shares.
    Answered,
}

/// Is told how far a query has come.
pub type ProgressHook = Arc<dyn Fn(Progress) + Send + Sync>;

/// Ends the running query of a connection, from anywhere.
#[derive(Clone, Debug)]
pub struct CancelHandle(Arc<Notify>);

impl CancelHandle {
    /// Cancels what runs now; does nothing if nothing does.
    pub fn cancel(&self) {
        self.0.notify_waiters();
    }
}

/// An analyst's session with a federation.
pub struct Connection {
    peers: Peers,
    session: Session,
    timeout: Duration,
    cancel: Arc<Notify>,
    progress: Option<ProgressHook>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("analyst", &self.session.analyst).finish_non_exhaustive()
    }
}

impl Connection {
    /// A session of `analyst`. Connects nowhere yet: every query has connections of its own.
    pub fn new(
        federation: Arc<Federation>,
        directory: Directory,
        identity: Arc<Identity>,
        analyst: &str,
        link: LinkSettings,
    ) -> Self {
        let session = Session { analyst: analyst.to_owned(), ..Session::default() };
        let peers = Peers { federation, directory, identity, link };
        let timeout = Duration::from_mins(10);
        Connection { peers, session, timeout, cancel: Arc::default(), progress: None }
    }

    /// How long a query may take where the session does not `SET timeout`; ten minutes at first.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Who is told how far a query has come.
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

    /// Ends a running query, from another task or a signal handler. Dropping the future of [`Connection::execute`]
    /// does the same.
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle(Arc::clone(&self.cancel))
    }

    /// Plans one statement. Contacts nobody.
    ///
    /// # Errors
    /// [`Error::Plan`].
    pub fn plan(&self, sql: &str) -> Result<Planned> {
        Ok(planner::plan(&self.peers.federation, &self.now(), sql)?)
    }

    /// The result columns of a planned statement; `None` if it has no result.
    pub fn schema(planned: &Planned) -> Option<SchemaRef> {
        match planned {
            Planned::Secure(plan) => Some(clear::nullable(plan.plan.clear.schema().as_arrow())),
            Planned::Clear(plan) => Some(clear::nullable(plan.schema().as_arrow())),
            Planned::Rows(batch) => Some(batch.schema()),
            Planned::ExplainAnalyze(_) => Some(analyze::schema()),
            Planned::Copy { .. } | Planned::Session(_) => None,
        }
    }

    /// Runs one statement and applies what it changes in the session.
    ///
    /// # Errors
    /// Of any class. Nothing of the session has changed then, and the next statement works.
    pub async fn execute(&mut self, sql: &str) -> Result<Outcome> {
        let session = self.now();
        let planned = planner::plan(&self.peers.federation, &session, sql)?;
        let outcome = {
            let cancelled = self.cancel.notified();
            tokio::select! {
                outcome = Box::pin(self.run(planned, session, sql)) => outcome?,
                () = cancelled => return Err(Error::Cancelled),
            }
        };
        if let Some(change) = outcome.change.clone() {
            session::apply(&mut self.session, change);
        }
        Ok(outcome)
    }

    async fn run(&self, planned: Planned, session: Session, sql: &str) -> Result<Outcome> {
        match planned {
            Planned::Rows(batch) => Ok(table(Rows { schema: batch.schema(), batches: vec![batch] })),
            Planned::Clear(plan) => Ok(table(clear::run(*plan, &[]).await?)),
            Planned::Session(change) => Ok(Outcome { change: Some(change), ..Outcome::default() }),
            Planned::Secure(plan) => self.ask(&plan, session, sql).await,
            Planned::ExplainAnalyze(plan) => {
                let outcome = self.ask(&plan, session, sql).await?;
                analyze::in_place_of_result(&plan.plan, &self.peers.federation, outcome)
            }
            Planned::Copy { query, path } => {
                let outcome = Box::pin(self.run(*query, session, sql)).await?;
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

    /// Has the parties answer.
    async fn ask(&self, checked: &CheckedPlan, session: Session, sql: &str) -> Result<Outcome> {
        self.check_name(&session.analyst)?;
        let plan = &checked.plan;
        let nonce = hex::encode(fresh_nonce()?.0);
        let default_ms = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        let timeout_ms = session.timeout_ms().unwrap_or(default_ms);
        let request = Request { sql: sql.to_owned(), session, nonce, timeout_ms };
        self.tell(Progress::Submitted);
        let start = Instant::now();
        let hash = planner::plan_hash(plan);
        let Collected { releases, figures } =
            submit(&self.peers, &request, &hash, plan.releases.len()).await?;
        self.tell(Progress::Answered);
        let stats = Stats { elapsed: start.elapsed(), seats: figures };
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

    /// The session at this moment.
    fn now(&self) -> Session {
        Session { submitted_us: now_us(), ..self.session.clone() }
    }

    fn tell(&self, progress: Progress) {
        if let Some(hook) = &self.progress {
            hook(progress);
        }
    }
}

fn table(rows: Rows) -> Outcome {
    Outcome { rows: Some(rows), ..Outcome::default() }
}
