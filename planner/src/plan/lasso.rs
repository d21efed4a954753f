//! LASSO on sufficient statistics.

use super::{ColumnDef, NodeId};

/// Fits a LASSO over the rows of `input`. All value columns are integers around the middle of their domain
/// ([`Source::Value`](super::Source::Value)'s offset), 0 in rows that do not count.
#[derive(Clone, Debug)]
pub struct Lasso {
    /// Where the rows come from.
    pub input: NodeId,
    /// The features, in the order of the result.
    pub features: Vec<LassoTerm>,
    /// What is explained.
    pub target: LassoTerm,
    /// 1 where the row counts (complete case), arithmetic in the ring of the features.
    pub valid: usize,
    /// The penalty, in units of the target per unit of the feature (or of its standard deviation). At least 0.
    pub alpha: f64,
    /// Whether the penalty acts on standardised features.
    pub standardize: bool,
    /// Whether there is an intercept.
    pub intercept: bool,
    /// Which columns come out.
    pub output: LassoOutput,
    /// Columns of the output: for coefficients `value` (one row per term, fixed point) and the bit `accepted`; for
    /// the summary see [`LassoOutput::Summary`].
    pub columns: Vec<ColumnDef>,
}

/// A variable of a model.
#[derive(Clone, Debug)]
pub struct LassoTerm {
    /// `age`, `region=north`.
    pub name: String,
    /// Its arithmetic column.
    pub column: usize,
    /// What one integer is worth.
    pub step: f64,
    /// The value that integer 0 stands for: the middle of the domain.
    pub middle: f64,
    /// |integer| < 2^bits.
    pub bits: u32,
}

/// What comes out of a fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LassoOutput {
    /// `term, coefficient`: the intercept (if any), then the features in order.
    Coefficients,
    /// One row: `n, n_dropped, r2, mse, iterations, alpha, nonzero, kkt`.
    Summary,
}
