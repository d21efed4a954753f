use std::collections::BTreeSet;

use mpc::Part;
use planner::plan::{ColumnDef, Encoding, NodeId, NumberedPart, Range as ValueRange, RankPlace, RingSize};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::ingest;
use crate::operator::clear::{self, Clear, Ran};

/// Rows with up to three keys (of 3, 2 and 2 values), three numbers and persons with up to `max_run` rows.
struct Data {
    keys: Vec<[usize; 3]>,
    small: Vec<i128>,
    large: Vec<i128>,
    counts: Vec<bool>,
    starts: Vec<bool>,
}

const SIZES: [usize; 3] = [3, 2, 2];

impl Data {
    fn random(seed: u64, rows: usize, max_run: usize) -> Data {
        let mut rng = StdRng::seed_from_u64(seed);
        let counts: Vec<bool> = (0..rows).map(|_| rng.random_range(0..3) > 0).collect();
        let mut starts: Vec<bool> = Vec::new();
        let mut run = 0;
        for _ in 0..rows {
            let start = run == 0 || run == max_run || rng.random_range(0..3) == 0;
            run = if start { 1 } else { run + 1 };
            starts.push(start);
        }
        // Numbers are 0 in rows that do not count, as an owner sends them.
        let mut number = |counts: &bool, bits: u32| {
            let limit = 1i128 << bits;
            if *counts { rng.random_range(-limit..=limit) } else { 0 }
        };
        Data {
            small: counts.iter().map(|c| number(c, 28)).collect(),
            large: counts.iter().map(|c| number(c, 60)).collect(),
            keys: (0..rows)
                .map(|_| SIZES.map(|size| usize::try_from(number(&true, 20).unsigned_abs()).unwrap() % size))
                .collect(),
            counts,
            starts,
        }
    }

    /// 0: small, 1: large, 2: counts, 3: starts, then one-hot codes.
    fn columns(&self) -> Vec<Clear> {
        let mut columns = vec![
            Clear::Z64(self.small.clone()),
            Clear::Z128(self.large.clone()),
            Clear::Bit(self.counts.clone()),
            Clear::Bit(self.starts.clone()),
        ];
        for (key, size) in SIZES.into_iter().enumerate() {
            for value in 0..size {
                columns
                    .push(Clear::Z64(self.keys.iter().map(|keys| i128::from(keys[key] == value)).collect()));
            }
        }
        columns
    }

    fn in_cell(&self, keys: usize, row: usize, cell: usize) -> bool {
        let of_row = (0..keys).fold(0, |cell, key| cell * SIZES[key] + self.keys[row][key]);
        of_row == cell
    }

    fn persons(&self, keys: usize, cell: usize, rows: Range<usize>) -> i128 {
        let (mut persons, mut counted) = (0, false);
        for row in rows.clone() {
            counted &= !(self.starts[row] || row == rows.start);
            if !counted && self.counts[row] && self.in_cell(keys, row, cell) {
                persons += 1;
                counted = true;
            }
        }
        persons
    }
}

fn node(keys: usize, rows: usize, max_run: usize) -> Aggregate {
    let half = rows / 2..rows;
    let persons = |rows| Measure::Persons { counts: 2, run_starts: 3, max_run, rows };
    let mut next = 4;
    let mut codes = |size: usize| {
        next += size;
        (next - size..next).collect()
    };
    Aggregate {
        input: NodeId(0),
        keys: SIZES.into_iter().take(keys).map(&mut codes).collect(),
        measures: vec![
            Measure::Sum { value: 0 },
            Measure::Sum { value: 1 },
            Measure::SumOfProducts { left: 0, right: 0 },
            Measure::SumOfProducts { left: 1, right: 1 },
            Measure::SumOfRows { value: 0, rows: half.clone() },
            persons(0..rows),
            persons(half),
        ],
        columns: Vec::new(),
    }
}

fn run(seed: u64, data: &Data, node: &Aggregate) -> Ran {
    clear::run(seed, &data.columns(), |ctx, table| {
        let node = node.clone();
        async move { super::run(&ctx, &node, &table).await }
    })
}

