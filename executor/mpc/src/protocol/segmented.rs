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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Clear, LENGTHS, assert_oblivious, bools};
    use crate::ideal;

    #[test]
    fn runs_show_their_or_at_the_last_row() {
        for n in LENGTHS {
            for max_run in [1usize, 2, 3, 4, 7] {
                let (f, g) = (bools(1, n), bools(2, n));
                let mut age = 0;
                let starts: Vec<bool> = bools(3, n)
                    .into_iter()
                    .map(|start| {
                        age = if start || age + 1 >= max_run { 0 } else { age + 1 };
                        age == 0
                    })
                    .collect();
                let mut starts = starts;
                if let Some(first) = starts.first_mut() {
                    *first = true;
                }
                if max_run == 1 {
                    starts.fill(true);
                }
                let clear = Clear::new().bools(&f).bools(&g).bools(&starts);
                let run = clear.run::<u64, _>(async |ctx, i| {
                    let flags = SharedBits::concat_planes(&[&i.bits[0], &i.bits[1]]);
                    segmented_or(&ctx, &flags, &i.bits[2], max_run).await
                });
                let (a, b) = (ideal::segmented_or(&f, &starts), ideal::segmented_or(&g, &starts));
                let expected: Vec<i128> =
                    a.iter().zip(&b).map(|(&a, &b)| i128::from(a) + 2 * i128::from(b)).collect();
                assert_eq!(run.values, expected, "{n} {max_run}");
                if n > 0 && max_run > 1 {
                    let levels = max_run.next_power_of_two().ilog2() as usize;
                    let bytes = (2 * levels + 1) * 2 * n.div_ceil(8);
                    assert_eq!((run.cost.rounds, run.cost.bytes), (levels + 2, bytes));
                }
            }
        }
    }

    #[test]
    fn runs_are_oblivious() {
        let one = Clear::new().bools(&bools(1, 100)).bools(&[true; 100]);
        let other = Clear::new().bools(&[false; 100]).bools(&bools(2, 100));
        assert_oblivious::<u64, _>(&one, &other, async |ctx, i| {
            segmented_or(&ctx, &i.bits[0], &i.bits[1], 5).await
        });
    }
}
