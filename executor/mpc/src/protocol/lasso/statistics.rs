//! Sufficient statistics: what a linear model needs of the rows.

use crate::protocol::product::gram;
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
