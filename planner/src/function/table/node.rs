//! Table functions in a logical plan.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{DFSchema, DFSchemaRef, Result, plan_err};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, UserDefinedLogicalNodeCore};

use super::{Arguments, Spec, Variable};

/// The node of a table function: `LogicalPlan::Extension` over this.
///
/// Its expressions are the columns of `input` that it uses, in the order of its parameters, so that optimizer rules
/// rename and prune them as they do elsewhere; read them from `arguments`.
#[derive(Clone, Debug)]
pub struct TableFunction {
    /// Which function.
    pub spec: &'static Spec,
    /// The rows it reads.
    pub input: Arc<LogicalPlan>,
    /// Its named arguments, validated, with defaults filled in.
    pub arguments: Arguments,
    /// The columns it returns, all nullable, without qualifier.
    pub schema: DFSchemaRef,
}

impl TableFunction {
    /// The node of a function over `input`.
    ///
    /// # Errors
    /// If the schema cannot be built, which cannot happen.
    pub fn new(spec: &'static Spec, input: LogicalPlan, arguments: Arguments) -> Result<Self> {
        let of = |parameter: &str| -> Option<DataType> {
            arguments.optional_column(parameter)?.expr.get_type(input.schema()).ok()
        };
        let field = |&(name, data_type): &(&'static str, super::ColumnType)| {
            Field::new(name, data_type.data_type(&of), true)
        };
        let schema = Schema::new(spec.columns.iter().map(field).collect::<Vec<_>>());
        let schema = Arc::new(DFSchema::try_from(schema)?);
        Ok(TableFunction { spec, input: Arc::new(input), arguments, schema })
    }

    /// The columns that it uses, in the order of its parameters.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.arguments.variables().map(|(_, variable)| variable)
    }
}

impl PartialEq for TableFunction {
    fn eq(&self, other: &Self) -> bool {
        self.spec.name == other.spec.name && self.arguments == other.arguments && self.input == other.input
    }
}

impl Eq for TableFunction {}

impl Hash for TableFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spec.name.hash(state);
        self.arguments.hash(state);
        self.input.hash(state);
    }
}

impl PartialOrd for TableFunction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self == other {
            return Some(Ordering::Equal);
        }
        self.spec.name.partial_cmp(other.spec.name).filter(|order| order.is_ne())
    }
}

impl UserDefinedLogicalNodeCore for TableFunction {
    fn name(&self) -> &str {
        self.spec.name
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.variables().map(|variable| variable.expr.clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.spec.name, self.arguments.shown())
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Some(input) = inputs.into_iter().next() else {
            return plan_err!("a table function needs its input");
        };
        let mut node = self.clone();
        node.input = Arc::new(input);
        for (variable, expr) in node.arguments.variables_mut().zip(exprs) {
            variable.expr = expr;
        }
        Ok(node)
    }

    fn necessary_children_exprs(&self, _output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let index = |variable: &Variable| match &variable.expr {
            Expr::Column(column) => self.input.schema().maybe_index_of_column(column),
            _ => None,
        };
        let mut indices: Vec<usize> = self.variables().map(index).collect::<Option<_>>()?;
        indices.sort_unstable();
        indices.dedup();
        Some(vec![indices])
    }
}
