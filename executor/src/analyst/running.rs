//! A query that runs in the background.

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::{CancelHandle, Connection, Outcome, Progress, Query};
use crate::{Error, Result};

/// A statement that runs on a task of its own. Dropping it cancels it at every party.
#[derive(Debug)]
pub struct Running {
    task: JoinHandle<Result<Outcome>>,
    progress: watch::Receiver<Progress>,
    cancel: CancelHandle,
}

impl Running {
    pub(super) fn new(mut connection: Connection, query: Query) -> Self {
        let (sender, progress) = watch::channel(Progress::default());
        connection.cancel = Arc::new(Notify::new());
        let cancel = connection.cancel_handle();
        let hook = connection.progress.take();
        connection.progress = Some(Arc::new(move |progress: &Progress| {
            sender.send_replace(progress.clone());
            if let Some(hook) = &hook {
                hook(progress);
            }
        }));
        let task = tokio::spawn(async move { Box::pin(connection.run(query)).await });
        Running { task, progress, cancel }
    }

    /// How far it has come: the newest state, as often as it changes. Closed when the query has ended.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Ends it at every party; its outcome is then [`Error::Cancelled`].
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Ends it from elsewhere.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }

    /// Whether the outcome is there.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits for the outcome.
    ///
    /// # Errors
    /// Of any class.
    pub async fn outcome(mut self) -> Result<Outcome> {
        let ended = (&mut self.task).await;
        ended.map_err(|_| Error::internal("query", "its task ended without an outcome"))?
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
