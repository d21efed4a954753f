//! What planning depends on besides the federation: signed by the analyst, the same at every party.

use serde::{Deserialize, Serialize};

use crate::nearest::same_name;

/// The state of an analyst's session that a statement may depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who asks.
    pub analyst: String,
    /// Virtual tables of the session, in the order of their creation.
    pub virtual_tables: Vec<VirtualTable>,
    /// Prepared statements, in the order of their creation.
    pub prepared: Vec<PreparedStatement>,
    /// `SET name = value`, in the order of first setting.
    pub settings: Vec<(String, String)>,
    /// The time of submission, microseconds since 1970 UTC: `now()` and `current_date`.
    pub submitted_us: i64,
}

/// A named query of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualTable {
    /// Its name, as typed.
    pub name: String,
    /// Its query.
    pub sql: String,
}

/// `PREPARE name AS statement`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedStatement {
    /// Its name, as typed.
    pub name: String,
    /// Its statement, with `$1`, `$2`, ...
    pub sql: String,
}

/// Something that `SET` may change.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one line.
    pub description: &'static str,
}

/// All settings. None changes what a query means; the executor reads them from the session.
pub const SETTINGS: [Setting; 1] = [Setting {
    name: "timeout",
    description: "How long a query may take, such as 30s, 5m or 500ms; the program's --timeout where it is not set.",
}];

impl Session {
    /// The value of a setting, if it was set.
    pub fn setting(&self, name: &str) -> Option<&str> {
        let found = self.settings.iter().find(|(known, _)| same_name(known, name));
        found.map(|(_, value)| value.as_str())
    }

    /// `SET timeout`, in milliseconds.
    pub fn timeout_ms(&self) -> Option<u64> {
        self.setting("timeout").and_then(parse_duration_ms)
    }
}

/// A duration such as `30s`, `5m`, `500ms` or `2h`, in milliseconds; a number without unit is seconds.
pub fn parse_duration_ms(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = text.get(..digits)?.parse().ok()?;
    let unit = match text.get(digits..)?.trim().to_lowercase().as_str() {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(unit).filter(|ms| *ms > 0)
}
