//! Input: an owner's columns become shares at the three seats.
//!
//! An owner without a seat draws two seeds, expands components 0 and 1 of every column from them and sends only the
//! third: P0 gets both seeds, P1 and P2 one seed and the third components. An owner on a seat completes a component
//! that it shares with one neighbour anyway, and sends it to the other.

use mpc::{Column, Context, Part, Planes, Prg, Ring, Seat};
use planner::plan::{Encoding, PartyId, RingSize};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::links::Links;
use crate::table::Table;
use crate::{Error, Result};

/// The part of an owner without a seat: deals all columns to the seats.
///
/// Cost: 32 bytes to P0; 16 bytes and one component of every column to P1 and P2. One round.
pub(crate) async fn deal(
    links: &Links<'_>,
    channel: &str,
    parts: Vec<Part>,
    rng: &mut impl CryptoRng,
) -> Result<()> {
    let mut seeds = Zeroizing::new([[0; 16]; 2]);
    seeds.iter_mut().for_each(|seed| rng.fill_bytes(seed));
    let [seed0, seed1] = [&seeds[0], &seeds[1]];
    let mut thirds = Vec::new();
    let columns = column_seeds(seed0, parts.len()).into_iter().zip(column_seeds(seed1, parts.len()));
    for (part, (seed0, seed1)) in parts.iter().zip(columns) {
        third(part, &seed0, &seed1).write(&mut thirds);
    }
    let to = |seat, seed: &[&[u8; 16]], thirds: &[u8]| {
        let bytes = [&seed.iter().copied().flatten().copied().collect::<Vec<u8>>(), thirds].concat();
        links.send(links.at(seat), channel, bytes)
    };
    futures::try_join!(
        to(Seat::P0, &[seed0, seed1], &[]),
        to(Seat::P1, &[seed1], &thirds),
        to(Seat::P2, &[seed0], &thirds),
    )?;
    Ok(())
}

/// A seed for each of `columns` columns.
fn column_seeds(seed: &[u8; 16], columns: usize) -> Vec<[u8; 16]> {
    Prg::from_key(seed).elements::<u128>(columns).into_iter().map(u128::to_le_bytes).collect()
}

fn third(part: &Part, seed0: &[u8; 16], seed1: &[u8; 16]) -> Part {
    use mpc::protocol::input::{deal, deal_bits};
    match part {
        Part::U32(x) => Part::U32(deal(x, seed0, seed1)),
        Part::U64(x) => Part::U64(deal(x, seed0, seed1)),
        Part::U128(x) => Part::U128(deal(x, seed0, seed1)),
        Part::Bits(x) => Part::Bits(deal_bits(x, seed0, seed1)),
    }
}

/// A seat's part when `owner` has no seat: columns of `bound` rows.
pub(crate) async fn receive(
    links: &Links<'_>,
    seat: Seat,
    (owner, channel): (PartyId, &str),
    encodings: &[Encoding],
    bound: usize,
) -> Result<Table> {
    let third_bytes: usize = encodings.iter().map(|encoding| wire_bytes(*encoding, bound)).sum();
    let seeds = if seat == Seat::P0 { 2 } else { 1 };
    let len = seeds * 16 + if seat == Seat::P0 { 0 } else { third_bytes };
    let message = links.recv(owner, channel, len).await?;
    let (seeds, mut thirds) = message.split_at(seeds * 16);
    let mut seeds = seeds.chunks_exact(16).map(|seed| {
        let mut own = [0; 16];
        own.copy_from_slice(seed);
        column_seeds(&own, encodings.len())
    });
    let (first, second) = (seeds.next().unwrap_or_default(), seeds.next().unwrap_or_default());
    let columns = encodings.iter().enumerate().map(|(index, &encoding)| {
        let expanded = expanded(encoding, &first[index], bound);
        let (a, b) = if seat == Seat::P0 {
            (expanded, self::expanded(encoding, &second[index], bound))
        } else {
            let (bytes, rest) = thirds.split_at(wire_bytes(encoding, bound));
            thirds = rest;
            let third = read(encoding, bytes, bound);
            if seat == Seat::P1 { (expanded, third) } else { (third, expanded) }
        };
        Column::from_parts(a, b).ok_or_else(|| Error::internal("input", "components of different shapes"))
    });
    Table::new(columns.collect::<Result<_>>()?, bound)
}

