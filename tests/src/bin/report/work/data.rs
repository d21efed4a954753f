//! Inputs: the same pseudorandom columns in every process.

use mpc::protocol::input::{deal, deal_bits, expand, expand_bits};
use mpc::{Column, Part, Planes, Prg, Ring, Seat};

use crate::Failure;

/// `len` pseudorandom numbers below `2^bits`.
pub(crate) fn numbers(seed: u8, len: usize, bits: u32) -> Vec<u64> {
    let mut numbers: Vec<u64> = Prg::from_key(&[seed; 16]).elements(len);
    for number in &mut numbers {
        *number >>= 64 - bits;
    }
    numbers
}

/// One seat's part of all columns, shared as an owner does.
pub(crate) fn share(columns: &[Part], seat: Seat) -> Result<Vec<Column>, Failure> {
    let shared: Option<Vec<Column>> = (0u8..)
        .zip(columns)
        .map(|(index, column)| {
            let seeds = [1, 2].map(|which| [0x40 * which + index; 16]);
            match column {
                Part::U32(x) => part(x, &seeds, seat, Part::U32),
                Part::U64(x) => part(x, &seeds, seat, Part::U64),
                Part::U128(x) => part(x, &seeds, seat, Part::U128),
                Part::Bits(x) => bits(x, &seeds, seat),
            }
        })
        .collect();
    shared.ok_or_else(|| "an input cannot be shared".into())
}

fn part<R: Ring>(x: &[R], seeds: &[[u8; 16]; 2], seat: Seat, kind: fn(Vec<R>) -> Part) -> Option<Column> {
    let component = |index: usize| {
        kind(seeds.get(index).map_or_else(|| deal(x, &seeds[0], &seeds[1]), |seed| expand(seed, x.len())))
    };
    Column::from_parts(component(seat.index()), component(seat.next().index()))
}

fn bits(x: &Planes, seeds: &[[u8; 16]; 2], seat: Seat) -> Option<Column> {
    let component = |index: usize| {
        let expanded = |seed| expand_bits(seed, x.len(), x.width());
        Part::Bits(seeds.get(index).map_or_else(|| deal_bits(x, &seeds[0], &seeds[1]), expanded))
    };
    Column::from_parts(component(seat.index()), component(seat.next().index()))
}

/// Says where two columns differ first.
pub(crate) fn same(name: &str, expected: &[u64], found: &[u64]) -> Result<(), String> {
    if expected.len() != found.len() {
        return Err(format!("{name}: {} rows instead of {}", found.len(), expected.len()));
    }
    match expected.iter().zip(found).position(|(a, b)| a != b) {
        Some(row) => Err(format!("{name}: row {row} is {} instead of {}", found[row], expected[row])),
        None => Ok(()),
    }
}

/// A column as numbers modulo 2^64.
pub(crate) fn words(column: &Part) -> Vec<u64> {
    match column {
        Part::U32(x) => x.iter().map(|&value| value.into()).collect(),
        Part::U64(x) => x.clone(),
        Part::U128(x) => x.iter().map(|value| value.low_word()).collect(),
        Part::Bits(x) => x.to_values(),
    }
}
