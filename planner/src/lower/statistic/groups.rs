//! A value per group: how many rows, their sum and the sum of their squares, and who must be behind each.

use super::Job;
use super::cells::Cells;
use super::rows::{Key, Measured, Rows};
use crate::Result;
use crate::function::Variable;
use crate::lower::failure;

/// What is summed per group.
pub(super) struct Groups {
    pub(super) key: Key,
    pub(super) measured: Measured,
    /// The most rows.
    pub(super) bound: i128,
    /// The multiple to which counts that leave are rounded.
    pub(super) multiple: i128,
    /// Per group `n`, `sum` and `squares`; the gates count its persons.
    pub(super) cells: Cells,
}

/// Sums a value per group of `by`, over the rows that know both.
///
/// # Errors
/// Those of `check`, which sees the groups first; refused for a value without bounds.
pub(super) fn groups(
    job: &mut Job<'_>,
    (value, by): (&Variable, &Variable),
    check: impl Fn(&Job<'_>, &Key) -> Result<()>,
) -> Result<Groups> {
    let mut rows = Rows::new(job.function, job.relation, job.federation)?;
    let key = rows.key(by)?;
    check(job, &key)?;
    let measured = rows.measured(value)?;
    let counting = rows.known(&[value, by])?;
    let gates = rows.gates(&counting, &key.name)?;
    rows.count("n", &counting)?;
    rows.total("sum", &counting, &measured, Some("squares"))?;
    rows.table(&[&key], &gates)?;
    let (bound, multiple) = (rows.bound(), rows.multiple());
    let cells = rows.finish(job.nodes)?.into_iter().next();
    let cells = cells.ok_or_else(|| failure::internal("no table of groups"))?;
    job.notice_rounding(multiple);
    Ok(Groups { key, measured, bound, multiple, cells })
}
