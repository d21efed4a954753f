//! `nonzero(x)`: x, or NULL where x is 0.
//!
//! The binder writes `a / nonzero(b)` and `a % nonzero(b)` for every division whose divisor is not a constant other
//! than 0, so that no data can make a division fail: x / 0 and x % 0 are NULL. Not for users.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, Scalar, new_null_array};
use datafusion::arrow::compute::kernels::cmp::eq;
use datafusion::arrow::compute::{nullif, or};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The name that plans show.
pub const NONZERO: &str = "nonzero";

/// The function.
pub fn nonzero() -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(Nonzero { signature: Signature::any(1, Volatility::Immutable) }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Nonzero {
    signature: Signature,
}

impl ScalarUDFImpl for Nonzero {
    fn name(&self) -> &'static str {
        NONZERO
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(arg_types.first().cloned().unwrap_or(DataType::Null))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.first() {
            Some(ColumnarValue::Array(array)) => Ok(ColumnarValue::Array(without_zeros(array)?)),
            Some(ColumnarValue::Scalar(scalar)) => {
                let array = without_zeros(&scalar.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?))
            }
            None => Ok(ColumnarValue::Scalar(ScalarValue::Null)),
        }
    }
}

/// The array with NULL in place of every 0. Arrow tells -0.0 from 0.0; here both are 0.
fn without_zeros(array: &ArrayRef) -> Result<ArrayRef> {
    let data_type = array.data_type();
    if *data_type == DataType::Null {
        return Ok(new_null_array(data_type, array.len()));
    }
    let mut zeros: BooleanArray = eq(array, &Scalar::new(ScalarValue::new_zero(data_type)?.to_array()?))?;
    let negative = match data_type {
        DataType::Float64 => Some(ScalarValue::Float64(Some(-0.0))),
        DataType::Float32 => Some(ScalarValue::Float32(Some(-0.0))),
        _ => None,
    };
    if let Some(negative) = negative {
        zeros = or(&zeros, &eq(array, &Scalar::new(negative.to_array()?))?)?;
    }
    Ok(nullif(array, &zeros)?)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{AsArray, Decimal128Array, Float64Array, Int64Array};
    use datafusion::arrow::datatypes::{Decimal128Type, Float64Type, Int64Type};

    use super::*;

    #[test]
    fn zeros_become_null() {
        let ints: ArrayRef = Arc::new(Int64Array::from(vec![Some(0), Some(3), None]));
        let out = without_zeros(&ints).unwrap();
        assert_eq!(out.as_primitive::<Int64Type>(), &Int64Array::from(vec![None, Some(3), None]));
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.0, -0.0, 1.5]));
        let out = without_zeros(&floats).unwrap();
        assert_eq!(out.as_primitive::<Float64Type>(), &Float64Array::from(vec![None, None, Some(1.5)]));
        let decimals: ArrayRef =
            Arc::new(Decimal128Array::from(vec![0, 5]).with_precision_and_scale(10, 2).unwrap());
        let out = without_zeros(&decimals).unwrap();
        assert!(out.is_null(0));
        assert_eq!(out.as_primitive::<Decimal128Type>().value(1), 5);
    }
}
