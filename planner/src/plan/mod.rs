//! The secure plan: what every party derives from the same SQL text, checks, hashes and runs.
//!
//! A plan is an arena of [`Node`]s, children before parents. Row tables and group tables are the same thing to the
//! executor: a list of *physical columns* ([`ColumnDef`]: one encoding of one value each) of a public length. NULL
//! does not exist below the planner: every nullable value travels as two columns, the value (0 where NULL) and a
//! bit that says that it is known. Every node states its columns, its public row bound, its rounds and bytes, and what
//! it discloses to whom.

mod aggregate;
mod assemble;
mod broadcast;
mod choice;
mod column;
mod compute;
mod fold;
mod group;
mod hashed_join;
mod input;
mod lasso;
mod place;
mod release;
mod shape;
mod union;

pub use aggregate::{Aggregate, Measure, NumberedPart, Rank, RankPlace};
pub use assemble::{Assemble, Piece};
pub use broadcast::{Broadcast, SecretValue};
pub use choice::{Choice, Way, WayCost};
pub use column::{ColumnDef, Encoding, Range, RingSize, Scale, ValueType, width_of};
pub use compute::{Compute, Op, Reg, Rounding};
pub use fold::{Axis, Fold, How};
pub use group::{Group, RankSort, layers};
pub use hashed_join::{HashedJoin, JoinKey, Matching, Multiplicity};
pub use input::{Input, Order, SharedColumn, Source, Taken};
pub use lasso::{Family, Lasso, LassoOutput, LassoTerm};
pub use place::AtHome;
pub use release::{Chosen, KeyDomain, Output, Release, Rows, SortKey, Threshold};
pub use union::Union;

use datafusion::logical_expr::LogicalPlan;

/// The index of a node in [`SecurePlan::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// The index of a party in the federation's list of parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyId(pub usize);

/// One step of the secure stage. A closed set: the executor matches on it exhaustively.
#[derive(Clone, Debug)]
pub enum Node {
    /// Rows of one owner, computed in the clear at home and shared to the seats.
    Input(Input),
    /// Two tables put side by side by equal pseudonyms.
    HashedJoin(HashedJoin),
    /// Tables of several owners on top of each other.
    Union(Union),
    /// Columns computed from columns, row by row.
    Compute(Compute),
    /// One secret row given to all rows.
    Broadcast(Broadcast),
    /// Sums per cell of closed-domain keys.
    Aggregate(Aggregate),
    /// Cells put together along a key.
    Fold(Fold),
    /// Tables of cells side by side.
    Assemble(Assemble),
    /// Sums per group of open-domain keys.
    Group(Group),
    /// A LASSO fit on sufficient statistics.
    Lasso(Lasso),
    /// The release gate and the columns that leave.
    Release(Release),
}

/// A whole query, the same at every party.
#[derive(Clone, Debug)]
pub struct SecurePlan {
    /// All nodes, children before parents.
    pub nodes: Vec<Node>,
    /// The [`Node::Release`] nodes; release `i` is the table `released.r<i>` of the clear stage.
    pub releases: Vec<NodeId>,
    /// The clear stage, at the analyst: a plan whose only table scans are `released.r0`, `released.r1`, ...
    pub clear: LogicalPlan,
    /// Notices that follow from the plan alone (columns left out, counts rounded, ...), in the order found.
    pub notices: Vec<String>,
    /// What was chosen by cost. It says nothing of what runs that the nodes do not, and is not hashed.
    pub choices: Vec<Choice>,
}
