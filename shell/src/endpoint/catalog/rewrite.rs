//! Forms of PostgreSQL that the engine does not know, in forms that it does.

/// Forms that mean the same without them, or in another spelling. In this order.
const FORMS: [(&str, &str); 14] = [
    ("pg_catalog.", ""),
    ("operator(~)", "~"),
    ("operator(!~)", "!~"),
    ("operator(=)", "="),
    ("collate default", ""),
    ("collate \"default\"", ""),
    ("::regclass", ""),
    ("::regtype", ""),
    ("::regproc", ""),
    ("::oid", ""),
    ("::name", ""),
    ("::\"char\"", ""),
    ("::char", ""),
    ("::text[]", ""),
];

/// Catalogs of what a federation does not have.
const EMPTY: [&str; 19] = [
    "pg_attrdef",
    "pg_collation",
    "pg_constraint",
    "pg_depend",
    "pg_enum",
    "pg_event_trigger",
    "pg_extension",
    "pg_foreign",
    "pg_index",
    "pg_inherits",
    "pg_policy",
    "pg_proc",
    "pg_publication",
    "pg_rewrite",
    "pg_rules",
    "pg_sequence",
    "pg_stat",
    "pg_tablespace",
    "pg_trigger",
];

/// The statement in the engine's forms.
pub(super) fn rewrite(sql: &str) -> String {
    let plain = FORMS
        .iter()
        .fold(sql.trim().trim_end_matches(';').to_owned(), |sql, (from, to)| replace(&sql, from, to));
    without_empty_subqueries(&plain)
}

/// Whether the rows of a statement come from a catalog of what a federation does not have.
pub(super) fn asks_for_nothing(sql: &str) -> bool {
    let text = sql.to_lowercase();
    EMPTY.iter().any(|name| text.contains(name))
}

/// Replaces a form in any case.
fn replace(sql: &str, from: &str, to: &str) -> String {
    let lower = sql.to_ascii_lowercase();
    let mut done = String::with_capacity(sql.len());
    let mut rest = 0;
    while let Some(found) = lower[rest..].find(from) {
        done.push_str(&sql[rest..rest + found]);
        done.push_str(to);
        rest += found + from.len();
    }
    done.push_str(&sql[rest..]);
    done
}

/// A subquery over an empty catalog has no row: as a value it is NULL.
fn without_empty_subqueries(sql: &str) -> String {
    let lower = sql.to_ascii_lowercase();
    let mut done = String::with_capacity(sql.len());
    let mut rest = 0;
    while let Some(found) = lower[rest..].find("(select") {
        let start = rest + found;
        let Some(length) = balanced(&sql[start..]) else { break };
        let inside = &lower[start..start + length];
        done.push_str(&sql[rest..start]);
        if EMPTY.iter().any(|name| inside.contains(name)) {
            done.push_str("NULL");
            rest = start + length;
        } else {
            done.push('(');
            rest = start + 1;
        }
    }
    done.push_str(&sql[rest..]);
    done
}

/// The length of a text that begins with `(`, up to the parenthesis that closes it.
fn balanced(sql: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in sql.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_replaced_in_any_case() {
        assert_eq!(
            rewrite(
                "SELECT Pg_Catalog.f(x)::pg_catalog.regtype WHERE a OPERATOR(pg_catalog.~) 'é' COLLATE pg_catalog.default;"
            ),
            "SELECT f(x) WHERE a ~ 'é' "
        );
        let sql = "SELECT a, (SELECT f(d.x) FROM pg_attrdef d WHERE (d.y)), (SELECT max(b) FROM c) FROM pg_attribute";
        assert_eq!(rewrite(sql), "SELECT a, NULL, (SELECT max(b) FROM c) FROM pg_attribute");
        assert!(!asks_for_nothing(&rewrite(sql)));
        assert!(asks_for_nothing("SELECT * FROM pg_inherits"));
    }
}
