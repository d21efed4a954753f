//! `[limits]` of a configuration: what a query may take.

use std::time::Duration;

use super::document::Section;
use crate::error::Result;

/// What `[limits]` says. A query that needs more, by its plan, is refused before it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitsFile {
    /// Memory of a computing party: `memory = "4 GB"`.
    pub memory_bytes: Option<u64>,
    /// From the request to the answer: `time = "10m"`.
    pub time: Option<Duration>,
}

impl LimitsFile {
    pub(super) fn of(top: &Section<'_>) -> Result<Self> {
        let Some(section) = top.table("limits", &["memory", "time"])? else { return Ok(Self::default()) };
        Ok(Self { memory_bytes: section.optional_bytes("memory")?, time: section.optional_duration("time")? })
    }
}
