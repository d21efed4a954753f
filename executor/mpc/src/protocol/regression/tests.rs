//! Against statsmodels and scikit-learn, exact costs, and obliviousness.
#![expect(
    clippy::float_arithmetic,
    clippy::unreadable_literal,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "references in the clear, as they were printed"
)]

use super::*;
use crate::protocol::lasso::{Problem, Variable, statistics};
use crate::world::{Cost, Message, World, reconstruct, reconstruct_bits};

/// Four features, and a target of each kind; `tests/reference/regression.py` has the same numbers.
fn sample(rows: usize) -> Vec<[i64; 7]> {
    let mut state = 1u64;
    let mut next = |modulus: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((state >> 33) % modulus).unwrap()
    };
    (0..rows)
        .map(|_| {
            let a = next(1001) - 500;
            let b = a + next(401) - 200;
            let c = next(2);
            let d = next(10001) - 5000;
            let line = 3 * a - 2 * b + 400 * c + next(2001) - 1000;
            let happened = i64::from(line + next(1601) - 800 > 0);
            let count = next(4) + (a + 500) / 200 + 2 * c;
            [a, b, c, d, line, happened, count]
        })
        .collect()
}

struct Clear {
    values: Vec<f64>,
    spreads: Vec<f64>,
    quality: [f64; 2],
    rows: u128,
    nonzero: u128,
    accepted: bool,
    cost: Cost,
    transcript: Vec<Message>,
}

fn model(family: Family, ridge: f64, max_rows: usize) -> Model {
    let variable = |step: f64| Variable { bits: 14, offset: 0, step };
    let target = Variable { step: if family == Family::Linear { 0.25 } else { 1.0 }, ..variable(1.0) };
    let problem = Problem {
        features: [0.001, 0.5, 1.0, 1000.0].map(variable).to_vec(),
        target,
        max_rows: max_rows as u64,
        alphas: vec![0.0],
        ridges: Vec::new(),
        by_sum: false,
        standardize: false,
        intercept: true,
        iterations: 0,
    };
    Model { problem, family, ridge, lasso: 0.0, offset: 0.0 }
}

fn run(model: &Model, rows: &[[i64; 7]], valid: &[bool]) -> Clear {
    let world = World::new(3);
    let target = match model.family {
        Family::Linear => 4,
        Family::Logistic => 5,
        Family::Poisson => 6,
    };
    let variables: Vec<(usize, i64)> = (0..4)
        .chain([target])
        .zip(model.problem.features.iter().chain([&model.problem.target]).map(|v| v.offset))
        .collect();
    let column = |&(j, offset): &(usize, i64)| -> [Shared<u128>; 3] {
        let cells = rows.iter().zip(valid).map(|(row, &v)| if v { i128::from(row[j] - offset) } else { 0 });
        world.share(&cells.map(i128::cast_unsigned).collect::<Vec<_>>())
    };
    let mut columns: Vec<[Shared<u128>; 3]> = variables.iter().map(column).collect();
    columns.push(world.share(&valid.iter().map(|&v| u128::from(v)).collect::<Vec<_>>()));
    // The third feature as an offset, and the logarithms of factorials.
    columns.push(column(&(2, 0)));
    let factorial = |row: &[i64; 7]| (1..=row[6]).map(|k| (k as f64).ln()).sum::<f64>();
    let factorials = rows.iter().map(|row| (factorial(row) * (1u64 << FACTORIAL) as f64) as u128);
    columns.push(world.share(&factorials.collect::<Vec<_>>()));
    let exposed = model.offset > 0.0;
    let run = world.run(|ctx| {
        let parts: Vec<Shared<u128>> = columns.iter().map(|c| c[ctx.seat().index()].clone()).collect();
        async move {
            let features: Vec<&Shared<u128>> = parts[..4].iter().collect();
            let statistics = statistics(&ctx.step("statistics"), &features, &parts[4], &parts[5]).await?;
            let columns = Columns {
                features: &features,
                target: &parts[4],
                valid: &parts[5],
                offset: exposed.then_some(&parts[6]),
                factorials: exposed.then_some(&parts[7]),
            };
            Box::pin(fit(&ctx.step("fit"), model, &statistics, Some(columns))).await
        }
    });
    let (cost, transcript) = (run.cost(), run.transcript.clone());
    let parts = run.outputs().unwrap();
    let clear = |f: fn(&Fit) -> &Shared<u128>| reconstruct(&parts.each_ref().map(|s| f(s).clone())).unwrap();
    let accepted = reconstruct_bits::<u64>(&parts.each_ref().map(|s| s.accepted.clone())).unwrap();
    Clear {
        values: model.decode(&clear(|fit| &fit.values)).unwrap(),
        spreads: model.decode(&clear(|fit| &fit.spreads)).unwrap(),
        quality: [
            model.decode_quality(0, clear(|fit| &fit.quality[0])[0]).unwrap(),
            model.decode_quality(1, clear(|fit| &fit.quality[1])[0]).unwrap(),
        ],
        rows: clear(|fit| &fit.rows)[0],
        nonzero: clear(|fit| &fit.nonzero)[0],
        accepted: accepted == [1],
        cost,
        transcript,
    }
}

