//! SQL functions: what may be called, and our own.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the syntax tree and the types of the engine have dozens of kinds; the rest falls under one rule"
)]

pub(crate) mod call;
pub(crate) mod count;
pub(crate) mod factorial;
pub(crate) mod fold;
pub mod hashed;
pub mod narrowed;
pub mod nonzero;
mod order_statistic;
pub(crate) mod registry;
pub mod row_digest;
mod runs;
pub mod table;
pub mod text_bytes;

pub use table::{TableFunction, Variable};
