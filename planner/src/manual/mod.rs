//! The manual: what the system protects, what it does not, and what follows for owners and analysts.
//!
//! Who can learn what: [`threat_model`]. What is withheld, and what to write instead: [`withheld`]. What HASHED makes
//! equal: [`identifiers`]. Settings that nobody has to write: [`defaults`]. Tests, survival and other table functions:
//! [`statistics`]. Models: [`models`].

pub mod defaults;
pub mod identifiers;
pub mod models;
pub mod statistics;
pub mod threat_model;
pub mod withheld;
