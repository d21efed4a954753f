//! SQL, catalog and policy to a checked secure plan. Pure: no clock, no file, no socket.
//!
//! ```text
//! federation.toml, policy.toml --policy::parse--> Federation        SQL text --statements--> Statement
//!                                                     |                                        |
//!                                                     +-------------------+--------------------+
//!                                                                         |  plan
//!                                                                         v
//!            bind            names settled, types known: two DataFusion plans, `raw` and `optimised`
//!            release_check   only aggregates leave; every use is one that the policy allows (on `raw`)
//!            lower           local, secure and clear stage: a SecurePlan (from `optimised`)
//!            check           what the plan reveals, once more, on the plan itself; gives the Permit
//!                                                                         |
//!                                                                         v
//!                                                    Planned: Secure, Clear, Rows, Session, ...
//! ```
//!
//! Start with [`plan()`]. [`bind`] is the only module that meets the SQL front end, [`plan`](mod@plan) is the language
//! between planner and executor, [`explain`] and [`disclosures`] say what a plan does and who learns what,
//! [`cost`](mod@cost) what it takes. The [`manual`] says who can learn what.

pub mod bind;
pub mod catalog;
pub mod check;
pub mod cost;
pub mod disclosure;
mod error;
pub mod explain;
pub mod function;
mod hash;
pub mod lower;
pub mod manual;
mod nearest;
mod pipeline;
mod place;
pub mod plan;
#[cfg(test)]
mod plan_samples;
mod planned;
pub mod policy;
pub mod release_check;
mod session;
mod sql_text;
mod stack;
mod statement;

pub use disclosure::{Disclosure, disclosures};
pub use error::{Class, Error, Position, Result};
pub use hash::plan_hash;
pub use nearest::hint as nearest_hint;
pub use pipeline::{engine_fault, open_query, plan};
pub use planned::{CheckedPlan, OpenQuery, Planned, SessionChange};
pub use session::{
    PreparedStatement, SETTINGS, Session, Setting, Takes, VirtualTable, parse_bytes, parse_duration_ms,
};
pub use statement::{Statement, statements};
