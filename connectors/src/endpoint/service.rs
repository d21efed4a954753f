//! What an endpoint needs of the program behind it.

use std::sync::Arc;

use arrow::datatypes::{Field, SchemaRef};
use arrow::record_batch::RecordBatch;
use futures::future::BoxFuture;

use super::error::Result;

/// The program behind an endpoint.
pub trait QueryService: Send + Sync + 'static {
    /// The name of the federation: the catalog of its tables.
    fn catalog(&self) -> String;

    /// The version of the program.
    fn version(&self) -> String;

    /// The statements of a text, each with the number of characters before it.
    ///
    /// # Errors
    /// Invalid: a string, name or comment does not end.
    fn statements(&self, text: &str) -> Result<Vec<(usize, String)>>;

    /// A new session of an analyst.
    fn open(&self, analyst: &str) -> Arc<dyn QuerySession>;
}

/// A session of an analyst: its own virtual tables and settings. Queries of one session may run at the same time.
pub trait QuerySession: Send + Sync + 'static {
    /// All tables that the session sees.
    fn tables(&self) -> BoxFuture<'static, Result<Vec<Table>>>;

    /// What a statement gives and takes. Plans it; runs and charges nothing.
    fn shape(&self, query: &Query) -> BoxFuture<'static, Result<Shape>>;

    /// Runs a statement and applies what it changes in the session. Dropping the future cancels it at every party.
    fn run(&self, query: Query, observer: Observer) -> BoxFuture<'static, Result<Answer>>;

    /// Answers a question about the catalogs of PostgreSQL; `None` if it is none.
    fn lookup(&self, sql: &str) -> BoxFuture<'static, Option<Result<Rows>>>;

    /// The session's settings and their values.
    fn options(&self) -> Vec<(String, Option<String>)>;

    /// Changes a setting.
    ///
    /// # Errors
    /// Invalid: there is no such setting, or it does not take this value.
    fn set_option(&self, name: &str, value: &str) -> Result<()>;
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Its text.
    pub sql: String,
    /// The values of `$1`, `$2`, ... as SQL constants; `None` while they are not known.
    pub arguments: Option<Vec<String>>,
}

impl Query {
    /// A statement whose parameters, if it has any, have no values.
    pub fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), arguments: None }
    }
}

/// What a statement gives and takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Its result columns; `None` if it changes the session and gives no result.
    pub columns: Option<SchemaRef>,
    /// Its parameters, if they have no values yet.
    pub parameters: Vec<Field>,
}

/// A table of results.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Names and types.
    pub schema: SchemaRef,
    /// The rows, in order.
    pub batches: Vec<RecordBatch>,
}

/// What a statement gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The result; `None` for statements that have none.
    pub rows: Option<Rows>,
    /// What was done, such as `SELECT` or `CREATE VIRTUAL TABLE`.
    pub tag: &'static str,
    /// What the analyst should know about it.
    pub notices: Vec<String>,
}

/// How far a query has come, in public quantities.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The part that is done, from 0 to 1, if it is known.
    pub fraction: Option<f64>,
    /// What is being done.
    pub stage: String,
}

/// Is told how far a query has come.
pub type Observer = Arc<dyn Fn(Progress) + Send + Sync>;

/// A table that a session sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The owner, or [`Table::VIRTUAL`].
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub kind: TableKind,
    /// Its columns.
    pub columns: SchemaRef,
}

impl Table {
    /// The schema that lists virtual tables.
    pub const VIRTUAL: &'static str = "virtual";
}

/// Whether a table is an owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// An owner's.
    Owned,
    /// A named query.
    Virtual,
}

impl TableKind {
    /// The name of this kind in catalogs of SQL systems.
    pub const fn name(self) -> &'static str {
        match self {
            TableKind::Owned => "TABLE",
            TableKind::Virtual => "VIEW",
        }
    }
}
