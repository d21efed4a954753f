//! SQL, catalog and policy to a checked secure plan. Pure: no clock, no file, no socket.

pub mod catalog;
mod error;
pub mod plan;

pub use error::{Class, Error, Position, Result};
