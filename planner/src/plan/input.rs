//! Rows of one owner, shared to the seats.

use datafusion::logical_expr::LogicalPlan;
use datafusion::scalar::ScalarValue;

use super::{ColumnDef, PartyId, Scale};

/// The local stage of one owner and how its output is shared.
///
/// The owner runs `plan` on DataFusion over its own tables, pads to `bound` rows, orders the rows, encodes and shares.
/// Row-level filters do not remove rows: the local plan has a boolean output column instead (`valid`), and encodings
/// of an invalid row are 0, so that the number of rows that pass stays hidden.
#[derive(Clone, Debug)]
pub struct Input {
    /// Who holds the tables.
    pub owner: PartyId,
    /// The local plan. Its table scans are `owner.table`; the executor puts the owner's data under them.
    pub plan: LogicalPlan,
    /// The declared names of the tables it scans.
    pub tables: Vec<String>,
    /// Public number of rows that are shared.
    pub bound: usize,
    /// The output column of `plan` (BOOLEAN) that says whether a row counts; `None`: all rows do.
    pub valid: Option<usize>,
    /// In which order the rows are shared.
    pub order: Order,
    /// What is shared, in this order; the node's output columns.
    pub columns: Vec<SharedColumn>,
    /// What the plan takes for granted of the rows of the local plan, and their owner checks.
    pub taken: Vec<Taken>,
}

/// No more than so many rows of a local plan are equal in some columns; those with a NULL in one are equal to none. Declared
/// of values, it holds of joins on their normal forms (`HASHED`) unless values of different spelling have the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Output columns of the local plan.
    pub columns: Vec<usize>,
    /// How people know them.
    pub names: Vec<String>,
    /// The most rows.
    pub at_most: u64,
}

/// The order in which an owner shares its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// As the local plan gives them (nobody learns anything from the order of shares).
    Local,
    /// A fresh secret permutation of all `bound` rows, padding included, because a matcher sees pseudonyms in
    /// this order. Rows equal in these columns of the local plan (a person's) stay adjacent; empty: no such demand.
    Shuffled {
        /// Columns of the local plan whose equal rows stay adjacent, as a sort by them would leave them: rows equal in
        /// the first are adjacent, among these those equal in the second, and so on.
        adjacent: Vec<usize>,
    },
    /// Rows equal in the first of these columns of the local plan are adjacent, among these those equal in the second,
    /// and so on.
    Adjacent(Vec<usize>),
}

/// One physical column and where the owner takes it from.
#[derive(Clone, Debug)]
pub struct SharedColumn {
    /// Name, encoding and range.
    pub def: ColumnDef,
    /// What the owner encodes.
    pub source: Source,
}

/// What the owner encodes, 0 for rows that are invalid or padding, but for runs.
#[derive(Clone, Debug)]
pub enum Source {
    /// The integer that stands for a value of local column `column`, minus `offset`; 0 where NULL.
    Value {
        /// Output column of the local plan.
        column: usize,
        /// How integers stand for values; text is looked up in `dictionary`.
        scale: Scale,
        /// For text: the values that indices stand for.
        dictionary: Option<Vec<ScalarValue>>,
        /// Subtracted from the integer (models work around the middle of a domain).
        offset: i128,
    },
    /// 1 where the row is valid and all of these local columns are not NULL (none listed: where the row is valid).
    Known(Vec<usize>),
    /// 1 where the row is valid and this local BOOLEAN column is true.
    True(usize),
    /// 1 where the row is valid and local column `column` equals `value` (NULL matches NULL): one cell of a one-hot
    /// encoding.
    Equals {
        /// Output column of the local plan.
        column: usize,
        /// A value of the closed domain, or a NULL.
        value: ScalarValue,
    },
    /// The place of a value of this local column among all different values of the rows, in ascending order from 1; 0 where
    /// NULL.
    Rank(usize),
    /// The number of the run of rows that are equal in these local columns and adjacent, counted from 0, valid or not; as
    /// [`RunStart`](Source::RunStart) counts them.
    RunIndex(Vec<usize>),
    /// 1 where a row is the first of the rows that are equal in these local columns and adjacent, valid or not; padding
    /// rows, and rows with a NULL in one of these columns, are runs of their own.
    RunStart(Vec<usize>),
    /// The number of the row's person, from 1, the same in all inputs of this owner in the plan. 0 where a column is NULL.
    Person {
        /// The local columns that say whose record a row is. None: every row is a person, and rows of different tables have
        /// different numbers.
        columns: Vec<usize>,
        /// Whether persons are the same if the normal forms of the columns are (`HASHED`), or if SQL says that these are equal.
        normalised: bool,
    },
}
