//! Penalised and plain least squares, from the costs of their protocols; it follows the code of the secure core step by
//! step (`mpc::protocol::lasso` and `mpc::protocol::regression`).

use super::Cost;
use super::system::{COMPARED, FRACTION, doublings, invert, log2, solve};
use super::table::{
    and_many, by_bits, inverse_root_of, inverse_square_root, mask, multiply, negative, product, shifts,
    square_root, statistics, to_arithmetic, truncate, widen,
};
use crate::plan::{Family, Lasso, LassoTerm, RingSize};

const WIDE: RingSize = RingSize::Z128;
/// Fractional bits of normalised numbers.
pub(super) const MANTISSA: u64 = 56;
/// Bits of the integer part of a coefficient.
const COEFFICIENT: u64 = 10;
/// Step sizes side by side, and steps of Newton's method after them.
const LANES: u64 = 5;
const NEWTON: u64 = 3;

/// The public sizes of a problem: those of `mpc::protocol::lasso::Layout`.
pub(super) struct Sizes {
    pub(super) p: u64,
    pub(super) row_bits: u64,
    levels: u64,
    pub(super) half: u64,
    centred: bool,
    pub(super) intercept: bool,
    /// Moments of the target: one more without an intercept.
    targets: u64,
    coefficient_fraction: u64,
    mean_fraction: u64,
    intercept_fraction: u64,
    error_fraction: u64,
}

/// Bits of a variable's integers, and its midpoint.
struct Variable {
    bits: u64,
    offset: u64,
}

impl Variable {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number of steps")]
    fn of(term: &LassoTerm) -> Variable {
        let offset = (term.middle / term.step).round_ties_even().abs() as u64;
        Variable { bits: u64::from(term.bits), offset }
    }

    /// Bits of what moments are taken of.
    fn moment(&self, centred: bool) -> u64 {
        if centred || self.offset == 0 { self.bits } else { self.bits.max(bits_of(self.offset)) + 1 }
    }
}

/// Bits of a number.
fn bits_of(x: u64) -> u64 {
    u64::from(u64::BITS - x.leading_zeros())
}

impl Sizes {
    fn new(features: &[Variable], target: &Variable, rows: u64, intercept: bool, standardize: bool) -> Sizes {
        let (p, row_bits) = (features.len() as u64, bits_of(rows));
        let centred = intercept || standardize;
        let x_bits = features.iter().map(|v| v.moment(centred)).max().unwrap_or(0);
        let y_bits = target.moment(intercept);
        let half = row_bits.div_ceil(2);
        let room = |used: u64| 126_u64.saturating_sub(used).min(FRACTION);
        let mean_bits = COEFFICIENT + log2(p) + x_bits + half + 1;
        let error_scale = (122_u64.saturating_sub(2 * y_bits)).min(row_bits + 4 + FRACTION);
        Sizes {
            p,
            row_bits,
            levels: x_bits.max(y_bits) + row_bits,
            half,
            centred,
            intercept,
            targets: if intercept { 1 } else { 2 },
            coefficient_fraction: room(COEFFICIENT + 1 + x_bits + half + 2 + y_bits + half + 2),
            mean_fraction: room(mean_bits + FRACTION + 2),
            intercept_fraction: room(mean_bits + y_bits + half + 6),
            error_fraction: error_scale.saturating_sub(row_bits + 4).min(FRACTION),
        }
    }

    fn variables(&self) -> u64 {
        self.p + 1
    }

    fn pairs(&self) -> u64 {
        self.variables() * self.p / 2
    }

    /// Exact moments.
    fn moments(&self) -> Cost {
        let list = self.pairs() + self.variables();
        let own = if self.centred { 2 * list } else { list };
        multiply(own + if self.intercept { 0 } else { 2 }, WIDE)
    }

    /// Everything scaled to length 1.
    fn correlation(&self) -> Cost {
        let positive = self.variables() + self.targets;
        let fractions = truncate(self.pairs() + positive, (2 * self.levels).saturating_sub(MANTISSA));
        let sums = truncate(self.p, self.levels.saturating_sub(self.mean_fraction));
        shifts(positive, self.levels)
            .then(multiply(self.pairs() + positive + self.p, WIDE))
            .then(multiply(self.pairs(), WIDE))
            .then(fractions)
            .then(sums)
            .then(inverse_root_of(positive))
            .then(product(self.pairs(), MANTISSA))
            .then(product(self.pairs(), 2 * MANTISSA - FRACTION))
    }