fn wire_bytes(encoding: Encoding, rows: usize) -> usize {
    match encoding {
        Encoding::Arithmetic(RingSize::Z64) => rows * 8,
        Encoding::Arithmetic(RingSize::Z128) => rows * 16,
        Encoding::Bit => Planes::wire_bytes(rows, 1),
        Encoding::Planes(width) => Planes::wire_bytes(rows, width as usize),
    }
}

fn expanded(encoding: Encoding, seed: &[u8; 16], rows: usize) -> Part {
    use mpc::protocol::input::{expand, expand_bits};
    match encoding {
        Encoding::Arithmetic(RingSize::Z64) => Part::U64(expand(seed, rows)),
        Encoding::Arithmetic(RingSize::Z128) => Part::U128(expand(seed, rows)),
        Encoding::Bit => Part::Bits(expand_bits(seed, rows, 1)),
        Encoding::Planes(width) => Part::Bits(expand_bits(seed, rows, width as usize)),
    }
}

fn read(encoding: Encoding, bytes: &[u8], rows: usize) -> Part {
    fn ring<R: Ring>(bytes: &[u8], rows: usize) -> Vec<R> {
        let mut values = vec![R::ZERO; rows];
        R::read(bytes, &mut values);
        values
    }
    match encoding {
        Encoding::Arithmetic(RingSize::Z64) => Part::U64(ring(bytes, rows)),
        Encoding::Arithmetic(RingSize::Z128) => Part::U128(ring(bytes, rows)),
        Encoding::Bit => Part::Bits(Planes::read(bytes, rows, 1)),
        Encoding::Planes(width) => Part::Bits(Planes::read(bytes, rows, width as usize)),
    }
}

/// A seat's part when the owner sits on `holder`: columns of `rows` rows; `parts` are the columns there.
///
/// Cost: one component of every column, sent by the holder. One round.
pub(crate) async fn hold(
    ctx: &Context,
    holder: Seat,
    encodings: &[Encoding],
    rows: usize,
    parts: Option<&[Part]>,
) -> Result<Table> {
    let columns = encodings.iter().enumerate().map(|(index, encoding)| {
        let part = parts.and_then(|parts| parts.get(index));
        one_column(ctx.nth(index), holder, *encoding, part, rows)
    });
    Table::new(futures::future::try_join_all(columns).await?, rows)
}

/// One column of an input that `holder` holds.
///
/// Cost: one component, sent by the holder. One round.
pub(crate) async fn one_column(
    ctx: Context,
    holder: Seat,
    encoding: Encoding,
    part: Option<&Part>,
    rows: usize,
) -> Result<Column> {
    use mpc::protocol::input::{input, input_bits};
    let width = match encoding {
        Encoding::Arithmetic(RingSize::Z64) => {
            let values = if let Some(Part::U64(values)) = part { Some(values.as_slice()) } else { None };
            return Ok(input(&ctx, holder, values, rows).await?.into());
        }
        Encoding::Arithmetic(RingSize::Z128) => {
            let values = if let Some(Part::U128(values)) = part { Some(values.as_slice()) } else { None };
            return Ok(input(&ctx, holder, values, rows).await?.into());
        }
        Encoding::Bit => 1,
        Encoding::Planes(width) => width as usize,
    };
    let planes = if let Some(Part::Bits(planes)) = part { Some(planes) } else { None };
    Ok(input_bits(&ctx, holder, planes, rows, width).await?.into())
}
