//! Tests across crates: one binary, because each one links the whole engine.

mod failure;
mod floors;
mod oblivious;
mod sql;
mod withheld;
