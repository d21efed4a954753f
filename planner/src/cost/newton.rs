//! Logistic and Poisson models, from the costs of their protocols; it follows the code of the secure core step by step
//! (`mpc::protocol::regression::newton`, `link`, `rows`, `absolute`, `spread`).

use super::Cost;
use super::model::{AboutZero, MANTISSA, minimise};
use super::system::{COMPARED, FRACTION, all_below, invert, rescaled, step, unit};
use super::table::{
    and_many, clamp, exponential, logarithm, multiply, narrow_product, product, reciprocal, sigmoid,
    square_root, truncate, widen,
};
use crate::plan::{Family, Lasso, RingSize};

const WIDE: RingSize = RingSize::Z128;
/// Steps of a logistic and of a Poisson model.
const STEPS: [u64; 2] = [12, 16];
/// Fractional bits of means and weights, and of linear predictors.
const WEIGHT: u64 = 30;
const PREDICTOR: u64 = 28;
/// Bits of linear predictors of any data, and of what is cut.
const PREDICTOR_BITS: u64 = 96;
const CUT: u64 = 126;
/// Sums of targets and of rows, or of exposures, are below 4 to these.
const SUM_LEVELS: [u64; 2] = [31, 40];
/// Fractional bits of reciprocals of deviations and numbers of rows together.
const RECIPROCAL: u64 = 60;

/// The public sizes of a fit.
struct Fit<'a> {
    node: &'a Lasso,
    about_zero: AboutZero,
    /// Rows.
    n: u64,
    /// Features.
    p: u64,
    /// Parameters.
    q: u64,
    poisson: bool,
}

/// A fit over `n` rows whose columns are in `ring`.
pub(super) fn newton(node: &Lasso, n: u64, ring: RingSize) -> Cost {
    let about_zero = AboutZero::of(node, n);
    let p = about_zero.sizes.p;
    let poisson = node.family == Family::Poisson;
    let fit = Fit { node, about_zero, n, p, q: p + u64::from(node.intercept), poisson };
    let row_bits = fit.about_zero.sizes.row_bits;
    let count = reciprocal(1, row_bits / 2 + 1, row_bits + 30);
    let mut cost = fit.about_zero.prepare(ring, node.has_errors()).then(fit.rows().beside(count));
    if node.offset.is_some() {
        cost = cost.then(fit.link()).then(multiply(1, WIDE));
    }
    if fit.is_sparse() {
        cost = cost.then(fit.thresholds());
    }
    cost = cost.then(fit.start());
    for _ in 0..STEPS[usize::from(poisson)] {
        let one = if fit.is_sparse() { fit.sparse_step() } else { step(fit.q) };
        cost = cost.then(fit.slope()).then(unit(fit.q)).then(one);
    }
    cost.then(fit.finish())
}

