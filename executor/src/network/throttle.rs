//! Links that imitate a slower network, for tests and measurements on one machine.
//!
//! A message says when it arrives: the time at which it was handed over, what its length takes on a line of the imitated
//! width, and the latency. It crosses the real connection meanwhile, as in a real network the way through sockets is
//! part of the latency, and the receiving end holds it back until then: never for less, and hardly for more. Both ends
//! read the same clock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::LinkError;
use super::frame::FrameError;
use super::inbox::Inbox;

/// By how much a sleeper may oversleep: the last stretch is waited for awake, since timers are coarse.
const SLACK: Duration = Duration::from_micros(400);

/// A slower network than the real one.
#[derive(Clone, Copy, Debug)]
pub struct Throttle {
    /// How much later than it was sent a message arrives.
    pub latency: Duration,
    /// How many bytes leave per second.
    pub bytes_per_second: Option<u64>,
}

/// The sending end of a slower network.
#[derive(Debug)]
pub(super) struct Line {
    throttle: Throttle,
    /// When the line is free again.
    free: Mutex<SystemTime>,
}

impl Line {
    pub(super) fn new(throttle: Throttle) -> Self {
        Line { throttle, free: Mutex::new(SystemTime::UNIX_EPOCH) }
    }

    /// When a message of that many bytes arrives that is handed over now, in nanoseconds since 1970.
    pub(super) fn due(&self, bytes: usize) -> u64 {
        let rate = self.throttle.bytes_per_second.unwrap_or(u64::MAX).max(1);
        let nanos = u128::from(bytes as u64) * 1_000_000_000 / u128::from(rate);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free =
            (*free).max(SystemTime::now()) + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let due = (*free + self.throttle.latency).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(due.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The receiving end: when messages arrive that have been announced, and when the last of them does.
#[derive(Debug, Default)]
pub(super) struct Held {
    due: BTreeMap<u64, Instant>,
    last: Option<Instant>,
}

impl Held {
    /// Notes when the next message of a channel arrives, in nanoseconds since 1970.
    pub(super) fn note(&mut self, channel: u64, due: u64) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let due = Instant::now() + Duration::from_nanos(due).saturating_sub(now);
        self.due.insert(channel, due);
        self.last = self.last.max(Some(due));
    }

    /// Hands a message over when it is due.
    ///
    /// # Errors
    /// As [`Inbox::deliver`], of a message that is due at once.
    pub(super) fn deliver(
        &mut self,
        inbox: &Arc<Inbox>,
        channel: u64,
        message: Vec<u8>,
    ) -> Result<(), FrameError> {
        match self.due.remove(&channel) {
            Some(due) => hold(due, inbox, Event::Message(channel, message)),
            None => return inbox.deliver(channel, message),
        }
        Ok(())
    }

    /// Ends the link when the last message has arrived.
    pub(super) fn end(&self, inbox: &Arc<Inbox>, end: LinkError) {
        match self.last {
            Some(due) => hold(due, inbox, Event::End(end)),
            None => inbox.end(end),
        }
    }
}

/// What happens at the receiving end.
enum Event {
    Message(u64, Vec<u8>),
    End(LinkError),
}

/// An event that is due, or not yet. What is due first is the greatest.
struct Waiting {
    /// When, and of what is due at the same time, in which order.
    place: Reverse<(Instant, u64)>,
    inbox: Arc<Inbox>,
    event: Event,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place.cmp(&other.place)
    }
}

impl Waiting {
    fn happen(self) {
        match self.event {
            Event::Message(channel, message) => {
                if let Err(fault) = self.inbox.deliver(channel, message) {
                    self.inbox.end(LinkError::Misbehaved(fault));
                }
            }
            Event::End(end) => self.inbox.end(end),
        }
    }
}

/// Lets something happen when it is due: one thread sees to all such links of this process, from the first one on.
fn hold(due: Instant, inbox: &Arc<Inbox>, event: Event) {
    static QUEUE: OnceLock<Sender<(Instant, Arc<Inbox>, Event)>> = OnceLock::new();
    let queue = QUEUE.get_or_init(|| {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || hold_all(&receiver));
        sender
    });
    // The thread never ends before the process.
    let _sent = queue.send((due, Arc::clone(inbox), event));
}

fn hold_all(queue: &Receiver<(Instant, Arc<Inbox>, Event)>) {
    let mut waiting: BinaryHeap<Waiting> = BinaryHeap::new();
    for number in 0.. {
        let arrived = match waiting.peek().map(|first| first.place.0.0) {
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => {
                let left = due.saturating_duration_since(Instant::now());
                queue.recv_timeout(left.saturating_sub(SLACK))
            }
        };
        match arrived {
            Ok((due, inbox, event)) => waiting.push(Waiting { place: Reverse((due, number)), inbox, event }),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                if waiting.peek().is_none_or(|first| first.place.0.0 > Instant::now()) {
                    std::thread::yield_now();
                } else if let Some(first) = waiting.pop() {
                    first.happen();
                }
            }
        }
    }
}
