//! The examples of table functions, on the demo's data.

use planner::function::table::FUNCTIONS;

use super::*;

#[test]
fn examples_run_on_the_demo_s_data() {
    let examples: Vec<&str> = FUNCTIONS.iter().map(|spec| spec.example).collect();
    let sql = examples.join(";\n");
    let run = conjoin(["demo", "--rows", "1500", "-e", &sql, "--format", "json"]).expect(0);
    let sets = run.sets();
    assert_eq!(sets.len(), FUNCTIONS.len());
    for (spec, set) in FUNCTIONS.iter().zip(sets) {
        let rows = set.as_array().unwrap();
        assert!(!rows.is_empty(), "{}", spec.name);
        let names: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
        let declared: Vec<&str> = spec.columns.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, declared, "{}", spec.name);
        let given = rows.iter().flat_map(|row| row.as_object().unwrap().values()).any(|cell| !cell.is_null());
        assert!(given, "{} gives nothing", spec.name);
    }
}
