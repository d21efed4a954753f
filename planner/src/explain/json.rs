//! EXPLAIN (FORMAT JSON).

use serde_json::{Value, json as object};

use crate::catalog::Federation;
use crate::cost::{LinkSpeed, cost};
use crate::plan::{Node, SecurePlan};
use crate::sql_text::readable;

use super::text;

/// The plan as one JSON object: `clear` (lines), `secure` (total cost and `nodes`, children before parents), `releases`,
/// `notices`. Costs are exact numbers: rounds and bytes.
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
                "where": text::place(node, federation),
                "protocol": text::protocol(node, federation),
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
    })
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(readable).collect()
}
