//! Cox's model by its definition, in the clear.
#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "oracles calculate with doubles")]

use super::regression::inverse;

/// One row: the place of its time in the grid, whether the event happened, its features.
#[derive(Clone, Debug)]
pub struct Row {
    /// The place of its time.
    pub time: usize,
    /// Whether the event happened.
    pub event: bool,
    /// Its features.
    pub features: Vec<f64>,
}

/// A fitted model.
#[derive(Clone, Debug)]
pub struct Fit {
    /// A coefficient per feature.
    pub coefficients: Vec<f64>,
    /// Their standard errors.
    pub errors: Vec<f64>,
    /// Of the model, and of one without features.
    pub likelihoods: [f64; 2],
}

/// Gradient, information and log-likelihood.
type Slope = (Vec<f64>, Vec<Vec<f64>>, f64);

/// Efron's partial likelihood at `beta`, event by event over everybody at risk.
fn slope(rows: &[Row], beta: &[f64]) -> Slope {
    let p = beta.len();
    let line = |row: &Row| row.features.iter().zip(beta).map(|(x, b)| x * b).sum::<f64>();
    let (mut gradient, mut information, mut likelihood) = (vec![0.0; p], vec![vec![0.0; p]; p], 0.0);
    let mut times: Vec<usize> = rows.iter().map(|row| row.time).collect();
    times.sort_unstable();
    times.dedup();
    for time in times {
        let tied: Vec<&Row> = rows.iter().filter(|row| row.event && row.time == time).collect();
        for number in 0..tied.len() {
            let fraction = number as f64 / tied.len() as f64;
            let (mut sum, mut first, mut second) = (0.0, vec![0.0; p], vec![vec![0.0; p]; p]);
            for row in rows.iter().filter(|row| row.time >= time) {
                let part = if row.event && row.time == time { 1.0 - fraction } else { 1.0 };
                let weight = part * line(row).exp();
                sum += weight;
                for i in 0..p {
                    first[i] += weight * row.features[i];
                    for (cell, x) in second[i].iter_mut().zip(&row.features) {
                        *cell += weight * row.features[i] * x;
                    }
                }
            }
            likelihood += line(tied[number]) - sum.ln();
            for i in 0..p {
                gradient[i] += tied[number].features[i] - first[i] / sum;
                for j in 0..p {
                    information[i][j] += second[i][j] / sum - first[i] * first[j] / sum / sum;
                }
            }
        }
    }
    (gradient, information, likelihood)
}

/// The maximum of the partial likelihood, by Newton's method; `None` for a singular problem.
pub fn fit(rows: &[Row]) -> Option<Fit> {
    let p = rows.first()?.features.len();
    let mut beta = vec![0.0; p];
    let null = slope(rows, &beta).2;
    for _ in 0..25 {
        let (gradient, information, _) = slope(rows, &beta);
        let inverse = inverse(&information)?;
        for (b, row) in beta.iter_mut().zip(&inverse) {
            *b += row.iter().zip(&gradient).map(|(x, g)| x * g).sum::<f64>();
        }
    }
    let (_, information, likelihood) = slope(rows, &beta);
    let inverse = inverse(&information)?;
    let errors = (0..p).map(|k| inverse[k][k].sqrt()).collect();
    Some(Fit { coefficients: beta, errors, likelihoods: [likelihood, null] })
}
