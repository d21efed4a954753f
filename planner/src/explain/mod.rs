//! EXPLAIN: what runs where, by which protocol, at which cost, before and after it ran.

mod choice;
mod json;
mod stage;
mod text;
mod tree;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;

use crate::catalog::Federation;
use crate::cost::LinkSpeed;
use crate::error::{Class, Error, Result};
use crate::plan::SecurePlan;

pub use json::json;
pub use stage::{Stage, Stages, stages};
pub(crate) use text::demand;
pub use tree::tree;

/// What a run took: public quantities only, no owner's own time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// For each node, in the order of the plan.
    pub nodes: Vec<MeasuredStep>,
    /// From submission to the last result share.
    pub total: MeasuredStep,
}

/// What a step took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MeasuredStep {
    /// Wall time at the analyst or at the seats, seconds; none where it would be an owner's own time.
    pub seconds: Option<f64>,
    /// How often a seat sent and then waited; none where it was not counted. Computations side by side share the rounds of the
    /// plan, and are waited for one by one, so this may be more.
    pub rounds: Option<u64>,
    /// Bytes of the seat that sent most.
    pub bytes: Option<u64>,
}

/// The tree as the rows of EXPLAIN: one column `plan TEXT`, a row a line.
///
/// # Errors
/// [`Class::Internal`], if the lines were no column.
pub fn rows(
    plan: &SecurePlan,
    federation: &Federation,
    link: LinkSpeed,
    verbose: bool,
) -> Result<RecordBatch> {
    lines(&tree(plan, federation, link, verbose, None))
}

/// The tree with what it took to run, as the rows of EXPLAIN ANALYZE.
///
/// # Errors
/// As [`rows`].
pub fn analyzed(
    plan: &SecurePlan,
    federation: &Federation,
    link: LinkSpeed,
    measured: &Measured,
) -> Result<RecordBatch> {
    lines(&tree(plan, federation, link, false, Some(measured)))
}

/// Lines as one column `plan TEXT`.
///
/// # Errors
/// As [`rows`].
pub fn lines(lines: &[String]) -> Result<RecordBatch> {
    let column: StringArray = lines.iter().map(|line| Some(line.as_str())).collect();
    let schema = Schema::new(vec![Field::new("plan", DataType::Utf8, true)]);
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(column) as ArrayRef]).map_err(|error| Error {
        class: Class::Internal,
        message: format!("the plan is no column: {error}"),
        hint: None,
        position: None,
    })
}

#[cfg(test)]
mod tests;
