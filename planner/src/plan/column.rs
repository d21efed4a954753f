//! Physical columns: one encoding of one value.

use datafusion::arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;

/// An inclusive range of the integers that represent a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    /// The smallest integer.
    pub lo: i128,
    /// The largest integer.
    pub hi: i128,
}

/// Planes that the numbers of a range need, counted from its lowest.
pub fn width_of(range: Range) -> u32 {
    let width = range.hi.saturating_sub(range.lo).unsigned_abs();
    (u128::BITS - width.leading_zeros()).max(1)
}

/// How an integer stands for a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// The integer itself: integers, booleans (0, 1), dates (days), timestamps (microseconds), indices into a closed
    /// text domain.
    Unit,
    /// The integer times 10 to the minus this.
    Decimal(i8),
    /// The integer times this step. The step is finite and greater than 0.
    Step(f64),
}

/// What a column's integers mean.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueType {
    /// The Arrow type in SQL (`Utf8` for text).
    pub data_type: DataType,
    /// How integers stand for values.
    pub scale: Scale,
    /// The integers that can occur (0 included, since invalid rows and NULL are encoded as 0).
    pub range: Range,
    /// For text: the values that indices stand for, in SQL order.
    pub dictionary: Option<Vec<ScalarValue>>,
}

/// The ring of an arithmetic column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RingSize {
    /// `Z_2^64`.
    Z64,
    /// `Z_2^128`.
    Z128,
}

/// How a physical column is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Additively in this ring.
    Arithmetic(RingSize),
    /// By XOR, one plane of bits (booleans, validity, matches).
    Bit,
    /// By XOR, this many planes of a number that is not negative, least significant first.
    Planes(u32),
}

/// One physical column of a node's output.
#[derive(Clone, Debug)]
pub struct ColumnDef {
    /// For EXPLAIN: `h.age`, `valid`, `region=north`, ...
    pub name: String,
    /// How it is shared.
    pub encoding: Encoding,
    /// The integers that can occur.
    pub range: Range,
}
