//! Linear, logistic and Poisson regression on shared columns, with standard errors.
//!
//! 1. `prepare`: moments about zero, exact; with a ridge, its weight is added to the squares of the features, which are
//!    then brought to length 1 (as in [`lasso`](super::lasso));
//! 2. linear: `solve` of the normal equations, and their inverse;
//! 3. others: `rows` standardised (about their means, divided by secret deviations), then a public number of Newton's
//!    steps (`newton`), each of a `link`, a weighted Gram matrix and a linear system of unit diagonal;
//! 4. `spread`: the diagonal of the inverse, and what it is for the intercept; back to the original scale.
//!
//! A problem that has no solution of that kind (collinear or constant features, separated classes, no convergence) is
//! not accepted: what that depends on is decided inside, and the outputs are withheld as a whole. Steps that grow are
//! cut to a public size, so that nothing wraps on the way. All sizes follow from [`Model`] alone.

mod absolute;
mod decode;
mod link;
mod model;
mod newton;
mod prepare;
mod rows;
mod spread;
pub(crate) mod system;
pub(crate) mod unit;

pub use model::{Family, Layout, Model};

use super::lasso::Statistics;
use crate::{Context, Result, Shared, SharedBits};

/// A fitted model, shared. Decode with the functions of [`Model`].
#[derive(Clone, Debug)]
pub struct Fit {
    /// The intercept (if there is one), then a coefficient per feature.
    pub values: Shared<u128>,
    /// Standard errors times the square root of the residual degrees of freedom (linear) or of the rows (others), in the order
    /// of `values`; empty for a model with a penalty.
    pub spreads: Shared<u128>,
    /// The number of valid rows.
    pub rows: Shared<u128>,
    /// Linear: R squared and the mean squared error. Others: log-likelihoods of the model and of that with an intercept
    /// alone (of a Poisson model without [`Columns::factorials`], less the terms that depend on the target only).
    pub quality: [Shared<u128>; 2],
    /// How many coefficients are not zero: those of features that are not constant.
    pub nonzero: Shared<u128>,
    /// 1 if the model is determined and has converged. Where it is 0 the numbers mean nothing and must be withheld.
    pub accepted: SharedBits,
}

/// The columns of the rows, for models that need more than their moments. All are 0 where `valid` is.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// The features.
    pub features: &'a [&'a Shared<u128>],
    /// The target.
    pub target: &'a Shared<u128>,
    /// 1 where a row counts.
    pub valid: &'a Shared<u128>,
    /// Added to the linear predictor of a Poisson model, in steps of [`Model::offset`].
    pub offset: Option<&'a Shared<u128>>,
    /// The logarithms of the factorials of the targets of a Poisson model, [`FACTORIAL`] fractional bits: with them, its
    /// log-likelihoods are whole.
    pub factorials: Option<&'a Shared<u128>>,
}

/// Fractional bits of logarithms of factorials.
pub const FACTORIAL: u32 = 30;

/// Fits the model. `columns` are read by models other than linear ones.
///
/// Functionality: ordinary least squares and ridge regression as scikit-learn and statsmodels define them; maximum likelihood
/// of a logistic or Poisson model, with half the ridge times the squared coefficients as penalty, or (logistic) with the
/// weighed absolute coefficients.
/// Model: semi-honest, 1 of 3.
/// Cost: rounds do not depend on the rows: for 4 features 298 with the inverse (linear), 2,765 (logistic, 12 steps), 3,461
/// (Poisson, 16 steps). Bytes of a linear model depend on the features only: 59 kB sent by each seat for 4; other
/// models take about 600 bytes for each row and step, and 46 for each of its parameters; absolute coefficients 831 rounds in each
/// step. (Asserted by the `cost` test, and by the planner's formulas.)
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Internal`] if a public parameter is out of range;
/// [`crate::Error::Peer`].
pub async fn fit(
    ctx: &Context,
    model: &Model,
    statistics: &Statistics,
    columns: Option<Columns<'_>>,
) -> Result<Fit> {
    let layout = model.layout()?;
    ctx.same_shape(layout.problem.features.len(), statistics.features)?;
    let prepared = prepare::prepare(&ctx.step("prepare"), &layout, statistics).await?;
    match (model.family, columns) {
        (Family::Linear, _) => Box::pin(system::linear(&ctx.step("linear"), &layout, &prepared)).await,
        (Family::Logistic | Family::Poisson, Some(columns)) => {
            newton::fit(&ctx.step("newton"), &layout, &prepared, columns).await
        }
        (Family::Logistic | Family::Poisson, None) => Err(ctx.internal("a model without its rows")),
    }
}

#[cfg(test)]
mod tests;
