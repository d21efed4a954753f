//! Against scikit-learn, a reference in the clear, exact costs, and obliviousness.

#![expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "references in the clear, on small numbers"
)]

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::*;
use crate::Ring;
use crate::ideal::fixed as ideal;
use crate::world::{Cost, Message, Run, World, reconstruct, reconstruct_bits};

mod random;
mod validation;

use random::{random_problem, reference};

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
        alphas: vec![alpha],
        ridges: Vec::new(),
        by_sum: false,
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
            Box::pin(solve(&ctx.step("solve"), &statistics, problem)).await
        }
    })
}

fn fit<R: Ring>(problem: &Problem, rows: &Rows, valid: &[bool]) -> Fit {
    fit_each::<R>(problem, rows, valid).remove(0)
}

/// The models of all penalties.
fn fit_each<R: Ring>(problem: &Problem, rows: &Rows, valid: &[bool]) -> Vec<Fit> {
    let run = run::<R>(&World::new(7), problem, rows, valid);
    let (cost, transcript) = (run.cost(), run.transcript.clone());
    let parts = run.outputs().unwrap();
    let clear =
        |f: fn(&Solution) -> &Shared<u128>| reconstruct(&parts.each_ref().map(|s| f(s).clone())).unwrap();
    let accepted = reconstruct_bits::<u64>(&parts.each_ref().map(|s| s.accepted.clone())).unwrap();
    let features = problem.features.len();
    let model = |k: usize| {
        let coefficients = &clear(|s| &s.coefficients)[k * features..(k + 1) * features];
        Fit {
            coefficients: problem.decode(coefficients, clear(|s| &s.intercept)[k]).unwrap(),
            rows: clear(|s| &s.rows)[0],
            r2: Problem::decode_fraction(clear(|s| &s.r2)[k]),
            mse: problem.decode_mse(clear(|s| &s.mse)[k]).unwrap(),
            nonzero: clear(|s| &s.nonzero)[k],
            violation: Problem::decode_fraction(clear(|s| &s.violation)[k]),
            accepted: accepted[k] == 1,
            cost,
            transcript: transcript.clone(),
        }
    };
    (0..problem.alphas.len()).map(model).collect()
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
            let first = next(1001) - 500;
            let mut row = vec![first, first + next(101) - 50, next(2), next(10001) - 5000, next(21) - 10];
            row.push(3 * row[0] - 2 * row[1] + 40 * row[2] + row[4] + next(201) - 100);
            row
        })
        .collect()
}

const SAMPLE_STEPS: [f64; 6] = [0.001, 0.5, 1.0, 1000.0, 0.1, 0.25];

/// scikit-learn 1.x on `sample()`: `Lasso(alpha, fit_intercept, tol=1e-15, max_iter=10**6)`, and `LinearRegression` for
/// alpha 0; with `standardize` on `(X - X.mean(0)) / X.std(0)`, coefficients divided by `X.std(0)` afterwards.
/// Per line: standardize, intercept, alpha, coefficients, intercept, r2, mse.
type Reference = (bool, bool, f64, [f64; 5], f64, f64, f64);
#[rustfmt::skip]
#[expect(clippy::unreadable_literal, reason = "as printed by scikit-learn")]
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
    for reference in SCIKIT_LEARN {
        let (standardize, intercept, alpha, ..) = reference;
        let problem = Problem { standardize, intercept, ..problem(&SAMPLE_STEPS, 13, 200, alpha) };
        let fit = fit_all(&problem, &rows);
        is_reference(&fit, &problem, &rows, &reference);
        assert_eq!(fit.rows, 200);
    }
}

