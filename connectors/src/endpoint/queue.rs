//! Who may run now: a number of queries at a time, the rest in a queue that is fair to users.
//!
//! Next is the first waiting query of the user who has the fewest running and whose last turn is longest ago; so a user
//! with many queries delays others by one of them, not by all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The place of a query in the queue, from 1; 0: it may run.
type Place = usize;

/// A queue for a number of queries at a time.
#[derive(Debug)]
pub(super) struct Queue {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// The user of every running query.
    running: BTreeMap<u64, String>,
    /// In order of arrival.
    waiting: Vec<Waiting>,
    /// When each user had a turn last, counted in turns.
    turns: BTreeMap<String, u64>,
    turn: u64,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    user: String,
    place: watch::Sender<Place>,
}

/// A query in the queue or at work. Dropping it makes room.
#[derive(Debug)]
pub(super) struct Ticket {
    queue: Arc<Queue>,
    number: u64,
    place: watch::Receiver<Place>,
}

impl Queue {
    /// At most `limit` queries at a time; at least one.
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit: limit.max(1), state: Mutex::default() })
    }

    /// Takes a place for a query of `user`.
    pub(super) fn enter(self: &Arc<Self>, user: &str) -> Ticket {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        let (sender, place) = watch::channel(usize::MAX);
        state.waiting.push(Waiting { number, user: user.to_owned(), place: sender });
        state.advance(self.limit);
        Ticket { queue: Arc::clone(self), number, place }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Starts what there is room for, and tells the others their places.
    fn advance(&mut self, limit: usize) {
        let running: Vec<&str> = self.running.values().map(String::as_str).collect();
        let waiting: Vec<&str> = self.waiting.iter().map(|waiting| waiting.user.as_str()).collect();
        let order = order(&running, &self.turns, &waiting);
        let free = limit.saturating_sub(self.running.len());
        let mut places = vec![0; order.len()];
        for (place, index) in order.into_iter().skip(free).enumerate() {
            places[index] = place + 1;
        }
        let mut places = places.into_iter();
        self.waiting.retain(|waiting| {
            let place = places.next().unwrap_or(0);
            waiting.place.send_replace(place);
            if place == 0 {
                self.running.insert(waiting.number, waiting.user.clone());
                self.turn += 1;
                self.turns.insert(waiting.user.clone(), self.turn);
            }
            place > 0
        });
    }
}

/// The order in which waiting queries start: indices into `waiting`, which is in order of arrival.
fn order(running: &[&str], turns: &BTreeMap<String, u64>, waiting: &[&str]) -> Vec<usize> {
    // Of each user: queries that run or come before, and the last turn.
    let mut users: BTreeMap<&str, (usize, u64)> =
        turns.iter().map(|(user, turn)| (user.as_str(), (0, *turn))).collect();
    for user in running {
        users.entry(user).or_default().0 += 1;
    }
    let mut turn = turns.values().copied().max().unwrap_or(0);
    let mut left: Vec<usize> = (0..waiting.len()).collect();
    let mut order = Vec::with_capacity(left.len());
    let claim = |users: &BTreeMap<&str, (usize, u64)>, user| users.get(user).copied().unwrap_or_default();
    while let Some(at) = (0..left.len()).min_by_key(|at| (claim(&users, waiting[left[*at]]), *at)) {
        let index = left.remove(at);
        turn += 1;
        let (running, last) = users.entry(waiting[index]).or_default();
        *running += 1;
        *last = turn;
        order.push(index);
    }
    order
}

impl Ticket {
    /// Waits until the query may run. `tell` hears its place in the queue whenever that changes.
    pub(super) async fn admitted(&mut self, mut tell: impl FnMut(Place)) {
        loop {
            let place = *self.place.borrow_and_update();
            if place == 0 {
                return;
            }
            tell(place);
            // The sender is gone only when the query may run.
            if self.place.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        state.running.remove(&self.number);
        state.waiting.retain(|waiting| waiting.number != self.number);
        state.advance(self.queue.limit);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn users_take_turns() {
        let none = BTreeMap::new();
        assert_eq!(order(&["a"], &none, &["a", "a", "b", "c", "b"]), [2, 3, 0, 4, 1]);
        assert_eq!(order(&[], &none, &["a", "a", "b"]), [0, 2, 1]);
        assert!(order(&["a"], &none, &[]).is_empty());
        let turns = BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 1)]);
        assert_eq!(order(&[], &turns, &["a", "b", "c"]), [2, 1, 0]);
    }

    /// The places that a query is told, if it must wait.
    fn place(ticket: &mut Ticket) -> Option<usize> {
        let mut told = None;
        let admitted = ticket.admitted(|place| told = Some(place)).now_or_never();
        if admitted.is_some() { None } else { told }
    }

    #[test]
    fn places_move_up_when_a_query_ends_or_gives_up() {
        let queue = Queue::new(1);
        let mut first = queue.enter("a");
        let mut second = queue.enter("a");
        let mut third = queue.enter("b");
        assert_eq!([&mut first, &mut second, &mut third].map(place), [None, Some(2), Some(1)]);
        drop(first);
        assert_eq!([&mut second, &mut third].map(place), [Some(1), None]);
        let fourth = queue.enter("c");
        drop(second);
        drop(third);
        drop(fourth);
        let state = queue.state();
        assert!(state.running.is_empty() && state.waiting.is_empty());
    }
}
