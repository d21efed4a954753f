//! The operators of the secure stage, and the order in which a party runs them.
//!
//! Every party runs the same function. As an owner it prepares its inputs in the clear, shares them and sends
//! pseudonyms; as a seat it runs the nodes in the order of the plan. A party that is both does both at once.

mod aggregate;
mod assemble;
mod broadcast;
#[cfg(test)]
pub(crate) mod clear;
mod compute;
pub(crate) mod cox;
mod fold;
mod group;
mod hashed_join;
pub(crate) mod input;
pub(crate) mod lasso;
mod oblivious_join;
mod owner;
mod people;
mod release;
mod union;

use std::sync::Arc;

use mpc::verify::verify;
use mpc::{Context, Part, Seat};
use planner::check::Permit;
use planner::plan::{
    Aggregate, AtHome, Encoding, HashedJoin, Input, Matching, Node, NodeId, PartyId, SecurePlan,
};

use crate::links::Links;
use crate::reveal::{self, Gated, ReleasedShares};
use crate::run::Run;
use crate::table::Table;
use crate::{Error, Result, shape};

/// Runs a plan at this party, whatever its roles are, and spends the permit.
///
/// Returns one message for the analyst per release at a seat, nothing at other parties. The caller sends them once all
/// seats are ready. Dropping the future stops the work at the next message.
///
/// # Errors
/// Class abort if the permit is for another plan or a security check fails; class source if this party's data do not keep
/// to its policy; class peer if another party ends; class resource, internal.
pub async fn run_plan(run: &dyn Run, plan: &SecurePlan, permit: Permit) -> Result<Vec<ReleasedShares>> {
    reveal::check(&permit, plan)?;
    let gated = run_nodes(run, plan).await?;
    match run.context() {
        Some(ctx) => reveal::release(permit, &verify(&ctx.step("release")).await?, plan, gated),
        None => Ok(Vec::new()),
    }
}

/// Everything up to the gate; at a seat one result per release.
pub(crate) async fn run_nodes(run: &dyn Run, plan: &SecurePlan) -> Result<Vec<Gated>> {
    let gated = run_all(run, plan, false).await?.gated;
    gated.into_iter().map(|gated| gated.ok_or_else(no_table)).collect()
}

/// Runs a plan that releases nothing, and gives this seat's part of its last node's table: for measurements.
///
/// # Errors
/// As [`run_plan`].
pub async fn run_to_shares(run: &dyn Run, plan: &SecurePlan) -> Result<Option<Table>> {
    Ok(run_all(run, plan, true).await?.last.map(Arc::unwrap_or_clone))
}

/// What the nodes of a plan gave.
#[derive(Default)]
struct Ran {
    /// By release; empty where there is no seat.
    gated: Vec<Option<Gated>>,
    /// The last node's table, if it was asked for.
    last: Option<Arc<Table>>,
}

async fn run_all(run: &dyn Run, plan: &SecurePlan, keep_last: bool) -> Result<Ran> {
    let links = Links::new(run);
    let handover = owner::Handover::new(plan);
    let owner = owner::run(&links, plan, &handover);
    let seat = async {
        match run.context() {
            Some(ctx) => {
                SeatRun { ctx, links: &links, plan, home: plan.at_home(), handover: &handover }
                    .run(keep_last)
                    .await
            }
            None => Ok(Ran::default()),
        }
    };
    Ok(futures::try_join!(Box::pin(owner), Box::pin(seat))?.1)
}

/// The input that a node is; identifiers of joins refer to such.
fn input_of(plan: &SecurePlan, id: NodeId) -> Result<&Input> {
    match shape::node(plan, id)? {
        Node::Input(input) => Ok(input),
        Node::HashedJoin(_)
        | Node::Union(_)
        | Node::Compute(_)
        | Node::Broadcast(_)
        | Node::Aggregate(_)
        | Node::Fold(_)
        | Node::Assemble(_)
        | Node::Group(_)
        | Node::Lasso(_)
        | Node::Release(_) => Err(Error::internal("join", "the rows of an identifier are no input")),
    }
}

/// A seat's work on a plan.
struct SeatRun<'r> {
    ctx: &'r Context,
    links: &'r Links<'r>,
    plan: &'r SecurePlan,
    home: AtHome,
    handover: &'r owner::Handover,
}

