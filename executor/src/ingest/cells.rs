//! Sums per cell that an owner makes of its own rows, in the clear.

use std::collections::BTreeSet;
use std::ops::Range;

use mpc::{Part, Ring};
use planner::plan::{Aggregate, Encoding, Measure, NumberedPart, Rank, RingSize};

use crate::{Error, Result};

/// What an owner's rows add to the measures of a node: one column for each, a row for each cell.
///
/// `parts` are the encoded columns of the owner's rows, of which the first is row number `first` of all that the node
/// counts. The sums are those that the seats would make of their shares, in the same rings.
///
/// # Errors
/// Class internal if the plan names a column of another kind.
pub(crate) fn cells(node: &Aggregate, parts: &[Part], first: usize) -> Result<Vec<Part>> {
    let rows = parts.first().map_or(0, Part::len);
    let own = OwnRows { parts, cell_of: cell_of(node, parts, rows)?, cells: node.cells(), first };
    let measured = node.measures.iter().zip(&node.columns);
    measured.map(|(measure, def)| own.measure(measure, def.encoding)).collect()
}

/// The cell of each row; none where a key has no value in it.
fn cell_of(node: &Aggregate, parts: &[Part], rows: usize) -> Result<Vec<Option<usize>>> {
    let mut cells = vec![Some(0); rows];
    for key in &node.keys {
        let mut values = vec![None; rows];
        for (value, code) in key.iter().enumerate() {
            let code = numbers::<u64>(parts, *code)?;
            values
                .iter_mut()
                .zip(code)
                .filter(|(_, one)| **one != 0)
                .for_each(|(found, _)| *found = Some(value));
        }
        for (cell, value) in cells.iter_mut().zip(values) {
            *cell = cell.zip(value).map(|(cell, value)| cell * key.len() + value);
        }
    }
    Ok(cells)
}

/// An owner's rows, each in a cell.
struct OwnRows<'p> {
    parts: &'p [Part],
    cell_of: Vec<Option<usize>>,
    cells: usize,
    first: usize,
}

