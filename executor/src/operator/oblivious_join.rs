//! Oblivious join: keyed hashes of identifiers as shares, sorted and compared inside. Nobody learns anything.

use mpc::convert::one_bit_to_arithmetic;
use mpc::join::{Inputs, UniqueSide, join};
use mpc::{Column, Context, Part, Seat, SharedBits};
use planner::plan::{Encoding, PartyId};

use super::input;
use crate::links::Links;
use crate::pseudonym::{Side, TAG_BYTES, planes};
use crate::table::Table;
use crate::{Error, Result};

/// A seat's part: the columns of `stay`, those of `moved` in its order (zero where there is no partner), the match bit as
/// a bit and as a number.
///
/// That no identifier of `moved` repeats is checked by its owner, before its hashes are shared.
/// Cost: `bits` planes of both tables, shared by their owners; [`join`] of unsorted tables; a conversion of one bit.
pub(crate) async fn run(
    ctx: &Context,
    links: &Links<'_>,
    (node, bits): (usize, u32),
    owners: [PartyId; 2],
    stay: &Table,
    moved: &Table,
) -> Result<Table> {
    let [stay_owner, moved_owner] = owners;
    let (stay_step, moved_step) = (ctx.step("stay"), ctx.step("moved"));
    let (stay_keys, moved_keys) = futures::try_join!(
        hashes(&stay_step, links, (node, bits), (Side::Stay, stay_owner), stay.rows()),
        hashes(&moved_step, links, (node, bits), (Side::Moved, moved_owner), moved.rows()),
    )?;
    // Rows without an identifier and padding have random hashes: every row counts, and they match nothing.
    let all = |rows: usize| SharedBits::zeros(rows, 1).not(ctx.seat());
    let unique = UniqueSide { keys: moved_keys, valid: all(moved.rows()), columns: moved.columns().to_vec() };
    let found = join(&ctx.step("join"), unique, &stay_keys, &all(stay.rows()), Inputs::Unsorted).await?;
    let number = one_bit_to_arithmetic::<u64>(&ctx.step("match number"), &found.matched).await?;
    let columns = stay.columns().iter().cloned().chain(found.columns);
    Table::new(columns.chain([Column::from(found.matched), Column::from(number)]).collect(), stay.rows())
}

/// The shared hashes of one side's rows, in their order.
async fn hashes(
    ctx: &Context,
    links: &Links<'_>,
    (node, bits): (usize, u32),
    (side, owner): (Side, PartyId),
    rows: usize,
) -> Result<SharedBits> {
    let (channel, encoding) = (side.channel(node), Encoding::Planes(bits));
    let column = match Seat::ALL.into_iter().find(|&seat| links.at(seat) == owner) {
        None => {
            let table = input::receive(links, ctx.seat(), (owner, &channel), &[encoding], rows).await?;
            table.column(0)?.clone()
        }
        Some(holder) => {
            let own = if holder == ctx.seat() {
                let tags = links.recv(owner, &channel, rows * TAG_BYTES).await?;
                Some(Part::Bits(planes(&tags, bits)))
            } else {
                None
            };
            input::one_column(ctx.clone(), holder, encoding, own.as_ref(), rows).await?
        }
    };
    column.into_bits().ok_or_else(|| Error::internal("join", "hashes that are no planes"))
}
