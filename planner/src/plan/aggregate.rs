//! Sums per cell of closed-domain keys.

use std::ops::Range as Rows;

use super::{ColumnDef, NodeId};

/// Sums columns over the rows of each cell, on shares or, of rows that no other step needs, at their owners (see
/// [`AtHome`](super::AtHome)). One output row per cell, row-major over the keys (the last key varies
/// fastest); without keys one row. Output columns: one for each measure, arithmetic, in the ring of its value.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// Where the rows come from.
    pub input: NodeId,
    /// For each key, its one-hot columns (arithmetic, `Z_2^64`), one per value of its domain.
    pub keys: Vec<Vec<usize>>,
    /// What is summed.
    pub measures: Vec<Measure>,
    /// Columns of the output.
    pub columns: Vec<ColumnDef>,
}

/// Which of c values in ascending order, counted from 0; p = numerator / denominator lies between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    /// Of p.
    pub numerator: u32,
    /// Of p; greater than 0.
    pub denominator: u32,
    /// How p names a rank.
    pub place: RankPlace,
}

/// How a share p of c values names one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RankPlace {
    /// floor(p (c - 1)).
    Below,
    /// ceil(p (c - 1)).
    Above,
    /// The first whose share of values at or before it reaches p.
    Reaching,
}

impl Rank {
    /// The smallest value.
    pub const FIRST: Rank = Rank { numerator: 0, denominator: 1, place: RankPlace::Below };
    /// The largest value.
    pub const LAST: Rank = Rank { numerator: 1, denominator: 1, place: RankPlace::Below };

    /// The same rank: of a share of 0 or 1, which is an end of the order however it is meant, [`Rank::FIRST`] or
    /// [`Rank::LAST`].
    #[must_use]
    pub fn normal(self) -> Rank {
        match self.numerator {
            0 => Rank::FIRST,
            all if all == self.denominator => Rank::LAST,
            _ => self,
        }
    }

    /// The rank among c values is floor((`numerator` c + offset) / `denominator`) + shift: offset and shift.
    pub fn line(self) -> (i64, i64) {
        let (up, down) = (i64::from(self.denominator) - 1, -i64::from(self.numerator));
        match self.place {
            RankPlace::Below => (down, 0),
            RankPlace::Above => (down + up, 0),
            RankPlace::Reaching if self.numerator == 0 => (0, 0),
            RankPlace::Reaching => (up, -1),
        }
    }
}

/// One sum, or one value, per cell.
#[derive(Clone, Debug)]
pub enum Measure {
    /// The sum of an arithmetic column over the rows of the cell. The column is 0 in rows that do not count.
    Sum {
        /// The column.
        value: usize,
    },
    /// The sum of the products of two arithmetic columns of the same ring (squares for VAR). Both are 0 in rows
    /// that do not count.
    SumOfProducts {
        /// One column.
        left: usize,
        /// The other.
        right: usize,
    },
    /// The number of distinct persons with a counting row in the cell.
    Persons {
        /// 1 where the row counts, as a bit.
        counts: usize,
        /// 1 on the first of a person's adjacent rows, as a bit.
        run_starts: usize,
        /// No person has more rows than this.
        max_run: usize,
        /// The rows that belong to the owner whose persons are counted (all of them, but under a union).
        rows: Rows<usize>,
    },
    /// The number of distinct persons with a counting row in the group; in [`Group`](super::Group)s only.
    PersonsBy {
        /// 1 where the row counts, as a bit.
        counts: usize,
        /// Whose row it is, as planes; the rows of a person are adjacent in the input.
        person: usize,
        /// No person has more rows than this.
        max_run: usize,
    },
    /// The bit that there is such a group; in [`Group`](super::Group)s only.
    Exists,
    /// The value of a column that is the same in all rows of a group; in [`Group`](super::Group)s only.
    Same {
        /// The column; arithmetic or a bit.
        column: usize,
    },
    /// The value at a rank among the rows that count, in ascending order; some value of the column where none counts.
    AtRank {
        /// The values, as planes; not negative.
        value: usize,
        /// 1 where the row counts, as a bit.
        counts: usize,
        /// Which of them.
        rank: Rank,
    },
    /// The sum of an arithmetic column over some rows only (persons of one owner under a union, one row each).
    SumOfRows {
        /// The column.
        value: usize,
        /// Which rows.
        rows: Rows<usize>,
    },
    /// How many different numbers, of persons or of values, rows that count in the cell have: those of persons wherever their
    /// rows are and however often joins repeat them. Rows are sorted by the number.
    DistinctNumbers {
        /// Where the numbers are; one row may be in several parts.
        parts: Vec<NumberedPart>,
        /// The width of the numbers.
        bits: u32,
    },
}

/// Rows with a number each: persons of one owner, or values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedPart {
    /// 1 where the row counts and has a number, as a bit.
    pub counts: usize,
    /// The number, in `Z_2^64` (of a person: see [`Source::Person`](super::Source::Person)) or as planes of the declared width;
    /// anything where the row does not count.
    pub number: usize,
    /// The rows to look at.
    pub rows: Rows<usize>,
}
