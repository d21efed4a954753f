//! Sums, means and variances of different values and of different rows: what few people are behind is withheld.

use super::lookups::withholding;
use super::persons::{SMALL, SMALL_A, SMALL_B, small};
use super::*;

/// Three people at least; two have been in ward x, one is 70, two are older than 55.
#[test]
fn different_values_of_few_people_are_withheld() {
    let (federation, data) = small();
    for (sql, expected) in [
        ("SELECT SUM(DISTINCT cost) FROM a.visits", "291"),
        ("SELECT AVG(DISTINCT cost) FROM a.visits", "29.1"),
        ("SELECT SUM(DISTINCT cost) FROM a.visits WHERE ward = 'x'", "-"),
        ("SELECT AVG(DISTINCT cost) FILTER (WHERE ward = 'x') FROM a.visits", "-"),
        ("SELECT SUM(DISTINCT CASE WHEN ward = 'x' THEN cost ELSE 0 END) FROM a.visits", "-"),
        ("SELECT SUM(DISTINCT CASE WHEN ward = 'x' THEN cost ELSE 1000 - cost END) FROM a.visits", "-"),
        (
            "SELECT VAR(DISTINCT age), VAR_POP(DISTINCT age), STDDEV_POP(DISTINCT age) FROM a.people WHERE age < 65",
            "166.66666666666666,125,11.180339887498949",
        ),
        ("SELECT VAR(DISTINCT age) FROM a.people WHERE age > 55", "-"),
        ("SELECT VAR(DISTINCT CASE WHEN age = 70 THEN 1 ELSE 0 END) FROM a.people", "-"),
        // One value of many people has no variance, but is its own mean.
        (
            "SELECT VAR(DISTINCT age - age), VAR_POP(DISTINCT age - age), AVG(DISTINCT age - age) FROM a.people",
            "-,0,0",
        ),
    ] {
        assert_eq!(cells(&federation, &data, sql), expected, "{sql}");
    }
}

#[test]
fn different_rows_of_few_people_are_withheld() {
    let (federation, data) = withholding();
    let asked = |figure: &str, first: &str| {
        let sql = format!(
            "SELECT {figure} FROM (SELECT patient_id, age FROM hospital.lifestyle WHERE {first} UNION SELECT patient_id, age FROM clinic.lifestyle)"
        );
        (cells(&federation, &data, &sql), clear(&federation, &data, &sql))
    };
    for (figure, first) in [
        ("SUM(age)", "age = 40"),
        ("AVG(age)", "age = 40"),
        ("SUM(age) FILTER (WHERE age = 40)", "age > 0"),
        ("SUM(CASE WHEN age = 40 THEN 1000 ELSE 0 END)", "age > 0"),
    ] {
        let sql = format!("{figure} {first}");
        let (found, shown) = asked(figure, first);
        assert_eq!(found, "-", "{sql}");
        assert!(rows(&shown).iter().flatten().all(|cell| !cell.is_null()), "{sql}");
    }
    let (found, shown) = asked("SUM(age)", "age > 20");
    assert_eq!(found, rows(&shown).iter().flatten().map(ToString::to_string).collect::<String>());
}

/// A sum of one value over different rows is their number.
#[test]
fn sums_over_different_rows_that_are_counts_are_rounded() {
    let (_, data) = small();
    let a = SMALL_A.replace("min_people = 3", "min_people = 2");
    let federation = federation(SMALL, &[("a", &a), ("b", SMALL_B)]);
    let union = "FROM (SELECT id, age AS x FROM a.people UNION SELECT id, days FROM b.members)";
    let is = |figure: &str, expected: &str| {
        let sql = format!("SELECT {figure} {union}");
        assert_eq!(cells(&federation, &data, &sql), expected, "{sql}");
    };
    is("SUM(CASE WHEN x >= 0 THEN 1 END)", "10");
    is("SUM(x)", "268");
    let sizes = format!("SELECT SUM(x), AVG(x) {union}");
    let error = secure(&federation, &data, &sizes).expect_err(&sizes);
    assert!(error.message.contains("round_counts"), "{error}");
}