/// The coefficients of scikit-learn to 1e-7 of a deviation, R squared to 1e-8.
fn is_reference(fit: &Fit, problem: &Problem, rows: &Rows, reference: &Reference) {
    let (standardize, intercept, alpha, coefficients, constant, r2, mse) = reference;
    let case = format!("standardize {standardize}, intercept {intercept}, alpha {alpha}");
    assert!(fit.accepted, "{case}");
    assert_eq!(fit.nonzero, coefficients.iter().filter(|&&w| w != 0.0).count() as u128, "{case}");
    let off = distance(problem, rows, &fit.coefficients.features, coefficients);
    assert!(off < 1e-7, "{case}: {off} {:?}", fit.coefficients);
    assert!(
        fit.coefficients.features.iter().zip(coefficients).all(|(w, r)| (*w == 0.0) == (*r == 0.0)),
        "{case}"
    );
    assert!((fit.coefficients.intercept - constant).abs() < 1e-5, "{case}: {:?}", fit.coefficients);
    assert!((fit.r2 - r2).abs() < 1e-8, "{case}: {}", fit.r2);
    assert!((fit.mse - mse).abs() < 1e-7 * mse, "{case}: {}", fit.mse);
    assert!(fit.violation < 1e-6, "{case}: {}", fit.violation);
}

#[test]
fn a_path_is_its_models_in_the_rounds_of_one() {
    let rows = sample();
    for references in SCIKIT_LEARN.chunks(5) {
        let (standardize, intercept, ..) = references[0];
        let mut problem = Problem { standardize, intercept, ..problem(&SAMPLE_STEPS, 13, 200, 0.0) };
        let one = fit_all(&problem, &rows).cost;
        problem.alphas = references.iter().map(|reference| reference.2).collect();
        let fits = fit_each::<u64>(&problem, &rows, &[true; 200]);
        for (fit, reference) in fits.iter().zip(references) {
            is_reference(fit, &problem, &rows, reference);
        }
        assert_eq!(fits[0].cost.rounds, one.rounds);
        assert!(fits[0].cost.bytes < 5 * one.bytes);
    }
}

/// scikit-learn `ElasticNet(alpha, l1_ratio, fit_intercept, tol=1e-15, max_iter=10**6)` on `sample()`, as above.
/// Per line: standardize, intercept, alpha, l1_ratio, coefficients, intercept, r2, mse.
type NetReference = (bool, bool, f64, f64, [f64; 5], f64, f64, f64);
#[rustfmt::skip]
#[expect(clippy::unreadable_literal, reason = "as printed by scikit-learn")]
const ELASTIC_NET: [NetReference; 16] = [
    (false, true, 0.1, 0.5, [11.03079870529, 0.4714071910239, 7.901195224278, 3.748061913545e-07, 0.9253698720906], 3.472871029323, 0.8855751291398, 648.7609114531),
    (false, true, 1.0, 0.9, [0.0, 0.4930310047684, 4.367505390251, 3.676154497631e-07, 0.0], 5.379723327861, 0.8820051851972, 669.001616718),
    (false, true, 10.0, 0.1, [0.0, 0.4922191698424, 0.1535523462025, 3.231308061718e-07, 0.0], 7.562832196927, 0.8792403921531, 684.6773141587),
    (false, true, 1.0, 0.0, [0.6149898437584, 0.4914368805335, 1.936423176459, 3.299621349504e-07, 0.3713061711253], 6.623972460637, 0.8807911663825, 675.8848051966),
    (false, false, 0.1, 0.5, [11.13088373593, 0.4713204848529, 11.06849377734, 3.819379250756e-07, 1.011088142774], 0.0, 0.8850679007809, 651.636771657),
    (false, false, 1.0, 0.9, [0.0, 0.4931306965236, 8.882397390811, 3.76015245099e-07, 0.0], 0.0, 0.8816155355474, 671.2108345221),
    (false, false, 10.0, 0.1, [0.0, 0.4909811582723, 0.5645399283195, 2.318884727131e-07, 0.0], 0.0, 0.8700686978529, 736.6785679857),
    (false, false, 1.0, 0.0, [0.6343854183701, 0.4907394737155, 4.193333456064, 2.790042073368e-07, 0.4986734387826], 0.0, 0.8769017636447, 697.9367633609),
    (true, true, 0.1, 0.5, [177.3111549531, 0.1321761931661, 8.690073473406, 3.510058640434e-07, 0.6465059202848], 2.407718646745, 0.9167152210713, 472.2042391811),
    (true, true, 1.0, 0.9, [146.552435104, 0.1765955309804, 6.550363551726, 9.092457625161e-08, 0.0], 3.564573943942, 0.9091451454259, 515.1247086439),
    (true, true, 10.0, 0.1, [22.60764900379, 0.04404248184392, 0.2686836348928, 4.562876169001e-08, 0.2800339609785], 5.858625777862, 0.2948292547124, 3998.144913809),
    (true, true, 1.0, 0.0, [85.9991546609, 0.1604772309296, 3.764073817546, 2.549349201715e-07, 1.136553231813], 4.710806482167, 0.8060441352083, 1099.682111748),
    (true, false, 0.1, 0.5, [177.3111549531, 0.1321761931661, 8.690073473406, 3.510058640434e-07, 0.6465059202848], -3.344781353255, 0.9108787678323, 505.2954954311),
    (true, false, 1.0, 0.9, [146.552435104, 0.1765955309804, 6.550363551726, 9.092457625161e-08, 0.0], -2.187926056058, 0.9033086921868, 548.2159648939),
    (true, false, 10.0, 0.1, [22.60764900379, 0.04404248184392, 0.2686836348928, 4.562876169001e-08, 0.2800339609785], 0.1061257778622, 0.2889928014733, 4031.236170059),
    (true, false, 1.0, 0.0, [85.9991546609, 0.1604772309296, 3.764073817542, 2.549349201693e-07, 1.136553231817], -1.041693517831, 0.8002076819692, 1132.773367998),
];

