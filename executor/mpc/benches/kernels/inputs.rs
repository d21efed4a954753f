//! What the protocols are run on.

use mpc::world::World;
use mpc::{Planes, Prg, Shared, SharedBits};

/// Arbitrary numbers of so many bits.
pub(crate) fn numbers(seed: u8, rows: usize, bits: u32) -> Vec<u64> {
    let mut numbers: Vec<u64> = Prg::from_key(&[seed; 16]).elements(rows);
    for number in &mut numbers {
        *number >>= 64 - bits;
    }
    numbers
}

/// What one seat of a protocol is given.
pub(crate) struct Inputs {
    pub(crate) rows: usize,
    /// Numbers of 30 bits, and of 61.
    pub(crate) x: Shared<u64>,
    pub(crate) y: Shared<u64>,
    /// Numbers from 1 to 2^40.
    pub(crate) wide: Shared<u128>,
    /// Zeros and ones.
    pub(crate) ones: Shared<u64>,
    /// 64 planes, twice, and one.
    pub(crate) keys: SharedBits,
    pub(crate) other: SharedBits,
    pub(crate) flags: SharedBits,
    /// An order of the rows that nobody knows, and one that everybody may know.
    pub(crate) order: Shared<u32>,
    pub(crate) known: Vec<u32>,
    /// In the clear.
    pub(crate) values: Vec<u64>,
}

impl Inputs {
    /// One for each seat.
    pub(crate) fn shared(world: &World, rows: usize) -> Vec<Inputs> {
        let values = numbers(1, rows, 30);
        let wide: Vec<u128> = numbers(2, rows, 40).into_iter().map(|v| u128::from(v) + 1).collect();
        let planes = |seed| Planes::from_values(&numbers(seed, rows, 64), 64);
        let known = Prg::from_key(&[9; 16]).permutation(rows);
        let (x, y) = (world.share(&values), world.share(&numbers(3, rows, 61)));
        let (wide, ones) = (world.share(&wide), world.share(&numbers(4, rows, 1)));
        let (keys, other) = (world.share_bits(&planes(5)), world.share_bits(&planes(6)));
        let flags = world.share_bits(&planes(7).select_planes(0..1));
        let order = world.share(&Prg::from_key(&[8; 16]).permutation(rows));
        let seat = |seat: usize| Inputs {
            rows,
            x: x[seat].clone(),
            y: y[seat].clone(),
            wide: wide[seat].clone(),
            ones: ones[seat].clone(),
            keys: keys[seat].clone(),
            other: other[seat].clone(),
            flags: flags[seat].clone(),
            order: order[seat].clone(),
            known: known.clone(),
            values: values.clone(),
        };
        (0..3).map(seat).collect()
    }
}
