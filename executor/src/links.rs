//! Links of a party to all parties, itself included.
//!
//! A party may be an owner, a seat and a matcher at once. What one of its roles has to tell another of them takes the
//! same calls as what goes over the network, so that the code of a role does not ask who else it is.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use planner::plan::PartyId;
use tokio::sync::oneshot;

use crate::run::Run;
use crate::{Error, Result};

/// Bytes of one message; longer ones travel in pieces.
const PIECE_BYTES: usize = 1 << 20;

/// The links of one party during one query.
pub(crate) struct Links<'r> {
    run: &'r dyn Run,
    own: Mutex<BTreeMap<String, Slot>>,
}

struct Slot {
    sender: Option<oneshot::Sender<Vec<u8>>>,
    receiver: Option<oneshot::Receiver<Vec<u8>>>,
}

impl<'r> Links<'r> {
    pub(crate) fn new(run: &'r dyn Run) -> Self {
        Links { run, own: Mutex::default() }
    }

    /// The query at this party.
    pub(crate) fn run(&self) -> &'r dyn Run {
        self.run
    }

    /// The party on a seat.
    pub(crate) fn at(&self, seat: mpc::Seat) -> PartyId {
        self.run.seats()[seat.index()]
    }

    /// Sends bytes under a name that is used once per query and direction. Their number is public.
    pub(crate) async fn send(&self, to: PartyId, channel: &str, bytes: Vec<u8>) -> Result<()> {
        if to == self.run.party() {
            // An error means that the receiving role has ended, which shows in its own result.
            let _ = self.slot(channel, |slot| slot.sender.take()).map(|sender| sender.send(bytes));
            return Ok(());
        }
        if bytes.len() <= PIECE_BYTES {
            return self.run.send(to, channel, bytes).await;
        }
        for (index, piece) in bytes.chunks(PIECE_BYTES).enumerate() {
            self.run.send(to, &piece_name(channel, index), piece.to_vec()).await?;
        }
        Ok(())
    }

    /// Receives the `len` bytes of that name.
    ///
    /// # Errors
    /// Class abort if another number of bytes arrives.
    pub(crate) async fn recv(&self, from: PartyId, channel: &str, len: usize) -> Result<Vec<u8>> {
        if from == self.run.party() {
            let receiver = self.slot(channel, |slot| slot.receiver.take());
            let receiver = receiver.ok_or_else(|| Error::internal(channel, "a message is awaited twice"))?;
            return receiver.await.map_err(|_| Error::internal(channel, "a role of this party ended early"));
        }
        if len <= PIECE_BYTES {
            return exactly(channel, self.run.recv(from, channel).await?, len);
        }
        let mut bytes = Vec::with_capacity(len);
        for index in 0..len.div_ceil(PIECE_BYTES) {
            let piece = (len - bytes.len()).min(PIECE_BYTES);
            let name = piece_name(channel, index);
            bytes.extend(exactly(channel, self.run.recv(from, &name).await?, piece)?);
        }
        Ok(bytes)
    }

    fn slot<T>(&self, channel: &str, take: impl FnOnce(&mut Slot) -> Option<T>) -> Option<T> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = own.entry(channel.to_owned()).or_insert_with(|| {
            let (sender, receiver) = oneshot::channel();
            Slot { sender: Some(sender), receiver: Some(receiver) }
        });
        take(slot)
    }
}

fn piece_name(channel: &str, index: usize) -> String {
    if index == 0 { channel.to_owned() } else { format!("{channel}#{index}") }
}

fn exactly(channel: &str, bytes: Vec<u8>, len: usize) -> Result<Vec<u8>> {
    if bytes.len() == len {
        Ok(bytes)
    } else {
        Err(Error::Abort { step: channel.to_owned(), check: "a message has the wrong length".to_owned() })
    }
}
