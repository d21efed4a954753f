//! Columns worked on piece by piece.
//!
//! A protocol of several rounds over a long column runs on windows of rows that stay in the second-level cache, all of
//! them at once: while the messages of one window travel, the next one is computed. Windows share their rounds. They
//! hold a multiple of 192 rows, so that three seats take equal shares of whole words.

use std::ops::Range;

use futures::future::try_join_all;

use crate::{Context, Result, SharedBits};

/// Bits of one component of a window of planes, unless it has more than 16: an eighth of a megabyte.
const PLANE_BITS: usize = ROWS * 16;

/// The fewest rows of a window of planes, so that messages stay long.
const ROWS: usize = 342 * 192;

/// The windows of a column of `len` rows with `planes` planes. There is at least one, which may be empty.
pub(super) fn of_planes(len: usize, planes: usize) -> Vec<Range<usize>> {
    split(len, (PLANE_BITS / planes.max(1)).max(ROWS))
}

/// Windows of about `rows` rows.
pub(super) fn split(len: usize, rows: usize) -> Vec<Range<usize>> {
    let rows = (rows / 192).max(1) * 192;
    (0..len.div_ceil(rows).max(1)).map(|index| index * rows..len.min((index + 1) * rows)).collect()
}

/// Runs `work` on all windows of a column, side by side, and joins their rows.
pub(super) async fn joined<F>(
    ctx: &Context,
    windows: Vec<Range<usize>>,
    work: impl Fn(Context, Range<usize>) -> F,
) -> Result<SharedBits>
where
    F: Future<Output = Result<SharedBits>>,
{
    if let [all] = &windows[..] {
        return work(ctx.clone(), all.clone()).await;
    }
    let parts = windows.into_iter().enumerate().map(|(index, rows)| work(ctx.nth(index), rows));
    let parts = try_join_all(parts).await?;
    Ok(SharedBits::concat_rows(&parts.iter().collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_all_rows() {
        for len in [0, 1, 191, 192, 193, 1000] {
            let windows = split(len, 200);
            assert_eq!(windows.first().map(|rows| rows.start), Some(0));
            assert_eq!(windows.last().map(|rows| rows.end), Some(len));
            assert!(windows.windows(2).all(|two| two[0].end == two[1].start && two[0].len() == 192));
        }
    }
}
