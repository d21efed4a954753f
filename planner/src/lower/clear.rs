//! The clear stage: scans of released tables, and the result's names and types.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::common::{Column, DFSchema, ScalarValue, TableReference};
use datafusion::functions::math::expr_fn::sqrt;
use datafusion::logical_expr::builder::LogicalTableSource;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Projection, TableScanBuilder, lit,
};

use super::failure;
use super::rows::replace;
use crate::Result;

/// The table that a release gives.
pub(crate) struct Released {
    reference: TableReference,
    schema: Schema,
}

impl Released {
    /// Release `index`: labels, then outputs.
    pub(crate) fn new(index: usize, fields: Vec<Field>) -> Released {
        Released {
            reference: TableReference::partial("released", format!("r{index}")),
            schema: Schema::new(fields),
        }
    }

    fn scan(&self) -> Result<LogicalPlan> {
        let source = Arc::new(LogicalTableSource::new(Arc::new(self.schema.clone())));
        let scan = TableScanBuilder::new(self.reference.clone(), source).build();
        scan.map(LogicalPlan::TableScan).map_err(|error| failure::engine(&error))
    }

    /// Expressions over its columns (by bare name), under the names of a schema.
    pub(crate) fn project(&self, schema: &DFSchema, exprs: &[Expr]) -> Result<LogicalPlan> {
        let scan = self.scan()?;
        let mut named = Vec::new();
        for (expr, (qualifier, field)) in exprs.iter().zip(schema.iter()) {
            let expr = replace(expr, &|column| {
                let own = column.relation.is_none() && self.schema.index_of(&column.name).is_ok();
                own.then(|| Expr::Column(Column::new(Some(self.reference.clone()), column.name.clone())))
            })?;
            let typed =
                expr.cast_to(field.data_type(), scan.schema()).map_err(|error| failure::engine(&error))?;
            named.push(typed.alias_qualified(qualifier.cloned(), field.name()));
        }
        let plan = Projection::try_new(named, Arc::new(scan)).map_err(|error| failure::engine(&error))?;
        Ok(LogicalPlan::Projection(plan))
    }
}

/// Tables of the same columns on top of each other, under the names of a schema.
pub(crate) fn stacked(parts: Vec<LogicalPlan>, schema: &DFSchema) -> Result<LogicalPlan> {
    let mut parts = parts.into_iter();
    let first = parts.next().ok_or_else(|| failure::internal("a union of nothing"))?;
    let union = parts.try_fold(LogicalPlanBuilder::from(first), LogicalPlanBuilder::union);
    let union = union.and_then(LogicalPlanBuilder::build).map_err(|error| failure::engine(&error))?;
    with_schema(union, schema)
}

/// The square root of a released number.
pub(crate) fn square_root(expr: Expr) -> Expr {
    sqrt(expr)
}

/// The text that a released index into a dictionary stands for.
pub(crate) fn text_of(index: Expr, dictionary: &[ScalarValue]) -> Expr {
    let places = dictionary.iter().zip(0_i64..);
    let when_then_expr: Vec<_> =
        places.map(|(text, place)| (Box::new(lit(place)), Box::new(lit(text.clone())))).collect();
    if when_then_expr.is_empty() {
        return lit(ScalarValue::Utf8(None));
    }
    Expr::Case(Case { expr: Some(Box::new(index)), when_then_expr, else_expr: None })
}

/// The plan with the column names and types of `schema`.
pub(crate) fn with_schema(plan: LogicalPlan, schema: &DFSchema) -> Result<LogicalPlan> {
    let same = plan.schema().fields().len() == schema.fields().len()
        && plan
            .schema()
            .iter()
            .zip(schema.iter())
            .all(|((a, f), (b, g))| a == b && f.name() == g.name() && f.data_type() == g.data_type());
    if same {
        return Ok(plan);
    }
    if plan.schema().fields().len() != schema.fields().len() {
        return Err(failure::internal("the clear stage has another number of columns than the query"));
    }
    let columns = plan.schema().columns().into_iter().map(Expr::Column);
    let mut exprs = Vec::new();
    for (expr, (qualifier, field)) in columns.zip(schema.iter()) {
        let typed =
            expr.cast_to(field.data_type(), plan.schema()).map_err(|error| failure::engine(&error))?;
        exprs.push(typed.alias_qualified(qualifier.cloned(), field.name()));
    }
    let projection = Projection::try_new(exprs, Arc::new(plan)).map_err(|error| failure::engine(&error))?;
    Ok(LogicalPlan::Projection(projection))
}
