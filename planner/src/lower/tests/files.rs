//! The files of `tests/sql` on the ideal suite: every plan interpreted in the clear, against the engine. The crate of
//! cross-crate tests runs the same files on the engine, against the answers written in them, and on the protocols.

use std::path::PathBuf;

use super::{check, heart};

/// The queries of a file: what stands between a line that begins with `query` and one of dashes.
fn queries(text: &str) -> Vec<String> {
    let mut lines = text.lines();
    let mut all = Vec::new();
    while lines.by_ref().any(|line| line.starts_with("query ")) {
        all.push(lines.by_ref().take_while(|line| *line != "----").collect::<Vec<_>>().join("\n"));
    }
    all
}

/// All queries, with the files that they are in.
#[expect(clippy::disallowed_methods, reason = "the files are the tests'")]
fn all() -> Vec<(PathBuf, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/sql");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let of = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).unwrap();
        queries(&text).into_iter().map(|sql| (file.clone(), sql)).collect::<Vec<_>>()
    };
    files.into_iter().flat_map(of).collect()
}

/// One of four parts of all queries.
fn part(number: usize) {
    let (federation, data) = heart();
    let all = all();
    assert!(all.len() > 400, "only {} queries", all.len());
    for (file, sql) in all.iter().skip(number).step_by(4) {
        check(&federation, &data, &format!("-- {}\n{sql}", file.display()));
    }
}

#[test]
fn files_on_the_ideal_suite_0() {
    part(0);
}

#[test]
fn files_on_the_ideal_suite_1() {
    part(1);
}

#[test]
fn files_on_the_ideal_suite_2() {
    part(2);
}

#[test]
fn files_on_the_ideal_suite_3() {
    part(3);
}
