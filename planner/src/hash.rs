//! The hash by which parties know that they run the same plan.

use std::fmt::Write as _;

use datafusion::arrow::datatypes::Field;
use datafusion::logical_expr::LogicalPlan;
use sha2::{Digest, Sha256};

use crate::plan::{Input, KeyDomain, Node, Output, Release, Rows, SecurePlan};

/// SHA-256 over a canonical text of the whole plan: every field of every node, local and clear plans included.
///
/// Equal plans have equal hashes on every machine; what else a query depends on (federation, session, program version)
/// is hashed beside it by the executor.
pub fn plan_hash(plan: &SecurePlan) -> [u8; 32] {
    // Choices explain the nodes, and nothing runs by them.
    let SecurePlan { nodes, releases, clear, notices, choices: _ } = plan;
    let mut text = Canonical { text: "conjoin plan 1\n".to_owned() };
    text.field("nodes", nodes.len());
    for node in nodes {
        text.node(node);
    }
    text.field("releases", releases);
    text.logical("clear", clear);
    text.field("notices", notices);
    Sha256::digest(text.text.as_bytes()).into()
}

/// A text in which every value is preceded by its length, so that no two plans have the same.
struct Canonical {
    text: String,
}

impl Canonical {
    fn field(&mut self, name: &str, value: impl std::fmt::Debug) {
        self.string(name, &format!("{value:?}"));
    }

    fn string(&mut self, name: &str, value: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{name} {} {value}", value.len());
    }

    fn logical(&mut self, name: &str, plan: &LogicalPlan) {
        self.string(name, &plan.display_indent_schema().to_string());
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Input(input) => self.input(input),
            Node::HashedJoin(join) => self.field("hashed join", join),
            Node::Union(union) => self.field("union", union),
            Node::Compute(compute) => self.field("compute", compute),
            Node::Broadcast(broadcast) => self.field("broadcast", broadcast),
            Node::Aggregate(aggregate) => self.field("aggregate", aggregate),
            Node::Fold(fold) => self.field("fold", fold),
            Node::Assemble(assemble) => self.field("assemble", assemble),
            Node::Group(group) => self.field("group", group),
            Node::Lasso(lasso) => self.field("lasso", lasso),
            Node::Release(release) => self.release(release),
        }
    }

    fn input(&mut self, input: &Input) {
        let Input { owner, plan, tables, bound, valid, order, columns, taken } = input;
        self.field("input", owner);
        self.logical("plan", plan);
        self.field("tables", tables);
        self.field("bound", bound);
        self.field("valid", valid);
        self.field("order", order);
        self.field("columns", columns);
        self.field("taken", taken);
    }

    fn release(&mut self, release: &Release) {
        let Release { input, rows, present, gate, outputs } = release;
        self.field("release", input);
        match rows {
            Rows::One => self.field("rows", "one"),
            Rows::Chosen(chosen) => self.field("chosen", chosen),
            Rows::Terms(terms) => self.field("terms", terms),
            Rows::Groups(keys) => {
                self.field("groups", keys.len());
                for KeyDomain { field, values } in keys {
                    self.arrow_field(field);
                    self.field("values", values);
                }
            }
        }
        self.field("present", present);
        self.field("gate", gate);
        self.field("outputs", outputs.len());
        for Output { field, value, scale, known, gate } in outputs {
            self.arrow_field(field);
            self.field("value", value);
            self.field("scale", scale);
            self.field("known", known);
            self.field("gate", gate);
        }
    }

    /// Arrow keeps metadata in hash order.
    fn arrow_field(&mut self, field: &Field) {
        let metadata: std::collections::BTreeMap<_, _> = field.metadata().iter().collect();
        self.field("field", (field.name(), field.data_type(), field.is_nullable(), metadata));
    }
}

#[cfg(test)]
mod tests {
    use crate::plan_samples as samples;

    use super::*;

    #[test]
    fn equal_plans_have_equal_hashes() {
        assert_eq!(plan_hash(&samples::sum_by_region()), plan_hash(&samples::sum_by_region()));
    }

    #[test]
    fn every_change_shows() {
        let base = plan_hash(&samples::sum_by_region());
        let changes: Vec<fn(&mut SecurePlan)> = vec![
            |plan| plan.notices.push("hello".to_owned()),
            |plan| plan.releases.clear(),
            |plan| {
                let Node::Input(input) = &mut plan.nodes[0] else { return };
                input.bound += 1;
            },
            |plan| {
                let Node::Input(input) = &mut plan.nodes[0] else { return };
                input.valid = Some(0);
            },
            |plan| {
                let Some(Node::Release(release)) = plan.nodes.last_mut() else { return };
                release.gate[0].at_least -= 1;
            },
            |plan| {
                let Some(Node::Release(release)) = plan.nodes.last_mut() else { return };
                release.outputs[0].field = release.outputs[0].field.clone().with_name("other");
            },
            |plan| plan.nodes.truncate(2),
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut plan = samples::sum_by_region();
            change(&mut plan);
            assert_ne!(plan_hash(&plan), base, "change {index}");
        }
    }
}
