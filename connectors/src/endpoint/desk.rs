//! Who is who: logins, sessions, and the queue that all sessions share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::credentials::{Users, token};
use super::error::{Class, Error, Result};
use super::queue::Queue;
use super::service::QueryService;
use super::session::{Session, Statement};

/// A session that was not used for so long has ended.
const IDLE: Duration = Duration::from_hours(8);
/// A session of a connection without login ends earlier: nobody can come back to it.
const IDLE_WITHOUT_LOGIN: Duration = Duration::from_hours(1);
/// No more sessions than this at a time.
const MOST_SESSIONS: usize = 4096;
/// How many passwords are verified at a time: each takes 19 MiB and a while.
const LOGINS: usize = 2;
/// How often what nobody wants any more is forgotten.
const SWEEP: Duration = Duration::from_secs(30);

/// How a desk works.
#[derive(Clone, Debug)]
pub struct DeskOptions {
    /// Who may log in; empty: nobody needs to.
    pub users: Users,
    /// Who asks where nobody logs in.
    pub analyst: String,
    /// How many queries run at a time.
    pub max_queries: usize,
}

/// Sessions of all clients of one program. Shared by its endpoints.
pub struct Desk {
    pub(super) service: Arc<dyn QueryService>,
    options: DeskOptions,
    queue: Arc<Queue>,
    logins: Semaphore,
    sessions: Mutex<BTreeMap<String, Arc<Session>>>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Desk {
    /// A desk without sessions. Must be called on a runtime, on which it tidies up from time to time.
    pub fn new(service: Arc<dyn QueryService>, options: DeskOptions) -> Arc<Self> {
        let queue = Queue::new(options.max_queries);
        let logins = Semaphore::new(LOGINS);
        let desk = Arc::new(Self { service, options, queue, logins, sessions: Mutex::default() });
        tokio::spawn(tidy(Arc::downgrade(&desk)));
        desk
    }

    /// Ends all sessions, and every query with them.
    pub fn close(&self) {
        for session in std::mem::take(&mut *self.sessions()).into_values() {
            session.close();
        }
    }

    /// How many sessions there are.
    pub fn open_sessions(&self) -> usize {
        self.sessions().len()
    }

    /// Whether clients must log in.
    pub(super) fn needs_login(&self) -> bool {
        !self.options.users.is_empty()
    }

    /// Checks a password; who asks then. Where nobody needs to log in, any name and password will do, and the
    /// program's own analyst asks.
    pub(super) async fn login(self: &Arc<Self>, user: &str, password: &str) -> Result<String> {
        if !self.needs_login() {
            return Ok(self.options.analyst.clone());
        }
        let closed = |_| Error::internal("the server ends");
        let _slot = self.logins.acquire().await.map_err(closed)?;
        let (desk, name, password) = (Arc::clone(self), user.to_owned(), password.to_owned());
        let verified = tokio::task::spawn_blocking(move || desk.options.users.verify(&name, &password)).await;
        match verified {
            Ok(true) => Ok(user.to_owned()),
            Ok(false) => Err(Error::new(Class::Unauthenticated, "user name or password is wrong")),
            Err(_) => Err(Error::internal("the password cannot be verified")),
        }
    }

    /// A new session of `user`: its bearer token, which nobody can guess.
    pub(super) fn open(&self, user: &str) -> Result<String> {
        let token = token()?;
        self.insert(with_token(&token), user)?;
        Ok(token)
    }

    /// The session of a bearer token.
    pub(super) fn of_token(&self, token: &str) -> Option<Arc<Session>> {
        self.find(&with_token(token))
    }

    /// The session of a connection, opened if need be: of `user`, or of the program's own analyst.
    pub(super) fn of_connection(&self, connection: &str, user: Option<&str>) -> Result<Arc<Session>> {
        let user = user.unwrap_or(&self.options.analyst);
        let key = format!("connection {connection} {user}");
        match self.find(&key) {
            Some(session) => Ok(session),
            None => self.insert(key, user),
        }
    }

    /// A planned statement of a session, or of another of the same analyst: some clients fetch over another connection
    /// than they have asked on. Nobody can guess a handle.
    ///
    /// # Errors
    /// Invalid: there is none, or not any more.
    pub(super) fn statement(&self, session: &Session, handle: &[u8]) -> Result<Arc<Statement>> {
        let found = session.statement(handle);
        if found.is_ok() {
            return found;
        }
        let others: Vec<_> =
            self.sessions().values().filter(|other| other.user == session.user).cloned().collect();
        others.iter().find_map(|other| other.statement(handle).ok()).map_or(found, Ok)
    }

    /// Ends a session.
    pub(super) fn end(&self, session: &Session) {
        self.sessions().remove(&session.key);
        session.close();
    }

    fn find(&self, key: &str) -> Option<Arc<Session>> {
        let session = self.sessions().get(key).cloned()?;
        session.touch();
        Some(session)
    }

    fn insert(&self, key: String, user: &str) -> Result<Arc<Session>> {
        let mut sessions = self.sessions();
        if sessions.len() >= MOST_SESSIONS {
            let message = format!("{MOST_SESSIONS} sessions are open");
            return Err(Error::new(Class::Resource, message).with_hint("close some, or try again later"));
        }
        let inner = self.service.open(user);
        let session = Arc::new(Session::new(key.clone(), user.to_owned(), inner, Arc::clone(&self.queue)));
        session.touch();
        sessions.insert(key, Arc::clone(&session));
        Ok(session)
    }

    /// Forgets what nobody wants any more.
    fn sweep(&self) {
        let limit = if self.needs_login() { IDLE } else { IDLE_WITHOUT_LOGIN };
        self.sessions().retain(|_, session| {
            session.sweep();
            !session.is_idle(limit)
        });
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key of a session that was opened with a login. No connection's key looks like it.
fn with_token(token: &str) -> String {
    format!("token {token}")
}

async fn tidy(desk: Weak<Desk>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(desk) = desk.upgrade() else { return };
        desk.sweep();
    }
}
