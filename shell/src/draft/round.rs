//! Rounding outwards: what is published about a range must not be the range itself.

/// The range widened to round numbers: steps of half the power of ten of its width. A range that begins near 0, seen from
/// its width, begins at 0.
pub(super) fn outwards(lo: i128, hi: i128) -> (i128, i128) {
    let width = if hi > lo { hi.saturating_sub(lo) } else { hi.saturating_abs().max(1) };
    let step = (power_of_ten(width) / 2).max(1);
    let low = lo.div_euclid(step).saturating_mul(step);
    let high = hi.saturating_add(step - 1).div_euclid(step).saturating_mul(step);
    (if (0..2 * step).contains(&low) { 0 } else { low }, high)
}

/// The number of rows, widened to two digits.
pub(super) fn rows(count: usize) -> usize {
    let room = count + count / 20;
    let step = usize::try_from(power_of_ten(room.max(1) as i128) / 10).unwrap_or(1).max(100);
    room.next_multiple_of(step).max(step)
}

/// The number of rows of a person, widened to 1, 2, 5, 10, 20, 50, ...
pub(super) fn rows_per_person(most: usize) -> usize {
    let mut base = 1;
    loop {
        for factor in [1, 2, 5] {
            if most <= factor * base {
                return factor * base;
            }
        }
        base *= 10;
    }
}

/// The largest power of ten that is at most `value`, which is at least 1.
fn power_of_ten(value: i128) -> i128 {
    10_i128.pow(value.max(1).ilog10())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_widened_to_round_numbers() {
        assert_eq!(outwards(18, 97), (15, 100));
        assert_eq!(outwards(3, 213), (0, 250));
        assert_eq!(outwards(0, 1), (0, 1));
        assert_eq!(outwards(7, 7), (7, 7));
        assert_eq!(outwards(-17, 42), (-20, 45));
        assert_eq!(outwards(1001, 1004), (1001, 1004));
        for (lo, hi) in [(0, 0), (-5, 12_345), (99, 101), (i128::from(i64::MIN), i128::from(i64::MAX))] {
            let (low, high) = outwards(lo, hi);
            assert!(low <= lo && hi <= high, "{lo} {hi}");
        }
    }

    #[test]
    fn counts_are_widened() {
        assert_eq!([rows(0), rows(24), rows(10_000), rows(1_000_003)], [100, 100, 11_000, 1_100_000]);
        assert_eq!([1, 2, 3, 6, 11, 21, 51].map(rows_per_person), [1, 2, 5, 10, 20, 50, 100]);
    }
}
