//! A query that runs for whoever waits for it, and ends when nobody does.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use super::error::{Class, Error, Result};
use super::queue::Queue;
use super::service::{Answer, Progress, Query, QuerySession};

/// How far a query has come.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// It waits; its place, from 1.
    Queued(usize),
    /// It runs.
    Working(Progress),
    /// It has ended.
    Done(Result<Arc<Answer>>),
}

/// A query in the queue, at work or done. Dropping all handles of one that nobody waits for ends it.
#[derive(Debug)]
pub(super) struct Running {
    state: watch::Receiver<State>,
    interest: Arc<Interest>,
}

/// Whether anybody wants the answer.
#[derive(Debug)]
struct Interest {
    wanted: Mutex<Wanted>,
    changed: Notify,
}

#[derive(Debug)]
struct Wanted {
    /// How many wait for the answer.
    waiting: usize,
    /// Somebody may ask for it until then.
    until: Instant,
    /// Whether somebody polls: then it may be left alone between two questions.
    polled: bool,
    /// Somebody has cancelled it.
    cancelled: bool,
}

/// While it lives, somebody waits for the answer.
struct Waiting<'a>(&'a Interest);

impl Running {
    /// Puts a query of `user` into the queue; with several rows of values, one after the other, each in its own turn. It is
    /// given up when nobody has asked for its answer within `patience`, and when all who did have gone.
    pub(super) fn start(
        session: &Arc<dyn QuerySession>,
        user: &str,
        queue: &Arc<Queue>,
        queries: Vec<Query>,
        patience: Duration,
    ) -> Arc<Self> {
        let begin = Progress { fraction: None, stage: "planning".to_owned() };
        let (sender, state) = watch::channel(State::Working(begin.clone()));
        let sender = Arc::new(sender);
        let until = Instant::now() + patience;
        let wanted = Wanted { waiting: 0, until, polled: false, cancelled: false };
        let interest = Arc::new(Interest { wanted: Mutex::new(wanted), changed: Notify::new() });
        // It has its place from now on, not from when its task is first run.
        let mut ticket = Some(queue.enter(user));
        let (session, watched) = (Arc::clone(session), Arc::clone(&interest));
        let (queue, user, told) = (Arc::clone(queue), user.to_owned(), Arc::clone(&sender));
        tokio::spawn(async move {
            let work = async move {
                let (mut all, total) = (None, queries.len());
                for (index, query) in queries.into_iter().enumerate() {
                    let mut ticket = ticket.take().unwrap_or_else(|| queue.enter(&user));
                    ticket.admitted(|place| drop(told.send_replace(State::Queued(place)))).await;
                    told.send_replace(State::Working(begin.clone()));
                    let teller = Arc::clone(&told);
                    let observer = move |progress| drop(teller.send_replace(of_all(progress, index, total)));
                    let answer = session.run(query, Arc::new(observer)).await?;
                    all = Some(after(all, answer)?);
                }
                all.ok_or_else(|| Error::internal("a query without a text"))
            };
            let outcome = tokio::select! {
                biased;
                () = watched.lost() => Err(Error::new(Class::Cancelled, "the query was cancelled")),
                outcome = Box::pin(work) => outcome.map(Arc::new),
            };
            sender.send_replace(State::Done(outcome));
        });
        Arc::new(Self { state, interest })
    }

    /// Waits for the answer. If the future is dropped and nobody else waits, the query ends at every party.
    pub(super) async fn answer(&self) -> Result<Arc<Answer>> {
        let _waiting = self.interest.enter();
        let mut state = self.state.clone();
        let done = state.wait_for(|state| matches!(state, State::Done(_))).await;
        match done.as_deref() {
            Ok(State::Done(outcome)) => outcome.clone(),
            _ => Err(Error::internal("the query has ended without an answer")),
        }
    }

    /// Where the query is now.
    pub(super) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Keeps the query for `patience` more; waits at most `pause` for something new.
    pub(super) async fn poll(&self, patience: Duration, pause: Duration) -> State {
        self.interest.keep(patience);
        let mut state = self.state.clone();
        state.mark_unchanged();
        if !matches!(*state.borrow(), State::Done(_)) {
            let _late = tokio::time::timeout(pause, state.changed()).await;
        }
        self.interest.keep(patience);
        self.state()
    }

    /// Ends the query, whoever waits. Whether it had not ended yet.
    pub(super) fn cancel(&self) -> bool {
        self.interest.wanted().cancelled = true;
        self.interest.changed.notify_one();
        !matches!(*self.state.borrow(), State::Done(_))
    }
}

/// How far a query has come that is the next of `total` after `index`.
#[expect(clippy::cast_precision_loss, reason = "a few hundred at most")]
fn of_all(progress: Progress, index: usize, total: usize) -> State {
    if total < 2 {
        return State::Working(progress);
    }
    let done = progress.fraction.map(|fraction| (index as f64 + fraction) / total as f64);
    State::Working(Progress {
        fraction: done,
        stage: format!("{} of {total}: {}", index + 1, progress.stage),
    })
}

