//! Models of random data, ill-conditioned ones included, at all parties in memory against their definitions in the clear.
//!
//! `CONJOIN_RANDOM_CASES=2000 cargo test --workspace random -- --nocapture` is the long run: up to 50 features and 100,000
//! rows. It prints how far each function was from the clear one. The short one asks the same on every machine;
//! `CONJOIN_SEED` repeats a long one.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "samples of small numbers"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use mpc::ideal::{cox, fixed, regression};
use mpc::protocol::regression::Family;
use planner::catalog::Federation;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::asked::answer;
use crate::world::World;

const SEATS: [usize; 3] = [0, 1, 2];
/// Times of survival.
const TIMES: usize = 12;
/// The short run.
const SHORT_RUN: u64 = 20_261_121;

/// What is asked for, and how near the clear one the answer must be: relative to a coefficient, or in the units of
/// [`Expected`].
const FUNCTIONS: [(&str, &str, f64); 9] = [
    ("LINEAR_REGRESSION", "", 1e-5),
    ("RIDGE", ", alpha => 3", 1e-4),
    ("RIDGE", ", alpha => 3, standardize => true", 1e-5),
    ("LASSO", ", alpha => 0.02, standardize => true", 1e-4),
    ("ELASTIC_NET", ", alpha => 0.02, l1_ratio => 0.3, standardize => true", 1e-4),
    ("LOGISTIC_REGRESSION", "", 1e-4),
    ("LOGISTIC_REGRESSION", ", penalty => 'l2', alpha => 2", 1e-4),
    ("POISSON_REGRESSION", "", 1e-4),
    ("COX", "", 1e-4),
];

/// Rows of features of very different scales and of correlations up to 0.99.
struct Sample {
    /// What an integer of each feature is worth.
    steps: Vec<f64>,
    /// Integers of each feature.
    features: Vec<Vec<i64>>,
    targets: Vec<i64>,
    times: Vec<usize>,
}

/// Coefficients, and how much each may differ where it is itself small.
struct Expected {
    coefficients: Vec<f64>,
    units: Vec<f64>,
    /// Standard errors, if there are any.
    errors: Vec<f64>,
}

/// Nearly normal.
fn normal(rng: &mut StdRng) -> f64 {
    (0..12).map(|_| rng.random_range(0.0..1.0)).sum::<f64>() - 6.0
}

fn sample(rng: &mut StdRng, rows: usize, features: usize, (function, more): (&str, &str)) -> Sample {
    let correlation: f64 = [0.0, 0.5, 0.9, 0.99][rng.random_range(0..4)];
    let common: Vec<f64> = (0..rows).map(|_| normal(rng)).collect();
    let (mut steps, mut columns, mut line) = (Vec::new(), Vec::new(), vec![0.0; rows]);
    for _ in 0..features {
        // A penalty on coefficients as they are can be fit for all scales, or be too large for some.
        let plain = more.contains("alpha") && !more.contains("standardize");
        let scale = 10_f64.powi(if plain { rng.random_range(0..3) } else { rng.random_range(-3..7) });
        let effect = rng.random_range(-1.0..1.0) / (features as f64).sqrt();
        // A deviation is 200 steps; the middle is up to two deviations off.
        let off = rng.random_range(-2.0..2.0);
        let own = |rng: &mut StdRng, common: f64| {
            correlation.sqrt() * common + (1.0 - correlation).sqrt() * normal(rng)
        };
        let values: Vec<f64> = common.iter().map(|common| own(rng, *common)).collect();
        line.iter_mut().zip(&values).for_each(|(line, value)| *line += effect * value);
        columns.push(values.iter().map(|value| ((value + off) * 200.0).round() as i64).collect());
        steps.push(scale / 256.0);
    }
    let uniform = |rng: &mut StdRng| rng.random_range(0.0..1.0);
    let mut times = vec![0; rows];
    let mut target = |line: f64, time: &mut usize| match function {
        "LOGISTIC_REGRESSION" => i64::from(uniform(rng) < 1.0 / (1.0 + (-line).exp())),
        "POISSON_REGRESSION" => {
            let (mut count, mut product, least) = (0, uniform(rng), (-line.min(2.0).exp() * 2.0).exp());
            while product > least && count < 60 {
                count += 1;
                product *= uniform(rng);
            }
            count
        }
        "COX" => {
            let wait = -uniform(rng).max(1e-9).ln() * (-line).exp() * 5.0;
            *time = (wait as usize).min(TIMES - 1);
            i64::from(uniform(rng) < 0.7)
        }
        _ => ((line + normal(rng) * 0.7) * 300.0).round() as i64,
    };
    let targets = line.iter().zip(&mut times).map(|(line, time)| target(*line, time)).collect();
    Sample { steps, features: columns, targets, times }
}

