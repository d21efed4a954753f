//! What must be seen: the answer in the clear, without what is withheld; doubles within their tolerance.

use super::query::Query;
use super::schema::Federation;

/// The rows that pass a gate of `min_people`, as many as are asked for, from the rows of [`Query::with_persons`].
pub(super) fn gated(
    rows: Vec<Vec<String>>,
    query: &Query,
    federation: &Federation,
    min_people: u32,
) -> Vec<Vec<String>> {
    let (keys, owners) = (query.key_count(federation), query.owners(federation));
    let enough = |counts: &[String]| {
        counts.iter().all(|count| count.parse::<u32>().is_ok_and(|count| count >= min_people))
    };
    let mut kept = Vec::new();
    for row in rows {
        let (values, counts) = row.split_at(keys + query.numbers());
        let (counts, grouping) = counts.split_at(counts.len() - 1);
        let (whole, each) = counts.split_at(owners);
        let is_total = query.shows_total() && grouping[0] == keys.to_string();
        if keys > 0 && !is_total && !enough(whole) {
            continue;
        }
        let mut seen = values.to_vec();
        for (value, counts) in seen.iter_mut().skip(keys).zip(each.chunks(owners)) {
            if !enough(counts) {
                "NULL".clone_into(value);
            }
        }
        kept.push(seen);
    }
    kept.truncate(query.limit().unwrap_or(usize::MAX));
    kept
}

/// Whether two tables are equal, numbers to 1e-6 of their size.
pub(super) fn equal(want: &[Vec<String>], got: &[Vec<String>]) -> bool {
    want.len() == got.len()
        && want.iter().zip(got).all(|(want, got)| {
            want.len() == got.len() && want.iter().zip(got).all(|(want, got)| same(want, got))
        })
}

fn same(want: &str, got: &str) -> bool {
    if want == got {
        return true;
    }
    // Values that are no doubles are compared as they are written.
    let is_double = |text: &str| text.contains(['.', 'e']) || text == "0" || text == "1" || text == "-1";
    let (Ok(one), Ok(two)) = (want.parse::<f64>(), got.parse::<f64>()) else { return false };
    (is_double(want) || is_double(got)) && (one - two).abs() <= 1e-6 * one.abs().max(two.abs()).max(1.0)
}
