//! The stages of a query, for whoever watches it run.

use crate::catalog::Federation;
use crate::cost::{Cost, cost};
use crate::plan::{Node, SecurePlan};

use super::text;

/// A stage of a query, in public quantities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// What it is: `local at hospital`, `sharing`, `hashed join`, `group by`, `release`.
    pub name: String,
    /// The public bound of its rows; none where it has no rows of its own.
    pub rows: Option<u64>,
    /// Messages one after the other.
    pub rounds: u64,
    /// Bytes of the seat that sends most; of owners, where it is they who send.
    pub bytes: u64,
}

/// The stages of a plan, in the order in which they run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// First the local stages of all owners, which run at once; then sharing; then the secure ones.
    pub list: Vec<Stage>,
    /// For each node of the plan the number of its stage.
    pub of_node: Vec<usize>,
}

/// The stages of `plan`. Nodes of one kind that follow each other are one stage.
pub fn stages(plan: &SecurePlan, federation: &Federation) -> Stages {
    let (costs, rows) = (cost(plan, federation).nodes, plan.rows());
    let rows_of = |index: usize| rows.get(index).copied().unwrap_or_default() as u64;
    let mut stages = Stages { list: Vec::new(), of_node: vec![0; plan.nodes.len()] };
    let mut sharing = Cost::default();
    for (index, node) in plan.nodes.iter().enumerate() {
        if let Node::Input(input) = node {
            let owner = federation.parties.get(input.owner.0).map_or("?", |party| &party.name);
            let name = format!("local at {owner}");
            let old = stages.list.iter().position(|stage| stage.name == name);
            let place = old.unwrap_or(stages.list.len());
            if old.is_none() {
                stages.list.push(Stage { name, rows: Some(0), rounds: 0, bytes: 0 });
            }
            let of_owner = stages.list[place].rows.iter_mut();
            of_owner.for_each(|rows| *rows += rows_of(index));
            stages.of_node[index] = place;
            sharing = sharing.beside(costs.get(index).copied().unwrap_or_default());
        }
    }
    let bytes = sharing.bytes().saturating_add(sharing.owner_bytes);
    stages.list.push(Stage { name: "sharing".to_owned(), rows: None, rounds: sharing.rounds, bytes });
    for (index, node) in plan.nodes.iter().enumerate() {
        if !matches!(node, Node::Input(_)) {
            let own = costs.get(index).copied().unwrap_or_default();
            stages.of_node[index] = stages.secure(name(node), rows_of(index), own);
        }
    }
    stages
}

impl Stages {
    /// Adds a node to the last stage, if it is of the same kind, or begins one; gives the stage's number.
    fn secure(&mut self, name: String, rows: u64, own: Cost) -> usize {
        match self.list.last_mut() {
            Some(last) if last.name == name => {
                last.rows = last.rows.max(Some(rows));
                last.rounds += own.rounds;
                last.bytes += own.bytes();
            }
            _ => self.list.push(Stage { name, rows: Some(rows), rounds: own.rounds, bytes: own.bytes() }),
        }
        self.list.len() - 1
    }
}

/// A node of the secure stage in the words of SQL, where SQL has some.
fn name(node: &Node) -> String {
    if let Node::Aggregate(aggregate) = node {
        return if aggregate.keys.is_empty() { "aggregate" } else { "group by" }.to_owned();
    }
    if let Node::Group(_) = node {
        return "group by".to_owned();
    }
    if let Node::Compute(_) = node {
        return "expressions".to_owned();
    }
    words(text::kind(node))
}

/// `HashedJoin` as `hashed join`.
fn words(kind: &str) -> String {
    let mut words = String::new();
    for letter in kind.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    if words == "lasso" { "LASSO".to_owned() } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan_samples;

    #[test]
    fn stages_cover_all_nodes_and_costs() {
        let federation = plan_samples::federation();
        for plan in [plan_samples::sum_by_region(), plan_samples::join(), plan_samples::lasso0()] {
            let stages = stages(&plan, &federation);
            let total = cost(&plan, &federation).total;
            let rounds: u64 = stages.list.iter().map(|stage| stage.rounds).sum();
            assert!(
                rounds <= total.rounds && rounds > 0,
                "inputs run side by side: {rounds} of {}",
                total.rounds
            );
            assert_eq!(stages.of_node.len(), plan.nodes.len());
            let names: Vec<&str> = stages.list.iter().map(|stage| stage.name.as_str()).collect();
            assert_eq!(names.last(), Some(&"release"));
            assert_eq!(names.iter().filter(|name| **name == "sharing").count(), 1);
            for (node, stage) in plan.nodes.iter().zip(&stages.of_node) {
                assert_eq!(matches!(node, Node::Input(_)), names[*stage].starts_with("local at "));
            }
        }
    }

    #[test]
    fn kinds_become_words() {
        assert_eq!([words("HashedJoin"), words("Lasso"), words("Union")], ["hashed join", "LASSO", "union"]);
    }
}
