//! Whether what a plan releases may leave.

use std::collections::BTreeSet;

use crate::catalog::{Federation, Party, Use};
use crate::error::Result;
use crate::plan::{Broadcast, Input, JoinKey, Lasso, Matching, Node, NodeId, PartyId, Release, SecurePlan};
use crate::release_check::recipient_refusal;
use crate::session::Session;

use super::home::{gated, gated_groups};
use super::{broken, local_rows, persons, refused};

/// Persons that a model needs for each parameter.
const ROWS_PER_PARAMETER: u64 = 10;

/// What a release is of.
#[derive(Clone, Copy)]
enum Released<'p> {
    /// Sums per cell.
    Groups,
    /// A model.
    Model(&'p Lasso),
}

/// Checks all releases, joins and owners of a plan.
pub(super) fn check(plan: &SecurePlan, federation: &Federation, session: &Session) -> Result<()> {
    for (index, node) in plan.nodes.iter().enumerate() {
        match node {
            Node::Input(input) => {
                if let Some(message) =
                    recipient_refusal(party(federation, input.owner, index)?, &session.analyst)
                {
                    return Err(refused(message));
                }
                bound(input, federation, index)?;
            }
            Node::HashedJoin(join) => {
                for key in [&join.stay_key, &join.moved_key] {
                    join_allowed(plan, federation, key, (join.matching, index))?;
                    if let Matching::Pseudonyms { .. } = join.matching {
                        pseudonyms_allowed(plan, federation, key, index)?;
                    }
                }
            }
            Node::Release(release) => self::release(plan, federation, release, index)?,
            Node::Union(_)
            | Node::Compute(_)
            | Node::Aggregate(_)
            | Node::Group(_)
            | Node::Fold(_)
            | Node::Assemble(_)
            | Node::Lasso(_) => {}
            Node::Broadcast(broadcast) => self::broadcast(plan, federation, broadcast, index)?,
        }
    }
    Ok(())
}

fn party(federation: &Federation, id: PartyId, node: usize) -> Result<&Party> {
    federation.parties.get(id.0).ok_or_else(|| broken(node, "an owner that does not exist"))
}

/// An input of one table has at most that table's rows.
fn bound(input: &Input, federation: &Federation, node: usize) -> Result<()> {
    let party = party(federation, input.owner, node)?;
    let limits = input
        .tables
        .iter()
        .filter_map(|name| party.tables.iter().find(|t| t.name.eq_ignore_ascii_case(name)));
    let limits: Vec<u64> = limits.map(|table| table.max_rows).collect();
    match (local_rows::shape(&input.plan), limits.as_slice()) {
        (local_rows::Shape::Single, [limit]) if input.bound as u64 > *limit => {
            Err(broken(node, format!("{} rows of a table of at most {limit}", input.bound)))
        }
        _ => Ok(()),
    }
}

/// Pseudonyms are made of columns that allow `join` only; hashes that are compared inside, as any other values are, may be
/// of columns that allow `filter`.
fn join_allowed(
    plan: &SecurePlan,
    federation: &Federation,
    key: &JoinKey,
    (matching, node): (Matching, usize),
) -> Result<()> {
    let inside = matches!(matching, Matching::Oblivious { .. });
    let Some(Node::Input(input)) = plan.nodes.get(key.input.0) else {
        return Err(broken(node, "an identifier that is of no input"));
    };
    let party = party(federation, input.owner, node)?;
    for column in &key.columns {
        let bases = local_rows::bases(&input.plan, *column);
        if bases.is_empty() {
            return Err(broken(node, format!("the identifier {} comes from no column", key.name)));
        }
        for (table, name) in bases {
            let declared = local_rows::declared(party, &table, &name)
                .ok_or_else(|| broken(node, format!("the identifier {} is not declared", key.name)))?;
            let allows = |wanted: Use| declared.allow.contains(&wanted);
            if !(allows(Use::Join) || allows(Use::Public) || inside && allows(Use::Filter)) {
                return Err(refused(format!(
                    "column {}.{table}.{name} may not be used in a join: {} does not allow `join` on it",
                    party.name, party.name
                )));
            }
        }
    }
    Ok(())
}

/// Hashes that a matcher compares are of tables whose owners allow it.
fn pseudonyms_allowed(plan: &SecurePlan, federation: &Federation, key: &JoinKey, node: usize) -> Result<()> {
    let Some(Node::Input(input)) = plan.nodes.get(key.input.0) else {
        return Err(broken(node, "an identifier that is of no input"));
    };
    let party = party(federation, input.owner, node)?;
    let forbids = |table: &&crate::catalog::Table| !table.pseudonyms && input.tables.contains(&table.name);
    match party.tables.iter().find(forbids) {
        None => Ok(()),
        Some(table) => {
            Err(refused(format!("{} forbids pseudonyms of {}.{}", party.name, party.name, table.name)))
        }
    }
}

