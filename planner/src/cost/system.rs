//! Linear systems of models, from the costs of their protocols; they follow `mpc::protocol::lasso::linear`,
//! `mpc::protocol::regression::system` and `unit`.

use super::Cost;
use super::table::{and_many, clamp, inverse_square_root, negative, product, truncate};

/// Fractional bits of the solver.
pub(super) const FRACTION: u64 = 44;
/// The width at which numbers of unknown size are compared.
pub(super) const COMPARED: u64 = 96;
/// The width at which steps and gradients are cut.
const CUT: u64 = 126;

/// The logarithm of base 2, rounded up.
pub(super) fn log2(x: u64) -> u64 {
    u64::from(u64::BITS - x.saturating_sub(1).leading_zeros())
}

/// Doublings that solve systems whose smallest eigenvalue is at least 2^-`bits`.
pub(super) fn doublings(size: u64, bits: u64) -> u64 {
    log2(size) + bits + 3
}

/// `lanes` linear systems with `columns` right-hand sides: squares and products side by side.
pub(super) fn solve(lanes: u64, size: u64, columns: u64, doublings: u64) -> Cost {
    let of_columns = lanes * size * columns;
    let mut cost = truncate(lanes * size * size + of_columns, FRACTION);
    for left in (0..doublings).rev() {
        let square = if left == 0 { 0 } else { lanes * size * (size + 1) / 2 };
        cost = cost.then(product(of_columns + square, FRACTION));
    }
    cost
}

/// Whether the sizes of `count` numbers are below public bounds.
pub(super) fn all_below(count: u64) -> Cost {
    negative(2 * count, COMPARED).then(and_many(1, 2 * count))
}

/// An information matrix scaled to a unit diagonal.
pub(super) fn unit(size: u64) -> Cost {
    let square = product(size * size, FRACTION);
    inverse_square_root(size, 34, FRACTION + FRACTION / 2).then(square).then(square)
}

/// A step of Newton's method in units of the unit diagonal.
pub(super) fn step(size: u64) -> Cost {
    let solved = clamp(size, CUT).then(solve(1, size, 1, doublings(size, 12))).then(clamp(size, CUT));
    product(size, FRACTION).then(solved).then(product(size, FRACTION))
}

/// A matrix of unit diagonal inverted beside a solution, and whether that is accepted.
pub(super) fn invert(size: u64, columns: u64) -> Cost {
    let inverse = if columns > 1 { size * size } else { 0 };
    let solved = solve(1, size, columns, doublings(size, 20)).then(product(size * columns, FRACTION));
    solved.then(all_below(size * columns + size + inverse))
}

/// The inverse of an information matrix from that of the matrix of unit diagonal.
pub(super) fn rescaled(size: u64) -> Cost {
    product(size * size, FRACTION + 10).then(product(size * size, FRACTION - 10))
}
