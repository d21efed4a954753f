//! What crosses to systems that are not parties: data sources, and endpoints for programs that ask.
//!
//! A [`source::Source`] gives Arrow batches of one table. It knows nothing of policies, parties or queries: the
//! program hands its batches to the executor by the table's name, and the executor checks them against the policy.
//! An [`endpoint`] asks the program through a small trait, and knows as little.

pub mod conformance;
pub mod endpoint;
pub mod source;
