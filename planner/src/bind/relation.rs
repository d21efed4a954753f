//! Table functions in FROM: from a validated call to a [`TableFunction`] node over its planned rows.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, Result as EngineResult};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan};
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, FunctionArg, FunctionArgExpr, TableFactor, Value as Literal,
};

use super::lineage::sources;
use crate::catalog::Federation;
use crate::error::{Error, Result};
use crate::function::TableFunction;
use crate::function::call::{Given, Named, TableFunctionCall, unknown_column};
use crate::function::table::{Arguments, Holds, Kind, Parameter, Preset, Value, Variable};
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
        let mut entries = Vec::new();
        let parameters: &'static [Parameter] = call.spec.parameters;
        for parameter in parameters {
            let given = call.given.iter().find(|(known, _)| known.name == parameter.name);
            let value = match (given.map(|(_, given)| given), parameter.kind) {
                (Some(Given::Constant(value)), _) => Some(value.clone()),
                (_, Kind::Categories { .. }) => None,
                (Some(Given::Columns(columns)), _) => Some(columns_of(call, parameter, columns, &rows)?),
                (None, _) if parameter.preset == Preset::OtherColumns => {
                    let columns = self.other_columns(call, parameter, &rows)?;
                    Some(columns_of(call, parameter, &columns, &rows)?)
                }
                (None, _) => None,
            };
            entries.extend(value.map(|value| (parameter.name, value)));
        }
        TableFunction::new(call.spec, rows, Arguments::new(entries))
            .map_err(|_| Error::internal("the schema of a table function"))
    }

    /// All columns that no other argument names and whose owners allow the parameter's use, with a notice about the rest.
    fn other_columns(
        &self,
        call: &TableFunctionCall,
        parameter: &Parameter,
        rows: &LogicalPlan,
    ) -> Result<Vec<Named>> {
        let Kind::Columns { holds, used } = parameter.kind else {
            return Err(Error::internal("a default list of columns for another kind of argument"));
        };
        let mut named = Vec::new();
        for (other, given) in &call.given {
            if let (Kind::Column { .. }, Given::Columns(columns)) = (other.kind, given) {
                for column in columns {
                    named.push(variable(other.name, column, rows, false)?.name);
                }
            }
        }
        let (mut columns, mut left_out) = (Vec::new(), Vec::new());
        for (index, field) in rows.schema().fields().iter().enumerate() {
            if named.contains(field.name()) {
                continue;
            }
            let allowed = sources(rows, index, &self.federation)
                .is_some_and(|columns| columns.iter().all(|column| column.allows(used)));
            if allowed && holds_what(holds, field.data_type(), false) {
                columns.push(Named { name: field.name().clone(), position: None });
            } else {
                left_out.push(field.name().clone());
            }
        }
        let (function, list, used) = (call.spec.name, parameter.name, used.name());
        if columns.is_empty() {
            return Err(Error::invalid(format!("{function} has no {list}: no other column allows `{used}`"))
                .with_hint(format!("name them: {list} => 'a,b'"))
                .at(call.position));
        }
        if !left_out.is_empty() {
            let notice = format!(
                "{function}: left out of the {list}, because they do not allow `{used}`: {}",
                left_out.join(", ")
            );
            self.notices.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
        }
        Ok(columns)
    }
}

/// The columns that an argument names, whose types are what its parameter takes.
fn columns_of(
    call: &TableFunctionCall,
    parameter: &Parameter,
    columns: &[Named],
    rows: &LogicalPlan,
) -> Result<Value> {
    let (holds, one) = match parameter.kind {
        Kind::Column { holds, .. } => (holds, true),
        Kind::Columns { holds, .. } => (holds, false),
        Kind::Categories { .. }
        | Kind::Number { .. }
        | Kind::NumberOr { .. }
        | Kind::Whole { .. }
        | Kind::Numbers { .. }
        | Kind::Truth
        | Kind::Text
        | Kind::Word(_) => return Err(Error::internal("columns for another kind of argument")),
    };
    let categories: Vec<&Named> = call
        .given
        .iter()
        .filter_map(|(other, given)| match (other.kind, given) {
            (Kind::Categories { of }, Given::Columns(list)) if of == parameter.name => Some(list),
            _ => None,
        })
        .flatten()
        .collect();
    let mut variables = Vec::new();
    for column in columns {
        let categorical = categories.iter().any(|other| same_name(&other.name, &column.name));
        let found = variable(parameter.name, column, rows, categorical)?;
        let data_type = data_type(rows, &found);
        if !holds_what(holds, &data_type, categorical) {
            return Err(Error::invalid(format!(
                "`{}`: `{}` is {}, {}",
                parameter.name,
                found.name,
                sql_type(&data_type),
                wanted(holds)
            ))
            .at(column.position.or(call.position)));
        }
        variables.push(found);
    }
    if !one {
        return Ok(Value::Columns(variables));
    }
    variables.pop().map(Value::Column).ok_or_else(|| Error::internal("an argument without its column"))
}

/// Whether a column of this type holds what a parameter takes.
fn holds_what(holds: Holds, data_type: &DataType, categorical: bool) -> bool {
    match holds {
        Holds::Number => is_number(data_type),
        Holds::Feature => categorical || is_number(data_type) || is_category(data_type),
        Holds::Event => *data_type == DataType::Boolean || data_type.is_integer(),
        Holds::Group => true,
    }
}

/// What a column should have been.
fn wanted(holds: Holds) -> &'static str {
    match holds {
        Holds::Number => "not a number",
        Holds::Feature => "neither a number nor a category",
        Holds::Event => "neither BOOLEAN nor an integer",
        Holds::Group => "which cannot be grouped",
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
            Literal::Number(digits, _) => digits.parse::<usize>().ok().and_then(|i| self.calls.get(i)),
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
