//! Refused and allowed queries over a small federation.

mod allowed;
mod refused;

use crate::bind;
use crate::catalog::Federation;
use crate::error::Error;
use crate::policy;
use crate::session::Session;

const FEDERATION: &str = r#"
version = 1
name = "test"
party = [
  { name = "hospital", seat = 0 },
  { name = "insurer", seat = 1 },
  { name = "helper", seat = 2 },
  { name = "clinic" },
  { name = "lab" },
]
[[view]]
name = "cohort"
sql = """SELECT h.patient_id, h.age, h.bmi, h.sex, h.smoker, h.note, c.days, c.cost, c.region
FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id)"""
"#;

const HOSPITAL: &str = r#"
version = 1
[table.lifestyle]
person = "patient_id"
max_rows = 1000
[table.lifestyle.column]
patient_id = { type = "TEXT", allow = ["join"] }
age = { type = "INTEGER", bounds = [0, 120], allow = ["filter", "aggregate", "model"] }
sex = { type = "TEXT", values = ["f", "m"], allow = ["group", "filter"] }
bmi = { type = "DOUBLE", bounds = [10, 80], allow = ["aggregate", "model"] }
smoker = { type = "BOOLEAN", allow = ["filter", "group", "model"] }
income = { type = "INTEGER", bounds = [0, 1000000], allow = ["minmax", "quantile"] }
ward = { type = "TEXT", values = ["a", "b"], allow = ["public"] }
born = { type = "DATE", bounds = ["1900-01-01", "2026-01-01"], allow = ["filter", "group"] }
note = { type = "TEXT" }
stay = { type = "INTEGER", bounds = [0, 90], allow = ["quantile"] }
number = { type = "INTEGER", bounds = [1, 1000], max_rows_per_value = 1, allow = ["filter", "aggregate", "minmax", "quantile", "model"] }
[table.labs]
person = "patient_id"
max_rows = 5000
max_rows_per_person = 5
[table.labs.column]
patient_id = { type = "TEXT", allow = ["join"] }
kind = { type = "TEXT", values = ["crp", "hb"], allow = ["group", "filter"] }
value = { type = "DOUBLE", bounds = [0, 500], allow = ["filter", "aggregate"] }
"#;

const INSURER: &str = r#"
version = 1
[table.claims]
person = "patient_id"
max_rows = 1000
[table.claims.column]
patient_id = { type = "TEXT", allow = ["join"] }
days = { type = "BIGINT", bounds = [0, 366], allow = ["filter", "aggregate", "model"] }
cost = { type = "DECIMAL(10,2)", bounds = [0, 250000], allow = ["aggregate"] }
region = { type = "TEXT", values = ["north", "south"], allow = ["group", "filter"] }
"#;

const CLINIC: &str = r#"
version = 1
[release]
recipients = ["alice"]
[table.lifestyle]
person = "patient_id"
max_rows = 1000
[table.lifestyle.column]
patient_id = { type = "TEXT", allow = ["join"] }
age = { type = "INTEGER", bounds = [0, 120], allow = ["filter", "aggregate", "model"] }
"#;

const LAB: &str = r#"
version = 1
[release]
min_people = 1
[table.tests]
person = "pid"
max_rows = 1000
[table.tests.column]
pid = { type = "TEXT", allow = ["join"] }
score = { type = "INTEGER", bounds = [0, 100], allow = ["filter", "aggregate"] }
"#;

fn federation() -> Federation {
    let policies: Vec<(String, String)> =
        [("hospital", HOSPITAL), ("insurer", INSURER), ("clinic", CLINIC), ("lab", LAB)]
            .into_iter()
            .map(|(party, text)| (party.to_owned(), text.to_owned()))
            .collect();
    policy::parse(FEDERATION, &policies).unwrap()
}

/// Binds and checks a query of an analyst.
fn check_as(analyst: &str, sql: &str) -> Result<(), Error> {
    let federation = federation();
    let session = Session { analyst: analyst.to_owned(), ..Session::default() };
    let bound = bind::bind(&federation, &session, sql)
        .unwrap_or_else(|error| panic!("{sql}\ndoes not bind: {error}"));
    super::check(&federation, &session, sql, &bound.raw)
}

fn check(sql: &str) -> Result<(), Error> {
    check_as("bob", sql)
}

#[test]
fn what_would_hand_out_rows_is_refused_even_if_it_is_not_built() {
    use crate::error::Class;
    let class = |sql: &str| {
        let session = Session { analyst: "bob".to_owned(), ..Session::default() };
        crate::plan(&federation(), &session, sql).map(|_| ()).expect_err(sql).class
    };
    for sql in [
        "SELECT DISTINCT ON (sex) sex, age FROM hospital.lifestyle",
        "SELECT age FROM hospital.lifestyle h, LATERAL (SELECT SUM(c.cost) AS v FROM insurer.claims c WHERE c.days > h.age) x",
        "SELECT age FROM hospital.lifestyle FULL JOIN insurer.claims USING (patient_id)",
    ] {
        assert_eq!(class(sql), Class::Refused, "{sql}");
    }
    // Names first, then policy, then what is not built.
    assert_eq!(class("SELECT aeg FROM hospital.lifestyle"), Class::Invalid);
    assert_eq!(class("SELECT AVG(bmi), aeg FROM hospital.lifestyle WHERE bmi > 3"), Class::Invalid);
    assert_eq!(class("SELECT MEDIAN(income) FROM hospital.lifestyle WHERE bmi > 3"), Class::Refused);
    assert_eq!(class("SELECT APPROX_MEDIAN(income) FROM hospital.lifestyle"), Class::Invalid);
    assert_eq!(
        class(
            "SELECT DISTINCT ON (region) region, n FROM (SELECT region, COUNT(*) AS n FROM insurer.claims GROUP BY region)"
        ),
        Class::Invalid
    );
}