#[test]
fn elastic_nets_agree_with_scikit_learn() {
    let rows = sample();
    for nets in ELASTIC_NET.chunks(4) {
        let (standardize, intercept, ..) = nets[0];
        let mut problem = Problem { standardize, intercept, ..problem(&SAMPLE_STEPS, 13, 200, 0.0) };
        problem.alphas = nets.iter().map(|net| net.2 * net.3).collect();
        problem.ridges = nets.iter().map(|net| net.2 * (1.0 - net.3)).collect();
        let fits = fit_each::<u64>(&problem, &rows, &[true; 200]);
        for (fit, &(_, _, alpha, _, coefficients, constant, r2, mse)) in fits.iter().zip(nets) {
            let reference = (standardize, intercept, alpha, coefficients, constant, r2, mse);
            is_reference(fit, &problem, &rows, &reference);
        }
    }
}

#[test]
fn a_huge_ridge_leaves_nothing() {
    let mut rows = sample();
    for row in &mut rows {
        row[3] = 7;
    }
    for standardize in [false, true] {
        let mut problem = Problem { standardize, ..problem(&SAMPLE_STEPS, 13, 200, 0.001) };
        problem.ridges = vec![1e30];
        let fit = fit_all(&problem, &rows);
        let off = distance(&problem, &rows, &fit.coefficients.features, &[0.0; 5]);
        assert!(fit.accepted && off < 1e-4, "{off}");
        assert_eq!(fit.coefficients.features[3..4], [0.0]);
    }
}

#[test]
fn invalid_rows_do_not_count() {
    let rows = sample();
    let valid: Vec<bool> = (0..rows.len()).map(|i| i % 3 > 0).collect();
    let kept: Rows = rows.iter().zip(&valid).filter(|(_, v)| **v).map(|(r, _)| r.clone()).collect();
    let problem = problem(&SAMPLE_STEPS, 13, 200, 0.1);
    let (fit, all) = (fit::<u64>(&problem, &rows, &valid), fit_all(&problem, &kept));
    assert_eq!(fit.rows, kept.len() as u128);
    assert!(distance(&problem, &kept, &fit.coefficients.features, &all.coefficients.features) < 1e-8);
    assert!((fit.coefficients.intercept - all.coefficients.intercept).abs() < 1e-6);
}

