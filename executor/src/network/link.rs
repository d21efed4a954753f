//! Whole messages by channel name over one connection.
//!
//! One task reads and sorts what arrives to whoever waits for it, whatever the program does meanwhile; another writes.
//! A short message on an idle link is written by its sender at once, without waking the writer: one system call, and
//! the shortest way for protocols whose rounds depend on each other. Everything else queues and goes out in turns of one
//! frame, so that a short message never waits behind a long one. A send never waits for the peer's program; who sends a
//! long column waits while much of it is still to be written ([`Link::room`]), since it is encrypted best while it is in
//! the cache.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, BufReader, ReadHalf};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::frame::{Assembler, DUE_BYTES, FrameError, HEADER_BYTES, Header, Kind, REPORT_BYTES};
use super::inbox::Inbox;
use super::outbox::{Outbox, Outgoing};
use super::pool::Pool;
use super::throttle::{Held, Line, Throttle};
use super::tls::{self, Stream};
use super::traffic::{Direction, Traffic};
use super::{LinkError, describe};

/// Up to this length a message is written by its sender.
const SHORT_BYTES: usize = 1 << 14;

/// What is read at once beyond what is asked for: many short messages, but little of a long one, the rest of which goes
/// straight to its place.
const READ_BYTES: usize = 1 << 12;

/// How many signs of life may fail to come before a peer counts as gone.
const MISSED: u32 = 3;

/// How a link behaves.
#[derive(Clone, Copy, Debug)]
pub struct LinkSettings {
    /// How often each side shows that it is alive; three missing signs end the link.
    pub alive: Duration,
    /// How many bytes may wait unread.
    pub unread_bytes: usize,
    /// For tests and demonstrations: a slower network than the real one.
    pub throttle: Option<Throttle>,
}

impl Default for LinkSettings {
    fn default() -> Self {
        LinkSettings { alive: Duration::from_secs(5), unread_bytes: 8 << 30, throttle: None }
    }
}

/// One connection to one peer for one query. Closed when dropped.
#[derive(Debug)]
pub struct Link {
    inner: Arc<Inner>,
    tasks: Vec<AbortHandle>,
}

#[derive(Debug)]
struct Inner {
    inbox: Arc<Inbox>,
    outbox: Outbox,
    pool: Arc<Pool>,
    /// The slower network that both ends imitate: its sending end, and what has not arrived at this one.
    line: Option<Line>,
    held: Mutex<Held>,
    wake: Notify,
    drained: Notify,
    heard: AtomicBool,
    traffic: Mutex<Traffic>,
}

impl Link {
    /// Starts to read and write. Must be called within a runtime, whose tasks it uses.
    pub fn open(stream: Stream, settings: &LinkSettings) -> Self {
        let (read, write) = tokio::io::split(stream);
        let pool = Arc::new(Pool::default());
        let inner = Arc::new(Inner {
            inbox: Arc::new(Inbox::new(settings.unread_bytes)),
            outbox: Outbox::new(write, Arc::clone(&pool)),
            pool,
            line: settings.throttle.map(Line::new),
            held: Mutex::default(),
            wake: Notify::new(),
            drained: Notify::new(),
            heard: AtomicBool::new(true),
            traffic: Mutex::default(),
        });
        let tasks = vec![
            tokio::spawn(read_all(Arc::clone(&inner), read, settings.unread_bytes)).abort_handle(),
            tokio::spawn(write_all(Arc::clone(&inner), settings.alive)).abort_handle(),
        ];
        Link { inner, tasks }
    }

    /// Sends a message; a channel carries one message in each direction. Never waits.
    ///
    /// # Errors
    /// Why the link has ended, if it has.
    pub fn send(&self, channel: u64, message: Vec<u8>) -> Result<(), LinkError> {
        if let Some(error) = self.inner.inbox.end_reason() {
            return Err(error);
        }
        let due = self.inner.line.as_ref().map(|line| line.due(message.len()));
        let record = lock(&self.inner.traffic).begin(Direction::Sent, channel, message.len());
        self.inner.post(Outgoing::message(channel, message, record, due))
    }

    /// Waits while much of what was sent is still to be written. Never waits for anything that this side has to do: the
    /// peer reads whatever its program does.
    pub async fn room(&self) {
        tokio::select! {
            biased;
            () = self.inner.outbox.room() => {}
            _ = self.inner.inbox.ended() => {}
        }
    }

    /// A buffer for a message of `bytes` to send: one that carried another message, if there is any.
    pub fn buffer(&self, bytes: usize) -> Vec<u8> {
        let mut buffer = self.inner.pool.take(bytes);
        buffer.clear();
        buffer
    }

    /// Takes a message back that was received and read, to use its buffer again.
    pub fn recycle(&self, message: Vec<u8>) {
        self.inner.pool.give(message);
    }

    /// Waits for the message of a channel. What arrived before the link ended can still be read.
    ///
    /// # Errors
    /// Why the link has ended.
    pub async fn recv(&self, channel: u64) -> Result<Vec<u8>, LinkError> {
        self.inner.inbox.recv(channel).await
    }

    /// Tells the peer that the query has failed. The report is cut to [`REPORT_BYTES`].
    pub fn fail(&self, mut report: Vec<u8>) {
        report.truncate(REPORT_BYTES);
        let outgoing = Outgoing::control(Kind::Failure, report);
        // If the link is gone, so is whoever would read it.
        let _gone = self.inner.post(outgoing);
    }

    /// Ends the link here: whoever waits for a message gets `reason`.
    pub fn end(&self, reason: &str) {
        self.inner.inbox.end(LinkError::closed(reason));
    }

    /// Waits until the link has ended, and says why.
    pub async fn ended(&self) -> LinkError {
        self.inner.inbox.ended().await
    }

