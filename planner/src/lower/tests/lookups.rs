//! Scalar subqueries correlated by columns of an open domain: every value that is looked up is of enough people.

use super::*;
use crate::check::check as check_plan;

/// The federation of `tests/federations/heart` with numbers of fewer than three people withheld.
pub(super) fn withholding() -> (Federation, Data) {
    let (mut federation, data) = heart();
    for party in &mut federation.parties {
        party.release.min_people = 3;
    }
    (federation, data)
}

const OTHERS: &str = "FROM clinic.lifestyle x WHERE x.town = h.town";

/// What is withheld is as if the group of too few people were not there, and of a group that is not there nobody learns that.
#[test]
fn what_is_looked_up_is_of_enough_people() {
    let (federation, data) = withholding();
    let of_three =
        "(SELECT town FROM clinic.lifestyle WHERE town IS NOT NULL GROUP BY town HAVING COUNT(*) > 2)";
    let count = |from: &str| format!("SELECT COUNT(*) FROM hospital.lifestyle h WHERE {from}");
    for (asked, means) in [
        (
            format!("h.age > (SELECT AVG(x.age) {OTHERS})"),
            format!("h.age > (SELECT AVG(x.age) {OTHERS} HAVING COUNT(x.age) > 2)"),
        ),
        (
            format!("(SELECT SUM(x.age) {OTHERS}) IS NULL"),
            format!("(SELECT SUM(x.age) {OTHERS} HAVING COUNT(x.age) > 2) IS NULL"),
        ),
        (
            format!("(SELECT COUNT(*) {OTHERS}) < 1000"),
            format!("h.town IN {of_three}"),
        ),
        (
            format!("(SELECT COUNT(*) {OTHERS}) IS NULL"),
            format!("h.town IS NULL OR h.town NOT IN {of_three}"),
        ),
        (
            format!("h.exercise > 5 AND 4 < (SELECT COUNT(*) {OTHERS} AND x.sex = h.sex)"),
            format!("h.exercise > 5 AND 4 < (SELECT COUNT(*) {OTHERS} AND x.sex = h.sex)"),
        ),
        // Their own owner's.
        (
            "h.age > (SELECT AVG(x.age) FROM hospital.lifestyle x WHERE x.admitted = h.admitted AND x.sex = h.sex)".to_owned(),
            "h.age > (SELECT AVG(x.age) FROM hospital.lifestyle x WHERE x.admitted = h.admitted AND x.sex = h.sex HAVING COUNT(x.age) > 2)".to_owned(),
        ),
    ] {
        let (asked, means) = (count(&asked), count(&means));
        let means = clear(&federation, &data, &means);
        let [row] = rows(&means).try_into().unwrap_or_default();
        let [number]: [ScalarValue; 1] = row.try_into().unwrap_or_else(|_| panic!("{asked}"));
        let few = matches!(number, ScalarValue::Int64(Some(n)) if n < 3);
        let expected = if few { "-".to_owned() } else { number.to_string() };
        assert_eq!(cells(&federation, &data, &asked), expected, "{asked}");
    }
}

/// Values, counts and conditions of single people, each alone in its group or in the branch of a CASE.
#[test]
fn nothing_of_few_people_can_be_looked_up() {
    let (federation, data) = withholding();
    for few in [
        &format!("0 = (SELECT COUNT(*) {OTHERS})") as &str,
        "1 = (SELECT COUNT(*) FROM clinic.lifestyle x WHERE x.admitted = h.admitted)",
        "0 < (SELECT MAX(x.age) FROM clinic.lifestyle x WHERE x.admitted = h.admitted)",
        "0 < (SELECT MAX(x.age) FROM hospital.lifestyle x WHERE x.weight = h.weight)",
        &format!("0 < (SELECT MAX(x.age) FILTER (WHERE x.age = 40) {OTHERS})"),
        &format!("0 < (SELECT SUM(CASE WHEN x.age = 40 THEN x.age ELSE 0 END) {OTHERS})"),
        &format!("0 < (SELECT SUM(x.age) {OTHERS} AND x.age = 40)"),
    ] {
        let sql = format!("SELECT COUNT(*) FROM hospital.lifestyle h WHERE {few}");
        assert_eq!(cells(&federation, &data, &sql), "-", "{sql}");
        let shown = clear(&federation, &data, &sql);
        let shown = rows(&shown);
        assert!(
            matches!(shown.as_slice(), [row] if row != &[ScalarValue::Int64(Some(0))]),
            "{sql}: {shown:?}"
        );
    }
}

