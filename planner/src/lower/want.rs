//! What can be asked of the rows of a branch.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;

use crate::plan::{Encoding, RingSize, Scale};

/// A column that the rows of a branch are asked for. Expressions are over the branch's symbols.
#[derive(Clone, Debug)]
pub(crate) enum Want {
    /// The integers of a number in this scale, minus `offset`; 0 where the row does not count or the number is NULL.
    Value {
        /// The number.
        expr: Expr,
        /// At least as fine as the number's own.
        scale: Scale,
        /// Subtracted.
        offset: i128,
        /// The ring of the column.
        ring: RingSize,
    },
    /// The same, but 0 where these demands are not met.
    Masked {
        /// The number, which the demands make known.
        expr: Expr,
        /// At least as fine as the number's own.
        scale: Scale,
        /// Subtracted.
        offset: i128,
        /// Which rows count; the ring is the column's too.
        counting: Counting,
    },
    /// 1 where the row counts.
    Count(Counting),
    /// The same as a bit.
    CountBit(Counting),
    /// The integers of a value, minus `offset`, as planes; 0 where it is NULL, anything where the row does not count.
    Planes {
        /// A number, a date, or a text of a closed domain.
        expr: Expr,
        /// At least as fine as the number's own.
        scale: Scale,
        /// Subtracted.
        offset: i128,
        /// How many.
        planes: u32,
        /// For text: the values that indices stand for.
        dictionary: Option<Vec<ScalarValue>>,
    },
    /// 1 where the row counts and this leaf has a part in it; as a bit or as a number in `Z_2^64`. Of a leaf that counts by
    /// its absence: where the row would count but for that.
    Behind {
        /// Which rows count.
        counting: Counting,
        /// The leaf.
        leaf: usize,
        /// As a bit.
        bit: bool,
    },
    /// The number of the person, in `Z_2^64`, of a row of a leaf, given by these columns of it (none: the row is a person).
    Person {
        /// The leaf.
        leaf: usize,
        /// The person.
        columns: Vec<Expr>,
        /// The largest number.
        most: u64,
        /// Whether normal forms say who is the same person.
        normalised: bool,
    },
    /// Always 0, as a bit or as a number in `Z_2^64`.
    Nothing {
        /// As a bit.
        bit: bool,
    },
    /// The integers of a value; 0 where it is NULL, anything where the row does not count.
    Plain {
        /// A number, a date, or a text of a closed domain.
        expr: Expr,
        /// At least as fine as the number's own.
        scale: Scale,
        /// The ring of the column.
        ring: RingSize,
        /// For text: the values that indices stand for.
        dictionary: Option<Vec<ScalarValue>>,
    },
    /// The place of a value among those of the leaf that computes it, from 1 to this; 0 where it is NULL, anything where the
    /// row does not count.
    Rank(Expr, Encoding, u64),
    /// The bit that an expression is NULL; anything where the row does not count.
    IsNull(Expr),
    /// The bit that a row counts, or would but for a partner that it may not have.
    Candidate,
    /// The number of a row's run of rows equal in these expressions, as so many planes; `None`: one that no row
    /// has.
    RunIndex(Option<Vec<Expr>>, u32),
    /// 1 where an expression has this value (NULL is NULL); anything where the row does not count.
    Cell {
        /// The expression.
        expr: Expr,
        /// Its value.
        value: ScalarValue,
        /// The ring of the column.
        ring: RingSize,
    },
    /// The bit that a row of the staying leaf is the first of a run of rows equal in these expressions; `None`: never.
    Run(Option<Vec<Expr>>),
}

/// Which rows count: those that pass all joins and filters and these demands.
#[derive(Clone, Debug)]
pub(crate) struct Counting {
    /// Not NULL.
    pub(crate) known: Vec<Expr>,
    /// Not 0 (and so not NULL).
    pub(crate) nonzero: Option<Expr>,
    /// The ring, where a number is asked for.
    pub(crate) ring: RingSize,
}