fn assert_equal(seed: u64, keys: usize, rows: usize, max_run: usize) {
    let data = Data::random(seed, rows, max_run);
    let ran = run(seed, &data, &node(keys, rows, max_run));
    let cells = SIZES.into_iter().take(keys).product::<usize>();
    for cell in 0..cells {
        let sum = |value: &dyn Fn(usize) -> i128, rows: Range<usize>| -> i128 {
            rows.filter(|&row| data.in_cell(keys, row, cell)).map(value).sum()
        };
        let expected = [
            sum(&|row| data.small[row], 0..rows),
            sum(&|row| data.large[row], 0..rows),
            sum(&|row| data.small[row].pow(2), 0..rows),
            sum(&|row| data.large[row].pow(2), 0..rows),
            sum(&|row| data.small[row], rows / 2..rows),
            data.persons(keys, cell, 0..rows),
            data.persons(keys, cell, rows / 2..rows),
        ];
        for (measure, expected) in expected.into_iter().enumerate() {
            let got = ran.columns[measure][cell];
            assert_eq!(
                got, expected,
                "seed {seed}, {keys} keys, {rows} rows, cell {cell}, measure {measure}"
            );
        }
    }
}

#[test]
fn sums_and_persons_equal_the_clear() {
    for (seed, (keys, rows)) in
        [(0, 40), (1, 40), (2, 40), (3, 20), (0, 0), (1, 0), (2, 1), (0, 1)].into_iter().enumerate()
    {
        for max_run in [1, 3] {
            assert_equal(seed as u64, keys, rows, max_run);
        }
    }
}

#[test]
fn a_cost_does_not_grow_with_rows_where_rows_are_only_summed() {
    let cost = |keys: usize, rows: usize| {
        let all = node(keys, rows, 1);
        let sums = Aggregate { measures: vec![Measure::Sum { value: 0 }; 2], ..all };
        let cost = run(9, &Data::random(9, rows, 1), &sums).cost;
        (cost.rounds, cost.bytes)
    };
    assert_eq!(cost(0, 50), (0, 0));
    assert_eq!(cost(1, 50), (1, 3 * 2 * 8));
    assert_eq!(cost(1, 500), (1, 3 * 2 * 8));
    // Two keys: the codes of the first times the values, a product of every row.
    assert_eq!(cost(2, 50), (2, (3 * 2 * 50 + 6 * 2) * 8));
}

#[test]
fn messages_do_not_depend_on_data() {
    let node = node(2, 30, 3);
    let first = run(5, &Data::random(1, 30, 3), &node);
    let second = run(6, &Data::random(2, 30, 3), &node);
    assert_eq!(first.transcript, second.transcript);
}

/// What an owner makes of the rows from `first` on, as integers.
fn at_owner(node: &Aggregate, columns: &[Clear], first: usize) -> Vec<Vec<i128>> {
    let cells = ingest::cells(node, &clear::parts(columns), first).unwrap();
    let numbers = |part: Part| match part {
        Part::U64(x) => x.into_iter().map(|x| i128::from(x.cast_signed())).collect(),
        Part::U128(x) => x.into_iter().map(u128::cast_signed).collect(),
        Part::U32(_) | Part::Bits(_) => panic!("a sum is a number"),
    };
    cells.into_iter().map(numbers).collect()
}

/// `node` with a column for each of its measures; those of column 1 are wide.
fn with_columns(node: Aggregate) -> Aggregate {
    let def = |measure: &Measure| {
        let wide = matches!(measure, Measure::Sum { value: 1 } | Measure::SumOfProducts { left: 1, .. });
        let ring = if wide { RingSize::Z128 } else { RingSize::Z64 };
        let range = ValueRange { lo: 0, hi: 0 };
        ColumnDef { name: String::new(), encoding: Encoding::Arithmetic(ring), range }
    };
    let columns = node.measures.iter().map(def).collect();
    Aggregate { columns, ..node }
}

