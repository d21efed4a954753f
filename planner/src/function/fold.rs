//! `in_fold(person, folds, fold)`: whose rows cross-validation leaves out together.
//!
//! A person's fold is the first 8 bytes of the SHA-256 digest of the identifier's normal form (see [`normalise`]), read as a
//! big-endian number, modulo the number of folds. It depends on the identifier alone, so it is the same at every owner
//! and in every run, and all rows of a person are in one fold. It is not part of SQL.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result as EngineResult, exec_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use sha2::{Digest, Sha256};

use super::hashed::normalise;

/// The name that plans show.
pub(crate) const IN_FOLD: &str = "in_fold";

/// Whether a person is in fold number `fold` of `folds`; NULL for no person.
pub(crate) fn in_fold(person: Expr, folds: i64, fold: i64) -> Expr {
    let signature = Signature::any(3, Volatility::Immutable);
    let function = Arc::new(ScalarUDF::new_from_impl(InFold { signature }));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![person, lit(folds), lit(fold)]))
}

/// The fold of an identifier in its normal form.
fn fold_of(form: &[u8], folds: u64) -> u64 {
    let digest = Sha256::digest(form);
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)) % folds.max(1)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct InFold {
    signature: Signature,
}

impl ScalarUDFImpl for InFold {
    fn name(&self) -> &'static str {
        IN_FOLD
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> EngineResult<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        let rows = args.number_rows;
        let arrays =
            args.args.iter().map(|part| part.to_array(rows)).collect::<EngineResult<Vec<ArrayRef>>>()?;
        let [person, folds, fold] = arrays.as_slice() else {
            return exec_err!("{IN_FOLD} takes a person, a number of folds and one of them");
        };
        let number = |array: &ArrayRef, row: usize| {
            array.as_primitive_opt::<Int64Type>().and_then(|array| u64::try_from(array.value(row)).ok())
        };
        let forms = normalise(std::slice::from_ref(person), rows)
            .map_err(|error| datafusion::error::DataFusionError::External(Box::new(error)))?;
        let is_in = |(row, form): (usize, Option<Vec<u8>>)| {
            Some(fold_of(&form?, number(folds, row)?) == number(fold, row)?)
        };
        let found: BooleanArray = forms.into_iter().enumerate().map(is_in).collect();
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, Int64Array, StringArray};

    use super::*;

    /// As Python says: `int.from_bytes(sha256(pack("<Q", len(form)) + form).digest()[:8], "big") % folds`.
    #[test]
    fn folds_are_those_of_the_documented_rule() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["p0", " P1 ", "42", "ä"]));
        let folds = |array: &ArrayRef| -> Vec<u64> {
            let forms = normalise(std::slice::from_ref(array), array.len()).unwrap();
            forms.iter().map(|form| fold_of(form.as_ref().unwrap(), 5)).collect()
        };
        assert_eq!(folds(&texts), [1, 3, 0, 0]);
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![42]));
        assert_eq!(folds(&numbers), folds(&texts)[2..3]);
    }
}
