//! What hides in conditions, statistics and order: numbers of few people that are no number of the SELECT list.

use super::persons::{SMALL, SMALL_A, SMALL_B, small};
use super::*;

/// [`small`] with this in the policy of `a`.
fn with_policy(from: &str, to: &str) -> (Federation, Data) {
    let (_, data) = small();
    assert!(SMALL_A.contains(from), "{from}");
    (federation(SMALL, &[("a", &SMALL_A.replace(from, to)), ("b", SMALL_B)]), data)
}

/// Three people at least: one is 70, two have been in ward x, four times.
#[test]
fn inner_aggregates_of_few_people_decide_nothing() {
    let (federation, data) = small();
    let asked = |condition: &str| {
        cells(&federation, &data, &format!("SELECT COUNT(*) FROM a.people WHERE {condition}"))
    };
    for few in [
        "(SELECT SUM(age) FROM a.people WHERE age = 70) = 70",
        "age <= (SELECT MAX(age) FROM a.people WHERE age = 70)",
        "(SELECT MAX(age) FROM a.people WHERE age = 70) IS NOT NULL",
        "(SELECT SUM(age) FILTER (WHERE age = 70) FROM a.people) = 70",
        "(SELECT SUM(CASE WHEN age = 70 THEN age ELSE 0 END) FROM a.people) = 70",
        "(SELECT SUM(CASE WHEN age = 70 THEN age ELSE 1 END) FROM a.people) > 0",
        "(SELECT SUM(age / 70) FROM a.people) = 1",
        "(SELECT COUNT(*) FROM a.people WHERE age = 70) = 1",
        "(SELECT COUNT(age) + 1 FROM a.people WHERE age = 70) = 2",
        "(SELECT COUNT(*) FROM a.visits WHERE ward = 'x') = 4",
        "(SELECT SUM(v.cost) FROM a.visits v JOIN a.people p ON p.id = v.id WHERE p.age < 45) > 0",
        "(SELECT SUM(s) FROM (SELECT id, SUM(cost) AS s FROM a.visits WHERE ward = 'x' GROUP BY id)) > 0",
    ] {
        assert_eq!(asked(few), "-", "{few}");
    }
    for (many, people) in [
        ("age >= (SELECT AVG(age) FROM a.people)", "3"),
        ("(SELECT SUM(age) FROM a.people) = 250", "6"),
        ("(SELECT SUM(CASE WHEN age > 45 THEN age ELSE 0 END) FROM a.people) = 180", "6"),
        ("(SELECT COUNT(*) FROM a.visits WHERE ward <> 'y') = 7", "6"),
        ("(SELECT SUM(v.cost) FROM a.visits v JOIN a.people p ON p.id = v.id) = 291", "6"),
        ("(SELECT SUM(s) FROM (SELECT id, SUM(cost) AS s FROM a.visits GROUP BY id)) = 291", "6"),
    ] {
        assert_eq!(asked(many), people, "{many}");
    }
    // A count decides as it would be released.
    let of_members =
        |sql: &str| cells(&federation, &data, &format!("SELECT COUNT(*) FROM b.members WHERE {sql}"));
    assert_eq!(of_members("(SELECT COUNT(*) FROM b.members WHERE days < 6) = 5"), "5");
    assert_eq!(of_members("(SELECT COUNT(*) FROM b.members WHERE days < 6) = 3"), "-");
}