#[test]
fn offsets_and_the_larger_ring_change_nothing() {
    let rows = sample();
    let moved: Rows =
        rows.iter().map(|r| r.iter().enumerate().map(|(j, x)| x - 100 * j as i64).collect()).collect();
    for (intercept, standardize) in [(true, false), (false, false), (false, true), (true, true)] {
        let plain = Problem { standardize, intercept, ..problem(&SAMPLE_STEPS, 14, 200, 0.1) };
        let mut offset = plain.clone();
        for (j, v) in offset.features.iter_mut().chain([&mut offset.target]).enumerate() {
            v.offset = 100 * j as i64;
        }
        let expected = fit_all(&plain, &rows);
        let fit = fit::<u128>(&offset, &moved, &[true; 200]);
        let off = distance(&plain, &rows, &fit.coefficients.features, &expected.coefficients.features);
        assert!(off < 1e-8, "intercept {intercept}, standardize {standardize}: {off}");
        assert!((fit.coefficients.intercept - expected.coefficients.intercept).abs() < 1e-6);
        assert!((fit.r2 - expected.r2).abs() < 1e-9 && (fit.mse / expected.mse - 1.0).abs() < 1e-9);
    }
}

#[test]
fn wide_domains_keep_their_precision() {
    // 32 bits a column and a bound of 2^20 rows: the statistics need Z_2^128.
    let rows: Rows = sample().into_iter().map(|r| r.into_iter().map(|x| x * 100_000).collect()).collect();
    for (wide_target, alpha) in [(false, 0.01), (true, 0.07)] {
        let mut mixed = rows.clone();
        for row in &mut mixed {
            for (j, value) in row.iter_mut().enumerate() {
                if wide_target == (j < 5) {
                    *value /= 100_000;
                }
            }
        }
        let problem = problem(&[1e-3; 6], 32, 1 << 20, alpha);
        assert!(problem.statistics_bits() > 62);
        let fit = fit::<u128>(&problem, &mixed, &[true; 200]);
        let off = distance(&problem, &mixed, &fit.coefficients.features, &reference(&problem, &mixed));
        assert!(fit.accepted && off < 1e-6, "{off}");
    }
}

#[test]
fn few_rows_end_in_finite_numbers() {
    let rows = sample();
    for count in 0..4usize {
        for (intercept, standardize) in [(true, false), (false, false), (false, true)] {
            let problem = Problem { standardize, intercept, ..problem(&SAMPLE_STEPS, 13, 200, 0.5) };
            let valid: Vec<bool> = (0..rows.len()).map(|i| i < count).collect();
            let fit = fit::<u64>(&problem, &rows, &valid);
            assert_eq!(fit.rows, count as u128);
            if count <= 1 && intercept {
                assert!(fit.accepted && fit.coefficients.features.iter().all(|w| *w == 0.0));
                let mean = if count == 0 { 0.0 } else { rows[0][5] as f64 * 0.25 };
                assert!((fit.coefficients.intercept - mean).abs() < 1e-6, "{:?}", fit.coefficients);
            }
            assert!(fit.coefficients.features.iter().all(|w| w.is_finite()));
        }
    }
}

#[test]
fn constant_columns() {
    let mut rows = sample();
    for row in &mut rows {
        row[3] = 40;
    }
    for standardize in [false, true] {
        let problem = Problem { standardize, ..problem(&SAMPLE_STEPS, 13, 200, 0.1) };
        let fit = fit_all(&problem, &rows);
        let off = distance(&problem, &rows, &fit.coefficients.features, &reference(&problem, &rows));
        assert!(fit.accepted && off < 1e-7 && fit.coefficients.features[3] == 0.0, "{off}");
        assert_eq!(fit.nonzero, fit.coefficients.features.iter().filter(|&&w| w != 0.0).count() as u128);
    }
    for row in &mut rows {
        row[5] = -7;
    }
    let problem = problem(&SAMPLE_STEPS, 13, 200, 0.1);
    let fit = fit_all(&problem, &rows);
    assert!(fit.accepted && fit.nonzero == 0 && fit.coefficients.features == [0.0; 5]);
    assert!((fit.coefficients.intercept + 7.0 * 0.25).abs() < 1e-9 && fit.mse == 0.0);
    assert!((fit.r2 - 1.0).abs() < 1e-12);
}