    /// The way back to the original scale.
    fn factors(&self) -> Cost {
        let Sizes { p, targets, .. } = *self;
        let scale = self.intercept_fraction + self.half + 3;
        let mean = multiply(1, WIDE).then(product(1, self.row_bits + 2 + MANTISSA - scale));
        let cost = product(targets + 1, MANTISSA)
            .then(product(p + targets, 2 * MANTISSA - FRACTION))
            .then(product(p, MANTISSA))
            .then(mean)
            .then(multiply(p + 1 + targets, WIDE));
        if self.intercept {
            return cost;
        }
        let ratio = product(1, MANTISSA).then(product(1, 2 * MANTISSA - FRACTION));
        cost.then(ratio).then(multiply(1, WIDE)).then(product(1, 2))
    }

    /// The thresholds of `penalties` penalties.
    fn thresholds(&self, penalties: u64, standardize: bool) -> Cost {
        let p = self.p;
        let outer = multiply(self.levels * self.row_bits.div_ceil(2), WIDE);
        let (powers, mantissas) = if standardize {
            (outer, product(1, MANTISSA))
        } else {
            let mantissas = product(p + 1, MANTISSA).then(product(p, MANTISSA));
            (outer.then(multiply(p * penalties, WIDE)), mantissas)
        };
        powers.beside(mantissas).then(product(p * penalties, MANTISSA))
    }

    /// The ridges of `penalties` penalties, as lengths of features.
    fn ridges(&self, penalties: u64, node: &Lasso) -> Cost {
        let all = self.p * penalties;
        let relative = if node.standardize && node.by_sum {
            product(1, MANTISSA).then(product(penalties, MANTISSA))
        } else if node.standardize {
            Cost::default()
        } else {
            let mantissas = product(self.p, MANTISSA).then(product(self.p, MANTISSA));
            multiply(all, WIDE).beside(mantissas).then(product(all, MANTISSA))
        };
        relative.then(inverse_square_root(all, 35, 66))
    }

    /// `problems` problems with ridges brought to length 1.
    fn shrunk(&self, problems: u64) -> Cost {
        let square = problems * self.p * self.p;
        product(square + 2 * problems * self.p, FRACTION).then(product(square, FRACTION))
    }

    /// `models` models on the original scale.
    fn restore(&self, models: u64) -> Cost {
        let (p, targets) = (self.p, self.targets);
        let coefficients = product(models * p, 2 * FRACTION - self.coefficient_fraction)
            .beside(multiply(models * p, WIDE))
            .then(multiply(models * p, WIDE));
        let intercept = if self.centred {
            product(models, FRACTION)
                .then(product(models, self.mean_fraction + FRACTION - self.intercept_fraction))
                .then(multiply(models, WIDE))
        } else {
            Cost::default()
        };
        let errors = product(models * p, FRACTION)
            .then(product(models, FRACTION))
            .then(product(targets, FRACTION))
            .then(product(models * targets, 2 * FRACTION - self.error_fraction))
            .then(multiply(models, WIDE));
        let lost = !self.intercept && !self.centred;
        let errors = if lost { errors.then(product(models, FRACTION)) } else { errors };
        coefficients.beside(intercept).beside(errors)
    }
}

