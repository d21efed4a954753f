//! What each protocol of the secure core costs: the only file with such numbers.
//!
//! Every function states rounds (the longest chain of dependent messages) and the bytes that each seat sends, from
//! public quantities: `n` rows, `planes` or `bits` of width, the bytes of a ring's element. They follow the core's code
//! step by step, and a test of the whole product holds them against what was measured.

use crate::plan::{Encoding, RingSize};

use super::Cost;
use super::sort::order;

/// Bytes of a pseudonym.
pub(super) const TAG_BYTES: u64 = 16;

/// Bytes of a running count, and of a place in a permutation that one seat knows.
pub(super) const INDEX_BYTES: u64 = 4;

/// Bytes of a seed that an owner without a seat sends.
const SEED_BYTES: u64 = 16;

/// Bytes of an element.
pub(super) fn element(ring: RingSize) -> u64 {
    match ring {
        RingSize::Z64 => 8,
        RingSize::Z128 => 16,
    }
}

/// Bits of an element.
pub(super) fn width(ring: RingSize) -> u64 {
    element(ring) * 8
}

/// Bytes of one component of a column on the wire.
pub(super) fn component(encoding: Encoding, n: u64) -> u64 {
    match encoding {
        Encoding::Arithmetic(ring) => n * element(ring),
        Encoding::Bit => planes(n, 1),
        Encoding::Planes(width) => planes(n, u64::from(width)),
    }
}

/// Bytes of planes on the wire.
pub(super) fn planes(n: u64, width: u64) -> u64 {
    n.div_ceil(8) * width
}

/// Rows of each seat's chunk, where seats take turns as holder: cut at words of 64 rows.
pub(super) fn chunks(n: u64) -> [u64; 3] {
    let words = n.div_ceil(64);
    let bounds = [0, n.min(words / 3 * 64), n.min(words * 2 / 3 * 64), n];
    [bounds[1] - bounds[0], bounds[2] - bounds[1], bounds[3] - bounds[2]]
}

/// Every seat sends the same.
pub(super) fn each(rounds: u64, bytes: u64) -> Cost {
    Cost { rounds, seat_bytes: [bytes; 3], ..Cost::default() }
}

/// An owner's columns, as shares: `bytes` of one component.
pub(super) fn input(seat: Option<usize>, bytes: u64) -> Cost {
    let mut cost = Cost { rounds: 1, ..Cost::default() };
    match seat.and_then(|seat| cost.seat_bytes.get_mut(seat)) {
        Some(sent) => *sent = bytes,
        None => cost.owner_bytes = 4 * SEED_BYTES + 2 * bytes,
    }
    cost
}

/// Products of `n` pairs of elements, or `n` dot products of any length.
pub(super) fn multiply(n: u64, ring: RingSize) -> Cost {
    each(1, n * element(ring))
}

/// ANDs of `width` planes of `n` rows.
pub(super) fn and(n: u64, width: u64) -> Cost {
    each(1, planes(n, width))
}

/// A tree of ANDs over `count` columns of one plane.
pub(super) fn and_many(n: u64, count: u64) -> Cost {
    let mut cost = Cost::default();
    let mut left = count;
    while left > 1 {
        cost = cost.then(and(n, left / 2));
        left -= left / 2;
    }
    cost
}

/// A tree of ANDs over the planes of one column.
pub(super) fn and_all(n: u64, width: u64) -> Cost {
    and_many(n, width)
}

/// Every holder inputs the planes of its chunk.
fn input_chunks(n: u64, bits: u64) -> Cost {
    Cost { rounds: 1, seat_bytes: chunks(n).map(|rows| planes(rows, bits)), ..Cost::default() }
}

/// The sign of numbers of `bits` bits.
pub(super) fn negative(n: u64, bits: u64) -> Cost {
    let mut cost = input_chunks(n, bits);
    let mut leaves = bits;
    while leaves > 1 {
        let pairs = leaves / 2;
        cost = cost.then(and(n, 2 * pairs - 1));
        leaves -= pairs;
    }
    cost
}

/// Equality with 0 of numbers of `bits` bits.
pub(super) fn zero(n: u64, bits: u64) -> Cost {
    input_chunks(n, bits).then(and_many(n, bits))
}

