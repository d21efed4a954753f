//! Values at ranks per group: MIN, MAX, MEDIAN, PERCENTILE.
//!
//! Rows are sorted once more, by key and value, and the rows at the ranks picked ([`mpc::protocol::quantile`]). The groups
//! are those of the table, in the same order.

use mpc::protocol::convert::planes_to_arithmetic;
use mpc::protocol::quantile::{Level, Pick, Values, pick_by_key};
use mpc::{Column, Context, Shared, SharedBits};
use planner::plan::{Rank, RankPlace, RankSort};

use super::{Rows, planes, wrong};
use crate::Result;
use crate::table::Table;

/// What one sort serves.
pub(super) struct Ranked<'n>(pub(super) &'n RankSort);

impl Ranked<'_> {
    /// The value in each group at every rank, the groups first, in the order of their keys.
    ///
    /// Cost: [`pick_by_key`]; a conversion of all values that are picked.
    pub(super) async fn find(
        &self,
        ctx: &Context,
        rows: &Rows,
        input: &Table,
    ) -> Result<Vec<(usize, Column)>> {
        let RankSort { value, counts, ranks } = self.0;
        let values = Values { planes: planes(input, *value)?.clone(), present: input.bit(*counts)?.clone() };
        let mut picks: Vec<Pick> = Vec::new();
        for rank in ranks.keys() {
            let pick = pick(*rank);
            if !picks.contains(&pick) {
                picks.push(pick);
            }
        }
        let n = input.rows();
        let ctx_of_picks = ctx.step("picks");
        let found = pick_by_key(&ctx_of_picks, &rows.keys, &rows.valid, &values, &picks, n).await?;
        let mut columns: Vec<&SharedBits> = Vec::new();
        for rank in ranks.keys() {
            let place = picks.iter().position(|other| *other == pick(*rank));
            let picked = place.and_then(|place| found.picked.get(place));
            let picked = picked.ok_or_else(|| wrong("a value of a group is missing"))?;
            columns.push(if rank.place == RankPlace::Above { &picked.high } else { &picked.low });
        }
        let numbers = SharedBits::concat_rows(&columns);
        let numbers: Shared<u64> = planes_to_arithmetic(&ctx.step("numbers"), &numbers).await?;
        let of = |(place, measures): (usize, &Vec<usize>)| {
            let column = numbers.slice(place * n..(place + 1) * n);
            measures.iter().map(move |measure| (*measure, Column::from(column.clone()))).collect::<Vec<_>>()
        };
        Ok(ranks.values().enumerate().flat_map(of).collect())
    }
}

/// What is picked of a group for a rank.
fn pick(rank: Rank) -> Pick {
    let level = Level { numerator: rank.numerator, denominator: rank.denominator };
    match rank.place {
        _ if rank == Rank::FIRST => Pick::Smallest,
        _ if rank == Rank::LAST => Pick::Largest,
        RankPlace::Below | RankPlace::Above => Pick::Interpolated(level),
        RankPlace::Reaching => Pick::Discrete(level),
    }
}
