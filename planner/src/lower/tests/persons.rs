//! What is withheld where few persons are behind a number.

use super::*;

pub(super) const SMALL: &str = r#"
version = 1
name = "small"
party = [{ name = "a", seat = 0 }, { name = "b", seat = 1 }, { name = "c", seat = 2 }]
"#;

pub(super) const SMALL_A: &str = r#"
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

pub(super) const SMALL_B: &str = r#"
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

pub(super) fn small() -> (Federation, Data) {
    let federation = federation(SMALL, &[("a", SMALL_A), ("b", SMALL_B)]);
    let people =
        "id,age,sex,flag\np1,30,f,true\np2,40,f,true\np3,50,m,true\np4,,m,false\np5,60,m,\np6,70,,false";
    let visits = "id,ward,cost,grade\np1,x,10,-7\np1,x,20,-7\np1,x,30,-7\np2,x,40,-7\np3,y,50,9\np1,y,60,\np2,y,70,9\np5,z,0,5000\np6,z,5,5000\np4,z,6,5000";
    let members = "id,days\nP1,3\n p2,4\np3,5\np9,6\np6,";
    let data = data(&federation, &[("a.people", people), ("a.visits", visits), ("b.members", members)]);
    (federation, data)
}

/// Statistics that need what rounding takes away are refused, and sums beside means, of which it could be computed.
#[test]
fn what_tells_or_needs_exact_sizes_is_refused_where_counts_are_rounded() {
    let (federation, data) = small();
    for sql in [
        "SELECT * FROM T_TEST((SELECT days, days + 1 AS later FROM b.members), value => 'days,later', paired => true)",
        "SELECT * FROM T_TEST((SELECT m.days, p.sex FROM a.people p JOIN b.members m ON HASHED(p.id) = HASHED(m.id)), value => 'days', by => 'sex')",
        "SELECT * FROM ANOVA((SELECT m.days, p.sex FROM a.people p JOIN b.members m ON HASHED(p.id) = HASHED(m.id)), value => 'days', by => 'sex')",
        "SELECT SUM(days), AVG(days) FROM b.members",
        "SELECT SUM(days) / AVG(days) FROM b.members",
        "SELECT SUM(days) AS s, AVG(days + 1) FILTER (WHERE days > 3) AS m FROM b.members",
        "SELECT p.sex, SUM(m.days), VAR_POP(m.days) FROM a.people p JOIN b.members m ON HASHED(p.id) = HASHED(m.id) GROUP BY p.sex",
        "SELECT SUM(age * days), CORR(age, days) FROM a.people p JOIN b.members m ON HASHED(p.id) = HASHED(m.id)",
        "SELECT SUM(days) AS s, AVG(days) AS m, COUNT(*) FROM b.members HAVING SUM(days) > 3 * AVG(days)",
    ] {
        let error = secure(&federation, &data, sql).expect_err(sql);
        assert_eq!(error.class, Class::Refused, "{sql}: {error}");
        assert!(error.message.contains("round_counts"), "{sql}: {error}");
    }
    for sql in [
        "SELECT SUM(days), COUNT(days), MIN(days) FROM b.members",
        "SELECT AVG(days), STDDEV(days) FROM b.members",
    ] {
        let refused =
            secure(&federation, &data, sql).err().is_some_and(|error| error.message.contains("round_counts"));
        assert!(!refused, "{sql}");
    }
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
