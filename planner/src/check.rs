//! The last pass over a plan, and the only maker of a [`Permit`].

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
