//! Linear, logistic and Poisson models in the clear.
#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "oracles calculate with doubles")]

use crate::protocol::regression::Family;

/// A fitted model, the intercept first.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Coefficients.
    pub coefficients: Vec<f64>,
    /// Standard errors; of a model without a ridge only.
    pub errors: Vec<f64>,
}

/// The inverse of a matrix, by Gauss and Jordan; `None` if a pivot is 0.
pub fn inverse(matrix: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let p = matrix.len();
    let mut left = matrix.to_vec();
    let mut right: Vec<Vec<f64>> =
        (0..p).map(|i| (0..p).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    for k in 0..p {
        let pivot = (k..p).max_by(|a, b| left[*a][k].abs().total_cmp(&left[*b][k].abs()))?;
        left.swap(k, pivot);
        right.swap(k, pivot);
        let unit = left[k][k];
        if unit == 0.0 {
            return None;
        }
        for j in 0..p {
            left[k][j] /= unit;
            right[k][j] /= unit;
        }
        for i in (0..p).filter(|&i| i != k) {
            let factor = left[i][k];
            for j in 0..p {
                left[i][j] -= factor * left[k][j];
                right[i][j] -= factor * right[k][j];
            }
        }
    }
    Some(right)
}

/// Mean and weight of a row at a linear predictor.
fn link(family: Family, eta: f64) -> (f64, f64) {
    match family {
        Family::Linear => (eta, 1.0),
        Family::Logistic => {
            let mean = 1.0 / (1.0 + (-eta).exp());
            (mean, mean * (1.0 - mean))
        }
        Family::Poisson => (eta.exp(), eta.exp()),
    }
}

/// The maximum of the likelihood of `targets` given `columns`, with an intercept and a ridge as
/// [`Model`](crate::protocol::regression::Model) has it, by Newton's method on standardised columns; `None` for a problem
/// that is singular or does not converge.
pub fn fit(family: Family, columns: &[Vec<f64>], targets: &[f64], ridge: f64) -> Option<Fit> {
    let (n, q) = (targets.len() as f64, columns.len() + 1);
    let mean = |x: &[f64]| x.iter().sum::<f64>() / n;
    let means: Vec<f64> = columns.iter().map(|x| mean(x)).collect();
    let deviation = |(x, m): (&Vec<f64>, &f64)| (x.iter().map(|v| (v - m).powi(2)).sum::<f64>() / n).sqrt();
    let deviations: Vec<f64> = columns.iter().zip(&means).map(deviation).collect();
    let z = |row: usize, j: usize| {
        if j == 0 { 1.0 } else { (columns[j - 1][row] - means[j - 1]) / deviations[j - 1] }
    };
    let rows: Vec<Vec<f64>> = (0..targets.len()).map(|row| (0..q).map(|j| z(row, j)).collect()).collect();
    let weight = |j: usize| if j == 0 { 0.0 } else { ridge / deviations[j - 1].powi(2) };
    let mut beta = vec![0.0; q];
    if family == Family::Poisson {
        beta[0] = mean(targets).ln();
    }
    let (mut spread, mut rest, mut moved) = (Vec::new(), 0.0, f64::INFINITY);
    for _ in 0..40 {
        let (mut gradient, mut information) = (vec![0.0; q], vec![vec![0.0; q]; q]);
        rest = 0.0;
        for (row, target) in rows.iter().zip(targets) {
            let eta: f64 = row.iter().zip(&beta).map(|(z, b)| z * b).sum();
            let (mean, weight) = link(family, eta);
            rest += (target - mean).powi(2);
            for i in 0..q {
                gradient[i] += row[i] * (target - mean);
                for j in 0..=i {
                    information[i][j] += weight * row[i] * row[j];
                }
            }
        }
        for i in 0..q {
            gradient[i] -= weight(i) * beta[i];
            information[i][i] += weight(i);
        }
        if moved < 1e-11 {
            break;
        }
        let entry = |i: usize, j: usize| information[i.max(j)][i.min(j)];
        let whole: Vec<Vec<f64>> = (0..q).map(|i| (0..q).map(|j| entry(i, j)).collect()).collect();
        spread = inverse(&whole)?;
        let step = |row: &Vec<f64>| row.iter().zip(&gradient).map(|(x, g)| x * g).sum::<f64>();
        let steps: Vec<f64> = spread.iter().map(step).collect();
        beta.iter_mut().zip(&steps).for_each(|(b, s)| *b += s);
        let size = beta.iter().map(|b| b.abs()).fold(1.0, f64::max);
        moved = steps.iter().map(|s| s.abs()).fold(0.0, f64::max) / size;
    }
    if moved.is_nan() || moved > 1e-8 {
        return None;
    }
    let scale = if family == Family::Linear { rest / (n - q as f64) } else { 1.0 };
    let to_original = |j: usize| if j == 0 { 1.0 } else { -means[j - 1] / deviations[j - 1] };
    let form: f64 = (0..q)
        .flat_map(|i| (0..q).map(move |j| (i, j)))
        .map(|(i, j)| to_original(i) * spread[i][j] * to_original(j))
        .sum();
    let intercept: f64 = (0..q).map(|j| to_original(j) * beta[j]).sum();
    let slopes = (1..q).map(|j| beta[j] / deviations[j - 1]);
    let errors = (1..q).map(|j| (scale * spread[j][j]).sqrt() / deviations[j - 1]);
    let errors = std::iter::once((scale * form).sqrt()).chain(errors).collect();
    Some(Fit { coefficients: std::iter::once(intercept).chain(slopes).collect(), errors })
}
