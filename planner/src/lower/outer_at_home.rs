//! RIGHT and FULL joins of one owner's tables, which it runs itself: what is known of their rows.

use datafusion::common::JoinType;
use datafusion::logical_expr::Join;

use super::failure;
use super::leaf::{Leaf, MAX_ROWS, Persons};
use crate::Result;

/// The columns that an equality compares; `None` for an expression.
type On = (Option<usize>, Option<usize>);

/// The rows of a right or full join of two leaves of one owner, given those of the inner join with these equalities.
///
/// Rows without a partner are beside NULLs: equal to none in the columns that tell rows apart, and of the person of the side
/// that is there.
///
/// # Errors
/// Invalid ("not built") for more rows than are shared.
pub(super) fn outer(join: &Join, (left, right): (&Leaf, &Leaf), on: &[On], inner: Leaf) -> Result<Leaf> {
    let full = join.join_type == JoinType::Full;
    let shift = left.scope.facts.len();
    let side = |of: fn(&On) -> Option<usize>| on.iter().filter_map(of).collect();
    let per_right = left.rows_per_key(&side(|(column, _)| *column)).max(1);
    let per_left = right.rows_per_key(&side(|(_, column)| *column)).max(1);
    let mut bound = right.bound.saturating_mul(per_right);
    if full {
        let kept = left.bound.saturating_mul(per_left).saturating_add(right.bound);
        bound = kept.min(bound.saturating_add(left.bound));
    }
    if bound > MAX_ROWS {
        return Err(failure::not_built(format!("a join of up to {bound} rows at one owner")));
    }
    let mut leaf = Leaf { bound, persons: persons(join, (left, right), on), ..inner };
    if !leaf.taken.is_empty() {
        // Rows without a partner have NULLs where it would be checked how many rows there are.
        leaf.persons = Persons::Lost(
            "an owner's tables are joined on normal forms of identifiers by a RIGHT or FULL JOIN",
        );
        (leaf.keys, leaf.taken) = (Vec::new(), Vec::new());
    }
    for (column, facts) in leaf.scope.facts.iter_mut().enumerate() {
        facts.nullable |= full || column < shift;
    }
    Ok(leaf)
}

/// Whose records the rows are: those of both sides have the same person where they have a partner.
fn persons(join: &Join, (left, right): (&Leaf, &Leaf), on: &[On]) -> Persons {
    let (
        Persons::Column { column: of_left, max_rows: rows_left },
        Persons::Column { column: of_right, max_rows: rows_right },
    ) = (&left.persons, &right.persons)
    else {
        return Persons::Lost("an owner's tables are joined without a person on both sides");
    };
    if !on.contains(&(Some(*of_left), Some(*of_right))) {
        return Persons::Lost("an owner's tables are joined on something else than the person");
    }
    let beside = left.scope.facts.len() + of_right;
    let pairs = rows_left.saturating_mul(*rows_right);
    if join.join_type == JoinType::Right {
        return Persons::Column { column: beside, max_rows: pairs };
    }
    // Where more than the person must be equal, rows of both sides may be without a partner.
    let apart =
        if on.len() == 1 && join.filter.is_none() { 0 } else { rows_left.saturating_add(*rows_right) };
    Persons::Either { columns: vec![*of_left, beside], max_rows: pairs.saturating_add(apart) }
}
