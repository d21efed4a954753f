//! The tree that EXPLAIN prints.

use crate::catalog::Federation;
use crate::cost::{Cost, LinkSpeed, PlanCost, alternatives, cost};
use crate::plan::{Node, NodeId, SecurePlan};
use crate::sql_text::readable;

use super::{Measured, MeasuredStep};
use super::{choice, text};

/// The lines of EXPLAIN: the clear stage, then for every release its nodes, the owners' local plans at the leaves.
///
/// With `measured`, every node also says what it took; `verbose` shows the columns and the ways not taken. `link` is what
/// the estimate of seconds rests on.
pub fn tree(
    plan: &SecurePlan,
    federation: &Federation,
    link: LinkSpeed,
    verbose: bool,
    measured: Option<&Measured>,
) -> Vec<String> {
    let cost = cost(plan, federation);
    let mut printer = Printer {
        plan,
        federation,
        link,
        verbose,
        measured,
        cost: &cost,
        rows: plan.rows(),
        lines: Vec::new(),
    };
    printer.clear();
    printer.secure();
    for notice in &plan.notices {
        printer.lines.push(format!("notice: {notice}"));
    }
    printer.lines.iter().map(|line| readable(line)).collect()
}

struct Printer<'a> {
    plan: &'a SecurePlan,
    federation: &'a Federation,
    link: LinkSpeed,
    verbose: bool,
    measured: Option<&'a Measured>,
    cost: &'a PlanCost,
    rows: Vec<usize>,
    lines: Vec<String>,
}

impl Printer<'_> {
    fn line(&mut self, depth: usize, text: &str) {
        self.lines.push(format!("{}{text}", "  ".repeat(depth)));
    }

    /// What the analyst does with released tables.
    fn clear(&mut self) {
        self.line(0, "at the analyst, in the clear");
        for line in self.plan.clear.display_indent().to_string().lines() {
            self.lines.push(format!("  {line}"));
        }
    }

    fn secure(&mut self) {
        let total = self.cost.total;
        let seats = text::listed(&text::seats(self.federation));
        self.line(
            0,
            &format!(
                "secure, at {seats}: {}, {} by the seat that sends most, {} to the analyst, about {} of memory a seat",
                text::plural(total.rounds, "round"),
                text::bytes(total.bytes()),
                text::bytes(3 * total.result_bytes),
                text::bytes(self.cost.memory_bytes),
            ),
        );
        let (seconds, link) = (text::seconds(self.link.seconds(&total)), text::link(self.link));
        self.line(1, &format!("about {seconds} where {link} (SET rtt, SET bandwidth)"));
        if let Some(measured) = self.measured {
            let text = taken(&measured.total);
            self.line(1, &format!("took {text}"));
        }
        let mut shown = vec![false; self.plan.nodes.len()];
        for (number, release) in self.plan.releases.iter().enumerate() {
            for order in choice::join_orders(self.plan, self.federation, *release) {
                self.line(1, &format!("r{number} joins {order}"));
            }
            if self.verbose {
                for choice in self.plan.choices.iter().filter(|choice| choice.release == number) {
                    for line in choice::lines(choice, self.link) {
                        self.line(1, &format!("r{number} {line}"));
                    }
                }
            }
            self.node(*release, 1, &mut shown);
        }
    }

    fn node(&mut self, id: NodeId, depth: usize, shown: &mut [bool]) {
        let NodeId(index) = id;
        let Some(node) = self.plan.nodes.get(index) else { return };
        let before = shown.get(index).copied().unwrap_or_default();
        let head = match self.plan.releases.iter().position(|release| *release == id) {
            Some(number) => format!("{index} {} r{number}", text::kind(node)),
            None => format!("{index} {}", text::kind(node)),
        };
        if before {
            self.line(depth, &format!("{head} (see above)"));
            return;
        }
        if let Some(shown) = shown.get_mut(index) {
            *shown = true;
        }
        self.line(depth, &format!("{head}: {}", text::summary(self.plan, self.federation, index)));
        let rows = self.rows.get(index).copied().unwrap_or_default() as u64;
        let cost = self.cost.nodes.get(index).copied().unwrap_or_default();
        let place = text::place(self.plan, self.federation, index);
        let protocol = text::protocol(self.plan, self.federation, index);
        self.line(
            depth,
            &format!("   [{place}; {protocol}; at most {}; {}]", text::plural(rows, "row"), costs(&cost)),
        );
        if let Some(step) = self.measured.and_then(|measured| measured.nodes.get(index)) {
            let text = taken(step);
            self.line(depth, &format!("   [took {text}]"));
        }
        if self.verbose {
            let others = alternatives(self.plan, self.federation, index);
            if !others.is_empty() {
                let seconds = text::seconds(self.link.seconds(&cost));
                self.line(depth, &format!("   [chosen: about {seconds}]"));
            }
            for (other, cost) in others {
                let way = text::matching(other, self.federation);
                let seconds = text::seconds(self.link.seconds(&cost));
                self.line(depth, &format!("   [instead: {way}; {}; about {seconds}]", costs(&cost)));
            }
            for def in node.columns() {
                self.line(depth, &format!("   - {}", text::column(def)));
            }
        }
        if let Node::Input(input) = node {
            let owner = self.federation.parties.get(input.owner.0).map_or("?", |party| party.name.as_str());
            self.line(depth + 1, &format!("at {owner}, in the clear"));
            for line in input.plan.display_indent().to_string().lines() {
                self.lines.push(format!("{}{line}", "  ".repeat(depth + 2)));
            }
        }
        for input in node.inputs() {
            self.node(input, depth + 1, shown);
        }
    }
}

/// `5 rounds, 1.2 kB`.
pub(super) fn costs(cost: &Cost) -> String {
    let mut parts = vec![text::plural(cost.rounds, "round"), text::bytes(cost.bytes())];
    if cost.owner_bytes > 0 {
        parts.push(format!("{} by owners", text::bytes(cost.owner_bytes)));
    }
    if cost.result_bytes > 0 {
        parts.push(format!("{} to the analyst", text::bytes(3 * cost.result_bytes)));
    }
    parts.join(", ")
}

/// `0.012 s, 5 waits, 1.2 kB`.
fn taken(step: &MeasuredStep) -> String {
    let mut parts = Vec::new();
    parts.extend(step.seconds.map(|seconds| format!("{seconds:.3} s")));
    parts.extend(step.rounds.map(|rounds| text::plural(rounds, "wait")));
    parts.extend(step.bytes.map(text::bytes));
    if parts.is_empty() { "no time of the seats".to_owned() } else { parts.join(", ") }
}
