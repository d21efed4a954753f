//! Aggregates of other owners in conditions: known to nobody, and NULL as if they were released.

use super::persons::{SMALL, SMALL_A, SMALL_B, small};
use super::*;
use crate::check::check;
use crate::disclosures;

/// Three people of `a` at least and two of `b`, which rounds its counts to fives: one person of `a` is 70, two are older
/// than 55; two have been in ward x, four times.
#[test]
fn values_of_few_people_decide_nothing_at_others() {
    let (federation, data) = small();
    let asked = |condition: &str| {
        cells(&federation, &data, &format!("SELECT COUNT(*) FROM b.members WHERE {condition}"))
    };
    let joined = "FROM a.people p JOIN b.members m ON HASHED(p.id) = HASHED(m.id)";
    for few in [
        "days < (SELECT MAX(age) FROM a.people WHERE age = 70)",
        "days < (SELECT MAX(age) FROM a.people WHERE age > 55)",
        "(SELECT MAX(age) FROM a.people WHERE age = 70) IS NOT NULL",
        "(SELECT SUM(CASE WHEN age = 70 THEN age ELSE 1 END) FROM a.people) > 0",
        "(SELECT COUNT(*) FROM a.people WHERE age = 70) = 1",
        "(SELECT COUNT(*) FROM a.visits WHERE ward = 'x') = 4",
        "(SELECT SUM(v.cost) FROM a.visits v JOIN a.people p ON p.id = v.id WHERE p.age < 45) > 0",
        &format!("days < (SELECT SUM(p.age) {joined} WHERE p.age > 45)"),
        &format!("days < (SELECT SUM(p.age) {joined} WHERE m.days = 3)"),
        &format!("(SELECT COUNT(*) {joined} WHERE p.age > 45) >= 0"),
        &format!("(SELECT COUNT(*) {joined} HAVING COUNT(*) > 100) >= 0"),
    ] {
        assert_eq!(asked(few), "-", "{few}");
    }
    for many in [
        "days < (SELECT MAX(age) FROM a.people)",
        "days < (SELECT MAX(age) FROM a.people WHERE age > 45)",
        "(SELECT MAX(age) FROM a.people WHERE age = 70) IS NULL",
        "(SELECT COUNT(*) FROM a.visits WHERE ward <> 'y') = 7",
        &format!("days < (SELECT SUM(p.age) {joined} WHERE p.age > 35)"),
        &format!("(SELECT COUNT(*) {joined} WHERE p.age > 35) = 5"),
    ] {
        assert_eq!(asked(many), "5", "{many}");
    }
    // A count decides as it would be released.
    let of_people =
        |sql: &str| cells(&federation, &data, &format!("SELECT COUNT(*) FROM a.people WHERE {sql}"));
    assert_eq!(of_people("(SELECT COUNT(*) FROM b.members WHERE days < 6) = 5"), "6");
    assert_eq!(of_people("(SELECT COUNT(*) FROM b.members WHERE days < 6) = 3"), "-");
}

#[test]
fn values_of_few_people_are_no_part_of_an_answer() {
    let (federation, data) = small();
    let is = |sql: &str, expected: &str| assert_eq!(cells(&federation, &data, sql), expected, "{sql}");
    is("SELECT COUNT(*), (SELECT MAX(age) FROM a.people WHERE age = 70) AS m FROM b.members", "5,-");
    is("SELECT COUNT(*), (SELECT MAX(age) FROM a.people) AS m FROM b.members", "5,70");
    is("SELECT COUNT(*) - (SELECT MAX(age) FROM a.people WHERE age = 70) FROM b.members", "-");
    is("SELECT COUNT(*) - (SELECT MAX(age) FROM a.people) FROM b.members", "-65");
    is("SELECT (SELECT MAX(age) FROM a.people) - 1 AS m, COUNT(*) FROM b.members WHERE days = 3", "-,-");
    is(
        "SELECT COUNT(*) AS n FROM b.members HAVING COUNT(*) > (SELECT MAX(age) FROM a.people WHERE age = 70) - 100",
        "",
    );
    is("SELECT COUNT(*) AS n FROM b.members HAVING COUNT(*) > (SELECT MAX(age) FROM a.people) - 100", "5");
}