    /// Why the link has ended, if it has.
    pub fn end_reason(&self) -> Option<LinkError> {
        self.inner.inbox.end_reason()
    }

    /// Waits until the system has taken everything that was sent.
    pub async fn flush(&self) {
        loop {
            let drained = self.inner.drained.notified();
            tokio::pin!(drained);
            drained.as_mut().enable();
            if self.inner.idle() {
                return;
            }
            self.inner.wake.notify_one();
            if self.inner.inbox.end_reason().is_some() {
                drained.await;
            } else {
                // The end of a slower network's link comes when it is due, and drains nothing.
                tokio::select! {
                    () = drained => {}
                    _ = self.inner.inbox.ended() => {}
                }
            }
        }
    }

    /// What has crossed the link so far.
    pub fn traffic(&self) -> Traffic {
        lock(&self.inner.traffic).clone()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.end("the query has ended");
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Inner {
    /// Queues a message, and writes it if it is short and alone.
    fn post(&self, outgoing: Outgoing) -> Result<(), LinkError> {
        let short = outgoing.bytes() <= SHORT_BYTES;
        let alone = self.outbox.push(outgoing);
        if short && alone {
            match self.outbox.try_write(&self.traffic) {
                Poll::Ready(Ok(())) => return Ok(()),
                Poll::Ready(Err(error)) => return Err(self.broken(&error)),
                Poll::Pending => {}
            }
        }
        self.wake.notify_one();
        Ok(())
    }

    fn idle(&self) -> bool {
        let closed = |reason| matches!(reason, LinkError::Closed(_) | LinkError::KeyRefused);
        self.inbox.end_reason().is_some_and(closed) || self.outbox.is_idle()
    }

    fn broken(&self, error: &io::Error) -> LinkError {
        let reason = reason_of(error);
        lock(&self.held).end(&self.inbox, reason.clone());
        self.drained.notify_waiters();
        reason
    }
}

async fn read_all(inner: Arc<Inner>, read: ReadHalf<Stream>, limit_bytes: usize) {
    let mut read = BufReader::with_capacity(READ_BYTES, read);
    let mut assembler = Assembler::new(limit_bytes);
    let end = loop {
        match read_frame(&inner, &mut read, &mut assembler).await {
            Ok(None) => {}
            Ok(Some(end)) => break end,
            Err(error) => break reason_of(&error),
        }
    };
    lock(&inner.held).end(&inner.inbox, end);
    inner.drained.notify_waiters();
    // Reads on until the peer closes: to close a socket with unread bytes would destroy a report on its way there.
    let _closed = tokio::io::copy_buf(&mut read, &mut tokio::io::sink()).await;
}

/// Reads one frame; the end of the link, if it says so.
async fn read_frame(
    inner: &Inner,
    read: &mut BufReader<ReadHalf<Stream>>,
    assembler: &mut Assembler,
) -> io::Result<Option<LinkError>> {
    let mut head = [0; HEADER_BYTES];
    read.read_exact(&mut head).await?;
    inner.heard.store(true, Ordering::Relaxed);
    let header = match Header::decode(&head) {
        Ok(header) => header,
        Err(error) => return Ok(Some(LinkError::Misbehaved(error))),
    };
    match header.kind {
        Kind::Alive => Ok(None),
        Kind::Due => {
            let mut due = [0; DUE_BYTES];
            read.read_exact(&mut due).await?;
            if inner.line.is_none() {
                return Ok(Some(LinkError::Misbehaved(FrameError::Kind)));
            }
            lock(&inner.held).note(header.channel, u64::from_le_bytes(due));
            Ok(None)
        }
        Kind::Failure => {
            let mut report = vec![0; header.length];
            read.read_exact(&mut report).await?;
            Ok(Some(LinkError::Report(report)))
        }
        Kind::Part | Kind::Last => {
            match assembler.begin(header, |bytes| inner.pool.take(bytes)) {
                Ok(place) => read.read_exact(place).await?,
                Err(error) => return Ok(Some(LinkError::Misbehaved(error))),
            };
            let Some(message) = assembler.end(header) else { return Ok(None) };
            let digest = Traffic::digest(&message);
            {
                let mut traffic = lock(&inner.traffic);
                let record = traffic.begin(Direction::Received, header.channel, message.len());
                traffic.complete(Direction::Received, record, digest);
            }
            let delivered = lock(&inner.held).deliver(&inner.inbox, header.channel, message);
            Ok(delivered.err().map(LinkError::Misbehaved))
        }
    }
}

async fn write_all(inner: Arc<Inner>, alive: Duration) {
    let mut tick = interval(alive);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut busy, mut missed) = (false, 0);
    loop {
        let drive = std::future::poll_fn(|cx| inner.outbox.poll_write(&inner.traffic, cx));
        tokio::select! {
            result = drive, if busy => {
                busy = false;
                if let Err(error) = result {
                    inner.broken(&error);
                    return;
                }
                inner.drained.notify_waiters();
            }
            () = inner.wake.notified() => busy = true,
            _ = tick.tick() => {
                missed = if inner.heard.swap(false, Ordering::Relaxed) { 0 } else { missed + 1 };
                if missed >= MISSED {
                    inner.inbox.end(LinkError::closed("it gives no sign of life"));
                }
                inner.outbox.push(Outgoing::control(Kind::Alive, Vec::new()));
                busy = true;
            }
        }
    }
}

/// What a failed read or write says about the link.
fn reason_of(error: &io::Error) -> LinkError {
    // With TLS 1.3, who dials learns only with the first read whether its key is accepted.
    if tls::key_fault(error) == Some(tls::KeyFault::Ours) {
        LinkError::KeyRefused
    } else {
        LinkError::closed(&describe(error))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
