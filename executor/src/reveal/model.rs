//! Numbers of a model, whose scales follow from the model and not from the release.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array};
use datafusion::arrow::datatypes::{DataType, Field};
use mpc::protocol::cox::Model;
use mpc::protocol::lasso::Problem;
use planner::plan::{Family, Lasso, LassoOutput, Node, NodeId, Op, Reg, SecurePlan};

use crate::operator::{cox, lasso};
use crate::{Error, Result, shape};

/// A number that a model gives out as it is.
#[derive(Clone, Copy)]
pub(super) struct Quantity<'p> {
    model: &'p Lasso,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Coefficients,
    R2,
    MeanSquaredError,
    Violation,
    /// Coefficients or spreads of a regression.
    Terms,
    /// A number of how well a regression fits.
    Quality(usize),
    /// Coefficients of proportional hazards, or their standard errors.
    Hazards,
    /// A log-likelihood of proportional hazards.
    Likelihood,
}

/// Which number of a model column `column` of `node` is, if it is one that has a scale of its own.
pub(super) fn quantity(plan: &SecurePlan, node: NodeId, column: usize) -> Result<Option<Quantity<'_>>> {
    let (mut node, mut column) = (node, column);
    loop {
        match shape::node(plan, node)? {
            Node::Compute(compute) => {
                let op = compute.outputs.get(column).and_then(|(Reg(reg), _)| compute.ops.get(*reg));
                let Some(Op::Column(source)) = op else { return Ok(None) };
                // Nodes come before those that read them, so this ends.
                if compute.input >= node {
                    return Err(Error::internal("plan", "a node reads a later one"));
                }
                (node, column) = (compute.input, *source);
            }
            Node::Lasso(model) => {
                let kind = match (model.family, model.output, column) {
                    (Family::Lasso, LassoOutput::Coefficients, 0) => Some(Kind::Coefficients),
                    (Family::Lasso, LassoOutput::Summary, 1) => Some(Kind::R2),
                    (Family::Lasso, LassoOutput::Summary, 2) => Some(Kind::MeanSquaredError),
                    (Family::Lasso, LassoOutput::Summary, 5) => Some(Kind::Violation),
                    (Family::Cox, LassoOutput::Coefficients, 0 | 1) => Some(Kind::Hazards),
                    (Family::Cox, LassoOutput::Summary, 1 | 2) => Some(Kind::Likelihood),
                    (Family::Lasso | Family::Cox, LassoOutput::Coefficients | LassoOutput::Summary, _) => {
                        None
                    }
                    (_, LassoOutput::Coefficients, 0) => Some(Kind::Terms),
                    (_, LassoOutput::Coefficients, 1) if model.has_errors() => Some(Kind::Terms),
                    (_, LassoOutput::Summary, 1 | 2) => Some(Kind::Quality(column - 1)),
                    (_, LassoOutput::Coefficients | LassoOutput::Summary, _) => None,
                };
                return Ok(kind.map(|kind| Quantity { model, kind }));
            }
            Node::Input(_)
            | Node::HashedJoin(_)
            | Node::Union(_)
            | Node::Aggregate(_)
            | Node::Fold(_)
            | Node::Assemble(_)
            | Node::Broadcast(_)
            | Node::Group(_)
            | Node::Release(_) => return Ok(None),
        }
    }
}

/// The decoded column; NULL where not known.
///
/// # Errors
/// Class internal if the column of the release is no DOUBLE or the model is out of range.
pub(super) fn array(
    plan: &SecurePlan,
    quantity: Quantity<'_>,
    field: &Field,
    numbers: &[i128],
    known: &[bool],
) -> Result<ArrayRef> {
    if *field.data_type() != DataType::Float64 {
        return Err(Error::internal("reveal", "a number of a model is released as another type than DOUBLE"));
    }
    let rows = shape::rows(plan, quantity.model.input)?;
    let problem = lasso::problem(quantity.model, rows)?;
    let regression = lasso::model(quantity.model, rows)?;
    let regression = || regression.as_ref().ok_or_else(|| Error::internal("reveal", "another kind of model"));
    let bits: Vec<u128> = numbers.iter().map(|number| number.cast_unsigned()).collect();
    let values: Vec<f64> = match quantity.kind {
        Kind::Coefficients => coefficients(&problem, &bits)?,
        Kind::R2 | Kind::Violation => bits.iter().map(|&number| Problem::decode_fraction(number)).collect(),
        Kind::Terms => regression()?.decode(&bits)?,
        Kind::Hazards => cox::model(quantity.model, rows)?.decode(&bits)?,
        Kind::Likelihood => bits.iter().map(|&number| Model::decode_likelihood(number)).collect(),
        Kind::Quality(which) => {
            let model = regression()?;
            bits.iter().map(|&number| model.decode_quality(which, number)).collect::<Result<_, _>>()?
        }
        Kind::MeanSquaredError => {
            bits.iter().map(|&number| problem.decode_mse(number)).collect::<Result<_, _>>()?
        }
    };
    if values.len() != known.len() {
        return Err(Error::internal("reveal", "a model has another number of terms"));
    }
    let cells = values.iter().zip(known).map(|(&value, &known)| known.then_some(value));
    Ok(Arc::new(cells.collect::<Float64Array>()))
}

/// The intercepts, if there are any, and the coefficients, on the original scale, model after model.
fn coefficients(problem: &Problem, numbers: &[u128]) -> Result<Vec<f64>> {
    let terms = problem.features.len() + usize::from(problem.intercept);
    let models = numbers.chunks(terms).map(|model| of_model(problem, model));
    Ok(models.collect::<Result<Vec<_>>>()?.concat())
}

fn of_model(problem: &Problem, numbers: &[u128]) -> Result<Vec<f64>> {
    if !problem.intercept {
        return Ok(problem.decode(numbers, 0)?.features);
    }
    let (&intercept, features) =
        numbers.split_first().ok_or_else(|| Error::internal("reveal", "a model without terms"))?;
    let decoded = problem.decode(features, intercept)?;
    Ok(std::iter::once(decoded.intercept).chain(decoded.features).collect())
}
