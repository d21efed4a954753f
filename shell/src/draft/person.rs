//! Which column says whose record a row is.

use planner::catalog::SqlType;

use super::values::Found;

/// Words that stand for a person.
const PERSONS: [&str; 14] = [
    "patient",
    "person",
    "member",
    "subject",
    "insured",
    "client",
    "citizen",
    "participant",
    "resident",
    "individual",
    "pseudonym",
    "bsn",
    "ssn",
    "nhs",
];

/// What makes a column a good guess.
const ENOUGH: u32 = 3;

/// The column that most likely says who a person is. `all` are the names of the columns of all files.
pub(super) fn guess<'a>(columns: &'a [Found], all: &[&str]) -> Option<&'a str> {
    let scored = columns.iter().filter_map(|column| Some((score(column, all)?, column)));
    // The first of equals: identifiers stand at the left.
    let best = scored.rev().max_by_key(|(score, _)| *score)?;
    (best.0 >= ENOUGH).then_some(best.1.name.as_str())
}

/// None for a column that cannot be one.
fn score(column: &Found, all: &[&str]) -> Option<u32> {
    let (sql, values) = column.typed.as_ref()?;
    if !matches!(sql, SqlType::Text | SqlType::Integer | SqlType::BigInt | SqlType::SmallInt) {
        return None;
    }
    let name = column.name.to_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
    let is_id =
        words.iter().any(|word| ["id", "nr", "no", "number", "key", "code", "pid", "mrn"].contains(word))
            || name.ends_with("id");
    let mut score = 0;
    if PERSONS.iter().any(|person| name.contains(person)) {
        score += 2;
    }
    if is_id {
        score += 1 + u32::from(name == "id");
    }
    if score == 0 {
        return None;
    }
    if all.iter().filter(|other| other.to_lowercase() == name).count() > 1 {
        score += 1;
    }
    let forms = planner::function::hashed::normalise(std::slice::from_ref(values), values.len()).ok()?;
    let rows = forms.iter().flatten().count();
    let distinct = forms.into_iter().flatten().collect::<std::collections::BTreeSet<_>>().len();
    score += match distinct * 10 {
        most if most >= rows * 9 => 2,
        some if some >= rows * 2 => 1,
        _ => 0,
    };
    Some(score)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::StringArray;

    use super::*;

    fn column(name: &str, distinct: usize) -> Found {
        let values: StringArray = (0..20).map(|row| Some(format!("x{}", row % distinct))).collect();
        Found { name: name.to_owned(), typed: Some((SqlType::Text, Arc::new(values))) }
    }

    #[test]
    fn identifiers_of_people_are_found() {
        let columns = [column("visit_id", 20), column("patient_id", 10), column("region", 4)];
        assert_eq!(guess(&columns, &["patient_id", "patient_id", "visit_id"]), Some("patient_id"));
        assert_eq!(guess(&[column("id", 20), column("ward", 2)], &["id"]), Some("id"));
        assert_eq!(guess(&[column("region", 4), column("code", 3)], &["region", "code"]), None);
    }
}
