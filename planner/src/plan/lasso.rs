//! Models: penalised and plain regressions.

use super::{ColumnDef, NodeId};

/// Fits a model over the rows of `input`. All value columns are integers around the middle of their domain
/// ([`Source::Value`](super::Source::Value)'s offset), 0 in rows that do not count.
#[derive(Clone, Debug)]
pub struct Lasso {
    /// Which model.
    pub family: Family,
    /// Where the rows come from.
    pub input: NodeId,
    /// The features, in the order of the result.
    pub features: Vec<LassoTerm>,
    /// What is explained; of proportional hazards, the event, 0 or 1.
    pub target: LassoTerm,
    /// Of proportional hazards: for every time of the grid, in order, the column that is 1 where it is the row's, and
    /// anything where the row does not count. Else none.
    pub times: Vec<usize>,
    /// 1 where the row counts (complete case), arithmetic in the ring of the features.
    pub valid: usize,
    /// The weights of the penalty, at least 0. More than one: a model for each, or candidates if there are `folds`.
    pub alphas: Vec<f64>,
    /// The part of the penalty that weighs absolute coefficients (in units of the target per unit of the feature, or of
    /// its standard deviation); the rest weighs squared ones.
    pub l1_ratio: f64,
    /// Whether squared coefficients weigh `alpha` beside the sum of squares, as in a ridge regression, and not half of it beside
    /// half the mean. Only of a LASSO's family; a linear model always has it so.
    pub by_sum: bool,
    /// Columns that are 1 in the rows of one fold, in the ring of the features; the rows in none of them are one fold more.
    /// Empty: no cross-validation.
    pub folds: Vec<usize>,
    /// What is added to the linear predictor of a Poisson model.
    pub offset: Option<LassoTerm>,
    /// The logarithms of the factorials of the targets, in steps of 2^-30, in the ring of the features: with them the
    /// log-likelihoods of a Poisson model are whole.
    pub factorials: Option<usize>,
    /// Whether the penalty acts on standardised features.
    pub standardize: bool,
    /// Whether there is an intercept.
    pub intercept: bool,
    /// A table of one row with what the gate of the model counts (persons, ones and zeros of two-valued variables); its
    /// columns follow those of the model, the same in every row.
    pub counts: Option<NodeId>,
    /// Which columns come out.
    pub output: LassoOutput,
    /// Columns of the output: those of [`LassoOutput`], then those of `counts`.
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

/// Which model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Least squares with a penalty of absolute coefficients and perhaps of squared ones, on sufficient statistics.
    Lasso,
    /// Least squares, perhaps with a penalty of squared coefficients, on sufficient statistics.
    Linear,
    /// Of a target of 0 and 1, on rows.
    Logistic,
    /// Of counts, on rows.
    Poisson,
    /// Proportional hazards of an event at times of a grid, on rows.
    Cox,
}

impl Lasso {
    /// Whether standard errors come with the coefficients: those of a model without a penalty.
    pub fn has_errors(&self) -> bool {
        self.family != Family::Lasso && !self.is_penalised()
    }

    /// Whether coefficients have a weight.
    pub fn is_penalised(&self) -> bool {
        self.alphas.iter().any(|&alpha| alpha > 0.0)
    }

    /// How many models come out.
    pub fn models(&self) -> usize {
        if self.folds.is_empty() { self.alphas.len() } else { 1 }
    }
}

/// What comes out of a fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LassoOutput {
    /// One row per model and term, the intercept (if any), then the features in order: `value` in `Z_2^128` and the bit
    /// `accepted` (the solver has converged). With standard errors, between the two: `spread`, the standard error times the square
    /// root of the residual degrees of freedom (linear) or of the number of rows (others), and that number `n`. Of
    /// proportional hazards: the standard error itself, alone.
    ///
    /// Every row of `value` has a fixed-point scale of its own that follows from the model. The analyst's executor
    /// decodes the column to DOUBLE where a release gives it out as it is (directly, or through
    /// [`Op::Column`](super::Op::Column)); the release's own scale is not used.
    Coefficients,
    /// One row: `n, r2, mse, iterations, nonzero, kkt`, all in `Z_2^128`, with folds the place of the chosen `alpha`, and
    /// the bit `accepted`. Of other models than a LASSO: `n`, then `r2, mse, nonzero` (linear) or the log-likelihoods of the
    /// model and of a constant alone (of proportional hazards, then the number of events), then `accepted`.
    ///
    /// `n`, `iterations` and `nonzero` are integers; `r2`, `mse` and `kkt` are decoded to DOUBLE as `value` is. What else
    /// a summary shows (`n_dropped`, `alpha`) follows from `counts` and from public numbers.
    Summary,
}
