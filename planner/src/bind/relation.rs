//! Table functions in FROM: from a validated call to a [`TableFunction`] node over its planned rows.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, Result as EngineResult};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan};
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, FunctionArg, FunctionArgExpr, TableFactor, Value};

use super::lineage::sources;
use crate::catalog::{Federation, Use};
use crate::error::{Error, Result};
use crate::function::call::{Named, TableFunctionCall, unknown_column};
use crate::function::{LassoArguments, Number, TableFunction, Variable};
use crate::nearest::same_name;

/// Plans the calls that the resolver collected.
#[derive(Debug)]
pub(super) struct TableFunctions {
    federation: Arc<Federation>,
    calls: Vec<TableFunctionCall>,
    notices: Mutex<Vec<String>>,
}

impl TableFunctions {
    pub(super) fn new(federation: &Federation, calls: Vec<TableFunctionCall>) -> Self {
        // The planner demands 'static; a federation is small.
        TableFunctions { federation: Arc::new(federation.clone()), calls, notices: Mutex::default() }
    }

    /// What the calls leave out.
    pub(super) fn notices(&self) -> Vec<String> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn node(&self, call: &TableFunctionCall, rows: LogicalPlan) -> Result<TableFunction> {
        let target = variable("target", &call.target, &rows, false)?;
        if !is_number(&data_type(&rows, &target)) {
            return Err(Error::invalid(format!(
                "`target`: {} explains a number, `{}` is {}",
                call.function.name(),
                target.name,
                sql_type(&data_type(&rows, &target))
            ))
            .at(call.target.position));
        }
        let listed = match &call.features {
            Some(features) => features.clone(),
            None => self.default_features(call, &rows, &target)?,
        };
        let categorical = |name: &str| call.categorical.iter().any(|other| same_name(&other.name, name));
        let features = listed
            .iter()
            .map(|feature| variable("features", feature, &rows, categorical(&feature.name)))
            .collect::<Result<Vec<_>>>()?;
        for (feature, named) in features.iter().zip(&listed) {
            let found = data_type(&rows, feature);
            if !feature.categorical && !is_number(&found) {
                return Err(Error::invalid(format!(
                    "`features`: `{}` is {}, neither a number nor a category",
                    feature.name,
                    sql_type(&found)
                ))
                .at(named.position.or(call.position)));
            }
        }
        let TableFunctionCall { function, alpha, standardize, intercept, .. } = *call;
        let arguments = LassoArguments { target, features, alpha: Number(alpha), standardize, intercept };
        TableFunction::new(function, rows, arguments)
            .map_err(|_| Error::internal("the schema of a table function"))
    }

    /// All columns but the target that allow `model`, with a notice about the rest.
    fn default_features(
        &self,
        call: &TableFunctionCall,
        rows: &LogicalPlan,
        target: &Variable,
    ) -> Result<Vec<Named>> {
        let (mut features, mut left_out) = (Vec::new(), Vec::new());
        for (index, field) in rows.schema().fields().iter().enumerate() {
            if *field.name() == target.name {
                continue;
            }
            let model = sources(rows, index, &self.federation)
                .is_some_and(|columns| columns.iter().all(|column| column.allows(Use::Model)));
            let usable = is_number(field.data_type()) || is_category(field.data_type());
            if model && usable {
                features.push(Named { name: field.name().clone(), position: None });
            } else {
                left_out.push(field.name().clone());
            }
        }
        if features.is_empty() {
            return Err(Error::invalid(format!(
                "{} has no features: no other column allows `model`",
                call.function.name()
            ))
            .with_hint("name them: features => 'a,b'".to_owned())
            .at(call.position));
        }
        if !left_out.is_empty() {
            let notice = format!(
                "{}: left out of the features, because they do not allow `model`: {}",
                call.function.name(),
                left_out.join(", ")
            );
            self.notices.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
        }
        Ok(features)
    }
}

impl RelationPlanner for TableFunctions {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> EngineResult<RelationPlanning> {
        let TableFactor::Table { args: Some(arguments), alias, .. } = &relation else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let [rows, index] = arguments.args.as_slice() else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let (Some(SqlExpr::Subquery(query)), Some(SqlExpr::Value(index))) = (expr(rows), expr(index)) else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let call = match &index.value {
            Value::Number(digits, _) => digits.parse::<usize>().ok().and_then(|i| self.calls.get(i)),
            _ => None,
        };
        let Some(call) = call else { return Ok(RelationPlanning::Original(Box::new(relation))) };
        let rows = context.plan(TableFactor::Derived {
            lateral: false,
            subquery: query.clone(),
            alias: None,
            sample: None,
        })?;
        let node = self.node(call, rows).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let plan = LogicalPlan::Extension(Extension { node: Arc::new(node) });
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias.clone()))))
    }
}

fn expr(argument: &FunctionArg) -> Option<&SqlExpr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        FunctionArg::Unnamed(_) | FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. } => None,
    }
}

/// The column of the rows that an argument names.
fn variable(argument: &str, named: &Named, rows: &LogicalPlan, categorical: bool) -> Result<Variable> {
    let schema = rows.schema();
    let matching: Vec<usize> =
        (0..schema.fields().len()).filter(|i| same_name(schema.field(*i).name(), &named.name)).collect();
    let exact = || matching.iter().filter(|i| *schema.field(**i).name() == named.name).collect::<Vec<_>>();
    let index = match matching.as_slice() {
        [] => {
            let names = schema.fields().iter().map(|field| field.name().as_str());
            return Err(unknown_column(argument, &named.name, names).at(named.position));
        }
        [one] => *one,
        _ => match exact().as_slice() {
            [one] => **one,
            _ => {
                return Err(Error::invalid(format!(
                    "`{argument}`: several columns are called `{}`",
                    named.name
                ))
                .with_hint("give them other names: `x AS name`".to_owned())
                .at(named.position));
            }
        },
    };
    let (qualifier, field) = schema.qualified_field(index);
    let expr = Expr::Column(Column::new(qualifier.cloned(), field.name()));
    let categorical = categorical || is_category(field.data_type());
    Ok(Variable { name: field.name().clone(), expr, categorical })
}

fn data_type(rows: &LogicalPlan, variable: &Variable) -> DataType {
    match &variable.expr {
        Expr::Column(column) => rows
            .schema()
            .maybe_index_of_column(column)
            .map_or(DataType::Null, |index| rows.schema().field(index).data_type().clone()),
        _ => DataType::Null,
    }
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

fn is_category(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean)
}

/// The SQL name of a type, for messages.
fn sql_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "TEXT".to_owned(),
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Date32 | DataType::Date64 => "DATE".to_owned(),
        DataType::Timestamp(..) => "TIMESTAMP".to_owned(),
        other => other.to_string().to_uppercase(),
    }
}