/// All numbers agree to `relative`, or to 1e-9.
fn close(found: &[f64], expected: &[f64], relative: f64) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= relative * b.abs() + 1e-9, "{found:?}\n{expected:?}");
    }
}

fn all(model: &Model, rows: &[[i64; 7]]) -> Clear {
    run(model, rows, &vec![true; rows.len()])
}

fn errors(fit: &Clear, degrees: f64) -> Vec<f64> {
    fit.spreads.iter().map(|spread| spread / degrees.sqrt()).collect()
}

/// statsmodels 0.14 `OLS`: parameters, standard errors, R squared, mean squared error.
#[rustfmt::skip]
const LINEAR: [&[f64]; 3] = [
    &[-14.87235096907, 696.9113762604, -0.9280779960253, 107.3220358469, -9.660000422507e-07],
    &[10.5273916491, 69.49268647125, 0.1290986377554, 14.81001081837, 2.569188356588e-06],
    &[0.3011325465971, 21226.84864071],
];
/// statsmodels `Logit`: parameters, standard errors, log-likelihoods.
#[rustfmt::skip]
const LOGISTIC: [&[f64]; 3] = [
    &[-0.09823955542002, 7.32027922316, -0.01122765514747, 0.9108672260833, -6.101877271985e-09],
    &[0.1543532783844, 1.134764506042, 0.002031364291727, 0.2250912309165, 3.886641062627e-08],
    &[-241.8257651576, -273.0390118681],
];
/// statsmodels `GLM` of the Poisson family, log-likelihoods without the sum of `gammaln(y + 1)`.
#[rustfmt::skip]
const POISSON: [&[f64]; 3] = [
    &[1.192724273389, 1.134397156079, -0.0001289616448063, 0.4618346332801, -8.464423940138e-09],
    &[0.03926103218969, 0.2272015335514, 0.0004178113492712, 0.04923833896874, 8.186679716685e-09],
    &[992.6705191075, 877.3692911971],
];
/// scikit-learn 1.7 `Ridge(alpha=50)`, and its score; `LogisticRegression(C=1/3)`.
const RIDGE: [f64; 5] =
    [4.502686100258, 55.97682705518, 0.1656599980396, 64.03578848546, -1.818867554406e-06];
const RIDGE_SCORE: f64 = 0.142_073_095_428_5;
const LOGISTIC_RIDGE: [f64; 5] =
    [-0.02271780298341, 1.706332531505, -0.001767100406228, 0.6462114179062, -7.776401961635e-09];

#[test]
fn agrees_with_statsmodels() {
    let rows = sample(400);
    let families = [
        (Family::Linear, LINEAR, 395.0),
        (Family::Logistic, LOGISTIC, 400.0),
        (Family::Poisson, POISSON, 400.0),
    ];
    for (family, [values, spreads, quality], degrees) in families {
        let fit = all(&model(family, 0.0, 400), &rows);
        assert!(fit.accepted && fit.rows == 400);
        let precision = if family == Family::Linear { 1e-7 } else { 1e-6 };
        close(&fit.values, values, precision);
        close(&errors(&fit, degrees), spreads, 2.0 * precision);
        close(&fit.quality, quality, precision);
    }
}

#[test]
fn agrees_with_scikit_learn() {
    let rows = sample(400);
    let ridge = all(&model(Family::Linear, 50.0, 400), &rows);
    assert!(ridge.accepted && ridge.spreads.is_empty());
    close(&ridge.values, &RIDGE, 1e-5);
    close(&ridge.quality[..1], &[RIDGE_SCORE], 1e-6);
    let logistic = all(&model(Family::Logistic, 3.0, 400), &rows);
    assert!(logistic.accepted && logistic.spreads.is_empty());
    close(&logistic.values, &LOGISTIC_RIDGE, 1e-5);
}

/// scikit-learn `Ridge(alpha=50)` on features divided by their deviations (centred too), coefficients divided by them
/// afterwards: with and without an intercept; scores.
#[rustfmt::skip]
const STANDARDIZED: [(&[f64], f64); 2] = [
    (&[-7.627254239977, 321.2953041396, -0.254369804676, 89.95492454886, -1.116635829453e-06], 0.247_733_975_418_603_65),
    (&[-45.11225423998, 321.2953041396, -0.254369804676, 89.95492454886, -1.116635829453e-06], 0.201_471_984_091_988_63),
];