/// The rows of one answer after those of another; what is said about both, once.
fn after(before: Option<Answer>, answer: Answer) -> Result<Answer> {
    let Some(mut all) = before else { return Ok(answer) };
    match (&mut all.rows, answer.rows) {
        (None, None) => {}
        (Some(rows), Some(more)) if rows.schema == more.schema => rows.batches.extend(more.batches),
        _ => return Err(Error::internal("a row of the parameters has given other columns")),
    }
    all.notices.extend(answer.notices);
    let mut seen = BTreeSet::new();
    all.notices.retain(|notice| seen.insert(notice.clone()));
    Ok(all)
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Interest {
    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self) -> Waiting<'_> {
        let mut wanted = self.wanted();
        wanted.waiting += 1;
        if !wanted.polled {
            wanted.until = Instant::now();
        }
        self.changed.notify_one();
        Waiting(self)
    }

    fn keep(&self, patience: Duration) {
        let mut wanted = self.wanted();
        wanted.until = wanted.until.max(Instant::now() + patience);
        wanted.polled = true;
        self.changed.notify_one();
    }

    /// Resolves when nobody wants the answer any more.
    async fn lost(&self) {
        loop {
            let left = {
                let wanted = self.wanted();
                let left = wanted.until.saturating_duration_since(Instant::now());
                if wanted.cancelled || (wanted.waiting == 0 && left.is_zero()) {
                    return;
                }
                (wanted.waiting == 0).then_some(left)
            };
            match left {
                None => self.changed.notified().await,
                Some(left) => tokio::select! {
                    () = self.changed.notified() => {}
                    () = sleep(left) => {}
                },
            }
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut wanted = self.0.wanted();
        wanted.waiting = wanted.waiting.saturating_sub(1);
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt as _;
    use futures::future::BoxFuture;

    use super::super::service::{Observer, Rows, Shape, Table};
    use super::*;

    /// Runs until told, and counts what has ended by being dropped.
    #[derive(Default)]
    struct Slow {
        go: Notify,
        dropped: Arc<AtomicUsize>,
    }

    struct CountsDrop(Arc<AtomicUsize>, bool);

    impl Drop for CountsDrop {
        fn drop(&mut self) {
            if !self.1 {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    struct SlowSession(Arc<Slow>);

    impl QuerySession for SlowSession {
        fn tables(&self) -> BoxFuture<'static, Result<Vec<Table>>> {
            async { Ok(Vec::new()) }.boxed()
        }
        fn shape(&self, _query: &Query) -> BoxFuture<'static, Result<Shape>> {
            async { Ok(Shape::default()) }.boxed()
        }
        fn run(&self, _query: Query, observer: Observer) -> BoxFuture<'static, Result<Answer>> {
            let slow = Arc::clone(&self.0);
            async move {
                let mut guard = CountsDrop(Arc::clone(&slow.dropped), false);
                observer(Progress { fraction: Some(0.5), stage: "join".to_owned() });
                slow.go.notified().await;
                guard.1 = true;
                Ok(Answer { rows: None, tag: "SELECT", notices: Vec::new() })
            }
            .boxed()
        }
        fn lookup(&self, _sql: &str) -> BoxFuture<'static, Option<Result<Rows>>> {
            async { None }.boxed()
        }
        fn options(&self) -> Vec<(String, Option<String>)> {
            Vec::new()
        }
        fn set_option(&self, _name: &str, _value: &str) -> Result<()> {
            Ok(())
        }
    }

    fn start(slow: &Arc<Slow>, queue: &Arc<Queue>, patience: Duration) -> Arc<Running> {
        let session: Arc<dyn QuerySession> = Arc::new(SlowSession(Arc::clone(slow)));
        Running::start(&session, "ann", queue, vec![Query::new("SELECT 1")], patience)
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn an_answer_goes_to_all_who_wait_and_to_those_who_ask_again() {
        let (slow, queue) = (Arc::new(Slow::default()), Queue::new(1));
        let run = start(&slow, &queue, SECOND);
        slow.go.notify_one();
        let (a, b) = tokio::join!(run.answer(), run.answer());
        assert_eq!(a.unwrap(), b.unwrap());
        assert!(run.answer().await.is_ok());
        assert!(!run.cancel());
        assert!(run.answer().await.is_ok());
    }

    #[tokio::test]
    async fn whoever_stops_waiting_ends_the_query() {
        let (slow, queue) = (Arc::new(Slow::default()), Queue::new(1));
        let run = start(&slow, &queue, 60 * SECOND);
        assert!(tokio::time::timeout(Duration::from_millis(50), run.answer()).await.is_err());
        while slow.dropped.load(Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(1)).await;
        }
        let cancelled = tokio::time::timeout(SECOND, run.answer()).await.unwrap().unwrap_err();
        assert_eq!(cancelled.class, Class::Cancelled);
        // There is room again.
        let next = start(&slow, &queue, SECOND);
        slow.go.notify_one();
        assert!(tokio::time::timeout(SECOND, next.answer()).await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn polling_shows_progress_and_keeps_the_query() {
        let (slow, queue) = (Arc::new(Slow::default()), Queue::new(1));
        let first = start(&slow, &queue, SECOND);
        let second = start(&slow, &queue, SECOND);
        assert!(matches!(second.poll(SECOND, Duration::from_millis(50)).await, State::Queued(1)));
        let State::Working(progress) = first.poll(SECOND, Duration::from_millis(50)).await else { panic!() };
        assert_eq!((progress.stage.as_str(), progress.fraction), ("join", Some(0.5)));
        assert!(first.cancel());
        assert!(first.answer().await.is_err());
        slow.go.notify_one();
        let outcome = tokio::time::timeout(SECOND, second.answer()).await.unwrap();
        assert!(outcome.is_ok());
    }
}