#[test]
fn rows_and_uses_are_refused() {
    let (federation, data) = small();
    for sql in [
        // Rows in place of a value.
        "SELECT COUNT(*) FROM b.members WHERE days < (SELECT age FROM a.people)",
        "SELECT COUNT(*) FROM b.members WHERE days < (SELECT age FROM a.people LIMIT 1)",
        "SELECT COUNT(*) FROM b.members WHERE days < (SELECT first_value(age) FROM a.people)",
        // Uses that the owner of the inner column does not allow.
        "SELECT COUNT(*) FROM a.people WHERE age > (SELECT MAX(days) FROM b.members)",
        "SELECT COUNT(*) FROM b.members WHERE (SELECT BOOL_OR(flag) FROM a.people)",
        "SELECT COUNT(*) FROM b.members WHERE days < (SELECT SUM(grade) FROM a.visits)",
        // People of the inner aggregate are not counted in the outer one.
        "SELECT SUM(days * (SELECT MAX(age) FROM a.people)) FROM b.members",
        // Equality with the largest value of all finds a person; MIN and MAX are a use of their own.
        "SELECT MAX(days) FROM b.members WHERE days < (SELECT MAX(age) FROM a.people)",
    ] {
        let error = secure(&federation, &data, sql).expect_err(sql);
        assert_eq!(error.class, Class::Refused, "{sql}: {error}");
    }
    for sql in [
        "SELECT COUNT(*) FROM b.members WHERE days < (SELECT MAX(age) FROM a.people GROUP BY sex)",
        "SELECT COUNT(*) FROM b.members m WHERE m.days < (SELECT MAX(p.age) FROM a.people p WHERE p.age > m.days)",
    ] {
        let error = secure(&federation, &data, sql).expect_err(sql);
        assert!(matches!(error.class, Class::Invalid | Class::Refused), "{sql}: {error}");
    }
}

/// A NULL that decides everything is one person's.
#[test]
fn one_null_does_not_decide() {
    let id = r#"id = { type = "TEXT", nullable = false, allow = ["join"] }"#;
    let nullable = SMALL_B.replace(id, r#"id = { type = "TEXT", allow = ["join", "filter"] }"#);
    assert_ne!(nullable, SMALL_B);
    let federation = federation(SMALL, &[("a", SMALL_A), ("b", &nullable)]);
    let (_, data) = small();
    let sql = |inner: &str| {
        format!("SELECT COUNT(*) FROM a.people WHERE id NOT IN (SELECT id FROM b.members{inner})")
    };
    let error = secure(&federation, &data, &sql("")).expect_err("one NULL");
    assert_eq!(error.class, Class::Refused, "{error}");
    assert!(error.hint.is_some_and(|hint| hint.contains("NOT EXISTS")));
    assert_eq!(cells(&federation, &data, &sql(" WHERE id IS NOT NULL")), "5");
}

/// The plan says who learns a value (nobody) and what it must have behind it; without its gate it gets no permit.
#[test]
fn a_value_without_its_gate_gets_no_permit() {
    let (federation, _) = small();
    let inner = [
        "SELECT SUM(p.age) FROM a.people p JOIN b.members m ON HASHED(p.id) = HASHED(m.id)",
        "SELECT MAX(age) FROM a.people",
    ];
    for (index, inner) in inner.into_iter().enumerate() {
        let sql = format!("SELECT COUNT(*) FROM b.members WHERE days < ({inner})");
        let session = Session::default();
        let planned =
            crate::plan(&federation, &session, &sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let Planned::Secure(checked) = planned else { panic!("{sql}") };
        let told = disclosures(&checked.plan, &federation, &session);
        assert!(told.iter().all(|told| !told.what.contains("age")), "{told:?}");
        let mut plan = checked.plan.clone();
        assert!(check(plan.clone(), &federation, &session).is_ok(), "{sql}");
        for node in &mut plan.nodes {
            match node {
                Node::Broadcast(broadcast) if index == 0 => {
                    broadcast
                        .values
                        .iter_mut()
                        .for_each(|value| value.gate.retain(|gate| gate.at_least != 3));
                }
                // What the owner says of its value without asking for people.
                Node::Input(input) if index == 1 && input.bound == 1 => {
                    input.plan = crate::plan(&open(), &session, &sql).map(one_row).unwrap();
                }
                _ => {}
            }
        }
        let error = check(plan, &federation, &session).expect_err(&sql);
        assert_eq!(error.class, Class::Refused, "{sql}: {error}");
    }
}

/// The same federation with nothing withheld.
fn open() -> Federation {
    let open = |text: &str| {
        text.replace("min_people = 3", "min_people = 1").replace("min_people = 2", "min_people = 1")
    };
    federation(SMALL, &[("a", &open(SMALL_A)), ("b", &open(SMALL_B))])
}

/// The local plan of the one row that is shared.
fn one_row(planned: Planned) -> datafusion::logical_expr::LogicalPlan {
    let Planned::Secure(checked) = planned else { panic!("no secure plan") };
    let input = checked.plan.nodes.iter().find_map(|node| match node {
        Node::Input(input) if input.bound == 1 => Some(input.plan.clone()),
        _ => None,
    });
    input.unwrap()
}