/// Bits as numbers, `width` planes of them.
pub(super) fn to_arithmetic(n: u64, width: u64, ring: RingSize) -> Cost {
    each(2, n * width * element(ring))
}

/// Sums of `terms` numbers where their bits are 1: holders input bits and products, the others swap parts of the sum.
pub(super) fn by_bits(n: u64, terms: u64, ring: RingSize) -> Cost {
    by_parts(n, (2 * terms - 1) * element(ring), element(ring))
}

/// A number where a bit is 1, else 0.
pub(super) fn mask(n: u64, ring: RingSize) -> Cost {
    by_bits(n, 1, ring)
}

/// A bit as a number, and a number where it is 1.
fn bit_and_product(n: u64, ring: RingSize) -> Cost {
    each(2, 2 * n * element(ring))
}

/// Magnitude and sign of numbers of `bits` bits.
fn magnitude(n: u64, bits: u64, ring: RingSize) -> Cost {
    negative(n, bits).then(bit_and_product(n, ring))
}

/// A local map of the two parts of a number (`mapped` bytes each), beside the wrap of their sum (`wrap` bytes each).
pub(super) fn by_parts(n: u64, mapped: u64, wrap: u64) -> Cost {
    Cost { rounds: 2, seat_bytes: chunks(n).map(|own| own * mapped + n * wrap), ..Cost::default() }
}

/// From `Z_2^64` to `Z_2^128`.
pub(super) fn widen(n: u64) -> Cost {
    by_parts(n, element(RingSize::Z128), element(RingSize::Z64))
}

/// The floor of a quotient by a public number.
pub(super) fn divide_by_public(n: u64, divisor: i128, ring: RingSize) -> Cost {
    if divisor == 1 {
        return Cost::default();
    }
    let bits = width(ring).min(u64::from(128 - divisor.leading_zeros()) + 2);
    by_parts(n, element(ring), element(ring)).then(negative(2 * n, bits)).then(to_arithmetic(2 * n, 1, ring))
}

/// A quotient by a public number, with its sign; `doubled` where it is rounded to the nearest.
pub(super) fn divide_by_constant(n: u64, divisor: i128, doubled: bool, bits: u64, ring: RingSize) -> Cost {
    let divisor = if doubled { divisor.saturating_mul(2) } else { divisor };
    magnitude(n, bits + 1, ring).then(divide_by_public(n, divisor, ring)).then(multiply(n, ring))
}

/// A quotient of two shared numbers with signs, and 0 where the divisor is 0.
pub(super) fn divide(n: u64, numerator_bits: u64, denominator_bits: u64, ring: RingSize) -> Cost {
    let bounded = numerator_bits.max(denominator_bits) <= BOUNDED_BITS
        || numerator_bits + 2 <= width(RingSize::Z128) && denominator_bits <= SHORT_BITS;
    let positive = if bounded {
        divide_bounded(n, numerator_bits, denominator_bits, ring)
    } else {
        divide_bitwise(n, numerator_bits, ring)
    };
    let signed = magnitude(n, denominator_bits + 1, ring).then(positive).then(multiply(n, ring));
    signed.beside(zero(n, denominator_bits + 1)).then(mask(n, ring))
}

/// Numerators and divisors of up to this many bits are divided by two estimates and corrections.
const BOUNDED_BITS: u64 = 62;

/// Divisors of up to this many bits divide longer numerators too, after first estimates, each of which takes so many
/// bits off the numerator.
const SHORT_BITS: u64 = 60;
const TAKEN_BITS: u64 = 53;

