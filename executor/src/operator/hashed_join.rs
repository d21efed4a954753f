//! Hashed join: the matcher's pairs move shared rows beside each other.
//!
//! Only the matcher knows the pairs. The other seats learn nothing: not which rows match, nor how many.

use mpc::protocol::gather::{NO_SOURCE, gather_known, place_known};
use mpc::protocol::input::{input, input_bits};
use mpc::{Column, Context, Planes, Seat};
use planner::plan::{HashedJoin, Multiplicity, PartyId};

use crate::links::Links;
use crate::pseudonym::{Side, TAG_BYTES, pairs};
use crate::table::Table;
use crate::{Error, Result};

/// A seat's part: the columns of `stay`, those of `moved` in its order, the match bit as a bit and as a number.
///
/// Cost: the pseudonyms of both sides, 16 bytes a row, sent by the owners to the matcher; moving the columns of `moved`;
/// one round for the match bit, a bit and 8 bytes a row, sent by the matcher.
pub(crate) async fn run(
    ctx: &Context,
    links: &Links<'_>,
    (node, join): (usize, &HashedJoin),
    (matcher, owners): (Seat, [PartyId; 2]),
    stay: &Table,
    moved: &Table,
) -> Result<Table> {
    let rows = stay.rows();
    let found = if ctx.seat() == matcher {
        let [stay_owner, moved_owner] = owners;
        let (stay_name, moved_name) = (Side::Stay.channel(node), Side::Moved.channel(node));
        let (stay_tags, moved_tags) = futures::try_join!(
            links.recv(stay_owner, &stay_name, rows * TAG_BYTES),
            links.recv(moved_owner, &moved_name, moved.rows() * TAG_BYTES),
        )?;
        Some(pairs(&stay_tags, &moved_tags, join.multiplicity)?)
    } else {
        None
    };
    let sources: Option<Vec<u32>> =
        found.as_ref().map(|found| found.iter().map(|source| source.unwrap_or(NO_SOURCE)).collect());
    let matched: Option<Vec<bool>> = found.map(|found| found.iter().map(Option::is_some).collect());
    let columns = async {
        let (ctx, moved) = (ctx.step("move"), moved.columns().to_vec());
        if moved.is_empty() {
            // A query may need no more than who matches: there is nothing to move.
            return Ok(Vec::new());
        }
        match join.multiplicity {
            Multiplicity::OneToOne => place_known(&ctx, moved, matcher, sources.as_deref(), rows).await,
            Multiplicity::ManyToOne => gather_known(&ctx, moved, matcher, sources.as_deref(), rows).await,
        }
    };
    let planes = matched.as_deref().map(Planes::from_bools);
    let numbers: Option<Vec<u64>> = matched.map(|bits| bits.into_iter().map(u64::from).collect());
    let (bit_step, number_step) = (ctx.step("match"), ctx.step("match number"));
    let bit = input_bits(&bit_step, matcher, planes.as_ref(), rows, 1);
    let number = input::<u64>(&number_step, matcher, numbers.as_deref(), rows);
    let (columns, bit, number) = futures::try_join!(columns, bit, number).map_err(Error::from)?;
    let all = stay.columns().iter().cloned().chain(columns).chain([Column::from(bit), Column::from(number)]);
    Table::new(all.collect(), rows)
}
