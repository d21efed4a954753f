//! SQL to plan to interpreted result, against the engine on the same data.
#![expect(clippy::wildcard_enum_match_arm, reason = "what is not expected fails the test")]

mod choice;
mod files;
mod joins;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::ScalarValue;

use super::interpret::{Data, interpret, run};
use super::lower;
use crate::bind::bind;
use crate::catalog::{Federation, Use};
use crate::plan::Node;
use crate::policy::parse;
use crate::{Class, Planned, Session};

macro_rules! heart {
    ($path:literal) => {
        include_str!(concat!("../../../tests/federations/heart/", $path))
    };
}

fn heart() -> (Federation, Data) {
    let policies = [
        ("hospital", heart!("parties/hospital/policy.toml")),
        ("insurer", heart!("parties/insurer/policy.toml")),
        ("clinic", heart!("parties/clinic/policy.toml")),
    ];
    let federation = federation(heart!("federation.toml"), &policies);
    let files = [
        ("hospital.lifestyle", heart!("parties/hospital/data/lifestyle.csv")),
        ("hospital.labs", heart!("parties/hospital/data/labs.csv")),
        ("insurer.claims", heart!("parties/insurer/data/claims.csv")),
        ("insurer.visits", heart!("parties/insurer/data/visits.csv")),
        ("clinic.lifestyle", heart!("parties/clinic/data/lifestyle.csv")),
    ];
    let data = data(&federation, &files);
    (federation, data)
}

pub(super) fn federation(toml: &str, policies: &[(&str, &str)]) -> Federation {
    let policies: Vec<(String, String)> =
        policies.iter().map(|(party, text)| ((*party).to_owned(), (*text).to_owned())).collect();
    parse(toml, &policies).unwrap()
}

/// Whether a number is the reference's.
pub(super) fn close_to(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-9 + 1e-6 * expected.abs()
}

/// CSV text without quotes as the declared types.
pub(super) fn loaded(federation: &Federation, files: &[(&str, &str)]) -> Data {
    data(federation, files)
}

/// CSV text without quotes as the declared types.
fn data(federation: &Federation, files: &[(&str, &str)]) -> Data {
    let mut data = Data::new();
    for (name, text) in files {
        let (party, table) = name.split_once('.').unwrap();
        let party = federation.parties.iter().find(|other| other.name == party).unwrap();
        let table = party.tables.iter().find(|other| other.name == table).unwrap();
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap().split(',').collect();
        let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
        let mut fields = Vec::new();
        let mut arrays: Vec<ArrayRef> = Vec::new();
        for column in &table.columns {
            let place = header.iter().position(|name| *name == column.name).unwrap();
            let data_type = column.sql_type.arrow();
            let cells = rows.iter().map(|row| match row[place] {
                "" => ScalarValue::try_from(&data_type).unwrap(),
                text => ScalarValue::try_from_string(text.to_owned(), &data_type).unwrap(),
            });
            arrays.push(ScalarValue::iter_to_array(cells).unwrap());
            fields.push(Field::new(&column.name, data_type, column.nullable));
        }
        data.insert((*name).to_owned(), RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap());
    }
    data
}

fn names(federation: &Federation) -> Vec<String> {
    federation.parties.iter().map(|party| party.name.clone()).collect()
}

/// The result through the plan.
pub(super) fn secure(federation: &Federation, data: &Data, sql: &str) -> Result<RecordBatch, crate::Error> {
    match crate::plan(federation, &Session::default(), sql)? {
        Planned::Secure(checked) => Ok(interpret(&checked.plan, &names(federation), data)),
        Planned::Clear(plan) => Ok(run(&plan, data)),
        other => panic!("{other:?}"),
    }
}

/// The result in the clear.
fn clear(federation: &Federation, data: &Data, sql: &str) -> RecordBatch {
    let bound = bind(federation, &Session::default(), sql).unwrap();
    run(&bound.raw, data)
}

pub(super) fn rows(batch: &RecordBatch) -> Vec<Vec<ScalarValue>> {
    let cell = |row| {
        batch.columns().iter().map(|column| ScalarValue::try_from_array(column, row).unwrap()).collect()
    };
    (0..batch.num_rows()).map(cell).collect()
}

fn close(a: &ScalarValue, b: &ScalarValue) -> bool {
    match (a, b) {
        (ScalarValue::Float64(Some(a)), ScalarValue::Float64(Some(b))) => {
            (a - b).abs() <= 1e-9 + 1e-9 * a.abs().max(b.abs())
        }
        _ => a == b,
    }
}

fn sort_key(row: &[ScalarValue]) -> String {
    let cell = |cell: &ScalarValue| match cell {
        ScalarValue::Float64(Some(x)) => format!("{x:.5e}"),
        other => format!("{other:?}"),
    };
    row.iter().map(cell).collect::<Vec<_>>().join("|")
}

fn same(sql: &str, secure: &RecordBatch, clear: &RecordBatch, ordered: bool) {
    let types = |batch: &RecordBatch| -> Vec<(String, DataType)> {
        batch
            .schema()
            .fields()
            .iter()
            .map(|field| (field.name().clone(), field.data_type().clone()))
            .collect()
    };
    assert_eq!(types(secure), types(clear), "{sql}");
    let (mut a, mut b) = (rows(secure), rows(clear));
    if !ordered {
        a.sort_by_key(|row| sort_key(row));
        b.sort_by_key(|row| sort_key(row));
    }
    let equal =
        a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.iter().zip(b).all(|(a, b)| close(a, b)));
    assert!(equal, "{sql}\nsecure: {a:?}\nclear:  {b:?}");
}

