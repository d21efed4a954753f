//! What grouping by open keys costs.

use std::collections::BTreeMap;

use super::node::{in_planes, planes_of};
use super::{Cost, quantile, sort, table};
use crate::plan::{ColumnDef, Encoding, Group, Measure, RingSize, layers};

/// What measures of a group need.
#[derive(Default)]
struct Needs {
    products: Cost,
    /// What is sorted beside the keys, and kept.
    payload: Vec<Encoding>,
    /// For each column of persons, the measures and their longest run.
    persons: BTreeMap<usize, (u64, u64)>,
    /// For each sort by numbers, how often the rows are in it, and the measures.
    numbered: BTreeMap<Numbers, (u64, u64)>,
}

/// Bits of a number; for each part the column of the numbers, the first row, the row after the last; whether numbers are
/// planes.
type Numbers = (u32, Vec<(usize, usize, usize)>, bool);

fn needs(group: &Group, n: u64, columns: &[&ColumnDef], encoding: &dyn Fn(usize) -> Encoding) -> Needs {
    let mut needs = Needs::default();
    for measure in &group.measures {
        match measure {
            Measure::Sum { value } => needs.payload.push(encoding(*value)),
            Measure::SumOfProducts { left, .. } => {
                let ring = match encoding(*left) {
                    Encoding::Arithmetic(ring) => ring,
                    Encoding::Bit | Encoding::Planes(_) => RingSize::Z64,
                };
                needs.products = needs.products.beside(table::multiply(n, ring));
                needs.payload.push(encoding(*left));
            }
            Measure::PersonsBy { person, max_run, .. } => {
                let counted = needs.persons.entry(*person).or_insert((0, 0));
                *counted = (counted.0 + 1, counted.1.max(*max_run as u64));
            }
            Measure::Same { column } => needs.payload.push(encoding(*column)),
            Measure::DistinctNumbers { parts, bits } => {
                let by = parts.iter().map(|part| (part.number, part.rows.start, part.rows.end)).collect();
                let entry = needs.numbered.entry((*bits, by, in_planes(parts, columns)));
                let counted = entry.or_insert((layers(parts).len() as u64, 0));
                counted.1 += 1;
            }
            Measure::Exists
            | Measure::AtRank { .. }
            | Measure::Persons { .. }
            | Measure::SumOfRows { .. } => {}
        }
    }
    needs
}

/// Products, a sort by the keys, the neighbours compared, persons counted once, and the groups moved to the front.
pub(super) fn cost(group: &Group, n: u64, columns: &[&ColumnDef]) -> Cost {
    let encoding = |column: usize| columns.get(column).map_or(Encoding::Bit, |def| def.encoding);
    let width = |column: &usize| columns.get(*column).map_or(0, |def| planes_of(def));
    let planes: u64 = group.keys.iter().map(width).sum();
    let Needs { products, mut payload, persons, numbered } = needs(group, n, columns, &encoding);
    let counts: u64 = persons.values().map(|(measures, _)| measures).sum();
    let mut kept = vec![Encoding::Bit];
    kept.extend((0..counts).map(|_| Encoding::Arithmetic(RingSize::Z64)));
    kept.extend(payload.iter().copied());
    let bits = planes + 1 + counts + persons.keys().map(width).sum::<u64>();
    payload.push(Encoding::Planes(u32::try_from(bits).unwrap_or(u32::MAX)));
    let next = n.saturating_sub(1);
    let mut counted = Cost::default();
    for (person, (measures, max_run)) in &persons {
        let same = table::and_all(next, width(person) + 1);
        let runs = table::segmented_or(n, *measures, *max_run);
        counted = counted.beside(same.then(runs).then(table::to_arithmetic(n, *measures, RingSize::Z64)));
    }
    let sorted = products.then(sort::sort(n, planes + 1, &payload));
    let summed = sorted.then(table::and_all(next, planes + 1)).then(counted).then(table::compact(n, &kept));
    let sorts = group.rank_sorts();
    let found = sorts.iter().map(|sort| quantile::pick_by_key(n, planes, width(&sort.value), sort));
    let numbered = numbered.into_iter().map(|((bits, _, in_planes), (layers, measures))| {
        numbered_persons(layers * n, planes, (u64::from(bits), in_planes), measures)
    });
    found.chain(numbered).fold(summed, Cost::beside)
}

/// Distinct persons per group by numbers of so many bits: the rows sorted once more, by keys of so many planes and person.
fn numbered_persons(n: u64, planes: u64, (bits, in_planes): (u64, bool), measures: u64) -> Cost {
    let width = planes + 1 + bits + measures;
    let payload = Encoding::Planes(u32::try_from(width).unwrap_or(u32::MAX));
    let mut kept = vec![Encoding::Bit];
    kept.extend((0..measures).map(|_| Encoding::Arithmetic(RingSize::Z64)));
    let next = n.saturating_sub(1);
    let split = if in_planes { Cost::default() } else { table::all_bits(n, bits) };
    split
        .then(sort::sort(n, planes + 1 + bits, &[payload]))
        .then(table::and_all(next, planes + 1))
        .then(table::and_all(next, bits + 1))
        .then(table::segmented_or(n, measures, n))
        .then(table::to_arithmetic(n, measures, RingSize::Z64))
        .then(table::compact(n, &kept))
}