impl Sample {
    fn rows(&self) -> usize {
        self.targets.len()
    }

    fn column(&self, feature: usize) -> Vec<f64> {
        self.features[feature].iter().map(|&value| value as f64 * self.steps[feature]).collect()
    }

    /// The first half of the features at one owner, all others at another.
    fn policies(&self, function: &str) -> [String; 2] {
        let (rows, half) = (self.rows(), self.features.len() / 2);
        let head = |table: &str| {
            format!(
                "version = 1\n[release]\nmin_people = 1\n[table.{table}]\nperson = \"id\"\nmax_rows = {rows}\n\
                 [table.{table}.column]\nid = {{ type = \"TEXT\", allow = [\"join\"] }}\n"
            )
        };
        let mut policies = [head("left"), head("right")];
        for (feature, (values, step)) in self.features.iter().zip(&self.steps).enumerate() {
            let ends = [values.iter().min(), values.iter().max()].map(|end| *end.unwrap() as f64 * step);
            writeln!(
                policies[usize::from(feature >= half)],
                "x{feature} = {{ type = \"DOUBLE\", bounds = [{:?}, {:?}], step = {step:?}, allow = [\"model\"], nullable = false }}",
                ends[0], ends[1]
            )
            .unwrap();
        }
        let (least, most) = match function {
            "LOGISTIC_REGRESSION" | "COX" => (0, 1),
            "POISSON_REGRESSION" => (0, 60),
            _ => (-4000, 4000),
        };
        let last = TIMES - 1;
        write!(
            policies[1],
            "y = {{ type = \"BIGINT\", bounds = [{least}, {most}], allow = [\"model\", \"survival\"], nullable = false }}\n\
             time = {{ type = \"BIGINT\", bounds = [0, {last}], allow = [\"survival\"], nullable = false }}\n"
        )
        .unwrap();
        policies
    }

    fn federation(&self, function: &str) -> Federation {
        let [left, right] = self.policies(function);
        let party = |(seat, name): (usize, &str)| format!("[[party]]\nname = \"{name}\"\nseat = {seat}\n");
        let parties: String = ["one", "two", "helper"].into_iter().enumerate().map(party).collect();
        let policies = [("one".to_owned(), left), ("two".to_owned(), right)];
        planner::policy::parse(&format!("version = 1\nname = \"random\"\n{parties}"), &policies).unwrap()
    }

    fn world(&self, seed: u64) -> World {
        let half = self.features.len() / 2;
        let ids: ArrayRef =
            Arc::new((0..self.rows()).map(|row| Some(format!("p{row}"))).collect::<StringArray>());
        let numbers = |values: &[i64]| -> ArrayRef { Arc::new(Int64Array::from(values.to_vec())) };
        let table = |columns: std::ops::Range<usize>, more: Vec<(&str, ArrayRef)>| {
            let mut fields = vec![Field::new("id", DataType::Utf8, true)];
            let mut arrays = vec![Arc::clone(&ids)];
            for feature in columns {
                fields.push(Field::new(format!("x{feature}"), DataType::Float64, false));
                arrays.push(Arc::new(Float64Array::from(self.column(feature))));
            }
            for (name, array) in more {
                fields.push(Field::new(name, DataType::Int64, false));
                arrays.push(array);
            }
            RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
        };
        let times: Vec<i64> = self.times.iter().map(|&time| time as i64).collect();
        let outcome = vec![("y", numbers(&self.targets)), ("time", numbers(&times))];
        World::new(seed, &["one", "two", "helper"], SEATS)
            .with_table(0, "left", table(0..half, Vec::new()))
            .with_table(1, "right", table(half..self.features.len(), outcome))
    }

