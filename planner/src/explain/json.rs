//! EXPLAIN (FORMAT JSON).

use serde_json::{Value, json as object};

use crate::catalog::Federation;
use crate::cost::{LinkSpeed, cost};
use crate::plan::{Choice, Node, SecurePlan, Way};
use crate::sql_text::readable;

use super::text;

/// The plan as one JSON object: `clear` (lines), `secure` (total cost and `nodes`, children before parents), `releases`,
/// `notices`, `choices` (what was compared by cost). Costs are exact numbers: rounds and bytes.
pub fn json(plan: &SecurePlan, federation: &Federation, link: LinkSpeed) -> Value {
    let cost = cost(plan, federation);
    let rows = plan.rows();
    let nodes: Vec<Value> = plan
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| {
            let own = cost.nodes.get(index).copied().unwrap_or_default();
            let inputs: Vec<usize> = node.inputs().into_iter().map(|id| id.0).collect();
            let columns: Vec<Value> =
                node.columns().into_iter().map(|def| Value::from(readable(&text::column(def)))).collect();
            let local = match node {
                Node::Input(input) => Value::from(lines(&input.plan.display_indent().to_string())),
                Node::HashedJoin(_)
                | Node::Union(_)
                | Node::Compute(_)
                | Node::Broadcast(_)
                | Node::Aggregate(_)
                | Node::Fold(_)
                | Node::Assemble(_)
                | Node::Group(_)
                | Node::Lasso(_)
                | Node::Release(_) => Value::Null,
            };
            object!({
                "id": index,
                "node": text::kind(node),
                "what": readable(&text::summary(plan, federation, index)),
                "where": text::place(plan, federation, index),
                "protocol": text::protocol(plan, federation, index),
                "inputs": inputs,
                "rows": rows.get(index).copied().unwrap_or_default(),
                "rounds": own.rounds,
                "bytes": own.bytes(),
                "owner_bytes": own.owner_bytes,
                "result_bytes": own.result_bytes,
                "columns": columns,
                "local": local,
            })
        })
        .collect();
    let releases: Vec<usize> = plan.releases.iter().map(|id| id.0).collect();
    object!({
        "clear": lines(&plan.clear.display_indent().to_string()),
        "secure": {
            "seats": text::seats(federation),
            "rounds": cost.total.rounds,
            "bytes": cost.total.bytes(),
            "seat_bytes": cost.total.seat_bytes,
            "owner_bytes": cost.total.owner_bytes,
            "result_bytes": cost.total.result_bytes,
            "memory_bytes": cost.memory_bytes,
            "seconds": link.seconds(&cost.total),
            "link": { "rtt_us": link.rtt_us, "bytes_per_second": link.bytes_per_second },
            "nodes": nodes,
        },
        "releases": releases,
        "notices": plan.notices,
        "choices": plan.choices.iter().map(|choice| self::choice(choice, link)).collect::<Vec<_>>(),
    })
}

/// A choice made by cost: the way taken first.
fn choice(choice: &Choice, link: LinkSpeed) -> Value {
    let way = |way: &Way, why: &str| {
        let cost = way.cost.map(|way| {
            object!({
                "rounds": way.cost.rounds,
                "bytes": way.cost.bytes(),
                "owner_bytes": way.cost.owner_bytes,
                "result_bytes": way.cost.result_bytes,
                "memory_bytes": way.memory_bytes,
                "seconds": link.seconds(&way.cost),
            })
        });
        object!({ "way": way.name, "why": why, "cost": cost })
    };
    let others = choice.others.iter().map(|(other, why)| way(other, why));
    let ways: Vec<Value> = std::iter::once(way(&choice.taken, "taken")).chain(others).collect();
    object!({ "release": choice.release, "what": choice.what, "ways": ways })
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(readable).collect()
}
