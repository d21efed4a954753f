//! "Did you mean": the known name that is nearest to a mistyped one.

/// The name of `known` that `typed` is most likely meant to be, if one is near enough.
pub(crate) fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let limit = typed.chars().count().div_ceil(3).max(1);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&typed, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= limit && *distance < name.chars().count().max(2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// ``did you mean `x`?``, or the list of what exists when nothing is near.
pub fn hint<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>, what: &str) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(name) = nearest(typed, known.iter().copied()) {
        return Some(format!("did you mean `{name}`?"));
    }
    match known.len() {
        0 => None,
        1..=12 => Some(format!("{what}: {}", known.join(", "))),
        more => Some(format!("{what}: {}, ... ({more} in all)", known[..12].join(", "))),
    }
}

/// Whether two names are the same name, without regard to case.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{hint, nearest, same_name};

    #[test]
    fn finds_what_was_meant() {
        let known = ["min_people", "round_counts", "recipients"];
        assert_eq!(nearest("min_peopel", known), Some("min_people"));
        assert_eq!(nearest("Recipient", known), Some("recipients"));
        assert_eq!(nearest("frobnicate", known), None);
        assert_eq!(nearest("x", ["y"]), Some("y"));
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn lists_what_exists() {
        assert_eq!(hint("zzzzzz", ["a", "b"], "columns").as_deref(), Some("columns: a, b"));
        assert_eq!(hint("x", [], "columns"), None);
    }

    #[test]
    fn names_match_without_case() {
        assert!(same_name("horTh", "HORTH"));
        assert!(same_name("Größe", "GRÖßE"));
        assert!(!same_name("a", "b"));
    }
}
