//! What crosses to systems that are not parties: data sources.
//!
//! A [`source::Source`] gives Arrow batches of one table. It knows nothing of policies, parties or queries: the
//! program hands its batches to the executor by the table's name, and the executor checks them against the policy.

pub mod conformance;
pub mod source;
