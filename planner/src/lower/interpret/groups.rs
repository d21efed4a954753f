//! Sums per cell and per group, and along an axis.

use super::*;

pub(super) fn sums(aggregate: &Aggregate, input: &Table, defs: &[&ColumnDef]) -> Table {
    let mut cells: Vec<Vec<usize>> = vec![Vec::new()];
    for key in &aggregate.keys {
        cells = cells
            .iter()
            .flat_map(|cell| key.iter().map(move |column| [cell.as_slice(), &[*column]].concat()))
            .collect();
    }
    let in_cell = |cell: &[usize], row: usize| cell.iter().all(|column| input.columns[*column][row] == 1);
    let all = 0..input.rows;
    let columns = aggregate.measures.iter().map(|measure| {
        let sum = |cell: &Vec<usize>| -> i128 {
            match measure {
                Measure::Sum { value } => {
                    assert!(matches!(defs[*value].encoding, Encoding::Arithmetic(_)));
                    all.clone().filter(|row| in_cell(cell, *row)).map(|row| input.columns[*value][row]).sum()
                }
                Measure::SumOfRows { value, rows } => {
                    rows.clone().filter(|row| in_cell(cell, *row)).map(|row| input.columns[*value][row]).sum()
                }
                Measure::SumOfProducts { left, right } => {
                    let product = |row: usize| input.columns[*left][row] * input.columns[*right][row];
                    all.clone().filter(|row| in_cell(cell, *row)).map(product).sum()
                }
                Measure::PersonsBy { .. } | Measure::Exists | Measure::Same { .. } => {
                    panic!("in groups of open keys only")
                }
                Measure::AtRank { value, counts, rank } => {
                    let counting = |row: &usize| input.columns[*counts][*row] == 1 && in_cell(cell, *row);
                    let rows = all.clone().filter(counting);
                    value_at(*rank, rows.map(|row| input.columns[*value][row]).collect())
                }
                Measure::DistinctNumbers { parts, bits } => {
                    distinct_persons(parts, *bits, input, &|row| in_cell(cell, row))
                }
                Measure::Persons { counts, run_starts, max_run, rows } => {
                    let mut persons = 0;
                    let (mut length, mut counted) = (0, false);
                    for row in rows.clone() {
                        if input.columns[*run_starts][row] == 1 {
                            (length, counted) = (0, false);
                        }
                        length += 1;
                        assert!(length <= *max_run, "a run of {length}");
                        if input.columns[*counts][row] == 1 && in_cell(cell, row) && !counted {
                            counted = true;
                            persons += 1;
                        }
                    }
                    persons
                }
            }
        };
        cells.iter().map(sum).collect()
    });
    Table { columns: columns.collect(), rows: cells.len() }
}

/// The value at a rank; 0 where there is none.
fn value_at(rank: Rank, mut values: Vec<i128>) -> i128 {
    values.sort_unstable();
    let (offset, shift) = rank.line();
    let top = values.len() as i128 * i128::from(rank.numerator) + i128::from(offset);
    let place = top.div_euclid(i128::from(rank.denominator)) + i128::from(shift);
    usize::try_from(place).ok().and_then(|place| values.get(place).copied()).unwrap_or(0)
}

/// Sums and products along an axis.
pub(super) fn folded(fold: &Fold, input: &Table) -> Table {
    let axis = fold.axis;
    if fold.how == How::Pool {
        return pooled(fold, input);
    }
    let columns = input.columns.iter().map(|column| {
        let mut all = column.clone();
        let mut sums = Vec::new();
        for run in 0..axis.outer * axis.inner {
            let at = |place: usize| (run / axis.inner * axis.length + place) * axis.inner + run % axis.inner;
            sums.push((0..axis.length).map(|place| column[at(place)]).sum());
            for place in 1..axis.length {
                let (now, before) = match fold.how {
                    How::FromEnd => (at(axis.length - 1 - place), at(axis.length - place)),
                    _ => (at(place), at(place - 1)),
                };
                all[now] = match fold.how {
                    How::Product { fraction } => (all[now] * all[before]) >> fraction,
                    _ => all[now] + all[before],
                };
            }
        }
        if fold.how == How::Sum { sums } else { all }
    });
    Table { columns: columns.collect(), rows: fold.rows() }
}

