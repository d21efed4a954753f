//! The local stage: an owner's part of the plan over its own tables, in the clear, on `DataFusion`.
//!
//! Nothing of it leaves the owner. It runs on a thread of its own with its own runtime, so that it never blocks
//! messages; one partition, so that the same tables give the same rows in the same order; memory is bounded and
//! nothing is spilled to disk, where private rows would outlive the query.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, TableScan};
use datafusion::physical_plan::collect;
use datafusion::prelude::{Expr, SessionConfig, SessionContext};
use planner::function::narrowed;
use planner::plan::Input;
use tokio::sync::oneshot;

use crate::ingest::broken;
use crate::run::OwnTable;
use crate::{Error, Result};

/// How errors name this stage.
const STEP: &str = "local stage";

/// Runs the local plan of `input` over `tables` and gives its rows as one batch.
///
/// Dropping the future stops the work at the next batch.
///
/// # Errors
/// Class source if a table is missing or has not the declared columns; class resource if `memory_bytes` do not suffice;
/// class internal if the plan cannot run.
pub(crate) async fn run(
    input: &Input,
    tables: &BTreeMap<String, OwnTable>,
    memory_bytes: usize,
) -> Result<RecordBatch> {
    let plan = attach(input.plan.clone(), tables)?;
    let (alive, stopped) = oneshot::channel();
    let work = tokio::task::spawn_blocking(move || on_this_thread(&plan, memory_bytes, stopped));
    let rows = work.await.map_err(|_| Error::internal(STEP, "no result"))?;
    drop(alive);
    rows
}

/// The plan with the owner's tables under its scans.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other nodes stay as they are")]
fn attach(plan: LogicalPlan, tables: &BTreeMap<String, OwnTable>) -> Result<LogicalPlan> {
    let mut failure = None;
    let attached = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::TableScan(scan) => match own_rows(&scan, tables) {
            Ok(rows) => scan_of(scan, rows).map(Transformed::yes),
            Err(error) => {
                failure = Some(error);
                Err(DataFusionError::Plan("a table cannot be attached".to_owned()))
            }
        },
        other => Ok(Transformed::no(other)),
    });
    match (failure, attached) {
        (Some(error), _) => Err(error),
        (None, attached) => Ok(attached.map_err(|error| Error::engine(STEP, &error))?.data),
    }
}

/// The rows of the scanned table in the declared schema.
fn own_rows(scan: &TableScan, tables: &BTreeMap<String, OwnTable>) -> Result<MemTable> {
    let name = scan.table_name.to_string();
    let table = tables.get(scan.table_name.table());
    let table = table.ok_or_else(|| broken(&name, "the table has no data source"))?;
    let schema = scan.source.schema();
    let batches =
        table.batches.iter().map(|batch| conform(&name, batch, &schema)).collect::<Result<Vec<_>>>()?;
    MemTable::try_new(schema, vec![batches]).map_err(|error| Error::engine(STEP, &error))
}

/// The columns of `schema` from `batch`, by name.
fn conform(table: &str, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = schema.fields().iter().map(|field| {
        let column = batch.column_by_name(field.name());
        let column = column.ok_or_else(|| wrong_column(table, field.name(), "is missing"))?;
        if column.data_type() != field.data_type() {
            return Err(wrong_column(table, field.name(), "has not the declared type"));
        }
        if !field.is_nullable() && column.null_count() > 0 {
            return Err(wrong_column(table, field.name(), "holds NULL though it is declared without"));
        }
        Ok(Arc::clone(column))
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect::<Result<_>>()?, &options)
        .map_err(|_| Error::internal(STEP, "a batch does not have the declared schema"))
}

fn wrong_column(table: &str, column: &str, what: &str) -> Error {
    broken(table, &format!("column `{column}` {what}"))
}

/// A scan of `rows` in place of `scan`. Filters that were pushed into the scan become a node of their own: a table in
/// memory does not apply them.
fn scan_of(scan: TableScan, rows: MemTable) -> Result<LogicalPlan, DataFusionError> {
    let source = provider_as_source(Arc::new(rows));
    let Some(filter) = conjunction(scan.filters) else {
        return LogicalPlanBuilder::scan(scan.table_name, source, scan.projection)?.build();
    };
    let kept: Vec<Expr> = scan.projected_schema.columns().into_iter().map(Expr::Column).collect();
    LogicalPlanBuilder::scan(scan.table_name, source, None)?.filter(filter)?.project(kept)?.build()
}

/// Plans and runs on a runtime of this thread alone, until done or `stopped`.
fn on_this_thread(
    plan: &LogicalPlan,
    memory_bytes: usize,
    stopped: oneshot::Receiver<()>,
) -> Result<RecordBatch> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|_| Error::internal(STEP, "no runtime"))?;
    runtime.block_on(async {
        tokio::select! {
            rows = execute(plan, memory_bytes) => rows,
            _ = stopped => Err(Error::Cancelled),
        }
    })
}

async fn execute(plan: &LogicalPlan, memory_bytes: usize) -> Result<RecordBatch> {
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let environment = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(memory_bytes)))
        .with_disk_manager_builder(disk)
        .build_arc()
        .map_err(|error| Error::engine(STEP, &error))?;
    let config = SessionConfig::new().with_target_partitions(1);
    let context = SessionContext::new_with_config_rt(config, environment);
    let state = context.state();
    // The planner has resolved names and types; only the rewrites for speed are left.
    let plan = narrowed::hide(plan.clone())
        .and_then(|plan| state.optimizer().optimize(plan, &state, |_, _| {}))
        .map_err(|error| Error::engine(STEP, &error))?;
    let physical = state.query_planner().create_physical_plan(&plan, &state).await;
    let physical = physical.map_err(|error| Error::engine(STEP, &error))?;
    let schema = physical.schema();
    let batches =
        collect(physical, context.task_ctx()).await.map_err(|error| cannot_run(&error, memory_bytes))?;
    concat_batches(&schema, &batches).map_err(|_| Error::internal(STEP, "uneven batches"))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else went wrong is told as it is")]
fn cannot_run(error: &DataFusionError, memory_bytes: usize) -> Error {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => {
            Error::Limit { what: "memory of the local stage in bytes".to_owned(), limit: memory_bytes as u64 }
        }
        _ => Error::engine(STEP, error),
    }
}