#[test]
fn rows_that_are_looked_up_are_refused() {
    let (federation, data) = withholding();
    for (sql, hint) in [
        (
            "SELECT COUNT(*) FROM hospital.lifestyle h WHERE EXISTS (SELECT 1 FROM clinic.lifestyle x WHERE x.town = h.town)",
            "Compare a number of rows",
        ),
        (
            "SELECT COUNT(*) FROM hospital.lifestyle h WHERE NOT EXISTS (SELECT 1 FROM hospital.lifestyle x WHERE x.town = h.town AND x.age > 80)",
            "Compare a number of rows",
        ),
        (
            "SELECT COUNT(*) FROM hospital.lifestyle h JOIN (SELECT town, AVG(age) AS a FROM clinic.lifestyle GROUP BY town) x ON x.town = h.town WHERE h.age > x.a",
            "keep the column that says whose record a row is",
        ),
        (
            "SELECT SUM(h.age - (SELECT AVG(x.age) FROM clinic.lifestyle x WHERE x.town = h.town)) FROM hospital.lifestyle h",
            "Select the inner aggregate",
        ),
        (
            "SELECT SUM(d) FROM (SELECT h.age - (SELECT AVG(x.age) FROM hospital.lifestyle x WHERE x.town = h.town) AS d FROM hospital.lifestyle h)",
            "Select the inner aggregate",
        ),
    ] {
        let error = secure(&federation, &data, sql).expect_err(sql);
        assert_eq!(error.class, Class::Refused, "{sql}: {error}");
        assert!(error.hint.unwrap_or_default().contains(hint), "{sql}");
    }
    for sql in [
        "SELECT COUNT(*) FROM hospital.lifestyle h WHERE h.age > (SELECT AVG(x.age) FROM clinic.lifestyle x WHERE x.town > h.town)",
        "SELECT COUNT(*) FROM hospital.lifestyle h WHERE h.age > (SELECT AVG(c.days) FROM clinic.lifestyle x JOIN insurer.claims c ON HASHED(x.patient_id) = HASHED(c.patient_id) WHERE x.town = h.town)",
    ] {
        let error = secure(&federation, &data, sql).expect_err(sql);
        assert_eq!(error.class, Class::Invalid, "{sql}: {error}");
        assert!(
            error.message.contains("depends on columns around it") && error.hint.is_some(),
            "{sql}: {error}"
        );
    }
}

/// A plan whose groups are looked up as they are gets no permit where few people are withheld.
#[test]
fn groups_without_their_gate_get_no_permit() {
    let (open, _) = heart();
    let (federation, _) = withholding();
    let session = Session::default();
    let sql = format!("SELECT COUNT(*) FROM hospital.lifestyle h WHERE h.age > (SELECT AVG(x.age) {OTHERS})");
    let plan = |federation: &Federation| match crate::plan(federation, &session, &sql) {
        Ok(Planned::Secure(checked)) => checked.plan.clone(),
        other => panic!("{other:?}"),
    };
    let mut gated = plan(&federation);
    assert!(check_plan(gated.clone(), &federation, &session).is_ok());
    let found = |node: &Node| match node {
        Node::Input(input) if input.tables == ["lifestyle"] && input.owner.0 == clinic(&federation) => {
            Some(input.plan.clone())
        }
        _ => None,
    };
    let bare = plan(&open).nodes.iter().find_map(found).unwrap();
    for node in &mut gated.nodes {
        if found(node).is_some()
            && let Node::Input(input) = node
        {
            input.plan = bare.clone();
        }
    }
    let error = check_plan(gated, &federation, &session).expect_err(&sql);
    assert_eq!(error.class, Class::Refused, "{error}");
}

fn clinic(federation: &Federation) -> usize {
    federation.parties.iter().position(|party| party.name == "clinic").unwrap()
}

/// The engine runs no correlated subquery in an aggregate: here it is that of a column of a derived table.
#[test]
fn subqueries_in_aggregates_are_columns_below_them() {
    let (federation, data) = heart();
    for (value, by) in [
        (format!("(SELECT COUNT(*) {OTHERS})"), ""),
        (format!("h.age - (SELECT MIN(x.age) {OTHERS})"), "h.sex"),
        ("h.age - (SELECT MIN(x.age) FROM hospital.lifestyle x WHERE x.town = h.town)".to_owned(), "h.sex"),
    ] {
        let keys = if by.is_empty() { String::new() } else { format!("{by}, ") };
        let group = if by.is_empty() { String::new() } else { format!(" GROUP BY {by}") };
        let inside =
            format!("SELECT {keys}SUM({value}) AS s, COUNT(*) AS n FROM hospital.lifestyle h{group}");
        let below = format!(
            "SELECT {keys}SUM(d) AS s, COUNT(*) AS n FROM (SELECT h.sex, {value} AS d FROM hospital.lifestyle h) h{group}"
        );
        let found = secure(&federation, &data, &inside).unwrap_or_else(|error| panic!("{inside}: {error}"));
        same(&inside, &found, &clear(&federation, &data, &below), false);
    }
}
