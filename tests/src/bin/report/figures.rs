//! What one process measured, and what the system says about it.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Failure;

/// The figures of one party.
#[derive(Debug)]
pub(crate) struct Figures {
    /// Wall-clock seconds of each run.
    pub(crate) seconds: Vec<f64>,
    /// Processor seconds of each run.
    pub(crate) cpu_seconds: Vec<f64>,
    /// Payload bytes sent in one run.
    pub(crate) bytes: u64,
    /// The longest chain of messages in the first run, as this party saw it.
    pub(crate) rounds: u64,
    /// Peak resident memory in kibibytes.
    pub(crate) peak_kib: u64,
    /// Whether the result is that of the computation in the clear; why not, otherwise.
    pub(crate) fault: Option<String>,
}

impl Figures {
    /// One line for the parent process.
    pub(crate) fn to_line(&self) -> String {
        json!({
            "seconds": self.seconds, "cpu_seconds": self.cpu_seconds, "bytes": self.bytes,
            "rounds": self.rounds, "peak_kib": self.peak_kib, "fault": self.fault,
        })
        .to_string()
    }

    /// Reads what [`Figures::to_line`] wrote.
    pub(crate) fn from_line(line: &str) -> Result<Self, Failure> {
        let value: Value = serde_json::from_str(line).map_err(|_| "a party ended without figures")?;
        let numbers = |name: &str| -> Vec<f64> {
            value[name].as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
        };
        let number = |name: &str| value[name].as_u64().ok_or_else(|| format!("no {name} in the figures"));
        Ok(Figures {
            seconds: numbers("seconds"),
            cpu_seconds: numbers("cpu_seconds"),
            bytes: number("bytes")?,
            rounds: number("rounds")?,
            peak_kib: number("peak_kib")?,
            fault: value["fault"].as_str().map(str::to_owned),
        })
    }
}

/// The processor time that this process has used so far.
pub(crate) fn cpu_time() -> Duration {
    /// Clock ticks per second in `/proc`, the same on every Linux.
    const TICKS: u64 = 100;
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15, counted from the name in parentheses on, which is the second.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}

/// The most memory that this process has had.
pub(crate) fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The load average of the last minute.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("?").to_owned()
}
