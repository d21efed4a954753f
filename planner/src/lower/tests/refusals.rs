//! What is refused because its range does not fit or it is not built, and what just fits.

use super::persons::SMALL;
use super::*;

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
        "SELECT DISTINCT COUNT(*) FROM insurer.claims GROUP BY region",
        "SELECT VAR(age) FROM (SELECT patient_id, age FROM hospital.lifestyle UNION SELECT patient_id, age FROM clinic.lifestyle)",
        "SELECT VAR(DISTINCT bmi) FROM hospital.lifestyle",
        "SELECT MEDIAN(DISTINCT age) FROM hospital.lifestyle",
        "SELECT COUNT(*) FROM (SELECT patient_id FROM hospital.lifestyle INTERSECT SELECT patient_id FROM insurer.claims)",
        "SELECT COUNT(*) FROM (SELECT patient_id FROM hospital.lifestyle EXCEPT SELECT patient_id FROM insurer.claims)",
        "SELECT COUNT(*) FROM hospital.lifestyle h JOIN insurer.claims c ON h.age > c.days",
    ];
    for sql in invalid {
        let error = error(sql);
        assert_eq!(error.class, Class::Invalid, "{sql}: {error}");
        assert!(error.message.starts_with("not built yet"), "{sql}: {error}");
        let hinted = sql.contains("INTERSECT") || sql.contains("EXCEPT");
        assert!(!hinted || error.hint.is_some(), "{sql}: {error}");
    }
    let refused = [
        "SELECT MIN(exercise) FROM hospital.lifestyle",
        "SELECT MEDIAN(exercise) FROM hospital.lifestyle",
        "SELECT PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY exercise) FROM hospital.lifestyle",
        "SELECT SUM(CAST(region AS INTEGER)) FROM insurer.claims",
        "SELECT SUM(CAST(age * 1000 AS SMALLINT)) FROM hospital.lifestyle",
        "SELECT age FROM hospital.lifestyle",
        "SELECT patient_id FROM hospital.lifestyle UNION SELECT patient_id FROM clinic.lifestyle",
        "SELECT HASHED(patient_id) FROM hospital.lifestyle",
        "SELECT HASHED(patient_id), COUNT(*) FROM hospital.lifestyle GROUP BY patient_id",
        "SELECT HASHED(patient_id) FROM hospital.lifestyle UNION SELECT HASHED(patient_id) FROM clinic.lifestyle",
        "SELECT patient_id FROM hospital.lifestyle INTERSECT SELECT patient_id FROM insurer.claims",
        "SELECT patient_id FROM hospital.lifestyle EXCEPT SELECT patient_id FROM insurer.claims",
        "SELECT age FROM hospital.lifestyle INTERSECT SELECT 30",
        "SELECT COUNT(*) FROM (SELECT patient_id FROM hospital.lifestyle INTERSECT ALL SELECT patient_id FROM insurer.claims)",
        "SELECT MIN(p) FROM (SELECT patient_id AS p FROM hospital.lifestyle UNION SELECT patient_id FROM clinic.lifestyle)",
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
y = { type = "DOUBLE", bounds = [-5, 5], step = 0.25, allow = ["filter", "aggregate"] }
z = { type = "DOUBLE", bounds = [-0.7, 0.9], step = 0.1, allow = ["filter", "aggregate"] }
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
