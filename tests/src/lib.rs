//! What the tests across crates share: a small federation, its answers in the clear, and its parties in this process.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says so")]

pub mod clear;
pub mod heart;
pub mod rows;
pub mod tpch;