/// Sums since the last cell shown, and which cells are.
fn pooled(fold: &Fold, input: &Table) -> Table {
    let axis = fold.axis;
    let mut columns = input.columns.clone();
    let mut shown = vec![1; axis.cells()];
    for run in 0..axis.outer * axis.inner {
        let at = |place: usize| (run / axis.inner * axis.length + place) * axis.inner + run % axis.inner;
        for place in 0..axis.length {
            for column in columns.iter_mut().filter(|_| place > 0 && shown[at(place - 1)] == 0) {
                column[at(place)] += column[at(place - 1)];
            }
            let enough = |(column, least): (&Vec<i128>, &u64)| column[at(place)] >= i128::from(*least);
            shown[at(place)] = i128::from(columns.iter().zip(&fold.at_least).all(enough));
        }
    }
    columns.push(shown);
    Table { columns, rows: fold.rows() }
}

/// How many numbers of persons are in rows of a group that count.
fn distinct_persons(
    parts: &[crate::plan::NumberedPart],
    bits: u32,
    input: &Table,
    in_group: &dyn Fn(usize) -> bool,
) -> i128 {
    let mut persons = std::collections::BTreeSet::new();
    for part in parts {
        for row in part.rows.clone() {
            let person = input.columns[part.number][row];
            assert!((0..1 << bits).contains(&person));
            if input.columns[part.counts][row] == 1 && in_group(row) {
                assert!(person > 0, "a counting row without a person");
                persons.insert(person);
            }
        }
    }
    persons.len() as i128
}

/// Groups of open keys; rows that stand for nothing are 0.
pub(super) fn groups(group: &crate::plan::Group, input: &Table) -> Table {
    let mut members: BTreeMap<Vec<i128>, Vec<usize>> = BTreeMap::new();
    for row in (0..input.rows).filter(|row| input.columns[group.valid][*row] == 1) {
        members.entry(group.keys.iter().map(|key| input.columns[*key][row]).collect()).or_default().push(row);
    }
    let measured = |measure: &Measure, rows: &[usize]| -> i128 {
        let at = |column: usize, row: &usize| input.columns[column][*row];
        match measure {
            Measure::Sum { value } => rows.iter().map(|row| at(*value, row)).sum(),
            Measure::SumOfProducts { left, right } => {
                rows.iter().map(|row| at(*left, row) * at(*right, row)).sum()
            }
            Measure::PersonsBy { counts, person, max_run } => {
                let mut runs: BTreeMap<i128, usize> = BTreeMap::new();
                for row in rows {
                    *runs.entry(at(*person, row)).or_default() += 1;
                }
                let counting: std::collections::BTreeSet<i128> =
                    rows.iter().filter(|row| at(*counts, row) == 1).map(|row| at(*person, row)).collect();
                assert!(counting.iter().all(|person| runs[person] <= *max_run), "a run is too long");
                counting.len() as i128
            }
            Measure::DistinctNumbers { parts, bits } => {
                distinct_persons(parts, *bits, input, &|row| rows.contains(&row))
            }
            Measure::AtRank { value, counts, rank } => {
                let counting = rows.iter().filter(|row| at(*counts, row) == 1).map(|row| at(*value, row));
                value_at(*rank, counting.collect())
            }
            Measure::Exists => 1,
            Measure::Same { column } => {
                assert!(rows.iter().all(|row| at(*column, row) == at(*column, &rows[0])));
                at(*column, &rows[0])
            }
            other => panic!("{other:?}"),
        }
    };
    let rows = input.rows.min(group.bound);
    assert!(members.len() <= rows, "{} groups of at most {}", members.len(), group.bound);
    let column = |measure: &Measure| {
        let mut cells: Vec<i128> = members.values().map(|rows| measured(measure, rows)).collect();
        cells.resize(rows, 0);
        cells
    };
    Table { columns: group.measures.iter().map(column).collect(), rows }
}
