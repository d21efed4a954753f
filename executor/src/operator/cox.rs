//! Proportional hazards: rows with one-hot times, risk sets on shares.

use mpc::protocol::cox::{Columns, Fit, Model, fit};
use mpc::{Column, Context};
use planner::plan::{Lasso, LassoOutput};

use super::lasso::variable;
use crate::Result;
use crate::table::Table;

/// Everything public about the model, for the fit and for whoever decodes its result.
///
/// # Errors
/// Class internal if a midpoint is no whole number of steps that fits 64 bits.
pub(crate) fn model(node: &Lasso, rows: usize) -> Result<Model> {
    Ok(Model { features: node.features.iter().map(variable).collect::<Result<_>>()?, max_rows: rows as u64 })
}

/// The columns of the model's own: those of its terms or of its summary, then whether it is accepted.
pub(super) async fn run(ctx: &Context, node: &Lasso, input: &Table) -> Result<Vec<Column>> {
    let model = model(node, input.rows())?;
    let columns = node.features.iter().map(|term| input.ring128(term.column));
    let features = columns.collect::<Result<Vec<_>>>()?;
    let times = node.times.iter().map(|time| input.ring128(*time)).collect::<Result<Vec<_>>>()?;
    let (event, valid) = (input.ring128(node.target.column)?, input.ring128(node.valid)?);
    let columns = Columns { features: &features, event, valid, times: &times };
    let Fit { coefficients, errors, rows, events, likelihoods: [whole, null], accepted } =
        Box::pin(fit(&ctx.step("fit"), &model, columns)).await?;
    let (numbers, length) = match node.output {
        LassoOutput::Coefficients => (vec![coefficients, errors], node.features.len()),
        LassoOutput::Summary => (vec![rows, whole, null, events], 1),
    };
    let accepted = Column::from(accepted.gather(&vec![0; length]));
    Ok(numbers.into_iter().map(Column::from).chain([accepted]).collect())
}
