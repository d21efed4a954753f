//! Derived tables of one owner: what it may pick, number and put together of its own rows, and who is behind the numbers.

use super::persons::{SMALL, SMALL_A, SMALL_B, small};
use super::*;
use crate::check::check;
use crate::plan::{Matching, Order};

/// Three people of `a` at least; `b` rounds its counts to fives.
fn is(sql: &str, expected: &str) {
    let (federation, data) = small();
    assert_eq!(cells(&federation, &data, sql), expected, "{sql}");
}

#[test]
fn persons_of_picked_rows_are_counted() {
    let of = |inner: &str| format!("SELECT SUM(x) FROM ({inner})");
    // The person is no column of the derived table, and counted all the same.
    is(&of("SELECT cost AS x FROM a.visits ORDER BY cost DESC LIMIT 2"), "-");
    is(&of("SELECT cost AS x FROM a.visits ORDER BY cost DESC LIMIT 4"), "220");
    is(&of("SELECT age AS x FROM a.people ORDER BY age LIMIT 2"), "-");
    is(&of("SELECT age AS x FROM a.people ORDER BY age LIMIT 4"), "180");
    is(&of("SELECT age AS x FROM a.people ORDER BY age OFFSET 4"), "-");
    // Four visits of two people are two people.
    is(&of("SELECT cost AS x FROM a.visits ORDER BY ward, cost LIMIT 4"), "-");
    let first = "SELECT id, cost AS x, ROW_NUMBER() OVER (PARTITION BY id ORDER BY cost) AS r FROM a.visits";
    is(&format!("SELECT SUM(x) FROM ({first}) WHERE r = 1"), "111");
    is(&format!("SELECT SUM(x) FROM ({first}) WHERE r = 2"), "-");
    let joined = "v JOIN b.members m ON HASHED(v.id) = HASHED(m.id)";
    is(&format!("SELECT SUM(v.x), COUNT(*) FROM ({first}) {joined} WHERE r = 1"), "105,5");
    is(&format!("SELECT SUM(v.x), COUNT(*) FROM ({first}) {joined} WHERE r = 2"), "-,-");
    is(
        &format!("SELECT SUM(v.cost) FROM (SELECT * FROM a.visits ORDER BY cost DESC LIMIT 9) {joined}"),
        "285",
    );
    is(&format!("SELECT SUM(v.cost) FROM (SELECT * FROM a.visits ORDER BY cost DESC LIMIT 2) {joined}"), "-");
}

#[test]
fn persons_of_outer_joins_are_those_of_the_side_that_is_there() {
    let of = |what: &str, join: &str| {
        format!(
            "SELECT SUM(m), COUNT(*) FROM (SELECT {what} AS m FROM a.people p {join} JOIN a.visits v ON p.id = v.id)"
        )
    };
    is(&of("v.cost", "RIGHT"), "291,10");
    is(&of("p.age", "FULL"), "380,10");
    // Two people are older than 55.
    let older = "FROM a.people p RIGHT JOIN a.visits v ON p.id = v.id AND p.age > 55";
    is(&format!("SELECT SUM(m) FROM (SELECT p.age AS m {older})"), "-");
    let older = older.replace("RIGHT", "FULL");
    is(&format!("SELECT SUM(m) FROM (SELECT v.cost AS m {older} WHERE v.ward = 'x')"), "-");
    // The person of either side.
    let both = "(SELECT COALESCE(p.id, v.id) AS id, SUM(v.cost) AS c FROM a.people p FULL JOIN a.visits v ON p.id = v.id GROUP BY COALESCE(p.id, v.id))";
    is(
        &format!("SELECT SUM(x.c), COUNT(*) FROM {both} x JOIN b.members m ON HASHED(x.id) = HASHED(m.id)"),
        "285,5",
    );
    is(
        &format!(
            "SELECT SUM(x.c), COUNT(*) FROM {both} x JOIN b.members m ON HASHED(x.id) = HASHED(m.id) WHERE x.c > 65"
        ),
        "-,-",
    );
}

#[test]
fn persons_are_in_every_grouping_set() {
    let of = |filter: &str, keys: &str| {
        format!("SELECT SUM(x) FROM (SELECT id, ward, SUM(cost) AS x FROM a.visits {filter} GROUP BY {keys})")
    };
    is(&of("", "GROUPING SETS ((id), (id, ward))"), "582");
    is(&of("", "id, ROLLUP(ward)"), "582");
    is(&of("WHERE ward = 'x'", "id, ROLLUP(ward)"), "-");
}

