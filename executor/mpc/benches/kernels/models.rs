//! Models: what does not depend on the rows, and what does.

use mpc::cox;
use mpc::lasso::{Problem, Variable, cross_validate, solve, statistics, statistics_of_folds};
use mpc::regression::{self, Family};
use mpc::{Context, Result, Shared};

use crate::inputs::Inputs;
use crate::{FEW, Kernel, MANY, kernel};

/// A LASSO of features that are numbers of 18 bits.
fn problem(features: usize) -> Problem {
    let variable = Variable { bits: 18, offset: 0, step: 1.0 };
    Problem {
        features: vec![variable; features],
        target: variable,
        max_rows: 1024,
        alphas: vec![0.1],
        ridges: Vec::new(),
        by_sum: false,
        standardize: false,
        intercept: true,
        iterations: Problem::default_iterations(features),
    }
}

/// The sums of so many features that are ones, and the solver.
async fn lasso(ctx: Context, i: &Inputs, features: usize) -> Result<()> {
    let moments = statistics(&ctx.step("rows"), &vec![&i.ones; features], &i.ones, &i.ones).await?;
    Box::pin(solve(&ctx.step("solve"), &moments, &problem(features))).await.map(drop)
}

pub(crate) fn kernels() -> Vec<Kernel> {
    vec![
        kernel!("lasso::statistics", "10 features", MANY, |ctx, i| {
            statistics(&ctx, &[&i.ones; 10], &i.ones, &i.ones).await
        }),
        kernel!("lasso::statistics_of_folds", "4 features, 2 folds", MANY, |ctx, i| {
            statistics_of_folds(&ctx, &[&i.ones; 4], &i.ones, &i.ones, &[&i.ones]).await
        }),
        kernel!("lasso::solve", "10 features", FEW, |ctx, i| lasso(ctx, i, 10).await),
        kernel!("lasso::solve", "50 features", FEW, |ctx, i| lasso(ctx, i, 50).await),
        kernel!("lasso::cross_validate", "2 features, 2 folds", FEW, |ctx, i| {
            let rows = ctx.step("rows");
            let folds = statistics_of_folds(&rows, &[&i.ones; 2], &i.ones, &i.ones, &[&i.ones]).await?;
            Box::pin(cross_validate(&ctx.step("choose"), &folds, &problem(2))).await
        }),
        kernel!("regression::fit", "2 features, logistic", FEW, |ctx, i| {
            let problem = Problem { alphas: vec![0.0], iterations: 0, ..problem(2) };
            let family = Family::Logistic;
            let model = regression::Model { problem, family, ridge: 1.0, lasso: 0.0, offset: 0.0 };
            let moments = statistics(&ctx.step("rows"), &[&i.ones; 2], &i.ones, &i.ones).await?;
            let zeros = zeros(i);
            let features = [&zeros, &zeros];
            let columns = regression::Columns {
                features: &features,
                target: &zeros,
                valid: &zeros,
                offset: None,
                factorials: None,
            };
            Box::pin(regression::fit(&ctx.step("fit"), &model, &moments, Some(columns))).await
        }),
        kernel!("cox::fit", "2 features, 2 times", FEW, |ctx, i| {
            let variable = Variable { bits: 12, offset: 0, step: 1.0 };
            let model = cox::Model { features: vec![variable; 2], max_rows: i.rows as u64 };
            let zeros = zeros(i);
            let both = [&zeros, &zeros];
            let columns = cox::Columns { features: &both, event: &zeros, valid: &zeros, times: &both };
            Box::pin(cox::fit(&ctx, &model, columns)).await
        }),
    ]
}

/// Rows that do not count: what a fit takes does not depend on them.
fn zeros(i: &Inputs) -> Shared<u128> {
    i.wide.sub(&i.wide)
}
