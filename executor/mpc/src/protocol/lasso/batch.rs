//! Several penalised problems in correlation form, side by side: their rounds are those of one.

use super::correlation::Correlation;
use super::problem::FRACTION;
use super::ridge::Shrunk;
use crate::protocol::fixed::truncated_product;
use crate::{Context, Result, Shared};

/// Problems `min_w w'Gw / 2 - c'w + sum t_j |w_j|`, of which number `q` has the Gram matrix `q % grams`.
///
/// The trace of each `G` is at most its size, and each is `X'X`, its `c` is `X'y`, of some `X` and some `|y| <= 1`.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// The number of coefficients of each problem.
    pub(crate) size: usize,
    /// The number of problems.
    pub(crate) count: usize,
    /// How many matrices `gram` has.
    pub(crate) grams: usize,
    /// Matrices, row after row.
    pub(crate) gram: Shared<u128>,
    /// `c` of each problem.
    pub(crate) target: Shared<u128>,
    /// `t` of each problem.
    pub(crate) thresholds: Shared<u128>,
    /// The width at which the first-order stage compares: 64 if `|y|` and all `t` are as above.
    pub(crate) bits: u32,
}

impl Batch {
    /// The same rows with the penalties of `thresholds`.
    pub(crate) fn of(correlation: &Correlation, thresholds: &Shared<u128>) -> Batch {
        let size = correlation.target.len();
        let count = thresholds.len() / size.max(1);
        let target = correlation.target.repeat(count);
        let (gram, thresholds) = (correlation.gram.clone(), thresholds.clone());
        Batch { size, count, grams: 1, gram, target, thresholds, bits: 64 }
    }

    /// The matrices of all problems, `times` over.
    pub(crate) fn all_grams(&self, times: usize) -> Shared<u128> {
        self.gram.repeat(self.count / self.grams.max(1) * times)
    }

    /// With squared penalties: in coefficients divided by `roots`, features and what is added to them have length 1.
    ///
    /// Cost: 2 truncated products.
    ///
    /// # Errors
    /// [`crate::Error::Peer`].
    pub(crate) async fn shrunk(self, ctx: &Context, shrunk: &Shrunk) -> Result<Batch> {
        let Batch { size, count, .. } = self;
        let gram = self.all_grams(1);
        let scaled = self.scaled(ctx, shrunk).await?;
        let diagonal: Vec<u128> =
            (0..size).flat_map(|i| (0..size).map(move |j| u128::from(i == j))).collect::<Vec<_>>();
        let diagonal = diagonal.repeat(count);
        let others: Vec<u128> = diagonal.iter().map(|one| 1 - one).collect();
        Ok(Batch { gram: scaled.gram.scale_by(&others).add(&gram.scale_by(&diagonal)), ..scaled })
    }

    /// In coefficients divided by `roots`, those of each problem.
    ///
    /// Cost: 2 truncated products.
    ///
    /// # Errors
    /// [`crate::Error::Peer`].
    pub(crate) async fn scaled(self, ctx: &Context, shrunk: &Shrunk) -> Result<Batch> {
        let Batch { size, count, .. } = self;
        let roots = &shrunk.roots;
        let gram = self.all_grams(1);
        let left = Shared::concat(&[&gram, &self.target, &self.thresholds]);
        let right = Shared::concat(&[&roots.repeat_each(size), roots, roots]);
        let once = truncated_product(&ctx.step("rows"), &left, &right, FRACTION).await?;
        let (end, last) = (gram.len(), gram.len() + self.target.len());
        let columns: Vec<Shared<u128>> =
            (0..count).map(|q| roots.slice(q * size..(q + 1) * size).repeat(size)).collect();
        let columns = Shared::concat(&columns.iter().collect::<Vec<_>>());
        let twice = truncated_product(&ctx.step("columns"), &once.slice(0..end), &columns, FRACTION).await?;
        Ok(Batch {
            grams: count,
            gram: twice,
            target: once.slice(end..last),
            thresholds: once.slice(last..once.len()),
            ..self
        })
    }
}
