//! Statistics on the tables of a trial, by all parties in memory: equal to the reference tools, oblivious, and at the
//! cost that the plan states.
#![expect(clippy::wildcard_enum_match_arm, reason = "what is not expected fails the test")]

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, StringArray, new_null_array};
use datafusion::arrow::compute::{cast, concat};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::array_value_to_string;
use planner::catalog::Federation;
use planner::plan::Node;
use serde_json::Value;

use super::asked::{answer, run};
use crate::reveal::ReleasedShares;
use crate::world::{Message, World};

macro_rules! trial {
    ($path:literal) => {
        include_str!(concat!("../../../tests/federations/trial/", $path))
    };
}

const REFERENCE: [&str; 2] =
    [include_str!("../../../tests/reference/trial.json"), include_str!("../../../tests/reference/cox.json")];

const SEATS: [usize; 3] = [0, 1, 2];

/// One of each function at least.
const QUERIES: [&str; 40] = [
    "SELECT * FROM CHI2_TEST(linked, row => 'toxicity', column => 'stage')",
    "SELECT * FROM CHI2_TEST(stacked, row => 'arm', column => 'response', correction => true)",
    "SELECT * FROM T_TEST(linked, value => 'after', by => 'arm')",
    "SELECT * FROM T_TEST(linked, value => 'before,after', paired => true)",
    "SELECT * FROM MEAN_DIFFERENCE(linked, value => 'after', by => 'arm')",
    "SELECT * FROM ANOVA(stacked, value => 'after', by => 'toxicity')",
    "SELECT * FROM KRUSKAL(linked, value => 'visits', by => 'stage')",
    "SELECT * FROM MANN_WHITNEY(stacked, value => 'visits', by => 'arm')",
    "SELECT * FROM KAPLAN_MEIER(linked, time => 'months', event => 'died', by => 'arm')",
    "SELECT * FROM MEDIAN_SURVIVAL(stacked, time => 'months', event => 'died')",
    "SELECT * FROM LOGRANK(linked, time => 'months', event => 'died', by => 'toxicity')",
    "SELECT * FROM STANDARDIZED_RATE(stacked, event => 'died', by => 'arm', strata => 'age', population => 'old=3,young=7')",
    "SELECT * FROM QUANTILES(linked, value => 'visits', q => '0.1,0.5')",
    "SELECT * FROM DESCRIBE_STATS(stacked, columns => 'visits,before')",
    "SELECT * FROM HISTOGRAM(linked, value => 'after', bins => 7, by => 'arm')",
    "SELECT * FROM FISHER_TEST(linked, row => 'arm', column => 'response')",
    "SELECT * FROM COX(linked, time => 'months', event => 'died', features => 'age,after')",
    "SELECT * FROM COX_SUMMARY(stacked, time => 'months', event => 'died', features => 'visits', grid => 25)",
    "SELECT * FROM COX(stacked, time => 'months', event => 'died', features => 'arm,age,before,toxicity', grid => 6)",
    "SELECT * FROM SURVIVAL_AT(stacked, time => 'months', event => 'died', times => '24.5,12,12', by => 'arm')",
    "SELECT * FROM CROSSTAB(mixed, row => 'arm', column => 'response')",
    "SELECT * FROM CORRELATION(linked, columns => 'before,after')",
    "SELECT * FROM COVARIANCE(stacked, columns => 'before,after')",
    "SELECT * FROM JOIN_SIZE(linked)",
    "SELECT * FROM LASSO(linked, target => 'after', features => 'before,visits,arm', alpha => 0.5)",
    "SELECT * FROM LASSO_SUMMARY(stacked, target => 'after', features => 'before,visits', alpha => 'cv', folds => 3)",
    "SELECT * FROM LASSO_PATH(linked, target => 'after', features => 'before,visits', alphas => '1,0.1')",
    "SELECT * FROM ELASTIC_NET(stacked, target => 'after', features => 'before,visits,age', alpha => 'cv', alphas => '1,0.1', folds => 2, l1_ratio => 0.4)",
    "SELECT * FROM ELASTIC_NET_SUMMARY(mixed, target => 'after', features => 'before,visits', alpha => 0.3, standardize => true)",
    "SELECT * FROM RIDGE(linked, target => 'after', features => 'before,visits', alpha => 2)",
    "SELECT * FROM RIDGE(mixed, target => 'after', features => 'before,visits', alpha => 2, standardize => true)",
    "SELECT * FROM RIDGE(stacked, target => 'after', features => 'before,visits,stage', alpha => 'cv', standardize => true, folds => 3)",
    "SELECT * FROM RIDGE_SUMMARY(stacked, target => 'after', features => 'before,visits', alpha => 'cv', alphas => '5,1')",
    "SELECT * FROM LINEAR_REGRESSION(mixed, target => 'after', features => 'before,visits,toxicity')",
    "SELECT * FROM LINEAR_REGRESSION_SUMMARY(linked, target => 'after', features => 'before,visits', intercept => false)",
    "SELECT * FROM LOGISTIC_REGRESSION((SELECT CASE WHEN arm = 'drug' THEN 1 ELSE 0 END AS drug, before, visits FROM stacked), target => 'drug')",
    "SELECT * FROM LOGISTIC_REGRESSION_SUMMARY((SELECT CASE WHEN arm = 'drug' THEN 1 ELSE 0 END AS drug, before, visits FROM stacked), target => 'drug', penalty => 'l1', alpha => 3)",
    "SELECT * FROM LOGISTIC_REGRESSION((SELECT CASE WHEN arm = 'drug' THEN 1 ELSE 0 END AS drug, before, visits FROM stacked), target => 'drug', penalty => 'l2', alpha => 3)",
    "SELECT * FROM POISSON_REGRESSION(linked, target => 'visits', features => 'before,age')",
    "SELECT * FROM POISSON_REGRESSION_SUMMARY(stacked, target => 'visits', features => 'before', offset => 'stage')",
];

