//! The process that a user starts: starts three parties for each work and puts their figures together.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use mpc::Seat;

use crate::arguments::Arguments;
use crate::figures::{Figures, load};
use crate::work::Work;
use crate::{Failure, rounds};

/// The columns of the output.
const HEADER: &str = "work,rows,seconds,rows_per_s,bytes_per_row_per_party,rounds,peak_mb\n";

/// Measures everything that was asked for.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut csv = HEADER.to_owned();
    let mut faults = Vec::new();
    for work in &arguments.works {
        let rows = arguments.rows(work);
        let parties = measure(arguments, work)?;
        let fault = parties.iter().find_map(|party| party.fault.clone());
        faults.extend(fault.map(|fault| format!("{}: {fault}", work.name)));
        let of_party = parties.iter().map(|party| party.rounds).max().unwrap_or(0);
        let rounds = rounds::of(work, rows)?.unwrap_or(of_party);
        line(&mut csv, work, rows, &parties, rounds)?;
    }
    match &arguments.output {
        Some(file) => fs::write(file, csv)?,
        None => print!("{csv}"),
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ").into()) }
}

/// Adds the line of one work, and tells the rest.
fn line(
    csv: &mut String,
    work: &Work,
    rows: usize,
    parties: &[Figures; 3],
    rounds: u64,
) -> Result<(), Failure> {
    let runs = parties.iter().map(|party| party.seconds.len()).min().unwrap_or(0);
    let slowest = |run: usize| parties.iter().map(|party| party.seconds[run]).fold(0.0, f64::max);
    let processor = |run: usize| parties.iter().map(|party| party.cpu_seconds[run]).sum::<f64>();
    let best = (0..runs).min_by(|&a, &b| slowest(a).total_cmp(&slowest(b))).ok_or("no run")?;
    let seconds = slowest(best);
    let count = f64::from(u32::try_from(rows)?);
    let bytes = parties.iter().map(|party| party.bytes).max().unwrap_or(0);
    let bytes = f64::from(u32::try_from(bytes)?) / count;
    let peak = parties.iter().map(|party| party.peak_kib).max().unwrap_or(0).div_ceil(1024);
    let rate = count / seconds;
    writeln!(csv, "{},{rows},{seconds:.4},{rate:.0},{bytes:.2},{rounds},{peak}", work.name)?;
    eprintln!(
        "{:<24} {seconds:>9.4} s {:>9.2} CPU s {rate:>12.0} rows/s {bytes:>9.2} bytes/row {rounds:>5} rounds {peak:>6} MB  load {}",
        work.name,
        processor(best),
        load(),
    );
    Ok(())
}

/// One work at three parties.
fn measure(arguments: &Arguments, work: &Work) -> Result<[Figures; 3], Failure> {
    let mut parties = Vec::new();
    for seat in Seat::ALL {
        parties.push(Party::start(arguments, work, seat)?);
    }
    let addresses: Vec<String> = parties.iter_mut().map(Party::line).collect::<Result<_, _>>()?;
    for party in &mut parties {
        party.tell(&addresses.join(" "))?;
    }
    let figures = parties.iter_mut().map(|party| Figures::from_line(&party.line()?));
    let figures: Vec<Figures> = figures.collect::<Result<_, _>>()?;
    <[Figures; 3]>::try_from(figures).map_err(|_| "not three parties".into())
}

/// A party's process, which ends with this value.
struct Party {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Party {
    fn start(arguments: &Arguments, work: &Work, seat: Seat) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--seat", &seat.index().to_string(), "--work", work.name]);
        command.args(["--rows", &arguments.rows(work).to_string()]);
        command.args(["--runs", &arguments.runs.to_string()]);
        if let Some(rtt) = arguments.rtt {
            command.args(["--rtt-ms", &(rtt.as_secs_f64() * 1e3).to_string()]);
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().ok_or("a party without an output")?;
        Ok(Party { process, output: BufReader::new(output) })
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    fn tell(&mut self, line: &str) -> Result<(), Failure> {
        let input = self.process.stdin.as_mut().ok_or("a party without an input")?;
        writeln!(input, "{line}")?;
        Ok(input.flush()?)
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        // A party that has ended cannot be ended again, and nobody is left to tell.
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}
