//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use mpc::Seat;

use crate::Failure;
use crate::work::{WORKS, Work};

const USAGE: &str = "usage: report [--output FILE.csv] [--work NAME] [--rtt-ms N] [--rows N] [--runs N]";

/// What was typed.
pub(crate) struct Arguments {
    /// Where the figures go; standard output if nowhere.
    pub(crate) output: Option<PathBuf>,
    /// What is measured, in order.
    pub(crate) works: Vec<&'static Work>,
    /// The round-trip time of a slower network.
    pub(crate) rtt: Option<Duration>,
    /// Rows instead of those that a work is defined for.
    pub(crate) rows: Option<usize>,
    /// How many runs count; one more warms up.
    pub(crate) runs: usize,
    /// The seat that this process is to take, if it is not the one that a user started.
    pub(crate) seat: Option<Seat>,
}

impl Arguments {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut read = Arguments {
            output: None,
            works: WORKS.iter().collect(),
            rtt: None,
            rows: None,
            runs: 3,
            seat: None,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value; {USAGE}"));
            match word.as_str() {
                "--output" => read.output = Some(value()?.into()),
                "--work" => read.works = vec![named(&value()?)?],
                "--rtt-ms" => read.rtt = Some(Duration::try_from_secs_f64(value()?.parse::<f64>()? / 1e3)?),
                "--rows" => read.rows = Some(value()?.parse()?),
                "--runs" => read.runs = value()?.parse::<usize>()?.max(1),
                "--seat" => read.seat = Some(Seat::from_index(value()?.parse()?)),
                "--help" | "-h" => return Err(format!("{USAGE}; works: {}", names()).into()),
                _ => return Err(format!("unknown argument {word}; {USAGE}").into()),
            }
        }
        Ok(read)
    }

    /// How many rows a work runs on.
    pub(crate) fn rows(&self, work: &Work) -> usize {
        self.rows.unwrap_or(work.rows)
    }
}

fn named(name: &str) -> Result<&'static Work, Failure> {
    let work = WORKS.iter().find(|work| work.name == name);
    work.ok_or_else(|| format!("there is no work {name}; works: {}", names()).into())
}

fn names() -> String {
    WORKS.iter().map(|work| work.name).collect::<Vec<_>>().join(", ")
}