/// The solver of `problems` problems of `p` terms that have `grams` matrices.
pub(super) fn minimise(p: u64, problems: u64, grams: u64, compared: u64) -> Cost {
    let iterations = if p <= 16 { 40 } else { 64 };
    let lanes = LANES * problems;
    let (vector, square, own) = (lanes * p, lanes * p * p, LANES * grams * p * p);
    let mut cost = solve(LANES * grams, p, p, doublings(p, 8))
        .then(truncate(own, FRACTION))
        .then(multiply(vector, WIDE))
        .then(truncate(vector + own, FRACTION));
    for index in 0..iterations {
        let moved = by_bits(vector, 2, WIDE);
        let last = index + 1 == iterations;
        let moved = if last { moved.beside(to_arithmetic(2 * vector, 1, WIDE)) } else { moved };
        cost = cost.then(product(vector, FRACTION)).then(negative(2 * vector, compared)).then(moved);
    }
    for _ in 0..NEWTON {
        cost = cost
            .then(product(vector, FRACTION))
            .then(negative(2 * vector, COMPARED))
            .then(to_arithmetic(2 * vector, 1, WIDE))
            .then(multiply(square + vector, WIDE))
            .then(multiply(square, WIDE))
            .then(solve(lanes, p, 1, doublings(p, 12)))
            .then(multiply(vector, WIDE));
    }
    let candidates = LANES * (NEWTON + 1);
    let all = candidates * problems * p;
    let absolute = negative(all, COMPARED).then(mask(all, WIDE));
    cost.then(product(all, FRACTION))
        .then(negative(2 * all, COMPARED))
        .then(by_bits(all, 2, WIDE))
        .then(absolute)
        .then(tournament(p, candidates * problems, 1))
        .then(tournament(candidates, problems, 1 + 2 * p))
        .then(negative(problems * (2 * p + 1), COMPARED))
        .then(and_many(problems, 2 * p + 1))
}

/// The extreme of `records` records, each of `keys` numbers and `width` columns for each of them.
fn tournament(records: u64, keys: u64, width: u64) -> Cost {
    let mut cost = Cost::default();
    let mut left = records;
    while left > 1 {
        let pairs = left / 2;
        cost = cost.then(negative(pairs * keys, COMPARED)).then(mask(pairs * keys * width, WIDE));
        left -= pairs;
    }
    cost
}

/// A LASSO, elastic net, path or cross-validation over `rows` rows whose columns are in `ring`.
pub(super) fn lasso(node: &Lasso, rows: u64, ring: RingSize) -> Cost {
    let features: Vec<Variable> = node.features.iter().map(Variable::of).collect();
    let sizes = Sizes::new(&features, &Variable::of(&node.target), rows, node.intercept, node.standardize);
    let (p, penalties) = (sizes.p, node.alphas.len() as u64);
    if !node.folds.is_empty() {
        return sizes.validated(node, rows, ring);
    }
    let weighed = node.l1_ratio < 1.0 && node.is_penalised();
    let mut penalty = sizes.thresholds(penalties, node.standardize);
    let (mut grams, mut back) = (1, Cost::default());
    if weighed {
        penalty = penalty.beside(sizes.ridges(penalties, node)).then(sizes.shrunk(penalties));
        (grams, back) = (penalties, product(penalties * p, FRACTION));
    }
    statistics(p, ring)
        .then(sizes.moments())
        .then(sizes.correlation())
        .then(penalty.beside(sizes.factors()))
        .then(minimise(p, penalties, grams, 64))
        .then(back)
        .then(sizes.restore(penalties))
}

