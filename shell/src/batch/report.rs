//! `--report FILE`: what a run did, statement by statement, for programs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use executor::analyst::Stats;
use planner::Position;
use serde_json::{Value, json};

use crate::error::{Failure, Result};

/// What a run did.
#[derive(Debug)]
pub struct RunReport {
    path: PathBuf,
    entries: Vec<Value>,
}

/// What one statement did.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Its text.
    pub sql: &'a str,
    /// Where it begins.
    pub position: Position,
    /// How long it took.
    pub elapsed: Duration,
    /// What it took at the seats, if the parties answered.
    pub stats: Option<&'a Stats>,
    /// How many rows came.
    pub rows: Option<usize>,
    /// What the user was told.
    pub notices: &'a [String],
    /// The file that the rows went to.
    pub output: Option<&'a Path>,
    /// Why it failed.
    pub failure: Option<&'a Failure>,
}

impl RunReport {
    /// A report that is written to this file at the end.
    pub fn new(path: &Path) -> Self {
        RunReport { path: path.to_owned(), entries: Vec::new() }
    }

    /// Adds a statement that ran.
    pub fn add(&mut self, entry: &Entry<'_>) {
        let most = |figure: fn(&executor::figures::Figures) -> u64| {
            entry.stats.map(|stats| stats.seats.iter().map(figure).max().unwrap_or_default())
        };
        let status = if entry.failure.is_none() { "ok" } else { "failed" };
        let position = entry.failure.and_then(|failure| failure.position);
        self.entries.push(json!({
            "number": self.entries.len() + 1,
            "line": entry.position.line,
            "sql": entry.sql,
            "status": status,
            "class": entry.failure.map(|failure| failure.class.name()),
            "message": entry.failure.map(|failure| failure.message.clone()),
            "hint": entry.failure.and_then(|failure| failure.hint.clone()),
            "position": position.map(|at| json!({ "line": at.line, "column": at.column })),
            "seconds": entry.elapsed.as_secs_f64(),
            "rounds": most(|seat| seat.rounds),
            "bytes": most(|seat| seat.sent_bytes),
            "rows": entry.rows,
            "notices": entry.notices,
            "output": entry.output.map(|path| path.display().to_string()),
        }));
    }

    /// Adds a statement that was not reached.
    pub fn skip(&mut self, sql: &str, position: Position) {
        let number = self.entries.len() + 1;
        self.entries
            .push(json!({ "number": number, "line": position.line, "sql": sql, "status": "skipped" }));
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Class invalid if it cannot be written.
    pub fn write(&self, exit_code: u8) -> Result<()> {
        let report = json!({
            "program": executor::request::PROGRAM,
            "exit_code": exit_code,
            "statements": self.entries,
        });
        let text = format!("{report:#}\n");
        std::fs::write(&self.path, text)
            .map_err(|error| Failure::invalid(format!("cannot write {}: {error}", self.path.display())))
    }
}
