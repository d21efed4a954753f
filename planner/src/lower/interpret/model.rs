//! Models, by coordinate descent on doubles.

use super::*;

/// Fractional bits of the numbers of a fit here; the secure solver has scales of its own.
pub(super) const MODEL_BITS: i32 = 40;

/// Coordinate descent on doubles, with the shapes of the node.
pub(super) fn fit(lasso: &Lasso, input: &Table, counts: Option<&Table>) -> Table {
    let rows: Vec<usize> = (0..input.rows).filter(|row| input.columns[lasso.valid][*row] == 1).collect();
    for term in lasso.features.iter().chain([&lasso.target]) {
        for row in 0..input.rows {
            let cell = input.columns[term.column][row];
            assert!(cell.unsigned_abs() < 1 << term.bits, "{}", term.name);
            assert!(cell == 0 || input.columns[lasso.valid][row] == 1, "{} is not masked", term.name);
        }
    }
    let column = |term: &crate::plan::LassoTerm| -> Vec<f64> {
        rows.iter().map(|row| input.columns[term.column][*row] as f64 * term.step + term.middle).collect()
    };
    let n = rows.len() as f64;
    let mean = |x: &[f64]| if lasso.intercept && n > 0.0 { x.iter().sum::<f64>() / n } else { 0.0 };
    let y = column(&lasso.target);
    let x: Vec<Vec<f64>> = lasso.features.iter().map(column).collect();
    let centred = |x: &[f64]| x.iter().map(|v| v - mean(x)).collect::<Vec<f64>>();
    let (cx, mut residual): (Vec<Vec<f64>>, Vec<f64>) = (x.iter().map(|x| centred(x)).collect(), centred(&y));
    let deviation = |x: &[f64]| (x.iter().map(|v| v * v).sum::<f64>() / n).sqrt();
    let mut w = vec![0.0; x.len()];
    for _ in 0..5000 {
        for (j, xj) in cx.iter().enumerate() {
            let scale = if lasso.standardize { deviation(xj) } else { 1.0 };
            let square = xj.iter().map(|v| v * v).sum::<f64>() / n;
            if !(square > 1e-12) {
                continue;
            }
            let rho = xj.iter().zip(&residual).map(|(a, b)| a * b).sum::<f64>() / n + square * w[j];
            let alpha = lasso.alphas[0] * lasso.l1_ratio * scale;
            let rows = if lasso.by_sum { n } else { 1.0 };
            let ridge = lasso.alphas[0] * (1.0 - lasso.l1_ratio) * scale * scale / rows;
            let new = match lasso.family {
                Family::Lasso => (rho.abs() - alpha).max(0.0) * rho.signum() / (square + ridge),
                Family::Linear => rho / (square + ridge / n),
                Family::Logistic | Family::Poisson | Family::Cox => {
                    panic!("no interpretation of {:?}", lasso.family)
                }
            };
            residual.iter_mut().zip(xj).for_each(|(r, v)| *r -= (new - w[j]) * v);
            w[j] = new;
        }
    }
    let fixed = |value: f64| (value * 2_f64.powi(MODEL_BITS)) as i128;
    let mut columns = match lasso.output {
        LassoOutput::Coefficients => {
            let intercept = mean(&y) - x.iter().zip(&w).map(|(x, w)| mean(x) * w).sum::<f64>();
            let mut values: Vec<i128> = w.iter().map(|w| fixed(*w)).collect();
            if lasso.intercept {
                values.insert(0, fixed(intercept));
            }
            assert!(!lasso.has_errors(), "no interpretation of standard errors");
            vec![values]
        }
        LassoOutput::Summary => {
            let mse = residual.iter().map(|r| r * r).sum::<f64>() / n;
            let total = centred(&y).iter().map(|v| v * v).sum::<f64>() / n;
            let nonzero = w.iter().filter(|w| **w != 0.0).count() as i128;
            vec![
                vec![rows.len() as i128],
                vec![fixed(1.0 - mse / total)],
                vec![fixed(mse)],
                vec![40],
                vec![nonzero],
                vec![0],
            ]
        }
    };
    let length = columns[0].len();
    columns.push(vec![1; length]);
    for count in counts.into_iter().flat_map(|counts| &counts.columns) {
        columns.push(vec![count[0]; length]);
    }
    Table { columns, rows: length }
}

pub(super) fn of_model(plan: &SecurePlan, node: crate::plan::NodeId) -> bool {
    match &plan.nodes[node.0] {
        Node::Compute(compute) => of_model(plan, compute.input),
        node => matches!(node, Node::Lasso(_)),
    }
}