/// By Newton's method: the top bit of the divisor, four iterations, estimates, four comparisons.
fn divide_bounded(n: u64, numerator_bits: u64, divisor_bits: u64, ring: RingSize) -> Cost {
    let wide = RingSize::Z128;
    let to_wide = if ring == wide { Cost::default() } else { widen(n) };
    let top_bits = divisor_bits.max(1);
    let top = all_bits(n, top_bits).then(suffix_or(n, top_bits)).then(to_arithmetic(n, top_bits, wide));
    let mut cost = magnitude(n, numerator_bits + 1, ring)
        .then(to_wide)
        .beside(top)
        .beside(to_wide)
        .then(multiply(n, wide));
    for _ in 0..4 {
        cost = cost.then(product(n, BOUNDED_BITS)).then(product(n, BOUNDED_BITS - 1));
    }
    let mut bits = numerator_bits;
    while bits > BOUNDED_BITS {
        let left_out = bits - BOUNDED_BITS;
        cost = cost.then(truncate(n, left_out)).then(estimate(n, left_out.min(BOUNDED_BITS)));
        bits = (bits - TAKEN_BITS).max(divisor_bits + 2);
    }
    cost = cost.then(estimate(n, 0)).then(estimate(n, 0));
    cost.then(negative(4 * n, BOUNDED_BITS + 5)).then(to_arithmetic(4 * n, 1, wide)).then(multiply(n, ring))
}

/// A quotient with so many fractional bits, and what it leaves.
fn estimate(n: u64, fraction: u64) -> Cost {
    let by_divisor = product(n, BOUNDED_BITS - 1).then(product(n, BOUNDED_BITS - fraction));
    by_divisor.then(multiply(n, RingSize::Z128))
}

/// One bit of the quotient after the other.
fn divide_bitwise(n: u64, quotient_bits: u64, ring: RingSize) -> Cost {
    let digits = quotient_bits.min(width(ring) - 2);
    let fits = if digits == 0 { Cost::default() } else { negative(n * digits, width(ring) - 1) };
    let mut quotient = fits.beside(magnitude(n, width(ring) - 1, ring));
    for _ in 0..digits {
        quotient = quotient.then(negative(n, width(ring))).then(and(n, 1)).then(bit_and_product(n, ring));
    }
    quotient.then(multiply(n, ring))
}

/// Products of numbers of `Z_2^128`, without their low `bits` bits.
pub(super) fn product(n: u64, bits: u64) -> Cost {
    multiply(n, RingSize::Z128).then(truncate(n, bits))
}

/// Numbers of `Z_2^128` without their low `bits` bits.
pub(super) fn truncate(n: u64, bits: u64) -> Cost {
    if bits == 0 {
        return Cost::default();
    }
    let wide = element(RingSize::Z128);
    by_parts(n, wide, if bits <= 32 { INDEX_BYTES } else { wide })
}

/// Fractional bits of what Newton's method and polynomials work on.
const MANTISSA: u64 = 56;

/// Where the top pair of bits of numbers below 4^levels is.
pub(super) fn shifts(n: u64, levels: u64) -> Cost {
    let mut prefix = Cost::default();
    let mut reach = 1;
    while reach < levels {
        prefix = prefix.then(and(n, levels - reach));
        reach *= 2;
    }
    let pairs = all_bits(n, 2 * levels).then(and(n, levels));
    pairs.then(prefix).then(to_arithmetic(n, levels, RingSize::Z128))
}

/// Numbers below 4^levels brought to [1/4, 1).
fn mantissa(n: u64, levels: u64) -> Cost {
    let scaled = shifts(n, levels).then(multiply(n, RingSize::Z128));
    scaled.then(truncate(n, (2 * levels).saturating_sub(MANTISSA)))
}

/// Inverse roots of numbers in [1/4, 1): a polynomial, and three steps of Newton's method.
pub(super) fn inverse_root_of(n: u64) -> Cost {
    let wide = RingSize::Z128;
    let once = || product(n, MANTISSA);
    let twice = |products: u64| multiply(products * n, wide).then(truncate(2 * n, MANTISSA));
    let mut cost = twice(1).then(once());
    for _ in 0..3 {
        cost = cost.then(twice(2)).then(once());
    }
    cost
}

/// Inverse roots of numbers below 4^levels, with their powers of two apart.
fn inverse_root(n: u64, levels: u64) -> Cost {
    mantissa(n, levels).then(inverse_root_of(n))
}

/// A quotient by the root of a number below 4^levels: normalised, an inverse root by Newton's method, two products.
pub(super) fn divide_by_root(n: u64, levels: u64, fraction: u64) -> Cost {
    let product = multiply(n, RingSize::Z128);
    inverse_root(n, levels).then(product).then(product).then(truncate(n, MANTISSA + levels - fraction))
}

