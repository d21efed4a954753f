use std::collections::{BTreeMap, BTreeSet};

use planner::plan::{ColumnDef, Encoding, NodeId, NumberedPart, Range, Rank, RankPlace, RingSize};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::operator::clear::{self, Clear, Ran};

/// Persons by number (column 6) in two thirds of the rows, and others (column 7) in the last two thirds.
fn parts(counts: usize, rows: usize) -> Vec<NumberedPart> {
    let part = |person: usize, rows| NumberedPart { counts, number: person, rows };
    vec![part(6, 0..rows / 3), part(7, rows / 3..rows), part(6, rows / 3..2 * rows / 3)]
}

fn rank(numerator: u32, denominator: u32, place: RankPlace) -> Rank {
    Rank { numerator, denominator, place }
}

/// Key (3 planes), its NULL bit, valid, value, bit that counts, person (9 planes), two numbers of persons.
fn node(rows: usize) -> Group {
    let measures = vec![
        Measure::Exists,
        Measure::Same { column: 3 },
        Measure::Sum { value: 3 },
        Measure::PersonsBy { counts: 4, person: 5, max_run: 3 },
        Measure::SumOfProducts { left: 3, right: 3 },
        Measure::Same { column: 1 },
        Measure::PersonsBy { counts: 2, person: 5, max_run: 3 },
        Measure::DistinctNumbers { parts: parts(2, rows), bits: 4 },
        Measure::DistinctNumbers { parts: parts(4, rows), bits: 4 },
        Measure::AtRank { value: 5, counts: 2, rank: Rank::FIRST },
        Measure::AtRank { value: 5, counts: 2, rank: rank(1, 2, RankPlace::Below) },
        Measure::AtRank { value: 5, counts: 2, rank: rank(1, 2, RankPlace::Above) },
        Measure::AtRank { value: 5, counts: 2, rank: rank(9, 10, RankPlace::Reaching) },
        Measure::AtRank { value: 5, counts: 4, rank: Rank::LAST },
    ];
    let number = ColumnDef {
        name: "x".to_owned(),
        encoding: Encoding::Arithmetic(RingSize::Z64),
        range: Range { lo: 0, hi: 1 << 40 },
    };
    let columns = vec![number; measures.len()];
    Group { input: NodeId(0), keys: vec![1, 0], valid: 2, bound: 6, measures, columns }
}

/// Rows of persons with up to three adjacent rows each; the value follows from the key.
fn columns(seed: u64, rows: usize) -> Vec<Clear> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut keys = Vec::new();
    let (mut nulls, mut valid, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    let mut persons: Vec<i128> = Vec::new();
    for row in 0..rows {
        let run = persons.iter().rev().take_while(|person| Some(*person) == persons.last()).count();
        let last = persons.last().copied().unwrap_or(-1);
        let stays = row > 0 && run < 3 && rng.random_range(0..2) == 0;
        persons.push(if stays { last } else { last + 1 });
        nulls.push(rng.random_range(0..6) == 0);
        keys.push(if nulls[row] { 0 } else { rng.random_range(0..5) });
        valid.push(rng.random_range(0..4) > 0);
        counts.push(valid[row] && rng.random_range(0..2) == 0);
    }
    let values = keys.iter().zip(&valid).map(|(key, valid)| if *valid { key * 7 - 3 } else { 0 }).collect();
    vec![
        Clear::Planes(keys, 3),
        Clear::Bit(nulls),
        Clear::Bit(valid),
        Clear::Z64(values),
        Clear::Bit(counts),
        Clear::Planes(persons, 9),
        Clear::Z64((0..rows).map(|_| rng.random_range(1..16)).collect()),
        Clear::Z64((0..rows).map(|_| rng.random_range(1..16)).collect()),
    ]
}

fn run(seed: u64, columns: &[Clear]) -> Ran {
    run_with(seed, columns, usize::MAX)
}

/// Only the first measures.
fn run_with(seed: u64, columns: &[Clear], measures: usize) -> Ran {
    clear::run(seed, columns, |ctx, table| async move {
        let mut node = node(table.rows());
        node.measures.truncate(measures);
        super::run(&ctx, &node, &table).await
    })
}

