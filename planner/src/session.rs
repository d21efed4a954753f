//! What planning depends on besides the federation: signed by the analyst, the same at every party.

use serde::{Deserialize, Serialize};

use crate::cost::LinkSpeed;
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
    /// What it takes.
    pub takes: Takes,
}

/// The values of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// `30s`.
    Duration,
    /// `0.5ms`.
    ShortDuration,
    /// `4 GB`.
    Size,
    /// `100 Mbit/s`.
    Rate,
}

impl Takes {
    /// An example.
    pub const fn example(self) -> &'static str {
        match self {
            Takes::Duration => "30s",
            Takes::ShortDuration => "20ms",
            Takes::Size => "4 GB",
            Takes::Rate => "100 Mbit/s",
        }
    }

    /// How messages name such a value.
    pub const fn name(self) -> &'static str {
        match self {
            Takes::Duration | Takes::ShortDuration => "a duration",
            Takes::Size => "a number of bytes",
            Takes::Rate => "bits or bytes a second",
        }
    }

    /// Whether a text is such a value.
    pub fn accepts(self, text: &str) -> bool {
        match self {
            Takes::Duration => parse_duration_ms(text).is_some(),
            Takes::ShortDuration => parse_duration_us(text).is_some(),
            Takes::Size => parse_bytes(text).is_some(),
            Takes::Rate => parse_rate(text).is_some(),
        }
    }
}

/// All settings. None changes what a query means; the executor reads them from the session.
pub const SETTINGS: [Setting; 4] = [
    Setting {
        name: "bandwidth",
        description: "What a party can send, such as 100 Mbit/s: for EXPLAIN's seconds, and to refuse what takes longer than it may.",
        takes: Takes::Rate,
    },
    Setting {
        name: "memory",
        description: "How much memory a query may take at a computing party, such as 4 GB; more, by the plan, is refused before it starts.",
        takes: Takes::Size,
    },
    Setting {
        name: "rtt",
        description: "How long a message between parties takes there and back, such as 20ms: for EXPLAIN's seconds, and to refuse what takes longer than it may.",
        takes: Takes::ShortDuration,
    },
    Setting {
        name: "timeout",
        description: "How long a query may take, such as 30s, 5m or 500ms; the program's --timeout where it is not set.",
        takes: Takes::Duration,
    },
];

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

    /// `SET memory`, in bytes.
    pub fn memory_bytes(&self) -> Option<u64> {
        self.setting("memory").and_then(parse_bytes)
    }

    /// `SET rtt` and `SET bandwidth`; where they are not set, those of one machine.
    pub fn link_speed(&self) -> LinkSpeed {
        let default = LinkSpeed::default();
        LinkSpeed {
            rtt_us: self.setting("rtt").and_then(parse_duration_us).unwrap_or(default.rtt_us),
            bytes_per_second: self
                .setting("bandwidth")
                .and_then(parse_rate)
                .unwrap_or(default.bytes_per_second),
        }
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

/// A duration such as `20ms`, `70us` or `1s`, in microseconds. The unit must be there: nobody means seconds by a bare number.
fn parse_duration_us(text: &str) -> Option<u64> {
    if text.trim().ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    match text.trim().strip_suffix("us") {
        Some(number) => number.trim().parse().ok().filter(|us| *us > 0),
        None => parse_duration_ms(text)?.checked_mul(1_000),
    }
}

/// A number of bytes such as `4 GB`, `500 MB` or `65536`.
pub fn parse_bytes(text: &str) -> Option<u64> {
    with_unit(
        text,
        &[
            ("", 1),
            ("B", 1),
            ("KB", 1_000),
            ("MB", 1_000_000),
            ("GB", 1_000_000_000),
            ("TB", 1_000_000_000_000),
        ],
    )
}

/// Bytes a second such as `100 Mbit/s`, `1 Gbit/s` or `12 MB/s`.
fn parse_rate(text: &str) -> Option<u64> {
    let text = text.trim();
    let rate = text.strip_suffix("/s").unwrap_or(text);
    let bits = with_unit(rate, &[("BIT", 1), ("KBIT", 1_000), ("MBIT", 1_000_000), ("GBIT", 1_000_000_000)]);
    bits.map_or_else(|| parse_bytes(rate), |bits| Some(bits / 8)).filter(|rate| *rate > 0)
}

/// A whole number and one of some units, in any case.
fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let (_, size) = units.iter().find(|(name, _)| unit.trim().eq_ignore_ascii_case(name))?;
    number.checked_mul(*size).filter(|size| *size > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_rates_have_units() {
        assert_eq!(
            ["4 GB", "65536", "3mb", "0", "x", "4 G"].map(parse_bytes),
            [Some(4_000_000_000), Some(65_536), Some(3_000_000), None, None, None]
        );
        assert_eq!(
            ["100 Mbit/s", "1gbit", "12 MB/s", "fast"].map(parse_rate),
            [Some(12_500_000), Some(125_000_000), Some(12_000_000), None]
        );
        assert_eq!(
            ["70us", "20ms", "2s", "20", "ms"].map(parse_duration_us),
            [Some(70), Some(20_000), Some(2_000_000), None, None]
        );
        for setting in SETTINGS {
            assert!(setting.takes.accepts(setting.takes.example()), "{}", setting.name);
        }
    }
}
