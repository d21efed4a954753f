//! For tests: operators of three seats in memory, beside the same computation in the clear.

use std::ops::Range;

use mpc::world::{Cost, Message, World, reconstruct_column};
use mpc::{Column, Context, Part, Planes, Ring};

use crate::Result;
use crate::table::Table;

/// A column in the clear and how it is shared.
#[derive(Clone, Debug)]
pub(crate) enum Clear {
    Z64(Vec<i128>),
    Z128(Vec<i128>),
    Bit(Vec<bool>),
    /// Numbers that are not negative, as so many planes.
    Planes(Vec<i128>, usize),
}

impl Clear {
    fn len(&self) -> usize {
        match self {
            Clear::Z64(x) | Clear::Z128(x) | Clear::Planes(x, _) => x.len(),
            Clear::Bit(x) => x.len(),
        }
    }
}

impl Clear {
    /// Some of the rows.
    pub(crate) fn rows(&self, rows: Range<usize>) -> Clear {
        match self {
            Clear::Z64(x) => Clear::Z64(x[rows].to_vec()),
            Clear::Z128(x) => Clear::Z128(x[rows].to_vec()),
            Clear::Bit(x) => Clear::Bit(x[rows].to_vec()),
            Clear::Planes(x, width) => Clear::Planes(x[rows].to_vec(), *width),
        }
    }
}

/// A table in the clear, as its owner has it before it shares it.
pub(crate) fn parts(columns: &[Clear]) -> Vec<Part> {
    let part = |column: &Clear| match column {
        Clear::Z64(x) => Part::U64(ring(x)),
        Clear::Z128(x) => Part::U128(ring(x)),
        Clear::Bit(x) => Part::Bits(Planes::from_bools(x)),
        Clear::Planes(x, width) => Part::Bits(Planes::from_values(&ring::<u64>(x), *width)),
    };
    columns.iter().map(part).collect()
}

fn ring<R: Ring>(x: &[i128]) -> Vec<R> {
    x.iter().map(|&x| R::from_i128(x)).collect()
}

/// A table in the clear, as each seat holds it.
pub(crate) fn share(world: &World, columns: &[Clear]) -> [Table; 3] {
    let rows = columns.first().map_or(0, Clear::len);
    let shared: Vec<[Column; 3]> = columns
        .iter()
        .map(|column| match column {
            Clear::Z64(x) => world.share(&ring::<u64>(x)).map(Column::from),
            Clear::Z128(x) => world.share(&ring::<u128>(x)).map(Column::from),
            Clear::Bit(x) => world.share_bits(&Planes::from_bools(x)).map(Column::from),
            Clear::Planes(x, width) => {
                world.share_bits(&Planes::from_values(&ring::<u64>(x), *width)).map(Column::from)
            }
        })
        .collect();
    [0, 1, 2].map(|seat| Table::new(shared.iter().map(|parts| parts[seat].clone()).collect(), rows).unwrap())
}

/// What an operator gave: integers of all columns, messages, cost.
pub(crate) struct Ran {
    pub(crate) columns: Vec<Vec<i128>>,
    pub(crate) transcript: Vec<Message>,
    pub(crate) cost: Cost,
}

/// Runs an operator at three seats over shares of `columns`.
pub(crate) fn run<F>(seed: u64, columns: &[Clear], program: impl Fn(Context, Table) -> F) -> Ran
where
    F: Future<Output = Result<Table>>,
{
    let world = World::new(seed);
    let tables = share(&world, columns);
    let run = world.run(|ctx| {
        let table = tables[ctx.seat().index()].clone();
        let program = program(ctx, table);
        async move { Ok(program.await) }
    });
    let (cost, transcript) = (run.cost(), run.transcript.clone());
    let [a, b, c] =
        run.outputs().unwrap().map(|table| table.unwrap_or_else(|error| panic!("seed {seed}: {error}")));
    let columns = (0..a.columns().len()).map(|index| {
        let parts = [&a, &b, &c].map(|table| table.columns()[index].clone());
        let small = matches!(parts[0], Column::U64(_));
        let signed = |x: u128| if small { x.low_word().to_i128() } else { x.cast_signed() };
        reconstruct_column(parts).unwrap().into_iter().map(signed).collect()
    });
    Ran { columns: columns.collect(), transcript, cost }
}