/// Square roots of numbers below 4^levels with `fraction` fractional bits.
pub(super) fn square_root(n: u64, levels: u64, fraction: u64) -> Cost {
    inverse_root(n, levels).then(product(n, MANTISSA)).then(product(n, MANTISSA - fraction))
}

/// One divided by square roots of numbers below 4^levels.
pub(super) fn inverse_square_root(n: u64, levels: u64, fraction: u64) -> Cost {
    inverse_root(n, levels).then(product(n, MANTISSA + levels.saturating_sub(fraction)))
}

/// One divided by numbers below 4^levels.
pub(super) fn reciprocal(n: u64, levels: u64, fraction: u64) -> Cost {
    let power = product(n, MANTISSA + (2 * levels).saturating_sub(fraction));
    inverse_root(n, levels).then(product(n, MANTISSA)).then(power)
}

/// A polynomial of some degree.
fn polynomial(n: u64, degree: u64) -> Cost {
    let mut cost = Cost::default();
    let mut powers = 1;
    while powers < degree {
        let count = powers.min(degree - powers);
        cost = cost.then(product(n * count, MANTISSA));
        powers += count;
    }
    cost.then(truncate(n, MANTISSA))
}

/// Logarithms of numbers below 4^levels.
pub(super) fn logarithm(n: u64, levels: u64) -> Cost {
    mantissa(n, levels).then(truncate(n, MANTISSA)).then(polynomial(n, 24))
}

/// Exponentials of numbers below 16 in size.
pub(super) fn exponential(n: u64, from: u64, to: u64) -> Cost {
    const WHOLE: u64 = 6;
    let wide = RingSize::Z128;
    let bits = truncate(n, from).then(all_bits(n, MANTISSA + WHOLE)).then(to_arithmetic(n, WHOLE, wide));
    let mut power = Cost::default();
    let mut factors = WHOLE;
    while factors > 1 {
        power = power.then(multiply(n * (factors / 2), wide));
        factors -= factors / 2;
    }
    bits.then(power.beside(polynomial(n, 8))).then(product(n, MANTISSA + 32 - to))
}

/// Numbers of `bits` bits of `Z_2^128`, cut to a range.
pub(super) fn clamp(n: u64, bits: u64) -> Cost {
    negative(2 * n, bits + 1).then(by_bits(n, 2, RingSize::Z128))
}

/// The low `bits` bits of a number, by a prefix adder.
pub(super) fn all_bits(n: u64, bits: u64) -> Cost {
    let mut cost = input_chunks(n, bits);
    let mut size = 1;
    while size < bits {
        let upper = (0..bits).filter(|i| i & size != 0).count() as u64;
        let open = (2 * size..bits).filter(|i| i & size != 0).count() as u64;
        cost = cost.then(and(n, upper + open));
        size *= 2;
    }
    cost
}

/// The OR of every plane and those above it.
fn suffix_or(n: u64, width: u64) -> Cost {
    let mut cost = Cost::default();
    let mut size = 1;
    while size < width {
        cost = cost.then(and(n, (0..width).filter(|i| i & size != 0).count() as u64));
        size *= 2;
    }
    cost
}

/// Distinct numbers of `bits` bits, perhaps planes already (in parts of so many rows), with a 1, for each of `width` planes, which are made by
/// `cells`.
pub(super) fn distinct(parts: &[u64], (bits, in_planes): (u64, bool), width: u64, cells: Cost) -> Cost {
    let n = parts.iter().sum();
    let split = if in_planes { &[][..] } else { parts };
    let numbers = split.iter().fold(Cost::default(), |cost, rows| cost.beside(all_bits(*rows, bits)));
    let sorted = order(n, bits).then(moved(n, places(n))).then(moved(n, planes(n, bits + width)));
    let same = and_many(n.saturating_sub(1), bits);
    numbers.beside(cells).then(sorted).then(same).then(segmented_or(n, width, n)).then(to_arithmetic(
        n,
        width,
        RingSize::Z64,
    ))
}

