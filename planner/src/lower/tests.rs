//! SQL to plan to interpreted result, against the engine on the same data.
#![expect(clippy::wildcard_enum_match_arm, reason = "what is not expected fails the test")]

mod at_home;
mod choice;
mod different;
mod expressions;
mod files;
mod grid;
mod joins;
mod keys;
mod lookups;
mod models;
mod persons;
mod refusals;
mod secrets;
mod sites;
mod ways;
mod within;

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
        (ScalarValue::Float64(Some(a)), ScalarValue::Float64(Some(b))) => close_to(*a, *b),
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
            let ordered = outermost(sql).contains("ORDER BY");
            same(sql, &result, &clear(federation, data, sql), ordered);
        }
        Err(error) => panic!("{sql}\n{error}"),
    }
}

/// What stands in no parentheses.
fn outermost(sql: &str) -> String {
    let mut depth = 0;
    let outside = |c: &char| {
        depth += i32::from(*c == '(') - i32::from(*c == ')');
        depth == 0
    };
    sql.chars().filter(outside).collect()
}

/// The cells of a result, NULL as `-`.
fn cells(federation: &Federation, data: &Data, sql: &str) -> String {
    let result = secure(federation, data, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let cell = |cell: &ScalarValue| if cell.is_null() { "-".to_owned() } else { cell.to_string() };
    let row = |row: &Vec<ScalarValue>| row.iter().map(cell).collect::<Vec<_>>().join(",");
    rows(&result).iter().map(row).collect::<Vec<_>>().join(" ")
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
    let (federation, data) = heart();
    for sql in MORE {
        check(&federation, &data, sql);
    }
}