impl OwnRows<'_> {
    fn measure(&self, measure: &Measure, encoding: Encoding) -> Result<Part> {
        match (measure, encoding) {
            (Measure::Persons { counts, run_starts, rows, .. }, _) => {
                Ok(Part::U64(self.persons(*counts, *run_starts, &self.own(rows))?))
            }
            (Measure::AtRank { value, counts, rank }, _) => {
                Ok(Part::U64(self.at_rank(*value, *counts, *rank)?))
            }
            (Measure::DistinctNumbers { parts, .. }, _) => Ok(Part::U64(self.distinct(parts)?)),
            (_, Encoding::Arithmetic(RingSize::Z64)) => Ok(Part::U64(self.sums::<u64>(measure)?)),
            (_, Encoding::Arithmetic(RingSize::Z128)) => Ok(Part::U128(self.sums::<u128>(measure)?)),
            (_, Encoding::Bit | Encoding::Planes(_)) => Err(wrong_kind()),
        }
    }

    /// Those of some rows of the node that are this owner's, counted from its first.
    fn own(&self, rows: &Range<usize>) -> Range<usize> {
        let own = |row: usize| row.saturating_sub(self.first).min(self.cell_of.len());
        own(rows.start)..own(rows.end)
    }

    fn sums<R: Of>(&self, measure: &Measure) -> Result<Vec<R>> {
        match measure {
            Measure::Sum { value } => Ok(self.sum(numbers::<R>(self.parts, *value)?.iter().copied(), 0)),
            Measure::SumOfRows { value, rows } => {
                let rows = self.own(rows);
                let values = numbers::<R>(self.parts, *value)?.get(rows.clone()).ok_or_else(wrong_kind)?;
                Ok(self.sum(values.iter().copied(), rows.start))
            }
            Measure::SumOfProducts { left, right } => {
                let (left, right) = (numbers::<R>(self.parts, *left)?, numbers::<R>(self.parts, *right)?);
                Ok(self.sum(left.iter().zip(right).map(|(x, y)| x.times(*y)), 0))
            }
            Measure::Persons { .. }
            | Measure::PersonsBy { .. }
            | Measure::Exists
            | Measure::Same { .. }
            | Measure::AtRank { .. }
            | Measure::DistinctNumbers { .. } => Err(wrong_kind()),
        }
    }

    /// The values of the rows from `start` on, summed per cell.
    fn sum<R: Of>(&self, values: impl Iterator<Item = R>, start: usize) -> Vec<R> {
        let mut sums = vec![R::ZERO; self.cells];
        for (value, cell) in values.zip(self.cell_of.iter().skip(start)) {
            if let Some(sum) = cell.and_then(|cell| sums.get_mut(cell)) {
                *sum = sum.plus(value);
            }
        }
        sums
    }

    /// Runs of rows with a counting row in the cell.
    fn persons(&self, counts: usize, run_starts: usize, rows: &Range<usize>) -> Result<Vec<u64>> {
        let (counts, starts) = (self.bits(counts)?, self.bits(run_starts)?);
        let (mut persons, mut run) = (vec![0; self.cells], 0);
        let mut seen_in = vec![0; self.cells];
        for row in rows.clone() {
            run += usize::from(starts[row] || row == rows.start);
            if let (true, Some(cell)) = (counts[row], self.cell_of[row])
                && seen_in[cell] != run
            {
                seen_in[cell] = run;
                persons[cell] += 1;
            }
        }
        Ok(persons)
    }

    /// The value at a rank among those that count; 0 where there is none.
    fn at_rank(&self, value: usize, counts: usize, rank: Rank) -> Result<Vec<u64>> {
        let (values, counts) = (self.planes(value)?, self.bits(counts)?);
        let mut by_cell = vec![Vec::new(); self.cells];
        for ((value, counts), cell) in values.into_iter().zip(counts).zip(&self.cell_of) {
            if let (true, Some(cell)) = (counts, *cell) {
                by_cell[cell].push(value);
            }
        }
        let (offset, shift) = rank.line();
        let pick = |mut values: Vec<u64>| {
            let count = i128::try_from(values.len()).unwrap_or(i128::MAX);
            let top = i128::from(rank.numerator) * count + i128::from(offset);
            let place = top.div_euclid(i128::from(rank.denominator)) + i128::from(shift);
            let place = usize::try_from(place).ok().filter(|place| *place < values.len());
            place.map_or(0, |place| *values.select_nth_unstable(place).1)
        };
        Ok(by_cell.into_iter().map(pick).collect())
    }

    /// How many different numbers the rows that count have, whichever part they are in.
    fn distinct(&self, parts: &[NumberedPart]) -> Result<Vec<u64>> {
        let mut found = vec![BTreeSet::new(); self.cells];
        for part in parts {
            let (numbers, counts) = (self.planes_or_numbers(part.number)?, self.bits(part.counts)?);
            for row in self.own(&part.rows) {
                if let (true, Some(cell)) = (counts[row], self.cell_of[row]) {
                    found[cell].insert(numbers[row]);
                }
            }
        }
        Ok(found.into_iter().map(|numbers| numbers.len() as u64).collect())
    }

    fn bits(&self, column: usize) -> Result<Vec<bool>> {
        match self.parts.get(column) {
            Some(Part::Bits(planes)) if planes.width() == 1 => Ok(planes.to_bools(0)),
            _ => Err(wrong_kind()),
        }
    }

    fn planes(&self, column: usize) -> Result<Vec<u64>> {
        match self.parts.get(column) {
            Some(Part::Bits(planes)) => Ok(planes.to_values()),
            _ => Err(wrong_kind()),
        }
    }

    fn planes_or_numbers(&self, column: usize) -> Result<Vec<u64>> {
        match self.parts.get(column) {
            Some(Part::U64(numbers)) => Ok(numbers.clone()),
            _ => self.planes(column),
        }
    }
}

/// A ring that owners make sums in.
trait Of: Ring {
    fn of(part: &Part) -> Option<&[Self]>;
}

impl Of for u64 {
    fn of(part: &Part) -> Option<&[u64]> {
        if let Part::U64(numbers) = part { Some(numbers) } else { None }
    }
}

impl Of for u128 {
    fn of(part: &Part) -> Option<&[u128]> {
        if let Part::U128(numbers) = part { Some(numbers) } else { None }
    }
}

fn numbers<R: Of>(parts: &[Part], column: usize) -> Result<&[R]> {
    parts.get(column).and_then(R::of).ok_or_else(wrong_kind)
}

fn wrong_kind() -> Error {
    Error::internal("cells", "the plan names a column of another kind")
}
