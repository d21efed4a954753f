//! What was chosen by cost, and what was not.

use crate::catalog::Federation;
use crate::cost::LinkSpeed;
use crate::plan::{Choice, Node, NodeId, SecurePlan, Way};

use super::text;
use super::tree::costs;

/// The joins that lead to a node, the table that stays in place first: `a.t ⋈ (b.u ⋈ c.v)`.
pub(super) fn join_orders(plan: &SecurePlan, federation: &Federation, id: NodeId) -> Vec<String> {
    let Some(node) = plan.nodes.get(id.0) else { return Vec::new() };
    if let Node::HashedJoin(_) = node {
        return vec![joined(plan, federation, id)];
    }
    let mut orders: Vec<String> = Vec::new();
    for order in node.inputs().into_iter().flat_map(|input| join_orders(plan, federation, input)) {
        if !orders.contains(&order) {
            orders.push(order);
        }
    }
    orders
}

fn joined(plan: &SecurePlan, federation: &Federation, id: NodeId) -> String {
    match plan.nodes.get(id.0) {
        Some(Node::HashedJoin(join)) => {
            let (stay, moved) = (joined(plan, federation, join.stay), joined(plan, federation, join.moved));
            if moved.contains('⋈') {
                format!("{stay} ⋈ ({moved})")
            } else {
                format!("{stay} ⋈ {moved}")
            }
        }
        Some(Node::Input(input)) => {
            let owner = federation.parties.get(input.owner.0).map_or("?", |party| party.name.as_str());
            let tables: Vec<String> = input.tables.iter().map(|table| format!("{owner}.{table}")).collect();
            tables.join(", ")
        }
        Some(node) => {
            let inputs: Vec<String> =
                node.inputs().into_iter().map(|input| joined(plan, federation, input)).collect();
            inputs.join(" on top of ")
        }
        None => "?".to_owned(),
    }
}

/// The way taken, then each of the others, with their costs.
pub(super) fn lines(choice: &Choice, link: LinkSpeed) -> Vec<String> {
    let mut lines = vec![format!("{} by cost: {}", choice.what, way(&choice.taken, link))];
    lines.extend(
        choice.others.iter().map(|(other, why)| format!("   [instead: {}; {why}]", way(other, link))),
    );
    lines
}

fn way(way: &Way, link: LinkSpeed) -> String {
    match &way.cost {
        None => way.name.clone(),
        Some(cost) => format!(
            "{}; {}, about {} of memory a seat, about {}",
            way.name,
            costs(&cost.cost),
            text::bytes(cost.memory_bytes),
            text::seconds(link.seconds(&cost.cost))
        ),
    }
}
