//! What each stage of a plan does, in a few words.

use std::collections::{BTreeMap, BTreeSet};

use planner::catalog::Federation;
use planner::cost::cost;
use planner::plan::{Matching, Multiplicity, Node, SecurePlan};
use planner::{Planned, Session};

/// `local: sales (customer, orders); secure: hashed join N:1, group by cells; clear: sort`, and the rounds that the plan takes.
pub(super) fn of(federation: &Federation, session: &Session, sql: &str) -> (String, u64) {
    match planner::plan(federation, session, sql) {
        Ok(Planned::Secure(checked)) => {
            let (local, secure) = (local(&checked.plan, federation), secure(&checked.plan));
            let stages = format!("local: {local}; secure: {secure}; clear: {}", clear(&checked.plan));
            (stages, cost(&checked.plan, federation).total.rounds)
        }
        Ok(_) => ("answered without the parties".to_owned(), 0),
        Err(error) => (error.message, 0),
    }
}

/// Which tables are read, filtered and joined at which owner.
fn local(plan: &SecurePlan, federation: &Federation) -> String {
    let mut owners: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for node in &plan.nodes {
        let Node::Input(input) = node else { continue };
        let Some(party) = federation.parties.get(input.owner.0) else { continue };
        owners.entry(&party.name).or_default().insert(input.tables.join(" ⋈ "));
    }
    let tables = |tables: BTreeSet<String>| tables.into_iter().collect::<Vec<_>>().join(", ");
    let each = owners.into_iter().map(|(owner, names)| format!("{owner} ({})", tables(names)));
    each.collect::<Vec<_>>().join(", ")
}

/// The steps on shares, in their order, each with how often it occurs.
fn secure(plan: &SecurePlan) -> String {
    let mut steps: Vec<(String, usize)> = Vec::new();
    for node in &plan.nodes {
        let step = match node {
            Node::HashedJoin(join) => {
                let matching = match join.matching {
                    Matching::Pseudonyms { .. } => "hashed join",
                    Matching::Oblivious { .. } => "oblivious join",
                };
                let rows = match join.multiplicity {
                    Multiplicity::OneToOne => "1:1",
                    Multiplicity::ManyToOne => "N:1",
                };
                format!("{matching} {rows}")
            }
            Node::Union(_) => "union".to_owned(),
            Node::Aggregate(_) => "sums per cell".to_owned(),
            Node::Group(_) => "sort and group".to_owned(),
            Node::Broadcast(_) => "secret value".to_owned(),
            Node::Input(_)
            | Node::Compute(_)
            | Node::Fold(_)
            | Node::Assemble(_)
            | Node::Lasso(_)
            | Node::Release(_) => continue,
        };
        match steps.iter_mut().find(|(name, _)| *name == step) {
            Some((_, count)) => *count += 1,
            None => steps.push((step, 1)),
        }
    }
    let named = |(name, count): (String, usize)| if count == 1 { name } else { format!("{count} x {name}") };
    steps.into_iter().map(named).collect::<Vec<_>>().join(", ")
}

/// The nodes above the released tables.
fn clear(plan: &SecurePlan) -> String {
    let tree = plan.clear.display_indent().to_string();
    let names: Vec<String> = tree
        .lines()
        .filter_map(|line| line.trim().split([':', ' ']).next())
        .filter(|name| !["Projection", "TableScan", "SubqueryAlias", ""].contains(name))
        .map(str::to_lowercase)
        .collect();
    if names.is_empty() { "names".to_owned() } else { names.join(", ") }
}
