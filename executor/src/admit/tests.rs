//! Whole tables against whole policies.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BooleanArray, Float64Array, Int64Array, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type};
use planner::catalog::{Federation, Table};

use super::*;
use crate::Error;

const FEDERATION: &str = r#"
version = 1
name = "t"
party = [{ name = "a", seat = 0 }, { name = "b", seat = 1 }, { name = "c", seat = 2 }]
"#;

const POLICY: &str = r#"
version = 1
[table.t]
person = "id"
max_rows = 5
max_rows_per_person = 2
[table.t.column]
id = { type = "TEXT", allow = ["join"] }
age = { type = "INTEGER", bounds = [18, 99], nullable = false, allow = ["filter"] }
bmi = { type = "DOUBLE", bounds = [0, 80], step = 0.1, allow = ["aggregate"] }
sex = { type = "TEXT", values = ["f", "m"], allow = ["group"] }
level = { type = "DOUBLE", values = [0.3, 0.9], step = 0.3, allow = ["group"] }
"#;

fn federation() -> Federation {
    planner::policy::parse(FEDERATION, &[("a".into(), POLICY.into())]).unwrap()
}

fn table(federation: &Federation) -> &Table {
    &federation.parties[0].tables[0]
}

/// Admits CSV-like rows, columns in another order and case than declared, and one that is not declared.
fn admitted(rows: &[[&str; 5]]) -> Result<Vec<RecordBatch>, Violations> {
    let federation = federation();
    let names = ["AGE", "other", "sex", "Bmi", "id", "level"];
    let from = [Some(1), None, Some(3), Some(2), Some(0), Some(4)];
    let field = |name: &&str| Field::new(*name, DataType::Utf8, true);
    let schema = Arc::new(Schema::new(names.iter().map(field).collect::<Vec<_>>()));
    let column = |from: &Option<usize>| -> ArrayRef {
        let texts = rows.iter().map(|row| from.map(|from| row[from]).filter(|text| !text.is_empty()));
        Arc::new(texts.collect::<StringArray>())
    };
    let mut admission = Admission::new("a.t", table(&federation), &schema, Types::Text)?;
    let all = RecordBatch::try_new(schema, from.iter().map(column).collect()).unwrap();
    for start in 0..rows.len() {
        let row = all.slice(start, 1).project(admission.source_columns()).unwrap();
        admission.add(&row).unwrap();
    }
    admission.finish()
}

#[test]
fn good_rows_get_the_policy_s_spelling_and_types() {
    let batches = admitted(&[["P1", "18", "25.34", "f", "0.9"], ["P1", "99", "-0.0", "", "0.31"]]).unwrap();
    let federation = federation();
    assert_eq!(batches[0].schema(), table(&federation).schema());
    let doubles =
        |batch: usize, column: usize| batches[batch].column(column).as_primitive::<Float64Type>().clone();
    assert_eq!(doubles(0, 2), Float64Array::from(vec![25.3]));
    assert_eq!(doubles(0, 4), Float64Array::from(vec![0.9]), "as declared, not 3 * 0.3");
    assert_eq!(doubles(1, 4), Float64Array::from(vec![0.3]));
    assert!(doubles(1, 2).value(0).is_sign_positive(), "one zero, within bounds that begin at 0");
}

#[test]
fn every_broken_rule_is_counted() {
    let error = admitted(&[
        ["P1", "17", "-9.99", "x", "0.9"],
        ["P1", "100", "80", "F", "0.6"],
        ["P1", "", "1e999", "f", ""],
        ["P2", "18.5", "abc", "m", ""],
        ["", "20", "20", "m", ""],
        ["", "20", "20", "m", ""],
    ])
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.t: column `age`: 2 rows outside bounds [18, 99]; \
         column `bmi`: 2 rows outside bounds [0.0, 80.0]; \
         column `sex`: 2 rows outside values [f, m]; \
         column `level`: 1 row outside values [0.3, 0.9]; \
         column `age`: 1 row with NULL, though `nullable = false`; \
         column `bmi`: 1 row with a value that is not a finite number; \
         column `age`: 1 row with a text that is no INTEGER; \
         column `bmi`: 1 row with a text that is no DOUBLE; \
         1 row more than max_rows = 5; \
         column `id`: 1 row more than max_rows_per_person = 2 allows"
    );
    let error = Error::from(error);
    assert_eq!(error.class(), planner::Class::Source);
    assert_eq!(error.for_analyst("a"), "the data of a.t cannot be used; its owner can see why");
}

#[test]
fn columns_that_are_missing_or_of_another_kind_are_named() {
    let federation = federation();
    let stored = RecordBatch::try_from_iter([
        ("id", Arc::new(BooleanArray::from(vec![true])) as ArrayRef),
        ("age", Arc::new(Int64Array::from(vec![20]))),
        ("Sex", Arc::new(StringArray::from(vec!["f"]))),
        ("SEX", Arc::new(StringArray::from(vec!["f"]))),
        ("bmi", Arc::new(Float64Array::from(vec![20.0]))),
    ])
    .unwrap();
    let error = Admission::new("a.t", table(&federation), &stored.schema(), Types::Stored).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.t: column `id` has type BOOLEAN and must be TEXT; \
         column `sex` could be `Sex` or `SEX` of the data; \
         column `level` is missing (the data have `id`, `age`, `Sex`, `SEX`, `bmi`)"
    );
}

#[test]
fn a_first_line_that_is_no_header_is_not_told() {
    let federation = federation();
    let message = |names: &[&str]| {
        let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
        let admission = Admission::new("a.t", table(&federation), &Schema::new(fields), Types::Text);
        admission.unwrap_err().to_string()
    };
    let first = "a.t: the first line names none of the declared columns; ";
    assert_eq!(message(&["id;age"]), format!("{first}is the file separated by `;`? It must be by `,`"));
    assert_eq!(message(&["id\tage"]), format!("{first}is the file separated by tabs? It must be by `,`"));
    assert_eq!(message(&["P1", "18"]), format!("{first}is there no header line?"));
    assert!(!message(&["id", "age", "bmi", "sex", "secret"]).contains("secret"));
}

#[test]
fn values_and_keys_repeat_as_often_as_declared() {
    let policy = r#"
version = 1
[table.t]
max_rows = 9
unique = [["a", "B"]]
[table.t.column]
a = { type = "BIGINT", max_rows_per_value = 2 }
b = { type = "BIGINT" }
"#;
    let federation = planner::policy::parse(FEDERATION, &[("a".into(), policy.into())]).unwrap();
    let admitted = |a: Vec<Option<i64>>, b: Vec<Option<i64>>| {
        let column = |values: Vec<Option<i64>>| Arc::new(Int64Array::from(values)) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("a", column(a)), ("b", column(b))]).unwrap();
        let mut admission = Admission::new("a.t", table(&federation), &batch.schema(), Types::Stored)?;
        admission.add(&batch).unwrap();
        admission.finish()
    };
    let some = |values: &[i64]| values.iter().copied().map(Some).collect::<Vec<_>>();
    assert!(admitted(some(&[1, 1, 2]), some(&[1, 2, 1])).is_ok());
    assert!(admitted(vec![None; 3], some(&[1, 1, 1])).is_ok(), "NULL is equal to nothing");
    let error = admitted(some(&[1, 1, 1, 2, 2]), some(&[1, 1, 1, 2, 3])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.t: column `a`: 1 row more than max_rows_per_value = 2 allows; \
         2 rows with the same values as another row, though (a, b) is unique"
    );
}

#[test]
fn no_rows_are_a_table() {
    assert_eq!(admitted(&[]).unwrap().len(), 0);
}