/// One release: what it is of, and whether every column is under the count of people that every owner demands.
fn release(plan: &SecurePlan, federation: &Federation, release: &Release, node: usize) -> Result<()> {
    let (source, of) = source(plan, release.input, node)?;
    for owner in owners_below(plan, federation, source) {
        let party = party(federation, owner, node)?;
        let min_people = party.release.min_people;
        if min_people < 2 {
            continue;
        }
        for output in &release.outputs {
            let needed = match of {
                Released::Groups => min_people,
                Released::Model(lasso) => min_people.max(ROWS_PER_PARAMETER * parameters(lasso)),
            };
            let met = release.gate.iter().chain(&output.gate).any(|gate| {
                gate.at_least >= needed
                    && persons::counts(plan, federation, owner, release.input, gate.persons)
            });
            if !met {
                return Err(uncounted(format!(
                    "the output `{}` would leave without counting at least {needed} people of {}",
                    output.field.name(),
                    party.name
                )));
            }
        }
        let groups = matches!(release.rows, crate::plan::Rows::Groups(_) | crate::plan::Rows::Chosen(_));
        let whole = release.gate.iter().any(|gate| {
            gate.at_least >= min_people
                && persons::counts(plan, federation, owner, release.input, gate.persons)
        });
        if groups && !whole {
            return Err(uncounted(format!(
                "groups would show up without counting at least {min_people} people of {}",
                party.name
            )));
        }
    }
    Ok(())
}

/// A refusal of rows whose people the query does not keep apart.
fn uncounted(message: String) -> crate::Error {
    refused(message).with_hint(
        "join on the column that says whose record a row is, or aggregate one side per identifier first: JOIN (SELECT id, \
         SUM(x) AS x FROM t GROUP BY id)"
            .to_owned(),
    )
}

/// Secret values given to rows: under each, every owner counts enough people, as if it were released.
fn broadcast(plan: &SecurePlan, federation: &Federation, broadcast: &Broadcast, node: usize) -> Result<()> {
    for value in &broadcast.values {
        let of_owner = match plan.nodes.get(value.from.0) {
            Some(Node::Input(input)) => Some(input),
            _ => None,
        };
        let below = match of_owner {
            Some(input) => BTreeSet::from([input.owner]),
            None => match source(plan, value.from, node)? {
                (source, Released::Groups) => owners_below(plan, federation, source),
                (_, Released::Model(_)) => return Err(broken(node, "a secret value of a model")),
            },
        };
        for owner in below {
            let party = party(federation, owner, node)?;
            let min_people = party.release.min_people;
            let counted = || {
                value.gate.iter().any(|gate| {
                    gate.at_least >= min_people
                        && persons::counts(plan, federation, owner, value.from, gate.persons)
                })
            };
            let met = min_people < 2 || of_owner.is_some_and(|input| gated(&input.plan, party)) || counted();
            if !met {
                return Err(refused(format!(
                    "an aggregate would be used in conditions without counting at least {min_people} people of {}",
                    party.name
                )));
            }
        }
    }
    Ok(())
}

fn parameters(lasso: &Lasso) -> u64 {
    lasso.features.len() as u64 + u64::from(lasso.intercept)
}

/// The group table or model under a release, with nothing but row-by-row computation in between.
fn source(plan: &SecurePlan, from: NodeId, node: usize) -> Result<(NodeId, Released<'_>)> {
    let mut at = from;
    loop {
        match plan.nodes.get(at.0) {
            Some(Node::Compute(compute)) if compute.input < at => at = compute.input,
            Some(Node::Broadcast(broadcast)) if broadcast.input < at => at = broadcast.input,
            Some(Node::Aggregate(_) | Node::Group(_)) => return Ok((at, Released::Groups)),
            Some(Node::Fold(_) | Node::Assemble(_)) if cells(plan, at) => return Ok((at, Released::Groups)),
            Some(Node::Lasso(lasso)) => return Ok((at, Released::Model(lasso))),
            Some(Node::Input(_) | Node::HashedJoin(_) | Node::Union(_)) => {
                return Err(refused("only aggregates leave the federation: a release of rows".to_owned()));
            }
            Some(
                Node::Fold(_) | Node::Assemble(_) | Node::Compute(_) | Node::Broadcast(_) | Node::Release(_),
            )
            | None => {
                return Err(broken(node, "a release of nothing"));
            }
        }
    }
}

/// Whether a table is made of group tables alone.
fn cells(plan: &SecurePlan, at: NodeId) -> bool {
    match plan.nodes.get(at.0) {
        Some(Node::Aggregate(_)) => true,
        Some(Node::Broadcast(broadcast)) => broadcast.input < at && cells(plan, broadcast.input),
        Some(node @ (Node::Compute(_) | Node::Fold(_) | Node::Assemble(_))) => {
            let inputs = node.inputs();
            !inputs.is_empty() && inputs.iter().all(|input| *input < at && cells(plan, *input))
        }
        Some(
            Node::Input(_)
            | Node::HashedJoin(_)
            | Node::Union(_)
            | Node::Group(_)
            | Node::Lasso(_)
            | Node::Release(_),
        )
        | None => false,
    }
}

/// All owners whose rows are under a node, but for secret values given to them and aggregates of enough people that rows look
/// up, which have gates of their own.
pub(super) fn owners_below(plan: &SecurePlan, federation: &Federation, from: NodeId) -> BTreeSet<PartyId> {
    let mut owners = BTreeSet::new();
    let mut left = vec![from];
    let mut seen = BTreeSet::new();
    while let Some(id) = left.pop() {
        let Some(node) = plan.nodes.get(id.0).filter(|_| seen.insert(id)) else { continue };
        if let Node::Input(input) = node {
            let owner = federation.parties.get(input.owner.0);
            if !owner.is_some_and(|owner| gated_groups(&input.plan, owner)) {
                owners.insert(input.owner);
            }
        }
        if let Node::Broadcast(broadcast) = node {
            left.push(broadcast.input);
        } else {
            left.extend(node.inputs());
        }
    }
    owners
}