    /// What comes out in the clear; `None` if the problem has no solution.
    fn expected(&self, function: &str, more: &str) -> Option<Expected> {
        let columns: Vec<Vec<f64>> = (0..self.features.len()).map(|feature| self.column(feature)).collect();
        let targets: Vec<f64> = self.targets.iter().map(|&target| target as f64).collect();
        let (family, ridge) = match (function, more.contains("alpha")) {
            ("LASSO" | "ELASTIC_NET", _) | ("RIDGE", true) if more.contains("standardize") => {
                return Some(self.standardised(function, &columns, &targets));
            }
            ("COX", _) => return self.hazards(&columns),
            ("LOGISTIC_REGRESSION", penalised) => (Family::Logistic, if penalised { 2.0 } else { 0.0 }),
            ("POISSON_REGRESSION", _) => (Family::Poisson, 0.0),
            (_, penalised) => (Family::Linear, if penalised { 3.0 } else { 0.0 }),
        };
        let fit = regression::fit(family, &columns, &targets, ridge)?;
        let errors = if ridge > 0.0 { Vec::new() } else { fit.errors.clone() };
        Some(Expected { coefficients: fit.coefficients, units: fit.errors, errors })
    }

    fn hazards(&self, columns: &[Vec<f64>]) -> Option<Expected> {
        // About their means, in units of deviations, so that the clear one is exact.
        let scaled: Vec<(Vec<f64>, f64)> = columns
            .iter()
            .map(|x| {
                let (mean, deviation) = moments(x);
                (x.iter().map(|v| (v - mean) / deviation).collect(), deviation)
            })
            .collect();
        let row = |row: usize| cox::Row {
            time: self.times[row],
            event: self.targets[row] == 1,
            features: scaled.iter().map(|(x, _)| x[row]).collect(),
        };
        let fit = cox::fit(&(0..self.rows()).map(row).collect::<Vec<_>>())?;
        let back = |values: Vec<f64>| -> Vec<f64> {
            values.iter().zip(&scaled).map(|(value, (_, deviation))| value / deviation).collect()
        };
        let (coefficients, errors) = (back(fit.coefficients), back(fit.errors));
        Some(Expected { coefficients, units: errors.clone(), errors })
    }

    /// Penalties on standardised features, by coordinate descent.
    fn standardised(&self, function: &str, columns: &[Vec<f64>], targets: &[f64]) -> Expected {
        let n = self.rows() as f64;
        let (mean, deviation) = moments(targets);
        let y: Vec<f64> = targets.iter().map(|v| (v - mean) / deviation).collect();
        let of: Vec<(f64, f64)> = columns.iter().map(|x| moments(x)).collect();
        let scaled = |(x, (mean, deviation)): (&Vec<f64>, &(f64, f64))| -> Vec<f64> {
            x.iter().map(|v| (v - mean) / deviation).collect()
        };
        let z: Vec<Vec<f64>> = columns.iter().zip(&of).map(scaled).collect();
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / n;
        let (absolute, square) = match function {
            "LASSO" => (0.02, 0.0),
            "ELASTIC_NET" => (0.02 * 0.3, 0.02 * 0.7),
            _ => (0.0, 3.0 / n),
        };
        let mut gram: Vec<Vec<f64>> = z.iter().map(|a| z.iter().map(|b| product(a, b)).collect()).collect();
        for (i, row) in gram.iter_mut().enumerate() {
            row[i] += square;
        }
        let target: Vec<f64> = z.iter().map(|z| product(z, &y)).collect();
        let u = fixed::lasso(&gram, &target, &vec![absolute / deviation; z.len()]);
        let slopes: Vec<f64> = u.iter().zip(&of).map(|(u, (_, own))| u * deviation / own).collect();
        let units: Vec<f64> = of.iter().map(|(_, own)| deviation / own).collect();
        let intercept = mean - slopes.iter().zip(&of).map(|(slope, (mean, _))| slope * mean).sum::<f64>();
        let far: f64 = of.iter().map(|(mean, own)| (mean / own).abs()).sum();
        Expected {
            coefficients: std::iter::once(intercept).chain(slopes).collect(),
            units: std::iter::once(deviation * (1.0 + far)).chain(units).collect(),
            errors: Vec::new(),
        }
    }
}