/// What rows say of other people's is refused, with a reason, a place and a way out; where nothing is withheld, it is not.
#[test]
fn values_of_other_people_stay_out_of_rows() {
    let (strict, data) = small();
    let open = |text: &str| {
        text.replace("min_people = 3", "min_people = 1").replace("min_people = 2", "min_people = 1")
    };
    let open = federation(SMALL, &[("a", &open(SMALL_A)), ("b", &open(SMALL_B))]);
    for sql in [
        // The running sum of the last row but one and of the last differ by one person's cost.
        "SELECT MAX(x) FROM (SELECT SUM(cost) OVER (ORDER BY cost) AS x FROM a.visits)",
        "SELECT SUM(x) FROM (SELECT LAG(cost) OVER (ORDER BY cost) AS x FROM a.visits)",
        "SELECT AVG(age - m) FROM (SELECT age, MAX(age) OVER (PARTITION BY sex) AS m FROM a.people)",
        // One person with a flag in front moves all others by one.
        "SELECT COUNT(*) FROM (SELECT RANK() OVER (ORDER BY CASE WHEN age = 70 THEN 0 ELSE 1 END) AS r FROM a.people) WHERE r = 2",
        "SELECT COUNT(*) FROM (SELECT ROW_NUMBER() OVER (ORDER BY age) AS r FROM a.people) WHERE r % 2 = 0",
        "SELECT SUM(x) FROM (SELECT id, ward, SUM(cost) AS x FROM a.visits GROUP BY ROLLUP(id, ward))",
        "SELECT SUM(x) FROM (SELECT id, ward, SUM(cost) AS x FROM a.visits GROUP BY CUBE(id, ward))",
        "SELECT COUNT(*) FROM (SELECT p.id, v.cost FROM a.people p FULL JOIN a.visits v ON p.age = v.cost)",
        "SELECT COUNT(*) FROM (SELECT p.id, v.cost FROM a.people p RIGHT JOIN a.visits v ON p.age > v.cost)",
        // The groups of a column that does not allow `group` do not leave, nor can their people be counted inside.
        "SELECT MAX(n) FROM (SELECT age, COUNT(*) AS n FROM a.people GROUP BY age)",
    ] {
        let error = secure(&strict, &data, sql).expect_err(sql);
        assert_eq!(error.class, Class::Refused, "{sql}: {error}");
        assert!(error.hint.is_some() && error.position.is_some(), "{sql}: {error:?}");
        if !sql.contains("v.cost)") {
            secure(&open, &data, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }
    // Nothing is withheld, but a use is a use: values picked of other rows are MIN and MAX, and rows' numbers no keys.
    for sql in [
        "SELECT AVG(x) FROM (SELECT FIRST_VALUE(days) OVER (ORDER BY days) AS x FROM b.members)",
        "SELECT AVG(x) FROM (SELECT LEAD(days) OVER (ORDER BY days) AS x FROM b.members)",
        "SELECT r, SUM(age) FROM (SELECT age, ROW_NUMBER() OVER (ORDER BY age) AS r FROM a.people) GROUP BY r",
        "SELECT COUNT(*) FROM (SELECT id FROM a.visits ORDER BY grade LIMIT 5)",
        "SELECT COUNT(*) FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY id ORDER BY grade) AS r FROM a.visits) WHERE r = 1",
    ] {
        for federation in [&strict, &open] {
            let error = secure(federation, &data, sql).expect_err(sql);
            assert_eq!(error.class, Class::Refused, "{sql}: {error}");
        }
    }
}

/// A condition that an owner hides in a window has outcomes that nobody else can count.
#[test]
fn conditions_in_windows_are_conditions() {
    let (federation, data) = small();
    for sql in [
        "SELECT SUM(x) FROM (SELECT SUM(CASE WHEN ward = 'x' THEN 1 ELSE 2 END) OVER (PARTITION BY id) AS x FROM a.visits)",
        "SELECT SUM(x) FROM (SELECT COUNT(*) OVER (PARTITION BY id, ward = 'x') AS x FROM a.visits)",
        "SELECT SUM(x) FROM (SELECT RANK() OVER (PARTITION BY id ORDER BY ward = 'x') AS x FROM a.visits)",
    ] {
        let error = secure(&federation, &data, sql).expect_err(sql);
        assert_eq!(error.class, Class::Refused, "{sql}: {error}");
        assert!(error.message.contains("condition"), "{sql}: {error}");
    }
    is(
        "SELECT SUM(x) FROM (SELECT SUM(cost) FILTER (WHERE ward = 'x') OVER (PARTITION BY id) AS x FROM a.visits)",
        "-",
    );
    is("SELECT SUM(x) FROM (SELECT SUM(cost) OVER (PARTITION BY id) AS x FROM a.visits)", "761");
}

/// How many rows a derived table has, and of whom, is told to no matcher; a plan that does gets no permit.
#[test]
fn identifiers_of_derived_rows_are_compared_inside() {
    let (federation, _) = small();
    let session = Session::default();
    let sql = "SELECT COUNT(*) FROM (SELECT * FROM a.visits ORDER BY cost DESC LIMIT 9) v JOIN b.members m ON HASHED(v.id) = HASHED(m.id)";
    let Planned::Secure(checked) = crate::plan(&federation, &session, sql).unwrap() else { panic!("{sql}") };
    let mut plan = checked.plan.clone();
    let mut joins = 0;
    for node in &mut plan.nodes {
        match node {
            Node::Input(input) if input.tables == ["visits"] => {
                assert!(!matches!(input.order, Order::Shuffled { .. }), "{:?}", input.order);
                assert_eq!(input.bound, 9);
            }
            Node::HashedJoin(join) => {
                assert!(matches!(join.matching, Matching::Oblivious { .. }));
                join.matching = Matching::Pseudonyms { matcher: 2 };
                joins += 1;
            }
            _ => {}
        }
    }
    assert_eq!(joins, 1);
    let error = check(plan, &federation, &session).expect_err("pseudonyms of derived rows");
    assert!(error.message.contains("not shuffled"), "{error}");
    assert!(
        crate::disclosures(&checked.plan, &federation, &session)
            .iter()
            .all(|told| !told.what.contains("match"))
    );
}
