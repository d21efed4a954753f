//! Statistics through the plan, interpreted in the clear, against the reference tools.
#![expect(clippy::wildcard_enum_match_arm, reason = "what is not expected fails the test")]

use std::collections::BTreeMap;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::ScalarValue;
use serde_json::Value;

use super::super::tests::{close_to, federation, loaded, rows, secure};
use crate::catalog::Federation;
use crate::lower::interpret::Data;
use crate::plan::Node;
use crate::{Class, Planned, Session};

macro_rules! trial {
    ($path:literal) => {
        include_str!(concat!("../../../../tests/federations/trial/", $path))
    };
}

const REFERENCE: &str = include_str!("../../../../tests/reference/trial.json");

fn trial(min_people: u32) -> (Federation, Data) {
    let threshold = format!("min_people = {min_people}");
    let policy = |text: &str| text.replace("min_people = 1", &threshold);
    let (north, south) =
        (policy(trial!("parties/north/policy.toml")), policy(trial!("parties/south/policy.toml")));
    let registry = policy(trial!("parties/registry/policy.toml"));
    let policies = [("north", north.as_str()), ("south", south.as_str()), ("registry", registry.as_str())];
    let federation = federation(trial!("federation.toml"), &policies);
    let files = [
        ("north.patients", trial!("parties/north/data/patients.csv")),
        ("south.patients", trial!("parties/south/data/patients.csv")),
        ("registry.followup", trial!("parties/registry/data/followup.csv")),
    ];
    let data = loaded(&federation, &files);
    (federation, data)
}

fn number(cell: &ScalarValue) -> Option<f64> {
    match cell {
        ScalarValue::Float64(x) => *x,
        other if other.is_null() => None,
        other => other.to_string().parse().ok(),
    }
}

/// Whether a cell is what the reference says.
fn same(cell: &ScalarValue, expected: &Value) -> bool {
    match expected {
        Value::Null => cell.is_null(),
        Value::Number(x) => number(cell).is_some_and(|found| close_to(found, x.as_f64().unwrap())),
        Value::String(text) => cell.to_string() == *text,
        other => panic!("{other}"),
    }
}

fn differences(sql: &str, found: &RecordBatch, expected: &[Value]) -> Vec<String> {
    let found = rows(found);
    let mut wrong = Vec::new();
    if found.len() != expected.len() {
        wrong.push(format!("{sql}: {} rows, not {}", found.len(), expected.len()));
    }
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let expected = expected.as_array().unwrap();
        let equal = found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| same(a, b));
        if !equal && wrong.len() < 3 {
            wrong.push(format!("{sql} row {index}:\n  {found:?}\n  {expected:?}"));
        }
    }
    wrong
}

