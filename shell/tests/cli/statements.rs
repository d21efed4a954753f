//! Statements: order, results before a failure, errors with their place.

use serde_json::json;

use super::*;

#[test]
fn results_before_a_failure_stay_and_its_code_is_the_program_s() {
    let federation = Federation::new();
    let run =
        federation.json("SELECT 1 AS a; SELECT AVG(agee) FROM hospital.lifestyle; SELECT 2 AS b").expect(2);
    assert_eq!(run.sets(), [json!([{"a": 1}])]);
    let error = run.error();
    assert_eq!(error["class"], "invalid");
    assert_eq!(error["position"], json!({"line": 1, "column": 27}));
    assert!(error["hint"].as_str().unwrap().contains("age"), "{error}");
}

#[test]
fn keep_going_runs_the_rest() {
    let federation = Federation::new();
    let file = federation
        .write("q.sql", "SELECT 1 AS a;\nSELECT age FROM hospital.lifestyle;\nSELEC;\nSELECT 2 AS b")
        .file("q.sql");
    let (dir, file) = (federation.path().to_str().unwrap(), file.to_str().unwrap());
    let run = conjoin(["run", "--local", dir, "--keep-going", "-f", file, "--format", "json"]).expect(3);
    assert_eq!(run.sets(), [json!([{"a": 1}]), json!([{"b": 2}])]);
    assert_eq!(run.err.lines().filter(|line| line.starts_with("{\"error\"")).count(), 2);
}

#[test]
fn rows_are_refused_before_data_is_read() {
    let federation = Federation::new();
    std::fs::remove_dir_all(federation.file("parties/hospital/data")).unwrap();
    let run = federation.json("SELECT age FROM hospital.lifestyle").expect(3);
    assert_eq!(run.error()["class"], "refused");
    assert!(run.error()["message"].as_str().unwrap().contains("only aggregates leave the federation"));
    assert_eq!(run.out, "");
}

#[test]
fn people_see_where() {
    let federation = Federation::new();
    let run = federation.local("SELECT 1;\nSELECT AVG(agee) FROM hospital.lifestyle", &[]).expect(2);
    let lines: Vec<&str> = run.err.lines().collect();
    assert!(lines[0].starts_with("error: "), "{}", run.err);
    assert_eq!(lines[1..4], ["   |", " 2 | SELECT AVG(agee) FROM hospital.lifestyle", "   |            ^"]);
    assert!(!run.err.contains('\u{1b}'), "no colours outside terminals");
}

#[test]
fn the_session_lives_for_the_whole_text() {
    let federation = Federation::new();
    let sql = "CREATE VIRTUAL TABLE old AS SELECT * FROM hospital.lifestyle WHERE age >= 40; \
               SELECT COUNT(*) AS n FROM old; DROP VIEW old";
    let run = federation.json(sql).expect(0);
    assert_eq!(run.sets(), [json!([{"n": 3}])], "{}", run.err);
}

#[test]
fn standard_input_is_read_when_it_is_no_terminal() {
    let federation = Federation::new();
    let dir = federation.path().to_str().unwrap();
    let run = conjoin_with_input(&["local", dir], "SELECT 'a' AS x;\nSELECT 'b,c' AS y;\n").expect(0);
    assert_eq!(run.out, "x\na\n\ny\n\"b,c\"\n");
}

#[test]
fn a_joined_query_is_answered() {
    let federation = Federation::new();
    let run = federation
        .json("SELECT COUNT(*) AS n, SUM(days) AS days, AVG(age) AS age, SUM(cost) AS cost FROM cohort");
    let run = run.expect(0);
    assert_eq!(run.out, "[{\"n\":3,\"days\":7,\"age\":40.0,\"cost\":31.00}]\n", "{}", run.err);
}

#[test]
fn explain_needs_no_data() {
    let federation = Federation::new();
    std::fs::remove_dir_all(federation.file("parties/hospital/data")).unwrap();
    let dir = federation.path().to_str().unwrap();
    let run = conjoin(["explain", "--local", dir, "-e", "SELECT AVG(age) FROM hospital.lifestyle"]).expect(0);
    assert!(run.out.starts_with("plan\n"), "{}", run.out);
    let sql = "SELECT AVG(age) FROM cohort";
    let run = conjoin(["explain", "--local", dir, "--disclosure", "--format", "json", "-e", sql]).expect(0);
    assert!(run.sets()[0][0].get("recipient").is_some(), "{}", run.out);
}
