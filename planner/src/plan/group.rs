//! Groups of keys of an open domain.

use std::collections::BTreeMap;

use super::{ColumnDef, Measure, NodeId, NumberedPart, Rank};

/// Sums columns over the rows of each group. Output rows: first the groups, in ascending order of their keys, then rows that
/// stand for nothing; as many as the input has, but no more than `bound`. Output columns: one for each measure.
///
/// Rows are sorted by their keys; nobody learns how many groups there are, or how large they are.
#[derive(Clone, Debug)]
pub struct Group {
    /// Where the rows come from.
    pub input: NodeId,
    /// The keys, as planes or bits; the most significant first. The same in all rows of a group.
    pub keys: Vec<usize>,
    /// 1 where the row counts, as a bit.
    pub valid: usize,
    /// There are no more groups, whatever the data.
    pub bound: usize,
    /// What is known of each group.
    pub measures: Vec<Measure>,
    /// Columns of the output.
    pub columns: Vec<ColumnDef>,
}

/// Values at ranks that one more sort of the rows, by key and value, serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RankSort {
    /// The column of the values, as planes.
    pub value: usize,
    /// 1 where the row counts, as a bit.
    pub counts: usize,
    /// The ranks, ends of the order as [`Rank::FIRST`] and [`Rank::LAST`], with the measures that are the values at them.
    pub ranks: BTreeMap<Rank, Vec<usize>>,
}

impl RankSort {
    /// The largest common denominator, which is not reached.
    const MAX_DENOMINATOR: u64 = 1 << 29;

    /// The common denominator of all shares but the ends of the order; `None` if it is too large.
    pub fn denominator(&self) -> Option<u64> {
        let between = self.ranks.keys().filter(|rank| **rank != Rank::FIRST && **rank != Rank::LAST);
        between.map(|rank| u64::from(rank.denominator)).try_fold(1, |common, denominator| {
            let next = common / greatest_common_divisor(common, denominator) * denominator;
            (denominator > 0 && next < Self::MAX_DENOMINATOR).then_some(next)
        })
    }
}

fn greatest_common_divisor(mut x: u64, mut y: u64) -> u64 {
    while y != 0 {
        (x, y) = (y, x % y);
    }
    x.max(1)
}

impl Group {
    /// The sorts for all values at ranks.
    pub fn rank_sorts(&self) -> Vec<RankSort> {
        let mut sorts: BTreeMap<(usize, usize), RankSort> = BTreeMap::new();
        for (index, measure) in self.measures.iter().enumerate() {
            if let Measure::AtRank { value, counts, rank } = measure {
                let (value, counts) = (*value, *counts);
                let none = RankSort { value, counts, ranks: BTreeMap::new() };
                let sort = sorts.entry((value, counts)).or_insert(none);
                sort.ranks.entry(rank.normal()).or_default().push(index);
            }
        }
        sorts.into_values().collect()
    }
}

/// Parts of [`Measure::DistinctNumbers`] put together so that those of one layer have no row in common: in each layer a row
/// has at most one number. Indices of parts, in the order of their rows.
pub fn layers(parts: &[NumberedPart]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|part| parts.get(*part).map(|part| part.rows.start));
    let mut layers: Vec<(usize, Vec<usize>)> = Vec::new();
    for index in order {
        let Some(part) = parts.get(index) else { continue };
        match layers.iter_mut().find(|(end, _)| *end <= part.rows.start) {
            Some((end, layer)) => {
                *end = part.rows.end;
                layer.push(index);
            }
            None => layers.push((part.rows.end, vec![index])),
        }
    }
    layers.into_iter().map(|(_, layer)| layer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::RankPlace;

    #[test]
    fn one_sort_serves_all_ranks_of_a_value() {
        let at = |value, numerator, denominator, place| Measure::AtRank {
            value,
            counts: 2,
            rank: Rank { numerator, denominator, place },
        };
        let measures = vec![
            at(1, 1, 2, RankPlace::Below),
            at(1, 7, 7, RankPlace::Reaching),
            at(0, 0, 9, RankPlace::Above),
            at(1, 1, 2, RankPlace::Below),
            at(1, 9, 10, RankPlace::Reaching),
        ];
        let group =
            Group { input: NodeId(0), keys: vec![3], valid: 2, bound: 9, measures, columns: Vec::new() };
        let sorts = group.rank_sorts();
        assert_eq!(sorts.iter().map(|sort| sort.value).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(sorts[0].ranks, BTreeMap::from([(Rank::FIRST, vec![2])]));
        assert_eq!(sorts[1].ranks.get(&Rank::LAST), Some(&vec![1]));
        assert!(sorts[1].ranks.values().any(|measures| *measures == [0, 3]));
        assert_eq!((sorts[0].denominator(), sorts[1].denominator()), (Some(1), Some(10)));
        let wide = Group { measures: vec![at(1, 1, 1 << 29, RankPlace::Below)], ..group };
        assert_eq!(wide.rank_sorts()[0].denominator(), None);
    }

    #[test]
    fn parts_of_a_layer_have_no_row_in_common() {
        let part = |rows| NumberedPart { counts: 0, number: 1, rows };
        let parts = [part(5..9), part(0..5), part(0..9), part(9..9), part(5..9)];
        assert_eq!(layers(&parts), vec![vec![1, 0, 3], vec![2], vec![4]]);
        assert!(layers(&[]).is_empty());
    }
}
