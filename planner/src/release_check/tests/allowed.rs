//! What may be asked.

use super::{check, check_as};

const ALLOWED: &[&str] = &[
    // Counts are always allowed.
    "SELECT COUNT(*) FROM hospital.lifestyle",
    "SELECT COUNT(1) AS n FROM hospital.lifestyle",
    "SELECT COUNT(DISTINCT patient_id) FROM hospital.labs",
    "SELECT COUNT(*), COUNT(DISTINCT h.patient_id) FROM hospital.lifestyle h",
    "SELECT COUNT(DISTINCT patient_id) FROM cohort",
    // Aggregates.
    "SELECT COUNT(age), SUM(age), AVG(age), STDDEV(age), VAR_POP(age) FROM hospital.lifestyle",
    "SELECT COUNT(DISTINCT age) FROM hospital.lifestyle",
    "SELECT CORR(age, bmi), COVAR_POP(age, bmi) FROM hospital.lifestyle",
    "SELECT MIN(income), MAX(income) FROM hospital.lifestyle",
    "SELECT MEDIAN(income) FROM hospital.lifestyle",
    // Identifiers as they are, or counted.
    "SELECT MAX(number), MIN(-number), MEDIAN(number), CORR(age, number) FROM hospital.lifestyle",
    "SELECT COUNT(DISTINCT number + 1), COUNT(number * 2) FROM hospital.lifestyle",
    "SELECT SUM(CASE WHEN number % 2 = 0 THEN age ELSE 0 END) FROM hospital.lifestyle",
    "SELECT SUM(age) * 1.0 / COUNT(*) FROM hospital.lifestyle",
    "SELECT SUM(cost) / SUM(days) FROM insurer.claims",
    "SELECT AVG(cost / days) FROM insurer.claims",
    "SELECT SUM(COALESCE(bmi, 0)) FROM hospital.lifestyle",
    "SELECT SUM(SQRT(bmi)), AVG(LN(bmi)), SUM(bmi / 3), SUM(age / 10), SUM(CAST(age AS DOUBLE)) FROM hospital.lifestyle",
    "SELECT PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY stay) FROM hospital.lifestyle",
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE age > (SELECT AVG(age) FROM hospital.lifestyle)",
    "SELECT CASE WHEN AVG(bmi) > 25 THEN 'high' ELSE 'low' END FROM hospital.lifestyle",
    // Conditions.
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE age > 50 AND smoker",
    "SELECT COUNT(*) FILTER (WHERE smoker), AVG(bmi) FILTER (WHERE age > 65) FROM hospital.lifestyle",
    "SELECT SUM(CASE WHEN age > 50 THEN bmi ELSE 0 END) FROM hospital.lifestyle",
    "SELECT SUM(CASE WHEN age > 50 THEN 1 ELSE 0 END) FROM hospital.lifestyle",
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE sex IN ('f', 'm') AND born < DATE '1960-01-01'",
    "SELECT COUNT(*) FROM hospital.lifestyle WHERE age IS NULL",
    "SELECT SUM(CAST(age > 50 AS INT)) FROM hospital.lifestyle",
    // Groups.
    "SELECT sex, COUNT(*) FROM hospital.lifestyle GROUP BY sex",
    "SELECT COUNT(*) FROM hospital.lifestyle GROUP BY sex",
    "SELECT sex, smoker, AVG(bmi) FROM hospital.lifestyle GROUP BY sex, smoker",
    "SELECT age >= 65 AS old, COUNT(*) FROM hospital.lifestyle GROUP BY age >= 65",
    "SELECT CASE WHEN age < 40 THEN 'young' ELSE 'old' END AS band, COUNT(*) FROM hospital.lifestyle GROUP BY band",
    "SELECT upper(region) AS r, SUM(cost) FROM insurer.claims GROUP BY upper(region)",
    "SELECT date_trunc('year', born), COUNT(*) FROM hospital.lifestyle GROUP BY 1",
    "SELECT born, COUNT(*) FROM hospital.lifestyle GROUP BY born",
    "SELECT DISTINCT region FROM insurer.claims",
    "SELECT DISTINCT sex, smoker FROM hospital.lifestyle",
    "SELECT region FROM insurer.claims GROUP BY region",
    "SELECT smoker IS NULL, COUNT(*) FROM hospital.lifestyle GROUP BY smoker IS NULL",
    "SELECT sex, COUNT(*) FROM hospital.lifestyle GROUP BY ROLLUP(sex)",
    "SELECT ward, COUNT(*) FROM hospital.lifestyle GROUP BY ward",
    // HAVING, ORDER BY.
    "SELECT region, SUM(days) FROM insurer.claims GROUP BY region HAVING SUM(days) > 300",
    "SELECT region, SUM(days) / COUNT(*) AS r FROM insurer.claims GROUP BY region HAVING SUM(days) / COUNT(*) > 3",
    "SELECT region, COUNT(*) AS n FROM insurer.claims GROUP BY region HAVING COUNT(*) > 10 AND region <> 'north'",
    "SELECT region, AVG(cost) FROM insurer.claims GROUP BY region ORDER BY AVG(cost) DESC, region LIMIT 1",
    "SELECT region, COUNT(*) AS n FROM insurer.claims GROUP BY region ORDER BY n",
    "SELECT COUNT(*) FROM insurer.claims GROUP BY region ORDER BY region",
    // Joins.
    "SELECT AVG(c.cost) FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id)",
    "SELECT COUNT(*) FROM hospital.lifestyle JOIN insurer.claims USING (patient_id)",
    "SELECT COUNT(*) FROM hospital.lifestyle h, insurer.claims c WHERE HASHED(h.patient_id) = HASHED(c.patient_id)",
    "SELECT COUNT(*) FROM hospital.lifestyle h, insurer.claims c WHERE h.patient_id = c.patient_id AND h.age = c.days",
    "SELECT COUNT(*) FROM hospital.lifestyle h JOIN insurer.claims c ON h.patient_id = c.patient_id AND h.age > c.days",
    "SELECT COUNT(*) FROM hospital.lifestyle h LEFT JOIN insurer.claims c ON h.patient_id = c.patient_id",
    "SELECT region, AVG(bmi) FROM cohort WHERE age > days OR age IS NULL GROUP BY region",
    "SELECT COUNT(*) FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(upper(h.patient_id)) = HASHED(c.patient_id)",
    "SELECT AVG(l.value) FROM hospital.labs l JOIN hospital.lifestyle h ON l.patient_id = h.patient_id WHERE h.smoker",
    "SELECT COUNT(*) FROM insurer.claims WHERE patient_id IN (SELECT patient_id FROM hospital.lifestyle WHERE smoker)",
    "SELECT COUNT(*) FROM insurer.claims c WHERE EXISTS (SELECT 1 FROM hospital.lifestyle h WHERE h.patient_id = c.patient_id AND h.age > 60)",
    "SELECT COUNT(*) FROM insurer.claims c WHERE NOT EXISTS (SELECT 1 FROM hospital.lifestyle h WHERE HASHED(h.patient_id) = HASHED(c.patient_id))",
    // Rows inside.
    "SELECT AVG(t.total) FROM hospital.lifestyle h JOIN (SELECT patient_id, SUM(cost) AS total FROM insurer.claims GROUP BY patient_id) t ON HASHED(h.patient_id) = HASHED(t.patient_id)",
    "SELECT COUNT(*) FROM (SELECT DISTINCT patient_id FROM hospital.labs)",
    "SELECT AVG(n) FROM (SELECT patient_id, COUNT(*) AS n FROM hospital.labs GROUP BY patient_id)",
    "SELECT AVG(r) FROM (SELECT row_number() OVER (PARTITION BY patient_id ORDER BY value) AS r FROM hospital.labs)",
    "SELECT AVG(age) FROM (SELECT * FROM hospital.lifestyle WHERE smoker)",
    "SELECT AVG(age) FROM (SELECT age FROM hospital.lifestyle ORDER BY age LIMIT 100)",
    "SELECT COUNT(*) FROM insurer.claims WHERE days > (SELECT AVG(days) FROM insurer.claims)",
    "SELECT AVG((SELECT SUM(c.cost) FROM insurer.claims c WHERE c.patient_id = h.patient_id)) FROM hospital.lifestyle h",
    "SELECT AVG(score - (SELECT AVG(score) FROM lab.tests)) FROM lab.tests",
    "SELECT AVG(x.v) FROM hospital.lifestyle h, LATERAL (SELECT SUM(c.cost) AS v FROM insurer.claims c WHERE c.patient_id = h.patient_id) x",
    // SQL over released rows.
    "SELECT MAX(n) FROM (SELECT region, COUNT(*) AS n FROM insurer.claims GROUP BY region)",
    "SELECT region, n, rank() OVER (ORDER BY n) FROM (SELECT region, COUNT(*) AS n FROM insurer.claims GROUP BY region)",
    "SELECT region, RANK() OVER (ORDER BY COUNT(*)) AS place, COUNT(*) FROM insurer.claims GROUP BY region",
    "WITH g AS (SELECT region, SUM(days) AS d FROM insurer.claims GROUP BY region) SELECT region FROM g WHERE d > 200 ORDER BY d",
    "SELECT string_agg(region, ',') FROM (SELECT region, COUNT(*) AS n FROM insurer.claims GROUP BY region)",
    "SELECT region, n * 100.0 / (SELECT COUNT(*) FROM insurer.claims) FROM (SELECT region, COUNT(*) AS n FROM insurer.claims GROUP BY region)",
    "SELECT sex, COUNT(*) FROM hospital.lifestyle GROUP BY sex UNION ALL SELECT region, COUNT(*) FROM insurer.claims GROUP BY region",
    "SELECT v.x, g.n FROM (VALUES ('north'), ('south')) v(x) JOIN (SELECT region, COUNT(*) AS n FROM insurer.claims GROUP BY region) g ON v.x = g.region",
    // Public columns, constants.
    "SELECT ward FROM hospital.lifestyle",
    "SELECT DISTINCT ward FROM hospital.lifestyle WHERE ward = 'a'",
    "SELECT 1",
    "SELECT x FROM (VALUES (1), (2)) v(x)",
    // Stacked tables.
    "SELECT AVG(age) FROM (SELECT patient_id, age FROM hospital.lifestyle UNION ALL SELECT pid, score FROM lab.tests)",
    // Models.
    "SELECT * FROM LASSO(cohort, target => 'days', features => 'age,bmi', alpha => 0.1)",
    "SELECT term FROM LASSO((SELECT days, age, bmi FROM cohort WHERE age > 50), target => 'days', alpha => 0.1) WHERE coefficient > 0",
    "SELECT n FROM LASSO_SUMMARY(cohort, target => 'days', features => 'age,smoker')",
];

#[test]
fn queries() {
    let refused: Vec<String> =
        ALLOWED.iter().filter_map(|sql| check(sql).err().map(|error| format!("{sql}\n  {error}"))).collect();
    assert!(refused.is_empty(), "\n{}", refused.join("\n"));
}

#[test]
fn a_recipient_may_ask() {
    check_as("alice", "SELECT AVG(age) FROM clinic.lifestyle").unwrap();
}
