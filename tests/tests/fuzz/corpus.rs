//! SQL that people write: all of `tests/sql` and of the README.

use std::sync::OnceLock;

/// The queries, without duplicates, in a fixed order.
pub(super) fn texts() -> &'static [String] {
    static TEXTS: OnceLock<Vec<String>> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/sql");
        let entries = std::fs::read_dir(root).expect("tests/sql");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        let mut texts: Vec<String> = Vec::new();
        for file in files {
            let text = std::fs::read_to_string(file).expect("a readable file");
            // A record: `query ...` or `statement ...`, the SQL, `----`, the answer.
            for record in text.split("\n\n") {
                let lines = record.lines().skip_while(|line| line.is_empty() || line.starts_with('#'));
                let sql: Vec<&str> = lines.skip(1).take_while(|line| !line.starts_with("----")).collect();
                texts.push(sql.join("\n"));
            }
        }
        let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
        let readme = std::fs::read_to_string(readme).expect("the README");
        for block in readme.split("```sql\n").skip(1) {
            let block = block.split("```").next().unwrap_or_default();
            texts.extend(block.split(';').map(|sql| sql.trim().to_owned()));
        }
        texts.retain(|sql| !sql.trim().is_empty());
        texts.sort();
        texts.dedup();
        assert!(texts.len() > 400, "the corpus has {} texts", texts.len());
        texts
    })
}

/// A text cut into tokens, near enough: words, numbers, strings, names in quotes, single other characters.
pub(super) fn tokens(sql: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            c if c.is_alphanumeric() || c == '_' => {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            }
            c if c.is_whitespace() => rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
    tokens
}
