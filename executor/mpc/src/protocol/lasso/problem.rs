//! The public side of a model: variables, penalty, and the encodings that follow from them.

use crate::protocol::fixed::Scale;
use crate::{Error, Result};

/// Fractional bits of every number inside the solver.
pub const FRACTION: u32 = 44;

/// The largest number of features.
const MAX_FEATURES: usize = 512;

/// Width at which numbers that depend on a Newton step are compared, however singular the problem is.
///
/// The coefficients are below `2^(K + 8)` with `K <= 24` doublings for 512 features, see `newton`; residuals are their
/// products with at most 512 numbers up to 1: below `2^41`, and 44 fractional bits.
pub(crate) const WIDE: u32 = 96;

/// Bits of the integer part of an accepted scaled coefficient: `|u_j| < 2^COEFFICIENT_BITS`.
///
/// A minimiser has `|u_j| <= 1 / sqrt(smallest eigenvalue)`, so this accepts condition numbers up to about a million.
pub const COEFFICIENT_BITS: u32 = 10;

/// A column of a model: `value = step * (integer + offset)` with a shared `|integer| < 2^bits`.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Public bound on the shared integer.
    pub bits: u32,
    /// The public midpoint that the owner subtracted, in steps.
    pub offset: i64,
    /// The public step, positive.
    pub step: f64,
}

/// A linear model with an L1 penalty: everything about it that is public.
///
/// The objective is that of scikit-learn's `Lasso` and `ElasticNet`,
/// `1/(2n) ||y - Xw - w_0||^2 + alpha ||w||_1 + ridge/2 ||w||^2`, for each `alpha` (with its `ridge`) a problem of its
/// own. With `standardize` the features are centred and divided by their population standard deviation first, and the
/// coefficients come back on the original scale. Without `intercept` the penalised problem has no `w_0`.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The features, in order.
    pub features: Vec<Variable>,
    /// The target.
    pub target: Variable,
    /// Public bound on the number of rows.
    pub max_rows: u64,
    /// The penalties, at least 0: all are solved for side by side.
    pub alphas: Vec<f64>,
    /// The weight of the squared coefficients beside each of `alphas`, at least 0; empty for none.
    pub ridges: Vec<f64>,
    /// Whether ridges weigh squared coefficients beside the sum of squares, as a ridge regression has it, and not beside the
    /// mean.
    pub by_sum: bool,
    /// Whether the penalty acts on standardised coefficients.
    pub standardize: bool,
    /// Whether there is an unpenalised intercept.
    pub intercept: bool,
    /// How many iterations the first-order stage runs.
    pub iterations: u32,
}

impl Problem {
    /// The number of iterations after which simulated hard problems were solved to 1e-4: all but 1 of 1,500 with 10
    /// features, all of 300 with 50.
    pub fn default_iterations(features: usize) -> u32 {
        if features <= 16 { 40 } else { 64 }
    }

    /// Bits of the largest entry of the statistics: over `Z_2^k`, this must be at most `k - 2`.
    pub fn statistics_bits(&self) -> u32 {
        let bits = self.features.iter().chain([&self.target]).map(|v| v.bits).max().unwrap_or(0);
        2 * bits + u64::BITS - self.max_rows.leading_zeros()
    }

    /// The public encodings of all intermediate and final values.
    ///
    /// # Errors
    /// [`Error::Internal`] if a parameter is out of range: the planner refuses such a query.
    pub fn layout(&self) -> Result<Layout> {
        Layout::new(self)
    }
}

/// Every public size and shift of a [`Problem`], chosen so that no value of any data leaves `Z_2^128`.
///
/// Moments: with `b` the largest number of bits and `n < 2^l`, an entry of `n X'X - s s'` is below
/// `n^2 2^(2b) < 2^(2 levels)`, `levels = b + l <= 62`. The fields below give, for each output, the number of
/// fractional bits of its mantissa and the shift of its power of two; their sums are bounded where they are used.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The number of features `p`.
    pub features: usize,
    /// `n < 2^row_bits`.
    pub row_bits: u32,
    /// Centred moments are below `2^(2 levels)`.
    pub levels: u32,
    /// Whether features and target are centred.
    pub centred: bool,
    /// Whether the model has an intercept.
    pub intercept: bool,
    /// The public midpoints of the features and, last, of the target.
    pub(crate) offsets: Vec<i64>,
    /// How many penalties there are.
    pub(crate) penalties: usize,
    /// The penalties by target, and by feature and target, in units of their steps.
    pub(crate) penalty: Penalty,
    /// The ridges, or by the square of the feature, in units of its step.
    pub(crate) ridge: Option<Penalty>,
    /// Whether the ridges are divided by the number of rows.
    pub(crate) by_sum: bool,
    /// Per feature: the shift that makes the smallest ratio of deviations an integer.
    pub(crate) ratio_shift: Vec<u32>,
    /// Fractional bits of the mantissa of a coefficient.
    pub(crate) coefficient_fraction: u32,
    /// Fractional bits of feature means in units of the feature's deviation.
    pub(crate) mean_fraction: u32,
    /// Fractional bits of the mantissa of the part of the intercept that the features explain.
    pub(crate) intercept_fraction: u32,
    /// Fractional bits of the mantissa of the mean squared error.
    pub(crate) error_fraction: u32,
    /// Fractional bits of the mean squared error.
    pub(crate) error_scale: u32,
}

/// Penalties without what is secret of them.
#[derive(Clone, Debug)]
pub(crate) enum Penalty {
    /// One for all features: `alpha / step_y`, or a ridge.
    Standardized(Vec<Scale>),
    /// One for every feature: `alpha / (step_j step_y)`, or a ridge divided by `step_j^2`.
    Original(Vec<Vec<Scale>>),
}

