//! What may not be asked, with what is said instead.

use crate::Session;
use crate::error::{Class, Error};

use super::{check, check_as};

const REFUSED: &[&str] = &[
    "SELECT age FROM hospital.lifestyle",
    "SELECT * FROM hospital.lifestyle",
    "SELECT patient_id FROM hospital.lifestyle",
    "SELECT sex FROM hospital.lifestyle",
    "SELECT age + 1 AS next FROM hospital.lifestyle LIMIT 1",
    "SELECT age FROM cohort WHERE age > 90",
    "SELECT age, COUNT(*) FROM hospital.lifestyle GROUP BY age",
    "SELECT COUNT(*) FROM hospital.lifestyle GROUP BY patient_id",
    "SELECT MAX(days) FROM (SELECT patient_id, SUM(days) AS days FROM insurer.claims GROUP BY patient_id)",
    "SELECT patient_id, SUM(days) FROM insurer.claims GROUP BY patient_id",
    "SELECT sex, COUNT(*) FROM hospital.lifestyle GROUP BY sex, patient_id",
    "SELECT COUNT(*) FROM hospital.lifestyle GROUP BY upper(patient_id)",
    "SELECT COUNT(*) FROM hospital.lifestyle GROUP BY CASE WHEN smoker THEN patient_id ELSE 'x' END",
    "SELECT DISTINCT age FROM hospital.lifestyle",
    "SELECT DISTINCT patient_id FROM hospital.lifestyle",
    "SELECT DISTINCT born FROM hospital.lifestyle",
    "SELECT born FROM hospital.lifestyle GROUP BY born",
    "SELECT row_number() OVER (ORDER BY age) FROM hospital.lifestyle",
    "SELECT AVG(age) OVER () FROM hospital.lifestyle",
    "SELECT AVG(x) FROM (SELECT FIRST_VALUE(age) OVER (ORDER BY age) AS x FROM hospital.lifestyle)",
    "SELECT AVG(x) FROM (SELECT LAG(age) OVER (PARTITION BY sex ORDER BY age) AS x FROM hospital.lifestyle)",
    "SELECT array_agg(age) FROM hospital.lifestyle",
    "SELECT string_agg(sex, ',') FROM hospital.lifestyle",
    "SELECT first_value(age) FROM hospital.lifestyle",
    "SELECT sex, last_value(age) FROM hospital.lifestyle GROUP BY sex",
    "SELECT nth_value(age, 3) FROM hospital.lifestyle",
    "SELECT MIN(age) FROM hospital.lifestyle",
    "SELECT sex, MAX(bmi) FROM hospital.lifestyle GROUP BY sex",
    "SELECT MAX(patient_id) FROM hospital.lifestyle",
    "SELECT BOOL_OR(smoker) FROM hospital.lifestyle",
    "SELECT MEDIAN(age) FROM hospital.lifestyle",
    "SELECT AVG(income) FROM hospital.lifestyle",
    "SELECT SUM(days) FROM insurer.claims GROUP BY region HAVING COUNT(*) > 3",
    "SELECT region FROM insurer.claims GROUP BY region HAVING SUM(days) > 300",
    "SELECT 1 FROM hospital.lifestyle WHERE age > 3",
    "SELECT sex, COUNT(*) FROM hospital.lifestyle GROUP BY sex UNION SELECT sex, age FROM hospital.lifestyle",
    "SELECT region, SUM(days) / COUNT(*) FROM insurer.claims GROUP BY region HAVING COUNT(*) > 3",
    "SELECT region, SUM(cost) FROM insurer.claims GROUP BY region HAVING SUM(cost) > 300",
    "SELECT region FROM insurer.claims GROUP BY region ORDER BY SUM(days) LIMIT 1",
    "SELECT region, COUNT(*) FROM insurer.claims GROUP BY region ORDER BY AVG(cost)",
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE patient_id = 'P001'",
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE patient_id IN ('P001', 'P002')",
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE patient_id LIKE 'P00%'",
    "SELECT COUNT(*) FROM cohort WHERE HASHED(patient_id) = HASHED('P001')",
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE bmi > 30",
    "SELECT COUNT(*) FILTER (WHERE bmi > 30) FROM hospital.lifestyle",
    "SELECT SUM(CASE WHEN bmi > 30 THEN 1 ELSE 0 END) FROM hospital.lifestyle",
    "SELECT SUM(age * CAST(bmi > 30 AS INT)) FROM hospital.lifestyle",
    "SELECT SUM(CASE WHEN patient_id = 'P001' THEN age ELSE 0 END) FROM hospital.lifestyle",
    "SELECT COUNT(NULLIF(bmi, 22.5)) FROM hospital.lifestyle",
    "SELECT COUNT(note) FROM hospital.lifestyle",
    "SELECT COUNT(patient_id) FROM hospital.lifestyle",
    "SELECT COUNT(DISTINCT substr(patient_id, 1, 2)) FROM hospital.lifestyle",
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE note IS NOT NULL",
    "SELECT SUM(length(note)) FROM cohort",
    "SELECT bmi > 30 AS heavy, COUNT(*) FROM hospital.lifestyle GROUP BY bmi > 30",
    "SELECT COUNT(*) FROM hospital.lifestyle h JOIN insurer.claims c ON h.age = c.days",
    "SELECT COUNT(*) FROM hospital.lifestyle h, insurer.claims c WHERE h.bmi = c.cost",
    "SELECT COUNT(*) FROM hospital.lifestyle h JOIN insurer.claims c ON h.patient_id = c.patient_id AND h.bmi > c.days",
    "SELECT COUNT(*) FROM hospital.lifestyle h JOIN (VALUES ('P001')) v(id) ON h.patient_id = v.id",
    "SELECT v.id, COUNT(*) FROM hospital.lifestyle h JOIN (VALUES ('P001'), ('P002')) v(id) ON HASHED(h.patient_id) = HASHED(v.id) GROUP BY v.id",
    "SELECT COUNT(*) FROM insurer.claims c WHERE patient_id IN (SELECT id FROM (VALUES ('P001')) v(id))",
    "SELECT AVG(c.days) FROM insurer.claims c JOIN (SELECT patient_id FROM hospital.lifestyle UNION ALL VALUES ('P001')) u ON c.patient_id = u.patient_id",
    "SELECT AVG(c.days) FROM insurer.claims c JOIN hospital.lifestyle h ON c.patient_id = CASE WHEN h.smoker THEN h.patient_id ELSE 'P001' END",
    "SELECT AVG(c.days) FROM insurer.claims c JOIN hospital.lifestyle h ON c.patient_id = COALESCE(h.patient_id, 'P001')",
    "SELECT EXISTS (SELECT 1 FROM hospital.lifestyle WHERE age = 97)",
    "SELECT COUNT(*) FROM insurer.claims WHERE EXISTS (SELECT 1 FROM hospital.lifestyle WHERE age = 97)",
    "SELECT COUNT(*) FROM insurer.claims WHERE 97 IN (SELECT age FROM hospital.lifestyle)",
    "SELECT region, COUNT(*) FROM insurer.claims GROUP BY region HAVING EXISTS (SELECT 1 FROM hospital.lifestyle WHERE age = 97)",
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM hospital.lifestyle WHERE age = 97)",
    "SELECT (SELECT age FROM hospital.lifestyle LIMIT 1)",
    "SELECT SUM(days - (SELECT age FROM hospital.lifestyle LIMIT 1)) FROM insurer.claims",
    "SELECT AVG((SELECT SUM(cost) FROM insurer.claims WHERE days = 366)) FROM hospital.lifestyle",
    "SELECT AVG(x.s) FROM hospital.lifestyle, (SELECT SUM(cost) AS s FROM insurer.claims WHERE days = 366) x",
    "SELECT x.s, COUNT(*) FROM hospital.lifestyle, (SELECT SUM(cost) AS s FROM insurer.claims WHERE days = 366) x GROUP BY x.s",
    "SELECT SUM(o.value) FROM hospital.lifestyle h, hospital.labs o WHERE o.value > 499",
    "SELECT SUM(a.days) FROM insurer.claims a, insurer.claims b WHERE b.days = 366",
    "SELECT x.days FROM hospital.lifestyle h, LATERAL (SELECT c.days FROM insurer.claims c WHERE c.patient_id = h.patient_id) x",
    "SELECT age FROM (SELECT age FROM hospital.lifestyle)",
    "SELECT x FROM (SELECT age AS x, COUNT(*) OVER (PARTITION BY patient_id) AS n FROM hospital.lifestyle) WHERE n = 1",
    "SELECT h.age, g.n FROM hospital.lifestyle h JOIN (SELECT sex, COUNT(*) AS n FROM hospital.lifestyle GROUP BY sex) g ON h.sex = g.sex",
    "SELECT age FROM hospital.lifestyle UNION ALL SELECT score FROM lab.tests",
    "SELECT age FROM hospital.lifestyle UNION SELECT score FROM lab.tests",
    "SELECT COUNT(*) FROM hospital.lifestyle UNION ALL SELECT age FROM hospital.lifestyle",
    "WITH t AS (SELECT patient_id, age FROM hospital.lifestyle) SELECT t.age FROM t",
    "SELECT ward FROM hospital.lifestyle WHERE age = 97",
    "SELECT ward FROM hospital.lifestyle ORDER BY age LIMIT 3",
    "SELECT AVG(age) FROM (SELECT age FROM hospital.lifestyle ORDER BY bmi LIMIT 100)",
    "SELECT * FROM LASSO(cohort, target => 'cost', features => 'age')",
    "SELECT * FROM LASSO(cohort, target => 'days', features => 'age,sex')",
    "SELECT * FROM LASSO((SELECT days, CASE WHEN region = 'north' THEN 1 ELSE 0 END AS n FROM insurer.claims), target => 'days', features => 'n')",
    "SELECT * FROM LASSO((SELECT days, age FROM cohort WHERE bmi > 30), target => 'days')",
    "SELECT h.age, l.coefficient FROM hospital.lifestyle h, LASSO(cohort, target => 'days', features => 'age') l",
    "SELECT sex, COUNT(*), (SELECT MAX(bmi) FROM hospital.lifestyle) FROM hospital.lifestyle GROUP BY sex",
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE age > ALL (SELECT days FROM insurer.claims)",
    // What an inner aggregate is made of decides.
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE (SELECT AVG(bmi) FROM hospital.lifestyle) > 25",
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE age > (SELECT AVG(bmi) + 20 FROM hospital.lifestyle)",
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE age IN (SELECT MIN(income) FROM hospital.lifestyle)",
    // Functions that can single values out.
    "SELECT SUM(CAST(bmi AS INT)) FROM hospital.lifestyle",
    "SELECT SUM(FLOOR(bmi / 30)) FROM hospital.lifestyle",
    "SELECT COUNT(age / bmi) FROM hospital.lifestyle",
    "SELECT AVG(bmi % 30) FROM hospital.lifestyle",
    "SELECT SUM(strpos(CAST(bmi AS TEXT), '9')) FROM hospital.lifestyle",
    "SELECT SUM(GREATEST(bmi, 40)) FROM hospital.lifestyle",
    "SELECT MAX(income / 100000) FROM hospital.lifestyle",
    // The first and the last of an order.
    "SELECT PERCENTILE_DISC(1.0) WITHIN GROUP (ORDER BY stay) FROM hospital.lifestyle",
    "SELECT PERCENTILE_CONT(0) WITHIN GROUP (ORDER BY stay) FROM hospital.lifestyle",
    // Arithmetic that an identifier makes about one person.
    "SELECT MAX(income - (number - 7) * (number - 7) * 5000) FROM hospital.lifestyle",
    "SELECT SUM(age / ((number - 7) * (number - 7) * 1000000.0 + 1)) FROM hospital.lifestyle",
    "SELECT MEDIAN(number * 1000000 + income) FROM hospital.lifestyle",
    "SELECT PERCENTILE_DISC(0.16) WITHIN GROUP (ORDER BY number * 10000 + income) FROM hospital.lifestyle",
    "SELECT CORR(age, power(number, -9)) FROM hospital.lifestyle",
    "SELECT AVG(v) FROM (SELECT age * exp(-number) AS v FROM hospital.lifestyle)",
    "SELECT SUM(s) FROM (SELECT patient_id, MAX(income + number) AS s FROM hospital.lifestyle GROUP BY patient_id)",
    "SELECT * FROM LASSO((SELECT age, (number - 7) * (number - 7) AS f FROM hospital.lifestyle), target => 'age', features => 'f')",
];

