//! The public side of a regression.

use crate::protocol::fixed::Scale;
use crate::protocol::lasso::{self, FRACTION, Problem, Variable};
use crate::{Error, Result};

/// What the target is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A number with errors of equal variance.
    Linear,
    /// 0 or 1.
    Logistic,
    /// A count.
    Poisson,
}

/// A regression: everything about it that is public.
#[derive(Clone, Debug)]
pub struct Model {
    /// Features, target, rows, intercept, and whether a linear model is standardised; the penalties are not read.
    pub problem: Problem,
    /// What the target is like.
    pub family: Family,
    /// The weight of the squared coefficients: `||y - Xw||^2 + ridge ||w||^2` for linear models, minus the
    /// log-likelihood plus `ridge / 2 ||w||^2` for others. Not of the intercept. If the problem of a linear model is
    /// standardised, of the coefficients of features that are centred and divided by their deviations.
    pub ridge: f64,
    /// The weight of the absolute coefficients of a logistic model, beside minus the log-likelihood. Not of the intercept.
    pub lasso: f64,
    /// The value of an integer of the offset column.
    pub offset: f64,
}

/// How many binary digits a ridge must have in squared steps of a feature.
const RIDGE_BITS: u32 = 20;
/// The most binary digits that are added to all integers for it.
const MOST_DIGITS: u32 = 14;

/// Every public size of a [`Model`].
#[derive(Clone, Debug)]
pub struct Layout {
    /// The model about zero, in finer steps if its ridge needs them.
    pub(super) problem: Problem,
    /// How many binary digits finer.
    pub(super) digits: u32,
    /// What is added to `n^-1` times the squares of each feature, in squared steps; empty without a ridge.
    pub(super) ridges: Vec<u128>,
    /// The ridge of a standardised linear model.
    pub(super) by_rows: Option<Scale>,
    /// The weight of absolute coefficients, by the step of each feature; empty for none.
    pub(super) absolute: Vec<Scale>,
    /// Public midpoints of features and target, in the original steps.
    pub(super) offsets: Vec<i64>,
    /// The sizes of the moments.
    pub(super) moments: lasso::Layout,
    pub(super) family: Family,
    /// The offset's step, [`FRACTION`] fractional bits.
    pub(super) offset_step: u128,
}

impl Model {
    /// The public sizes.
    ///
    /// # Errors
    /// [`Error::Internal`] if a parameter is out of range: the planner refuses such a query.
    pub fn layout(&self) -> Result<Layout> {
        let ridge = Scale::from_f64(self.ridge * self.weight()).ok_or_else(|| refused("a negative ridge"))?;
        let standardized = self.family == Family::Linear && self.problem.standardize && ridge != Scale::ZERO;
        let by_rows = standardized.then_some(ridge);
        let (digits, ridges) = self.ridges(if standardized { Scale::ZERO } else { ridge })?;
        let about_zero = |v: &Variable| {
            let far = u64::BITS - v.offset.unsigned_abs().leading_zeros();
            if v.offset == 0 { v.bits } else { v.bits.max(far) + 1 }
        };
        let finer = |v: &Variable, least: u32| Variable {
            bits: (about_zero(v) + digits).max(least),
            offset: 0,
            step: v.step,
        };
        let half_bits = |ridge: u128| (u128::BITS - ridge.leading_zeros()).div_ceil(2) + 1;
        let features = self.problem.features.iter().enumerate();
        let problem = Problem {
            features: features.map(|(j, v)| finer(v, ridges.get(j).map_or(0, |&r| half_bits(r)))).collect(),
            target: finer(&self.problem.target, 0),
            standardize: standardized,
            alphas: vec![0.0],
            ridges: Vec::new(),
            by_sum: false,
            ..self.problem.clone()
        };
        let problem = Problem {
            features: problem
                .features
                .iter()
                .map(|v| Variable { bits: v.bits + u32::from(!ridges.is_empty()), ..*v })
                .collect(),
            ..problem
        };
        let moments = problem.layout()?;
        let offsets = self.problem.features.iter().chain([&self.problem.target]).map(|v| v.offset).collect();
        let step = Scale::from_f64(self.offset).ok_or_else(|| refused("a negative step of the offset"))?;
        let offset_step = step.to_fixed(FRACTION.cast_signed(), 1 << 100);
        let absolute = self.absolute()?;
        Ok(Layout {
            problem,
            digits,
            ridges,
            by_rows,
            absolute,
            offsets,
            moments,
            family: self.family,
            offset_step,
        })
    }

    fn absolute(&self) -> Result<Vec<Scale>> {
        let weight = Scale::from_f64(self.lasso).ok_or_else(|| refused("a negative penalty"))?;
        if weight == Scale::ZERO {
            return Ok(Vec::new());
        }
        if self.family != Family::Logistic || self.ridge > 0.0 {
            return Err(refused("a penalty of absolute coefficients in another kind of model"));
        }
        let by_step = |v: &Variable| weight.over(Scale::from_f64(v.step)?);
        let weights: Option<Vec<Scale>> = self.problem.features.iter().map(by_step).collect();
        weights.ok_or_else(|| refused("a step that is not positive"))
    }

    /// How much the squares of a feature grow for one unit of ridge: enough that weighted squares grow by a unit too.
    const fn weight(&self) -> f64 {
        match self.family {
            Family::Linear => 1.0,
            Family::Logistic | Family::Poisson => 4.0,
        }
    }

    fn ridges(&self, ridge: Scale) -> Result<(u32, Vec<u128>)> {
        if ridge == Scale::ZERO {
            return Ok((0, Vec::new()));
        }
        let squared = |v: &Variable| {
            let step = Scale::from_f64(v.step)?;
            ridge.over(step)?.over(step)
        };
        let scaled: Option<Vec<Scale>> = self.problem.features.iter().map(squared).collect();
        let scaled = scaled.ok_or_else(|| refused("a step that is not positive"))?;
        let cap = 1u128 << 100;
        let at = |digits: u32| scaled.iter().map(move |s| s.to_fixed(2 * digits.cast_signed(), cap));
        let enough = (0..MOST_DIGITS).find(|&digits| at(digits).all(|ridge| ridge >> RIDGE_BITS > 0));
        let digits = enough.unwrap_or(MOST_DIGITS);
        Ok((digits, at(digits).collect()))
    }
}

impl Layout {
    /// Bits of the largest sum of a standardised feature: `|z| <= sqrt(n)`.
    pub(super) fn half(&self) -> u32 {
        self.moments.row_bits.div_ceil(2)
    }

    /// Bits of a feature about zero.
    pub(super) fn feature_bits(&self) -> u32 {
        self.problem.features.iter().map(|v| v.bits).max().unwrap_or(0)
    }

    /// Fractional bits of the reciprocal deviations of the features.
    pub(super) fn reciprocal_fraction(&self) -> u32 {
        FRACTION + self.feature_bits()
    }

    /// Fractional bits of the reciprocal deviations that coefficients are multiplied with: these are below `2^(10 + 44)`, so
    /// the products stay below 2^124.
    pub(super) fn value_fraction(&self) -> u32 {
        self.reciprocal_fraction().min(69 - self.half())
    }

    /// The number of parameters.
    pub(super) fn parameters(&self) -> usize {
        self.problem.features.len() + usize::from(self.problem.intercept)
    }

    pub(super) fn has_spreads(&self) -> bool {
        self.ridges.is_empty() && self.by_rows.is_none() && self.absolute.is_empty()
    }
}

pub(super) fn refused(reason: &str) -> Error {
    Error::Internal { step: "regression".to_owned(), reason: reason.to_owned() }
}
