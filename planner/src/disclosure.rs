//! Everything that anyone learns from a query, in plain words.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;

use crate::catalog::Federation;
use crate::error::{Class, Error, Result};
use crate::explain::demand;
use crate::plan::{
    HashedJoin, Input, JoinKey, Matching, Multiplicity, Node, PartyId, Release, Rows, SecurePlan, Threshold,
};
use crate::session::Session;

/// One thing that someone learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    /// Who: a party, `analyst NAME`, or `every party`.
    pub recipient: String,
    /// What it learns.
    pub what: String,
    /// In which step of the plan: `query`, or the number and kind of a node, as EXPLAIN shows them.
    pub step: String,
    /// How much it is, as a public bound.
    pub size: String,
}

/// All that a query discloses, in the order of the plan. What is not listed, nobody learns.
pub fn disclosures(plan: &SecurePlan, federation: &Federation, session: &Session) -> Vec<Disclosure> {
    let analyst = format!("analyst {}", session.analyst);
    let mut all = vec![Disclosure {
        recipient: "every party".to_owned(),
        what: format!(
            "the text of the query, that {} asks it and when, the plan that follows from it, and whether it was answered",
            session.analyst
        ),
        step: "query".to_owned(),
        size: "1 query".to_owned(),
    }];
    let rows = plan.rows();
    for (index, node) in plan.nodes.iter().enumerate() {
        match node {
            Node::Input(input) => all.push(public_bound(input, federation, index)),
            Node::HashedJoin(join) => {
                all.extend(self::join(join, plan, federation, index, &rows));
                let keys = [&join.stay_key, &join.moved_key];
                all.extend(keys.into_iter().filter_map(|key| unique(key, plan, federation, index)));
            }
            Node::Release(release) => {
                let number = plan.releases.iter().position(|id| id.0 == index).unwrap_or_default();
                let step = format!("{index} Release r{number}");
                all.extend(self::release(
                    release,
                    &analyst,
                    &step,
                    rows.get(index).copied().unwrap_or_default(),
                ));
            }
            Node::Union(_)
            | Node::Compute(_)
            | Node::Broadcast(_)
            | Node::Aggregate(_)
            | Node::Group(_)
            | Node::Fold(_)
            | Node::Assemble(_)
            | Node::Lasso(_) => {}
        }
    }
    all.extend(owners(plan, federation));
    all
}

/// The disclosures as the rows of EXPLAIN DISCLOSURE: `recipient, what, step, size`.
///
/// # Errors
/// [`Class::Internal`], if the columns were of different lengths.
pub fn rows(disclosures: &[Disclosure]) -> Result<RecordBatch> {
    type Part = fn(&Disclosure) -> &str;
    let parts: [(&str, Part); 4] = [
        ("recipient", |d| d.recipient.as_str()),
        ("what", |d| d.what.as_str()),
        ("step", |d| d.step.as_str()),
        ("size", |d| d.size.as_str()),
    ];
    let fields: Vec<Field> = parts.iter().map(|(name, _)| Field::new(*name, DataType::Utf8, true)).collect();
    let columns = parts.iter().map(|(_, part)| {
        let column: StringArray = disclosures.iter().map(|disclosure| Some(part(disclosure))).collect();
        Arc::new(column) as ArrayRef
    });
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.collect()).map_err(|error| Error {
        class: Class::Internal,
        message: format!("the disclosures are no table: {error}"),
        hint: None,
        position: None,
    })
}

fn party(federation: &Federation, id: PartyId) -> &str {
    federation.parties.get(id.0).map_or("?", |party| party.name.as_str())
}

/// `hospital.lifestyle and hospital.labs`.
fn tables(input: &Input, federation: &Federation) -> String {
    let owner = party(federation, input.owner);
    let names: Vec<_> = input.tables.iter().map(|table| format!("{owner}.{table}")).collect();
    names.join(" and ")
}