/// The OR over runs of at most `max_run` rows, of `width` planes.
pub(super) fn segmented_or(n: u64, width: u64, max_run: u64) -> Cost {
    if max_run <= 1 || n == 0 || width == 0 {
        return Cost::default();
    }
    let mut cost = and(n, width);
    let mut distance = 1;
    while distance < max_run {
        let last = 2 * distance >= max_run;
        cost = cost.then(and(n, if last { width } else { 2 * width }));
        distance *= 2;
    }
    cost.then(and(n, width))
}

/// `columns` of `n` rows put into an order of `m` rows that `holder` knows, each row used at most once.
pub(super) fn place(columns: &[Encoding], n: u64, m: u64, holder: usize) -> Cost {
    let total = n.max(m);
    let table = table(columns, total);
    let mut cost = Cost { rounds: 2, ..Cost::default() };
    cost.seat_bytes[holder % 3] = INDEX_BYTES * total + table;
    cost.seat_bytes[(holder + 1) % 3] = table;
    cost.seat_bytes[(holder + 2) % 3] = table;
    cost
}

/// As [`place`], where rows may be used many times.
pub(super) fn gather(columns: &[Encoding], n: u64, m: u64, holder: usize) -> Cost {
    let mut cost = Cost { rounds: 4, ..Cost::default() };
    cost.seat_bytes[holder % 3] = INDEX_BYTES * (n + 2 * m) + table(columns, m);
    cost.seat_bytes[(holder + 1) % 3] = table(columns, n) + table(columns, m);
    cost.seat_bytes[(holder + 2) % 3] = table(columns, n + m) + table(columns, m);
    cost
}

pub(super) fn table(columns: &[Encoding], n: u64) -> u64 {
    columns.iter().map(|column| component(*column, n)).sum()
}

/// Bits of the numbers below `count`.
pub(super) fn bits_below(count: u64) -> u64 {
    u64::from(u64::BITS - count.saturating_sub(1).leading_zeros())
}

/// The one-hot code of numbers of `width` bits.
pub(super) fn one_hot(n: u64, width: u64) -> Cost {
    if width < 2 {
        return Cost::default();
    }
    let (low, high) = (width - width / 2, width / 2);
    one_hot(n, low).beside(one_hot(n, high)).then(and(n, ((1 << low) - 1) * ((1 << high) - 1)))
}

/// Bytes of an order of rows, as planes.
pub(super) fn places(n: u64) -> u64 {
    planes(n, bits_below(n))
}

/// Rows moved to where planes say: `bytes` of one component of what travels.
pub(super) fn moved(n: u64, bytes: u64) -> Cost {
    let each = places(n) + bytes;
    Cost { rounds: 3, seat_bytes: [each + bytes, each, each], ..Cost::default() }
}

/// Rows moved to where numbers say: `bytes` of one component of what travels.
pub(super) fn moved_by_numbers(n: u64, bytes: u64) -> Cost {
    let each = INDEX_BYTES * n + bytes;
    Cost { rounds: 3, seat_bytes: [each + bytes, each, each], ..Cost::default() }
}

/// Rows moved by a digit of `width` planes, by running counts of each of its values; seat `busy` sends two components.
pub(super) fn by_digit(busy: usize, n: u64, width: u64, bytes: u64) -> Cost {
    let code = one_hot(n, width).then(each(2, ((1 << width) - 1) * n * INDEX_BYTES));
    code.then(by_parts_of_places(busy, n, bytes))
}

/// Rows moved to places in three parts, one at each seat.
pub(super) fn by_parts_of_places(busy: usize, n: u64, bytes: u64) -> Cost {
    let mut seat_bytes = [2 * INDEX_BYTES * n + bytes; 3];
    seat_bytes[busy % 3] = INDEX_BYTES * n + 2 * bytes;
    Cost { rounds: 3, seat_bytes, ..Cost::default() }
}

/// Rows whose bit is 1 to the front.
pub(super) fn compact(n: u64, payload: &[Encoding]) -> Cost {
    by_digit(0, n, 1, table(payload, n))
}

