//! Second moments about the mean (or about zero), exactly.

use super::problem::Layout;
use super::statistics::Statistics;
use crate::protocol::product::mul;
use crate::{Context, Result, Shared};

/// `n` times the sums of squares and products that the model is fitted to, as exact integers.
///
/// The variables are the features and, last, the target.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    /// `n z_i'z_j` for `i < j`, in the order of [`pairs`]; about the means if the model is centred.
    pub(crate) products: Shared<u128>,
    /// `n z_i'z_i`.
    pub(crate) squares: Shared<u128>,
    /// The number of valid rows.
    pub(crate) count: Shared<u128>,
    /// The sums of the variables, as shared by the owners.
    pub(crate) sums: Shared<u128>,
    /// Without an intercept, `n y'y` about the other one of mean and zero than `squares` has.
    pub(crate) other_target: Option<Shared<u128>>,
}

/// All pairs `i < j` of `count` variables, in order.
pub(crate) fn pairs(count: usize) -> Vec<(usize, usize)> {
    (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j))).collect()
}

/// The elements at public positions.
pub(crate) fn pick(x: &Shared<u128>, positions: impl IntoIterator<Item = usize>) -> Shared<u128> {
    x.gather(&positions.into_iter().map(crate::planes::as_u32).collect::<Vec<_>>())
}

/// Exact moments, from the statistics.
///
/// Range: with integers below `2^b` in `n < 2^l` rows every result is below `n^2 2^(2b) <= 2^(2 levels) <= 2^124`,
/// and by Cauchy's inequality `products_ij^2 <= squares_i squares_j`.
/// Cost: 1 round.
///
/// # Errors
/// [`crate::Error::Peer`].
pub(crate) async fn moments(ctx: &Context, layout: &Layout, statistics: &Statistics) -> Result<Moments> {
    let variables = layout.features + 1;
    let raw = Raw::new(statistics, variables);
    let moved = if layout.centred { raw.clone() } else { raw.moved(&layout.offsets) };
    let list: Vec<(usize, usize)> =
        pairs(variables).into_iter().chain((0..variables).map(|i| (i, i))).collect();

    let mut left = vec![raw.count.repeat(list.len())];
    let mut right = vec![moved.entries(&list)];
    if layout.centred {
        left.push(pick(&raw.sums, list.iter().map(|&(i, _)| i)));
        right.push(pick(&raw.sums, list.iter().map(|&(_, j)| j)));
    }
    let target = [(variables - 1, variables - 1)];
    if !layout.intercept {
        let last_sum = pick(&raw.sums, [variables - 1]);
        left.extend([raw.count.clone(), last_sum.clone()]);
        let about_zero = if layout.centred { raw.moved(&layout.offsets) } else { raw.clone() };
        right.extend([about_zero.entries(&target), last_sum]);
    }
    let product = mul(ctx, &concat(&left), &concat(&right)).await?;

    let len = list.len();
    let (mut all, mut rest) = (product.slice(0..len), len);
    if layout.centred {
        all = all.sub(&product.slice(len..2 * len));
        rest = 2 * len;
    }
    let other_target = (!layout.intercept).then(|| {
        let (squares, mean) = (product.slice(rest..rest + 1), product.slice(rest + 1..rest + 2));
        if layout.centred { squares } else { squares.sub(&mean) }
    });
    let squares = all.slice(len - variables..len);
    let products = all.slice(0..len - variables);
    Ok(Moments { products, squares, count: raw.count, sums: raw.sums, other_target })
}

fn concat(parts: &[Shared<u128>]) -> Shared<u128> {
    Shared::concat(&parts.iter().collect::<Vec<_>>())
}

/// Moments about the owners' midpoints.
#[derive(Clone)]
pub(crate) struct Raw {
    matrix: Shared<u128>,
    pub(crate) sums: Shared<u128>,
    pub(crate) count: Shared<u128>,
    variables: usize,
}

impl Raw {
    pub(crate) fn new(statistics: &Statistics, variables: usize) -> Raw {
        let (moments, width) = (&statistics.moments, variables + 1);
        let matrix = pick(moments, (0..variables).flat_map(|i| (0..variables).map(move |j| i * width + j)));
        let sums = pick(moments, (0..variables).map(|i| i * width + variables));
        Raw { matrix, sums, count: pick(moments, [width * width - 1]), variables }
    }

    /// Moments about zero, from those about the public midpoints `m`: `z_i'z_j + m_i s_j + m_j s_i + m_i m_j n`.
    fn moved(&self, offsets: &[i64]) -> Raw {
        let variables = self.variables;
        let m: Vec<u128> = offsets.iter().map(|&o| i128::from(o).cast_unsigned()).collect();
        let rows: Vec<u128> = m.iter().flat_map(|&a| vec![a; variables]).collect();
        let columns = m.repeat(variables);
        let both: Vec<u128> = rows.iter().zip(&columns).map(|(a, b)| a.wrapping_mul(*b)).collect();
        let matrix = self
            .matrix
            .add(&self.sums.repeat(variables).scale_by(&rows))
            .add(&self.sums.repeat_each(variables).scale_by(&columns))
            .add(&self.count.repeat(variables * variables).scale_by(&both));
        Raw { matrix, ..self.clone() }
    }

    /// The moments of these pairs.
    pub(crate) fn entries(&self, list: &[(usize, usize)]) -> Shared<u128> {
        pick(&self.matrix, list.iter().map(|&(i, j)| i * self.variables + j))
    }
}