fn public_bound(input: &Input, federation: &Federation, index: usize) -> Disclosure {
    Disclosure {
        recipient: "every party".to_owned(),
        what: format!(
            "the largest number of rows that {} may have, which its policy publishes; not how many there are, nor how \
             many pass the query's conditions",
            tables(input, federation)
        ),
        step: format!("{index} Input"),
        size: format!("{} rows", input.bound),
    }
}

/// What the seat that compares pseudonyms learns.
fn join(
    join: &HashedJoin,
    plan: &SecurePlan,
    federation: &Federation,
    index: usize,
    rows: &[usize],
) -> Vec<Disclosure> {
    let input = |id: crate::plan::NodeId| match plan.nodes.get(id.0) {
        Some(Node::Input(input)) => Some(input),
        _ => None,
    };
    let (Some(stay), Some(moved)) = (input(join.stay_key.input), input(join.moved_key.input)) else {
        return Vec::new();
    };
    let Matching::Pseudonyms { matcher } = join.matching else { return Vec::new() };
    let matcher = federation.parties.iter().find(|party| party.seat == Some(matcher));
    let recipient = matcher.map_or("?", |party| party.name.as_str()).to_owned();
    let (stay, moved) = (tables(stay, federation), tables(moved, federation));
    let step = format!("{index} HashedJoin");
    let bound = rows.get(index).copied().unwrap_or_default();
    let mut found = vec![Disclosure {
        recipient: recipient.clone(),
        what: format!(
            "how many rows of {stay} have a partner in {moved}, over the whole tables, whatever the query's conditions \
             say. It compares pseudonyms under a key that it never has and that is used once: it sees no identifier, and \
             cannot tell whose rows they are"
        ),
        step: step.clone(),
        size: format!("1 number, at most {bound}"),
    }];
    if join.multiplicity == Multiplicity::ManyToOne {
        found.push(Disclosure {
            recipient,
            what: format!(
                "how many identifiers occur once, twice, ... in {stay}, over the whole table, without knowing which \
                 identifiers these are"
            ),
            step,
            size: format!("{} numbers, of rows up to {bound}", join.stay_key.max_rows),
        });
    }
    found
}

/// What is said by whether a query fails: its owner checks an identifier, and no policy promises what is checked.
fn unique(key: &JoinKey, plan: &SecurePlan, federation: &Federation, index: usize) -> Option<Disclosure> {
    let Some(Node::Input(input)) = plan.nodes.get(key.input.0) else { return None };
    let owner = federation.parties.get(input.owner.0)?;
    let of_person = owner.tables.iter().any(|table| {
        let person = table.person.as_ref().map(|person| format!("{}.{}.{person}", owner.name, table.name));
        person.is_some_and(|person| person.eq_ignore_ascii_case(&key.name))
    });
    let promised = owner.tables.iter().any(|table| {
        let named = |column: &usize| {
            let column = table.columns.get(*column).map_or("", |column| column.name.as_str());
            let name = format!("{}.{}.{column}", owner.name, table.name);
            key.name.split(", ").any(|part| part.eq_ignore_ascii_case(&name))
        };
        let at_most = |rows: u64| usize::try_from(rows).is_ok_and(|rows| rows <= key.max_rows);
        table.keys.iter().any(|declared| at_most(declared.max_rows) && declared.columns.iter().all(named))
    });
    if of_person || promised || key.max_rows >= input.bound {
        return None;
    }
    let rows = if key.max_rows == 1 { "1 row".to_owned() } else { format!("{} rows", key.max_rows) };
    Some(Disclosure {
        recipient: "every party and the analyst".to_owned(),
        what: format!(
            "whether every identifier {} is in no more than {rows} of the whole table, which {} checks and its policy does \
             not promise: if not, the query ends with an error (class source); which identifiers, nobody learns",
            key.name, owner.name
        ),
        step: format!("{index} HashedJoin"),
        size: "1 yes or no".to_owned(),
    })
}

