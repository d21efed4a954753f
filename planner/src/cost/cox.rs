//! Cox's model, from the costs of its protocols; it follows the code of the secure core step by step.

use super::Cost;
use super::system::{all_below, invert, rescaled, step, unit};
use super::table::{
    and_many, clamp, divide_by_root, exponential, inverse_square_root, logarithm, multiply, negative,
    product, reciprocal, square_root, to_arithmetic, truncate, widen,
};
use crate::plan::RingSize;

/// Newton's steps.
const STEPS: u64 = 10;
/// Sums of weights are below 4 to this.
const WEIGHT_LEVELS: u64 = 40;
const WIDE: RingSize = RingSize::Z128;

/// The public sizes of a fit.
struct Sizes {
    /// Features.
    p: u64,
    /// Times.
    times: u64,
    /// Rows.
    n: u64,
    /// Bits of the features about their midpoints.
    bits: u64,
    /// Bits of the number of rows.
    row_bits: u64,
}

/// A fit of `p` features of at most `bits` bits over `n` rows and a grid of `times`.
pub(super) fn cox(p: u64, times: u64, n: u64, bits: u64) -> Cost {
    let row_bits = u64::from(u64::BITS - n.leading_zeros());
    let sizes = Sizes { p, times, n, bits, row_bits };
    let mut cost = sizes.prepare();
    for number in 0..STEPS {
        cost = cost.then(sizes.slope(number > 0));
        if number == 0 {
            cost = cost.then(sizes.likelihood());
        }
        cost = cost.then(unit(p)).then(step(p));
    }
    cost.then(sizes.slope(true)).then(sizes.likelihood()).then(unit(p)).then(sizes.finish())
}

impl Sizes {
    fn prepare(&self) -> Cost {
        let events = reciprocal(1, self.row_bits / 2 + 1, self.row_bits + 30);
        self.standardise().beside(self.ties()).beside(events).then(multiply(self.n * self.p, WIDE))
    }

    fn standardise(&self) -> Cost {
        let Sizes { p, n, bits, row_bits, .. } = *self;
        let levels = bits + row_bits;
        let fewer = (bits + row_bits.div_ceil(2) + 1 + levels).saturating_sub(68);
        let fraction = bits + 36;
        multiply(p, WIDE)
            .then(multiply(p, WIDE))
            .then(truncate(p, fewer))
            .then(divide_by_root(2 * p, levels, fraction))
            .then(multiply(n * p, WIDE))
            .then(truncate(n * p, fraction - 32))
    }

    fn ties(&self) -> Cost {
        let Sizes { times, n, row_bits, .. } = *self;
        let size = (2 * times).isqrt().max(1);
        let rest = n % size;
        let of_block = |rows: u64| rows * rows.saturating_sub(1) / 2;
        let pairs = n / size * of_block(size) + of_block(rest);
        multiply(n.div_ceil(size) * times + pairs, RingSize::Z64)
            .then(multiply(n, RingSize::Z64))
            .then(multiply(n, RingSize::Z64))
            .then(widen(n + times))
            .then(reciprocal(times, row_bits / 2 + 1, 60))
            .then(multiply(n, WIDE))
            .then(product(n, 20))
    }

    /// Gradient and information; `weights`: not at 0.
    fn slope(&self, weights: bool) -> Cost {
        let Sizes { p, times, n, row_bits, .. } = *self;
        let mut cost = Cost::default();
        if weights {
            cost = multiply(n, WIDE)
                .then(truncate(n, 48))
                .then(clamp(n, 70))
                .then(exponential(n, 28, 56 - row_bits))
                .then(multiply(n, WIDE));
        }
        let root = inverse_square_root(times, WEIGHT_LEVELS, 66);
        let at_times = multiply(n * (2 * p + 1), WIDE)
            .then(multiply(times * (2 * p + 2), WIDE))
            .then(truncate(2 * p * times, 32).beside(root))
            .then(product(times, 14 + row_bits))
            .then(product(times * (2 * p + 1), 54));
        let at_rows = multiply(n, WIDE)
            .then(product(n, 44))
            .then(inverse_square_root(n, 21, 66))
            .then(product(n, 56))
            .then(multiply(n, WIDE))
            .then(product(n, 40))
            .then(multiply(3 * n, WIDE))
            .then(multiply(5 * times, WIDE));
        let own = product(2 * times, 36)
            .then(multiply(2 * n, WIDE))
            .then(multiply(n, WIDE))
            .then(product(n, 58))
            .then(product(n * p, 32))
            .then(multiply(p * (p + 1), WIDE));
        let others = truncate(3 * times, 42)
            .then(multiply(2 * p * times, WIDE))
            .then(truncate(2 * p * times, 46))
            .then(multiply(p * p, WIDE));
        let mean = truncate(p * (p + 1), 36).then(product(p * (p + 1), row_bits + 22));
        cost.then(at_times).then(at_rows).then(own.beside(others)).then(mean)
    }

    fn likelihood(&self) -> Cost {
        let logarithms = logarithm(self.times, WEIGHT_LEVELS).beside(logarithm(self.n, 21));
        logarithms.then(multiply(2, WIDE))
    }

    fn finish(&self) -> Cost {
        let Sizes { p, n, row_bits, .. } = *self;
        let inside = negative(2 * n, 71).then(to_arithmetic(2 * n, 1, RingSize::Z64)).then(negative(1, 32));
        invert(p, p + 1)
            .then(rescaled(p))
            .then(all_below(3 * p + p * p))
            .then(inside)
            .then(and_many(1, 3))
            .then(product(p, row_bits + 14))
            .then(square_root(p, 41, 14))
            .then(multiply(2 * p, WIDE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the secure core's own test measures them: features of 12 bits.
    #[test]
    fn costs_are_those_of_the_secure_core() {
        let sizes = [(60, 4, 9), (60, 4, 30), (60, 1, 9), (120, 4, 9), (120, 2, 1)];
        let found = sizes.map(|(rows, features, times)| {
            let cost = cox(features, times, rows, 12);
            (cost.rounds, cost.bytes())
        });
        assert_eq!(
            found,
            [(3488, 2_220_079), (3488, 2_901_159), (3415, 1_824_730), (3488, 3_630_563), (3452, 3_048_870)]
        );
    }
}