#[test]
fn standardised_ridges_agree_with_scikit_learn() {
    let rows = sample(400);
    for (intercept, (values, score)) in [true, false].into_iter().zip(STANDARDIZED) {
        let mut model = model(Family::Linear, 50.0, 400);
        model.problem.standardize = true;
        model.problem.intercept = intercept;
        let fit = all(&model, &rows);
        assert!(fit.accepted && fit.spreads.is_empty() && fit.nonzero == 4);
        close(&fit.values, if intercept { values } else { &values[1..] }, 1e-7);
        close(&fit.quality[..1], &[score], 1e-8);
    }
}

#[test]
fn coefficients_of_constant_features_are_zero_with_a_ridge() {
    let rows: Vec<[i64; 7]> =
        sample(200).into_iter().map(|[a, b, _, d, line, y, k]| [a, b, 1, d, line, y, k]).collect();
    for standardize in [false, true] {
        let mut model = model(Family::Linear, 2.0, 200);
        model.problem.standardize = standardize;
        let fit = all(&model, &rows);
        assert!(fit.accepted && fit.nonzero == 3);
        assert_eq!(fit.values[3..4], [0.0], "{:?}", fit.values);
    }
}

#[test]
fn an_offset_takes_its_part_of_a_coefficient() {
    let rows = sample(400);
    let mut model = model(Family::Poisson, 0.0, 400);
    model.offset = 0.7;
    let fit = all(&model, &rows);
    assert!(fit.accepted);
    let mut values = POISSON[0].to_vec();
    values[3] -= 0.7;
    close(&fit.values, &values, 1e-6);
    close(&errors(&fit, 400.0), POISSON[1], 2e-6);
    // statsmodels `GLM(..., offset=0.7 * c)`: `llf`, `llnull`.
    close(&fit.quality, &POISSON_OFFSET, 1e-6);
}

const POISSON_OFFSET: [f64; 2] = [-724.955592628430, -813.632129665263];

/// The slopes of the log-likelihood at coefficients, intercept first.
fn slopes(model: &Model, rows: &[[i64; 7]], values: &[f64]) -> Vec<f64> {
    let x = |row: &[i64; 7], j: usize| {
        if j == 0 { 1.0 } else { row[j - 1] as f64 * model.problem.features[j - 1].step }
    };
    let rest = |row: &[i64; 7]| {
        let eta: f64 = values.iter().enumerate().map(|(j, w)| w * x(row, j)).sum();
        row[5] as f64 - 1.0 / (1.0 + (-eta).exp())
    };
    (0..values.len()).map(|j| rows.iter().map(|row| x(row, j) * rest(row)).sum()).collect()
}

#[test]
fn absolute_coefficients_meet_the_conditions_of_an_optimum() {
    let rows = sample(400);
    let deviations = [0.29, 155.0, 0.5, 2.9e6];
    // The penalties take out no feature, some, and all.
    for (penalty, active) in [(0.5, 4), (3.0, 4), (30.0, 2), (1e8, 0)] {
        let mut model = model(Family::Logistic, 0.0, 400);
        model.lasso = penalty;
        let fit = all(&model, &rows);
        assert!(fit.accepted && fit.spreads.is_empty(), "{penalty}");
        let slopes = slopes(&model, &rows, &fit.values);
        assert!(slopes[0].abs() < 1e-3, "{slopes:?}");
        for ((slope, value), deviation) in slopes[1..].iter().zip(&fit.values[1..]).zip(deviations) {
            let room = 1e-5 * penalty.max(400.0 * deviation);
            let wanted =
                if *value == 0.0 { slope.clamp(-penalty, penalty) } else { penalty * value.signum() };
            assert!((slope - wanted).abs() < room, "{penalty}: {slope} {value}");
        }
        assert_eq!(fit.nonzero, active, "{penalty}");
        assert_eq!(fit.nonzero, fit.values[1..].iter().filter(|value| **value != 0.0).count() as u128);
    }
}

#[test]
fn separated_classes_have_a_solution_with_a_penalty() {
    let separated: Vec<[i64; 7]> = sample(200)
        .into_iter()
        .map(|[a, b, _, d, line, _, k]| [a, b, 1, d, line, i64::from(a > 0), k])
        .collect();
    let mut model = model(Family::Logistic, 0.0, 200);
    model.lasso = 2.0;
    let fit = all(&model, &separated);
    assert!(fit.accepted);
    assert_eq!(fit.values[3..4], [0.0], "a constant feature");
}