/// What is said, one block a query: the query, then class, position and message, then the hint.
fn said() -> String {
    let mut text = String::new();
    for sql in REFUSED {
        let error = check(sql).expect_err(sql);
        assert_eq!(error.class, Class::Refused, "{sql}: {error}");
        let place = error.position.unwrap_or_else(|| panic!("{sql}: no position"));
        let place = format!("{}:{}", place.line, place.column);
        let hint = error.hint.unwrap_or_else(|| panic!("{sql}: no hint"));
        text.extend([sql, "\n  ", &place, " ", &error.message, "\n  hint: ", &hint, "\n\n"]);
    }
    text
}

#[test]
fn refusals_say_what_and_why() {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("refusals", said());
    });
}

/// The word, or the sign, at a place of a text.
fn at(sql: &str, line: u64, column: u64) -> String {
    let line = sql.lines().nth(usize::try_from(line).unwrap() - 1).unwrap_or_default();
    let rest: String = line.chars().skip(usize::try_from(column).unwrap() - 1).collect();
    let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if word.is_empty() { rest.chars().take(1).collect() } else { word }
}

#[test]
fn places_are_of_words_that_the_reason_is_about() {
    let mut wrong = Vec::new();
    for sql in REFUSED {
        let error = check(sql).expect_err(sql);
        let place = error.position.unwrap_or_else(|| panic!("{sql}: no position"));
        let word = at(sql, place.line, place.column);
        let told = error.message.to_lowercase();
        let mut words = told.split(|c: char| !c.is_alphanumeric() && c != '_');
        let named = words.any(|other| other == word.to_lowercase());
        // `*` stands for the columns that are named, an output for its row, `<subquery>` for what a subquery selects, an
        // alias for what it names, and a string for the columns that it lists.
        let subquery = word == "SELECT" || sql.contains(&format!("(SELECT {word}"));
        let stands = word == "*"
            || told.contains("a row for every row")
            || (told.contains("<subquery>") && subquery)
            || (word != "x" && sql.contains(&format!(" AS {word} ")))
            || (word == "'" && error.message.contains("in a model"));
        if !named && !stands {
            wrong.push(format!("{sql}\n  {}:{} `{word}`: {}", place.line, place.column, error.message));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A whole query in a hint is one that is answered.
#[test]
fn suggested_queries_are_allowed() {
    let session = Session { analyst: "bob".to_owned(), ..Session::default() };
    let mut suggested = 0;
    for sql in REFUSED {
        let hint = check(sql).expect_err(sql).hint.unwrap_or_default();
        let query = hint.split(" (allowed keys").next().unwrap_or_default();
        if !query.starts_with("SELECT ") || query.contains("...") {
            continue;
        }
        suggested += 1;
        let planned = crate::plan(&super::federation(), &session, query);
        planned.unwrap_or_else(|error| panic!("{sql}\nsuggests {query}\nwhich is refused: {error}"));
    }
    assert!(suggested >= 25, "{suggested} of {} have a query", REFUSED.len());
}

#[test]
fn others_than_recipients_are_refused() {
    let error = check_as("bob", "SELECT AVG(age) FROM clinic.lifestyle").unwrap_err();
    assert_eq!(error.class, Class::Refused);
    assert_eq!(error.message, "clinic releases no results to analyst bob: its recipients are alice");
    assert!(error.position.is_some() && error.hint.is_some());
    // Wherever the table is read.
    let inner = "SELECT COUNT(*) FROM hospital.lifestyle h WHERE EXISTS \
                 (SELECT 1 FROM clinic.lifestyle c WHERE c.patient_id = h.patient_id)";
    assert!(check_as("bob", inner).is_err());
    check_as("alice", inner).unwrap();
}

/// Refused by the steps after the release check: errors that data would choose, sums that do not fit, rows that repeat
/// others, and conditions whose people cannot be counted.
const REFUSED_LATER: &[&str] = &[
    "SELECT COUNT(*) FROM insurer.claims WHERE CAST(region AS INT) > 3",
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE CAST(sex AS BOOLEAN)",
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE CAST(sex AS DATE) > born",
    "SELECT SUM(CAST(days * 1000 AS SMALLINT)) FROM insurer.claims",
    "SELECT COUNT(*) FROM insurer.claims WHERE LN(days) > 1",
    "SELECT SUM(SQRT(days - 10)) FROM insurer.claims",
    "SELECT SUM(POWER(days - 100, 0.5)) FROM insurer.claims",
    "SELECT SUM(EXP(days * 10)) FROM insurer.claims",
    "SELECT SUM(POWER(days, 14)) FROM insurer.claims",
    "SELECT VAR(POWER(days, 9)) FROM insurer.claims",
    "SELECT SUM(days * 100000000000000000) FROM insurer.claims",
    "SELECT SUM(days * days * days * days * days * days * days * days) FROM insurer.claims",
    "SELECT COUNT(*) FROM insurer.claims WHERE substr(region, 1, days - 5) = 'n'",
    "SELECT COUNT(*) FROM insurer.claims WHERE repeat(region, days) = 'n'",
    "SELECT SUM(s) FROM (SELECT patient_id, SUM(CASE WHEN days > 360 THEN days ELSE 1 END) AS s FROM insurer.claims GROUP BY patient_id)",
    "SELECT SUM(v) FROM (SELECT DISTINCT patient_id, COALESCE(NULLIF(days, 366), 7) AS v FROM insurer.claims)",
    "SELECT AVG(v) FROM (SELECT patient_id, GREATEST(days, 365) AS v FROM insurer.claims UNION ALL SELECT patient_id, days FROM insurer.claims)",
    "SELECT COUNT(*) FROM hospital.labs a JOIN hospital.labs b ON a.kind = b.kind",
    "SELECT SUM(c.days) FROM insurer.claims c JOIN insurer.claims d ON c.days > d.days",
    "SELECT region, SUM(days) FROM insurer.claims GROUP BY region HAVING COUNT(*) <= 3",
    "SELECT SUM(age) FROM hospital.lifestyle GROUP BY sex HAVING MAX(age) = MIN(age)",
    "SELECT MAX(bmi) FROM hospital.lifestyle",
    "SELECT MIN(CASE WHEN smoker THEN age END) FROM hospital.lifestyle",
    "SELECT region, days FROM insurer.claims GROUP BY region, days",
];

#[test]
fn later_refusals_say_what_and_why() {
    let mut text = String::new();
    let mut faults = Vec::new();
    for sql in REFUSED_LATER {
        let session = Session { analyst: "bob".to_owned(), ..Session::default() };
        let error = crate::plan(&super::federation(), &session, sql).map(|_| ());
        match error {
            Err(Error { class: Class::Refused, message, hint: Some(hint), position: Some(place) }) => {
                let place = format!("{}:{}", place.line, place.column);
                text.extend([sql, "\n  ", &place, " ", &message, "\n  hint: ", &hint, "\n\n"]);
            }
            other => faults.push(format!("{sql}: {other:?}")),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("later_refusals", text);
    });
}
