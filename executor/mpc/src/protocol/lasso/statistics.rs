//! Sufficient statistics: what a linear model needs of the rows.

use crate::protocol::product::{gram, mul};
use crate::protocol::truncate::widen;
use crate::{Context, Result, Ring, Shared};

/// The shared matrix `Z'Z` of `Z = (features, target, valid)`, row after row.
///
/// Its last column holds the sums of the columns, its last entry the number of valid rows.
#[derive(Clone, Debug)]
pub struct Statistics {
    pub(crate) moments: Shared<u128>,
    pub(crate) features: usize,
}

/// The statistics of shared columns.
///
/// Every feature and the target must be zero in rows where `valid` is zero. With integers below `2^b` in at most `n`
/// rows, `n 2^(2b)` must be below `2^(k-2)` for the ring `Z_2^k`: [`super::Problem::statistics_bits`] says how
/// many bits that takes.
/// Cost: 1 round and one element per pair of columns, whatever the number of rows; over `Z_2^64` the sums are widened,
/// in 2 more rounds.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Peer`].
pub async fn statistics<R: Ring>(
    ctx: &Context,
    features: &[&Shared<R>],
    target: &Shared<R>,
    valid: &Shared<R>,
) -> Result<Statistics> {
    let columns: Vec<&Shared<R>> = features.iter().copied().chain([target, valid]).collect();
    let moments = gram(&ctx.step("gram"), &columns).await?;
    let moments =
        if R::BITS == u128::BITS { moments.narrow() } else { widen(&ctx.step("widen"), &moments).await? };
    Ok(Statistics { moments, features: features.len() })
}

/// The statistics of the rows of each fold. `folds` are 1 in the valid rows of a fold each; the valid rows in none of them
/// are one fold more, the last.
///
/// Columns and sizes as for [`statistics`].
/// Cost: 1 round and a product per row, column and fold but the last; a round per fold; then as [`statistics`] for
/// each fold, all widened in 2 rounds.
///
/// # Errors
/// As [`statistics`].
pub async fn statistics_of_folds<R: Ring>(
    ctx: &Context,
    features: &[&Shared<R>],
    target: &Shared<R>,
    valid: &Shared<R>,
    folds: &[&Shared<R>],
) -> Result<Vec<Statistics>> {
    let n = valid.len();
    let columns: Vec<&Shared<R>> = features.iter().copied().chain([target]).collect();
    let all = Shared::concat(&columns);
    let masks: Vec<Shared<R>> = folds.iter().map(|fold| fold.repeat(columns.len())).collect();
    let masks = Shared::concat(&masks.iter().collect::<Vec<_>>());
    let masked = mul(&ctx.step("masked"), &all.repeat(folds.len()), &masks).await?;
    let (mut last, mut last_valid) = (all.clone(), valid.clone());
    let mut rows = Vec::new();
    for (index, fold) in folds.iter().enumerate() {
        let own = masked.slice(index * all.len()..(index + 1) * all.len());
        last.sub_assign(&own);
        last_valid.sub_assign(fold);
        rows.push((own, (*fold).clone()));
    }
    rows.push((last, last_valid));
    let mut moments = Vec::new();
    for (index, (own, fold)) in rows.iter().enumerate() {
        let mut own: Vec<Shared<R>> =
            (0..columns.len()).map(|column| own.slice(column * n..(column + 1) * n)).collect();
        own.push(fold.clone());
        moments.push(gram(&ctx.step("gram").nth(index), &own.iter().collect::<Vec<_>>()).await?);
    }
    let all = Shared::concat(&moments.iter().collect::<Vec<_>>());
    let all = if R::BITS == u128::BITS { all.narrow() } else { widen(&ctx.step("widen"), &all).await? };
    let each = all.len() / rows.len();
    let fold = |index: usize| all.slice(index * each..(index + 1) * each);
    Ok((0..rows.len()).map(|index| Statistics { moments: fold(index), features: features.len() }).collect())
}
