//! What the statements of `tests/benchmark` cost by their plans, over 10,000 persons: the same on every machine. That seats
//! send what plans say is held by the tests of the executor.

use std::fmt::Write as _;

use super::*;

#[test]
fn timed_statements_cost_what_is_checked_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/benchmark");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let text = read("statistics.sql");
    let code: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
    let code = code.join("\n");
    let statements: Vec<&str> = code.split(';').map(str::trim).filter(|sql| !sql.is_empty()).collect();
    let sql: Vec<String> = statements.iter().map(|sql| format!("EXPLAIN (FORMAT JSON) {sql}")).collect();
    let run = conjoin(["demo", "--rows", "10000", "-e", &sql.join(";\n"), "--format", "json"]).expect(0);
    let mut found = "function,rounds,bytes\n".to_owned();
    for (statement, set) in statements.iter().zip(run.sets()) {
        let plan: Value = serde_json::from_str(set[0]["plan"].as_str().unwrap()).unwrap();
        let call = statement.split("FROM ").nth(1).unwrap();
        let secure = &plan["secure"];
        let name = call.split('(').next().unwrap();
        writeln!(found, "{name},{},{}", secure["rounds"], secure["bytes"]).unwrap();
    }
    assert_eq!(found, read("costs.csv"));
}
