//! Batch runs: variables, reports, files for each result, dry runs, pictures.

use serde_json::json;

use super::*;

/// `conjoin run` over a directory.
fn run(federation: &Federation, sql: &str, more: &[&str]) -> Run {
    let dir = federation.path().to_str().unwrap();
    let file = federation.write("q.sql", sql).file("q.sql");
    conjoin([&["run", "--local", dir, "-f", file.to_str().unwrap()], more].concat())
}

#[test]
fn variables_stand_for_values() {
    let federation = Federation::new();
    let sql = "SELECT COUNT(*) AS n FROM hospital.lifestyle WHERE age >= $age AND sex = $sex;\n\
               SELECT AVG(${column}) AS mean FROM hospital.lifestyle";
    let values = ["-v", "age=40", "-v", "sex=m", "-v", "column=age", "--format", "json"];
    let run_ = run(&federation, sql, &values).expect(0);
    assert_eq!(run_.sets(), [json!([{"n": 2}]), json!([{"mean": 45.0}])]);
    let error = run(&federation, "SELECT 1,\n  $nothing", &["--format", "json"]).expect(2).error();
    assert_eq!(error["position"], json!({"line": 2, "column": 3}));
    // Places are those of the file, not of the text with values.
    let error = run(&federation, "SELECT $age, oops FROM hospital.lifestyle", &values).expect(2).error();
    assert_eq!(error["position"], json!({"line": 1, "column": 14}));
}