fn federation(min_people: u32) -> Federation {
    let threshold = format!("min_people = {min_people}");
    let policy = |text: &str| text.replace("min_people = 1", &threshold);
    let policies = [
        ("north".to_owned(), policy(trial!("parties/north/policy.toml"))),
        ("south".to_owned(), policy(trial!("parties/south/policy.toml"))),
        ("registry".to_owned(), policy(trial!("parties/registry/policy.toml"))),
    ];
    planner::policy::parse(trial!("federation.toml"), &policies).unwrap()
}

/// A table of CSV text, in the types of its policy.
fn table(federation: &Federation, party: usize, text: &str) -> RecordBatch {
    let declared = &federation.parties[party].tables[0];
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for column in &declared.columns {
        let place = header.iter().position(|name| *name == column.name).unwrap();
        let cells: StringArray =
            rows.iter().map(|row| Some(row[place]).filter(|cell| !cell.is_empty())).collect();
        columns.push(cast(&cells, &column.sql_type.arrow()).unwrap());
        fields.push(Field::new(&column.name, column.sql_type.arrow(), column.nullable));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn tables(federation: &Federation) -> [RecordBatch; 3] {
    [
        table(federation, 0, trial!("parties/north/data/patients.csv")),
        table(federation, 1, trial!("parties/south/data/patients.csv")),
        table(federation, 2, trial!("parties/registry/data/followup.csv")),
    ]
}

fn world(seed: u64, [north, south, registry]: [RecordBatch; 3]) -> World {
    World::new(seed, &["north", "south", "registry"], SEATS)
        .with_table(0, "patients", north)
        .with_table(1, "patients", south)
        .with_table(2, "followup", registry)
}

/// How far a cell is from what the reference says: a number relative to it and `unit` together; texts must be equal.
fn distance(array: &dyn Array, row: usize, expected: &Value, unit: f64) -> Option<f64> {
    let text = || array_value_to_string(array, row).unwrap();
    match expected {
        Value::Null => array.is_null(row).then_some(0.0),
        Value::String(expected) => (text() == *expected).then_some(0.0),
        Value::Number(expected) => {
            let expected = expected.as_f64().unwrap();
            let found = text().parse::<f64>().ok()?;
            Some((found - expected).abs() / (expected.abs() + unit))
        }
        other => panic!("{other}"),
    }
}

/// Numbers agree to 1e-6 relative, or of a thousandth (of a coefficient, which may be next to 0, a tenth). The largest
/// distances of each function are printed: those of the manual.
#[tokio::test]
async fn statistics_equal_the_reference_tools() {
    let federation = federation(1);
    let world = world(1, tables(&federation));
    let read = |text: &str| -> Vec<Value> { serde_json::from_str(text).unwrap() };
    let cases: Vec<Value> = REFERENCE.into_iter().flat_map(read).collect();
    let mut wrong = Vec::new();
    let mut worst: BTreeMap<&str, f64> = BTreeMap::new();
    // Those of rows that are joined and stacked are all interpreted by the planner's tests; here every third runs.
    let mixed = |case: &Value| case["sql"].as_str().unwrap().contains("(mixed");
    let (some, others): (Vec<&Value>, Vec<&Value>) = cases.iter().partition(|case| mixed(case));
    for case in others.into_iter().chain(some.into_iter().step_by(3)) {
        let sql = case["sql"].as_str().unwrap();
        let function = sql.split([' ', '(']).nth(3).unwrap();
        let expected = case["rows"].as_array().unwrap();
        let found = answer(&world, &federation, SEATS, sql).await;
        let unit = if sql.contains(" COX") { 0.1 } else { 0.001 };
        let mut equal = found.num_rows() == expected.len();
        for (row, cells) in expected.iter().enumerate().take(found.num_rows()) {
            let cells = cells.as_array().unwrap();
            equal &= cells.len() == found.num_columns();
            for (cell, column) in cells.iter().zip(found.columns()) {
                let distance = distance(column, row, cell, unit);
                equal &= distance.is_some_and(|distance| distance <= 1e-6);
                let entry = worst.entry(function).or_default();
                *entry = entry.max(distance.unwrap_or_default());
            }
        }
        if !equal {
            wrong.push(sql);
        }
    }
    println!("{worst:?}");
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Fewer rows, other values, nothing but NULL in some columns.
fn changed(batch: &RecordBatch, rows: usize) -> RecordBatch {
    let schema = batch.schema();
    if rows == 0 {
        return batch.slice(0, 0);
    }
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        let first = column.slice(0, 1);
        let same = vec![first.as_ref(); rows];
        match (field.name().as_str(), field.is_nullable()) {
            // Each person has one row.
            ("patient_id", _) => column.slice(0, rows),
            ("died" | "toxicity" | "before", true) => new_null_array(field.data_type(), rows),
            _ => concat(&same).unwrap(),
        }
    });
    RecordBatch::try_new(batch.schema(), columns.collect()).unwrap()
}

#[tokio::test]
async fn messages_of_statistics_do_not_depend_on_data() {
    let federation = federation(10);
    let full = tables(&federation);
    let few = [0, 1, 2].map(|party| changed(&full[party], party * 3));
    let (full, few) = (world(1, full), world(2, few));
    for sql in QUERIES {
        let (_, full) = run(&full, &federation, sql).await;
        let (_, few) = run(&few, &federation, sql).await;
        for (party, result) in few.results.iter().enumerate() {
            assert!(result.is_ok(), "{sql} at {party}: {:?}", result.as_ref().err());
        }
        assert_eq!(full.transcript, few.transcript, "{sql}");
    }
}

#[tokio::test]
async fn seats_send_what_the_plans_of_statistics_say() {
    let federation = federation(10);
    let world = world(1, tables(&federation));
    let mut wrong = Vec::new();
    for sql in QUERIES {
        let (plan, outcome) = run(&world, &federation, sql).await;
        let cost = planner::cost::cost(&plan, &federation);
        for (index, (node, own)) in plan.nodes.iter().zip(&cost.nodes).enumerate() {
            let step = format!("core/node/{index}/");
            let sent = SEATS.map(|party| {
                let of_party =
                    |message: &&Message| message.from == party && message.channel.starts_with(&step);
                outcome.transcript.iter().filter(of_party).map(|message| message.bytes as u64).sum::<u64>()
            });
            if sent != own.seat_bytes {
                wrong.push(format!("{sql}: node {index} {node:?}: {sent:?}, not {:?}", own.seat_bytes));
            }
            // One round is that of the shares that go to the analyst; owners and joins have messages of their own.
            // Seats come to a node a message or two apart, and what runs side by side may do so too.
            let rounds = outcome.rounds(&step) + u64::from(matches!(node, Node::Release(_)));
            let within = own.rounds..=own.rounds + 3 + own.rounds / 20;
            if !within.contains(&rounds) && !matches!(node, Node::Input(_) | Node::HashedJoin(_)) {
                wrong.push(format!("{sql}: node {index} {node:?}: {rounds} rounds, not {}", own.rounds));
            }
        }
        let results = SEATS.map(|party| outcome.results[party].as_ref().unwrap());
        let result_bytes = results.map(|shares| shares.iter().map(ReleasedShares::len).sum::<usize>() as u64);
        assert_eq!(result_bytes, [cost.total.result_bytes; 3], "{sql}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// 7 terms need 70 events, which are not there, though there are so many persons; 5 terms have the 50 that they need.
#[tokio::test]
async fn hazards_of_few_events_are_withheld() {
    let federation = federation(10);
    let world = world(1, tables(&federation));
    let many = "arm,age,before,visits,toxicity,after";
    for (features, terms, shown) in [(many, 7, false), ("arm,age,before,visits,stage", 5, true)] {
        for (function, rows) in [("COX", terms), ("COX_SUMMARY", 1)] {
            let call =
                format!("{function}(linked, time => 'months', event => 'died', features => '{features}')");
            let found = answer(&world, &federation, SEATS, &format!("SELECT * FROM {call}")).await;
            assert_eq!(found.num_rows(), rows, "{call}");
            let schema = found.schema();
            let numbers = found.columns().iter().zip(schema.fields());
            let numbers = numbers.filter(|(_, field)| !matches!(field.name().as_str(), "term" | "n_dropped"));
            for (column, field) in numbers {
                let nulls = if shown { 0 } else { rows };
                assert_eq!(column.null_count(), nulls, "{call}: {}", field.name());
            }
        }
    }
}

/// 24 + 24 patients of two hospitals stacked, under an explicit lower threshold of 3 persons: median survival, two-year
/// survival, tables of response and toxicity. `tests/benchmark` has the seconds.
#[tokio::test]
async fn a_pilot_of_two_small_hospitals_is_answered() {
    let federation = federation(3);
    let [north, south, registry] = tables(&federation);
    let world = world(7, [north.slice(0, 24), south.slice(0, 24), registry]);
    let survival = "time => 'months', event => 'died'";
    for (call, rows) in [
        (format!("MEDIAN_SURVIVAL(stacked, {survival}, by => 'arm')"), 2),
        (format!("SURVIVAL_AT(stacked, {survival}, times => '12,24')"), 2),
        (format!("KAPLAN_MEIER(stacked, {survival})"), 2),
        (format!("LOGRANK(stacked, {survival}, by => 'arm')"), 1),
        ("CROSSTAB(stacked, row => 'arm', column => 'response')".to_owned(), 4),
        ("CROSSTAB(stacked, row => 'age', column => 'toxicity')".to_owned(), 1),
    ] {
        let found = answer(&world, &federation, SEATS, &format!("SELECT * FROM {call}")).await;
        assert!(found.num_rows() >= rows, "{call}: {found:?}");
        let known = found.columns().iter().any(|column| {
            matches!(column.data_type(), DataType::Float64 | DataType::Int64)
                && column.null_count() < column.len()
        });
        assert!(known, "{call}: {found:?}");
    }
}
