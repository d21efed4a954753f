//! Where the wanted rows of each group are.

use super::levels::{Levels, Rank};
use crate::arrange::{first_u32, move_to, order_column};
use crate::compare::less_than_public;
use crate::convert::one_bit_to_arithmetic;
use crate::divide::divide_by_public;
use crate::group::pop_bits;
use crate::product::mul;
use crate::truncate::widen;
use crate::{Column, Context, Result, Shared};

/// Ranks of the picked rows.
#[derive(Default)]
pub(super) struct Ranks {
    /// For each target, a column that says at each row where the target of its group is.
    pub(super) rows: Vec<Shared<u32>>,
    /// For each level, the weight of its upper neighbour, one per group.
    pub(super) weights: Vec<Shared<u64>>,
}

/// The targets of a group: two for an interpolated level, one for a discrete one.
pub(super) async fn ranks(
    ctx: &Context,
    table: Vec<Column>,
    levels: &Levels,
    groups: usize,
) -> Result<Ranks> {
    let mut table = table;
    let places = order_column(ctx, table.pop())?;
    let exists = pop_bits(ctx, &mut table)?.rows(0..groups);
    let counts = first_u32(ctx, table)?.slice(0..groups).differences();
    // A group starts behind the end of the one before, the first one at 0.
    let starts = Shared::concat(&[
        &Shared::zeros(groups.min(1)),
        &places.slice(0..groups.saturating_sub(1)).add_constant(ctx.seat(), 1),
    ]);
    let (targets, weights) = targets(&ctx.step("targets"), &counts, levels).await?;
    let exists = one_bit_to_arithmetic::<u32>(&ctx.step("exists"), &exists).await?;
    let steps: Vec<Shared<u32>> = targets.iter().map(|k| starts.add(&k.narrow()).differences()).collect();
    let count = steps.len();
    let steps = Shared::concat(&steps.iter().collect::<Vec<_>>());
    let steps = mul(&ctx.step("mask"), &steps, &exists.repeat(count)).await?;

    // The step to a group's target waits at the end of the group before; the first one reaches all rows.
    let n = places.len();
    let column = |t: usize| {
        let own = steps.slice(t * groups..(t + 1) * groups);
        Column::U32(own.slice(groups.min(1)..groups).padded(n))
    };
    let back = move_to(&ctx.step("back"), (0..count).map(column).collect(), &places).await?;
    let mut rows = Vec::with_capacity(count);
    for (t, column) in back.into_iter().enumerate() {
        let sums = order_column(ctx, Some(column))?.prefix_sums();
        let above = Shared::concat(&[&Shared::zeros(n.min(1)), &sums.slice(0..n.saturating_sub(1))]);
        let first = steps.slice(t * groups..t * groups + groups.min(1));
        rows.push(if groups == 0 { above } else { above.add(&first.repeat(n)) });
    }
    Ok(Ranks { rows, weights })
}

/// Ranks within the group, from 0; and the weights of the interpolated levels. A group without values has rank 0.
async fn targets(
    ctx: &Context,
    counts: &Shared<u32>,
    levels: &Levels,
) -> Result<(Vec<Shared<u64>>, Vec<Shared<u64>>)> {
    let (groups, seat) = (counts.len(), ctx.seat());
    let counts = widen::<u32, u64>(&ctx.step("widen"), counts).await?;
    let none = less_than_public(&ctx.step("none"), &counts, 1, 34).await?;
    let none = one_bit_to_arithmetic::<u64>(&ctx.step("none bit"), &none).await?;
    let last = counts.add(&none).add_constant(seat, 1u64.wrapping_neg());
    let up = levels.denominator - 1;
    let mut numerators = Vec::new();
    for &(level, rank) in &levels.list {
        match rank {
            Rank::Interpolated => {
                let place = last.scale(level);
                numerators.push(place.clone().add_constant(seat, up));
                numerators.push(place);
            }
            Rank::Discrete => numerators.push(counts.scale(level).add_constant(seat, up)),
        }
    }
    let all = Shared::concat(&numerators.iter().collect::<Vec<_>>());
    let quotients = divide_by_public(&ctx.step("divide"), &all, levels.denominator).await?;
    let mut quotients = (0..numerators.len()).map(|i| quotients.slice(i * groups..(i + 1) * groups));
    let (mut targets, mut weights) = (Vec::new(), Vec::new());
    for &(level, rank) in &levels.list {
        let first = quotients.next().unwrap_or_default();
        match rank {
            Rank::Interpolated => {
                let low = quotients.next().unwrap_or_default();
                weights.push(last.scale(level).sub(&low.scale(levels.denominator)));
                targets.extend([low, first]);
            }
            Rank::Discrete => {
                targets.push(first.add(&none).add_constant(seat, 1u64.wrapping_neg()));
                weights.push(Shared::zeros(groups));
            }
        }
    }
    Ok((targets, weights))
}
