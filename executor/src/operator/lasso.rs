//! Models: sufficient statistics by dot products, or rows, then a solver of the secure core.

use mpc::protocol::lasso::{Problem, Solution, Statistics, Variable, solve, statistics};
use mpc::protocol::regression::{self, Columns, Fit, Model};
use mpc::{Column, Context, Seat, Shared};
use planner::plan::{Family, Lasso, LassoOutput, LassoTerm};

use super::cox;
use crate::table::Table;
use crate::{Error, Result};

/// Fits the model of `node` over `input`; `counts` is its table of counts, if it has one.
pub(crate) async fn run(ctx: &Context, node: &Lasso, input: &Table, counts: Option<&Table>) -> Result<Table> {
    let mut columns = if node.family == Family::Cox {
        cox::run(ctx, node, input).await?
    } else if let Some(model) = model(node, input.rows())? {
        fitted(node, &Box::pin(fit(ctx, node, input, &model)).await?)
    } else {
        let problem = problem(node, input.rows())?;
        let statistics = gather(&ctx.step("statistics"), node, input).await?;
        let solution = Box::pin(solve(&ctx.step("fit"), &statistics, &problem)).await?;
        match node.output {
            LassoOutput::Coefficients => coefficients(node, &solution),
            LassoOutput::Summary => summary(ctx.seat(), &problem, &solution),
        }
    };
    let rows = columns.first().map_or(0, Column::len);
    let same = vec![0; rows];
    columns.extend(counts.into_iter().flat_map(Table::columns).map(|column| column.gather(&same)));
    Table::new(columns, rows)
}

/// Everything public about a model, for the solver and for whoever decodes its result.
///
/// # Errors
/// Class internal if a midpoint is no whole number of steps that fits 64 bits.
pub(crate) fn problem(node: &Lasso, rows: usize) -> Result<Problem> {
    Ok(Problem {
        features: node.features.iter().map(variable).collect::<Result<_>>()?,
        target: variable(&node.target)?,
        max_rows: rows as u64,
        alpha: node.alpha,
        standardize: node.standardize,
        intercept: node.intercept,
        iterations: Problem::default_iterations(node.features.len()),
    })
}

/// The same for a model other than a LASSO.
///
/// # Errors
/// As [`problem`].
pub(crate) fn model(node: &Lasso, rows: usize) -> Result<Option<Model>> {
    let family = match node.family {
        Family::Lasso | Family::Cox => return Ok(None),
        Family::Linear => regression::Family::Linear,
        Family::Logistic => regression::Family::Logistic,
        Family::Poisson => regression::Family::Poisson,
    };
    Ok(Some(Model { problem: problem(node, rows)?, family, ridge: node.alpha, offset: 0.0 }))
}

pub(super) fn variable(term: &LassoTerm) -> Result<Variable> {
    /// Doubles up to here hold every whole number.
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    let offset = (term.middle / term.step).round_ties_even();
    if offset.is_nan() || offset.abs() > LIMIT {
        return Err(Error::internal("lasso", format!("the midpoint of `{}` is out of range", term.name)));
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within the limit")]
    Ok(Variable { bits: term.bits, offset: offset as i64, step: term.step })
}

async fn gather(ctx: &Context, node: &Lasso, input: &Table) -> Result<Statistics> {
    let columns = || node.features.iter().map(|term| term.column);
    Ok(match input.column(node.target.column)? {
        Column::U64(target) => {
            let features = columns().map(|column| input.ring64(column)).collect::<Result<Vec<_>>>()?;
            statistics(ctx, &features, target, input.ring64(node.valid)?).await?
        }
        Column::U128(target) => {
            let features = columns().map(|column| input.ring128(column)).collect::<Result<Vec<_>>>()?;
            statistics(ctx, &features, target, input.ring128(node.valid)?).await?
        }
        Column::U32(_) | Column::Bits(_) => {
            return Err(Error::internal("lasso", "a variable is not a number"));
        }
    })
}

/// Fits a regression; only linear ones do without the rows.
async fn fit(ctx: &Context, node: &Lasso, input: &Table, model: &Model) -> Result<Fit> {
    let statistics = gather(&ctx.step("statistics"), node, input).await?;
    let ctx = ctx.step("fit");
    if node.family == Family::Linear {
        return Ok(Box::pin(regression::fit(&ctx, model, &statistics, None)).await?);
    }
    let columns = node.features.iter().map(|term| input.ring128(term.column));
    let features = columns.collect::<Result<Vec<_>>>()?;
    let (target, valid) = (input.ring128(node.target.column)?, input.ring128(node.valid)?);
    let columns = Columns { features: &features, target, valid, offset: None };
    Ok(Box::pin(regression::fit(&ctx, model, &statistics, Some(columns))).await?)
}

/// The columns of a regression: those of its terms or of its summary, then `accepted`.
fn fitted(node: &Lasso, fit: &Fit) -> Vec<Column> {
    let rows = match node.output {
        LassoOutput::Coefficients => fit.values.len(),
        LassoOutput::Summary => 1,
    };
    let mut columns: Vec<Column> = match node.output {
        LassoOutput::Summary => {
            [&fit.rows, &fit.quality[0], &fit.quality[1]].map(|number| number.clone().into()).to_vec()
        }
        LassoOutput::Coefficients if node.has_errors() => {
            vec![fit.values.clone().into(), fit.spreads.clone().into(), fit.rows.repeat(rows).into()]
        }
        LassoOutput::Coefficients => vec![fit.values.clone().into()],
    };
    columns.push(fit.accepted.gather(&vec![0; rows]).into());
    columns
}

/// `value` (the intercept first, if there is one) and `accepted`.
fn coefficients(node: &Lasso, solution: &Solution) -> Vec<Column> {
    let value = if node.intercept {
        Shared::concat(&[&solution.intercept, &solution.coefficients])
    } else {
        solution.coefficients.clone()
    };
    let accepted = solution.accepted.gather(&vec![0; value.len()]);
    vec![value.into(), accepted.into()]
}

/// `n`, `r2`, `mse`, `iterations`, `nonzero`, `kkt` and `accepted`.
fn summary(seat: Seat, problem: &Problem, solution: &Solution) -> Vec<Column> {
    let iterations = Shared::from_public(seat, &[u128::from(problem.iterations)]);
    let Solution { rows, r2, mse, nonzero, violation, .. } = solution;
    let numbers = [rows, r2, mse, &iterations, nonzero, violation];
    let accepted = Column::from(solution.accepted.clone());
    numbers.into_iter().map(|number| number.clone().into()).chain([accepted]).collect()
}
