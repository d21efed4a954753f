//! Random problems, against coordinate descent in the clear.

use super::*;

/// Coordinate descent in the clear, on the original scale.
pub(super) fn reference(problem: &Problem, rows: &Rows) -> Vec<f64> {
    let p = problem.features.len();
    let n = rows.len() as f64;
    let sigma = deviations(problem, rows);
    let value = |row: &Vec<i64>, j: usize| {
        let v = problem.features.iter().chain([&problem.target]).nth(j).unwrap();
        (row[j] as f64 + v.offset as f64) * v.step
    };
    let mean: Vec<f64> = (0..=p).map(|j| rows.iter().map(|r| value(r, j)).sum::<f64>() / n).collect();
    let scaled =
        |r: &Vec<i64>, j: usize| if sigma[j] > 0.0 { (value(r, j) - mean[j]) / sigma[j] } else { 0.0 };
    let product = |i: usize, j: usize| rows.iter().map(|r| scaled(r, i) * scaled(r, j)).sum::<f64>() / n;
    let gram: Vec<Vec<f64>> = (0..p).map(|i| (0..p).map(|j| product(i, j)).collect()).collect();
    let target: Vec<f64> = (0..p).map(|i| product(i, p)).collect();
    let threshold =
        |j: usize| problem.alphas[0] / sigma[p] / if problem.standardize { 1.0 } else { sigma[j] };
    let varies = |j: usize| if sigma[j] > 0.0 { threshold(j) } else { f64::INFINITY };
    let u = ideal::lasso(&gram, &target, &(0..p).map(varies).collect::<Vec<_>>());
    (0..p).map(|j| if sigma[j] > 0.0 { u[j] * sigma[p] / sigma[j] } else { 0.0 }).collect()
}

/// Correlated features of very different scales: 0 independent, 1 a chain of correlation 0.99, 2 all pairs 0.98,
/// 3 few common factors; every fifth problem has a constant feature.
pub(super) fn random_problem(seed: u64, features: usize) -> (Problem, Rows) {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let mut normal = move || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
    let n = [60, 300, 1000][seed as usize % 3].max(4 * features);
    let kind = seed % 4;
    let loadings: Vec<f64> = (0..3 * features).map(|_| normal()).collect();
    let weights: Vec<f64> = (0..features).map(|_| if normal() > 0.0 { normal() } else { 0.0 }).collect();
    let scale = |j: usize| 10f64.powi(2 + (j * 7 % 3) as i32);
    let rows: Vec<Vec<f64>> = (0..n)
        .map(|_| {
            let common = [normal(), normal(), normal()];
            let mut x: Vec<f64> = Vec::new();
            for j in 0..features {
                x.push(match kind {
                    1 if j > 0 => 0.99 * x[j - 1] + 0.141 * normal(),
                    2 => 0.98f64.sqrt() * common[0] + 0.02f64.sqrt() * normal(),
                    3 => (0..3).map(|k| loadings[3 * j + k] * common[k]).sum::<f64>() + 0.15 * normal(),
                    _ => normal(),
                });
            }
            let y = x.iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>() + normal();
            x.push(y);
            x
        })
        .collect();
    let mut integers: Rows = rows
        .iter()
        .map(|r| r.iter().enumerate().map(|(j, x)| (x * scale(j)).round() as i64).collect())
        .collect();
    if seed.is_multiple_of(5) && features > 2 {
        for row in &mut integers {
            row[1] = 77;
        }
    }
    let steps: Vec<f64> = (0..=features).map(|j| 10f64.powi((j * 5 % 9) as i32 - 3)).collect();
    let mut problem = problem(&steps, 18, n, 0.0);
    problem.standardize = seed % 2 == 1;
    let sigma = deviations(&problem, &integers);
    let share = [0.0, 0.002, 0.02, 0.1, 0.4][seed as usize / 2 % 5];
    problem.alphas =
        vec![share * sigma[features] * if problem.standardize { 1.0 } else { sigma[features / 2] }];
    (problem, integers)
}

fn agrees_on_random_problems(features: usize, seeds: std::ops::Range<u64>, tolerance: f64) {
    for seed in seeds {
        let (problem, rows) = random_problem(seed, features);
        let fit = fit_all(&problem, &rows);
        let off = distance(&problem, &rows, &fit.coefficients.features, &reference(&problem, &rows));
        assert!(fit.accepted && off < tolerance, "features {features}, seed {seed}: {off} {}", fit.violation);
    }
}

#[test]
fn random_problems_agree_with_the_reference() {
    agrees_on_random_problems(1, 0..4, 1e-6);
    agrees_on_random_problems(3, 0..8, 1e-6);
    agrees_on_random_problems(10, 0..24, 1e-6);
}

#[test]
fn fifty_features() {
    agrees_on_random_problems(50, 1..2, 1e-6);
}

#[test]
fn condition_number_3000() {
    // Two nearly equal features: correlation 1 - 2/3000.
    let mut rng = ChaCha12Rng::seed_from_u64(3);
    let mut uniform = move |bound: i64| rng.random_range(-bound..=bound);
    let rows: Rows = (0..400)
        .map(|_| {
            let (a, c) = (uniform(10_000), uniform(1000));
            let b = a + uniform(365);
            vec![a, b, c, 3 * a - 2 * b + c + uniform(2000)]
        })
        .collect();
    for alpha in [0.0, 1e-3, 10.0, 1000.0] {
        let problem = problem(&[1.0, 1.0, 1.0, 1.0], 17, 400, alpha);
        let fit = fit_all(&problem, &rows);
        let off = distance(&problem, &rows, &fit.coefficients.features, &reference(&problem, &rows));
        assert!(fit.accepted && off < 1e-6, "alpha {alpha}: {off}");
    }
}
