//! Statements that drivers and tools send about their own session. A federation is only read and every statement stands
//! alone, so transactions begin and end without effect, and settings of the client's side are taken note of.

/// What is said to a statement that needs no federation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Done, with this tag.
    Done(&'static str),
    /// A transaction has begun.
    Begun,
    /// A transaction has ended, with this tag.
    Ended(&'static str),
    /// The value of a parameter.
    Value(String, String),
}

/// The version that clients are told: it decides which questions they ask about catalogs.
pub(super) const SERVER_VERSION: &str = "9.6.0";

/// Settings of the client's side, none of which changes what a query means here.
const SETTINGS: [(&str, &str); 14] = [
    ("application_name", ""),
    ("bytea_output", "hex"),
    ("client_encoding", "UTF8"),
    ("client_min_messages", "notice"),
    ("datestyle", "ISO, MDY"),
    ("extra_float_digits", "3"),
    ("intervalstyle", "postgres"),
    ("jit", "off"),
    ("lock_timeout", "0"),
    ("search_path", "\"$user\", public"),
    ("standard_conforming_strings", "on"),
    ("synchronize_seqscans", "on"),
    ("timezone", "UTC"),
    ("transaction_read_only", "on"),
];

/// Values that can be asked for and not be set.
const FIXED: [(&str, &str); 6] = [
    ("server_version", SERVER_VERSION),
    ("server_version_num", "90600"),
    ("server_encoding", "UTF8"),
    ("transaction_isolation", "read committed"),
    ("max_identifier_length", "63"),
    ("integer_datetimes", "on"),
];

/// What to say to a statement, if it is one of these.
pub(super) fn said(sql: &str) -> Option<Said> {
    let text = sql.trim().trim_end_matches(';').to_lowercase();
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c == '=').filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        ["begin", ..] | ["start", "transaction", ..] => Some(Said::Begun),
        ["commit" | "end", ..] => Some(Said::Ended("COMMIT")),
        ["rollback", "to", ..] => Some(Said::Done("ROLLBACK")),
        ["rollback" | "abort", ..] => Some(Said::Ended("ROLLBACK")),
        ["savepoint", ..] => Some(Said::Done("SAVEPOINT")),
        ["release", ..] => Some(Said::Done("RELEASE")),
        ["discard", ..] => Some(Said::Done("DISCARD ALL")),
        ["reset", ..] => Some(Said::Done("RESET")),
        ["unlisten", ..] => Some(Said::Done("UNLISTEN")),
        ["close", ..] => Some(Said::Done("CLOSE CURSOR")),
        ["deallocate", "all"] => Some(Said::Done("DEALLOCATE ALL")),
        ["set", "transaction", ..] | ["set", "session", "characteristics", ..] => Some(Said::Done("SET")),
        ["set", "session" | "local", name, ..] | ["set", name, ..] => set(name),
        ["show", "transaction", "isolation", "level"] => value("transaction_isolation"),
        ["show", "time", "zone"] => value("timezone"),
        ["show", name] => value(name),
        _ => None,
    }
}

fn set(name: &str) -> Option<Said> {
    let known = name == "time" || SETTINGS.iter().any(|(known, _)| *known == name);
    known.then_some(Said::Done("SET"))
}

fn value(name: &str) -> Option<Said> {
    let known = SETTINGS.iter().chain(&FIXED).find(|(known, _)| *known == name)?;
    Some(Said::Value(known.0.to_owned(), known.1.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_get_their_answers_and_queries_pass() {
        assert_eq!(said("BEGIN;"), Some(Said::Begun));
        assert_eq!(said("start transaction isolation level read committed"), Some(Said::Begun));
        assert_eq!(said("COMMIT"), Some(Said::Ended("COMMIT")));
        assert_eq!(said("SET extra_float_digits = 3"), Some(Said::Done("SET")));
        assert_eq!(said("SET SESSION search_path TO public"), Some(Said::Done("SET")));
        assert_eq!(said("SET timezone='UTC'"), Some(Said::Done("SET")));
        assert_eq!(
            said("show standard_conforming_strings"),
            Some(Said::Value("standard_conforming_strings".to_owned(), "on".to_owned()))
        );
        for sql in
            ["SELECT 1", "SET timeout = '3s'", "SHOW TABLES", "SHOW timeout", "EXECUTE p(1)", "DEALLOCATE p"]
        {
            assert_eq!(said(sql), None, "{sql}");
        }
    }
}
