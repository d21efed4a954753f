//! Tests across crates: one binary, because each one links the whole engine.

mod floors;
