//! The clear stage: SQL over the revealed tables, at the analyst, on `DataFusion`.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::tree_node::Transformed;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, TableScan};
use datafusion::prelude::{Expr, SessionConfig, SessionContext};

use tokio::task::JoinHandle;

use super::Rows;
use crate::{Error, Result};

/// How errors name this stage.
const STEP: &str = "clear stage";

/// Runs a plan whose only tables are `released.r0`, `released.r1`, ... Every column of the result is nullable.
///
/// # Errors
/// [`Error::Plan`] if the query asks for what cannot be computed; [`Error::Engine`] if the engine fails at it.
pub(super) async fn run(plan: LogicalPlan, released: &[RecordBatch]) -> Result<Rows> {
    let failed = |error: DataFusionError| Error::Plan(planner::engine_fault(&error));
    let attached = plan.transform_up_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            attach(scan, released).map(Transformed::yes)
        } else {
            Ok(Transformed::no(node))
        }
    });
    let plan = attached.map_err(failed)?.data;
    let schema = nullable(plan.schema().as_arrow());
    // One partition: the rows of a release keep their order.
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    // On a task of its own: a fault of the engine ends this query, not the program.
    let mut task = AbortOnDrop(tokio::spawn(DataFrame::new(context.state(), plan).collect()));
    let finished = (&mut task.0).await;
    let finished = finished.map_err(|error| Error::internal(STEP, error.to_string()))?;
    let batches = finished.map_err(failed)?;
    let batches = batches.iter().map(|batch| with_schema(batch, &schema)).collect::<Result<_, ArrowError>>();
    let batches =
        batches.map_err(|error| Error::Engine { step: STEP.to_owned(), message: error.to_string() })?;
    Ok(Rows { schema, batches })
}

/// A task that ends with whoever waits for it.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The fields with NULL allowed: a withheld number is NULL, whatever SQL says about its expression.
pub(super) fn nullable(schema: &Schema) -> SchemaRef {
    let fields =
        schema.fields().iter().map(|field| Field::new(field.name(), field.data_type().clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn with_schema(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options)
}

/// A scan of the released table in place of `scan`, with its projection, filters and limit.
fn attach(scan: TableScan, released: &[RecordBatch]) -> Result<LogicalPlan, DataFusionError> {
    let number = scan.table_name.table().strip_prefix('r').and_then(|number| number.parse::<usize>().ok());
    let table = number.and_then(|number| released.get(number));
    let table = table
        .ok_or_else(|| DataFusionError::Plan("the plan scans a table that is not released".to_owned()))?;
    let rows = MemTable::try_new(table.schema(), vec![vec![table.clone()]])?;
    let source = provider_as_source(Arc::new(rows));
    let kept: Vec<Expr> = scan.projected_schema.columns().into_iter().map(Expr::Column).collect();
    let mut builder = LogicalPlanBuilder::scan(scan.table_name, source, None)?;
    for filter in scan.filters {
        builder = builder.filter(filter)?;
    }
    builder.project(kept)?.limit(0, scan.fetch)?.build()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array as _, ArrayRef, Float64Array, Int64Array};
    use datafusion::arrow::datatypes::DataType;
    use datafusion::logical_expr::{col, lit, logical_plan::builder::LogicalTableSource};

    use super::*;

    fn released() -> RecordBatch {
        let fields = vec![Field::new("n", DataType::Int64, true), Field::new("x", DataType::Float64, true)];
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![Some(3), None, Some(1)])),
            Arc::new(Float64Array::from(vec![0.5, 1.5, 2.5])),
        ];
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    #[tokio::test]
    async fn released_rows_are_filtered_and_keep_their_order() {
        let source = Arc::new(LogicalTableSource::new(released().schema()));
        let plan = LogicalPlanBuilder::scan("released.r0", source, None).unwrap();
        let plan = plan
            .filter(col("x").gt(lit(1.0)))
            .unwrap()
            .project(vec![col("n"), lit(7_i64).alias("c")])
            .unwrap();
        let rows = run(plan.build().unwrap(), &[released()]).await.unwrap();
        assert!(rows.schema.fields().iter().all(|field| field.is_nullable()));
        let n = rows.batches[0].column(0).as_any().downcast_ref::<Int64Array>().unwrap();
        assert!(n.is_null(0) && n.value(1) == 1 && n.len() == 2);
    }

    #[tokio::test]
    async fn what_cannot_be_computed_is_the_querys_fault() {
        let builder = LogicalPlanBuilder::empty(true);
        let too_large = datafusion::functions::math::expr_fn::factorial(lit(30_i64));
        let plan = builder.project(vec![too_large]).unwrap().build().unwrap();
        assert_eq!(run(plan, &[]).await.unwrap_err().class(), planner::Class::Invalid);
    }

    #[tokio::test]
    async fn another_table_is_an_error() {
        let source = Arc::new(LogicalTableSource::new(released().schema()));
        let plan = LogicalPlanBuilder::scan("released.r1", source, None).unwrap().build().unwrap();
        assert!(run(plan, &[released()]).await.is_err());
    }
}
