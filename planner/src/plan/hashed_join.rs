//! Equality of identifiers by keyed hashes that a neutral seat compares, or nobody.

use super::{ColumnDef, NodeId};

/// Puts the rows of an owner's input beside the rows of a table that stays in place.
///
/// The two owners agree a key that no seat knows, and make keyed hashes of the identifiers of *all* their rows (see
/// [`Order::Shuffled`](super::Order::Shuffled)). How these are compared is [`Matching`]. The shared columns of `moved`
/// (an owner's rows, perhaps with others joined beside them before) come into the order of `stay`. Output columns: those
/// of `stay`, those of `moved`, the match bit as a bit, the match bit in `Z_2^64`. Rows without a partner hold arbitrary
/// values of `moved`: the match bit must be multiplied in before any use.
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
    /// How the hashes are compared.
    pub matching: Matching,
    /// How many rows of `stay` may share an identifier.
    pub multiplicity: Multiplicity,
    /// Whether identifiers are normalised (`HASHED`) or compared as SQL compares them.
    pub normalised: bool,
    /// Columns of the output.
    pub columns: Vec<ColumnDef>,
}

/// How the keyed hashes of identifiers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// As pseudonyms, by a seat that owns neither table: it learns how many rows match, and moves the columns.
    Pseudonyms {
        /// That seat.
        matcher: usize,
    },
    /// As shares of this many bits a hash: sorted and compared inside. Nobody learns anything.
    Oblivious {
        /// Bits of a hash.
        bits: u32,
    },
}

impl Matching {
    /// Without anybody learning anything, over tables of so many rows. Two different identifiers of one query have the
    /// same hash with a probability of less than 2^-40.
    pub fn oblivious(stay: usize, moved: usize) -> Self {
        let rows = stay.saturating_add(moved).max(2);
        let bits = 40 + 2 * (usize::BITS - (rows - 1).leading_zeros());
        // Whole digits of the sort, beside its two bits for side and validity.
        Matching::Oblivious { bits: (bits + 2).next_multiple_of(4).min(104) - 2 }
    }
}

/// The identifier of one side of a join.
#[derive(Clone, Debug)]
pub struct JoinKey {
    /// An [`Input`](super::Input) node; with [`Order::Shuffled`](super::Order::Shuffled) where pseudonyms are shown.
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