fn check(federation: &Federation, data: &Data, sql: &str) {
    match secure(federation, data, sql) {
        Ok(result) => {
            let ordered = sql.replace("WITHIN GROUP (ORDER BY", "").contains("ORDER BY");
            same(sql, &result, &clear(federation, data, sql), ordered);
        }
        Err(error) => panic!("{sql}\n{error}"),
    }
}

/// The queries of a sqllogictest file.
fn queries(text: &str) -> Vec<String> {
    let blocks = text.split("\n\n").filter_map(|block| block.split_once("query "));
    blocks
        .filter_map(|(_, rest)| rest.split_once('\n'))
        .map(|(_, sql)| sql.split("----").next().unwrap().trim().to_owned())
        .collect()
}

fn check_file(text: &str) {
    let (federation, data) = heart();
    let mut failures = Vec::new();
    for sql in queries(text) {
        let outcome =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&federation, &data, &sql)));
        if let Err(panic) = outcome {
            let message = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            failures.push(if message.is_empty() { sql } else { message });
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn counts() {
    check_file(include_str!("../../../tests/sql/count.slt"));
}

#[test]
fn sums_and_averages() {
    check_file(include_str!("../../../tests/sql/sum_avg.slt"));
}

#[test]
fn groups() {
    check_file(include_str!("../../../tests/sql/group_by.slt"));
}

#[test]
fn pairs() {
    check_file(include_str!("../../../tests/sql/pairs.slt"));
}

#[test]
fn distinct_values() {
    check_file(include_str!("../../../tests/sql/distinct.slt"));
}

#[test]
fn truths() {
    check_file(include_str!("../../../tests/sql/boolean_aggregates.slt"));
}

#[test]
fn order_statistics() {
    check_file(include_str!("../../../tests/sql/order_statistics.slt"));
}

#[test]
fn limits_over_groups() {
    check_file(include_str!("../../../tests/sql/limit.slt"));
}

#[test]
fn grouping_sets() {
    check_file(include_str!("../../../tests/sql/grouping_sets.slt"));
}

#[test]
fn open_groups() {
    check_file(include_str!("../../../tests/sql/open_groups.slt"));
}

#[test]
fn expressions_over_groups() {
    check_file(include_str!("../../../tests/sql/group_expressions.slt"));
}

#[test]
fn joins() {
    check_file(include_str!("../../../tests/sql/hashed_join.slt"));
}

#[test]
fn outer_joins() {
    check_file(include_str!("../../../tests/sql/outer_join.slt"));
}

#[test]
fn semi_and_anti_joins() {
    check_file(include_str!("../../../tests/sql/semi_anti_join.slt"));
}

#[test]
fn chains() {
    check_file(include_str!("../../../tests/sql/chain.slt"));
}

#[test]
fn many_to_many() {
    check_file(include_str!("../../../tests/sql/many_to_many.slt"));
}

#[test]
fn nulls() {
    check_file(include_str!("../../../tests/sql/null_logic.slt"));
}

#[test]
fn unions() {
    check_file(include_str!("../../../tests/sql/union_all.slt"));
}

#[test]
fn released_rows() {
    check_file(
        &include_str!("../../../tests/sql/released_rows.slt")
            .replace("\nSELECT 1\n", "\nSELECT COUNT(*) FROM insurer.claims\n"),
    );
}

/// Queries over the federation of `tests/federations/heart`, beside those of `tests/sql`.
const MORE: [&str; 53] = [
    "SELECT SUM(days) FILTER (WHERE chronic), COUNT(*) FILTER (WHERE region = 'north') FROM insurer.claims",
    "SELECT AVG(cost) FILTER (WHERE days > 10) FROM insurer.claims GROUP BY chronic",
    "SELECT SUM(h.bmi * c.days) FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id)",
    "SELECT SUM(h.bmi + c.cost), AVG(h.weight * c.cost) FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id)",
    "SELECT COUNT(*) FROM cohort WHERE bmi > cost / 400",
    "SELECT COUNT(*) FROM cohort WHERE weight < days * 3 AND (chronic OR age > 40)",
    "SELECT COUNT(*), SUM(age) FROM cohort WHERE age BETWEEN days AND days + 40",
    "SELECT COUNT(*) FROM cohort WHERE age IN (days, days + 1, 50)",
    "SELECT COUNT(*) FROM cohort WHERE age NOT IN (days, 50)",
    "SELECT COUNT(*) FROM cohort WHERE (age > days) IS NOT TRUE",
    "SELECT COUNT(*) FROM cohort WHERE CASE WHEN chronic THEN age ELSE days END > 30",
    "SELECT SUM(CASE WHEN smoker THEN days WHEN chronic THEN age END) FROM cohort",
    "SELECT AVG(CASE WHEN age > days THEN bmi ELSE weight END) FROM cohort",
    "SELECT age > days AS older, COUNT(*) FROM cohort GROUP BY age > days",
    "SELECT CASE WHEN age > 60 AND chronic THEN 'a' WHEN days > 10 THEN 'b' END AS kind, COUNT(*), SUM(age) FROM cohort GROUP BY kind",
    "SELECT sex, region, VAR(age), STDDEV_POP(days) FROM cohort GROUP BY sex, region",
    "SELECT SUM(age % 7), SUM(days / 3), SUM(-age) FROM cohort",
    "SELECT SUM(age / days), SUM(age % days), SUM(cost / age) FROM cohort",
    "SELECT SUM(bmi / days) FROM cohort",
    "SELECT SUM(abs(age - days)), SUM(NULLIF(age, days)), SUM(COALESCE(days, age, 0)) FROM cohort",
    "SELECT VAR(age - days), STDDEV(bmi * 2) FROM cohort",
    "SELECT COUNT(*) FROM hospital.lifestyle h JOIN clinic.lifestyle c ON h.patient_id = c.patient_id AND h.sex = c.sex",
    "SELECT COUNT(*) FROM hospital.labs l JOIN insurer.claims c ON HASHED(l.patient_id) = HASHED(c.patient_id) JOIN clinic.lifestyle x ON HASHED(l.patient_id) = HASHED(x.patient_id)",
    "SELECT l.kind, COUNT(DISTINCT l.patient_id), SUM(c.days), AVG(l.value) FROM hospital.labs l JOIN insurer.claims c ON l.patient_id = c.patient_id GROUP BY l.kind",
    "SELECT COUNT(DISTINCT c.patient_id) FROM hospital.labs l JOIN insurer.claims c ON HASHED(l.patient_id) = HASHED(c.patient_id) WHERE l.value > 50",
    "SELECT AVG(t.n) FROM (SELECT patient_id, COUNT(*) AS n FROM insurer.visits GROUP BY patient_id) t",
    "SELECT h.sex, AVG(t.total), COUNT(*) FROM hospital.lifestyle h JOIN (SELECT patient_id, SUM(fee) AS total, AVG(minutes) AS longest FROM insurer.visits WHERE minutes > 10 GROUP BY patient_id) t ON HASHED(h.patient_id) = HASHED(t.patient_id) WHERE t.longest > h.age / 2 GROUP BY h.sex",
    "SELECT COUNT(*), SUM(l.value) FROM hospital.lifestyle h JOIN hospital.labs l ON h.patient_id = l.patient_id WHERE h.age > 40 AND l.kind = 'crp'",
    "SELECT COUNT(*) FROM hospital.lifestyle h LEFT JOIN hospital.labs l ON h.patient_id = l.patient_id WHERE l.value IS NULL",
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE patient_id IN (SELECT patient_id FROM hospital.labs WHERE kind = 'hb')",
    "SELECT SUM(age), AVG(age) FROM (SELECT age FROM hospital.lifestyle WHERE sex = 'f' UNION ALL SELECT age + 1 FROM clinic.lifestyle UNION ALL SELECT days FROM insurer.claims)",
    "SELECT sex, SUM(bmi), COUNT(bmi) FILTER (WHERE age > 50) FROM (SELECT sex, bmi, age FROM hospital.lifestyle UNION ALL SELECT sex, bmi, age FROM clinic.lifestyle) GROUP BY sex HAVING SUM(bmi) > 1200.5",
    "SELECT region, AVG(days) AS a, COUNT(*) FROM insurer.claims GROUP BY region HAVING AVG(days) > 18.5 AND COUNT(*) >= 10",
    "SELECT region, SUM(cost), COUNT(*) FROM insurer.claims GROUP BY region HAVING SUM(cost) / COUNT(*) > 9000",
    "SELECT SUM(days) > 100 AS many, SUM(days) / COUNT(*), 100.0 * COUNT(cost) / COUNT(*) FROM insurer.claims",
    "SELECT round(AVG(bmi), 2), round(SUM(bmi) / COUNT(bmi), 1) FROM hospital.lifestyle",
    "SELECT STDDEV(age), STDDEV(age) / AVG(age), AVG(age) FROM hospital.lifestyle",
    "SELECT CASE WHEN COUNT(*) > 10 THEN AVG(age) ELSE 0 END, COALESCE(SUM(age), 0) FROM hospital.lifestyle WHERE age > 30",
    "SELECT COUNT(*), SUM(CASE WHEN date_part('year', since) > 2015 THEN days END) FROM insurer.claims",
    "SELECT COUNT(*), SUM(CASE WHEN region LIKE '%th' THEN days END) FROM insurer.claims",
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE 1 = 0",
    "SELECT region, AVG(days) FROM insurer.claims GROUP BY region HAVING AVG(days) >= 20.791666666666668",
    "SELECT kind, SUM(value), COUNT(*) FROM hospital.labs GROUP BY kind HAVING 100.0 * COUNT(*) / SUM(value) <= 1.1",
    "SELECT region, STDDEV(days), VAR(cost) FROM insurer.claims GROUP BY region HAVING STDDEV(days) > 11.5 AND VAR(cost) >= 0",
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE admitted + INTERVAL '1 month' > DATE '2020-01-31' AND substr(sex, 1, 1) = 'f'",
    "SELECT AVG(age) FROM hospital.lifestyle UNION ALL SELECT AVG(days) FROM insurer.claims",
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE age > (SELECT AVG(age) FROM hospital.lifestyle)",
    "SELECT COUNT(*) FROM cohort WHERE age > (SELECT AVG(age) FROM hospital.lifestyle WHERE smoker)",
    "SELECT SUM(x) FROM (SELECT age - (SELECT MIN(n) FROM (SELECT COUNT(*) AS n FROM hospital.labs GROUP BY patient_id)) AS x FROM hospital.lifestyle)",
    "SELECT COUNT(*) FROM (SELECT DISTINCT patient_id FROM insurer.visits WHERE minutes > 20)",
    "SELECT DISTINCT region, chronic FROM insurer.claims WHERE days > 35",
    "SELECT COUNT(*) FROM hospital.lifestyle h WHERE EXISTS (SELECT 1 FROM hospital.labs l WHERE l.patient_id = h.patient_id AND l.value > 100)",
    "SELECT a.n + b.n FROM (SELECT COUNT(*) AS n FROM hospital.lifestyle) a CROSS JOIN (SELECT SUM(days) AS n FROM insurer.claims) b",
];

#[test]
fn more_queries() {
    let text: Vec<String> = MORE.iter().map(|sql| format!("query T\n{sql}")).collect();
    check_file(&text.join("\n\n"));
}

#[test]
fn every_lasso_is_that_of_the_complete_cases() {
    let (federation, data) = heart();
    let terms = |sql: &str| -> Vec<(String, f64)> {
        let batch = secure(&federation, &data, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let cell = |row: &[ScalarValue]| match row {
            [ScalarValue::Utf8(Some(term)), ScalarValue::Float64(Some(value))] => (term.clone(), *value),
            other => panic!("{other:?}"),
        };
        rows(&batch).iter().map(|row| cell(row)).collect()
    };
    let joined = terms(
        "SELECT * FROM LASSO(cohort, target => 'days', features => 'exercise,bmi,age,sex,region', alpha => 0.05)",
    );
    let names: Vec<&str> = joined.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["intercept", "exercise", "bmi", "age", "sex=m", "region=south", "region=east", "region=west"]
    );
    let whole = terms(
        "SELECT * FROM LASSO((SELECT exercise, age FROM hospital.lifestyle), target => 'exercise', features => 'age', alpha => 0)",
    );
    // Without penalty: the least squares slope, which plain SQL gives too.
    let moments = clear(
        &federation,
        &data,
        "SELECT AVG(age * exercise) - AVG(age) * AVG(exercise), VAR_POP(age) FROM hospital.lifestyle WHERE age IS NOT NULL",
    );
    let [ScalarValue::Float64(Some(covariance)), ScalarValue::Float64(Some(variance))] =
        rows(&moments)[0][..]
    else {
        panic!()
    };
    assert!((whole[1].1 - covariance / variance).abs() < 1e-9, "{whole:?}");
    let summary = secure(
        &federation,
        &data,
        "SELECT n, n_dropped, alpha FROM LASSO_SUMMARY((SELECT bmi, age, smoker FROM (SELECT * FROM hospital.lifestyle UNION ALL SELECT * FROM clinic.lifestyle) WHERE age > 30), target => 'bmi')",
    );
    let expected = clear(
        &federation,
        &data,
        "SELECT SUM(CASE WHEN bmi IS NOT NULL AND smoker IS NOT NULL THEN 1 ELSE 0 END), SUM(CASE WHEN bmi IS NULL OR smoker IS NULL THEN 1 ELSE 0 END), 1.0 FROM (SELECT * FROM hospital.lifestyle UNION ALL SELECT * FROM clinic.lifestyle) WHERE age > 30",
    );
    assert_eq!(rows(&summary.unwrap()), rows(&expected));
}

const SMALL: &str = r#"
version = 1
name = "small"
party = [{ name = "a", seat = 0 }, { name = "b", seat = 1 }, { name = "c", seat = 2 }]
"#;

const SMALL_A: &str = r#"
version = 1
[release]
min_people = 3
[table.people]
person = "id"
max_rows = 20
[table.people.column]
id = { type = "TEXT", nullable = false, allow = ["join"] }
age = { type = "INTEGER", bounds = [0, 120], allow = ["filter", "aggregate", "model", "minmax", "quantile"] }
sex = { type = "TEXT", values = ["f", "m"], allow = ["group", "filter", "model"] }
flag = { type = "BOOLEAN", allow = ["minmax"] }
[table.visits]
person = "id"
max_rows = 30
max_rows_per_person = 4
[table.visits.column]
id = { type = "TEXT", nullable = false, allow = ["join"] }
ward = { type = "TEXT", values = ["x", "y", "z"], allow = ["group", "filter", "aggregate"] }
cost = { type = "BIGINT", bounds = [0, 1000], allow = ["filter", "aggregate", "minmax", "quantile"] }
grade = { type = "BIGINT", bounds = [-100000, 100000], allow = ["group"] }
"#;

const SMALL_B: &str = r#"
version = 1
[release]
min_people = 2
round_counts = 5
[table.members]
person = "id"
max_rows = 20
[table.members.column]
id = { type = "TEXT", nullable = false, allow = ["join"] }
days = { type = "BIGINT", bounds = [0, 366], allow = ["filter", "aggregate", "model"] }
"#;

fn small() -> (Federation, Data) {
    let federation = federation(SMALL, &[("a", SMALL_A), ("b", SMALL_B)]);
    let people =
        "id,age,sex,flag\np1,30,f,true\np2,40,f,true\np3,50,m,true\np4,,m,false\np5,60,m,\np6,70,,false";
    let visits = "id,ward,cost,grade\np1,x,10,-7\np1,x,20,-7\np1,x,30,-7\np2,x,40,-7\np3,y,50,9\np1,y,60,\np2,y,70,9\np5,z,0,5000\np6,z,5,5000\np4,z,6,5000";
    let members = "id,days\nP1,3\n p2,4\np3,5\np9,6\np6,";
    let data = data(&federation, &[("a.people", people), ("a.visits", visits), ("b.members", members)]);
    (federation, data)
}

/// The cells of a result, NULL as `-`.
fn cells(federation: &Federation, data: &Data, sql: &str) -> String {
    let result = secure(federation, data, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let cell = |cell: &ScalarValue| if cell.is_null() { "-".to_owned() } else { cell.to_string() };
    let row = |row: &Vec<ScalarValue>| row.iter().map(cell).collect::<Vec<_>>().join(",");
    rows(&result).iter().map(row).collect::<Vec<_>>().join(" ")
}

#[test]
fn few_persons_withhold() {
    let (federation, data) = small();
    let is = |sql: &str, expected: &str| assert_eq!(cells(&federation, &data, sql), expected, "{sql}");
    is("SELECT sex, COUNT(*) FROM a.people GROUP BY sex", "m,3");
    is("SELECT COUNT(*), SUM(age), COUNT(age) FROM a.people WHERE sex = 'm'", "3,-,-");
    is("SELECT COUNT(*) FROM a.people WHERE age > 55", "-");
    is("SELECT COUNT(*) FILTER (WHERE age > 55), AVG(age) FROM a.people", "-,50");
    // Four visits of two persons are two persons.
    is("SELECT ward, COUNT(*), SUM(cost) FROM a.visits GROUP BY ward", "y,3,180 z,3,11");
    is("SELECT COUNT(DISTINCT id) FROM a.visits WHERE ward = 'x'", "-");
    is("SELECT COUNT(DISTINCT id), COUNT(*) FROM a.visits", "6,10");
    // A condition in an argument: rows with 0 do not count.
    is(
        "SELECT SUM(CASE WHEN age > 45 THEN age ELSE 0 END), SUM(CASE WHEN age > 55 THEN age ELSE 0 END) FROM a.people",
        "180,-",
    );
    is("SELECT SUM(age * CAST(age > 55 AS INTEGER)) FROM a.people", "-");
    for disguised in [
        "age / 56",
        "abs(signum(age - 55)) * 0 + strpos(CAST(age AS TEXT), '7')",
        "greatest(age - 55, 0)",
        "age * (age / 56)",
        "CAST(age / 56.0 AS BIGINT)",
        "age + CAST(age > 55 AS INTEGER)",
        "1 - age * CAST(age > 55 AS INTEGER)",
    ] {
        is(&format!("SELECT SUM({disguised}), AVG({disguised}) FROM a.people"), "-,-");
    }
    is("SELECT SUM(2 * age - 1), SUM(age / 4.0), SUM(-CAST(age AS BIGINT)) FROM a.people", "495,62.5,-250");
    is(
        "SELECT SUM(k) FROM (SELECT id, CASE WHEN age > 55 THEN 1 ELSE 0 END AS k FROM a.people GROUP BY id, k)",
        "-",
    );
    is("SELECT SUM(y) FROM (SELECT CASE WHEN age > 55 THEN 1 ELSE 0 END AS y FROM a.people)", "-");
    is("SELECT SUM(cost) FROM a.visits WHERE ward = 'z'", "11");
    // Both owners: three of a, two of b; counts are rounded to fives.
    let joined = "FROM a.people p JOIN b.members m ON HASHED(p.id) = HASHED(m.id)";
    is(&format!("SELECT COUNT(*), SUM(p.age), SUM(m.days) {joined}"), "5,190,12");
    is(&format!("SELECT COUNT(*), SUM(p.age) {joined} WHERE m.days > 3"), "-,-");
    let joined = "FROM a.visits v JOIN b.members m ON HASHED(v.id) = HASHED(m.id)";
    is(&format!("SELECT v.ward, COUNT(*), SUM(m.days) {joined} GROUP BY v.ward"), "y,5,12");
    // HAVING sees a withheld number as NULL.
    is("SELECT ward, SUM(cost) FROM a.visits GROUP BY ward HAVING SUM(cost) > 5", "y,180 z,11");
    is(
        "SELECT ward, COUNT(*), SUM(CASE WHEN cost > 5 THEN cost ELSE 0 END) AS s FROM a.visits GROUP BY ward HAVING SUM(CASE WHEN cost > 5 THEN cost ELSE 0 END) >= 0",
        "y,3,180",
    );
    is("SELECT COUNT(*) + SUM(age) FROM a.people", "256");
    is("SELECT SUM(age) / COUNT(*) FROM a.people WHERE sex = 'm'", "-");
    // An owner's own tables, joined on the person.
    let joined = "FROM a.people p JOIN a.visits v ON p.id = v.id";
    is(&format!("SELECT v.ward, COUNT(*), SUM(p.age) {joined} GROUP BY v.ward"), "y,3,120 z,3,-");
    is(
        "SELECT COUNT(*) FROM a.people p LEFT JOIN a.visits v ON p.id = v.id WHERE v.cost > 4 OR v.ward IS NULL",
        "9",
    );
    is("SELECT COUNT(*) FROM a.people WHERE id IN (SELECT id FROM a.visits WHERE ward = 'x')", "-");
    is(
        "SELECT COUNT(*), AVG(t.n) FROM (SELECT id, COUNT(*) AS n FROM a.visits GROUP BY id) t WHERE t.n < 3",
        "5,1.2",
    );
    is(
        "SELECT AVG(t.m) FROM (SELECT id, SUM(CASE WHEN cost > 55 THEN 1 ELSE 0 END) AS m FROM a.visits GROUP BY id) t",
        "-",
    );
}

#[test]
fn few_persons_withhold_every_aggregate() {
    let (federation, data) = small();
    let is = |sql: &str, expected: &str| assert_eq!(cells(&federation, &data, sql), expected, "{sql}");
    // Pairs: both arguments are known, and no condition is neutral.
    is("SELECT COVAR_POP(age, age) FROM a.people WHERE sex = 'm'", "-");
    is("SELECT COVAR_POP(age, age * 2), CORR(age, age * 2) FROM a.people", "400,1");
    is("SELECT COVAR_POP(age, CASE WHEN age > 55 THEN 1 ELSE 0 END) FROM a.people", "-");
    is("SELECT CORR(age, 1 - CAST(age > 55 AS INTEGER) * age) FROM a.people", "-");
    // Values counted one by one are values of enough persons together.
    is("SELECT COUNT(DISTINCT ward), COUNT(DISTINCT ward) FILTER (WHERE cost > 55) FROM a.visits", "3,-");
    is("SELECT COUNT(DISTINCT cost / 20), SUM(DISTINCT cost / 20) FROM a.visits", "4,6");
    is("SELECT BOOL_OR(flag), BOOL_AND(flag) FROM a.people", "true,false");
    is("SELECT BOOL_OR(flag), BOOL_AND(flag) FROM a.people WHERE sex = 'f'", "-,-");
    is(
        "SELECT BOOL_OR(age > 55), BOOL_OR(age > 35), BOOL_AND(age > 35), BOOL_AND(age > 55) FROM a.people",
        "-,true,-,false",
    );
    is(
        "SELECT STDDEV_POP(age) / 10, STDDEV_POP(age) FILTER (WHERE age > 55) + 1 FROM a.people",
        "1.4142135623730951,-",
    );
    is("SELECT MIN(age), MAX(age), MEDIAN(age) FROM a.people", "30,70,50");
    is("SELECT MIN(age), MAX(age), MEDIAN(age) FROM a.people WHERE age > 55", "-,-,-");
    is("SELECT ward, MAX(cost), MEDIAN(cost) FROM a.visits GROUP BY ward", "y,70,60 z,6,5");
    is(
        "SELECT MAX(CASE WHEN age > 55 THEN age ELSE 0 END), MAX(CASE WHEN age > 35 THEN age ELSE 0 END) FROM a.people",
        "-,70",
    );
    is("SELECT MIN(age), MIN(age) FILTER (WHERE age > 55) FROM a.people HAVING MIN(age) < 31", "30,-");
    // Small groups are not among the first.
    is("SELECT ward, COUNT(*) AS n FROM a.visits GROUP BY ward ORDER BY n LIMIT 2", "y,3 z,3");
    is("SELECT ward, SUM(cost) AS s FROM a.visits GROUP BY ward ORDER BY s DESC LIMIT 1", "y,180");
    is("SELECT ward, COUNT(*) AS n FROM a.visits GROUP BY ward ORDER BY ward LIMIT 1 OFFSET 1", "z,3");
    is("SELECT ward, COUNT(*) AS n FROM a.visits GROUP BY ROLLUP(ward)", "y,3 z,3 -,10");
    // Open keys: persons are counted once in each group, and small groups give no key.
    is("SELECT grade, COUNT(*), SUM(cost) FROM a.visits GROUP BY grade", "5000,3,11");
    is("SELECT grade, COUNT(*), SUM(cost) FROM a.visits WHERE cost < 6 GROUP BY grade", "");
    is("SELECT grade, COUNT(*), AVG(cost) FILTER (WHERE cost > 5) FROM a.visits GROUP BY grade", "5000,3,-");
    is(
        "SELECT v.grade, COUNT(*), SUM(m.days) FROM a.visits v JOIN b.members m ON HASHED(v.id) = HASHED(m.id) GROUP BY v.grade",
        "",
    );
    is("SELECT sex, COUNT(*) FROM a.people GROUP BY sex HAVING sex = 'f' OR COUNT(*) > 2", "m,3");
}

#[test]
fn each_owner_counts_its_own_persons() {
    let (federation, data) = small();
    let is = |sql: &str, expected: &str| assert_eq!(cells(&federation, &data, sql), expected, "{sql}");
    let stacked = |a: &str, b: &str| {
        format!(
            "SELECT COUNT(*), SUM(x) FROM (SELECT age AS x FROM a.people WHERE {a} UNION ALL SELECT days FROM b.members WHERE {b})"
        )
    };
    is(&stacked("true", "true"), "10,268");
    is(&stacked("age > 40", "days > 3"), "5,195");
    is(&stacked("age > 55", "days > 3"), "-,-");
    is(&stacked("age > 40", "days > 5"), "-,-");
    // A person may be in several parts, and is counted once.
    is(
        "SELECT COUNT(*) FROM (SELECT age FROM a.people UNION ALL SELECT cost FROM a.visits UNION ALL SELECT days FROM b.members)",
        "20",
    );
}

/// A generator of numbers for random queries.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.roll(choices.len())]
    }

    /// An exact number over both owners' columns.
    fn number(&mut self, depth: usize) -> String {
        if depth == 0 || self.roll(4) == 0 {
            return self
                .pick(&["age", "exercise", "days", "weight", "cost", "3", "-7", "NULLIF(age, age)", "20"])
                .to_owned();
        }
        let (a, b) = (self.number(depth - 1), self.number(depth - 1));
        match self.roll(9) {
            0 => format!("({a} + {b})"),
            1 => format!("({a} - {b})"),
            2 => format!("({a} * {b})"),
            3 => format!("({a} / {b})"),
            4 => format!("({a} % {b})"),
            5 => format!("CASE WHEN {} THEN {a} ELSE {b} END", self.truth(depth - 1)),
            6 => format!("COALESCE({a}, {b})"),
            7 => format!("NULLIF({a}, {b})"),
            _ => format!("abs({a})"),
        }
    }

    fn truth(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self
                .pick(&[
                    "smoker",
                    "chronic",
                    "sex = 'f'",
                    "region IN ('north', 'east')",
                    "age > 50",
                    "days IS NULL",
                ])
                .to_owned();
        }
        match self.roll(7) {
            0 => format!("({} AND {})", self.truth(depth - 1), self.truth(depth - 1)),
            1 => format!("({} OR {})", self.truth(depth - 1), self.truth(depth - 1)),
            2 => format!("(NOT {})", self.truth(depth - 1)),
            3 => format!("({} IS NULL)", self.truth(depth - 1)),
            4 => format!("({} BETWEEN {} AND {})", self.number(1), self.number(1), self.number(1)),
            _ => {
                let op = self.pick(&["<", "<=", "=", "<>", ">", ">="]);
                format!("({} {op} {})", self.number(depth - 1), self.number(depth - 1))
            }
        }
    }
}

