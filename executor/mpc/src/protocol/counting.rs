//! Where rows go by a digit: the counting sort that is one pass of a radix sort.
//!
//! Paper: [Asharov et al., CCS 2022](https://eprint.iacr.org/2022/1595), section 4. Model: semi-honest, 1 of 3.

use super::convert::bits_by_window;
use super::one_hot::one_hot;
use super::product::{bilinear, masked};
use crate::{Context, Result, Seat, Shared, SharedBits, pool};

/// Where each row goes in a stable sort by its digit, a number of few planes: a counting sort.
///
/// For each value of the digit in turn, a running count over all rows; a row's destination is the count at its own
/// value, one less: one sum of products.
/// Shapes: n rows of w bits -> n elements.
/// Cost: ceil(log2 w) + 3 rounds; the planes of [`one_hot`], (2^w - 1) 4 n bytes, and 4 n bytes.
///
/// # Errors
/// [`crate::Error::Peer`].
pub async fn destinations(ctx: &Context, digit: &SharedBits) -> Result<Shared<u32>> {
    let counts = bilinear(&ctx.step("counts"), counts(ctx, digit).await?).await?;
    Ok(counts.add_constant(ctx.seat(), 1u32.wrapping_neg()))
}

/// As [`destinations`], in three parts, one at each seat: for who moves the rows there at once.
///
/// Cost: that of [`destinations`] without its last round.
pub(super) async fn destinations_in_parts(ctx: &Context, digit: &SharedBits) -> Result<Vec<u32>> {
    let mut parts = masked(&ctx.step("counts"), counts(ctx, digit).await?)?;
    if ctx.seat() == Seat::P0 {
        for part in &mut parts {
            *part = part.wrapping_sub(1);
        }
    }
    Ok(parts)
}

/// The cross terms of each row's running count at its own value.
async fn counts(ctx: &Context, digit: &SharedBits) -> Result<Vec<u32>> {
    let code = one_hot(&ctx.step("one hot"), digit).await?;
    let values = code.width();
    let window = |code| Window::new(ctx, code);
    let windows = bits_by_window(&ctx.step("bits"), &code.planes(0..values - 1), window).await?;
    drop(code);
    Ok(Counter::new(pool::take_empty(digit.len()), values).count(windows))
}

/// The codes of a window of rows, a column for each value, and how many rows each value has there.
struct Window {
    code: Vec<Shared<u32>>,
    counts: Vec<(u32, u32)>,
}

impl Window {
    /// Of the codes of all values but the last, which has what no other value claims.
    fn new(ctx: &Context, mut code: Vec<Shared<u32>>) -> Self {
        let len = code.first().map_or(0, Shared::len);
        let (mut first, mut second) = (pool::take_zeros(len), pool::take_zeros(len));
        let mut counts = Vec::with_capacity(code.len() + 1);
        for place in &code {
            counts.push((claim(&mut first, &place.first), claim(&mut second, &place.second)));
        }
        let last = Shared::from_parts(first, second).add_constant(ctx.seat(), 1);
        let sum = |x: &[u32]| x.iter().fold(0u32, |sum, &a| sum.wrapping_add(a));
        counts.push((sum(&last.first), sum(&last.second)));
        code.push(last);
        Window { code, counts }
    }
}

/// Takes the rows of a value from what no value has claimed, and counts them: of one component.
fn claim(rest: &mut [u32], value: &[u32]) -> u32 {
    let rows = rest.iter_mut().zip(value);
    rows.fold(0u32, |sum, (rest, &a)| {
        *rest = rest.wrapping_sub(a);
        sum.wrapping_add(a)
    })
}

/// Running counts of the rows of each value of a digit, and the cross terms of each row's count at its own value.
struct Counter {
    /// The counts so far of every value, by component.
    counts: Vec<(u32, u32)>,
    z: Vec<u32>,
}

impl Counter {
    fn new(z: Vec<u32>, values: usize) -> Self {
        Counter { counts: vec![(0, 0); values], z }
    }

    /// Goes over the codes of all rows, window by window, and gives the cross terms.
    fn count(mut self, windows: Vec<Window>) -> Vec<u32> {
        self.start(&windows);
        for window in windows {
            self.rows(&window.code);
            window.code.into_iter().for_each(Shared::give);
        }
        self.z
    }

    /// The rows of a value come after those of all smaller ones.
    fn start(&mut self, windows: &[Window]) {
        let mut before = (0u32, 0u32);
        for (value, count) in self.counts.iter_mut().enumerate() {
            *count = before;
            for &(first, second) in windows.iter().filter_map(|window| window.counts.get(value)) {
                before.0 = before.0.wrapping_add(first);
                before.1 = before.1.wrapping_add(second);
            }
        }
    }

    fn rows(&mut self, window: &[Shared<u32>]) {
        let start = self.z.len();
        self.z.resize(start + window.first().map_or(0, Shared::len), 0);
        for (count, place) in self.counts.iter_mut().zip(window) {
            let (mut first, mut second) = *count;
            for ((z, &a), &b) in self.z[start..].iter_mut().zip(&place.first).zip(&place.second) {
                first = first.wrapping_add(a);
                second = second.wrapping_add(b);
                let own = a.wrapping_mul(first.wrapping_add(second));
                *z = z.wrapping_add(own).wrapping_add(b.wrapping_mul(first));
            }
            *count = (first, second);
        }
    }
}
