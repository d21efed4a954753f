//! Tests across crates: one binary, because each one links the whole engine.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says so")]

mod endpoint;
mod failure;
mod floors;
mod fuzz;
mod memory;
mod oblivious;
mod random;
mod report;
mod sql;
mod tpch;
mod withheld;
