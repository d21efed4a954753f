//! The last pass over a plan, and the only maker of a [`Permit`].
//!
//! It knows nothing of SQL and trusts nothing of what made the plan: it looks at the nodes alone. What it demands:
//!
//! - **structure** (`check/structure.rs`): children before parents, columns and registers that exist, encodings that fit, a
//!   matcher that owns neither table. A plan that breaks this is our bug ([`Class::Internal`]);
//! - **release** (`check/release.rs`): only group tables and models are released, every column under the count of people that
//!   every owner underneath demands, to an analyst that every owner names. A plan that breaks this is refused;
//! - **persons** (`check/persons.rs`): that what is compared with `min_people` counts that owner's people, and not rows;
//! - **elsewhere** (`check/elsewhere.rs`): in which groups of a union an owner can have no row, so that it has no people to ask
//!   for there;
//! - **home** (`check/home.rs`): that an aggregate which an owner computes for others' conditions is NULL unless enough of its
//!   people are behind it.

mod elsewhere;
mod home;
mod local_rows;
mod persons;
mod release;
mod structure;

pub(crate) use home::gated_groups;

use crate::catalog::Federation;
use crate::error::{Class, Error, Result};
use crate::hash::plan_hash;
use crate::plan::SecurePlan;
use crate::planned::CheckedPlan;

use crate::session::Session;
pub(crate) use elsewhere::differ;

/// The permission to reveal what one plan lists, once. Not `Clone`; spent by value.
#[derive(Debug)]
pub struct Permit {
    /// SHA-256 of the plan it was given for (see [`plan_hash`](crate::plan_hash)).
    plan: [u8; 32],
}

impl Permit {
    /// The hash of the plan it was given for.
    pub fn plan(&self) -> &[u8; 32] {
        &self.plan
    }
}

/// Checks a finished plan and permits its releases.
///
/// # Errors
/// [`Class::Internal`]: the plan is not well-formed. [`Class::Refused`]: it would release what policies do not allow.
pub fn check(plan: SecurePlan, federation: &Federation, session: &Session) -> Result<CheckedPlan> {
    structure::check(&plan, federation)?;
    release::check(&plan, federation, session)?;
    let permit = Permit { plan: plan_hash(&plan) };
    Ok(CheckedPlan { plan, permit })
}

/// Our bug, at a node.
fn broken(node: usize, what: impl std::fmt::Display) -> Error {
    Error { class: Class::Internal, message: format!("plan node {node}: {what}"), hint: None, position: None }
}

/// What policies do not allow.
fn refused(message: String) -> Error {
    Error { class: Class::Refused, message, hint: None, position: None }
}

#[cfg(test)]
mod tests;