/// Mean and deviation.
fn moments(x: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    (mean, (x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}

/// An environment variable that is a number.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Sizes of a case: rows and features.
fn sizes(rng: &mut StdRng, function: &str, long: bool) -> (usize, usize) {
    let features = rng.random_range(2..=if long { 50 } else { 6 });
    let by_rows = matches!(function, "LOGISTIC_REGRESSION" | "POISSON_REGRESSION" | "COX");
    // The clear hazards take rows times events; wide models that read rows are cut to what fits in memory.
    let most = match (function, long) {
        ("COX", true) => 1_000,
        (_, true) if by_rows => 400_000 / features,
        (_, true) => 100_000,
        _ => 300,
    };
    let least = if by_rows { 25 * features } else { 4 * features + 12 };
    let least = least.max(20);
    // As many small ones as large ones.
    let share: f64 = rng.random_range(0.0..1.0);
    let rows = (least as f64) * (most.max(least) as f64 / least as f64).powf(share);
    (rows as usize, features)
}

#[tokio::test]
async fn models_of_random_data_equal_the_clear_ones() {
    let cases = number("CONJOIN_RANDOM_CASES");
    let seed = number("CONJOIN_SEED").unwrap_or_else(|| cases.map_or(SHORT_RUN, |_| rand::random()));
    println!("CONJOIN_SEED={seed}");
    let mut worst: BTreeMap<String, [f64; 2]> = BTreeMap::new();
    let (mut fitted, mut wrong) = (0, Vec::new());
    let count = cases.map_or(2 * FUNCTIONS.len(), |cases| usize::try_from(cases).unwrap());
    for case in 0..count {
        let (function, more, room) = FUNCTIONS[case % FUNCTIONS.len()];
        let mut rng = StdRng::seed_from_u64(seed.wrapping_add(case as u64));
        let (rows, features) = sizes(&mut rng, function, cases.is_some());
        let sample = sample(&mut rng, rows, features, (function, more));
        let names: Vec<String> = (0..features).map(|feature| format!("x{feature}")).collect();
        let outcome = if function == "COX" { "time => 'time', event => 'y'" } else { "target => 'y'" };
        let sql = format!(
            "SELECT * FROM {function}((SELECT * FROM one.left l JOIN two.right r ON HASHED(l.id) = HASHED(r.id)), \
             {outcome}, features => '{}'{more})",
            names.join(",")
        );
        let place = format!("case {case}: {function}{more} of {features} features, {rows} rows");
        let found = answer(&sample.world(seed), &sample.federation(function), SEATS, &sql).await;
        let column = |name: &str| found.column_by_name(name).unwrap().as_primitive::<Float64Type>();
        let coefficients = column("coefficient");
        let Some(expected) = sample.expected(function, more) else { continue };
        if coefficients.null_count() > 0 {
            wrong.push(format!("{place}: withheld"));
            continue;
        }
        fitted += 1;
        let far = |found: &Float64Array, expected: &[f64], units: &[f64]| -> f64 {
            let cells = found.values().iter().zip(expected).zip(units);
            cells.map(|((a, b), unit)| (a - b).abs() / b.abs().max(*unit)).fold(0.0, f64::max)
        };
        let mut distances = [far(coefficients, &expected.coefficients, &expected.units), 0.0];
        if !expected.errors.is_empty() {
            distances[1] = far(column("std_error"), &expected.errors, &expected.errors);
        }
        if !distances.iter().all(|distance| *distance <= room) {
            wrong.push(format!("{place}: off by {distances:?}"));
        }
        let entry = worst.entry(format!("{function}{more}")).or_default();
        *entry = [0, 1].map(|index| entry[index].max(distances[index]));
    }
    for (function, [coefficients, errors]) in &worst {
        println!("{function}: coefficients within {coefficients:.1e}, standard errors within {errors:.1e}");
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(fitted * 5 >= count * 4, "{fitted} of {count} have a solution");
}
