//! What the tests across crates share: a small federation, its answers in the clear, and its parties in this process.

pub mod clear;
pub mod heart;
pub mod rows;
