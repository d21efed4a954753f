//! Table functions in a logical plan: a model over the rows of a query.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{DFSchema, DFSchemaRef, Result, plan_err};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

/// The node of a table function: `LogicalPlan::Extension` over this.
///
/// Its expressions are the columns of `input` that it uses, target first, so that optimizer rules rename and prune
/// them as they do elsewhere; read them from `arguments`.
#[derive(Clone, Debug)]
pub struct TableFunction {
    /// Which function.
    pub name: TableFunctionName,
    /// The rows it reads.
    pub input: Arc<LogicalPlan>,
    /// Its named arguments, validated, with defaults filled in.
    pub arguments: LassoArguments,
    /// The columns it returns, all nullable, without qualifier.
    pub schema: DFSchemaRef,
}

/// The table functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableFunctionName {
    /// `LASSO`: `term, coefficient`.
    Lasso,
    /// `LASSO_SUMMARY`: one row about the same fit.
    LassoSummary,
}

/// Arguments of `LASSO` and `LASSO_SUMMARY`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LassoArguments {
    /// What is explained.
    pub target: Variable,
    /// What explains it, in the order of the result; no duplicates, not the target.
    pub features: Vec<Variable>,
    /// The penalty, finite, at least 0.
    pub alpha: Number,
    /// Whether the penalty acts on standardised features.
    pub standardize: bool,
    /// Whether there is an intercept.
    pub intercept: bool,
}

/// A column of the input that a model uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Variable {
    /// How terms and messages name it: the spelling of the input's column.
    pub name: String,
    /// The column of the input (an `Expr::Column`).
    pub expr: Expr,
    /// Whether every value but the first is a term of its own: TEXT, BOOLEAN, and what `categorical` lists.
    pub categorical: bool,
}

/// A finite number that can be hashed: equal if the bits are.
#[derive(Clone, Copy, Debug)]
pub struct Number(pub f64);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl TableFunctionName {
    /// All table functions.
    pub const ALL: [TableFunctionName; 2] = [TableFunctionName::Lasso, TableFunctionName::LassoSummary];

    /// Its name in SQL.
    pub const fn name(self) -> &'static str {
        match self {
            TableFunctionName::Lasso => "LASSO",
            TableFunctionName::LassoSummary => "LASSO_SUMMARY",
        }
    }

    /// The names and types of the columns it returns.
    pub fn columns(self) -> Vec<(&'static str, DataType)> {
        match self {
            TableFunctionName::Lasso => {
                vec![("term", DataType::Utf8), ("coefficient", DataType::Float64)]
            }
            TableFunctionName::LassoSummary => vec![
                ("n", DataType::Int64),
                ("n_dropped", DataType::Int64),
                ("r2", DataType::Float64),
                ("mse", DataType::Float64),
                ("iterations", DataType::Int64),
                ("alpha", DataType::Float64),
                ("nonzero", DataType::Int64),
                ("kkt", DataType::Float64),
            ],
        }
    }
}

impl TableFunction {
    /// The node of a function over `input`.
    ///
    /// # Errors
    /// If the schema cannot be built, which cannot happen.
    pub fn new(name: TableFunctionName, input: LogicalPlan, arguments: LassoArguments) -> Result<Self> {
        let field = |(name, data_type)| Field::new(name, data_type, true);
        let schema = Schema::new(name.columns().into_iter().map(field).collect::<Vec<_>>());
        let schema = Arc::new(DFSchema::try_from(schema)?);
        Ok(TableFunction { name, input: Arc::new(input), arguments, schema })
    }

    /// The variables, target first.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        std::iter::once(&self.arguments.target).chain(&self.arguments.features)
    }
}

impl PartialEq for TableFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.arguments == other.arguments && self.input == other.input
    }
}

impl Eq for TableFunction {}

impl Hash for TableFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.arguments.hash(state);
        self.input.hash(state);
    }
}

impl PartialOrd for TableFunction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self == other {
            return Some(Ordering::Equal);
        }
        self.name.partial_cmp(&other.name).filter(|order| order.is_ne())
    }
}

impl UserDefinedLogicalNodeCore for TableFunction {
    fn name(&self) -> &str {
        self.name.name()
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
        let LassoArguments { target, features, alpha, standardize, intercept } = &self.arguments;
        let names: Vec<&str> = features.iter().map(|feature| feature.name.as_str()).collect();
        write!(f, "{}: target={}, features={}", self.name.name(), target.name, names.join(","))?;
        write!(f, ", alpha={}, standardize={standardize}, intercept={intercept}", alpha.0)
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let mut exprs = exprs.into_iter();
        let (Some(target), Some(input)) = (exprs.next(), inputs.into_iter().next()) else {
            return plan_err!("a table function needs its target and its input");
        };
        let mut node = self.clone();
        node.input = Arc::new(input);
        node.arguments.target.expr = target;
        for (feature, expr) in node.arguments.features.iter_mut().zip(exprs) {
            feature.expr = expr;
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
