//! A client's session: prepared statements, and statements that are planned, at work or just fetched.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::credentials::token;
use super::error::{Error, Result};
use super::queue::Queue;
use super::running::{Running, State};
use super::service::{Answer, Query, QuerySession, Shape};

/// A planned statement may be fetched this long, and an answer fetched again.
const KEPT: Duration = Duration::from_mins(5);
/// A session holds no more planned statements than this; the oldest go first.
const MOST_STATEMENTS: usize = 256;
/// A session holds no more prepared statements than this.
const MOST_PREPARED: usize = 1024;
/// A query that was started and that nobody has asked for is given up after this.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// A client's session.
pub(super) struct Session {
    /// How the desk finds it.
    pub(super) key: String,
    /// Who asks.
    pub(super) user: String,
    /// The program's side.
    pub(super) inner: Arc<dyn QuerySession>,
    queue: Arc<Queue>,
    state: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    used: Option<Instant>,
    prepared: BTreeMap<String, Prepared>,
    statements: BTreeMap<String, Arc<Statement>>,
}

/// A prepared statement.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    /// Its text.
    sql: String,
    /// The values that were bound last: a row for each time that it is to run.
    bound: Option<Vec<Vec<String>>>,
    /// What it gives and takes, without values.
    pub(super) shape: Shape,
}

/// A planned statement. Asking for its answer runs it, once.
pub(super) struct Statement {
    /// What was planned: one text, with as many rows of values as were bound.
    queries: Vec<Query>,
    /// What it gives.
    pub(super) shape: Shape,
    run: Mutex<Option<Arc<Running>>>,
    made: Instant,
    number: u64,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn new(key: String, user: String, inner: Arc<dyn QuerySession>, queue: Arc<Queue>) -> Self {
        Self { key, user, inner, queue, state: Mutex::default() }
    }

    /// Plans a statement and keeps it to be fetched; its handle.
    pub(super) async fn plan(&self, queries: Vec<Query>) -> Result<(String, Arc<Statement>)> {
        let shape = self.shape(&queries).await?;
        let handle = token()?;
        let mut state = self.state();
        let number =
            state.statements.values().map(|statement| statement.number).max().map_or(0, |last| last + 1);
        let statement =
            Arc::new(Statement { queries, shape, run: Mutex::default(), made: Instant::now(), number });
        state.make_room();
        state.statements.insert(handle.clone(), Arc::clone(&statement));
        Ok((handle, statement))
    }

    /// A planned statement.
    ///
    /// # Errors
    /// Invalid: there is none, or not any more.
    pub(super) fn statement(&self, handle: &[u8]) -> Result<Arc<Statement>> {
        let gone = || Error::invalid("this result is not there any more").with_hint("run the query again");
        let handle = std::str::from_utf8(handle).map_err(|_| gone())?;
        self.state().statements.get(handle).cloned().ok_or_else(gone)
    }

    /// Starts a planned statement if it has not been, and gives its run.
    pub(super) fn start(&self, statement: &Statement) -> Arc<Running> {
        let mut run = statement.run();
        let start =
            || Running::start(&self.inner, &self.user, &self.queue, statement.queries.clone(), PATIENCE);
        Arc::clone(run.get_or_insert_with(start))
    }

    /// What a statement gives with each of its rows of values: always the same columns.
    ///
    /// # Errors
    /// Invalid: it cannot be planned, or a row of values gives other columns than the first.
    pub(super) async fn shape(&self, queries: &[Query]) -> Result<Shape> {
        let mut shape: Option<Shape> = None;
        for (index, query) in queries.iter().enumerate() {
            let next = self.inner.shape(query).await?;
            if shape.get_or_insert_with(|| next.clone()).columns != next.columns {
                let row = index + 1;
                let message = format!("row {row} of the parameters gives other columns than the first");
                return Err(Error::invalid(message).with_hint("bind values of the same types in every row"));
            }
        }
        shape.ok_or_else(|| Error::invalid("no row of values was bound").with_hint("bind at least one"))
    }

    /// Runs a statement that nobody else can ask for. Dropping the future cancels it.
    pub(super) async fn run(&self, queries: Vec<Query>) -> Result<Arc<Answer>> {
        let run = Running::start(&self.inner, &self.user, &self.queue, queries, PATIENCE);
        run.answer().await
    }