/// What the analyst learns from a release.
fn release(release: &Release, analyst: &str, step: &str, rows: usize) -> Vec<Disclosure> {
    let mut found = Vec::new();
    let mut tell = |what: String, size: String| {
        found.push(Disclosure { recipient: analyst.to_owned(), what, step: step.to_owned(), size });
    };
    let whole = conditions(&release.gate);
    let each = match &release.rows {
        Rows::Groups(keys) => {
            let names: Vec<_> = keys.iter().map(|key| key.field.name().as_str()).collect();
            let mut demands: Vec<String> = whole.iter().cloned().collect();
            if release.present.is_some() {
                demands.push("meet the query's HAVING, if it has one, and are not empty".to_owned());
            }
            let demands = if demands.is_empty() { "exist".to_owned() } else { demands.join(" and ") };
            tell(
                format!(
                    "which groups of {} {demands}; all other groups look alike, whether they are empty or too small",
                    names.join(", ")
                ),
                format!("{rows} yes or no"),
            );
            "for each group shown, "
        }
        Rows::Chosen(chosen) => {
            let demands = whole.clone().unwrap_or_else(|| "exist".to_owned());
            let limited = chosen.skip > 0 || chosen.fetch.is_some();
            let what = if limited {
                format!("how many of the rows asked for there are, among the groups that {demands}")
            } else {
                format!("how many groups {demands}")
            };
            let size = format!("1 number, at most {rows}");
            tell(
                format!("{what}, and meet the query's HAVING, if it has one; nothing of any other group"),
                size,
            );
            "for each group shown, "
        }
        Rows::Terms(_) => "for each term of the model, ",
        Rows::One => "",
    };
    for output in &release.outputs {
        let mut gates = output.gate.clone();
        if !matches!(release.rows, Rows::Groups(_) | Rows::Chosen(_)) {
            gates.extend(release.gate.iter().cloned());
        }
        let withheld = conditions(&gates)
            .map(|demand| format!(", or that it is withheld or NULL unless its rows {demand}"));
        let withheld = match (withheld, output.known) {
            (Some(text), _) => text,
            (None, Some(_)) => ", or that it is NULL".to_owned(),
            (None, None) => String::new(),
        };
        let numbers = if rows == 1 { "1 number".to_owned() } else { format!("{rows} numbers") };
        tell(format!("{each}the column {}{withheld}", output.field.name()), numbers);
    }
    if release.outputs.is_empty() && !matches!(release.rows, Rows::Groups(_) | Rows::Chosen(_)) {
        tell("that the query has an answer".to_owned(), "1 row".to_owned());
    }
    found
}

/// `have at least 10 people of hospital and 10 people of insurer`.
fn conditions(gate: &[Threshold]) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    for threshold in gate {
        let part = demand(threshold);
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    (!parts.is_empty()).then(|| format!("have at least {}", parts.join(" and ")))
}

/// Owners and seats learn nothing about rows of others; said once for each.
fn owners(plan: &SecurePlan, federation: &Federation) -> Vec<Disclosure> {
    let matcher = |join: &HashedJoin| match join.matching {
        Matching::Pseudonyms { matcher } => Some(matcher),
        Matching::Oblivious { .. } => None,
    };
    let joins =
        plan.nodes.iter().any(|node| matches!(node, Node::HashedJoin(join) if matcher(join).is_some()));
    let shares = |id: usize| {
        plan.nodes.iter().any(|node| matches!(node, Node::Input(input) if input.owner == PartyId(id)))
    };
    let mut found = Vec::new();
    for (id, party) in federation.parties.iter().enumerate() {
        let matches = plan
            .nodes
            .iter()
            .any(|node| matches!(node, Node::HashedJoin(join) if party.seat.is_some() && party.seat == matcher(join)));
        let what = match (shares(id), party.seat.is_some()) {
            (true, _) if matches => {
                "nothing about anybody else's rows but what is listed above; it does not see the answer"
            }
            (true, _) if joins => {
                "nothing about anybody else's rows, not even how many match its own; it does not see the answer"
            }
            (true, _) => "nothing about anybody else's rows; it does not see the answer",
            (false, true) => "nothing but what is listed above: it computes on shares that look random to it",
            (false, false) => continue,
        };
        found.push(Disclosure {
            recipient: party.name.clone(),
            what: what.to_owned(),
            step: "query".to_owned(),
            size: "nothing".to_owned(),
        });
    }
    found
}