/// Groups in the order of (NULL, key): what each measure is.
fn expected(columns: &[Clear]) -> Vec<Vec<i128>> {
    let at = |column: usize, row: usize| match &columns[column] {
        Clear::Z64(x) | Clear::Z128(x) | Clear::Planes(x, _) => x[row],
        Clear::Bit(x) => i128::from(x[row]),
    };
    let Clear::Z64(values) = &columns[3] else { panic!("the value is a number") };
    let mut groups: BTreeMap<(i128, i128), Vec<usize>> = BTreeMap::new();
    for row in (0..values.len()).filter(|row| at(2, *row) == 1) {
        groups.entry((at(1, row), at(0, row))).or_default().push(row);
    }
    let persons = |rows: &[usize], counts: usize| {
        let counting = rows.iter().filter(|row| at(counts, **row) == 1).map(|row| at(5, *row));
        counting.collect::<BTreeSet<_>>().len() as i128
    };
    let numbers = |rows: &[usize], counts: usize| {
        let mut found = BTreeSet::new();
        for part in parts(counts, values.len()) {
            let of_part = rows.iter().filter(|row| part.rows.contains(row) && at(counts, **row) == 1);
            found.extend(of_part.map(|row| at(part.number, *row)));
        }
        found.len() as i128
    };
    let of = |rows: &Vec<usize>| {
        let sum = |power: u32| rows.iter().map(|row| at(3, *row).pow(power)).sum::<i128>();
        let first = rows[0];
        let by_run = [persons(rows, 4), persons(rows, 2)];
        let sums = vec![1, at(3, first), sum(1), by_run[0], sum(2), at(1, first), by_run[1]];
        let mut values: Vec<i128> = rows.iter().map(|row| at(5, *row)).collect();
        values.sort_unstable();
        let last_rank = values.len() - 1;
        let ranks = [0, last_rank / 2, last_rank.div_ceil(2), (9 * values.len()).div_ceil(10) - 1];
        // Some value of a row where none counts, which is not looked at.
        let last = rows.iter().filter(|row| at(4, **row) == 1).map(|row| at(5, *row)).max().unwrap_or(-1);
        let ranked = ranks.map(|rank| values[rank]).to_vec();
        [sums, vec![numbers(rows, 2), numbers(rows, 4)], ranked, vec![last]].concat()
    };
    groups.values().map(of).collect()
}

#[test]
fn groups_equal_the_clear() {
    for rows in [0, 1, 2, 3, 64, 65, 300] {
        for seed in 0..3 {
            let columns = columns(seed, rows);
            let ran = run(seed, &columns);
            let expected = expected(&columns);
            for (index, group) in expected.iter().enumerate() {
                let mut found: Vec<i128> = ran.columns.iter().map(|column| column[index]).collect();
                if group.last() == Some(&-1) {
                    *found.last_mut().unwrap() = -1;
                }
                assert_eq!(found, *group, "seed {seed}, {rows} rows, group {index}");
            }
            assert!(ran.columns.iter().all(|column| column.len() == rows.min(6)));
            assert!(ran.columns[0][expected.len()..].iter().all(|exists| *exists == 0));
        }
    }
}

#[test]
fn rows_that_do_not_count_are_no_group() {
    let mut columns = columns(1, 70);
    columns[2] = Clear::Bit(vec![false; 70]);
    assert!(run(1, &columns).columns[0].iter().all(|exists| *exists == 0));
}

#[test]
fn messages_depend_on_the_number_of_rows_alone() {
    let (one, other) = (columns(1, 130), columns(2, 130));
    let same: Vec<Clear> = vec![
        Clear::Planes(vec![3; 130], 3),
        Clear::Bit(vec![false; 130]),
        Clear::Bit(vec![true; 130]),
        Clear::Z64(vec![5; 130]),
        Clear::Bit(vec![true; 130]),
        Clear::Planes((0..130).collect(), 9),
        Clear::Z64(vec![1; 130]),
        Clear::Z64((0..130).map(|row| row % 16).collect()),
    ];
    let first = run(1, &one);
    for other in [other, same] {
        let second = run(2, &other);
        assert_eq!((&first.transcript, first.cost), (&second.transcript, second.cost));
    }
}

#[test]
fn rounds_are_those_of_its_parts() {
    // One product; a sort by ranks: a comparison of 5 planes, a sum, a move; a tree over 5 bits; one over 10 bits, runs of
    // three rows, a conversion; the groups to the front.
    let rounds = run_with(1, &columns(1, 100), 7).cost.rounds;
    assert_eq!(rounds, 1 + (3 + 1 + 3) + 3 + (4 + 4 + 2) + 5);
}
