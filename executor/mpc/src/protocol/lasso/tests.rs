//! Against scikit-learn, a reference in the clear, exact costs, and obliviousness.

#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "references in the clear")]

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::*;
use crate::world::{Cost, Message, Run, World, reconstruct, reconstruct_bits};
use crate::{Ring, Seat};

/// Rows of integers; the last column is the target.
type Rows = Vec<Vec<i64>>;

struct Fit {
    coefficients: Coefficients,
    rows: u128,
    r2: f64,
    mse: f64,
    nonzero: u128,
    violation: f64,
    accepted: bool,
    cost: Cost,
    transcript: Vec<Message>,
}

fn problem(steps: &[f64], bits: u32, max_rows: usize, alpha: f64) -> Problem {
    let variable = |&step: &f64| Variable { bits, offset: 0, step };
    let (target, features) = steps.split_last().unwrap();
    Problem {
        features: features.iter().map(variable).collect(),
        target: variable(target),
        max_rows: max_rows as u64,
        alpha,
        standardize: false,
        intercept: true,
        iterations: Problem::default_iterations(features.len()),
    }
}

fn run<R: Ring>(world: &World, problem: &Problem, rows: &Rows, valid: &[bool]) -> Run<Solution> {
    let width = problem.features.len() + 1;
    let column = |j: usize| -> Vec<R> {
        rows.iter().zip(valid).map(|(row, &v)| R::from_i128(if v { row[j].into() } else { 0 })).collect()
    };
    let mut columns: Vec<[Shared<R>; 3]> = (0..width).map(|j| world.share(&column(j))).collect();
    let ones: Vec<R> = valid.iter().map(|&v| if v { R::ONE } else { R::ZERO }).collect();
    columns.push(world.share(&ones));
    world.run(|ctx| {
        let parts: Vec<Shared<R>> = columns.iter().map(|c| c[ctx.seat().index()].clone()).collect();
        async move {
            let features: Vec<&Shared<R>> = parts[..width - 1].iter().collect();
            let statistics =
                statistics(&ctx.step("statistics"), &features, &parts[width - 1], &parts[width]).await?;
            solve(&ctx.step("solve"), &statistics, problem).await
        }
    })
}

fn fit<R: Ring>(problem: &Problem, rows: &Rows, valid: &[bool]) -> Fit {
    let run = run::<R>(&World::new(7), problem, rows, valid);
    let (cost, transcript) = (run.cost(), run.transcript.clone());
    let parts = run.outputs().unwrap();
    let clear = |f: fn(&Solution) -> &Shared<u128>| reconstruct(&parts.each_ref().map(|s| f(s).clone())).unwrap();
    let accepted = reconstruct_bits::<u64>(&parts.each_ref().map(|s| s.accepted.clone())).unwrap();
    Fit {
        coefficients: problem.decode(&clear(|s| &s.coefficients), clear(|s| &s.intercept)[0]).unwrap(),
        rows: clear(|s| &s.rows)[0],
        r2: Problem::decode_fraction(clear(|s| &s.r2)[0]),
        mse: problem.decode_mse(clear(|s| &s.mse)[0]).unwrap(),
        nonzero: clear(|s| &s.nonzero)[0],
        violation: Problem::decode_fraction(clear(|s| &s.violation)[0]),
        accepted: accepted == [1],
        cost,
        transcript,
    }
}

fn fit_all(problem: &Problem, rows: &Rows) -> Fit {
    fit::<u64>(problem, rows, &vec![true; rows.len()])
}

/// Means and deviations of the columns, in original units.
fn deviations(problem: &Problem, rows: &Rows) -> Vec<f64> {
    let variables: Vec<&Variable> = problem.features.iter().chain([&problem.target]).collect();
    let n = rows.len() as f64;
    let each = |(j, v): (usize, &&Variable)| {
        let x: Vec<f64> = rows.iter().map(|r| r[j] as f64 * v.step).collect();
        let mean = x.iter().sum::<f64>() / n;
        (x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt()
    };
    variables.iter().enumerate().map(each).collect()
}

/// Largest distance of the coefficients in units of `sigma_y / sigma_j`.
fn distance(problem: &Problem, rows: &Rows, coefficients: &[f64], reference: &[f64]) -> f64 {
    let sigma = deviations(problem, rows);
    let target = sigma[sigma.len() - 1];
    let each = coefficients.iter().zip(reference).zip(&sigma).map(|((a, b), s)| (a - b).abs() * s / target);
    each.fold(0.0, f64::max)
}

/// 200 rows of five features and a target, which scikit-learn was given too: see [`agrees_with_scikit_learn`].
fn sample() -> Rows {
    let mut state = 1u64;
    let mut next = |modulus: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((state >> 33) % modulus).unwrap()
    };
    (0..200)
        .map(|_| {
            let a = next(1001) - 500;
            let b = a + next(101) - 50;
            let c = next(2);
            let d = next(10001) - 5000;
            let e = next(21) - 10;
            let y = 3 * a - 2 * b + 40 * c + e + next(201) - 100;
            vec![a, b, c, d, e, y]
        })
        .collect()
}

const SAMPLE_STEPS: [f64; 6] = [0.001, 0.5, 1.0, 1000.0, 0.1, 0.25];

