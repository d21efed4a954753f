//! The lasso on correlated features, from shares of the rows to shares of the coefficients.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mpc::protocol::lasso::{Problem, Variable, solve, statistics};
use mpc::{Column, Context, Error, Part, Result, Shared};

use super::data::{numbers, words};
use super::{Kind, Work};

pub(super) const LASSO_10K_10: Work = Work {
    name: "lasso_10k_10",
    rows: 10_000,
    kind: Kind::Shared { clear: |rows| columns(rows, 10), protocol: fit, check },
};

pub(super) const LASSO_1M_50: Work = Work {
    name: "lasso_1m_50",
    rows: 1_000_000,
    kind: Kind::Shared { clear: |rows| columns(rows, 50), protocol: fit, check },
};

/// Bits of a variable: integers in [-2^BITS, 2^BITS).
const BITS: u32 = 18;

/// What an integer of a variable stands for.
const STEP: f64 = 1.0 / 65536.0;

/// The penalty.
const ALPHA: f64 = 0.01;

/// How far a coefficient may be from the optimum, in deviations of the target per deviation of the feature.
const TOLERANCE: f64 = 1e-4;

/// Features with a common part, so that any two correlate by about 0.8, then the target, then the bit of validity.
fn columns(rows: usize, features: usize) -> Vec<Part> {
    let centred = |number: u64, bits: u32| number.cast_signed() - (1 << (bits - 1));
    let common = numbers(1, rows, BITS);
    let mut target: Vec<i64> = numbers(2, rows, BITS - 2).iter().map(|&e| centred(e, BITS - 2)).collect();
    let mut all = Vec::with_capacity(features + 2);
    for (index, seed) in (0..features).zip(3u8..) {
        let own = numbers(seed, rows, BITS - 1);
        let feature = common.iter().zip(own).map(|(&c, e)| centred(c, BITS) / 2 + centred(e, BITS - 1) / 2);
        let feature: Vec<i64> = feature.collect();
        // Every third feature explains the target.
        if index % 3 == 0 {
            let weight = if index % 2 == 0 { 1 } else { -1 };
            target.iter_mut().zip(&feature).for_each(|(y, x)| *y += weight * x / 4);
        }
        all.push(feature);
    }
    all.extend([target, vec![1; rows]]);
    all.into_iter().map(|x| Part::U64(x.into_iter().map(i64::cast_unsigned).collect())).collect()
}

fn problem(features: usize, rows: usize) -> Problem {
    let variable = Variable { bits: BITS, offset: 0, step: STEP };
    Problem {
        features: vec![variable; features],
        target: variable,
        max_rows: rows as u64,
        alphas: vec![ALPHA],
        ridges: Vec::new(),
        by_sum: false,
        standardize: false,
        intercept: true,
        iterations: Problem::default_iterations(features),
    }
}

fn fit<'a>(ctx: &'a Context, columns: &'a [Column]) -> BoxFuture<'a, Result<Vec<Column>>> {
    async move {
        let number = |column: &'a Column| match column {
            Column::U64(x) => Ok(x),
            Column::U32(_) | Column::U128(_) | Column::Bits(_) => {
                Err(Error::Internal { step: ctx.path(), reason: "numbers".to_owned() })
            }
        };
        let columns = columns.iter().map(number).collect::<Result<Vec<&Shared<u64>>>>()?;
        let [features @ .., target, valid] = &columns[..] else { return Err(ctx.internal("no target")) };
        let problem = problem(features.len(), target.len());
        let statistics = statistics(&ctx.step("statistics"), features, target, valid).await?;
        let solution = Box::pin(solve(&ctx.step("solve"), &statistics, &problem)).await?;
        Ok(vec![solution.coefficients.into(), solution.intercept.into(), solution.accepted.into()])
    }
    .boxed()
}

/// Compares with coordinate descent in the clear.
fn check(inputs: &[Part], outputs: &[Part]) -> Result<(), String> {
    let [Part::U128(coefficients), Part::U128(intercept), accepted] = outputs else {
        return Err("no coefficients".to_owned());
    };
    if words(accepted) != [1] {
        return Err("the coefficients were not accepted".to_owned());
    }
    let (features, rows) = (inputs.len() - 2, inputs[0].len());
    let decoded = problem(features, rows).decode(coefficients, intercept[0]);
    let found = decoded.map_err(|error| error.to_string())?.features;
    let moments = Moments::of(inputs);
    let expected = moments.descend(ALPHA);
    let target = moments.deviation(features);
    let distance = (0..features).map(|j| (found[j] - expected[j]).abs() * moments.deviation(j) / target);
    let distance = distance.fold(0.0, f64::max);
    if distance < TOLERANCE { Ok(()) } else { Err(format!("a coefficient is off by {distance:.1e}")) }
}

/// Second moments about the mean of the features and, last, the target, in the clear.
struct Moments {
    products: Vec<Vec<f64>>,
}

impl Moments {
    fn of(inputs: &[Part]) -> Self {
        let columns: Vec<Vec<i64>> = inputs[..inputs.len() - 1]
            .iter()
            .map(|column| words(column).into_iter().map(u64::cast_signed).collect())
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "a reference in floating point")]
        let product = |x: &[i64], y: &[i64]| {
            let sum = |x: &[i64]| x.iter().map(|&a| i128::from(a)).sum::<i128>();
            let rows = x.len() as i128;
            let both: i128 = x.iter().zip(y).map(|(&a, &b)| i128::from(a * b)).sum();
            let centred = rows * both - sum(x) * sum(y);
            centred as f64 * STEP * STEP / (rows * rows) as f64
        };
        let products = columns.iter().map(|x| columns.iter().map(|y| product(x, y)).collect()).collect();
        Moments { products }
    }

    fn deviation(&self, index: usize) -> f64 {
        self.products[index][index].sqrt()
    }

    /// The minimiser of `1/(2n) ||y - Xw||^2 + alpha ||w||_1`.
    fn descend(&self, alpha: f64) -> Vec<f64> {
        let features = self.products.len() - 1;
        let mut w = vec![0.0; features];
        for _ in 0..20_000 {
            let mut largest = 0.0_f64;
            for j in 0..features {
                let row = &self.products[j];
                let fitted: f64 = (0..features).filter(|&k| k != j).map(|k| row[k] * w[k]).sum();
                let gradient = row[features] - fitted;
                let shrunk = gradient.signum() * (gradient.abs() - alpha).max(0.0) / row[j];
                largest = largest.max((shrunk - w[j]).abs());
                w[j] = shrunk;
            }
            if largest < 1e-12 {
                break;
            }
        }
        w
    }
}