#[test]
fn groups_of_several_people_are_no_condition() {
    let (strict, _) = small();
    let (open, data) = with_policy("min_people = 3", "min_people = 1");
    for condition in [
        "age IN (SELECT MAX(age) FROM a.people WHERE age > 60)",
        "age NOT IN (SELECT MAX(age) FROM a.people WHERE age > 60)",
        "sex IN (SELECT sex FROM a.people WHERE age = 60 GROUP BY sex)",
        "sex IN (SELECT DISTINCT sex FROM a.people WHERE age = 60)",
        "EXISTS (SELECT sex, COUNT(*) FROM a.people WHERE age = 60 GROUP BY sex HAVING COUNT(*) = 1)",
    ] {
        let sql = format!("SELECT COUNT(*) FROM a.people WHERE {condition}");
        let error = secure(&strict, &data, &sql).expect_err(&sql);
        assert_eq!(error.class, Class::Refused, "{sql}: {error}");
        assert!(error.hint.is_some(), "{sql}");
        secure(&open, &data, &sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    let joined = "SELECT COUNT(*) FROM a.people p JOIN (SELECT sex, MAX(age) AS m FROM a.people GROUP BY sex) q ON p.sex = q.sex WHERE p.age = q.m";
    secure(&strict, &data, joined).expect_err(joined);
    // No age of three people is known of either sex.
    let looked_up =
        "SELECT COUNT(*) FROM a.people p WHERE age = (SELECT MAX(q.age) FROM a.people q WHERE q.sex = p.sex)";
    assert_eq!(cells(&strict, &data, looked_up), "-");
    // A person's own rows are no others'.
    let own =
        "SELECT COUNT(*) FROM a.people p WHERE 5 < (SELECT MAX(v.cost) FROM a.visits v WHERE v.id = p.id)";
    assert_eq!(cells(&strict, &data, own), "4");
    let identifiers =
        "SELECT COUNT(*) FROM a.people WHERE id IN (SELECT DISTINCT id FROM a.visits WHERE cost > 5)";
    assert_eq!(cells(&strict, &data, identifiers), "4");
}

/// Two people at least: the same rule as for SUM and AVG of what is computed.
#[test]
fn statistics_withhold_conditions_of_one_person() {
    let policy = SMALL_A.replace("min_people = 3", "min_people = 2");
    let policy =
        policy.replace("\"aggregate\", \"model\", \"minmax\"", "\"aggregate\", \"survival\", \"minmax\"");
    let federation = federation(SMALL, &[("a", &policy), ("b", SMALL_B)]);
    let (_, data) = small();
    let numbers = |sql: &str| {
        let found = secure(&federation, &data, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let number = |cell: &&ScalarValue| !cell.is_null() && cell.try_as_str().is_none();
        rows(&found).iter().flatten().filter(number).count()
    };
    let rows_of = |v: &str, e: &str| format!("(SELECT age, sex, {v} AS v, {e} AS e FROM a.people)");
    for (of, one, more) in [
        (
            "mean_1, mean_2 FROM T_TEST(?, value => 'v', by => 'sex')",
            "CASE WHEN age = 60 THEN age ELSE 0 END",
            "age",
        ),
        (
            "difference FROM MEAN_DIFFERENCE(?, value => 'v', by => 'sex')",
            "CASE WHEN age = 60 THEN age ELSE 0 END",
            "age",
        ),
        (
            "eta_squared FROM ANOVA(?, value => 'v', by => 'sex')",
            "CASE WHEN age = 60 THEN age ELSE 0 END",
            "age",
        ),
        ("mean, max FROM DESCRIBE_STATS(?, columns => 'v')", "CASE WHEN age = 60 THEN age ELSE 0 END", "age"),
        ("value FROM QUANTILES(?, value => 'v', q => '1')", "CASE WHEN age = 60 THEN age ELSE 0 END", "age"),
    ] {
        let of = of.replace("eta_squared", "*");
        let sql = |v: &str| format!("SELECT {}", of.replace('?', &rows_of(v, "age > 0")));
        assert_eq!(numbers(&sql(one)), 0, "{}", sql(one));
        assert!(numbers(&sql(more)) > 0, "{}", sql(more));
    }
    let of = "rate FROM STANDARDIZED_RATE(?, event => 'e', strata => 'sex', population => 'f=1,m=1')";
    let sql = |e: &str| format!("SELECT {}", of.replace('?', &rows_of("age", e)));
    assert_eq!(numbers(&sql("age = 60")), 0);
    assert!(numbers(&sql("age >= 50")) > 0);
}

/// What lies near the ends of an order is as good as MIN and MAX.
#[test]
fn quantiles_near_the_ends_need_people_beyond_them() {
    let (open, data) = small();
    let (closed, _) = with_policy("\"aggregate\", \"minmax\", \"quantile\"", "\"aggregate\", \"quantile\"");
    let percentile =
        |share: &str| format!("SELECT PERCENTILE_CONT({share}) WITHIN GROUP (ORDER BY cost) FROM a.visits");
    let quantile =
        |share: &str| format!("SELECT value FROM QUANTILES(a.visits, value => 'cost', q => '{share}')");
    for share in ["0.9", "0.1", "0.99999"] {
        for sql in [percentile(share), quantile(share)] {
            assert_ne!(cells(&open, &data, &sql), "-", "{sql}");
            assert!(["-", ""].contains(&cells(&closed, &data, &sql).as_str()), "{sql}");
        }
    }
    for share in ["0.5", "0.25", "0.75"] {
        for sql in [percentile(share), quantile(share)] {
            assert_eq!(cells(&open, &data, &sql), cells(&closed, &data, &sql), "{sql}");
            assert_ne!(cells(&open, &data, &sql), "-", "{sql}");
        }
    }
    for share in ["0", "1", "0.0", "1.0"] {
        for kind in ["CONT", "DISC"] {
            let sql = format!("SELECT PERCENTILE_{kind}({share}) WITHIN GROUP (ORDER BY cost) FROM a.visits");
            assert_ne!(cells(&open, &data, &sql), "-", "{sql}");
            assert_eq!(secure(&closed, &data, &sql).expect_err(&sql).class, Class::Refused, "{sql}");
        }
    }
}

/// `b` rounds its counts to fives; three of its five members with days stay less than six.
#[test]
fn sums_that_are_counts_are_rounded() {
    let (federation, data) = small();
    let is = |sql: &str, expected: &str| {
        assert_eq!(cells(&federation, &data, &format!("SELECT {sql} FROM b.members")), expected, "{sql}");
    };
    is("SUM(1), SUM(3)", "5,15");
    is("SUM(CASE WHEN TRUE THEN 1 ELSE 0 END)", "5");
    is("SUM(CASE WHEN days < 6 THEN 1 ELSE 0 END), SUM(CAST(days < 6 AS INT))", "5,5");
    is("SUM(CASE WHEN days < 6 THEN 2 ELSE 0 END), SUM(CASE WHEN days < 6 THEN -1 ELSE 0 END)", "10,-5");
    is("SUM(1.5) FILTER (WHERE days < 6)", "7.5");
    is("SUM(days)", "18");
}

#[test]
fn pairs_and_texts_of_several_types_work() {
    let (federation, data) = small();
    let pairs = "(SELECT age AS a, CAST(sqrt(age) AS SMALLINT) AS b, age / 7.0 AS c FROM a.people)";
    for columns in ["a,b", "b,a", "a,c"] {
        let sql = format!("SELECT * FROM T_TEST({pairs}, value => '{columns}', paired => true)");
        let found = cells(&federation, &data, &sql);
        assert!(found.split(',').all(|cell| cell != "-"), "{sql}: {found}");
    }
    let texts = "SELECT COUNT(DISTINCT COALESCE(ward, 'x')), COUNT(DISTINCT CASE WHEN cost < 50 THEN ward ELSE 'x' END) FROM a.visits";
    assert_eq!(secure(&federation, &data, texts).unwrap_or_else(|error| panic!("{error}")).num_rows(), 1);
}
