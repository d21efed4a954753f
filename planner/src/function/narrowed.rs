//! `narrowed(x)`: a cast to a type that cannot hold every value of `x`, as a function.
//!
//! The engine's optimizer writes `CAST(x AS INT) = 5` as `x = 5`, also where the cast drops decimals, so that 5.20 is no
//! longer 5, and `TRY_CAST(x AS TINYINT) > 5` as `x > 5`, also where the cast is NULL. It leaves functions alone. So casts
//! that lose something are written as this function while the optimizer runs ([`hide`]), and as casts before and after
//! ([`show`]). Not for users.

use std::any::Any;
use std::sync::Arc;

use datafusion::arrow::compute::CastOptions;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::arrow::util::display::FormatOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Cast, ColumnarValue, Expr, ExprSchemable, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, TryCast, Volatility,
};

/// A cast of one type to another.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Narrowed {
    signature: Signature,
    to: DataType,
    /// Whether what does not fit is NULL, not an error.
    try_cast: bool,
}

impl ScalarUDFImpl for Narrowed {
    fn name(&self) -> &'static str {
        "narrowed"
    }

    /// Columns are named after what is cast, as the engine names casts.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.first().map(|inner| inner.schema_name().to_string()).unwrap_or_default())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let nullable = self.try_cast || args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), self.to.clone(), nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let options = CastOptions { safe: self.try_cast, format_options: FormatOptions::default() };
        let Some(inner) = args.args.first() else {
            return datafusion::common::internal_err!("a cast of nothing");
        };
        inner.cast_to(&self.to, Some(&options))
    }
}

/// The plan with functions in place of casts that lose something. Names of columns stay.
///
/// # Errors
/// As the engine's, where an expression has no type.
pub fn hide(plan: LogicalPlan) -> Result<LogicalPlan> {
    rewritten(plan, &|expr, schema| {
        let (inner, to, try_cast) = match expr {
            Expr::Cast(Cast { ref expr, ref field }) => (expr, field.data_type(), false),
            Expr::TryCast(TryCast { ref expr, ref field }) => (expr, field.data_type(), true),
            other => return Ok(Transformed::no(other)),
        };
        if !loses(&inner.get_type(schema)?, to, try_cast) {
            return Ok(Transformed::no(expr));
        }
        let signature = Signature::any(1, Volatility::Immutable);
        let function = ScalarUDF::new_from_impl(Narrowed { signature, to: to.clone(), try_cast });
        Ok(Transformed::yes(function.call(vec![inner.as_ref().clone()])))
    })
}

/// The plan with casts again.
///
/// # Errors
/// As the engine's, where an expression has no type.
pub fn show(plan: LogicalPlan) -> Result<LogicalPlan> {
    rewritten(plan, &|expr, _| {
        let Expr::ScalarFunction(function) = &expr else { return Ok(Transformed::no(expr)) };
        let own: &dyn Any = function.func.inner().as_ref();
        let (Some(own), [inner]) = (own.downcast_ref::<Narrowed>(), function.args.as_slice()) else {
            return Ok(Transformed::no(expr));
        };
        let (inner, to) = (Box::new(inner.clone()), own.to.clone());
        Ok(Transformed::yes(if own.try_cast {
            Expr::TryCast(TryCast::new(inner, to))
        } else {
            Expr::Cast(Cast::new(inner, to))
        }))
    })
}

/// Whether a cast between exact numbers changes a value, fails, or gives NULL for one.
fn loses(from: &DataType, to: &DataType, try_cast: bool) -> bool {
    match (digits(from), digits(to)) {
        (Some((whole, decimals)), Some((whole_to, decimals_to))) => {
            let shorter =
                decimals_to < decimals || (from.is_integer() && to.is_integer() && whole_to < whole);
            shorter || (try_cast && whole_to < whole)
        }
        _ => false,
    }
}

/// The digits of an exact number before and after the point.
fn digits(data_type: &DataType) -> Option<(i16, i16)> {
    Some(match data_type {
        DataType::Int8 | DataType::UInt8 => (3, 0),
        DataType::Int16 | DataType::UInt16 => (5, 0),
        DataType::Int32 | DataType::UInt32 => (10, 0),
        DataType::Int64 => (19, 0),
        DataType::UInt64 => (20, 0),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            (i16::from(*precision) - i16::from(*scale), i16::from(*scale))
        }
        _ => return None,
    })
}

fn rewritten(
    plan: LogicalPlan,
    rewrite: &dyn Fn(Expr, &DFSchema) -> Result<Transformed<Expr>>,
) -> Result<LogicalPlan> {
    let done = plan.transform_up_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        let schema = merge_schema(&node.inputs());
        let node = node.map_expressions(|expr| {
            let name = names.save(&expr);
            Ok(expr.transform_up(|expr| rewrite(expr, &schema))?.update_data(|expr| name.restore(expr)))
        })?;
        if node.transformed { node.map_data(LogicalPlan::recompute_schema) } else { Ok(node) }
    })?;
    Ok(done.data)
}