impl Fit<'_> {
    /// Whether absolute coefficients are weighed.
    fn is_sparse(&self) -> bool {
        self.node.is_penalised() && self.node.l1_ratio > 0.0
    }

    /// Rows about their means, divided by deviations.
    fn rows(&self) -> Cost {
        let Fit { n, p, .. } = *self;
        let reciprocals = product(p, MANTISSA).then(multiply(p, WIDE)).then(multiply(p, WIDE));
        let reciprocals = reciprocals.then(truncate(p, MANTISSA + 2 - FRACTION));
        reciprocals.then(multiply(n * p, WIDE)).then(truncate(n * p, self.about_zero.feature_bits))
    }

    /// Means and weights of rows.
    fn link(&self) -> Cost {
        let n = self.n;
        let inside = clamp(n, PREDICTOR_BITS).then(truncate(n, FRACTION - PREDICTOR));
        if self.poisson {
            return inside.then(exponential(n, PREDICTOR, WEIGHT));
        }
        let means = sigmoid(n, PREDICTOR + 8, PREDICTOR, WEIGHT);
        inside.then(means).then(narrow_product(n, WEIGHT)).then(widen(2 * n))
    }

    /// The thresholds of absolute coefficients.
    fn thresholds(&self) -> Cost {
        let (p, from) = (self.p, FRACTION + self.about_zero.feature_bits);
        let kept = from.min(RECIPROCAL);
        // The most fractional bits with which all weights are below 2^44.
        let alpha = self.node.alphas.first().copied().unwrap_or(0.0) * self.node.l1_ratio;
        let weights = self.node.features.iter().map(|term| alpha / term.step);
        let largest = weights.fold(0.0, f64::max);
        let factor = (0..100_i32).take_while(|&bits| largest * 2_f64.powi(bits) < 2_f64.powi(44)).last();
        let to = RECIPROCAL + u64::from(factor.unwrap_or(0).unsigned_abs());
        truncate(p, from - kept)
            .then(product(p, kept + self.about_zero.sizes.row_bits + 30 - RECIPROCAL))
            .then(truncate(p, to - FRACTION))
            .then(clamp(p, CUT))
    }

    /// The rate that a Poisson model starts from.
    fn start(&self) -> Cost {
        if !self.poisson || !self.node.intercept {
            return Cost::default();
        }
        self.logarithms().then(truncate(1, MANTISSA - FRACTION))
    }

    /// Of the sums of targets, and of rows or exposures.
    fn logarithms(&self) -> Cost {
        logarithm(2, SUM_LEVELS[usize::from(self.node.offset.is_some())])
    }

    /// Gradient and information.
    fn slope(&self) -> Cost {
        let Fit { n, p, q, .. } = *self;
        let sums = q * (q + 1);
        let cost = multiply(n, WIDE)
            .then(truncate(n, FRACTION))
            .then(self.link())
            .then(product(n * q, FRACTION))
            .then(multiply(sums, WIDE))
            .then(truncate(sums, FRACTION))
            .then(product(sums, self.about_zero.sizes.row_bits + 2 * WEIGHT - FRACTION));
        if self.about_zero.ridge { cost.then(product(p, FRACTION + 2)).then(truncate(p, 2)) } else { cost }
    }

    /// A step with absolute coefficients: a LASSO of the quadratic model.
    fn sparse_step(&self) -> Cost {
        let q = self.q;
        product(3 * q, FRACTION)
            .then(product(q, FRACTION))
            .then(product(q, FRACTION))
            .then(clamp(q, CUT))
            .then(minimise(q, 1, 1, COMPARED))
            .then(clamp(q, CUT))
            .then(product(q, FRACTION))
            .then(multiply(q, WIDE))
    }

    fn finish(&self) -> Cost {
        let Fit { p, q, .. } = *self;
        let sizes = &self.about_zero.sizes;
        let accepted = if self.is_sparse() {
            all_below(2 * q)
        } else {
            unit(q).then(invert(q, q + 1)).then(rescaled(q)).then(all_below(3 * q + q * q))
        };
        let from = FRACTION + self.about_zero.feature_bits;
        let values = truncate(p, from - from.min(69 - sizes.half)).then(multiply(p, WIDE));
        let values = values.then(multiply(1, WIDE));
        let mut spreads = Cost::default();
        if self.node.has_errors() {
            spreads = square_root(p, 33, FRACTION / 2).then(multiply(p, WIDE));
            if self.node.intercept {
                let form = sizes.form(q, self.about_zero.feature_bits);
                spreads = spreads.then(form).then(square_root(1, 62, 20));
            }
        }
        let accepted = accepted.then(and_many(1, 2));
        self.slope().then(accepted).then(values).then(spreads).then(self.likelihoods())
    }

    fn likelihoods(&self) -> Cost {
        let n = self.n;
        if self.poisson {
            let sums = multiply(1, WIDE).then(multiply(1, WIDE));
            let constant = self.logarithms().then(multiply(1, WIDE));
            let offset = if self.node.offset.is_some() { multiply(1, WIDE) } else { Cost::default() };
            return sums.then(constant).then(offset);
        }
        let null = logarithm(3, self.about_zero.sizes.row_bits / 2 + 1).then(multiply(1, WIDE));
        multiply(n, WIDE).then(logarithm(n, WEIGHT / 2 + 1)).then(multiply(1, WIDE)).then(null)
    }
}
