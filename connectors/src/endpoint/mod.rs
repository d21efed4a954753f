//! Servers for programs that ask: Flight SQL, and the protocol of PostgreSQL.
//!
//! ```text
//! client --TLS, login--> flight, postgres --> Desk, Session, Running --> trait QueryService --> (the program)
//!                        requests to          sessions, prepared         plans, asks the parties
//!                        schemas, status      statements, the queue
//! ```
//!
//! An endpoint is written against [`QueryService`], which the program implements over its analyst library, so it knows
//! neither plans nor parties. Asking for a schema plans; only fetching runs. Whoever stops fetching, disconnects or
//! cancels ends the query at every party.

mod credentials;
mod desk;
mod error;
#[cfg(test)]
mod fake;
pub mod flight;
mod literal;
pub mod postgres;
mod queue;
mod running;
mod service;
mod session;
mod wire;

pub use credentials::{Users, hash_password};
pub use desk::{Desk, DeskOptions};
pub use error::{Class, Error, Result};
pub use service::{
    Answer, Observer, Progress, Query, QueryService, QuerySession, Rows, Shape, Table, TableKind,
};