/// Random expressions over two owners' columns mean what they mean in the clear, or are refused.
#[test]
fn random_expressions_mean_the_same() {
    let seed = option_env!("CONJOIN_TEST_SEED").and_then(|seed| seed.parse().ok()).unwrap_or(20_261_120);
    println!("CONJOIN_TEST_SEED={seed}");
    let (federation, data) = heart_for_all_uses();
    let mut dice = Dice(seed);
    let mut answered = 0;
    let mut other = BTreeMap::new();
    for _ in 0..120 {
        let (a, b) = (dice.number(2), dice.truth(2));
        let sql = match dice.roll(3) {
            0 => format!("SELECT SUM({a}), COUNT({a}), COUNT(*) FROM cohort WHERE {b}"),
            1 => format!("SELECT SUM({a}) FILTER (WHERE {b}), AVG({a}) FROM cohort"),
            _ => format!("SELECT {b} AS k, COUNT(*), SUM({a}) FROM cohort GROUP BY {b}"),
        };
        match secure(&federation, &data, &sql) {
            Ok(result) => {
                answered += 1;
                same(&sql, &result, &clear(&federation, &data, &sql), false);
            }
            Err(error) => {
                assert!(matches!(error.class, Class::Invalid | Class::Refused), "{sql}: {error}");
                *other.entry(error.message.chars().take(40).collect::<String>()).or_insert(0) += 1;
            }
        }
    }
    assert!(answered > 60, "only {answered} were answered: {other:?}");
}

