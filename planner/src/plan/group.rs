//! Groups of keys of an open domain.

use super::{ColumnDef, Measure, NodeId, NumberedPart};

/// Sums columns over the rows of each group. One output row for each row of the input: first the groups, in ascending order
/// of their keys, then rows that stand for nothing. Output columns: one for each measure.
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
    /// What is known of each group.
    pub measures: Vec<Measure>,
    /// Columns of the output.
    pub columns: Vec<ColumnDef>,
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

    #[test]
    fn parts_of_a_layer_have_no_row_in_common() {
        let part = |rows| NumberedPart { counts: 0, number: 1, rows };
        let parts = [part(5..9), part(0..5), part(0..9), part(9..9), part(5..9)];
        assert_eq!(layers(&parts), vec![vec![1, 0, 3], vec![2], vec![4]]);
        assert!(layers(&[]).is_empty());
    }
}
