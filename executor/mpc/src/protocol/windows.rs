//! Columns worked on piece by piece.
//!
//! A protocol of several rounds over a long column runs on windows of rows that stay in the second-level cache: while the
//! messages of one window travel, another one is computed. A window whose message has arrived goes on before a new one
//! begins, so that on a fast network few of them are under way, still in the cache; on a slow one all are, and they share
//! their rounds. They hold a multiple of 192 rows, so that three seats take equal shares of whole words.

use std::ops::Range;
use std::task::Poll;

use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};

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

/// The results of all `works`, in their order. One begins when those before it all wait.
pub(super) async fn each<T, F>(works: impl IntoIterator<Item = F>) -> Result<Vec<T>>
where
    F: Future<Output = Result<T>>,
{
    let mut works = works.into_iter().enumerate();
    let mut running = FuturesUnordered::new();
    let mut results: Vec<Option<T>> = Vec::new();
    std::future::poll_fn(|task| {
        while let Poll::Ready(Some((index, result))) = running.poll_next_unpin(task) {
            match result {
                Ok(result) => results[index] = Some(result),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        if let Some((index, work)) = works.next() {
            results.push(None);
            running.push(work.map(move |result| (index, result)));
            // Whatever else the same task waits for comes first.
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        if running.is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await?;
    Ok(results.into_iter().flatten().collect())
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
    let parts = each(parts).await?;
    Ok(SharedBits::concat_rows(&parts.iter().collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use futures::channel::oneshot;

    use super::*;

    /// A work begins when all before it wait; results come in their order, and an error ends all.
    #[test]
    fn works_begin_one_by_one() {
        let began = std::cell::Cell::new(0);
        let (send, recv): (Vec<_>, Vec<_>) = (0..5).map(|_| oneshot::channel::<usize>()).unzip();
        let works = recv.into_iter().map(|recv| {
            let began = &began;
            async move {
                began.set(began.get() + 1);
                recv.await.map_err(|_| crate::Error::NotUnique { step: String::new() })
            }
        });
        let mut all = std::pin::pin!(each(works));
        let mut poll = || all.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop()));
        assert!(poll().is_pending());
        assert_eq!(began.get(), 0);
        assert!(poll().is_pending());
        assert_eq!(began.get(), 1);
        while began.get() < 5 {
            assert!(poll().is_pending());
        }
        for (index, send) in send.into_iter().enumerate().rev() {
            assert!(poll().is_pending());
            send.send(10 * index).unwrap();
        }
        assert!(matches!(poll(), Poll::Ready(Ok(results)) if results == [0, 10, 20, 30, 40]));
        let failing = [async { Err::<(), _>(crate::Error::NotUnique { step: String::new() }) }];
        assert!(futures::executor::block_on(each(failing)).is_err());
    }

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
