//! What a party does as an owner: local stage, order, encodings, shares, pseudonyms.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::try_join_all;
use mpc::{Part, Seat};
use planner::plan::{Aggregate, HashedJoin, Input, Node, NodeId, SecurePlan};
use tokio::sync::oneshot;

use super::{input, input_of};
use crate::ingest::{self, Persons, Rows};
use crate::links::Links;
use crate::pseudonym::{self, Side};
use crate::{Error, Result, local};

/// What an owner shares of an input: its rows, or sums of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shared {
    /// The input's node.
    pub(super) input: usize,
    /// The node whose sums they are; none: the rows.
    pub(super) sums: Option<usize>,
}

impl Shared {
    /// All that owners share in a plan.
    fn all(plan: &SecurePlan) -> Vec<Shared> {
        let home = plan.at_home();
        let rows = plan.nodes.iter().enumerate().filter(|(_, node)| matches!(node, Node::Input(_)));
        let rows =
            rows.filter(|(index, _)| !home.stays(*index)).map(|(input, _)| Shared { input, sums: None });
        let sums = (0..plan.nodes.len()).flat_map(|index| {
            let inputs = home.sums(index).unwrap_or_default();
            inputs.iter().map(move |(input, _)| Shared { input: input.0, sums: Some(index) })
        });
        rows.chain(sums).collect()
    }

    /// The message with its columns.
    pub(super) fn channel(self) -> String {
        match self.sums {
            Some(node) => format!("input/{}/sums/{node}", self.input),
            None => format!("input/{}", self.input),
        }
    }
}

/// The encoded columns that a party's owner role hands to its seat role.
pub(super) struct Handover {
    senders: Mutex<BTreeMap<Shared, oneshot::Sender<Vec<Part>>>>,
    receivers: Mutex<BTreeMap<Shared, oneshot::Receiver<Vec<Part>>>>,
}

impl Handover {
    pub(super) fn new(plan: &SecurePlan) -> Self {
        let (mut senders, mut receivers) = (BTreeMap::new(), BTreeMap::new());
        for shared in Shared::all(plan) {
            let (sender, receiver) = oneshot::channel();
            senders.insert(shared, sender);
            receivers.insert(shared, receiver);
        }
        Handover { senders: Mutex::new(senders), receivers: Mutex::new(receivers) }
    }

    fn give(&self, shared: Shared, parts: Vec<Part>) {
        let sender = self.senders.lock().unwrap_or_else(PoisonError::into_inner).remove(&shared);
        // An error means that the seat role has ended, which shows in its own result.
        let _ = sender.map(|sender| sender.send(parts));
    }

    pub(super) async fn take(&self, shared: Shared) -> Result<Vec<Part>> {
        let receiver = self.receivers.lock().unwrap_or_else(PoisonError::into_inner).remove(&shared);
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
    let shares = try_join_all(prepared.iter().map(|own| share(links, plan, own, &persons, handover)));
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

/// Shares the rows of an input, or what is summed of them.
async fn share(
    links: &Links<'_>,
    plan: &SecurePlan,
    own: &Prepared,
    persons: &Arc<Persons>,
    handover: &Handover,
) -> Result<()> {
    let (input, rows, persons) = (Arc::clone(&own.input), Arc::clone(&own.rows), Arc::clone(persons));
    let shared: Vec<Shared> =
        Shared::all(plan).into_iter().filter(|shared| shared.input == own.node).collect();
    let sums: Vec<(Aggregate, usize)> = shared.iter().filter_map(|shared| sums_of(plan, *shared)).collect();
    let encoded = tokio::task::spawn_blocking(move || {
        let parts = ingest::encode(&input, &rows, &persons)?;
        let cells: Vec<Vec<Part>> =
            sums.iter().map(|(node, first)| ingest::cells(node, &parts, *first)).collect::<Result<_>>()?;
        Ok::<_, Error>((parts, cells))
    });
    let (rows, sums) = encoded.await.map_err(|_| Error::internal("ingest", "no result"))??;
    let (mut rows, mut sums) = (Some(rows), sums.into_iter());
    let on_seat = Seat::ALL.into_iter().any(|seat| links.at(seat) == links.run().party());
    let mut rng = links.run().rng()?;
    for shared in shared {
        let parts = if shared.sums.is_some() { sums.next() } else { rows.take() };
        let parts = parts.ok_or_else(|| Error::internal("input", "an input is shared twice"))?;
        if on_seat {
            handover.give(shared, parts);
        } else {
            input::deal(links, &shared.channel(), parts, &mut rng).await?;
        }
    }
    Ok(())
}

/// The node whose sums are shared, and the number of the input's first row among the rows it counts.
fn sums_of(plan: &SecurePlan, shared: Shared) -> Option<(Aggregate, usize)> {
    let index = shared.sums?;
    let Some(Node::Aggregate(node)) = plan.nodes.get(index) else { return None };
    let home = plan.at_home();
    let (_, first) = home.sums(index)?.iter().find(|(input, _)| input.0 == shared.input)?;
    Some((node.clone(), *first))
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
