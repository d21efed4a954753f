//! The line between what is released and what the analyst computes from it.

use std::fmt;
use std::sync::Arc;

use datafusion::common::{DFSchemaRef, Result, plan_err};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};

/// What is below is released as it stands, what is above runs at the analyst: `LogicalPlan::Extension` over this.
///
/// Optimizer rules move nothing across it, so that exactly the columns of `input` leave.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub struct Boundary {
    /// Aggregates over rows.
    pub input: Arc<LogicalPlan>,
}

impl Boundary {
    /// A plan with a boundary on top.
    pub fn over(input: LogicalPlan) -> LogicalPlan {
        LogicalPlan::Extension(Extension { node: Arc::new(Boundary { input: Arc::new(input) }) })
    }

    /// The boundary that a plan is, if it is one.
    pub fn of(plan: &LogicalPlan) -> Option<&Boundary> {
        match plan {
            LogicalPlan::Extension(extension) => extension.node.as_any().downcast_ref(),
            _ => None,
        }
    }
}

impl UserDefinedLogicalNodeCore for Boundary {
    fn name(&self) -> &'static str {
        "Released"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Released")
    }

    fn with_exprs_and_inputs(&self, _exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Some(input) = inputs.into_iter().next() else {
            return plan_err!("a release needs its input");
        };
        Ok(Boundary { input: Arc::new(input) })
    }
}
