//! Messages that have arrived, by channel, and who waits for them.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::watch;

use super::LinkError;
use super::frame::FrameError;

/// The receiving end of a link.
#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    ended: watch::Sender<Option<LinkError>>,
    limit_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    messages: BTreeMap<u64, Vec<u8>>,
    waiting: BTreeMap<u64, Waker>,
    seen: BTreeSet<u64>,
    unread_bytes: usize,
    ended: Option<LinkError>,
}

impl Inbox {
    /// Holds at most `limit_bytes` of messages that nobody has asked for yet.
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Inbox { state: Mutex::default(), ended: watch::Sender::new(None), limit_bytes }
    }

    /// Hands a complete message over.
    pub(crate) fn deliver(&self, channel: u64, message: Vec<u8>) -> Result<(), FrameError> {
        let mut state = self.state();
        if !state.seen.insert(channel) {
            return Err(FrameError::Reuse);
        }
        state.unread_bytes = state.unread_bytes.saturating_add(message.len());
        if state.unread_bytes > self.limit_bytes {
            return Err(FrameError::Flood);
        }
        state.messages.insert(channel, message);
        let waker = state.waiting.remove(&channel);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Waits for the message of a channel. What arrived before the end can still be read after it.
    pub(crate) async fn recv(&self, channel: u64) -> Result<Vec<u8>, LinkError> {
        poll_fn(|cx| self.poll_recv(channel, cx)).await
    }

    fn poll_recv(&self, channel: u64, cx: &Context<'_>) -> Poll<Result<Vec<u8>, LinkError>> {
        let mut state = self.state();
        if let Some(message) = state.messages.remove(&channel) {
            state.unread_bytes = state.unread_bytes.saturating_sub(message.len());
            return Poll::Ready(Ok(message));
        }
        if let Some(error) = &state.ended {
            return Poll::Ready(Err(error.clone()));
        }
        state.waiting.insert(channel, cx.waker().clone());
        Poll::Pending
    }

    /// Ends the link, once: everybody who waits gets `error`. Later calls change nothing.
    pub(crate) fn end(&self, error: LinkError) {
        let mut state = self.state();
        if state.ended.is_some() {
            return;
        }
        state.ended = Some(error.clone());
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        self.ended.send_replace(Some(error));
        waiting.into_values().for_each(Waker::wake);
    }

    /// Why the link has ended, if it has.
    pub(crate) fn end_reason(&self) -> Option<LinkError> {
        self.state().ended.clone()
    }

    /// Waits for the end.
    pub(crate) async fn ended(&self) -> LinkError {
        let mut ended = self.ended.subscribe();
        match ended.wait_for(Option::is_some).await.ok().and_then(|error| error.clone()) {
            Some(error) => error,
            None => LinkError::closed("the link is gone"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
