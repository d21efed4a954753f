//! Models: sufficient statistics by dot products, or rows, then a solver of the secure core.

use mpc::protocol::lasso::{
    Problem, Solution, Statistics, Variable, cross_validate, solve, statistics, statistics_of_folds,
};
use mpc::protocol::regression::{self, Columns, Fit, Model};
use mpc::{Column, Context, Seat, Shared, SharedBits};
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
        let (solution, place) = Box::pin(penalised(ctx, node, input, &problem)).await?;
        match node.output {
            LassoOutput::Coefficients => coefficients(node, &solution),
            LassoOutput::Summary => summary(ctx.seat(), &problem, &solution, place.as_ref()),
        }
    };
    let rows = columns.first().map_or(0, Column::len);
    let same = vec![0; rows];
    columns.extend(counts.into_iter().flat_map(Table::columns).map(|column| column.gather(&same)));
    Table::new(columns, rows)
}

/// Solves for all penalties, or for the one that cross-validation chooses, whose place it gives then.
async fn penalised(
    ctx: &Context,
    node: &Lasso,
    input: &Table,
    problem: &Problem,
) -> Result<(Solution, Option<Shared<u128>>)> {
    let fit = ctx.step("fit");
    let ctx = ctx.step("statistics");
    if node.folds.is_empty() {
        let statistics = gather(&ctx, node, input).await?;
        return Ok((Box::pin(solve(&fit, &statistics, problem)).await?, None));
    }
    let folds = match Variables::of(node, input)? {
        Variables::Narrow { features, target, valid } => {
            let folds = node.folds.iter().map(|&fold| input.ring64(fold)).collect::<Result<Vec<_>>>()?;
            statistics_of_folds(&ctx, &features, target, valid, &folds).await?
        }
        Variables::Wide { features, target, valid } => {
            let folds = node.folds.iter().map(|&fold| input.ring128(fold)).collect::<Result<Vec<_>>>()?;
            statistics_of_folds(&ctx, &features, target, valid, &folds).await?
        }
    };
    let validated = Box::pin(cross_validate(&fit, &folds, problem)).await?;
    Ok((validated.solution, Some(validated.place)))
}

/// The columns of a model, in one of two rings.
enum Variables<'t> {
    Narrow { features: Vec<&'t Shared<u64>>, target: &'t Shared<u64>, valid: &'t Shared<u64> },
    Wide { features: Vec<&'t Shared<u128>>, target: &'t Shared<u128>, valid: &'t Shared<u128> },
}

impl<'t> Variables<'t> {
    fn of(node: &Lasso, input: &'t Table) -> Result<Variables<'t>> {
        let columns = || node.features.iter().map(|term| term.column);
        Ok(match input.column(node.target.column)? {
            Column::U64(target) => {
                let features = columns().map(|column| input.ring64(column)).collect::<Result<Vec<_>>>()?;
                Variables::Narrow { features, target, valid: input.ring64(node.valid)? }
            }
            Column::U128(target) => {
                let features = columns().map(|column| input.ring128(column)).collect::<Result<Vec<_>>>()?;
                Variables::Wide { features, target, valid: input.ring128(node.valid)? }
            }
            Column::U32(_) | Column::Bits(_) => {
                return Err(Error::internal("lasso", "a variable is not a number"));
            }
        })
    }
}

/// Everything public about a model, for the solver and for whoever decodes its result.
///
/// # Errors
/// Class internal if a midpoint is no whole number of steps that fits 64 bits.
pub(crate) fn problem(node: &Lasso, rows: usize) -> Result<Problem> {
    let weighed = |part: f64| node.alphas.iter().map(|alpha| alpha * part).collect::<Vec<f64>>();
    Ok(Problem {
        features: node.features.iter().map(variable).collect::<Result<_>>()?,
        target: variable(&node.target)?,
        max_rows: rows as u64,
        alphas: weighed(node.l1_ratio),
        ridges: if node.l1_ratio < 1.0 { weighed(1.0 - node.l1_ratio) } else { Vec::new() },
        by_sum: node.by_sum,
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
    let alpha = node.alphas.first().copied().unwrap_or(0.0);
    let lasso = if node.family == Family::Logistic { alpha * node.l1_ratio } else { 0.0 };
    let ridge = alpha * (1.0 - node.l1_ratio);
    let offset = node.offset.as_ref().map_or(0.0, |term| term.step);
    Ok(Some(Model { problem: problem(node, rows)?, family, ridge, lasso, offset }))
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
    Ok(match Variables::of(node, input)? {
        Variables::Narrow { features, target, valid } => statistics(ctx, &features, target, valid).await?,
        Variables::Wide { features, target, valid } => statistics(ctx, &features, target, valid).await?,
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
    let offset = match &node.offset {
        None => None,
        Some(term) => {
            let middle = i128::from(variable(term)?.offset).cast_unsigned();
            Some(input.ring128(term.column)?.add(&valid.scale(middle)))
        }
    };
    let factorials = node.factorials.map(|column| input.ring128(column)).transpose()?;
    let columns = Columns { features: &features, target, valid, offset: offset.as_ref(), factorials };
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
            let nonzero = (node.family == Family::Linear).then_some(&fit.nonzero);
            let numbers = [&fit.rows, &fit.quality[0], &fit.quality[1]].into_iter().chain(nonzero);
            numbers.map(|number| number.clone().into()).collect()
        }
        LassoOutput::Coefficients if node.has_errors() => {
            vec![fit.values.clone().into(), fit.spreads.clone().into(), fit.rows.repeat(rows).into()]
        }
        LassoOutput::Coefficients => vec![fit.values.clone().into()],
    };
    columns.push(fit.accepted.gather(&vec![0; rows]).into());
    columns
}

/// `value` (the intercept first, if there is one) and `accepted`, model after model.
fn coefficients(node: &Lasso, solution: &Solution) -> Vec<Column> {
    let features = node.features.len();
    let (mut values, mut accepted) = (Vec::new(), Vec::new());
    for model in 0..node.models() {
        if node.intercept {
            values.push(solution.intercept.slice(model..model + 1));
        }
        values.push(solution.coefficients.slice(model * features..(model + 1) * features));
        accepted
            .extend(vec![solution.accepted.rows(model..model + 1); features + usize::from(node.intercept)]);
    }
    let values = Shared::concat(&values.iter().collect::<Vec<_>>());
    let accepted = SharedBits::concat_rows(&accepted.iter().collect::<Vec<_>>());
    vec![values.into(), accepted.into()]
}

/// `n`, `r2`, `mse`, `iterations`, `nonzero`, `kkt`, the place of a chosen penalty and `accepted`.
fn summary(seat: Seat, problem: &Problem, solution: &Solution, place: Option<&Shared<u128>>) -> Vec<Column> {
    let iterations = Shared::from_public(seat, &[u128::from(problem.iterations)]);
    let Solution { rows, r2, mse, nonzero, violation, .. } = solution;
    let numbers = [rows, r2, mse, &iterations, nonzero, violation];
    let accepted = Column::from(solution.accepted.clone());
    let numbers = numbers.into_iter().chain(place).map(|number| number.clone().into());
    numbers.chain([accepted]).collect()
}