#[test]
fn the_report_has_every_statement() {
    let federation = Federation::new();
    let report = federation.file("run.json");
    let path = report.to_str().unwrap();
    let sql =
        "SELECT SUM(age) AS s FROM hospital.lifestyle;\nSELECT age FROM hospital.lifestyle;\nSELECT 2 AS b";
    run(&federation, sql, &["--report", path]).expect(3);
    let read = || -> Value { serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap() };
    let statuses = |report: &Value| -> Vec<String> {
        let all = report["statements"].as_array().unwrap();
        all.iter().map(|statement| statement["status"].as_str().unwrap().to_owned()).collect()
    };
    let stopped = read();
    assert_eq!(statuses(&stopped), ["ok", "failed", "skipped"]);
    assert_eq!(stopped["exit_code"], 3);
    let [first, second, third] = &stopped["statements"].as_array().unwrap()[..] else { panic!("{stopped}") };
    assert_eq!((&first["rows"], &first["class"]), (&json!(1), &Value::Null));
    assert!(first["rounds"].as_u64().unwrap() > 0 && first["bytes"].as_u64().unwrap() > 0);
    assert!(first["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!((&second["class"], &second["line"]), (&json!("refused"), &json!(2)));
    assert_eq!(third["line"], 3);
    run(&federation, sql, &["--report", path, "--keep-going"]).expect(3);
    assert_eq!(statuses(&read()), ["ok", "failed", "ok"]);
}

#[test]
fn the_worst_failure_gives_the_exit_code() {
    let federation = Federation::new();
    federation.write("parties/insurer/data/claims.csv", "id,days,cost\nA1,999,1\n");
    let sql =
        "SELEC; SELECT age FROM hospital.lifestyle; SELECT SUM(days) FROM insurer.claims; SELECT 1 AS a";
    let run = run(&federation, sql, &["--keep-going", "--format", "json"]).expect(4);
    assert_eq!(run.sets(), [json!([{"a": 1}])]);
    assert_eq!(run.err.lines().filter(|line| line.starts_with("{\"error\"")).count(), 3);
}

#[test]
fn each_result_has_a_file_of_its_own() {
    let federation = Federation::new();
    let folder = federation.file("results");
    let sql = format!(
        "SELECT 1 AS a; COPY (SELECT 3 AS c) TO '{}'; SELECT 2 AS b",
        federation.file("c.csv").display()
    );
    let out = run(&federation, &sql, &["--output-dir", folder.to_str().unwrap()]).expect(0).out;
    assert_eq!(out, "");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!((read("01.csv").as_str(), read("02.csv").as_str()), ("a\n1\n", "b\n2\n"));
    assert_eq!(std::fs::read_to_string(federation.file("c.csv")).unwrap(), "c\n3\n");
}

#[test]
fn files_of_a_folder_are_of_the_format_that_is_asked_for() {
    let federation = Federation::new();
    let sql = "SELECT sex, COUNT(*) AS n FROM hospital.lifestyle GROUP BY sex; SELECT 2 AS b";
    let folder = federation.file("results");
    let dir = folder.to_str().unwrap();
    for (format, begin) in
        [("parquet", &b"PAR1"[..]), ("arrow", b"ARROW1"), ("json", b"[{"), ("jsonl", b"{\"sex")]
    {
        run(&federation, sql, &["--output-dir", dir, "--file-format", format]).expect(0);
        let first = std::fs::read(folder.join(format!("01.{format}"))).unwrap();
        assert!(first.starts_with(begin), "{format}: {first:?}");
        assert!(folder.join(format!("02.{format}")).is_file());
    }
    run(&federation, sql, &["--output-dir", dir, "--file-format", "xls"]).expect(2);
    run(&federation, sql, &["--file-format", "parquet"]).expect(2);
    // What was written is data again: the owner's next file.
    let copies = ["c.parquet", "c.csv", "c.json", "c.arrow"].map(|name| federation.file(name));
    for path in &copies {
        let sql = format!(
            "COPY (SELECT sex, COUNT(*) AS n FROM hospital.lifestyle GROUP BY sex) TO '{}'",
            path.display()
        );
        let run = run(&federation, &sql, &[]).expect(0);
        assert_eq!(run.out, "");
    }
    assert_eq!(std::fs::read_to_string(&copies[1]).unwrap(), "sex,n\nf,2\nm,2\n,1\n");
    assert_eq!(
        std::fs::read_to_string(&copies[2]).unwrap(),
        "[{\"sex\":\"f\",\"n\":2},{\"sex\":\"m\",\"n\":2},{\"sex\":null,\"n\":1}]\n"
    );
}

#[test]
fn a_dry_run_plans_and_asks_nobody() {
    let federation = Federation::new();
    std::fs::remove_dir_all(federation.file("parties/hospital/data")).unwrap();
    let sql = "CREATE VIRTUAL TABLE old AS SELECT * FROM hospital.lifestyle WHERE age > 40;\n\
               SELECT COUNT(*) FROM old;\nSELECT 1;";
    let run_ = run(&federation, sql, &["--dry-run", "--format", "json"]).expect(0);
    let rows = &run_.sets()[0];
    assert_eq!(rows[0]["what"], "changes the session");
    assert_eq!((&rows[1]["what"], &rows[1]["line"]), (&json!("asks the parties"), &json!(2)));
    assert!(rows[1]["rounds"].as_u64().unwrap() > 0);
    assert_eq!((&rows[2]["what"], &rows[2]["bytes"]), (&json!("answered here"), &Value::Null));
    run(&federation, "SELECT age FROM hospital.lifestyle", &["--dry-run"]).expect(3);
}

#[test]
fn the_last_result_is_drawn() {
    let federation = Federation::new();
    let svg = federation.file("sex.svg");
    let sql = "SELECT sex, COUNT(*) AS n FROM hospital.lifestyle GROUP BY sex";
    federation.local(sql, &["--plot", svg.to_str().unwrap()]).expect(0);
    let text = std::fs::read_to_string(&svg).unwrap();
    assert!(text.contains("<svg") && text.contains("NULL"), "{text}");
    federation.local(sql, &["--plot", federation.file("sex.png").to_str().unwrap()]).expect(0);
    assert!(std::fs::read(federation.file("sex.png")).unwrap().starts_with(b"\x89PNG"));
    federation.local(sql, &["--plot", "sex.pdf"]).expect(2);
    federation.local("SELECT 'x' AS a", &["--plot", svg.to_str().unwrap()]).expect(2);
}