/// The heart federation where every use of every column is allowed.
fn heart_for_all_uses() -> (Federation, Data) {
    let (mut federation, data) = heart();
    for column in
        federation.parties.iter_mut().flat_map(|party| &mut party.tables).flat_map(|table| &mut table.columns)
    {
        column.allow.insert(Use::Public);
    }
    (federation, data)
}

/// Nobody withholds, but two rows determine no model of one feature.
#[test]
fn models_of_too_few_rows_are_withheld() {
    let (federation, data) = heart();
    let rows = "(SELECT exercise, age FROM hospital.lifestyle WHERE age > 99)";
    let sql = format!("SELECT * FROM LASSO({rows}, target => 'exercise', features => 'age')");
    assert_eq!(cells(&federation, &data, &sql), "intercept,- age,-");
    let sql = format!("SELECT * FROM LASSO_SUMMARY({rows}, target => 'exercise', features => 'age')");
    assert_eq!(cells(&federation, &data, &sql), "-,-,-,-,-,-,-,-");
}

/// Two values, and conditions, made by expressions are counted per value.
#[test]
fn derived_variables_of_models_are_counted() {
    let (federation, _) = small();
    let gates = |rows: &str| -> usize {
        let sql = format!("SELECT * FROM LASSO(({rows}), target => 't', features => 'f')");
        let session = Session::default();
        let bound = bind(&federation, &session, &sql).unwrap();
        let plan = lower(&federation, &session, &bound).unwrap();
        let Some(Node::Release(release)) = plan.nodes.last() else { panic!("{sql}") };
        release.outputs[0].gate.len()
    };
    assert_eq!(gates("SELECT age AS f, 2 * age AS t FROM a.people"), 1);
    assert_eq!(gates("SELECT age / 61 AS f, age AS t FROM a.people"), 3);
    assert_eq!(gates("SELECT age / 30 AS f, age AS t FROM a.people"), 3);
    assert_eq!(gates("SELECT age AS f, CASE WHEN age = 60 THEN age ELSE 0 END AS t FROM a.people"), 3);
}

