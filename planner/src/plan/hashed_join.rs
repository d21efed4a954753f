//! Equality of identifiers by pseudonyms that a neutral seat compares.

use super::{ColumnDef, NodeId};

/// Puts the rows of an owner's input beside the rows of a table that stays in place.
///
/// The two owners agree a key that no seat knows, and send pseudonyms of *all* their rows (see
/// [`Order::Shuffled`](super::Order::Shuffled)) to the matcher, which finds the pairs, moves the shared columns of `moved`
/// (an owner's rows, perhaps with others joined beside them before) into the order of `stay` and inputs one match bit a row. Output columns: those of `stay`, those of `moved`, the match
/// bit as a bit, the match bit in `Z_2^64`. Rows without a partner hold arbitrary values of `moved`: the match bit must be
/// multiplied in before any use.
#[derive(Clone, Debug)]
pub struct HashedJoin {
    /// The table that stays in place. Its rows are in the order of `stay_key.input`.
    pub stay: NodeId,
    /// Which input's rows the rows of `stay` are, and the identifier in it.
    pub stay_key: JoinKey,
    /// The table that is moved. Its rows are in the order of `moved_key.input`.
    pub moved: NodeId,
    /// Which input's rows the rows of `moved` are, and the identifier in it. At most one row per identifier.
    pub moved_key: JoinKey,
    /// The seat that compares pseudonyms; it owns neither table.
    pub matcher: usize,
    /// How many rows of `stay` may share an identifier.
    pub multiplicity: Multiplicity,
    /// Whether identifiers are normalised (`HASHED`) or compared as SQL compares them.
    pub normalised: bool,
    /// Columns of the output.
    pub columns: Vec<ColumnDef>,
}

/// The identifier of one side of a join.
#[derive(Clone, Debug)]
pub struct JoinKey {
    /// An [`Input`](super::Input) node with [`Order::Shuffled`](super::Order::Shuffled).
    pub input: NodeId,
    /// Output columns of its local plan, one for each part of the identifier.
    pub columns: Vec<usize>,
    /// How an error names the identifier: `insurer.claims.patient_id`.
    pub name: String,
    /// At most this many rows may have the same identifier; checked at the owner before a pseudonym leaves (class
    /// source).
    pub max_rows: usize,
}

/// How many rows may share an identifier on the side that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multiplicity {
    /// One on each side: the moved rows are permuted.
    OneToOne,
    /// Several on the side that stays: the moved rows are duplicated.
    ManyToOne,
}
