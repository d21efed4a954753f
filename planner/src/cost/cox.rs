//! Cox's model, from the costs of its protocols; it follows the code of the secure core step by step.

use super::Cost;
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
    for step in 0..STEPS {
        cost = cost.then(sizes.slope(step > 0));
        if step == 0 {
            cost = cost.then(sizes.likelihood());
        }
        cost = cost.then(unit(p)).then(sizes.step());
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

    fn step(&self) -> Cost {
        let p = self.p;
        let solved = clamp(p, 126).then(solve(p, 1, doublings(p, 12))).then(clamp(p, 126));
        product(p, 44).then(solved).then(product(p, 44))
    }

    fn finish(&self) -> Cost {
        let Sizes { p, n, row_bits, .. } = *self;
        let columns = p * (p + 1);
        let inverted = solve(p, p + 1, doublings(p, 20)).then(product(columns, 44));
        let inside = negative(2 * n, 71).then(to_arithmetic(2 * n, 1, RingSize::Z64)).then(negative(1, 32));
        inverted
            .then(all_below(columns + p + p * p))
            .then(product(p * p, 54))
            .then(product(p * p, 34))
            .then(all_below(3 * p + p * p))
            .then(inside)
            .then(and_many(1, 3))
            .then(product(p, row_bits + 14))
            .then(square_root(p, 41, 14))
            .then(multiply(2 * p, WIDE))
    }
}

/// An information matrix scaled to a unit diagonal.
fn unit(p: u64) -> Cost {
    inverse_square_root(p, 34, 66).then(product(p * p, 44)).then(product(p * p, 44))
}

/// Doublings that solve systems whose smallest eigenvalue is at least 2^-`bits`.
fn doublings(size: u64, bits: u64) -> u64 {
    u64::from(u64::BITS - size.saturating_sub(1).leading_zeros()) + bits + 3
}

/// A linear system of unit diagonal with `columns` right-hand sides: squares and products side by side.
fn solve(size: u64, columns: u64, doublings: u64) -> Cost {
    let of_columns = size * columns;
    let mut cost = truncate(size * size + of_columns, 44);
    for left in (0..doublings).rev() {
        let square = if left == 0 { 0 } else { size * (size + 1) / 2 };
        cost = cost.then(product(of_columns + square, 44));
    }
    cost
}

/// Whether the sizes of `count` numbers are below public bounds.
fn all_below(count: u64) -> Cost {
    negative(2 * count, 96).then(and_many(1, 2 * count))
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
            [(3518, 2_209_199), (3518, 2_890_279), (3445, 1_814_810), (3518, 3_640_803), (3482, 3_059_750)]
        );
    }
}