#[test]
fn models_of_few_are_withheld() {
    let (federation, data) = small();
    let sql = "SELECT * FROM LASSO(a.people, target => 'age', features => 'sex', alpha => 0.1)";
    assert_eq!(cells(&federation, &data, sql), "intercept,- sex=m,-");
    let sql = "SELECT * FROM LASSO_SUMMARY(a.people, target => 'age', features => 'sex')";
    assert_eq!(cells(&federation, &data, sql), "-,-,-,-,-,-,-,-");
}

/// Sums whose small values no step would tell from 0 are refused, naming the expression.
#[test]
fn values_of_too_different_sizes_are_refused() {
    let (federation, data) = heart();
    let refused = |sql: &str| {
        let error = secure(&federation, &data, sql).expect_err(sql);
        assert_eq!(error.class, Class::Refused, "{sql}: {error}");
        error.message
    };
    for (of, expr) in [
        ("SUM", "POWER(days, 14)"),
        ("VAR", "POWER(days, 9)"),
        ("MAX", "POWER(days, 9)"),
        ("AVG", "EXP(days)"),
    ] {
        let message = refused(&format!("SELECT {of}({expr}) FROM insurer.claims"));
        let name = expr.split('(').next().unwrap_or_default().to_lowercase();
        assert!(message.contains("too different sizes") && message.contains(&name), "{message}");
    }
    refused(
        "SELECT * FROM LASSO((SELECT exercise AS y, POWER(weight, 20) AS x FROM hospital.lifestyle), target => 'y')",
    );
}

