//! Bringing positive numbers of unknown size into [1/4, 1).

use crate::planes::as_u32;
use crate::protocol::bits::or;
use crate::protocol::convert::{bit_to_arithmetic, bits_of};
use crate::{Context, Result, Shared, SharedBits};

/// Where the top bit of each value of a column is, up to the pair of bits: a shared base-4 exponent.
///
/// For `0 < x < 4^levels` the *shift* `k` of `x` is the number with `4^(levels-1) <= x 4^k < 4^levels`. It is held as
/// a one-hot code over `0..levels`; the code of `x = 0` is all zero, so every function of the shift below is 0 there.
#[derive(Clone, Debug)]
pub struct Shifts {
    /// One row of `levels` zeros and ones per value.
    one_hot: Shared<u128>,
    levels: usize,
}

/// The shifts of non-negative numbers below `4^levels`.
///
/// Functionality: all bits; the OR of each pair; a prefix OR from the top; the first difference is the top pair.
/// Model: semi-honest, 1 of 3.
/// Cost: `4 + log levels + log (2 levels)` rounds, logarithms of base 2 rounded up. (Asserted by the `cost` tests of
/// what rests on it.)
///
/// # Errors
/// [`crate::Error::Peer`].
pub async fn shifts(ctx: &Context, x: &Shared<u128>, levels: usize) -> Result<Shifts> {
    let bits = bits_of(&ctx.step("bits"), x, as_u32(2 * levels)).await?;
    let planes = |offset: usize| {
        let parts: Vec<SharedBits> = (0..levels).rev().map(|pair| bits.plane(2 * pair + offset)).collect();
        SharedBits::concat_planes(&parts.iter().collect::<Vec<_>>())
    };
    let pairs = or(&ctx.step("pairs"), &planes(0), &planes(1)).await?;
    let seen = prefix_or(&ctx.step("prefix"), pairs).await?;
    let before = SharedBits::concat_planes(&[&SharedBits::zeros(x.len(), 1), &seen.planes(0..levels - 1)]);
    let top = seen.xor(&before);
    let by_level = bit_to_arithmetic(&ctx.step("one hot"), &top).await?;
    let order: Vec<u32> =
        (0..x.len()).flat_map(|i| (0..levels).map(move |k| as_u32(k * x.len() + i))).collect();
    Ok(Shifts { one_hot: Shared::concat(&by_level.iter().collect::<Vec<_>>()).gather(&order), levels })
}

impl Shifts {
    /// The number of values.
    pub fn len(&self) -> usize {
        self.one_hot.len() / self.levels.max(1)
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.one_hot.is_empty()
    }

    /// `weight(k)` of each shift `k`, and 0 for the value 0. Local.
    #[must_use]
    pub fn weighted(&self, weight: impl Fn(usize) -> u128) -> Shared<u128> {
        let weights: Vec<u128> = (0..self.levels).map(weight).collect();
        self.one_hot.scale_by(&weights.repeat(self.len())).sum_groups(self.levels)
    }

    /// The shifts of the values at public positions. Local.
    #[must_use]
    pub fn select(&self, values: &[usize]) -> Shifts {
        let rows = values.iter().flat_map(|&i| i * self.levels..(i + 1) * self.levels);
        Shifts { one_hot: self.one_hot.gather(&rows.map(as_u32).collect::<Vec<_>>()), levels: self.levels }
    }

    /// The one-hot codes, `levels` entries for each value.
    pub fn one_hot(&self) -> &Shared<u128> {
        &self.one_hot
    }

    /// The number of possible shifts.
    pub fn levels(&self) -> usize {
        self.levels
    }
}

/// Plane `i` of the result is the OR of planes `0..=i`.
async fn prefix_or(ctx: &Context, mut x: SharedBits) -> Result<SharedBits> {
    let mut reach = 1;
    while reach < x.width() {
        let (head, tail) = (x.planes(0..reach), x.planes(reach..x.width()));
        let tail = or(&ctx.nth(reach), &tail, &x.planes(0..x.width() - reach)).await?;
        x = SharedBits::concat_planes(&[&head, &tail]);
        reach *= 2;
    }
    Ok(x)
}
