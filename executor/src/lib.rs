//! Runs a checked plan, at a party and at the analyst.
//!
//! [`operator::run_plan`] executes the nodes of a plan at any party, over an implementation of [`run::Run`]: links
//! between parties by channel name, the secure core's context at a seat, the party's own tables. [`reveal`] is the
//! only place where anything of a query is opened.

pub mod admit;
mod error;
pub mod identity;
pub mod network;
mod ingest;
mod links;
mod local;
pub mod operator;
mod pseudonym;
pub mod reveal;
mod shape;
pub mod table;
pub mod world;
pub mod run;

pub use error::{Error, Result};
