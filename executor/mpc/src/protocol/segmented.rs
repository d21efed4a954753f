//! A segmented OR over runs of adjacent rows, to count distinct persons.
//!
//! Rows of a person are adjacent; a shared bit marks the first of them. The scan is a mux-carry scan: row i passes on
//! what comes from above (p) if its own flag is 0 and it starts no run, else it shows its flag (v).

use super::bits::and;
use crate::{Context, Result, SharedBits};

/// For each run, 1 in its *last* row if any flag in the run is set, and 0 in all other rows.
///
/// All planes of `flags` are processed at once, against the same runs.
/// Shapes: flags n rows of w bits, run starts n rows of 1 bit -> n rows of w bits. No run is longer than `max_run`;
/// row 0 starts a run whatever its bit says.
/// Cost: with L = ceil(log2 max_run): for L = 0 nothing; else L + 2 rounds and (2 L + 1) w planes sent by each seat.
///
/// # Errors
/// [`crate::Error::Shape`] if lengths differ; [`crate::Error::Peer`].
pub async fn segmented_or(
    ctx: &Context,
    flags: &SharedBits,
    run_starts: &SharedBits,
    max_run: usize,
) -> Result<SharedBits> {
    ctx.same_shape(flags.len(), run_starts.len())?;
    ctx.same_shape(1, run_starts.width())?;
    if max_run <= 1 || flags.is_empty() || flags.width() == 0 {
        return Ok(flags.clone());
    }
    let seat = ctx.seat();
    let inside = run_starts.not(seat).repeat_plane(flags.width());
    let mut p = and(&ctx.step("pass"), &flags.not(seat), &inside).await?;
    let mut v = flags.clone();
    let width = v.width();
    let mut distance = 1;
    let mut level = 0;
    while distance < max_run {
        let last = 2 * distance >= max_run;
        let difference = v.xor(&v.shift_rows_up(distance));
        let step = ctx.step("scan").nth(level);
        if last {
            v = v.xor(&and(&step, &p, &difference).await?);
        } else {
            let left = SharedBits::concat_planes(&[&p, &p]);
            let right = SharedBits::concat_planes(&[&difference, &p.shift_rows_up(distance)]);
            let joined = and(&step, &left, &right).await?;
            v = v.xor(&joined.planes(0..width));
            p = joined.planes(width..2 * width);
        }
        distance *= 2;
        level += 1;
    }
    // A row is the last of its run if the next one starts a run, or if it is the last of all.
    let n = flags.len();
    let end = SharedBits::zeros(1, 1).not(seat);
    let ends = SharedBits::concat_rows(&[&run_starts.rows(1..n), &end]);
    and(&ctx.step("ends"), &v, &ends.repeat_plane(width)).await
}
