//! Smooth functions of columns, by one polynomial for each of many equal intervals.
//!
//! The bits above the binary point say in which of 64 intervals of length 1 a number lies. Its one-hot code, in two
//! halves of three bits, turns the public coefficients of all intervals into the shared ones of its own: a bilinear
//! form. The polynomial is then one sum of products in the powers of the distance from the middle.
//! Compare: Catrina, "Evaluation of floating-point functions by piecewise polynomials" (2020), for the idea.
//! Model: semi-honest, 1 of 3.

use super::truncated_product;
use crate::planes::as_u32;
use crate::protocol::bits::{and, or_all};
use crate::protocol::convert::{bit_to_arithmetic, bits_of};
use crate::protocol::one_hot::one_hot;
use crate::protocol::product::sum_of_products;
use crate::protocol::truncate::truncate;
use crate::{Context, Result, Shared, SharedBits};

/// Fractional bits of coefficients, powers and results: a product of two numbers up to 1 stays below 2^62.
const PRECISION: u32 = 30;
/// Numbers from -32 on, and below 32, have a polynomial.
const REACH: i64 = 32;
/// Bits of one half of the number of an interval.
const HALF: usize = 3;
/// The degree of all polynomials.
const DEGREE: usize = 8;

/// Fractional bits of the series that polynomials are made from.
pub(super) const EXACT: u32 = 60;

/// A public function on [-32, 32), constant outside.
#[derive(Clone, Debug)]
pub struct Piecewise {
    /// For each power, the coefficients of all 64 intervals, in the variable that goes from -1 to 1 over an interval.
    coefficients: [Vec<i64>; DEGREE + 1],
    /// The value from 32 on; below -32 it is 0.
    above: i64,
}

impl Piecewise {
    /// From a power series for each interval, and the whole number that the function is from 32 on.
    ///
    /// `series(h)` are the coefficients of f((h + t) / 2) in t, the constant first, with 60 fractional bits and at
    /// most 1 in size together. Long series are brought to degree 8 with the smallest error on the interval. On
    /// integers, so that every seat has the same.
    pub fn new(series: impl Fn(i64) -> Vec<i128>, above: i64) -> Self {
        let mut coefficients: [Vec<i64>; DEGREE + 1] = Default::default();
        for interval in -REACH..REACH {
            let mut exact = economised(series(2 * interval + 1));
            exact.resize(DEGREE + 1, 0);
            for (list, value) in coefficients.iter_mut().zip(exact) {
                let rounded = (value + (1 << (EXACT - PRECISION - 1))) >> (EXACT - PRECISION);
                list.push(i64::try_from(rounded).unwrap_or_default());
            }
        }
        Piecewise { coefficients, above: above << PRECISION }
    }
}

/// The function of each number of `from` fractional bits, with `to` fractional bits.
///
/// Domain: `x` in [-2^(bits-1), 2^(bits-1)), whatever number that is; `from`, `to <= 30`, from + 7 < bits < 63.
/// Error: that of the polynomials, and below 2^-27 and two units of the result.
/// Shapes: n -> n.
/// Cost: 16 + ceil(log2(bits + 1)) + max(2, ceil(log2(bits - from - 5))) rounds; 16 elements for the codes, 9 for the
/// coefficients, 8 truncated products, and the bits of x: 338 bytes a row for 32 bits.
///
/// # Errors
/// [`crate::Error::Internal`] outside of the domain of public parameters; [`crate::Error::Peer`].
pub async fn piecewise(
    ctx: &Context,
    function: &Piecewise,
    x: &Shared<u64>,
    bits: u32,
    from: u32,
    to: u32,
) -> Result<Shared<u64>> {
    if from > PRECISION || to > PRECISION || bits > 62 || from + 7 >= bits {
        return Err(ctx.internal("a piecewise function of too many or too few bits"));
    }
    let (n, seat) = (x.len(), ctx.seat());
    let from_start = x.clone().add_constant(seat, REACH.cast_unsigned() << from);
    let codes = codes(&ctx.step("codes"), &from_start, bits + 1, from as usize).await?;

    // From -1 to 1 over the interval.
    let whole = codes.weighted(|place| place as u64);
    let t = from_start.sub(&whole.shift_left(from)).shift_left(PRECISION + 1 - from);
    let t = t.add_constant(seat, (1u64 << PRECISION).wrapping_neg());
    let (power_step, coefficient_step) = (ctx.step("powers"), ctx.step("coefficients"));
    let (powers, coefficients) =
        futures::try_join!(powers(&power_step, t), codes.select(&coefficient_step, &function.coefficients))?;
    let coefficient = |k: usize| coefficients.slice(k * n..(k + 1) * n);
    let terms: Vec<(Shared<u64>, &Shared<u64>)> =
        powers.iter().enumerate().map(|(i, power)| (coefficient(i + 1), power)).collect();
    let terms: Vec<(&Shared<u64>, &Shared<u64>)> = terms.iter().map(|(c, power)| (c, *power)).collect();
    let sum = sum_of_products(&ctx.step("sum"), &terms).await?;
    let above = codes.above.scale(function.above.cast_unsigned());
    let sum = sum.add(&coefficient(0).add(&above).shift_left(PRECISION));
    truncate(&ctx.step("truncate"), &sum, 2 * PRECISION - to).await
}

