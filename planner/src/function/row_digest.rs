//! Rows as numbers that tell them apart: `row_digest(bits, x, ...)`.
//!
//! Owners that hold values of a wide domain share digests of them, so that equal values of several owners are counted
//! once: the lowest bits of a SHA-256 digest of the values in the form of SQL's equality ([`canonical`]), NULL being a value
//! of its own. Digests leave their owner as shares alone, so that no key is needed. Not for users.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use sha2::{Digest, Sha256};

use super::hashed::canonical;

/// The name of [`row_digest`] that plans show.
pub const ROW_DIGEST: &str = "row_digest";

/// The type of digests, which has room for [`MAX_BITS`].
pub const DIGEST_TYPE: DataType = DataType::Decimal128(38, 0);

/// The longest digests.
pub const MAX_BITS: u32 = 120;

/// The bits of digests of so many rows: two are equal by chance with a probability below 2^-40.
pub fn digest_bits(rows: u64) -> u32 {
    (2 * (u64::BITS - rows.leading_zeros()) + 40).min(MAX_BITS)
}

/// The digest of some columns, from 1 to 2^bits - 1, never NULL.
pub fn row_digest(bits: u32, columns: Vec<Expr>) -> Expr {
    let function =
        ScalarUDF::new_from_impl(RowDigest { signature: Signature::variadic_any(Volatility::Immutable) });
    let arguments = std::iter::once(lit(i64::from(bits))).chain(columns);
    Arc::new(function).call(arguments.collect())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct RowDigest {
    signature: Signature,
}

impl ScalarUDFImpl for RowDigest {
    fn name(&self) -> &'static str {
        ROW_DIGEST
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DIGEST_TYPE)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let arrays = args.args.iter().map(|value| value.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let Some((bits, parts)) = arrays.split_first() else { return exec_err!("row_digest without bits") };
        let bits =
            bits.as_primitive_opt::<Int64Type>().filter(|bits| !bits.is_empty()).map(|bits| bits.value(0));
        let bits = match bits.map(u32::try_from) {
            Some(Ok(bits)) if (1..=MAX_BITS).contains(&bits) => bits,
            None if rows == 0 => 1,
            Some(_) | None => return exec_err!("row_digest of an odd number of bits"),
        };
        let digests = digests(parts, rows, bits)?;
        let array = Decimal128Array::from_iter_values(digests).with_data_type(DIGEST_TYPE);
        Ok(ColumnarValue::Array(Arc::new(array)))
    }
}

fn digests(parts: &[ArrayRef], rows: usize, bits: u32) -> Result<Vec<i128>> {
    let mut hashes = vec![Sha256::new(); rows];
    for part in parts {
        let forms = canonical(std::slice::from_ref(part), rows);
        let Ok(forms) = forms else { return exec_err!("row_digest of a type without an equality") };
        for (hash, form) in hashes.iter_mut().zip(forms) {
            match form {
                None => hash.update([0]),
                // Every form carries its length.
                Some(form) => {
                    hash.update([1]);
                    hash.update(form);
                }
            }
        }
    }
    let digest = |hash: Sha256| {
        let bytes: [u8; 32] = hash.finalize().into();
        let low = bytes.iter().take(16).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        i128::try_from(low & ((1 << bits) - 1)).unwrap_or(1).max(1)
    };
    Ok(hashes.into_iter().map(digest).collect())
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int32Array, Int64Array, StringArray};

    use super::*;

    #[test]
    fn equal_rows_have_equal_digests() {
        let texts: ArrayRef =
            Arc::new(StringArray::from(vec![Some("a"), None, Some("a"), Some("A"), Some("")]));
        let found = digests(&[texts], 5, 60).unwrap();
        assert_eq!(found[0], found[2]);
        let different: std::collections::BTreeSet<i128> = found.iter().copied().collect();
        assert_eq!(different.len(), 4);
        assert!(found.iter().all(|digest| (1..1 << 60).contains(digest)));
        let (narrow, wide): (ArrayRef, ArrayRef) =
            (Arc::new(Int32Array::from(vec![7])), Arc::new(Int64Array::from(vec![7])));
        assert_eq!(digests(&[narrow], 1, 120).unwrap(), digests(&[wide], 1, 120).unwrap());
    }

    #[test]
    fn parts_do_not_run_together() {
        let text = |text: Option<&str>| Arc::new(StringArray::from(vec![text])) as ArrayRef;
        let of = |a: Option<&str>, b: Option<&str>| digests(&[text(a), text(b)], 1, 120).unwrap()[0];
        let all =
            [of(Some("ab"), Some("c")), of(Some("a"), Some("bc")), of(None, Some("a")), of(Some("a"), None)];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    }

    #[test]
    fn digests_are_long_enough() {
        assert_eq!((digest_bits(0), digest_bits(1000), digest_bits(1 << 20)), (40, 60, 82));
        assert_eq!(digest_bits(u64::MAX), MAX_BITS);
    }
}
