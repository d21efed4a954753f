//! Models through the plan.

use super::persons::small;
use super::*;

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

/// What broke: a variable with a condition needed people for whom it is 0, also where no outcome of the condition is, so that
/// COALESCE of a column that is never 0 withheld every model. What holds: every outcome needs enough people, and 0 where it
/// is one.
#[test]
fn outcomes_of_conditions_in_variables_need_people() {
    let shown = |least, variable: &str| {
        let (mut federation, data) = heart();
        federation.parties[0].release.min_people = least;
        let sql = format!(
            "SELECT * FROM LASSO((SELECT exercise, {variable} AS x FROM hospital.lifestyle), target => 'exercise', features => 'x', alpha => 0)"
        );
        let found = secure(&federation, &data, &sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows(&found).iter().all(|row| !row[1].is_null())
    };
    // Seven have no `bmi`.
    assert!(shown(7, "COALESCE(bmi, 25.0)") && !shown(8, "COALESCE(bmi, 25.0)"));
    // Few exercise not at all, which no condition says.
    assert!(shown(10, "CASE WHEN age > 50 THEN exercise ELSE age END"));
    assert!(!shown(5, "CASE WHEN age = 94 THEN 0 ELSE age END"));
    assert!(!shown(5, "CASE WHEN age = 94 THEN 1 ELSE age END"));
    assert!(!shown(5, "age * (exercise - 3)"));
}
