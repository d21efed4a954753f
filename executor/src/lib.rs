//! Runs a checked plan, at a party and at the analyst.
//!
//! ```text
//! analyst::Connection --signed SQL--> party::serve, at every party    one TLS connection per query and pair
//!        |                              request    signed, fresh
//!        |                              party/query.rs   plan again, agree, load own tables (admit)
//!        |                              operator::run_plan over run::Run
//!        |                                local      own rows, in the clear
//!        |                                ingest, pseudonym   rows to shares, identifiers to pseudonyms
//!        |                                table, mpc::*       the secure stage
//!        |                              reveal::release      spends the permit
//!        |                              audit, then "ready" everywhere
//!        | <------ result shares ------ the three seats
//! reveal::combine, clear stage
//! ```
//!
//! The seam between the life of a query and the operators: [`operator::run_plan`] executes the nodes of a plan at any
//! party, over an implementation of [`run::Run`]: links between parties by channel name, the secure core's context at a
//! seat, the party's own tables. [`party`] implements it over TLS, [`world`] in memory. [`reveal`] is the only place where
//! anything of a query is opened.

pub mod admit;
pub mod analyst;
pub mod audit;
pub mod cluster;
pub mod directory;
mod error;
pub mod figures;
pub mod identity;
mod ingest;
mod links;
mod local;
pub mod network;
pub mod operator;
pub mod party;
mod pseudonym;
mod report;
pub mod request;
pub mod reveal;
pub mod run;
mod shape;
pub mod table;
pub mod world;

pub use error::{Error, Result};
