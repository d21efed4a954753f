//! SQL text to `DataFusion` logical plans over the declared tables: the only place that meets the SQL front end.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::logical_expr::{LogicalPlan, TableSource};

use crate::plan::PartyId;

/// A query with its names resolved, its types settled, its virtual tables and table functions expanded.
///
/// Both plans have the same meaning and the same result columns. Names carry the spelling of the policy files.
/// In both, `a / b` is `a / nonzero(b)` unless `b` is a constant other than 0 (see
/// [`nonzero`](crate::function::nonzero)), and `HASHED(..)` is the scalar function
/// [`hashed`](crate::function::hashed) on both sides of an equality.
#[derive(Clone, Debug)]
pub struct Bound {
    /// As written, types coerced, nothing moved: what the release check reads.
    pub raw: LogicalPlan,
    /// After the optimizer rules of [`OPTIMIZER_RULES`]: what is lowered. Constants are folded; `now()` is the
    /// session's time of submission.
    pub optimised: LogicalPlan,
    /// Notices that follow from the text alone (columns that a model leaves out), in the order found.
    pub notices: Vec<String>,
    /// Virtual tables of the session that the query uses, in the session's spelling and order.
    pub virtual_tables: Vec<String>,
}

/// A declared table as a plan's table scans hold it: a schema, no data.
///
/// The table reference of a scan is `party.table` in the declared spelling; downcast `TableScan::source` with
/// `source.downcast_ref::<DeclaredTable>()`.
#[derive(Debug)]
pub struct DeclaredTable {
    /// Its owner.
    pub party: PartyId,
    /// Its index in the owner's [`tables`](crate::catalog::Party::tables).
    pub table: usize,
    /// Its columns, in the order of the policy.
    pub schema: SchemaRef,
}

impl TableSource for DeclaredTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
