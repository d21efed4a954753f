//! Messages on their way out, and the socket that takes them, one frame at a time.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncWrite, WriteHalf};
use tokio::sync::Notify;
use zeroize::Zeroize as _;

use super::frame::{DUE_BYTES, HEADER_BYTES, Header, Kind, PAYLOAD_BYTES};
use super::pool::Pool;
use super::tls::Stream;
use super::traffic::{Direction, Traffic};

/// So many bytes of messages may wait to be written before whoever sends more has to wait: they are encrypted while they
/// are still in the cache, and their buffers are used again soon.
const WAITING_BYTES: usize = 1 << 20;

/// Messages up to this length, among which are what seeds and keys are made of, are wiped once they are written.
const SECRET_BYTES: usize = 256;

/// The sending end of a link.
#[derive(Debug)]
pub(super) struct Outbox {
    queue: Mutex<VecDeque<Outgoing>>,
    socket: Mutex<Socket>,
    /// Bytes of messages that are not written yet.
    waiting_bytes: AtomicUsize,
    /// Told when they have become few.
    room: Notify,
    /// Takes the buffers of messages that are written.
    pool: Arc<Pool>,
}

/// A message on its way out.
#[derive(Debug)]
pub(super) struct Outgoing {
    kind: Kind,
    channel: u64,
    message: Vec<u8>,
    /// Bytes that have been framed.
    framed: usize,
    /// Its place in the record of traffic, if it is recorded.
    record: Option<usize>,
    /// When it arrives in a slower network, in nanoseconds since 1970.
    due: Option<u64>,
}

#[derive(Debug)]
struct Socket {
    half: WriteHalf<Stream>,
    current: Option<Framed>,
    unflushed: bool,
}

/// The frame that is being written.
#[derive(Debug)]
struct Framed {
    /// The frame's header, and before that of a message with a due time the frame that tells it.
    head: Vec<u8>,
    /// Bytes of head and payload that are written.
    written: usize,
    payload: usize,
    message: Outgoing,
}

impl Outgoing {
    /// A message of a channel, noted in the traffic at `record`.
    pub(super) fn message(channel: u64, message: Vec<u8>, record: usize, due: Option<u64>) -> Self {
        Outgoing { kind: Kind::Last, channel, message, framed: 0, record: Some(record), due }
    }

    /// A failure report, or a sign of life.
    pub(super) fn control(kind: Kind, message: Vec<u8>) -> Self {
        Outgoing { kind, channel: 0, message, framed: 0, record: None, due: None }
    }

    pub(super) fn bytes(&self) -> usize {
        self.message.len()
    }
}

impl Outbox {
    pub(super) fn new(half: WriteHalf<Stream>, pool: Arc<Pool>) -> Self {
        Outbox {
            pool,
            queue: Mutex::default(),
            waiting_bytes: AtomicUsize::new(0),
            room: Notify::new(),
            socket: Mutex::new(Socket { half, current: None, unflushed: false }),
        }
    }

    /// Queues a message. Whether it is the only one in the queue.
    pub(super) fn push(&self, outgoing: Outgoing) -> bool {
        self.waiting_bytes.fetch_add(outgoing.bytes(), Ordering::SeqCst);
        let mut queue = lock(&self.queue);
        queue.push_back(outgoing);
        queue.len() == 1
    }

    /// Waits while too much is still to be written.
    pub(super) async fn room(&self) {
        while self.waiting_bytes.load(Ordering::SeqCst) > WAITING_BYTES {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if self.waiting_bytes.load(Ordering::SeqCst) > WAITING_BYTES {
                room.await;
            }
        }
    }

    fn written(&self, bytes: usize) {
        let before = self.waiting_bytes.fetch_sub(bytes, Ordering::SeqCst);
        if before > WAITING_BYTES / 2 && before - bytes <= WAITING_BYTES / 2 {
            self.room.notify_waiters();
        }
    }

    /// Writes what is queued if nobody else is writing. Ready when nothing is left; pending if the writer has to go on.
    pub(super) fn try_write(&self, traffic: &Mutex<Traffic>) -> Poll<io::Result<()>> {
        let mut socket = match self.socket.try_lock() {
            Ok(socket) => socket,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Poll::Pending,
        };
        if socket.current.is_some() {
            return Poll::Pending;
        }
        self.drive(&mut socket, traffic, &mut Context::from_waker(Waker::noop()))
    }

    /// Writes until nothing is left (ready) or the socket is full (pending).
    pub(super) fn poll_write(&self, traffic: &Mutex<Traffic>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.drive(&mut lock(&self.socket), traffic, cx)
    }

    /// Whether the system has taken everything.
    pub(super) fn is_idle(&self) -> bool {
        let socket = lock(&self.socket);
        socket.current.is_none() && !socket.unflushed && lock(&self.queue).is_empty()
    }

    fn drive(
        &self,
        socket: &mut Socket,
        traffic: &Mutex<Traffic>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if let Some(frame) = &mut socket.current {
                socket.unflushed = true;
                ready!(frame.poll_write(&mut socket.half, cx))?;
            }
            if let Some(mut rest) = socket.current.take().map(|frame| frame.message) {
                if rest.framed < rest.message.len() {
                    lock(&self.queue).push_back(rest);
                } else {
                    self.written(rest.message.len());
                    if rest.message.len() <= SECRET_BYTES {
                        rest.message.zeroize();
                    }
                    self.pool.give(rest.message);
                }
            }
            let next = lock(&self.queue).pop_front();
            let Some(message) = next else { break };
            if let Some(record) = message.record.filter(|_| message.framed == 0) {
                let digest = Traffic::digest(&message.message);
                lock(traffic).complete(Direction::Sent, record, digest);
            }
            socket.current = Some(Framed::next(message));
        }
        if socket.unflushed {
            ready!(Pin::new(&mut socket.half).poll_flush(cx))?;
            socket.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

impl Framed {
    /// Takes the next piece of a message.
    fn next(mut message: Outgoing) -> Self {
        let payload = (message.message.len() - message.framed).min(PAYLOAD_BYTES);
        message.framed += payload;
        let last = message.framed == message.message.len();
        let kind = if last { message.kind } else { Kind::Part };
        let mut head = Vec::with_capacity(2 * HEADER_BYTES + DUE_BYTES);
        if let Some(due) = message.due.take() {
            let header = Header { kind: Kind::Due, length: DUE_BYTES, channel: message.channel };
            head.extend(header.encode());
            head.extend(due.to_le_bytes());
        }
        head.extend(Header { kind, length: payload, channel: message.channel }.encode());
        Framed { head, written: 0, payload, message }
    }

    /// Writes head and payload with one system call where the socket takes them.
    fn poll_write(&mut self, half: &mut WriteHalf<Stream>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let start = self.message.framed - self.payload;
        let payload = self.message.message.get(start..self.message.framed).unwrap_or_default();
        while self.written < self.head.len() + payload.len() {
            let head = self.head.get(self.written..).unwrap_or_default();
            let rest = payload.get(self.written.saturating_sub(self.head.len())..).unwrap_or_default();
            let slices = [IoSlice::new(head), IoSlice::new(rest)];
            let used = if head.is_empty() { slices.get(1..).unwrap_or_default() } else { &slices[..] };
            let written = ready!(Pin::new(&mut *half).poll_write_vectored(cx, used))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
        }
        Poll::Ready(Ok(()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
