//! What a model must have before anything of it leaves: the defaults of the gate of models, in one place. Policies raise them by
//! `min_people`; nothing lowers them but `min_people = 1`, with which nothing is withheld.

/// Complete rows, and persons of every owner, that each parameter (terms and the intercept) needs; of proportional hazards, events
/// too.
pub const ROWS_PER_PARAMETER: u64 = 10;

/// Degrees of freedom of the residuals that a model with standard errors needs.
pub const RESIDUAL_DEGREES: u64 = 10;

/// The most problems that are solved side by side, times the squared number of terms: those of a path, or of all penalties and
/// folds of a cross-validation.
pub const MAX_BATCH: u64 = 1 << 17;

/// How many penalties a cross-validation chooses from where nobody says.
pub const CANDIDATES: usize = 16;

/// The largest offset of a Poisson model, and minus the smallest.
pub const MAX_OFFSET: f64 = 32.0;

/// The most features of a model, after categorical ones have become one term a level.
pub const MAX_TERMS: usize = 512;
