//! Every functionality in the clear: the oracle that tests compare the protocols with.
//!
//! Values are the signed or unsigned numbers that a column stands for, so that an oracle cannot share a mistake of
//! ring arithmetic with its protocol.

pub mod cox;
pub mod fixed;
pub mod regression;

/// Element by element.
pub fn mul(x: &[i128], y: &[i128]) -> Vec<i128> {
    x.iter().zip(y).map(|(a, b)| a.wrapping_mul(*b)).collect()
}

/// The sum of products.
pub fn dot(x: &[i128], y: &[i128]) -> i128 {
    mul(x, y).into_iter().fold(0, i128::wrapping_add)
}

/// A' B for columns, row-major.
pub fn matmul(a: &[Vec<i128>], b: &[Vec<i128>]) -> Vec<i128> {
    a.iter().flat_map(|x| b.iter().map(|y| dot(x, y))).collect()
}

/// 1 where x < y.
pub fn less_than(x: &[i128], y: &[i128]) -> Vec<i128> {
    x.iter().zip(y).map(|(a, b)| i128::from(a < b)).collect()
}

/// 1 where x = y.
pub fn equal(x: &[i128], y: &[i128]) -> Vec<i128> {
    x.iter().zip(y).map(|(a, b)| i128::from(a == b)).collect()
}

/// `x` where the bit is set, else `y`.
pub fn select(bit: &[bool], x: &[i128], y: &[i128]) -> Vec<i128> {
    bit.iter().zip(x.iter().zip(y)).map(|(&bit, (&x, &y))| if bit { x } else { y }).collect()
}

/// The floor of the quotient by a positive number.
pub fn floor_divide(x: &[i128], divisor: i128) -> Vec<i128> {
    x.iter().map(|a| a.div_euclid(divisor)).collect()
}

/// The quotient rounded towards zero.
pub fn divide(x: &[i128], y: &[i128]) -> Vec<i128> {
    x.iter().zip(y).map(|(a, b)| a / b).collect()
}

/// Row i is row `sources[i]`, or zero if there is none.
pub fn gather<T: Copy + Default>(x: &[T], sources: &[u32]) -> Vec<T> {
    sources.iter().map(|&s| x.get(s as usize).copied().unwrap_or_default()).collect()
}

/// Every bit from the top one down.
pub fn suffix_or(x: i128) -> i128 {
    (1 << (i128::BITS - x.leading_zeros())) - 1
}

/// For each run, whether any flag is set, at its last row; false elsewhere.
pub fn segmented_or(flags: &[bool], run_starts: &[bool]) -> Vec<bool> {
    let mut any = false;
    let mut out = Vec::with_capacity(flags.len());
    for (i, &flag) in flags.iter().enumerate() {
        any = flag || (any && !run_starts[i]);
        out.push(any && run_starts.get(i + 1).copied().unwrap_or(true));
    }
    out
}

/// The sums of columns since the entry after the last one shown, along runs of `length` entries, and which are shown: where
/// all sums have reached their `at_least`.
pub fn pool(columns: &[Vec<i128>], at_least: &[u64], length: usize) -> (Vec<Vec<i128>>, Vec<bool>) {
    let mut sums: Vec<Vec<i128>> = columns.to_vec();
    let mut shown = vec![true; columns.first().map_or(0, Vec::len)];
    for entry in 0..shown.len() {
        let goes_on = entry % length > 0 && !shown[entry - 1];
        for sum in sums.iter_mut().filter(|_| goes_on) {
            sum[entry] += sum[entry - 1];
        }
        shown[entry] = sums.iter().zip(at_least).all(|(sum, &least)| sum[entry] >= i128::from(least));
    }
    (sums, shown)
}

/// The rows in stable ascending order of their keys, as sources.
pub fn order_by<K: Ord>(keys: &[K]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|&a, &b| keys[a].cmp(&keys[b]));
    order
}

/// For each distinct key, in ascending order: the key and the sum of its values.
pub fn sums_by_key(keys: &[u64], values: &[i128]) -> Vec<(u64, i128)> {
    let mut sums: Vec<(u64, i128)> = Vec::new();
    for row in order_by(keys) {
        match sums.last_mut() {
            Some((key, sum)) if *key == keys[row] => *sum += values[row],
            Some(_) | None => sums.push((keys[row], values[row])),
        }
    }
    sums
}

/// Each row shows the value of the last head at or above it, zero if there is none.
pub fn fill(x: &[i128], heads: &[bool]) -> Vec<i128> {
    let mut last = 0;
    x.iter()
        .zip(heads)
        .map(|(&x, &head)| {
            if head {
                last = x;
            }
            last
        })
        .collect()
}

/// For each key of a valid row, in ascending order: the values that are there, in ascending order.
///
/// Rows are (key, valid, value, present).
pub fn values_by_key(rows: &[(u64, bool, u64, bool)]) -> Vec<(u64, Vec<u64>)> {
    let mut groups: std::collections::BTreeMap<u64, Vec<u64>> = std::collections::BTreeMap::new();
    for &(key, valid, value, present) in rows {
        if valid {
            groups.entry(key).or_default().extend(present.then_some(value));
        }
    }
    groups
        .into_iter()
        .map(|(key, mut values)| {
            values.sort_unstable();
            (key, values)
        })
        .collect()
}

/// The neighbours of place `a / b (count - 1)` of ascending values, and the weight of the upper one in `1 / unit`;
/// zeros without values.
pub fn interpolated(values: &[u64], a: u32, b: u32, unit: u32) -> [i128; 3] {
    let Some(last) = values.len().checked_sub(1) else { return [0; 3] };
    let (a, b) = (a as usize, b as usize);
    let (low, rest) = (a * last / b, a * last % b);
    let high = low + usize::from(rest > 0);
    [i128::from(values[low]), i128::from(values[high]), (rest * unit as usize / b) as i128]
}

/// The first of ascending values at which `a / b` of them are reached; zeros without values.
pub fn discrete(values: &[u64], a: u32, b: u32) -> [i128; 3] {
    let reached = (a as usize * values.len()).div_ceil(b as usize).max(1);
    let value = values.get(reached - 1).copied().map_or(0, i128::from);
    [value, value, 0]
}