/// An oblivious join of `stay` rows with `moved` unique ones by keys of `bits` bits, with columns of the latter: all rows
/// sorted by side, key and validity; the first row of each key and keys that repeat; the columns copied down from it.
pub(super) fn oblivious_join(columns: &[Encoding], stay: u64, moved: u64, bits: u64) -> Cost {
    let n = stay + moved;
    let index = || self::moved(n, places(n));
    let payload = table(columns, n);
    let sorted = order(n, bits + 2).then(index()).then(self::moved(n, planes(n, bits + 2)));
    let heads = and_many(n.saturating_sub(1), bits + 1).beside(and(n, 1)).then(and(n, 1));
    let mut any = Cost::default();
    let mut left = n;
    while left > 1 {
        any = any.then(and(left / 2, 1));
        left -= left / 2;
    }
    let with_bit = payload + planes(n, 1);
    let parted = by_digit(0, n, 1, with_bit + places(n));
    let filled = parted.then(self::moved(n, with_bit));
    let found = sorted.then(heads).then(any).then(index()).then(self::moved(n, payload)).then(filled);
    found.then(self::moved(n, with_bit)).then(to_arithmetic(stay, 1, RingSize::Z64))
}

/// Rows of `width` planes read at `reads` secret places of `place` bits.
pub(super) fn read(n: u64, width: u64, reads: u64, place: u64) -> Cost {
    let low = place.div_ceil(2).max(6);
    let blocks = n.div_ceil(1 << low);
    if blocks == 0 || width == 0 {
        return Cost::default();
    }
    let codes = one_hot(reads, low).beside(one_hot(reads, place.saturating_sub(low)));
    codes.then(and(reads, blocks * width)).then(and(reads, width))
}

/// Running products along `runs` runs of `length` fixed-point numbers in `Z_2^128`.
pub(super) fn running_products(runs: u64, length: u64, fraction: u64) -> Cost {
    let wide = element(RingSize::Z128);
    let wrap = if fraction <= 32 { INDEX_BYTES } else { wide };
    let mut cost = Cost::default();
    let mut distance = 1;
    while distance < length {
        let n = runs * (length - distance);
        cost = cost.then(multiply(n, RingSize::Z128)).then(by_parts(n, wide, wrap));
        distance *= 2;
    }
    cost
}

/// Sums of `all` columns along `runs` runs of `length` cells until those of `asking` columns are large enough.
pub(super) fn pool(runs: u64, length: u64, [asking, all]: [u64; 2], bits: u64) -> Cost {
    if asking == 0 || runs == 0 {
        return Cost::default();
    }
    let met = negative(runs * asking, bits).then(and_many(runs, asking));
    let again = mask(runs * all, RingSize::Z64);
    (1..length).fold(met, |cost, _| cost.then(again).then(met))
}

/// The sufficient statistics of a model with `terms` features.
pub(super) fn statistics(terms: u64, ring: RingSize) -> Cost {
    let columns = terms + 2;
    let gram = multiply(columns * (columns + 1) / 2, ring);
    if ring == RingSize::Z64 { gram.then(widen(columns * columns)) } else { gram }
}

/// Sigmoids of numbers of `bits` bits with `from` fractional bits, in `Z_2^64`: one polynomial for each of 64 intervals.
pub(super) fn sigmoid(n: u64, bits: u64, from: u64, to: u64) -> Cost {
    const PRECISION: u64 = 30;
    let ring = RingSize::Z64;
    let interval = one_hot(2 * n, 3).beside(and_all(n, bits - from - 5));
    let codes = all_bits(n, bits + 1).then(interval).then(and(n, 9)).then(to_arithmetic(n, 16, ring));
    let powers = [1, 2, 4].map(|count| narrow_product(count * n, PRECISION));
    let powers = powers.into_iter().fold(Cost::default(), Cost::then);
    let series = powers.beside(multiply(9 * n, ring)).then(multiply(n, ring));
    codes.then(series).then(narrow_truncate(n, 2 * PRECISION - to))
}

/// As [`product`], of numbers of `Z_2^64`.
pub(super) fn narrow_product(n: u64, bits: u64) -> Cost {
    multiply(n, RingSize::Z64).then(narrow_truncate(n, bits))
}

/// As [`truncate`], of numbers of `Z_2^64`.
fn narrow_truncate(n: u64, bits: u64) -> Cost {
    if bits == 0 {
        return Cost::default();
    }
    let narrow = element(RingSize::Z64);
    by_parts(n, narrow, if bits <= 32 { INDEX_BYTES } else { narrow })
}
