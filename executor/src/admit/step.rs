//! Floating point numbers to whole steps.

/// The multiple of `step` nearest to `value`, half to even.
///
/// Where a whole number of steps makes one (0.1, 0.01, 0.25), the result is that fraction as it would be written: 253
/// steps of 0.1 are 25.3 and not 25.300000000000001, so that a comparison with 25.3 holds.
pub(super) fn nearest(value: f64, step: f64) -> f64 {
    let per_one = step.recip().round();
    // Adding zero turns -0.0 into 0.0: one value, one pattern of bits.
    #[expect(clippy::float_cmp, reason = "asks whether the step is exactly the written fraction")]
    let multiple = if per_one >= 1.0 && per_one.recip() == step {
        (value * per_one).round_ties_even() / per_one
    } else {
        (value / step).round_ties_even() * step
    };
    multiple + 0.0
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    #[expect(clippy::float_cmp, reason = "the results are exact")]
    fn multiples_are_as_written_and_ties_go_to_even() {
        assert_eq!(nearest(25.3, 0.1), 25.3);
        assert_eq!(nearest(25.34, 0.1), 25.3);
        assert_eq!(nearest(0.25, 0.1), 0.2);
        assert_eq!(nearest(0.35, 0.1), 0.4);
        assert_eq!(nearest(2.5, 1.0), 2.0);
        assert_eq!(nearest(-3.5, 1.0), -4.0);
        assert_eq!(nearest(7.0, 5.0), 5.0);
        assert_eq!(nearest(0.3, 0.25), 0.25);
        assert!(nearest(-0.01, 0.1).is_sign_positive());
        assert_eq!(nearest(1e300, 2f64.powi(-20)), 1e300);
    }
}
