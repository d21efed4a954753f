//! All orders of a join, and sums before it, give the same answers; EXPLAIN tells them apart.

use super::joins::joined;
use super::*;
use crate::explain::tree;
use crate::lower::ways::forced::every;
use crate::plan::SecurePlan;

/// A query planned in every way; what cannot be planned in one is left out.
fn plans(federation: &Federation, sql: &str) -> Vec<SecurePlan> {
    let session = Session::default();
    let bound = bind(federation, &session, sql).unwrap();
    every(|| lower(federation, &session, &bound)).into_iter().filter_map(Result::ok).collect()
}

fn explained(federation: &Federation, plan: &SecurePlan) -> String {
    tree(plan, federation, Session::default().link_speed(), true, None).join("\n")
}

/// In how many ways a query can be planned, all of which answer it like the clear.
fn ways(federation: &Federation, data: &Data, sql: &str) -> usize {
    let plans = plans(federation, sql);
    let expected = clear(federation, data, sql);
    for plan in &plans {
        same(sql, &interpret(plan, &names(federation), data), &expected, false);
    }
    plans.len()
}

const CHAIN: &str = "FROM insurer.visits v JOIN hospital.lifestyle h ON HASHED(v.patient_id) = HASHED(h.patient_id) \
                     JOIN clinic.lifestyle x ON HASHED(h.patient_id) = HASHED(x.patient_id)";
const STAR: &str = "FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id) \
                    JOIN clinic.lifestyle x ON HASHED(h.patient_id) = HASHED(x.patient_id)";

#[test]
fn every_order_of_a_join_gives_the_answer() {
    let (federation, data) = heart();
    for (select, from, group, least) in [
        ("COUNT(*), SUM(c.days), AVG(h.age), SUM(x.bmi * c.days)", STAR, "", 6),
        ("c.region, COUNT(*), SUM(h.age + x.age)", STAR, " GROUP BY c.region", 6),
        ("COUNT(*), SUM(h.age), MAX(v.minutes)", CHAIN, "", 2),
    ] {
        let sql = format!("SELECT {select} {from}{group}");
        let count = ways(&federation, &data, &sql);
        assert!(count >= least, "{sql}: {count} ways");
    }
}

#[test]
fn sums_before_a_join_give_the_answer() {
    let (federation, data) = heart();
    let join =
        "FROM insurer.visits v JOIN hospital.lifestyle h ON HASHED(v.patient_id) = HASHED(h.patient_id)";
    for sql in [
        format!("SELECT SUM(v.fee), COUNT(*), AVG(v.minutes), AVG(v.fee) {join}"),
        format!("SELECT h.sex, AVG(v.minutes), COUNT(v.minutes) {join} WHERE v.fee > 10 GROUP BY h.sex"),
        format!(
            "SELECT COUNT(v.fee) FILTER (WHERE v.minutes > 30), SUM(v.minutes) FILTER (WHERE v.fee < 0) {join}"
        ),
        format!("SELECT h.smoker, AVG(v.minutes) FILTER (WHERE v.fee > 20) {join} GROUP BY h.smoker"),
        format!("SELECT SUM(v.minutes), AVG(v.minutes) {CHAIN}"),
    ] {
        let count = ways(&federation, &data, &sql);
        let summed = plans(&federation, &sql);
        let of_sums = |plan: &&SecurePlan| {
            plan.nodes.iter().any(|node| match node {
                Node::Input(input) => input.plan.display_indent().to_string().contains("Aggregate"),
                _ => false,
            })
        };
        assert!(count >= 2 && summed.iter().filter(of_sums).count() >= 1, "{sql}: {count} ways");
    }
}

/// Whose persons are behind a number does not depend on the way.
#[test]
fn every_way_withholds_the_same() {
    let visits = "FROM a.visits v JOIN b.members m ON HASHED(v.id) = HASHED(m.id)";
    let calls = "FROM b.calls c JOIN a.people p ON HASHED(c.id) = HASHED(p.id)";
    let three = "FROM a.visits v JOIN b.members m ON HASHED(v.id) = HASHED(m.id) JOIN d.doctors t ON HASHED(m.doc) = HASHED(t.doc)";
    for least in [2, 3, 4] {
        let (federation, data) = joined(least);
        for sql in [
            format!(
                "SELECT SUM(v.cost), COUNT(*), AVG(v.cost), COUNT(v.cost) FILTER (WHERE v.cost > 45) {visits}"
            ),
            format!(
                "SELECT AVG(v.cost) FILTER (WHERE v.ward = 'y'), SUM(v.cost) FILTER (WHERE v.ward = 'x') {visits}"
            ),
            format!("SELECT COUNT(v.cost) FILTER (WHERE v.ward = 'y') {visits}"),
            format!("SELECT p.sex, COUNT(c.minutes), AVG(c.minutes) {calls} GROUP BY p.sex"),
            format!(
                "SELECT COUNT(c.minutes) FILTER (WHERE c.minutes > 2), AVG(c.minutes) {calls} WHERE c.minutes < 4"
            ),
            format!("SELECT SUM(v.cost), AVG(v.cost), COUNT(*) {three}"),
        ] {
            let shown = |plan: &SecurePlan| sorted(rows(&interpret(plan, &names(&federation), &data)));
            let plans = plans(&federation, &sql);
            let answers: Vec<_> = plans.iter().map(shown).collect();
            assert!(answers.len() >= 2, "{sql}");
            for (answer, plan) in answers.iter().zip(&plans) {
                assert_eq!(
                    *answer,
                    answers[answers.len() - 1],
                    "{least} {sql}\n{}",
                    explained(&federation, plan)
                );
            }
        }
    }
}

fn sorted(mut rows: Vec<Vec<ScalarValue>>) -> Vec<Vec<ScalarValue>> {
    rows.sort_by_key(|row| sort_key(row));
    rows
}

#[test]
fn the_cheapest_way_is_taken_and_the_others_are_shown() {
    let (federation, _) = heart();
    let sql = format!("SELECT COUNT(*), SUM(c.days), AVG(h.age) {STAR}");
    let session = Session::default();
    let bound = bind(&federation, &session, &sql).unwrap();
    let plan = lower(&federation, &session, &bound).unwrap();
    let [choice] = plan.choices.as_slice() else { panic!("{:?}", plan.choices) };
    let link = session.link_speed();
    let seconds = |way: &crate::plan::Way| way.cost.map_or(f64::INFINITY, |way| link.seconds(&way.cost));
    assert!(choice.others.len() >= 5, "{choice:?}");
    for (other, why) in &choice.others {
        assert!(seconds(other) >= seconds(&choice.taken), "{other:?} {why}");
    }
    let shown = explained(&federation, &plan);
    assert!(
        shown.contains("r0 joins by cost: ")
            && shown.contains(" [instead: ")
            && shown.contains("takes longer"),
        "{shown}"
    );
    assert!(shown.contains(" ⋈ "), "{shown}");
    // Wherever rounds are dear, the order may be another: what is compared is the link of the session.
    let plans = plans(&federation, &sql);
    let least = plans.iter().map(|plan| link.seconds(&crate::cost::cost(plan, &federation).total));
    let least = least.fold(f64::INFINITY, f64::min);
    assert!((seconds(&choice.taken) - least).abs() < 1e-12);
}
