//! Measures the secure core: `cargo run --release --bin report -- [--output FILE.csv] [--work NAME] [--rtt-ms N]`.
//!
//! Every work runs with three parties as processes of this machine: the program starts itself three times, the
//! processes connect over mutual TLS on loopback through the executor's network layer, and run the protocols that
//! queries use. The best of three runs counts, after one to warm up; each process compares the result with the same
//! computation in the clear, and a wrong answer ends the program with an error.
//!
//! | column | what it is |
//! |---|---|
//! | `rows` | all input rows |
//! | `seconds` | from a common start until the last party has finished |
//! | `bytes_per_row_per_party` | payload handed to the channel, before framing and TLS, of the party that sends most |
//! | `rounds` | the longest chain of dependent messages; chunks of one column are one round |
//! | `peak_mb` | the most memory that any of the three processes had, inputs included |
//!
//! Inputs are shared beforehand, but for `hashed_join`, which starts from plaintext columns.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

mod arguments;
mod figures;
mod parent;
mod party;
mod peers;
mod rounds;
mod work;

use std::process::ExitCode;

use arguments::Arguments;

/// Memory that was freed is used again without asking the system: page faults cost more than TLS.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What went wrong, in words.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let done = Arguments::read(std::env::args().skip(1)).and_then(|arguments| match arguments.seat {
        Some(seat) => party::run(&arguments, seat),
        None => parent::run(&arguments),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("report: {error}");
            ExitCode::FAILURE
        }
    }
}
