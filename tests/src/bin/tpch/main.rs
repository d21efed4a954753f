//! Runs TPC-H over three owners: `cargo run --release --bin tpch -- [--scale F] [--query N] [--placement neutral|owners]`.
//!
//! For each placement of the seats and each query: asks the parties, asks DataFusion in the clear, compares, and prints a
//! line of the table in `tests/README.md`. All parties are in this process, over loopback with mutual TLS. Ends with an
//! error if an answer is wrong.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

use std::process::ExitCode;

use conjoin_tests::tpch::{Answer, Placement, QUERIES, Runs};

/// Memory that was freed is used again without asking the system: page faults cost more than TLS.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What to run.
struct Arguments {
    scale: f64,
    query: Option<usize>,
    placements: Vec<Placement>,
}

fn arguments() -> Result<Arguments, String> {
    let mut found =
        Arguments { scale: 0.01, query: None, placements: vec![Placement::Neutral, Placement::Owners] };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let value = given.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || format!("{name} takes no `{value}`");
        match name.as_str() {
            "--scale" => found.scale = value.parse().map_err(|_| number())?,
            "--query" => found.query = Some(value.parse().map_err(|_| number())?),
            "--placement" => {
                found.placements.retain(|placement| placement.name() == value);
                if found.placements.is_empty() {
                    return Err(number());
                }
            }
            _ => return Err(format!("unknown argument {name}")),
        }
    }
    Ok(found)
}

/// A line of the table.
fn line(placement: Placement, number: usize, answer: &Answer) -> String {
    match answer {
        Answer::Right { rows, stats, rounds, stages } => {
            let sent = stats.seats.iter().map(|seat| seat.sent_bytes).max().unwrap_or(0);
            let sent = format!("{}.{}", sent / 1_000_000, sent / 100_000 % 10);
            let seconds = stats.elapsed.as_secs_f64();
            let name = placement.name();
            format!("| {number} | {name} | {rows} | {seconds:.2} | {sent} | {rounds} | {stages} |")
        }
        Answer::Refused(reason) => {
            format!("| {number} | {} | | | | | refused: {reason} |", placement.name())
        }
    }
}

async fn run(arguments: &Arguments) -> bool {
    let mut right = true;
    println!("| query | seats | rows | seconds | MB | rounds | stages |");
    println!("|---|---|---|---|---|---|---|");
    for placement in &arguments.placements {
        let mut runs = Runs::start(*placement, arguments.scale).await;
        for number in QUERIES.filter(|number| arguments.query.is_none_or(|query| query == *number)) {
            match runs.ask(number).await {
                Ok(answer) => println!("{}", line(*placement, number, &answer)),
                Err(wrong) => {
                    right = false;
                    eprintln!("{}: {wrong}", placement.name());
                }
            }
        }
        runs.end().await;
    }
    right
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("tpch: {error}");
            return ExitCode::from(2);
        }
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("tpch: {error}");
            return ExitCode::FAILURE;
        }
    };
    if runtime.block_on(run(&arguments)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