impl Sizes {
    /// A penalty chosen by cross-validation.
    fn validated(&self, node: &Lasso, rows: u64, ring: RingSize) -> Cost {
        let (penalties, folds) = (node.alphas.len() as u64, node.folds.len() as u64 + 1);
        let weighed = node.l1_ratio < 1.0 && node.is_penalised();
        let (p, variables) = (self.p, self.variables());
        let columns = p + 2;
        let mut gathered = multiply((folds - 1) * rows * (p + 1), ring);
        for _ in 0..folds {
            gathered = gathered.then(multiply(columns * (columns + 1) / 2, ring));
        }
        if ring == RingSize::Z64 {
            gathered = gathered.then(widen(folds * columns * columns));
        }
        let list = self.pairs() + variables;
        let all = 2 * folds * list;
        let scaled = multiply(all, WIDE)
            .then(multiply(all, WIDE))
            .then(truncate(all, (2 * self.levels).saturating_sub(MANTISSA)))
            .then(product(all, MANTISSA))
            .then(product(all, 2 * MANTISSA - FRACTION));
        let from = self.row_bits + 30;
        let ratios = super::table::reciprocal(1 + 2 * folds, self.row_bits / 2 + 1, from)
            .then(product(3 * folds, from - 30))
            .then(product(3 * folds, 30));
        let fraction = FRACTION.min(66 - self.row_bits);
        let means = multiply(folds * variables, WIDE)
            .then(truncate(folds * variables, self.levels.saturating_sub(fraction)))
            .then(product(folds * variables, MANTISSA))
            .then(product(folds * variables, fraction + from - FRACTION));
        let splits = multiply(2 * all + 2 * folds * variables, WIDE).then(scaled.beside(ratios)).then(means);
        let lanes = penalties * folds;
        let scores = product(lanes * variables, FRACTION)
            .then(product(2 * lanes, FRACTION))
            .then(product(lanes, FRACTION))
            .then(product(lanes, 30))
            .then(product(lanes, 30));
        let problems = penalties * (folds + 1);
        let best = tournament(penalties, 1, 3 + 2 * p).then(and_many(1, problems));
        let mut beside = self.thresholds(penalties, node.standardize).beside(self.factors()).beside(splits);
        let mut spread = product(lanes * p, FRACTION);
        let (mut grams, mut back) = (folds + 1, Cost::default());
        if weighed {
            beside = beside.beside(self.ridges(penalties, node));
            spread = product(2 * lanes * p, FRACTION).then(self.shrunk(problems));
            (grams, back) = (problems, product(problems * p, FRACTION));
        }
        gathered
            .then(self.moments())
            .then(self.correlation())
            .then(beside)
            .then(spread)
            .then(minimise(p, problems, grams, 64))
            .then(back)
            .then(scores)
            .then(best)
            .then(self.restore(1))
    }
}

/// A model about zero, in finer steps if its ridge needs them: see `mpc::protocol::regression::Model`.
pub(super) struct AboutZero {
    pub(super) sizes: Sizes,
    /// Bits of the widest feature.
    pub(super) feature_bits: u64,
    /// Whether a ridge is added to the squares of the features.
    pub(super) ridge: bool,
    /// Whether the ridge of a linear model acts on standardised features.
    standardized: bool,
}

impl AboutZero {
    pub(super) fn of(node: &Lasso, rows: u64) -> AboutZero {
        let weight = if node.family == Family::Linear { 1.0 } else { 4.0 };
        let alpha = weight * (1.0 - node.l1_ratio) * node.alphas.first().copied().unwrap_or(0.0);
        let standardized = node.family == Family::Linear && node.standardize && alpha > 0.0;
        let ridge = alpha > 0.0 && !standardized;
        let (digits, half_bits) = if ridge { ridge_bits(node, alpha) } else { (0, Vec::new()) };
        let about_zero = |term: &LassoTerm| Variable::of(term).moment(false) + digits;
        let feature = |(j, term): (usize, &LassoTerm)| Variable {
            bits: about_zero(term).max(half_bits.get(j).copied().unwrap_or(0)) + u64::from(ridge),
            offset: 0,
        };
        let features: Vec<Variable> = node.features.iter().enumerate().map(feature).collect();
        let target = Variable { bits: about_zero(&node.target), offset: 0 };
        let sizes = Sizes::new(&features, &target, rows, node.intercept, standardized);
        let feature_bits = features.iter().map(|v| v.bits).max().unwrap_or(0);
        AboutZero { sizes, feature_bits, ridge, standardized }
    }

    /// Moments, lengths, the way back, and the ridge in the lengths; `errors`: there are standard errors.
    pub(super) fn prepare(&self, ring: RingSize, errors: bool) -> Cost {
        let (sizes, p) = (&self.sizes, self.sizes.p);
        let mut cost =
            statistics(p, ring).then(sizes.moments()).then(sizes.correlation()).then(sizes.factors());
        if self.ridge {
            let fraction = truncate(p, (2 * sizes.levels).saturating_sub(MANTISSA));
            let roots = product(p, MANTISSA).then(product(p, 2 * MANTISSA - FRACTION));
            cost = cost.then(multiply(p, WIDE)).then(fraction).then(roots);
        }
        if self.standardized {
            let by_rows = product(1, MANTISSA).then(product(1, MANTISSA));
            cost = cost.then(by_rows).then(inverse_square_root(1, 35, 66));
        }
        if errors {
            return cost;
        }
        cost.then(negative(p, (2 * sizes.levels + 2).min(126))).then(to_arithmetic(p, 1, WIDE))
    }
}