#[test]
fn owners_make_the_sums_that_seats_would_make() {
    for (seed, (keys, rows)) in [(0, 40), (1, 41), (3, 30), (1, 0), (2, 1)].into_iter().enumerate() {
        let seed = seed as u64;
        let (data, numbers) = (Data::random(seed, rows, 3), persons(seed, rows));
        let mut all = with_columns(node(keys, rows, 3));
        assert_eq!(
            at_owner(&all, &data.columns(), 0),
            run(seed, &data, &all).columns,
            "{keys} keys, {rows} rows"
        );
        // Two owners with half of the rows each; the persons are the second's.
        all.measures.remove(5);
        all = with_columns(all);
        let cut =
            |rows: Range<usize>| data.columns().iter().map(|column| column.rows(rows.clone())).collect();
        let halves: [Vec<Clear>; 2] = [cut(0..rows / 2), cut(rows / 2..rows)];
        let mut sums = at_owner(&all, &halves[0], 0);
        for (sum, more) in sums.iter_mut().zip(at_owner(&all, &halves[1], rows / 2)) {
            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
        assert_eq!(sums, run(seed, &data, &all).columns, "two owners, {keys} keys, {rows} rows");

        let node = with_columns(numbered_node(keys, rows));
        let mut columns = data.columns();
        columns.push(Clear::Z64(numbers.clone()));
        assert_eq!(at_owner(&node, &columns, 0), numbered(seed, &data, &numbers, &node).columns);
    }
}

#[test]
fn owners_find_the_values_at_ranks_that_seats_would_find() {
    let data = Data::random(11, 60, 1);
    let mut columns = data.columns();
    columns.push(Clear::Planes(data.small.iter().map(|x| x.rem_euclid(50)).collect(), 6));
    let value = columns.len() - 1;
    let rank = |numerator, denominator, place| Measure::AtRank {
        value,
        counts: 2,
        rank: Rank { numerator, denominator, place },
    };
    let measures = vec![
        Measure::AtRank { value, counts: 2, rank: Rank::FIRST },
        Measure::AtRank { value, counts: 2, rank: Rank::LAST },
        rank(1, 2, RankPlace::Below),
        rank(1, 2, RankPlace::Above),
        rank(9, 10, RankPlace::Reaching),
    ];
    let node = with_columns(Aggregate { measures, ..node(2, 60, 1) });
    let seats = clear::run(3, &columns, |ctx, table| {
        let node = node.clone();
        async move { super::run(&ctx, &node, &table).await }
    });
    assert_eq!(at_owner(&node, &columns, 0), seats.columns);
}

/// Two measures over the same numbers: rows that count, and all rows that start a run.
fn numbered_node(keys: usize, rows: usize) -> Aggregate {
    let persons = 4 + SIZES.into_iter().sum::<usize>();
    let measure = |counts: usize| {
        let part = |rows| NumberedPart { counts, number: persons, rows };
        Measure::DistinctNumbers { parts: vec![part(0..rows / 2), part(rows / 2..rows)], bits: 3 }
    };
    Aggregate { measures: vec![measure(2), measure(3)], ..node(keys, rows, 1) }
}

fn numbered(seed: u64, data: &Data, persons: &[i128], node: &Aggregate) -> Ran {
    let mut columns = data.columns();
    columns.push(Clear::Z64(persons.to_vec()));
    clear::run(seed, &columns, |ctx, table| {
        let node = node.clone();
        async move { super::run(&ctx, &node, &table).await }
    })
}

fn persons(seed: u64, rows: usize) -> Vec<i128> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..rows).map(|_| rng.random_range(0..8)).collect()
}

#[test]
fn numbered_persons_are_counted_once_wherever_they_are() {
    for (seed, (keys, rows)) in
        [(0, 40), (1, 41), (2, 40), (0, 0), (1, 1), (0, 2), (1, 2)].into_iter().enumerate()
    {
        let seed = seed as u64;
        let (data, numbers) = (Data::random(seed, rows, 3), persons(seed, rows));
        let ran = numbered(seed, &data, &numbers, &numbered_node(keys, rows));
        for cell in 0..SIZES.into_iter().take(keys).product::<usize>() {
            for (measure, counts) in [&data.counts, &data.starts].into_iter().enumerate() {
                let counting = (0..rows).filter(|&row| counts[row] && data.in_cell(keys, row, cell));
                let distinct: BTreeSet<i128> = counting.map(|row| numbers[row]).collect();
                let got = ran.columns[measure][cell];
                assert_eq!(got, distinct.len() as i128, "{keys} keys, {rows} rows, cell {cell}");
            }
        }
    }
}

#[test]
fn messages_about_numbered_persons_do_not_depend_on_data() {
    let node = numbered_node(1, 30);
    let first = numbered(5, &Data::random(1, 30, 3), &persons(1, 30), &node);
    let second = numbered(6, &Data::random(2, 30, 3), &[1; 30], &node);
    assert_eq!(first.transcript, second.transcript);
}
