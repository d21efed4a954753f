//! Fold: sums and products of cells along one key.

use futures::future::try_join_all;
use mpc::protocol::fixed::running_products;
use mpc::protocol::pooled::pool;
use mpc::{Column, Context, Ring, Shared};
use planner::plan::{Axis, Fold, How};

use crate::table::Table;
use crate::{Error, Result};

/// Puts the cells of every column of `input` together.
pub(crate) async fn run(ctx: &Context, node: &Fold, input: &Table) -> Result<Table> {
    if input.rows() != node.axis.cells() {
        return Err(Error::internal("fold", "an axis that is not one of its cells"));
    }
    if node.how == How::Pool {
        return pooled(ctx, node, input).await;
    }
    let columns = input.columns().iter().enumerate().map(|(index, column)| {
        let ctx = ctx.nth(index);
        async move { of_column(&ctx, node, column).await }
    });
    Table::new(try_join_all(columns).await?, node.rows())
}

async fn of_column(ctx: &Context, node: &Fold, column: &Column) -> Result<Column> {
    match (column, node.how) {
        (Column::U128(x), How::Product { fraction }) => {
            Ok(products(ctx, x, node.axis, fraction).await?.into())
        }
        (Column::U64(x), How::Sum | How::FromStart | How::FromEnd) => Ok(sums(x, node.axis, node.how).into()),
        (Column::U128(x), _) => Ok(sums(x, node.axis, node.how).into()),
        (Column::U32(_) | Column::U64(_) | Column::Bits(_), _) => {
            Err(Error::internal("fold", "a column that cannot be put together"))
        }
    }
}

async fn pooled(ctx: &Context, node: &Fold, input: &Table) -> Result<Table> {
    let order = runs(node.axis);
    let along = (0..input.columns().len()).map(|column| Ok(input.ring64(column)?.gather(&order)));
    let along = along.collect::<Result<Vec<_>>>()?;
    let (sums, shown) = pool(ctx, &along, &node.at_least, node.axis.length, node.pooled_bits()).await?;
    let back = inverse(&order);
    let sums = sums.iter().map(|sum| Column::from(sum.gather(&back)));
    let columns = sums.chain([Column::from(shown.gather(&back))]).collect();
    Table::new(columns, node.rows())
}

/// The places of the cells, run after run along the axis.
fn runs(axis: Axis) -> Vec<u32> {
    let place = |run: usize, i: usize| (run / axis.inner * axis.length + i) * axis.inner + run % axis.inner;
    let places = (0..axis.outer * axis.inner).flat_map(|run| (0..axis.length).map(move |i| place(run, i)));
    places.map(|place| u32::try_from(place).unwrap_or(u32::MAX)).collect()
}

/// Where each of these places is.
fn inverse(places: &[u32]) -> Vec<u32> {
    let mut inverse = vec![0; places.len()];
    for (index, place) in (0..).zip(places) {
        inverse[*place as usize] = index;
    }
    inverse
}

fn sums<R: Ring>(x: &Shared<R>, axis: Axis, how: How) -> Shared<R> {
    let order = runs(axis);
    let along = x.gather(&order);
    if how == How::Sum {
        return along.sum_groups(axis.length);
    }
    let total = |part: &[R]| -> Vec<R> {
        part.chunks(axis.length.max(1)).flat_map(|run| running(run, how == How::FromEnd)).collect()
    };
    let (first, second) = along.parts();
    Shared::from_parts(total(first), total(second)).gather(&inverse(&order))
}

/// The sum of each element and all before it, or all after it.
fn running<R: Ring>(run: &[R], from_end: bool) -> Vec<R> {
    let mut sum = R::ZERO;
    let mut add = |x: &R| {
        sum = sum.plus(*x);
        sum
    };
    if from_end {
        let mut sums: Vec<R> = run.iter().rev().map(&mut add).collect();
        sums.reverse();
        sums
    } else {
        run.iter().map(&mut add).collect()
    }
}

async fn products(ctx: &Context, x: &Shared<u128>, axis: Axis, fraction: u32) -> Result<Shared<u128>> {
    let order = runs(axis);
    let along = running_products(ctx, &x.gather(&order), axis.length, fraction).await?;
    Ok(along.gather(&inverse(&order)))
}
