//! The `conjoin` program.

use std::ffi::OsString;
use std::process::ExitCode;

/// Memory that was freed is used again without asking the system: for columns, page faults cost more than TLS.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    ExitCode::from(shell::main_with(&arguments))
}
