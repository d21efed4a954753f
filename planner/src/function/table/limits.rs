//! What a model must have before anything of it leaves: the defaults of the gate of models, in one place. Policies raise them by
//! `min_people`; nothing lowers them but `min_people = 1`, with which nothing is withheld.

/// Complete rows, and persons of every owner, that each parameter (terms and the intercept) needs; of proportional hazards, events
/// too.
pub const ROWS_PER_PARAMETER: u64 = 10;

/// Degrees of freedom of the residuals that a model with standard errors needs.
pub const RESIDUAL_DEGREES: u64 = 10;

/// The most features of a model, after categorical ones have become one term a level.
pub const MAX_TERMS: usize = 512;
