//! Lasso: sufficient statistics by dot products, then the solver of the secure core.

use mpc::protocol::lasso::{Problem, Solution, Variable, solve, statistics};
use mpc::{Column, Context, Seat, Shared};
use planner::plan::{Lasso, LassoOutput, LassoTerm};

use crate::table::Table;
use crate::{Error, Result};

/// Fits the model of `node` over `input`; `counts` is its table of counts, if it has one.
pub(crate) async fn run(ctx: &Context, node: &Lasso, input: &Table, counts: Option<&Table>) -> Result<Table> {
    let problem = problem(node, input.rows())?;
    let solution = fit(ctx, node, input, &problem).await?;
    let mut columns = match node.output {
        LassoOutput::Coefficients => coefficients(node, &solution),
        LassoOutput::Summary => summary(ctx.seat(), &problem, &solution),
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

fn variable(term: &LassoTerm) -> Result<Variable> {
    /// Doubles up to here hold every whole number.
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    let offset = (term.middle / term.step).round_ties_even();
    if offset.is_nan() || offset.abs() > LIMIT {
        return Err(Error::internal("lasso", format!("the midpoint of `{}` is out of range", term.name)));
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within the limit")]
    Ok(Variable { bits: term.bits, offset: offset as i64, step: term.step })
}

async fn fit(ctx: &Context, node: &Lasso, input: &Table, problem: &Problem) -> Result<Solution> {
    let (gather, fit) = (ctx.step("statistics"), ctx.step("fit"));
    let columns = || node.features.iter().map(|term| term.column);
    let statistics = match input.column(node.target.column)? {
        Column::U64(target) => {
            let features = columns().map(|column| input.ring64(column)).collect::<Result<Vec<_>>>()?;
            statistics(&gather, &features, target, input.ring64(node.valid)?).await?
        }
        Column::U128(target) => {
            let features = columns().map(|column| input.ring128(column)).collect::<Result<Vec<_>>>()?;
            statistics(&gather, &features, target, input.ring128(node.valid)?).await?
        }
        Column::U32(_) | Column::Bits(_) => {
            return Err(Error::internal("lasso", "a variable is not a number"));
        }
    };
    Ok(Box::pin(solve(&fit, &statistics, problem)).await?)
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
