//! What a statement turns into.

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::logical_expr::LogicalPlan;

use crate::check::Permit;
use crate::plan::SecurePlan;
use crate::session::{PreparedStatement, VirtualTable};

/// What a statement turns into.
#[derive(Debug)]
pub enum Planned {
    /// A query that the parties answer.
    Secure(Box<CheckedPlan>),
    /// A query that reads no owner's table; the analyst answers it alone.
    Clear(Box<LogicalPlan>),
    /// Rows that planning alone gives: EXPLAIN, SHOW, DESCRIBE.
    Rows(RecordBatch),
    /// `EXPLAIN ANALYZE`: run the plan, then print it with what it took.
    ExplainAnalyze(Box<CheckedPlan>),
    /// `COPY (query) TO 'path'`: the query's result goes to a file of the analyst.
    Copy {
        /// The query.
        query: Box<Planned>,
        /// The file.
        path: String,
    },
    /// A change of the session.
    Session(SessionChange),
}

/// A query whose parameters have no values yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenQuery {
    /// Its result columns, all nullable.
    pub columns: SchemaRef,
    /// The types of `$1`, `$2`, ..., as far as the query says; TEXT where it does not.
    pub parameters: Vec<DataType>,
}

/// A plan that passed the last check, with the permission to reveal what it lists.
#[derive(Debug)]
pub struct CheckedPlan {
    /// The plan.
    pub plan: SecurePlan,
    /// Spent by the executor's `reveal`.
    pub permit: Permit,
}

/// A change of the session that a statement asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionChange {
    /// `CREATE [OR REPLACE] VIRTUAL TABLE`; replaces one of the same name (without regard to case).
    CreateVirtualTable(VirtualTable),
    /// `DROP`.
    DropVirtualTable(String),
    /// `SET name = value`.
    Set(String, String),
    /// `PREPARE`.
    Prepare(PreparedStatement),
    /// `DEALLOCATE`.
    Deallocate(String),
}