#[test]
fn equal_features_share_one_minimum() {
    let rows: Rows = sample().into_iter().map(|r| vec![r[0], r[0], -r[0], r[2], r[5]]).collect();
    for alpha in [0.0, 0.5, 50.0] {
        let problem = problem(&[1.0; 5], 13, 200, alpha);
        let fit = fit_all(&problem, &rows);
        let merged: Rows = rows.iter().map(|r| vec![r[0], r[3], r[4]]).collect();
        let single =
            fit_all(&Problem { features: problem.features[..2].to_vec(), ..problem.clone() }, &merged);
        // The fit is the same, however the coefficient is split.
        if fit.accepted {
            let w = &fit.coefficients.features;
            let sum = w[0] + w[1] - w[2];
            assert!((sum - single.coefficients.features[0]).abs() < 0.02, "{w:?} {:?}", single.coefficients);
        }
    }
}

#[test]
fn cost() {
    for (p, bytes) in [(1, 84_715), (3, 293_284), (10, 1_594_497), (50, 32_254_099)] {
        let (problem, rows) = random_problem(1, p);
        let cost = fit_all(&problem, &rows).cost;
        assert_eq!(cost, Cost { rounds: rounds(&problem), bytes }, "{p} features");
    }
    let (mut problem, rows) = random_problem(1, 10);
    assert!(rounds(&problem) <= 1200);
    let one = rounds(&problem);
    // Three penalties, then with ridges on standardised features and on others.
    problem.alphas = vec![1.0, 0.1, 0.01];
    let path = fit_all(&problem, &rows).cost;
    problem.ridges = vec![1.0; 3];
    let standardized = fit_all(&problem, &rows).cost;
    problem.standardize = false;
    let found =
        [path, standardized, fit_all(&problem, &rows).cost].map(|cost| (cost.rounds - one, cost.bytes));
    assert_eq!(found, [(0, 3_639_359), (42, 4_628_739), (51, 4_631_939)]);
}

/// As the documentation of [`solve`] says, and 3 rounds for [`statistics`] over `Z_2^64`.
fn rounds(problem: &Problem) -> usize {
    let log = |x: usize| x.next_power_of_two().trailing_zeros() as usize;
    let (p, levels) = (problem.features.len(), problem.layout().unwrap().levels as usize);
    3 + 12 * problem.iterations as usize + 22 * log(p) + log(2 * p + 1) + log(levels) + log(2 * levels) + 374
}

#[test]
fn messages_do_not_depend_on_the_data() {
    let (problem, rows) = random_problem(4, 4);
    let constant: Rows = rows.iter().map(|r| vec![1; r.len()]).collect();
    let expected = fit_all(&problem, &rows).transcript;
    for (rows, count) in [(&rows, 0), (&rows, 2), (&constant, rows.len())] {
        let valid: Vec<bool> = (0..rows.len()).map(|i| i < count).collect();
        assert!(fit::<u64>(&problem, rows, &valid).transcript == expected);
    }
}

#[test]
fn public_parameters_are_checked() {
    let good = problem(&[1.0, 1.0], 20, 1000, 1.0);
    assert!(good.layout().is_ok());
    for bad in [
        Problem { alphas: vec![-1.0], ..good.clone() },
        Problem { alphas: vec![f64::NAN], ..good.clone() },
        Problem { alphas: Vec::new(), ..good.clone() },
        Problem { ridges: vec![1.0, 1.0], ..good.clone() },
        Problem { features: Vec::new(), ..good.clone() },
        Problem { max_rows: 0, ..good.clone() },
        problem(&[0.0, 1.0], 20, 1000, 1.0),
        problem(&[1.0, 1.0], 60, 1000, 1.0),
    ] {
        assert!(bad.layout().is_err(), "{bad:?}");
    }
}
