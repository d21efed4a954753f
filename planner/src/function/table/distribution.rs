//! Probabilities and quantiles: scalar functions of the clear stage, for p-values and intervals of released numbers.
//!
//! They take and give DOUBLE; where an argument is NULL, or out of range, the result is NULL. They are not SQL functions
//! that a query can call.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor, Normal, StudentsT};
use statrs::function::gamma::ln_gamma;

/// A function of doubles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Distribution {
    /// P(|Z| >= |z|) of the standard normal distribution: `(z)`.
    NormalTwoSided,
    /// P(Z <= z): `(z)`.
    NormalBelow,
    /// The z with P(Z <= z) = p: `(p)`.
    NormalQuantile,
    /// P(|T| >= |t|) of Student's distribution: `(t, df)`.
    StudentTwoSided,
    /// P(T <= t): `(t, df)`.
    StudentBelow,
    /// The t with P(T <= t) = p: `(p, df)`.
    StudentQuantile,
    /// P(X >= x) of the chi-squared distribution: `(x, df)`.
    ChiSquaredAbove,
    /// P(X >= x) of the F distribution: `(x, df1, df2)`.
    FisherAbove,
    /// The probability, given its margins, of a table of two by two that is at most as probable: `(a, b, c, d)`, row by row.
    HypergeometricTwoSided,
    /// That of a first count of at most a.
    HypergeometricBelow,
    /// That of a first count of at least a.
    HypergeometricAbove,
}

impl Distribution {
    /// The call with these arguments.
    pub fn call(self, arguments: Vec<Expr>) -> Expr {
        let signature = Signature::any(self.arity(), Volatility::Immutable);
        ScalarUDF::new_from_impl(Function { distribution: self, signature }).call(arguments)
    }

    /// How many arguments it takes.
    pub const fn arity(self) -> usize {
        match self {
            Distribution::NormalTwoSided | Distribution::NormalBelow | Distribution::NormalQuantile => 1,
            Distribution::StudentTwoSided
            | Distribution::StudentBelow
            | Distribution::StudentQuantile
            | Distribution::ChiSquaredAbove => 2,
            Distribution::FisherAbove => 3,
            Distribution::HypergeometricTwoSided
            | Distribution::HypergeometricBelow
            | Distribution::HypergeometricAbove => 4,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Distribution::NormalTwoSided => "normal_two_sided",
            Distribution::NormalBelow => "normal_below",
            Distribution::NormalQuantile => "normal_quantile",
            Distribution::StudentTwoSided => "student_two_sided",
            Distribution::StudentBelow => "student_below",
            Distribution::StudentQuantile => "student_quantile",
            Distribution::ChiSquaredAbove => "chi_squared_above",
            Distribution::FisherAbove => "fisher_above",
            Distribution::HypergeometricTwoSided => "hypergeometric_two_sided",
            Distribution::HypergeometricBelow => "hypergeometric_below",
            Distribution::HypergeometricAbove => "hypergeometric_above",
        }
    }

    /// The value; `None` where an argument is out of range.
    pub fn value(self, x: &[f64]) -> Option<f64> {
        let open = |p: f64| (p > 0.0 && p < 1.0).then_some(p);
        let student = |df: f64| StudentsT::new(0.0, 1.0, df).ok();
        let value = match (self, x) {
            (Distribution::NormalTwoSided, [z]) => 2.0 * Normal::standard().sf(z.abs()),
            (Distribution::NormalBelow, [z]) => Normal::standard().cdf(*z),
            (Distribution::NormalQuantile, [p]) => Normal::standard().inverse_cdf(open(*p)?),
            (Distribution::StudentTwoSided, [t, df]) => 2.0 * student(*df)?.sf(t.abs()),
            (Distribution::StudentBelow, [t, df]) => student(*df)?.cdf(*t),
            (Distribution::StudentQuantile, [p, df]) => student(*df)?.inverse_cdf(open(*p)?),
            (Distribution::ChiSquaredAbove, [x, df]) => ChiSquared::new(*df).ok()?.sf(*x),
            (Distribution::FisherAbove, [x, df1, df2]) => FisherSnedecor::new(*df1, *df2).ok()?.sf(*x),
            (
                Distribution::HypergeometricTwoSided
                | Distribution::HypergeometricBelow
                | Distribution::HypergeometricAbove,
                [first, second, third, fourth],
            ) => hypergeometric(self, [*first, *second, *third, *fourth])?,
            _ => return None,
        };
        (!value.is_nan()).then_some(value)
    }
}