/// How many binary digits a ridge adds to all integers, and half the bits of each of its weights.
fn ridge_bits(node: &Lasso, alpha: f64) -> (u64, Vec<u64>) {
    let weight = |term: &LassoTerm| alpha / term.step / term.step;
    let smallest = node.features.iter().map(weight).fold(f64::INFINITY, f64::min);
    let digits = (0..14).find(|&digits| smallest * 4_f64.powi(digits) >= 2_f64.powi(20)).unwrap_or(14);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 2^100")]
    let bits = |term: &LassoTerm| {
        let weight = (weight(term) * 4_f64.powi(digits)).min(2_f64.powi(100)) as u128;
        u64::from(u128::BITS - weight.leading_zeros()).div_ceil(2) + 1
    };
    (u64::from(digits.unsigned_abs()), node.features.iter().map(bits).collect())
}

/// Least squares, with a ridge or with standard errors.
pub(super) fn linear(node: &Lasso, rows: u64, ring: RingSize) -> Cost {
    debug_assert_eq!(node.family, Family::Linear);
    let about_zero = AboutZero::of(node, rows);
    let (sizes, errors) = (&about_zero.sizes, node.has_errors());
    let p = sizes.p;
    let mut cost = about_zero.prepare(ring, errors);
    if about_zero.standardized {
        cost = cost.then(sizes.shrunk(1));
    }
    cost = cost.then(invert(p, if errors { p + 1 } else { 1 }));
    if about_zero.standardized {
        cost = cost.then(product(p, FRACTION));
    }
    cost = cost.then(sizes.restore(1));
    if errors { cost.then(product(1, FRACTION)).then(sizes.spread(about_zero.feature_bits)) } else { cost }
}

impl Sizes {
    /// Standard errors of a linear model whose features have so many bits about zero.
    fn spread(&self, feature_bits: u64) -> Cost {
        let p = self.p;
        let coefficients = product(p, 2 * FRACTION - self.coefficient_fraction)
            .beside(multiply(p, WIDE))
            .then(multiply(p, WIDE));
        let others = product(p, FRACTION).then(square_root(p, 33, FRACTION / 2)).then(coefficients);
        if !self.intercept {
            return others;
        }
        let Forms { square, .. } = self.forms(feature_bits);
        let from = Forms::LEFT.midpoint(square) + Forms::ROOT;
        others
            .then(self.form(p, feature_bits))
            .then(truncate(1, FRACTION - Forms::LEFT))
            .then(multiply(1, WIDE))
            .then(square_root(1, 62, Forms::ROOT))
            .then(truncate(1, from.saturating_sub(self.mean_fraction)))
            .then(product(1, self.mean_fraction + FRACTION - self.intercept_fraction))
            .then(multiply(1, WIDE))
    }

    /// Fractional bits of what belongs to the intercept of a model whose features have so many bits about zero.
    fn forms(&self, feature_bits: u64) -> Forms {
        let log = log2(self.p + u64::from(self.intercept));
        let used = 2 * (feature_bits + self.half + 1) + 2 * log;
        let means = ((122_u64 - Forms::INVERSE).saturating_sub(used) / 2).min(self.mean_fraction);
        let square = (124_u64 - Forms::LEFT - Forms::INVERSE).saturating_sub(used).min(2 * means) & !1;
        Forms { means, square }
    }

    /// A quadratic form in `size` means.
    pub(super) fn form(&self, size: u64, feature_bits: u64) -> Cost {
        let Forms { means, square } = self.forms(feature_bits);
        truncate(size, self.mean_fraction.saturating_sub(means))
            .then(product(size, FRACTION))
            .then(multiply(1, WIDE))
            .then(truncate(1, (2 * means).saturating_sub(square)))
    }
}

/// Fractional bits of what belongs to the intercept: see `mpc::protocol::regression::spread`.
struct Forms {
    means: u64,
    square: u64,
}

impl Forms {
    /// Bits of the entries of an accepted inverse.
    const INVERSE: u64 = 20;
    /// Of the part of the variance that is left.
    const LEFT: u64 = 30;
    /// Of the square root of an integer.
    const ROOT: u64 = 20;
}