#[test]
fn classes() {
    let (federation, data) = heart();
    let error = |sql: &str| secure(&federation, &data, sql).expect_err(sql);
    let invalid = [
        "SELECT region, COUNT(*) AS n FROM insurer.claims GROUP BY region ORDER BY n * 2 LIMIT 2",
        "SELECT region, COUNT(*) AS n FROM insurer.claims GROUP BY ROLLUP(region) ORDER BY n LIMIT 2",
        "SELECT since, MEDIAN(days) FROM insurer.claims GROUP BY since",
        "SELECT DISTINCT COUNT(*) FROM insurer.claims GROUP BY region",
        "SELECT COUNT(*) FROM hospital.lifestyle WHERE patient_id NOT IN (SELECT patient_id FROM insurer.claims)",
        "SELECT COUNT(*) FROM hospital.lifestyle h WHERE NOT EXISTS (SELECT 1 FROM insurer.visits v WHERE HASHED(h.patient_id) = HASHED(v.patient_id) AND v.minutes > h.age)",
        "SELECT COUNT(*) FROM hospital.lifestyle h JOIN insurer.claims c ON h.age > c.days",
    ];
    for sql in invalid {
        let error = error(sql);
        assert_eq!(error.class, Class::Invalid, "{sql}: {error}");
        assert!(error.message.starts_with("not built yet"), "{sql}: {error}");
    }
    let refused = [
        "SELECT MIN(exercise) FROM hospital.lifestyle",
        "SELECT MEDIAN(exercise) FROM hospital.lifestyle",
        "SELECT PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY exercise) FROM hospital.lifestyle",
        "SELECT SUM(CAST(region AS INTEGER)) FROM insurer.claims",
        "SELECT SUM(CAST(age * 1000 AS SMALLINT)) FROM hospital.lifestyle",
        "SELECT age FROM hospital.lifestyle",
    ];
    for sql in refused {
        let error = error(sql);
        assert_eq!(error.class, Class::Refused, "{sql}: {error}");
    }
}