/// scikit-learn 1.x on `sample()`: `Lasso(alpha, fit_intercept, tol=1e-15, max_iter=10**6)`, and `LinearRegression` for
/// alpha 0; with `standardize` on `(X - X.mean(0)) / X.std(0)`, coefficients divided by `X.std(0)` afterwards.
/// Per line: standardize, intercept, alpha, coefficients, intercept, r2, mse.
type Reference = (bool, bool, f64, [f64; 5], f64, f64, f64);
#[rustfmt::skip]
const SCIKIT_LEARN: [Reference; 20] = [
    (false, true, 0.0, [740.6103573937, -0.9869529585538, 8.079894420111, 3.692298056967e-07, -0.8846132873681], 0.6495951324436, 0.9629451891745, 210.0916755611),
    (false, true, 0.1, [618.7311753738, -0.7433759502737, 7.935290279217, 3.591132542444e-07, -0.2720288566763], 1.169534064317, 0.9607779004417, 222.3796703221),
    (false, true, 1.0, [0.0, 0.4932196323652, 5.724314325304, 3.820258367029e-07, 0.0], 4.676541773062, 0.8825644495892, 665.8307249879),
    (false, true, 10.0, [0.0, 0.4919748628283, 0.0, 3.217661992864e-07, 0.0], 7.641603455902, 0.879109692104, 685.4183513327),
    (false, true, 10000.0, [0.0, 0.005199395048466, 0.0, 9.041560449909e-07, 0.0], 5.875533777806, 0.01970445409044, 5558.034954087),
    (false, false, 0.0, [741.587814787, -0.9888724414003, 8.725233958642, 3.715950886617e-07, -0.8733969676405], 0.0, 0.9629096346253, 210.2932611215),
    (false, false, 0.1, [620.4909941605, -0.7468317960194, 9.09716255268, 3.633717205738e-07, -0.2518349430476], 0.0, 0.9607651238264, 222.4521105925),
    (false, false, 1.0, [0.0, 0.4934828847304, 10.40938633946, 4.025268593945e-07, 0.0], 0.0, 0.8823665906313, 666.9525366789),
    (false, false, 10.0, [0.0, 0.4906269587874, 0.0, 2.22365145368e-07, 0.0], 0.0, 0.8688278766563, 743.7137193861),
    (false, false, 10000.0, [0.0, 0.004163008409514, 0.0, 8.277278119352e-07, 0.0], 0.0, 0.009972665848328, 5613.211802988),
    (true, true, 0.0, [740.6103573937, -0.9869529585538, 8.079894420111, 3.692298056968e-07, -0.8846132873684], 0.6495951324437, 0.9629451891745, 210.0916755611),
    (true, true, 0.1, [670.7117045395, -0.8465475135124, 8.021073617234, 3.277804433377e-07, -0.5009820683732], 0.9328148993996, 0.962228464119, 214.1553305759),
    (true, true, 1.0, [248.3589439303, 0.0, 7.076729607184, 3.033323839598e-08, 0.0], 2.99624137233, 0.9273698865083, 411.7949032723),
    (true, true, 10.0, [216.6460192334, 0.0, 0.0, 0.0, 0.0], 6.55517350126, 0.9063878785927, 530.757734317),
    (true, true, 100.0, [0.0, 0.0, 0.0, 0.0, 0.0], 5.7525, 0.0, 5669.75436875),
    (true, false, 0.0, [740.6103573937, -0.9869529585538, 8.079894420111, 3.692298056968e-07, -0.8846132873684], -5.102904867556, 0.9571087359355, 243.1829318111),
    (true, false, 0.1, [670.7117045395, -0.8465475135124, 8.021073617235, 3.277804433377e-07, -0.5009820683733], -4.8196851006, 0.9563920108799, 247.2465868259),
    (true, false, 1.0, [248.3589439303, 0.0, 7.076729607184, 3.033323839598e-08, 0.0], -2.75625862767, 0.9215334332693, 444.8861595223),
    (true, false, 10.0, [216.6460192334, 0.0, 0.0, 0.0, 0.0], 0.8026735012597, 0.9005514253537, 563.848990567),
    (true, false, 100.0, [0.0, 0.0, 0.0, 0.0, 0.0], 0.0, -0.005836453239031, 5702.845625),
];

#[test]
fn agrees_with_scikit_learn() {
    let rows = sample();
    for (standardize, intercept, alpha, coefficients, constant, r2, mse) in SCIKIT_LEARN {
        let problem =
            Problem { standardize, intercept, ..problem(&SAMPLE_STEPS, 13, 200, alpha) };
        let fit = fit_all(&problem, &rows);
        let case = format!("standardize {standardize}, intercept {intercept}, alpha {alpha}");
        assert!(fit.accepted, "{case}");
        assert_eq!(fit.rows, 200, "{case}");
        assert_eq!(fit.nonzero, coefficients.iter().filter(|&&w| w != 0.0).count() as u128, "{case}");
        let off = distance(&problem, &rows, &fit.coefficients.features, &coefficients);
        assert!(off < 1e-7, "{case}: {off} {:?}", fit.coefficients);
        assert!(fit.coefficients.features.iter().zip(coefficients).all(|(w, r)| (*w == 0.0) == (r == 0.0)), "{case}");
        assert!((fit.coefficients.intercept - constant).abs() < 1e-5, "{case}: {:?}", fit.coefficients);
        assert!((fit.r2 - r2).abs() < 1e-8, "{case}: {}", fit.r2);
        assert!((fit.mse - mse).abs() < 1e-7 * mse, "{case}: {}", fit.mse);
        assert!(fit.violation < 1e-6, "{case}: {}", fit.violation);
    }
}
