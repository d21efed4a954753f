//! The tour in the clear: plain DataFusion over the same data, both owners' tables in one place.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;
use datafusion::catalog::MemorySchemaProvider;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;

use super::lasso::{self, Fit};
use crate::config::Directory;
use crate::data::{self, Sources};
use crate::error::{Failure, Result};
use crate::format::ResultSet;

/// All tables and virtual tables of a federation directory, readable by ordinary SQL.
pub(super) struct Clear {
    context: SessionContext,
}

/// A LASSO in the clear, with what its gate looks at.
pub(super) struct ClearModel {
    pub(super) fit: Fit,
    pub(super) rows: usize,
    pub(super) dropped: usize,
    /// The rarer value of the two-valued features occurs so often.
    pub(super) rarest: usize,
}

fn engine(error: &DataFusionError) -> Failure {
    Failure::internal(format!("in the clear: {error}"))
}

fn kernel(error: &ArrowError) -> Failure {
    Failure::internal(format!("in the clear: {error}"))
}

impl Clear {
    /// Reads all tables of the directory.
    pub(super) async fn new(directory: &Directory) -> Result<Self> {
        let context = SessionContext::new();
        context.register_udf(planner::function::hashed::hashed().as_ref().clone());
        let catalog =
            context.catalog("datafusion").ok_or_else(|| Failure::internal("there is no catalog"))?;
        for party in &directory.federation.parties {
            let schema = Arc::new(MemorySchemaProvider::new());
            catalog.register_schema(&party.name, Arc::clone(&schema) as _).map_err(|error| engine(&error))?;
            let sources = Sources { folder: directory.data_folder(&party.name), ..Sources::default() };
            for table in &party.tables {
                let own = data::load(party, table, &sources)?;
                let rows =
                    MemTable::try_new(own.schema, vec![own.batches]).map_err(|error| engine(&error))?;
                let name = format!("datafusion.{}.{}", party.name, table.name);
                context.register_table(name.as_str(), Arc::new(rows)).map_err(|error| engine(&error))?;
            }
        }
        for view in &directory.federation.views {
            let rows = context.sql(&view.sql).await.map_err(|error| engine(&error))?;
            context.register_table(view.name.as_str(), rows.into_view()).map_err(|error| engine(&error))?;
        }
        Ok(Self { context })
    }

    /// The answer to a query.
    pub(super) async fn answer(&self, sql: &str) -> Result<ResultSet> {
        let rows = self.context.sql(sql).await.map_err(|error| engine(&error))?;
        let schema = Arc::new(rows.schema().as_arrow().clone());
        let batches = rows.collect().await.map_err(|error| engine(&error))?;
        Ok(ResultSet { schema, batches })
    }

    /// The fit that a `LASSO` or `LASSO_SUMMARY` of the tour asks for.
    pub(super) async fn model(&self, sql: &str) -> Result<ClearModel> {
        let missing = |name| Failure::internal(format!("the tour's LASSO has no `{name}`"));
        let argument = |name| argument(sql, name).ok_or_else(|| missing(name));
        let (target, features) = (argument("target")?, argument("features")?);
        let alpha: f64 = argument("alpha")?.parse().map_err(|_| missing("alpha"))?;
        let rows = self.answer(&format!("SELECT {target},{features} FROM cohort")).await?;
        let all = concat_batches(&rows.schema, &rows.batches).map_err(|error| kernel(&error))?;
        let columns = all.columns().iter().map(numbers).collect::<Result<Vec<_>>>()?;
        let complete: Vec<usize> =
            (0..all.num_rows()).filter(|row| columns.iter().all(|column| column[*row].is_some())).collect();
        let kept = |column: &Vec<Option<f64>>| complete.iter().filter_map(|row| column[*row]).collect();
        let kept: Vec<Vec<f64>> = columns.iter().map(kept).collect();
        let truths =
            all.columns().iter().zip(&kept).filter(|(column, _)| *column.data_type() == DataType::Boolean);
        let rarest = truths
            .map(|(_, values)| {
                let ones = values.iter().filter(|value| **value > 0.5).count();
                ones.min(values.len() - ones)
            })
            .min();
        Ok(ClearModel {
            fit: lasso::fit(&kept[1..], &kept[0], alpha),
            rows: complete.len(),
            dropped: all.num_rows() - complete.len(),
            rarest: rarest.unwrap_or(usize::MAX),
        })
    }
}

/// The text of a named argument, without quotes.
fn argument<'a>(sql: &'a str, name: &str) -> Option<&'a str> {
    let after = sql.split_once(&format!("{name} => "))?.1;
    match after.strip_prefix('\'') {
        Some(quoted) => quoted.split('\'').next(),
        None => after.split([',', ')']).next().map(str::trim),
    }
}

fn numbers(column: &ArrayRef) -> Result<Vec<Option<f64>>> {
    // Truth values have no direct cast to floating point numbers everywhere: by way of integers they do.
    let column = if *column.data_type() == DataType::Boolean {
        cast(column, &DataType::Int32).map_err(|error| kernel(&error))?
    } else {
        ArrayRef::clone(column)
    };
    let doubles = cast(&column, &DataType::Float64).map_err(|error| kernel(&error))?;
    Ok(doubles.as_primitive::<Float64Type>().iter().collect())
}
