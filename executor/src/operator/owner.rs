//! What a party does as an owner: local stage, order, encodings, shares, pseudonyms.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::try_join_all;
use mpc::{Part, Seat};
use planner::plan::{HashedJoin, Input, Node, NodeId, SecurePlan};
use tokio::sync::oneshot;

use super::{input, input_of};
use crate::ingest::{self, Persons, Rows};
use crate::links::Links;
use crate::pseudonym::{self, Side};
use crate::{Error, Result, local};

/// The encoded columns that a party's owner role hands to its seat role, by input node.
pub(super) struct Handover {
    senders: Mutex<BTreeMap<usize, oneshot::Sender<Vec<Part>>>>,
    receivers: Mutex<BTreeMap<usize, oneshot::Receiver<Vec<Part>>>>,
}

impl Handover {
    pub(super) fn new(plan: &SecurePlan) -> Self {
        let (mut senders, mut receivers) = (BTreeMap::new(), BTreeMap::new());
        for (index, node) in plan.nodes.iter().enumerate() {
            if matches!(node, Node::Input(_)) {
                let (sender, receiver) = oneshot::channel();
                senders.insert(index, sender);
                receivers.insert(index, receiver);
            }
        }
        Handover { senders: Mutex::new(senders), receivers: Mutex::new(receivers) }
    }

    fn give(&self, node: usize, parts: Vec<Part>) {
        let sender = self.senders.lock().unwrap_or_else(PoisonError::into_inner).remove(&node);
        // An error means that the seat role has ended, which shows in its own result.
        let _ = sender.map(|sender| sender.send(parts));
    }

    pub(super) async fn take(&self, node: usize) -> Result<Vec<Part>> {
        let receiver = self.receivers.lock().unwrap_or_else(PoisonError::into_inner).remove(&node);
        let receiver = receiver.ok_or_else(|| Error::internal("input", "an input is awaited twice"))?;
        receiver.await.map_err(|_| Error::internal("input", "the owner's role ended early"))
    }
}

/// Shares all inputs of this party and sends the pseudonyms of all joins that it takes part in.
///
/// # Errors
/// Class source, before anything of the input in question has left, if the data do not keep to their policy.
pub(super) async fn run(links: &Links<'_>, plan: &SecurePlan, handover: &Handover) -> Result<()> {
    let own = plan.nodes.iter().enumerate().filter_map(|(index, node)| {
        let Node::Input(input) = node else { return None };
        (input.owner == links.run().party()).then(|| (index, Arc::new(named(links, input))))
    });
    let prepared = try_join_all(own.map(|(index, input)| prepare(links, index, input))).await?;
    let persons = Persons::of(prepared.iter().map(|own| (own.input.as_ref(), own.rows.as_ref())));
    let persons = Arc::new(persons?);
    let shares = try_join_all(prepared.iter().map(|own| share(links, own, &persons, handover)));
    let mut sides = Vec::new();
    for (node, join) in plan.nodes.iter().enumerate() {
        if let Node::HashedJoin(join) = join {
            for side in [Side::Stay, Side::Moved] {
                let NodeId(own) = side.key(join).input;
                let found = prepared.iter().find(|prepared| prepared.node == own);
                sides.extend(found.map(|own| pseudonyms(links, plan, (node, join), side, own)));
            }
        }
    }
    futures::try_join!(shares, try_join_all(sides))?;
    Ok(())
}

/// The input with `party.table` for each of its tables, which is how errors name them.
fn named(links: &Links<'_>, input: &Input) -> Input {
    let owner = links.run().names().get(input.owner.0).map_or("?", String::as_str);
    let tables = input.tables.iter().map(|table| format!("{owner}.{table}")).collect();
    Input { tables, ..input.clone() }
}

/// One of this party's inputs, ready to be shared.
struct Prepared {
    node: usize,
    input: Arc<Input>,
    rows: Arc<Rows>,
}

/// Runs the local plan, pads and orders.
async fn prepare(links: &Links<'_>, node: usize, input: Arc<Input>) -> Result<Prepared> {
    let run = links.run();
    let batch = local::run(&input, run.tables(), run.local_memory_bytes()).await?;
    let rows = ingest::arrange(&input, batch, &mut run.rng()?)?;
    Ok(Prepared { node, input, rows: Arc::new(rows) })
}

async fn share(links: &Links<'_>, own: &Prepared, persons: &Arc<Persons>, handover: &Handover) -> Result<()> {
    let (input, rows, persons) = (Arc::clone(&own.input), Arc::clone(&own.rows), Arc::clone(persons));
    let encoded = tokio::task::spawn_blocking(move || ingest::encode(&input, &rows, &persons)).await;
    let parts = encoded.map_err(|_| Error::internal("ingest", "no result"))??;
    if Seat::ALL.into_iter().any(|seat| links.at(seat) == links.run().party()) {
        handover.give(own.node, parts);
        return Ok(());
    }
    let mut rng = links.run().rng()?;
    input::deal(links, &input::channel(own.node), parts, &mut rng).await
}

async fn pseudonyms(
    links: &Links<'_>,
    plan: &SecurePlan,
    (node, join): (usize, &HashedJoin),
    side: Side,
    own: &Prepared,
) -> Result<()> {
    let other = match side {
        Side::Stay => input_of(plan, join.moved_key.input)?,
        Side::Moved => input_of(plan, join.stay_key.input)?,
    };
    pseudonym::send(links, node, join, side, &own.input, &own.rows, other.owner).await
}
