//! MIN and MAX per group: rows sorted once more, by key and value.
//!
//! Within a group the rows that count come first for the smallest value, and last for the largest, so that it is in the first or
//! the last row of the group. The groups are those of the table, in the same order.

use std::collections::BTreeMap;

use mpc::protocol::arrange::compact;
use mpc::protocol::convert::planes_to_arithmetic;
use mpc::protocol::sort::{Direction, Key, sort};
use mpc::{Column, Context, SharedBits};
use planner::plan::{Group, Measure, Rank};

use super::{Rows, ends, goes_on, planes, starts, wrong};
use crate::Result;
use crate::table::Table;

/// The smallest or largest values of a column among the rows that count.
pub(super) struct Extreme {
    value: usize,
    counts: usize,
    last: bool,
    /// The measures that it is.
    measures: Vec<usize>,
}

/// All measures of smallest and largest values.
///
/// # Errors
/// Internal for other ranks.
pub(super) fn of(node: &Group) -> Result<Vec<Extreme>> {
    let mut found: BTreeMap<(usize, usize, bool), Vec<usize>> = BTreeMap::new();
    for (index, measure) in node.measures.iter().enumerate() {
        if let Measure::AtRank { value, counts, rank } = measure {
            let last = *rank == Rank::LAST;
            if !last && *rank != Rank::FIRST {
                return Err(wrong("a rank between the first and the last"));
            }
            found.entry((*value, *counts, last)).or_default().push(index);
        }
    }
    let extreme = |((value, counts, last), measures)| Extreme { value, counts, last, measures };
    Ok(found.into_iter().map(extreme).collect())
}

impl Extreme {
    /// The value in each group, the groups first, in the order of their keys.
    ///
    /// Cost: [`sort`] by the planes of keys and value and two bits; a tree of ANDs over keys and a bit; [`compact`]; a conversion
    /// of the values.
    pub(super) async fn find(
        &self,
        ctx: &Context,
        rows: &Rows,
        input: &Table,
    ) -> Result<Vec<(usize, Column)>> {
        let (values, counts) = (planes(input, self.value)?, input.bit(self.counts)?);
        let by_key = Key::unsigned(ctx, &rows.keys, Direction::Ascending);
        let by_key = by_key.with_validity(ctx, &rows.valid, false);
        let by_value = Key::unsigned(ctx, values, Direction::Ascending);
        let by_value = by_value.with_validity(ctx, counts, self.last);
        let all = [&rows.keys, &rows.valid, values];
        let widths = all.map(SharedBits::width);
        let table = vec![Column::Bits(SharedBits::concat_planes(&all))];
        let sorted = sort(&ctx.step("sort"), table, &[by_key, by_value]).await?;
        let sorted = sorted.into_iter().next().and_then(Column::into_bits);
        let sorted = sorted.ok_or_else(|| wrong("a sort lost its keys"))?;
        let mut at = 0;
        let [keys, valid, values] = widths.map(|width| {
            at += width;
            sorted.planes(at - width..at)
        });
        let goes_on = goes_on(&ctx.step("ends"), &keys, &valid).await?;
        let chosen = if self.last { ends(&valid, &goes_on) } else { starts(&valid, &goes_on) };
        let front = compact(&ctx.step("front"), vec![Column::Bits(values)], &chosen).await?;
        let values = front.into_iter().next().and_then(Column::into_bits);
        let values = values.ok_or_else(|| wrong("a value of a group is missing"))?;
        let found = planes_to_arithmetic::<u64>(&ctx.step("numbers"), &values).await?;
        Ok(self.measures.iter().map(|measure| (*measure, Column::from(found.clone()))).collect())
    }
}
