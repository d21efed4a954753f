//! Formats, files, help.

use serde_json::json;

use super::*;

#[test]
fn formats_differ_only_in_form() {
    let federation = Federation::new();
    let sql = "SELECT 1 AS a, NULL AS b, 0.1e0 AS c; SELECT 2 AS a WHERE 1 = 0";
    assert_eq!(federation.local(sql, &["--format", "csv"]).expect(0).out, "a,b,c\n1,,0.1\n\na\n");
    assert_eq!(federation.json(sql).expect(0).out, "[{\"a\":1,\"b\":null,\"c\":0.1}]\n[]\n");
    let lines = federation.local(sql, &["--format", "jsonl"]).expect(0).out;
    assert_eq!(lines, "{\"a\":1,\"b\":null,\"c\":0.1}\n");
    let table = federation.local(sql, &["--format", "table"]).expect(0).out;
    assert!(table.starts_with(" a | b    | c\n---+------+-----\n 1 | NULL | 0.1\n(1 row)\n"), "{table}");
}

#[test]
fn output_goes_to_a_file_by_extension() {
    let federation = Federation::new();
    for name in ["r.csv", "r.json", "r.parquet", "r.arrow"] {
        let path = federation.file(name);
        let run = federation.local("SELECT 7 AS seven", &["--output", path.to_str().unwrap()]).expect(0);
        assert_eq!(run.out, "");
        assert!(std::fs::metadata(&path).unwrap().len() > 0);
    }
    assert_eq!(std::fs::read_to_string(federation.file("r.csv")).unwrap(), "seven\n7\n");
    assert_eq!(std::fs::read_to_string(federation.file("r.json")).unwrap(), "[{\"seven\":7}]\n");
    let two = federation.file("two.parquet");
    federation.local("SELECT 1; SELECT 2", &["--output", two.to_str().unwrap()]).expect(2);
    assert!(!two.exists(), "it is found before anything runs");
    let run = federation.local("SELECT 1", &["--output", "r.xls"]).expect(2);
    assert!(run.err.contains(".parquet"), "{}", run.err);
}

#[test]
fn withheld_numbers_come_with_a_notice() {
    let federation = Federation::new();
    let sql = "SELECT SUM(days) AS days FROM insurer.claims WHERE days > 6";
    let run = federation.json(sql).expect(0);
    assert_eq!(run.sets(), [json!([{"days": null}])]);
    let notice: Value = serde_json::from_str(run.err.lines().next().unwrap()).unwrap();
    assert!(notice["notice"]["message"].as_str().unwrap().contains("withheld"), "{}", run.err);
    assert_eq!(federation.local(sql, &["--quiet"]).expect(0).err, "");
}

#[test]
fn help_version_and_completions() {
    let help = conjoin(["--help"]).expect(0).out;
    for command in ["demo", "local", "serve", "shell", "run", "explain", "flight", "init", "check"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
        assert!(conjoin([command, "--help"]).expect(0).out.contains("Usage: conjoin"));
    }
    assert!(help.contains("Examples:"));
    assert_eq!(conjoin(["--version"]).expect(0).out, concat!("conjoin ", env!("CARGO_PKG_VERSION"), "\n"));
    assert!(conjoin(["completions", "bash"]).expect(0).out.contains("_conjoin"));
}

#[test]
fn mistakes_on_the_command_line_are_errors_like_others() {
    let run = conjoin(["local", "x", "--fromat", "json"]).expect(2);
    assert!(run.err.contains("--format"), "{}", run.err);
    let run = conjoin(["local", "x", "--rows", "1", "--format", "json"]).expect(2);
    assert_eq!(run.error()["class"], "invalid");
    let run = conjoin(["flight", "--listen", "127.0.0.1:0", "--local", "x"]).expect(2);
    assert!(run.err.contains("x is not a federation directory"), "{}", run.err);
    conjoin(["demo", "--flight", "somewhere"]).expect(2);
    conjoin(["demo", "--timeout", "0s"]).expect(2);
}

#[test]
fn the_demo_runs_statements_and_leaves_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("study");
    let dir = dir.to_str().unwrap();
    let sql = "SELECT COUNT(*) AS n FROM hospital.lifestyle";
    let run = conjoin(["demo", "--rows", "200", "--dir", dir, "-e", sql, "--format", "json"]).expect(0);
    assert_eq!(run.sets(), [json!([{"n": 200}])]);
    let again = conjoin(["local", dir, "-e", sql, "--format", "json"]).expect(0);
    assert_eq!(again.out, run.out);
    std::fs::write(folder.path().join("mine"), "").unwrap();
    let other = folder.path().to_str().unwrap();
    conjoin(["demo", "--rows", "200", "--dir", other, "-e", sql]).expect(2);
}

#[test]
fn the_demo_agrees_with_the_clear() {
    let run = conjoin(["demo", "--rows", "400", "--check"]).expect(0);
    assert!(run.out.ends_with("as in the clear\n"), "{}", run.out);
}

#[test]
fn everything_on_standard_error_is_json_if_asked_for() {
    let federation = Federation::new();
    let path = federation.file("copy.csv");
    let run = federation.json(&format!("COPY (SELECT 1 AS a) TO '{}'", path.display())).expect(0);
    let notice: Value = serde_json::from_str(run.err.trim_end()).unwrap();
    assert!(notice["notice"]["message"].as_str().unwrap().starts_with("1 row to "), "{}", run.err);
    let error = conjoin(["local", "--format", "json"]).expect(2).error();
    let message = "the following required arguments were not provided: <DIR>";
    assert_eq!(error["message"], message);
}

#[test]
fn statements_may_begin_with_a_byte_order_mark() {
    let federation = Federation::new();
    let path = federation.path().to_str().unwrap();
    let run = conjoin_with_input(&["local", path], "\u{feff}SELECT 1 AS a").expect(0);
    assert_eq!(run.out, "a\n1\n");
    let file = federation.file("bad.sql");
    std::fs::write(&file, b"SELECT '\xff'").unwrap();
    let run = conjoin(["local", path, "-f", file.to_str().unwrap()]).expect(2);
    assert!(run.err.contains("bad.sql is not UTF-8 text"), "{}", run.err);
}

/// What users see of one run, in each format: results, an empty one, a withheld number, every type, a refusal.
#[test]
fn each_format_has_its_snapshot() {
    let federation = Federation::new();
    let sql = "SELECT sex, COUNT(*) AS n, AVG(age) AS mean_age FROM hospital.lifestyle GROUP BY sex;\n\
               SELECT COUNT(*) AS n, SUM(cost) AS cost FROM insurer.claims WHERE days > 6;\n\
               CREATE VIRTUAL TABLE old AS SELECT * FROM hospital.lifestyle WHERE age > 40;\n\
               SELECT 1 AS nothing WHERE 1 = 0;\n\
               SELECT TRUE AS truth, 12.50 AS cost, 1e300 AS x, DATE '2026-01-31' AS day, 'a, \"b\"' AS text, NULL AS none,\n\
               TIMESTAMP '2026-01-31 10:00:00' AS at, 'two' || chr(10) || 'lines' AS lines;\n\
               SELECT age FROM hospital.lifestyle;";
    for format in ["table", "csv", "json", "jsonl"] {
        let run = federation.local(sql, &["--format", format]).expect(3);
        insta::assert_snapshot!(format, format!("{}-- standard error\n{}", run.out, run.err));
    }
}
