//! One-hot codes of numbers given as planes.
//!
//! The code of a wide number is the outer product of the codes of its two halves. Of a row or column of the outer
//! product that sums up to a known bit, one entry is local: 11 ANDs for 4 planes instead of 16.

use std::future::Future;
use std::pin::Pin;

use super::bits::and;
use crate::{Context, Result, SharedBits};

/// The one-hot code of each row: plane v is 1 where the number is v.
///
/// Shapes: n rows of w bits -> n rows of 2^w bits; w at most 16.
/// Cost: ceil(log2 w) rounds; planes sent: c(w) = c(l) + c(h) + (2^l - 1)(2^h - 1) with h = floor(w / 2), l = w - h and
/// c(1) = c(0) = 0: 1 for 2 planes, 4 for 3, 11 for 4, 247 for 8.
///
/// # Errors
/// [`crate::Error::Internal`] for more than 16 planes; [`crate::Error::Peer`].
pub async fn one_hot(ctx: &Context, x: &SharedBits) -> Result<SharedBits> {
    if x.width() > 16 {
        return Err(ctx.internal("a one-hot code of more than 65536 places"));
    }
    code(ctx.clone(), x.clone()).await
}

fn code(ctx: Context, x: SharedBits) -> Pin<Box<dyn Future<Output = Result<SharedBits>> + Send>> {
    Box::pin(async move {
        let (n, seat) = (x.len(), ctx.seat());
        match x.width() {
            0 => Ok(SharedBits::zeros(n, 1).not(seat)),
            1 => Ok(SharedBits::concat_planes(&[&x.not(seat), &x])),
            width => {
                let low = width - width / 2;
                let (low, high) = futures::try_join!(
                    code(ctx.step("low"), x.planes(0..low)),
                    code(ctx.step("high"), x.planes(low..width)),
                )?;
                outer(&ctx.step("outer"), &low, &high).await
            }
        }
    })
}

/// The outer product of two one-hot codes: plane i + a j is low i AND high j.
async fn outer(ctx: &Context, low: &SharedBits, high: &SharedBits) -> Result<SharedBits> {
    let (a, b) = (low.width(), high.width());
    let left: Vec<SharedBits> = (0..b - 1).map(|_| low.planes(0..a - 1)).collect();
    let right: Vec<SharedBits> = (0..b - 1).map(|j| high.plane(j).repeat_plane(a - 1)).collect();
    let left = SharedBits::concat_planes(&left.iter().collect::<Vec<_>>());
    let right = SharedBits::concat_planes(&right.iter().collect::<Vec<_>>());
    let inner = and(ctx, &left, &right).await?;
    let mut out: Vec<SharedBits> = Vec::with_capacity(b);
    let mut last = low.clone();
    for j in 0..b - 1 {
        let column = inner.planes(j * (a - 1)..(j + 1) * (a - 1));
        let missing = high.plane(j).xor(&column.parity());
        let column = SharedBits::concat_planes(&[&column, &missing]);
        last.xor_assign(&column);
        out.push(column);
    }
    out.push(last);
    Ok(SharedBits::concat_planes(&out.iter().collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, LENGTHS, assert_oblivious, numbers, words};

    #[test]
    fn codes_equal_the_shift() {
        for n in LENGTHS {
            for (width, planes, rounds) in
                [(0, 0, 0), (1, 0, 0), (2, 1, 1), (3, 4, 2), (4, 11, 2), (6, 57, 3)]
            {
                let x = words(
                    &numbers(1, n, 6, false).iter().map(|v| v & ((1 << width) - 1)).collect::<Vec<_>>(),
                );
                let clear = Clear::new().planes(&x, width);
                let run = clear.run::<u64, _>(async |ctx, i| one_hot(&ctx, &i.bits[0]).await);
                assert_eq!(run.values, x.iter().map(|v| 1i128 << v).collect::<Vec<_>>());
                assert_eq!((run.cost.rounds, run.cost.bytes), (rounds, planes * n.div_ceil(8)));
            }
        }
        let one = Clear::new().planes(&[1, 2, 3], 4);
        assert_oblivious::<u64, _>(&one, &Clear::new().planes(&[0; 3], 4), async |ctx, i| {
            one_hot(&ctx, &i.bits[0]).await
        });
    }
}
