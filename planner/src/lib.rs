//! SQL, catalog and policy to a checked secure plan. Pure: no clock, no file, no socket.

pub mod bind;
pub mod catalog;
pub mod check;
mod error;
pub mod function;
mod nearest;
pub mod plan;
mod planned;
pub mod policy;
pub mod release_check;
mod session;

pub use error::{Class, Error, Position, Result};
pub use planned::{CheckedPlan, Planned, SessionChange};
pub use session::{PreparedStatement, Session, VirtualTable};