impl SeatRun<'_> {
    /// Runs all nodes in order. A table is dropped after the last node that reads it.
    async fn run(&self, keep_last: bool) -> Result<Ran> {
        let mut tables: Vec<Option<Arc<Table>>> = vec![None; self.plan.nodes.len()];
        let mut uses = vec![0usize; self.plan.nodes.len()];
        for input in self.plan.nodes.iter().flat_map(Node::inputs) {
            *uses.get_mut(input.0).ok_or_else(no_table)? += 1;
        }
        if let Some(last) = uses.last_mut() {
            *last += usize::from(keep_last);
        }
        let mut gated: Vec<Option<Gated>> = self.plan.releases.iter().map(|_| None).collect();
        for (index, node) in self.plan.nodes.iter().enumerate() {
            // Inputs are not told: when one is complete is its owner's own time.
            if !matches!(node, Node::Input(_)) {
                self.links.run().reached(index);
            }
            let mut inputs = Vec::new();
            for NodeId(input) in node.inputs() {
                uses[input] -= 1;
                let table = if uses[input] == 0 { tables[input].take() } else { tables[input].clone() };
                inputs.push(table.ok_or_else(no_table)?);
            }
            match self.node(index, node, &inputs).await? {
                Outcome::Table(table) if uses[index] > 0 => tables[index] = Some(Arc::new(table)),
                Outcome::Table(_) => {}
                Outcome::Gated(result) => {
                    let release = self.plan.releases.iter().position(|id| id.0 == index);
                    let release =
                        release.ok_or_else(|| Error::internal("plan", "a release has no number"))?;
                    gated[release] = Some(result);
                }
            }
        }
        let last = if keep_last { tables.pop().flatten() } else { None };
        Ok(Ran { gated, last })
    }

    /// One node. `inputs` are the tables that it reads.
    async fn node(&self, index: usize, node: &Node, inputs: &[Arc<Table>]) -> Result<Outcome> {
        let ctx = self.ctx.step("node").nth(index);
        let first = || inputs.first().ok_or_else(no_table);
        let table = match node {
            Node::Input(_) | Node::Union(_) if self.home.stays(index) => Table::new(Vec::new(), 0)?,
            Node::Input(input) => self.input(&ctx, index, input).await?,
            Node::HashedJoin(join) => {
                let [stay, moved] = inputs else { return Err(no_table()) };
                Box::pin(self.hashed_join(&ctx, index, join, stay, moved)).await?
            }
            Node::Union(_) => union::run(&inputs.iter().map(Arc::as_ref).collect::<Vec<_>>())?,
            Node::Compute(node) => Box::pin(compute::run(&ctx, node, first()?)).await?,
            Node::Aggregate(node) => match self.home.sums(index) {
                Some(inputs) => self.sums(&ctx, index, node, inputs).await?,
                None => Box::pin(aggregate::run(&ctx, node, first()?)).await?,
            },
            Node::Fold(node) => Box::pin(fold::run(&ctx, node, first()?)).await?,
            Node::Assemble(node) => {
                assemble::run(ctx.seat(), node, &inputs.iter().map(Arc::as_ref).collect::<Vec<_>>())?
            }
            Node::Broadcast(node) => {
                let [rows, values @ ..] = inputs else { return Err(no_table()) };
                let defs = node
                    .values
                    .iter()
                    .map(|value| shape::columns(self.plan, value.from))
                    .collect::<Result<Vec<_>>>()?;
                let values: Vec<_> = values.iter().map(Arc::as_ref).zip(defs).collect();
                Box::pin(broadcast::run(&ctx, node, rows, &values)).await?
            }
            Node::Group(node) => Box::pin(group::run(&ctx, node, first()?)).await?,
            Node::Lasso(node) => {
                let counts = inputs.get(1).map(Arc::as_ref);
                Box::pin(lasso::run(&ctx, node, first()?, counts)).await?
            }
            Node::Release(node) => {
                let defs = shape::columns(self.plan, node.input)?;
                return Ok(Outcome::Gated(Box::pin(release::run(&ctx, node, first()?, &defs)).await?));
            }
        };
        Ok(Outcome::Table(table))
    }

    async fn input(&self, ctx: &Context, index: usize, input: &Input) -> Result<Table> {
        let encodings: Vec<_> = input.columns.iter().map(|column| column.def.encoding).collect();
        let shared = owner::Shared { input: index, sums: None };
        self.shared(ctx, input.owner, shared, (&encodings, input.bound)).await
    }

    /// The sums of all owners, each of which shares those of its own rows. Cost: one round.
    async fn sums(
        &self,
        ctx: &Context,
        index: usize,
        node: &Aggregate,
        inputs: &[(NodeId, usize)],
    ) -> Result<Table> {
        let encodings: Vec<_> = node.columns.iter().map(|def| def.encoding).collect();
        let tables = inputs.iter().enumerate().map(|(place, (id, _))| {
            let (ctx, encodings) = (ctx.step("owner").nth(place), &encodings);
            async move {
                let shared = owner::Shared { input: id.0, sums: Some(index) };
                let owner = input_of(self.plan, *id)?.owner;
                self.shared(&ctx, owner, shared, (encodings, node.cells())).await
            }
        });
        aggregate::total(&futures::future::try_join_all(tables).await?)
    }

    /// This seat's part of what an owner shares: columns of so many rows.
    async fn shared(
        &self,
        ctx: &Context,
        owner: PartyId,
        shared: owner::Shared,
        (encodings, rows): (&[Encoding], usize),
    ) -> Result<Table> {
        let holder = Seat::ALL.into_iter().find(|&seat| self.links.at(seat) == owner);
        let Some(holder) = holder else {
            let channel = shared.channel();
            return input::receive(self.links, ctx.seat(), (owner, &channel), encodings, rows).await;
        };
        let parts: Option<Vec<Part>> =
            if holder == ctx.seat() { Some(self.handover.take(shared).await?) } else { None };
        input::hold(ctx, holder, encodings, rows, parts.as_deref()).await
    }

    async fn hashed_join(
        &self,
        ctx: &Context,
        index: usize,
        join: &HashedJoin,
        stay: &Table,
        moved: &Table,
    ) -> Result<Table> {
        let owners = [
            input_of(self.plan, join.stay_key.input)?.owner,
            input_of(self.plan, join.moved_key.input)?.owner,
        ];
        match join.matching {
            Matching::Pseudonyms { matcher } => {
                let roles = (Seat::from_index(matcher), owners);
                hashed_join::run(ctx, self.links, (index, join), roles, stay, moved).await
            }
            Matching::Oblivious { bits } => {
                oblivious_join::run(ctx, self.links, (index, bits), owners, stay, moved).await
            }
        }
    }
}

enum Outcome {
    Table(Table),
    Gated(Gated),
}

fn no_table() -> Error {
    Error::internal("plan", "a node reads what does not exist")
}

#[cfg(test)]
mod asked;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod sql_tests;
#[cfg(test)]
mod statistic_tests;
#[cfg(test)]
mod tests;
