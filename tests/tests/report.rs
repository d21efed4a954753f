//! The `report` program on few rows: every work with three processes, its answer checked by each of them, and its exact
//! costs. The rest of a line are times and memory, which no test can hold.

use std::process::Command;

/// Name, rows, bytes per row of the party that sends most, rounds.
type Line = (&'static str, &'static str, &'static str, std::ops::RangeInclusive<u64>);

/// What every work costs on 1024 rows. Of the hashed join, the rounds are those of a real run, in which a message may
/// follow one that it did not have to wait for.
const LINES: &[Line] = &[
    ("mul64", "1024", "8.00", 1..=1),
    ("lt64", "1024", "18.00", 7..=7),
    ("lt8", "1024", "1.92", 5..=5),
    ("sort64", "1024", "1227.00", 118..=118),
    ("sort8", "1024", "141.25", 14..=14),
    ("groupby16", "1024", "0.12", 1..=1),
    ("groupby_open", "1024", "1306.00", 135..=135),
    ("hashed_join", "1024", "48.03", 4..=5),
    ("oblivious_join_groupby", "1024", "172.08", 108..=108),
    ("lasso_10k_10", "1024", "1559.60", 963..=963),
    ("lasso_1m_50", "1024", "31518.07", 1297..=1297),
];

#[test]
fn every_work_runs_over_processes_and_costs_the_formula() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report.csv");
    let output = Command::new(env!("CARGO_BIN_EXE_report"))
        .args(["--rows", "1024", "--runs", "1", "--output"])
        .arg(&file)
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let csv = std::fs::read_to_string(&file).expect("figures");
    let mut lines = csv.lines();
    let header = "work,rows,seconds,rows_per_s,bytes_per_row_per_party,rounds,peak_mb";
    assert_eq!(lines.next(), Some(header));
    let lines: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), LINES.len(), "{csv}");
    for (line, (name, rows, bytes, rounds)) in lines.iter().zip(LINES) {
        assert_eq!((line[0], line[1], line[4]), (*name, *rows, *bytes), "{csv}");
        assert!(rounds.contains(&line[5].parse().expect("rounds")), "{csv}");
        assert!(line[2].parse::<f64>().expect("seconds") > 0.0, "{csv}");
        assert!(line[6].parse::<u64>().expect("memory") > 0, "{csv}");
    }
}

#[test]
fn unknown_works_and_words_are_refused() {
    for words in [&["--work", "sort63"][..], &["--fast"], &["--rows"]] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_report")).args(words).output().expect("the program runs");
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("usage") || words[0] == "--work");
    }
}