#[test]
fn statistics_equal_the_reference_tools() {
    let (federation, data) = trial(1);
    let cases: Vec<Value> = serde_json::from_str(REFERENCE).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let sql = case["sql"].as_str().unwrap();
        match secure(&federation, &data, sql) {
            Ok(found) => wrong.extend(differences(sql, &found, case["rows"].as_array().unwrap())),
            Err(error) => wrong.push(format!("{sql}: {error:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// With a threshold the same numbers come out where enough persons are behind them, and nothing where not.
#[test]
fn what_few_persons_are_behind_is_withheld() {
    let cases: Vec<Value> = serde_json::from_str(REFERENCE).unwrap();
    for (min_people, all) in [(2, true), (100_000, false)] {
        let (federation, data) = trial(min_people);
        let stacked = |case: &&Value| case["sql"].as_str().unwrap().contains("(stacked");
        for case in cases.iter().filter(stacked) {
            let sql = case["sql"].as_str().unwrap();
            let found = secure(&federation, &data, sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            let number = |cell: &&ScalarValue| !cell.is_null() && cell.try_as_str().is_none();
            let given = rows(&found).iter().flatten().filter(number).count();
            if all {
                assert!(given > 0, "{sql}");
            } else {
                assert_eq!(given, 0, "{sql}");
            }
        }
    }
}

/// A curve ends where fewer than `min_people` of either hospital are at risk.
#[test]
fn curves_stop_where_few_are_at_risk() {
    let sql = "SELECT * FROM KAPLAN_MEIER(stacked, time => 'months', event => 'died')";
    let (federation, data) = trial(1);
    let all = rows(&secure(&federation, &data, sql).unwrap());
    let (federation, data) = trial(20);
    let some = rows(&secure(&federation, &data, sql).unwrap());
    assert!(some.len() < all.len() && !some.is_empty());
    let at_risk = |row: &[ScalarValue]| number(&row[5]).unwrap();
    assert!(at_risk(&some[some.len() - 1]) >= 40.0);
    // Steps of forty events have more people at risk than the times that end them; the curve is near that of all times.
    for some in &some {
        let same = all.iter().find(|all| all[1] == some[1]).unwrap();
        assert!(at_risk(some) >= at_risk(same), "{some:?}, {same:?}");
        for cell in [2, 3, 4] {
            let (found, of_all) = (number(&some[cell]).unwrap(), number(&same[cell]).unwrap());
            assert!((found - of_all).abs() < 0.03, "{some:?}, {same:?}");
        }
    }
    let medians = "SELECT * FROM MEDIAN_SURVIVAL(stacked, time => 'months', event => 'died')";
    let (federation, data) = trial(60);
    assert!(rows(&secure(&federation, &data, medians).unwrap())[0][1].is_null());
}

#[test]
fn wrong_calls_are_refused_with_a_hint() {
    let (federation, _) = trial(1);
    let cases = [
        ("T_TEST(stacked, value => 'after', by => 'toxicity')", Class::Invalid, "has 3 values"),
        ("T_TEST(stacked, value => 'after')", Class::Invalid, "needs `by`"),
        (
            "T_TEST(stacked, value => 'after', by => 'arm', paired => true)",
            Class::Invalid,
            "two values of the same row",
        ),
        ("KAPLAN_MEIER(stacked, time => 'months', event => 'stage')", Class::Refused, "survival"),
        ("KAPLAN_MEIER(stacked, time => 'before', event => 'died')", Class::Refused, "survival"),
        (
            "SURVIVAL_AT(stacked, time => 'months', event => 'died', times => '99')",
            Class::Invalid,
            "declared domain",
        ),
        ("CHI2_TEST(stacked, row => 'arm', column => 'before')", Class::Refused, "group"),
        (
            "STANDARDIZED_RATE(stacked, event => 'died', strata => 'age', population => 'old=1')",
            Class::Invalid,
            "every value",
        ),
        (
            "STANDARDIZED_RATE(stacked, event => 'died', strata => 'age', population => 'old=1,middle=2')",
            Class::Invalid,
            "no value `middle`",
        ),
        ("LOGRANK(stacked, time => 'months', event => 'died', by => 'visits')", Class::Refused, "group"),
    ];
    for (call, class, what) in cases {
        let sql = format!("SELECT * FROM {call}");
        let error = crate::plan(&federation, &Session::default(), &sql).expect_err(&sql);
        assert_eq!(error.class, class, "{sql}: {error:?}");
        assert!(error.message.contains(what), "{sql}: {}", error.message);
    }
}

/// Two values of three, picked by the query.
#[test]
fn conditions_narrow_the_groups() {
    let (federation, data) = trial(1);
    let sql = "SELECT statistic FROM T_TEST((SELECT * FROM stacked WHERE toxicity <> 'mild'), value => 'after', by => 'toxicity')";
    assert!(!rows(&secure(&federation, &data, sql).unwrap())[0][0].is_null());
}

/// Everything in between is local, but for arithmetic; only documented numbers are released.
#[test]
fn only_documented_numbers_are_released() {
    let (federation, _) = trial(5);
    let outputs: BTreeMap<&str, Vec<&str>> = [
        ("CHI2_TEST(stacked, row => 'arm', column => 'response')", vec!["statistic", "df"]),
        ("LOGRANK(stacked, time => 'months', event => 'died', by => 'arm')", vec!["chi2"]),
        ("ANOVA(stacked, value => 'after', by => 'toxicity')", vec!["eta2", "df", "df_residual"]),
        ("KRUSKAL(stacked, value => 'visits', by => 'stage')", vec!["statistic", "df"]),
        ("MANN_WHITNEY(stacked, value => 'visits', by => 'arm')", vec!["statistic", "z2"]),
        ("MEDIAN_SURVIVAL(stacked, time => 'months', event => 'died')", vec!["median"]),
        (
            "T_TEST(stacked, value => 'after', by => 'arm')",
            vec!["n_1", "n_2", "mean_1", "mean_2", "variance"],
        ),
    ]
    .into_iter()
    .collect();
    for (call, expected) in outputs {
        let sql = format!("SELECT * FROM {call}");
        let Planned::Secure(checked) = crate::plan(&federation, &Session::default(), &sql).unwrap() else {
            panic!("{sql}")
        };
        let released = checked.plan.nodes.iter().filter_map(|node| match node {
            Node::Release(release) => Some(&release.outputs),
            _ => None,
        });
        let names: Vec<&str> = released.flatten().map(|output| output.field.name().as_str()).collect();
        assert_eq!(names, expected, "{sql}");
    }
}

/// What broke: `events` was withheld where few persons had one, but two values of the curve and `at_risk` gave it away, and so
/// did two intervals. What holds: the events between any two rows are at least `min_people` of every owner, by whatever
/// columns they are reckoned.
#[test]
fn rows_of_a_curve_do_not_tell_few_events() {
    let curve = "KAPLAN_MEIER(stacked, time => 'months', event => 'died', by => 'arm')";
    let points = "SURVIVAL_AT(stacked, time => 'months', event => 'died', by => 'arm', times => '50,3,4,5,12,13,13,24')";
    for least in [2, 4] {
        let (federation, data) = trial(1);
        let all = rows(&secure(&federation, &data, &format!("SELECT * FROM {curve}")).unwrap());
        let (federation, data) = trial(least);
        for call in [curve, points] {
            let found = rows(&secure(&federation, &data, &format!("SELECT * FROM {call}")).unwrap());
            assert!(found.len() > 4 && found.len() < all.len(), "{call}: {}", found.len());
            for arm in ["control", "drug"] {
                let of_arm = |row: &&Vec<ScalarValue>| row[0].to_string() == arm;
                let mut times: Vec<f64> =
                    found.iter().filter(of_arm).map(|row| number(&row[1]).unwrap()).collect();
                times.sort_by(f64::total_cmp);
                times.dedup();
                // Events of both hospitals in between, from the curve of everybody.
                let events = |after: f64, until: f64| -> f64 {
                    let between = all
                        .iter()
                        .filter(of_arm)
                        .filter(|row| number(&row[1]).is_some_and(|time| after < time && time <= until));
                    between.map(|row| number(&row[6]).unwrap()).sum()
                };
                let (mut before, mut lived) = (0.0, 1.0);
                for time in times {
                    assert!(events(before, time) >= 2.0 * f64::from(least), "{call}, {arm} at {time}");
                    let row = found.iter().find(|row| of_arm(row) && number(&row[1]) == Some(time)).unwrap();
                    let survival = number(&row[2]).unwrap();
                    if call == curve {
                        assert_eq!(number(&row[6]), Some(events(before, time)), "{arm} at {time}");
                        let (at_risk, died) = (number(&row[5]).unwrap(), number(&row[6]).unwrap());
                        let step = lived * (1.0 - died / at_risk);
                        assert!((survival - step).abs() < 1e-9, "{arm} at {time}: {survival}, not {step}");
                    }
                    (before, lived) = (time, survival);
                }
            }
        }
    }
}

/// A rate of few events, or of all but few, and a test of few events tell who these were: of one hospital 42 patients lived,
/// and 53 are in the smaller stratum.
#[test]
fn few_events_are_withheld() {
    let rate = "SELECT * FROM STANDARDIZED_RATE(stacked, event => 'died', strata => 'age', population => 'old=3,young=7')";
    for (least, shown) in [(40, true), (44, false)] {
        let (federation, data) = trial(least);
        let found = rows(&secure(&federation, &data, rate).unwrap());
        assert_eq!(found[0][1..].iter().all(|cell| !cell.is_null()), shown, "{least}: {found:?}");
        assert_eq!(found[0][1..].iter().all(ScalarValue::is_null), !shown, "{least}: {found:?}");
    }
    let (federation, _) = trial(5);
    let test = "SELECT * FROM LOGRANK(stacked, time => 'months', event => 'died', by => 'arm')";
    let Planned::Secure(checked) = crate::plan(&federation, &Session::default(), test).unwrap() else {
        panic!("{test}")
    };
    let Some(Node::Release(release)) = checked.plan.nodes.last() else { panic!("{test}") };
    assert_eq!(release.outputs[0].gate.len(), 6, "two groups and the events, of each hospital: {release:?}");
}