impl Layout {
    fn new(problem: &Problem) -> Result<Layout> {
        let features = problem.features.len();
        let centred = problem.intercept || problem.standardize;
        let row_bits = u64::BITS - problem.max_rows.leading_zeros();
        let x_bits = problem.features.iter().map(|v| moment_bits(v, centred)).max().unwrap_or(0);
        // Without an intercept, moments about zero are needed too.
        let y_bits = moment_bits(&problem.target, problem.intercept);
        let levels = x_bits.max(y_bits) + row_bits;
        if features == 0 || features > MAX_FEATURES || problem.max_rows == 0 || row_bits > 30 || levels > 62 {
            return Err(refused(
                "no features or rows, or too many features, rows or bits for exact statistics",
            ));
        }
        let ridges = problem.ridges.len();
        if problem.alphas.is_empty() || (ridges > 0 && ridges != problem.alphas.len()) {
            return Err(refused("no penalty, or another number of ridges"));
        }
        let half = row_bits.div_ceil(2);
        let count_bits = bits_of(features);
        let ratio_top = y_bits + half + 2;
        let ratio_shift: Vec<u32> =
            problem.features.iter().map(|v| moment_bits(v, centred) + half + 2).collect();
        let room =
            |used: u32| 126u32.checked_sub(used).map(|bits| bits.min(FRACTION)).filter(|&bits| bits >= 8);
        let narrow = || refused("the domains of the columns are too wide for the coefficients");
        let widest_ratio = ratio_shift.iter().copied().max().unwrap_or(0) + ratio_top;
        let scaled_mean_bits = COEFFICIENT_BITS + count_bits + x_bits + half + 1;
        let error_scale = (122 - 2 * y_bits).min(row_bits + 4 + FRACTION);
        Ok(Layout {
            features,
            row_bits,
            levels,
            centred,
            intercept: problem.intercept,
            offsets: problem.features.iter().chain([&problem.target]).map(|v| v.offset).collect(),
            penalties: problem.alphas.len(),
            penalty: penalty(problem)?,
            ridge: ridge(problem)?,
            by_sum: problem.by_sum,
            coefficient_fraction: room(COEFFICIENT_BITS + 1 + widest_ratio).ok_or_else(narrow)?,
            mean_fraction: room(scaled_mean_bits + FRACTION + 2).ok_or_else(narrow)?,
            intercept_fraction: room(scaled_mean_bits + y_bits + half + 6).ok_or_else(narrow)?,
            error_fraction: error_scale.checked_sub(row_bits + 4).ok_or_else(narrow)?.min(FRACTION),
            error_scale,
            ratio_shift,
        })
    }

    /// The shift of the power of two in the intercept.
    pub(crate) fn deviation_shift(&self) -> u32 {
        self.row_bits.div_ceil(2) + 3
    }

    /// Fractional bits of coefficient `index`, in steps of the target per step of the feature.
    pub fn coefficient_scale(&self, index: usize) -> u32 {
        self.coefficient_fraction + self.ratio_shift.get(index).copied().unwrap_or(0)
    }

    /// Fractional bits of the intercept, in steps of the target.
    pub fn intercept_scale(&self) -> u32 {
        self.intercept_fraction + self.deviation_shift()
    }

    /// Fractional bits of the mean squared error, in squared steps of the target.
    pub fn error_scale(&self) -> u32 {
        self.error_scale
    }
}

/// Bits of the integers whose moments are taken: without centring the offset comes back first.
fn moment_bits(variable: &Variable, centred: bool) -> u32 {
    if centred || variable.offset == 0 {
        variable.bits
    } else {
        variable.bits.max(u64::BITS - variable.offset.unsigned_abs().leading_zeros()) + 1
    }
}

fn penalty(problem: &Problem) -> Result<Penalty> {
    let target = scale(problem.target.step)?;
    let by_target = problem.alphas.iter().map(|&alpha| over(scale(alpha)?, target));
    let by_target = by_target.collect::<Result<Vec<Scale>>>()?;
    let each = |&alpha: &Scale| problem.features.iter().map(|f| over(alpha, scale(f.step)?)).collect();
    let each = by_target.iter().map(each).collect::<Result<Vec<Vec<Scale>>>>()?;
    Ok(if problem.standardize { Penalty::Standardized(by_target) } else { Penalty::Original(each) })
}

fn ridge(problem: &Problem) -> Result<Option<Penalty>> {
    let ridges = problem.ridges.iter().map(|&ridge| scale(ridge)).collect::<Result<Vec<Scale>>>()?;
    if ridges.iter().all(|&ridge| ridge == Scale::ZERO) {
        return Ok(None);
    }
    let square = |ridge: Scale, f: &Variable| over(over(ridge, scale(f.step)?)?, scale(f.step)?);
    let each = |&ridge: &Scale| problem.features.iter().map(|f| square(ridge, f)).collect();
    let each = ridges.iter().map(each).collect::<Result<Vec<Vec<Scale>>>>()?;
    Ok(Some(if problem.standardize { Penalty::Standardized(ridges) } else { Penalty::Original(each) }))
}

fn scale(value: f64) -> Result<Scale> {
    Scale::from_f64(value).ok_or_else(|| refused("a step or penalty is negative or not finite"))
}

fn over(a: Scale, b: Scale) -> Result<Scale> {
    a.over(b).ok_or_else(|| refused("a step is zero"))
}

/// The number of bits that a sum of `count` numbers may have more than its summands.
pub(crate) fn bits_of(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

fn refused(reason: &str) -> Error {
    Error::Internal { step: "lasso".to_owned(), reason: reason.to_owned() }
}
