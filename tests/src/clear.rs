//! Answers in the clear: the bound query, run by DataFusion over the tables of all owners in one place.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, TableScan};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use planner::Session;
use shell::config::Directory;
use shell::data::{self, Sources};

/// The tables of a federation, readable by anyone.
#[derive(Debug)]
pub struct Clear {
    directory: Directory,
    tables: BTreeMap<String, Arc<MemTable>>,
    session: Session,
}

impl Clear {
    /// Reads all tables, rounded to their steps as their owners share them.
    ///
    /// # Panics
    /// If the data does not fit its policy.
    pub fn new(directory: Directory) -> Self {
        let mut tables = BTreeMap::new();
        for party in &directory.federation.parties {
            let sources = Sources { folder: directory.data_folder(&party.name), ..Sources::default() };
            for table in &party.tables {
                let own = data::load(party, table, &sources).expect("the data fits its policy");
                let rows = MemTable::try_new(own.schema, vec![own.batches]).expect("batches of the schema");
                tables.insert(format!("{}.{}", party.name, table.name), Arc::new(rows));
            }
        }
        let session = Session { analyst: "analyst".to_owned(), ..Session::default() };
        Clear { directory, tables, session }
    }

    /// The rows that a query gives.
    ///
    /// # Errors
    /// What the planner or DataFusion says.
    pub async fn answer(&self, sql: &str) -> Result<Vec<RecordBatch>, DataFusionError> {
        let bound = planner::bind::bind(&self.directory.federation, &self.session, sql)
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        let attach = |node: LogicalPlan| {
            if let LogicalPlan::TableScan(scan) = node {
                self.scan(scan).map(Transformed::yes)
            } else {
                Ok(Transformed::no(node))
            }
        };
        let plan = bound.raw.transform_up_with_subqueries(attach)?.data;
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
        DataFrame::new(context.state(), plan).collect().await
    }

    fn scan(&self, scan: TableScan) -> Result<LogicalPlan, DataFusionError> {
        let name = scan.table_name.to_string();
        let rows = self.tables.get(&name).ok_or_else(|| DataFusionError::Plan(format!("no table {name}")))?;
        let source = provider_as_source(Arc::clone(rows) as _);
        LogicalPlanBuilder::scan(scan.table_name, source, scan.projection)?.build()
    }
}
