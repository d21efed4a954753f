//! `ln_factorial(count)`: what the log-likelihood of a Poisson model takes of each target. It is not part of SQL.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result as EngineResult, exec_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use statrs::function::gamma::ln_gamma;

/// The name that plans show.
pub(crate) const LN_FACTORIAL: &str = "ln_factorial";

/// The natural logarithm of the factorial of a whole number; NULL for NULL.
pub(crate) fn ln_factorial(count: Expr) -> Expr {
    let signature = Signature::any(1, Volatility::Immutable);
    let function = Arc::new(ScalarUDF::new_from_impl(LnFactorial { signature }));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![count]))
}

/// `ln(x!)`.
pub(crate) fn logarithm(x: f64) -> f64 {
    ln_gamma(x + 1.0)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct LnFactorial {
    signature: Signature,
}

impl ScalarUDFImpl for LnFactorial {
    fn name(&self) -> &'static str {
        LN_FACTORIAL
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> EngineResult<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        let [count] = args.args.as_slice() else { return exec_err!("{LN_FACTORIAL} takes a count") };
        let counts = cast(&count.to_array(args.number_rows)?, &DataType::Float64)?;
        let logarithms: Float64Array =
            counts.as_primitive::<Float64Type>().iter().map(|count| count.map(logarithm)).collect();
        Ok(ColumnarValue::Array(Arc::new(logarithms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factorials_are_exact_to_a_double() {
        let mut sum = 0.0_f64;
        for count in 0..2000 {
            sum += f64::from(count.max(1)).ln();
            let found = logarithm(f64::from(count));
            assert!((found - sum).abs() <= 1e-11 * (1.0 + sum), "{count}: {found} {sum}");
        }
    }
}