/// The sum of the probabilities of the tables with the margins of this one that count.
fn hypergeometric(tail: Distribution, table: [f64; 4]) -> Option<f64> {
    let log_choose =
        |of: f64, some: f64| ln_gamma(of + 1.0) - ln_gamma(some + 1.0) - ln_gamma(of - some + 1.0);
    let (first, second) = (table[0] + table[1], table[2] + table[3]);
    let (column, all) = (table[0] + table[2], first + second);
    if !(0.0..=1e9).contains(&all) || table.iter().any(|count| *count < 0.0) {
        return None;
    }
    let log_probability = |corner: f64| {
        log_choose(first, corner) + log_choose(second, column - corner) - log_choose(all, column)
    };
    let own = log_probability(table[0]);
    // As the reference: tables a little more probable than this one by rounding alone count too.
    let counts = |corner: f64, log: f64| {
        if tail == Distribution::HypergeometricBelow {
            corner <= table[0]
        } else if tail == Distribution::HypergeometricAbove {
            corner >= table[0]
        } else {
            log <= own + 1e-7
        }
    };
    let mut sum = 0.0;
    let mut corner = (column - second).max(0.0);
    while corner <= first.min(column) {
        let log = log_probability(corner);
        if counts(corner, log) {
            sum += log.exp();
        }
        corner += 1.0;
    }
    Some(sum.min(1.0))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    distribution: Distribution,
    signature: Signature,
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &'static str {
        self.distribution.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let columns = args
            .args
            .iter()
            .map(|arg| arg.to_array(rows).and_then(|array| Ok(cast(&array, &DataType::Float64)?)))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let value = |row: usize| {
            let cells = columns.iter().map(|column| {
                let column = column.as_primitive::<Float64Type>();
                column.is_valid(row).then(|| column.value(row)).filter(|x| !x.is_nan())
            });
            self.distribution.value(&cells.collect::<Option<Vec<f64>>>()?)
        };
        let result: Float64Array = (0..rows).map(value).collect();
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(result)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `scipy.stats` 1.16.
    #[test]
    fn values_are_those_of_scipy() {
        let cases: [(Distribution, &[f64], f64); 12] = [
            (Distribution::NormalTwoSided, &[1.96], 0.049_995_790_296_440_87),
            (Distribution::NormalTwoSided, &[-6.0], 1.973_175_290_075_389e-9),
            (Distribution::NormalBelow, &[1.0], 0.841_344_746_068_542_9),
            (Distribution::NormalQuantile, &[0.975], 1.959_963_984_540_054),
            (Distribution::StudentTwoSided, &[2.5, 7.0], 0.040_992_218_585_752_874),
            (Distribution::StudentTwoSided, &[10.0, 40.0], 1.931_311_700_411_556e-12),
            (Distribution::StudentBelow, &[-1.0, 3.0], 0.195_501_109_477_885_27),
            (Distribution::StudentQuantile, &[0.975, 10.0], 2.228_138_851_964_938_5),
            (Distribution::ChiSquaredAbove, &[3.84, 1.0], 0.050_043_521_248_705_19),
            (Distribution::ChiSquaredAbove, &[100.0, 5.0], 5.285_148_360_943_219e-20),
            (Distribution::FisherAbove, &[4.0, 2.0, 20.0], 0.034_571_613_033_607_78),
            (Distribution::FisherAbove, &[50.0, 3.0, 96.0], 1.499_569_602_687_420_6e-19),
        ];
        for (distribution, x, expected) in cases {
            let value = distribution.value(x).unwrap();
            assert!((value - expected).abs() <= 1e-9 * expected, "{distribution:?}{x:?}: {value:e}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_null() {
        assert_eq!(Distribution::NormalQuantile.value(&[1.0]), None);
        assert_eq!(Distribution::StudentTwoSided.value(&[1.0, 0.0]), None);
        assert_eq!(Distribution::ChiSquaredAbove.value(&[1.0]), None);
        assert_eq!(Distribution::NormalBelow.value(&[f64::NAN]), None);
    }
}