#[test]
fn midpoints_padding_and_rows_that_do_not_count_change_nothing() {
    let mut rows = sample(400);
    rows.extend(sample(37));
    let valid: Vec<bool> = (0..437).map(|row| row < 400).collect();
    for (family, [values, spreads, _]) in [(Family::Linear, LINEAR), (Family::Logistic, LOGISTIC)] {
        let mut model = model(family, 0.0, 1000);
        for (variable, offset) in model.problem.features.iter_mut().zip([-77, 1300, 0, 5]) {
            variable.offset = offset;
        }
        let fit = run(&model, &rows, &valid);
        assert!(fit.accepted && fit.rows == 400);
        close(&fit.values, values, 1e-6);
        let degrees = if family == Family::Linear { 395.0 } else { 400.0f64 };
        close(&errors(&fit, degrees), spreads, 2e-6);
    }
}

#[test]
fn without_an_intercept() {
    let mut model = model(Family::Linear, 0.0, 400);
    model.problem.intercept = false;
    let fit = all(&model, &sample(400));
    assert!(fit.accepted);
    close(&fit.values, &[694.1021040185, -0.9250896685553, 92.32209154281, -1.195919005085e-06], 1e-6);
    let spreads = [69.55151384905, 0.1292435025803, 10.33773420684, 2.567250243062e-06];
    close(&errors(&fit, 396.0), &spreads, 1e-6);
}

#[test]
fn what_has_no_solution_is_not_accepted() {
    let collinear: Vec<[i64; 7]> =
        sample(200).into_iter().map(|[a, _, c, d, line, y, k]| [a, 2 * a, c, d, line, y, k]).collect();
    let constant: Vec<[i64; 7]> =
        sample(200).into_iter().map(|[a, b, _, d, line, y, k]| [a, b, 1, d, line, y, k]).collect();
    let separated: Vec<[i64; 7]> = sample(200)
        .into_iter()
        .map(|[a, b, c, d, line, _, k]| [a, b, c, d, line, i64::from(a > 0), k])
        .collect();
    for family in [Family::Linear, Family::Logistic, Family::Poisson] {
        let model = model(family, 0.0, 200);
        assert!(!all(&model, &collinear).accepted, "{family:?}");
        assert!(!all(&model, &constant).accepted, "{family:?}");
        for few in 0..3 {
            assert!(!all(&model, &sample(few)).accepted, "{family:?} of {few} rows");
        }
        let none = run(&model, &sample(5), &[false; 5]);
        assert!(!none.accepted && none.rows == 0, "{family:?}");
    }
    assert!(!all(&model(Family::Logistic, 0.0, 200), &separated).accepted);
    assert!(all(&model(Family::Logistic, 1.0, 200), &separated).accepted);
}

#[test]
fn messages_do_not_depend_on_the_data() {
    let kinds = [
        (Family::Linear, 0.0, 0.0),
        (Family::Logistic, 2.0, 0.0),
        (Family::Logistic, 0.0, 3.0),
        (Family::Poisson, 0.0, 0.0),
    ];
    for (family, ridge, lasso) in kinds {
        let model = Model { lasso, ..model(family, ridge, 60) };
        let one = run(&model, &sample(60), &[true; 60]);
        let other = run(&model, &[[0; 7]; 60], &[false; 60]);
        assert_eq!(one.transcript, other.transcript, "{family:?}");
    }
}

#[test]
fn cost() {
    let found = COSTS.map(|(family, [ridge, lasso, offset], _)| {
        [120, 240].map(|rows| {
            let model = Model { lasso, offset, ..model(family, ridge, rows) };
            all(&model, &sample(rows)).cost
        })
    });
    let expected = COSTS.map(|(_, _, costs)| costs.map(|(rounds, bytes)| Cost { rounds, bytes }));
    assert_eq!(found, expected);
}

/// For a family with a ridge, a penalty of absolute coefficients, and steps of an offset: rounds and bytes for 120 and 240
/// rows, with the statistics.
type Measured = (Family, [f64; 3], [(usize, usize); 2]);

const COSTS: [Measured; 7] = [
    (Family::Linear, [0.0; 3], [(298, 58_474), (298, 58_590)]),
    (Family::Linear, [2.0, 0.0, 0.0], [(193, 30_076), (193, 30_195)]),
    (Family::Logistic, [0.0; 3], [(2_761, 1_771_985), (2_765, 3_033_739)]),
    (Family::Logistic, [2.0, 0.0, 0.0], [(2_744, 1_769_759), (2_748, 3_031_516)]),
    (Family::Logistic, [0.0, 3.0, 0.0], [(12_729, 8_307_301), (12_733, 9_569_061)]),
    (Family::Poisson, [0.0; 3], [(3_459, 2_447_814), (3_461, 4_255_469)]),
    (Family::Poisson, [0.0, 0.0, 0.7], [(3_502, 2_528_799), (3_504, 4_414_671)]),
];