/// In which interval each number lies, as the one-hot codes of both halves of its number.
struct Codes {
    /// All zero outside of the domain.
    high: Vec<Shared<u64>>,
    low: Vec<Shared<u64>>,
    /// Beyond the last interval.
    above: Shared<u64>,
}

async fn codes(ctx: &Context, x: &Shared<u64>, bits: u32, point: usize) -> Result<Codes> {
    let seat = ctx.seat();
    let bits = bits_of(&ctx.step("bits"), x, bits).await?;
    let end = point + 2 * HALF;
    let (outside, codes) = (ctx.step("outside"), ctx.step("one hot"));
    // Both halves in one code, row after row.
    let halves =
        SharedBits::concat_rows(&[&bits.planes(point..point + HALF), &bits.planes(point + HALF..end)]);
    let beyond = bits.planes(end..bits.width());
    let (outside, code) = futures::try_join!(or_all(&outside, &beyond), one_hot(&codes, &halves))?;
    let (low, high) = (code.rows(0..x.len()), code.rows(x.len()..2 * x.len()));
    // Outside, what is not negative is above.
    let inside = outside.not(seat).repeat_plane(high.width());
    let masks = SharedBits::concat_planes(&[&inside, &outside]);
    let positive = bits.plane(bits.width() - 1).not(seat);
    let high = and(&ctx.step("inside"), &masks, &SharedBits::concat_planes(&[&high, &positive])).await?;
    let places = 1 << HALF;
    let planes = SharedBits::concat_planes(&[&high, &low.planes(0..places - 1)]);
    let mut columns = bit_to_arithmetic::<u64>(&ctx.step("columns"), &planes).await?;
    let mut low = columns.split_off(places + 1);
    let above = columns.pop().unwrap_or_default();
    // A code sums up to 1.
    let rest = low.iter().fold(Shared::zeros(x.len()), |sum, column| sum.sub(column));
    low.push(rest.add_constant(seat, 1));
    Ok(Codes { high: columns, low, above })
}

impl Codes {
    /// The sum of both halves' weights: `weight(place)` of the whole number, which must be additive in them. Local.
    fn weighted(&self, weight: impl Fn(usize) -> u64) -> Shared<u64> {
        let mut sum = Shared::zeros(self.above.len());
        for (place, column) in self.low.iter().enumerate() {
            sum.add_assign(&column.scale(weight(place)));
        }
        for (place, column) in self.high.iter().enumerate() {
            sum.add_assign(&column.scale(weight(place << HALF)));
        }
        sum
    }

    /// For each list of public values, one for each interval, the value of each row's interval.
    ///
    /// Cost: 1 round, one element a list.
    async fn select(&self, ctx: &Context, lists: &[Vec<i64>]) -> Result<Shared<u64>> {
        let places = 1 << HALF;
        let mut forms = Vec::with_capacity(places);
        for (h, high) in self.high.iter().enumerate() {
            let rows: Vec<Shared<u64>> =
                lists.iter().map(|list| combined(&self.low, &list[h * places..(h + 1) * places])).collect();
            forms.push((high.repeat(lists.len()), Shared::concat(&rows.iter().collect::<Vec<_>>())));
        }
        sum_of_products(ctx, &forms.iter().map(|(x, y)| (x, y)).collect::<Vec<_>>()).await
    }
}

/// The sum of columns times public numbers. Local.
fn combined(columns: &[Shared<u64>], weights: &[i64]) -> Shared<u64> {
    let len = columns.first().map_or(0, Shared::len);
    let mut sum = Shared::zeros(len);
    for (column, weight) in columns.iter().zip(weights) {
        sum.add_assign(&column.scale(weight.cast_unsigned()));
    }
    sum
}

/// t, t^2, ..., by doubling: of t, ..., t^k, each times t^k.
async fn powers(ctx: &Context, t: Shared<u64>) -> Result<Vec<Shared<u64>>> {
    let n = t.len();
    let mut powers = vec![t];
    while powers.len() < DEGREE {
        let count = powers.len();
        let low = Shared::concat(&powers.iter().collect::<Vec<_>>());
        let high = powers[count - 1].repeat(count);
        let product = truncated_product(&ctx.nth(count), &low, &high, PRECISION).await?;
        powers.extend((0..count).map(|i| product.slice(i * n..(i + 1) * n)));
    }
    debug_assert_eq!(as_u32(powers.len()), as_u32(DEGREE));
    Ok(powers)
}

/// Lowers the degree of a polynomial on [-1, 1] by Chebyshev's polynomials, each time by the smallest possible error.
///
/// Paper: Lanczos, "Trigonometric interpolation of empirical and analytical functions" (1938): economisation.
fn economised(mut coefficients: Vec<i128>) -> Vec<i128> {
    while coefficients.len() > DEGREE + 1 {
        let degree = coefficients.len() - 1;
        let chebyshev = chebyshev(degree);
        let Some(top) = coefficients.pop() else { break };
        for (c, t) in coefficients.iter_mut().zip(chebyshev) {
            *c -= (top * t) >> (degree - 1);
        }
    }
    coefficients
}

/// The coefficients of Chebyshev's polynomial of a degree of at least 1.
fn chebyshev(degree: usize) -> Vec<i128> {
    let (mut before, mut current) = (vec![1], vec![0, 1]);
    for _ in 1..degree {
        let mut next = vec![0];
        next.extend(current.iter().map(|c| 2 * c));
        for (n, b) in next.iter_mut().zip(&before) {
            *n -= b;
        }
        (before, current) = (current, next);
    }
    current
}