    /// Plans a statement without the values of its parameters, and keeps it; its handle.
    pub(super) async fn prepare(&self, sql: &str) -> Result<(String, Shape)> {
        let shape = self.inner.shape(&Query::new(sql)).await?;
        let handle = token()?;
        let mut state = self.state();
        if state.prepared.len() >= MOST_PREPARED {
            let message = format!("a session has at most {MOST_PREPARED} prepared statements");
            return Err(Error::new(super::Class::Resource, message).with_hint("close some"));
        }
        state
            .prepared
            .insert(handle.clone(), Prepared { sql: sql.to_owned(), bound: None, shape: shape.clone() });
        Ok((handle, shape))
    }

    /// A prepared statement.
    ///
    /// # Errors
    /// Invalid: there is none, or not any more.
    pub(super) fn prepared(&self, handle: &[u8]) -> Result<Prepared> {
        let found =
            std::str::from_utf8(handle).ok().and_then(|handle| self.state().prepared.get(handle).cloned());
        found.ok_or_else(no_prepared)
    }

    /// Binds the values of a prepared statement's parameters: a row for each time that it is to run.
    pub(super) fn bind(&self, handle: &[u8], rows: Vec<Vec<String>>) -> Result<()> {
        let handle = std::str::from_utf8(handle).map_err(|_| no_prepared())?;
        let mut state = self.state();
        let prepared = state.prepared.get_mut(handle).ok_or_else(no_prepared)?;
        let wanted = prepared.shape.parameters.len();
        if wanted == 0 && rows.iter().all(Vec::is_empty) {
            return Ok(());
        }
        if let Some(row) = rows.iter().find(|row| row.len() != wanted) {
            let given = row.len();
            return Err(Error::invalid(format!("the statement has {wanted} parameters, {given} were given")));
        }
        prepared.bound = Some(rows);
        Ok(())
    }

    /// Forgets a prepared statement.
    pub(super) fn close_prepared(&self, handle: &[u8]) {
        if let Ok(handle) = std::str::from_utf8(handle) {
            self.state().prepared.remove(handle);
        }
    }

    /// Ends all that runs and forgets everything.
    pub(super) fn close(&self) {
        let kept = std::mem::take(&mut *self.state());
        for run in kept.statements.values().filter_map(|statement| statement.running()) {
            run.cancel();
        }
    }

    /// Says that the client is still there.
    pub(super) fn touch(&self) {
        self.state().used = Some(Instant::now());
    }

    /// Whether the client has not been heard of for so long, and nothing of it runs.
    pub(super) fn is_idle(&self, limit: Duration) -> bool {
        let state = self.state();
        let working = state.statements.values().any(|statement| statement.is_working());
        !working && state.used.is_some_and(|used| used.elapsed() > limit)
    }

    /// Forgets statements that nobody has fetched, and answers that were.
    pub(super) fn sweep(&self) {
        self.state()
            .statements
            .retain(|_, statement| statement.is_working() || statement.made.elapsed() < KEPT);
    }

    fn state(&self) -> MutexGuard<'_, Kept> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Prepared {
    /// The statement with each row of values that was bound.
    pub(super) fn queries(&self) -> Vec<Query> {
        let Some(rows) = self.bound.as_ref().filter(|_| !self.shape.parameters.is_empty()) else {
            return vec![Query::new(&self.sql)];
        };
        let with = |row: &Vec<String>| Query { sql: self.sql.clone(), arguments: Some(row.clone()) };
        rows.iter().map(with).collect()
    }
}

impl Kept {
    fn make_room(&mut self) {
        while self.statements.len() >= MOST_STATEMENTS {
            let idle = self.statements.iter().filter(|(_, statement)| !statement.is_working());
            let Some((oldest, _)) = idle.min_by_key(|(_, statement)| statement.number) else { return };
            let oldest = oldest.clone();
            self.statements.remove(&oldest);
        }
    }
}

impl Statement {
    /// Its run, if it was started.
    pub(super) fn running(&self) -> Option<Arc<Running>> {
        self.run().clone()
    }

    /// Cancels it, whether it runs or was only planned. Whether it had not ended yet.
    pub(super) fn cancel(&self, session: &Session) -> bool {
        session.start(self).cancel()
    }

    fn is_working(&self) -> bool {
        self.run().as_ref().is_some_and(|run| !matches!(run.state(), State::Done(_)))
    }

    fn run(&self) -> MutexGuard<'_, Option<Arc<Running>>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_prepared() -> Error {
    Error::invalid("there is no such prepared statement")
        .with_hint("it may have been closed: prepare it again")
}
