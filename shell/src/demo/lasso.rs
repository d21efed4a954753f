//! LASSO in the clear, by coordinate descent: what the secure answer is compared with.

/// A fit, on the original scale.
#[derive(Clone, Debug)]
pub(super) struct Fit {
    pub(super) intercept: f64,
    pub(super) coefficients: Vec<f64>,
    pub(super) r2: f64,
    pub(super) features: Vec<Moments>,
    pub(super) target: Moments,
}

/// Mean and population standard deviation of a variable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

impl Moments {
    #[expect(clippy::cast_precision_loss, reason = "rows are counted in millions at most")]
    fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
        Self { mean, deviation: variance.sqrt() }
    }
}

/// Minimises 1/(2n) ||y - b - Xw||^2 + alpha ||w||_1 over features of unit variance; coefficients come back on the
/// scale of the features. `columns` are the features, each of the length of `target`.
pub(super) fn fit(columns: &[Vec<f64>], target: &[f64], alpha: f64) -> Fit {
    /// Largest change of a coefficient, in standard deviations, at which the descent ends.
    const TOLERANCE: f64 = 1e-12;
    const SWEEPS: usize = 100_000;
    let features: Vec<Moments> = columns.iter().map(|column| Moments::of(column)).collect();
    let moments = Moments::of(target);
    let scaled: Vec<Vec<f64>> =
        columns.iter().zip(&features).map(|(column, m)| standardized(column, m)).collect();
    let centred: Vec<f64> = target.iter().map(|value| value - moments.mean).collect();
    // With unit variance, everything that the descent needs is in the correlations.
    let gram: Vec<Vec<f64>> =
        scaled.iter().map(|a| scaled.iter().map(|b| mean_product(a, b)).collect()).collect();
    let cross: Vec<f64> = scaled.iter().map(|column| mean_product(column, &centred)).collect();
    let mut weights = vec![0.0; columns.len()];
    for _ in 0..SWEEPS {
        let mut change = 0.0_f64;
        for j in 0..weights.len() {
            if features[j].deviation > 0.0 {
                let rest: f64 = (0..weights.len()).filter(|k| *k != j).map(|k| gram[j][k] * weights[k]).sum();
                let pull = cross[j] - rest;
                let next = pull.signum() * (pull.abs() - alpha).max(0.0);
                change = change.max((next - weights[j]).abs());
                weights[j] = next;
            }
        }
        if change < TOLERANCE {
            break;
        }
    }
    let explained = 2.0 * dot(&weights, &cross)
        - weights.iter().enumerate().map(|(j, w)| w * dot(&gram[j], &weights)).sum::<f64>();
    let unscale = |(weight, m): (&f64, &Moments)| if m.deviation > 0.0 { weight / m.deviation } else { 0.0 };
    let coefficients: Vec<f64> = weights.iter().zip(&features).map(unscale).collect();
    let offset: f64 = coefficients.iter().zip(&features).map(|(w, m)| w * m.mean).sum();
    let r2 = explained / moments.deviation.powi(2);
    Fit { intercept: moments.mean - offset, coefficients, r2, features, target: moments }
}

fn standardized(column: &[f64], moments: &Moments) -> Vec<f64> {
    let scale = if moments.deviation > 0.0 { moments.deviation } else { 1.0 };
    column.iter().map(|value| (value - moments.mean) / scale).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[expect(clippy::cast_precision_loss, reason = "rows are counted in millions at most")]
fn mean_product(a: &[f64], b: &[f64]) -> f64 {
    dot(a, b) / a.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orthogonal_features_are_soft_thresholded() {
        // Two features of unit variance without correlation: w = soft(mean(x y), alpha).
        let x1 = vec![1.0, 1.0, -1.0, -1.0];
        let x2 = vec![2.0, -2.0, 2.0, -2.0];
        let y: Vec<f64> = (0..4).map(|i| 10.0 + 3.0 * x1[i] + 0.1 * x2[i]).collect();
        let fit = fit(&[x1, x2, vec![5.0; 4]], &y, 0.5);
        assert!((fit.coefficients[0] - 2.5).abs() < 1e-12);
        assert!(fit.coefficients[1].abs() < 1e-12, "a weak feature is dropped");
        assert!(fit.coefficients[2].abs() < 1e-12, "a constant feature is dropped");
        assert!((fit.intercept - 10.0).abs() < 1e-12);
        let residual: f64 = (0..4).map(|i| (y[i] - 10.0 - 2.5 * [1.0, 1.0, -1.0, -1.0][i]).powi(2)).sum();
        let total: f64 = y.iter().map(|v| (v - 10.0).powi(2)).sum();
        assert!((fit.r2 - (1.0 - residual / total)).abs() < 1e-12);
    }
}
