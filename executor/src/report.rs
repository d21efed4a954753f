//! What a party tells others about a failure: to the analyst a message, to parties class and step only.

use planner::{Class, Position};
use serde::{Deserialize, Serialize};

use crate::Error;

/// A failure, as others learn of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The class's exit code.
    class: u8,
    /// A public name of where it happened.
    step: String,
    /// Whether the reporting party only passes on what it heard from another.
    pub(crate) relayed: bool,
    /// For the analyst.
    message: Option<String>,
    hint: Option<String>,
    /// Line and column.
    position: Option<(u64, u64)>,
}

impl Report {
    /// For other parties.
    pub(crate) fn for_party(error: &Error) -> Self {
        let relayed = matches!(error, Error::Remote { .. } | Error::Cancelled);
        // What a party has to put right at home is not the analyst's fault.
        let own = matches!(error, Error::Configuration(_) | Error::KeyFile { .. });
        let class = if own { Class::Peer } else { error.class() }.exit_code();
        Report { class, step: error.step(), relayed, message: None, hint: None, position: None }
    }

    /// For the analyst, from the party called `party`.
    pub(crate) fn for_analyst(error: &Error, party: &str) -> Self {
        Report {
            message: Some(error.for_analyst(party)),
            hint: error.hint().map(str::to_owned),
            position: error.position().map(|position| (position.line, position.column)),
            ..Report::for_party(error)
        }
    }

    /// The same, as something that another party is the cause of.
    pub(crate) fn passed_on(self) -> Self {
        Report { relayed: true, ..self }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The error that this report is at its receiver. Whatever cannot be read is a failure too.
    pub(crate) fn to_error(bytes: &[u8], party: &str) -> (Error, bool) {
        let Ok(report) = serde_json::from_slice::<Report>(bytes) else {
            return (Error::peer(party, "it reports a failure that cannot be read"), false);
        };
        let position = report.position.map(|(line, column)| Position { line, column });
        let class = class(report.class);
        let message = report.message.unwrap_or_else(|| {
            if report.step == format!("link to {party}") {
                format!("party {party} is unreachable: it is shutting down")
            } else if class == Class::Peer && report.step.starts_with("link to ") {
                format!("party {party} has lost its {}", report.step)
            } else {
                format!("party {party} ended the query at: {}", report.step)
            }
        });
        (
            Error::Remote { party: party.to_owned(), class, message, hint: report.hint, position },
            report.relayed,
        )
    }
}

fn class(code: u8) -> Class {
    let all = [
        Class::Invalid,
        Class::Refused,
        Class::Source,
        Class::Peer,
        Class::Abort,
        Class::Resource,
        Class::Internal,
    ];
    all.into_iter().find(|class| class.exit_code() == code).unwrap_or(Class::Peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_error_says_only_the_table_to_others() {
        let error =
            Error::Source { table: "hospital.visits".into(), message: "age: 3 rows above 120".into() };
        for report in [Report::for_party(&error), Report::for_analyst(&error, "hospital")] {
            let text = String::from_utf8(report.to_bytes()).unwrap();
            assert!(text.contains("hospital.visits") && !text.contains("120"), "{text}");
        }
    }

    #[test]
    fn a_planning_error_reaches_the_analyst_whole() {
        let position = Position { line: 2, column: 5 };
        let error = planner::Error::refused("not allowed").with_hint("ask".to_owned()).at(position);
        let report = Report::for_analyst(&error.into(), "hospital");
        let (error, relayed) = Report::to_error(&report.to_bytes(), "hospital");
        assert_eq!((error.class(), error.to_string().as_str()), (Class::Refused, "not allowed"));
        assert_eq!((error.hint(), error.position(), relayed), (Some("ask"), Some(position), false));
        let lost = |of: &str| Report::for_party(&Error::peer(of, "gone")).to_bytes();
        let told = |of: &str| Report::to_error(&lost(of), "helper").0.to_string();
        assert_eq!(told("insurer"), "party helper has lost its link to insurer");
        assert_eq!(told("helper"), "party helper is unreachable: it is shutting down");
        assert!(Report::to_error(&Report::for_party(&Error::Cancelled).to_bytes(), "x").1);
        assert_eq!(Report::to_error(b"{", "x").0.class(), Class::Peer);
    }
}