/// Doubles at the edges of their domains, with literals whose steps are no multiples of the columns'.
#[test]
fn derived_doubles_fit_their_ranges() {
    let policy = r#"
version = 1
[release]
min_people = 1
[table.t]
max_rows = 8
[table.t.column]
y = { type = "DOUBLE", bounds = [-5, 5], step = 0.25, allow = ["aggregate"] }
z = { type = "DOUBLE", bounds = [-0.7, 0.9], step = 0.1, allow = ["aggregate"] }
"#;
    let federation = federation(SMALL, &[("a", policy)]);
    let data = data(&federation, &[("a.t", "y,z\n-5,-0.7\n5,0.9\n5,-0.7\n-5,0.9\n0.25,0.7\n0,0")]);
    for literal in ["0.3", "0.5", "0.7", "1.3", "2.5", "3.3", "0.0001", "123456.789"] {
        for sql in [
            format!("SELECT SUM({literal} + y), SUM({literal} - y), SUM(y - {literal}) FROM a.t"),
            format!("SELECT SUM({literal} * y), SUM(y / {literal}), SUM({literal} + z) FROM a.t"),
            format!("SELECT SUM((y + z) * {literal}), SUM((y - {literal}) * (z + {literal})) FROM a.t"),
            format!("SELECT SUM(COALESCE(y, z) - {literal}), SUM(greatest(y, z, {literal})) FROM a.t"),
            format!("SELECT SUM(x) FROM (SELECT y + {literal} AS x FROM a.t UNION ALL SELECT z FROM a.t)"),
        ] {
            secure(&federation, &data, &sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }
    let error =
        secure(&federation, &data, "SELECT SUM(y / ((z - 0.4) - 0.3)) FROM a.t").expect_err("unbounded");
    assert_eq!(error.class, Class::Refused, "{error}");
}

#[test]
fn ranges_that_do_not_fit_are_refused() {
    let policy = r#"
version = 1
[release]
min_people = 1
[table.t]
max_rows = 1000
[table.t.column]
big = { type = "BIGINT", allow = ["aggregate", "filter"] }
x = { type = "DOUBLE", allow = ["aggregate", "filter"] }
"#;
    let federation = federation(SMALL, &[("a", policy)]);
    let error = |sql: &str| {
        let session = Session::default();
        let bound = bind(&federation, &session, sql).unwrap();
        lower(&federation, &session, &bound).expect_err(sql)
    };
    for sql in [
        "SELECT SUM(big) FROM a.t",
        "SELECT AVG(x) FROM a.t",
        "SELECT VAR(big) FROM a.t",
        "SELECT COUNT(*) FROM a.t WHERE big + 1 > 0",
    ] {
        let error = error(sql);
        assert_eq!(error.class, Class::Refused, "{sql}: {error}");
        assert!(error.hint.unwrap().contains("declare bounds"), "{sql}");
    }
}
